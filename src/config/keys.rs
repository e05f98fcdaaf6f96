//! Every key of the scenario file, for editors and for [`schema`](super::schema()): where it stands,
//! what it takes, what it is for. What a key takes is stated by the very constants that the parser
//! reads it with; tests hold the list itself to the keys that the parser asks for.

use super::entry::{Domain, Names};
use super::{data, design, gate, grid, periods, response, settings, split, world};

/// One key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// `grid.alpha`; `*` stands for a name that the user chose.
    pub(super) path: &'static str,
    pub(super) takes: Takes,
    /// What it is for, in a sentence, with its default.
    pub(super) about: &'static str,
    /// Whether its table must have it.
    pub(super) required: bool,
}

/// What a key takes.
#[derive(Debug, Clone)]
pub(super) enum Takes {
    /// Further keys.
    Table,
    /// A list of tables.
    Tables,
    /// Tables under names that the user chose.
    Named,
    /// Axes with the values that count.
    Filters,
    /// Any text that is not empty.
    Text,
    /// Any text.
    Label,
    /// A text of plain characters.
    Plain,
    /// One or several texts that are not empty, or that may be.
    Texts { may_be_empty: bool },
    /// True or false.
    Boolean,
    /// A whole number between two others.
    Whole(i128, i128),
    /// One number.
    Number(Domain),
    /// One number, or one of several names.
    NumberOr(Domain, &'static [&'static str]),
    /// One or several different numbers, or a range of them.
    Numbers(Domain),
    /// An axis of numbers: a number, a list of them or a range.
    Axis(Domain),
    /// As an axis of numbers, with names among its values.
    AxisOr(Domain, &'static [&'static str]),
    /// One of several names.
    Name(Vec<&'static str>),
    /// An axis of names: one of them, or a list.
    NameAxis(Vec<&'static str>),
    /// One or several different names.
    NameSet(Vec<&'static str>),
}

impl Key {
    /// The header of a table, such as `[grid.channel."*"]`.
    pub(super) fn header(&self) -> Option<String> {
        let path = self.path.replace(".*", ".\"*\"");
        match self.takes {
            Takes::Table => Some(format!("[{path}]\n")),
            Takes::Tables => Some(format!("[[{path}]]\n")),
            _ => None,
        }
    }
}

impl<T: Copy> Names<T> {
    /// The names themselves.
    pub(super) fn all(&self) -> Vec<&'static str> {
        self.known.iter().map(|known| (self.name)(*known)).collect()
    }
}

fn key(path: &'static str, takes: Takes, about: &'static str) -> Key {
    Key {
        path,
        takes,
        about,
        required: false,
    }
}

fn required(path: &'static str, takes: Takes, about: &'static str) -> Key {
    Key {
        required: true,
        ..key(path, takes, about)
    }
}

/// The table that has a key of this name, if one alone has.
pub(super) fn table_of(name: &str) -> Option<&'static str> {
    let mut tables = keys()
        .into_iter()
        .filter_map(|key| key.path.rsplit_once('.'))
        .filter(|(table, key)| *key == name && !table.contains('*'));
    let (table, _) = tables.next()?;
    tables.next().is_none().then_some(table)
}

/// Whether a key of this name stands above all tables.
pub(super) fn is_at_top(name: &str) -> bool {
    let holds_keys = |takes: &Takes| matches!(takes, Takes::Table | Takes::Tables | Takes::Named);
    keys()
        .iter()
        .any(|key| key.path == name && !holds_keys(&key.takes))
}

/// All keys; a table stands before its keys.
pub(super) fn keys() -> Vec<Key> {
    let mut keys = vec![
        key(
            "name",
            Takes::Plain,
            "Names the run and its folder below results/. Default: the name of the scenario file.",
        ),
        key(
            "seed",
            Takes::Whole(0, settings::LARGEST_SEED.into()),
            "Decides every draw: the same seed, scenario and data give the same bytes. Default: 0.",
        ),
    ];
    keys.extend(data_keys());
    keys.extend(grid_keys());
    keys.extend(design_keys());
    keys.extend(world_keys());
    keys.extend(response_keys());
    keys.extend(setting_keys());
    keys.extend(output_keys());
    keys
}

