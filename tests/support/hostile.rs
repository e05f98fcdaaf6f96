//! What must hold of any input whatever: shared by the fuzz targets (`tests/fuzz/`) and by the test that
//! replays what they found.

use std::fs;
use std::path::Path;
use std::time::Duration;

use liftsweep::allocate::{
    BoundMode, Bounds, CommonBounds, CommonScratch, Scratch, blend, impose, project_returns,
};
use liftsweep::config::{self, Overrides, Parsed};
use liftsweep::engine::{self, ConfigurationRow, Contest, Keeper, Options, Unobserved, exact};
use liftsweep::init::{Wanted, starter_from};
use liftsweep::output::FinishedRun;
use liftsweep::problem::{Error, Problems};
use liftsweep::score::{Score, centred_log_scores, target_shares};
use liftsweep::store::{Checkpoint, Identity, ShardFile};
use liftsweep::{ingest, scenario::Scenario};

/// What stands between a scenario and its table in an input of [`check`].
const TABLE: &[u8] = b"\n%%%%\n";

/// A scenario file: read, or refused with places and remedies.
pub(crate) fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = parse(text);
    told(&parsed.problems);
    assert_eq!(
        parsed.draft.is_some(),
        parsed.problems.is_empty(),
        "a draft if and only if nothing is wrong"
    );
}

/// A table, read with the first byte's choice of columns and of how it is written.
pub(crate) fn table(bytes: &[u8]) {
    const DATA: [&str; 4] = [
        "granularity = \"channel\"",
        "granularity = \"row\"\ndate = \"date\"",
        "clicks = \"clicks\"\nvalue = \"value\"\ntrue_rate = \"rate\"",
        "channel = [\"channel\", \"date\"]",
    ];
    const DIALECTS: [&str; 8] = [
        "",
        "delimiter = \";\"\ndecimal = \",\"\nthousands = \".\"\ncurrency = \"EUR\"\ndate_order = \"dmy\"",
        "delimiter = \"\\t\"\nencoding = \"utf-16le\"\nskip_lines = 2",
        "thousands = \",\"\ncurrency = \"$\"\nmissing = [\"\", \"--\"]\nexclude = [\"Total\"]\ndate_order = \"mdy\"",
        "encoding = \"windows-1252\"\ndecimal = \",\"\nthousands = \" \"\nskip_lines = 1",
        "delimiter = \"|\"\nencoding = \"shift_jis\"\nthousands = \"'\"\ndate_order = \"ymd\"",
        "encoding = \"utf-16be\"\nmissing = [\"-\"]\nexclude = [\"\"]",
        "encoding = \"gb18030\"\nthousands = \"_\"\ncurrency = \"\u{e9}\"",
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let dialect = DIALECTS[usize::from(*choice) / DATA.len() % DIALECTS.len()];
    let more = DATA[usize::from(*choice) % DATA.len()];
    let own = more.starts_with("channel");
    let channel = if own { "" } else { "channel = \"channel\"\n" };
    let text = format!(
        "[data]\npath = \"t.csv\"\n{channel}spend = \"spend\"\nconversions = \"conversions\"\n{more}\n{dialect}\n"
    );
    let spec = parse(&text).table.expect("an intact [data]");
    match ingest::read_from(&spec, bytes) {
        Ok(table) => {
            let campaigns = table.campaigns;
            assert!(campaigns.len() > 0 && campaigns.total_spend() > 0.0);
            assert!(campaigns.total_spend().is_finite());
            let total: f64 = campaigns.shares().iter().sum();
            assert!((total - 1.0).abs() < 1e-9, "shares sum to {total}");
        }
        Err(error) => refused(&error),
    }
}

/// A table that `init` is shown: a scenario for it that is read without a problem, or a refusal. What reads
/// the table by that scenario may refuse it still.
pub(crate) fn init(bytes: &[u8]) {
    let path = Path::new("t.csv");
    let starter = match starter_from(bytes, path, "t.csv", "run", &Wanted::default()) {
        Ok(starter) => starter,
        Err(error) => return refused(&error),
    };
    let parsed = parse(&starter.text);
    assert!(
        parsed.problems.is_empty(),
        "{}\n{}",
        parsed.problems,
        starter.text
    );
    let spec = parsed.table.expect("an intact [data]");
    if let Err(error) = ingest::read_from(&spec, bytes) {
        refused(&error);
    }
}

/// What lies on disk between two commands, by the first byte: a manifest, a table of a run, a shard, a
/// checkpoint, and rows as bytes. Whoever changes them is told, or believed.
pub(crate) fn stored(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    if kind % 5 == 4 {
        let _ = exact::read_all::<ConfigurationRow>(bytes);
        let _ = exact::read::<Contest>(bytes);
        return;
    }
    thread_local! {
        static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder for files");
    }
    FOLDER.with(|folder| stored_in(folder.path(), *kind, bytes));
}

fn stored_in(folder: &Path, kind: u8, bytes: &[u8]) {
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).expect("a file of a few bytes");
    };
    match kind % 5 {
        0 => {
            write("manifest.json", bytes);
            match FinishedRun::open(folder) {
                Ok(run) => {
                    let _ = liftsweep::gate::recorded(&run);
                    let _ = liftsweep::gate::recorded_axes(&run);
                    let _ = run.verify();
                }
                Err(error) => refused(&error),
            }
        }
        1 => {
            write("configurations.csv", bytes);
            write("manifest.json", manifest(bytes.len()).as_bytes());
            let run = FinishedRun::open(folder).expect("an intact manifest");
            match run.table("configurations.csv", None) {
                Ok(table) => {
                    for (_, values) in table.columns() {
                        for row in 0..table.rows() {
                            let _ = (values.number(row), values.text(row));
                        }
                    }
                }
                Err(error) => refused(&error),
            }
        }
        2 => {
            write("shard", bytes);
            if let Err(error) = ShardFile::open(&folder.join("shard")) {
                refused(&error);
            }
        }
        _ => {
            write("about.json", bytes);
            write("rows-0-1", bytes);
            let own = Identity {
                version: "1".into(),
                commit: None,
                platform: String::new(),
                settings: std::collections::BTreeMap::new(),
                data_sha256: String::new(),
            };
            let clock = || Duration::ZERO;
            match Checkpoint::open(folder, own, Path::new("s.toml"), None, &clock) {
                Ok((checkpoint, _)) => {
                    for piece in checkpoint.kept() {
                        let _ = checkpoint.read(piece);
                    }
                }
                Err(error) => refused(&error),
            }
        }
    }
}

