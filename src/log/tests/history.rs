//! A small coherent history that holds every kind of event the ledger writes today, obeying every rule: the
//! golden log, also fed to verifiers.
//!
//! Two locations (a warehouse and a shop), three items (mugs, loose tea in grams by lot, old mugs).

use crate::domain::command::{
    Actor, Alias, AliasKind, AliasTarget, Cause, Departure, Document, Established, ItemStatus, UseStatus,
};
use crate::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, CountedLine, DecimalsSet, Envelope, Event, Expired, Extended, Extension,
    ExtensionWeight, Fulfilled, Genesis, HoldLine, ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet,
    LotCreated, LotStatusSet, PeriodClosed, PosDeltaRecorded, PosMovement, Received, Reclassified, Released,
    ReorderPointSet, Reserved, Returned, TransferClosed, TransferReceived, TransferShipped, TransitLine, UnitMark,
};
use crate::domain::ids::{
    AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Position, Seq, Timestamp, TransferId,
};
use crate::domain::line::{Bucket, Disposition, Entered, Line, LineDetail, Lines, ReturnLine, UnitCost};
use crate::domain::quantity::Quantity;
use crate::domain::text::{
    ActorId, AliasText, Currency, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, UnitName, Zone,
};
use crate::log::chain::PrivateText;
use compact_str::CompactString;
use smallvec::{SmallVec, smallvec};

pub(super) type Entry = (Event, Option<PrivateText>);

const MINUTE: i64 = 60_000_000;
/// 2026-01-05T09:00:00Z.
const START: i64 = 1_767_603_600_000_000;

const MUG_WAREHOUSE: Position = Position::new(ItemId(1), LocationId(1));
const MUG_SHOP: Position = Position::new(ItemId(1), LocationId(2));
const TEA: Position = Position::of_lot(ItemId(2), LocationId(1), LotId(1));
const OLD_SHOP: Position = Position::new(ItemId(3), LocationId(2));
const TRANSFER: TransferId = TransferId::from_bytes([0x77; 16]);

fn at(minute: i64) -> Timestamp {
    Timestamp(START + minute * MINUTE)
}

pub(super) fn alias(kind: AliasKind, text: &str) -> Alias {
    Alias { kind, text: AliasText::new(text).expect("legal") }
}

pub(super) fn document(kind: &str, id: &str) -> Document {
    Document { kind: DocumentKind::new(kind).expect("legal"), id: DocumentId::new(id).expect("legal") }
}

pub(super) fn line(position: Position, quantity: i64) -> Line {
    Line::new(position, Quantity(quantity))
}

fn one(position: Position, quantity: i64) -> Lines {
    smallvec![line(position, quantity)]
}

pub(super) fn detail(unit: &str, quantity: &str, minor_units: i64) -> Option<Box<LineDetail>> {
    let entered = Entered { unit: UnitName::new(unit).expect("legal"), quantity: CompactString::new(quantity) };
    let currency = Currency::new("GBP").expect("legal");
    Some(Box::new(LineDetail { entered: Some(entered), unit_cost: Some(UnitCost { minor_units, currency }) }))
}

fn returned(position: Position, quantity: i64, disposition: Disposition) -> ReturnLine {
    let bucket = match disposition {
        Disposition::Quarantine => Bucket::Unsellable,
        Disposition::Restock | Disposition::Scrap => Bucket::Sellable,
    };
    ReturnLine { line: line(position, quantity).in_bucket(bucket), disposition: Some(disposition) }
}

fn hold(reservation: u64, position: Position, quantity: i64) -> HoldLine {
    HoldLine { reservation: Seq(reservation), position, quantity: Quantity(quantity) }
}

fn counted(position: Position, figure: i64, later: i64) -> Body {
    let line = CountedLine { position, bucket: Bucket::Sellable, counted: Quantity(figure), later };
    Body::Counted(Counted { lines: smallvec![line] })
}

fn pos(number: u32, delta: PosMovement) -> Body {
    let external_id = ExternalId::new(&format!("0042-{number:06}")).expect("legal");
    Body::PosDelta(PosDeltaRecorded { source: Source::new("till-1").expect("legal"), external_id, delta })
}

/// The ledger's name for an alert that this event raised; kinds: 1 low, 2 out, 3 oversold.
fn alert(seq: u64, position: Position, kind: u8) -> AlertId {
    let mut hasher = blake3::Hasher::new_derive_key("counterfoil alert v1");
    hasher.update(&seq.to_le_bytes());
    hasher.update(&position.item.0.to_le_bytes());
    hasher.update(&position.location.0.to_le_bytes());
    hasher.update(&position.lot.0.to_le_bytes());
    hasher.update(&[kind]);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    AlertId::from_bytes(id)
}

