//! The shell: threads and channels around the writer, the committer and the follower. No rule lives here.
//!
//! The writer decides while the committer syncs; there is one group on its way at a time, so a group holds
//! everything that came in while the one before it was synced.
//! Behind a group with several callers the writer sleeps for a moment, so that those who were answered can ask again
//! without waking it one by one.

use super::answer::{ReadOnly, SubmitError};
use super::clock_watch::Reading;
use super::committer::{Committed, Committer, not_appended, not_written, outcome_unknown};
use super::follower::{Follower, Progress};
use super::handoff::{End, Handoff};
use super::published::Published;
use super::sources::Clock;
use super::status::{Mode, Status};
use super::writer::{Answer, Group, Work, Writer, refuse_all};
use crate::domain::ids::{Seq, Timestamp};
use crate::limits::{CATCH_UP_EVENTS_MAX, GROUP_EVENTS_MAX, UNCOVERED_EVENTS_MAX};
use crate::log::StoreError;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Who waits for an answer.
pub(super) type Waiter = oneshot::Sender<Answer>;

/// What the writer's thread is told.
#[expect(clippy::large_enum_variant, reason = "most messages ask, and an ask should not cost an allocation")]
pub(super) enum Message {
    /// A caller asks something; it holds this many places in the queue.
    Ask(Work, u32, Waiter),
    /// A caller wants a private text erased.
    Erase(Seq, oneshot::Sender<Result<(), StoreError>>),
    /// A group is through.
    Through(Through),
    /// Finish what was asked and stop.
    Close(Option<oneshot::Sender<()>>),
}

/// What became of the group that was on its way.
pub(super) enum Through {
    Durable { next: Seq, requests: usize },
    NotWritten(Arc<StoreError>),
    Latched { first: Seq, next: Seq },
}

/// What the committer's thread is told.
pub(super) enum Order {
    Commit(Group<Waiter>),
    Erase(Seq, oneshot::Sender<Result<(), StoreError>>),
}

/// How long the writer lets callers that were answered ask again before the next group goes; the system adds as much
/// again.
const GATHER: Duration = Duration::from_micros(50);
/// How often an idle committer lets the store do what may wait.
const TEND: Duration = Duration::from_secs(1);
/// How often an idle writer looks at clocks and progress.
const IDLE: Duration = Duration::from_millis(200);

/// The writer's thread.
pub(super) struct WriterThread {
    pub(super) writer: Writer<Waiter>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) messages: Receiver<Message>,
    pub(super) orders: Sender<Order>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) published: Arc<Published>,
    pub(super) progress: Arc<Progress>,
    pub(super) status: Arc<Status>,
    pub(super) backlog: VecDeque<(Work, u32, Waiter)>,
    pub(super) flight: Flight,
    pub(super) closing: Option<Option<oneshot::Sender<()>>>,
}

/// Whether a group is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    Idle,
    Under,
    Latched,
}

impl WriterThread {
    /// Runs until it is closed; returns who waits for that.
    pub(super) fn run(mut self) -> Option<oneshot::Sender<()>> {
        loop {
            self.catch_up();
            if let Some(message) = self.next() {
                self.handle(message);
                while let Ok(message) = self.messages.try_recv() {
                    self.handle(message);
                }
            }
            self.take_backlog();
            if self.flight != Flight::Latched && self.closing.is_none() {
                self.writer.tick(self.reading());
            }
            self.send_if_ready();
            if self.is_done()
                && let Some(waiter) = self.closing.take()
            {
                return waiter;
            }
        }
    }

    /// Whether nothing that was asked waits any more.
    fn is_done(&self) -> bool {
        self.flight != Flight::Under && self.backlog.is_empty() && self.writer.drafted() == (0, 0)
    }

    fn reading(&self) -> Reading {
        Reading { wall: self.clock.wall(), monotonic_micros: self.clock.monotonic_micros() }
    }

    /// Whether the index will never cover enough again, because the follower has stopped.
    fn is_stuck(&self) -> bool {
        self.writer.uncovered() >= UNCOVERED_EVENTS_MAX
            && self.status.read(|figures| figures.follower_failure.is_some())
    }

    fn has_room(&self) -> bool {
        self.writer.drafted().0 < GROUP_EVENTS_MAX / 2 && self.writer.uncovered() < UNCOVERED_EVENTS_MAX
    }

