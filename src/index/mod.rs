//! x
mod block;
mod bytes;
mod checksum;
mod cursor;
mod error;
mod filter;
mod footer;
pub mod limits;
mod manifest;
mod reader;
mod recent;
mod record;
mod run;
mod segment;
mod store;
mod writer;
pub mod records;

pub use error::IndexError;
pub use reader::{IndexCounters, IndexDigest, IndexReader, IndexSizes, IndexView, Move, Moves, Shipped};
pub use recent::Recent;
pub use record::BucketKey;
pub use segment::Segment;
pub use store::{Index, MergeStep, Notice};
