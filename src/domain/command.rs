//! Commands: what a caller asks of the ledger.

pub use super::kinds::commands::*;
pub use super::kinds::{Act, CommandKind, Nature};
pub use super::reservations::{Departure, Holds, Portion};
pub use super::stock::{Excess, PosChange, ReturnOrigin};

use super::ids::{CommandId, ItemId, LocationId, LotId, Seq, Timestamp};
use super::text::{ActorId, AliasText, DocumentId, DocumentKind, OrderRef, ReasonCode};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A command: who asks, why, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Command {
    /// The caller's name for it; the ledger makes a uuid v7 where the caller gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CommandId>,
    /// Who asks.
    pub actor: Actor,
    /// When it happened; only facts and counts may say so, everything else happens when it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Why, as a code; adjustments must have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// The order (or till receipt) that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// Documents that it rests on.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub documents: SmallVec<[Document; 0]>,
    /// Free text; kept outside the hashed history, erasable. A repeat with another note is still the same command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is asked.
    pub act: Act,
}

impl Command {
    /// A command of this actor with nothing but its act.
    #[must_use]
    pub fn new(actor: Actor, act: impl Into<Act>) -> Self {
        let act = act.into();
        Self {
            id: None,
            actor,
            occurred_at: None,
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            note: None,
            act,
        }
    }

    /// The same command under this id.
    #[must_use]
    pub fn with_id(self, id: CommandId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same command for this order.
    #[must_use]
    pub fn for_order(self, order: OrderRef) -> Self {
        Self { order: Some(order), ..self }
    }

    /// The same command with this reason.
    #[must_use]
    pub fn because(self, reason: ReasonCode) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The same fact or count, dated.
    #[must_use]
    pub fn occurred(self, at: Timestamp) -> Self {
        Self { occurred_at: Some(at), ..self }
    }
}

/// Who acts, and how we know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Actor {
    /// An opaque pseudonym.
    pub id: ActorId,
    /// How it was established.
    #[serde(default)]
    pub established: Established,
}

impl Actor {
    /// An actor that the caller merely names.
    #[must_use]
    pub const fn asserted(id: ActorId) -> Self {
        Self { id, established: Established::Asserted }
    }
}

/// How an actor's identity was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Established {
    /// The caller said so.
    #[default]
    Asserted,
    /// It is the identity of the process that wrote.
    Process,
    /// A server checked it.
    Authenticated,
    /// It signed the command.
    Signed,
}

/// What a command follows from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An earlier event.
    Event(Seq),
    /// A document.
    Document(Document),
}

/// A document outside the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Document {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its number.
    pub id: DocumentId,
}

/// What may be promised of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Everything.
    #[default]
    Active,
    /// Nothing for now.
    OnHold,
    /// Nothing any more; the history stays.
    Discontinued,
}

/// Whether a location or lot is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UseStatus {
    /// In use.
    #[default]
    Active,
    /// No new promises; the history stays.
    Retired,
}

impl UseStatus {
    /// Its number in digests.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Active => 1,
            Self::Retired => 2,
        }
    }
}

/// The name spaces of aliases: a text is unique within its kind (lot codes within their item).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AliasKind {
    /// The shop's own article number.
    Sku,
    /// A printed code.
    Barcode,
    /// A supplier's or till system's number.
    Vendor,
    /// A location's code.
    Location,
    /// A lot's code; unique within its item.
    Lot(ItemId),
}

/// An alias: a kind and a text, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alias {
    /// Its name space.
    pub kind: AliasKind,
    /// Its text.
    pub text: AliasText,
}

/// What an alias names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AliasTarget {
    /// An item.
    Item(ItemId),
    /// A location.
    Location(LocationId),
    /// A lot.
    Lot(LotId),
}
