//! Commands in words against the canonical form, and what is said about those that are none.

use super::*;
use crate::api::{details, message, place};
use crate::domain::command::{Actor, Receive};
use crate::domain::event::{Body, Envelope, Event, Genesis, ItemCreated, LocationCreated, LotCreated, UnitMark};
use crate::domain::evolve::evolve;
use crate::domain::ids::{ItemId, LedgerId, LocationId, LotId, Position, Timestamp};
use crate::domain::line::Bucket;
use crate::domain::rejection::{Rejection, Shortage};
use crate::domain::text::{ActorId, AliasText, Zone};
use serde_json::json;
use smallvec::SmallVec;

/// Items MUG (1, no decimals), RICE (2, three), JAM (3, lot P-1 = 1); locations SHOP (1) and DEPOT (2).
fn shop() -> State {
    let text = |text: &str| AliasText::new(text).unwrap();
    let zone = || Zone::new("Europe/London").unwrap();
    let mut state = State::default();
    let bodies = [
        Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 }),
        Body::ItemCreated(ItemCreated { item: ItemId(1), sku: text("MUG"), decimals: 0 }),
        Body::ItemCreated(ItemCreated { item: ItemId(2), sku: text("RICE"), decimals: 3 }),
        Body::ItemCreated(ItemCreated { item: ItemId(3), sku: text("JAM"), decimals: 0 }),
        Body::LocationCreated(LocationCreated { location: LocationId(1), code: text("SHOP"), zone: zone() }),
        Body::LocationCreated(LocationCreated { location: LocationId(2), code: text("DEPOT"), zone: zone() }),
        Body::LotCreated(LotCreated { lot: LotId(1), item: ItemId(3), code: text("P-1") }),
    ];
    for body in bodies {
        let envelope = Envelope {
            recorded_at: Timestamp(1),
            occurred_at: None,
            command_id: None,
            digest: [0; 16],
            actor: Actor::asserted(ActorId::new("tester").unwrap()),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        };
        evolve(&mut state, &Event { envelope, body });
    }
    state
}

fn read(text: &str) -> Result<Command, NamedError> {
    Spoken::parse(text)?.command(&shop())
}

#[track_caller]
fn invalid(text: &str) -> String {
    match read(text) {
        Err(NamedError::Invalid(error)) => error.to_string(),
        other => panic!("{text} is read as {other:?}"),
    }
}

#[track_caller]
fn missing(text: &str) -> NotFound {
    match read(text) {
        Err(NamedError::NotFound(missing)) => missing,
        other => panic!("{text} is read as {other:?}"),
    }
}

fn act_of(act: serde_json::Value) -> String {
    json!({ "actor": "anna", "act": act }).to_string()
}

const ID: &str = "018f2b6e-7c1a-7d3e-9a4b-0123456789ab";

