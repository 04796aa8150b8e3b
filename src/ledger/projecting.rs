//! Runs projections: each in a thread of its own, from its checkpoint on, over the durable log.
//!
//! A checkpoint holds: magic `CFPR`, format version u16, ledger id (16 bytes), next seq u64, hash (32 bytes), the saved
//! state, BLAKE3 of everything before. Integers are little endian. State and place stand in one file that is replaced
//! whole, so every event is in the state exactly once, whenever it stops.

use super::{Inner, Ledger};
use crate::domain::event::Recorded;
use crate::domain::ids::{LedgerId, Seq};
use crate::files::Files;
use crate::log::{Hash, Head, LogFault, StoreReader, head_at, scan};
use crate::projection::{Projection, ProjectionError};
use parking_lot::{Condvar, Mutex, RwLock};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const MAGIC: &[u8; 4] = b"CFPR";
const FORMAT: u16 = 1;
const HEADER_BYTES: usize = 4 + 2 + 16 + 8 + 32;
/// Events that are applied at once: readers wait for that long at most.
const BATCH_EVENTS: usize = 512;
/// Events between two checkpoints.
const CHECKPOINT_EVENTS: u64 = 65_536;
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

/// A projection and its place in the log.
struct Lane<P> {
    projection: P,
    head: Head,
    saved: Seq,
    stopped: Option<Stopped>,
}

struct Shared<P> {
    current: RwLock<Lane<P>>,
    /// What is to be built beside, until the thread takes it.
    newer: Mutex<Option<P>>,
    /// Why the last one that was built beside did not take over.
    newer_stopped: Mutex<Option<Stopped>>,
    moved: (Mutex<()>, Condvar),
    stop: AtomicBool,
}

/// A projection that follows the ledger. Dropping it stops it, with a checkpoint.
pub struct Projected<P: Projection> {
    shared: Arc<Shared<P>>,
    thread: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Starts a projection where its last checkpoint of the same version is, or from the first event, and keeps it up
    /// with what becomes durable. Checkpoints of other versions stay until it has caught up.
    ///
    /// # Errors
    /// Where the thread can't be started.
    pub fn project<P>(&self, projection: P) -> std::io::Result<Projected<P>>
    where
        P: Projection + Send + Sync + 'static,
    {
        let files = Arc::clone(&self.inner.checkpoints);
        let lane = begin(files.as_ref(), self.log().as_ref(), self.id(), projection);
        let shared = Arc::new(Shared {
            current: RwLock::new(lane),
            newer: Mutex::new(None),
            newer_stopped: Mutex::new(None),
            moved: Default::default(),
            stop: AtomicBool::new(false),
        });
        let runner = Runner {
            shared: Arc::clone(&shared),
            ledger: Arc::downgrade(&self.inner),
            id: self.id(),
            files,
            newer: None,
            tidied: false,
        };
        let thread = std::thread::Builder::new().name("counterfoil-project".into()).spawn(move || runner.run())?;
        Ok(Projected { shared, thread: Some(thread) })
    }
}

impl<P: Projection> Projected<P> {
    /// Asks the projection; the seq is that of the next event it will see. Holds it up, so keep it short.
    pub fn read<R>(&self, question: impl FnOnce(&P) -> R) -> (Seq, R) {
        let lane = self.shared.current.read();
        (lane.head.next_seq, question(&lane.projection))
    }

