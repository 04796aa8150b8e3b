//! Stock of a position, of an item, of everything.

use super::*;
use crate::domain::command::ItemStatus;
use crate::domain::event::{Counted, CountedLine, ItemStatusSet, Received};
use crate::domain::line::Bucket;
use crate::query::{Only, Order, Scope, StockFilter, StockSort, StockTotal, item_stock, stock, stock_list};

const A1: Position = Position::new(ItemId(1), LocationId(1));
const A2: Position = Position::new(ItemId(1), LocationId(2));
const B1: Position = Position::new(ItemId(2), LocationId(1));
const C2: Position = Position::new(ItemId(3), LocationId(2));

fn listed(shop: &Shop, filter: &StockFilter, order: Order<StockSort>) -> Vec<Position> {
    let ask = |paging: &Paging| stock_list(&shop.state, shop.now(), filter, order, paging).map(|a| a.value);
    all_rows(2, ask).into_iter().map(|row| row.place.position()).collect()
}

#[test]
fn every_figure_of_a_position_is_told() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    shop.fold(Body::Received(Received { lines: smallvec![line(A1, 4).in_bucket(Bucket::Unsellable)] }));
    shop.reserve(None, None, &[(A1, 3)]);
    shop.ship(1, A2, LocationId(1), 5);
    let version = shop.reserve(None, None, &[(A1, 9)]);
    shop.ship(2, A2, LocationId(1), 1);
    let answer = stock(&shop.state, shop.now(), A1);
    let value = serde_json::to_value(answer).expect("json");
    let expected = serde_json::json!({
        "seq": shop.state.next_seq().0 - 1,
        "as_of": shop.clock,
        "value": {
            "physical": 14, "sellable": 10, "unsellable": 4, "reserved": 12, "available": -2, "inbound": 6,
            "oversold": 2, "version": version.0,
        },
    });
    assert_eq!(value, expected);
}

#[test]
fn a_position_that_nothing_touched_has_nothing_and_an_unknown_one_is_none() {
    let mut shop = Shop::stocked();
    let lot = shop.lot(ItemId(1), "LOT");
    let ask = |position| stock(&shop.state, shop.now(), position).value;
    let untouched = ask(A1).expect("a known position");
    assert_eq!((untouched.physical, untouched.available, untouched.version), (0, 0, Seq(0)));
    assert!(ask(Position::of_lot(ItemId(1), LocationId(2), lot)).is_some());
    assert_eq!(ask(at(ItemId(9), LocationId(1))), None);
    assert_eq!(ask(at(ItemId(1), LocationId(9))), None);
    assert_eq!(ask(Position::of_lot(ItemId(1), LocationId(1), LotId(9))), None);
    assert_eq!(ask(Position::of_lot(ItemId(2), LocationId(1), lot)), None, "the lot is another item's");
    assert_eq!(stock(&State::default(), Timestamp(5), A1).value, None);
}

#[test]
fn holds_count_up_to_their_deadline_and_not_at_it() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    shop.reserve(None, Some(5_000), &[(A1, 3)]);
    shop.reserve(None, Some(6_000), &[(A1, 4)]);
    shop.reserve(None, None, &[(A1, 1)]);
    let reserved = |now| stock(&shop.state, Timestamp(now), A1).value.map(|stock| stock.reserved);
    assert_eq!(reserved(4_999), Some(8));
    assert_eq!(reserved(5_000), Some(5));
    assert_eq!(reserved(5_999), Some(5));
    assert_eq!(reserved(6_000), Some(1));
}

#[test]
fn an_answer_is_never_as_of_before_its_last_event() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    shop.reserve(None, Some(1_010), &[(A1, 3)]);
    shop.clock = 2_000;
    let seq = shop.receive(B1, 1);
    let early = stock(&shop.state, Timestamp(1_009), A1);
    assert_eq!((early.seq, early.as_of), (seq, shop.now()));
    assert_eq!(early.value.map(|stock| stock.reserved), Some(0), "at 2,001 the hold has lapsed");
    let late = stock(&shop.state, Timestamp(9_000), A1);
    assert_eq!((late.seq, late.as_of), (seq, Timestamp(9_000)));
}