/// Collects the groups of the history.
#[derive(Default)]
struct Writer {
    groups: Vec<Vec<Entry>>,
    now: Timestamp,
    next: u64,
}

impl Writer {
    fn group(&mut self, minute: i64) -> &mut Self {
        self.now = at(minute);
        self.groups.push(Vec::new());
        self
    }

    /// Adds what the ledger writes itself.
    fn own(&mut self, seq: u64, body: Body) -> &mut Self {
        let actor = Actor { id: ActorId::new("ledger").expect("legal"), established: Established::Process };
        let envelope = Envelope { command_id: None, digest: [0; 16], actor, ..self.envelope() };
        self.push(seq, Event { envelope, body }, None)
    }

    fn act(&mut self, seq: u64, body: Body) -> &mut Self {
        self.with(seq, body, |_| {})
    }

    fn with(&mut self, seq: u64, body: Body, change: impl FnOnce(&mut Envelope)) -> &mut Self {
        let mut envelope = self.envelope();
        change(&mut envelope);
        self.push(seq, Event { envelope, body }, None)
    }

    fn push(&mut self, seq: u64, event: Event, private: Option<PrivateText>) -> &mut Self {
        assert_eq!(seq, self.next, "the events are numbered in order");
        self.next += 1;
        self.groups.last_mut().expect("a group was begun").push((event, private));
        self
    }

    fn envelope(&self) -> Envelope {
        let name = blake3::hash(&self.next.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&name.as_bytes()[..16]);
        id[..6].copy_from_slice(&(self.now.0 / 1_000).to_be_bytes()[2..]);
        id[6] = 0x70 | (id[6] & 0x0f);
        id[8] = 0x80 | (id[8] & 0x3f);
        let mut digest = [0; 16];
        digest.copy_from_slice(&name.as_bytes()[16..]);
        Envelope {
            recorded_at: self.now,
            occurred_at: None,
            command_id: Some(CommandId::from_bytes(id)),
            digest,
            actor: Actor::asserted(ActorId::new("clerk7").expect("legal")),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        }
    }
}

fn order(text: &str) -> Option<OrderRef> {
    OrderRef::new(text).ok()
}

fn reason(text: &str) -> Option<ReasonCode> {
    ReasonCode::new(text).ok()
}

/// The history, group by group.
pub(super) fn history() -> Vec<Vec<Entry>> {
    let mut writer = Writer::default();
    names(&mut writer);
    facts(&mut writer);
    promises(&mut writer);
    tills(&mut writer);
    endings(&mut writer);
    writer.groups
}

fn names(writer: &mut Writer) {
    let ledger = LedgerId::from_bytes(*b"counterfoil/gold");
    let (item, location) = (ItemId, LocationId);
    let text = |text| AliasText::new(text).expect("legal");
    let zone = |name| Zone::new(name).expect("known");
    writer.group(0).own(0, Body::Genesis(Genesis { ledger, format: 1, rules: 1 }));
    writer
        .group(1)
        .act(
            1,
            Body::LocationCreated(LocationCreated {
                location: location(1),
                code: text("WH-1"),
                zone: zone("Europe/London"),
            }),
        )
        .act(
            2,
            Body::LocationCreated(LocationCreated {
                location: location(2),
                code: text("SHOP-1"),
                zone: zone("Europe/Paris"),
            }),
        )
        .act(3, Body::ItemCreated(ItemCreated { item: item(1), sku: text("MUG-RED"), decimals: 0 }))
        .act(4, Body::ItemCreated(ItemCreated { item: item(2), sku: text("TEA-LOOSE"), decimals: 0 }))
        .act(5, Body::DecimalsSet(DecimalsSet { item: item(2), decimals: 3 }))
        .act(6, Body::ItemCreated(ItemCreated { item: item(3), sku: text("MUG-OLD"), decimals: 0 }))
        .act(7, Body::LotCreated(LotCreated { lot: LotId(1), item: item(2), code: text("L2026-01") }));
    let barcode = |digits| alias(AliasKind::Barcode, digits);
    writer
        .group(2)
        .act(8, Body::AliasAdded(AliasAdded { alias: barcode("5012345678900"), target: AliasTarget::Item(item(1)) }))
        .act(
            9,
            Body::AliasAdded(AliasAdded {
                alias: alias(AliasKind::Vendor, "V-77"),
                target: AliasTarget::Item(item(3)),
            }),
        )
        .act(10, Body::AliasRenamed(AliasRenamed { alias: alias(AliasKind::Sku, "MUG-OLD"), to: text("MUG-BLUE-é") }))
        .act(
            11,
            Body::AliasMerged(AliasMerged {
                alias: alias(AliasKind::Vendor, "V-77"),
                into: AliasTarget::Item(item(1)),
            }),
        )
        .act(
            12,
            Body::AliasAdded(AliasAdded {
                alias: alias(AliasKind::Lot(item(2)), "HARVEST-A"),
                target: AliasTarget::Lot(LotId(1)),
            }),
        )
        .act(13, Body::AliasRetired(AliasRetired { alias: alias(AliasKind::Lot(item(2)), "HARVEST-A") }))
        .act(14, Body::ReorderPointSet(ReorderPointSet { position: MUG_WAREHOUSE, point: Some(Quantity(10)) }))
        .act(15, Body::AlertAcknowledged(AlertAcknowledged { alert: alert(14, MUG_WAREHOUSE, 1) }))
        .act(16, Body::AlertResolved(AlertResolved { alert: alert(14, MUG_WAREHOUSE, 2) }))
        .act(17, Body::ReorderPointSet(ReorderPointSet { position: OLD_SHOP, point: Some(Quantity(2)) }))
        .act(18, Body::AlertDismissed(AlertDismissed { alert: alert(17, OLD_SHOP, 1) }))
        .act(19, Body::ReorderPointSet(ReorderPointSet { position: OLD_SHOP, point: None }));
}