    /// Where it stopped, where it did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        self.shared.current.read().stopped.clone()
    }

    /// Where the newer one stopped, where it did not take over for that reason.
    #[must_use]
    pub fn newer_stopped(&self) -> Option<Stopped> {
        self.shared.newer_stopped.lock().clone()
    }

    /// Waits until all events below this seq are in it; false where it stopped or that takes longer than the patience.
    #[must_use]
    pub fn wait_for(&self, next_seq: Seq, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut moved = self.shared.moved.0.lock();
        loop {
            let lane = self.shared.current.read();
            let (done, stopped) = (lane.head.next_seq >= next_seq, lane.stopped.is_some());
            drop(lane);
            if done || stopped {
                return done;
            }
            if self.shared.moved.1.wait_until(&mut moved, until).timed_out() {
                return false;
            }
        }
    }

    /// Builds a newer version beside this one, from its own checkpoint or the first event, and puts it in this one's
    /// place once it has caught up; until then this one answers. One that stops never takes over.
    pub fn replace(&self, newer: P) {
        *self.shared.newer_stopped.lock() = None;
        *self.shared.newer.lock() = Some(newer);
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
struct Runner<P> {
    shared: Arc<Shared<P>>,
    ledger: Weak<Inner>,
    id: LedgerId,
    files: Arc<dyn Files>,
    /// What is built beside.
    newer: Option<Lane<P>>,
    /// Whether checkpoints of other versions are gone.
    tidied: bool,
}

impl<P: Projection> Runner<P> {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            let Some(ledger) = self.ledger.upgrade().filter(|ledger| !ledger.permits.is_closed()) else { break };
            let (log, index) = (Arc::clone(&ledger.log.read()), ledger.index.clone());
            let durable = ledger.published.read(|durable| durable.head.next_seq);
            drop(ledger);
            self.take_newer(log.as_ref());
            let moved = self.advance(log.as_ref(), durable) | self.advance_newer(log.as_ref(), durable);
            drop(log);
            if !moved {
                // The follower follows the log, and can be waited for.
                index.wait_folded(durable.0 + 1, IDLE);
            }
        }
        let mut lane = self.shared.current.write();
        save(self.files.as_ref(), self.id, &mut lane);
        if let Some(newer) = &mut self.newer {
            save(self.files.as_ref(), self.id, newer);
        }
    }

    fn take_newer(&mut self, log: &dyn StoreReader) {
        if let Some(newer) = self.shared.newer.lock().take() {
            self.newer = Some(begin(self.files.as_ref(), log, self.id, newer));
        }
    }

    /// Applies the next events to the current one; whether there were any.
    fn advance(&mut self, log: &dyn StoreReader, durable: Seq) -> bool {
        let lane = self.shared.current.read();
        let (head, stopped) = (lane.head, lane.stopped.is_some());
        drop(lane);
        if stopped || head.next_seq >= durable {
            if !stopped && !self.tidied && self.newer.is_none() {
                self.tidy();
            }
            return false;
        }
        let events = read(log, head, durable);
        let mut lane = self.shared.current.write();
        // An error while the ledger closes is not the projection's.
        if events.is_ok() || self.is_open() {
            apply(&mut lane, events);
        }
        if lane.head.next_seq.0 - lane.saved.0 >= CHECKPOINT_EVENTS {
            save(self.files.as_ref(), self.id, &mut lane);
        }
        drop(lane);
        self.wake();
        true
    }

    /// Applies the next events to the newer one, and lets it take over where it has caught up.
    fn advance_newer(&mut self, log: &dyn StoreReader, durable: Seq) -> bool {
        let Some(mut newer) = self.newer.take() else { return false };
        if newer.head.next_seq < durable {
            let events = read(log, newer.head, durable);
            if events.is_ok() || self.is_open() {
                apply(&mut newer, events);
            }
        }
        if newer.stopped.is_some() {
            *self.shared.newer_stopped.lock() = newer.stopped;
        } else if newer.head.next_seq >= durable {
            save(self.files.as_ref(), self.id, &mut newer);
            *self.shared.current.write() = newer;
            self.tidied = false;
        } else {
            self.newer = Some(newer);
        }
        self.wake();
        true
    }

    fn is_open(&self) -> bool {
        self.ledger.upgrade().is_some_and(|ledger| !ledger.permits.is_closed())
    }

    fn wake(&self) {
        drop(self.shared.moved.0.lock());
        self.shared.moved.1.notify_all();
    }

    /// Removes checkpoints of other versions: this one has caught up.
    fn tidy(&mut self) {
        self.tidied = true;
        let mut lane = self.shared.current.write();
        save(self.files.as_ref(), self.id, &mut lane);
        let (own, prefix) = (file_name(&lane.projection), format!("projection-{}-v", lane.projection.name()));
        let is_other = |name: &str| {
            let version = name.strip_prefix(&prefix);
            name != own && version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
        };
        for name in self.files.list().unwrap_or_default().iter().filter(|name| is_other(name)) {
            if let Err(error) = self.files.remove(name) {
                tracing::warn!(%error, "a checkpoint of another version could not be removed");
            }
        }
    }
}

