//! Why nothing could be measured.

use counterfoil::index::IndexError;
use counterfoil::ledger::{DerivedError, OpenError, SubmitError};
use counterfoil::log::{LogFault, StoreError};
use std::fmt;

/// Why nothing could be measured.
#[derive(Debug)]
#[non_exhaustive]
pub enum BenchError {
    /// The disk has too little room for the events that were asked for.
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file or directory.
    Io(std::io::Error),
    /// A ledger can't be made or opened.
    Open(OpenError),
    /// A command was not accepted.
    Submit(SubmitError),
    /// The store.
    Store(StoreError),
    /// The log can't be read.
    Log(LogFault),
    /// What is derived differs from the log.
    Derived(DerivedError),
    /// The index.
    Index(IndexError),
    /// SQLite.
    #[cfg(feature = "bench-sqlite")]
    Sqlite(rusqlite::Error),
    /// What was measured gave a wrong answer, so that its speed means nothing.
    Wrong(String),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom { needed, free } => {
                let (needed, free) = (needed >> 20, free >> 20);
                write!(f, "{needed} MB are needed, {free} MB are free: choose another directory or fewer events")
            }
            Self::Io(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Submit(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Log(fault) => fault.fmt(f),
            Self::Derived(error) => error.fmt(f),
            Self::Index(error) => error.fmt(f),
            #[cfg(feature = "bench-sqlite")]
            Self::Sqlite(error) => write!(f, "SQLite: {error}"),
            Self::Wrong(what) => write!(f, "{what}: its speed means nothing"),
        }
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Open(error) => Some(error),
            Self::Submit(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Log(fault) => Some(fault),
            Self::Derived(error) => Some(error),
            Self::Index(error) => Some(error),
            #[cfg(feature = "bench-sqlite")]
            Self::Sqlite(error) => Some(error),
            Self::NoRoom { .. } | Self::Wrong(_) => None,
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),*) => {
        $(impl From<$error> for BenchError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(
    std::io::Error => Io, OpenError => Open, SubmitError => Submit, StoreError => Store, LogFault => Log,
    DerivedError => Derived, IndexError => Index
);
#[cfg(feature = "bench-sqlite")]
from!(rusqlite::Error => Sqlite);