fn facts(writer: &mut Writer) {
    let cases = Line { detail: detail("case of 12", "8", 250), ..line(MUG_WAREHOUSE, 96) };
    let damaged = line(MUG_WAREHOUSE, 4).in_bucket(Bucket::Unsellable);
    let delivery: Lines = smallvec![cases, damaged, line(TEA, 12_500)];
    let private = PrivateText { salt: [0x5a; 32], text: "Driver: ask for Zoë at gate 3".to_owned() };
    let mut envelope = writer.group(60).envelope();
    envelope.private = Some(private.commitment());
    envelope.documents = smallvec![document("delivery-note", "DN-2026-17"), document("invoice", "4711")];
    envelope.cause = Some(Cause::Document(document("purchase-order", "PO-9")));
    writer.push(20, Event { envelope, body: Body::Received(Received { lines: delivery }) }, Some(private));
    writer
        .act(21, Body::Received(Received { lines: one(OLD_SHOP, 5) }))
        .with(22, Body::Adjusted(Adjusted { lines: one(MUG_WAREHOUSE, -2) }), |envelope| {
            envelope.reason = reason("breakage")
        })
        .group(70)
        .with(23, counted(MUG_WAREHOUSE, 95, 0), |envelope| envelope.occurred_at = Some(at(69)))
        .group(80)
        .with(
            24,
            Body::TransferShipped(TransferShipped {
                transfer: TRANSFER,
                to: LocationId(2),
                lines: one(MUG_WAREHOUSE, 10),
            }),
            |envelope| envelope.occurred_at = Some(at(75)),
        );
    let arrived: Lines = smallvec![line(MUG_SHOP, 6), line(MUG_SHOP, 1).in_bucket(Bucket::Unsellable)];
    let rest = TransitLine { item: ItemId(1), lot: LotId::NONE, quantity: Quantity(3) };
    writer
        .group(200)
        .with(25, Body::TransferReceived(TransferReceived { transfer: TRANSFER, lines: arrived }), |envelope| {
            envelope.cause = Some(Cause::Event(Seq(24)));
        })
        .act(26, Body::TransferClosed(TransferClosed { transfer: TRANSFER, rest: smallvec![rest] }));
}

fn promises(writer: &mut Writer) {
    let first = |envelope: &mut Envelope| envelope.order = order("ord-1001");
    writer
        .group(210)
        .with(27, Body::Reserved(Reserved { deadline: Some(at(225)), lines: one(MUG_WAREHOUSE, 5) }), first)
        .group(211)
        .with(28, Body::Amended(Amended { reservation: Seq(27), lines: one(MUG_WAREHOUSE, 4) }), |_| {})
        .with(29, Body::Extended(Extended { reservation: Seq(27), deadline: Some(at(240)) }), |_| {})
        .group(212)
        .with(
            30,
            Body::Fulfilled(Fulfilled {
                departure: Departure::Now,
                closes: smallvec![hold(27, MUG_WAREHOUSE, 3)],
                unreserved: smallvec![],
            }),
            first,
        )
        .with(31, Body::Released(Released { closes: smallvec![hold(27, MUG_WAREHOUSE, 1)] }), first)
        .with(32, Body::Reserved(Reserved { deadline: Some(at(213)), lines: one(MUG_WAREHOUSE, 2) }), |envelope| {
            envelope.order = order("ord-1002");
        })
        .with(33, Body::Reserved(Reserved { deadline: None, lines: one(TEA, 1_250) }), |envelope| {
            envelope.order = order("ord-1003");
            let bytes = b"kept though unknown".to_vec();
            envelope.extensions = smallvec![Extension { number: 1_000, weight: ExtensionWeight::Optional, bytes }];
        });
}

