//! What can be said before anything is drawn: whether the table holds a signal, what noise alone
//! would show, which bounds cannot hold, which plans ignore the data, which axes do nothing.

use rayon::prelude::*;

use super::chain::Chain;
use super::observer::Observer;
use super::plan::Plan;
use super::sweep::{
    Options, blocks, bytes_of_worlds, bytes_per_configuration, observed_judge, shares_only,
    sweep_only, world_flags,
};
use super::today::Today;
use crate::flag::{Flag, Flags};
use crate::problem::Error;
use crate::resample::Noise;
use crate::scenario::{
    AXES, AllocationsWanted, AxisValue, DispersionSource, Grid, Lift, Scenario, ceiling_limit,
    floor_limit,
};
use crate::stats;
use crate::truth::TruthModel;
use crate::units::{Count, Percent};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The question may have no answer as it is asked.
    Alarm,
    /// A number must be read with it in mind.
    Warning,
    /// Good to know.
    Note,
}

/// One thing found before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub gravity: Gravity,
    /// The flag that marks the configurations concerned, if there is one.
    pub flag: Option<Flag>,
    /// What was found, in a sentence.
    pub text: String,
    /// What could be done about it; may be empty.
    pub remedy: String,
    /// Whether it says that the table holds no signal at all.
    pub no_signal: bool,
}

/// What a run will cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Configurations.
    pub configurations: u64,
    /// Replicates of each.
    pub replicates: u64,
    /// Allocations to be made, all passes together.
    pub allocations: u128,
    /// How often the grid is swept.
    pub passes: u64,
    /// Configurations whose plans are written, at most.
    pub plans: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// The size of a run under these options.
#[must_use]
pub fn estimate(scenario: &Scenario, options: Options) -> Estimate {
    let blocks = blocks(scenario, options);
    let compares = scenario.run.reports(Lift::Decision) || scenario.run.reports(Lift::Optimism);
    let passes = if blocks.len() > 1 && compares { 2 } else { 1 };
    let (configurations, replicates) = (scenario.grid.len(), scenario.run.replicates);
    let largest = blocks
        .iter()
        .map(|block| block.end - block.start)
        .max()
        .unwrap_or(0);
    let plans = match scenario.output.allocations {
        AllocationsWanted::All => configurations,
        AllocationsWanted::None => 0,
        // Four winners and a short Pareto front per world.
        AllocationsWanted::Best => configurations.min(8 * scenario.grid.worlds()),
    };
    let n = scenario.campaigns.len() as u64;
    let shares = options.memory.min(8 * n * replicates.saturating_mul(plans));
    let table = 300 * n
        + 40 * scenario
            .campaigns
            .rows()
            .map_or(0, |rows| rows.len() as u64);
    let lifts = largest * bytes_per_configuration(scenario) + bytes_of_worlds(scenario);
    Estimate {
        configurations,
        replicates,
        allocations: u128::from(configurations) * u128::from(replicates) * u128::from(passes),
        passes,
        plans,
        memory: table + lifts.max(shares),
    }
}

/// Makes the shares of a few plans and returns how many allocations that took, so that a caller can
/// time them.
#[must_use]
pub fn probe_shares(scenario: &Scenario) -> u64 {
    let mut sample = scenario.clone();
    sample.run.replicates = scenario.run.replicates.min(128);
    let total = scenario.grid.len();
    let count = total.min(8);
    let first = (total - count) / 2;
    let configurations: Vec<u64> = (first..first + count).collect();
    shares_only(&sample, &configurations);
    count * sample.run.replicates
}

/// Makes some of the allocations of a run and returns how many, so that a caller can time them: a
/// stretch of up to 1,024 configurations from the middle of the grid, through 128 replicates.
#[must_use]
pub fn probe(scenario: &Scenario) -> u64 {
    let mut sample = scenario.clone();
    sample.run.replicates = scenario.run.replicates.min(128);
    let total = scenario.grid.len();
    let count = total.min(1024);
    let first = (total - count) / 2;
    sweep_only(&sample, (first..first + count).collect());
    count * sample.run.replicates
}

/// More plans than these are not inspected one by one: rules times channels, and rules.
const INSPECTED: u64 = 400_000_000;
const INSPECTED_RULES: u64 = 1_000_000;

/// Memory for the plans that are inspected at a time.
const BLOCK_BYTES: u64 = 64 << 20;

