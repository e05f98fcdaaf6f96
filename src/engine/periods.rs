//! A rule over several periods: in each it looks at what the last one brought, and reallocates.
//!
//! Period 0 is the table. In period `t` the planner sees the last period's spend and noisy conversions,
//! and the rule turns them into shares `x_t`: blended with the last shares, within bounds relative to
//! them. The period then brings `mu_i d_{t,i} phi_i(B x_{t,i} / s_i)`: curves stay anchored at the table, and
//! `d_t` is the truth's drift. Lifts compare with today's mix under the same drift.

use crate::allocate::{Bounds, Scratch, blend, impose};
use crate::response::Response;
use crate::scenario::{Campaigns, ChannelBounds, Rates, Rule, bounds_of, later_bounds};
use crate::score::{centred_log_scores, target_shares};

use super::passes::in_order;
use super::planner::Planner;

/// Follows rules over the periods of worlds with one response.
#[derive(Debug, Clone)]
pub struct Follower<'a> {
    campaigns: &'a Campaigns,
    own: &'a [Option<ChannelBounds>],
    planner: Planner<'a>,
    response: Response,
    budget: f64,
    /// `B / s_i`; 0 where nothing is spent in the table.
    reach: Vec<f64>,
    /// What a conversion counts; 0 where nothing is spent in the table.
    worth: Vec<f64>,
    /// What today's mix brings at the budget, per conversion of the table.
    status_quo: Vec<f64>,
}

/// What the world does over the periods.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// Expected conversions at the table's spend, before any drift.
    pub truth: &'a [f64],
    /// For each period, by what factor the truth of every channel has drifted.
    pub drift: &'a [Vec<f64>],
    /// What the planner sees before the first period.
    pub seen: &'a [f64],
    /// Whether the rule looks again in every period; else its first shares stay.
    pub reallocates: bool,
}

/// One period of one rule.
#[derive(Debug, Clone, Copy)]
pub struct Period<'a> {
    /// Its shares.
    pub shares: &'a [f64],
    /// Conversions (or value) that are expected of them.
    pub new: f64,
    /// Those of today's mix under the same drift.
    pub baseline: f64,
    /// What the last period's outcome promised the shares that it chose, and today's mix, taken as if it
    /// were true.
    pub promised: [f64; 2],
}

/// Buffers of one path.
#[derive(Debug, Default)]
pub struct Steps {
    last: Vec<f64>,
    next: Vec<f64>,
    /// What the last shares spent.
    spend: Vec<f64>,
    log_spend: Vec<f64>,
    log_shares: Vec<f64>,
    seen: Vec<f64>,
    /// What the last shares brought, per conversion of the table.
    brought: Vec<f64>,
    metric: Vec<f64>,
    centred: Vec<f64>,
    target: Vec<f64>,
    weights: Vec<f64>,
    implied: Vec<f64>,
    scratch: Scratch,
}

impl<'a> Follower<'a> {
    /// Prepares to follow rules on a table, with the bounds of single channels, at a budget per period.
    /// Rules with shrunken rates shrink what every period shows as `planner` does.
    #[must_use]
    pub fn new(
        campaigns: &'a Campaigns,
        own: &'a [Option<ChannelBounds>],
        planner: Planner<'a>,
        budget: f64,
        response: Response,
    ) -> Self {
        let (spend, shares) = (campaigns.spend(), campaigns.shares());
        let spends = |i: usize, x: f64| if spend[i] > 0.0 { x } else { 0.0 };
        let reach: Vec<f64> = (0..spend.len())
            .map(|i| spends(i, budget / spend[i]))
            .collect();
        let value = |i: usize| campaigns.value().map_or(1.0, |value| value[i]);
        Self {
            status_quo: (0..spend.len())
                .map(|i| response.phi(reach[i] * shares[i], i))
                .collect(),
            worth: (0..spend.len()).map(|i| spends(i, value(i))).collect(),
            campaigns,
            own,
            planner,
            response,
            budget,
            reach,
        }
    }

