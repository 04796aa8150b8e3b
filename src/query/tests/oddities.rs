//! Negative stock, transit, alerts.

use super::*;
use crate::domain::alert::{AlertKind, AlertStatus, Urgency};
use crate::domain::event::{AlertAcknowledged, AlertDismissed, Received, ReorderPointSet};
use crate::domain::line::Bucket;
use crate::query::{
    AlertFilter, AlertRow, AlertSlots, Scope, alert, alerts, negative_physical, transfer, transfers, transit_exceptions,
};

const A1: Position = Position::new(ItemId(1), LocationId(1));
const A2: Position = Position::new(ItemId(1), LocationId(2));
const B1: Position = Position::new(ItemId(2), LocationId(1));

fn alert_rows(shop: &Shop, filter: &AlertFilter) -> Vec<AlertRow> {
    all_rows(2, |paging| alerts(&shop.state, shop.now(), filter, paging).map(|a| a.value))
}

fn kinds(shop: &Shop, filter: &AlertFilter) -> Vec<(AlertKind, Position)> {
    alert_rows(shop, filter).iter().map(|row| (row.kind, row.place.position())).collect()
}

#[test]
fn negative_physical_is_listed_the_worst_first() {
    let mut shop = Shop::stocked();
    shop.sell(A1, 1);
    shop.sell(B1, 5);
    shop.sell(A2, 5);
    shop.fold(Body::Received(Received { lines: smallvec![line(A2, 6).in_bucket(Bucket::Unsellable)] }));
    let ask = |scope: Scope| -> Vec<(Position, i64)> {
        let rows = all_rows(1, |paging| negative_physical(&shop.state, shop.now(), &scope, paging).map(|a| a.value));
        rows.iter().map(|row| (row.place.position(), row.stock.physical)).collect()
    };
    assert_eq!(ask(Scope::default()), [(B1, -5), (A1, -1)], "physical of A at L2 is 1");
    assert_eq!(ask(Scope::item(ItemId(1))), [(A1, -1)]);
}

#[test]
fn what_arrived_without_having_left_is_an_exception() {
    let mut shop = Shop::stocked();
    shop.arrive(7, A2, 3);
    shop.ship(8, A1, LocationId(2), 5);
    shop.arrive(8, A2, 9);
    shop.ship(9, B1, LocationId(2), 2);
    let ask = |scope: Scope| -> Vec<(TransferId, ItemId, LocationId, i64)> {
        let rows = all_rows(1, |paging| transit_exceptions(&shop.state, shop.now(), &scope, paging).map(|a| a.value));
        rows.iter().map(|row| (row.transfer, row.place.item, row.place.location, row.quantity)).collect()
    };
    let (item, to) = (ItemId(1), LocationId(2));
    assert_eq!(ask(Scope::default()), [(transfer_id(8), item, to, -4), (transfer_id(7), item, to, -3)]);
    assert_eq!(ask(Scope::location(LocationId(1))), []);
    shop.ship(7, A1, LocationId(2), 3);
    let page = transit_exceptions(&shop.state, shop.now(), &Scope::default(), &Paging::default());
    assert_eq!(page.expect("a page").value.matched, 1, "the late ship settles it");
}

#[test]
fn transfers_are_listed_while_something_is_under_way() {
    let mut shop = Shop::stocked();
    shop.ship(2, A1, LocationId(2), 5);
    shop.ship(1, B1, LocationId(2), 1);
    shop.arrive(2, at(ItemId(2), LocationId(2)), 4);
    shop.ship(3, A2, LocationId(1), 5);
    shop.arrive(3, A1, 5);
    let ask = |scope: Scope| -> Vec<(TransferId, u64, u64)> {
        let rows = all_rows(1, |paging| transfers(&shop.state, shop.now(), &scope, paging).map(|a| a.value));
        rows.iter().map(|row| (row.transfer, row.lines, row.exceptions)).collect()
    };
    assert_eq!(ask(Scope::default()), [(transfer_id(1), 1, 0), (transfer_id(2), 2, 1)]);
    assert_eq!(ask(Scope::item(ItemId(1))), [(transfer_id(2), 2, 1)]);
    assert_eq!(ask(Scope::location(LocationId(1))), []);
    let view = transfer(&shop.state, shop.now(), transfer_id(2)).value.expect("it is under way");
    let lines: Vec<_> = view.lines.iter().map(|row| (row.place.item, row.quantity)).collect();
    assert_eq!((view.to, lines), (LocationId(2), vec![(ItemId(1), 5), (ItemId(2), -4)]));
    assert_eq!(view.to_code, Some(text("L2")));
    assert_eq!(transfer(&shop.state, shop.now(), transfer_id(3)).value, None, "all of it has arrived");
    assert_eq!(transfer(&shop.state, shop.now(), transfer_id(4)).value, None);
}

#[test]
fn the_most_urgent_alert_comes_first_and_of_equal_ones_the_oldest() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    shop.receive(A2, 3);
    shop.reorder_point(A1, 10);
    shop.reorder_point(A2, 10);
    shop.reorder_point(B1, 0);
    shop.sell(A1, 11);
    let low = (AlertKind::LowStock, Urgency::Medium);
    let rows: Vec<_> =
        alert_rows(&shop, &AlertFilter::default()).iter().map(|r| (r.kind, r.place.position())).collect();
    let (out, over) = (AlertKind::OutOfStock, AlertKind::Oversold);
    assert_eq!(rows, [(over, A1), (out, B1), (out, A1), (low.0, A1), (low.0, A2), (low.0, B1)]);
    let of = |filter: AlertFilter| kinds(&shop, &filter);
    let every = AlertFilter::default();
    assert_eq!(of(AlertFilter { kind: Some(out), ..every }), [(out, B1), (out, A1)]);
    assert_eq!(of(AlertFilter { urgency: Some(Urgency::High), ..every }), [(over, A1), (out, B1), (out, A1)]);
    assert_eq!(of(AlertFilter { scope: Scope::location(LocationId(2)), ..every }), [(low.0, A2)]);
    let both = AlertFilter { kind: Some(out), scope: Scope::item(ItemId(2)), ..every };
    assert_eq!(of(both), [(out, B1)]);
}

#[test]
fn closed_alerts_are_shown_when_asked_for() {
    let mut shop = Shop::stocked();
    shop.reorder_point(A1, 5);
    let every = AlertFilter { slots: AlertSlots::All, ..AlertFilter::default() };
    let raised = alert_rows(&shop, &every);
    let (out, low) = (raised[0].id, raised[1].id);
    shop.fold(Body::AlertAcknowledged(AlertAcknowledged { alert: out }));
    shop.fold(Body::AlertDismissed(AlertDismissed { alert: low }));
    let open: Vec<_> = alert_rows(&shop, &AlertFilter::default()).iter().map(|row| (row.id, row.status)).collect();
    assert_eq!(open, [(out, AlertStatus::Acknowledged)]);
    assert_eq!(alert_rows(&shop, &every).len(), 2);
    shop.receive(A1, 100);
    assert_eq!(alert_rows(&shop, &AlertFilter::default()), []);
    let status = |id| alert(&shop.state, shop.now(), id).value.map(|row| (row.status, row.level, row.point));
    assert_eq!(status(out), Some((AlertStatus::Cleared, 100, 5)));
    shop.fold(Body::ReorderPointSet(ReorderPointSet { position: A1, point: None }));
    assert_eq!(alert(&shop.state, shop.now(), out).value, None);
    assert_eq!(alert_rows(&shop, &every), []);
}
