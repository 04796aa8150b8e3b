//! The command around its act, and the small words.

use super::act;
use super::error::Invalid;
use super::fields::{Field, Fields};
use super::lookup::Names;
use super::tree::Tree;
use crate::domain::command::{Actor, Cause, Command, Document, Established, ItemStatus, UseStatus};
use crate::domain::ids::{Seq, Timestamp};
use crate::domain::line::{Bucket, Disposition};
use crate::domain::text::{ActorId, DocumentId, DocumentKind, OrderRef, ReasonCode};
use chrono::{DateTime, Timelike};
use uuid::Uuid;

/// A whole command.
pub(super) fn command(field: Field<'_>, names: &Names<'_>) -> Result<Command, Invalid> {
    field.object(|fields| {
        Ok(Command {
            id: fields.get("id").map(|id| uuid(&id)).transpose()?.map(crate::domain::ids::CommandId),
            actor: actor(&fields.need("actor")?)?,
            occurred_at: fields.get("occurred_at").map(|at| instant(&at)).transpose()?,
            cause: fields.get("cause").map(|cause| cause.object(cause_of)).transpose()?,
            reason: fields.get("reason").map(|reason| reason.made(ReasonCode::new)).transpose()?,
            order: fields.get("order").map(|order| order.made(OrderRef::new)).transpose()?,
            documents: match fields.get("documents") {
                Some(documents) => documents.list()?.map(|field| field.object(document)).collect::<Result<_, _>>()?,
                None => Default::default(),
            },
            note: fields.get("note").map(|note| note.text().map(str::to_owned)).transpose()?,
            act: fields.need("act")?.object(|fields| act::act(fields, names))?,
        })
    })
}

fn actor(field: &Field<'_>) -> Result<Actor, Invalid> {
    match field.tree {
        Tree::Text(_) => Ok(Actor::asserted(field.made(ActorId::new)?)),
        Tree::Object(_) => field.object(|fields| {
            let id = fields.need("id")?.made(ActorId::new)?;
            let established = fields.get("established").map(|field| field.word(ESTABLISHED)).transpose()?;
            Ok(Actor { id, established: established.unwrap_or_default() })
        }),
        _ => Err(field.wanted("who acts, as text or {\"id\":…}")),
    }
}

const ESTABLISHED: &[(&str, Established)] = &[
    ("asserted", Established::Asserted),
    ("process", Established::Process),
    ("authenticated", Established::Authenticated),
    ("signed", Established::Signed),
];

fn cause_of(fields: &Fields<'_>) -> Result<Cause, Invalid> {
    match (fields.get("event"), fields.get("document")) {
        (Some(event), None) => Ok(Cause::Event(Seq(event.whole("an event's number")?))),
        (None, Some(field)) => Ok(Cause::Document(field.object(document)?)),
        _ => Err(fields.path.invalid("must be {\"event\":…} or {\"document\":{\"kind\":…,\"id\":…}}")),
    }
}

fn document(fields: &Fields<'_>) -> Result<Document, Invalid> {
    let kind = fields.need("kind")?.made(DocumentKind::new)?;
    Ok(Document { kind, id: fields.need("id")?.made(DocumentId::new)? })
}

/// A uuid.
pub(super) fn uuid(field: &Field<'_>) -> Result<Uuid, Invalid> {
    let problem = |error| format!("{error}; an id is a uuid, such as 018f2b6e-7c1a-7d3e-9a4b-0123456789ab");
    field.made(|text| Uuid::try_parse(text).map_err(problem))
}

/// An instant: microseconds since 1970, or a date and time with its zone.
pub(super) fn instant(field: &Field<'_>) -> Result<Timestamp, Invalid> {
    match field.tree {
        Tree::Whole(_) => Ok(Timestamp(field.whole("an instant in microseconds")?)),
        Tree::Text(_) => field.made(instant_of),
        _ => Err(field.wanted("a date and time with zone, such as \"2026-03-01T09:30:00+01:00\", or microseconds")),
    }
}

/// Reads a date and time with its zone (RFC 3339), to the microsecond.
///
/// # Errors
/// What is wrong with the text and what to write instead.
pub fn instant_of(text: &str) -> Result<Timestamp, String> {
    let wanted = "want a date and time with its zone, such as 2026-03-01T09:30:00Z or 2026-03-01T10:30:00+01:00";
    // Seconds may be left out.
    let shorter = || DateTime::parse_from_str(&text.replacen('Z', "+00:00", 1), "%Y-%m-%dT%H:%M%:z");
    let at = DateTime::parse_from_rfc3339(text).or_else(|error| shorter().map_err(|_| error));
    let at = at.map_err(|error| format!("{text:?}: {error}; {wanted}"))?;
    match at.nanosecond() % 1_000 {
        0 => Ok(Timestamp(at.timestamp_micros())),
        _ => Err(format!("{text:?} is finer than a microsecond")),
    }
}

/// A bucket.
pub(super) fn bucket(field: &Field<'_>) -> Result<Bucket, Invalid> {
    field.word(&[("sellable", Bucket::Sellable), ("unsellable", Bucket::Unsellable)])
}

/// Where returned goods go.
pub(super) fn disposition(field: &Field<'_>) -> Result<Disposition, Invalid> {
    field.word(&[
        ("restock", Disposition::Restock),
        ("quarantine", Disposition::Quarantine),
        ("scrap", Disposition::Scrap),
    ])
}

/// What may be promised of an item.
pub(super) fn item_status(field: &Field<'_>) -> Result<ItemStatus, Invalid> {
    field.word(&[
        ("active", ItemStatus::Active),
        ("on_hold", ItemStatus::OnHold),
        ("discontinued", ItemStatus::Discontinued),
    ])
}

/// Whether a location or lot is in use.
pub(super) fn use_status(field: &Field<'_>) -> Result<UseStatus, Invalid> {
    field.word(&[("active", UseStatus::Active), ("retired", UseStatus::Retired)])
}
