//! Frames: the values that a store keeps, each a run of events or a part of a large one.
//!
//! ```text
//! frame  = format u8, flags u8, events u16 LE, [previous hash 32 bytes], body, [commit mark 48 bytes]
//! record = length varint, event bytes, first 4 bytes of the event's hash
//! mark   = first seq u64 LE, count u32 LE, last hash 32 bytes, first 4 bytes of BLAKE3(the 44 bytes before)
//! ```

use super::chain::Hash;
use crate::domain::ids::Seq;
use crate::limits::{EVENT_BYTES_MAX, FRAME_BYTES_MAX};
use std::fmt;
use std::sync::Arc;

/// The format of frames that this program writes and reads.
pub const FRAME_FORMAT: u8 = 1;

/// Bytes of a frame as a store keeps them; cheap to clone.
pub type FrameBytes = Arc<[u8]>;

/// This frame goes on with what the frame before it began.
pub(super) const CONTINUATION: u8 = 1;
/// The next frame goes on with what this one began.
pub(super) const MORE_FOLLOWS: u8 = 1 << 1;
/// The frame ends with a commit mark.
pub(super) const CARRIES_MARK: u8 = 1 << 2;
/// The frame is the first of its group.
pub(super) const BEGINS_GROUP: u8 = 1 << 3;
const FLAGS_KNOWN: u8 = CONTINUATION | MORE_FOLLOWS | CARRIES_MARK | BEGINS_GROUP;

pub(super) const HEADER_BYTES: usize = 4;
pub(super) const HASH_BYTES: usize = 32;
pub(super) const PREFIX_BYTES: usize = 4;
pub(super) const MARK_BYTES: usize = 48;

const _: () = assert!(FRAME_BYTES_MAX > HEADER_BYTES + HASH_BYTES + MARK_BYTES + 64);

/// Where a frame stands: the seq of the first event that it begins or goes on with, and the part.
///
/// Keys sort in the order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameKey {
    /// The seq.
    pub first: Seq,
    /// 0, then 1, 2, 3 for frames that continue the one before.
    pub part: u32,
}

impl FrameKey {
    /// The first key there is.
    pub const START: FrameKey = FrameKey::new(Seq(0));

    /// The key of a frame that begins with this event.
    #[must_use]
    pub const fn new(first: Seq) -> Self {
        Self { first, part: 0 }
    }

    /// The last key that a frame of this event may have.
    #[must_use]
    pub const fn last_of(first: Seq) -> Self {
        Self { first, part: u32::MAX }
    }

    /// The key of the next part, where there may be one.
    #[must_use]
    pub const fn next_part(self) -> Option<Self> {
        match self.part.checked_add(1) {
            Some(part) => Some(Self { first: self.first, part }),
            None => None,
        }
    }

    /// The greatest key below this one, where there is one.
    #[must_use]
    pub(super) const fn before(self) -> Option<Self> {
        match (self.part.checked_sub(1), self.first.0.checked_sub(1)) {
            (Some(part), _) => Some(Self { first: self.first, part }),
            (None, Some(first)) => Some(Self::last_of(Seq(first))),
            (None, None) => None,
        }
    }

    /// The stored form: seq u64, part u32, both big-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.first.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.part.to_be_bytes());
        bytes
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (first, part) = bytes.split_first_chunk::<8>()?;
        let part = <[u8; 4]>::try_from(part).ok()?;
        Some(Self { first: Seq(u64::from_be_bytes(*first)), part: u32::from_be_bytes(part) })
    }
}

impl fmt::Display for FrameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}.{}", self.first, self.part)
    }
}

/// What ends a group: everything up to it exists, what follows it without a mark of its own does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitMark {
    /// The group's first event.
    pub first: Seq,
    /// Events in the group.
    pub count: u32,
    /// The hash of the group's last event.
    pub last_hash: Hash,
}

impl CommitMark {
    /// The place of the event after the group, where it is in range.
    pub(super) fn end(&self) -> Option<Seq> {
        self.first.0.checked_add(u64::from(self.count)).map(Seq)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.last_hash.0);
        let check = blake3::hash(out.get(start..).unwrap_or_default());
        out.extend(check.as_bytes().iter().take(PREFIX_BYTES));
    }

    /// Reads a mark; none where its check does not fit.
    pub(super) fn read(bytes: &[u8; MARK_BYTES]) -> Option<Self> {
        let (marked, check) = bytes.split_last_chunk::<PREFIX_BYTES>()?;
        if blake3::hash(marked).as_bytes().first_chunk::<PREFIX_BYTES>() != Some(check) {
            return None;
        }
        let (first, rest) = marked.split_first_chunk::<8>()?;
        let (count, last_hash) = rest.split_first_chunk::<4>()?;
        Some(Self {
            first: Seq(u64::from_le_bytes(*first)),
            count: u32::from_le_bytes(*count),
            last_hash: Hash(<[u8; HASH_BYTES]>::try_from(last_hash).ok()?),
        })
    }
}

