//! Samples of channels whose true means are the same in every replicate.

use std::sync::OnceLock;

use super::law::CountLaw;
use super::parametric::neg_binomial;
use crate::lanes::whole_bits;
use crate::seed::{Purpose, REPLICATES, Streams};
use crate::vector::{Work, turn, widest};

/// Tables beyond this many bytes are not built.
const MOST_BYTES: usize = 64 << 20;

/// Tables are built so many at a time, before it is known whether there is room for them: 12 MB of them at most.
const LAWS_AT_ONCE: usize = 256;

/// Channels whose words are drawn at once: they stay in the first-level cache.
const CHUNK: usize = 64;

/// Draws samples of channels with known means from one law each, worked out once.
///
/// Every draw is the quantile of one uniform number ([`CountLaw`], [`Purpose::SampleUniform`]) and depends on
/// (seed, replicate, channel), mean and dispersion only. The number is the same for every dispersion, so the
/// levels of a dispersion axis move together.
///
/// Channels with equal means share a table. A channel whose mean is too large for a table, and those for
/// which no room is left after 64 MB of tables (taken in the order of the channels), are drawn from their
/// own stream by a sampler ([`Purpose::Sample`]).
#[derive(Debug, Clone)]
pub struct FixedSample {
    streams: Streams,
    dispersion: f64,
    laws: Vec<CountLaw>,
    /// The law of every channel; that of a channel with a sampler is never looked at.
    law: Vec<usize>,
    /// Channels with a sampler, and their means.
    sampled: Vec<(usize, f64)>,
    remembered: Remembered,
}

/// Per group of eight replicates, what was drawn of every channel, in as few bytes as the counts need.
#[derive(Debug, Clone)]
enum Remembered {
    Nothing,
    Bytes(Vec<OnceLock<Box<[[u8; REPLICATES]]>>>),
    Words(Vec<OnceLock<Box<[[u16; REPLICATES]]>>>),
}

impl FixedSample {
    /// Works out the laws of channels with these means and variance `dispersion * mean`: negative binomial,
    /// or Poisson at a dispersion of 1.
    ///
    /// Time: O(n log n) and about 1 us for each different mean of 50; memory about 1.5 KB for each.
    #[must_use]
    pub fn new(streams: Streams, means: &[f64], dispersion: f64) -> Self {
        let law = |mean: &f64| CountLaw::new(*mean, dispersion);
        Self::with(streams, means, dispersion, |means| {
            means.iter().map(law).collect()
        })
    }

    /// As [`FixedSample::new`], by a caller who makes the laws of several means at once: [`CountLaw::new`] of each
    /// and the same dispersion, in their order.
    #[must_use]
    pub fn with(
        streams: Streams,
        means: &[f64],
        dispersion: f64,
        laws: impl Fn(&[f64]) -> Vec<Option<CountLaw>>,
    ) -> Self {
        Self::within(MOST_BYTES, streams, means, dispersion, laws)
    }

    fn within(
        mut room: usize,
        streams: Streams,
        means: &[f64],
        dispersion: f64,
        laws_of: impl Fn(&[f64]) -> Vec<Option<CountLaw>>,
    ) -> Self {
        let firsts = first_with_equal(means);
        let different: Vec<usize> = (0..means.len()).filter(|i| firsts[*i] == *i).collect();
        let (mut laws, mut made) = (Vec::new(), vec![None; means.len()]);
        for channels in different.chunks(LAWS_AT_ONCE) {
            let some: Vec<f64> = channels.iter().map(|channel| means[*channel]).collect();
            let found = laws_of(&some);
            debug_assert_eq!(found.len(), some.len(), "one law per mean");
            for (channel, law) in channels.iter().zip(found) {
                made[*channel] = law.filter(|law| law.bytes() <= room).map(|law| {
                    room -= law.bytes();
                    laws.push(law);
                    laws.len() - 1
                });
            }
        }
        let (mut law, mut sampled) = (vec![0; means.len()], Vec::new());
        for (channel, first) in firsts.into_iter().enumerate() {
            match made[first] {
                Some(number) => law[channel] = number,
                None => sampled.push((channel, means[channel])),
            }
        }
        Self {
            streams,
            dispersion,
            laws,
            law,
            sampled,
            remembered: Remembered::Nothing,
        }
    }

