//! liftsweep: which budget-reallocation rule survives noise?
//!
//! # The model in ten lines
//!
//! Channels `i = 1..n` spent `s_i` and brought `c_i` conversions; today's mix is `o_i = s_i / sum s`.
//! A rule scores channels, raises the score to `delta` and normalises it to target shares `q`
//! ([`score`]), blends them with today's mix, `w = (1 - alpha) o + alpha q`, and imposes bounds, which
//! gives the allocation `x` ([`allocate`]).
//! A replicate is one world: a truth `mu_i` ([`truth`]) and a noisy sample `c*_i` of it ([`resample`]).
//! Spending `u` times as much brings `phi(u)` times the conversions ([`response`]).
//! The lift of `x` under conversions `m` is `sum m_i phi(x_i / o_i) / sum m_i - 1`. Rules are compared
//! by their `decision` lift (`x` chosen on the sample, judged by the truth of its world), today's plan by its
//! `recommended` lift (`x` chosen on the table, judged by the truth), and the `apparent` lift (chosen
//! and judged by the same sample) only shows how much of a promise is noise.
//!
//! # The flow
//!
//! ```text
//! scenario.toml --config--> Draft --+
//!                                   +--> Scenario --engine--> rows --output--> run folder
//! table.csv     --ingest--> Campaigns
//! ```
//!
//! ```
//! use liftsweep::config::Overrides;
//! use liftsweep::engine::{self, AllocationRow, ConfigurationRow, Options, Sink, Unobserved};
//! use liftsweep::problem::Error;
//! use liftsweep::scenario::Lift;
//!
//! /// Keeps the mean decision lift of every configuration.
//! struct Means(Vec<f64>);
//!
//! impl Sink for Means {
//!     type Error = Error;
//!     fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
//!         self.0.extend(rows.iter().filter_map(|row| Some(row.summary(Lift::Decision)?.mean)));
//!         Ok(())
//!     }
//!     fn allocations(&mut self, _: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
//!         Ok(())
//!     }
//! }
//!
//! let path = std::path::Path::new("configs/smoke.toml");
//! let scenario = liftsweep::load(path, &Overrides::default())?.scenario;
//! let mut means = Means(Vec::new());
//! let winners = engine::run(&scenario, Options::default(), &Unobserved, &mut means)?;
//! assert_eq!(means.0.len(), 6);
//! assert!(winners.worlds[0].rules == 6 && means.0.iter().all(|mean| *mean > 0.0));
//! # Ok::<(), Error>(())
//! ```
//!
//! # The layers
//!
//! A module imports only from lower layers; a test reads `src/` and fails otherwise.
//!
//! | layer | modules |
//! |---|---|
//! | 0 ground | [`units`], [`seed`], [`lanes`], [`flag`], [`problem`], [`special`], [`vector`] |
//! | 1 methods | [`score`], [`allocate`], [`resample`], [`truth`], [`response`], [`stats`] |
//! | 2 the experiment | [`scenario`] |
//! | 3 the engine | [`engine`] |
//! | 4 edges | [`config`], [`ingest`], [`output`] |
//! | 5 results against what was asked, the page | [`gate`], [`report`] |
//! | 6 both files at once, two runs at once | [`mod@load`], [`compare`] |
//! | 7 finished work on disk, a scenario for a table | [`store`], [`init`] |

pub mod allocate;
pub mod compare;
pub mod config;
pub mod engine;
pub mod flag;
pub mod gate;
pub mod ingest;
pub mod init;
pub mod lanes;
pub mod load;
pub mod output;
pub mod problem;
pub mod report;
pub mod resample;
pub mod response;
pub mod scenario;
pub mod score;
pub mod seed;
pub mod special;
pub mod stats;
pub mod store;
pub mod truth;
pub mod units;
pub mod vector;

pub use crate::load::load;
