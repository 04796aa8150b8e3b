//! What can still be read of a damaged log: the part before the damage, and islands behind it.
//!
//! Behind a hole nothing says which hash the next event follows, unless a frame carries it (those in the middle of a
//! group do) or the commit mark of the group before is still there. From such a place on events can be checked
//! against the first bytes of their hashes again; what stands before it is there, and can't be checked.

use super::chain::{Hash, Head};
use super::codec::decode_event;
use super::directory::{self, Looked};
use super::fault::{FaultKind, LogFault};
use super::frame::{FrameBytes, FrameKey, FrameView};
use super::sled_store::SledStore;
use super::store::{Frames, StoreError, StoreReader};
use super::walk::Walk;
use crate::domain::ids::{LedgerId, Seq};
use crate::files::scratch::Scratch;
use crate::files::small;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// What the names of copies begin with.
const SCRATCH_PREFIX: &str = "counterfoil-salvage-";
/// Where sled puts values that are too large for its file.
const BLOBS: &str = "blobs";

/// Places at which the store can't be read, after which a survey gives up.
const GAPS_MAX: u32 = 10_000;

/// Events that are checked against each other, behind damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Island {
    /// The first of them.
    pub first: Seq,
    /// The hash that it follows.
    pub prev_hash: Hash,
    /// The place behind the last of them, and its hash.
    pub end: Head,
}

/// What a log still holds.
#[derive(Debug)]
pub struct Survey {
    /// Whole groups from the start on, all checked.
    pub prefix: Head,
    /// What is wrong behind them; none where nothing is.
    pub fault: Option<LogFault>,
    /// Events behind them that fit the hash that they follow, as far as anything says which one that is.
    pub islands: Vec<Island>,
    /// Events that are there, and behind a hole, so that nothing says what they follow: the first, and how many.
    pub unchecked: Vec<(Seq, u64)>,
}

/// Reads everything that can be read.
///
/// # Errors
/// Where the store fails otherwise than by damage.
pub fn survey(reader: &dyn StoreReader) -> Result<Survey, StoreError> {
    let (prefix, fault) = whole_prefix(reader)?;
    let mut survey = Survey { prefix, fault, islands: Vec::new(), unchecked: Vec::new() };
    if survey.fault.is_some() {
        let start = FrameKey::new(prefix.next_seq);
        let mut search = Search { survey: &mut survey, island: None, known: Some(prefix) };
        for frame in Surviving::new(reader, start) {
            match frame {
                Ok((key, bytes)) => search.frame(key, &bytes),
                Err(StoreError::Corrupted { .. }) => search.hole(),
                Err(error) => return Err(error),
            }
        }
        search.hole();
    }
    Ok(survey)
}

/// The whole groups from the start on, and what is wrong behind them.
fn whole_prefix(reader: &dyn StoreReader) -> Result<(Head, Option<LogFault>), StoreError> {
    let mut walk = Walk::from_start();
    let mut prefix = Head::EMPTY;
    for frame in reader.frames(FrameKey::START) {
        let stepped = match frame {
            Ok((key, bytes)) => step(&mut walk, key, &bytes),
            Err(error @ StoreError::Corrupted { .. }) => {
                let seq = walk.head().next_seq;
                Err(LogFault { seq, what: FaultKind::Store(error) })
            }
            Err(error) => return Err(error),
        };
        match stepped {
            Ok(()) if walk.is_between_groups() => prefix = walk.head(),
            Ok(()) => {}
            // A hole behind the last mark is what a stopped write leaves, and no damage.
            Err(fault) => return Ok((prefix, Some(fault).filter(|_| !is_tail(reader, prefix)))),
        }
    }
    Ok((prefix, None))
}

fn is_tail(reader: &dyn StoreReader, prefix: Head) -> bool {
    super::scan::recover(reader, prefix).is_ok_and(|found| found.head == prefix)
}

