//! The rows behind the table, drawn again: samples whose noise is that of the rows themselves.

use crate::resample::{self, Noise};
use crate::scenario::{Blocks, Campaigns, Days, Rows, Scenario};
use crate::seed::{Purpose, Streams};

/// What samples are drawn from, where the noise resamples rows.
#[derive(Debug)]
pub(super) struct RowDraws<'a> {
    campaigns: &'a Campaigns,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    /// Rows of a channel with replacement.
    Rows(&'a Rows),
    /// Rows of a channel with exponential weights.
    Weights(&'a Rows),
    /// Blocks of dates, for all channels at once.
    Dates(Days, Blocks),
}

impl<'a> RowDraws<'a> {
    /// `None` where the noise is drawn from a law, or the rows it needs are not there.
    pub(super) fn new(scenario: &'a Scenario) -> Option<Self> {
        let campaigns = &scenario.campaigns;
        let rows = campaigns.rows()?;
        let kind = match scenario.world.noise {
            Noise::Rows => Kind::Rows(rows),
            Noise::RowsBayes => Kind::Weights(rows),
            Noise::Block => Kind::Dates(Days::new(rows)?, scenario.world.blocks?),
            _ => return None,
        };
        Some(Self { campaigns, kind })
    }

    /// Replaces the true mean `mu` of every channel by `r mu`, with `r` the ratio estimate of its conversions from
    /// resampled rows over those of the table, `c`; 0 where the table has no conversion.
    ///
    /// In later periods, at another spend, by `mu + (r - 1) sqrt(mu c)`, at least 0: the variance follows the mean,
    /// as if more or fewer such rows had been bought.
    ///
    /// Time: O(rows), or O(days) by dates.
    pub(super) fn draw(&self, streams: Streams, replicate: u64, means: &mut [f64]) {
        let mut counts = Vec::new();
        if let Kind::Dates(days, blocks) = &self.kind {
            let mut rng = streams.channel(Purpose::Dates, replicate, 0);
            let Blocks { method, length, .. } = *blocks;
            resample::date_counts(method, length, days.dates.len(), &mut rng, &mut counts);
        }
        let (spend, observed) = (self.campaigns.spend(), self.campaigns.conversions());
        // Periods have numbers of their own beyond those of replicates (`Worlds::draw_outcome`).
        let later = replicate >> 32 > 0;
        for (channel, mean) in means.iter_mut().enumerate() {
            let resampled = self.channel(streams, replicate, channel, spend[channel], &counts);
            let observed = observed[channel];
            *mean = if observed <= 0.0 {
                0.0
            } else if later {
                (*mean + (resampled / observed - 1.0) * (*mean * observed).sqrt()).max(0.0)
            } else {
                resampled * (*mean / observed)
            };
        }
    }

    fn channel(
        &self,
        streams: Streams,
        replicate: u64,
        channel: usize,
        spend: f64,
        counts: &[f64],
    ) -> f64 {
        let of = |start: &[usize]| start[channel]..start[channel + 1];
        match &self.kind {
            Kind::Rows(rows) => {
                let (range, rng) = (of(&rows.start), &mut sample(streams, replicate, channel));
                let (cost, conversions) = (&rows.spend[range.clone()], &rows.conversions[range]);
                resample::resample_rows(spend, cost, conversions, rng)
            }
            Kind::Weights(rows) => {
                let (range, rng) = (of(&rows.start), &mut sample(streams, replicate, channel));
                let (cost, conversions) = (&rows.spend[range.clone()], &rows.conversions[range]);
                resample::weigh_rows(spend, cost, conversions, rng)
            }
            Kind::Dates(days, _) => {
                let range = of(&days.start);
                let totals = range.fold((0.0, 0.0), |(cost, conversions), day| {
                    let count = counts[days.date[day]];
                    (
                        cost + count * days.spend[day],
                        conversions + count * days.conversions[day],
                    )
                });
                resample::ratio_estimate(spend, totals.1, totals.0)
            }
        }
    }
}

fn sample(streams: Streams, replicate: u64, channel: usize) -> crate::seed::Stream {
    streams.channel(Purpose::Sample, replicate, channel as u64)
}
