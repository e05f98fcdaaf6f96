//! A small scenario for the unit tests of the layers above.

use super::{
    AllocationsWanted, Campaigns, ChannelBounds, Columns, DispersionSource, Grid, Lift,
    MetricSettings, OutputSettings, PriorMean, Rates, RelativeAxes, ResponseKind, RunSettings,
    Scenario, World,
};
use crate::allocate::BoundMode;
use crate::resample::Noise;
use crate::score::Score;
use crate::truth::TruthModel;

/// Five channels, one without conversions and one without spend.
pub(crate) fn campaigns() -> Campaigns {
    let columns = Columns {
        names: ["search", "social", "video", "affiliates", "idle"]
            .map(String::from)
            .to_vec(),
        spend: vec![8500.0, 6500.0, 4000.0, 1000.0, 0.0],
        conversions: vec![400.0, 250.5, 0.0, 200.0, 0.0],
        ..Columns::default()
    };
    Campaigns::new(columns).expect("a valid table")
}

/// All kinds of rules through several worlds: 3 x 3 x 2 x 2 x 3 rules, 2 x 2 x 2 x 2 worlds.
pub(crate) fn scenario() -> Scenario {
    let campaigns = campaigns();
    let mut channel_bounds = vec![None; campaigns.len()];
    channel_bounds[1] = Some(ChannelBounds {
        max_share: Some(0.4),
        ..ChannelBounds::default()
    });
    channel_bounds[3] = Some(ChannelBounds {
        locked: true,
        ..ChannelBounds::default()
    });
    Scenario {
        name: "fixture".into(),
        seed: 3,
        budget: 30_000.0,
        grid: Grid {
            score: Score::ALL.to_vec(),
            rates: vec![Rates::Raw],
            alpha: vec![0.0, 0.4, 1.0],
            delta: vec![0.5, 2.0],
            min_share: vec![0.0],
            max_share: vec![1.0, 0.6],
            relative: RelativeAxes::None,
            bound_mode: BoundMode::ALL.to_vec(),
            dispersion: vec![1.0, 4.0],
            elasticity: vec![1.0, 0.5],
            noise_cv: vec![0.0, 0.3],
            drift_cv: vec![0.0, 0.2],
            points: None,
        },
        channel_bounds,
        world: World {
            truth: TruthModel::Posterior,
            noise: Noise::NegBinomial,
            prior_mean: PriorMean::Common,
            response: ResponseKind::Power.into(),
            periods: 1,
            drift_persistence: 1.0,
            dispersion: DispersionSource::Given,
            intraclass_correlation: 0.0,
            blocks: None,
            split: None,
        },
        run: RunSettings {
            replicates: 130,
            stopping: None,
            dropping: None,
            holdout: 0.2,
            lifts: Lift::ALL.to_vec(),
        },
        metrics: MetricSettings::default(),
        output: OutputSettings {
            allocations: AllocationsWanted::Best,
            parquet: false,
            draws: false,
            report: false,
        },
        gates: Vec::new(),
        campaigns,
    }
}
