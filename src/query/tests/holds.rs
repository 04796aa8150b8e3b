//! Reservations, holders, ageing, oversold.

use super::*;
use crate::limits::UNCOVERED_ROWS_MAX;
use crate::query::{
    AgeBucket, Holder, Order, Oversold, ReservationFilter, ReservationSort, Scope, ageing, holders, oversold,
    reservation, reservations, reservations_of_order,
};
use std::time::Duration;

const A1: Position = Position::new(ItemId(1), LocationId(1));
const B1: Position = Position::new(ItemId(2), LocationId(1));

fn holders_of(shop: &Shop, position: Position, now: Timestamp) -> Vec<Holder> {
    all_rows(2, |paging| {
        let answer = holders(&shop.state, now, position, paging)?;
        Ok(answer.value.expect("a known position").holders)
    })
}

fn seqs(shop: &Shop, filter: &ReservationFilter, order: Order<ReservationSort>) -> Vec<Seq> {
    let ask = |paging: &Paging| reservations(&shop.state, shop.now(), filter, order, paging).map(|a| a.value);
    all_rows(2, ask).into_iter().map(|row| row.seq).collect()
}

fn oversold_rows(shop: &Shop) -> Vec<Oversold> {
    all_rows(1, |paging| oversold(&shop.state, shop.now(), &Scope::default(), paging).map(|a| a.value))
}

#[test]
fn a_reservation_is_found_by_its_id_until_it_is_closed_or_lapses() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    let kept = shop.reserve(Some("O1"), Some(9_000), &[(A1, 4), (B1, 1)]);
    let closed = shop.reserve(None, None, &[(A1, 2)]);
    shop.release(closed, A1, 2);
    let ask = |seq, now| reservation(&shop.state, now, command_id(seq)).value;
    let view = ask(kept, shop.now()).expect("it is open");
    assert_eq!((view.seq, view.order, view.deadline), (kept, Some(order("O1")), Some(Timestamp(9_000))));
    let lines: Vec<_> = view.lines.iter().map(|l| (l.place.position(), l.open, l.covered, l.uncovered)).collect();
    assert_eq!(lines, [(A1, 4, 4, 0), (B1, 1, 0, 1)]);
    assert!(ask(kept, Timestamp(8_999)).is_some());
    assert_eq!(ask(kept, Timestamp(9_000)), None, "lapsed, though no expiry is recorded");
    assert_eq!(ask(closed, shop.now()), None);
    assert_eq!(ask(Seq(77), shop.now()), None);
}

#[test]
fn a_hold_without_deadline_shows_none() {
    let mut shop = Shop::stocked();
    let seq = shop.reserve(None, None, &[(A1, 1)]);
    let view = reservation(&shop.state, Timestamp(i64::MAX - 1), command_id(seq)).value.expect("it never lapses");
    assert_eq!(view.deadline, None);
    let json = serde_json::to_value(view).expect("json");
    assert!(json.get("deadline").is_none() && json.get("order").is_none());
}

#[test]
fn an_order_shows_its_open_reservations_oldest_first() {
    let mut shop = Shop::stocked();
    let first = shop.reserve(Some("O1"), None, &[(A1, 1)]);
    shop.reserve(Some("O2"), None, &[(A1, 1)]);
    let lapsing = shop.reserve(Some("O1"), Some(5_000), &[(A1, 1)]);
    let last = shop.reserve(Some("O1"), None, &[(B1, 1)]);
    let of = |name: &str, now| -> Vec<Seq> {
        let ask = |paging: &Paging| reservations_of_order(&shop.state, now, &order(name), paging).map(|a| a.value);
        all_rows(1, ask).into_iter().map(|view| view.seq).collect()
    };
    assert_eq!(of("O1", shop.now()), [first, lapsing, last]);
    assert_eq!(of("O1", Timestamp(5_000)), [first, last]);
    assert_eq!(of("O3", shop.now()), []);
}

#[test]
fn holders_stand_oldest_first_and_older_ones_are_covered_first() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    let seqs: Vec<_> = (0..4).map(|_| shop.reserve(None, None, &[(A1, 4)])).collect();
    let rows: Vec<_> =
        holders_of(&shop, A1, shop.now()).into_iter().map(|h| (h.seq, h.open, h.covered, h.uncovered)).collect();
    assert_eq!(rows, [(seqs[0], 4, 4, 0), (seqs[1], 4, 4, 0), (seqs[2], 4, 2, 2), (seqs[3], 4, 0, 4)]);
}