/// Every kind of act in the canonical form, with every optional part somewhere.
fn canonical_acts() -> Vec<serde_json::Value> {
    let position = json!({ "item": 3, "location": 1, "lot": 1 });
    let line = json!({ "position": position, "bucket": "unsellable", "quantity": -5 });
    let lines = json!([line, { "position": position, "bucket": "sellable", "quantity": 7, "seen": 4, "detail":
        { "entered": { "unit": "case", "quantity": "1.5" }, "unit_cost": { "minor_units": 250, "currency": "GBP" } } }]);
    let returned = json!([{ "line": line, "disposition": "restock" }, { "line": line }]);
    let alias = json!({ "kind": "sku", "text": "MUG" });
    let lot_alias = json!({ "kind": { "lot": 3 }, "text": "P-9" });
    let mut acts = vec![
        json!({ "kind": "create_item", "sku": "NEW", "decimals": 2 }),
        json!({ "kind": "set_decimals", "item": 1, "decimals": 2 }),
        json!({ "kind": "set_item_status", "item": 1, "status": "on_hold" }),
        json!({ "kind": "create_location", "code": "YARD", "zone": "Europe/Paris" }),
        json!({ "kind": "set_location_status", "location": 1, "status": "retired" }),
        json!({ "kind": "create_lot", "item": 3, "code": "P-2" }),
        json!({ "kind": "set_lot_status", "lot": 1, "status": "active" }),
        json!({ "kind": "add_alias", "alias": lot_alias, "target": { "lot": 1 } }),
        json!({ "kind": "rename_alias", "alias": alias, "to": "CUP" }),
        json!({ "kind": "merge_alias", "alias": alias, "into": { "item": 2 } }),
        json!({ "kind": "retire_alias", "alias": { "kind": "location", "text": "SHOP" } }),
        json!({ "kind": "set_reorder_point", "position": position, "point": 12 }),
        json!({ "kind": "set_reorder_point", "position": position, "point": null }),
        json!({ "kind": "close_period", "location": 1, "until": "2026-01-31" }),
        json!({ "kind": "close_period", "location": 1, "until": "2026-01-31T18:00:00" }),
        json!({ "kind": "return", "origin": "order", "excess": "unreferenced", "lines": returned }),
        json!({ "kind": "count", "lines": [{ "position": position, "bucket": "sellable", "counted": 4, "seen": 2 }] }),
        json!({ "kind": "ship_transfer", "transfer": ID, "to": 2, "lines": lines }),
        json!({ "kind": "receive_transfer", "transfer": ID, "lines": lines }),
        json!({ "kind": "close_transfer", "transfer": ID }),
        json!({ "kind": "reserve", "deadline": 5, "lines": lines }),
        json!({ "kind": "reserve", "lines": lines }),
        json!({ "kind": "amend", "reservation": ID, "lines": lines }),
        json!({ "kind": "extend", "reservation": ID, "deadline": null }),
        json!({ "kind": "fulfil", "holds": { "order": "A-1" }, "portion": { "lines": lines }, "departure": "already_left" }),
        json!({ "kind": "fulfil", "holds": { "reservation": ID }, "portion": "whole", "departure": "now" }),
        json!({ "kind": "release", "holds": { "reservation": ID }, "portion": "whole" }),
        json!({ "kind": "acknowledge_alert", "alert": ID }),
        json!({ "kind": "resolve_alert", "alert": ID }),
        json!({ "kind": "dismiss_alert", "alert": ID }),
    ];
    for kind in ["receive", "adjust", "reclassify"] {
        acts.push(json!({ "kind": kind, "lines": lines }));
    }
    for kind in ["sale", "waste", "receipt", "correction"] {
        let delta = json!({ "delta": kind, "lines": lines });
        acts.push(json!({ "kind": "pos_delta", "source": "till", "external_id": "r-1", "delta": delta }));
    }
    let delta = json!({ "delta": "return", "lines": returned });
    acts.push(json!({ "kind": "pos_delta", "source": "till", "external_id": "r-1", "delta": delta }));
    acts
}

#[test]
fn the_canonical_form_is_understood_unchanged() {
    let mut kinds = std::collections::BTreeSet::new();
    for act in canonical_acts() {
        kinds.insert(act["kind"].as_str().unwrap().to_owned());
        let envelope = json!({
            "id": ID, "actor": { "id": "anna", "established": "signed" }, "occurred_at": 7, "cause": { "event": 3 },
            "reason": "why", "order": "A-1", "documents": [{ "kind": "invoice", "id": "7" }], "note": "said", "act": act,
        });
        for value in [envelope, json!({ "actor": { "id": "anna" }, "act": act })] {
            let canonical: Command = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(read(&value.to_string()).as_ref(), Ok(&canonical), "{value}");
            // What the library writes itself is read back too.
            assert_eq!(read(&serde_json::to_string(&canonical).unwrap()), Ok(canonical));
        }
    }
    assert_eq!(kinds.len(), 30, "every kind of act: {kinds:?}");
}