fn tills(writer: &mut Writer) {
    let receipt = |envelope: &mut Envelope| {
        envelope.order = order("receipt-77");
        envelope.occurred_at = Some(at(220));
    };
    writer
        .group(300)
        .own(34, Body::Expired(Expired { reservations: smallvec![Seq(32)] }))
        .with(
            35,
            Body::Returned(Returned {
                referenced: smallvec![returned(MUG_WAREHOUSE, 3, Disposition::Restock)],
                unreferenced: smallvec![returned(MUG_WAREHOUSE, 1, Disposition::Restock)],
            }),
            |envelope| {
                envelope.order = order("ord-1001");
                envelope.reason = reason("wrong-colour");
            },
        )
        .with(36, pos(1, PosMovement::Sale(one(MUG_SHOP, 2))), receipt)
        .with(37, pos(2, PosMovement::Return(smallvec![returned(MUG_SHOP, 1, Disposition::Quarantine)])), receipt)
        .with(38, pos(3, PosMovement::Waste(one(MUG_SHOP, 1))), |_| {})
        .with(39, pos(4, PosMovement::Receipt(one(OLD_SHOP, 2))), |_| {})
        .with(40, pos(5, PosMovement::Correction(one(OLD_SHOP, -1))), |_| {});
    // A count; a sale from before it that arrives later and moves nothing; a count that is late itself.
    writer
        .group(310)
        .with(41, counted(MUG_SHOP, 3, 0), |envelope| envelope.occurred_at = Some(at(309)))
        .with(42, pos(6, PosMovement::Sale(one(MUG_SHOP, 1))), |envelope| envelope.occurred_at = Some(at(305)))
        .with(43, counted(OLD_SHOP, 5, 1), |envelope| envelope.occurred_at = Some(at(250)));
}

fn endings(writer: &mut Writer) {
    writer
        .group(400)
        .act(
            44,
            Body::Reclassified(Reclassified { lines: smallvec![line(MUG_WAREHOUSE, 1).in_bucket(Bucket::Unsellable)] }),
        )
        .with(
            45,
            Body::Fulfilled(Fulfilled {
                departure: Departure::AlreadyLeft,
                closes: smallvec![hold(33, TEA, 1_250)],
                unreserved: one(TEA, 250),
            }),
            |envelope| {
                envelope.order = order("ord-1003");
                envelope.occurred_at = Some(at(390));
            },
        )
        .group(500)
        .own(46, Body::ClockAccepted(ClockAccepted { clock: at(500) }))
        .with(
            47,
            Body::ItemStatusSet(ItemStatusSet { item: ItemId(3), status: ItemStatus::Discontinued }),
            |envelope| {
                envelope.unit = UnitMark::Continues;
            },
        )
        .with(
            48,
            Body::LocationStatusSet(LocationStatusSet { location: LocationId(2), status: UseStatus::Retired }),
            |envelope| {
                envelope.unit = UnitMark::Continues;
            },
        )
        .act(49, Body::LotStatusSet(LotStatusSet { lot: LotId(1), status: UseStatus::Retired }))
        .group(510)
        .act(50, Body::ItemStatusSet(ItemStatusSet { item: ItemId(1), status: ItemStatus::OnHold }));
    // Two closes at the shop (its clocks are an hour ahead), and a sale of the closed time that is heard of later.
    let shop = LocationId(2);
    let closed = |until: &str, minute| {
        Body::PeriodClosed(PeriodClosed {
            location: shop,
            until: until.parse().expect("a local date or time"),
            closed_until: at(minute),
        })
    };
    writer
        .group(520)
        .act(51, closed("2026-01-04", -600))
        .act(52, closed("2026-01-05T16:00:00", 360))
        .with(53, pos(7, PosMovement::Sale(one(MUG_SHOP, 1))), |envelope| envelope.occurred_at = Some(at(330)))
        .with(54, counted(MUG_SHOP, 2, 0), |envelope| envelope.occurred_at = Some(at(360)));
}

/// An event with this body and every optional part of an envelope, which no rule would let happen.
pub(super) fn with_every_part(body: Body) -> Event {
    let mut envelope = Writer { now: at(0), ..Writer::default() }.envelope();
    envelope.occurred_at = Some(at(-1));
    envelope.actor.established = Established::Signed;
    envelope.cause = Some(Cause::Event(Seq(70_000)));
    envelope.reason = reason("because");
    envelope.order = order("ord-1");
    envelope.documents = smallvec![document("invoice", "4711")];
    envelope.private = Some([0xc0; 32]);
    envelope.unit = UnitMark::Continues;
    let extension =
        |number, bytes: &[u8]| Extension { number, weight: ExtensionWeight::Optional, bytes: bytes.to_vec() };
    envelope.extensions = smallvec![extension(1_000, b"kept"), extension(70_000, b"")];
    Event { envelope, body }
}
