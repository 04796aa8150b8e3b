//! What holds for every history: sums agree with rows, and nobody's units are counted twice.

use super::*;
use crate::domain::event::Expired;
use crate::query::{
    Only, Order, ReservationFilter, ReservationSort, Scope, StockFilter, StockRow, StockSort, StockTotal, ageing,
    holders, item_stock, oversold, reservations, stock, stock_list,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Receive(Position, i64),
    Sell(Position, i64),
    Reserve(Vec<(Position, i64)>, Option<i64>),
    /// Part of the n-th open reservation's first line, in percent.
    Release(usize, i64),
    Ship(u8, Position, u32, i64),
    Arrive(u8, Position, i64),
    Wait(i64),
    /// The expiry of what has lapsed, which the ledger may record late.
    Expire,
}

fn position() -> impl Strategy<Value = Position> {
    (1..=3u32, 1..=2u32, 0..=1u32).prop_map(|(item, location, lot)| {
        // Lot n belongs to item n.
        Position::of_lot(ItemId(item), LocationId(location), LotId(lot * item))
    })
}

fn step() -> impl Strategy<Value = Step> {
    let quantity = 1..20i64;
    prop_oneof![
        (position(), quantity.clone()).prop_map(|(position, q)| Step::Receive(position, q)),
        (position(), quantity.clone()).prop_map(|(position, q)| Step::Sell(position, q)),
        (prop::collection::btree_map(position(), quantity.clone(), 1..4), prop::option::of(1..60i64),)
            .prop_map(|(lines, deadline)| Step::Reserve(lines.into_iter().collect(), deadline)),
        (any::<usize>(), 1..=100i64).prop_map(|(n, percent)| Step::Release(n, percent)),
        (1..4u8, position(), 1..=2u32, quantity.clone()).prop_map(|(t, from, to, q)| Step::Ship(t, from, to, q)),
        (1..4u8, position(), quantity).prop_map(|(t, at, q)| Step::Arrive(t, at, q)),
        (1..30i64).prop_map(Step::Wait),
        Just(Step::Expire),
    ]
}

fn shop_of(steps: &[Step]) -> Shop {
    let mut shop = Shop::stocked();
    for item in 1..=3 {
        shop.lot(ItemId(item), "LOT");
    }
    for step in steps {
        take(&mut shop, step);
    }
    shop
}

fn take(shop: &mut Shop, step: &Step) {
    match step {
        Step::Receive(position, quantity) => _ = shop.receive(*position, *quantity),
        Step::Sell(position, quantity) => _ = shop.sell(*position, *quantity),
        Step::Reserve(lines, deadline) => {
            let deadline = deadline.map(|after| shop.clock + after);
            shop.reserve(None, deadline, lines);
        }
        Step::Release(n, percent) => {
            let mut open: Vec<_> = shop.state.reservations().map(|held| (held.seq, held.lines[0])).collect();
            open.sort_by_key(|(seq, _)| *seq);
            if let Some((seq, held)) = open.get(n % open.len().max(1)).copied() {
                shop.release(seq, held.position, (held.open * percent / 100).max(1));
            }
        }
        Step::Ship(transfer, from, to, quantity) => _ = shop.ship(*transfer, *from, LocationId(*to), *quantity),
        Step::Arrive(transfer, position, quantity) => _ = shop.arrive(*transfer, *position, *quantity),
        Step::Wait(micros) => shop.clock += micros,
        Step::Expire => {
            let lapsed: SmallVec<[Seq; 1]> = shop.state.lapsed(shop.now()).map(|held| held.seq).collect();
            if !lapsed.is_empty() {
                shop.fold(Body::Expired(Expired { reservations: lapsed }));
            }
        }
    }
}

/// What is held at a position, counted the slow way.
fn held(shop: &Shop, position: Position, now: Timestamp) -> Vec<(Seq, i64)> {
    let open = shop.state.reservations().filter(|held| held.deadline > now);
    let mut held: Vec<_> = open.filter_map(|held| Some((held.seq, held.open_on(position)?))).collect();
    held.sort_unstable();
    held
}

fn rows(shop: &Shop, now: Timestamp, filter: &StockFilter, page: usize) -> Vec<StockRow> {
    let order = Order::ascending(StockSort::Available);
    all_rows(page, |paging| stock_list(&shop.state, now, filter, order, paging).map(|a| a.value))
}

fn sum(rows: &[StockRow]) -> StockTotal {
    let mut total = StockTotal::default();
    for StockRow { stock, .. } in rows {
        total.physical += i128::from(stock.physical);
        total.sellable += i128::from(stock.sellable);
        total.unsellable += i128::from(stock.unsellable);
        total.reserved += i128::from(stock.reserved);
        total.available += i128::from(stock.available);
        total.inbound += i128::from(stock.inbound);
        total.oversold += i128::from(stock.oversold);
        total.version = total.version.max(stock.version);
    }
    total
}

