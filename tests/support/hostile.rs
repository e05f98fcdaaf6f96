//! What must hold of any input whatever: shared by the fuzz targets (`tests/fuzz/`) and by the test that
//! replays what they found.

use std::path::Path;

use liftsweep::allocate::{
    BoundMode, Bounds, CommonBounds, CommonScratch, Scratch, blend, impose, project_returns,
};
use liftsweep::config::{self, Overrides, Parsed};
use liftsweep::engine::{self, Options, Unobserved};
use liftsweep::problem::{Error, Problems};
use liftsweep::score::{Score, centred_log_scores, target_shares};
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

/// A table, read with the first byte's choice of columns.
pub(crate) fn table(bytes: &[u8]) {
    const DATA: [&str; 4] = [
        "granularity = \"channel\"",
        "granularity = \"row\"\ndate = \"date\"",
        "clicks = \"clicks\"\nvalue = \"value\"\ntrue_rate = \"rate\"",
        "channel = [\"channel\", \"date\"]",
    ];
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let more = DATA[usize::from(*choice) % DATA.len()];
    let own = more.starts_with("channel");
    let channel = if own { "" } else { "channel = \"channel\"\n" };
    let text = format!(
        "[data]\npath = \"t.csv\"\n{channel}spend = \"spend\"\nconversions = \"conversions\"\n{more}\n"
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
