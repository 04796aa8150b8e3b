//! Copies of a ledger: whole groups, every hash checked on the way, complete under their name or not there at all.

use super::chain::{Head, PrivateText};
use super::codec::decode_event;
use super::directory;
use super::fault::{FaultKind, LogFault};
use super::frame::{CommitMark, FrameKey};
use super::group::GroupBytes;
use super::scan::recover;
use super::sled_store::{SledOptions, SledStore};
use super::store::{Store, StoreError, StoreReader};
use super::walk::{RawBatch, Walk};
use crate::domain::ids::{LedgerId, Seq};
use crate::files::scratch::random_name;
use std::fmt;
use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What is done about a private text that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// The copy fails.
    All,
    /// It is left out, as if it had been erased; its event stays provable.
    Readable,
}

/// Why a ledger can't be copied. Nothing is left of the copy.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// What is to be copied is damaged or can't be read.
    Log(LogFault),
    /// The copy can't be written.
    Store(StoreError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(fault) => write!(f, "the ledger can't be copied: {fault}"),
            Self::Store(error) => write!(f, "the copy can't be written: {error}"),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(fault) => Some(fault),
            Self::Store(error) => Some(error),
        }
    }
}

impl From<LogFault> for SnapshotError {
    fn from(fault: LogFault) -> Self {
        Self::Log(fault)
    }
}

impl From<StoreError> for SnapshotError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes a ledger's log up to this head, where a group ends, into a directory that is missing or empty.
///
/// The copy has the ledger's own name, so only one of the two may be written to from then on. It is written beside the
/// directory under another name, read back, synced and renamed. What is derived is not copied: it is built again.
///
/// While it is written only its owner may read it; then it has the mode of the directory that was there, or that of any
/// new directory.
///
/// # Errors
/// [`SnapshotError`]; where the process is stopped midway, a directory `.NAME.unfinished-…` stays that is no ledger, see
/// [`unfinished_copies`].
pub fn snapshot(
    reader: &dyn StoreReader,
    ledger: LedgerId,
    head: Head,
    dir: &Path,
    texts: Texts,
) -> Result<(), SnapshotError> {
    snapshot_within(reader, ledger, head, dir, texts, 0o777)
}

/// As [`snapshot`]; whoever may not enter the directory `like`, of the ledger that is copied, may not enter a new one
/// either.
///
/// # Errors
/// As [`snapshot`].
pub fn snapshot_like(
    reader: &dyn StoreReader,
    ledger: LedgerId,
    head: Head,
    dir: &Path,
    texts: Texts,
    like: &Path,
) -> Result<(), SnapshotError> {
    let source = |source| StoreError::Io { what: "asking who may read the ledger", source };
    let mode = std::fs::metadata(like).map_err(source)?.mode();
    snapshot_within(reader, ledger, head, dir, texts, mode & 0o777)
}

/// Copies of this name that were never finished: their process was stopped, or is still at it.
///
/// # Errors
/// Where the directory that they lie in can't be read.
pub fn unfinished_copies(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let start = unfinished_prefix(dir);
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&start) {
            found.push(dir.with_file_name(entry.file_name()));
        }
    }
    found.sort();
    Ok(found)
}

fn snapshot_within(
    reader: &dyn StoreReader,
    ledger: LedgerId,
    head: Head,
    dir: &Path,
    texts: Texts,
    mode_max: u32,
) -> Result<(), SnapshotError> {
    directory::check_free(dir)?;
    let io = |source| StoreError::Io { what: "creating the ledger's directory", source };
    let unfinished = dir.with_file_name(random_name(&unfinished_prefix(dir)).map_err(io)?);
    DirBuilder::new().mode(0o700).create(&unfinished).map_err(|error| match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            StoreError::ReadOnly { path: unfinished.clone() }
        }
        _ => io(error),
    })?;
    let written = write(reader, ledger, head, &unfinished, texts).and_then(|()| {
        open_up(&unfinished, dir, mode_max).map_err(io)?;
        Ok(directory::appear(&unfinished, dir)?)
    });
    if written.is_err() {
        // Best effort: without a marker it is no ledger.
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    written
}