fn data_keys() -> Vec<Key> {
    vec![
        required(
            "data",
            Takes::Table,
            "The table: where it lies and what its columns are called.",
        ),
        required(
            "data.path",
            Takes::Text,
            "The CSV file, relative to this scenario file.",
        ),
        required(
            "data.channel",
            Takes::Texts {
                may_be_empty: false,
            },
            "The column that names the channel, or a list of columns that are joined by \" / \".",
        ),
        required("data.spend", Takes::Text, "The column of money spent."),
        required(
            "data.conversions",
            Takes::Text,
            "The column of conversions.",
        ),
        key(
            "data.clicks",
            Takes::Text,
            "The column of clicks, for noise = \"binomial\".",
        ),
        key(
            "data.value",
            Takes::Text,
            "The column of value per conversion: lifts are then relative gains in value.",
        ),
        key(
            "data.date",
            Takes::Text,
            "The column of dates (ISO 8601), for tables of rows.",
        ),
        key(
            "data.true_rate",
            Takes::Text,
            "The column of true conversions per unit of spend, for truth = \"fixed\".",
        ),
        key(
            "data.encoding",
            Takes::Label,
            "How the file's text is encoded, such as \"windows-1252\". A byte order mark wins. Default: \"utf-8\".",
        ),
        key(
            "data.delimiter",
            Takes::Name(data::DELIMITER.all()),
            "What stands between cells. Default: \",\".",
        ),
        key(
            "data.skip_lines",
            Takes::Whole(0, data::MOST_SKIPPED),
            "Lines above the header: titles, dates of the export. Default: 0.",
        ),
        key(
            "data.decimal",
            Takes::Name(data::DECIMAL.all()),
            "What stands before decimals. Default: \".\".",
        ),
        key(
            "data.thousands",
            Takes::Name(data::THOUSANDS.all()),
            "What stands between groups of three digits, \" \" for a blank of any width. Default: nothing.",
        ),
        key(
            "data.currency",
            Takes::Text,
            "A sign or code that may stand before or behind numbers, such as \"$\" or \"EUR\". Default: nothing.",
        ),
        key(
            "data.missing",
            Takes::Texts { may_be_empty: true },
            "Texts that stand for 0 in columns of spend, conversions and clicks, such as [\"\", \"--\"]. Default: none.",
        ),
        key(
            "data.exclude",
            Takes::Texts { may_be_empty: true },
            "Lines to leave out, by what stands in a column of the channel: totals, channels without spend. Default: none.",
        ),
        key(
            "data.date_order",
            Takes::Name(data::DATE_ORDER.all()),
            "Order of day, month and year in dates. Default: \"iso\", 2024-01-18.",
        ),
        key(
            "data.granularity",
            Takes::Name(data::GRANULARITY.all()),
            "What a line stands for: \"channel\", or \"row\", one of many (ads, days) that are summed and may be resampled. Default: \"channel\".",
        ),
    ]
}

