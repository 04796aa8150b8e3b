//! What callers get back: receipts, refusals, and the answers that say the ledger itself could not act.

use crate::domain::event::{Body, Envelope, Event, ItemCreated, LocationCreated, LotCreated};
use crate::domain::ids::{CommandId, ItemId, LocationId, LotId, Seq, Timestamp};
use crate::domain::rejection::Rejection;
use crate::log::{Hash, StoreError};
use std::fmt;
use std::sync::Arc;

/// The proof that a command stands in the log, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event that it made.
    pub seq: Seq,
    /// The event's hash, which closes over everything before it: keep it elsewhere and the past can't be rewritten.
    pub hash: Hash,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whether this is the first answer or a repeat of it.
    pub repeat: Repeat,
    /// What the command made, where it made something.
    pub created: Option<Created>,
    /// The id of the command that the event answers: the caller's, or the one that the ledger made. None for an accepted
    /// clock. Where a till's delta was known under another id, it is that one.
    pub command_id: Option<CommandId>,
}

/// Whether a receipt is given for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// The command was appended just now.
    First,
    /// The command was in the log already; nothing was appended.
    Duplicate,
}

/// What a command made, with the id that the ledger gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Created {
    /// An item.
    Item(ItemId),
    /// A location.
    Location(LocationId),
    /// A lot.
    Lot(LotId),
}

impl Receipt {
    pub(super) fn of(seq: Seq, hash: Hash, event: &Event, repeat: Repeat) -> Self {
        let created = if let Body::ItemCreated(ItemCreated { item, .. }) = event.body {
            Some(Created::Item(item))
        } else if let Body::LocationCreated(LocationCreated { location, .. }) = event.body {
            Some(Created::Location(location))
        } else if let Body::LotCreated(LotCreated { lot, .. }) = event.body {
            Some(Created::Lot(lot))
        } else {
            None
        };
        let Envelope { recorded_at, command_id, .. } = event.envelope;
        Self { seq, hash, recorded_at, repeat, created, command_id }
    }
}

/// Why a command has no receipt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubmitError {
    /// The business said no; nothing was appended, and the same id may be used again.
    Rejected(Rejection),
    /// The write failed or nobody knows: send the same command with the same id after reopening.
    OutcomeUnknown,
    /// The command was behind a write that failed and was certainly not appended: send it again after reopening.
    NotAppended,
    /// An earlier write failed: the ledger takes nothing until it is opened again. Reads go on.
    Latched,
    /// The ledger can be read, not written, for this reason.
    ReadOnly(ReadOnly),
    /// The disk said no before anything was written: nothing was appended, and the ledger goes on.
    Store(Arc<StoreError>),
    /// What the command needs to know could not be looked up; nothing was appended.
    LookupFailed(Arc<dyn std::error::Error + Send + Sync>),
    /// Another command of the same unit was refused; this one was not appended either.
    UnitRefused {
        /// Which one, from 0.
        index: usize,
    },
    /// The ledger is closed.
    Closed,
}

/// Why the ledger can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOnly {
    /// `CLOCK_STEPPED`: the wall clock stepped against the monotonic clock, by this many microseconds.
    ClockStepped {
        /// How far: positive when it went ahead.
        micros: i64,
    },
    /// `CLOCK_BEHIND`: the wall clock is this many microseconds behind the last event.
    ClockBehind {
        /// How far.
        micros: i64,
    },
    /// The index of command ids does not cover the log yet.
    CatchingUp {
        /// The first event that it does not cover.
        covered: Seq,
        /// The place of the next event.
        head: Seq,
    },
}

impl ReadOnly {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ClockStepped { .. } => "CLOCK_STEPPED",
            Self::ClockBehind { .. } => "CLOCK_BEHIND",
            Self::CatchingUp { .. } => "CATCHING_UP",
        }
    }
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClockStepped { micros } => write!(
                f,
                "CLOCK_STEPPED: the clock stepped by {} s; put it right, or accept it by name to go on",
                *micros as f64 / 1e6
            ),
            Self::ClockBehind { micros } => write!(
                f,
                "CLOCK_BEHIND: the clock is {} s behind the last event; put it right, or accept it by name to go on",
                *micros as f64 / 1e6
            ),
            Self::CatchingUp { covered, head } => {
                write!(f, "CATCHING_UP: the id index covers {covered} of {head} events; try again shortly")
            }
        }
    }
}

impl SubmitError {
    /// The stable code: that of the rejection, or of what keeps the ledger from acting.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::NotAppended => "NOT_APPENDED",
            Self::Latched => "LATCHED",
            Self::ReadOnly(reason) => reason.code(),
            Self::Store(_) => "STORAGE_FAILED",
            Self::LookupFailed(_) => "LOOKUP_FAILED",
            Self::UnitRefused { .. } => "UNIT_REFUSED",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether the same command with the same id may be accepted when it is sent again: at once, after a while, or, where
    /// a write failed, when the ledger was opened again.
    ///
    /// A rejection is an answer: it is not retryable as it stands. For `VERSION_CONFLICT` see
    /// [`Ledger::submit_retrying`](super::Ledger::submit_retrying).
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown | Self::NotAppended | Self::Latched | Self::Store(_) | Self::LookupFailed(_) => true,
            Self::ReadOnly(_) => true,
            Self::Rejected(_) | Self::UnitRefused { .. } | Self::Closed => false,
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => write!(f, "{}: {rejection}", rejection.code()),
            Self::OutcomeUnknown => {
                f.write_str("the outcome is unknown: open the ledger again and send the same command with the same id")
            }
            Self::NotAppended => {
                f.write_str("not appended, a write before it failed: open the ledger again and send it again")
            }
            Self::Latched => f.write_str("an earlier write failed: open the ledger again"),
            Self::ReadOnly(reason) => reason.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::LookupFailed(error) => write!(f, "a look-up failed, nothing was appended: {error}"),
            Self::UnitRefused { index } => {
                write!(f, "command {index} of the unit was refused, so this one was not done")
            }
            Self::Closed => f.write_str("the ledger is closed"),
        }
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What the message says already is no cause of it.
        match self {
            Self::Store(error) => error.source(),
            Self::LookupFailed(error) => error.source(),
            Self::Rejected(_)
            | Self::OutcomeUnknown
            | Self::NotAppended
            | Self::Latched
            | Self::ReadOnly(_)
            | Self::UnitRefused { .. }
            | Self::Closed => None,
        }
    }
}

/// What a command gets.
pub type Outcome = Result<Receipt, SubmitError>;