    /// Follows a rule over the periods of a course and hands each of them to `record`, in order. `observe` gets
    /// the number of a period that is over, from 1, and turns its expected conversions into what the planner
    /// sees of them; it is not asked about the last one.
    ///
    /// Time: O(periods n log n), about 250 n steps per period more for shrunken rates; no allocation but for
    /// these and for bounds that move with the shares.
    pub fn follow(
        &self,
        rule: &Rule,
        course: Course<'_>,
        steps: &mut Steps,
        mut observe: impl FnMut(u64, &mut [f64]),
        mut record: impl FnMut(Period<'_>),
    ) {
        let n = self.reach.len();
        let shares = self.campaigns.shares();
        steps.start(self.campaigns, course.seen);
        let mut bounds = bounds_of(rule, self.own, shares)
            .unwrap_or_else(|_| later_bounds(rule, self.own, shares));
        let moves = self.bounds_move(rule);
        for (period, drift) in (1..).zip(course.drift) {
            if period == 1 || course.reallocates {
                if period > 1 && moves {
                    bounds = later_bounds(rule, self.own, &steps.last);
                }
                steps.reallocate(rule, &bounds, &self.planner, self.campaigns.value());
            }
            // What the planner saw, at the spend it was seen at: zero spend shows nothing.
            for (i, implied) in steps.implied.iter_mut().enumerate() {
                let brought = steps.brought[i];
                *implied = if brought > 0.0 {
                    steps.seen[i] / brought
                } else {
                    0.0
                };
            }
            for (i, (brought, x)) in steps.brought.iter_mut().zip(&steps.next).enumerate() {
                *brought = self.response.phi(self.reach[i] * x, i);
            }
            let returns = |conversions: &dyn Fn(usize) -> f64, brought: &[f64]| {
                in_order(n, |i| self.worth[i] * conversions(i) * brought[i])
            };
            let truth = |i: usize| course.truth[i] * drift[i];
            let implied = |i: usize| steps.implied[i];
            record(Period {
                shares: &steps.next,
                new: returns(&truth, &steps.brought),
                baseline: returns(&truth, &self.status_quo),
                promised: [&steps.brought, &self.status_quo].map(|mix| returns(&implied, mix)),
            });
            if period < course.drift.len() {
                for (i, seen) in steps.seen.iter_mut().enumerate() {
                    *seen = truth(i) * steps.brought[i];
                }
                observe(period as u64, &mut steps.seen);
                steps.go_on(self.budget);
            }
        }
    }

    /// Whether the bounds depend on the last shares.
    fn bounds_move(&self, rule: &Rule) -> bool {
        let own =
            |own: &ChannelBounds| own.locked || own.min_ratio.is_some() || own.max_ratio.is_some();
        rule.min_ratio > 0.0 || rule.max_ratio.is_finite() || self.own.iter().flatten().any(own)
    }
}

impl Steps {
    /// Begins with the table: its shares, and what the planner sees of it.
    fn start(&mut self, campaigns: &Campaigns, seen: &[f64]) {
        let n = seen.len();
        self.last.clear();
        self.last.extend_from_slice(campaigns.shares());
        self.seen.clear();
        self.seen.extend_from_slice(seen);
        let logs = |out: &mut Vec<f64>, of: &[f64]| {
            out.clear();
            out.extend(of.iter().map(|x| x.ln()));
        };
        self.spend.clear();
        self.spend.extend_from_slice(campaigns.spend());
        logs(&mut self.log_spend, campaigns.spend());
        logs(&mut self.log_shares, campaigns.shares());
        self.brought.clear();
        self.brought.resize(n, 1.0);
        for buffer in [
            &mut self.next,
            &mut self.metric,
            &mut self.centred,
            &mut self.target,
            &mut self.weights,
            &mut self.implied,
        ] {
            buffer.resize(n, 0.0);
        }
    }

    /// The rule's next shares.
    fn reallocate(
        &mut self,
        rule: &Rule,
        bounds: &Bounds,
        planner: &Planner<'_>,
        value: Option<&[f64]>,
    ) {
        match rule.rates {
            Rates::Raw => self.metric.copy_from_slice(&self.seen),
            Rates::Shrunken => self.metric = planner.shrunken(&self.spend, &self.seen),
        }
        for (metric, value) in self.metric.iter_mut().zip(value.unwrap_or(&[])) {
            *metric *= value;
        }
        let (score, metric) = (rule.score, &self.metric);
        if centred_log_scores(score, metric, &self.log_spend, &mut self.centred) {
            let (centred, target) = (&self.centred, &mut self.target);
            target_shares(score, rule.delta, centred, &self.log_shares, target);
        } else {
            self.target.copy_from_slice(&self.last);
        }
        blend(rule.alpha, &self.last, &self.target, &mut self.weights);
        let (mode, weights) = (rule.bound_mode, &self.weights);
        impose(mode, bounds, weights, &mut self.scratch, &mut self.next);
    }

