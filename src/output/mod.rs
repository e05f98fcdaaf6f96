//! Files out: the run folder, written whole or not at all, and read back.

mod analyses;
mod behind;
mod cell;
mod columnar;
mod columns;
mod dictionary;
mod fingerprint;
mod finished;
mod folder;
mod hashed;
mod judgement;
mod kept;
mod manifest;
mod number;
mod periods;
mod tables;
mod text;

pub use self::analyses::{
    BREAK_EVEN_COLUMNS, DISCOVERY_COLUMNS, SENSITIVITY_COLUMNS, analysis_columns,
};
pub(crate) use self::columns::axis_column;
pub use self::columns::{ALLOCATION_COLUMNS, Column, configuration_columns};
pub use self::dictionary::{Described, Kind, allocation_columns, dictionary, draw_columns};
pub use self::fingerprint::sha256;
pub use self::finished::{
    FinishedRun, Names, RecordedColumn, RecordedFinding, RecordedInput, RecordedManifest, Table,
    Values, replace_output,
};
pub(crate) use self::folder::{ABOUT, sync_folder};
pub use self::folder::{Attempt, RunFolder, abandon};
pub use self::manifest::{InputFile, Manifest, OutputFile, Provenance};
pub use self::number::number;
pub use self::periods::period_columns;
pub use self::tables::{RunWriter, Written, guarded};
