//! The store on disk: the only file that names sled.
//!
//! ```text
//! DIR/COUNTERFOIL   a small text: that this is a ledger, its format, its id; written last when it is created
//! DIR/REACHED       a small text: how many events there are, and the last hash
//! DIR/log/          sled's own files, with the trees `frames`, `private` and `meta`
//! DIR/derived/      index runs and checkpoints of others: disposable
//! ```
//!
//! sled's `flush` ends in `sync_file_range`, which survives no power cut, so the store syncs sled's `db` file
//! itself, through a descriptor of its own, before it answers. sled panics on some damage; every call into it
//! runs behind `catch_unwind` and a panic becomes [`StoreError::Corrupted`].
//!
//! sled takes for durable what it only flushed, and then writes over what that replaced. So it never has more than
//! [`UNSYNCED_BYTES_MAX`] unsynced, within a group too: with more than one of its segments of 512 KiB a power cut
//! that keeps some pages and loses others took events that were acknowledged long before.
//!
//! Frames are inserted one by one, never as a `sled::Batch`, whose reservation stays open meanwhile: the write of a
//! buffer that is full by then is left to whoever leaves it last, and when that write fails sled notes the error and
//! wakes nobody, so a `flush` waits for ever.
//!
//! What sled can't read it takes for a write that was cut short: it overwrites it and goes on, in silence. So before sled
//! is let at its files they are read and judged (`sled_file`); a ledger that was closed has a seal on
//! what sled looks at. When sled has opened them, the end of the log is held against what was noted elsewhere: `REACHED`,
//! which is written behind each group's sync and before its answers (`reached`), and what an index or a
//! checkpoint of this ledger covers. A log that ends before that is refused, and sled's repairs are taken back.
#![doc = include_str!("STORE.md")]

mod end;
mod opening;

use super::chain::{Hash, Head, PrivateText};
use super::directory::{self, Claim};
use super::frame::{FrameBytes, FrameKey, FrameView};
use super::group::GroupBytes;
use super::memory_store::first_dropped;
use super::reached::{Reached, Witness};
use super::sled_file::{self, SetAside, SledFile, fingerprint_of};
use super::store::{Frames, Store, StoreError, StoreReader};
use crate::domain::ids::{LedgerId, Seq};
use crate::limits::{FORMAT_VERSION, FRAME_BYTES_MAX, UNSYNCED_BYTES_MAX};
use opening::{check_clock, open_db_patiently, seal};
use parking_lot::RwLock;
use std::cell::Cell;
use std::fs::File;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FRAMES: &str = "frames";
const PRIVATE: &str = "private";
const META: &str = "meta";
const META_LEDGER: &str = "ledger";
const META_FORMAT: &str = "format";

/// What a caller may choose about the store on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// Bytes of sled's page cache; it holds some 60 MB of pages beside them, whatever they are.
    pub cache_bytes: u64,
    /// Bytes of the disk that stay free: an append that would go below is refused before it writes.
    pub reserve_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20, reserve_bytes: 64 << 20 }
    }
}

/// A [`Store`] in a directory that this process owns.
#[derive(Debug)]
pub struct SledStore {
    claim: Claim,
    ledger: LedgerId,
    options: SledOptions,
    trees: Arc<Shared>,
    /// sled's `db` file, to sync it.
    db_file: File,
    /// Bytes that sled was given since the last sync.
    unsynced_bytes: Cell<usize>,
    /// How far the log reaches, noted beside it.
    witness: Witness,
    /// The head behind the last group that was appended, where that was not synced yet.
    unnoted: Option<Head>,
    /// The seal that was found, until something is changed.
    found_seal: Option<Hash>,
    /// How everything was before sled repaired it, until somebody works with the log: where the ledger can't be opened
    /// after all, that is put back.
    before: Option<Box<(SledFile, Reached)>>,
    latched: bool,
}

/// What the store shares with its readers, until it is closed: then they get an error, however many there are, and
/// sled's files are free.
#[derive(Debug)]
struct Shared(RwLock<Option<Trees>>);