proptest! {
    #[test]
    fn an_items_total_is_the_sum_of_its_rows(
        steps in prop::collection::vec(step(), 0..60), later in 0..80i64, page in 1..5usize,
    ) {
        let shop = shop_of(&steps);
        let now = Timestamp(shop.clock + later);
        for item in (1..=3).map(ItemId) {
            let filter = StockFilter { scope: Scope::item(item), only: None };
            let listed = rows(&shop, now, &filter, page);
            let answer = item_stock(&shop.state, now, item, &Paging::default()).expect("an answer");
            let whole = answer.value.expect("a known item");
            prop_assert_eq!(whole.total, sum(&listed));
            prop_assert_eq!(whole.total, sum(&whole.positions.rows));
            let accounts = shop.state.item(item).expect("an item").accounts;
            prop_assert_eq!(whole.total.sellable, accounts.sellable);
            prop_assert_eq!(whole.total.unsellable, accounts.unsellable);
            prop_assert!(accounts.transit <= whole.total.inbound, "inbound leaves negative transit out");
        }
    }

    #[test]
    fn every_row_says_what_a_look_at_its_position_says(
        steps in prop::collection::vec(step(), 0..60), later in 0..80i64, page in 1..5usize,
    ) {
        let shop = shop_of(&steps);
        let now = Timestamp(shop.clock + later);
        let listed = rows(&shop, now, &StockFilter::default(), page);
        prop_assert_eq!(listed.len(), shop.state.position_count());
        for row in &listed {
            let position = row.place.position();
            prop_assert_eq!(stock(&shop.state, now, position).value, Some(row.stock));
            let reserved: i64 = held(&shop, position, now).iter().map(|(_, open)| open).sum();
            prop_assert_eq!(row.stock.reserved, reserved);
            prop_assert_eq!(row.stock.available, row.stock.sellable - reserved);
        }
    }

    #[test]
    fn the_shortfall_is_uncovered_holds_and_what_left_without_one(
        steps in prop::collection::vec(step(), 0..60), later in 0..80i64, page in 1..4usize,
    ) {
        let shop = shop_of(&steps);
        let now = Timestamp(shop.clock + later);
        let list = all_rows(page, |paging| {
            oversold(&shop.state, now, &Scope::default(), paging).map(|a| a.value)
        });
        let filter = StockFilter { scope: Scope::default(), only: Some(Only::Oversold) };
        prop_assert_eq!(list.len(), rows(&shop, now, &filter, 3).len());
        for row in &list {
            let uncovered: i64 = row.uncovered.iter().map(|hold| hold.uncovered).sum();
            prop_assert_eq!(uncovered + row.unlisted + row.without_reservation, row.stock.oversold);
            // From the highest seq down until the shortfall is covered, counted the slow way.
            let mut short = row.stock.oversold;
            let mut expected = Vec::new();
            for (seq, open) in held(&shop, row.place.position(), now).into_iter().rev() {
                let part = open.min(short);
                short -= part;
                if part > 0 {
                    expected.push((seq, open, part));
                }
            }
            let listed: Vec<_> = row.uncovered.iter().map(|hold| (hold.seq, hold.open, hold.uncovered)).collect();
            prop_assert_eq!((listed, row.without_reservation), (expected, short));
        }
    }

    #[test]
    fn holders_share_what_is_there_and_agree_with_the_reservations(
        steps in prop::collection::vec(step(), 0..60), later in 0..80i64, page in 1..4usize,
    ) {
        let shop = shop_of(&steps);
        let now = Timestamp(shop.clock + later);
        let positions: Vec<_> = shop.state.positions().map(|(position, _)| *position).collect();
        for position in positions {
            let there = stock(&shop.state, now, position).value.expect("a known position");
            let list = all_rows(page, |paging| {
                Ok(holders(&shop.state, now, position, paging)?.value.expect("a known position").holders)
            });
            let opens: Vec<_> = list.iter().map(|holder| (holder.seq, holder.open)).collect();
            prop_assert_eq!(opens, held(&shop, position, now));
            let covered: i64 = list.iter().map(|holder| holder.covered).sum();
            prop_assert_eq!(covered, there.reserved.min(there.sellable.max(0)));
            for holder in &list {
                prop_assert_eq!(holder.covered + holder.uncovered, holder.open);
                let view = crate::query::reservation(&shop.state, now, holder.id).value.expect("it is open");
                let mut lines = view.lines.iter().filter(|line| line.place.position() == position);
                prop_assert_eq!(
                    lines.next().map(|line| (line.open, line.covered, line.uncovered)),
                    Some((holder.open, holder.covered, holder.uncovered))
                );
            }
        }
    }

    #[test]
    fn every_open_reservation_is_listed_once_and_has_an_age(
        steps in prop::collection::vec(step(), 0..60), later in 0..80i64, page in 1..4usize,
    ) {
        let shop = shop_of(&steps);
        let now = Timestamp(shop.clock + later);
        let filter = ReservationFilter::default();
        let order = Order::descending(ReservationSort::Deadline);
        let list = all_rows(page, |paging| reservations(&shop.state, now, &filter, order, paging).map(|a| a.value));
        let mut listed: Vec<_> = list.iter().map(|row| row.seq).collect();
        listed.sort_unstable();
        let mut open: Vec<_> =
            shop.state.reservations().filter(|held| held.deadline > now).map(|held| held.seq).collect();
        open.sort_unstable();
        prop_assert_eq!(listed, open);
        let thresholds = [10, 30].map(std::time::Duration::from_micros);
        let buckets = ageing(&shop.state, now, &filter, &thresholds).expect("buckets").value;
        prop_assert_eq!(buckets.iter().map(|bucket| bucket.reservations).sum::<u64>(), list.len() as u64);
        prop_assert_eq!(
            buckets.iter().map(|bucket| bucket.units).sum::<i128>(),
            list.iter().map(|row| row.units).sum::<i128>()
        );
    }
}
