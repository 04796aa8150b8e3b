//! The envelope: a word of flags says which optional parts follow.

use super::super::codec::{CodecError, Input, Sink, put, put_count, put_raw};
use crate::domain::command::{Actor, Cause, Document, Established};
use crate::domain::event::{Envelope, Extension, ExtensionWeight, UnitMark};
use crate::domain::ids::{CommandId, Seq, Timestamp};
use crate::domain::text::{ActorId, DocumentId, DocumentKind, OrderRef, ReasonCode};
use crate::limits::{DOCUMENTS_MAX, EXTENSION_BYTES_MAX, EXTENSIONS_MAX};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

// The commonest are lowest: a flags word below 251 takes one byte.
const FLAG_ORDER: u16 = 1;
const FLAG_COMMAND_ID: u16 = 1 << 1;
const FLAG_DIGEST: u16 = 1 << 2;
const FLAG_OCCURRED_AT: u16 = 1 << 3;
const FLAG_REASON: u16 = 1 << 4;
pub(in super::super) const FLAG_UNIT_CONTINUES: u16 = 1 << 5;
const FLAG_PRIVATE: u16 = 1 << 6;
const FLAG_CAUSE: u16 = 1 << 7;
const FLAG_DOCUMENTS: u16 = 1 << 8;
const FLAG_EXTENSIONS: u16 = 1 << 9;
const FLAGS_FREQUENT: u16 = FLAG_ORDER | FLAG_COMMAND_ID | FLAG_DIGEST;
const FLAGS_KNOWN: u16 = (1 << 10) - 1;

const CAUSE_EVENT: u8 = 1;
const CAUSE_DOCUMENT: u8 = 2;

/// What every envelope has.
#[derive(Serialize, Deserialize)]
struct WireHead<'a> {
    flags: u16,
    recorded_at: i64,
    actor: &'a str,
    established: u8,
}

#[derive(Serialize, Deserialize)]
struct WireDocument<'a> {
    kind: &'a str,
    id: &'a str,
}

#[derive(Serialize, Deserialize)]
struct WireExtension<'a> {
    number: u32,
    critical: u8,
    bytes: &'a [u8],
}

fn flags_of(envelope: &Envelope) -> u16 {
    let parts = [
        (envelope.order.is_some(), FLAG_ORDER),
        (envelope.command_id.is_some(), FLAG_COMMAND_ID),
        (envelope.digest != [0; 16], FLAG_DIGEST),
        (envelope.occurred_at.is_some(), FLAG_OCCURRED_AT),
        (envelope.reason.is_some(), FLAG_REASON),
        (envelope.unit == UnitMark::Continues, FLAG_UNIT_CONTINUES),
        (envelope.private.is_some(), FLAG_PRIVATE),
        (envelope.cause.is_some(), FLAG_CAUSE),
        (!envelope.documents.is_empty(), FLAG_DOCUMENTS),
        (!envelope.extensions.is_empty(), FLAG_EXTENSIONS),
    ];
    parts.iter().filter(|(present, _)| *present).fold(0, |flags, (_, flag)| flags | flag)
}

pub(super) fn put_parts<S: Sink>(sink: &mut S, envelope: &Envelope) -> Result<(), CodecError> {
    let head = WireHead {
        flags: flags_of(envelope),
        recorded_at: envelope.recorded_at.0,
        actor: envelope.actor.id.as_str(),
        established: established_code(envelope.actor.established),
    };
    put(sink, head)?;
    if let Some(order) = &envelope.order {
        put(sink, order.as_str())?;
    }
    if let Some(id) = envelope.command_id {
        put_raw(sink, &id.bytes())?;
    }
    if envelope.digest != [0; 16] {
        put_raw(sink, &envelope.digest)?;
    }
    if let Some(at) = envelope.occurred_at {
        put(sink, at.0)?;
    }
    if let Some(reason) = &envelope.reason {
        put(sink, reason.as_str())?;
    }
    if let Some(commitment) = &envelope.private {
        put_raw(sink, commitment)?;
    }
    if let Some(cause) = &envelope.cause {
        put_cause(sink, cause)?;
    }
    if !envelope.documents.is_empty() {
        put_count(sink, envelope.documents.len(), DOCUMENTS_MAX, "documents")?;
        envelope.documents.iter().try_for_each(|document| put_document(sink, document))?;
    }
    if !envelope.extensions.is_empty() {
        put_extensions(sink, &envelope.extensions)?;
    }
    Ok(())
}

#[inline(always)]
pub(super) fn take_parts(input: &mut Input<'_>) -> Result<Envelope, CodecError> {
    let head = input.take::<WireHead<'_>>()?;
    let has = |flag: u16| head.flags & flag != 0;
    if has(!FLAGS_KNOWN) {
        return Err(input.malformed("an envelope with known flags only"));
    }
    let Some(established) = established(head.established) else {
        return Err(input.malformed("0 to 3, how the actor was established"));
    };
    // Each part is put in its place at once: passing it on through several results costs more than reading it.
    let mut envelope = Envelope {
        recorded_at: Timestamp(head.recorded_at),
        actor: Actor { id: input.text(head.actor, ActorId::new)?, established },
        order: None,
        command_id: None,
        digest: [0; 16],
        occurred_at: None,
        reason: None,
        private: None,
        unit: if has(FLAG_UNIT_CONTINUES) { UnitMark::Continues } else { UnitMark::Ends },
        cause: None,
        documents: SmallVec::new(),
        extensions: SmallVec::new(),
    };
    if has(FLAG_ORDER) {
        envelope.order = Some(input.take_text(OrderRef::new)?);
    }
    if has(FLAG_COMMAND_ID) {
        envelope.command_id = Some(CommandId::from_bytes(input.take_raw()?));
    }
    if has(FLAG_DIGEST) {
        envelope.digest = input.take_raw()?;
    }
    if has(!FLAGS_FREQUENT) {
        take_rare(input, head.flags, &mut envelope)?;
    }
    Ok(envelope)
}

