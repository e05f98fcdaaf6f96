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
}

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
