//! Random streams: one per (seed, purpose, replicate, channel), by construction.
//!
//! The generator is Philox4x64-10, a counter-based generator: its output is a keyed bijection of a
//! counter, so a stream is *named* rather than advanced to. The key holds (seed, purpose) and the
//! counter (block, channel, replicate): streams cannot overlap, and no draw depends on how many
//! other draws were made, on threads, or on the configurations of the grid.
//!
//! Each channel has its own stream, so a rejection sampler that consumes more numbers for one channel, or
//! for one noise level, never shifts the draws of another: all levels of a noise axis start from the same numbers.
//!
//! Where one number per channel and replicate is enough (a draw by inversion), a stream would throw three
//! quarters of its first block away. [`Streams::words`] names those numbers singly, from Philox4x32-10, the
//! member of the family whose 32-bit multiplications run in vector registers: the key is the seed and the
//! counter (channel / 2, purpose, replicate), and each block of 128 bits holds the words of two channels.
//! A word is as independent of all other draws, of threads and of the number of channels as a stream is.
//!
//! Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
//! [doi:10.1145/2063384.2063405](https://doi.org/10.1145/2063384.2063405).

use rand::rand_core::{Infallible, TryRng};

/// What a stream is drawn for. The numbers are part of the results: never reuse or change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Parameters shared by all channels of a world (heterogeneity and level of the posterior).
    Hyperparameters = 1,
    /// A channel's true rate.
    Truth = 2,
    /// What the planner sees of a channel.
    Sample = 3,
    /// Shocks of the sample that do not average out (`noise_cv`).
    NoiseShock = 4,
    /// Change of the truth after the plan was made (`drift_cv`).
    Drift = 5,
    /// What the planner sees of a channel, where one uniform number decides it ([`Streams::words`]).
    SampleUniform = 6,
    /// The dates of a block bootstrap, which all channels share.
    Dates = 7,
    /// Which rows a planner sees and which judge it.
    Split = 8,
    /// Points of a design.
    Design = 30,
    /// Rows of a design in bootstrap samples of it.
    Bootstrap = 31,
    /// Which channel a row is given to, where rows are permuted.
    Permutation = 20,
}

/// How many replicates [`Streams::words`] serves at once.
pub const REPLICATES: usize = 8;

/// The streams of one run.
#[derive(Debug, Clone, Copy)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams that belong to a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of one channel in one replicate.
    #[must_use]
    pub fn channel(&self, purpose: Purpose, replicate: u64, channel: u64) -> Stream {
        Stream::named([self.seed, purpose as u64], [0, channel, replicate, 0])
    }

    /// One uniform 64-bit word per channel and replicate: `out[i][lane]` is that of channel
    /// `first_channel + i` in `replicates[lane]`, whatever else the call asks for.
    ///
    /// Channels lie below 2^33. About 1 ns a word where this is inlined into code for vector registers,
    /// which is why it always is; no allocation.
    #[inline(always)]
    pub fn words(
        &self,
        purpose: Purpose,
        replicates: &[u64; REPLICATES],
        first_channel: usize,
        out: &mut [[u64; REPLICATES]],
    ) {
        let block = |number: usize| self.block(purpose, replicates, number as u64);
        let mut number = first_channel / 2;
        let (second_half, whole) = out.split_at_mut((first_channel % 2).min(out.len()));
        for words in second_half {
            *words = block(number)[1];
            number += 1;
        }
        let (pairs, first_half) = whole.as_chunks_mut::<2>();
        for pair in pairs {
            *pair = block(number);
            number += 1;
        }
        for words in first_half {
            *words = block(number)[0];
        }
    }

    /// The words of channels `2 number` and `2 number + 1`.
    #[inline(always)]
    fn block(
        self,
        purpose: Purpose,
        replicates: &[u64; REPLICATES],
        number: u64,
    ) -> [[u64; REPLICATES]; 2] {
        let key = [self.seed & LOW_HALF, self.seed >> 32];
        let mut words = [[0; REPLICATES]; 2];
        for lane in 0..REPLICATES {
            let replicate = replicates[lane];
            let counter = [number, purpose as u64, replicate, replicate >> 32];
            let halves = philox_narrow(counter, key);
            words[0][lane] = halves[0] & LOW_HALF | halves[1] << 32;
            words[1][lane] = halves[2] & LOW_HALF | halves[3] << 32;
        }
        words
    }
}

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;

/// One random stream: 2^64 blocks of four 64-bit words.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u64; 2],
    counter: [u64; 4],
    block: [u64; 4],
    used: usize,
}

impl Stream {
    fn named(key: [u64; 2], counter: [u64; 4]) -> Self {
        Self {
            key,
            counter,
            block: [0; 4],
            used: 4,
        }
    }

    #[inline]
    fn word(&mut self) -> u64 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }
}

/// Ten rounds of Philox4x64.
#[inline]
fn philox(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let (low0, high0) = MULTIPLIERS[0].widening(counter[0]);
        let (low1, high1) = MULTIPLIERS[1].widening(counter[2]);
        counter = [
            high1 ^ counter[1] ^ key[0],
            low1,
            high0 ^ counter[3] ^ key[1],
            low0,
        ];
    }
    counter
}

const NARROW_MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const NARROW_WEYL: [u64; 2] = [0x9E37_79B9, 0xBB67_AE85];
const LOW_HALF: u64 = 0xFFFF_FFFF;