impl Shared {
    fn new(trees: Trees) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Some(trees))))
    }

    /// Does one thing with the trees; closing waits that long.
    fn with<T>(&self, task: impl FnOnce(&Trees) -> Result<T, StoreError>) -> Result<T, StoreError> {
        task(self.0.read().as_ref().ok_or_else(closed)?)
    }

    /// Takes the trees away from everybody and closes sled.
    fn end(&self) -> Result<(), StoreError> {
        let trees = self.0.write().take();
        guarded("closing the log", || {
            drop(trees);
            Ok(())
        })
    }
}

fn closed() -> StoreError {
    StoreError::Io { what: "reading the log", source: std::io::Error::other("the ledger is closed") }
}

#[derive(Debug)]
struct Trees {
    frames: sled::Tree,
    private: sled::Tree,
    // Last, so that it is dropped last: what the trees share goes with it.
    db: Database,
}

/// sled's handle. Its own drop syncs once more and panics where that fails; ours does not.
#[derive(Debug)]
struct Database(Option<sled::Db>);

impl Drop for Database {
    fn drop(&mut self) {
        let db = self.0.take();
        // Whatever fails here was never acknowledged.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(db)));
    }
}

impl Database {
    fn open_tree(&self, name: &str) -> sled::Result<sled::Tree> {
        self.get()?.open_tree(name)
    }

    fn tree_names(&self) -> sled::Result<Vec<sled::IVec>> {
        Ok(self.get()?.tree_names())
    }

    fn flush(&self) -> sled::Result<usize> {
        self.get()?.flush()
    }

    /// It is there until it is dropped.
    fn get(&self) -> sled::Result<&sled::Db> {
        self.0.as_ref().ok_or_else(|| sled::Error::ReportableBug("used after its end".to_owned()))
    }
}

impl SledStore {
    /// Makes a ledger's directory; it must be missing or empty, its parent must exist.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] where something is there; [`StoreError::ReadOnly`]; [`StoreError::Full`];
    /// [`StoreError::Io`].
    pub fn create(path: &Path, ledger: LedgerId, options: SledOptions) -> Result<Self, StoreError> {
        let store = Self::begin(path, ledger, options)?;
        store.finish()?;
        Ok(store)
    }

    /// Makes everything in a ledger's directory but the marker, without which it is none.
    pub(super) fn begin(path: &Path, ledger: LedgerId, options: SledOptions) -> Result<Self, StoreError> {
        check_clock()?;
        let claim = directory::prepare(path, ledger)?;
        check_space(path, options.reserve_bytes)?;
        let db = open_db(path, options)?;
        write_meta(&db, ledger)?;
        let trees = Trees { frames: tree(&db, FRAMES)?, private: tree(&db, PRIVATE)?, db };
        let db_file = open_db_file(path)?;
        let witness = Witness::open(path, Reached::NOTHING)?;
        let store = Self::new(claim, ledger, options, trees, db_file, witness);
        store.flush()?;
        Ok(store)
    }

