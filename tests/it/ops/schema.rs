//! What is really read and written, held against the schemas.

use super::{MUGS, command, demo_in, json, options, path, receive, set_up, succeeds};
use crate::lies::story::Story;
use counterfoil::api::{NamedError, Spoken};
use counterfoil::audit::Readable;
use counterfoil::domain::command::{Act, Adjust, Command, CreateItem, Receive, Reserve};
use counterfoil::domain::ids::{ItemId, LocationId, Position};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::{Ledger, SubmitError};
use counterfoil::log::{Head, Store, scan};
use jsonschema::Validator;
use serde_json::{Value, json};

fn schema(what: &str) -> Value {
    json(&succeeds(&["schema", what]))
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, value: &Value) {
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value}: {errors:?}");
}

const ID: &str = "01980000-0000-7000-8000-000000000001";

/// One of each kind of act.
fn acts() -> Vec<Value> {
    let position = json!({ "item": 1, "location": 2, "lot": 0 });
    let cost = json!({ "minor_units": 250, "currency": "GBP" });
    let entered = json!({ "unit": "case of 12", "quantity": "3" });
    let line = json!({ "position": position, "quantity": 3, "seen": 7,
        "detail": { "entered": entered, "unit_cost": cost } });
    let lines = json!([line, { "position": position, "bucket": "unsellable", "quantity": -1 }]);
    let returned = json!([{ "line": line, "disposition": "restock" }, { "line": line }]);
    let alias = json!({ "kind": "barcode", "text": "4006381333931" });
    vec![
        json!({ "kind": "create_item", "sku": "MUG", "decimals": 2 }),
        json!({ "kind": "set_decimals", "item": 1, "decimals": 6 }),
        json!({ "kind": "set_item_status", "item": 1, "status": "on_hold" }),
        json!({ "kind": "create_location", "code": "SHOP", "zone": "Europe/London" }),
        json!({ "kind": "set_location_status", "location": 1, "status": "retired" }),
        json!({ "kind": "create_lot", "item": 1, "code": "L 1" }),
        json!({ "kind": "set_lot_status", "lot": 1, "status": "active" }),
        json!({ "kind": "add_alias", "alias": alias, "target": { "item": 1 } }),
        json!({ "kind": "rename_alias", "alias": { "kind": { "lot": 1 }, "text": "L1" }, "to": "Käse" }),
        json!({ "kind": "merge_alias", "alias": alias, "into": { "lot": 3 } }),
        json!({ "kind": "retire_alias", "alias": alias }),
        json!({ "kind": "set_reorder_point", "position": position, "point": null }),
        json!({ "kind": "receive", "lines": lines }),
        json!({ "kind": "pos_delta", "source": "till", "external_id": "r-1",
            "delta": { "delta": "sale", "lines": lines } }),
        json!({ "kind": "pos_delta", "source": "till", "external_id": "r-2",
            "delta": { "delta": "return", "lines": returned } }),
        json!({ "kind": "return", "origin": "order", "excess": "unreferenced", "lines": returned }),
        json!({ "kind": "adjust", "lines": lines }),
        json!({ "kind": "count", "lines": [{ "position": position, "counted": 9 }] }),
        json!({ "kind": "ship_transfer", "transfer": ID, "to": 2, "lines": lines }),
        json!({ "kind": "receive_transfer", "transfer": ID, "lines": lines }),
        json!({ "kind": "close_transfer", "transfer": ID }),
        json!({ "kind": "reserve", "deadline": 1_700_000_000_000_000_i64, "lines": lines }),
        json!({ "kind": "amend", "reservation": ID, "lines": lines }),
        json!({ "kind": "extend", "reservation": ID, "deadline": null }),
        json!({ "kind": "fulfil", "holds": { "order": "o-1" }, "portion": { "lines": lines },
            "departure": "already_left" }),
        json!({ "kind": "release", "holds": { "reservation": ID }, "portion": "whole" }),
        json!({ "kind": "reclassify", "lines": lines }),
        json!({ "kind": "acknowledge_alert", "alert": ID }),
        json!({ "kind": "resolve_alert", "alert": ID }),
        json!({ "kind": "dismiss_alert", "alert": ID }),
        json!({ "kind": "close_period", "location": 1, "until": "2026-01-31" }),
        json!({ "kind": "close_period", "location": 1, "until": "2026-01-31T18:00:00.5" }),
    ]
}

