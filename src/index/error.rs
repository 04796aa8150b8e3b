//! Why the index can't answer.

use crate::files::FilesError;
use std::fmt;

/// An error of the index. Nothing is lost by any of them: the index can be dropped and built again from the log.
#[derive(Debug)]
#[non_exhaustive]
pub enum IndexError {
    /// The operating system refused a call.
    Files(FilesError),
    /// A file does not hold what was written to it. The index is dropped and built again from the log.
    Corrupted {
        /// The file's name.
        file: String,
        /// The first thing found wrong, with figures.
        what: String,
    },
    /// A segment does not begin where the index ends.
    Gap {
        /// The first seq that the index does not cover.
        covered_to: u64,
        /// The seqs of the segment: first, and first behind it.
        segment: (u64, u64),
    },
    /// The index was found damaged meanwhile and is built again from its beginning.
    BegunAgain,
    /// An earlier write failed, so what is on disk is not certain: open the index again.
    Latched,
    /// A run would hold more records than a run may.
    Full {
        /// The records that it would hold.
        records: u64,
    },
}

impl IndexError {
    /// Whether a run can't be read: it is not what was written, or the system does not give it back.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            IndexError::Corrupted { .. } => true,
            IndexError::Files(error) => error.what == "read",
            _ => false,
        }
    }

    pub(crate) fn corrupted(file: &str, what: impl Into<String>) -> Self {
        IndexError::Corrupted { file: file.to_owned(), what: what.into() }
    }
}

impl From<FilesError> for IndexError {
    fn from(error: FilesError) -> Self {
        IndexError::Files(error)
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexError::Files(error) => error.fmt(f),
            IndexError::Corrupted { file, what } => write!(
                f,
                "index file {file:?} is damaged: {what}; the log is not concerned, and the index is built again from it"
            ),
            IndexError::Gap { covered_to, segment: (from, to) } => {
                write!(
                    f,
                    "the index covers seqs below {covered_to}; a segment of seqs {from}..{to} does not continue it"
                )
            }
            IndexError::BegunAgain => {
                write!(f, "the index was found damaged meanwhile and is built again from the log")
            }
            IndexError::Latched => write!(f, "an earlier write of the index failed; it must be opened again"),
            IndexError::Full { records } => write!(f, "a run of {records} records is larger than a run may be"),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IndexError::Files(error) => Some(error),
            _ => None,
        }
    }
}
