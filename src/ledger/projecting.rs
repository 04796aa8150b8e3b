//! Runs projections: each in a thread of its own, from its checkpoint on, over the durable log.

mod lane;
mod running;

use super::caught::caught;
use super::shown::Shown;
use super::{Inner, Ledger};
use crate::domain::ids::{LedgerId, Seq};
use crate::files::Files;
use crate::log::StoreReader;
use crate::projection::{Projection, ProjectionError};
pub(super) use lane::MAGIC;
use lane::{Lane, read};
use parking_lot::{Condvar, Mutex};
use running::Named;
pub(super) use running::Running;
use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a projection that has seen everything looks whether it should stop.
const IDLE: Duration = Duration::from_millis(50);

/// Where a projection stopped, and why; it is tried again when the projection is started next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The event that was not applied.
    pub seq: Seq,
    /// Why.
    pub reason: String,
}

/// Makes a projection that has seen nothing.
type Make<P> = Box<dyn Fn() -> P + Send>;

/// How far a projection is.
#[derive(Clone, Copy)]
struct Place {
    next_seq: Seq,
    is_stopped: bool,
}

impl Place {
    const fn of<P>(lane: &Lane<P>) -> Self {
        Self { next_seq: lane.head.next_seq, is_stopped: lane.stopped.is_some() }
    }
}

struct Shared<P> {
    current: Shown<Lane<P>>,
    /// What is to be built beside, until the thread takes it.
    newer: Mutex<Option<Make<P>>>,
    /// Why the last one that was built beside did not take over.
    newer_stopped: Mutex<Option<Stopped>>,
    /// Where it is, for who waits: looking at the lane itself might wait for a question that waits for this.
    moved: (Mutex<Place>, Condvar),
    stop: AtomicBool,
    /// Whether the thread has come to its end: then nothing moves any more.
    ended: AtomicBool,
}

/// A projection that follows the ledger. Dropping it stops it, with a checkpoint; it stops by itself soon after the
/// ledger is closed.
pub struct Projected<P: Projection> {
    shared: Arc<Shared<P>>,
    thread: Option<JoinHandle<()>>,
}

fn closed() -> Error {
    Error::new(ErrorKind::NotConnected, "the ledger is closed")
}