    /// Gives the marker its name: from now on the directory is a ledger's.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        self.claim.finish()
    }

    /// What sled can still read of its files in a directory that nobody else uses, whatever is missing beside them.
    ///
    /// sled may change the files: they must be a copy.
    pub(super) fn read_what_is_left(path: &Path) -> Result<Arc<dyn StoreReader>, StoreError> {
        let db = open_db(path, SledOptions::default())?;
        let names = guarded("reading the names of the trees", || db.tree_names())?;
        if !names.iter().any(|found| found.as_ref() == FRAMES.as_bytes()) {
            let what = format!("sled finds no tree `{FRAMES}` in its file");
            return Err(StoreError::Corrupted { seq: None, what });
        }
        Ok(Shared::new(Trees { frames: tree(&db, FRAMES)?, private: tree(&db, PRIVATE)?, db }))
    }

    /// Opens a ledger's directory. Before sled is let at it, the store has made sure that it is one, that its format
    /// is known, that all its parts are there, that it can be written, that nobody else has it, and that sled's files are
    /// what sled wrote.
    ///
    /// # Errors
    /// [`StoreError::NotALedger`], [`StoreError::VersionUnsupported`], [`StoreError::AlreadyOpen`],
    /// [`StoreError::ReadOnly`]; [`StoreError::Io`] where something can't be read; [`StoreError::Corrupted`] where sled's
    /// files or the end of the log are not what they were. Nothing is changed then.
    pub fn open(path: &Path, options: SledOptions) -> Result<Self, StoreError> {
        Self::open_knowing(path, options, |_, _, known| known)
    }

    /// As [`open`](Self::open), for who knows more of how far the log must reach: `least` is given the ledger, the
    /// directory of what is derived and how many events there must be as was noted, and answers how many there must be.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_knowing(
        path: &Path,
        options: SledOptions,
        least: impl Fn(LedgerId, &Path, Seq) -> Seq,
    ) -> Result<Self, StoreError> {
        let (claim, ledger) = directory::claim(path)?;
        let held = claim.hold()?;
        let refused = match Self::open_claimed(claim, ledger, options, &least) {
            Err(error @ StoreError::Corrupted { .. }) => error,
            opened => return opened,
        };
        // A whole snapshot that is not this log's leads sled astray, and so does a read that fails once in its threads:
        // without snapshots sled reads all of its file.
        let Ok(Some(aside)) = SetAside::all(&path.join(directory::LOG)) else { return Err(refused) };
        match Self::open_claimed(held, ledger, options, &least) {
            Ok(store) => {
                tracing::warn!(%refused, "sled can read its log without its snapshot, which was set aside; it is made again");
                Ok(store)
            }
            Err(_) => aside.put_back().map_or_else(Err, |()| Err(refused)),
        }
    }

    /// Opens a directory that is ours.
    fn open_claimed(
        claim: Claim,
        ledger: LedgerId,
        options: SledOptions,
        least: &impl Fn(LedgerId, &Path, Seq) -> Seq,
    ) -> Result<Self, StoreError> {
        let held = claim.hold()?;
        let path = held.path();
        let reached = Reached::read(path)?;
        if reached.is_none() {
            tracing::warn!(
                "REACHED is missing: only an index or a checkpoint can tell whether the newest events are there"
            );
        }
        let found = reached.unwrap_or(Reached::NOTHING);
        let mut before = SledFile::read(&path.join(directory::LOG))?;
        let least = least(ledger, &claim.derived(), found.head.next_seq);
        if found.seal.is_some_and(|seal| seal != before.fingerprint()) {
            return Err(sled_file::not_as_closed());
        }
        before.judge()?;
        if found.head != Head::EMPTY {
            before.check_reaches(found.head.hash)?;
        }
        // Until it is closed again nobody vouches for what sled does.
        let mut witness = Witness::open(path, found)?;
        if found.seal.is_some()
            && let Err(error) = witness.note_durably(Reached { seal: None, ..found })
        {
            // Best effort: without the seal the ledger is as whole as with it.
            let _ = witness.note(found);
            return Err(error);
        }
        let opened = Self::open_sled(claim, ledger, options, &before, witness).and_then(|mut store| {
            store.check_end(least)?;
            store.found_seal = found.seal;
            Ok(store)
        });
        let error = match opened {
            Ok(mut store) => {
                store.before = Some(Box::new((before, found)));
                return Ok(store);
            }
            Err(error) => error,
        };
        // Where it is open elsewhere sled was not let at it, and somebody else writes there.
        let is_elsewhere = matches!(error, StoreError::AlreadyOpen { .. });
        let restored = if is_elsewhere { Ok(()) } else { before.restore() };
        if (!is_elsewhere || found.seal.is_some())
            && let Err(failed) = Witness::put_back(path, found)
        {
            tracing::error!(%failed, "REACHED could not be put back");
        }
        match restored {
            Ok(()) => Err(error),
            Err(failed) => {
                tracing::error!(%error, "refused, and what sled did could not be taken back");
                Err(failed)
            }
        }
    }

    /// Lets sled open its files, and makes sure that it left alone what it had no reason to touch.
    fn open_sled(
        claim: Claim,
        ledger: LedgerId,
        options: SledOptions,
        before: &SledFile,
        witness: Witness,
    ) -> Result<Self, StoreError> {
        before.clear_the_way()?;
        let path = claim.path();
        let already_open = || StoreError::AlreadyOpen { path: path.to_owned() };
        let db = open_db_patiently(path, options)?.ok_or_else(already_open)?;
        if !before.is_kept()? {
            return Err(sled_file::misread());
        }
        let names = guarded("reading the names of the trees", || db.tree_names())?;
        for name in [FRAMES, PRIVATE, META] {
            if !names.iter().any(|found| found.as_ref() == name.as_bytes()) {
                return Err(directory::not_a_ledger(path, format!("the tree `{name}` of its log is missing")));
            }
        }
        check_meta(path, &tree(&db, META)?, ledger)?;
        let trees = Trees { frames: tree(&db, FRAMES)?, private: tree(&db, PRIVATE)?, db };
        let db_file = open_db_file(path)?;
        Ok(Self::new(claim, ledger, options, trees, db_file, witness))
    }

    fn new(
        claim: Claim,
        ledger: LedgerId,
        options: SledOptions,
        trees: Trees,
        db_file: File,
        witness: Witness,
    ) -> Self {
        let (trees, unsynced_bytes, unnoted, latched) = (Shared::new(trees), Cell::new(0), None, false);
        let (found_seal, before) = (None, None);
        Self { claim, ledger, options, trees, db_file, unsynced_bytes, witness, unnoted, found_seal, before, latched }
    }

    /// The ledger's own name.
    #[must_use]
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Where index runs and checkpoints may be kept: `DIR/derived`.
    #[must_use]
    pub fn derived(&self) -> std::path::PathBuf {
        self.claim.derived()
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.trees.with(|trees| guarded("flushing the log", || trees.db.flush()))?;
        let synced = self.db_file.sync_data();
        synced.map_err(|source| StoreError::Io { what: "syncing the log", source })?;
        self.unsynced_bytes.set(0);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.claim.path().join(directory::LOG)
    }

    /// Syncs first where sled would otherwise have too much unsynced.
    fn make_room(&self, bytes: usize) -> Result<(), StoreError> {
        if self.unsynced_bytes.get().saturating_add(bytes) > UNSYNCED_BYTES_MAX {
            self.flush()?;
        }
        self.unsynced_bytes.set(self.unsynced_bytes.get().saturating_add(bytes));
        Ok(())
    }

    fn insert(&self, tree: fn(&Trees) -> &sled::Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.make_room(value.len())?;
        self.trees.with(|trees| guarded("appending a group", || tree(trees).insert(key, value)).map(drop))
    }

    /// From the last one back, so that a crash in between leaves no hole.
    fn remove_from(&self, tree: fn(&Trees) -> &sled::Tree, key: &[u8]) -> Result<(), StoreError> {
        let last =
            |trees: &Trees| guarded("dropping frames", || tree(trees).range(key..).keys().next_back().transpose());
        while let Some(last) = self.trees.with(last)? {
            // A removal may write the neighbours again.
            self.make_room(FRAME_BYTES_MAX)?;
            self.trees.with(|trees| guarded("dropping frames", || tree(trees).remove(&last)).map(drop))?;
        }
        Ok(())
    }

    /// Does a change; an error latches.
    fn change(&mut self, change: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        if self.latched {
            return Err(StoreError::Latched);
        }
        self.found_seal = None;
        self.before = None;
        let done = change(self);
        self.latched = done.is_err();
        done
    }
}

