//! JSON Schema (draft 2020-12) of commands, events and answers, for programs in other languages.
//!
//! Commands have the schema of what reads them. Events and answers are written by hand, so their forms are written down
//! here once more; tests hold what is printed against them. New fields may be added to events and answers in later versions: pass over those that you don't know.

use crate::domain::command::{AliasTarget, Command, Departure, Document, Established, ItemStatus, UseStatus};
use crate::domain::ids::{AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Position, Seq, TransferId};
use crate::domain::line::{Bucket, Disposition, LineDetail};
use crate::domain::period::Until;
use crate::domain::quantity::Quantity;
use crate::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value};

/// The schema of a command, in which items, locations and lots are named by their ids.
///
/// # Example
/// ```
/// assert!(serde_json::to_string(&counterfoil::schema::commands()).unwrap().contains("external_id"));
/// ```
#[must_use]
pub fn commands() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Command>()
}

/// The schema of a command in words: with SKUs and codes, or with ids, or both. It admits every command that
/// [`commands`] does.
///
/// # Example
/// ```
/// assert!(serde_json::to_string(&counterfoil::schema::named_commands()).unwrap().contains("sku"));
/// ```
#[must_use]
pub fn named_commands() -> Schema {
    crate::api::command::schema()
}

/// The schema of one event, as a list of events and an export show it.
#[must_use]
pub fn events() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Event>()
}

/// The schema of the answer to one command of many.
#[must_use]
pub fn answers() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Answer>()
}

/// 64 hexadecimal digits.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
struct Digits64(String);

/// Bytes as hexadecimal digits.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("pattern" = "^([0-9a-f]{2})*$"))]
struct HexBytes(String);

/// An answer to one command.
#[derive(Serialize, JsonSchema)]
struct Answer {
    /// The command's line, from 1, where many were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(flatten)]
    told: Told,
}

/// What a command got.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Told {
    /// It stands in the log, durably.
    Accepted {
        /// Its event.
        seq: Seq,
        /// The event's hash: keep it, and the past can't be rewritten unseen.
        hash: Digits64,
        /// When it was recorded.
        recorded_at: String,
        /// Whether it stood there already, and nothing was appended.
        duplicate: bool,
        /// The id that it stands under.
        #[serde(skip_serializing_if = "Option::is_none")]
        command_id: Option<CommandId>,
        /// The item that it made.
        #[serde(skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
        /// The location that it made.
        #[serde(skip_serializing_if = "Option::is_none")]
        location: Option<LocationId>,
        /// The lot that it made.
        #[serde(skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
    },
    /// It would be accepted; nothing was appended.
    WouldAccept {
        /// The kind of event that it would make.
        kind: String,
        /// The event.
        event: Map<String, Value>,
    },
    /// The rules say no; nothing was appended.
    Rejected {
        /// The stable code.
        #[schemars(extend("pattern" = "^[A-Z_]+$"))]
        code: String,
        /// The stable number; where several reasons hold the lowest is given.
        number: u16,
        /// The same in words.
        message: String,
        /// The figures, with names beside ids; a quantity is a whole number, or a decimal as text.
        details: Map<String, Value>,
    },
    /// It is no command.
    Invalid {
        /// The field, where it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// It was not appended, for a reason that lies with the ledger or the disk.
    Unable {
        /// Why.
        message: String,
    },
    /// Nobody knows whether it stands in the log: send it again with this id.
    Unknown {
        /// The id.
        command_id: CommandId,
        /// Why.
        message: String,
    },
}

/// An event: what stands in the log, in words.
#[derive(Serialize, JsonSchema)]
struct Event {
    /// Its place in the log, from 0.
    seq: Seq,
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(flatten)]
    body: Body,
    /// Its hash.
    hash: Digits64,
    /// In an export: whether a commit mark follows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_end: Option<bool>,
    /// In an export: the hash of the event before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<Digits64>,
    /// In an export: its exact stored bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<HexBytes>,
}

/// What every kind of event has.
#[derive(Serialize, JsonSchema)]
struct Envelope {
    /// When it was recorded, by the ledger's clock.
    recorded_at: String,
    /// The same in microseconds since 1970.
    recorded_at_micros: i64,
    /// When it happened, where a caller said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    /// The same in microseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at_micros: Option<i64>,
    /// The command's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<CommandId>,
    /// A digest of the command's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<HexBytes>,
    /// Who asked.
    actor: WrittenActor,
    /// The order that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderRef>,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonCode>,
    /// What it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// Documents that it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<Document>>,
    /// A commitment to a private text.
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<Digits64>,
    /// There where the event and the next one are of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Continues>,
    /// Extensions that this version does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Vec<Extension>>,
}

