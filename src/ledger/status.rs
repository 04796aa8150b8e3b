//! How the ledger is: what it can do now, how far its followers are, how long syncs take.

use super::answer::ReadOnly;
use super::heads::HeadsHealth;
use crate::domain::ids::Seq;
use crate::index::Rebuild;
use parking_lot::Mutex;
use std::time::Duration;

/// What the ledger can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Writing,
    /// Reading only, for this reason.
    ReadOnly(ReadOnly),
    /// Reading only: a write failed, or a thread of the ledger panicked; open it again.
    Latched,
}

/// A look at the ledger's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it can do now.
    pub mode: Mode,
    /// The place of the next event: everything before it is durable.
    pub next_seq: Seq,
    /// The first event that the index does not cover.
    pub indexed: Seq,
    /// The first event that the newest checkpoint does not cover.
    pub checkpointed: Seq,
    /// The first event for which something may still be due: a segment of the index, a checkpoint, a merge. Equal to
    /// `next_seq` while there is nothing left to do behind the answers.
    pub settled: Seq,
    /// Commands that wait in the queue.
    pub queued: usize,
    /// Groups written since the start.
    pub groups: u64,
    /// Events written since the start.
    pub events: u64,
    /// How long the last group took to write, sync and publish, in microseconds.
    pub last_group_micros: u64,
    /// Why it is latched, where it is.
    pub latched_by: Option<String>,
    /// Why indexes and checkpoints are no longer written, where they are not.
    pub follower_failure: Option<String>,
    /// Why the index is, or was, built again since the ledger was opened, and how far that is; over when its `next_seq`
    /// is the ledger's.
    pub rebuild: Option<Rebuild>,
    /// How the noting of heads elsewhere is, where that was asked for.
    pub heads: Option<HeadsHealth>,
}

/// Figures that threads keep for [`Health`].
pub(super) struct Status {
    inner: Mutex<Figures>,
}

pub(super) struct Figures {
    pub(super) mode: Mode,
    pub(super) groups: u64,
    pub(super) events: u64,
    pub(super) last_group: Duration,
    pub(super) latched_by: Option<String>,
    pub(super) follower_failure: Option<String>,
}

impl Status {
    pub(super) fn new(mode: Mode) -> Self {
        let (groups, events, last_group, latched_by, follower_failure) = (0, 0, Duration::ZERO, None, None);
        Self { inner: Mutex::new(Figures { mode, groups, events, last_group, latched_by, follower_failure }) }
    }

    /// Nothing is written any more; the first reason stays.
    pub(super) fn latch(&self, reason: String) {
        let mut inner = self.inner.lock();
        inner.mode = Mode::Latched;
        inner.latched_by.get_or_insert(reason);
    }

    pub(super) fn is_latched(&self) -> bool {
        self.inner.lock().mode == Mode::Latched
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        let mut inner = self.inner.lock();
        if inner.mode != Mode::Latched {
            inner.mode = mode;
        }
    }

    pub(super) fn committed(&self, events: usize, took: Duration) {
        let mut inner = self.inner.lock();
        inner.groups += 1;
        inner.events += events as u64;
        inner.last_group = took;
    }

    pub(super) fn follower_failed(&self, reason: String) {
        self.inner.lock().follower_failure = Some(reason);
    }

    pub(super) fn read<R>(&self, look: impl FnOnce(&Figures) -> R) -> R {
        look(&self.inner.lock())
    }
}
