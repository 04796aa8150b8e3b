//! Items, locations, lots, aliases.

use super::*;
use crate::domain::command::{AliasTarget, ItemStatus};
use crate::domain::event::{AliasAdded, AliasMerged, AliasRetired, ItemStatusSet};
use crate::query::{
    EntitySort, ItemFilter, Named, Order, aliases_of, by_alias, item, items, location, locations, lot, lots,
};

#[test]
fn things_are_found_by_their_numbers() {
    let mut shop = Shop::new();
    let tea = shop.item("TEA", 2);
    let here = shop.location("HERE");
    let batch = shop.lot(tea, "BATCH");
    let (state, now) = (&shop.state, shop.now());
    let view = item(state, now, tea).value.expect("an item");
    assert_eq!((view.sku.as_str(), view.decimals, view.accounts.sum()), ("TEA", 2, 0));
    assert_eq!(location(state, now, here).value.map(|view| view.code), Some(text("HERE")));
    assert_eq!(lot(state, now, batch).value.map(|view| (view.item, view.code)), Some((tea, text("BATCH"))));
    assert_eq!(item(state, now, ItemId(9)).some(), None);
    assert_eq!(location(state, now, LocationId(0)).some(), None);
    assert_eq!(lot(state, now, LotId::NONE).some(), None);
}

#[test]
fn an_alias_names_what_it_names_now() {
    let mut shop = Shop::stocked();
    let batch = shop.lot(ItemId(1), "BATCH");
    let named = |shop: &Shop, alias: &Alias| by_alias(&shop.state, shop.now(), alias).value;
    assert!(matches!(named(&shop, &sku("A")), Some(Named::Item(item)) if item.item == ItemId(1)));
    assert_eq!(named(&shop, &sku("a")), None, "compared byte for byte");
    let code = Alias { kind: AliasKind::Location, text: text("L2") };
    assert!(matches!(named(&shop, &code), Some(Named::Location(place)) if place.location == LocationId(2)));
    let of_lot = |item| Alias { kind: AliasKind::Lot(item), text: text("BATCH") };
    assert!(matches!(named(&shop, &of_lot(ItemId(1))), Some(Named::Lot(lot)) if lot.lot == batch));
    assert_eq!(named(&shop, &of_lot(ItemId(2))), None);
    shop.fold(Body::AliasMerged(AliasMerged { alias: sku("A"), into: AliasTarget::Item(ItemId(2)) }));
    assert!(matches!(named(&shop, &sku("A")), Some(Named::Item(item)) if item.item == ItemId(2)));
    shop.fold(Body::AliasRetired(AliasRetired { alias: sku("A") }));
    assert_eq!(named(&shop, &sku("A")), None);
}

#[test]
fn every_alias_of_a_thing_is_listed_in_order() {
    let mut shop = Shop::stocked();
    let target = AliasTarget::Item(ItemId(1));
    let barcode = Alias { kind: AliasKind::Barcode, text: text("400") };
    shop.fold(Body::AliasAdded(AliasAdded { alias: barcode.clone(), target }));
    shop.fold(Body::AliasAdded(AliasAdded { alias: sku("0A"), target }));
    assert_eq!(aliases_of(&shop.state, shop.now(), target).value, [sku("0A"), sku("A"), barcode]);
    assert_eq!(aliases_of(&shop.state, shop.now(), AliasTarget::Lot(LotId(1))).value, []);
}

#[test]
fn items_are_filtered_and_sorted() {
    let mut shop = Shop::new();
    for sku in ["TEA-2", "COFFEE", "TEA-1"] {
        shop.item(sku, 0);
    }
    shop.fold(Body::ItemStatusSet(ItemStatusSet { item: ItemId(1), status: ItemStatus::Discontinued }));
    let list = |filter: ItemFilter, order| -> Vec<u32> {
        let rows = all_rows(1, |paging| items(&shop.state, shop.now(), &filter, order, paging).map(|a| a.value));
        rows.iter().map(|row| row.item.0).collect()
    };
    let by_name = Order::ascending(EntitySort::Name);
    assert_eq!(list(ItemFilter::default(), by_name), [2, 3, 1]);
    assert_eq!(list(ItemFilter::default(), Order::descending(EntitySort::Number)), [3, 2, 1]);
    let tea = ItemFilter { sku_prefix: Some("TEA-".into()), status: None };
    assert_eq!(list(tea.clone(), by_name), [3, 1]);
    assert_eq!(list(ItemFilter { status: Some(ItemStatus::Active), ..tea }, by_name), [3]);
}

#[test]
fn locations_and_lots_are_listed() {
    let mut shop = Shop::stocked();
    for (item, code) in [(1, "Z"), (2, "Y"), (1, "X")] {
        shop.lot(ItemId(item), code);
    }
    let (state, now) = (&shop.state, shop.now());
    let by_name = Order::ascending(EntitySort::Name);
    let codes =
        all_rows(1, |paging| locations(state, now, Order::descending(EntitySort::Name), paging).map(|a| a.value));
    assert_eq!(codes.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["L2", "L1"]);
    let of = |item| -> Vec<u32> {
        let rows = all_rows(1, |paging| lots(state, now, item, by_name, paging).map(|a| a.value));
        rows.iter().map(|row| row.lot.0).collect()
    };
    assert_eq!((of(None), of(Some(ItemId(1))), of(Some(ItemId(3)))), (vec![3, 2, 1], vec![3, 1], vec![]));
}
