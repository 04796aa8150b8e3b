//! The spine: validate, look up, decide, append, fold; answers leave only when what they rest on is durable.

mod answer;
mod caught;
mod checkpoint;
mod clock_watch;
mod committer;
mod derived;
mod follower;
mod handoff;
mod heads;
mod life;
mod lookup;
mod open;
mod open_log;
mod projecting;
mod published;
mod reach;
mod shell;
mod shown;
mod sources;
mod status;
mod subscribe;
mod threads;
mod writer;

pub use answer::{Created, Outcome, ReadOnly, Receipt, Repeat, SubmitError};
pub use clock_watch::Reading;
pub use derived::{Derived, DerivedError};
pub use heads::{HeadsHealth, KeepHeads};
pub use open::{OpenError, Options, Parts, open_log};
pub use projecting::{Projected, Stopped};
pub use sources::{Clock, Entropy, SystemClock, SystemEntropy, fresh_uuid};
pub use status::{Health, Mode};
pub use subscribe::Subscription;
pub use writer::Foreseen;

/// The parts of the spine one by one, for a driver that is not ours: a simulation.
pub mod parts {
    pub use super::committer::{Committed, Committer, not_appended, not_written, outcome_unknown};
    pub use super::follower::{Begin, FollowError, Follower, Progress};
    pub use super::handoff::{End, Handoff};
    pub use super::lookup::Lookup;
    pub use super::open::{Opened, create_parts, open_parts};
    pub use super::published::{Durable, Published};
    pub use super::writer::{Answer, Group, Prepared, Work, Writer};
}

use crate::domain::command::{Actor, Command};
use crate::domain::event::Recorded;
use crate::domain::ids::{LedgerId, Seq, Timestamp};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::ReasonCode;
use crate::index::{IndexError, IndexReader};
use crate::limits::{BATCH_COMMANDS_MAX, EVENTS_PAGE_MAX, MESSAGE_COMMANDS_MAX, QUEUE_COMMANDS_MAX, UNIT_COMMANDS_MAX};
use crate::log::{Head, LogFault, SnapshotError, StoreError, StoreReader, Texts, scan_from};
use life::Life;
use parking_lot::Mutex;
use published::Published;
use shell::{Message, Waiter, as_of};
use smallvec::SmallVec;
use sources::new_command_id;
use status::Status;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use tokio::sync::{Semaphore, oneshot};
use writer::{Answer, Prepared, Work};

/// A ledger: cheap to clone, shared by any number of tasks and threads.
///
/// Answers are futures of no particular runtime. When the last clone is dropped the ledger finishes what was asked
/// and stops by itself; [`close`](Ledger::close) waits for that.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    to_writer: Sender<Message>,
    permits: Arc<Semaphore>,
    published: Arc<Published>,
    progress: Arc<follower::Progress>,
    status: Arc<Status>,
    life: Arc<Life>,
    options: Options,
    log: Arc<dyn StoreReader>,
    index: IndexReader,
    checkpoints: Arc<dyn crate::files::Files>,
    projections: Arc<projecting::Running>,
    ledger: LedgerId,
    heads: Option<Arc<Mutex<HeadsHealth>>>,
}

impl Inner {
    /// Asks it to end. Where the writer is gone already the end is on its way.
    fn end(&self) {
        self.life.close();
        self.permits.close();
        let _ = self.to_writer.send(Message::Close);
    }

    /// Why nobody takes what is asked.
    fn refusal(&self) -> SubmitError {
        match self.life.is_closing() {
            true => SubmitError::Closed,
            false => SubmitError::Latched,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("id", &self.inner.ledger).field("head", &self.head()).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Makes a ledger in a directory that is missing or empty, and opens it. Blocks for a few syncs.
    ///
    /// # Errors
    /// [`OpenError`]; `AlreadyExists` where something is there.
    pub fn create(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        open::create(path.as_ref(), options)
    }

    /// Opens the ledger in a directory: checks the log from the newest checkpoint on and drops what was never
    /// acknowledged behind the last commit mark. Blocks while it does.
    ///
    /// # Errors
    /// [`OpenError`]: not a ledger, open elsewhere, a newer format, damaged. Nothing is changed then.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        open::open(path.as_ref(), options)
    }

    /// Makes a ledger over any store and files, such as those in memory.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn create_over(parts: Parts, ledger: LedgerId, options: Options) -> Result<Self, OpenError> {
        open::create_over(parts, ledger, options)
    }

