//! Holds everything derived against a rebuild from the log.

use super::checkpoint;
use super::lookup::insert_segment;
use super::published::Durable;
use crate::domain::evolve::evolve;
use crate::domain::ids::{LedgerId, Seq};
use crate::domain::state::State;
use crate::files::{Files, MemoryFiles};
use crate::index::limits::SEGMENT_SEQS;
use crate::index::{Index, IndexError, IndexReader, Segment};
use crate::log::{Hash, Head, LogFault, StoreReader, scan};
use std::fmt;
use std::sync::Arc;

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Events that were folded.
    pub events: u64,
    /// Checkpoints that were equal to the fold at their place.
    pub checkpoints: usize,
    /// The first event that the compared index does not cover.
    pub indexed: Seq,
}

/// What differs from a rebuild. Delete what is derived, and it comes back equal.
#[derive(Debug)]
#[non_exhaustive]
pub enum DerivedError {
    /// The log can't be read.
    Log(LogFault),
    /// The index can't be read.
    Index(IndexError),
    /// The state that readers see.
    StateDiffers {
        /// At which place.
        next_seq: Seq,
    },
    /// A checkpoint.
    CheckpointDiffers {
        /// Of which place.
        next_seq: Seq,
    },
    /// The index.
    IndexDiffers {
        /// What it covers.
        covered: Seq,
    },
}

impl fmt::Display for DerivedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(fault) => fault.fmt(f),
            Self::Index(error) => error.fmt(f),
            Self::StateDiffers { next_seq } => write!(f, "the state before event {next_seq} is not what the log says"),
            Self::CheckpointDiffers { next_seq } => {
                write!(f, "the checkpoint before event {next_seq} is not what the log says: delete it")
            }
            Self::IndexDiffers { covered } => {
                write!(f, "the index of the events before {covered} is not what the log says: delete it")
            }
        }
    }
}

impl std::error::Error for DerivedError {}

/// What is held against the log.
pub(super) struct Compare<'a> {
    pub(super) ledger: LedgerId,
    pub(super) log: &'a dyn StoreReader,
    pub(super) durable: &'a Durable,
    pub(super) index: &'a IndexReader,
    pub(super) checkpoints: &'a dyn Files,
    /// Told how many events were folded.
    pub(super) progress: &'a mut dyn FnMut(u64),
}

/// Events between two calls of the progress callback.
const PROGRESS_EVENTS: u64 = 65_536;

pub(super) fn verify(compare: Compare<'_>) -> Result<Derived, DerivedError> {
    let view = compare.index.view();
    let covered = Seq(view.covered_to());
    let mut saved: Vec<(State, Head)> = checkpoint::load_all(compare.checkpoints, compare.ledger)
        .filter(|(_, head)| head.next_seq <= compare.durable.head.next_seq)
        .collect();
    let files = Arc::new(MemoryFiles::new());
    let mut index = Index::create(files, compare.ledger.bytes()).map_err(DerivedError::Index)?;
    let mut segment = Segment::new(0);
    let (mut state, mut head) = (State::default(), Head::EMPTY);
    let mut checkpoints = 0;
    for scanned in scan(compare.log, Head::EMPTY) {
        let scanned = scanned.map_err(DerivedError::Log)?;
        if scanned.seq >= compare.durable.head.next_seq {
            break;
        }
        if scanned.seq < covered {
            insert_segment(&mut segment, &state, scanned.seq, &scanned.event);
        }
        evolve(&mut state, &scanned.event);
        head = Head { next_seq: scanned.seq.next(), hash: scanned.hash };
        if head.next_seq.0.is_multiple_of(PROGRESS_EVENTS) {
            (compare.progress)(head.next_seq.0);
        }
        let is_full = head.next_seq.0 % SEGMENT_SEQS == 0 || head.next_seq == covered;
        if head.next_seq <= covered && is_full {
            let full = std::mem::replace(&mut segment, Segment::new(head.next_seq.0));
            index.add_segment(full, head.next_seq.0, head.hash.0).map_err(DerivedError::Index)?;
        }
        while let Some(at) = saved.iter().position(|(_, saved)| saved.next_seq == head.next_seq) {
            let (checkpoint, saved_head) = saved.swap_remove(at);
            if checkpoint != state || saved_head != head {
                return Err(DerivedError::CheckpointDiffers { next_seq: head.next_seq });
            }
            checkpoints += 1;
        }
    }
    if state != compare.durable.state || head != compare.durable.head {
        return Err(DerivedError::StateDiffers { next_seq: head.next_seq });
    }
    let ours = view.digest().map_err(DerivedError::Index)?;
    let theirs = index.view().digest().map_err(DerivedError::Index)?;
    if ours != theirs || (covered.0 > 0 && Hash(view.last_hash()) != Hash(index.view().last_hash())) {
        return Err(DerivedError::IndexDiffers { covered });
    }
    Ok(Derived { events: head.next_seq.0, checkpoints, indexed: covered })
}