fn with(act: &Value) -> Value {
    json!({ "actor": { "id": "ann" }, "act": act })
}

fn is_command(value: &Value) -> bool {
    serde_json::from_value::<Command>(value.clone()).is_ok()
}

#[test]
fn commands_of_every_kind_fit_their_schema_and_what_is_none_does_not() {
    let schema = schema("commands");
    let validator = validator(&schema);
    let kinds = schema["$defs"]["Act"]["oneOf"].as_array().unwrap().len();
    let acts = acts();
    let mut seen: Vec<&str> = acts.iter().map(|act| act["kind"].as_str().unwrap()).collect();
    seen.dedup();
    assert_eq!(seen.len(), kinds, "one of each kind of act");
    for act in &acts {
        let value = with(act);
        assert!(is_command(&value), "{value}");
        assert_valid(&validator, &value);
        // What the library writes is the same form.
        let written = serde_json::to_value(serde_json::from_value::<Command>(value).unwrap()).unwrap();
        assert_valid(&validator, &written);
    }
    let whole = json!({
        "id": ID, "actor": { "id": "ann", "established": "signed" }, "occurred_at": -5, "cause": { "event": 3 },
        "reason": "found", "order": "o-1", "documents": [{ "kind": "invoice", "id": "7" }], "note": "call Zoë",
        "act": { "kind": "close_transfer", "transfer": ID },
    });
    assert!(is_command(&whole));
    assert_valid(&validator, &whole);

    let create = |sku: &str| with(&json!({ "kind": "create_item", "sku": sku }));
    for refused in [
        json!({ "actor": { "id": "ann" } }),
        json!({ "actor": { "id": "" }, "act": acts[20] }),
        with(&json!({ "kind": "sell" })),
        with(&json!({ "kind": "receive" })),
        with(&json!({ "kind": "receive", "lines": [{ "position": { "item": 1 }, "quantity": 1 }] })),
        with(&json!({ "kind": "receive", "lines": [{ "position": MUGS, "quantity": "1" }] })),
        with(&json!({ "kind": "close_transfer", "transfer": "7" })),
        create(""),
        create(" MUG"),
        create("MUG\u{7}"),
        create(&"M".repeat(65)),
    ] {
        assert!(!is_command(&refused), "{refused}");
        assert!(!validator.is_valid(&refused), "{refused}");
    }
}

#[test]
fn events_of_every_kind_fit_their_schema_and_have_no_other_field() {
    let mut schema = schema("events");
    let plain = validator(&schema);
    schema["unevaluatedProperties"] = false.into();
    let strict = validator(&schema);

    let story = Story::of_every_kind().store();
    let mut kinds = std::collections::BTreeSet::new();
    for scanned in scan(&*story.reader(), Head::EMPTY) {
        let scanned = scanned.unwrap();
        let mut event = serde_json::to_value(Readable(&scanned.event)).unwrap();
        event["seq"] = scanned.seq.0.into();
        event["hash"] = scanned.hash.to_string().into();
        assert_valid(&plain, &event);
        assert_valid(&strict, &event);
        kinds.insert(event["kind"].as_str().unwrap().to_owned());
        for field in event.as_object().unwrap().keys() {
            let optional = ["occurred_at", "occurred_at_micros", "command_id", "digest", "order", "reason", "unit"];
            let optional = optional.contains(&field.as_str()) || field.starts_with("deadline");
            let mut less = event.clone();
            less.as_object_mut().unwrap().remove(field);
            assert_eq!(plain.is_valid(&less), optional, "{event} without {field}");
        }
    }
    // No rules have changed yet.
    assert_eq!(kinds.len() + 1, schema["oneOf"].as_array().unwrap().len(), "{kinds:?}");
}

