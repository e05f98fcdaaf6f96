//! Worlds from the rows behind the table: some for the planner, the others for the judge.

use rand::RngExt;

use crate::resample::ratio_estimate;
use crate::scenario::{Campaigns, Days, Rows, Scenario, SplitBy};
use crate::seed::{Purpose, Stream, Streams};

/// A judge who got too few rows of a channel gets others, up to so many times.
const MOST_DRAWS: usize = 1_000;

/// Divides rows between planner and judge.
#[derive(Debug)]
pub(super) struct Splits<'a> {
    campaigns: &'a Campaigns,
    rows: &'a Rows,
    min_held_out: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    OutOfBag,
    Folds(u64),
    /// Days from position `first` on are the judge's.
    Time {
        days: Days,
        first: usize,
    },
}

/// Spend and conversions of some rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    spend: f64,
    conversions: f64,
}

impl Sum {
    fn add(&mut self, times: f64, spend: f64, conversions: f64) {
        self.spend += times * spend;
        self.conversions += times * conversions;
    }

    /// Conversions at a channel's whole spend.
    fn at(self, spend: f64) -> f64 {
        ratio_estimate(spend, self.conversions, self.spend)
    }
}

impl<'a> Splits<'a> {
    /// `None` where the truth is not made of held-out rows.
    pub(super) fn new(scenario: &'a Scenario) -> Option<Self> {
        let split = scenario.world.split.as_ref()?;
        let rows = scenario.campaigns.rows()?;
        let kind = match &split.by {
            SplitBy::OutOfBag => Kind::OutOfBag,
            SplitBy::Folds(folds) => Kind::Folds(*folds),
            SplitBy::Time(date) => {
                let days = Days::new(rows)?;
                let first = days.dates.partition_point(|day| day < date);
                Kind::Time { days, first }
            }
        };
        Some(Self {
            campaigns: &scenario.campaigns,
            rows,
            min_held_out: split.min_held_out,
            kind,
        })
    }

    /// Writes what a channel's spend brings at the rate of the judge's rows to `truth`, and at that of
    /// the planner's to `sample`. Time: O(rows).
    pub(super) fn draw(
        &self,
        streams: Streams,
        replicate: u64,
        truth: &mut Vec<f64>,
        sample: &mut Vec<f64>,
    ) {
        truth.clear();
        sample.clear();
        let counts = match &self.kind {
            Kind::Time { days, first } => {
                let mut rng = streams.channel(Purpose::Split, replicate, 0);
                day_counts(days.dates.len(), *first, &mut rng)
            }
            _ => Vec::new(),
        };
        let mut work = Vec::new();
        for (channel, spend) in self.campaigns.spend().iter().enumerate() {
            let [seen, held_out] = match &self.kind {
                Kind::OutOfBag => {
                    let mut rng = streams.channel(Purpose::Split, replicate, channel as u64);
                    self.out_of_bag(channel, &mut rng, &mut work)
                }
                Kind::Folds(folds) => {
                    let deal = replicate / folds;
                    let mut rng = streams.channel(Purpose::Split, deal, channel as u64);
                    self.fold(channel, *folds, replicate % folds, &mut rng, &mut work)
                }
                Kind::Time { days, first } => by_time(days, *first, channel, &counts),
            };
            sample.push(seen.at(*spend));
            truth.push(held_out.at(*spend));
        }
    }

    /// Rows drawn with replacement, and those never drawn: at least as many with spend as a judge needs.
    fn out_of_bag(&self, channel: usize, rng: &mut Stream, counts: &mut Vec<usize>) -> [Sum; 2] {
        let range = self.rows.start[channel]..self.rows.start[channel + 1];
        let (spend, conversions) = (
            &self.rows.spend[range.clone()],
            &self.rows.conversions[range.clone()],
        );
        let n = range.len();
        let mut sums = [Sum::default(); 2];
        for _ in 0..MOST_DRAWS {
            counts.clear();
            counts.resize(n, 0);
            for _ in 0..n {
                counts[rng.random_range(0..n)] += 1;
            }
            sums = [Sum::default(); 2];
            let mut held_out = 0;
            for (row, count) in counts.iter().enumerate() {
                if *count > 0 {
                    sums[0].add(*count as f64, spend[row], conversions[row]);
                } else {
                    sums[1].add(1.0, spend[row], conversions[row]);
                    held_out += usize::from(spend[row] > 0.0);
                }
            }
            if held_out >= self.min_held_out || self.campaigns.spend()[channel] == 0.0 {
                break;
            }
        }
        sums
    }

    /// All folds but one, and that one. Rows with spend are dealt first, so that every fold gets its part
    /// of them, and the fold that is dealt to first is drawn, too.
    fn fold(
        &self,
        channel: usize,
        folds: u64,
        held_out: u64,
        rng: &mut Stream,
        order: &mut Vec<usize>,
    ) -> [Sum; 2] {
        let range = self.rows.start[channel]..self.rows.start[channel + 1];
        let (spend, conversions) = (&self.rows.spend, &self.rows.conversions);
        order.clear();
        order.extend(range.clone().filter(|row| spend[*row] > 0.0));
        let paid = order.len();
        order.extend(range.filter(|row| spend[*row] <= 0.0));
        shuffle(&mut order[..paid], rng);
        shuffle(&mut order[paid..], rng);
        let mut sums = [Sum::default(); 2];
        let mut fold = rng.random_range(0..folds);
        for row in order.iter() {
            sums[usize::from(fold == held_out)].add(1.0, spend[*row], conversions[*row]);
            fold = (fold + 1) % folds;
        }
        sums
    }
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize], rng: &mut Stream) {
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
}

/// How often each day is drawn for the judge, out of those from `first` on.
fn day_counts(days: usize, first: usize, rng: &mut Stream) -> Vec<f64> {
    let mut counts = vec![0.0; days];
    for _ in first..days {
        counts[rng.random_range(first..days)] += 1.0;
    }
    counts
}

/// Earlier days as they are, and later ones as often as they were drawn; as they are, too, where the
/// draw holds no spend of the channel.
fn by_time(days: &Days, first: usize, channel: usize, counts: &[f64]) -> [Sum; 2] {
    let (mut sums, mut later) = ([Sum::default(); 2], Sum::default());
    for day in days.start[channel]..days.start[channel + 1] {
        let (spend, conversions) = (days.spend[day], days.conversions[day]);
        if days.date[day] < first {
            sums[0].add(1.0, spend, conversions);
        } else {
            sums[1].add(counts[days.date[day]], spend, conversions);
            later.add(1.0, spend, conversions);
        }
    }
    if sums[1].spend <= 0.0 {
        sums[1] = later;
    }
    sums
}
