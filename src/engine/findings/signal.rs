//! Whether the table tells channels apart, and what noise alone would show.

use super::plans::Plans;
use super::{Finding, Gravity, counted, finding, short};
use crate::scenario::Scenario;
use crate::stats;
use crate::units::Percent;

pub(super) fn signal(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
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
    // The one that the plans were judged at, whatever world a design has drawn for the rule.
    let elasticity = scenario.grid.elasticity[0];
    let response = if elasticity == 1.0 {
        String::new()
    } else {
        format!(" at elasticity {}", short(elasticity))
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
