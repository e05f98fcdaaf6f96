//! `liftsweep allocate`: today's plan of one configuration.

use liftsweep::config::Overrides;
use liftsweep::engine::{Chain, Planner, Today};
use liftsweep::flag::Flags;
use liftsweep::load;
use liftsweep::output::{guarded, number};
use liftsweep::problem::{Error, Place, Problem, Problems};
use liftsweep::response::lift;
use liftsweep::scenario::{ResponseKind, Rule, Scenario, WORLD_AXES, bounds_of};
use liftsweep::units::{Money, Percent};
use serde::Serialize;

use super::Outcome;
use super::arguments::{Allocate, Format};
use super::screen::{axis_value, table, wrapped};

/// A plan and what it is measured by.
struct Plan<'a> {
    scenario: &'a Scenario,
    rule: Rule,
    today: Today,
    /// Lift on the table itself, at the first elasticity of the scenario.
    lift: Option<f64>,
}

pub(crate) fn allocate(arguments: &Allocate) -> Outcome {
    let overrides = Overrides {
        axes: arguments.set.clone(),
        today_only: true,
        ..Overrides::default()
    };
    let loaded = load(&arguments.scenario, &overrides)?;
    let scenario = &loaded.scenario;
    one_rule(scenario)?;
    let rule = scenario.grid.configuration(0).rule;
    let campaigns = &scenario.campaigns;
    let bounds = bounds_of(&rule, &scenario.channel_bounds, campaigns.shares())
        .expect("bounds were checked when the scenario was resolved");
    let chain = Chain::new(campaigns, scenario.budget);
    let today = Today::new(
        scenario,
        &chain,
        &rule,
        &bounds,
        &Planner::new(scenario).metric(rule.rates, campaigns.conversions()),
    );
    let response = scenario.response(0);
    let (spend, seen, value) = (
        campaigns.spend(),
        campaigns.conversions(),
        campaigns.value(),
    );
    let lift = lift(
        &today.shares,
        spend,
        seen,
        scenario.budget,
        &response,
        value,
    )
    .lift;
    let plan = Plan {
        scenario,
        rule,
        today,
        lift,
    };
    match arguments.format {
        Format::Table => Ok(plan.table()),
        Format::Csv => plan.csv(),
        Format::Json => plan.json(),
    }
}

/// Every rule axis must have one value; which world the plan is for makes no difference to it.
fn one_rule(scenario: &Scenario) -> Result<(), Error> {
    let mut problems = Problems::new();
    let points = scenario.grid.points.as_ref();
    let range = |name: &str| points?.range(name);
    for (name, values) in scenario.grid.axes() {
        if values.len() > 1 && !WORLD_AXES.contains(&name) {
            let known: Vec<String> = values.iter().take(8).map(axis_value).collect();
            let more = if values.len() > known.len() {
                ", ..."
            } else {
                ""
            };
            problems.push(Problem {
                code: "E_SET",
                place: Place {
                    file: Some("command line".into()),
                    ..Place::default()
                },
                subject: format!("--set {name}"),
                message: match range(name) {
                    Some([from, to]) => format!(
                        "a plan is of one configuration, and {name} is a range from {} to {}",
                        number(from),
                        number(to)
                    ),
                    None => format!(
                        "a plan is of one configuration, and {name} has {} values: {}{more}",
                        values.len(),
                        known.join(", ")
                    ),
                },
                remedy: match range(name) {
                    Some([from, _]) => {
                        format!("choose a value, e.g. --set {name}={}", number(from))
                    }
                    None => format!("choose one, e.g. --set {name}={}", known[0]),
                },
            });
        }
    }
    problems.into_result(())
}

