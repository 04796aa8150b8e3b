//! The lies: one or more for every rule.

use super::story::*;
use counterfoil::domain::alert::AlertKind;
use counterfoil::domain::command::{AliasKind, AliasTarget, Cause, Departure, ItemStatus};
use counterfoil::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, DecimalsSet, Envelope, Expired, Extended, Fulfilled, Genesis, ItemCreated,
    ItemStatusSet, LocationCreated, LotCreated, PosMovement, Received, Reclassified, Released, ReorderPointSet,
    Reserved, Returned, RulesChanged, TransferClosed, TransferShipped, TransitLine, UnitMark,
};
use counterfoil::domain::ids::{ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use counterfoil::domain::line::{Bucket, Disposition, Entered, LineDetail, Lines};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{UnitName, Zone};
use smallvec::{SmallVec, smallvec};

/// A lie: what it says, the rule that it breaks, and the telling, which returns the event that is wrong.
pub struct Lie {
    pub rule: &'static str,
    pub says: &'static str,
    pub tell: fn(&mut Story) -> Seq,
}

const fn lie(rule: &'static str, says: &'static str, tell: fn(&mut Story) -> Seq) -> Lie {
    Lie { rule, says, tell }
}

pub const LIES: &[Lie] = &[
    lie("genesis_first", "a log without genesis", |story| {
        story.forget();
        story.add(Body::ItemCreated(ItemCreated { item: ItemId(1), sku: text("A"), decimals: 0 }))
    }),
    lie("genesis_first", "a second genesis", |story| then(story, |story| story.ledger(genesis()))),
    lie("rules_known", "a genesis of rules to come", |story| {
        story.forget();
        let Body::Genesis(Genesis { ledger, format, .. }) = genesis() else { unreachable!() };
        story.ledger(Body::Genesis(Genesis { ledger, format, rules: 99 }))
    }),
    lie("rules_known", "a change to rules to come", |story| {
        then(story, |story| story.ledger(Body::RulesChanged(RulesChanged { rules: 2 })))
    }),
    lie("rules_known", "a change to the rules in force", |story| {
        then(story, |story| story.ledger(Body::RulesChanged(RulesChanged { rules: 1 })))
    }),
    lie("time_backwards", "recorded before its predecessor", |story| {
        let earlier = Timestamp(story.now().0 - HOUR);
        then(story, |story| story.edit(receipt(1), |envelope| envelope.recorded_at = earlier))
    }),
    lie("group_time", "two times in one group", |story| {
        story.add(receipt(1));
        story.same_group(receipt(1), |_| {})
    }),
    lie("unit_whole", "a unit of 1,025 commands", |story| {
        let at = story.now();
        let mut last = story.edit(receipt(1), |envelope| in_unit(envelope, at));
        for _ in 0..1_023 {
            last = story.same_group(receipt(1), |envelope| in_unit(envelope, at));
        }
        story.same_group(receipt(1), |envelope| envelope.recorded_at = at);
        Seq(last.0 + 1)
    }),
    lie("unit_whole", "an expiry in a unit", |story| {
        let at = story.now();
        story.edit(receipt(1), |envelope| in_unit(envelope, at));
        let reservations = smallvec![story.lapsed[0]];
        story.same_group(Body::Expired(Expired { reservations }), |envelope| {
            bare(envelope);
            envelope.recorded_at = at;
        })
    }),
    lie("command_id", "a receipt that no command asked for", |story| {
        then(story, |story| story.edit(receipt(1), |envelope| envelope.command_id = None))
    }),
    lie("command_id_unique", "a command twice", |story| {
        then(story, |story| story.edit(receipt(1), |envelope| envelope.command_id = Some(command(8))))
    }),
    lie("external_id_unique", "a till's delta twice", |story| {
        then(story, |story| story.add(delta("1", PosMovement::Sale(smallvec![line(A_MAIN, 1)]))))
    }),
    lie("ledger_event", "an expiry under a command", |story| {
        let reservations = smallvec![story.lapsed[0]];
        then(story, |story| story.add(Body::Expired(Expired { reservations })))
    }),
    lie("ledger_event", "an accepted clock with an order", |story| {
        let clock = story.now();
        then(story, |story| {
            story.edit(Body::ClockAccepted(ClockAccepted { clock }), |envelope| {
                bare(envelope);
                envelope.order = Some(order("O1"));
            })
        })
    }),
    lie("occurred_kind", "a dated reservation", |story| dated(story, reserved(1), -HOUR)),
    lie("occurred_kind", "a dated fulfilment of goods that leave now", |story| {
        let closes = [(story.plain, A_MAIN, 1)];
        dated(story, fulfilled(&closes), -HOUR)
    }),
    lie("occurred_range", "a receipt six minutes ahead", |story| dated(story, receipt(1), 360 * SECOND)),
    lie("occurred_range", "a receipt of 1899", |story| dated(story, receipt(1), -130 * 366 * 24 * HOUR)),
    lie("cause_known", "caused by itself", |story| {
        let seq = story.next();
        then(story, |story| story.edit(receipt(1), |envelope| envelope.cause = Some(Cause::Event(seq))))
    }),
    lie("reason_given", "an adjustment without reason", |story| {
        then(story, |story| story.add(Body::Adjusted(Adjusted { lines: smallvec![line(A_MAIN, 1)] })))
    }),
    lie("lines_count", "a receipt of nothing", |story| {
        then(story, |story| story.add(Body::Received(Received { lines: Lines::new() })))
    }),
    lie("lines_count", "a fulfilment of nothing", |story| then(story, |story| story.add(fulfilled(&[])))),
    lie("lines_count", "a release of nothing", |story| {
        then(story, |story| story.add(Body::Released(Released { closes: SmallVec::new() })))
    }),
    lie("lines_count", "a return of nothing", |story| then(story, |story| story.of_order("O2", returned(&[], &[])))),
    lie("quantity_range", "a receipt of zero", |story| then(story, |story| story.add(receipt(0)))),
    lie("quantity_range", "a receipt of minus one", |story| then(story, |story| story.add(receipt(-1)))),
    lie("quantity_range", "a receipt of too much", |story| {
        then(story, |story| story.add(receipt(1_000_000_000_000_001)))
    }),
    lie("quantity_range", "a correction by zero", |story| {
        then(story, |story| story.add(delta("9", PosMovement::Correction(smallvec![line(A_MAIN, 0)]))))
    }),
    lie("quantity_range", "a count of minus one", |story| then(story, |story| story.add(counted(A_MAIN, -1, 0)))),
    lie("quantity_range", "a reorder point below zero", |story| {
        then(story, |story| {
            story.add(Body::ReorderPointSet(ReorderPointSet { position: A_MAIN, point: Some(Quantity(-1)) }))
        })
    }),
    lie("entered_form", "an entered quantity in words", |story| {
        let entered = Entered { unit: UnitName::new("case").expect("short"), quantity: "three".into() };
        let mut line = line(A_MAIN, 3);
        line.detail = Some(Box::new(LineDetail { entered: Some(entered), unit_cost: None }));
        then(story, |story| story.add(Body::Received(Received { lines: smallvec![line] })))
    }),
    lie("item_exists", "a receipt of an item that is not", |story| {
        receive_at(story, Position::new(ItemId(9), LocationId(1)))
    }),
    lie("location_exists", "a receipt at no location", |story| {
        receive_at(story, Position::new(ItemId(1), LocationId(9)))
    }),
    lie("location_exists", "a transfer to no location", |story| {
        let lines = smallvec![line(A_MAIN, 1)];
        let transfer = TransferId::from_bytes([8; 16]);
        then(story, |story| story.add(Body::TransferShipped(TransferShipped { transfer, to: LocationId(9), lines })))
    }),
    lie("lot_exists", "a receipt of no lot", |story| {
        receive_at(story, Position::of_lot(ItemId(2), LocationId(1), LotId(7)))
    }),
    lie("lot_exists", "a receipt of another item's lot", |story| {
        receive_at(story, Position::of_lot(ItemId(1), LocationId(1), LotId(1)))
    }),
    lie("next_id", "an item number left out", |story| {
        then(story, |story| story.add(Body::ItemCreated(ItemCreated { item: ItemId(5), sku: text("E"), decimals: 0 })))
    }),
    lie("next_id", "an item number twice", |story| {
        then(story, |story| story.add(Body::ItemCreated(ItemCreated { item: ItemId(3), sku: text("E"), decimals: 0 })))
    }),
    lie("next_id", "a lot number left out", |story| {
        then(story, |story| story.add(Body::LotCreated(LotCreated { lot: LotId(3), item: ItemId(1), code: text("L") })))
    }),
    lie("decimals_range", "an item with seven decimals", |story| {
        then(story, |story| story.add(Body::ItemCreated(ItemCreated { item: ItemId(4), sku: text("D"), decimals: 7 })))
    }),
    lie("decimals_fixed", "decimals of an item that has moved", |story| {
        then(story, |story| story.add(Body::DecimalsSet(DecimalsSet { item: ItemId(1), decimals: 2 })))
    }),
    lie("alias_free", "a SKU twice", |story| {
        then(story, |story| story.add(Body::ItemCreated(ItemCreated { item: ItemId(4), sku: text("A"), decimals: 0 })))
    }),
    lie("alias_free", "a location code twice", |story| {
        let zone = Zone::new("Europe/London").expect("known");
        then(story, |story| {
            story.add(Body::LocationCreated(LocationCreated { location: LocationId(3), code: text("SHOP"), zone }))
        })
    }),
    lie("alias_free", "renamed onto another", |story| {
        then(story, |story| {
            story.add(Body::AliasRenamed(AliasRenamed { alias: alias(AliasKind::Sku, "A"), to: text("B") }))
        })
    }),
    lie("alias_known", "an unknown alias retired", |story| {
        then(story, |story| story.add(Body::AliasRetired(AliasRetired { alias: alias(AliasKind::Vendor, "111") })))
    }),
    lie("alias_pairing", "a barcode of a location", |story| {
        let target = AliasTarget::Location(LocationId(1));
        then(story, |story| story.add(Body::AliasAdded(AliasAdded { alias: alias(AliasKind::Barcode, "5"), target })))
    }),
    lie("no_change", "a status that it has", |story| {
        then(story, |story| {
            story.add(Body::ItemStatusSet(ItemStatusSet { item: ItemId(1), status: ItemStatus::Active }))
        })
    }),
    lie("no_change", "an alias merged into what it names", |story| {
        let into = AliasTarget::Item(ItemId(1));
        then(story, |story| story.add(Body::AliasMerged(AliasMerged { alias: alias(AliasKind::Barcode, "111"), into })))
    }),
    lie("no_change", "the same reorder point", |story| {
        then(story, |story| {
            story.add(Body::ReorderPointSet(ReorderPointSet { position: C_MAIN, point: Some(Quantity(5)) }))
        })
    }),
    lie("no_change", "amended to what it holds", |story| {
        let reservation = story.plain;
        then(story, |story| story.add(Body::Amended(Amended { reservation, lines: smallvec![line(A_MAIN, 4)] })))
    }),
    lie("no_change", "extended to never, from never", |story| {
        let reservation = story.plain;
        then(story, |story| story.add(Body::Extended(Extended { reservation, deadline: None })))
    }),
    lie("no_change", "acknowledged twice", |story| {
        let alert = alert(story.alarmed, C_MAIN, AlertKind::LowStock);
        story.add(Body::AlertAcknowledged(AlertAcknowledged { alert }));
        then(story, |story| story.add(Body::AlertAcknowledged(AlertAcknowledged { alert })))
    }),
    lie("bucket_sellable", "a reservation of unsellable stock", |story| {
        let lines = smallvec![line(A_MAIN, 1).in_bucket(Bucket::Unsellable)];
        then(story, |story| story.add(Body::Reserved(Reserved { deadline: None, lines })))
    }),
    lie("bucket_sellable", "unsellable stock sent away", |story| {
        let lines = smallvec![line(A_MAIN, 1).in_bucket(Bucket::Unsellable)];
        let transfer = TransferId::from_bytes([8; 16]);
        then(story, |story| story.add(Body::TransferShipped(TransferShipped { transfer, to: LocationId(2), lines })))
    }),
    lie("position_once", "a position reserved twice", |story| {
        let lines = smallvec![line(A_MAIN, 1), line(A_MAIN, 1)];
        then(story, |story| story.add(Body::Reserved(Reserved { deadline: None, lines })))
    }),
    lie("position_once", "a bucket counted twice", |story| {
        let Body::Counted(Counted { mut lines }) = counted(A_MAIN, 5, 0) else { unreachable!() };
        lines.extend(lines.clone());
        then(story, |story| story.add(Body::Counted(Counted { lines })))
    }),
    lie("deadline_range", "a deadline that is over", |story| {
        let deadline = Some(story.now());
        then(story, |story| story.add(Body::Reserved(Reserved { deadline, lines: smallvec![line(A_MAIN, 1)] })))
    }),
    lie("deadline_range", "extended beyond the year 9999", |story| {
        let (reservation, deadline) = (story.first, Some(Timestamp(i64::MAX)));
        then(story, |story| story.add(Body::Extended(Extended { reservation, deadline })))
    }),
    lie("status_active", "a discontinued item reserved", |story| {
        then(story, |story| story.add(Body::Reserved(Reserved { deadline: None, lines: smallvec![line(B_MAIN, 1)] })))
    }),
    lie("status_active", "more of a discontinued item held", |story| {
        let reservation = story.first;
        then(story, |story| story.add(Body::Amended(Amended { reservation, lines: smallvec![line(B_MAIN, 6)] })))
    }),
    lie("available", "reserved what others hold", |story| then(story, |story| story.add(reserved(58)))),
    lie("available", "amended to what others hold", |story| {
        let reservation = story.plain;
        then(story, |story| story.add(Body::Amended(Amended { reservation, lines: smallvec![line(A_MAIN, 62)] })))
    }),
    lie("reservation_open", "fulfilled what nobody reserved", |story| {
        then(story, |story| story.add(fulfilled(&[(Seq(1), A_MAIN, 1)])))
    }),
    lie("reservation_open", "fulfilled after the deadline", |story| {
        let closes = [(story.lapsed[0], A_MAIN, 2)];
        then(story, |story| story.of_order("O3", fulfilled(&closes)))
    }),
    lie("reservation_open", "extended after the deadline", |story| {
        let (reservation, deadline) = (story.lapsed[0], None);
        then(story, |story| story.add(Body::Extended(Extended { reservation, deadline })))
    }),
    lie("order_matches", "another order's hold fulfilled", |story| {
        let closes = [(story.first, A_MAIN, 1)];
        then(story, |story| story.of_order("O2", fulfilled(&closes)))
    }),
    lie("order_matches", "two reservations without an order released at once", |story| {
        let (plain, other) = (story.plain, story.add(reserved(1)));
        let closes = smallvec![hold(plain, A_MAIN, 4), hold(other, A_MAIN, 1)];
        then(story, |story| story.add(Body::Released(Released { closes })))
    }),
    lie("hold_open", "more fulfilled than held", |story| {
        let closes = [(story.plain, A_MAIN, 5)];
        then(story, |story| story.add(fulfilled(&closes)))
    }),
    lie("hold_open", "released where nothing is held", |story| {
        let closes = smallvec![hold(story.plain, A_SHOP, 1)];
        then(story, |story| story.add(Body::Released(Released { closes })))
    }),
    lie("hold_open", "nothing fulfilled of a hold", |story| {
        let closes = [(story.plain, A_MAIN, 0)];
        then(story, |story| story.add(fulfilled(&closes)))
    }),
    lie("close_order", "the younger reservation first", |story| {
        let closes = [(story.second, A_MAIN, 8), (story.first, A_MAIN, 10)];
        then(story, |story| story.of_order("O1", fulfilled(&closes)))
    }),
    lie("close_order", "the second position first", |story| {
        let closes = [(story.first, B_MAIN, 1), (story.first, A_MAIN, 1)];
        then(story, |story| story.of_order("O1", fulfilled(&closes)))
    }),
    lie("close_order", "a hold closed in two parts", |story| {
        let closes = [(story.plain, A_MAIN, 1), (story.plain, A_MAIN, 1)];
        then(story, |story| story.add(fulfilled(&closes)))
    }),
    lie("oldest_first", "the younger hold before the older is used up", |story| {
        let closes = [(story.first, A_MAIN, 9), (story.second, A_MAIN, 1)];
        then(story, |story| story.of_order("O1", fulfilled(&closes)))
    }),
    lie("sellable", "fulfilled more than there is", |story| {
        story.add(counted(A_MAIN, 9, 0));
        let closes = [(story.first, A_MAIN, 10)];
        then(story, |story| story.of_order("O1", fulfilled(&closes)))
    }),
    lie("departure", "goods that leave now without a hold", |story| {
        let (departure, unreserved) = (Departure::Now, smallvec![line(A_MAIN, 1)]);
        then(story, |story| story.add(Body::Fulfilled(Fulfilled { departure, closes: SmallVec::new(), unreserved })))
    }),
    lie("departure", "goods without a hold beside a hold", |story| {
        let (departure, unreserved) = (Departure::AlreadyLeft, smallvec![line(A_MAIN, 1)]);
        let closes = smallvec![hold(story.plain, A_MAIN, 3)];
        then(story, |story| story.add(Body::Fulfilled(Fulfilled { departure, closes, unreserved })))
    }),
    lie("bucket_stock", "more reclassified than there is", |story| {
        let lines = smallvec![line(A_MAIN, 40), line(A_MAIN, 40)];
        then(story, |story| story.add(Body::Reclassified(Reclassified { lines })))
    }),
    lie("return_disposition", "a return to nowhere", |story| disposed(story, None, Bucket::Unsellable)),
    lie("return_disposition", "a return restocked as unsellable", |story| {
        disposed(story, Some(Disposition::Restock), Bucket::Unsellable)
    }),
    lie("return_disposition", "a return in quarantine on the shelf", |story| {
        disposed(story, Some(Disposition::Quarantine), Bucket::Sellable)
    }),
    lie("return_order", "a return against no order", |story| then(story, |story| story.add(returned(&[1], &[])))),
    lie("return_shipped", "more back than went out", |story| {
        then(story, |story| story.of_order("O2", returned(&[3, 3], &[])))
    }),
    lie("return_shipped", "back on an order that had nothing", |story| {
        then(story, |story| story.of_order("O9", returned(&[1], &[])))
    }),
    lie("return_excess", "unreferenced though it could be referenced", |story| {
        then(story, |story| story.of_order("O2", returned(&[4], &[1])))
    }),
    lie("later_sum", "a late count that leaves a sale out", |story| {
        let at = Timestamp(story.sold_at.0 - SECOND / 4);
        then(story, |story| story.edit(counted(A_MAIN, 80, 0), |envelope| envelope.occurred_at = Some(at)))
    }),
    lie("later_sum", "a count now with later movements", |story| {
        then(story, |story| story.add(counted(A_MAIN, 70, 5)))
    }),
    lie("later_sum", "a count that changes nothing with later movements", |story| {
        let at = Timestamp(story.counted_at.0 - SECOND);
        then(story, |story| story.edit(counted(A_MAIN, 70, -1), |envelope| envelope.occurred_at = Some(at)))
    }),
    lie("period_closed", "a count dated in a closed period", |story| {
        story.add(closed(1, "2025-12-31", "2026-01-01T00:00:00Z"));
        let before = Timestamp(story.now().0 - HOUR);
        then(story, |story| story.edit(counted(A_MAIN, 80, 0), |envelope| envelope.occurred_at = Some(before)))
    }),
    lie("period_forward", "a period closed twice", |story| {
        story.add(closed(1, "2025-12-31", "2026-01-01T00:00:00Z"));
        then(story, |story| story.add(closed(1, "2025-12-31", "2026-01-01T00:00:00Z")))
    }),
    lie("period_forward", "a period opened again", |story| {
        story.add(closed(1, "2025-12-31", "2026-01-01T00:00:00Z"));
        then(story, |story| story.add(closed(1, "2025-11-30", "2025-12-01T00:00:00Z")))
    }),
    lie("period_over", "a period closed before it is over", |story| {
        then(story, |story| story.add(closed(1, "2026-01-01", "2026-01-02T00:00:00Z")))
    }),
    lie("period_local", "a day's end that is a month away", |story| {
        then(story, |story| story.add(closed(1, "2025-12-31", "2025-12-01T00:00:00Z")))
    }),
    lie("location_exists", "a close of no location", |story| {
        then(story, |story| story.add(closed(9, "2025-12-31", "2026-01-01T00:00:00Z")))
    }),
    lie("transfer_destination", "a transfer to where it is", |story| {
        let lines = smallvec![line(A_MAIN, 1)];
        let transfer = TransferId::from_bytes([8; 16]);
        then(story, |story| story.add(Body::TransferShipped(TransferShipped { transfer, to: LocationId(1), lines })))
    }),
    lie("transfer_known", "an unknown transfer closed", |story| close(story, 8, &[(1, 7)])),
    lie("transfer_rest", "less lost than is in transit", |story| close(story, 3, &[(1, 6)])),
    lie("transfer_rest", "nothing lost of what is in transit", |story| close(story, 3, &[])),
    lie("expiry_due", "expired before the deadline", |story| {
        let reservation = story.first;
        expire(story, &[reservation])
    }),
    lie("expiry_order", "expired in the wrong order", |story| {
        let [early, late] = story.lapsed;
        expire(story, &[late, early])
    }),
    lie("expiry_order", "expired twice at once", |story| {
        let [early, _] = story.lapsed;
        expire(story, &[early, early])
    }),
    lie("expiry_size", "an expiry of nothing", |story| expire(story, &[])),
    lie("alert_known", "an alert that never was", |story| {
        let alert = alert(Seq(1), A_MAIN, AlertKind::LowStock);
        then(story, |story| story.add(Body::AlertResolved(AlertResolved { alert })))
    }),
    lie("alert_known", "an alert of another kind", |story| {
        let alert = alert(story.alarmed, C_MAIN, AlertKind::Oversold);
        then(story, |story| story.add(Body::AlertDismissed(AlertDismissed { alert })))
    }),
    lie("alert_open", "an alert resolved that has cleared", |story| {
        let alert = alert(story.cleared, A_SHOP, AlertKind::LowStock);
        then(story, |story| story.add(Body::AlertResolved(AlertResolved { alert })))
    }),
    lie("alert_open", "an alert resolved and then dismissed", |story| {
        let alert = alert(story.alarmed, C_MAIN, AlertKind::LowStock);
        story.add(Body::AlertResolved(AlertResolved { alert }));
        then(story, |story| story.add(Body::AlertDismissed(AlertDismissed { alert })))
    }),
    lie("clock_accepted", "a clock ahead of the event", |story| {
        let clock = Timestamp(story.now().0 + 1);
        then(story, |story| story.ledger(Body::ClockAccepted(ClockAccepted { clock })))
    }),
    lie("balance_range", "more than a quintillion in one bucket", |story| {
        let lines = std::iter::repeat_n(line(A_SHOP, 1_000_000_000_000_000), 1_001).collect();
        then(story, |story| story.add(Body::Received(Received { lines })))
    }),
];

/// Tells the lie, and something true behind it.
fn then(story: &mut Story, tell: impl FnOnce(&mut Story) -> Seq) -> Seq {
    let seq = tell(story);
    story.add(receipt(1));
    seq
}

fn dated(story: &mut Story, body: Body, micros: i64) -> Seq {
    let at = Timestamp(story.now().0 + micros);
    then(story, |story| story.edit(body, |envelope| envelope.occurred_at = Some(at)))
}

fn in_unit(envelope: &mut Envelope, at: Timestamp) {
    envelope.recorded_at = at;
    envelope.unit = UnitMark::Continues;
}

fn receive_at(story: &mut Story, position: Position) -> Seq {
    then(story, |story| story.add(Body::Received(Received { lines: smallvec![line(position, 1)] })))
}

fn disposed(story: &mut Story, disposition: Option<Disposition>, bucket: Bucket) -> Seq {
    let mut line = return_line(1);
    line.disposition = disposition;
    line.line.bucket = bucket;
    let body = Body::Returned(Returned { referenced: SmallVec::new(), unreferenced: smallvec![line] });
    then(story, |story| story.add(body))
}

fn close(story: &mut Story, transfer: u8, rest: &[(u32, i64)]) -> Seq {
    let transfer = TransferId::from_bytes([transfer; 16]);
    let rest = rest.iter().map(|(item, quantity)| TransitLine {
        item: ItemId(*item),
        lot: LotId::NONE,
        quantity: Quantity(*quantity),
    });
    let rest = rest.collect();
    then(story, |story| story.add(Body::TransferClosed(TransferClosed { transfer, rest })))
}

fn expire(story: &mut Story, reservations: &[Seq]) -> Seq {
    let reservations = reservations.iter().copied().collect();
    then(story, |story| story.ledger(Body::Expired(Expired { reservations })))
}
