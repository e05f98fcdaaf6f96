//! The winners, as the manifest tells them.

use serde_json::{Map, Value, json};

use crate::engine::{ConfigurationRow, Judgement, WinnerJudgement, Winners};
use crate::scenario::{AxisValue, Lift, Scenario, WORLD_AXES};
use crate::stats::Summary;

/// The winners of every named world with all that is known of them, and the robust rule.
pub(super) fn told(scenario: &Scenario, winners: &Winners, judgement: &Judgement) -> Value {
    let worlds = judgement.worlds.iter().zip(&winners.worlds).zip(0_u64..);
    let worlds = worlds.map(|((judged, world), index)| {
        let judged = judged.iter().filter_map(|winner| {
            let row = winners.row_of(winner.configuration)?;
            Some(one(scenario, judgement, winner, row))
        });
        json!({
            "world": level(scenario, index),
            "rules": world.rules,
            "best_set": world.best_set,
            "nested": world.nested().map(|nested| json!({
                "promised": nested.promised,
                "promised_mcse": nested.promised_mcse,
                "delivered": nested.delivered,
                "delivered_mcse": nested.delivered_mcse,
            })),
            "winners": judged.collect::<Value>(),
        })
    });
    let robust = winners.robust.map(|robust| {
        json!({
            "configuration": robust.configuration,
            "rule": scenario.grid.rule_in_words(robust.configuration),
            "worst_mean": robust.worst_mean,
            "mean": robust.mean,
            "holdout": judgement.robust.map(|again| json!({
                "worst_mean": again.worst_mean,
                "mean": again.mean,
            })),
        })
    });
    let headline = winners.headline().and_then(|(row, lift)| {
        let judged = judgement.of(row.configuration.index)?;
        let mut told = one(scenario, judgement, judged, row);
        told["lift"] = json!(lift.name());
        told["world"] = level(scenario, scenario.grid.world_of(row.configuration.index));
        Some(told)
    });
    json!({
        "holdout_replicates": judgement.holdout,
        "headline": headline,
        "count_of_worlds": winners.worlds.len(),
        "worlds_with_gain": winners.worlds_with_gain(),
        "worlds": worlds.collect::<Value>(),
        "robust": robust,
    })
}

/// The axes of a world.
fn level(scenario: &Scenario, world: u64) -> Value {
    let level = scenario.grid.configuration(world).level;
    let axes = scenario.grid.axes().into_iter();
    let axes = axes.filter(|(name, _)| WORLD_AXES.contains(name));
    axes.map(|(name, values)| {
        let value = match name {
            "dispersion" => json!(level.dispersion),
            "elasticity" => json!(level.elasticity),
            "noise_cv" => json!(level.noise_cv),
            "drift_cv" => json!(level.drift_cv),
            _ => match values.first() {
                Some(AxisValue::Number(number)) => json!(number),
                Some(AxisValue::Name(name)) => json!(name),
                None => Value::Null,
            },
        };
        (name.to_owned(), value)
    })
    .collect::<Map<String, Value>>()
    .into()
}

fn one(
    scenario: &Scenario,
    judgement: &Judgement,
    winner: &WinnerJudgement,
    row: &ConfigurationRow,
) -> Value {
    let criteria = winner.criteria.iter().map(|criterion| criterion.name());
    let lifts = row.lifts.iter().map(|(lift, summary)| {
        let mut told = summarised(summary);
        if let (Some((p05, p95)), Some(told)) = (row.interval(*lift), told.as_object_mut()) {
            told.insert("p05".into(), json!(p05));
            told.insert("p95".into(), json!(p95));
        }
        if let (Some((low, high)), Some(told)) = (row.range(*lift), told.as_object_mut()) {
            told.insert("range".into(), json!({ "low": low, "high": high }));
        }
        (lift.name().to_owned(), told)
    });
    let holdout = Lift::ALL
        .into_iter()
        .filter_map(|lift| Some((lift.name().to_owned(), summarised(winner.held_out(lift)?))));
    let mut told = json!({
        "configuration": winner.configuration,
        "rule": scenario.grid.rule_in_words(winner.configuration),
        "won_by": criteria.collect::<Vec<_>>(),
        "plan_lift": row.plan.lift,
        "optimism_first_order": row.plan.optimism_first_order,
        "spurious_lift": row.plan.spurious_lift,
        "moved_share": row.plan.moved_share,
        "max_ratio": row.plan.max_ratio,
        "lifts": lifts.collect::<Map<String, Value>>(),
        "corrected": winner.corrected.map(|corrected| json!({
            "lift": corrected.lift,
            "optimism_mean": corrected.optimism_mean,
            "optimism_mcse": corrected.optimism_mcse,
        })),
        "prior_conflict": judgement.prior_conflict(scenario, winner, row),
        "permutation": winner.permutation.map(|found| json!({
            "permutations": found.permutations,
            "mean": found.mean,
            "p_value": found.p_value,
        })),
        "holdout": holdout.collect::<Map<String, Value>>(),
    });
    if let Some(attainable) = &row.attainable {
        let captured = attainable.captured.iter().map(|(lift, ratio, mcse)| {
            let told = json!({ "ratio": ratio, "mcse": mcse });
            (lift.name().to_owned(), told)
        });
        told["attainable"] = json!({
            "mean": attainable.mean,
            "mean_mcse": attainable.mean_mcse,
            "captured": captured.collect::<Map<String, Value>>(),
        });
    }
    if !row.periods.is_empty() {
        let periods = row.periods.iter().map(|period| {
            let lifts = period.lifts.iter().map(|(lift, told)| {
                let told = json!({ "mean": told.mean, "p05": told.p05, "p95": told.p95 });
                (lift.name().to_owned(), told)
            });
            json!({ "period": period.period, "lifts": lifts.collect::<Map<String, Value>>() })
        });
        told["periods"] = periods.collect();
    }
    told
}

fn summarised(summary: &Summary) -> Value {
    json!({
        "replicates": summary.n,
        "mean": summary.mean,
        "mean_mcse": summary.mean_mcse,
        "sd": summary.sd,
        "cvar": summary.cvar,
        "cvar_mcse": summary.cvar_mcse,
        "prob_positive": summary.prob_positive,
    })
}