#[test]
fn names_lead_to_what_ids_say() {
    let position = json!({ "item": 3, "location": 1, "lot": 1 });
    let table = [
        (
            json!({ "kind": "receive", "lines": [{ "sku": "JAM", "location": "SHOP", "lot": "P-1", "quantity": 5 }] }),
            json!({ "kind": "receive", "lines": [{ "position": position, "quantity": 5 }] }),
        ),
        (
            json!({ "kind": "receive", "lines": [{ "sku": 3, "location": 1, "lot": 1, "quantity": "5" }] }),
            json!({ "kind": "receive", "lines": [{ "position": position, "quantity": 5 }] }),
        ),
        (
            json!({ "kind": "reserve", "deadline": "1970-01-01T01:00:01+01:00",
                "lines": [{ "sku": "RICE", "location": "DEPOT", "quantity": "1.250", "seen": 9 }] }),
            json!({ "kind": "reserve", "deadline": 1_000_000,
                "lines": [{ "position": { "item": 2, "location": 2, "lot": 0 }, "quantity": 1250, "seen": 9 }] }),
        ),
        (
            json!({ "kind": "close_period", "location": "SHOP", "until": "2026-01-31" }),
            json!({ "kind": "close_period", "location": 1, "until": "2026-01-31" }),
        ),
        (
            json!({ "kind": "count", "lines": [{ "sku": "RICE", "location": "SHOP", "counted": 2 }] }),
            json!({ "kind": "count", "lines": [{ "position": { "item": 2, "location": 1, "lot": 0 }, "counted": 2000 }] }),
        ),
        (
            json!({ "kind": "return", "origin": "unreferenced",
                "lines": [{ "sku": "JAM", "location": "SHOP", "lot": "P-1", "quantity": 1, "disposition": "scrap" }] }),
            json!({ "kind": "return", "origin": "unreferenced",
                "lines": [{ "line": { "position": position, "quantity": 1 }, "disposition": "scrap" }] }),
        ),
        (
            json!({ "kind": "pos_delta", "source": "till", "external_id": "1", "delta": "sale",
                "lines": [{ "sku": "JAM", "location": "SHOP", "lot": "P-1", "quantity": 1 }] }),
            json!({ "kind": "pos_delta", "source": "till", "external_id": "1",
                "delta": { "delta": "sale", "lines": [{ "position": position, "quantity": 1 }] } }),
        ),
        (
            json!({ "kind": "set_reorder_point", "sku": "RICE", "location": "SHOP", "point": "0.5" }),
            json!({ "kind": "set_reorder_point", "position": { "item": 2, "location": 1, "lot": 0 }, "point": 500 }),
        ),
        (
            json!({ "kind": "set_lot_status", "lot": { "sku": "JAM", "code": "P-1" }, "status": "retired" }),
            json!({ "kind": "set_lot_status", "lot": 1, "status": "retired" }),
        ),
        (
            json!({ "kind": "ship_transfer", "transfer": ID, "to": "DEPOT",
                "lines": [{ "sku": "JAM", "location": "SHOP", "lot": "P-1", "quantity": 1 }] }),
            json!({ "kind": "ship_transfer", "transfer": ID, "to": 2, "lines": [{ "position": position, "quantity": 1 }] }),
        ),
        (
            json!({ "kind": "add_alias", "alias": { "kind": { "lot": "JAM" }, "text": "X" },
                "target": { "lot": { "sku": "JAM", "code": "P-1" } } }),
            json!({ "kind": "add_alias", "alias": { "kind": { "lot": 3 }, "text": "X" }, "target": { "lot": 1 } }),
        ),
        (
            json!({ "kind": "create_lot", "item": "MUG", "code": "X" }),
            json!({ "kind": "create_lot", "item": 1, "code": "X" }),
        ),
        (
            json!({ "kind": "set_item_status", "item": "MUG", "status": "active" }),
            json!({ "kind": "set_item_status", "item": 1, "status": "active" }),
        ),
        (
            json!({ "kind": "set_location_status", "location": "DEPOT", "status": "retired" }),
            json!({ "kind": "set_location_status", "location": 2, "status": "retired" }),
        ),
    ];
    for (said, canonical) in table {
        let canonical: Command =
            serde_json::from_value(json!({ "actor": { "id": "anna" }, "act": canonical })).unwrap();
        assert_eq!(read(&act_of(said.clone())), Ok(canonical), "{said}");
    }
}

