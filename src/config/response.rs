//! `[world]`: the response curve, by its elasticity or by parameters of its own, for all channels alike or
//! (`[world.channel."NAME"]`) for single ones.

use super::entry::{Domain, Names};
use super::reader::Section;
use super::source::{Placed, Spot};
use crate::problem::Problems;
use crate::response::{Curve, Parameter};
use crate::scenario::{FixedBy, ResponseKind, ResponseSettings};

/// The response as it was written.
#[derive(Debug)]
pub(super) struct ResponseDraft {
    kind: ResponseKind,
    common: Values,
    pub(super) channels: Vec<ChannelCurve>,
}

/// `[world.channel."NAME"]`.
#[derive(Debug)]
pub(super) struct ChannelCurve {
    pub(super) name: String,
    /// Of the table itself.
    pub(super) spot: Spot,
    /// In place of the axis; the others in place of the common ones.
    elasticity: Placed<Option<f64>>,
    values: Values,
}

/// The parameters of a curve, in the order of [`KEYS`].
#[derive(Debug)]
struct Values([Placed<Option<f64>>; 6]);

/// A parameter's key, the curve that has it, and the numbers it may be.
const KEYS: [(&str, ResponseKind, Domain); 6] = [
    ("beta", ResponseKind::Power, EXPONENT),
    ("kappa", ResponseKind::Hill, KAPPA),
    ("h", ResponseKind::Hill, SLOPE),
    ("rho", ResponseKind::Exponential, RHO),
    ("eta", ResponseKind::CpcInflation, RISE),
    ("xi", ResponseKind::CpcInflation, RISE),
];
const BETA: usize = 0;
const HALF: usize = 1;
const STEEP: usize = 2;
const RATE: usize = 3;
const ETA: usize = 4;
const XI: usize = 5;

pub(super) const RESPONSE: Names<ResponseKind> = Names {
    kind: "response",
    code: "E_RESPONSE",
    known: &ResponseKind::ALL,
    name: ResponseKind::name,
    later: &[],
};
/// Also of the elasticity axis.
pub(super) const ELASTICITY: Domain = Domain {
    code: "E_RESPONSE",
    contains: |x| x > 0.0 && x < f64::INFINITY,
    outside: "is not a finite number above 0",
    remedy: "use a number above 0; 1.0 is linear",
    example: "[1.0, 0.7]",
};
pub(super) const EXPONENT: Domain = Domain {
    example: "0.7",
    ..ELASTICITY
};
pub(super) const KAPPA: Domain = Domain {
    remedy: "use half-saturation in multiples of today's spend, such as 1.5",
    example: "1.5",
    ..ELASTICITY
};
pub(super) const SLOPE: Domain = Domain {
    remedy: "use a number above 0; 1.0 saturates, more is S-shaped",
    example: "1.0",
    ..ELASTICITY
};
pub(super) const RHO: Domain = Domain {
    remedy: "use a rate of saturation per today's spend, such as 0.7",
    example: "0.7",
    ..ELASTICITY
};
pub(super) const RISE: Domain = Domain {
    contains: f64::is_finite,
    outside: "is not a finite number",
    remedy: "use an exponent, such as 0.2 for costs that rise as spend^0.2",
    example: "0.2",
    ..ELASTICITY
};

/// Reads the response from `[world]`; `elasticity` is the axis, where the file or the command line has it.
pub(super) fn read(
    world: &mut Section<'_>,
    elasticity: Option<&Placed<Vec<f64>>>,
    problems: &mut Problems,
) -> ResponseDraft {
    let before = problems.len();
    let named = world.read("response", |entry| entry.name(&RESPONSE, problems));
    let common = Values::read(world, problems);
    let tables = world.section("channel", problems);
    let mut channels = Vec::new();
    for (name, mut table) in tables.named_sections(problems) {
        channels.push(ChannelCurve {
            name,
            spot: table.header(),
            elasticity: table.read("elasticity", |entry| entry.number(&EXPONENT, problems)),
            values: Values::read(&mut table, problems),
        });
        table.finish(problems);
    }
    let of_power = elasticity.is_some()
        || common.has(BETA)
        || channels
            .iter()
            .any(|channel| channel.elasticity.value.is_some() || channel.values.has(BETA));
    let default = if of_power {
        ResponseKind::Power
    } else {
        ResponseKind::Linear
    };
    let draft = ResponseDraft {
        kind: named.value.unwrap_or(default),
        common,
        channels,
    };
    if problems.len() == before {
        draft.check(&named.spot, elasticity, problems);
    }
    draft
}