/// Everything worth knowing before a run, the gravest first.
///
/// # Errors
///
/// [`Error::Interrupted`] when the observer asks to stop.
pub fn findings(scenario: &Scenario, observer: &dyn Observer) -> Result<Vec<Finding>, Error> {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let mut found = Vec::new();
    if scenario.campaigns.len() == 1 {
        let text = "there is only one channel: nothing can be reallocated, and every lift is 0";
        found.push(finding(
            Gravity::Alarm,
            Some(Flag::SingleChannel),
            text.to_owned(),
            "",
        ));
        return Ok(found);
    }
    let plans = Plans::inspect(scenario, &chain, observer)?;
    signal(scenario, &plans, &mut found);
    bounds(scenario, &plans, &mut found);
    extrapolation(scenario, &plans, &mut found);
    axes(scenario, &plans, &mut found);
    table(scenario, &mut found);
    found.sort_by_key(|finding| finding.gravity);
    Ok(found)
}

fn finding(
    gravity: Gravity,
    flag: Option<Flag>,
    text: String,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        gravity,
        flag,
        text,
        remedy: remedy.into(),
        no_signal: false,
    }
}

/// Today's plans of the grid's rules, boiled down.
struct Plans {
    /// One entry per inspected rule.
    facts: Vec<Facts>,
    /// Every `step`-th rule was inspected.
    step: u64,
}

struct Facts {
    rule: u64,
    flags: Flags,
    /// Whether no data could change the plan, `alpha = 0` aside.
    frozen: bool,
    equal_split: bool,
    bound_violation: f64,
    max_ratio: f64,
    stretched: usize,
    /// Lift on the table itself, at the first elasticity of the grid.
    apparent: f64,
    fingerprint: u64,
}

impl Plans {
    fn inspect(scenario: &Scenario, chain: &Chain, observer: &dyn Observer) -> Result<Self, Error> {
        let (worlds, n) = (scenario.grid.worlds(), scenario.campaigns.len() as u64);
        let rules = scenario.grid.len() / worlds;
        let step = (rules.saturating_mul(n) / INSPECTED)
            .max(rules / INSPECTED_RULES)
            .max(1);
        let block = usize::try_from(BLOCK_BYTES / (16 * n + 1_000))
            .unwrap_or(1)
            .max(1);
        let judge = observed_judge(scenario, chain, scenario.grid.elasticity[0]);
        let mut facts = Vec::new();
        let step_size = usize::try_from(step).unwrap_or(usize::MAX);
        let inspected: Vec<u64> = (0..rules).step_by(step_size).collect();
        for rules in inspected.chunks(block) {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let first_worlds = rules.iter().map(|rule| rule * worlds).collect();
            let plan = Plan::new(scenario, chain, first_worlds);
            let of_slot = |slot: usize| {
                let apparent = judge.lift(plan.powered_today(slot));
                Facts::new(scenario, chain, rules[slot], plan.today(slot), apparent)
            };
            facts.par_extend((0..plan.slots()).into_par_iter().map(of_slot));
        }
        Ok(Self { facts, step })
    }

    fn count(&self, holds: impl Fn(&Facts) -> bool) -> usize {
        self.facts.iter().filter(|facts| holds(facts)).count()
    }

    /// "3 of 9 rules", told as a sample where it is one.
    fn of(&self, count: usize) -> String {
        let inspected = if self.step > 1 { "inspected " } else { "" };
        format!(
            "{} of {} {inspected}rules",
            Count(count as u128),
            Count(self.facts.len() as u128)
        )
    }
}

impl Facts {
    fn new(scenario: &Scenario, chain: &Chain, rule: u64, today: &Today, apparent: f64) -> Self {
        let x = &today.shares;
        let settings = scenario
            .grid
            .configuration(rule * scenario.grid.worlds())
            .rule;
        let o = chain.status_quo();
        let stretch = |i: &usize| if o[*i] > 0.0 { x[*i] / o[*i] } else { 0.0 };
        let stretched = (0..x.len())
            .max_by(|a, b| stretch(a).total_cmp(&stretch(b)))
            .unwrap_or(0);
        Self {
            rule,
            flags: today.flags,
            frozen: settings.alpha > 0.0 && today.frozen,
            equal_split: x.iter().all(|share| (share - x[0]).abs() <= 1e-12 * x[0]),
            bound_violation: today.bound_violation,
            max_ratio: today.max_ratio,
            stretched,
            apparent,
            fingerprint: fingerprint(x),
        }
    }
}

