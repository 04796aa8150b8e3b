//! Commands: what a caller asks of the ledger.

use super::ids::{AlertId, CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use super::line::{CountLine, Lines, ReturnLine};
use super::period::Until;
use super::quantity::Quantity;
use super::text::{ActorId, AliasText, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, Zone};
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

/// What is asked: facts, promises and instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// Instruction: make an item, known by this SKU.
    CreateItem(CreateItem),
    /// Instruction: change an item's decimals, before its first movement only.
    SetDecimals(SetDecimals),
    /// Instruction: change what may be promised of an item.
    SetItemStatus(SetItemStatus),
    /// Instruction: make a location, known by this code.
    CreateLocation(CreateLocation),
    /// Instruction: retire a location, or bring it back.
    SetLocationStatus(SetLocationStatus),
    /// Instruction: make a lot of an item, known by this code.
    CreateLot(CreateLot),
    /// Instruction: retire a lot, or bring it back.
    SetLotStatus(SetLotStatus),
    /// Instruction: give a thing one more alias.
    AddAlias(AddAlias),
    /// Instruction: change the text of an alias.
    RenameAlias(RenameAlias),
    /// Instruction: let an alias name another thing from now on; the thing it named keeps its history.
    MergeAlias(MergeAlias),
    /// Instruction: take an alias out of use; its text is free again.
    RetireAlias(RetireAlias),
    /// Instruction: set or clear the reorder point of a position.
    SetReorderPoint(SetReorderPoint),
    /// Instruction: close the past of a location, as reports see it.
    ClosePeriod(ClosePeriod),
    /// Fact: goods came from a supplier.
    Receive(Receive),
    /// Fact: a till says that stock changed.
    PosDelta(PosDelta),
    /// Fact: goods came back from a customer, against the command's order or explicitly without one.
    Return(Return),
    /// Fact: stock was found or lost; the command's reason says why.
    Adjust(Adjust),
    /// Fact: stock was counted.
    Count(Count),
    /// Fact: goods left a location for another one.
    ShipTransfer(ShipTransfer),
    /// Fact: goods of a transfer arrived.
    ReceiveTransfer(ReceiveTransfer),
    /// Fact: nothing more of a transfer will arrive; the rest is lost.
    CloseTransfer(CloseTransfer),
    /// Promise: hold stock, all lines or none.
    Reserve(Reserve),
    /// Promise: change what a reservation holds; only the increase is checked.
    Amend(Amend),
    /// Promise: move the deadline of a reservation.
    Extend(Extend),
    /// Instruction: ship what is held.
    Fulfil(Fulfil),
    /// Instruction: let go what is held and not shipped.
    Release(Release),
    /// Instruction: move stock between sellable and unsellable.
    Reclassify(Reclassify),
    /// Instruction: somebody has seen an alert.
    AcknowledgeAlert(AcknowledgeAlert),
    /// Instruction: somebody has dealt with an alert.
    ResolveAlert(ResolveAlert),
    /// Instruction: an alert does not matter.
    DismissAlert(DismissAlert),
}

/// Instruction: make an item, known by this SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateItem {
    /// Its first alias.
    pub sku: AliasText,
    /// Decimal places of its quantities, 0 to 6.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = 6)))]
    pub decimals: u8,
}

/// Instruction: change an item's decimals, before its first movement only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetDecimals {
    /// The item.
    pub item: ItemId,
    /// Decimal places, 0 to 6.
    #[cfg_attr(feature = "schema", schemars(range(max = 6)))]
    pub decimals: u8,
}

/// Instruction: change what may be promised of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetItemStatus {
    /// The item.
    pub item: ItemId,
    /// Its new status.
    pub status: ItemStatus,
}

/// Instruction: make a location, known by this code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateLocation {
    /// Its first alias.
    pub code: AliasText,
    /// Its time zone.
    pub zone: Zone,
}

/// Instruction: retire a location, or bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetLocationStatus {
    /// The location.
    pub location: LocationId,
    /// Its new status.
    pub status: UseStatus,
}

/// Instruction: make a lot of an item, known by this code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateLot {
    /// The item.
    pub item: ItemId,
    /// Its first alias.
    pub code: AliasText,
}

/// Instruction: retire a lot, or bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetLotStatus {
    /// The lot.
    pub lot: LotId,
    /// Its new status.
    pub status: UseStatus,
}

/// Instruction: give a thing one more alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddAlias {
    /// The alias.
    pub alias: Alias,
    /// What it names.
    pub target: AliasTarget,
}

/// Instruction: change the text of an alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RenameAlias {
    /// The alias.
    pub alias: Alias,
    /// Its new text.
    pub to: AliasText,
}

/// Instruction: let an alias name another thing from now on; the thing it named keeps its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MergeAlias {
    /// The alias.
    pub alias: Alias,
    /// What it names from now on.
    pub into: AliasTarget,
}

/// Instruction: take an alias out of use; its text is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetireAlias {
    /// The alias.
    pub alias: Alias,
}

/// Instruction: set or clear the reorder point of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetReorderPoint {
    /// The position.
    pub position: Position,
    /// Zero or more, none to clear it.
    pub point: Option<Quantity>,
}

/// Instruction: close the past of a location, as reports see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClosePeriod {
    /// The location.
    pub location: LocationId,
    /// Up to where, by its own clocks; that must be over, and later than what is closed already.
    pub until: Until,
}

/// Fact: goods came from a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Receive {
    /// What came, per bucket.
    pub lines: Lines,
}

/// Fact: a till says that stock changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PosDelta {
    /// The till system.
    pub source: Source,
    /// Its own id of the delta.
    pub external_id: ExternalId,
    /// What happened, with its lines. The order of the command is the till receipt.
    pub delta: PosChange,
}

