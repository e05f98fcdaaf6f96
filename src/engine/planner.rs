//! What planners look at when they plan: the conversions of their sample as they are, or shrunken toward
//! each other.

use super::passes::{Lane, ZERO};
use super::today::metric;
use crate::lanes::LANES;
use crate::scenario::{Campaigns, PriorMean, Rates, Scenario};
use crate::truth::{HierarchicalPosterior, PosteriorSettings};

/// The planners of a scenario.
///
/// Those who shrink replace every channel's conversions by the posterior mean of what its spend brings,
/// fitted to the sample they see. A rule is the same in every world, so they believe one dispersion: the
/// first level of its axis, whatever the world they are judged in.
#[derive(Debug, Clone)]
pub struct Planner<'a> {
    campaigns: &'a Campaigns,
    settings: PosteriorSettings,
}

impl<'a> Planner<'a> {
    /// The planners of a scenario.
    #[must_use]
    pub fn new(scenario: &'a Scenario) -> Self {
        let settings = PosteriorSettings {
            slope: scenario.world.prior_mean == PriorMean::LogSpend,
            ..PosteriorSettings::new(scenario.grid.dispersion[0])
        };
        Self::of(&scenario.campaigns, settings)
    }

    /// Planners of a table who shrink by these settings.
    #[must_use]
    pub fn of(campaigns: &'a Campaigns, settings: PosteriorSettings) -> Self {
        Self {
            campaigns,
            settings,
        }
    }

    /// What a rule scores of conversions: them, or their posterior means, or the value of either where
    /// the table has one. Time: O(n), about 250 n steps for shrunken rates.
    #[must_use]
    pub fn metric(&self, rates: Rates, conversions: &[f64]) -> Vec<f64> {
        match rates {
            Rates::Raw => metric(self.campaigns, conversions),
            Rates::Shrunken => {
                let spend = self.campaigns.spend();
                metric(self.campaigns, &self.shrunken(spend, conversions))
            }
        }
    }

    /// What rules score on the table itself, for every kind of rates that the grid has.
    pub(super) fn of_table(&self, scenario: &Scenario) -> TableMetric {
        let of = |rates| self.metric(rates, self.campaigns.conversions());
        let shrinks = scenario.grid.rates.contains(&Rates::Shrunken);
        TableMetric {
            raw: of(Rates::Raw),
            shrunken: if shrinks {
                of(Rates::Shrunken)
            } else {
                Vec::new()
            },
        }
    }

    /// Spend times the posterior mean rate; conversions as they are where there are none to learn from.
    pub(super) fn shrunken(&self, spend: &[f64], conversions: &[f64]) -> Vec<f64> {
        let paid = spend.iter().zip(conversions);
        let total: f64 = paid.map(|(s, c)| if *s > 0.0 { *c } else { 0.0 }).sum();
        if !(total > 0.0 && total.is_finite()) {
            return conversions.to_vec();
        }
        let fit = HierarchicalPosterior::fit(spend, conversions, &self.settings);
        let rates = fit.posterior_mean_rate();
        spend.iter().zip(rates).map(|(s, rate)| s * rate).collect()
    }

    /// Shrinks the conversions of eight samples.
    pub(super) fn shrink(&self, sample: &[Lane], out: &mut Vec<Lane>) {
        out.clear();
        out.resize(sample.len(), ZERO);
        let mut single = Vec::with_capacity(sample.len());
        for lane in 0..LANES {
            single.clear();
            single.extend(sample.iter().map(|seen| seen[lane]));
            for (to, shrunken) in out
                .iter_mut()
                .zip(self.shrunken(self.campaigns.spend(), &single))
            {
                to[lane] = shrunken;
            }
        }
    }
}

/// What rules score on the table itself.
#[derive(Debug)]
pub(super) struct TableMetric {
    raw: Vec<f64>,
    /// Empty where no rule shrinks.
    shrunken: Vec<f64>,
}

impl TableMetric {
    pub(super) fn of(&self, rates: Rates) -> &[f64] {
        match rates {
            Rates::Raw => &self.raw,
            Rates::Shrunken => &self.shrunken,
        }
    }
}