/// Reads a frame and all that ends in it.
fn step(walk: &mut Walk, key: FrameKey, bytes: &FrameBytes) -> Result<(), LogFault> {
    let stepped = walk.step(key, bytes)?;
    for raw in stepped.batch.iter().flat_map(|batch| batch.iter()) {
        decode_event(raw.bytes).map_err(|error| LogFault { seq: raw.seq, what: FaultKind::Event(error) })?;
    }
    Ok(())
}

/// Looks for islands, frame by frame.
struct Search<'s> {
    survey: &'s mut Survey,
    island: Option<(Walk, Island)>,
    /// A place, and the hash that an event there follows.
    known: Option<Head>,
}

impl Search<'_> {
    fn frame(&mut self, key: FrameKey, bytes: &FrameBytes) {
        if let Some((mut walk, mut island)) = self.island.take() {
            if step(&mut walk, key, bytes).is_ok() {
                island.end = walk.head();
                self.known = None;
                self.remember_mark(key, bytes);
                self.island = Some((walk, island));
                return;
            }
            self.keep(island);
        }
        self.begin(key, bytes);
        self.remember_mark(key, bytes);
    }

    /// Begins an island with this frame, where something says what it follows.
    fn begin(&mut self, key: FrameKey, bytes: &FrameBytes) {
        let Ok(view) = FrameView::parse(bytes, key.part) else { return };
        if key.part != 0 {
            return;
        }
        let known = self.known.filter(|known| known.next_seq == key.first).map(|known| known.hash);
        let Some(prev_hash) = view.prev.or(known) else {
            let events = view.events as u64;
            return self.survey.unchecked.push((key.first, events));
        };
        let mut walk = Walk::from_frame(key, prev_hash, &view);
        if step(&mut walk, key, bytes).is_ok() {
            let island = Island { first: key.first, prev_hash, end: walk.head() };
            self.island = Some((walk, island));
        }
    }

    /// What stands behind a commit mark follows the hash that it names, whatever became of the group.
    fn remember_mark(&mut self, key: FrameKey, bytes: &FrameBytes) {
        let mark = FrameView::parse(bytes, key.part).ok().and_then(|view| view.mark().ok().flatten());
        let marked = mark.and_then(|mark| Some(Head { next_seq: mark.end()?, hash: mark.last_hash }));
        self.known = marked;
    }

    /// Nothing can be read here.
    fn hole(&mut self) {
        if let Some((_, island)) = self.island.take() {
            self.keep(island);
        }
        self.known = None;
    }

    fn keep(&mut self, island: Island) {
        if island.end.next_seq > island.first {
            self.survey.islands.push(island);
        }
    }
}

/// Frames in order, with an error for each place at which the store can't be read, and those behind it.
struct Surviving<'r> {
    reader: &'r dyn StoreReader,
    frames: Option<Frames<'r>>,
    next: FrameKey,
    gaps: u32,
}

impl<'r> Surviving<'r> {
    fn new(reader: &'r dyn StoreReader, from: FrameKey) -> Self {
        Self { reader, frames: Some(reader.frames(from)), next: from, gaps: 0 }
    }

    /// The first place from which on frames can be read again, found by ever larger steps and then by halving.
    fn behind(&self, hole: Seq) -> Option<FrameKey> {
        let state = |seq: u64| self.reader.frames(FrameKey::new(Seq(seq))).next().map(|frame| frame.is_ok());
        let (mut bad, mut reach) = (hole.0, 1_u64);
        let mut good = loop {
            let at = bad.checked_add(reach)?;
            match state(at) {
                Some(false) => (bad, reach) = (at, reach.saturating_mul(2)),
                Some(true) | None => break at,
            }
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match state(middle) {
                Some(false) => bad = middle,
                Some(true) | None => good = middle,
            }
        }
        state(good)?.then_some(FrameKey::new(Seq(good)))
    }
}