#[test]
fn a_lapsed_hold_takes_no_cover_from_others() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 5);
    shop.reserve(None, Some(5_000), &[(A1, 4)]);
    let kept = shop.reserve(None, None, &[(A1, 4)]);
    let row = |now| holders_of(&shop, A1, now).pop().map(|h| (h.seq, h.covered, h.uncovered));
    assert_eq!(row(Timestamp(4_999)), Some((kept, 1, 3)));
    assert_eq!(row(Timestamp(5_000)), Some((kept, 4, 0)));
    assert_eq!(holders_of(&shop, A1, Timestamp(5_000)).len(), 1);
}

#[test]
fn holders_of_an_unknown_position_are_none_and_of_an_untouched_one_nobody() {
    let shop = Shop::stocked();
    let ask = |position| holders(&shop.state, shop.now(), position, &Paging::default()).expect("an answer").value;
    assert_eq!(ask(at(ItemId(9), LocationId(1))), None);
    let untouched = ask(A1).expect("a known position");
    assert_eq!((untouched.stock.reserved, untouched.holders.rows.len()), (0, 0));
}

#[test]
fn the_shortfall_falls_on_the_youngest_reservations_first() {
    let mut shop = Shop::stocked();
    shop.receive(A1, 10);
    let (first, second) = (shop.reserve(Some("O1"), None, &[(A1, 6)]), shop.reserve(None, None, &[(A1, 4)]));
    shop.sell(A1, 5);
    let row = oversold_rows(&shop).pop().expect("oversold by 5");
    let uncovered: Vec<_> = row.uncovered.iter().map(|hold| (hold.seq, hold.open, hold.uncovered)).collect();
    assert_eq!(uncovered, [(second, 4, 4), (first, 6, 1)]);
    assert_eq!((row.stock.oversold, row.unlisted, row.without_reservation), (5, 0, 0));
    assert_eq!(row.uncovered[1].order, Some(order("O1")));
    shop.sell(A1, 8);
    let row = oversold_rows(&shop).pop().expect("oversold by 13");
    assert_eq!((row.stock.oversold, row.stock.sellable, row.without_reservation), (13, -3, 3));
    assert_eq!(row.uncovered.iter().map(|hold| hold.uncovered).sum::<i64>(), 10);
}

#[test]
fn a_shortfall_without_holds_is_all_without_reservation() {
    let mut shop = Shop::stocked();
    shop.sell(A1, 7);
    shop.reserve(None, Some(2_000), &[(A1, 3)]);
    shop.clock = 3_000;
    let row = oversold_rows(&shop).pop().expect("oversold by 7");
    assert_eq!((row.uncovered.len(), row.without_reservation), (0, 7), "the lapsed hold is not shown");
}

#[test]
fn the_largest_shortfall_comes_first_and_covered_positions_not_at_all() {
    let mut shop = Shop::stocked();
    let covered = at(ItemId(3), LocationId(1));
    shop.receive(covered, 2);
    shop.reserve(None, None, &[(covered, 2)]);
    shop.sell(A1, 3);
    shop.sell(B1, 8);
    let places: Vec<_> = oversold_rows(&shop).iter().map(|row| row.place.position()).collect();
    assert_eq!(places, [B1, A1]);
}

#[test]
fn a_crowd_of_uncovered_holds_is_listed_in_part_and_summed_whole() {
    let mut shop = Shop::stocked();
    let crowd = UNCOVERED_ROWS_MAX as i64 + 5;
    for _ in 0..crowd {
        shop.reserve(None, None, &[(A1, 2)]);
    }
    let row = oversold_rows(&shop).pop().expect("all of it is oversold");
    assert_eq!((row.uncovered.len(), row.unlisted, row.without_reservation), (UNCOVERED_ROWS_MAX, 10, 0));
    assert_eq!(row.stock.oversold, 2 * crowd);
}

