//! Evidence, optimism, metrics, posterior and response against the oracle's golden values.

use crate::support::plan::{check_lift, curve, lift_of, response, score};
use crate::support::{Case, cases, golden, number, numbers, shared};
use liftsweep::response::Response;
use liftsweep::score::{centred_log_scores, target_shares};
use liftsweep::stats::{
    BestPerReplicate, Cross, SelectScratch, SummaryPlan, best_set_margin, cross_summary,
    first_order_optimism, homogeneity, in_best_set, pareto_front, pooled_dispersion,
};
use liftsweep::truth::{HierarchicalPosterior, PosteriorSettings};
use serde_json::Value;

fn optional(input: &Value, key: &str, default: f64) -> f64 {
    input.get(key).map_or(default, number)
}

#[test]
fn response_shapes() {
    for case in cases(&golden("golden_misc.json"), "phi") {
        let response = Response::new(curve(&case.input["model"]), 1).unwrap();
        let phi: Vec<f64> = numbers(&case.input["u"])
            .into_iter()
            .map(|u| response.phi(u, 0))
            .collect();
        case.check_all("phi", &case.expect["phi"], &phi);
        let elasticity = response.elasticity_at_current(0);
        case.check("elasticity", &case.expect["elasticity"], elasticity);
    }
}

/// Lifts of the oracle's own shares, so that a fault in allocation cannot hide one in the response.
#[test]
fn lifts_of_given_shares() {
    let (mut lifts, mut refused) = (0, 0);
    for case in cases(&golden("golden_allocate.json"), "allocate") {
        let channels = case.input["spend"].as_array().map_or(0, Vec::len);
        let response = response(case.input, channels);
        if case.expect["error"] == "E_RESPONSE" {
            assert_eq!(response.unwrap_err().code(), "E_RESPONSE", "{}", case.id);
            refused += 1;
        } else if case.expect.get("error").is_none() {
            let shares = numbers(&case.expect["shares"]);
            check_lift(&case, &lift_of(case.input, &shares, &response.unwrap()));
            lifts += 1;
        }
    }
    assert!(
        lifts > 50 && refused > 0,
        "{lifts} lifts, {refused} refused"
    );
}

#[test]
fn homogeneity_tests() {
    for case in cases(&golden("golden_misc.json"), "homogeneity") {
        let got = homogeneity(
            &numbers(&case.input["spend"]),
            &numbers(&case.input["conv"]),
            optional(case.input, "dispersion", 1.0),
        );
        case.check("x2", &case.expect["x2"], got.x2);
        assert_eq!(case.expect["df"], got.df, "{}", case.id);
        case.check("p_value", &case.expect["p_value"], got.p_value);
    }
}

#[test]
fn first_order_optimisms() {
    for case in cases(&golden("golden_misc.json"), "optimism_first_order") {
        let input = case.input;
        let score = score(input);
        let (spend, conversions) = (numbers(&input["spend"]), numbers(&input["conv"]));
        let share_of_total = |values: &[f64]| -> Vec<f64> {
            let total: f64 = values.iter().sum();
            values.iter().map(|value| value / total).collect()
        };
        let logs = |values: &[f64]| values.iter().map(|v| v.ln()).collect::<Vec<_>>();
        let o = share_of_total(&spend);
        let delta = number(&input["delta"]);
        let (mut centred, mut q) = (vec![0.0; o.len()], vec![0.0; o.len()]);
        assert!(centred_log_scores(
            score,
            &conversions,
            &logs(&spend),
            &mut centred
        ));
        target_shares(score, delta, &centred, &logs(&o), &mut q);
        let got = first_order_optimism(
            number(&input["alpha"]),
            delta,
            number(&input["dispersion"]),
            &q,
            &o,
            &conversions,
            None,
        );
        case.check("value", &case.expect["value"], got);
    }
}

#[test]
fn dispersions_from_rows() {
    for case in cases(&golden("golden_rows.json"), "dispersion") {
        let channel = numbers(&case.input["channel"]);
        let (cost, conv) = (numbers(&case.input["cost"]), numbers(&case.input["conv"]));
        let channels = case.input["n_channels"].as_u64().expect("a count");
        let (mut start, mut order) = (vec![0], Vec::new());
        for i in 0..channels {
            order.extend((0..channel.len()).filter(|&j| channel[j] == i as f64));
            start.push(order.len());
        }
        let grouped = |values: &[f64]| order.iter().map(|&j| values[j]).collect::<Vec<_>>();
        let got = pooled_dispersion(&start, &grouped(&cost), &grouped(&conv));
        case.check("value", &case.expect["value"], got);
    }
}