/// The next events behind a head; a part of them where the log fails further on.
fn read(log: &dyn StoreReader, head: Head, durable: Seq) -> Result<Vec<Recorded>, LogFault> {
    let mut events = Vec::new();
    for scanned in scan(log, head).take(BATCH_EVENTS) {
        match scanned {
            Ok(scanned) if scanned.seq >= durable => break,
            Ok(scanned) => events.push(Recorded::from(scanned)),
            Err(_) if !events.is_empty() => break,
            Err(fault) => return Err(fault),
        }
    }
    Ok(events)
}

/// Applies events up to the first that can't be; there it stops.
fn apply<P: Projection>(lane: &mut Lane<P>, events: Result<Vec<Recorded>, LogFault>) {
    let stop = |lane: &mut Lane<P>, seq: Seq, reason: String| {
        tracing::error!(projection = lane.projection.name(), %seq, reason, "a projection stopped");
        lane.stopped = Some(Stopped { seq, reason });
    };
    let events = match events {
        Ok(events) => events,
        Err(fault) => return stop(lane, lane.head.next_seq, fault.to_string()),
    };
    for Recorded { seq, hash, event } in events {
        if let Err(error) = lane.projection.apply(seq, &event) {
            return stop(lane, seq, error.to_string());
        }
        lane.head = Head { next_seq: seq.next(), hash: Hash(hash) };
    }
}

fn file_name<P: Projection>(projection: &P) -> String {
    format!("projection-{}-v{}", projection.name(), projection.version())
}

/// Where the projection goes on: at its checkpoint where the log goes through it, or at the first event.
fn begin<P: Projection>(files: &dyn Files, log: &dyn StoreReader, ledger: LedgerId, mut projection: P) -> Lane<P> {
    let name = file_name(&projection);
    let head = match load(files, log, ledger, &name, &mut projection) {
        Ok(head) => head,
        Err(reason) => {
            tracing::info!(name, %reason, "a projection begins with the first event");
            Head::EMPTY
        }
    };
    Lane { projection, head, saved: head.next_seq, stopped: None }
}

fn load<P: Projection>(
    files: &dyn Files,
    log: &dyn StoreReader,
    ledger: LedgerId,
    name: &str,
    projection: &mut P,
) -> Result<Head, ProjectionError> {
    let bytes = files.read_whole(name)?;
    let at = bytes.len().checked_sub(32).ok_or("the checkpoint is too short")?;
    let (content, sum) = bytes.split_at(at);
    if blake3::hash(content).as_bytes() != sum {
        return Err("the checkpoint is damaged".into());
    }
    let (header, saved) = content.split_at_checked(HEADER_BYTES).ok_or("the checkpoint is too short")?;
    let next_seq = Seq(u64::from_le_bytes(header[22..30].try_into()?));
    let head = Head { next_seq, hash: Hash(header[30..62].try_into()?) };
    if header[..22] != prefix(ledger) {
        return Err("the checkpoint is of another ledger or format".into());
    }
    if head_at(log, next_seq)?.hash != head.hash {
        return Err("the checkpoint is of another log".into());
    }
    projection.load(saved)?;
    Ok(head)
}

fn prefix(ledger: LedgerId) -> [u8; 22] {
    let mut bytes = [0; 22];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[6..].copy_from_slice(&ledger.bytes());
    bytes
}

/// Writes a checkpoint; a failure is told, and tried again later.
fn save<P: Projection>(files: &dyn Files, ledger: LedgerId, lane: &mut Lane<P>) {
    if lane.saved == lane.head.next_seq && lane.saved != Seq(0) {
        return;
    }
    let name = file_name(&lane.projection);
    let write = || -> Result<(), ProjectionError> {
        let mut bytes = prefix(ledger).to_vec();
        bytes.extend_from_slice(&lane.head.next_seq.0.to_le_bytes());
        bytes.extend_from_slice(&lane.head.hash.0);
        bytes.extend_from_slice(&lane.projection.save()?);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        Ok(files.write_whole(&name, &bytes)?)
    };
    match write() {
        Ok(()) => lane.saved = lane.head.next_seq,
        Err(error) => tracing::warn!(name, %error, "a projection's checkpoint could not be written"),
    }
}
