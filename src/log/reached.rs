//! `REACHED`: how far the log reaches, noted outside of sled's files, so that a log that became shorter is noticed.
//!
//! ```text
//! events 00000000000000001234     how many events there were
//! hash 6f1c…                      the hash of the last one
//! seal 93ab…                      what sled would look at, hashed when the ledger was closed; dashes while it is open
//! ```
//!
//! The text always has the same length and lies within one sector, so it is written over itself: a killed process leaves
//! the last whole note behind. It is noted after each group is durable and before that group is answered, without a sync
//! of its own; a sync once a second bounds what a loss of power can take from it. So it may say less than the log holds,
//! and never more.

use super::chain::{Hash, Head};
use super::directory::{not_a_ledger, sync_directory};
use super::store::StoreError;
use crate::domain::ids::Seq;
use crate::files::small;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file's name in the ledger's directory.
pub(super) const REACHED: &str = "REACHED";
/// What it is called until it is whole, where it is made anew.
pub(super) const REACHED_UNFINISHED: &str = "REACHED.new";
/// Bytes of the text.
const TEXT_BYTES: usize = 168;
/// Bytes of a file that may still be one.
const TEXT_BYTES_MAX: u64 = 1_024;
/// The seal's place while there is none.
const NO_SEAL: &str = "----------------------------------------------------------------";
/// After this time a note that was not synced is.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How far the log reached when that was last noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// The place behind the last durable event, and its hash.
    pub(super) head: Head,
    /// A hash of the parts of sled's file that decide what sled does when it is opened; only after closing.
    pub(super) seal: Option<Hash>,
}

impl Reached {
    /// Nothing was noted yet.
    pub(super) const NOTHING: Self = Self { head: Head::EMPTY, seal: None };

    /// What stands in a ledger's directory; none where there is no such file.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::NotALedger`] where the text is none of ours.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, StoreError> {
        let bytes = match small::read_whole(&dir.join(REACHED), TEXT_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { what: "reading how far the log reached", source }),
        };
        let damaged = || {
            let what = "is damaged, which tells how far the log must reach: see what `counterfoil salvage` can read of the \
                        log before you remove it";
            not_a_ledger(dir, format!("the file {REACHED} {what}"))
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        parse(text).map(Some).ok_or_else(damaged)
    }

    fn text(&self) -> String {
        let seal = self.seal.map_or_else(|| NO_SEAL.to_owned(), |seal| seal.to_string());
        format!("events {:020}\nhash {}\nseal {seal}\n", self.head.next_seq.0, self.head.hash)
    }
}

fn parse(text: &str) -> Option<Reached> {
    let mut lines = text.lines();
    let next_seq = Seq(lines.next()?.strip_prefix("events ")?.parse().ok()?);
    let hash = Hash::from_hex(lines.next()?.strip_prefix("hash ")?)?;
    let seal = match lines.next().map(|line| line.strip_prefix("seal ")) {
        None | Some(Some(NO_SEAL)) => None,
        Some(seal) => Some(Hash::from_hex(seal?)?),
    };
    Some(Reached { head: Head { next_seq, hash }, seal })
}

/// The file, held open to be written over.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    noted: Reached,
    is_synced: bool,
    synced_at: Instant,
}

impl Witness {
    /// Opens the file for writing over it; one that is missing, or has another length, is written whole first.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn open(dir: &Path, reached: Reached) -> Result<Self, StoreError> {
        let path = dir.join(REACHED);
        let opened = small::open_with(File::options().write(true), &path);
        let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let file = match opened {
            Ok((bytes, file)) if bytes == TEXT_BYTES as u64 => file,
            Ok(_) => write_whole(dir, &path, reached)?,
            Err(error) if error.kind() == ErrorKind::NotFound => write_whole(dir, &path, reached)?,
            Err(source) => return Err(io(source)),
        };
        Ok(Self { file, noted: reached, is_synced: true, synced_at: Instant::now() })
    }

    /// Writes what was found there back, durably, where something else stands there.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn put_back(dir: &Path, found: Reached) -> Result<(), StoreError> {
        match Reached::read(dir)? {
            Some(reached) if reached != found => Self::open(dir, reached)?.note_durably(found),
            _ => Ok(()),
        }
    }

    /// What stands there.
    pub(super) const fn noted(&self) -> Reached {
        self.noted
    }

    /// Writes it over what stands there. It survives this process, not yet a loss of power.
    pub(super) fn note(&mut self, reached: Reached) -> Result<(), StoreError> {
        self.file.write_all_at(reached.text().as_bytes(), 0).map_err(io)?;
        self.noted = reached;
        self.is_synced = false;
        Ok(())
    }

    /// Writes it over what stands there, durably.
    pub(super) fn note_durably(&mut self, reached: Reached) -> Result<(), StoreError> {
        self.note(reached)?;
        self.sync()
    }

    /// Makes the newest note durable where the last sync is a second ago or more.
    pub(super) fn sync_when_due(&mut self) -> Result<(), StoreError> {
        match self.is_synced || self.synced_at.elapsed() < SYNC_EVERY {
            true => Ok(()),
            false => self.sync(),
        }
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(io)?;
        self.is_synced = true;
        self.synced_at = Instant::now();
        Ok(())
    }
}

fn write_whole(dir: &Path, path: &PathBuf, reached: Reached) -> Result<File, StoreError> {
    let unfinished = dir.join(REACHED_UNFINISHED);
    let file = File::create(&unfinished).map_err(io)?;
    file.write_all_at(reached.text().as_bytes(), 0).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&unfinished, path).and_then(|()| sync_directory(dir)).map_err(io)?;
    Ok(file)
}

fn io(source: std::io::Error) -> StoreError {
    StoreError::Io { what: "noting how far the log reaches", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_length_and_old_ones_are_read() {
        let head = Head { next_seq: Seq(1_234), hash: Hash([0xab; 32]) };
        for seal in [None, Some(Hash([7; 32]))] {
            let reached = Reached { head, seal };
            assert_eq!(reached.text().len(), TEXT_BYTES);
            assert_eq!(parse(&reached.text()), Some(reached));
        }
        let old = format!("events 1234\nhash {}\n", head.hash);
        assert_eq!(parse(&old), Some(Reached { head, seal: None }));
        let sealed = format!("{old}seal {}\n", Hash([7; 32]));
        assert_eq!(parse(&sealed), Some(Reached { head, seal: Some(Hash([7; 32])) }));
        for damaged in ["", "events many\n", "events 1\nhash 12\n", "events 1\n"] {
            assert_eq!(parse(damaged), None, "{damaged:?}");
        }
        assert_eq!(parse(&format!("{old}seal nothing\n")), None);
    }

    #[test]
    fn a_note_is_written_over_the_one_before() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut witness = Witness::open(dir.path(), Reached::NOTHING).expect("made");
        assert_eq!(Reached::read(dir.path()).expect("readable"), Some(Reached::NOTHING));
        let reached = Reached { head: Head { next_seq: Seq(7), hash: Hash([1; 32]) }, seal: Some(Hash([2; 32])) };
        witness.note(reached).expect("noted");
        assert_eq!(Reached::read(dir.path()).expect("readable"), Some(reached));
        drop(witness);
        let witness = Witness::open(dir.path(), reached).expect("there");
        assert_eq!((witness.noted(), Reached::read(dir.path()).expect("readable")), (reached, Some(reached)));
    }
}
