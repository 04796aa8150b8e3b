//! The truth: an append-only, hash-chained log of events in frames, and the stores that keep it.
//!
//! Everything but the two stores is pure: it sees bytes, not disks. Nothing here knows a rule of the business.
#![doc = include_str!("FORMAT.md")]

pub mod chain;
pub mod codec;
mod directory;
pub mod fault;
pub mod frame;
pub mod group;
pub mod memory_store;
mod raw_scan;
mod reached;
pub mod salvage;
pub mod scan;
mod sled_file;
pub mod sled_store;
pub mod snapshot;
pub mod store;
mod walk;
mod wire_v1;

pub use chain::{Chain, Hash, HashError, Head, PrivateText};
pub use codec::{CodecError, decode_event, encode_event};
pub use fault::{FaultKind, LogFault};
pub use frame::{CommitMark, FrameBytes, FrameKey};
pub use group::{GroupBuilder, GroupBytes};
pub use memory_store::MemoryStore;
pub use salvage::{Island, Remains, Survey, survey};
pub use scan::{DroppedTail, LastBatch, Recovery, Scanned, head_at, read_event, recover, scan, scan_from, scan_raw};
pub use sled_store::SledStore;
pub use snapshot::{SnapshotError, Texts, snapshot, snapshot_like, unfinished_copies};
pub use store::{Store, StoreError, StoreReader};
pub use walk::{RawBatch, RawEvent};

#[cfg(test)]
mod tests;