    /// Decides what waits, in order, as long as the draft has room.
    fn take_backlog(&mut self) {
        while self.has_room() || self.flight == Flight::Latched || self.is_stuck() {
            let Some((work, places, waiter)) = self.backlog.pop_front() else { return };
            self.permits.add_permits(places as usize);
            self.ask(work, waiter);
        }
    }

    /// The next message; waits for one where nothing else is to be done.
    fn next(&mut self) -> Option<Message> {
        if self.ready() || (!self.backlog.is_empty() && self.has_room()) {
            return self.messages.try_recv().ok();
        }
        match self.messages.recv_timeout(self.patience()) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::Close(None)),
        }
    }

    /// How long there is nothing to do but to wait for a message.
    fn patience(&self) -> Duration {
        if self.closing.is_some() && self.flight != Flight::Under {
            return Duration::ZERO;
        }
        if self.writer.uncovered() >= UNCOVERED_EVENTS_MAX {
            return Duration::from_millis(1);
        }
        match self.writer.state().next_deadline() {
            Some(deadline) if self.flight == Flight::Idle && self.writer.read_only().is_none() => {
                let micros = deadline.0.saturating_sub(self.clock.wall().0);
                Duration::from_micros(u64::try_from(micros.max(0)).unwrap_or(0)).min(IDLE)
            }
            _ => IDLE,
        }
    }

    /// Whether the draft should go now.
    fn ready(&self) -> bool {
        self.flight == Flight::Idle && self.writer.drafted() != (0, 0)
    }

    fn send_if_ready(&mut self) {
        if !self.ready() {
            return;
        }
        let Some(group) = self.writer.seal() else { return };
        self.flight = match self.orders.send(Order::Commit(group)) {
            Ok(()) => Flight::Under,
            Err(_) => Flight::Latched,
        };
    }

    fn handle(&mut self, message: Message) {
        match message {
            // What was asked before the end is finished.
            Message::Ask(work, _, waiter) if self.closing.is_some() => {
                let _ = waiter.send(refuse_all(&work, &SubmitError::Closed));
            }
            Message::Ask(work, places, waiter) => self.backlog.push_back((work, places, waiter)),
            Message::Erase(seq, waiter) => {
                let _ = self.orders.send(Order::Erase(seq, waiter));
            }
            Message::Through(through) => self.through(through),
            Message::Close(waiter) => {
                let earlier = self.closing.take().flatten();
                self.closing = Some(waiter.or(earlier));
            }
        }
    }

    fn ask(&mut self, work: Work, waiter: Waiter) {
        let refusal = match self.flight {
            Flight::Latched => Some(SubmitError::Latched),
            _ if self.is_stuck() => {
                let covered = Seq(self.progress.indexed.load(Ordering::Acquire));
                let head = self.writer.state().next_seq();
                Some(SubmitError::ReadOnly(ReadOnly::CatchingUp { covered, head }))
            }
            _ => None,
        };
        match refusal {
            Some(error) => {
                let _ = waiter.send(refuse_all(&work, &error));
            }
            None => {
                let queued = self.backlog.len();
                tracing::trace_span!("decide", queued).in_scope(|| self.writer.take(work, waiter, self.reading()));
                self.status.set_mode(self.writer.read_only().map_or(Mode::Writing, Mode::ReadOnly));
            }
        }
    }

    fn through(&mut self, through: Through) {
        match through {
            Through::Durable { next, requests } => {
                self.writer.durable(next);
                self.flight = Flight::Idle;
                if requests + self.writer.drafted().1 > 1 {
                    std::thread::sleep(GATHER);
                }
            }
            Through::NotWritten(error) => {
                let durable = self.published.read(Clone::clone);
                let first = durable.head.next_seq;
                for (waiter, mut answer) in self.writer.fall_back(durable.state, durable.head) {
                    not_written(&mut answer, first, &error);
                    let _ = waiter.send(answer);
                }
                self.flight = Flight::Idle;
            }
            Through::Latched { first, next } => {
                let durable = self.published.read(Clone::clone);
                for (waiter, mut answer) in self.writer.fall_back(durable.state, durable.head) {
                    not_appended(&mut answer, first, next);
                    let _ = waiter.send(answer);
                }
                self.flight = Flight::Latched;
                self.status.set_mode(Mode::Latched);
            }
        }
    }

    /// Follows the index: forgets what it covers, and lets writing begin once it covers enough.
    fn catch_up(&mut self) {
        let indexed = Seq(self.progress.indexed.load(Ordering::Acquire));
        self.writer.covered(indexed);
        let Some(ReadOnly::CatchingUp { head, .. }) = self.writer.read_only() else { return };
        let reason = match self.writer.uncovered() <= CATCH_UP_EVENTS_MAX && self.writer.remember_log().is_ok() {
            true => None,
            false => Some(ReadOnly::CatchingUp { covered: indexed, head }),
        };
        self.writer.set_catching_up(reason);
        self.status.set_mode(self.writer.read_only().map_or(Mode::Writing, Mode::ReadOnly));
    }
}

