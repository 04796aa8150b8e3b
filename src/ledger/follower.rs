//! The follower: folds the durable log a second time, off the append path, into index runs and checkpoints.
//!
//! All that it writes can be deleted at any time. It never slows an answer down: when it falls behind it reads
//! the log instead of the hand-off.

use super::checkpoint;
use super::checkpoint::state_at;
use super::handoff::{Found, Handoff};
use super::lookup::insert_segment;
use crate::domain::event::{Event, Recorded};
use crate::domain::evolve::evolve;
use crate::domain::ids::{LedgerId, Seq};
use crate::domain::state::State;
use crate::files::Files;
use crate::index::limits::SEGMENT_SEQS;
use crate::index::{Index, IndexError, MergeStep, Segment};
use crate::log::{Hash, Head, LogFault, StoreReader, scan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Events between two checkpoints, at the least.
const CHECKPOINT_EVENTS_MIN: u64 = 262_144;
/// Bytes of log that should pass for every byte of checkpoint, taking an event for a hundred bytes.
const LOG_BYTES_PER_CHECKPOINT_BYTE: u64 = 4;

/// An index that is found damaged again so soon after it was begun is begun again after a rest.
const SOON: Duration = Duration::from_secs(3_600);
/// The first such rest; each further one is twice as long, up to the longest.
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(64);

/// How long a merge goes on while new events wait to be folded.
const MERGE_SLICE: Duration = Duration::from_millis(4);

/// Why the follower can't go on; the log is not concerned.
#[derive(Debug)]
pub enum FollowError {
    /// The log can't be read.
    Log(LogFault),
    /// The index can't be written.
    Index(IndexError),
}

/// How far the follower is, for others to see.
#[derive(Debug, Default)]
pub struct Progress {
    /// The first event that the index does not cover.
    pub indexed: AtomicU64,
    /// The first event that the newest checkpoint does not cover.
    pub checkpointed: AtomicU64,
    /// The first event for which something may still be due: a segment, a checkpoint, a merge.
    pub settled: AtomicU64,
    /// Set to stop a merge between two blocks.
    pub stop: AtomicBool,
}

/// See the module.
pub struct Follower {
    ledger: LedgerId,
    log: Arc<dyn StoreReader>,
    handoff: Arc<Handoff>,
    checkpoints: Arc<dyn Files>,
    index: Index,
    segment: Segment,
    segment_events: u64,
    /// What readers were shown, and what stands in runs.
    shown: u64,
    /// Where indexing goes on.
    head: Head,
    /// The state there; elsewhere before the first step.
    state: State,
    /// Whether a merge is under way.
    merging: bool,
    /// How far the log is known to be durable.
    durable: Head,
    checkpoint_bytes: u64,
    progress: Arc<Progress>,
    /// When the index was begun again last, and how long it was left alone before.
    begun_again: Option<(Instant, Duration)>,
    /// Until when it is left alone now.
    rests_until: Option<Instant>,
}

/// What a follower begins with.
pub struct Begin {
    /// The ledger's name.
    pub ledger: LedgerId,
    /// The log.
    pub log: Arc<dyn StoreReader>,
    /// Where durable groups come in.
    pub handoff: Arc<Handoff>,
    /// Where checkpoints go.
    pub checkpoints: Arc<dyn Files>,
    /// The index.
    pub index: Index,
    /// The state at the durable head: of use where the index ends there.
    pub state: State,
    /// The durable head.
    pub durable: Head,
    /// What the newest checkpoint covers.
    pub checkpointed: Seq,
}

impl Follower {
    /// Begins where the index ends.
    pub fn new(begin: Begin) -> Self {
        let Begin { ledger, log, handoff, checkpoints, index, state, durable, checkpointed } = begin;
        let view = index.view();
        let head = Head { next_seq: Seq(view.covered_to()), hash: Hash(view.last_hash()) };
        let progress = Arc::new(Progress::default());
        progress.indexed.store(head.next_seq.0, Ordering::Release);
        progress.checkpointed.store(checkpointed.0, Ordering::Release);
        let segment = Segment::new(head.next_seq.0);
        let asked = Arc::clone(&handoff);
        index.when_asked(move |next_seq| asked.ask(Seq(next_seq)));
        index.folded(head.next_seq.0);
        let (checkpoint_bytes, merging) = (0, false);
        let state = if state.next_seq() == head.next_seq { state } else { State::default() };
        Self {
            ledger,
            log,
            handoff,
            checkpoints,
            index,
            segment,
            segment_events: SEGMENT_SEQS,
            shown: head.next_seq.0,
            head,
            state,
            merging,
            durable,
            checkpoint_bytes,
            progress,
            begun_again: None,
            rests_until: None,
        }
    }

    /// Cuts a segment every so many events instead of every [`SEGMENT_SEQS`]: in a simulation, so that short
    /// histories reach the index too.
    pub fn cut_every(&mut self, events: u64) {
        self.segment_events = events.max(1);
    }

    /// How far it is, for others to see.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Whether it has folded everything that is durable.
    pub fn caught_up(&self) -> bool {
        self.head.next_seq >= self.durable.next_seq && !self.index.is_dropped()
    }

    /// Whether the index was found damaged again and again: nothing is done for a while.
    pub fn rests(&self) -> bool {
        self.index.is_dropped() && !self.rest().is_zero()
    }

    /// Takes what has come, reads what is missing from the log, indexes it; then merges until new events wait. Where the
    /// index was found damaged, it is begun again from the first event.
    ///
    /// # Errors
    /// [`FollowError`]; what was done before it stays.
    pub fn step(&mut self, wait: Duration) -> Result<Found, FollowError> {
        if self.index.is_dropped() && !self.begin_again() {
            let found = self.handoff.take(wait.min(self.rest()));
            self.durable = found.durable.unwrap_or(self.durable);
            return Ok(found);
        }
        match self.advance(wait) {
            // What was found meanwhile is found again: groups in the log, the rest where it was.
            Err(FollowError::Index(_)) if self.index.is_dropped() => Ok(Found::default()),
            done => done,
        }
    }

    /// How long it is still left alone.
    fn rest(&self) -> Duration {
        self.rests_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Drops what is left of a damaged index and goes on at the first event; after a rest where that was done lately:
    /// what damages it may go on doing so.
    fn begin_again(&mut self) -> bool {
        let rest = match self.begun_again {
            Some((at, rest)) if at.elapsed() < SOON => (rest * 2).clamp(REST_MIN, REST_MAX),
            _ => Duration::ZERO,
        };
        self.rests_until.get_or_insert_with(|| Instant::now() + rest);
        if !self.rest().is_zero() {
            return false;
        }
        self.rests_until = None;
        self.begun_again = Some((Instant::now(), rest));
        if let Err(error) = self.index.begin_again() {
            tracing::error!(%error, "the damaged index can't be removed, that is tried again");
            return false;
        }
        (self.head, self.state, self.segment) = (Head::EMPTY, State::default(), Segment::new(0));
        (self.shown, self.merging) = (0, false);
        self.progress.indexed.store(0, Ordering::Release);
        self.progress.settled.store(0, Ordering::Release);
        self.index.folded(0);
        true
    }

    fn advance(&mut self, wait: Duration) -> Result<Found, FollowError> {
        if self.state.next_seq() != self.head.next_seq {
            self.state = state_at(self.checkpoints.as_ref(), self.log.as_ref(), self.ledger, self.head)
                .map_err(FollowError::Log)?;
        }
        let wait = if self.caught_up() && !self.merging { wait } else { Duration::ZERO };
        let found = self.handoff.take(wait);
        if let Some(durable) = found.durable {
            self.durable = durable;
        }
        for (events, head) in &found.groups {
            if events.first().is_some_and(|first| first.seq == self.head.next_seq) {
                self.fold(events, *head)?;
            }
        }
        if !self.caught_up() {
            self.read_log()?;
        }
        self.index.folded(self.head.next_seq.0);
        if found.asked.0 > self.shown {
            self.show()?;
        }
        self.merge()?;
        if self.caught_up() && !self.merging {
            self.progress.settled.store(self.head.next_seq.0, Ordering::Release);
        }
        Ok(found)
    }

    /// Shows readers what was folded since the last time. That is done when one asks: putting small pieces into order
    /// and together takes longer than writing all of a segment at once.
    ///
    /// # Errors
    /// [`FollowError`]; what was shown before it stays.
    pub fn show(&mut self) -> Result<(), FollowError> {
        self.shown = self.head.next_seq.0;
        if self.segment.from_seq() >= self.head.next_seq.0 {
            return Ok(());
        }
        let piece = self.segment.take(self.head.next_seq.0);
        self.index.show(piece, self.head.next_seq.0).map_err(FollowError::Index)
    }

    /// Merges what is due, in slices where new events wait to be folded.
    fn merge(&mut self) -> Result<(), FollowError> {
        let (stop, handoff, started) = (&self.progress.stop, &self.handoff, Instant::now());
        let behind = !self.caught_up();
        let goes_on = || {
            let waits = || behind || handoff.has_news();
            !stop.load(Ordering::Relaxed) && (started.elapsed() < MERGE_SLICE || !waits())
        };
        let mut step = self.index.merge_while(goes_on).map_err(FollowError::Index)?;
        while step == MergeStep::Merged {
            step = self.index.merge_while(goes_on).map_err(FollowError::Index)?;
        }
        self.merging = step == MergeStep::Paused && !stop.load(Ordering::Relaxed);
        Ok(())
    }

    fn fold(&mut self, events: &[Recorded], head: Head) -> Result<(), FollowError> {
        for recorded in events {
            self.one(recorded.seq, Hash(recorded.hash), &recorded.event)?;
        }
        self.head = head;
        Ok(())
    }

    /// Reads at most a segment's worth, so that new groups are looked at in between.
    fn read_log(&mut self) -> Result<(), FollowError> {
        let log = Arc::clone(&self.log);
        let until = self.durable.next_seq;
        for scanned in scan(log.as_ref(), self.head).take(SEGMENT_SEQS as usize) {
            let scanned = scanned.map_err(FollowError::Log)?;
            if scanned.seq >= until {
                break;
            }
            self.one(scanned.seq, scanned.hash, &scanned.event)?;
        }
        Ok(())
    }

    fn one(&mut self, seq: Seq, hash: Hash, event: &Event) -> Result<(), FollowError> {
        insert_segment(&mut self.segment, &self.state, seq, event);
        evolve(&mut self.state, event);
        self.head = Head { next_seq: seq.next(), hash };
        if self.head.next_seq.0.is_multiple_of(self.segment_events) {
            let lag = self.durable.next_seq.0.saturating_sub(self.head.next_seq.0);
            let _span = tracing::debug_span!("segment", next_seq = self.head.next_seq.0, lag).entered();
            self.cut()?;
            self.checkpoint_if_due();
        }
        Ok(())
    }

    /// Writes what was folded as runs.
    fn cut(&mut self) -> Result<(), FollowError> {
        let Head { next_seq, hash } = self.head;
        let next = self.segment.next(next_seq.0);
        let full = std::mem::replace(&mut self.segment, next);
        self.index.add_segment(full, next_seq.0, hash.0).map_err(FollowError::Index)?;
        self.shown = next_seq.0;
        self.progress.indexed.store(next_seq.0, Ordering::Release);
        Ok(())
    }

    /// Writes what there is, so that nothing has to be folded again when the ledger is opened next.
    ///
    /// # Errors
    /// [`FollowError`]; then it is folded again.
    pub fn finish(&mut self) -> Result<(), FollowError> {
        if self.index.covered_to() < self.head.next_seq.0 {
            self.cut()?;
        }
        self.checkpoint();
        Ok(())
    }

    /// Only where the index ends, so that a follower that begins there finds its state.
    fn checkpoint_if_due(&mut self) {
        let since = self.head.next_seq.0.saturating_sub(self.progress.checkpointed.load(Ordering::Acquire));
        let enough = CHECKPOINT_EVENTS_MIN.max(self.checkpoint_bytes * LOG_BYTES_PER_CHECKPOINT_BYTE / 100);
        if since >= enough {
            self.checkpoint();
        }
    }

    /// Writes a checkpoint of what was folded; a failure is told and tried again later.
    pub fn checkpoint(&mut self) {
        if self.state.next_seq() != self.head.next_seq {
            return;
        }
        match checkpoint::save(self.checkpoints.as_ref(), self.ledger, self.head, &self.state) {
            Ok(bytes) => {
                self.checkpoint_bytes = bytes as u64;
                self.progress.checkpointed.store(self.head.next_seq.0, Ordering::Release);
            }
            Err(error) => tracing::warn!(%error, "a checkpoint could not be written"),
        }
    }

    /// The index, to be compared with a rebuilt one.
    pub const fn index(&self) -> &Index {
        &self.index
    }
}