#[test]
fn posteriors() {
    let document = golden("golden_posterior.json");
    for case in cases(&document, "posterior") {
        let settings = PosteriorSettings {
            slope: case.input["slope"] == true,
            slope_sd: optional(case.input, "slope_sd", 0.5),
            prior_cv_scale: optional(case.input, "prior_cv_scale", 0.5),
            dispersion: optional(case.input, "dispersion", 1.0),
        };
        let (spend, conversions) = (numbers(&case.input["spend"]), numbers(&case.input["conv"]));
        let fit = HierarchicalPosterior::fit(&spend, &conversions, &settings);
        let expect = case.expect;
        case.check_all("kappa", &expect["kappa"], fit.kappa());
        case.check_all("log_marginal", &expect["log_marginal"], fit.log_marginal());
        case.check_all("weights", &expect["weights"], fit.weights());
        case.check("kappa_mean", &expect["kappa_mean"], fit.kappa_mean());
        let rates = fit.posterior_mean_rate();
        case.check_all("rate", &expect["posterior_mean_rate"], &rates);
        let coefficients = if settings.slope { 2 } else { 1 };
        for j in 0..fit.kappa().len() {
            let beta = &fit.beta(j)[..coefficients];
            case.check_all(&format!("beta {j}"), &expect["beta"][j], beta);
            for (row, cov) in fit.cov(j).iter().enumerate().take(coefficients) {
                let place = format!("cov {j}, row {row}");
                case.check_all(&place, &expect["cov"][j][row], &cov[..coefficients]);
            }
        }
    }
    if shared().is_none() {
        println!("skipped: the two posteriors of the 216-campaign table");
    }
}

fn lifts_of(case: &Case) -> Vec<Vec<f64>> {
    let rows = case.input["lift"].as_array().expect("rows of lifts");
    rows.iter().map(numbers).collect()
}

const PROBABILITIES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

#[test]
fn metrics_of_single_configurations() {
    for case in cases(&golden("golden_metrics.json"), "metrics") {
        let target = optional(case.input, "target", 0.0);
        let tail = optional(case.input, "tail", 0.05);
        let pessimism = optional(case.input, "pessimism", 0.5);
        let expected = case.expect["per_config"].as_array().expect("a list");
        for (row, expect) in lifts_of(&case).into_iter().zip(expected) {
            let plan = SummaryPlan::new(row.len(), &PROBABILITIES, tail).unwrap();
            let got = plan.summarise(&row, &mut SelectScratch::default(), target, pessimism);
            assert_eq!(expect["n"], got.n, "{}", case.id);
            for (name, value) in [
                ("mean", got.mean),
                ("mean_mcse", got.mean_mcse),
                ("sd", got.sd),
                ("sd_mcse", got.sd_mcse),
                ("p_lift_gt_0", got.prob_positive),
                ("p_lift_gt_0_mcse", got.prob_positive_mcse),
                ("p_lift_ge_target", got.prob_target),
                ("p_lift_ge_target_mcse", got.prob_target_mcse),
                ("var", got.var),
                ("var_mcse", got.var_mcse),
                ("cvar", got.cvar),
                ("cvar_mcse", got.cvar_mcse),
                ("worst", got.worst),
                ("best", got.best),
                ("hurwicz", got.hurwicz),
                ("mean_variance", got.mean_variance),
            ] {
                case.check(name, &expect[name], value);
            }
            case.check(
                "signal_to_noise",
                &expect["signal_to_noise"],
                got.signal_to_noise,
            );
            for (j, p) in PROBABILITIES.iter().enumerate() {
                let p = p.to_string();
                case.check(&p, &expect["quantiles"][&p], got.quantiles[j]);
                case.check(&p, &expect["quantiles_mcse"][&p], got.quantiles_mcse[j]);
            }
        }
    }
}

#[test]
fn metrics_across_configurations() {
    for case in cases(&golden("golden_metrics.json"), "metrics") {
        let rows = lifts_of(&case);
        let n = rows[0].len();
        // The oracle's Pareto front is over the mean and the CVaR at 5 %, whatever the case's tail.
        let plan = SummaryPlan::new(n, &[], 0.05).unwrap();
        let mut scratch = SelectScratch::default();
        let points: Vec<(f64, f64)> = rows
            .iter()
            .map(|row| plan.summarise(row, &mut scratch, 0.0, 0.5))
            .map(|summary| (summary.mean, summary.cvar))
            .collect();
        let star = case.expect["cross"]["best_by_mean"].as_u64().unwrap();
        let star = usize::try_from(star).unwrap();
        assert!(points.iter().all(|point| point.0 <= points[star].0 + 1e-15));
        let mut best = BestPerReplicate::new(n);
        for row in &rows {
            best.observe(row);
        }
        let best = best.finish();
        let front = pareto_front(&points);
        let z = best_set_margin(rows.len() as u64, 0.05);
        let mut best_set = Vec::new();
        for (g, row) in rows.iter().enumerate() {
            let got = cross_summary(row, &best, &rows[star], &mut scratch, &plan);
            let expect = &case.expect["cross"]["configs"][g];
            check_cross(&case, expect, &got);
            assert_eq!(expect["pareto_mean_cvar"], front[g], "{}: {g}", case.id);
            if in_best_set(got.diff_to_best_mean, got.diff_to_best_mcse, z) {
                best_set.push(g);
            }
        }
        let expected = &case.expect["cross"]["indistinguishable_from_best"];
        assert_eq!(expected, &serde_json::json!(best_set), "{}", case.id);
    }
}

fn check_cross(case: &Case, expect: &Value, got: &Cross) {
    for (name, value) in [
        ("regret_mean", got.regret_mean),
        ("regret_mean_mcse", got.regret_mean_mcse),
        ("regret_p95", got.regret_p95),
        ("regret_p95_mcse", got.regret_p95_mcse),
        ("regret_max", got.regret_max),
        ("p_best", got.prob_best),
        ("diff_to_best_mean", got.diff_to_best_mean),
        ("diff_to_best_mcse", got.diff_to_best_mcse),
    ] {
        case.check(name, &expect[name], value);
    }
}
