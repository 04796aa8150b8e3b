//! Creating and opening: the newest checkpoint that fits the log, the log behind it, and three threads on top.

use super::Ledger;
use super::answer::SubmitError;
use super::checkpoint;
use super::clock_watch::Reading;
use super::committer::Committer;
use super::follower::{Begin, Follower};
use super::handoff::Handoff;
use super::heads::KeepHeads;
use super::lookup::Lookup;
use super::published::Published;
use super::reach::least_events;
use super::sources::{Clock, Entropy, SystemClock, SystemEntropy};
use super::threads::start;
use super::writer::Writer;
use crate::domain::event::{Body, Event, Genesis};
use crate::domain::evolve::evolve;
use crate::domain::housekeeping;
use crate::domain::ids::{LedgerId, Seq};
use crate::domain::state::State;
use crate::files::{DirFiles, Files, FilesError};
use crate::heads::is_inside;
use crate::index::{Index, IndexError, IndexReader};
use crate::limits::{FORMAT_VERSION, RULES_VERSION};
use crate::log::sled_store::SledOptions;
use crate::log::{
    DroppedTail, GroupBuilder, Hash, Head, LogFault, SledStore, Store, StoreError, StoreReader, head_at, read_event,
    recover, scan,
};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a caller may choose.
#[derive(Clone)]
pub struct Options {
    /// Bytes of the store's page cache; sled holds some 60 MB of pages beside it, whatever it is.
    pub cache_bytes: u64,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Where heads are noted outside of the ledger's directory, so that a rewrite of all of it is found.
    pub heads: Option<KeepHeads>,
}

impl Default for Options {
    fn default() -> Self {
        let SledOptions { cache_bytes, reserve_bytes } = SledOptions::default();
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        Self { cache_bytes, reserve_bytes, clock, entropy, heads: None }
    }
}

/// What a ledger stands on: the store that keeps the truth, and where derived files go.
pub struct Parts {
    /// The log and private texts.
    pub store: Box<dyn Store>,
    /// Index runs.
    pub index: Arc<dyn Files>,
    /// Checkpoints.
    pub checkpoints: Arc<dyn Files>,
}