/// The committer's thread: runs until the writer is gone.
pub(super) fn run_committer(
    mut committer: Committer,
    orders: Receiver<Order>,
    to_writer: Sender<Message>,
    status: Arc<Status>,
) -> Committer {
    loop {
        match orders.recv_timeout(TEND) {
            Ok(Order::Erase(seq, waiter)) => {
                let _ = waiter.send(committer.erase_private(seq));
            }
            Ok(Order::Commit(group)) => {
                let through = commit(&mut committer, group, &status);
                let _ = to_writer.send(Message::Through(through));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return committer,
        }
        committer.tend();
    }
}

fn commit(committer: &mut Committer, group: Group<Waiter>, status: &Status) -> Through {
    let first = group.events.first().map_or(Seq(u64::MAX), |recorded| recorded.seq);
    let next = group.events.last().map_or(first, |recorded| recorded.seq.next());
    let (events, requests) = (group.events.len(), group.replies.len());
    let span = tracing::debug_span!("group", events, requests).entered();
    let started = Instant::now();
    let through = match committer.commit(group) {
        Committed::Durable(replies, next) => {
            status.committed(events, started.elapsed());
            for (waiter, answer) in replies {
                let _ = waiter.send(answer);
            }
            Through::Durable { next, requests }
        }
        Committed::NotWritten(replies, error) => {
            for (waiter, mut answer) in replies {
                not_written(&mut answer, first, &error);
                let _ = waiter.send(answer);
            }
            Through::NotWritten(error)
        }
        Committed::Latched(replies) => {
            status.set_mode(Mode::Latched);
            for (waiter, mut answer) in replies {
                outcome_unknown(&mut answer, first);
                let _ = waiter.send(answer);
            }
            Through::Latched { first, next }
        }
    };
    drop(span);
    through
}

/// By how much the follower is nicer than the threads that answers wait for.
#[cfg(target_os = "linux")]
const FOLLOWER_NICE: i32 = 5;

/// Makes this thread nicer. On Linux that is a thread's own; elsewhere it would slow the whole process down.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(FOLLOWER_NICE);
}

/// The follower's thread: runs until it is told to end, or can't go on.
pub(super) fn run_follower(mut follower: Follower, handoff: &Handoff, status: &Status) {
    let mut is_nice = false;
    loop {
        // Nobody waits for a merge: where processors are short, those who decide and write go first. But until it has
        // caught up once, writing may wait for the follower.
        if !is_nice && follower.caught_up() {
            is_nice = true;
            give_way();
        }
        match follower.step(IDLE) {
            Ok(found) => match found.ended {
                Some(End::Now) => return,
                Some(End::CaughtUp) if follower.caught_up() => {
                    if let Err(error) = follower.finish() {
                        tracing::warn!(?error, "the newest events were not indexed, that is done when opening");
                    }
                    return;
                }
                _ => {}
            },
            Err(error) => {
                let reason = match error {
                    super::follower::FollowError::Log(fault) => fault.to_string(),
                    super::follower::FollowError::Index(error) => error.to_string(),
                };
                tracing::error!(reason, "the follower stopped: indexes and checkpoints fall behind");
                status.follower_failed(reason);
                while handoff.take(IDLE).ended.is_none() {}
                return;
            }
        }
    }
}

/// The instant of an answer: the clock, but never before what was recorded.
pub(super) fn as_of(clock: &dyn Clock, recorded_at: Timestamp) -> Timestamp {
    clock.wall().max(recorded_at)
}