/// A manifest that lists one table of this length, with a column of each kind.
fn manifest(length: usize) -> String {
    let column = |name: &str, kind: &str| {
        format!("{{\"name\": \"{name}\", \"type\": \"{kind}\", \"unit\": \"\", \"meaning\": \"\"}}")
    };
    let columns = [
        column("n", "number"),
        column("b", "bool"),
        column("t", "name"),
    ];
    format!(
        "{{\"program\": \"liftsweep\", \"format\": 1, \"version\": \"1\", \"scenario\": {{}}, \"seed\": 1, \
         \"replicates\": 1, \"degenerate_replicates\": 0, \"configurations\": 1, \"inputs\": [], \
         \"outputs\": [{{\"name\": \"configurations.csv\", \"bytes\": {length}, \"sha256\": \"\"}}], \
         \"columns\": {{\"configurations\": [{}]}}}}",
        columns.join(", ")
    )
}

/// A scenario and its table: all that `liftsweep check` says of them before it times anything.
pub(crate) fn check(bytes: &[u8]) {
    let at = bytes.windows(TABLE.len()).position(|part| part == TABLE);
    let Some(at) = at else { return };
    let Ok(text) = std::str::from_utf8(&bytes[..at]) else {
        return;
    };
    let parsed = parse(text);
    let (Some(draft), Some(spec)) = (parsed.draft, parsed.table) else {
        return;
    };
    let table = match ingest::read_from(&spec, &bytes[at + TABLE.len()..]) {
        Ok(table) => table,
        Err(error) => return refused(&error),
    };
    let scenario = match draft.resolve(table.campaigns) {
        Ok(scenario) => scenario,
        Err(problems) => return told(&problems),
    };
    if let Err(error) = engine::refuse_size(&scenario, Options::default()) {
        return refused(&error);
    }
    if is_small(&scenario) {
        match engine::findings(&scenario, &Unobserved) {
            Ok(findings) => assert!(findings.iter().all(|finding| !finding.text.is_empty())),
            Err(error) => refused(&error),
        }
    }
}

/// What is quick enough to be tried thousands of times.
fn is_small(scenario: &Scenario) -> bool {
    scenario.grid.len() <= 200 && scenario.campaigns.len() <= 200
}