/// Fact: goods came back from a customer, against the command's order or explicitly without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Return {
    /// Against what.
    pub origin: ReturnOrigin,
    /// What to do with more than was shipped.
    #[serde(default)]
    pub excess: Excess,
    /// What came back.
    pub lines: SmallVec<[ReturnLine; 1]>,
}

/// Fact: stock was found or lost; the command's reason says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Adjust {
    /// Signed quantities, not zero.
    pub lines: Lines,
}

/// Fact: stock was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count {
    /// Figures per bucket; a bucket once.
    pub lines: SmallVec<[CountLine; 1]>,
}

/// Fact: goods left a location for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShipTransfer {
    /// The transfer.
    pub transfer: TransferId,
    /// Where they go.
    pub to: LocationId,
    /// What left, from sellable.
    pub lines: Lines,
}

/// Fact: goods of a transfer arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReceiveTransfer {
    /// The transfer.
    pub transfer: TransferId,
    /// What arrived, per bucket.
    pub lines: Lines,
}

/// Fact: nothing more of a transfer will arrive; the rest is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloseTransfer {
    /// The transfer.
    pub transfer: TransferId,
}

/// Promise: hold stock, all lines or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reserve {
    /// When the hold lapses; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What to hold, of sellable stock.
    pub lines: Lines,
}

/// Promise: change what a reservation holds; only the increase is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Amend {
    /// The reservation.
    pub reservation: CommandId,
    /// The new open quantity of each position named; others stay.
    pub lines: Lines,
}

/// Promise: move the deadline of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Extend {
    /// The reservation.
    pub reservation: CommandId,
    /// Its new deadline; never where absent.
    pub deadline: Option<Timestamp>,
}

/// Instruction: ship what is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fulfil {
    /// Which holds.
    pub holds: Holds,
    /// All of them or these quantities.
    #[serde(default)]
    pub portion: Portion,
    /// Whether the goods are gone already.
    #[serde(default)]
    pub departure: Departure,
}

/// Instruction: let go what is held and not shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Release {
    /// Which holds.
    pub holds: Holds,
    /// All of them or these quantities.
    #[serde(default)]
    pub portion: Portion,
}

/// Instruction: move stock between sellable and unsellable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reclassify {
    /// What leaves its bucket for the other one.
    pub lines: Lines,
}

/// Instruction: somebody has seen an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcknowledgeAlert {
    /// The alert.
    pub alert: AlertId,
}

/// Instruction: somebody has dealt with an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResolveAlert {
    /// The alert.
    pub alert: AlertId,
}

/// Instruction: an alert does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DismissAlert {
    /// The alert.
    pub alert: AlertId,
}

macro_rules! acts {
    ($($kind:ident)*) => {
        $(impl From<$kind> for Act {
            fn from(kind: $kind) -> Self {
                Self::$kind(kind)
            }
        })*
    };
}

acts! {
    CreateItem SetDecimals SetItemStatus CreateLocation SetLocationStatus CreateLot SetLotStatus AddAlias RenameAlias
    MergeAlias RetireAlias SetReorderPoint ClosePeriod Receive PosDelta Return Adjust Count ShipTransfer ReceiveTransfer
    CloseTransfer Reserve Amend Extend Fulfil Release Reclassify AcknowledgeAlert ResolveAlert DismissAlert
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

/// What a till says happened, with its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "delta", rename_all = "snake_case")]
pub enum PosChange {
    /// Goods went to a customer, from the line's bucket.
    Sale {
        /// What went.
        lines: Lines,
    },
    /// Goods came back from a customer.
    Return {
        /// What came back; quarantine unless said.
        lines: SmallVec<[ReturnLine; 1]>,
    },
    /// Goods were lost, from the line's bucket.
    Waste {
        /// What was lost.
        lines: Lines,
    },
    /// Goods came from a supplier.
    Receipt {
        /// What came.
        lines: Lines,
    },
    /// The till's figure was put right.
    Correction {
        /// Signed quantities, not zero.
        lines: Lines,
    },
}

/// What a return is against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReturnOrigin {
    /// The command's order: no more may come back than went out.
    Order,
    /// Nothing that is known.
    Unreferenced,
}

/// What to do with more than was shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// Refuse the whole return.
    #[default]
    Refuse,
    /// Take the surplus as an unreferenced return.
    Unreferenced,
}

/// Which holds a command acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Those of one reservation.
    Reservation(CommandId),
    /// Those of an order, oldest first.
    Order(OrderRef),
}

/// How much of the holds.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// All that is open.
    #[default]
    Whole,
    /// These quantities; lines on one position are summed.
    Lines(Lines),
}

/// Whether goods are still there when a fulfilment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// They leave now: strictly checked.
    #[default]
    Now,
    /// They have left already: a fact, and what no hold covers is a sale without reservation. Needs lines.
    AlreadyLeft,
}

/// The three kinds of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Already happened: refused for form, time or authority, never for lack of stock.
    Fact,
    /// Strictly checked, all-or-nothing over its lines.
    Promise,
    /// Acts on what exists.
    Instruction,
}

impl Act {
    /// Which of the three kinds it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Receive(_)
            | Self::PosDelta(_)
            | Self::Return(_)
            | Self::Adjust(_)
            | Self::Count(_)
            | Self::ShipTransfer(_)
            | Self::ReceiveTransfer(_)
            | Self::CloseTransfer(_)
            | Self::Fulfil(Fulfil { departure: Departure::AlreadyLeft, .. }) => Kind::Fact,
            Self::Reserve(_) | Self::Amend(_) | Self::Extend(_) => Kind::Promise,
            _ => Kind::Instruction,
        }
    }
}