/// Why a ledger can't be opened. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The store.
    Store(StoreError),
    /// The log is damaged.
    Log(LogFault),
    /// The directory of derived files can't be used.
    Files(FilesError),
    /// The index can't be made.
    Index(IndexError),
    /// The log was written under rules that this program does not know.
    RulesUnsupported {
        /// The rules of the log.
        found: u16,
        /// The newest that this program knows.
        supported: u16,
    },
    /// The log does not begin with a genesis event.
    NoGenesis,
    /// The newest events can't be read back.
    Lookup(SubmitError),
    /// Heads would be noted in the ledger's own directory, where whoever rewrites the one rewrites the other.
    HeadsInside {
        /// The file.
        file: PathBuf,
        /// The ledger's directory.
        dir: PathBuf,
    },
    /// A thread can't be started.
    Thread(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Log(fault) => fault.fmt(f),
            Self::Files(error) => error.fmt(f),
            Self::Index(error) => error.fmt(f),
            Self::RulesUnsupported { found, supported } => write!(
                f,
                "the ledger follows rules {found}, this program knows rules up to {supported}: use a newer program"
            ),
            Self::NoGenesis => f.write_str("the log does not begin with a genesis event: it is not a ledger's log"),
            Self::Lookup(error) => error.fmt(f),
            Self::HeadsInside { file, dir } => write!(
                f,
                "heads can't be noted in {}: it lies in the ledger's directory {}, and whoever rewrites the ledger \
                 rewrites it too; name a file elsewhere, best on another disk",
                file.display(),
                dir.display()
            ),
            Self::Thread(error) => write!(f, "a thread can't be started: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Log(fault) => Some(fault),
            Self::Files(error) => Some(error),
            Self::Index(error) => Some(error),
            Self::Lookup(error) => Some(error),
            Self::Thread(error) => Some(error),
            Self::RulesUnsupported { .. } | Self::NoGenesis | Self::HeadsInside { .. } => None,
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),*) => {
        $(impl From<$error> for OpenError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(StoreError => Store, LogFault => Log, FilesError => Files, IndexError => Index);

/// A ledger's parts, opened and ready to be driven.
pub struct Opened<T> {
    /// Decides.
    pub writer: Writer<T>,
    /// Writes.
    pub committer: Committer,
    /// Indexes.
    pub follower: Follower,
    /// What readers see.
    pub published: Arc<Published>,
    /// Between committer and follower.
    pub handoff: Arc<Handoff>,
    /// The log.
    pub log: Arc<dyn StoreReader>,
    /// The index.
    pub index: IndexReader,
    /// The ledger's own name.
    pub ledger: LedgerId,
}

pub(super) fn create(path: &Path, options: Options) -> Result<Ledger, OpenError> {
    check_heads(path, &options)?;
    let mut id = [0; 16];
    options.entropy.fill(&mut id);
    let ledger = LedgerId(uuid::Builder::from_random_bytes(id).into_uuid());
    match SledStore::create(path, ledger, sled_options(&options)) {
        Err(error @ StoreError::AlreadyExists { .. }) => match without_genesis(path, &options) {
            Some(store) => {
                let ledger = store.ledger();
                create_over(directory_parts(store)?, ledger, options)
            }
            None => Err(error.into()),
        },
        created => create_over(directory_parts(created?)?, ledger, options),
    }
}

/// The log of a ledger whose creation was cut short when all of it was there but the genesis event.
fn without_genesis(path: &Path, options: &Options) -> Option<SledStore> {
    let store = open_log(path, sled_options(options)).ok()?;
    matches!(store.reader().last_frame(), Ok(None)).then_some(store)
}

pub(super) fn open(path: &Path, options: Options) -> Result<Ledger, OpenError> {
    check_heads(path, &options)?;
    let store = open_log(path, sled_options(&options))?;
    let ledger = store.ledger();
    let parts = directory_parts(store)?;
    // A crash may have come between the directory's creation and the genesis event.
    match parts.store.reader().last_frame()? {
        Some(_) => open_over(parts, options),
        None => create_over(parts, ledger, options),
    }
}

/// Opens the log of the ledger in a directory, without its spine: for who only reads it. What an index or a checkpoint
/// of the ledger covers must be there. Dropped without a change, it leaves the ledger as it was.
///
/// # Errors
/// As [`SledStore::open`].
pub fn open_log(path: &Path, options: SledOptions) -> Result<SledStore, StoreError> {
    SledStore::open_knowing(path, options, least_events)
}

fn check_heads(dir: &Path, options: &Options) -> Result<(), OpenError> {
    match &options.heads {
        Some(KeepHeads { file, .. }) if is_inside(file, dir) => {
            Err(OpenError::HeadsInside { file: file.clone(), dir: dir.to_owned() })
        }
        _ => Ok(()),
    }
}

const fn sled_options(options: &Options) -> SledOptions {
    SledOptions { cache_bytes: options.cache_bytes, reserve_bytes: options.reserve_bytes }
}

fn directory_parts(store: SledStore) -> Result<Parts, OpenError> {
    let derived = store.derived();
    let index = Arc::new(DirFiles::open(derived.join("index"))?);
    let checkpoints = Arc::new(DirFiles::open(derived.join("checkpoints"))?);
    Ok(Parts { store: Box::new(store), index, checkpoints })
}

pub(super) fn create_over(parts: Parts, ledger: LedgerId, options: Options) -> Result<Ledger, OpenError> {
    let checkpoints = Arc::clone(&parts.checkpoints);
    let opened = create_parts(parts, ledger, &options)?;
    start(opened, checkpoints, options)
}

pub(super) fn open_over(parts: Parts, options: Options) -> Result<Ledger, OpenError> {
    let checkpoints = Arc::clone(&parts.checkpoints);
    let opened = open_parts(parts, &options)?;
    start(opened, checkpoints, options)
}

/// Writes the genesis event into an empty store, durably, and opens it.
///
/// # Errors
/// [`OpenError`].
pub fn create_parts<T>(mut parts: Parts, ledger: LedgerId, options: &Options) -> Result<Opened<T>, OpenError> {
    let body = Body::Genesis(Genesis { ledger, format: FORMAT_VERSION, rules: RULES_VERSION });
    let event = Event { envelope: housekeeping::envelope(options.clock.wall(), housekeeping::ledger_actor()), body };
    let mut group = GroupBuilder::new(Head::EMPTY);
    let unencodable = |error| StoreError::Corrupted { seq: Some(Seq::GENESIS), what: format!("{error}") };
    group.push(&event).map_err(unencodable)?;
    parts.store.append(&group.finish())?;
    parts.store.sync()?;
    open_parts(parts, options)
}

/// Opens a store: checks the log from the newest checkpoint on, drops what stands behind the last commit mark,
/// makes the index ready.
///
/// # Errors
/// [`OpenError`]; nothing was changed.
pub fn open_parts<T>(mut parts: Parts, options: &Options) -> Result<Opened<T>, OpenError> {
    let log = parts.store.reader();
    let ledger = genesis(log.as_ref())?;
    let Rebuilt { state, head, checkpointed, dropped } = rebuild(parts.checkpoints.as_ref(), log.as_ref(), ledger)?;
    if state.rules() > RULES_VERSION {
        return Err(OpenError::RulesUnsupported { found: state.rules(), supported: RULES_VERSION });
    }
    if let Some(dropped) = dropped {
        drop_tail(parts.store.as_mut(), dropped)?;
    }
    let index = open_index(&parts, log.as_ref(), ledger, head)?;
    let reader = index.reader();
    let published = Arc::new(Published::new(state.clone(), head));
    let handoff = Arc::new(Handoff::default());
    let lookup = Lookup::new(reader.clone(), Arc::clone(&log));
    let reading = Reading { wall: options.clock.wall(), monotonic_micros: options.clock.monotonic_micros() };
    let mut writer = Writer::new(state.clone(), head, lookup, Arc::clone(&options.entropy), reading);
    match writer.remember_log() {
        Err(SubmitError::ReadOnly(reason)) => writer.set_catching_up(Some(reason)),
        read => read.map_err(OpenError::Lookup)?,
    }
    let follower = Follower::new(Begin {
        ledger,
        log: Arc::clone(&log),
        handoff: Arc::clone(&handoff),
        checkpoints: parts.checkpoints,
        index,
        state,
        durable: head,
        checkpointed,
    });
    let committer = Committer::new(parts.store, Arc::clone(&published), Arc::clone(&handoff));
    Ok(Opened { writer, committer, follower, published, handoff, log, index: reader, ledger })
}

fn genesis(log: &dyn StoreReader) -> Result<LedgerId, OpenError> {
    let first = read_event(log, Seq::GENESIS)?.ok_or(OpenError::NoGenesis)?;
    let Body::Genesis(Genesis { ledger, format, .. }) = first.event.body else { return Err(OpenError::NoGenesis) };
    match format > FORMAT_VERSION {
        true => Err(StoreError::VersionUnsupported { found: format, supported: FORMAT_VERSION }.into()),
        false => Ok(ledger),
    }
}

/// The log from some state on, folded to its end.
struct Rebuilt {
    state: State,
    head: Head,
    /// The first event that the checkpoint it began with does not cover.
    checkpointed: Seq,
    dropped: Option<DroppedTail>,
}

/// The state at the end of the log, from the newest checkpoint that the log goes through, or from the start.
fn rebuild(checkpoints: &dyn Files, log: &dyn StoreReader, ledger: LedgerId) -> Result<Rebuilt, LogFault> {
    for (state, head) in checkpoint::load_all(checkpoints, ledger) {
        // A checkpoint that does not fit is as good as none: the log decides, from its start.
        if let Ok(found) = recover(log, head) {
            return fold(log, state, head, found.dropped);
        }
    }
    let found = recover(log, Head::EMPTY)?;
    fold(log, State::default(), Head::EMPTY, found.dropped)
}

fn drop_tail(store: &mut dyn Store, dropped: DroppedTail) -> Result<(), StoreError> {
    let (events, bytes) = (dropped.events, dropped.bytes);
    tracing::warn!(events, bytes, "dropped a group that was never acknowledged behind the last commit mark");
    store.drop_from(dropped.from)
}

fn fold(
    log: &dyn StoreReader,
    mut state: State,
    mut head: Head,
    dropped: Option<DroppedTail>,
) -> Result<Rebuilt, LogFault> {
    let checkpointed = head.next_seq;
    for scanned in scan(log, head) {
        let scanned = scanned?;
        evolve(&mut state, &scanned.event);
        head = Head { next_seq: scanned.seq.next(), hash: scanned.hash };
    }
    Ok(Rebuilt { state, head, checkpointed, dropped })
}

/// The index, or an empty one where it does not fit the log.
fn open_index(parts: &Parts, log: &dyn StoreReader, ledger: LedgerId, head: Head) -> Result<Index, OpenError> {
    let (index, notices) = Index::open(Arc::clone(&parts.index), ledger.bytes())?;
    for notice in notices {
        match notice.is_damage() {
            true => tracing::error!(target: "counterfoil::index", "{notice}"),
            // So it is with every new ledger, behind an index that was deleted, and behind a merge that was cut short.
            false => tracing::info!("{notice}"),
        }
    }
    let view = index.view();
    let covered = Seq(view.covered_to());
    let fits = covered == Seq(0)
        || (covered <= head.next_seq && head_at(log, covered).is_ok_and(|known| known.hash == Hash(view.last_hash())));
    match fits {
        true => Ok(index),
        false => {
            const WHAT: &str = "the index is built again, it belongs to another log";
            tracing::error!(target: "counterfoil::index", %covered, "{WHAT}");
            drop((view, index));
            let index = Index::create(Arc::clone(&parts.index), ledger.bytes())?;
            index.note_damage(WHAT.to_owned());
            Ok(index)
        }
    }
}
