//! Locks and endings: nothing that is asked, waits or panics hangs a ledger, and its end is one that can be relied on.

mod closing;
mod nested;
mod panics;
mod waiting;

use counterfoil::domain::ids::{LedgerId, Seq, Timestamp};
use counterfoil::files::{DirFiles, Files, FilesError, NewFile, OpenFile};
use counterfoil::ledger::{Clock, Ledger, Options, Parts, SystemClock};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::sled_store::SledOptions;
use counterfoil::log::store::Frames;
use counterfoil::log::{
    FrameBytes, FrameKey, GroupBytes, MemoryStore, PrivateText, SledStore, Store, StoreError, StoreReader,
};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than anything here takes that does not hang, on a busy machine too.
const LONG: Duration = Duration::from_secs(60);
/// Long enough for a thread to come to where it waits.
const MOMENT: Duration = Duration::from_millis(100);

/// Does something that must not hang: where it does the test fails instead of never ending.
fn in_time<F: Future<Output = ()>>(blocking_threads: usize, run: impl FnOnce() -> F + Send + 'static) {
    let (told, done) = channel();
    let thread = std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).max_blocking_threads(blocking_threads).enable_all().build().unwrap();
        runtime.block_on(run());
        // Threads that hang are left alone.
        runtime.shutdown_background();
        told.send(()).unwrap();
    });
    match done.recv_timeout(LONG) {
        Ok(()) => {}
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(_) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// A place of the ledger where something happens once it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Append,
    Sync,
    Erase,
    Tend,
    Close,
    /// A file of the index is made.
    Index,
    /// A file of the index is made while the ledger ends.
    IndexAtTheEnd,
    /// A thread of this name reads the clock.
    Clock(&'static str),
    /// A thread of this name reads the log.
    Log(&'static str),
}

/// What happens there.
#[derive(Clone, Copy, Debug)]
enum What {
    Panics,
    Fails,
    TakesLong,
}

/// What is to happen where, shared by all parts of a ledger.
#[derive(Clone, Default)]
struct Trap(Arc<Mutex<Option<(Place, What)>>>, Arc<Mutex<bool>>);

impl Trap {
    fn set(&self, place: Place, what: What) {
        *self.0.lock().unwrap() = Some((place, what));
    }

    fn at(&self, place: Place) -> Result<(), StoreError> {
        let set = *self.0.lock().unwrap();
        match set {
            Some((here, What::Panics)) if here == place => panic!("the test says so"),
            Some((here, What::Fails)) if here == place => {
                Err(StoreError::Io { what: "closing", source: std::io::Error::from_raw_os_error(5) })
            }
            Some((here, What::TakesLong)) if here == place => {
                std::thread::sleep(3 * MOMENT);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the thread that comes here is of this name.
    fn in_thread(&self, place: impl Fn(&'static str) -> Place) {
        for name in ["counterfoil-write", "counterfoil-heads", "counterfoil-follow", "counterfoil-commit"] {
            if std::thread::current().name() == Some(name) {
                let _ = self.at(place(name));
            }
        }
    }

    /// Whether the store was let go.
    fn is_let_go(&self) -> bool {
        *self.1.lock().unwrap()
    }
}

/// A store that falls into the trap.
struct TrapStore {
    // Last of all, so that it is said when everything else of it is gone.
    store: Option<Box<dyn Store>>,
    trap: Trap,
}

impl TrapStore {
    fn store(&mut self) -> &mut Box<dyn Store> {
        self.store.as_mut().unwrap()
    }
}

impl Drop for TrapStore {
    fn drop(&mut self) {
        drop(self.store.take());
        *self.trap.1.lock().unwrap() = true;
    }
}

impl Store for TrapStore {
    fn append(&mut self, group: &GroupBytes) -> Result<(), StoreError> {
        self.trap.at(Place::Append)?;
        self.store().append(group)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.trap.at(Place::Sync)?;
        self.store().sync()
    }

    fn drop_from(&mut self, key: FrameKey) -> Result<(), StoreError> {
        self.store().drop_from(key)
    }

    fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.trap.at(Place::Erase)?;
        self.store().erase_private(seq)
    }

    fn tend(&mut self) -> Result<(), StoreError> {
        self.trap.at(Place::Tend)?;
        self.store().tend()
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        Arc::new(TrapReader { reader: self.store.as_ref().unwrap().reader(), trap: self.trap.clone() })
    }

    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.trap.at(Place::Close)?;
        self.store.take().unwrap().close()
    }
}

struct TrapReader {
    reader: Arc<dyn StoreReader>,
    trap: Trap,
}

impl StoreReader for TrapReader {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        self.trap.in_thread(Place::Log);
        self.reader.frames(from)
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        self.trap.in_thread(Place::Log);
        self.reader.frame_at_or_before(key)
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        self.reader.private(seq)
    }
}

/// Files that fall into the trap.
struct TrapFiles {
    files: Box<dyn Files>,
    trap: Trap,
}

impl Files for TrapFiles {
    fn create(&self, name: &str) -> Result<Box<dyn NewFile>, FilesError> {
        let _ = self.trap.at(Place::Index);
        let _ = self.trap.at(Place::IndexAtTheEnd);
        self.files.create(name)
    }

    fn open(&self, name: &str) -> Result<Arc<dyn OpenFile>, FilesError> {
        self.files.open(name)
    }

    fn list(&self) -> Result<Vec<String>, FilesError> {
        self.files.list()
    }

    fn remove(&self, name: &str) -> Result<(), FilesError> {
        self.files.remove(name)
    }
}

/// The clocks of the machine, with a trap in them.
struct TrapClock {
    clock: SystemClock,
    trap: Trap,
}

impl Clock for TrapClock {
    fn wall(&self) -> Timestamp {
        self.trap.in_thread(Place::Clock);
        self.clock.wall()
    }

    fn monotonic_micros(&self) -> i64 {
        self.clock.monotonic_micros()
    }
}

/// Where a ledger lies that survives its end.
struct Home {
    dir: tempfile::TempDir,
    /// In memory, or in the directory.
    disk: Option<MemoryDisk>,
}

impl Home {
    fn in_memory() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), disk: Some(MemoryDisk::new()) }
    }

    fn on_disk() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), disk: None }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    fn heads(&self) -> PathBuf {
        self.dir.path().join("heads")
    }

    fn derived(&self, of: &str) -> PathBuf {
        self.dir.path().join(of)
    }

    /// A ledger whose parts fall into the trap.
    fn create(&self, trap: &Trap) -> Ledger {
        let store: Box<dyn Store> = match &self.disk {
            Some(disk) => Box::new(MemoryStore::open(disk).unwrap()),
            None => Box::new(SledStore::create(&self.path(), ID, SledOptions::default()).unwrap()),
        };
        Ledger::create_over(self.parts(store, trap), ID, options(trap)).unwrap()
    }

    /// The same, opened again at once: nothing holds it any more.
    fn open(&self, trap: &Trap, options: Options) -> Ledger {
        *trap.1.lock().unwrap() = false;
        let store: Box<dyn Store> = match &self.disk {
            Some(disk) => Box::new(MemoryStore::open(disk).expect("it is free")),
            None => Box::new(SledStore::open(&self.path(), SledOptions::default()).expect("it is free")),
        };
        Ledger::open_over(self.parts(store, trap), options).unwrap()
    }

    fn parts(&self, store: Box<dyn Store>, trap: &Trap) -> Parts {
        let files = |path: &Path| -> Arc<dyn Files> {
            let files = Box::new(DirFiles::open(path.to_owned()).unwrap());
            Arc::new(TrapFiles { files, trap: trap.clone() })
        };
        Parts {
            store: Box::new(TrapStore { store: Some(store), trap: trap.clone() }),
            index: files(&self.derived("index")),
            checkpoints: files(&self.derived("checkpoints")),
        }
    }
}

const ID: LedgerId = LedgerId::from_bytes([6; 16]);

fn options(trap: &Trap) -> Options {
    Options { clock: Arc::new(TrapClock { clock: SystemClock::new(), trap: trap.clone() }), ..Options::default() }
}
