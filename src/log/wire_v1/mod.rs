//! Version 1 of the stored form of an event: tag, version, envelope, payload.
//!
//! Tags, flags and codes are explicit numbers and never the order of a Rust enum. A later version of one kind
//! gets its own module; this one stays as it is for ever.
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod body;
mod envelope;
mod lines;
mod names;

pub(super) use envelope::FLAG_UNIT_CONTINUES;

use super::codec::{CodecError, Input, Sink, put_raw};
use crate::domain::event::Event;

/// The version of every kind of event in this module.
const VERSION: u8 = 1;

/// Writes an event.
pub(super) fn put_event<S: Sink>(sink: &mut S, event: &Event) -> Result<(), CodecError> {
    put_raw(sink, &[body::tag(&event.body), VERSION])?;
    envelope::put_parts(sink, &event.envelope)?;
    body::put_body(sink, &event.body)
}

/// Reads an event.
#[inline(always)]
pub(super) fn take_event(input: &mut Input<'_>) -> Result<Event, CodecError> {
    let [tag, version] = input.take_raw::<2>()?;
    if !body::is_tag(tag) {
        return Err(CodecError::UnknownTag { tag });
    }
    if version != VERSION {
        return Err(CodecError::UnknownVersion { tag, version });
    }
    let envelope = envelope::take_parts(input)?;
    let body = body::take_body(input, tag)?;
    Ok(Event { envelope, body })
}