impl Store for SledStore {
    fn append(&mut self, group: &GroupBytes) -> Result<(), StoreError> {
        if self.latched {
            return Err(StoreError::Latched);
        }
        // sled uses up to 1.9 bytes of disk per byte of a value, and takes it in whole segments.
        let growth = (group.bytes() as u64).saturating_mul(2);
        check_space(self.claim.path(), self.options.reserve_bytes.saturating_add(growth))?;
        self.change(|store| {
            for (seq, private) in &group.private {
                store.insert(Trees::private, &seq.0.to_be_bytes(), &private.to_value())?;
            }
            for (key, bytes) in &group.frames {
                store.insert(Trees::frames, &key.to_bytes(), bytes)?;
            }
            Ok(())
        })?;
        // What is noted is what the bytes say: a group without its mark is none.
        let last = group.frames.last().and_then(|(key, bytes)| marked_head(*key, bytes));
        self.unnoted = last.or(self.unnoted);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.change(|store| {
            store.flush()?;
            match store.unnoted.take() {
                Some(head) => store.witness.note(Reached { head, seal: None }),
                None => Ok(()),
            }
        })
    }

    fn tend(&mut self) -> Result<(), StoreError> {
        self.before = None;
        if self.latched {
            return Ok(());
        }
        let tended = self.witness.sync_when_due();
        self.latched = tended.is_err();
        tended
    }