#[test]
fn the_state_without_events_answers_too() {
    let (state, now) = (State::default(), Timestamp(7));
    let order = Order::ascending(StockSort::Sku);
    let answer = stock_list(&state, now, &StockFilter::default(), order, &Paging::default()).expect("a page");
    assert_eq!((answer.seq, answer.as_of, answer.value.rows.len()), (Seq(0), now, 0));
    assert_eq!((answer.value.matched, answer.value.next), (0, None));
    assert_eq!(item_stock(&state, now, ItemId(1), &Paging::default()).expect("an answer").value, None);
}

#[test]
fn an_item_is_summed_over_locations_and_lots() {
    let mut shop = Shop::new();
    let item = shop.item("TEA", 3);
    let (here, there) = (shop.location("HERE"), shop.location("THERE"));
    let lot = shop.lot(item, "2026-11");
    let in_lot = Position::of_lot(item, there, lot);
    shop.receive(at(item, here), 100);
    shop.receive(in_lot, 50);
    shop.sell(at(item, there), 30);
    shop.reserve(None, None, &[(at(item, there), 5), (at(item, here), 10)]);
    let last = shop.ship(1, in_lot, here, 20);
    let answer = item_stock(&shop.state, shop.now(), item, &Paging::default()).expect("an answer");
    let stock = answer.value.expect("a known item");
    assert_eq!((stock.sku.as_str(), stock.decimals), ("TEA", 3));
    let positions: Vec<_> = stock.positions.rows.iter().map(|row| row.place.position()).collect();
    let inbound = Position::of_lot(item, here, lot);
    assert_eq!(positions, [at(item, here), inbound, at(item, there), in_lot]);
    let expected = StockTotal {
        physical: 100,
        sellable: 100,
        unsellable: 0,
        reserved: 15,
        available: 85,
        inbound: 20,
        oversold: 35,
        version: last,
    };
    assert_eq!(stock.total, expected);
}

#[test]
fn an_item_that_never_moved_has_no_positions_and_total_zero() {
    let shop = Shop::stocked();
    let answer = item_stock(&shop.state, shop.now(), ItemId(2), &Paging::default()).expect("an answer");
    let stock = answer.value.expect("a known item");
    assert_eq!((stock.total, stock.positions.rows.len()), (StockTotal::default(), 0));
    assert_eq!(item_stock(&shop.state, shop.now(), ItemId(9), &Paging::default()).expect("an answer").value, None);
}

fn varied() -> Shop {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    shop.sell(A2, 4);
    shop.receive(B1, 7);
    shop.reserve(None, None, &[(B1, 9)]);
    shop.fold(Body::Counted(Counted {
        lines: smallvec![CountedLine { position: C2, bucket: Bucket::Sellable, counted: Quantity(0), later: 0 }],
    }));
    shop.fold(Body::ItemStatusSet(ItemStatusSet { item: ItemId(2), status: ItemStatus::OnHold }));
    shop
}

#[test]
fn rows_are_sorted_by_each_figure_either_way() {
    let shop = varied();
    let every = StockFilter::default();
    let sorted = |order| listed(&shop, &every, order);
    assert_eq!(sorted(Order::ascending(StockSort::Sku)), [A1, A2, B1, C2]);
    assert_eq!(sorted(Order::descending(StockSort::Sku)), [C2, B1, A1, A2], "equal values by key, either way");
    assert_eq!(sorted(Order::descending(StockSort::Item)), [C2, B1, A1, A2]);
    assert_eq!(sorted(Order::ascending(StockSort::Location)), [A1, B1, A2, C2]);
    assert_eq!(sorted(Order::descending(StockSort::Physical)), [A1, B1, C2, A2]);
    assert_eq!(sorted(Order::ascending(StockSort::Available)), [A2, B1, C2, A1]);
    assert_eq!(sorted(Order::descending(StockSort::Oversold)), [A2, B1, A1, C2]);
}

