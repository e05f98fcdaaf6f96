//! Finished work on disk: checkpoints of a run, so that one that dies can go on, and shards of a run, so
//! that many machines can make it. Both hold results bit for bit, say what they belong to, and know when
//! they are damaged.

mod checkpoint;
mod identity;
mod merge;
mod shard;

pub use self::checkpoint::{Checkpoint, Found};
pub use self::identity::Identity;
pub use self::merge::{Shards, merge_best};
pub use self::shard::{Content, Part, RowsWriter, ShardFile, best_file};