    /// Opens a ledger over any store and files.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_over(parts: Parts, options: Options) -> Result<Self, OpenError> {
        open::open_over(parts, options)
    }

    /// Submits one command; the answer comes when it is durable.
    ///
    /// Dropping the future does not take the command back: once it was sent it is decided and appended all the same. Send
    /// it again with the same id to learn what became of it.
    ///
    /// # Errors
    /// [`SubmitError`]: `Rejected` with the reason, or why the ledger could not act.
    pub async fn submit(&self, command: Command) -> Outcome {
        let prepared = self.prepare(command).map_err(SubmitError::Rejected)?;
        let work = Work::Each(SmallVec::from_iter([Ok(prepared)]));
        self.outcomes(work, 1).await?.pop().unwrap_or(Err(SubmitError::Closed))
    }

    /// Submits many commands, each alone; the outcomes stand in the order of the commands. Where the future is dropped,
    /// those that were sent by then are done all the same.
    ///
    /// # Errors
    /// [`SubmitError`] where the whole batch could not be asked: `LIMIT_EXCEEDED`, closed. Otherwise each command
    /// has its own outcome.
    pub async fn submit_batch(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, SubmitError> {
        limit("commands in a batch", commands.len(), BATCH_COMMANDS_MAX)?;
        let mut waiting = Vec::new();
        let mut commands = commands.into_iter();
        loop {
            let chunk: SmallVec<[_; 1]> =
                commands.by_ref().take(MESSAGE_COMMANDS_MAX).map(|command| self.prepare(command)).collect();
            if chunk.is_empty() {
                break;
            }
            let places = chunk.len();
            waiting.push(self.send(Work::Each(chunk), places).await?);
        }
        let mut outcomes = Vec::new();
        for receiver in waiting {
            outcomes.extend(self.received(receiver).await?);
        }
        Ok(outcomes)
    }

    /// Submits commands that are all appended, in one group, or none.
    ///
    /// # Errors
    /// Which command was refused, from 0, and why; the others were not appended either.
    pub async fn submit_unit(&self, commands: Vec<Command>) -> Result<Vec<Receipt>, (usize, SubmitError)> {
        limit("commands in a unit", commands.len(), UNIT_COMMANDS_MAX).map_err(|error| (0, error))?;
        let places = commands.len().max(1);
        let mut prepared = Vec::with_capacity(commands.len());
        for (index, command) in commands.into_iter().enumerate() {
            prepared.push(self.prepare(command).map_err(|rejection| (index, SubmitError::Rejected(rejection)))?);
        }
        let outcomes = self.outcomes(Work::Unit(prepared), places).await.map_err(|error| (0, error))?;
        let mut receipts = Vec::with_capacity(outcomes.len());
        let mut refused = None;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(receipt) => receipts.push(receipt),
                Err(SubmitError::UnitRefused { .. }) => {}
                Err(error) => refused = refused.or(Some((index, error))),
            }
        }
        refused.map_or(Ok(receipts), Err)
    }

    /// What would happen to a command now; appends nothing.
    ///
    /// # Errors
    /// What [`submit`](Self::submit) would say.
    pub async fn would(&self, command: Command) -> Result<Foreseen, SubmitError> {
        let prepared = self.prepare(command).map_err(SubmitError::Rejected)?;
        let receiver = self.send(Work::Would(Box::new(prepared)), 1).await?;
        match receiver.await {
            Ok(Answer::Foreseen(foreseen)) => foreseen,
            Ok(Answer::Outcomes(_)) => Err(SubmitError::Closed),
            // Nothing would have been appended, so nothing is unknown.
            Err(_) => Err(match self.inner.life.lost().await {
                SubmitError::OutcomeUnknown => SubmitError::Latched,
                closed => closed,
            }),
        }
    }

    /// An actor accepts the clock as it is, after `CLOCK_STEPPED` or `CLOCK_BEHIND`; recorded as an event.
    ///
    /// # Errors
    /// `NO_CHANGE` where the clock is trusted; what [`submit`](Self::submit) says of a ledger that can't act.
    pub async fn accept_clock(&self, actor: Actor, reason: Option<ReasonCode>) -> Outcome {
        self.outcomes(Work::AcceptClock(actor, reason), 1).await?.pop().unwrap_or(Err(SubmitError::Closed))
    }

    fn prepare(&self, command: Command) -> Result<Prepared, Rejection> {
        let options = &self.inner.options;
        Prepared::new(command, || new_command_id(options.clock.wall(), options.entropy.as_ref()))
    }

    async fn outcomes(&self, work: Work, places: usize) -> Result<SmallVec<[Outcome; 1]>, SubmitError> {
        self.received(self.send(work, places).await?).await
    }

    async fn received(&self, receiver: oneshot::Receiver<Answer>) -> Result<SmallVec<[Outcome; 1]>, SubmitError> {
        match receiver.await {
            Ok(Answer::Outcomes(outcomes)) => Ok(outcomes),
            Ok(Answer::Foreseen(_)) => Err(SubmitError::OutcomeUnknown),
            Err(_) => Err(self.inner.life.lost().await),
        }
    }

    /// Waits for places in the queue, then hands the work to the writer.
    async fn send(&self, work: Work, places: usize) -> Result<oneshot::Receiver<Answer>, SubmitError> {
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        let permits = self.inner.permits.acquire_many(places).await.map_err(|_| self.inner.refusal())?;
        let (waiter, receiver): (Waiter, _) = oneshot::channel();
        self.inner.to_writer.send(Message::Ask(work, places, waiter)).map_err(|_| self.inner.refusal())?;
        // The writer gives the places back when it takes the work.
        permits.forget();
        Ok(receiver)
    }

    /// The ledger's own name.
    #[must_use]
    pub fn id(&self) -> LedgerId {
        self.inner.ledger
    }

    /// Where the durable log ends: the place of the next event and the hash of the last one. Keep it elsewhere.
    #[must_use]
    pub fn head(&self) -> Head {
        self.inner.published.read(|durable| durable.head)
    }

    /// Asks a question of the durable state, as of now. The functions of [`crate::query`] are such questions.
    ///
    /// Never waits for a sync; keep it short, answers to writers wait meanwhile. Whatever else of the ledger answers at
    /// once may be asked within it: other questions, history and reports, events, notes, health. What may not be done
    /// within it is to wait for what waits for it: for an answer to a command or for [`close`](Self::close) of this
    /// ledger, or for another thread that asks it.
    pub fn query<R>(&self, question: impl FnOnce(&State, Timestamp) -> R) -> R {
        let clock = self.inner.options.clock.as_ref();
        self.inner.published.read(|durable| question(&durable.state, as_of(clock, durable.state.recorded_at())))
    }

    /// Durable events from one seq up to, not including, another; at most [`EVENTS_PAGE_MAX`], so ask again behind
    /// the last one until nothing comes.
    ///
    /// # Errors
    /// [`LogFault`] at the first event that can't be read.
    pub fn events(&self, from: Seq, until: Seq) -> Result<Vec<Recorded>, LogFault> {
        let until = until.min(self.head().next_seq);
        if from >= until {
            return Ok(Vec::new());
        }
        let log = self.log();
        let scanned = scan_from(log.as_ref(), from).take_while(|scanned| match scanned {
            Ok(scanned) => scanned.seq < until,
            Err(_) => true,
        });
        scanned.take(EVENTS_PAGE_MAX).map(|scanned| scanned.map(Recorded::from)).collect()
    }

    /// Every event from a seq on: history first, then live, in order, no gap, no repeat.
    ///
    /// Needs a tokio runtime where it is polled. A slow consumer holds nothing up: it reads the log at its own pace,
    /// and one that waits holds no thread. The stream ends when the ledger is closed: subscribe again behind the last
    /// seq that came.
    #[must_use]
    pub fn subscribe(&self, from: Seq) -> Subscription {
        Subscription::new(self.log(), self.inner.published.follow(), self.inner.life.follow(), from)
    }

    /// The private note of an event, where it has one that was not erased.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be read.
    pub fn note(&self, seq: Seq) -> Result<Option<String>, StoreError> {
        if seq >= self.head().next_seq {
            return Ok(None);
        }
        Ok(self.log().private(seq)?.map(|private| private.text))
    }

    /// Erases the private note of an event for good; the history stays provable without it.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't do it.
    pub async fn erase_note(&self, seq: Seq) -> Result<(), StoreError> {
        let (waiter, receiver) = oneshot::channel();
        let refused = || match self.inner.life.is_closing() {
            true => life::closed(),
            false => StoreError::Latched,
        };
        self.inner.to_writer.send(Message::Erase(seq, waiter)).map_err(|_| refused())?;
        receiver.await.map_err(|_| refused())?
    }

    /// What questions about the past are asked of.
    pub(crate) fn readers(&self) -> (&Published, &IndexReader, &dyn Clock) {
        let inner = &self.inner;
        (&inner.published, &inner.index, inner.options.clock.as_ref())
    }

    /// How the ledger is.
    #[must_use]
    pub fn health(&self) -> Health {
        let progress = &self.inner.progress;
        let figures = self.inner.status.read(|figures| {
            let micros = u64::try_from(figures.last_group.as_micros()).unwrap_or(u64::MAX);
            let reasons = (figures.latched_by.clone(), figures.follower_failure.clone());
            (figures.mode, figures.groups, figures.events, micros, reasons)
        });
        let (mode, groups, events, last_group_micros, (latched_by, follower_failure)) = figures;
        Health {
            mode,
            next_seq: self.head().next_seq,
            indexed: Seq(progress.indexed.load(Ordering::Acquire)),
            checkpointed: Seq(progress.checkpointed.load(Ordering::Acquire)),
            settled: Seq(progress.settled.load(Ordering::Acquire)),
            queued: QUEUE_COMMANDS_MAX.saturating_sub(self.inner.permits.available_permits()),
            groups,
            events,
            last_group_micros,
            latched_by,
            follower_failure,
            rebuild: self.inner.index.rebuild(),
            heads: self.inner.heads.as_ref().map(|heads| heads.lock().clone()),
        }
    }

    /// The log as it is stored, for verifiers and exports. What stands behind [`head`](Self::head) is not durable. Once
    /// the ledger is closed it answers that it is.
    #[must_use]
    pub fn log(&self) -> Arc<dyn StoreReader> {
        Arc::clone(&self.inner.log)
    }

    /// Copies the ledger as it is now into a directory that is missing or empty, while it goes on: the log up to the
    /// head that is returned, and the private texts that are not erased. Blocks while it copies.
    ///
    /// The copy has the same name: only one of the two may be written to from then on.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is left under the directory's name.
    pub fn snapshot(&self, dir: &Path) -> Result<Head, SnapshotError> {
        let head = self.head();
        crate::log::snapshot(self.log().as_ref(), self.id(), head, dir, Texts::All)?;
        Ok(head)
    }

    /// Reads all of the index, as far as it is written, and checks its checksums: damage of it is otherwise found by the
    /// question that meets it. Whether it says what the log says is found by [`verify_derived`](Self::verify_derived).
    ///
    /// # Errors
    /// [`IndexError`]: what is damaged. The log is not concerned, and the index is built again from it at once.
    pub fn read_index(&self) -> Result<(), IndexError> {
        self.inner.index.view().digest().map(drop)
    }

    /// Rebuilds everything that is derived and compares: state, checkpoints, indexes. Takes as long as a replay.
    ///
    /// # Errors
    /// [`DerivedError`] with the first thing that differs, or why the log can't be read.
    pub fn verify_derived(&self) -> Result<Derived, DerivedError> {
        self.verify_derived_with(|_| {})
    }

    /// As [`verify_derived`](Self::verify_derived), and tells every 65,536 events how many were folded.
    ///
    /// # Errors
    /// [`DerivedError`] with the first thing that differs, or why the log can't be read.
    pub fn verify_derived_with(&self, mut progress: impl FnMut(u64)) -> Result<Derived, DerivedError> {
        let durable = self.inner.published.read(Clone::clone);
        derived::verify(derived::Compare {
            ledger: self.inner.ledger,
            log: self.log().as_ref(),
            durable: &durable,
            index: &self.inner.index,
            checkpoints: self.inner.checkpoints.as_ref(),
            progress: &mut progress,
        })
    }

    /// Finishes what was asked, lets indexes catch up, writes a checkpoint and stops. Other clones get `Closed`, the
    /// log answers that it is closed, subscriptions end; questions of the published state are still answered.
    ///
    /// When this returns the directory is free, whoever holds clones, subscriptions, readers or projections: it can be
    /// opened again at once. Every call says the same and none returns earlier, also where another one was dropped.
    ///
    /// # Errors
    /// [`StoreError`] where the store can't be given back, or a thread of the ledger panicked before or meanwhile.
    pub async fn close(self) -> Result<(), StoreError> {
        self.inner.end();
        self.inner.life.ended().await
    }
}

fn limit(what: &'static str, actual: usize, limit: usize) -> Result<(), SubmitError> {
    match actual > limit {
        true => {
            let (actual, limit) = (actual as u64, limit as u64);
            Err(SubmitError::Rejected(Rejection::LimitExceeded { what, actual, limit }))
        }
        false => Ok(()),
    }
}