impl Ledger {
    /// Starts a projection where its last checkpoint of the same version is, or from the first event, and keeps it up
    /// with what becomes durable. Checkpoints of older versions stay until it has caught up, those of newer ones for who
    /// builds them. `make` gives one that has seen nothing; it is asked again where a checkpoint can't be loaded.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is none, `AlreadyExists` while one of that name runs, `NotConnected` where the
    /// ledger is closed; others where the log can't be read, `make` panics or the thread can't be started.
    pub fn project<P>(&self, make: impl Fn() -> P) -> std::io::Result<Projected<P>>
    where
        P: Projection + Send + Sync + 'static,
    {
        if self.inner.life.is_closing() {
            return Err(closed());
        }
        let first = caught(&make).map_err(Error::other)?;
        let name = Named::take(&self.inner.projections, first.name())?;
        let files = Arc::clone(&self.inner.checkpoints);
        let lane = Lane::begin(files.as_ref(), self.log().as_ref(), self.id(), first, &make).map_err(Error::other)?;
        let shared = Arc::new(Shared {
            moved: (Mutex::new(Place::of(&lane)), Condvar::new()),
            current: Shown::new(lane),
            newer: Mutex::new(None),
            newer_stopped: Mutex::new(None),
            stop: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let runner = Runner {
            shared: Arc::clone(&shared),
            ledger: Arc::downgrade(&self.inner),
            id: self.id(),
            files,
            newer: None,
            tidied: false,
            name,
        };
        let thread = std::thread::Builder::new().name("counterfoil-project".into()).spawn(move || runner.run())?;
        Ok(Projected { shared, thread: Some(thread) })
    }
}

impl<P: Projection> Projected<P> {
    /// Asks the projection; the seq is that of the next event it will see. Holds it up, so keep it short; other
    /// questions, of this one or of the ledger, may be asked within. Where it stopped because it panicked, half of the
    /// event may be in it.
    pub fn read<R>(&self, question: impl FnOnce(&P) -> R) -> (Seq, R) {
        self.shared.current.look(|lane| (lane.head.next_seq, question(&lane.projection)))
    }

    /// Where it stopped, where it did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.shared.current.look(|lane| lane.stopped.clone())
    }

    /// Where the newer one stopped, where it did not take over for that reason.
    #[must_use]
    pub fn newer_stopped(&self) -> Option<Stopped> {
        self.shared.newer_stopped.lock().clone()
    }

    /// Waits until all events below this seq are in it; false where it stopped, the ledger is closed, or that takes
    /// longer than the patience.
    #[must_use]
    pub fn wait_for(&self, next_seq: Seq, patience: Duration) -> bool {
        let until = Instant::now().checked_add(patience);
        let mut moved = self.shared.moved.0.lock();
        loop {
            let done = moved.next_seq >= next_seq;
            if done || moved.is_stopped || self.shared.ended.load(Ordering::Acquire) {
                return done;
            }
            match until {
                None => self.shared.moved.1.wait(&mut moved),
                Some(until) if self.shared.moved.1.wait_until(&mut moved, until).timed_out() => return false,
                Some(_) => {}
            }
        }
    }

    /// Builds another version beside this one, from its own checkpoint or the first event, and puts it in this one's
    /// place once it has caught up; until then this one answers. One that stops never takes over.
    ///
    /// # Errors
    /// `InvalidInput` where the other has another name or the same version, `NotConnected` where the ledger is closed.
    ///
    /// # Panics
    /// Where `make` does: it is asked once here, for name and version.
    pub fn replace(&self, make: impl Fn() -> P + Send + 'static) -> std::io::Result<()> {
        if self.shared.ended.load(Ordering::Acquire) {
            return Err(closed());
        }
        let other = make();
        let called = |lane: &Lane<P>| (lane.projection.name().to_owned(), lane.projection.version());
        let (name, version) = self.shared.current.look(called);
        if other.name() != name || other.version() == version {
            let why = format!(
                "{:?} version {} can't take the place of {name:?} version {version}: want the same name and another \
                 version",
                other.name(),
                other.version()
            );
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let mut newer = self.shared.newer.lock();
        *self.shared.newer_stopped.lock() = None;
        *newer = Some(Box::new(make));
        Ok(())
    }
}

impl<P: Projection> Drop for Projected<P> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread.
struct Runner<P: Projection> {
    shared: Arc<Shared<P>>,
    ledger: Weak<Inner>,
    id: LedgerId,
    files: Arc<dyn Files>,
    /// What is built beside.
    newer: Option<Lane<P>>,
    /// Whether checkpoints of older versions are gone.
    tidied: bool,
    name: Named,
}

/// Whatever ends the thread, nobody waits for it any more.
impl<P: Projection> Drop for Runner<P> {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.wake();
    }
}

impl<P: Projection> Runner<P> {
    fn run(mut self) {
        while self.goes_on() {
            let Some(ledger) = self.ledger.upgrade() else { break };
            let (log, index, durable) = (Arc::clone(&ledger.log), ledger.index.clone(), ledger.published.next_seq());
            drop(ledger);
            self.take_newer(log.as_ref());
            let moved = self.advance(log.as_ref(), durable) | self.advance_newer(log.as_ref(), durable);
            if !moved {
                // The follower follows the log, and can be waited for.
                index.wait_folded(durable.0 + 1, IDLE);
            }
        }
        if self.name.may_write() {
            // Whoever asks it something meanwhile does not hold the end up.
            self.shared.current.look(|lane| lane.save_last(self.files.as_ref(), self.id));
        }
        if let Some(newer) = self.newer.take_if(|_| self.name.may_write()) {
            newer.save_last(self.files.as_ref(), self.id);
        }
        if self.shared.newer.lock().take().is_some() {
            let reason = "the ledger was closed before it began".to_owned();
            *self.shared.newer_stopped.lock() = Some(Stopped { seq: Seq(0), reason });
        }
    }