fn grid_keys() -> Vec<Key> {
    vec![
        key("budget", Takes::Table, "The money to allocate."),
        key(
            "budget.total",
            Takes::Number(settings::BUDGET),
            "The budget. Default: the total spend of the table.",
        ),
        required(
            "grid",
            Takes::Table,
            "The axes of the rule. Every combination of their values is a rule.",
        ),
        key(
            "grid.score",
            Takes::NameAxis(grid::SCORE.all()),
            "How channels are scored: share (of conversions), efficiency (conversions per unit of spend), tilted (today's share times efficiency). Default: \"share\".",
        ),
        key(
            "grid.rates",
            Takes::NameAxis(grid::RATES.all()),
            "Which rates the rule looks at: as observed, or shrunken towards each other. Default: \"raw\".",
        ),
        key(
            "grid.alpha",
            Takes::Axis(grid::ALPHA),
            "How far the mix moves towards the score: 0 is today's mix, 1 the score's.",
        ),
        key(
            "grid.delta",
            Takes::Axis(grid::DELTA),
            "How aggressively: the score is raised to this power. Default: 1.",
        ),
        key(
            "grid.min_share",
            Takes::Axis(grid::MIN_SHARE),
            "Lower bound of every share of the budget. Default: 0.",
        ),
        key(
            "grid.max_share",
            Takes::Axis(grid::MAX_SHARE),
            "Upper bound of every share of the budget. Default: 1.",
        ),
        key(
            "grid.max_change",
            Takes::Axis(grid::MAX_CHANGE),
            "Shares stay within (1 - x) to (1 + x) times today's. In place of min_ratio and max_ratio.",
        ),
        key(
            "grid.min_ratio",
            Takes::Axis(grid::MIN_RATIO),
            "Lower bound of every share, as a multiple of today's.",
        ),
        key(
            "grid.max_ratio",
            Takes::Axis(grid::MAX_RATIO),
            "Upper bound of every share, as a multiple of today's.",
        ),
        key(
            "grid.bound_mode",
            Takes::NameAxis(grid::BOUND_MODE.all()),
            "How bounds are imposed: project (exact, in proportion), clip (and renormalise: may leave them), euclidean (exact, nearest). Default: \"project\".",
        ),
        key(
            "grid.channel",
            Takes::Named,
            "Bounds of single channels, in place of the common ones: [grid.channel.\"TikTok\"].",
        ),
        key("grid.channel.*", Takes::Table, "This channel's own bounds."),
        key(
            "grid.channel.*.min_share",
            Takes::Number(grid::OWN_SHARE),
            "Lower bound of this channel's share.",
        ),
        key(
            "grid.channel.*.max_share",
            Takes::Number(grid::OWN_SHARE),
            "Upper bound of this channel's share.",
        ),
        key(
            "grid.channel.*.min_ratio",
            Takes::Number(grid::OWN_RATIO),
            "Lower bound of this channel's share, as a multiple of today's.",
        ),
        key(
            "grid.channel.*.max_ratio",
            Takes::Number(grid::OWN_RATIO),
            "Upper bound of this channel's share, as a multiple of today's.",
        ),
        key(
            "grid.channel.*.locked",
            Takes::Boolean,
            "Whether this channel keeps today's share. Default: false.",
        ),
    ]
}

fn design_keys() -> Vec<Key> {
    vec![
        key(
            "design",
            Takes::Table,
            "Points that fill the ranges without a step, in place of the product of all axes.",
        ),
        key(
            "design.sampler",
            Takes::Name(design::SAMPLER.all()),
            "How points are spread: scrambled Sobol' points, or a Latin hypercube. Default: \"sobol\".",
        ),
        key(
            "design.points",
            Takes::Whole(design::POINTS.0, design::POINTS.1),
            "Points, a power of 2 for Sobol'; with indices, rows of axes + 2 configurations. Default: 1024.",
        ),
        key(
            "design.indices",
            Takes::Boolean,
            "Whether sensitivity indices are estimated, which fills every axis with several values. If not, each point is a rule in every listed world. Default: true.",
        ),
    ]
}