impl Values {
    fn read(table: &mut Section<'_>, problems: &mut Problems) -> Self {
        Self(KEYS.map(|(key, _, domain)| table.read(key, |entry| entry.number(&domain, problems))))
    }

    fn has(&self, key: usize) -> bool {
        self.0[key].value.is_some()
    }

    fn get(&self, key: usize) -> Option<f64> {
        self.0[key].value
    }

    /// The values that are given, by their position among the keys.
    fn given(&self) -> impl Iterator<Item = (usize, &Spot)> {
        let given = self.0.iter().enumerate();
        given.filter_map(|(key, value)| value.value.map(|_| (key, &value.spot)))
    }
}

/// The parameters that fix a curve without its elasticity. A slope `h` goes with either.
fn natives(kind: ResponseKind) -> &'static [usize] {
    match kind {
        ResponseKind::Linear => &[],
        ResponseKind::Power => &[BETA],
        ResponseKind::CpcInflation => &[ETA, XI],
        ResponseKind::Hill => &[HALF],
        ResponseKind::Exponential => &[RATE],
    }
}

impl ResponseDraft {
    fn all(&self) -> impl Iterator<Item = &Values> {
        std::iter::once(&self.common).chain(self.channels.iter().map(|channel| &channel.values))
    }

    /// The first parameter that fixes the curve without its elasticity.
    fn native(&self) -> Option<usize> {
        let given = self.all().flat_map(Values::given).map(|(key, _)| key);
        given.filter(|key| natives(self.kind).contains(key)).min()
    }

    /// A parameter of a channel: its own, or the common one.
    fn value(&self, channel: Option<&ChannelCurve>, key: usize) -> Option<f64> {
        let own = channel.and_then(|channel| channel.values.get(key));
        own.or(self.common.get(key))
    }

    /// All curves of the table: the common one, and those of single channels.
    fn curves(&self) -> impl Iterator<Item = Option<&ChannelCurve>> {
        std::iter::once(None).chain(self.channels.iter().map(Some))
    }

    fn check(&self, named: &Spot, axis: Option<&Placed<Vec<f64>>>, problems: &mut Problems) {
        let name = self.kind.name();
        for (key, spot) in self.all().flat_map(Values::given) {
            let (parameter, kind, _) = KEYS[key];
            if kind != self.kind {
                let other = kind.name();
                problems.push(spot.problem(
                    "E_RESPONSE",
                    format!("{parameter} belongs to response = \"{other}\", not to \"{name}\""),
                    format!("remove {parameter}, or use response = \"{other}\""),
                ));
            }
        }
        let axis_spot = axis.map(|axis| &axis.spot);
        let own = self
            .channels
            .iter()
            .filter(|c| c.elasticity.value.is_some());
        let mut elasticities = axis_spot.into_iter().chain(own.map(|c| &c.elasticity.spot));
        if let Some(native) = self.native() {
            let (key, _, _) = KEYS[native];
            if let Some(spot) = elasticities.next() {
                problems.push(spot.problem(
                    "E_RESPONSE",
                    format!("elasticity and {key} both fix a \"{name}\" curve"),
                    format!("keep elasticity, or {key}"),
                ));
            }
            self.check_inflation(problems);
            return;
        }
        let needs = !matches!(self.kind, ResponseKind::Linear | ResponseKind::Power);
        if needs && axis.is_none() {
            let keys: Vec<&str> = natives(self.kind).iter().map(|key| KEYS[*key].0).collect();
            problems.push(named.problem(
                "E_RESPONSE",
                format!(
                    "a \"{name}\" curve needs elasticity, or {}",
                    keys.join(" and ")
                ),
                format!(
                    "add elasticity = [0.5] to [world], or {} = {}",
                    keys[0],
                    KEYS[natives(self.kind)[0]].2.example
                ),
            ));
            return;
        }
        self.check_reach(axis, problems);
    }