/// Scores, powers, blends and bounds made of arbitrary bytes: shares stay shares.
pub(crate) fn allocation(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let n = 1 + usize::from(bytes.next() % 12);
    let numbers = |bytes: &mut Bytes<'_>| (0..n).map(|_| bytes.number()).collect::<Vec<f64>>();
    let (spend, metric) = (numbers(&mut bytes), numbers(&mut bytes));
    let total: f64 = spend.iter().sum();
    if !(total > 0.0 && total.is_finite()) {
        return;
    }
    let shares: Vec<f64> = spend.iter().map(|spend| spend / total).collect();
    let logs = |x: &[f64]| x.iter().map(|x| x.ln()).collect::<Vec<f64>>();
    let (mut log_spend, log_shares) = (logs(&spend), logs(&shares));
    for (log_spend, share) in log_spend.iter_mut().zip(&shares) {
        if *share == 0.0 {
            *log_spend = f64::NEG_INFINITY;
        }
    }
    let score = [Score::Share, Score::Efficiency, Score::Tilted][usize::from(bytes.next() % 3)];
    let (alpha, delta) = (f64::from(bytes.next()) / 255.0, bytes.number().min(1e6));

    let (mut centred, mut target, mut weights) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    if centred_log_scores(score, &metric, &log_spend, &mut centred) {
        target_shares(score, delta, &centred, &log_shares, &mut target);
    } else {
        target.copy_from_slice(&shares);
    }
    is_allocation(&target, "target shares");
    blend(alpha, &shares, &target, &mut weights);
    is_allocation(&weights, "blended weights");

    let (mut lo, mut hi) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (a, b) = (bytes.fraction(), bytes.fraction());
        lo.push(a.min(b));
        hi.push(a.max(b));
    }
    let common = (lo[0], hi[0]);
    sums_to_one(&weights, common);
    let bounds = Bounds::new(lo, hi).expect("ordered fractions");
    let mut scratch = Scratch::default();
    for mode in BoundMode::ALL {
        let mut x = vec![f64::NAN; n];
        let _ = impose(mode, &bounds, &weights, &mut scratch, &mut x);
        if !mode.is_exact() {
            // Bounds that leave no share at all are refused with the scenario.
            if bounds.sum_hi() > 0.0 {
                is_allocation(&x, "clipped shares");
            }
        } else if bounds.is_feasible() {
            is_allocation(&x, mode.name());
            let violation = bounds.violation(&x);
            assert!(violation <= 1e-12, "{}: {violation} outside", mode.name());
        }
    }
}

/// The projection onto common bounds, which never makes its shares: at a rate of 1, they bring 1.
fn sums_to_one(weights: &[f64], (lo, hi): (f64, f64)) {
    let n = weights.len();
    if !Bounds::new(vec![lo; n], vec![hi; n]).is_ok_and(|bounds| bounds.is_feasible()) {
        return;
    }
    let (bounds, rates) = (CommonBounds::new(&[(lo, hi)], 1.0), vec![1.0; n]);
    project_returns(
        &bounds,
        weights,
        &[&rates],
        &mut CommonScratch::default(),
        |_, [sum, _]| {
            assert!(
                (sum - 1.0).abs() < 1e-9,
                "within {lo} and {hi}, {weights:?} bring {sum}"
            );
        },
    );
}

#[track_caller]
fn is_allocation(x: &[f64], what: &str) {
    assert!(
        x.iter().all(|x| (0.0..=1.0 + 1e-12).contains(x)),
        "{what}: {x:?}"
    );
    let total: f64 = x.iter().sum();
    assert!((total - 1.0).abs() < 1e-9, "{what} sum to {total}: {x:?}");
}

fn parse(text: &str) -> Parsed {
    config::parse(Path::new("s.toml"), text, &Overrides::default())
}

/// Input is refused for the user's reasons alone.
#[track_caller]
fn refused(error: &Error) {
    match error {
        Error::Input(problems) => told(problems),
        other => panic!("blames the machine: {other}"),
    }
}

/// Every problem says what to do, and no control character of the input reaches the terminal.
#[track_caller]
fn told(problems: &Problems) {
    for problem in problems {
        assert!(
            !problem.message.is_empty() && !problem.remedy.is_empty(),
            "{problem}"
        );
        let text = problem.to_string();
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(control), "control characters in {text:?}");
    }
}

/// Bytes as choices; zeros where they end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A non-negative finite number: often an ordinary one, sometimes any.
    fn number(&mut self) -> f64 {
        match self.next() {
            0 => 0.0,
            1 => 5e-324,
            2 => 1e300,
            3 => {
                let bits: [u8; 8] = std::array::from_fn(|_| self.next());
                let any = f64::from_le_bytes(bits).abs();
                if any.is_finite() { any } else { 1.0 }
            }
            other => f64::from(other) * 10_f64.powi(i32::from(self.next() % 16) - 8),
        }
    }

    /// A number in [0, 1].
    fn fraction(&mut self) -> f64 {
        match self.next() {
            0 => 0.0,
            1 => 1.0,
            2 => 1e-12,
            3 => self.number().min(1.0),
            other => f64::from(other) / 255.0,
        }
    }
}
