//! Arbitrary events: every kind, with every optional part now and then.

use crate::domain::command::{
    Actor, Alias, AliasKind, AliasTarget, Cause, Departure, Document, Established, ItemStatus, UseStatus,
};
use crate::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, CountedLine, DecimalsSet, Envelope, Event, Expired, Extended, Extension,
    ExtensionWeight, Fulfilled, Genesis, HoldLine, ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet,
    LotCreated, LotStatusSet, PeriodClosed, PosDeltaRecorded, PosMovement, Received, Reclassified, Released,
    ReorderPointSet, Reserved, Returned, RulesChanged, TransferClosed, TransferReceived, TransferShipped, TransitLine,
    UnitMark,
};
use crate::domain::ids::{
    AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Position, Seq, Timestamp, TransferId,
};
use crate::domain::line::{Bucket, Disposition, Entered, Line, LineDetail, Lines, ReturnLine, UnitCost};
use crate::domain::period::Until;
use crate::domain::quantity::Quantity;
use crate::domain::text::{
    ActorId, AliasText, Currency, DocumentId, DocumentKind, ExternalId, OrderRef, ReasonCode, Source, UnitName, Zone,
};
use compact_str::CompactString;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use smallvec::SmallVec;

/// Integers of every width that the varints have.
fn integer() -> BoxedStrategy<i64> {
    prop_oneof![-130i64..130, any::<i16>().prop_map(i64::from), any::<i32>().prop_map(i64::from), any::<i64>()].boxed()
}

fn unsigned() -> BoxedStrategy<u64> {
    prop_oneof![0u64..300, any::<u16>().prop_map(u64::from), any::<u32>().prop_map(u64::from), any::<u64>()].boxed()
}

fn small() -> BoxedStrategy<u32> {
    prop_oneof![0u32..300, any::<u16>().prop_map(u32::from), any::<u32>()].boxed()
}

fn text<T: std::fmt::Debug + 'static>(
    pattern: &'static str,
    make: fn(&str) -> Result<T, crate::domain::text::TextError>,
) -> BoxedStrategy<T> {
    pattern.prop_map(move |text| make(&text).expect("the pattern gives legal texts")).boxed()
}

const WORD: &str = "[a-zA-Z0-9é€😀_-]{1,8}";

fn position() -> BoxedStrategy<Position> {
    (small(), small(), small())
        .prop_map(|(item, location, lot)| Position::of_lot(ItemId(item), LocationId(location), LotId(lot)))
        .boxed()
}

fn bucket() -> BoxedStrategy<Bucket> {
    prop_oneof![Just(Bucket::Sellable), Just(Bucket::Unsellable)].boxed()
}

fn entered() -> BoxedStrategy<Entered> {
    (text("[a-z]{1,16}", UnitName::new), "[0-9]{0,20}\\.[0-9]{1,3}")
        .prop_map(|(unit, quantity)| Entered { unit, quantity: CompactString::new(quantity) })
        .boxed()
}

fn cost() -> BoxedStrategy<UnitCost> {
    (integer(), text("[A-Z]{3}", Currency::new))
        .prop_map(|(minor_units, currency)| UnitCost { minor_units, currency })
        .boxed()
}

fn detail() -> BoxedStrategy<Option<Box<LineDetail>>> {
    option::weighted(0.3, (option::of(entered()), option::of(cost())))
        .prop_map(|detail| detail.map(|(entered, unit_cost)| Box::new(LineDetail { entered, unit_cost })))
        .boxed()
}

fn line() -> BoxedStrategy<Line> {
    (position(), bucket(), integer(), detail())
        .prop_map(|(position, bucket, quantity, detail)| Line {
            position,
            bucket,
            quantity: Quantity(quantity),
            seen: None,
            detail,
        })
        .boxed()
}

fn lines() -> BoxedStrategy<Lines> {
    vec(line(), 0..5).prop_map(SmallVec::from_vec).boxed()
}