#[test]
fn reservations_are_filtered_and_sorted() {
    let mut shop = Shop::stocked();
    let both = shop.reserve(Some("O2"), Some(50_000), &[(A1, 1), (B1, 9)]);
    let only_a = shop.reserve(Some("O1"), Some(40_000), &[(A1, 5)]);
    let before = shop.now();
    let only_b = shop.reserve(None, None, &[(B1, 2)]);
    let lapsed = shop.reserve(Some("O1"), Some(shop.clock + 2), &[(A1, 7)]);
    shop.receive(A1, 1);
    assert!(shop.state.reservation(lapsed).is_some(), "its expiry is not recorded yet");
    let every = ReservationFilter::default();
    assert_eq!(seqs(&shop, &every, Order::ascending(ReservationSort::Seq)), [both, only_a, only_b]);
    assert_eq!(seqs(&shop, &every, Order::descending(ReservationSort::Seq)), [only_b, only_a, both]);
    assert_eq!(seqs(&shop, &every, Order::ascending(ReservationSort::Deadline)), [only_a, both, only_b]);
    assert_eq!(seqs(&shop, &every, Order::ascending(ReservationSort::Order)), [only_b, only_a, both]);
    assert_eq!(seqs(&shop, &every, Order::descending(ReservationSort::Units)), [both, only_a, only_b]);
    let by_seq = Order::ascending(ReservationSort::Seq);
    let scoped = |scope| seqs(&shop, &ReservationFilter { scope, ..ReservationFilter::default() }, by_seq);
    assert_eq!(scoped(Scope::position(A1)), [both, only_a]);
    assert_eq!(scoped(Scope::item(ItemId(2))), [both, only_b]);
    assert_eq!(scoped(Scope::location(LocationId(2))), []);
    let of_order = ReservationFilter { order: Some(order("O1")), ..ReservationFilter::default() };
    assert_eq!(seqs(&shop, &of_order, by_seq), [only_a]);
    let early = ReservationFilter { reserved_before: Some(before), ..ReservationFilter::default() };
    assert_eq!(seqs(&shop, &early, by_seq), [both]);
    let soon = ReservationFilter { lapsing_before: Some(Timestamp(50_000)), ..ReservationFilter::default() };
    assert_eq!(seqs(&shop, &soon, by_seq), [only_a]);
}

#[test]
fn a_listed_reservation_counts_only_its_lines_in_scope() {
    let mut shop = Shop::stocked();
    shop.reserve(None, None, &[(A1, 1), (B1, 9)]);
    let ask = |scope| {
        let filter = ReservationFilter { scope, ..ReservationFilter::default() };
        let order = Order::ascending(ReservationSort::Seq);
        let page = reservations(&shop.state, shop.now(), &filter, order, &Paging::default()).expect("a page").value;
        page.rows.first().map(|row| (row.lines, row.units))
    };
    assert_eq!(ask(Scope::default()), Some((2, 10)));
    assert_eq!(ask(Scope::item(ItemId(2))), Some((1, 9)));
}

#[test]
fn ages_fall_into_the_bucket_from_their_threshold_on() {
    let mut shop = Shop::stocked();
    for (clock, units) in [(9_999, 1), (99_999, 2), (100_000, 4), (189_999, 8)] {
        shop.clock = clock;
        shop.reserve(None, None, &[(A1, units), (B1, units)]);
    }
    let micros = |micros| Duration::from_micros(micros);
    let filter = ReservationFilter { scope: Scope::item(ItemId(1)), ..ReservationFilter::default() };
    let ask = |thresholds: &[Duration]| ageing(&shop.state, Timestamp(200_000), &filter, thresholds);
    let bucket = |from_micros, to_micros, reservations, units| {
        let lines = reservations;
        AgeBucket { from_micros, to_micros, reservations, lines, units }
    };
    // Ages 190,000, 100,000, 99,999 and 10,000.
    let buckets = ask(&[micros(10_000), micros(100_000), micros(500_000)]).expect("buckets").value;
    let expected = [
        bucket(0, Some(10_000), 0, 0),
        bucket(10_000, Some(100_000), 2, 12),
        bucket(100_000, Some(500_000), 2, 3),
        bucket(500_000, None, 0, 0),
    ];
    assert_eq!(buckets, expected);
    assert_eq!(ask(&[]).expect("buckets").value, [bucket(0, None, 4, 15)]);
    for wrong in [&[micros(0)][..], &[micros(5), micros(5)], &[Duration::MAX], &[micros(2), micros(1)]] {
        assert_eq!(ask(wrong), Err(QueryError::AgeThresholds), "{wrong:?}");
    }
}
