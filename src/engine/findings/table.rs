//! What the table and the world's models leave to be desired.

use super::slips::LARGE_ELASTICITY;
use super::{Finding, Gravity, counted, finding, short, some_of};
use crate::engine::chain::Chain;
use crate::engine::worlds::world_flags;
use crate::flag::{Flag, Flags};
use crate::resample::BlockMethod;
use crate::scenario::{
    Blocks, Campaigns, Days, DispersionSource, Rates, Rows, Scenario, Split, SplitBy,
};
use crate::truth::TruthModel;
use crate::units::Count;

pub(super) fn table(scenario: &Scenario, chain: &Chain, found: &mut Vec<Finding>) {
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
        TruthModel::Split => {
            if let Some(split) = &world.split {
                found.push(finding(Gravity::Note, None, split_in_words(split), ""));
            }
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
            let levels: Vec<String> = scenario.grid.dispersion.iter().map(|d| short(*d)).collect();
            let text = format!(
                "dispersion {} was estimated from {} of {} channels",
                levels.join(", "),
                rows_in_words(campaigns),
                campaigns.len()
            );
            found.push(finding(Gravity::Note, None, text, ""));
        }
        DispersionSource::Given
            if scenario.grid.dispersion.contains(&1.0) && !world.noise.resamples_rows() =>
        {
            let text = "dispersion 1 (Poisson) is what the scenario gives, not an estimate: real conversions usually vary more".to_owned();
            found.push(finding(Gravity::Note, None, text, ""));
        }
        DispersionSource::Given => {}
    }
    let grid = &scenario.grid;
    if grid.rates.contains(&Rates::Shrunken) && grid.dispersion.len() > 1 {
        let text = format!(
            "planners who shrink rates believe dispersion {} (the first level) in every world: a plan is made without knowing the world",
            short(grid.dispersion[0])
        );
        found.push(finding(Gravity::Note, None, text, ""));
    }
    if let Some(blocks) = world.blocks {
        found.push(finding(Gravity::Note, None, blocks_in_words(blocks), ""));
    }
    let flags = (0..scenario.grid.worlds())
        .map(|world| world_flags(scenario, &scenario.grid.configuration(world)))
        .fold(Flags::none(), |mut all, flags| {
            all.merge(flags);
            all
        });
    let growth = scenario.budget / campaigns.total_spend();
    let chain_flags = chain.flags();
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

/// The rows that a dispersion was estimated from: a channel's days, where there are dates.
fn rows_in_words(campaigns: &Campaigns) -> String {
    let count = |count: usize| Count(count as u128);
    match campaigns.rows() {
        Some(rows) if rows.date.is_some() => {
            let days = Days::new(rows).map_or(0, |days| days.date.len());
            format!("{} days (rows of a day summed)", count(days))
        }
        rows => format!("{} rows", count(rows.map_or(0, Rows::len))),
    }
}

fn split_in_words(split: &Split) -> String {
    let ways = match &split.by {
        SplitBy::OutOfBag => {
            "rows drawn with replacement, and judged by the rows never drawn".to_owned()
        }
        SplitBy::Folds(folds) => {
            format!("all but one of {folds} folds of rows, and judged by that one")
        }
        SplitBy::Time(date) => format!("the days before {date}, and judged by those from then on"),
    };
    format!("plans are made from {ways}: no prior and no model of noise enters their decision lift")
}

fn blocks_in_words(blocks: Blocks) -> String {
    let of = match blocks.method {
        BlockMethod::Circular => "",
        BlockMethod::Stationary => " on average",
    };
    let source = if blocks.is_estimated {
        "estimated from the table (Politis-White)"
    } else {
        "as given"
    };
    format!(
        "samples are made of blocks of {} dates{of} ({}, {source}), the same for all channels",
        short(blocks.length),
        blocks.method.name()
    )
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
        .any(|elasticity| (1.0..LARGE_ELASTICITY).contains(elasticity) && *elasticity > 1.0)
    {
        let text =
            "an elasticity above 1 means increasing returns: few channels have them".to_owned();
        found.push(finding(Gravity::Warning, None, text, "use at most 1"));
    }
}
