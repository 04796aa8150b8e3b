//! What the tool says of the past, held against the library and against its own other answers.

use super::{shop, tool};
use counterfoil::history::AsOf;
use counterfoil::query::Scope;
use counterfoil::{Ledger, Options, Timestamp};
use serde_json::Value;
use std::path::Path;

fn json(ledger: &Path, arguments: &str) -> Value {
    let output = tool(ledger).args(arguments.split(' ')).args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Goods that come, are counted, and are told late, before and behind the count; the instants of recording.
fn story(ledger: &Path) -> Vec<String> {
    let acts = [
        "receive MUG=20 RICE=1.250 -l SHOP --occurred-at 2026-01-10T09:00:00Z",
        "sell MUG=3 -l SHOP --occurred-at 2026-01-15T10:00:00Z",
        "count MUG=16 -l SHOP --occurred-at 2026-01-31T17:00:00Z",
        "sell MUG=1 -l SHOP --occurred-at 2026-01-20T10:00:00Z",
        "sell MUG=2 -l SHOP --occurred-at 2026-02-01T10:00:00Z",
        "reserve MUG=4 -l SHOP --order w-1",
        "transfer ship MUG=2 -l SHOP --to DEPOT --occurred-at 2026-02-02T10:00:00Z",
    ];
    acts.iter().map(|act| json(ledger, act)["recorded_at"].as_str().unwrap().to_owned()).collect()
}

/// The same figures, by SKU and location.
fn from_library(rows: &[counterfoil::history::PastRow]) -> Vec<Value> {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| (row.place.sku.clone(), row.place.position()));
    let figures = rows.iter().map(|row| {
        let amount = |units| counterfoil::named::amount(units, row.place.decimals);
        let stock = &row.stock;
        serde_json::json!([
            row.place.sku,
            row.place.location_code,
            amount(stock.physical),
            amount(stock.reserved),
            amount(stock.available),
            amount(stock.inbound),
            stock.version
        ])
    });
    figures.collect()
}

fn from_tool(rows: &Value) -> Vec<Value> {
    let keys = ["sku", "location", "physical", "reserved", "available", "inbound", "version"];
    rows.as_array().unwrap().iter().map(|row| keys.iter().map(|key| row[key].clone()).collect()).collect()
}

#[tokio::test]
async fn stock_as_of_a_moment_is_what_the_library_answers() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    let recorded = story(&dir);
    let dates = ["2026-01-15T10:00:00Z", "2026-01-31T16:59:59Z", "2026-01-31T17:00:00Z", "2026-02-28T00:00:00Z"];
    let times = recorded.iter().map(String::as_str).chain(dates);
    let moments: Vec<String> =
        times.flat_map(|time| [format!("known:{time}"), format!("true:{time}")]).chain(["7".to_owned()]).collect();
    let told: Vec<Value> = moments.iter().map(|moment| json(&dir, &format!("stock --as-of {moment}"))).collect();
    let ledger = Ledger::open(&dir, Options::default()).unwrap();
    let utc = counterfoil::Zone::new("UTC").unwrap();
    let mut different = std::collections::BTreeSet::new();
    for (moment, told) in moments.iter().zip(told) {
        let said: counterfoil::history::SaidMoment = moment.parse().unwrap();
        let as_of: AsOf = said.as_of(&utc, Timestamp(0)).unwrap();
        let answer = ledger.history().stock_list(&Scope::default(), as_of).unwrap();
        assert_eq!(from_tool(&told), from_library(&answer.value), "{moment}");
        for row in told.as_array().unwrap() {
            assert_eq!((&row["seq"], &row["as_of"]), (&answer.seq.0.into(), &answer.as_of.to_string().into()));
        }
        different.insert(from_tool(&told).iter().map(ToString::to_string).collect::<String>());
    }
    assert!(different.len() >= 8, "the moments tell something apart: {different:?}");
    ledger.close().await.unwrap();
}

#[test]
fn explanations_sum_to_the_figure_that_stock_shows() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    story(&dir);
    let sum =
        |rows: &Value, key: &str| rows.as_array().unwrap().iter().map(|row| row[key].as_i64().unwrap()).sum::<i64>();
    for moment in ["5", "8", "now", "true:2026-01-20", "true:2026-01-31", "true:now"] {
        let stock = json(&dir, &format!("stock --sku MUG --location SHOP --as-of {moment}"));
        let told = json(&dir, &format!("explain MUG --location SHOP --as-of {moment}"));
        for key in ["physical", "sellable", "unsellable", "reserved", "available"] {
            assert_eq!(told["stock"][key], stock[0][key], "{moment} {key}");
        }
        for key in ["physical", "sellable", "unsellable"] {
            assert_eq!(sum(&told["rows"], &format!("{key}_step")), stock[0][key], "{moment} {key}");
            assert_eq!(told["rows"].as_array().unwrap().last().unwrap()[key], stock[0][key], "{moment} {key}");
        }
        if !moment.starts_with("true") {
            let reserved = sum(&told["rows"], "reserved_step") - sum(&told["rows"], "lapsed");
            assert_eq!(reserved - told["lapsed_since"].as_i64().unwrap(), stock[0]["reserved"], "{moment}");
        }
        // Page by page from both ends it is the same.
        for (way, reversed) in [("", false), (" --newest", true)] {
            let (mut rows, mut after) = (Vec::new(), String::new());
            loop {
                let page = json(&dir, &format!("explain MUG --location SHOP --as-of {moment} --rows 2{way}{after}"));
                rows.extend(page["rows"].as_array().unwrap().clone());
                let Some(next) = page["next"].as_u64() else { break };
                after = format!(" --after {next}");
            }
            if reversed {
                rows.reverse();
            }
            assert_eq!(&Value::Array(rows), &told["rows"], "{moment}{way}");
        }
    }
}

