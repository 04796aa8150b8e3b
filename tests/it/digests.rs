//! Two commands that differ in anything but id and note have different digests: else one would be answered as a repeat
//! of the other.

use crate::histories;
use counterfoil::domain::command::{AcknowledgeAlert, Act, Command, CommandKind, DismissAlert, ResolveAlert};
use counterfoil::domain::digest::content_digest;
use counterfoil::domain::ids::AlertId;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Words that stand in choices, so that one choice becomes another.
const WORDS: &[&str] = &[
    "active",
    "on_hold",
    "discontinued",
    "retired",
    "sellable",
    "unsellable",
    "restock",
    "quarantine",
    "scrap",
    "sale",
    "waste",
    "receipt",
    "correction",
    "return",
    "order",
    "unreferenced",
    "refuse",
    "now",
    "already_left",
    "whole",
    "asserted",
    "process",
    "authenticated",
    "signed",
    "sku",
    "barcode",
    "vendor",
    "location",
    "2026-02-28",
    "UTC",
    "Europe/London",
    "00000000-0000-4000-8000-000000000001",
];

fn any_command() -> impl Strategy<Value = Command> {
    let alert = |act: fn(AlertId) -> Act| {
        let id = any::<[u8; 16]>().prop_map(AlertId::from_bytes);
        (histories::command(), id).prop_map(move |(command, id)| Command { act: act(id), ..command })
    };
    prop_oneof![
        20 => histories::command(),
        1 => alert(|alert| AcknowledgeAlert { alert }.into()),
        1 => alert(|alert| ResolveAlert { alert }.into()),
        1 => alert(|alert| DismissAlert { alert }.into()),
    ]
}

/// What the digest is about.
fn told(command: &Command) -> Command {
    Command { id: None, note: None, ..command.clone() }
}

/// Every value that differs from this one in one place.
fn neighbours(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(1), json!("1")],
        Value::Bool(it) => vec![json!(!it)],
        Value::Number(it) => it
            .as_i64()
            .map(|it| vec![json!(it.wrapping_add(1)), json!(it.wrapping_sub(1)), Value::Null])
            .unwrap_or_default(),
        Value::String(it) => {
            let other = WORDS.iter().filter(|word| *word != it).map(|word| json!(word));
            let digits = it
                .char_indices()
                .next_back()
                .map(|(at, last)| json!(format!("{}{}", &it[..at], if last == '7' { '8' } else { '7' })));
            other.chain([json!(format!("{it}x"))]).chain(digits).collect()
        }
        Value::Array(all) => {
            let shorter = all.split_last().map(|(_, rest)| json!(rest));
            let longer = all.last().map(|last| json!([all.clone(), vec![last.clone()]].concat()));
            let swapped = (all.len() > 1 && all[0] != all[1]).then(|| {
                let mut all = all.clone();
                all.swap(0, 1);
                json!(all)
            });
            let within = all.iter().enumerate().flat_map(|(at, part)| {
                neighbours(part).into_iter().map(move |part| {
                    let mut all = all.clone();
                    all[at] = part;
                    json!(all)
                })
            });
            shorter.into_iter().chain(longer).chain(swapped).chain(within).collect()
        }
        Value::Object(fields) => {
            let without = fields.keys().map(|name| {
                let mut fields = fields.clone();
                fields.remove(name);
                json!(fields)
            });
            let with = ["seen", "detail", "disposition", "deadline", "point", "reason", "order", "occurred_at"];
            let with = with.into_iter().filter(|name| !fields.contains_key(*name)).flat_map(|name| {
                let detail = json!({"unit_cost": {"minor_units": 7, "currency": "EUR"}});
                let entered = json!({"entered": {"unit": "box", "quantity": "2"}});
                [json!(7), json!("7"), json!("scrap"), detail, entered].into_iter().map(move |value| {
                    let mut fields = fields.clone();
                    fields.insert(name.to_owned(), value);
                    json!(fields)
                })
            });
            let within = fields.iter().flat_map(|(name, part)| {
                neighbours(part).into_iter().map(move |part| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), part);
                    json!(fields)
                })
            });
            without.chain(with).chain(within).collect()
        }
    }
}

#[test]
fn commands_that_differ_in_one_place_have_different_digests() {
    let mut runner = TestRunner::deterministic();
    let mut compared: BTreeMap<CommandKind, usize> = BTreeMap::new();
    for _ in 0..400 {
        let command = any_command().new_tree(&mut runner).unwrap().current();
        let digest = content_digest(&command);
        let same = Command { note: Some("another".to_owned()), id: None, ..command.clone() };
        assert_eq!(content_digest(&same), digest, "neither id nor note are part of it");
        for other in neighbours(&serde_json::to_value(&command).unwrap()) {
            let Ok(other) = serde_json::from_value::<Command>(other) else { continue };
            if told(&other) != told(&command) {
                assert_ne!(content_digest(&other), digest, "{command:#?}\nand\n{other:#?}");
                *compared.entry(command.act.kind()).or_default() += 1;
            }
        }
    }
    let seen: BTreeSet<_> = compared.keys().copied().collect();
    assert_eq!(seen, CommandKind::ALL.iter().copied().collect(), "every kind is compared");
    for (kind, count) in compared {
        assert!(count >= 20, "{kind:?} was compared with {count} others only");
    }
}

proptest! {
    #[test]
    fn any_two_different_commands_have_different_digests(one in any_command(), other in any_command()) {
        prop_assert_eq!(told(&one) == told(&other), content_digest(&one) == content_digest(&other));
    }
}
