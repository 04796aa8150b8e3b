//! Why there is no report.

use crate::domain::text::Zone;
use crate::index::IndexError;
use crate::log::LogFault;
use std::fmt;

/// Why there is no report.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReportError {
    /// The log can't be read.
    Log(LogFault),
    /// The index can't be read; it is built again from the log.
    Index(IndexError),
    /// Items of different decimals were to be added up.
    MixedDecimals {
        /// One of them, with its decimals.
        one: (String, u8),
        /// Another one, with its decimals.
        other: (String, u8),
    },
    /// This build's time zone database does not know the zone of a location.
    UnknownZone {
        /// The zone.
        zone: Zone,
    },
    /// An argument says nothing that a report can be made of.
    Invalid {
        /// The argument.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl ReportError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Log(_) => "LOG_DAMAGED",
            Self::Index(_) => "INDEX_DAMAGED",
            Self::MixedDecimals { .. } => "MIXED_DECIMALS",
            Self::UnknownZone { .. } | Self::Invalid { .. } => "INVALID_FIELD",
        }
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(fault) => fault.fmt(f),
            Self::Index(error) => error.fmt(f),
            Self::MixedDecimals { one: (one, decimals), other: (other, others) } => write!(
                f,
                "MIXED_DECIMALS: {one} has {decimals} decimals, {other} has {others}: such quantities have no sum; ask per item"
            ),
            Self::UnknownZone { zone } => {
                write!(f, "INVALID_FIELD: the time zone {zone} of a location is not known to this build")
            }
            Self::Invalid { field, problem } => write!(f, "INVALID_FIELD: {field} {problem}"),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Log(fault) => fault.source(),
            Self::Index(error) => error.source(),
            Self::MixedDecimals { .. } | Self::UnknownZone { .. } | Self::Invalid { .. } => None,
        }
    }
}

impl From<LogFault> for ReportError {
    fn from(fault: LogFault) -> Self {
        Self::Log(fault)
    }
}

impl From<IndexError> for ReportError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}