#[test]
fn events_are_found_page_by_page_from_both_ends() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    let recorded = story(&dir);
    let seqs = |arguments: &str| -> Vec<u64> {
        json(&dir, arguments).as_array().unwrap().iter().map(|row| row["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs("events"), (0..12).collect::<Vec<u64>>());
    assert_eq!(seqs("events --sku MUG --rows 3"), [1, 5, 6]);
    assert_eq!(seqs("events --sku MUG --rows 3 --after 6"), [7, 8, 9]);
    assert_eq!(seqs("events --sku MUG --newest --rows 2"), [11, 10]);
    assert_eq!(seqs("events --sku MUG --newest --rows 2 --after 10"), [9, 8]);
    for nothing in ["--newest --after 0", "--after 11", "--from 18446744073709551615"] {
        assert_eq!(seqs(&format!("events {nothing}")), [] as [u64; 0], "{nothing}");
    }
    assert_eq!(seqs("events --from 3 --until 5"), [3, 4, 5]);
    assert_eq!(seqs("events --kind pos_delta"), [6, 8, 9]);
    assert_eq!(seqs("events --kind counted --kind pos_sale --until 8"), [6, 7, 8]);
    assert_eq!(seqs(&format!("events --from {} --until {}", recorded[1], recorded[2])), [6, 7]);
    assert_eq!(seqs(&format!("events --newest --rows 1 --until {}", recorded[4])), [9]);
    assert_eq!(seqs("events --until 2026-01-01T00:00Z"), [] as [u64; 0]);
}

#[test]
fn without_a_location_a_day_ends_by_the_clocks_that_all_locations_share() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("tokyo");
    for act in [
        "init",
        "item add MUG",
        "location add SHOP --zone Asia/Tokyo",
        "location add OLD --zone Europe/London",
        "location status OLD retired",
        // The last day of January in London, the first one of February in Tokyo.
        "receive MUG=5 -l SHOP --occurred-at 2026-01-31T14:59:59Z",
        "receive MUG=7 -l SHOP --occurred-at 2026-01-31T15:00:00Z",
    ] {
        tool(&dir).args(act.split(' ')).assert().success();
    }
    let physical = |question: &str| json(&dir, question)[0]["physical"].as_i64();
    assert_eq!(physical("stock --as-of true:2026-01-31"), Some(5));
    assert_eq!(physical("stock --as-of true:2026-01-31 --location SHOP"), Some(5));
    assert_eq!(physical("stock --as-of true:2026-01-31T23:59:59Z"), Some(12));
    let report = json(&dir, "report movement --sku MUG");
    let january = report.as_array().unwrap().iter().find(|row| row["period"] == "2026-01").expect("January");
    assert_eq!(january["closing"], 5, "reports end days by the same clocks");
    let step = |from: &str| json(&dir, &format!("difference --from {from}"))[0]["physical_step"].as_i64();
    assert_eq!((step("true:2026-01-31"), step("true:2026-01-31T15:00:00Z")), (Some(12 - 5), None));
}

#[test]
fn a_damaged_index_says_what_to_do_and_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    story(&dir);
    let explained = json(&dir, "explain MUG --location SHOP --as-of 9");
    assert_eq!(json(&dir, "info")["index_damage"], Value::Null);
    let runs = std::fs::read_dir(dir.join("derived/index")).unwrap().map(|entry| entry.unwrap().path());
    for run in runs.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("changes")) {
        let mut bytes = std::fs::read(&run).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&run, bytes).unwrap();
    }
    let output = tool(&dir).args(["explain", "MUG", "--location", "SHOP", "--as-of", "9"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("delete its directory `derived`") && said.contains("built again"), "{said}");
    let info = json(&dir, "info");
    assert!(info["index_damage"].as_str().is_some_and(|damage| damage.contains("`derived`")), "{info}");
    std::fs::remove_dir_all(dir.join("derived")).unwrap();
    assert_eq!(json(&dir, "explain MUG --location SHOP --as-of 9"), explained);
    assert_eq!(json(&dir, "info")["index_damage"], Value::Null);
}