/// FNV-1a over the bits of all shares, rounded to what a reader could tell apart.
fn fingerprint(x: &[f64]) -> u64 {
    x.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, share| {
        let rounded = (share * 1e13).round() / 1e13;
        (hash ^ rounded.to_bits()).wrapping_mul(0x0100_0000_01b3)
    })
}

fn signal(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let mut levels = scenario.grid.dispersion.clone();
    levels.sort_by(f64::total_cmp);
    let (least, most) = (levels[0], levels[levels.len() - 1]);
    let values_differ = scenario
        .campaigns
        .value()
        .is_some_and(|value| value.iter().any(|v| *v != value[0]));
    let test = |dispersion| told_apart(scenario, dispersion);
    match (test(least), test(most)) {
        (Ok(_), Ok(evidence)) => {
            let text = format!("the channels differ in conversions per unit of spend: {evidence}");
            found.push(finding(Gravity::Note, None, text, ""));
        }
        (Ok(calm), Err(noisy)) => {
            let text = format!(
                "no detectable difference between channels at dispersion {}: {noisy}; there is one at dispersion {}: {calm}",
                short(most),
                short(least)
            );
            let remedy = "find out how noisy conversions are before moving money";
            found.push(finding(Gravity::Warning, None, text, remedy));
        }
        (Err(evidence), _) if values_differ => {
            let text = format!(
                "no detectable difference between channels in conversions per unit of spend: {evidence}; only their values differ"
            );
            found.push(finding(
                Gravity::Warning,
                None,
                text,
                "make sure of the values: the plan rests on them",
            ));
        }
        (Err(evidence), _) => {
            let text = format!(
                "no detectable difference between channels: {evidence}; a rule that ranks them ranks noise"
            );
            let remedy = "collect more data before moving money; trust no apparent lift";
            let found_nothing = finding(Gravity::Alarm, None, text, remedy);
            found.push(Finding {
                no_signal: true,
                ..found_nothing
            });
        }
    }
    spurious(scenario, plans, &levels, found);
}

/// Significance level of the test for any difference between channels.
const SIGNIFICANCE: f64 = 0.05;

/// The evidence for (`Ok`) or against (`Err`) any difference between channels.
fn told_apart(scenario: &Scenario, dispersion: f64) -> Result<String, String> {
    let campaigns = &scenario.campaigns;
    let test = stats::homogeneity(campaigns.spend(), campaigns.conversions(), dispersion);
    let Some(p) = test.p_value else {
        return Err("fewer than two channels spend anything".to_owned());
    };
    let p_text = if p == 0.0 {
        "p below 1e-300".to_owned()
    } else {
        format!("p = {}", short(p))
    };
    let degrees = counted(test.df, "degree");
    let evidence = format!(
        "{p_text} (chi-square {:.1} on {degrees} of freedom at dispersion {})",
        test.x2,
        short(dispersion)
    );
    if p <= SIGNIFICANCE {
        Ok(evidence)
    } else {
        Err(evidence)
    }
}

/// What similar channels would show by noise alone, beside what the plans promise.
fn spurious(scenario: &Scenario, plans: &Plans, levels: &[f64], found: &mut Vec<Finding>) {
    let campaigns = &scenario.campaigns;
    let Some(best) = plans
        .facts
        .iter()
        .max_by(|a, b| a.apparent.total_cmp(&b.apparent))
    else {
        return;
    };
    let configuration = scenario
        .grid
        .configuration(best.rule * scenario.grid.worlds());
    let rule = configuration.rule;
    let (total, n) = (campaigns.total_conversions(), campaigns.spending());
    let expected =
        |dispersion: f64| stats::spurious_lift(rule.alpha, rule.delta, n, dispersion, total);
    let (least, most) = (expected(levels[0]), expected(levels[levels.len() - 1]));
    let range = if least == most {
        Percent(most).to_string()
    } else {
        format!("{} to {}", Percent(least), Percent(most))
    };
    let elasticity = configuration.level.elasticity;
    let response = if elasticity == 1.0 {
        String::new()
    } else {
        format!(" at elasticity {elasticity}")
    };
    let text = format!(
        "the best-looking rule ({}) promises {} on this table{response}; noise alone would show about {range} between equal channels (rule of thumb: linear response, no bounds)",
        scenario.grid.rule_in_words(configuration.index),
        Percent(best.apparent)
    );
    let gravity = if best.apparent <= 2.0 * most {
        Gravity::Warning
    } else {
        Gravity::Note
    };
    found.push(finding(gravity, None, text, ""));
}