#[test]
fn rows_are_chosen_by_place_status_and_condition() {
    let mut shop = varied();
    shop.reorder_point(A1, 10);
    shop.reorder_point(C2, 0);
    shop.reorder_point(B1, 1);
    let order = Order::ascending(StockSort::Item);
    let scoped = |scope| listed(&shop, &StockFilter { scope, only: None }, order);
    assert_eq!(scoped(Scope::item(ItemId(1))), [A1, A2]);
    assert_eq!(scoped(Scope::location(LocationId(2))), [A2, C2]);
    assert_eq!(scoped(Scope::position(B1)), [B1]);
    assert_eq!(scoped(Scope::position(at(ItemId(9), LocationId(9)))), []);
    assert_eq!(scoped(Scope { lot: Some(LotId(3)), ..Scope::default() }), []);
    assert_eq!(scoped(Scope { status: Some(ItemStatus::OnHold), ..Scope::default() }), [B1]);
    assert_eq!(scoped(Scope { status: Some(ItemStatus::OnHold), ..Scope::item(ItemId(1)) }), []);
    let only = |only| listed(&shop, &StockFilter { scope: Scope::default(), only: Some(only) }, order);
    assert_eq!(only(Only::Oversold), [A2, B1]);
    assert_eq!(only(Only::NegativePhysical), [A2]);
    assert_eq!(only(Only::BelowReorderPoint), [A1, B1, C2]);
    assert_eq!(only(Only::Nonzero), [A1, A2, B1]);
}

#[test]
fn what_is_on_its_way_counts_against_the_reorder_point() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 5);
    shop.reorder_point(A1, 6);
    let low = StockFilter { scope: Scope::default(), only: Some(Only::BelowReorderPoint) };
    let order = Order::ascending(StockSort::Item);
    assert_eq!(listed(&shop, &low, order), [A1]);
    shop.ship(1, A2, LocationId(1), 2);
    assert_eq!(listed(&shop, &low, order), []);
}

#[test]
fn the_same_positions_are_found_one_by_one_and_by_walking() {
    let mut shop = Shop::new();
    let items: Vec<_> = (0..20).map(|n| shop.item(&format!("I{n}"), 0)).collect();
    let locations: Vec<_> = (0..3).map(|n| shop.location(&format!("L{n}"))).collect();
    let mut expected = Vec::new();
    for item in &items {
        let lot = shop.lot(*item, "LOT");
        for location in &locations {
            shop.receive(at(*item, *location), 1);
            shop.receive(Position::of_lot(*item, *location, lot), 1);
            if *item == items[7] {
                expected.extend([at(*item, *location), Position::of_lot(*item, *location, lot)]);
            }
        }
    }
    let order = Order::ascending(StockSort::Item);
    let one_by_one = listed(&shop, &StockFilter { scope: Scope::item(items[7]), only: None }, order);
    let every = listed(&shop, &StockFilter::default(), order);
    let walked: Vec<_> = every.into_iter().filter(|position| position.item == items[7]).collect();
    assert_eq!((one_by_one, walked), (expected.clone(), expected));
}

#[test]
fn a_row_is_flat_and_named() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 2);
    shop.reorder_point(A1, 1);
    let order = Order::ascending(StockSort::Sku);
    let page = stock_list(&shop.state, shop.now(), &StockFilter::default(), order, &Paging::default());
    let row = serde_json::to_value(page.expect("a page").value.rows).expect("json");
    let expected = serde_json::json!([{
        "item": 1, "location": 1, "lot": 0, "sku": "A", "location_code": "L1",
        "physical": 2, "sellable": 2, "unsellable": 0, "reserved": 0, "available": 2, "inbound": 0, "oversold": 0,
        "version": shop.state.next_seq().0 - 1, "decimals": 0, "reorder_point": 1,
    }]);
    assert_eq!(row, expected);
}

#[test]
fn rows_of_an_item_with_decimals_say_how_many() {
    let mut shop = Shop::new();
    let (item, here) = (shop.item("RICE", 3), shop.location("HERE"));
    shop.receive(at(item, here), 1_500);
    let page = stock_list(&shop.state, shop.now(), &StockFilter::default(), Order::default(), &Paging::default());
    let rows = page.expect("a page").value.rows;
    assert_eq!(rows.iter().map(|row| (row.place.decimals, row.stock.physical)).collect::<Vec<_>>(), [(3, 1_500)]);
}
