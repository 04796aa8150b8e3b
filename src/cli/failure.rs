//! Why a task failed, and which exit code says so.

use super::bench::BenchError;
use counterfoil::audit::export::ExportError;
use counterfoil::domain::invisible::shown_lines;
use counterfoil::domain::text::TextError;
use counterfoil::history::{HistoryError, SaidError};
use counterfoil::ledger::{OpenError, SubmitError};
use counterfoil::log::{FaultKind, LogFault, StoreError};
use counterfoil::query::QueryError;
use counterfoil::reports::ReportError;
use std::fmt;
use std::io;

/// Why a task failed.
#[derive(Debug)]
pub enum Failure {
    /// The rules, or what was given, say no.
    Refused(String),
    /// The command line lacks something that can't be seen while it is parsed.
    Usage(String),
    /// It can't be done here and now; nothing was changed.
    Unable(String),
    /// Nobody knows whether it was done.
    Unknown(String),
    /// The log is not what was written.
    Damaged(String),
    /// The answer can't be written.
    Output(io::Error),
}

impl Failure {
    /// The exit code, as `--help` states it.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Damaged(_) => 3,
            Self::Unable(_) | Self::Output(_) => 4,
            Self::Unknown(_) => 5,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Usage(why) | Self::Damaged(why) | Self::Unable(why) | Self::Unknown(why) => {
                f.write_str(&shown_lines(why))
            }
            Self::Output(error) => write!(f, "the output can't be written: {error}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupted { .. } => Self::Damaged(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl From<LogFault> for Failure {
    fn from(fault: LogFault) -> Self {
        match fault.what {
            FaultKind::Store(error) => error.into(),
            _ => Self::Damaged(format!("{fault}; nothing was changed")),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
            OpenError::Log(fault) => fault.into(),
            OpenError::NoGenesis => Self::Damaged(error.to_string()),
            OpenError::HeadsInside { .. } => Self::Refused(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Log(fault) => fault.into(),
            HistoryError::Future { at, now } => {
                Self::Refused(format!("{at} is not over yet, it is {now}; for the newest figures say now"))
            }
            HistoryError::Query(_) | HistoryError::NoEvent { .. } => Self::Refused(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Log(fault) => fault.into(),
            ExportError::Write(error) => Self::Output(error),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(_) | SubmitError::UnitRefused { .. } => Self::Refused(error.to_string()),
            SubmitError::OutcomeUnknown => Self::Unknown(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Log(fault) => fault.into(),
            ReportError::Index(_) => Self::Unable(error.to_string()),
            ReportError::Invalid { field, problem } => Self::Usage(format!("--{field} {problem}")),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Open(error) => error.into(),
            BenchError::Store(error) => error.into(),
            BenchError::Log(fault) => fault.into(),
            BenchError::Wrong(_) | BenchError::Derived(_) => Self::Damaged(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}

macro_rules! refused {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Refused(error.to_string())
            }
        })*
    };
}

refused!(QueryError, TextError, SaidError);
