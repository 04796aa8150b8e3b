//! What the log needs of a disk, and nothing more.

use super::chain::PrivateText;
use super::frame::{FrameBytes, FrameKey};
use super::group::GroupBytes;
use crate::domain::ids::Seq;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Frames of a store in the order of their keys.
pub type Frames<'a> = Box<dyn Iterator<Item = Result<(FrameKey, FrameBytes), StoreError>> + Send + 'a>;

/// The write side of a store: owned by one thread, the only one that changes anything.
///
/// # What a store promises
/// 1. *Order.* [`append`](Store::append) writes the frames of a group in their order. After a crash there are
///    all frames up to some point and none behind it; a group may be cut, but not have a hole.
/// 2. *Durability.* When [`sync`](Store::sync) has returned `Ok`, everything appended before survives a crash of
///    the process, of the system, and a loss of power. Nothing is promised of what was not synced: it may
///    survive, in whole or in part.
/// 3. *Wholeness.* A frame survives whole or not at all.
/// 4. *No change.* A frame that was appended is never changed and never overwritten; the only way to remove one
///    is [`drop_from`](Store::drop_from), which exists for what stands behind the last commit mark.
/// 5. *Latching.* After a failed `append`, `sync` or `drop_from` nobody knows what is on the disk: the store
///    refuses every further change with [`StoreError::Latched`] until it is opened again. [`StoreError::Full`] and
///    [`StoreError::SpaceUnknown`] are found out *before* anything is written and do not latch.
/// 6. *Visibility.* A reader sees frames as soon as `append` has returned, synced or not. Who must not see what
///    is not durable asks for seqs below the last synced head only.
pub trait Store: Send {
    /// Writes the frames and private texts of a group. They are not durable before the next
    /// [`sync`](Store::sync).
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::SpaceUnknown`] with nothing written; [`StoreError::Latched`]; any other error latches the store, and
    /// the group may be there in whole, in part or not at all.
    fn append(&mut self, group: &GroupBytes) -> Result<(), StoreError>;

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// Any error latches the store: what was not synced before may be there or not.
    fn sync(&mut self) -> Result<(), StoreError>;

    /// Does what may wait, such as a sync of what is only noted beside the log. Called after answers went out and, while
    /// nothing is to be done, at least once a second.
    ///
    /// # Errors
    /// Any error latches the store; what was synced before stands.
    fn tend(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes this frame, all behind it, and private texts of the events that begin there; durable on return.
    ///
    /// # Errors
    /// Any error latches the store.
    fn drop_from(&mut self, key: FrameKey) -> Result<(), StoreError>;

    /// Removes the private text of an event, where there is one; durable on return. A text that is not there is
    /// no error. The bytes no longer answer any read; when the disk reuses their place is up to the disk.
    ///
    /// # Errors
    /// Any error latches the store.
    fn erase_private(&mut self, seq: Seq) -> Result<(), StoreError>;

    /// A reader, for any number of threads; it stays usable when the store is latched. Once the store is closed or
    /// dropped a reader of a disk answers an error, and holds nothing open.
    fn reader(&self) -> Arc<dyn StoreReader>;

    /// Gives the store back to the disk. What was not synced may be lost.
    ///
    /// # Errors
    /// What the disk says.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// The read side of a store: any number of threads, at any time, never waiting for a sync.
pub trait StoreReader: Send + Sync {
    /// All frames from this key on, ascending. Frames appended meanwhile may or may not be among them.
    fn frames(&self, from: FrameKey) -> Frames<'_>;

    /// The frame with the greatest key not above this one.
    ///
    /// # Errors
    /// What the disk says.
    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError>;

    /// The frame with the greatest key.
    ///
    /// # Errors
    /// What the disk says.
    fn last_frame(&self) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        self.frame_at_or_before(FrameKey::last_of(Seq(u64::MAX)))
    }

    /// The private text of an event; none where there was none or it was erased.
    ///
    /// # Errors
    /// What the disk says; [`StoreError::Corrupted`] where the value is not a salt and a text.
    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError>;
}

/// Why a store can't do something.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk said no.
    Io {
        /// What was being done.
        what: &'static str,
        /// What the disk said.
        source: std::io::Error,
    },
    /// What is stored is not what was written.
    Corrupted {
        /// The event at which it was found out, where that is known.
        seq: Option<Seq>,
        /// What is wrong.
        what: String,
    },
    /// An earlier write failed, so nobody knows what is on the disk.
    Latched,
    /// The directory was written by a newer program.
    VersionUnsupported {
        /// The format of the directory.
        found: u16,
        /// The newest format that this program knows.
        supported: u16,
    },
    /// The directory holds no ledger, or not all of one.
    NotALedger {
        /// The directory.
        path: PathBuf,
        /// What is missing or wrong.
        what: String,
    },
    /// Somebody has the ledger open for writing.
    AlreadyOpen {
        /// The directory.
        path: PathBuf,
    },
    /// A ledger can't be created where something is already.
    AlreadyExists {
        /// The directory.
        path: PathBuf,
    },
    /// The disk has too little room; nothing was written.
    Full {
        /// Bytes that must be free, a reserve among them.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Nobody can say how much room the disk has: its mount may be gone. Nothing was written.
    SpaceUnknown {
        /// The directory.
        path: PathBuf,
        /// What the disk said.
        source: std::io::Error,
    },
    /// The directory can't be written to.
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Corrupted { seq, what } => {
                f.write_str("the log is damaged")?;
                if let Some(seq) = seq {
                    write!(f, " at event {seq}")?;
                }
                write!(
                    f,
                    ": {what}; leave the directory as it is, see what `counterfoil salvage` can still read of it, and \
                     restore it from a copy"
                )
            }
            Self::Latched => f.write_str(
                "an earlier write failed and nobody knows what reached the disk: close the ledger and open it again",
            ),
            Self::VersionUnsupported { found, supported } => write!(
                f,
                "the ledger has format {found}, this program knows formats up to {supported}: use a newer program"
            ),
            Self::NotALedger { path, what } => {
                write!(f, "{} is not a ledger: {what}; nothing was changed", path.display())
            }
            Self::AlreadyOpen { path } => {
                write!(f, "the ledger in {} is open already: one process owns it, close it there first", path.display())
            }
            Self::AlreadyExists { path } => write!(
                f,
                "{} exists and is not an empty directory: open it, or create the ledger elsewhere",
                path.display()
            ),
            Self::Full { needed, free } => write!(
                f,
                "the disk is full: {free} bytes are free, {needed} are needed; nothing was written, free some and try again"
            ),
            Self::SpaceUnknown { path, source } => write!(
                f,
                "how much room is left in {} can't be asked: {source}; nothing was written, look at its disk and try \
                 again",
                path.display()
            ),
            Self::ReadOnly { path } => {
                write!(f, "{} can't be written to: mount it for writing or change its permissions", path.display())
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::SpaceUnknown { source, .. } => Some(source),
            _ => None,
        }
    }
}