/// Who acted, and how that was established.
#[derive(Serialize, JsonSchema)]
struct WrittenActor {
    id: ActorId,
    established: Established,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Continues {
    Continues,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Cause {
    /// An earlier event.
    Event(Seq),
    /// A document.
    Document(Document),
}

#[derive(Serialize, JsonSchema)]
struct Extension {
    number: u32,
    critical: bool,
    bytes: HexBytes,
}

/// A quantity of something somewhere, in smallest units.
#[derive(Serialize, JsonSchema)]
struct Line {
    item: ItemId,
    location: LocationId,
    /// 0 where the item is not lot-tracked.
    lot: LotId,
    bucket: Bucket,
    quantity: Quantity,
    /// How it was entered and what it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<LineDetail>,
    /// In returns: where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<Disposition>,
}

#[derive(Serialize, JsonSchema)]
struct CountedLine {
    item: ItemId,
    location: LocationId,
    lot: LotId,
    bucket: Bucket,
    counted: Quantity,
    /// What moved after the count and before it was recorded.
    later: i64,
}

#[derive(Serialize, JsonSchema)]
struct HoldLine {
    /// The event of the reservation.
    reservation: Seq,
    item: ItemId,
    location: LocationId,
    lot: LotId,
    quantity: i64,
}

#[derive(Serialize, JsonSchema)]
struct TransitLine {
    item: ItemId,
    lot: LotId,
    quantity: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum AliasKind {
    Sku,
    Barcode,
    Vendor,
    Location,
    Lot,
}

#[derive(Serialize, JsonSchema)]
struct Alias {
    kind: AliasKind,
    text: AliasText,
    /// For lots: the lot's item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemId>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Delta {
    Sale,
    Return,
    Waste,
    Receipt,
    Correction,
}

/// What the kinds of event say.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Body {
    Genesis {
        ledger: LedgerId,
        format: u16,
        rules: u16,
    },
    RulesChanged {
        rules: u16,
    },
    ClockAccepted {
        clock: String,
        clock_micros: i64,
    },
    Expired {
        reservations: Vec<Seq>,
    },
    ItemCreated {
        item: ItemId,
        sku: AliasText,
        decimals: u8,
    },
    DecimalsSet {
        item: ItemId,
        decimals: u8,
    },
    ItemStatusSet {
        item: ItemId,
        status: ItemStatus,
    },
    LocationCreated {
        location: LocationId,
        code: AliasText,
        zone: Zone,
    },
    LocationStatusSet {
        location: LocationId,
        status: UseStatus,
    },
    LotCreated {
        lot: LotId,
        item: ItemId,
        code: AliasText,
    },
    LotStatusSet {
        lot: LotId,
        status: UseStatus,
    },
    AliasAdded {
        alias: Alias,
        target: AliasTarget,
    },
    AliasRenamed {
        alias: Alias,
        to: AliasText,
    },
    AliasMerged {
        alias: Alias,
        into: AliasTarget,
    },
    AliasRetired {
        alias: Alias,
    },
    ReorderPointSet {
        position: Position,
        point: Option<Quantity>,
    },
    PeriodClosed {
        location: LocationId,
        until: Until,
        closed_until: String,
        closed_until_micros: i64,
    },
    Received {
        lines: Vec<Line>,
    },
    PosDelta {
        source: Source,
        external_id: ExternalId,
        delta: Delta,
        lines: Vec<Line>,
    },
    Returned {
        referenced: Vec<Line>,
        unreferenced: Vec<Line>,
    },
    Adjusted {
        lines: Vec<Line>,
    },
    Counted {
        lines: Vec<CountedLine>,
    },
    TransferShipped {
        transfer: TransferId,
        to: LocationId,
        lines: Vec<Line>,
    },
    TransferReceived {
        transfer: TransferId,
        lines: Vec<Line>,
    },
    TransferClosed {
        transfer: TransferId,
        rest: Vec<TransitLine>,
    },
    Reserved {
        lines: Vec<Line>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline_micros: Option<i64>,
    },
    Amended {
        reservation: Seq,
        lines: Vec<Line>,
    },
    Extended {
        reservation: Seq,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline_micros: Option<i64>,
    },
    Fulfilled {
        departure: Departure,
        closes: Vec<HoldLine>,
        unreserved: Vec<Line>,
    },
    Released {
        closes: Vec<HoldLine>,
    },
    Reclassified {
        lines: Vec<Line>,
    },
    AlertAcknowledged {
        alert: AlertId,
    },
    AlertResolved {
        alert: AlertId,
    },
    AlertDismissed {
        alert: AlertId,
    },
}