fn world_keys() -> Vec<Key> {
    vec![
        key("world", Takes::Table, "How noisy worlds are drawn."),
        key(
            "world.truth",
            Takes::Name(world::TRUTH.all()),
            "What plays the truth of a replicate: rates that fit the table (posterior: channels resemble each other, posterior_flat: they do not), the table itself (observed), or known rates (fixed). Default: \"posterior\".",
        ),
        key(
            "world.noise",
            Takes::Name(world::NOISE.all()),
            "How a sample is drawn from the truth. Default: poisson where every dispersion is 1, neg_binomial above, gamma where one is below 1.",
        ),
        key(
            "world.intraclass_correlation",
            Takes::Number(world::CORRELATION),
            "Correlation between the clicks of a channel, for noise = \"beta_binomial\".",
        ),
        key(
            "world.block_method",
            Takes::Name(world::BLOCK_METHOD.all()),
            "How blocks of dates are drawn, for noise = \"block\".",
        ),
        key(
            "world.block_length",
            Takes::NumberOr(world::BLOCK_LENGTH, &["auto"]),
            "How many dates a block has, for noise = \"block\". Default: \"auto\".",
        ),
        key(
            "world.split",
            Takes::Name(split::WAYS.all()),
            "Which rows plan and which judge, for truth = \"split\". Default: \"out_of_bag\".",
        ),
        key(
            "world.folds",
            Takes::Whole(2, split::MOST),
            "How many folds the rows of a channel are dealt into, for split = \"folds\". Default: 10.",
        ),
        key(
            "world.min_held_out",
            Takes::Whole(1, split::MOST),
            "Fewest rows with spend of every channel that a judge needs, for truth = \"split\". Default: 2.",
        ),
        key(
            "world.split_date",
            Takes::Text,
            "The first day that judges, for split = \"time\". Default: the last third of the days judges.",
        ),
        key(
            "world.prior_mean",
            Takes::Name(world::PRIOR_MEAN.all()),
            "Whether rates are alike a priori (common), or vary with spend (log_spend). Default: \"common\".",
        ),
        key(
            "world.dispersion",
            Takes::AxisOr(world::DISPERSION, &["rows"]),
            "Axis: variance of conversions over that of Poisson counts, or \"rows\" to estimate it from the rows. Default: 1, or \"rows\" for granularity = \"row\".",
        ),
        key(
            "world.noise_cv",
            Takes::Axis(world::CV),
            "Axis: coefficient of variation of shocks that do not average out. Default: 0.",
        ),
        key(
            "world.drift_cv",
            Takes::Axis(world::CV),
            "Axis: coefficient of variation of the truth's change after the plan was made. Default: 0.",
        ),
        key(
            "world.periods",
            Takes::Whole(1, periods::MOST),
            "Periods that the rule is followed for, reallocating in each on what the last one brought. Default: 1.",
        ),
        key(
            "world.drift_persistence",
            Takes::Number(periods::PERSISTENCE),
            "How much of the truth's drift stays from period to period: 1 is a random walk, 0 a fresh shock in every period. Default: 1.",
        ),
    ]
}

fn response_keys() -> Vec<Key> {
    vec![
        key(
            "world.response",
            Takes::Name(response::RESPONSE.all()),
            "How conversions respond to spend. Default: power where elasticity or beta is given, else linear.",
        ),
        key(
            "world.elasticity",
            Takes::Axis(response::ELASTICITY),
            "Axis: what 1 % more spend brings at today's spend, in % of conversions; 1 is linear. Default: 1.",
        ),
        key(
            "world.beta",
            Takes::Number(response::EXPONENT),
            "The exponent of a power curve, in place of elasticity.",
        ),
        key(
            "world.kappa",
            Takes::Number(response::KAPPA),
            "The half-saturation of a hill curve, in multiples of today's spend, in place of elasticity.",
        ),
        key(
            "world.h",
            Takes::Number(response::SLOPE),
            "The slope of a hill curve: 1 saturates, more is S-shaped. Default: 1.",
        ),
        key(
            "world.rho",
            Takes::Number(response::RHO),
            "The rate of saturation of an exponential curve, per today's spend, in place of elasticity.",
        ),
        key(
            "world.eta",
            Takes::Number(response::RISE),
            "Exponent of the cost per click in spend, for cpc_inflation.",
        ),
        key(
            "world.xi",
            Takes::Number(response::RISE),
            "Exponent of the loss of conversion rate in spend, for cpc_inflation.",
        ),
        key(
            "world.channel",
            Takes::Named,
            "Response curves of single channels, in place of the common one: [world.channel.\"TikTok\"].",
        ),
        key("world.channel.*", Takes::Table, "This channel's own curve."),
        key(
            "world.channel.*.elasticity",
            Takes::Number(response::EXPONENT),
            "This channel's elasticity, in place of the axis.",
        ),
        key(
            "world.channel.*.beta",
            Takes::Number(response::EXPONENT),
            "The exponent of this channel's power curve.",
        ),
        key(
            "world.channel.*.kappa",
            Takes::Number(response::KAPPA),
            "The half-saturation of this channel's hill curve, in multiples of today's spend.",
        ),
        key(
            "world.channel.*.h",
            Takes::Number(response::SLOPE),
            "The slope of this channel's hill curve.",
        ),
        key(
            "world.channel.*.rho",
            Takes::Number(response::RHO),
            "The rate of saturation of this channel's exponential curve.",
        ),
        key(
            "world.channel.*.eta",
            Takes::Number(response::RISE),
            "Exponent of this channel's cost per click in spend.",
        ),
        key(
            "world.channel.*.xi",
            Takes::Number(response::RISE),
            "Exponent of this channel's loss of conversion rate in spend.",
        ),
    ]
}