    /// Remembers what is drawn for the first `replicates`, whole groups of eight of them: the next time it costs a
    /// tenth. Nothing is remembered where a count may be too large for 16 bits.
    ///
    /// Memory: [`FixedSample::bytes_remembered`], as they are drawn.
    #[must_use]
    pub fn remembering(mut self, replicates: u64) -> Self {
        let groups = usize::try_from(replicates / REPLICATES as u64).unwrap_or(0);
        let highest = |most: u16| self.laws.iter().all(|law| law.highest() <= most.into());
        if !self.sampled.is_empty() {
            return self;
        }
        if highest(u8::MAX.into()) {
            self.remembered = Remembered::Bytes(vec![OnceLock::new(); groups]);
        } else if highest(u16::MAX) {
            self.remembered = Remembered::Words(vec![OnceLock::new(); groups]);
        }
        self
    }

    /// What [`FixedSample::remembering`] takes at most for so many channels and replicates, in bytes.
    #[must_use]
    pub fn bytes_remembered(channels: usize, replicates: u64) -> u64 {
        (channels * size_of::<u16>()) as u64 * replicates
    }

    /// Whether anything that is drawn is remembered.
    #[must_use]
    pub fn remembers(&self) -> bool {
        !matches!(self.remembered, Remembered::Nothing)
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.law.len()
    }

    /// Draws the samples of eight replicates: `out[i][lane]` is the count of channel `first + i` in
    /// `replicates[lane]`, for as many channels as `out` is long. Time: O(n), about 4 ns a draw while the
    /// tables fit into a cache; no allocation but for what is remembered.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "counts are kept in as many bytes as the highest one needs"
    )]
    pub fn fill(
        &self,
        replicates: &[u64; REPLICATES],
        first: usize,
        out: &mut [[f64; REPLICATES]],
    ) {
        let which = (replicates, first);
        match &self.remembered {
            Remembered::Bytes(groups) => self.repeat(groups, |bits| bits as u8, which, out),
            Remembered::Words(groups) => self.repeat(groups, |bits| bits as u16, which, out),
            Remembered::Nothing => self.draw(which, out),
        }
    }

    /// Repeats what was drawn before, or draws and remembers it.
    fn repeat<T: Copy + Default + Into<i32>>(
        &self,
        groups: &[OnceLock<Box<[[T; REPLICATES]]>>],
        low: impl Fn(u64) -> T,
        (replicates, first): (&[u64; REPLICATES], usize),
        out: &mut [[f64; REPLICATES]],
    ) {
        let memory = whole_group(replicates).and_then(|group| groups.get(group));
        if let Some(counts) = memory.and_then(OnceLock::get) {
            let counts = &counts[first..first + out.len()];
            return widest(Recall { counts, out });
        }
        self.draw((replicates, first), out);
        let Some(memory) = memory.filter(|_| out.len() == self.channels()) else {
            return;
        };
        let mut counts = vec![[T::default(); REPLICATES]; out.len()].into_boxed_slice();
        widest(Remember {
            drawn: out,
            low,
            counts: &mut counts,
        });
        // Where another thread was first it has drawn the same.
        let _ = memory.set(counts);
    }

    fn draw(
        &self,
        (replicates, first): (&[u64; REPLICATES], usize),
        out: &mut [[f64; REPLICATES]],
    ) {
        let channels = first..first + out.len();
        widest(Fill {
            sample: self,
            replicates,
            first,
            out,
        });
        for (channel, mean) in &self.sampled {
            if !channels.contains(channel) {
                continue;
            }
            for (lane, replicate) in replicates.iter().enumerate() {
                let rng = &mut self
                    .streams
                    .channel(Purpose::Sample, *replicate, *channel as u64);
                out[channel - first][lane] = neg_binomial(*mean, self.dispersion, rng);
            }
        }
    }
}

struct Fill<'a> {
    sample: &'a FixedSample,
    replicates: &'a [u64; REPLICATES],
    first: usize,
    out: &'a mut [[f64; REPLICATES]],
}

impl Work for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (sample, first) = (self.sample, self.first);
        if sample.laws.is_empty() {
            return;
        }
        let mut words = [[0; REPLICATES]; CHUNK];
        let channels = self
            .out
            .chunks_mut(CHUNK)
            .zip(sample.law[first..].chunks(CHUNK));
        for (chunk, (out, laws)) in channels.enumerate() {
            let words = &mut words[..out.len()];
            sample.streams.words(
                Purpose::SampleUniform,
                self.replicates,
                first + chunk * CHUNK,
                words,
            );
            for ((out, law), words) in out.iter_mut().zip(laws).zip(words) {
                *out = sample.laws[*law].draw8(words);
            }
        }
    }
}

/// The number of a group, where these are its replicates.
fn whole_group(replicates: &[u64; REPLICATES]) -> Option<usize> {
    let first = replicates[0];
    let follow = (first..).zip(replicates).all(|(a, b)| a == *b);
    let whole = follow && first.is_multiple_of(REPLICATES as u64);
    let group = usize::try_from(first / REPLICATES as u64).ok()?;
    whole.then_some(group)
}

