//! Today's plans before the truth of every replicate.
//!
//! A plan made from the table does not change between replicates, so its return is a product of fixed numbers
//! with the drawn rates. Clips are separated as in [`super::clips`]: one product per side of the
//! bounds, not per pair. A truth that is the same in all replicates makes it one number.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::chain::Chain;
use super::clips::Rates;
use super::layout::{ONE, row};
use super::passes::{Lane, Lanes, Rows, Same, ZERO, in_order, zip};
use super::plan::Plan;
use super::planner::{Planner, TableMetric};
use super::returns::Returns;
use crate::allocate::{BoundMode, Scratch, impose};
use crate::scenario::{Rule, Scenario};
use crate::vector::widest;

/// Where the recommended lift of a configuration is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The same in all replicates.
    Constant(f64),
    /// `(over + under) / scale - 1`, of two rows; the second is 0 where it is [`ONE`].
    Rows { over: u32, under: u32, scale: f64 },
}

/// Today's plans of a block.
#[derive(Debug, Default)]
pub(super) struct Recommended {
    /// Rows that are kept per replicate.
    pub(super) rows: usize,
    /// For each slot.
    pub(super) sources: Vec<Source>,
    channels: usize,
    /// Per elasticity, powered shares, or parts of them: one after the other.
    vectors: Vec<Vec<f64>>,
    /// Per draw and elasticity, the first row.
    first: Vec<Vec<usize>>,
}

/// Powered shares, or a part of them, that are to be computed.
#[derive(Debug, Clone, Copy)]
struct Job {
    cell: usize,
    bounds: usize,
    part: Part,
    elasticity: usize,
}

/// What of the shares a vector holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All, in a mode that does not separate.
    Whole(BoundMode),
    /// What the upper bound leaves of a clip.
    Over,
    /// What the lower bound adds to it.
    Under,
}

/// What a slot is made of: positions among the vectors of its elasticity.
#[derive(Debug, Clone, Copy)]
struct Made {
    elasticity: usize,
    over: usize,
    under: Option<usize>,
    scale: f64,
}

impl Recommended {
    /// Prepares the plans of a block; rows from `first_row` on are theirs.
    /// `known` is the truth of each elasticity, where it is the same in all replicates.
    ///
    /// Memory and time: O(distinct sides of clips x channels), O(rules x channels) in the other modes.
    pub(super) fn new(
        scenario: &Scenario,
        chain: &Chain,
        plan: &Plan,
        first_row: usize,
        known: &[Option<(&[f64], Lane)>],
    ) -> Self {
        let mut jobs = Jobs::new(scenario, chain, plan);
        let made: Vec<Made> = (0..plan.slots()).map(|slot| jobs.slot(slot)).collect();
        let n = chain.status_quo().len();
        let mut this = Self {
            channels: n,
            vectors: jobs.run(),
            ..Self::default()
        };
        if let Some(known) = known.iter().copied().collect::<Option<Vec<_>>>() {
            let returns: Vec<Vec<Lane>> = (0..known.len())
                .map(|elasticity| {
                    let (rates, baseline) = known[elasticity];
                    this.returns(elasticity, Rates::Same(rates), baseline)
                })
                .collect();
            let lift = |made: &Made| {
                let part = |position: usize| returns[made.elasticity][position][0];
                (part(made.over) + made.under.map_or(0.0, part)) / made.scale - 1.0
            };
            this.sources = made
                .iter()
                .map(|made| Source::Constant(lift(made)))
                .collect();
            this.vectors.clear();
            return this;
        }
        let mut next = first_row;
        for _ in &plan.draws {
            let of_draw = this.vectors.iter().map(|vectors| {
                next += vectors.len() / n;
                next - vectors.len() / n
            });
            let of_draw = of_draw.collect();
            this.first.push(of_draw);
        }
        this.rows = next - first_row;
        let source = |(slot, made): (usize, &Made)| {
            let first = this.first[plan.draw(slot)][made.elasticity];
            Source::Rows {
                over: row(first + made.over),
                under: made.under.map_or(ONE, |under| row(first + under)),
                scale: made.scale,
            }
        };
        this.sources = made.iter().enumerate().map(source).collect();
        this
    }

    /// Writes the rows of a draw at one elasticity, for eight replicates.
    pub(super) fn rows(
        &self,
        draw: usize,
        elasticity: usize,
        rates: Rates<'_>,
        baseline: Lane,
        write: &mut dyn FnMut(usize, Lane),
    ) {
        if self.rows == 0 {
            return;
        }
        let first = self.first[draw][elasticity];
        for (position, brought) in self
            .returns(elasticity, rates, baseline)
            .into_iter()
            .enumerate()
        {
            write(first + position, brought);
        }
    }

    /// What every vector of an elasticity brings, as multiples of what today's mix does.
    fn returns(&self, elasticity: usize, rates: Rates<'_>, baseline: Lane) -> Vec<Lane> {
        let (x, channels) = (&self.vectors[elasticity], self.channels);
        let mut returns = vec![ZERO; x.len() / channels];
        let out = &mut returns;
        match rates {
            Rates::Same(rates) => widest(Rows {
                x,
                rates: Same(rates),
                channels,
                out,
            }),
            Rates::Lanes(rates) => widest(Rows {
                x,
                rates: Lanes(rates),
                channels,
                out,
            }),
        }
        for brought in &mut returns {
            *brought = zip(*brought, baseline, |x, y| x / y);
        }
        returns
    }
}

