//! Why an import stops.

use super::records::RecordError;
use super::rejects::Rejected;
use crate::ledger::SubmitError;
use std::fmt;
use std::io;

/// Why an import stops. What was appended before stays: the same import again goes on where this one stopped.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// The source can't be opened.
    Open {
        /// The source.
        source_name: String,
        /// What the system says.
        error: io::Error,
    },
    /// The source has no header, or not the columns that the mapping names.
    Header {
        /// The source.
        source_name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The source can't be read on from this line.
    Record {
        /// The source.
        source_name: String,
        /// What is wrong, with the line.
        problem: String,
    },
    /// The mapping needs the time of the export, which is not in the file.
    AtMissing,
    /// Lines have other content than what stands in the ledger under their ids; nothing was appended.
    Changed {
        /// How many commands.
        commands: u64,
        /// The first of them.
        first: Box<Rejected>,
    },
    /// The rejects can't be written.
    Rejects(io::Error),
    /// The ledger can't act.
    Ledger {
        /// The line whose command it was about, where it was about one.
        line: Option<u64>,
        /// What the ledger says.
        error: SubmitError,
    },
    /// What reads the source ended without a word.
    ReaderLost,
}

impl ImportError {
    pub(super) fn of_record(source_name: &str, error: &RecordError) -> Self {
        Self::Record { source_name: source_name.to_owned(), problem: error.to_string() }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { source_name, error } => write!(f, "{source_name} can't be opened: {error}"),
            Self::Header { source_name, problem } => write!(f, "{source_name}: {problem}"),
            Self::Record { source_name, problem } => {
                write!(f, "{source_name}, {problem}. What stands before is imported; put it right and import again")
            }
            Self::AtMissing => f.write_str(
                "the mapping uses $at, the time of the export: give it with the import, as the mapping's format has it",
            ),
            Self::Changed { commands, first } => write!(
                f,
                "{commands} commands have other content than what stands in the ledger under their ids, the first on \
                 line {}: {}; nothing was appended",
                first.line, first.why
            ),
            Self::Rejects(error) => write!(f, "the rejects can't be written: {error}"),
            Self::Ledger { line: Some(line), error } => write!(f, "line {line}: {error}"),
            Self::Ledger { line: None, error } => error.fmt(f),
            Self::ReaderLost => f.write_str("the reader of the source stopped without a word; import again"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { error, .. } | Self::Rejects(error) => Some(error),
            Self::Ledger { error, .. } => Some(error),
            _ => None,
        }
    }
}