fn return_lines() -> BoxedStrategy<SmallVec<[ReturnLine; 1]>> {
    let disposition = prop_oneof![Just(Disposition::Restock), Just(Disposition::Quarantine), Just(Disposition::Scrap)];
    let line = (line(), option::of(disposition)).prop_map(|(line, disposition)| ReturnLine { line, disposition });
    vec(line, 0..4).prop_map(SmallVec::from_vec).boxed()
}

fn counted() -> BoxedStrategy<SmallVec<[CountedLine; 1]>> {
    let line = (position(), bucket(), integer(), integer()).prop_map(|(position, bucket, counted, later)| {
        CountedLine { position, bucket, counted: Quantity(counted), later }
    });
    vec(line, 0..4).prop_map(SmallVec::from_vec).boxed()
}

fn holds() -> BoxedStrategy<SmallVec<[HoldLine; 1]>> {
    let line = (unsigned(), position(), integer()).prop_map(|(seq, position, quantity)| HoldLine {
        reservation: Seq(seq),
        position,
        quantity: Quantity(quantity),
    });
    vec(line, 0..4).prop_map(SmallVec::from_vec).boxed()
}

fn transit() -> BoxedStrategy<SmallVec<[TransitLine; 1]>> {
    let line = (small(), small(), integer()).prop_map(|(item, lot, quantity)| TransitLine {
        item: ItemId(item),
        lot: LotId(lot),
        quantity: Quantity(quantity),
    });
    vec(line, 0..4).prop_map(SmallVec::from_vec).boxed()
}

fn alias() -> BoxedStrategy<Alias> {
    let kind = prop_oneof![
        Just(AliasKind::Sku),
        Just(AliasKind::Barcode),
        Just(AliasKind::Vendor),
        Just(AliasKind::Location),
        small().prop_map(|item| AliasKind::Lot(ItemId(item))),
    ];
    (kind, text(WORD, AliasText::new)).prop_map(|(kind, text)| Alias { kind, text }).boxed()
}

fn target() -> BoxedStrategy<AliasTarget> {
    prop_oneof![
        small().prop_map(|id| AliasTarget::Item(ItemId(id))),
        small().prop_map(|id| AliasTarget::Location(LocationId(id))),
        small().prop_map(|id| AliasTarget::Lot(LotId(id))),
    ]
    .boxed()
}

fn use_status() -> BoxedStrategy<UseStatus> {
    prop_oneof![Just(UseStatus::Active), Just(UseStatus::Retired)].boxed()
}

fn item_status() -> BoxedStrategy<ItemStatus> {
    prop_oneof![Just(ItemStatus::Active), Just(ItemStatus::OnHold), Just(ItemStatus::Discontinued)].boxed()
}

fn movement() -> BoxedStrategy<PosMovement> {
    prop_oneof![
        lines().prop_map(PosMovement::Sale),
        return_lines().prop_map(PosMovement::Return),
        lines().prop_map(PosMovement::Waste),
        lines().prop_map(PosMovement::Receipt),
        lines().prop_map(PosMovement::Correction),
    ]
    .boxed()
}

fn transfer() -> BoxedStrategy<TransferId> {
    any::<[u8; 16]>().prop_map(TransferId::from_bytes).boxed()
}

fn instant() -> BoxedStrategy<Option<Timestamp>> {
    option::of(integer().prop_map(Timestamp)).boxed()
}

fn own_acts() -> BoxedStrategy<Body> {
    prop_oneof![
        (any::<[u8; 16]>(), any::<u16>(), any::<u16>()).prop_map(|(ledger, format, rules)| Body::Genesis(Genesis {
            ledger: LedgerId::from_bytes(ledger),
            format,
            rules
        })),
        any::<u16>().prop_map(|rules| Body::RulesChanged(RulesChanged { rules })),
        integer().prop_map(|clock| Body::ClockAccepted(ClockAccepted { clock: Timestamp(clock) })),
        vec(unsigned().prop_map(Seq), 0..9)
            .prop_map(|seqs| Body::Expired(Expired { reservations: SmallVec::from_vec(seqs) })),
    ]
    .boxed()
}