fn setting_keys() -> Vec<Key> {
    vec![
        key(
            "run",
            Takes::Table,
            "How many replicates are drawn, and which lifts are computed.",
        ),
        key(
            "run.replicates",
            Takes::Whole(
                (*settings::REPLICATES.start()).into(),
                settings::MOST_REPLICATES,
            ),
            "Noisy worlds per configuration. Default: 10000.",
        ),
        key(
            "run.holdout",
            Takes::Number(settings::HOLDOUT),
            "Fresh replicates that judge the winners again, as a fraction of the replicates. Default: 0.2.",
        ),
        key(
            "run.mcse_mean",
            Takes::Number(settings::MCSE),
            "Replicates are added until the Monte Carlo standard error of every mean is at most this, as a fraction of lift.",
        ),
        key(
            "run.mcse_cvar",
            Takes::Number(settings::MCSE),
            "The same for every cvar.",
        ),
        key(
            "run.max_replicates",
            Takes::Whole(settings::FEWEST_OF_MANY, settings::MOST_REPLICATES),
            "The most replicates of a run that finds their number.",
        ),
        key(
            "run.drop_level",
            Takes::Number(settings::DROP_LEVEL),
            "Drop configurations early that cannot be the best of their world; the probability that a winner is among them is at most this. Default: none is dropped.",
        ),
        key(
            "run.lifts",
            Takes::NameSet(settings::LIFTS.all()),
            "The lifts to report: apparent (a spreadsheet's promise), decision (compare rules by it), recommended (expect it from today's plan), optimism. Default: the first three.",
        ),
        key("metrics", Takes::Table, "What is measured of the lifts."),
        key(
            "metrics.quantiles",
            Takes::Numbers(settings::PROBABILITY),
            "Probabilities of the quantile columns. Default: 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99.",
        ),
        key(
            "metrics.tail",
            Takes::Number(settings::TAIL),
            "The part of worst replicates that cvar averages. Default: 0.05.",
        ),
        key(
            "metrics.target",
            Takes::Number(settings::TARGET),
            "The lift that prob_target asks for, as a fraction. Default: 0.",
        ),
        key(
            "metrics.pessimism",
            Takes::Number(settings::PESSIMISM),
            "Weight of the worst replicate in hurwicz. Default: 0.5.",
        ),
        key(
            "metrics.clairvoyant",
            Takes::Boolean,
            "Whether every rule is compared with the best plan under each replicate's truth, inside its bounds. Default: false.",
        ),
    ]
}

fn output_keys() -> Vec<Key> {
    vec![
        key("output", Takes::Table, "What is written."),
        key(
            "output.formats",
            Takes::NameSet(settings::FORMATS.all()),
            "File formats of the tables; CSV is always written. Default: [\"csv\"].",
        ),
        key(
            "output.allocations",
            Takes::Name(settings::ALLOCATIONS.all()),
            "Whose plans are written: of the winners and the Pareto front (best), of all, of none. Default: \"best\".",
        ),
        key(
            "output.draws",
            Takes::Boolean,
            "Whether every replicate's lift is written. Default: false.",
        ),
        key(
            "output.report",
            Takes::Boolean,
            "Whether the page report.html is written. Default: true.",
        ),
        key(
            "gate",
            Takes::Tables,
            "What the run must show; `liftsweep gate RUN_DIR` checks it.",
        ),
        required(
            "gate.metric",
            Takes::Text,
            "A column of configurations.csv, such as \"decision_p05\".",
        ),
        key(
            "gate.where",
            Takes::Filters,
            "The configurations it applies to, by axis: { alpha = 0.3, delta = [1.0, 2.0] }. Default: all.",
        ),
        key(
            "gate.at_least",
            Takes::Number(gate::BOUND),
            "The least value allowed.",
        ),
        key(
            "gate.at_most",
            Takes::Number(gate::BOUND),
            "The largest value allowed.",
        ),
    ]
}
