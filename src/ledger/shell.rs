//! The shell: threads and channels around the writer, the committer and the follower. No rule lives here.
//!
//! The writer decides while the committer syncs; there is one group on its way at a time, so a group holds
//! everything that came in while the one before it was synced.
//! Behind a group with several callers the writer sleeps for a moment, so that those who were answered can ask again
//! without waking it one by one.

use super::answer::{ReadOnly, SubmitError};
use super::caught::caught;
use super::clock_watch::Reading;
use super::committer::{Committed, Committer, not_appended, not_written, outcome_unknown};
use super::follower::{Follower, Progress};
use super::handoff::{End, Handoff};
use super::life::Life;
use super::published::Published;
use super::sources::Clock;
use super::status::{Mode, Status};
use super::writer::{Answer, Group, Work, Writer, refuse_all};
use crate::domain::housekeeping::next_due;
use crate::domain::ids::{Seq, Timestamp};
use crate::limits::{GROUP_EVENTS_MAX, UNCOVERED_EVENTS_MAX};
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
    /// One of the ledger's threads panicked: nothing more is written.
    Panicked,
    /// Finish what was asked and stop.
    Close,
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
/// How long a writer that could not read the log into memory leaves it alone.
const READ_REST: Duration = Duration::from_secs(1);
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
    /// Whether a thread panicked while a group was on its way: nothing goes behind it.
    pub(super) ends_with_group: bool,
    pub(super) closing: bool,
    /// When what the index does not cover could not be read from the log last.
    pub(super) read_failed: Option<Instant>,
}

/// Whether a group is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    Idle,
    Under,
    Latched,
}

impl WriterThread {
    /// Runs until it is closed.
    pub(super) fn run(&mut self) {
        loop {
            self.catch_up();
            if let Some(message) = self.next() {
                self.handle(message);
                while let Ok(message) = self.messages.try_recv() {
                    self.handle(message);
                }
            }
            self.take_backlog();
            if self.flight != Flight::Latched && !self.closing {
                self.writer.tick(self.reading());
            }
            self.send_if_ready();
            if self.closing && self.is_done() {
                return;
            }
        }
    }

