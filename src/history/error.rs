//! Why a question about the past has no answer.

use crate::domain::ids::{Seq, Timestamp};
use crate::index::IndexError;
use crate::log::LogFault;
use crate::query::QueryError;
use std::fmt;

/// Why a question about the past has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The index can't be read, nor the one that was begun in its place.
    Index(IndexError),
    /// The log can't be read.
    Log(LogFault),
    /// `CATCHING_UP`: the index does not know the newest events yet.
    Behind {
        /// Events that it knows.
        known: u64,
        /// Events that there are.
        head: u64,
    },
    /// There is no such event.
    NoEvent {
        /// The seq that was asked for.
        seq: Seq,
        /// The place of the next event.
        head: Seq,
    },
    /// The instant is not over yet.
    Future {
        /// The instant that was asked for.
        at: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// What was true has no order of recording in which it came to be: ask `explain_true`.
    Unexplained,
    /// The question can't be answered as it was put.
    Query(QueryError),
}

impl HistoryError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Index(_) => "INDEX_DAMAGED",
            Self::Log(_) => "LOG_DAMAGED",
            Self::Behind { .. } => "CATCHING_UP",
            Self::NoEvent { .. } => "EVENT_NOT_FOUND",
            Self::Future { .. } | Self::Unexplained => "INVALID_FIELD",
            Self::Query(error) => error.code(),
        }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(error) => error.fmt(f),
            Self::Log(fault) => fault.fmt(f),
            Self::Behind { known, head } => {
                write!(f, "CATCHING_UP: the index knows {known} of {head} events; try again shortly")
            }
            Self::NoEvent { seq, head } => write!(f, "there is no event {seq} yet, the next one is {head}"),
            Self::Future { at, now } => write!(f, "{at} is not over yet, it is {now}: nobody knows what will be then"),
            Self::Unexplained => {
                f.write_str("what was true is put together from facts in order of their own dates: ask explain_true")
            }
            Self::Query(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Index(error) => error.source(),
            Self::Log(error) => error.source(),
            Self::Query(error) => error.source(),
            Self::Behind { .. } | Self::NoEvent { .. } | Self::Future { .. } | Self::Unexplained => None,
        }
    }
}

impl From<IndexError> for HistoryError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

impl From<LogFault> for HistoryError {
    fn from(fault: LogFault) -> Self {
        Self::Log(fault)
    }
}

impl From<QueryError> for HistoryError {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}
