//! Starts a ledger's threads, and sees them end in order: whatever panics, the directory is given back and who waits
//! is told.

use super::committer::Committer;
use super::follower::Progress;
use super::handoff::{End, Handoff};
use super::heads::Keeper;
use super::life::Life;
use super::open::{OpenError, Opened, Options};
use super::open_log::OpenLog;
use super::projecting::Running;
use super::shell::{Flight, Waiter, WriterThread, run_committer, run_follower};
use super::status::{Mode, Status};
use super::{Inner, Ledger};
use crate::files::Files;
use crate::limits::QUEUE_COMMANDS_MAX;
use crate::log::StoreError;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long the end waits for projections to save what they have: code of callers runs in them.
const PROJECTIONS_PATIENCE: Duration = Duration::from_secs(10);

/// Starts the threads.
pub(super) fn start(
    opened: Opened<Waiter>,
    checkpoints: Arc<dyn Files>,
    options: Options,
) -> Result<Ledger, OpenError> {
    let Opened { writer, committer, follower, published, handoff, log, index, ledger } = opened;
    let permits = Arc::new(Semaphore::new(QUEUE_COMMANDS_MAX));
    let status = Arc::new(Status::new(writer.read_only().map_or(Mode::Writing, Mode::ReadOnly)));
    let progress = follower.progress();
    let (to_writer, messages) = channel();
    let (orders, committer_orders) = channel();
    let life = Arc::new(Life::new(Arc::clone(&status), to_writer.clone()));
    let projections: Arc<Running> = Arc::default();
    let (hand_over, handed) = channel();
    let (ending, places) = (Arc::clone(&life), Arc::clone(&permits));
    spawn("counterfoil-write", move || {
        if let Ok((thread, charges)) = handed.recv() {
            supervise(thread, charges, &ending, &places);
        }
    })?;
    let keep = |keep| {
        let (log, published, clock) = (Arc::clone(&log), Arc::clone(&published), Arc::clone(&options.clock));
        Keeper::start(keep, ledger, log, published, clock, Arc::clone(&life))
    };
    let keeper = options.heads.clone().map(keep).transpose().map_err(OpenError::Thread)?;
    let heads = keeper.as_ref().map(Keeper::health);
    let following = (Arc::clone(&handoff), Arc::clone(&status), Arc::clone(&life));
    let follower =
        spawn("counterfoil-follow", move || run_follower(follower, &following.0, &following.1, &following.2))?;
    // Last of all: until then the store is let go where a thread can't be started.
    let committing = (to_writer.clone(), Arc::clone(&status), Arc::clone(&life));
    let committer = spawn("counterfoil-commit", move || {
        run_committer(committer, committer_orders, committing.0, &committing.1, &committing.2)
    });
    let committer = committer.inspect_err(|_| handoff.end(End::Now))?;
    let thread = WriterThread {
        writer,
        clock: Arc::clone(&options.clock),
        messages,
        orders,
        permits: Arc::clone(&permits),
        published: Arc::clone(&published),
        progress: Arc::clone(&progress),
        status: Arc::clone(&status),
        backlog: VecDeque::new(),
        flight: Flight::Idle,
        ends_with_group: false,
        closing: false,
        read_failed: None,
    };
    let (following, running) = (Arc::clone(&progress), Arc::clone(&projections));
    let charges = Charges { committer, follower, keeper, handoff, progress: following, projections: running };
    // It waits for this and does nothing else.
    let _ = hand_over.send((thread, charges));
    let log = Arc::new(OpenLog { log, life: Arc::clone(&life) });
    let inner = Inner {
        to_writer,
        permits,
        published,
        progress,
        status,
        life,
        options,
        log,
        index,
        checkpoints,
        projections,
        ledger,
        heads,
    };
    Ok(Ledger { inner: Arc::new(inner) })
}

/// The threads that end behind the writer, and what tells them to.
struct Charges {
    committer: JoinHandle<Option<Committer>>,
    follower: JoinHandle<()>,
    keeper: Option<Keeper>,
    handoff: Arc<Handoff>,
    progress: Arc<Progress>,
    projections: Arc<Running>,
}

/// Runs the writer, then lets the others finish; then everything is let go, and that is told.
fn supervise(thread: WriterThread, charges: Charges, life: &Life, places: &Semaphore) {
    const NAME: &str = "supervisor";
    write(thread, life);
    // Whoever is told is woken by a waker of their own, which may panic: the rest is done all the same.
    let _ = life.watch(NAME, || life.close());
    // Nobody waits for a place in a queue that nobody takes from.
    let _ = life.watch(NAME, || places.close());
    let closed = life.watch(NAME, || charges.finish());
    // A panic is told by itself.
    let told = life.watch(NAME, || life.end(closed.unwrap_or(Ok(()))));
    if told.is_err() {
        // The first waker that panicked kept the others from being woken.
        let _ = life.watch(NAME, || life.tell_again());
    }
}

fn write(mut thread: WriterThread, life: &Life) {
    const NAME: &str = "writer";
    if life.watch(NAME, || thread.run()).is_err() {
        let _ = life.watch(NAME, || thread.stand_still());
    }
}

impl Charges {
    /// Lets the others finish in order, and gives the store back.
    fn finish(self) -> Result<(), StoreError> {
        // The writer's end of the orders is gone, so the committer ends.
        let committer = self.committer.join().ok().flatten();
        if let Some(keeper) = self.keeper {
            keeper.finish();
        }
        self.projections.close();
        self.progress.stop.store(true, Ordering::Release);
        // Without a committer there is no store any more that the follower could read.
        self.handoff.end(if committer.is_some() { End::CaughtUp } else { End::Now });
        let _ = self.follower.join();
        self.projections.ended(PROJECTIONS_PATIENCE);
        committer.map_or(Ok(()), Committer::close)
    }
}

fn spawn<R: Send + 'static>(name: &str, run: impl FnOnce() -> R + Send + 'static) -> Result<JoinHandle<R>, OpenError> {
    Builder::new().name(name.into()).spawn(run).map_err(OpenError::Thread)
}