struct Remember<'a, T, F> {
    drawn: &'a [[f64; REPLICATES]],
    /// The lowest bits.
    low: F,
    counts: &'a mut [[T; REPLICATES]],
}

impl<T: Copy + Default, F: Fn(u64) -> T> Work for Remember<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (counts, drawn) in self.counts.iter_mut().zip(self.drawn) {
            let mut small = [T::default(); REPLICATES];
            for lane in 0..REPLICATES {
                small[lane] = (self.low)(whole_bits(drawn[lane]));
            }
            *counts = small;
            turn();
        }
    }
}

struct Recall<'a, T> {
    counts: &'a [[T; REPLICATES]],
    out: &'a mut [[f64; REPLICATES]],
}

impl<T: Copy + Into<i32>> Work for Recall<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, counts) in self.out.iter_mut().zip(self.counts) {
            // In two steps, all lanes of each at once.
            let mut whole = [0_i32; REPLICATES];
            for lane in 0..REPLICATES {
                whole[lane] = counts[lane].into();
            }
            let mut numbers = [0.0; REPLICATES];
            for lane in 0..REPLICATES {
                numbers[lane] = f64::from(whole[lane]);
            }
            *out = numbers;
            turn();
        }
    }
}

/// For every number the position of the first one equal to it, bit for bit.
fn first_with_equal(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<(u64, usize)> = x.iter().map(|x| x.to_bits()).zip(0..).collect();
    order.sort_unstable();
    let mut first = vec![0; x.len()];
    for equal in order.chunk_by(|a, b| a.0 == b.0) {
        for (_, position) in equal {
            first[*position] = equal[0].1;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISPERSIONS: [f64; 3] = [1.0, 1.5, 4.0];

    /// Small, equal, zero, large and absurd means, over more than two chunks.
    fn means() -> Vec<f64> {
        let mut means: Vec<f64> = (0..150).map(|i| 0.4 * f64::from(i * i % 97)).collect();
        means.extend([0.0, 900.0, 2e5, 47.0, 1e300, 47.0, 2e5]);
        means
    }

    fn filled(sample: &FixedSample, replicates: [u64; REPLICATES]) -> Vec<[f64; REPLICATES]> {
        let mut out = vec![[f64::NAN; REPLICATES]; sample.channels()];
        sample.fill(&replicates, 0, &mut out);
        out
    }

    #[test]
    fn every_channel_draws_from_its_own_law() {
        let (means, streams) = (means(), Streams::new(4));
        let replicates = [0, 1, 2, 3, 4, 5, 6, 1 << 33];
        let mut words = vec![[0; REPLICATES]; means.len()];
        streams.words(Purpose::SampleUniform, &replicates, 0, &mut words);
        for dispersion in DISPERSIONS {
            let out = filled(&FixedSample::new(streams, &means, dispersion), replicates);
            for (channel, mean) in means.iter().enumerate() {
                let law = CountLaw::new(*mean, dispersion);
                for (lane, replicate) in replicates.into_iter().enumerate() {
                    let mut own = streams.channel(Purpose::Sample, replicate, channel as u64);
                    let expected = match &law {
                        Some(law) => law.draw(words[channel][lane]),
                        None => neg_binomial(*mean, dispersion, &mut own),
                    };
                    assert_eq!(out[channel][lane], expected, "{mean}, {replicate}");
                }
            }
        }
    }

    #[test]
    fn a_replicate_is_the_same_in_any_batch_and_lane() {
        let sample = FixedSample::new(Streams::new(4), &means(), 1.5);
        let all = filled(&sample, [0, 1, 2, 3, 4, 5, 6, 7]);
        let others = filled(&sample, [100, 6, 3, 100, 5, 0, 3, 2]);
        for (all, others) in all.iter().zip(&others) {
            for (lane, replicate) in [(1, 6), (2, 3), (4, 5), (5, 0), (6, 3), (7, 2)] {
                assert_eq!(others[lane], all[replicate]);
            }
            assert_eq!(others[0], others[3]);
        }
    }

    #[test]
    fn the_safe_twin_gives_the_same_bits() {
        for dispersion in DISPERSIONS {
            let sample = FixedSample::new(Streams::new(7), &means(), dispersion);
            for start in (0..4000).step_by(8) {
                let replicates = std::array::from_fn(|lane| start + lane as u64);
                let draw = |work: fn(Fill)| {
                    let mut out = vec![[0.0; REPLICATES]; sample.channels()];
                    work(Fill {
                        sample: &sample,
                        replicates: &replicates,
                        first: 0,
                        out: &mut out,
                    });
                    out
                };
                assert_eq!(draw(|fill| widest(fill)), draw(|fill| fill.run()));
            }
        }
    }

    /// How many groups are remembered, in how many bytes per count, and whether all are.
    fn remembered(sample: &FixedSample) -> (usize, usize, bool) {
        match &sample.remembered {
            Remembered::Nothing => (0, 0, true),
            Remembered::Bytes(groups) => {
                (groups.len(), 1, groups.iter().all(|m| m.get().is_some()))
            }
            Remembered::Words(groups) => {
                (groups.len(), 2, groups.iter().all(|m| m.get().is_some()))
            }
        }
    }

    /// Some channels alone are those of all, in which the last four channels of [`means`] are sampled, or not.
    fn assert_some_channels(sample: &FixedSample, replicates: [u64; REPLICATES]) {
        let all = filled(sample, replicates);
        for first in [0, 1, 63, 77, all.len() - 66] {
            let mut some = vec![[f64::NAN; REPLICATES]; 66];
            sample.fill(&replicates, first, &mut some);
            assert_eq!(some, all[first..first + 66], "{first}");
        }
    }

    #[test]
    fn some_channels_are_drawn_without_the_others() {
        let sample = FixedSample::new(Streams::new(4), &means(), 1.5);
        assert!(!sample.sampled.is_empty());
        assert_some_channels(&sample, [0, 1, 2, 3, 4, 5, 6, 1 << 33]);
    }

    #[test]
    fn what_is_remembered_is_what_was_drawn() {
        for (largest, bytes) in [(7.3, 2), (0.9, 1)] {
            let mean = |i: i32| largest * f64::from(i * i % 97);
            let means: Vec<f64> = (0..150).map(mean).collect();
            let plain = FixedSample::new(Streams::new(3), &means, 2.0);
            let remembering = plain.clone().remembering(20);
            assert_eq!(remembered(&remembering), (2, bytes, false));
            let groups: [[u64; REPLICATES]; 4] = [
                [0, 1, 2, 3, 4, 5, 6, 7],
                [8, 9, 10, 11, 12, 13, 14, 15],
                [16, 17, 18, 19, 19, 19, 19, 19],
                [8, 9, 10, 11, 12, 12, 12, 12],
            ];
            for _ in 0..3 {
                for group in groups {
                    assert_some_channels(&remembering, group);
                    assert_eq!(filled(&remembering, group), filled(&plain, group));
                }
            }
            assert_eq!(remembered(&remembering), (2, bytes, true));
        }
        // Counts that may be too large, or that a sampler draws, are not.
        let groups = [[0; REPLICATES], [8, 9, 10, 11, 12, 13, 14, 15]];
        for (mean, bytes) in [(50_000.0, 2), (70_000.0, 0), (1e9, 0)] {
            let large = FixedSample::new(Streams::new(3), &[mean], 1.0).remembering(80);
            assert_eq!(remembered(&large).1, bytes, "{mean}");
            let drawn = filled(&large, groups[1]);
            assert_eq!(filled(&large, groups[1]), drawn, "{mean}");
        }
    }

    #[test]
    fn equal_means_share_a_table() {
        let sample = FixedSample::new(Streams::new(1), &[3.0, 5.0, 3.0, 0.0, 5.0, 1e9], 2.0);
        assert_eq!((sample.laws.len(), sample.channels()), (3, 6));
        assert_eq!(sample.sampled, [(5, 1e9)]);
    }

    #[test]
    fn channels_without_room_for_a_table_use_their_sampler() {
        let (streams, means) = (Streams::new(1), [20.0, 30.0, 20.0, 40.0, 40.0]);
        let table = CountLaw::new(20.0, 1.0).unwrap().bytes();
        let within = |room: usize, means: &[f64]| {
            let laws = |means: &[f64]| means.iter().map(|mean| CountLaw::new(*mean, 1.0)).collect();
            FixedSample::within(room, streams, means, 1.0, laws)
        };
        let sample = within(table, &means);
        assert_eq!(sample.sampled, [(1, 30.0), (3, 40.0), (4, 40.0)]);
        let replicates = [0, 1, 2, 3, 4, 5, 6, 7];
        let (some, all) = (
            filled(&sample, replicates),
            filled(&FixedSample::new(streams, &means, 1.0), replicates),
        );
        assert_eq!((some[0], some[2]), (all[0], all[2]));
        for channel in [1, 3, 4] {
            let mut own = streams.channel(Purpose::Sample, 6, channel as u64);
            assert_eq!(
                some[channel][6],
                neg_binomial(means[channel], 1.0, &mut own)
            );
        }
        let none = within(0, &[20.0]);
        assert_eq!(filled(&none, replicates).len(), 1);
    }
}