/// Acts in words, of every kind whose form is not that of ids alone.
fn named_acts() -> Vec<Value> {
    let line = json!({ "sku": "RICE", "location": "SHOP", "quantity": "1.250", "seen": 7 });
    let of_lot = json!({ "sku": "JAM", "location": 2, "lot": "L-1", "bucket": "unsellable", "quantity": 4 });
    let by_ids = json!({ "position": { "item": 1, "location": 2 }, "quantity": 3 });
    let lines = json!([line, of_lot, by_ids]);
    let mut back = line.clone();
    back["disposition"] = "scrap".into();
    let returned = json!([back, { "line": of_lot, "disposition": "restock" }, by_ids]);
    let counted = json!([{ "sku": "RICE", "location": "SHOP", "counted": "0.5" }]);
    let alias = json!({ "kind": { "lot": "JAM" }, "text": "L1" });
    let lot = json!({ "sku": "JAM", "code": "L-1" });
    vec![
        json!({ "kind": "create_item", "sku": "MUG" }),
        json!({ "kind": "set_item_status", "item": "MUG", "status": "on_hold" }),
        json!({ "kind": "set_location_status", "location": "SHOP", "status": "retired" }),
        json!({ "kind": "create_lot", "item": "JAM", "code": "L-1" }),
        json!({ "kind": "set_lot_status", "lot": lot, "status": "retired" }),
        json!({ "kind": "add_alias", "alias": { "kind": "barcode", "text": "1" }, "target": { "lot": lot } }),
        json!({ "kind": "merge_alias", "alias": alias, "into": { "item": "MUG" } }),
        json!({ "kind": "set_reorder_point", "sku": "RICE", "location": "SHOP", "point": "2.500" }),
        json!({ "kind": "set_reorder_point", "sku": "JAM", "location": "SHOP", "lot": "L-1", "point": null }),
        json!({ "kind": "close_period", "location": "SHOP", "until": "2026-01-31" }),
        json!({ "kind": "receive", "lines": lines }),
        json!({ "kind": "pos_delta", "source": "till", "external_id": "1", "delta": "waste", "lines": lines }),
        json!({ "kind": "pos_delta", "source": "till", "external_id": "2", "delta": "return", "lines": returned }),
        json!({ "kind": "return", "origin": "unreferenced", "lines": returned }),
        json!({ "kind": "count", "lines": counted }),
        json!({ "kind": "ship_transfer", "transfer": ID, "to": "DEPOT", "lines": lines }),
        json!({ "kind": "reserve", "deadline": "2026-03-01T09:30:00+01:00", "lines": lines }),
        json!({ "kind": "extend", "reservation": ID }),
        json!({ "kind": "fulfil", "holds": { "order": "o-1" }, "portion": { "lines": lines } }),
        json!({ "kind": "release", "holds": { "reservation": ID } }),
    ]
}

/// A ledger that knows the items MUG, RICE with three decimals, and JAM with the lot L-1, and two locations.
async fn registered(dir: &std::path::Path) -> Ledger {
    let ledger = Ledger::create(dir.join("shop"), options()).unwrap();
    for act in [
        json!({ "kind": "create_item", "sku": "MUG" }),
        json!({ "kind": "create_item", "sku": "RICE", "decimals": 3 }),
        json!({ "kind": "create_item", "sku": "JAM" }),
        json!({ "kind": "create_location", "code": "SHOP", "zone": "UTC" }),
        json!({ "kind": "create_location", "code": "DEPOT", "zone": "UTC" }),
        json!({ "kind": "create_lot", "item": "JAM", "code": "L-1" }),
    ] {
        let text = json!({ "actor": "ann", "act": act }).to_string();
        let command = ledger.query(|state, _| Spoken::parse(&text).unwrap().command(state)).unwrap();
        ledger.submit(command).await.unwrap();
    }
    ledger
}

