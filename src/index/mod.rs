//! The disposable index of the ledger: which seq has this command id, what moved later than that moment, what has
//! this order got.
//!
//! Everything here is derived from the log. It can be deleted at any time and comes back equal
//! ([`IndexView::digest`] shows it); when a file is missing, damaged or of another ledger, opening starts empty and
//! says why ([`Notice`]).
//!
//! # Parts
//!
//! * [`Recent`] answers for the newest seqs, in memory, in the hands of the ledger's writer;
//! * one thread follows the log, collects [`Segment`]s and gives them to its [`Index`], which writes them as sorted
//!   *runs* and, step by step, merges [`limits::FAN_IN`] runs of a level into one of the next;
//! * [`IndexReader`]s answer from any thread and never wait for a merge. An [`IndexView`] is the index of one moment,
//!   as far as it is written; [`Known`] is that and the pieces in memory behind it, for questions about the past.
//!
//! Runs are plain files behind [`Files`](crate::files::Files), not values of the log's store: they are written once,
//! read in place and removed whole, and the space is free at once.
#![doc = include_str!("FORMAT.md")]

mod block;
mod bytes;
mod checksum;
mod cursor;
mod error;
mod filter;
mod footer;
mod known;
pub mod limits;
mod manifest;
mod place;
mod reader;
mod recent;
mod record;
pub mod records;
mod run;
mod segment;
mod shared;
mod store;
mod tail;
mod writer;

pub use error::IndexError;
pub use known::{COUNTS, Change, Changes, Count, Known, LAPSES, Postings, Reach, Span, Step};
pub(crate) use manifest::{MANIFEST_BYTES_MAX, MANIFEST_NAME, manifest_reach};
pub use reader::{IdSet, IndexCounters, IndexDigest, IndexReader, IndexSizes, IndexView, Move, Moves, Shipped};
pub use recent::Recent;
pub use record::{BucketKey, FigureKey, List};
pub use segment::Segment;
pub use shared::Rebuild;
pub use store::{Index, MergeStep, Notice};

#[cfg(test)]
mod tests;
