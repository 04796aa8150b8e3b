//! What readers and the writer of an index share: what is shown now, and what becomes of damage.

use super::error::IndexError;
use super::manifest::MANIFEST_NAME;
use super::record::Family;
use super::run::Run;
use super::tail::Tail;
use crate::files::Files;
use parking_lot::{Condvar, Mutex, RwLock};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The runs of one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The how manieth index of this ledger it is since it was opened: one that was found damaged is followed by another.
    pub build: u64,
    pub covered_to: u64,
    pub last_hash: [u8; 32],
    /// Per family, from the oldest to the newest.
    pub runs: [Vec<Arc<Run>>; Family::ALL.len()],
}

impl Snapshot {
    pub(crate) fn empty() -> Snapshot {
        Snapshot { build: 0, covered_to: 0, last_hash: [0; 32], runs: Default::default() }
    }

    pub(crate) fn of(&self, family: Family) -> &[Arc<Run>] {
        &self.runs[family.slot()]
    }

    pub(crate) fn records_of(&self, family: Family) -> u64 {
        self.of(family).iter().map(|run| run.footer.records).sum()
    }
}

/// Why the index was begun again, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuild {
    /// What was found damaged last.
    pub damage: String,
    /// How often it was begun again since it was opened, that included.
    pub begun: u64,
    /// Seqs below this one were taken in again.
    pub next_seq: u64,
}

/// What readers and the writer of an index share.
pub(crate) struct Shared {
    files: Arc<dyn Files>,
    /// The runs, and what stands in memory behind them; replaced together.
    current: RwLock<(Arc<Snapshot>, Arc<Tail>)>,
    /// Held while the manifest and the runs that it names are changed together: so none is written for runs that were
    /// dropped.
    manifest: Mutex<()>,
    /// For who waits until a seq is known or folded.
    grown: (Mutex<()>, Condvar),
    /// Seqs below this one were taken in, shown or not.
    folded: AtomicU64,
    /// Told what readers wait for.
    asked: OnceLock<Box<dyn Fn(u64) + Send + Sync>>,
    /// What was damaged last, and how often something was.
    damage: Mutex<Option<(String, u64)>>,
    pub counters: Counters,
}