    /// The period is over: its shares are the last ones.
    fn go_on(&mut self, budget: f64) {
        self.last.copy_from_slice(&self.next);
        for (i, x) in self.last.iter().enumerate() {
            self.spend[i] = budget * x;
            self.log_spend[i] = self.spend[i].ln();
            self.log_shares[i] = x.ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::BoundMode;
    use crate::engine::Chain;
    use crate::scenario::{Columns, ResponseKind, fixture};

    /// Every step is the plain chain on the table that the last period left behind.
    #[test]
    fn every_step_is_the_plain_chain_on_the_last_outcome() {
        let mut scenario = fixture::scenario();
        scenario.channel_bounds[3] = None;
        scenario.world.response = ResponseKind::Hill.into();
        scenario.grid.elasticity = vec![0.6];
        scenario.grid.rates = vec![Rates::Raw, Rates::Shrunken];
        let campaigns = &scenario.campaigns;
        let (response, own) = (scenario.response(0), &scenario.channel_bounds);
        let planner = Planner::new(&scenario);
        let follower = Follower::new(
            campaigns,
            own,
            planner.clone(),
            scenario.budget,
            response.clone(),
        );
        let drift = vec![
            vec![1.0, 1.1, 0.9, 0.8, 1.0],
            vec![0.9, 1.2, 1.0, 0.7, 1.0],
            vec![1.0; 5],
        ];
        let bent = |period: u64, seen: &mut [f64]| {
            for (i, seen) in seen.iter_mut().enumerate() {
                *seen = (*seen * (1.0 + 0.1 * ((i as u64 + period) % 3) as f64)).round();
            }
        };
        for index in 0..scenario.grid.len() {
            let mut rule = scenario.grid.configuration(index).rule;
            (rule.min_ratio, rule.max_ratio) = (0.6, 1.5);
            if rule.bound_mode == BoundMode::Clip {
                continue;
            }
            let course = Course {
                truth: campaigns.conversions(),
                drift: &drift,
                seen: campaigns.conversions(),
                reallocates: true,
            };
            let mut got = Vec::new();
            let record = |period: Period<'_>| got.push((period.shares.to_vec(), period.new));
            follower.follow(&rule, course, &mut Steps::default(), bent, record);
            assert_eq!(got.len(), 3);
            let mut table = campaigns.clone();
            for (period, (shares, new)) in got.iter().enumerate() {
                let chain = Chain::new(&table, scenario.budget);
                let bounds = later_bounds(&rule, own, table.shares());
                let seen = match rule.rates {
                    Rates::Raw => table.conversions().to_vec(),
                    Rates::Shrunken => planner.shrunken(table.spend(), table.conversions()),
                };
                let expected = chain.allocate(&rule, &bounds, &seen).shares;
                for (got, expected) in shares.iter().zip(&expected) {
                    assert!((got - expected).abs() < 1e-12, "{rule:?} {period}");
                }
                let spend: Vec<f64> = shares.iter().map(|x| scenario.budget * x).collect();
                let truth = campaigns.conversions().iter().zip(&drift[period]);
                let mut outcome: Vec<f64> = truth
                    .enumerate()
                    .map(|(i, (mu, d))| match campaigns.spend()[i] {
                        0.0 => 0.0,
                        s => mu * d * response.phi(spend[i] / s, i),
                    })
                    .collect();
                assert!((outcome.iter().sum::<f64>() - new).abs() < 1e-9 * new);
                bent(period as u64 + 1, &mut outcome);
                table = Campaigns::new(Columns {
                    names: campaigns.names().to_vec(),
                    spend,
                    conversions: outcome,
                    ..Columns::default()
                })
                .unwrap();
            }
        }
    }

    /// A planner who is shown the truth is promised what happens, but for the drift that comes after.
    #[test]
    fn the_truth_promises_itself() {
        let scenario = fixture::scenario();
        let campaigns = &scenario.campaigns;
        let response = scenario.response(1);
        let own = &scenario.channel_bounds;
        let planner = Planner::new(&scenario);
        let follower = Follower::new(campaigns, own, planner, scenario.budget, response);
        let rule = scenario.grid.configuration(scenario.grid.len() - 1).rule;
        let still = vec![vec![1.0; 5]; 4];
        let course = Course {
            truth: campaigns.conversions(),
            drift: &still,
            seen: campaigns.conversions(),
            reallocates: true,
        };
        let mut periods = 0;
        let record = |period: Period<'_>| {
            let truth = [period.new, period.baseline];
            for (promised, truth) in period.promised.iter().zip(truth) {
                assert!((promised / truth - 1.0).abs() < 1e-12);
            }
            periods += 1;
        };
        follower.follow(&rule, course, &mut Steps::default(), |_, _| {}, record);
        assert_eq!(periods, 4);
    }
}
