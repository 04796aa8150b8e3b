//! The command around its act.

use super::error::Invalid;
use super::fields::Field;
use super::form::{Form, object, one_of};
use super::kinds::AnyAct;
use super::lookup::Names;
use super::things::Instant;
use super::tree::Tree;
use crate::domain::command as made;
use crate::domain::command::Established;
use crate::domain::ids::{CommandId, Seq};
use crate::domain::text::{ActorId, DocumentId, DocumentKind, OrderRef, ReasonCode};

object! {
    /// A command: who asks, why, and what for. A field that nothing reads is refused.
    Command -> made::Command {
        /// The caller's name for it; sent again with the same id and content it is answered with the first receipt.
        id: Option<CommandId>,
        /// Who asks.
        actor: Actor,
        /// When it happened; only facts and counts may say so.
        occurred_at: Option<Instant>,
        /// What it follows from.
        cause: Option<Cause>,
        /// Why, as a code; adjustments must have one.
        reason: Option<ReasonCode>,
        /// The order (or till receipt) that it belongs to.
        order: Option<OrderRef>,
        /// Documents that it rests on.
        documents: Option<Vec<Document>>,
        /// Free text; kept outside the hashed history, erasable.
        note: Option<String>,
        /// What is asked.
        act: AnyAct,
    } => made::Command {
        id, actor, occurred_at, cause, reason, order,
        documents: documents.into_iter().flatten().collect(),
        note, act,
    }
}

/// Who acts.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
#[allow(dead_code, reason = "it is the form; reading makes an actor of it")]
pub(super) enum Actor {
    /// A pseudonym that the caller merely states.
    Asserted(ActorId),
    /// The same, with how it was established.
    Whole(WholeActor),
}

impl Form for Actor {
    type Value = made::Actor;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<made::Actor, Invalid> {
        match field.tree {
            Tree::Text(_) => ActorId::read(field, names).map(made::Actor::asserted),
            Tree::Object(_) => WholeActor::read(field, names),
            _ => Err(field.wanted("who acts, as text or {\"id\":…}")),
        }
    }
}

object! {
    /// An actor, and how it was established.
    WholeActor -> made::Actor {
        id: ActorId,
        /// Asserted unless said.
        established: Option<Established>,
    } => made::Actor { id, established: established.unwrap_or_default() }
}

one_of! {
    /// What a command follows from.
    Cause -> made::Cause, "must be {\"event\":…} or {\"document\":{\"kind\":…,\"id\":…}}" {
        /// An earlier event.
        event: Event(EventNumber) => made::Cause::Event,
        /// A document outside the ledger.
        document: Document(Document) => made::Cause::Document,
    }
}

/// The number of an event.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(dead_code, reason = "it is the form; reading makes a number of it")]
pub(super) struct EventNumber(Seq);

impl Form for EventNumber {
    type Value = Seq;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<Seq, Invalid> {
        field.whole("an event's number").map(Seq)
    }
}

object! {
    /// A document outside the ledger.
    Document -> made::Document {
        /// Its kind.
        kind: DocumentKind,
        /// Its number.
        id: DocumentId,
    } => made::Document { kind, id }
}