/// Gives a finished copy the mode of the directory whose place it takes; or that of a new one, as far as `mode_max`
/// allows.
fn open_up(unfinished: &Path, dir: &Path, mode_max: u32) -> std::io::Result<()> {
    let mode = match std::fs::metadata(dir) {
        Ok(there) => there.mode() & 0o777,
        // What is in it was made as anything new is.
        Err(_) => std::fs::metadata(unfinished.join(directory::LOG))?.mode() & mode_max,
    };
    std::fs::set_permissions(unfinished, Permissions::from_mode(mode | 0o700))
}

fn unfinished_prefix(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.unfinished-")
}

fn write(
    reader: &dyn StoreReader,
    ledger: LedgerId,
    head: Head,
    unfinished: &Path,
    texts: Texts,
) -> Result<(), SnapshotError> {
    let mut store = SledStore::begin(unfinished, ledger, SledOptions::default())?;
    copy(reader, head, &mut store, texts)?;
    store.sync()?;
    let found = recover(store.reader().as_ref(), Head::EMPTY)?.head;
    check_head(head, found)?;
    store.finish()?;
    Ok(Box::new(store).close()?)
}

fn check_head(expected: Head, found: Head) -> Result<(), LogFault> {
    if found == expected {
        return Ok(());
    }
    let seq = Seq(expected.next_seq.0.saturating_sub(1));
    let what = match found.next_seq < expected.next_seq {
        true => FaultKind::HeadMissing { expected: expected.next_seq.0, last: None },
        false => FaultKind::HeadHash { expected: expected.hash, found: found.hash },
    };
    Err(LogFault { seq, what })
}

/// Copies the groups up to a head.
fn copy(reader: &dyn StoreReader, head: Head, store: &mut dyn Store, texts: Texts) -> Result<(), SnapshotError> {
    let mut walk = Walk::from_start();
    let mut group = Group::default();
    if head != Head::EMPTY {
        for frame in reader.frames(FrameKey::START) {
            let seq = walk.head().next_seq;
            let (key, bytes) = frame.map_err(|error| LogFault { seq, what: FaultKind::Store(error) })?;
            let step = walk.step(key, &bytes)?;
            group.frames.push((key, bytes.to_vec()));
            if let Some(batch) = &step.batch {
                group.private(reader, batch, texts)?;
            }
            if let Some(mark) = step.mark {
                store.append(&group.ended(&mark))?;
                if walk.head().next_seq >= head.next_seq {
                    break;
                }
            }
        }
    }
    Ok(check_head(head, walk.head())?)
}

/// A group that is being copied.
#[derive(Default)]
struct Group {
    frames: Vec<(FrameKey, Vec<u8>)>,
    private: Vec<(Seq, PrivateText)>,
}

impl Group {
    /// Adds the private texts of the events.
    fn private(&mut self, reader: &dyn StoreReader, batch: &RawBatch, texts: Texts) -> Result<(), LogFault> {
        for raw in batch.iter() {
            let seq = raw.seq;
            let event = decode_event(raw.bytes).map_err(|error| LogFault { seq, what: FaultKind::Event(error) })?;
            if event.envelope.private.is_none() {
                continue;
            }
            match reader.private(seq) {
                Ok(found) => self.private.extend(found.map(|text| (seq, text))),
                Err(StoreError::Corrupted { .. }) if texts == Texts::Readable => {}
                Err(error) => return Err(LogFault { seq, what: FaultKind::Store(error) }),
            }
        }
        Ok(())
    }

    fn ended(&mut self, mark: &CommitMark) -> GroupBytes {
        let Self { frames, private } = std::mem::take(self);
        let CommitMark { first, count, last_hash } = *mark;
        GroupBytes { first, count, last_hash, frames, private }
    }
}