fn bounds(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let (grid, n) = (&scenario.grid, scenario.campaigns.len());
    let infeasible = plans.count(|facts| facts.flags.has(Flag::BoundsInfeasible));
    if infeasible > 0 {
        let highest = grid.min_share.iter().copied().fold(0.0, f64::max);
        let lowest = grid.max_share.iter().copied().fold(1.0, f64::min);
        let (arithmetic, remedy) = if n as f64 * highest > 1.0 {
            let limit = floor_limit(scenario);
            (
                format!(
                    "{n} x min_share {highest} = {} > 1",
                    short(n as f64 * highest)
                ),
                format!("the largest feasible min_share is {limit}"),
            )
        } else if n as f64 * lowest < 1.0 {
            let limit = ceiling_limit(scenario);
            (
                format!(
                    "{n} x max_share {lowest} = {} < 1",
                    short(n as f64 * lowest)
                ),
                format!("the smallest feasible max_share is {limit}"),
            )
        } else {
            (
                "all bounds together leave no feasible allocation".to_owned(),
                String::new(),
            )
        };
        let text = format!(
            "infeasible bounds in {}: {arithmetic}; clip mode runs them, but no budget can satisfy them",
            plans.of(infeasible)
        );
        found.push(finding(
            Gravity::Alarm,
            Some(Flag::BoundsInfeasible),
            text,
            remedy,
        ));
    }
    frozen(scenario, plans, found);
    let bent =
        plans.count(|facts| facts.bound_violation > 0.0 && facts.flags.has(Flag::BoundViolation));
    if bent > 0 {
        let worst = plans
            .facts
            .iter()
            .map(|facts| facts.bound_violation)
            .fold(0.0, f64::max);
        let text = format!(
            "clip mode leaves its own bounds in {}, by up to {} of the budget",
            plans.of(bent),
            Percent(worst)
        );
        found.push(finding(
            Gravity::Warning,
            Some(Flag::BoundViolation),
            text,
            "bound_mode = \"project\" keeps them",
        ));
    }
}

/// Plans that no data could change, and what lift they have all the same.
fn frozen(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let frozen: Vec<&Facts> = plans.facts.iter().filter(|facts| facts.frozen).collect();
    let Some(first) = frozen.first() else { return };
    let what = if frozen.iter().all(|facts| facts.equal_split) {
        format!(
            "every share is 1/{} whatever the data say",
            scenario.campaigns.len()
        )
    } else {
        "bounds or delta 0 fix every share".to_owned()
    };
    let one_lift = frozen
        .iter()
        .all(|facts| (facts.apparent - first.apparent).abs() <= 1e-9);
    let lift = if one_lift {
        format!(", a lift of {} on this table", Percent(first.apparent))
    } else {
        String::new()
    };
    let text = format!(
        "the allocation no longer depends on the data in {}: {what}{lift}",
        plans.of(frozen.len())
    );
    let flagged = frozen.iter().any(|facts| facts.flags.has(Flag::AllClipped));
    found.push(finding(
        Gravity::Alarm,
        flagged.then_some(Flag::AllClipped),
        text,
        "widen the bounds",
    ));
}

fn extrapolation(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let stretched = plans.count(|facts| facts.flags.has(Flag::Extrapolation));
    let Some(worst) = plans
        .facts
        .iter()
        .max_by(|a, b| a.max_ratio.total_cmp(&b.max_ratio))
    else {
        return;
    };
    if stretched > 0 {
        let text = format!(
            "{} ask a channel for more than 2x of today's spend, up to {:.1}x for {:?}: the table says nothing about returns there",
            plans.of(stretched),
            worst.max_ratio,
            scenario.campaigns.names()[worst.stretched]
        );
        found.push(finding(
            Gravity::Warning,
            Some(Flag::Extrapolation),
            text,
            "limit it with max_change or max_ratio, and sweep elasticity",
        ));
    }
}

