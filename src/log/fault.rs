//! What a reader finds wrong with a log, and where.

use super::chain::Hash;
use super::codec::CodecError;
use super::frame::{FrameKey, FrameProblem};
use super::store::StoreError;
use crate::domain::ids::Seq;
use std::fmt;

/// Something that can't be in a log that only this program wrote.
#[derive(Debug)]
pub struct LogFault {
    /// The first event that can't be trusted.
    pub seq: Seq,
    /// What was found there.
    pub what: FaultKind,
}

/// The kinds of fault.
#[derive(Debug)]
#[non_exhaustive]
pub enum FaultKind {
    /// The store can't be read.
    Store(StoreError),
    /// A frame is not where it must be: it, and maybe more, is missing.
    FrameMissing {
        /// The key that must come next.
        expected: FrameKey,
        /// The key that comes next, none at the end of the log.
        found: Option<FrameKey>,
    },
    /// A frame stands where none can be: it was put there, or stands there twice.
    FrameMisplaced {
        /// The key that must come next.
        expected: FrameKey,
        /// The key that comes next.
        found: FrameKey,
    },
    /// A frame has an impossible form.
    Frame {
        /// The frame.
        frame: FrameKey,
        /// What is wrong with it.
        problem: FrameProblem,
    },
    /// An event's length is impossible, or reaches beyond its frame.
    EventLength {
        /// The frame that the event begins in.
        frame: FrameKey,
    },
    /// An event's bytes, its place or its predecessor are not the ones that its hash was made of.
    HashPrefix {
        /// The frame that the event begins in.
        frame: FrameKey,
        /// The first bytes of its hash, as stored behind it.
        stored: [u8; 4],
        /// The hash that its bytes have there.
        computed: Hash,
    },
    /// A frame follows another event than the one before it.
    PrevHash {
        /// The frame.
        frame: FrameKey,
        /// The hash that it follows.
        stored: Hash,
        /// The hash of the event before it.
        computed: Hash,
    },
    /// A commit mark names other events than those before it.
    MarkRange {
        /// The frame with the mark.
        frame: FrameKey,
        /// The group's first event and number of events.
        expected: (Seq, u64),
        /// What the mark says.
        found: (Seq, u64),
    },
    /// A commit mark names another last hash.
    MarkHash {
        /// The frame with the mark.
        frame: FrameKey,
        /// The hash of the group's last event.
        expected: Hash,
        /// What the mark says.
        found: Hash,
    },
    /// A commit mark stands between two events of one unit.
    UnitStraddlesMark {
        /// The frame with the mark.
        frame: FrameKey,
    },
    /// The log does not go through the head that it was to be read from.
    HeadHash {
        /// The hash that the event before must have.
        expected: Hash,
        /// The hash that it has.
        found: Hash,
    },
    /// The log ends before the head that it was to be read from.
    HeadMissing {
        /// Events that must be there.
        expected: u64,
        /// The last frame that is there.
        last: Option<FrameKey>,
    },
    /// An event's bytes are intact and can't be read.
    Event(CodecError),
}

impl fmt::Display for LogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.seq, self.what)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::FrameMissing { expected, found: Some(found) } => {
                write!(f, "{expected} is missing, {found} comes next")
            }
            Self::FrameMissing { expected, found: None } => write!(f, "{expected} is missing, the log ends before it"),
            Self::FrameMisplaced { expected, found } => write!(f, "{found} stands where {expected} must come next"),
            Self::Frame { frame, problem } => write!(f, "{frame}: {problem}"),
            Self::EventLength { frame } => {
                write!(f, "its length is impossible or reaches beyond the end of {frame}")
            }
            Self::HashPrefix { frame, stored, computed } => {
                let [a, b, c, d] = stored;
                write!(
                    f,
                    "its bytes in {frame} have the hash {computed}, the stored hash begins with {a:02x}{b:02x}{c:02x}{d:02x}"
                )
            }
            Self::PrevHash { frame, stored, computed } => {
                write!(f, "{frame} follows the hash {stored}, the event before it has {computed}")
            }
            Self::MarkRange { frame, expected, found } => write!(
                f,
                "the commit mark of {frame} names {} events from {} on, {} events from {} on stand before it",
                found.1, found.0, expected.1, expected.0
            ),
            Self::MarkHash { frame, expected, found } => {
                write!(f, "the commit mark of {frame} names the last hash {found}, the last event has {expected}")
            }
            Self::UnitStraddlesMark { frame } => {
                write!(f, "the commit mark of {frame} stands behind it, in the middle of its unit")
            }
            Self::HeadHash { expected, found } => {
                write!(f, "it must have the hash {expected} and has {found}: this is another history")
            }
            Self::HeadMissing { expected, last: Some(last) } => {
                write!(f, "{expected} events must be there, the log ends with {last}")
            }
            Self::HeadMissing { expected, last: None } => {
                write!(f, "{expected} events must be there, the log is empty")
            }
            Self::Event(error) => write!(f, "its hash is right, and yet it can't be read: {error}"),
        }
    }
}

impl std::error::Error for LogFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            FaultKind::Store(error) => Some(error),
            FaultKind::Event(error) => Some(error),
            _ => None,
        }
    }
}
