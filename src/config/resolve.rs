//! From a draft and its table to a scenario: whatever needs both.

use std::collections::BTreeMap;

use super::Draft;
use super::feasible;
use super::grid::{GridDraft, RelativeDraft};
use super::needs;
use super::number::short;
use super::source::Spot;
use super::split;
use super::world::{BlockLength, DispersionLevel, WorldDraft, check_neg_binomial};
use crate::lanes;
use crate::problem::{Problems, nearest};
use crate::resample::{BlockMethod, Noise};
use crate::response::Response;
use crate::scenario::{
    Blocks, Campaigns, ChannelBounds, Days, DispersionSource, FixedBy, Grid, RelativeAxes,
    ResponseKind, ResponseSettings, Scenario, World,
};
use crate::stats::{block_lengths, pooled_dispersion};
use crate::truth::TruthModel;

impl Draft {
    /// Completes the scenario with its table.
    ///
    /// The budget defaults to the total spend; the dispersion to an estimate from the rows where
    /// `data.granularity = "row"`, and else to an assumed 1; the noise to `poisson` where every
    /// dispersion is 1, to `neg_binomial` where none is below 1, and to `gamma` otherwise.
    ///
    /// # Errors
    ///
    /// Every problem that only the table reveals: `E_CHANNEL`, `E_BOUNDS`, `E_INFEASIBLE`,
    /// `E_NOISE`, `E_TRUTH`, `E_FRACTIONAL`, `E_CONV_GT_CLICKS`, `E_NO_CONVERSIONS`, `E_NO_VALUE`,
    /// `E_BUDGET`.
    pub fn resolve(mut self, campaigns: Campaigns) -> Result<Scenario, Problems> {
        let mut problems = Problems::new();
        let channel_bounds = bounds_by_channel(&self.grid, &campaigns, &mut problems);
        feasible::check(&self.grid, &channel_bounds, &campaigns, &mut problems);
        if !self.today_only {
            needs::check(&self.world, &self.value_spot, &campaigns, &mut problems);
        }
        let response = response_of(&mut self.world, &campaigns, &mut problems);
        self.check_clairvoyant(&response, campaigns.len(), &mut problems);
        let days = campaigns.rows().and_then(Days::new);
        let (dispersion, source) = self.dispersions(&campaigns, days.as_ref(), &mut problems);
        let blocks = match (self.world.noise.value, &days) {
            (Some(Noise::Block), Some(days)) if !self.today_only => {
                blocks(&self.world, &campaigns, days, &mut problems)
            }
            _ => None,
        };
        let split = if self.today_only {
            None
        } else {
            split::resolve(&self.world, &campaigns, days.as_ref(), &mut problems)
        };
        let budget = self.budget.value.unwrap_or(campaigns.total_spend());
        if !budget.is_finite() {
            problems.push(self.budget.spot.problem(
                "E_BUDGET",
                "the total spend is too large for a number",
                "set budget.total, or state spend in a larger unit",
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let noise = self.world.noise.value;
        Ok(Scenario {
            name: self.name,
            seed: self.seed,
            campaigns,
            budget,
            channel_bounds,
            world: World {
                truth: self.world.truth.value,
                noise: match self.world.truth.value {
                    TruthModel::Split => Noise::Rows,
                    _ => noise.unwrap_or_else(|| default_noise(&dispersion)),
                },
                prior_mean: self.world.prior_mean.value,
                response,
                periods: self.world.periods.value,
                drift_persistence: self.world.drift_persistence,
                dispersion: source,
                intraclass_correlation: self.world.intraclass_correlation.value.unwrap_or(0.0),
                blocks,
                split,
            },
            grid: {
                let grid = complete_grid(self.grid, self.world, dispersion);
                match self.design {
                    Some(design) => design.fill(grid, self.seed),
                    None => grid,
                }
            },
            run: self.run,
            metrics: self.metrics,
            output: self.output,
            gates: self.gates.into_iter().map(|placed| placed.gate).collect(),
        })
    }

    /// An optimum is known where returns do not increase.
    fn check_clairvoyant(
        &self,
        response: &ResponseSettings,
        channels: usize,
        problems: &mut Problems,
    ) {
        let increases = |elasticity: &f64| {
            let response = response.at(*elasticity, channels);
            response.is_ok_and(|response| !response.is_concave())
        };
        if self.metrics.clairvoyant && self.world.elasticity.iter().all(increases) {
            problems.push(self.clairvoyant_spot.problem(
                "E_METRIC",
                "the best plan is known where returns diminish, and no level of this response has them diminish everywhere",
                "use h of at most 1, or elasticities of at most 1, or remove clairvoyant",
            ));
        }
    }

    /// The levels of the dispersion as numbers, and where they come from.
    fn dispersions(
        &self,
        campaigns: &Campaigns,
        days: Option<&Days>,
        problems: &mut Problems,
    ) -> (Vec<f64>, DispersionSource) {
        let levels = match &self.world.dispersion.value {
            Some(levels) => levels.as_slice(),
            None if self.has_rows => &[DispersionLevel::Rows],
            None => return (vec![1.0], DispersionSource::Assumed),
        };
        let mut numbers = Vec::with_capacity(levels.len());
        let mut source = DispersionSource::Given;
        for level in levels {
            match level {
                DispersionLevel::Given(number) => numbers.push(*number),
                DispersionLevel::Rows => {
                    source = DispersionSource::Rows;
                    numbers.extend(self.estimate(campaigns, days, problems));
                }
            }
        }
        (numbers, source)
    }

    /// The dispersion of the table's rows, where it is one that worlds can be drawn with. With dates, a
    /// row is a channel's day: what hits a day as a whole is noise, too.
    fn estimate(
        &self,
        campaigns: &Campaigns,
        days: Option<&Days>,
        problems: &mut Problems,
    ) -> Option<f64> {
        let spot = &self.world.dispersion.spot;
        let remedy = "give a number, such as dispersion = [1.0]";
        let estimate = match (days, campaigns.rows()) {
            (Some(days), _) => pooled_dispersion(&days.start, &days.spend, &days.conversions),
            (None, Some(rows)) => pooled_dispersion(&rows.start, &rows.spend, &rows.conversions),
            (None, None) => None,
        };
        let Some(estimate) = estimate else {
            let message =
                "no dispersion can be estimated: no channel has two rows and a conversion";
            problems.push(spot.problem("E_NOISE", message, remedy));
            return None;
        };
        if !(estimate > 0.0 && estimate.is_finite()) {
            let message = format!("the dispersion estimated from the rows is {estimate}");
            problems.push(spot.problem("E_NOISE", message, remedy));
            return None;
        }
        check_neg_binomial(&self.world.noise, std::iter::once(estimate), problems);
        Some(estimate)
    }
}

/// The blocks of dates. An automatic length is the mean of those that the channels ask for, each by what
/// its conversions deviate from its rate on the dates, weighted by conversions.
fn blocks(
    world: &WorldDraft,
    campaigns: &Campaigns,
    days: &Days,
    problems: &mut Problems,
) -> Option<Blocks> {
    let method = world.block_method.value.unwrap_or(BlockMethod::Stationary);
    let dates = days.dates.len();
    if dates < 2 {
        problems.push(world.noise.spot.problem(
            "E_NOISE",
            "\"block\" resamples dates, but all rows have the same one",
            "use noise = \"rows\"",
        ));
        return None;
    }
    if let Some(BlockLength::Given(length)) = world.block_length.value {
        // A circular block of all dates is the table itself, turned: it would show no noise at all.
        if length >= dates as f64 {
            problems.push(world.block_length.spot.problem(
                "E_NOISE",
                format!(
                    "blocks of {length} dates leave nothing to resample: the table has {dates}"
                ),
                "use a shorter length, or \"auto\"",
            ));
            return None;
        }
        return Some(Blocks {
            method,
            length,
            is_estimated: false,
        });
    }
    let (mut sum, mut total) = (0.0, 0.0);
    for (channel, conversions) in campaigns.conversions().iter().enumerate() {
        let Some(series) = days.deviations(channel).filter(|_| *conversions > 0.0) else {
            continue;
        };
        let lengths = block_lengths(&series);
        let length = match method {
            BlockMethod::Circular => lengths.circular,
            BlockMethod::Stationary => lengths.stationary,
        };
        sum += conversions * length;
        total += conversions;
    }
    let length = if total > 0.0 { sum / total } else { 1.0 };
    Some(Blocks {
        method,
        length: match method {
            BlockMethod::Circular => length.round(),
            BlockMethod::Stationary => length,
        },
        is_estimated: true,
    })
}

/// Counts without extra variance, counts with it, or whatever varies less than counts.
fn default_noise(dispersion: &[f64]) -> Noise {
    if dispersion.iter().all(|d| *d == 1.0) {
        Noise::Poisson
    } else if dispersion.iter().all(|d| *d >= 1.0) {
        Noise::NegBinomial
    } else {
        Noise::Gamma
    }
}

fn complete_grid(grid: GridDraft, world: WorldDraft, dispersion: Vec<f64>) -> Grid {
    Grid {
        score: grid.score,
        rates: grid.rates,
        alpha: grid.alpha,
        delta: grid.delta,
        min_share: grid.min_share.value,
        max_share: grid.max_share.value,
        relative: relative_axes(grid.relative),
        bound_mode: grid.bound_mode,
        dispersion,
        elasticity: world.elasticity,
        noise_cv: world.noise_cv,
        drift_cv: world.drift_cv,
        points: None,
    }
}

/// A ratio that is not given does not bind: 0 below, infinity above.
fn relative_axes(relative: RelativeDraft) -> RelativeAxes {
    match (relative.max_change, relative.min_ratio, relative.max_ratio) {
        (Some(change), _, _) => RelativeAxes::MaxChange(change.value),
        (None, None, None) => RelativeAxes::None,
        (None, min, max) => RelativeAxes::Ratios {
            min: min.map_or_else(|| vec![0.0], |axis| axis.value),
            max: max.map_or_else(|| vec![f64::INFINITY], |axis| axis.value),
        },
    }
}

/// The channels' own bounds in the order of the table; nothing where no channel has any.
fn bounds_by_channel(
    grid: &GridDraft,
    campaigns: &Campaigns,
    problems: &mut Problems,
) -> Vec<Option<ChannelBounds>> {
    if grid.channels.is_empty() {
        return Vec::new();
    }
    let mut bounds = vec![None; campaigns.len()];
    let wanted = grid
        .channels
        .iter()
        .map(|channel| (channel.name.as_str(), &channel.spot));
    for (place, channel) in places(wanted, campaigns, problems)
        .into_iter()
        .zip(&grid.channels)
    {
        if let Some(place) = place {
            bounds[place] = Some(channel.bounds);
        }
    }
    bounds
}

/// Where the channels that have something of their own stand in the table; those that it lacks are
/// reported.
fn places<'d>(
    wanted: impl Iterator<Item = (&'d str, &'d Spot)> + Clone,
    campaigns: &Campaigns,
    problems: &mut Problems,
) -> Vec<Option<usize>> {
    let names = campaigns.names();
    // Few channels have something of their own: those are looked for, not all that the table has.
    let mut places: BTreeMap<&str, Option<usize>> =
        wanted.clone().map(|(name, _)| (name, None)).collect();
    for (position, name) in names.iter().enumerate() {
        if let Some(place) = places.get_mut(name.as_str()) {
            *place = Some(position);
        }
    }
    let mut found = Vec::new();
    for (wanted, spot) in wanted {
        let place = places.get(wanted).copied().flatten();
        found.push(place);
        if place.is_none() {
            let remedy = match nearest(wanted, names.iter().map(String::as_str)) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("the table has {}", listed(names)),
            };
            let message = format!("the table has no channel \"{wanted}\"");
            problems.push(spot.problem("E_CHANNEL", message, remedy));
        }
    }
    found
}

/// The response, and the elasticity of a curve with parameters of its own: the axis has one level then.
///
/// Where channels differ it is that of all conversions (or their value) together to the budget, were it
/// spent on today's mix: their mean, weighted by conversions (or value).
fn response_of(
    world: &mut WorldDraft,
    campaigns: &Campaigns,
    problems: &mut Problems,
) -> ResponseSettings {
    let draft = &world.response;
    let wanted = draft
        .channels
        .iter()
        .map(|channel| (channel.name.as_str(), &channel.spot));
    let places = places(wanted, campaigns, problems);
    let header = &world.header;
    let spot = |key: &str| Spot {
        place: header.place.clone(),
        subject: format!("world.{key}"),
    };
    let settings = draft.resolve(&places, campaigns.names(), &spot, problems);
    if let (FixedBy::Parameters(curve), true) = (&settings.fixed_by, problems.is_empty()) {
        match Response::new(curve.clone(), campaigns.len()) {
            Ok(response) if settings.is_common() => {
                world.elasticity = vec![response.elasticity_at_current(0)];
            }
            Ok(response) => world.elasticity = vec![mean_elasticity(&response, campaigns)],
            Err(error) => problems.push(spot("response").problem(
                error.code(),
                error.to_string(),
                "change the parameters of the response",
            )),
        }
    }
    if problems.is_empty() {
        check_levels(world, &settings, campaigns, problems);
    }
    settings
}

/// A curve that multiplies conversions by more than this is beyond what sums of them can hold.
const LARGEST_RETURN: f64 = 1e250;

/// A curve of every elasticity of the axis must be one that numbers can hold.
fn check_levels(
    world: &WorldDraft,
    settings: &ResponseSettings,
    campaigns: &Campaigns,
    problems: &mut Problems,
) {
    for elasticity in &world.elasticity {
        let spot = Spot {
            place: world.header.place.clone(),
            subject: "world.elasticity".to_owned(),
        };
        match settings.at(*elasticity, campaigns.len()) {
            Err(error) => problems.push(spot.problem(
                error.code(),
                format!("{elasticity} is out of reach of this curve: {error}"),
                "use an elasticity nearer to the middle of what the curve can have",
            )),
            Ok(response) => {
                let Some((channel, times)) = beyond_numbers(&response, campaigns) else {
                    continue;
                };
                let remedy = match settings.kind {
                    ResponseKind::Power | ResponseKind::CpcInflation => {
                        let limit = (LARGEST_RETURN.ln() / times.ln()).floor();
                        format!("use an elasticity of at most {}", short(limit))
                    }
                    _ => "change the parameters of the response".to_owned(),
                };
                problems.push(spot.problem(
                    "E_RESPONSE",
                    format!(
                        "{} multiplies conversions by more than {LARGEST_RETURN:e} where the whole budget goes to \"{}\" ({times:.1} times its spend)",
                        short(*elasticity),
                        campaigns.names()[channel],
                    ),
                    remedy,
                ));
            }
        }
    }
}

/// The channel whose return on the whole budget is largest, and how many times its spend that is, where the
/// return is more than numbers can hold.
fn beyond_numbers(response: &Response, campaigns: &Campaigns) -> Option<(usize, f64)> {
    let spending = (0..campaigns.len()).filter(|channel| campaigns.spend()[*channel] > 0.0);
    let all = spending.map(|channel| (channel, 1.0 / campaigns.shares()[channel]));
    let holds = |(channel, times): &(usize, f64)| response.phi(*times, *channel) <= LARGEST_RETURN;
    all.filter(|one| !holds(one))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn mean_elasticity(response: &Response, campaigns: &Campaigns) -> f64 {
    let (conversions, value) = (campaigns.conversions(), campaigns.value());
    let worth = |i: usize| conversions[i] * value.map_or(1.0, |value| value[i]);
    let mean = |weight: &dyn Fn(usize) -> f64| {
        let n = campaigns.len();
        lanes::fold(n, |i| weight(i) * response.elasticity_at_current(i)) / lanes::fold(n, weight)
    };
    let by_worth = mean(&worth);
    if by_worth.is_finite() {
        by_worth
    } else {
        mean(&|i| campaigns.shares()[i])
    }
}

/// The first few names of a long list.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let first: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