/// Axes with several values of which none makes a difference.
fn axes(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let (grid, world) = (&scenario.grid, &scenario.world);
    let known_truth = matches!(world.truth, TruthModel::Observed | TruthModel::Fixed);
    if grid.dispersion.len() > 1 && known_truth && !world.noise.uses_dispersion() {
        let text = format!(
            "axis dispersion changes nothing: neither truth {:?} nor noise {:?} looks at it",
            world.truth.name(),
            world.noise.name()
        );
        found.push(finding(
            Gravity::Warning,
            None,
            text,
            "use noise = \"neg_binomial\" or \"gamma\", or one value",
        ));
    }
    for (name, values) in grid.axes() {
        let mut texts = values.iter().map(|value| match value {
            AxisValue::Number(value) => value.to_string(),
            AxisValue::Name(name) => (*name).to_owned(),
        });
        let mut seen = std::collections::BTreeSet::new();
        if let Some(value) = texts.find(|value| !seen.insert(value.clone())) {
            let text =
                format!("axis {name} lists {value} twice: its configurations are made twice");
            found.push(finding(Gravity::Note, None, text, ""));
        }
    }
    if plans.step > 1 {
        return;
    }
    let lengths = grid.lengths();
    for (axis, name) in AXES
        .iter()
        .enumerate()
        .take(10)
        .filter(|(axis, _)| lengths[*axis] > 1)
    {
        if changes_nothing(grid, plans, axis) {
            let text = format!(
                "axis {name} changes nothing: all {} values give the same plans on this table",
                lengths[axis]
            );
            found.push(finding(
                Gravity::Note,
                None,
                text,
                "drop the values that never bind",
            ));
        }
    }
}

/// Whether moving any rule along an axis leaves its plan as it is.
fn changes_nothing(grid: &Grid, plans: &Plans, axis: usize) -> bool {
    let lengths = grid.lengths();
    let stride: usize = lengths[axis + 1..10].iter().product();
    plans.facts.iter().enumerate().all(|(rule, facts)| {
        let digit = rule / stride % lengths[axis];
        facts.fingerprint == plans.facts[rule - digit * stride].fingerprint
    })
}

fn table(scenario: &Scenario, found: &mut Vec<Finding>) {
    let (campaigns, world) = (&scenario.campaigns, &scenario.world);
    match world.truth {
        TruthModel::Observed => {
            let text = "truth is the table itself: lifts say how a rule copes with noise if the table were exactly true, and are no forecast (their mean is the apparent lift)".to_owned();
            found.push(finding(
                Gravity::Warning,
                None,
                text,
                "use truth = \"posterior\" to know what to expect",
            ));
        }
        TruthModel::PosteriorFlat => {
            let text = "truth is drawn without shrinkage between channels: for comparison with truth = \"posterior\" only".to_owned();
            found.push(finding(Gravity::Note, None, text, ""));
        }
        TruthModel::Posterior | TruthModel::Fixed => {}
    }
    match world.dispersion {
        DispersionSource::Assumed => {
            let text = "dispersion is assumed to be 1 (Poisson): real conversions usually vary more, and intervals are then too narrow".to_owned();
            let remedy =
                "set world.dispersion, e.g. [1.0, 5.0], or bring rows (data.granularity = \"row\")";
            found.push(finding(
                Gravity::Warning,
                Some(Flag::DispersionAssumed),
                text,
                remedy,
            ));
        }
        DispersionSource::Rows => {
            let rows = campaigns.rows().map_or(0, crate::scenario::Rows::len);
            let levels: Vec<String> = scenario.grid.dispersion.iter().map(|d| short(*d)).collect();
            let text = format!(
                "dispersion {} was estimated from {} rows of {} channels",
                levels.join(", "),
                Count(rows as u128),
                campaigns.len()
            );
            found.push(finding(Gravity::Note, None, text, ""));
        }
        DispersionSource::Given
            if scenario.grid.dispersion.contains(&1.0) && world.noise != Noise::Rows =>
        {
            let text = "dispersion 1 (Poisson) is what the scenario gives, not an estimate: real conversions usually vary more".to_owned();
            found.push(finding(Gravity::Note, None, text, ""));
        }
        DispersionSource::Given => {}
    }
    let flags = (0..scenario.grid.worlds())
        .map(|world| world_flags(scenario, &scenario.grid.configuration(world)))
        .fold(Flags::none(), |mut all, flags| {
            all.merge(flags);
            all
        });
    let growth = scenario.budget / campaigns.total_spend();
    let chain_flags = Chain::new(campaigns, scenario.budget).flags();
    if chain_flags.has(Flag::BudgetNeSpend) {
        let text = format!(
            "the budget is {growth:.4}x of today's spend: lifts compare both mixes at the new budget; plan_lift_total adds the growth"
        );
        found.push(finding(Gravity::Note, Some(Flag::BudgetNeSpend), text, ""));
    }
    if chain_flags.has(Flag::ZeroSpendChannel) {
        let idle = campaigns.spend().iter().filter(|s| **s == 0.0).count();
        let text = format!(
            "{} without spend today: returns there are unknown and counted as 0",
            counted(idle, "channel")
        );
        found.push(finding(
            Gravity::Warning,
            Some(Flag::ZeroSpendChannel),
            text,
            "remove them, or lock them",
        ));
    }
    if scenario.grid.delta.iter().any(|delta| *delta < 1.0) {
        let text = Flag::DeltaLt1.meaning().trim_end_matches('.').to_owned();
        found.push(finding(Gravity::Note, Some(Flag::DeltaLt1), text, ""));
    }
    named_flags(scenario, flags, found);
}