#[test]
fn a_quantity_is_exact_or_refused() {
    let read_quantity = |sku: &str, quantity: &str| {
        let line = format!(r#"{{"sku":"{sku}","location":"SHOP","quantity":{quantity}}}"#);
        match read(&format!(r#"{{"actor":"a","act":{{"kind":"receive","lines":[{line}]}}}}"#)) {
            Ok(Command { act: Act::Receive(Receive { lines }), .. }) => Ok(lines[0].quantity.0),
            Err(NamedError::Invalid(Invalid { path, problem })) => {
                assert_eq!(path, "act.lines[0].quantity", "{problem}");
                Err(problem)
            }
            other => panic!("{other:?}"),
        }
    };
    for (sku, quantity, units) in [
        ("MUG", "12", 12),
        ("MUG", "\"12\"", 12),
        ("MUG", "-3", -3),
        ("MUG", "0", 0),
        ("RICE", "12", 12_000),
        ("RICE", "\"1.7\"", 1_700),
        ("RICE", "\"-0.001\"", -1),
        ("MUG", "1000000000000000", 1_000_000_000_000_000),
        ("RICE", "1000000000000", 1_000_000_000_000_000),
    ] {
        assert_eq!(read_quantity(sku, quantity), Ok(units), "{sku} {quantity}");
    }
    for (sku, quantity, said) in [
        ("MUG", "-0", "write a decimal as text"),
        ("MUG", "1.5", "write a decimal as text"),
        ("MUG", "1.0", "write a decimal as text"),
        ("MUG", "1e3", "write a decimal as text"),
        ("MUG", "1000000000000000000", "beyond 1000000000000000 smallest units"),
        ("RICE", "1000000000001", "beyond 1000000000000000 smallest units"),
        ("MUG", "99999999999999999999999999", "write a decimal as text"),
        ("MUG", "\"1000000000000000000\"", "beyond 1000000000000000 smallest units"),
        ("MUG", "\"-0\"", "minus zero"),
        ("MUG", "\"NaN\"", "not one of 0-9"),
        ("RICE", "\"1.70000\"", "5 decimal places, the item has 3"),
        ("MUG", "\"1e3\"", "not one of 0-9"),
        ("MUG", "\" 5\"", "not one of 0-9"),
        ("MUG", "\"５\"", "not one of 0-9"),
        ("MUG", "\"\"", "empty"),
        ("MUG", "true", "true or false"),
        ("MUG", "[1]", "a list"),
    ] {
        let problem = read_quantity(sku, quantity).expect_err(quantity);
        assert!(problem.contains(said), "{quantity}: {problem}");
    }
    let by_id = |quantity: &str| {
        let line = format!(r#"{{"position":{{"item":2,"location":1,"lot":0}},"quantity":{quantity}}}"#);
        format!(r#"{{"actor":"a","act":{{"kind":"receive","lines":[{line}]}}}}"#)
    };
    assert!(invalid(&by_id("\"1.5\"")).contains("smallest units"));
    assert!(invalid(&by_id("1.5")).contains("write a decimal as text"));
    assert!(invalid(&by_id("9223372036854775808")).contains("beyond"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let line = |extra: &str| {
        format!(r#"{{"actor":"a","act":{{"kind":"receive","lines":[{{"sku":"MUG","location":"SHOP"{extra}}}]}}}}"#)
    };
    let table = [
        ("".to_owned(), "not a command in JSON"),
        ("[]".to_owned(), "must be an object, not a list"),
        ("{\"actor\":\"a\"}".to_owned(), "act: is missing; given here: actor"),
        (act_of(json!({ "kind": "steal" })), "act.kind: \"steal\" is unknown here; it can be create_item, "),
        (line(""), "act.lines[0].quantity: is missing; given here: sku, location"),
        (line(r#","quantity":1,"qty":2"#), "act.lines[0].qty: unknown field; known here: bucket, "),
        (line(r#","quantity":1,"position":{"item":1,"location":1}"#), "act.lines[0].sku: unknown field"),
        (line(r#","quantity":1,"quantity":2"#), "the field \"quantity\" stands twice"),
        (
            line(r#","quantity":1,"bucket":"broken""#),
            "act.lines[0].bucket: \"broken\" is unknown here; it can be sellable",
        ),
        (act_of(json!({ "kind": "receive", "lines": [{ "quantity": 1 }] })), "act.lines[0]: needs a \"sku\""),
        (
            act_of(
                json!({ "kind": "receive", "lines": [{ "position": { "item": "MUG", "location": 1 }, "quantity": 1 }] }),
            ),
            "act.lines[0].position.item: a position takes ids",
        ),
        (
            act_of(json!({ "kind": "set_lot_status", "lot": "P-1", "status": "active" })),
            "act.lot: must be a lot's number",
        ),
        (act_of(json!({ "kind": "close_transfer", "transfer": "van" })), "an id is a uuid"),
        (
            r#"{"actor":"a","occurred_at":"2026-03-01T09:30:00","act":{"kind":"receive","lines":[]}}"#.to_owned(),
            "want a date and time with its zone",
        ),
        (r#"{"actor":"a","note":5,"act":{}}"#.to_owned(), "note: must be a text, not a whole number"),
        (r#"{"actor":" a","act":{}}"#.to_owned(), "actor: actor id begins or ends with white space"),
        (r#"{"actor":"a","cause":{},"act":{}}"#.to_owned(), "cause: must be {\"event\":…} or"),
        (r#"{"actor":"a","act":{"kind":"count","lines":{}}}"#.to_owned(), "act.lines: must be a list, not an object"),
        (format!("{}1{}", "[".repeat(200), "]".repeat(200)), "recursion limit"),
    ];
    for (text, said) in table {
        let problem = invalid(&text);
        assert!(problem.contains(said), "{text}\n{problem}\nshould say {said}");
    }
}

#[test]
fn of_several_unknown_names_the_lowest_number_is_refused() {
    let lines = json!([
        { "sku": "MUG", "location": "MOON", "quantity": 1 },
        { "sku": "JAM", "location": "SHOP", "lot": "P-7", "quantity": 1 },
    ]);
    let found = missing(&act_of(json!({ "kind": "receive", "lines": lines })));
    assert_eq!((found.code(), found.number()), ("LOCATION_NOT_FOUND", 61));
    assert_eq!(found.details(), json!({ "location": "MOON", "path": "act.lines[0].location" }));

    let found = missing(&act_of(json!({ "kind": "receive", "lines": [lines[1], lines[1]] })));
    assert_eq!((found.code(), found.number()), ("LOT_NOT_FOUND", 62));
    assert_eq!(found.details(), json!({ "lot": "P-7", "item": 3, "sku": "JAM", "path": "act.lines[0].lot" }));

    let unknown = json!({ "sku": "mug", "location": "SHOP", "lot": "P-7", "quantity": "1.5" });
    let found = missing(&act_of(json!({ "kind": "receive", "lines": [lines[0], unknown] })));
    assert_eq!((found.code(), found.number()), ("PRODUCT_NOT_FOUND", 60));
    assert_eq!(found.details(), json!({ "sku": "mug", "path": "act.lines[1].sku" }));
    assert_eq!(found.to_string(), "no item has the SKU \"mug\"; case matters");

    // What is no command at all goes before what names nothing.
    assert!(invalid(&act_of(json!({ "kind": "receive", "lines": [unknown, 7] }))).contains("act.lines[1]"));
}

#[test]
fn refusals_come_back_with_names_and_units() {
    let state = shop();
    let rice = Position::new(ItemId(2), LocationId(1));
    let jam = Position::of_lot(ItemId(3), LocationId(2), LotId(1));
    let short = vec![
        Shortage { position: rice, bucket: Bucket::Sellable, wanted: 1_500, available: -250 },
        Shortage { position: jam, bucket: Bucket::Unsellable, wanted: 9, available: 7 },
    ];
    let refused = Rejection::InsufficientStock { short };
    assert_eq!(
        message(&refused, &state),
        "not enough stock: 1.500 wanted, -0.250 available of RICE at SHOP; \
         9 wanted, 7 available of unsellable JAM lot P-1 at DEPOT"
    );
    let wanted = json!({ "short": [
        { "position": { "item": 2, "location": 1, "lot": 0 }, "sku": "RICE", "location_code": "SHOP",
          "bucket": "sellable", "wanted": "1.500", "available": "-0.250" },
        { "position": { "item": 3, "location": 2, "lot": 1 }, "sku": "JAM", "location_code": "DEPOT", "lot_code": "P-1",
          "bucket": "unsellable", "wanted": 9, "available": 7 },
    ]});
    assert_eq!(details(&refused, &state), wanted);

    let unknown = Rejection::ProductNotFound { item: ItemId(77) };
    assert_eq!(message(&unknown, &state), "there is no item 77");
    assert_eq!(details(&unknown, &state), json!({ "item": 77 }));

    let gone = Rejection::NoReservation { reservation: None, order: None, position: Some(rice) };
    assert_eq!(message(&gone, &state), "there is no open hold on RICE at SHOP");
    assert_eq!(place(&state, Position::new(ItemId(9), LocationId(9))), "item 9 at location 9");
}

#[test]
fn an_act_says_which_names_it_makes() {
    let act = |act| read(&act_of(act)).unwrap().act;
    let made = act(json!({ "kind": "create_item", "sku": "NEW" }));
    assert_eq!(Renames::of(&made), Renames::Texts("NEW", None));
    let renamed = act(json!({ "kind": "rename_alias", "alias": { "kind": "sku", "text": "MUG" }, "to": "CUP" }));
    assert_eq!(Renames::of(&renamed), Renames::Texts("MUG", Some("CUP")));
    let units = act(json!({ "kind": "set_decimals", "item": "MUG", "decimals": 1 }));
    assert_eq!(Renames::of(&units), Renames::Units);
    let none = act(json!({ "kind": "close_transfer", "transfer": ID }));
    assert_eq!(Renames::of(&none), Renames::None);

    let text = act_of(json!({ "kind": "receive", "lines": [{ "sku": "MUG", "location": "SHOP", "quantity": 1 }] }));
    let mut texts = Vec::new();
    Spoken::parse(&text).unwrap().each_text(|text| texts.push(text.to_owned()));
    texts.sort_unstable();
    assert_eq!(texts, ["MUG", "SHOP", "anna", "receive"]);
}

#[test]
fn a_number_as_text_stands_for_what_is_there() {
    let receive = |line: serde_json::Value| act_of(json!({ "kind": "receive", "lines": [line] }));
    let numbered = json!({ "sku": "id:3", "lot": "id:1", "location": "id:2", "quantity": 4 });
    let named = json!({ "sku": "JAM", "lot": "P-1", "location": "DEPOT", "quantity": 4 });
    assert_eq!(read(&receive(numbered)), read(&receive(named)));
    // A quantity is read in the item's unit all the same.
    let rice = json!({ "sku": "id:2", "location": "SHOP", "quantity": "1.5" });
    let named = json!({ "sku": "RICE", "location": "SHOP", "quantity": "1.5" });
    assert_eq!(read(&receive(rice)), read(&receive(named)));
    for (line, code) in [
        (json!({ "sku": "id:9", "location": "SHOP", "quantity": 1 }), "PRODUCT_NOT_FOUND"),
        (json!({ "sku": "MUG", "location": "id:9", "quantity": 1 }), "LOCATION_NOT_FOUND"),
        (json!({ "sku": "MUG", "lot": "id:1", "location": "SHOP", "quantity": 1 }), "LOT_NOT_FOUND"),
    ] {
        assert_eq!(missing(&receive(line)).code(), code);
    }
}