impl Plan<'_> {
    /// Channel, spend now, share now, new share, new budget, change.
    fn rows(&self) -> impl Iterator<Item = (&str, f64, f64, f64, f64, f64)> {
        let campaigns = &self.scenario.campaigns;
        let shares = campaigns.shares().iter().zip(self.today.shares.iter());
        campaigns
            .names()
            .iter()
            .zip(campaigns.spend())
            .zip(shares)
            .map(|((name, spend), (now, new))| {
                let budget = self.scenario.budget * new;
                (name.as_str(), *spend, *now, *new, budget, budget - spend)
            })
    }

    fn flags(&self) -> Flags {
        self.today.flags
    }

    fn title(&self) -> String {
        let rule = &self.rule;
        let mut title = format!(
            "{}: {}, alpha {}, delta {}",
            self.scenario.name,
            rule.score.name(),
            number(rule.alpha),
            number(rule.delta)
        );
        let mut add = |condition: bool, text: String| {
            if condition {
                title.push_str(", ");
                title.push_str(&text);
            }
        };
        add(
            rule.min_share > 0.0,
            format!("min_share {}", number(rule.min_share)),
        );
        add(
            rule.max_share < 1.0,
            format!("max_share {}", number(rule.max_share)),
        );
        add(
            rule.min_ratio > 0.0,
            format!("at least {}x of today", number(rule.min_ratio)),
        );
        add(
            rule.max_ratio.is_finite(),
            format!("at most {}x of today", number(rule.max_ratio)),
        );
        add(true, rule.bound_mode.name().to_owned());
        title
    }

    fn table(&self) -> String {
        let relative = |now: f64, new: f64| {
            if now > 0.0 {
                Percent(new / now - 1.0).to_string()
            } else {
                "new".to_owned()
            }
        };
        let mut rows: Vec<Vec<String>> = self
            .rows()
            .map(|(name, spend, _, share, budget, change)| {
                let name = liftsweep::problem::printable(name);
                vec![
                    name,
                    Money(spend).to_string(),
                    format!("{:.2} %", 100.0 * share),
                    Money(budget).to_string(),
                    signed(change),
                    relative(spend, budget),
                ]
            })
            .collect();
        let spend = self.scenario.campaigns.total_spend();
        let budget = self.scenario.budget;
        rows.push(vec![
            "total".into(),
            Money(spend).to_string(),
            "100.00 %".into(),
            Money(budget).to_string(),
            signed(budget - spend),
            relative(spend, budget),
        ]);
        let mut text = wrapped(&self.title(), 2);
        text.push('\n');
        text.push_str(&table(
            &[
                "channel",
                "spend now",
                "new share",
                "new budget",
                "change",
                "change %",
            ],
            rows,
        ));
        text.push('\n');
        let lift = self.lift.map_or(
            "not defined: the table has no conversions".to_owned(),
            |lift| Percent(lift).to_string(),
        );
        let moved = Percent(self.today.moved_share).to_string();
        text.push_str(&wrapped(&format!("moves {} of the budget; apparent lift on the table that chose it, at elasticity {}{}: {lift} (not a forecast: see `liftsweep run`)", moved.trim_start_matches('+'), self.scenario.grid.elasticity[0], self.curve()), 2));
        for flag in self.flags().iter() {
            text.push_str(&wrapped(
                &format!("! {} [{}]", flag.meaning(), flag.name()),
                2,
            ));
        }
        text
    }

    /// The kind of response, where its elasticity does not say it all.
    fn curve(&self) -> String {
        match self.scenario.world.response.kind {
            ResponseKind::Linear | ResponseKind::Power | ResponseKind::CpcInflation => {
                String::new()
            }
            kind => format!(" of a {} curve", kind.name()),
        }
    }

    fn csv(&self) -> Outcome {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| {
            Error::machine("write", "standard output".as_ref())(std::io::Error::other(error))
        };
        csv.write_record([
            "channel",
            "spend_now",
            "share_now",
            "share_new",
            "budget_new",
            "change",
        ])
        .map_err(failed)?;
        for (name, spend, now, new, budget, change) in self.rows() {
            let fields = [
                guarded(name).into_owned(),
                number(spend),
                number(now),
                number(new),
                number(budget),
                number(change),
            ];
            csv.write_record(fields).map_err(failed)?;
        }
        let bytes = csv.into_inner().map_err(|error| {
            Error::machine("write", "standard output".as_ref())(error.into_error())
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn json(&self) -> Outcome {
        let channels = self.rows().map(
            |(channel, spend_now, share_now, share_new, budget_new, change)| ChannelJson {
                channel,
                spend_now,
                share_now,
                share_new,
                budget_new,
                change,
            },
        );
        let rule = &self.rule;
        let plan = PlanJson {
            scenario: &self.scenario.name,
            rule: RuleJson {
                score: rule.score.name(),
                rates: rule.rates.name(),
                alpha: rule.alpha,
                delta: rule.delta,
                min_share: rule.min_share,
                max_share: rule.max_share,
                min_ratio: rule.min_ratio,
                max_ratio: rule.max_ratio.is_finite().then_some(rule.max_ratio),
                bound_mode: rule.bound_mode.name(),
            },
            budget: self.scenario.budget,
            apparent_lift: self.lift,
            moved_share: self.today.moved_share,
            max_ratio: self.today.max_ratio,
            bound_violation: self.today.bound_violation,
            flags: self
                .flags()
                .iter()
                .map(liftsweep::flag::Flag::name)
                .collect(),
            channels: channels.collect(),
        };
        let text = serde_json::to_string_pretty(&plan)
            .map_err(|error| Error::machine("write", "standard output".as_ref())(error.into()))?;
        Ok(format!("{text}\n"))
    }
}

/// A plan for machines.
#[derive(Serialize)]
struct PlanJson<'a> {
    scenario: &'a str,
    rule: RuleJson,
    budget: f64,
    /// None where the table has no conversions.
    apparent_lift: Option<f64>,
    moved_share: f64,
    max_ratio: f64,
    bound_violation: f64,
    flags: Vec<&'static str>,
    channels: Vec<ChannelJson<'a>>,
}

#[derive(Serialize)]
struct RuleJson {
    score: &'static str,
    rates: &'static str,
    alpha: f64,
    delta: f64,
    min_share: f64,
    max_share: f64,
    min_ratio: f64,
    /// None where nothing limits it.
    max_ratio: Option<f64>,
    bound_mode: &'static str,
}

#[derive(Serialize)]
struct ChannelJson<'a> {
    channel: &'a str,
    spend_now: f64,
    share_now: f64,
    share_new: f64,
    budget_new: f64,
    change: f64,
}

fn signed(amount: f64) -> String {
    if amount > 0.0 {
        format!("+{}", Money(amount))
    } else {
        Money(amount).to_string()
    }
}