/// Flags that deserve to name who is meant and what to do.
fn named_flags(scenario: &Scenario, flags: Flags, found: &mut Vec<Finding>) {
    let campaigns = &scenario.campaigns;
    let mut warn = |flag: Flag, text: String, remedy: &str| {
        if flags.has(flag) {
            found.push(finding(Gravity::Warning, Some(flag), text, remedy));
        }
    };
    let channels = |holds: &dyn Fn(usize) -> bool| some_of(campaigns.names(), holds);
    let noise = scenario.world.noise.name();
    warn(
        Flag::DispersionIgnored,
        format!(
            "noise {noise:?} draws samples as if dispersion were 1, whatever world.dispersion says"
        ),
        "use noise = \"neg_binomial\" or \"gamma\"",
    );
    let silent = |i: usize| campaigns.conversions()[i] == 0.0 && campaigns.spend()[i] > 0.0;
    warn(
        Flag::ZeroCount,
        format!(
            "no conversions in {}: where the table is the truth, it never converts",
            channels(&silent)
        ),
        "use truth = \"posterior\"",
    );
    let single = |i: usize| campaigns.rows().is_some_and(|rows| rows.count(i) == 1);
    warn(
        Flag::SingleRow,
        format!(
            "only one row in {}: resampling it shows no variability",
            channels(&single)
        ),
        "bring more rows, or use a parametric noise",
    );
    warn(
        Flag::TotalRounded,
        format!(
            "the multinomial draws {:.0} conversions: the total {} is fractional",
            campaigns.total_conversions(),
            campaigns.total_conversions()
        ),
        "use noise = \"gamma\" for fractional conversions",
    );
    if campaigns.value().is_some() {
        let text = "scores and lifts are in value: data.value is read as value per conversion, not as a total".to_owned();
        found.push(finding(Gravity::Note, None, text, ""));
    }
    if scenario
        .grid
        .elasticity
        .iter()
        .any(|elasticity| *elasticity > 1.0)
    {
        let text =
            "an elasticity above 1 means increasing returns: few channels have them".to_owned();
        found.push(finding(Gravity::Warning, None, text, "use at most 1"));
    }
}

/// The first few of the channels for which something holds, and how many more there are.
fn some_of(names: &[String], holds: &dyn Fn(usize) -> bool) -> String {
    const SHOWN: usize = 3;
    let meant: Vec<&String> = (0..names.len())
        .filter(|i| holds(*i))
        .map(|i| &names[i])
        .collect();
    let mut text: Vec<String> = meant
        .iter()
        .take(SHOWN)
        .map(|name| format!("{name:?}"))
        .collect();
    if meant.len() > SHOWN {
        text.push(format!("{} more", meant.len() - SHOWN));
    }
    text.join(", ")
}

/// A count with its noun in the right number.
fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", Count(count as u128))
}

/// A number for a sentence: four significant digits.
fn short(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e6) {
        return format!("{value:.1e}");
    }
    let digits = [1000.0, 100.0, 10.0]
        .iter()
        .filter(|power| value.abs() < **power)
        .count();
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