impl Iterator for Surviving<'_> {
    type Item = Result<(FrameKey, FrameBytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.as_mut()?.next()?;
        match &frame {
            Ok((key, _)) => self.next = key.next_part().unwrap_or(*key),
            Err(_) => {
                self.gaps += 1;
                let from = self.behind(self.next.first).filter(|_| self.gaps < GAPS_MAX);
                self.next = from.unwrap_or(self.next);
                self.frames = from.map(|from| self.reader.frames(from));
            }
        }
        Some(frame)
    }
}

/// A copy of a ledger's log, to be read whatever state it is in; the original is only ever read. Only its owner may read
/// it, for it holds the private texts. It goes away with this, or with the next copy where its run was killed.
pub struct Remains {
    ledger: Option<LedgerId>,
    reached: Option<Head>,
    // Goes before the place that it reads.
    reader: Option<Arc<dyn StoreReader>>,
    _place: Scratch,
}

impl Remains {
    /// Copies the log of the ledger in `dir` into a new directory below `scratch`, and opens what sled can read of it.
    ///
    /// # Errors
    /// [`StoreError::NotALedger`] where there is no log; [`StoreError::AlreadyOpen`] while somebody has it open;
    /// [`StoreError::Corrupted`] where sled can't read its file at all; [`StoreError::Io`].
    pub fn copy(dir: &Path, scratch: &Path) -> Result<Self, StoreError> {
        let Looked { ledger, reached, lock } = directory::look(dir)?;
        let io = |source| StoreError::Io { what: "copying the log's files", source };
        let place = Scratch::new(scratch, SCRATCH_PREFIX).map_err(io)?;
        let copied = place.path();
        copy_log(&dir.join(directory::LOG), &copied.join(directory::LOG)).map_err(io)?;
        drop(lock);
        let reader = SledStore::read_what_is_left(copied)?;
        Ok(Self { ledger, reached, reader: Some(reader), _place: place })
    }

    /// What can be read.
    #[must_use]
    pub fn reader(&self) -> Option<&dyn StoreReader> {
        self.reader.as_deref()
    }

    /// The ledger's name, where its directory still says so.
    #[must_use]
    pub const fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// How far the log once reached, where its directory still says so.
    #[must_use]
    pub const fn reached(&self) -> Option<Head> {
        self.reached
    }
}

/// Copies what holds events, for its owner alone. sled makes its sizes (`conf`) and its snapshots anew, so whatever lies
/// in their places is left where it is.
fn copy_log(from: &Path, to: &Path) -> std::io::Result<()> {
    let directory = |path: &Path| DirBuilder::new().mode(0o700).create(path);
    directory(to)?;
    copy_file(&from.join(directory::DB), &to.join(directory::DB))?;
    let (from, to) = (from.join(BLOBS), to.join(BLOBS));
    if !from.is_dir() {
        return Ok(());
    }
    directory(&to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        // sled makes nothing else there.
        if entry.file_type()?.is_file() {
            copy_file(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut copy = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut small::open(from)?, &mut copy).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_copy_is_its_owners_alone_and_waits_for_nobody() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        std::fs::create_dir_all(from.join("blobs")).unwrap();
        for name in ["db", "blobs/1"] {
            std::fs::write(from.join(name), "private").unwrap();
            std::fs::set_permissions(from.join(name), PermissionsExt::from_mode(0o644)).unwrap();
        }
        let fifo = |name: &str| rustix::fs::mkfifoat(rustix::fs::CWD, from.join(name), rustix::fs::Mode::RWXU).unwrap();
        ["snap.1", "conf", "blobs/2"].into_iter().for_each(fifo);
        copy_log(&from, &to).unwrap();
        let mode = |name: &str| std::fs::metadata(to.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(["", "blobs", "db", "blobs/1"].map(mode), [0o700, 0o700, 0o600, 0o600]);
        assert_eq!(std::fs::read(to.join("blobs/1")).unwrap(), b"private");
        let names: Vec<_> = std::fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        std::fs::remove_file(from.join("db")).unwrap();
        fifo("db");
        let error = copy_log(&from, &place.path().join("again")).unwrap_err();
        assert!(error.to_string().contains("db is a FIFO"), "{error}");
    }
}