fn settings() -> BoxedStrategy<Body> {
    let name = || text(WORD, AliasText::new);
    prop_oneof![
        (small(), name(), any::<u8>()).prop_map(|(item, sku, decimals)| Body::ItemCreated(ItemCreated {
            item: ItemId(item),
            sku,
            decimals
        })),
        (small(), any::<u8>())
            .prop_map(|(item, decimals)| Body::DecimalsSet(DecimalsSet { item: ItemId(item), decimals })),
        (small(), item_status())
            .prop_map(|(item, status)| Body::ItemStatusSet(ItemStatusSet { item: ItemId(item), status })),
        (small(), name(), text("[A-Z][a-z]{1,9}/[A-Z][a-z]{1,9}", Zone::from_log)).prop_map(
            |(location, code, zone)| Body::LocationCreated(LocationCreated {
                location: LocationId(location),
                code,
                zone
            })
        ),
        (small(), use_status()).prop_map(|(location, status)| Body::LocationStatusSet(LocationStatusSet {
            location: LocationId(location),
            status
        })),
        (small(), small(), name()).prop_map(|(lot, item, code)| Body::LotCreated(LotCreated {
            lot: LotId(lot),
            item: ItemId(item),
            code
        })),
        (small(), use_status()).prop_map(|(lot, status)| Body::LotStatusSet(LotStatusSet { lot: LotId(lot), status })),
        (alias(), target()).prop_map(|(alias, target)| Body::AliasAdded(AliasAdded { alias, target })),
        (alias(), name()).prop_map(|(alias, to)| Body::AliasRenamed(AliasRenamed { alias, to })),
        (alias(), target()).prop_map(|(alias, into)| Body::AliasMerged(AliasMerged { alias, into })),
        alias().prop_map(|alias| Body::AliasRetired(AliasRetired { alias })),
        (position(), option::of(integer().prop_map(Quantity)))
            .prop_map(|(position, point)| Body::ReorderPointSet(ReorderPointSet { position, point })),
        (small(), until(), integer()).prop_map(|(location, until, at)| Body::PeriodClosed(PeriodClosed {
            location: LocationId(location),
            until,
            closed_until: Timestamp(at)
        })),
    ]
    .boxed()
}

fn until() -> impl Strategy<Value = Until> {
    let of = |form| move |number| Until::from_numbers(form, number).expect("in the years 1900 to 9999");
    prop_oneof![
        (-25_567..=2_932_896_i64).prop_map(of(Until::DAY)),
        (-2_208_988_800_000_000..=253_402_300_799_999_999_i64).prop_map(of(Until::TIME)),
    ]
}

fn facts() -> BoxedStrategy<Body> {
    prop_oneof![
        lines().prop_map(|lines| Body::Received(Received { lines })),
        (text(WORD, Source::new), text(WORD, ExternalId::new), movement()).prop_map(|(source, external_id, delta)| {
            Body::PosDelta(PosDeltaRecorded { source, external_id, delta })
        }),
        (return_lines(), return_lines())
            .prop_map(|(referenced, unreferenced)| Body::Returned(Returned { referenced, unreferenced })),
        lines().prop_map(|lines| Body::Adjusted(Adjusted { lines })),
        counted().prop_map(|lines| Body::Counted(Counted { lines })),
        (transfer(), small(), lines()).prop_map(|(transfer, to, lines)| Body::TransferShipped(TransferShipped {
            transfer,
            to: LocationId(to),
            lines
        })),
        (transfer(), lines())
            .prop_map(|(transfer, lines)| Body::TransferReceived(TransferReceived { transfer, lines })),
        (transfer(), transit()).prop_map(|(transfer, rest)| Body::TransferClosed(TransferClosed { transfer, rest })),
    ]
    .boxed()
}

