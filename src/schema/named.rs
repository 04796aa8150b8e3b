//! The form of commands in people's words, as `named` reads it: names or ids, quantities in the items' units, dates as
//! text. `tests/it/ops/schema.rs` holds both against each other.

#![expect(dead_code, reason = "only the schemas are used")]

use crate::domain::command::{Departure, Established, Excess, Holds, ItemStatus, ReturnOrigin, UseStatus};
use crate::domain::ids::{AlertId, CommandId, ItemId, LocationId, LotId, Seq, TransferId};
use crate::domain::line::{Bucket, Disposition};
use crate::domain::period::Until;
use crate::domain::quantity::Quantity;
use crate::domain::text::{
    ActorId, AliasText, Currency, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, UnitName, Zone,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The schema of a command in words: with SKUs and codes, or with ids, or both. It admits every command that
/// [`commands`](super::commands) does.
///
/// # Example
/// ```
/// assert!(serde_json::to_string(&counterfoil::schema::named_commands()).unwrap().contains("sku"));
/// ```
#[must_use]
pub fn named_commands() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Command>()
}

/// A command: who asks, why, and what for. A field that nothing reads is refused.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Command {
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
    documents: Option<Vec<WholeDocument>>,
    /// Free text; kept outside the hashed history, erasable.
    note: Option<String>,
    /// What is asked.
    act: Act,
}

/// Who acts.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Actor {
    /// A pseudonym that the caller merely states.
    Asserted(ActorId),
    /// The same, with how it was established.
    Whole(WholeActor),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WholeActor {
    id: ActorId,
    established: Option<Established>,
}

/// A date and time with its zone, or microseconds since 1970.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Instant {
    Text(#[schemars(regex(pattern = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"))] String),
    Micros(i64),
}

/// What a command follows from.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Cause {
    Event(CausingEvent),
    Document(CausingDocument),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CausingEvent {
    /// An earlier event.
    event: Seq,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CausingDocument {
    /// A document outside the ledger.
    document: WholeDocument,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WholeDocument {
    /// Its kind.
    kind: DocumentKind,
    /// Its number.
    id: DocumentId,
}

/// A position by ids.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Ids {
    item: ItemId,
    location: LocationId,
    /// 0 where the item is not lot-tracked.
    lot: Option<LotId>,
}

/// How a quantity was entered and what it cost.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Detail {
    entered: Option<Entered>,
    unit_cost: Option<UnitCost>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Entered {
    unit: UnitName,
    #[schemars(length(max = 24))]
    quantity: String,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UnitCost {
    minor_units: i64,
    currency: Currency,
}

/// An item: its SKU, or its number; as text `id:7` stands for the number where it is no SKU.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Item {
    Sku(AliasText),
    Number(ItemId),
}

/// A location: its code, or its number; as text `id:7` stands for the number where it is no code.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Location {
    Code(AliasText),
    Number(LocationId),
}

/// A lot of an item that is named beside it: its code, or its number.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum LotOfItem {
    Code(AliasText),
    Number(LotId),
}

/// A lot: its item and code, or its number.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Lot {
    Named(NamedLot),
    Number(LotId),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NamedLot {
    sku: Item,
    code: LotOfItem,
}

/// A quantity in the item's own unit: a whole number, or an exact decimal as text; never a float.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Amount {
    Whole(i64),
    Decimal(#[schemars(regex(pattern = r"^-?\d+(\.\d+)?$"))] String),
}