    fn drop_from(&mut self, key: FrameKey) -> Result<(), StoreError> {
        self.unnoted = self.unnoted.filter(|head| head.next_seq <= key.first);
        self.change(|store| {
            if store.witness.noted().head.next_seq > key.first {
                store.witness.note_durably(Reached::NOTHING)?;
            }
            store.remove_from(Trees::frames, &key.to_bytes())?;
            store.remove_from(Trees::private, &first_dropped(key).0.to_be_bytes())?;
            store.flush()
        })
    }

    fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.change(|store| {
            store.trees.with(|trees| {
                guarded("erasing a private text", || trees.private.remove(seq.0.to_be_bytes())).map(drop)
            })?;
            store.flush()
        })
    }

    fn reader(&self) -> Arc<dyn StoreReader> {
        self.trees.clone()
    }

    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.before = None;
        if self.latched {
            return self.trees.end();
        }
        if self.found_seal.is_none() {
            self.sync()?;
        }
        self.trees.end()?;
        let seal = match self.found_seal.take() {
            // Nothing was changed.
            Some(seal) if fingerprint_of(&self.log()).is_ok_and(|found| found == seal) => Some(seal),
            _ => seal(self.claim.path(), self.options)?,
        };
        let head = self.witness.noted().head;
        self.witness.note_durably(Reached { head, seal })
    }
}

/// Whatever becomes of the store, nobody reads on from files that are not owned any more. Where nothing was changed, the
/// ledger is left as it was found: sealed, or as its process had left it.
impl Drop for SledStore {
    fn drop(&mut self) {
        let ended = self.trees.end();
        let left = ended.and_then(|()| match (self.found_seal.take(), self.before.take()) {
            (Some(seal), _) if fingerprint_of(&self.log())? == seal => {
                let head = self.witness.noted().head;
                self.witness.note_durably(Reached { head, seal: Some(seal) })
            }
            (_, Some(before)) => {
                let (file, found) = *before;
                file.restore()?;
                Witness::put_back(self.claim.path(), found)
            }
            _ => Ok(()),
        });
        if let Err(error) = left {
            tracing::warn!(%error, "the log was let go");
        }
    }
}

impl Trees {
    const fn frames(&self) -> &sled::Tree {
        &self.frames
    }

    const fn private(&self) -> &sled::Tree {
        &self.private
    }
}

impl StoreReader for Shared {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        // Each frame is looked for by its key. sled counts how often a page is used, and frees pages only behind 64 uses
        // in each of 256 parts of its cache, whatever its bound: an iterator of sled's uses a page of some 30 KiB once
        // for all its frames, and so holds half a gigabyte of them.
        let mut behind = Some(Bound::Included(from.to_bytes()));
        Box::new(std::iter::from_fn(move || {
            let from = (behind.take()?, Bound::Unbounded);
            let next = |trees: &Trees| guarded("reading frames", || trees.frames.range(from).next().transpose());
            let frame = self.with(next).and_then(|entry| entry.map(|entry| read_frame(&entry)).transpose()).transpose();
            if let Some(Ok((key, _))) = &frame {
                behind = Some(Bound::Excluded(key.to_bytes()));
            }
            frame
        }))
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        let key = key.to_bytes();
        let found = |trees: &Trees| guarded("reading a frame", || trees.frames.range(..=key).next_back().transpose());
        self.with(found)?.map(|entry| read_frame(&entry)).transpose()
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        let value = self.with(|trees| guarded("reading a private text", || trees.private.get(seq.0.to_be_bytes())))?;
        let read = |value: sled::IVec| {
            PrivateText::from_value(&value).ok_or_else(|| StoreError::Corrupted {
                seq: Some(seq),
                what: "its private text is not a salt and a text".to_owned(),
            })
        };
        value.map(read).transpose()
    }
}