fn take_rare(input: &mut Input<'_>, flags: u16, envelope: &mut Envelope) -> Result<(), CodecError> {
    let has = |flag: u16| flags & flag != 0;
    if has(FLAG_OCCURRED_AT) {
        envelope.occurred_at = Some(Timestamp(input.take()?));
    }
    if has(FLAG_REASON) {
        envelope.reason = Some(input.take_text(ReasonCode::new)?);
    }
    if has(FLAG_PRIVATE) {
        envelope.private = Some(input.take_raw()?);
    }
    if has(FLAG_CAUSE) {
        envelope.cause = Some(take_cause(input)?);
    }
    if has(FLAG_DOCUMENTS) {
        envelope.documents = take_documents(input)?;
    }
    if has(FLAG_EXTENSIONS) {
        envelope.extensions = take_extensions(input)?;
    }
    Ok(())
}

const fn established_code(established: Established) -> u8 {
    match established {
        Established::Asserted => 0,
        Established::Process => 1,
        Established::Authenticated => 2,
        Established::Signed => 3,
    }
}

const fn established(code: u8) -> Option<Established> {
    match code {
        0 => Some(Established::Asserted),
        1 => Some(Established::Process),
        2 => Some(Established::Authenticated),
        3 => Some(Established::Signed),
        _ => None,
    }
}

fn put_cause<S: Sink>(sink: &mut S, cause: &Cause) -> Result<(), CodecError> {
    match cause {
        Cause::Event(seq) => put(sink, (CAUSE_EVENT, seq.0)),
        Cause::Document(document) => {
            put(sink, CAUSE_DOCUMENT)?;
            put_document(sink, document)
        }
    }
}

fn take_cause(input: &mut Input<'_>) -> Result<Cause, CodecError> {
    match input.take::<u8>()? {
        CAUSE_EVENT => Ok(Cause::Event(Seq(input.take()?))),
        CAUSE_DOCUMENT => Ok(Cause::Document(take_document(input)?)),
        _ => Err(input.malformed("1 or 2, the kind of a cause")),
    }
}

fn put_document<S: Sink>(sink: &mut S, document: &Document) -> Result<(), CodecError> {
    put(sink, WireDocument { kind: document.kind.as_str(), id: document.id.as_str() })
}

fn take_document(input: &mut Input<'_>) -> Result<Document, CodecError> {
    let wire = input.take::<WireDocument<'_>>()?;
    Ok(Document { kind: input.text(wire.kind, DocumentKind::new)?, id: input.text(wire.id, DocumentId::new)? })
}

fn take_documents(input: &mut Input<'_>) -> Result<SmallVec<[Document; 0]>, CodecError> {
    let count = input.take_count(DOCUMENTS_MAX, 4, "documents")?;
    (0..count).map(|_| take_document(input)).collect()
}

// No extension is known to version 1, so a critical one could be written but never read again.
fn put_extensions<S: Sink>(sink: &mut S, extensions: &[Extension]) -> Result<(), CodecError> {
    if !extensions.is_sorted_by(|one, next| one.number < next.number) {
        return Err(CodecError::Unencodable { what: "a list of extensions not in ascending order" });
    }
    put_count(sink, extensions.len(), EXTENSIONS_MAX, "extensions")?;
    for Extension { number, weight, bytes } in extensions {
        if *weight == ExtensionWeight::Critical {
            return Err(CodecError::Unencodable { what: "a critical extension" });
        }
        if bytes.len() > EXTENSION_BYTES_MAX {
            return Err(extension_too_long(bytes));
        }
        put(sink, WireExtension { number: *number, critical: 0, bytes })?;
    }
    Ok(())
}

fn take_extensions(input: &mut Input<'_>) -> Result<SmallVec<[Extension; 0]>, CodecError> {
    let count = input.take_count(EXTENSIONS_MAX, 3, "extensions")?;
    (0..count).map(|_| take_extension(input)).collect()
}

fn take_extension(input: &mut Input<'_>) -> Result<Extension, CodecError> {
    let WireExtension { number, critical, bytes } = input.take()?;
    match critical {
        0 if bytes.len() <= EXTENSION_BYTES_MAX => {
            Ok(Extension { number, weight: ExtensionWeight::Optional, bytes: bytes.to_vec() })
        }
        0 => Err(extension_too_long(bytes)),
        1 => Err(CodecError::CriticalExtension { number }),
        _ => Err(input.malformed("an extension with the critical flag 0 or 1")),
    }
}

const fn extension_too_long(bytes: &[u8]) -> CodecError {
    CodecError::TooMany { what: "bytes of one extension", actual: bytes.len(), limit: EXTENSION_BYTES_MAX }
}