    fn goes_on(&self) -> bool {
        self.is_open() && !self.shared.stop.load(Ordering::Acquire)
    }

    /// Changes the current one as soon as nobody asks it something; not at all where it is to stop before that.
    fn change<R>(&self, mut change: impl FnOnce(&mut Lane<P>) -> R) -> Option<R> {
        loop {
            change = match self.shared.current.change_within(IDLE, change) {
                Ok(changed) => return Some(changed),
                Err(undone) if self.goes_on() => undone,
                Err(_) => return None,
            }
        }
    }

    fn take_newer(&mut self, log: &dyn StoreReader) {
        let Some(make) = self.shared.newer.lock().take() else { return };
        let begun = caught(&make).map_err(ProjectionError::from);
        match begun.and_then(|first| Lane::begin(self.files.as_ref(), log, self.id, first, &make)) {
            Ok(newer) => self.newer = Some(newer),
            Err(error) => self.newer_stopped(Stopped { seq: Seq(0), reason: error.to_string() }),
        }
    }

    /// Says why the newer one does not take over, unless yet another one is to be built.
    fn newer_stopped(&self, stopped: Stopped) {
        let newer = self.shared.newer.lock();
        if newer.is_none() {
            *self.shared.newer_stopped.lock() = Some(stopped);
        }
    }

    /// Applies the next events to the current one; whether there were any.
    fn advance(&mut self, log: &dyn StoreReader, durable: Seq) -> bool {
        let (head, stopped) = self.shared.current.look(|lane| (lane.head, lane.stopped.is_some()));
        if stopped || head.next_seq >= durable {
            if !stopped && !self.tidied && self.newer.is_none() {
                self.tidy();
            }
            return false;
        }
        let events = read(log, head, durable);
        self.change(|lane| {
            // An error while the ledger closes is not the projection's.
            if events.is_ok() || self.is_open() {
                lane.apply(events);
            }
            if lane.is_due() && self.name.may_write() {
                lane.save(self.files.as_ref(), self.id);
            }
        });
        self.wake();
        true
    }

    /// Applies the next events to the newer one, and lets it take over where it has caught up.
    fn advance_newer(&mut self, log: &dyn StoreReader, durable: Seq) -> bool {
        let Some(mut newer) = self.newer.take() else { return false };
        if newer.head.next_seq < durable {
            let events = read(log, newer.head, durable);
            if events.is_ok() || self.is_open() {
                newer.apply(events);
            }
            if newer.is_due() && self.name.may_write() {
                newer.save(self.files.as_ref(), self.id);
            }
        }
        if let Some(stopped) = newer.stopped {
            self.newer_stopped(stopped);
        } else if newer.head.next_seq >= durable {
            if self.name.may_write() {
                newer.save(self.files.as_ref(), self.id);
            }
            // Readers do not wait until the old one is freed.
            drop(self.change(|lane| std::mem::replace(lane, newer)));
            self.tidied = false;
        } else {
            self.newer = Some(newer);
        }
        self.wake();
        true
    }

    fn is_open(&self) -> bool {
        self.ledger.upgrade().is_some_and(|ledger| !ledger.life.is_closing())
    }

    fn wake(&self) {
        let place = self.shared.current.look(Place::of);
        *self.shared.moved.0.lock() = place;
        self.shared.moved.1.notify_all();
    }

    /// Removes checkpoints of older versions: this one has caught up.
    fn tidy(&mut self) {
        self.tidied = true;
        self.change(|lane| {
            if self.name.may_write() {
                lane.save(self.files.as_ref(), self.id);
                lane.tidy(self.files.as_ref());
            }
        });
    }
}
