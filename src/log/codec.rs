//! Bytes of one event: the only file that names bincode.
//!
//! Every value goes through bincode 2 `config::standard()` (little-endian, variable-length integers) by way of
//! serde. What is read is written again and compared, so an event has exactly one stored form.

use super::wire_v1;
use crate::domain::event::Event;
use crate::domain::text::TextError;
use crate::limits::EVENT_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an event's bytes can't be read, or an event can't be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// The first byte names no kind of event.
    UnknownTag {
        /// The byte.
        tag: u8,
    },
    /// The kind is known, its version is not: the log was written by a newer program.
    UnknownVersion {
        /// The kind.
        tag: u8,
        /// Its version.
        version: u8,
    },
    /// The bytes end before the event does.
    Truncated {
        /// Where more was expected, in bytes from the start.
        at: usize,
    },
    /// A value has a form that it can't have.
    Malformed {
        /// Where, in bytes from the start.
        at: usize,
        /// What it should be.
        must: &'static str,
    },
    /// A text breaks the rules of its kind.
    Text {
        /// Where it ends, in bytes from the start.
        at: usize,
        /// What is wrong with it.
        error: TextError,
    },
    /// More of something than there may be.
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        actual: usize,
        /// How many there may be.
        limit: usize,
    },
    /// An extension that a reader must know, and this one does not.
    CriticalExtension {
        /// Its number.
        number: u32,
    },
    /// Bytes follow behind the end of the event.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// The bytes can be read, but the same event is written otherwise.
    NotCanonical,
    /// The event holds something that the stored form has no place for.
    Unencodable {
        /// What it holds.
        what: &'static str,
    },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTag { tag } => {
                write!(f, "{tag} is not a kind of event that this program knows: a newer one may read it")
            }
            Self::UnknownVersion { tag, version } => {
                write!(f, "version {version} of event kind {tag} is unknown: read it with a newer program")
            }
            Self::Truncated { at } => write!(f, "the event ends early, at byte {at}"),
            Self::Malformed { at, must } => write!(f, "the value at byte {at} must be {must}"),
            Self::Text { at, error } => write!(f, "the text before byte {at}: {error}"),
            Self::TooMany { what, actual, limit } => write!(f, "{actual} {what}, at most {limit} are possible"),
            Self::CriticalExtension { number } => {
                write!(f, "extension {number} must be understood and is not: read the event with a newer program")
            }
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes follow behind the event"),
            Self::NotCanonical => f.write_str("the event is not in its one stored form"),
            Self::Unencodable { what } => write!(f, "{what} has no place in the stored form"),
        }
    }
}

impl std::error::Error for CodecError {}

/// Appends the stored bytes of an event to `out`; on an error `out` is as it was.
///
/// # Errors
/// [`CodecError::Unencodable`] for a line that still says which version it saw, a critical extension, or
/// extensions not in ascending order; [`CodecError::TooMany`] where a list or the whole is beyond its limit.
pub fn encode_event(event: &Event, out: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = out.len();
    let written = wire_v1::put_event(out, event).and_then(|()| within_limit(out.len() - start));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Reads the stored bytes of one event: all of them, in the one form that [`encode_event`] writes.
///
/// # Errors
/// [`CodecError`] with the place and what is wrong; it never panics and never allocates by an unchecked length.
pub fn decode_event(bytes: &[u8]) -> Result<Event, CodecError> {
    within_limit(bytes.len())?;
    let mut input = Input { whole: bytes, at: 0 };
    let event = wire_v1::take_event(&mut input)?;
    match input.rest().len() {
        0 => {}
        bytes => return Err(CodecError::TrailingBytes { bytes }),
    }
    let mut comparer = Comparer { rest: bytes };
    wire_v1::put_event(&mut comparer, &event)?;
    Ok(event)
}

/// Whether the next event belongs to the same unit as the one with these bytes, read without decoding the rest.
pub(super) fn continues_unit(bytes: &[u8]) -> bool {
    let mut input = Input { whole: bytes, at: 2 };
    input.take::<u16>().is_ok_and(|flags| flags & wire_v1::FLAG_UNIT_CONTINUES != 0)
}

const fn within_limit(bytes: usize) -> Result<(), CodecError> {
    match bytes {
        0..=EVENT_BYTES_MAX => Ok(()),
        _ => Err(CodecError::TooMany { what: "bytes of one event", actual: bytes, limit: EVENT_BYTES_MAX }),
    }
}

/// Where encoded bytes go.
pub(super) trait Sink {
    /// Takes bytes; false stops the encoding.
    fn raw(&mut self, bytes: &[u8]) -> bool;
}

impl Sink for Vec<u8> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) -> bool {
        self.extend_from_slice(bytes);
        true
    }
}

/// Holds what is written against bytes that are there already.
struct Comparer<'a> {
    rest: &'a [u8],
}

impl Sink for Comparer<'_> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) -> bool {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