    /// What is left to do behind a panic of [`run`](Self::run): nobody knows what the state is, so nothing is decided
    /// any more; who asked or asks is told so until the ledger is closed.
    pub(super) fn stand_still(self) {
        let Self { writer, orders, messages, permits, backlog, mut closing, .. } = self;
        // Those whose commands were decided and not sent get no answer, so they learn that the outcome is unknown.
        drop((writer, orders));
        let refuse = |work: &Work, places: u32, waiter: Waiter, error: &SubmitError| {
            permits.add_permits(places as usize);
            let _ = waiter.send(refuse_all(work, error));
        };
        for (work, places, waiter) in backlog {
            refuse(&work, places, waiter, &SubmitError::Latched);
        }
        loop {
            let message = if closing { messages.try_recv().ok() } else { messages.recv().ok() };
            match message {
                None => return,
                Some(Message::Ask(work, places, waiter)) => {
                    let error = if closing { SubmitError::Closed } else { SubmitError::Latched };
                    refuse(&work, places, waiter, &error);
                }
                Some(Message::Erase(_, waiter)) => drop(waiter.send(Err(StoreError::Latched))),
                Some(Message::Through(_) | Message::Panicked) => {}
                Some(Message::Close) => closing = true,
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
            Err(RecvTimeoutError::Disconnected) => Some(Message::Close),
        }
    }

    /// How long there is nothing to do but to wait for a message.
    fn patience(&self) -> Duration {
        if self.closing && self.flight != Flight::Under {
            return Duration::ZERO;
        }
        if self.writer.uncovered() >= UNCOVERED_EVENTS_MAX {
            return Duration::from_millis(1);
        }
        match next_due(self.writer.state()) {
            Some(due) if self.flight == Flight::Idle && self.writer.read_only().is_none() => {
                let micros = due.0.saturating_sub(self.clock.wall().0);
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
            Message::Ask(work, _, waiter) if self.closing => {
                let _ = waiter.send(refuse_all(&work, &SubmitError::Closed));
            }
            Message::Ask(work, places, waiter) => self.backlog.push_back((work, places, waiter)),
            Message::Erase(_, waiter) if self.flight == Flight::Latched => drop(waiter.send(Err(StoreError::Latched))),
            Message::Erase(seq, waiter) => {
                let _ = self.orders.send(Order::Erase(seq, waiter));
            }
            Message::Through(through) => self.through(through),
            Message::Panicked => match self.flight {
                Flight::Under => self.ends_with_group = true,
                Flight::Idle => self.latch_behind_durable(),
                Flight::Latched => {}
            },
            Message::Close => self.closing = true,
        }
    }

    fn ask(&mut self, work: Work, waiter: Waiter) {
        let refusal = match self.flight {
            Flight::Latched => Some(SubmitError::Latched),
            // Who was told so already is not told anything else; what is on its way is still finished.
            _ if self.status.is_latched() => Some(SubmitError::Latched),
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
                if self.ends_with_group {
                    self.latch_behind_durable();
                } else if requests + self.writer.drafted().1 > 1 {
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
                self.flight = if self.ends_with_group { Flight::Latched } else { Flight::Idle };
            }
            Through::Latched { first, next } => self.latch(first, next),
        }
    }

    /// Nothing is written behind the events from the first up to the next, whose outcome is unknown.
    fn latch(&mut self, first: Seq, next: Seq) {
        let durable = self.published.read(Clone::clone);
        for (waiter, mut answer) in self.writer.fall_back(durable.state, durable.head) {
            not_appended(&mut answer, first, next);
            let _ = waiter.send(answer);
        }
        self.flight = Flight::Latched;
    }

    /// The same where the outcome of nothing is unknown.
    fn latch_behind_durable(&mut self) {
        let next = self.published.read(|durable| durable.head.next_seq);
        self.latch(next, next);
    }

    /// Follows the index: forgets what it covers, and lets writing begin once it covers enough.
    fn catch_up(&mut self) {
        let indexed = Seq(self.progress.indexed.load(Ordering::Acquire));
        self.writer.covered(indexed);
        let waits = self.writer.catching_up();
        if waits.is_none() && !self.writer.is_overtaken() || self.read_failed.is_some_and(|at| at.elapsed() < READ_REST)
        {
            return;
        }
        let read = self.writer.remember_log();
        self.read_failed = matches!(read, Err(SubmitError::LookupFailed(_))).then(Instant::now);
        if waits.is_some() {
            let reason = match read {
                Ok(()) => None,
                Err(SubmitError::ReadOnly(reason)) => Some(reason),
                Err(_) => waits,
            };
            self.writer.set_catching_up(reason);
            self.status.set_mode(self.writer.read_only().map_or(Mode::Writing, Mode::ReadOnly));
        }
    }
}

/// The committer's thread: runs until the writer is gone. It gives nothing back where it panicked: nobody knows what
/// its store would still do.
pub(super) fn run_committer(
    mut committer: Committer,
    orders: Receiver<Order>,
    to_writer: Sender<Message>,
    status: &Status,
    life: &Life,
) -> Option<Committer> {
    const NAME: &str = "committer";
    let mut panicked = false;
    loop {
        match orders.recv_timeout(TEND) {
            Ok(Order::Erase(_, waiter)) if panicked => drop(waiter.send(Err(StoreError::Latched))),
            Ok(Order::Erase(seq, waiter)) => {
                let erased = life.watch(NAME, || committer.erase_private(seq));
                panicked = erased.is_err();
                let _ = waiter.send(erased.unwrap_or(Err(StoreError::Latched)));
            }
            Ok(Order::Commit(group)) => {
                let (first, next) = span(&group);
                let unknown = Through::Latched { first, next };
                let through = match panicked {
                    true => refuse(group),
                    // Who waits for a group that is lost in a panic gets no answer, and learns that nobody knows.
                    false => life.watch(NAME, || commit(&mut committer, group, status)).unwrap_or_else(|_| {
                        panicked = true;
                        unknown
                    }),
                };
                let _ = to_writer.send(Message::Through(through));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        panicked = panicked || life.watch(NAME, || committer.tend()).is_err();
    }
    if !panicked {
        return Some(committer);
    }
    let _ = life.watch(NAME, || drop(committer));
    None
}

/// The first event of a group and the one behind its last.
fn span(group: &Group<Waiter>) -> (Seq, Seq) {
    let first = group.events.first().map_or(Seq(u64::MAX), |recorded| recorded.seq);
    (first, group.events.last().map_or(first, |recorded| recorded.seq.next()))
}

/// A group that came behind a panic: certainly not written.
fn refuse(group: Group<Waiter>) -> Through {
    let (first, _) = span(&group);
    for (waiter, mut answer) in group.replies {
        not_appended(&mut answer, first, first);
        let _ = waiter.send(answer);
    }
    Through::Latched { first, next: first }
}

fn commit(committer: &mut Committer, group: Group<Waiter>, status: &Status) -> Through {
    let (first, next) = span(&group);
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
        Committed::Latched(replies, error) => {
            status.latch(format!("a group could not be written: {error}"));
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
pub(super) fn run_follower(follower: Follower, handoff: &Handoff, status: &Status, life: &Life) {
    if let Err(panic) = caught(|| follow(follower, handoff, status)) {
        status.follower_failed(panic.clone());
        life.panicked("follower", &panic);
    }
}

fn follow(mut follower: Follower, handoff: &Handoff, status: &Status) {
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
                Some(End::CaughtUp) if follower.rests() => {
                    tracing::warn!("the index is damaged, it is built again when the ledger is opened next");
                    return;
                }
                Some(End::CaughtUp) if follower.caught_up() => {
                    let finished = follower.finish();
                    // Who asked last may have met damage.
                    if follower.caught_up() || follower.rests() {
                        if let Err(error) = finished {
                            tracing::warn!(?error, "the newest events were not indexed, that is done when opening");
                        }
                        return;
                    }
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