/// The vectors that a block needs, each once.
struct Jobs<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    chain: &'a Chain,
    metric: TableMetric,
    /// Per elasticity.
    returns: Vec<Returns>,
    /// Blended weights of each score, rates, delta and alpha, with their sum.
    cells: Vec<(Vec<f64>, f64)>,
    known_cells: BTreeMap<[usize; 4], usize>,
    known: BTreeMap<(usize, Part, usize, usize), usize>,
    /// Per elasticity.
    wanted: Vec<Vec<Job>>,
}

impl<'a> Jobs<'a> {
    fn new(scenario: &'a Scenario, chain: &'a Chain, plan: &'a Plan) -> Self {
        Self {
            scenario,
            plan,
            chain,
            metric: Planner::new(scenario).of_table(scenario),
            returns: Returns::all(scenario),
            cells: Vec::new(),
            known_cells: BTreeMap::new(),
            known: BTreeMap::new(),
            wanted: vec![Vec::new(); scenario.grid.elasticity.len()],
        }
    }

    fn slot(&mut self, slot: usize) -> Made {
        let grid = &self.scenario.grid;
        let index = self.plan.configurations[slot];
        let (at, elasticity) = (grid.position(index), grid.level_at(index).elasticity);
        let rule = grid.configuration(index).rule;
        let (bounds, mode) = (self.plan.bounds_of_slot(slot), rule.bound_mode);
        let cell = self.cell([at[0], at[1], at[3], at[2]], &rule);
        let job = |part| Job {
            cell,
            bounds,
            part,
            elasticity,
        };
        let limits = &self.plan.limits;
        let exponent = self.returns[elasticity].exponent();
        let separates = mode == BoundMode::Clip && limits.keeps_something(bounds, rule.alpha);
        let (true, Some(exponent)) = (separates, exponent) else {
            return Made {
                elasticity,
                over: self.job(job(Part::Whole(mode)), bounds),
                under: None,
                scale: 1.0,
            };
        };
        let [lower, upper] = limits.sides_of(bounds);
        let over = self.job(job(Part::Over), upper);
        let raises = limits.get(bounds).sum_lo() > 0.0;
        let under = raises.then(|| self.job(job(Part::Under), lower));
        let (w, total) = &self.cells[cell];
        let parts = limits.get(bounds);
        let left = in_order(w.len(), |i| w[i].min(parts.hi()[i]));
        let added = in_order(w.len(), |i| (parts.lo()[i] - w[i]).max(0.0));
        Made {
            elasticity,
            over,
            under,
            scale: ((left + added) / total).powf(exponent),
        }
    }

    /// Position of a vector; `limits` tells the bounds, or the side of them, that it depends on.
    fn job(&mut self, job: Job, limits: usize) -> usize {
        let key = (job.cell, job.part, limits, job.elasticity);
        let jobs = &mut self.wanted[job.elasticity];
        *self.known.entry(key).or_insert_with(|| {
            jobs.push(job);
            jobs.len() - 1
        })
    }

    fn cell(&mut self, key: [usize; 4], rule: &Rule) -> usize {
        let (chain, metric, cells) = (self.chain, &self.metric, &mut self.cells);
        *self.known_cells.entry(key).or_insert_with(|| {
            let weights = chain.blended(rule, metric.of(rule.rates)).weights;
            let total = in_order(weights.len(), |i| weights[i]);
            cells.push((weights, total));
            cells.len() - 1
        })
    }

    fn run(&self) -> Vec<Vec<f64>> {
        let n = self.chain.status_quo().len();
        let of_elasticity = |(jobs, returns): (&Vec<Job>, &Returns)| {
            let mut vectors = vec![0.0; jobs.len() * n];
            let parts = vectors.par_chunks_mut(n).zip(jobs);
            parts.for_each_init(Scratch::default, |scratch, (out, job)| {
                self.vector(job, returns, scratch, out);
            });
            vectors
        };
        let elasticities = self.wanted.iter().zip(&self.returns);
        elasticities.map(of_elasticity).collect()
    }

    fn vector(&self, job: &Job, returns: &Returns, scratch: &mut Scratch, out: &mut [f64]) {
        let w = &self.cells[job.cell].0;
        let bounds = self.plan.limits.get(job.bounds);
        // Only powers come in parts.
        let exponent = returns.exponent().unwrap_or(1.0);
        let power = |x: f64| if exponent == 1.0 { x } else { x.powf(exponent) };
        match job.part {
            Part::Whole(mode) => {
                let mut shares = vec![0.0; w.len()];
                impose(mode, bounds, w, scratch, &mut shares);
                returns.of(&shares, out);
            }
            Part::Over => {
                for ((out, w), hi) in out.iter_mut().zip(w).zip(bounds.hi()) {
                    *out = power(w.min(*hi));
                }
            }
            Part::Under => {
                for ((out, w), lo) in out.iter_mut().zip(w).zip(bounds.lo()) {
                    *out = (power(*lo) - power(*w)).max(0.0);
                }
            }
        }
    }
}