/// What is wrong with the form of a frame, before anything is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameProblem {
    /// It is shorter than its parts.
    TooShort {
        /// Bytes that it has.
        bytes: usize,
    },
    /// It is longer than a frame may be.
    TooLong {
        /// Bytes that it has.
        bytes: usize,
    },
    /// Its format is another one.
    Format {
        /// The format that it names.
        found: u8,
    },
    /// Its flags are unknown, or don't fit each other or its place.
    Flags {
        /// The flags.
        found: u8,
    },
    /// Its mark's check does not fit.
    MarkCheck,
    /// The events that it holds are not as many as its header says.
    Count {
        /// What the header says.
        expected: usize,
        /// What it holds.
        found: usize,
    },
    /// Bytes follow behind its last event.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for FrameProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { bytes } => write!(f, "its {bytes} bytes are too few for its parts"),
            Self::TooLong { bytes } => write!(f, "it has {bytes} bytes, at most {FRAME_BYTES_MAX} are possible"),
            Self::Format { found } => write!(f, "it has format {found}, this program reads {FRAME_FORMAT}"),
            Self::Flags { found } => write!(f, "its flags {found:#04x} are impossible there"),
            Self::MarkCheck => f.write_str("the check of its commit mark does not fit"),
            Self::Count { expected, found } => write!(f, "its header says {expected} events, it holds {found}"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes follow behind its last event"),
        }
    }
}

/// A frame taken apart.
pub(super) struct FrameView<'a> {
    pub(super) flags: u8,
    /// Events that begin in it.
    pub(super) events: usize,
    /// The hash of the event before it; only frames in the middle of a group carry it.
    pub(super) prev: Option<Hash>,
    /// Where the body begins, in bytes from the start of the frame.
    pub(super) body_at: usize,
    pub(super) body: &'a [u8],
    mark: Option<&'a [u8; MARK_BYTES]>,
}

impl<'a> FrameView<'a> {
    pub(super) const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The commit mark that it ends with.
    pub(super) fn mark(&self) -> Result<Option<CommitMark>, FrameProblem> {
        self.mark.map(|mark| CommitMark::read(mark).ok_or(FrameProblem::MarkCheck)).transpose()
    }

    /// Takes a frame apart that stands under a key with this part.
    pub(super) fn parse(bytes: &'a [u8], part: u32) -> Result<Self, FrameProblem> {
        let short = FrameProblem::TooShort { bytes: bytes.len() };
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(FrameProblem::TooLong { bytes: bytes.len() });
        }
        let (&[format, flags, count_low, count_high], rest) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(short)?;
        if format != FRAME_FORMAT {
            return Err(FrameProblem::Format { found: format });
        }
        let is = |flag: u8| flags & flag != 0;
        let impossible = flags & !FLAGS_KNOWN != 0
            || is(CONTINUATION) != (part > 0)
            || (is(CONTINUATION) && is(BEGINS_GROUP))
            || (is(MORE_FOLLOWS) && is(CARRIES_MARK));
        if impossible {
            return Err(FrameProblem::Flags { found: flags });
        }
        let (prev, rest) = match is(CONTINUATION) || is(BEGINS_GROUP) {
            true => (None, rest),
            false => {
                let (prev, rest) = rest.split_first_chunk::<HASH_BYTES>().ok_or(short)?;
                (Some(Hash(*prev)), rest)
            }
        };
        let (body, mark) = match is(CARRIES_MARK) {
            false => (rest, None),
            true => {
                let (body, mark) = rest.split_last_chunk::<MARK_BYTES>().ok_or(short)?;
                (body, Some(mark))
            }
        };
        let body_at = HEADER_BYTES + prev.map_or(0, |_| HASH_BYTES);
        let events = usize::from(u16::from_le_bytes([count_low, count_high]));
        Ok(Self { flags, events, prev, body_at, body, mark })
    }
}

/// Writes a length as bincode writes an unsigned integer: one byte up to 250, else 251 and a u16, or 252 and a u32.
pub(super) fn write_length(out: &mut Vec<u8>, length: usize) {
    match u16::try_from(length) {
        Ok(short) if short <= 250 => out.push(short.to_le_bytes()[0]),
        Ok(short) => {
            out.push(251);
            out.extend_from_slice(&short.to_le_bytes());
        }
        Err(_) => {
            out.push(252);
            out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
}

/// Bytes that [`write_length`] writes.
pub(super) const fn length_bytes(length: usize) -> usize {
    match length {
        0..=250 => 1,
        251..=0xffff => 3,
        _ => 5,
    }
}

/// Reads a length of 1 to the most that an event may have, in its shortest form, and what follows it.
#[inline]
pub(super) fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        0..=250 => (usize::from(first), rest),
        251 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        252 => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    let shortest = bytes.len() - rest.len() == length_bytes(length);
    (shortest && (1..=EVENT_BYTES_MAX).contains(&length)).then_some((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_one_form() {
        for length in [1, 250, 251, 65_535, 65_536, EVENT_BYTES_MAX] {
            let mut bytes = Vec::new();
            write_length(&mut bytes, length);
            assert_eq!(bytes.len(), length_bytes(length));
            bytes.push(7);
            assert_eq!(read_length(&bytes), Some((length, &[7u8][..])));
        }
        let refused: [&[u8]; 7] =
            [&[], &[0], &[251, 250, 0], &[251, 1], &[252, 0xff, 0xff, 0, 0], &[252, 1, 0, 16, 0], &[253]];
        for bytes in refused {
            assert_eq!(read_length(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn keys_sort_as_their_bytes() {
        let keys = [(0, 0), (0, 1), (1, 0), (255, 7), (256, 0), (u64::MAX, u32::MAX)]
            .map(|(first, part)| FrameKey { first: Seq(first), part });
        assert!(keys.is_sorted());
        assert!(keys.map(FrameKey::to_bytes).is_sorted());
        for key in keys {
            assert_eq!(FrameKey::from_bytes(&key.to_bytes()), Some(key));
        }
        assert_eq!(FrameKey::from_bytes(&[0; 11]), None);
        assert_eq!(FrameKey::from_bytes(&[0; 13]), None);
    }
}