/// The head behind the commit mark that a frame ends with.
fn marked_head(key: FrameKey, bytes: &[u8]) -> Option<Head> {
    let mark = FrameView::parse(bytes, key.part).ok()?.mark().ok()??;
    Some(Head { next_seq: mark.end()?, hash: mark.last_hash })
}

fn read_frame((key, value): &(sled::IVec, sled::IVec)) -> Result<(FrameKey, FrameBytes), StoreError> {
    let read = FrameKey::from_bytes(key).ok_or_else(|| StoreError::Corrupted {
        seq: None,
        what: format!("a key of {} bytes stands among the frames, keys have 12", key.len()),
    })?;
    Ok((read, FrameBytes::from(value.as_ref())))
}

fn open_db(path: &Path, options: SledOptions) -> Result<Database, StoreError> {
    check_clock()?;
    guarded("opening the log", || {
        let config = sled::Config::new().path(path.join(directory::LOG)).cache_capacity(options.cache_bytes);
        config.flush_every_ms(None).open().map(|db| Database(Some(db)))
    })
}

fn open_db_file(path: &Path) -> Result<File, StoreError> {
    let db = path.join(directory::LOG).join(directory::DB);
    File::open(db).map_err(|source| StoreError::Io { what: "opening the log's file", source })
}

fn tree(db: &Database, name: &str) -> Result<sled::Tree, StoreError> {
    guarded("opening a tree of the log", || db.open_tree(name))
}

/// On its own, so that the tree is let go before the handle that guards against what its drop may do.
fn write_meta(db: &Database, ledger: LedgerId) -> Result<(), StoreError> {
    let meta = tree(db, META)?;
    guarded("creating the log", || {
        meta.insert(META_LEDGER, &ledger.bytes())?;
        meta.insert(META_FORMAT, &FORMAT_VERSION.to_le_bytes()).map(drop)
    })
}

fn check_meta(path: &Path, meta: &sled::Tree, ledger: LedgerId) -> Result<(), StoreError> {
    let found = guarded("reading the log's meta data", || Ok((meta.get(META_LEDGER)?, meta.get(META_FORMAT)?)))?;
    let (Some(id), Some(format)) = found else {
        return Err(directory::not_a_ledger(path, "its log does not say whose it is".to_owned()));
    };
    if id != ledger.bytes() {
        return Err(directory::not_a_ledger(path, format!("its log is another ledger's than {ledger}")));
    }
    match <[u8; 2]>::try_from(format.as_ref()).map(u16::from_le_bytes) {
        Ok(FORMAT_VERSION) => Ok(()),
        Ok(found) => Err(StoreError::VersionUnsupported { found, supported: FORMAT_VERSION }),
        Err(_) => Err(directory::not_a_ledger(path, "its log does not say which format it has".to_owned())),
    }
}

fn check_space(path: &Path, needed: u64) -> Result<(), StoreError> {
    match directory::free_bytes(path)? {
        free if free < needed => Err(StoreError::Full { needed, free }),
        _ => Ok(()),
    }
}

/// Calls into sled: an error or a panic of its becomes one of ours.
fn guarded<T>(what: &'static str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(StoreError::Io { what, source }),
        Ok(Err(error)) => Err(StoreError::Corrupted { seq: None, what: format!("{what}: {error}") }),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(StoreError::Corrupted { seq: None, what: format!("{what}: sled gave up: {said}") })
        }
    }
}

/// sled's database below a ledger, for tests that damage it.
#[cfg(test)]
pub(super) struct RawDb(Database);

#[cfg(test)]
impl RawDb {
    pub(super) fn open(path: &Path) -> Self {
        Self(open_db(path, SledOptions::default()).expect("a log"))
    }

    pub(super) fn drop_tree(&self, name: &str) -> bool {
        self.0.get().and_then(|db| db.drop_tree(name)).expect("dropped")
    }

    pub(super) fn has_tree(&self, name: &str) -> bool {
        self.0.tree_names().expect("names").iter().any(|found| found.as_ref() == name.as_bytes())
    }
}
