//! Pages and cursors.

use super::*;
use crate::limits::PAGE_ROWS_MAX;
use crate::query::{Cursor, EntitySort, ItemFilter, Order, StockFilter, StockSort, items, stock_list};
use std::collections::BTreeSet;

fn ask(shop: &Shop, order: Order<StockSort>, paging: &Paging) -> Result<Page<Position>, QueryError> {
    let page = stock_list(&shop.state, shop.now(), &StockFilter::default(), order, paging)?.value;
    let rows = page.rows.iter().map(|row| row.place.position()).collect();
    Ok(Page { rows, matched: page.matched, next: page.next })
}

fn many() -> Shop {
    let mut shop = Shop::new();
    let locations = [shop.location("L1"), shop.location("L2")];
    for number in (0..40).rev() {
        let item = shop.item(&format!("SKU-{number:02}"), 0);
        for location in locations {
            // Few different figures, so that most rows tie.
            shop.receive(at(item, location), 1 + number % 3);
        }
    }
    shop
}

#[test]
fn every_row_is_visited_once_in_every_order_and_page_size() {
    let shop = many();
    let sorts = [
        StockSort::Sku,
        StockSort::Item,
        StockSort::Location,
        StockSort::Physical,
        StockSort::Available,
        StockSort::Oversold,
    ];
    for by in sorts {
        for order in [Order::ascending(by), Order::descending(by)] {
            let whole = all_rows(PAGE_ROWS_MAX, |paging| ask(&shop, order, paging));
            assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), 80);
            for rows in [1, 7, 79, 80, 81] {
                assert_eq!(all_rows(rows, |paging| ask(&shop, order, paging)), whole, "{order:?} by {rows}");
            }
        }
    }
}

#[test]
fn rows_that_appear_between_pages_neither_repeat_nor_hide_others() {
    let mut shop = many();
    let before: BTreeSet<_> = shop.state.positions().map(|(position, _)| *position).collect();
    let order = Order::descending(StockSort::Physical);
    let mut paging = Paging::first(7);
    let mut seen = Vec::new();
    loop {
        let page = ask(&shop, order, &paging).expect("a page");
        seen.extend(page.rows);
        assert!(seen.len() <= 200, "the pages have no end");
        let Some(next) = page.next else { break };
        paging = paging.starting_after(next);
        // One before and one behind the cursor, tied with others.
        for quantity in [3, 1] {
            let item = shop.item(&format!("NEW-{}", shop.clock), 0);
            if seen.len() < 60 {
                shop.receive(at(item, LocationId(1)), quantity);
            }
        }
    }
    let once: BTreeSet<_> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "no row came twice");
    assert!(before.is_subset(&once), "no row was lost");
}

#[test]
fn the_row_that_a_cursor_names_may_have_gone() {
    let mut shop = Shop::stocked();
    let held = [1, 2, 3].map(|item| shop.reserve(None, None, &[(at(ItemId(item), LocationId(1)), 1)]));
    let filter = crate::query::ReservationFilter::default();
    let order = Order::ascending(crate::query::ReservationSort::Seq);
    let ask = |shop: &Shop, paging: &Paging| {
        crate::query::reservations(&shop.state, shop.now(), &filter, order, paging).expect("a page").value
    };
    let first = ask(&shop, &Paging::first(2));
    shop.release(held[1], at(ItemId(2), LocationId(1)), 1);
    let rest = ask(&shop, &Paging::first(2).starting_after(first.next.expect("one more")));
    assert_eq!(rest.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [held[2]]);
    assert_eq!((rest.matched, rest.next), (2, None));
}

#[test]
fn a_full_last_page_has_no_next() {
    let shop = many();
    let page = ask(&shop, Order::default(), &Paging::first(80)).expect("a page");
    assert_eq!((page.rows.len(), page.next), (80, None));
}

#[test]
fn page_sizes_out_of_bounds_are_refused() {
    let shop = many();
    for given in [0, PAGE_ROWS_MAX + 1, usize::MAX] {
        let error = ask(&shop, Order::default(), &Paging::first(given)).expect_err("refused");
        assert_eq!(error, QueryError::PageRows { given });
        assert_eq!(error.code(), "LIMIT_EXCEEDED");
        assert!(error.to_string().contains(&given.to_string()));
    }
}

#[test]
fn a_cursor_is_good_for_its_list_sort_and_direction_only() {
    let shop = many();
    let order = Order::ascending(StockSort::Sku);
    let next = ask(&shop, order, &Paging::first(3)).expect("a page").next.expect("more");
    let paging = Paging::first(3).starting_after(next);
    for other in [Order::descending(StockSort::Sku), Order::ascending(StockSort::Available)] {
        let error = ask(&shop, other, &paging).expect_err("refused");
        assert!(matches!(error, QueryError::CursorForeign { .. }), "{error}");
    }
    let by_name = Order::ascending(EntitySort::Name);
    assert!(items(&shop.state, shop.now(), &ItemFilter::default(), by_name, &paging).is_err());
}

#[test]
fn a_cursor_reads_back_from_its_text() {
    let table = [
        "stock.available.descending~4.1.0~n-12",
        "stock.sku.ascending~4.1.0~tTEA~50 n",
        "reservations.order.ascending~7.0.0~t",
        "alerts.urgency.descending~18446744073709551615.0.9~n9223372036854775807",
    ];
    for text in table {
        let cursor: Cursor = text.parse().expect(text);
        assert_eq!(cursor.to_string(), text);
        let json = serde_json::to_string(&cursor).expect("json");
        assert_eq!(serde_json::from_str::<Cursor>(&json).expect("a cursor"), cursor);
    }
}

#[test]
fn what_is_no_cursor_is_refused() {
    let long = format!("stock.sku.ascending~1.1.1~t{}", "x".repeat(300));
    let wrong =
        ["", "~", "~~", "a~1.2~n1", "a~1.2.3.4~n1", "a~1.2.-3~n1", "a~1.2.3~", "a~1.2.3~x1", "a~1.2.3~n", &long];
    for text in wrong {
        assert_eq!(text.parse::<Cursor>(), Err(QueryError::CursorMalformed), "{text:?}");
    }
}