/// A quantity of something somewhere.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Line {
    Named(NamedLine),
    ByIds(LineByIds),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NamedLine {
    sku: Item,
    location: Location,
    /// Where the item is lot-tracked.
    lot: Option<LotOfItem>,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    quantity: Amount,
    /// The version of the position that the caller saw; refused if it has changed since.
    seen: Option<Seq>,
    /// How it was entered and what it cost.
    detail: Option<Detail>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LineByIds {
    position: Ids,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    /// In the item's smallest unit.
    quantity: Quantity,
    /// The version of the position that the caller saw.
    seen: Option<Seq>,
    /// How it was entered and what it cost.
    detail: Option<Detail>,
}

/// A quantity that came back, and where it goes.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum ReturnLine {
    Named(NamedReturnLine),
    ByIds(ReturnLineByIds),
    Around(LineOfReturn),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NamedReturnLine {
    sku: Item,
    location: Location,
    /// Where the item is lot-tracked.
    lot: Option<LotOfItem>,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    quantity: Amount,
    /// The version of the position that the caller saw.
    seen: Option<Seq>,
    /// How it was entered and what it cost.
    detail: Option<Detail>,
    /// Where it goes.
    disposition: Option<Disposition>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ReturnLineByIds {
    position: Ids,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    /// In the item's smallest unit.
    quantity: Quantity,
    /// The version of the position that the caller saw.
    seen: Option<Seq>,
    /// How it was entered and what it cost.
    detail: Option<Detail>,
    /// Where it goes.
    disposition: Option<Disposition>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LineOfReturn {
    line: Line,
    /// Where it goes.
    disposition: Option<Disposition>,
}

/// What was counted somewhere.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum CountLine {
    Named(NamedCountLine),
    ByIds(CountLineByIds),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NamedCountLine {
    sku: Item,
    location: Location,
    /// Where the item is lot-tracked.
    lot: Option<LotOfItem>,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    counted: Amount,
    /// The version of the position that the caller saw.
    seen: Option<Seq>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CountLineByIds {
    position: Ids,
    /// Sellable unless said.
    bucket: Option<Bucket>,
    /// In the item's smallest unit.
    counted: Quantity,
    /// The version of the position that the caller saw.
    seen: Option<Seq>,
}

/// The name space of an alias.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum AliasKind {
    /// Of everything but lots.
    Word(AliasWord),
    /// Of the lots of an item.
    Lot(AliasOfLot),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum AliasWord {
    Sku,
    Barcode,
    Vendor,
    Location,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AliasOfLot {
    /// The lot's item.
    lot: Item,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Alias {
    kind: AliasKind,
    text: AliasText,
}

/// What an alias names.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Target {
    Item(Item),
    Location(Location),
    Lot(Lot),
}

/// All that is held, or some of it.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Portion {
    Whole,
    Lines(Vec<Line>),
}

/// What a till's delta moved.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Moved {
    Sale,
    Waste,
    Receipt,
    Correction,
}

#[derive(JsonSchema)]
enum CameBack {
    #[schemars(rename = "return")]
    Return,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Delta {
    Moved(MovedLines),
    CameBack(ReturnedLines),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct MovedLines {
    delta: Moved,
    lines: Vec<Line>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ReturnedLines {
    delta: CameBack,
    lines: Vec<ReturnLine>,
}

/// What is asked: facts, promises and instructions.
#[derive(JsonSchema)]
#[schemars(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    /// Make an item, known by this SKU.
    CreateItem {
        sku: AliasText,
        /// Decimal places of its quantities; 0 unless said.
        #[schemars(range(max = 6))]
        decimals: Option<u8>,
    },
    /// Change an item's decimals, before its first movement only.
    SetDecimals {
        item: Item,
        #[schemars(range(max = 6))]
        decimals: u8,
    },
    /// Change what may be promised of an item.
    SetItemStatus { item: Item, status: ItemStatus },
    /// Make a location, known by this code.
    CreateLocation { code: AliasText, zone: Zone },
    /// Retire a location, or bring it back.
    SetLocationStatus { location: Location, status: UseStatus },
    /// Make a lot of an item, known by this code.
    CreateLot { item: Item, code: AliasText },
    /// Retire a lot, or bring it back.
    SetLotStatus { lot: Lot, status: UseStatus },
    /// Give a thing one more alias.
    AddAlias { alias: Alias, target: Target },
    /// Change the text of an alias.
    RenameAlias { alias: Alias, to: AliasText },
    /// Let an alias name another thing from now on.
    MergeAlias { alias: Alias, into: Target },
    /// Take an alias out of use.
    RetireAlias { alias: Alias },
    /// Set the reorder point of a position by names, or clear it.
    SetReorderPoint { sku: Item, location: Location, lot: Option<LotOfItem>, point: Option<Amount> },
    /// Set the reorder point of a position of ids, or clear it.
    #[schemars(rename = "set_reorder_point")]
    SetReorderPointByIds { position: Ids, point: Option<Quantity> },
    /// Close the past of a location.
    ClosePeriod { location: Location, until: Until },
    /// Goods came from a supplier.
    Receive { lines: Vec<Line> },
    /// A till says that goods left or came, or that its figure was put right.
    PosDelta { source: Source, external_id: ExternalId, delta: Moved, lines: Vec<Line> },
    /// A till took goods back.
    #[schemars(rename = "pos_delta")]
    PosReturn { source: Source, external_id: ExternalId, delta: CameBack, lines: Vec<ReturnLine> },
    /// A till's delta with its lines inside.
    #[schemars(rename = "pos_delta")]
    PosDeltaAround { source: Source, external_id: ExternalId, delta: Delta },
    /// Goods came back from a customer.
    Return { origin: ReturnOrigin, excess: Option<Excess>, lines: Vec<ReturnLine> },
    /// Stock was found or lost; the command's reason says why.
    Adjust { lines: Vec<Line> },
    /// Stock was counted.
    Count { lines: Vec<CountLine> },
    /// Goods left a location for another one.
    ShipTransfer { transfer: TransferId, to: Location, lines: Vec<Line> },
    /// Goods of a transfer arrived.
    ReceiveTransfer { transfer: TransferId, lines: Vec<Line> },
    /// Nothing more of a transfer will arrive; the rest is lost.
    CloseTransfer { transfer: TransferId },
    /// Hold stock, all lines or none; until the deadline where there is one.
    Reserve { deadline: Option<Instant>, lines: Vec<Line> },
    /// Change what a reservation holds.
    Amend { reservation: CommandId, lines: Vec<Line> },
    /// Move the deadline of a reservation; it has none where none is given.
    Extend { reservation: CommandId, deadline: Option<Instant> },
    /// Ship what is held.
    Fulfil { holds: Holds, portion: Option<Portion>, departure: Option<Departure> },
    /// Let go what is held and not shipped.
    Release { holds: Holds, portion: Option<Portion> },
    /// Move stock between sellable and unsellable.
    Reclassify { lines: Vec<Line> },
    /// Somebody has seen an alert.
    AcknowledgeAlert { alert: AlertId },
    /// Somebody has dealt with an alert.
    ResolveAlert { alert: AlertId },
    /// An alert does not matter.
    DismissAlert { alert: AlertId },
}