/// Ten rounds of Philox4x32. A number is the lower half of its 64-bit word, the upper half is noise: that
/// is how vector registers multiply.
#[inline(always)]
fn philox_narrow(mut counter: [u64; 4], mut key: [u64; 2]) -> [u64; 4] {
    for _ in 0..ROUNDS {
        let product0 = NARROW_MULTIPLIERS[0] * (counter[0] & LOW_HALF);
        let product1 = NARROW_MULTIPLIERS[1] * (counter[2] & LOW_HALF);
        counter = [
            product1 >> 32 ^ counter[1] ^ key[0],
            product1,
            product0 >> 32 ^ counter[3] ^ key[1],
            product0,
        ];
        key = [
            key[0].wrapping_add(NARROW_WEYL[0]),
            key[1].wrapping_add(NARROW_WEYL[1]),
        ];
    }
    counter
}

trait Widening {
    fn widening(self, other: u64) -> (u64, u64);
}

impl Widening for u64 {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of a 128-bit product"
    )]
    fn widening(self, other: u64) -> (u64, u64) {
        let product = u128::from(self) * u128::from(other);
        (product as u64, (product >> 64) as u64)
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// Known answers of the Random123 distribution (its file `kat_vectors`, philox4x64, 10 rounds).
    #[test]
    fn known_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [
                0x1655_4d9e_ca36_314c,
                0xdb20_fe9d_672d_0fdc,
                0xd7e7_72ce_e186_176b,
                0x7e68_b68a_ec7b_a23b
            ]
        );
        assert_eq!(
            philox([u64::MAX; 4], [u64::MAX; 2]),
            [
                0x87b0_92c3_013f_e90b,
                0x438c_3c67_be8d_0224,
                0x9cc7_d7c6_9cd7_77b6,
                0xa09c_aebf_594f_0ba0
            ]
        );
    }

    /// The same file, philox4x32, 10 rounds.
    #[test]
    fn known_answers_of_the_narrow_generator() {
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        for (counter, key, expected) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [LOW_HALF; 4],
                [LOW_HALF; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                pi,
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox_narrow(counter, key).map(|x| x & LOW_HALF), expected);
            // What is in the upper halves changes nothing.
            let noisy = counter.map(|x| x | 0xABCD_EF01 << 32);
            assert_eq!(philox_narrow(noisy, key).map(|x| x & LOW_HALF), expected);
        }
    }

    #[test]
    fn a_word_is_named_by_seed_purpose_replicate_and_channel() {
        let word = |seed, purpose, replicate, channel| {
            let mut out = [[0; REPLICATES]];
            Streams::new(seed).words(purpose, &[replicate; REPLICATES], channel, &mut out);
            assert_eq!(out[0], [out[0][0]; REPLICATES]);
            out[0][0]
        };
        let (replicate, seed) = (0x0370_7344_1319_8a2e, 0x299f_31d0_a409_3822);
        let base = word(seed, Purpose::SampleUniform, replicate, 7);
        let block = philox_narrow(
            [3, 6, replicate & LOW_HALF, replicate >> 32],
            [seed & LOW_HALF, seed >> 32],
        );
        assert_eq!(base, block[2] & LOW_HALF | block[3] << 32);
        for other in [
            word(seed ^ 1, Purpose::SampleUniform, replicate, 7),
            word(seed ^ 1 << 63, Purpose::SampleUniform, replicate, 7),
            word(seed, Purpose::Sample, replicate, 7),
            word(seed, Purpose::SampleUniform, replicate ^ 1, 7),
            word(seed, Purpose::SampleUniform, replicate ^ 1 << 63, 7),
            word(seed, Purpose::SampleUniform, replicate, 6),
            word(seed, Purpose::SampleUniform, replicate, 8),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn words_do_not_depend_on_the_call_they_come_from() {
        let streams = Streams::new(9);
        let replicates = [5, 0, 1, 2, 3, 1 << 40, 99_999_999, 4];
        let mut all = [[0; REPLICATES]; 11];
        streams.words(Purpose::SampleUniform, &replicates, 0, &mut all);
        for first in 0..11 {
            for length in 0..=11 - first {
                let mut some = vec![[0; REPLICATES]; length];
                streams.words(Purpose::SampleUniform, &replicates, first, &mut some);
                assert_eq!(some, all[first..first + length]);
            }
        }
        let mut turned = replicates;
        turned.rotate_left(3);
        let mut others = [[0; REPLICATES]; 11];
        streams.words(Purpose::SampleUniform, &turned, 0, &mut others);
        for (mut words, other) in all.into_iter().zip(others) {
            words.rotate_left(3);
            assert_eq!(words, other);
        }
    }

    #[test]
    fn streams_differ_in_every_part_of_their_name() {
        let first = |seed, purpose, replicate, channel| {
            Streams::new(seed)
                .channel(purpose, replicate, channel)
                .next_u64()
        };
        let base = first(1, Purpose::Truth, 7, 3);
        assert_eq!(base, first(1, Purpose::Truth, 7, 3));
        assert_ne!(base, first(2, Purpose::Truth, 7, 3));
        assert_ne!(base, first(1, Purpose::Sample, 7, 3));
        assert_ne!(base, first(1, Purpose::Truth, 8, 3));
        assert_ne!(base, first(1, Purpose::Truth, 7, 4));
    }

    #[test]
    fn a_stream_continues_past_its_first_block() {
        let mut stream = Streams::new(5).channel(Purpose::Sample, 0, 0);
        let words: Vec<u64> = (0..9).map(|_| stream.next_u64()).collect();
        assert_eq!(
            words[4],
            philox([1, 0, 0, 0], [5, Purpose::Sample as u64])[0]
        );
        assert_eq!(
            words[8],
            philox([2, 0, 0, 0], [5, Purpose::Sample as u64])[0]
        );
    }
}