struct Adapter<'a, S>(&'a mut S);

impl<S: Sink> bincode::enc::write::Writer for Adapter<'_, S> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        match self.0.raw(bytes) {
            true => Ok(()),
            false => Err(bincode::error::EncodeError::Other("differs")),
        }
    }
}

/// Writes one value in bincode's form.
#[inline]
pub(super) fn put<S: Sink, T: Serialize>(sink: &mut S, value: T) -> Result<(), CodecError> {
    bincode::serde::encode_into_writer(value, Adapter(sink), bincode::config::standard())
        .map_err(|_| CodecError::NotCanonical)
}

/// Writes bytes as they are: what bincode does with an array of bytes, at once instead of one by one.
#[inline]
pub(super) fn put_raw<S: Sink>(sink: &mut S, bytes: &[u8]) -> Result<(), CodecError> {
    match sink.raw(bytes) {
        true => Ok(()),
        false => Err(CodecError::NotCanonical),
    }
}

/// Writes how many of something follow.
#[inline]
pub(super) fn put_count<S: Sink>(
    sink: &mut S,
    actual: usize,
    limit: usize,
    what: &'static str,
) -> Result<(), CodecError> {
    match u32::try_from(actual) {
        Ok(count) if actual <= limit => put(sink, count),
        _ => Err(CodecError::TooMany { what, actual, limit }),
    }
}

/// Stored bytes being read.
pub(super) struct Input<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        self.whole.get(self.at..).unwrap_or_default()
    }

    /// Reads one value in bincode's form; texts are borrowed, so nothing is allocated.
    #[inline]
    pub(super) fn take<T: Deserialize<'a>>(&mut self) -> Result<T, CodecError> {
        match bincode::serde::borrow_decode_from_slice(self.rest(), bincode::config::standard()) {
            Ok((value, read)) => {
                self.at += read;
                Ok(value)
            }
            Err(error) => Err(self.problem(&error)),
        }
    }

    /// Reads bytes as they are.
    #[inline]
    pub(super) fn take_raw<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        match self.rest().first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(CodecError::Truncated { at: self.whole.len() }),
        }
    }

    /// Reads how many of something follow, where each has at least `each_min` bytes.
    #[inline]
    pub(super) fn take_count(
        &mut self,
        limit: usize,
        each_min: usize,
        what: &'static str,
    ) -> Result<usize, CodecError> {
        let actual = usize::try_from(self.take::<u32>()?).unwrap_or(usize::MAX);
        if actual > limit {
            return Err(CodecError::TooMany { what, actual, limit });
        }
        match actual.saturating_mul(each_min) > self.rest().len() {
            true => Err(CodecError::Truncated { at: self.whole.len() }),
            false => Ok(actual),
        }
    }

    /// Reads a text and takes it as its kind.
    #[inline(always)]
    pub(super) fn take_text<T>(&mut self, make: impl FnOnce(&str) -> Result<T, TextError>) -> Result<T, CodecError> {
        let text = self.take::<&str>()?;
        self.text(text, make)
    }

    /// Takes a text that is read already as its kind.
    #[inline(always)]
    pub(super) fn text<T>(&self, text: &str, make: impl FnOnce(&str) -> Result<T, TextError>) -> Result<T, CodecError> {
        match make(text) {
            Ok(text) => Ok(text),
            Err(error) => Err(CodecError::Text { at: self.at, error }),
        }
    }

    /// The error for a value that was just read.
    #[cold]
    pub(super) const fn malformed(&self, must: &'static str) -> CodecError {
        CodecError::Malformed { at: self.at, must }
    }

    #[cold]
    fn problem(&self, error: &bincode::error::DecodeError) -> CodecError {
        use bincode::error::DecodeError;
        match error {
            DecodeError::UnexpectedEnd { .. } => CodecError::Truncated { at: self.whole.len() },
            DecodeError::Utf8 { .. } => self.malformed("text in UTF-8"),
            DecodeError::InvalidIntegerType { .. } => self.malformed("an integer of the right width"),
            DecodeError::UnexpectedVariant { .. } => self.malformed("0 or 1, for absent or present"),
            _ => self.malformed("readable"),
        }
    }
}

/// The bytes of a value that only this program reads again: checkpoints.
///
/// # Errors
/// [`CodecError::Unencodable`] where the value has no stored form.
pub fn encode_state<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|_| CodecError::Unencodable { what: "the state" })
}

/// Reads what [`encode_state`] wrote; the caller has checked that nobody changed it.
///
/// # Errors
/// [`CodecError::NotCanonical`] where the bytes are not such a value, [`CodecError::TrailingBytes`].
pub fn decode_state<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, read) =
        bincode::serde::decode_from_slice(bytes, bincode::config::standard()).map_err(|_| CodecError::NotCanonical)?;
    match bytes.len().saturating_sub(read) {
        0 => Ok(value),
        bytes => Err(CodecError::TrailingBytes { bytes }),
    }
}
