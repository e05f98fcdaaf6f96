//! The winners of a run, as its manifest tells them.

use serde_json::Value;

use crate::units::Count;

/// A winner of a world.
#[derive(Clone, Copy)]
pub(super) struct Winner<'a>(&'a Value);

impl<'a> Winner<'a> {
    /// Its configuration.
    pub(super) fn configuration(self) -> usize {
        let index = self.0["configuration"].as_u64().unwrap_or_default();
        usize::try_from(index).unwrap_or_default()
    }

    /// Whether it won by a criterion, such as `recommended_mean`.
    pub(super) fn won(self, criterion: &str) -> bool {
        let won = self.0["won_by"].as_array().into_iter().flatten();
        won.into_iter().any(|name| name == criterion)
    }

    /// A number by its path, such as `["lifts", "decision", "mean"]`.
    pub(super) fn number(self, path: &[&str]) -> Option<f64> {
        let found = path.iter().try_fold(self.0, |value, key| value.get(key));
        found.and_then(Value::as_f64)
    }

    /// A number that must be there; NaN prints as `n/a`.
    pub(super) fn known(self, path: &[&str]) -> f64 {
        self.number(path).unwrap_or(f64::NAN)
    }

    /// Its periods, where there are several: the number of each, and the lifts by name.
    pub(super) fn periods(self) -> Vec<(u64, &'a Value)> {
        let periods = self.0["periods"].as_array().into_iter().flatten();
        periods
            .map(|told| (told["period"].as_u64().unwrap_or_default(), &told["lifts"]))
            .collect()
    }

    fn all(world: &'a Value) -> impl Iterator<Item = Self> {
        let winners = world["winners"].as_array().into_iter().flatten();
        winners.map(Self)
    }
}

/// The rule that holds up best over all worlds.
#[derive(Clone, Copy)]
pub(super) struct Robust {
    /// Its configuration in the first world.
    pub(super) configuration: usize,
    /// Its mean lift over all worlds.
    pub(super) mean: f64,
    /// Whether these are of replicates that did not choose it.
    pub(super) again: bool,
}

/// Everything that the manifest says about who won.
#[derive(Clone, Copy)]
pub(super) struct Selection<'a>(&'a Value);

impl<'a> Selection<'a> {
    pub(super) fn of(manifest: &'a Value) -> Self {
        Self(&manifest["selection"])
    }

    /// Winners of the worlds that are told, world by world.
    pub(super) fn worlds(self) -> Vec<Vec<Winner<'a>>> {
        let worlds = self.0["worlds"].as_array().into_iter().flatten();
        worlds.map(|world| Winner::all(world).collect()).collect()
    }

    /// The rule that the answer is about, in its world, and the lift that made it so.
    pub(super) fn headline(self) -> Option<(Winner<'a>, &'a str)> {
        let headline = &self.0["headline"];
        Some((Winner(headline), headline["lift"].as_str()?))
    }

    /// Number of worlds, of which not all are told.
    pub(super) fn count_of_worlds(self) -> usize {
        let count = self.0["count_of_worlds"].as_u64().unwrap_or_default();
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Worlds in which some rule gains.
    pub(super) fn worlds_with_gain(self) -> u64 {
        self.0["worlds_with_gain"].as_u64().unwrap_or_default()
    }

    /// Rules per world, and how many of the first world's cannot be told from its best one.
    pub(super) fn first_counts(self) -> (usize, usize) {
        let first = &self.0["worlds"][0];
        let count = |key: &str| first[key].as_u64().unwrap_or_default();
        let small = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        (small(count("rules")), small(count("best_set")))
    }

    /// The rule that does best in the world that suits it least, in fresh replicates where there are any.
    pub(super) fn robust(self) -> Option<Robust> {
        let robust = &self.0["robust"];
        let again = robust["holdout"].is_object();
        let judged = if again { &robust["holdout"] } else { robust };
        Some(Robust {
            configuration: usize::try_from(robust["configuration"].as_u64()?).ok()?,
            mean: judged["mean"].as_f64()?,
            again,
        })
    }

    /// Replicates drawn afresh to judge the winners again, as text; empty where there are none.
    pub(super) fn holdout(self) -> String {
        let drawn = self.0["holdout_replicates"]
            .as_u64()
            .filter(|drawn| *drawn > 0);
        drawn.map_or_else(String::new, |drawn| Count(u128::from(drawn)).to_string())
    }
}

/// What a winner won by, in words.
pub(super) fn titles(winner: Winner) -> Vec<&'static str> {
    let titles = [
        ("recommended_mean", "best plan"),
        ("recommended_cvar", "safest plan"),
        ("decision_mean", "best rule"),
        ("decision_cvar", "safest rule"),
        ("apparent_mean", "naive choice"),
    ];
    let won = titles
        .into_iter()
        .filter(|(criterion, _)| winner.won(criterion));
    let won: Vec<_> = won.map(|(_, title)| title).collect();
    if won.len() == titles.len() {
        return vec!["best by every criterion"];
    }
    if won.is_empty() {
        return vec!["best over all worlds"];
    }
    won
}