fn departure() -> impl Strategy<Value = Departure> {
    prop_oneof![Just(Departure::Now), Just(Departure::AlreadyLeft)]
}

fn promises() -> BoxedStrategy<Body> {
    let alert = || any::<[u8; 16]>().prop_map(AlertId::from_bytes);
    prop_oneof![
        (instant(), lines()).prop_map(|(deadline, lines)| Body::Reserved(Reserved { deadline, lines })),
        (unsigned(), lines()).prop_map(|(seq, lines)| Body::Amended(Amended { reservation: Seq(seq), lines })),
        (unsigned(), instant())
            .prop_map(|(seq, deadline)| Body::Extended(Extended { reservation: Seq(seq), deadline })),
        (departure(), holds(), lines()).prop_map(|(departure, closes, unreserved)| Body::Fulfilled(Fulfilled {
            departure,
            closes,
            unreserved
        })),
        holds().prop_map(|closes| Body::Released(Released { closes })),
        lines().prop_map(|lines| Body::Reclassified(Reclassified { lines })),
        alert().prop_map(|alert| Body::AlertAcknowledged(AlertAcknowledged { alert })),
        alert().prop_map(|alert| Body::AlertResolved(AlertResolved { alert })),
        alert().prop_map(|alert| Body::AlertDismissed(AlertDismissed { alert })),
    ]
    .boxed()
}

fn document() -> BoxedStrategy<Document> {
    (text(WORD, DocumentKind::new), text(WORD, DocumentId::new)).prop_map(|(kind, id)| Document { kind, id }).boxed()
}

fn actor() -> BoxedStrategy<Actor> {
    let established = prop_oneof![
        Just(Established::Asserted),
        Just(Established::Process),
        Just(Established::Authenticated),
        Just(Established::Signed),
    ];
    (text(WORD, ActorId::new), established).prop_map(|(id, established)| Actor { id, established }).boxed()
}

fn extensions() -> BoxedStrategy<SmallVec<[Extension; 0]>> {
    proptest::collection::btree_map(small(), vec(any::<u8>(), 0..300), 0..4)
        .prop_map(|extensions| {
            extensions
                .into_iter()
                .map(|(number, bytes)| Extension { number, weight: ExtensionWeight::Optional, bytes })
                .collect()
        })
        .boxed()
}

fn envelope() -> BoxedStrategy<Envelope> {
    let cause = prop_oneof![unsigned().prop_map(|seq| Cause::Event(Seq(seq))), document().prop_map(Cause::Document)];
    let who = (integer(), instant(), option::of(any::<[u8; 16]>()), option::of(any::<[u8; 16]>()), actor());
    let why = (option::of(cause), option::of(text(WORD, ReasonCode::new)), option::of(text(WORD, OrderRef::new)));
    let rest = (vec(document(), 0..3), option::of(any::<[u8; 32]>()), any::<bool>(), extensions());
    (who, why, rest)
        .prop_map(
            |(
                (recorded, occurred_at, id, digest, actor),
                (cause, reason, order),
                (documents, private, more, extensions),
            )| {
                Envelope {
                    recorded_at: Timestamp(recorded),
                    occurred_at,
                    command_id: id.map(CommandId::from_bytes),
                    digest: digest.unwrap_or_default(),
                    actor,
                    cause,
                    reason,
                    order,
                    documents: SmallVec::from_vec(documents),
                    private,
                    unit: if more { UnitMark::Continues } else { UnitMark::Ends },
                    extensions,
                }
            },
        )
        .boxed()
}

/// Any event that has a stored form.
pub(in crate::log) fn event() -> BoxedStrategy<Event> {
    (envelope(), prop_oneof![own_acts(), settings(), facts(), promises()])
        .prop_map(|(envelope, body)| Event { envelope, body })
        .boxed()
}