/// Whether `apply` understands it, whatever it names.
fn is_understood(ledger: &Ledger, value: &Value) -> bool {
    let text = value.to_string();
    let read = |said: Spoken<'_>| ledger.query(|state, _| said.command(state));
    let command = Spoken::parse(&text).map_err(NamedError::from).and_then(read);
    !matches!(command, Err(NamedError::Invalid(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_in_words_fit_their_schema_and_what_is_not_understood_does_not() {
    let place = tempfile::tempdir().unwrap();
    let ledger = registered(place.path()).await;
    let schema = schema("named");
    let validator = validator(&schema);
    let whole = json!({
        "id": ID, "actor": "ann", "occurred_at": "2026-03-01T09:30:00.25Z", "cause": { "event": 3 }, "order": null,
        "documents": [{ "kind": "invoice", "id": "7" }], "note": "call Zoë", "act": named_acts()[10],
    });
    let commands = acts().into_iter().chain(named_acts());
    for command in commands.map(|act| json!({ "actor": "ann", "act": act })).chain([whole]) {
        assert!(is_understood(&ledger, &command), "{command}");
        assert_valid(&validator, &command);
    }
    let receive = |line: Value| json!({ "actor": "ann", "act": { "kind": "receive", "lines": [line] } });
    let act = |act: Value| json!({ "actor": "ann", "act": act });
    for refused in [
        json!({ "act": named_acts()[0] }),
        json!({ "actor": 7, "act": named_acts()[0] }),
        json!({ "actor": "ann", "act": named_acts()[0], "when": "now" }),
        json!({ "actor": "ann", "act": named_acts()[0], "occurred_at": "2026-03-01" }),
        json!({ "actor": { "id": "ann", "name": "Ann" }, "act": named_acts()[0] }),
        act(json!({ "kind": "sell", "lines": [] })),
        act(json!({ "kind": "create_item", "sku": "MUG", "colour": "blue" })),
        act(json!({ "kind": "set_lot_status", "lot": "L-1", "status": "retired" })),
        act(json!({ "kind": "close_period", "location": "SHOP", "until": "2026-01-31T18:00:00Z" })),
        act(json!({ "kind": "pos_delta", "source": "till", "external_id": "1", "delta": "theft", "lines": [] })),
        act(json!({ "kind": "merge_alias", "alias": { "kind": "barcode", "text": "1" }, "into": "MUG" })),
        act(json!({ "kind": "fulfil", "holds": "o-1" })),
        act(json!({ "kind": "release", "holds": { "order": "o-1" }, "portion": "half" })),
        receive(json!({ "sku": "MUG", "location": "SHOP", "quantity": 1.5 })),
        receive(json!({ "sku": "MUG", "location": "SHOP", "quantity": "1,5" })),
        receive(json!({ "sku": "MUG", "location": "SHOP", "quantity": 1, "qty": 1 })),
        receive(json!({ "sku": "MUG", "quantity": 1 })),
        receive(json!({ "sku": "MUG", "location": "SHOP" })),
        receive(json!({ "position": { "item": 1, "location": 1 }, "quantity": "1" })),
        receive(json!({ "position": { "item": "MUG", "location": 1 }, "quantity": 1 })),
        receive(json!({ "position": { "item": 1, "location": 1 }, "sku": "MUG", "quantity": 1 })),
        receive(json!({ "sku": "MUG", "location": "SHOP", "quantity": 1, "disposition": "restock" })),
    ] {
        assert!(!validator.is_valid(&refused), "{refused}");
        assert!(!is_understood(&ledger, &refused), "{refused}");
    }
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_fixtures_and_the_scripts_of_the_tool_send_fits_the_schema_of_commands_in_words() {
    let place = tempfile::tempdir().unwrap();
    let ledger = registered(place.path()).await;
    let validator = validator(&schema("named"));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let mut commands: Vec<Value> = read("fixtures/shop/catalogue.jsonl").lines().map(json).collect();
    commands.extend(read("fixtures/shop/week.jsonl").lines().map(json).map(|line| line["command"].clone()));
    commands.retain(|command| !command.is_null());
    let fixtures = commands.len();
    let numbered = regex::Regex::new(r"\[id-\d+\]").unwrap();
    for script in std::fs::read_dir(root.join("tests/cmd")).unwrap() {
        let script = std::fs::read_to_string(script.unwrap().path()).unwrap();
        let sent = script.lines().filter_map(|line| line.strip_prefix("< "));
        let sent = sent.filter_map(|line| serde_json::from_str(&numbered.replace_all(line, ID)).ok());
        commands.extend(sent.filter(|command| is_understood(&ledger, command)));
    }
    assert!(fixtures > 100 && commands.len() > fixtures + 10, "{fixtures} of {}", commands.len());
    commands.iter().for_each(|command| assert_valid(&validator, command));
    ledger.close().await.unwrap();
}

#[test]
fn what_the_tool_prints_of_the_demo_fits_the_schema_of_events() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let mut schema = schema("events");
    schema["unevaluatedProperties"] = false.into();
    let validator = validator(&schema);
    let listed = json(&succeeds(&["events", "--ledger", path(&dir), "--format", "json"]));
    listed.as_array().unwrap().iter().for_each(|event| assert_valid(&validator, event));
    let exported = succeeds(&["export", "--ledger", path(&dir)]);
    let lines: Vec<Value> = exported.lines().map(json).collect();
    let end = lines.len() - 1;
    assert_eq!(end as u64, super::events_in(&dir) + 1, "a header before the events");
    lines[1..end].iter().for_each(|event| assert_valid(&validator, event));
    assert!(!validator.is_valid(&lines[0]) && !validator.is_valid(&lines[end]), "header and end are no events");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_refusals_fit_the_schema_of_answers() {
    let validator = validator(&schema("answers"));
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(place.path().join("shop"), options()).unwrap();
    set_up(&ledger).await;
    let receipt = receive(&ledger, 3).await;
    let hash = receipt.hash.to_string();
    assert_valid(
        &validator,
        &json!({ "line": 1, "status": "accepted", "seq": receipt.seq, "hash": hash, "recorded_at": "now", "duplicate": false }),
    );

    let lines = |position, quantity| [Line::new(position, Quantity(quantity))].into();
    let nowhere = Position::new(ItemId(9), LocationId(1));
    let acts = [
        Act::Reserve(Reserve { deadline: None, lines: lines(MUGS, 4) }),
        Act::Reserve(Reserve { deadline: None, lines: lines(nowhere, 4) }),
        Act::Receive(Receive { lines: lines(MUGS, -1) }),
        Act::Adjust(Adjust { lines: lines(MUGS, 1) }),
        Act::CreateItem(CreateItem { sku: AliasText::new("MUG").unwrap(), decimals: 0 }),
        Act::CreateItem(CreateItem { sku: AliasText::new("CUP").unwrap(), decimals: 9 }),
        Act::Receive(Receive { lines: vec![Line::new(MUGS, Quantity(1)); 5_000].into() }),
        Act::Receive(Receive { lines: [Line::new(MUGS, Quantity(1)).seen(counterfoil::Seq(1))].into() }),
    ];
    let mut codes = std::collections::BTreeSet::new();
    for act in acts {
        let refused = match ledger.submit(command(act)).await {
            Err(SubmitError::Rejected(rejection)) => rejection,
            other => panic!("{other:?}"),
        };
        let answer = json!({
            "line": 2, "status": "rejected", "code": refused.code(), "number": refused.number(),
            "message": refused.to_string(), "details": refused,
        });
        assert_valid(&validator, &answer);
        codes.insert(refused.code());
    }
    assert!(codes.len() >= 6, "{codes:?}");
    ledger.close().await.unwrap();

    assert_valid(&validator, &json!({ "line": 3, "status": "invalid", "message": "no such kind" }));
    assert_valid(&validator, &json!({ "line": 4, "status": "unknown", "command_id": ID, "message": "a write failed" }));
    for wrong in [
        json!({ "line": 1, "status": "accepted", "seq": 1, "hash": "ab", "duplicate": false }),
        json!({ "line": 1, "status": "done" }),
        json!({ "line": 4, "status": "unknown", "message": "no id" }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn answers_to_applied_commands_fit_their_schema() {
    let validator = validator(&schema("answers"));
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let file = place.path().join("commands.jsonl");
    let line = |sku: &str, quantity: i64| json!({ "sku": sku, "location": "SHOP", "quantity": quantity });
    let reserve = |line: Value| json!({ "kind": "reserve", "lines": [line] });
    let commands = [
        with(&json!({ "kind": "create_item", "sku": "NEW" })).to_string(),
        with(&reserve(line("RICE-KG", 1_000))).to_string(),
        with(&reserve(line("NONE", 1))).to_string(),
        with(&json!({ "kind": "sell" })).to_string(),
        "{".to_owned(),
    ];
    std::fs::write(&file, commands.join("\n")).unwrap();
    let (answers, _) = super::fails(1, &["apply", "--ledger", path(&dir), path(&file)]);
    let answers: Vec<Value> = answers.lines().map(json).collect();
    answers.iter().for_each(|answer| assert_valid(&validator, answer));
    let statuses: Vec<&Value> = answers.iter().map(|answer| &answer["status"]).collect();
    assert_eq!(statuses, ["accepted", "rejected", "rejected", "invalid", "invalid"]);
}