    /// Every elasticity must be one that the curve can have.
    fn check_reach(&self, axis: Option<&Placed<Vec<f64>>>, problems: &mut Problems) {
        let levels: &[f64] = axis.map_or(&[], |axis| &axis.value);
        for channel in self.curves() {
            let own = channel.map(|channel| &channel.elasticity);
            let (elasticities, spot) = match (own, axis) {
                (Some(own), _) if own.value.is_some() => (own.value.as_slice(), &own.spot),
                // A slope of a channel's own narrows what the axis may have.
                (_, Some(axis)) if channel.is_none_or(|c| c.values.has(STEEP)) => {
                    (levels, &axis.spot)
                }
                _ => continue,
            };
            let h = self.value(channel, STEEP).unwrap_or(1.0);
            let wrong = |e: &&f64| match self.kind {
                ResponseKind::Linear => **e != 1.0,
                ResponseKind::Hill => **e >= h,
                ResponseKind::Exponential => **e > 1.0,
                ResponseKind::Power | ResponseKind::CpcInflation => false,
            };
            let Some(wrong) = elasticities.iter().find(wrong) else {
                continue;
            };
            let (message, remedy) = match self.kind {
                ResponseKind::Hill => (
                    format!(
                        "a \"hill\" curve with h = {h} has an elasticity below {h}, not {wrong}"
                    ),
                    format!("use elasticities below {h}, or a larger h"),
                ),
                ResponseKind::Exponential => (
                    format!("an \"exponential\" curve has an elasticity of at most 1, not {wrong}"),
                    "use at most 1, or response = \"power\"".to_owned(),
                ),
                _ => (
                    format!("a linear response has elasticity 1, not {wrong}"),
                    "use response = \"power\", or remove elasticity".to_owned(),
                ),
            };
            problems.push(spot.problem("E_RESPONSE", message, remedy));
        }
    }

    /// Costs must not rise so fast that more money brings no more.
    fn check_inflation(&self, problems: &mut Problems) {
        if self.kind != ResponseKind::CpcInflation {
            return;
        }
        for channel in self.curves() {
            let values = channel.map_or(&self.common, |channel| &channel.values);
            let Some((_, spot)) = values.given().next() else {
                continue;
            };
            let [eta, xi] = [ETA, XI].map(|key| self.value(channel, key).unwrap_or(0.0));
            if 1.0 - eta - xi <= 0.0 {
                problems.push(spot.problem(
                    "E_RESPONSE",
                    format!(
                        "with eta = {eta} and xi = {xi}, more spend brings no more conversions"
                    ),
                    "use eta and xi that sum to less than 1",
                ));
            }
        }
    }

    /// Completes the response with the table: `places` are the positions of the channels that have curves
    /// of their own, `names` those of all channels.
    pub(super) fn resolve(
        &self,
        places: &[Option<usize>],
        names: &[String],
        common_spot: &dyn Fn(&str) -> Spot,
        problems: &mut Problems,
    ) -> ResponseSettings {
        let mut of_channel: Vec<Option<&ChannelCurve>> = vec![None; names.len()];
        for (place, channel) in places.iter().zip(&self.channels) {
            if let Some(place) = place {
                of_channel[*place] = Some(channel);
            }
        }
        let mut parameter = |key: usize, default: Option<f64>| {
            let own = self.channels.iter().any(|channel| channel.values.has(key));
            let common = self.common.get(key).or(default);
            if let (false, Some(value)) = (own, common) {
                return Parameter::Common(value);
            }
            let values: Vec<Option<f64>> = of_channel
                .iter()
                .map(|channel| self.value(*channel, key).or(default))
                .collect();
            if let Some(lacking) = values.iter().position(Option::is_none) {
                let (key, _, _) = KEYS[key];
                problems.push(common_spot(key).problem(
                    "E_RESPONSE",
                    format!("channel \"{}\" has no {key}", names[lacking]),
                    format!("add {key} to [world], for all channels without one of their own"),
                ));
            }
            Parameter::PerChannel(
                values
                    .into_iter()
                    .map(|value| value.unwrap_or(1.0))
                    .collect(),
            )
        };
        let h = parameter(STEEP, Some(1.0));
        let fixed_by = if self.native().is_none() {
            let own = of_channel
                .iter()
                .map(|channel| channel.and_then(|c| c.elasticity.value));
            let own: Vec<Option<f64>> = own.collect();
            FixedBy::Elasticity {
                own: if own.iter().all(Option::is_none) {
                    Vec::new()
                } else {
                    own
                },
                h,
            }
        } else {
            FixedBy::Parameters(match self.kind {
                ResponseKind::Linear => Curve::Linear,
                ResponseKind::Power => Curve::Power {
                    beta: parameter(BETA, None),
                },
                ResponseKind::CpcInflation => Curve::CpcInflation {
                    eta: parameter(ETA, Some(0.0)),
                    xi: parameter(XI, Some(0.0)),
                },
                ResponseKind::Hill => Curve::Hill {
                    h,
                    kappa: parameter(HALF, None),
                },
                ResponseKind::Exponential => Curve::Exponential {
                    rho: parameter(RATE, None),
                },
            })
        };
        ResponseSettings {
            kind: self.kind,
            fixed_by,
        }
    }
}