impl Shared {
    pub(crate) fn new(files: Arc<dyn Files>, snapshot: Snapshot) -> Shared {
        let tail = Tail::empty(snapshot.covered_to);
        let current = RwLock::new((Arc::new(snapshot), Arc::new(tail)));
        Shared {
            files,
            current,
            manifest: Mutex::default(),
            grown: Default::default(),
            folded: AtomicU64::new(0),
            asked: OnceLock::new(),
            damage: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// From here on this is told the seq up to which a reader wants to know everything and does not yet.
    pub(crate) fn when_asked(&self, told: impl Fn(u64) + Send + Sync + 'static) {
        // An index has one writer; a second one would be told nothing, and its readers wait for nothing either.
        let _ = self.asked.set(Box::new(told));
    }

    /// Asks the writer to show everything below this seq.
    pub(crate) fn ask(&self, next_seq: u64) {
        if let Some(asked) = self.asked.get() {
            asked(next_seq);
        }
    }

    /// Seqs below this one were taken in.
    pub(crate) fn set_folded(&self, next_seq: u64) {
        if self.folded.swap(next_seq, Ordering::AcqRel) != next_seq {
            self.wake();
        }
    }

    /// Waits until `is_done`, or until this instant; whether it is done.
    pub(crate) fn wait_until(&self, until: Instant, is_done: impl Fn(&Shared) -> bool) -> bool {
        let mut waiting = self.grown.0.lock();
        loop {
            if is_done(self) {
                return true;
            }
            if self.grown.1.wait_until(&mut waiting, until).timed_out() {
                return is_done(self);
            }
        }
    }

    pub(crate) fn folded(&self) -> u64 {
        self.folded.load(Ordering::Acquire)
    }

    pub(crate) fn current(&self) -> (Arc<Snapshot>, Arc<Tail>) {
        self.current.read().clone()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.read().0.clone()
    }

    pub(crate) fn tail(&self) -> Arc<Tail> {
        self.current.read().1.clone()
    }

    /// The how manieth index it is that is shown.
    pub(crate) fn build(&self) -> u64 {
        self.current.read().0.build
    }

    /// Makes other runs durable, then shows them to whoever asks from now on; where they cover more than before they
    /// replace the tail.
    ///
    /// # Errors
    /// [`IndexError::BegunAgain`] where the runs that these were made of were dropped; [`IndexError::Files`].
    pub(crate) fn publish(&self, snapshot: Snapshot, manifest: &[u8]) -> Result<(), IndexError> {
        let held = self.manifest.lock();
        if self.build() != snapshot.build {
            return Err(IndexError::BegunAgain);
        }
        self.files.write_whole(MANIFEST_NAME, manifest)?;
        let snapshot = Arc::new(snapshot);
        let old = {
            let mut current = self.current.write();
            let grown = snapshot.covered_to > current.0.covered_to;
            let tail = if grown { Arc::new(Tail::empty(snapshot.covered_to)) } else { current.1.clone() };
            std::mem::replace(&mut *current, (snapshot, tail))
        };
        drop(held);
        // Freed outside the locks: a snapshot can own many megabytes.
        drop(old);
        self.wake();
        Ok(())
    }

    /// Shows another tail of this index to whoever asks from now on.
    ///
    /// # Errors
    /// [`IndexError::BegunAgain`] where it is not this index any more.
    pub(crate) fn replace_tail(&self, build: u64, tail: Tail) -> Result<(), IndexError> {
        let tail = Arc::new(tail);
        let old = {
            let mut current = self.current.write();
            if current.0.build != build {
                return Err(IndexError::BegunAgain);
            }
            std::mem::replace(&mut current.1, tail)
        };
        drop(old);
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        drop(self.grown.0.lock());
        self.grown.1.notify_all();
    }
}

/// Damage: whoever meets it first drops the index, and its writer builds it again from the log.
impl Shared {
    /// A run could not be read, for this reason. Where it is one of those that are shown, nothing is any more: the
    /// manifest goes at once, so that a process that is killed now builds the index again when it is started next.
    pub(crate) fn met(&self, run: &Run, error: &IndexError) {
        if !error.is_damage() {
            return;
        }
        let held = self.manifest.lock();
        let snapshot = self.snapshot();
        // Older views are asked too; what they hold that is shown no more harms nobody.
        let is_shown = snapshot.of(run.footer.family).iter().any(|shown| shown.footer.number == run.footer.number);
        if is_shown {
            self.drop_index(&snapshot, error);
        }
        drop(held);
        if is_shown {
            self.wake();
            self.ask(0);
        }
    }

    fn drop_index(&self, snapshot: &Snapshot, error: &IndexError) {
        let covered = snapshot.covered_to;
        tracing::error!(%error, covered, "the index is damaged, it is built again from the log");
        if let Err(error) = self.files.remove(MANIFEST_NAME) {
            tracing::error!(%error, "the manifest of the damaged index can't be removed, that is tried again");
        }
        let empty = Snapshot { build: snapshot.build + 1, ..Snapshot::empty() };
        let old = std::mem::replace(&mut *self.current.write(), (Arc::new(empty), Arc::new(Tail::empty(0))));
        self.folded.store(0, Ordering::Release);
        self.note_damage(error.to_string());
        drop(old);
    }

    /// Remembers what was damaged, for who asks how the index is.
    pub(crate) fn note_damage(&self, what: String) {
        let mut damage = self.damage.lock();
        let begun = damage.as_ref().map_or(0, |(_, begun)| *begun);
        *damage = Some((what, begun + 1));
    }

    /// Why the index was begun again, where it was.
    pub(crate) fn rebuild(&self) -> Option<Rebuild> {
        let (damage, begun) = self.damage.lock().clone()?;
        Some(Rebuild { damage, begun, next_seq: self.folded() })
    }
}

/// Counts what look-ups cost.
#[derive(Default)]
pub(crate) struct Counters {
    pub lookups: AtomicU64,
    pub misses: AtomicU64,
    pub misses_without_read: AtomicU64,
    pub block_reads: AtomicU64,
}

impl Counters {
    pub(crate) fn count_block_reads(&self, blocks: u64) {
        self.block_reads.fetch_add(blocks, Ordering::Relaxed);
    }

    pub(crate) fn count_lookup(&self, found: bool, read: bool) {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        if !found {
            self.misses.fetch_add(1, Ordering::Relaxed);
            self.misses_without_read.fetch_add(u64::from(!read), Ordering::Relaxed);
        }
    }
}
