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
        let amount = |units| counterfoil::api::amount(units, row.place.decimals);
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

/// Flips a byte in the first block of a run.
fn flip(run: &Path) {
    let mut bytes = std::fs::read(run).unwrap();
    bytes[1_000] ^= 1;
    std::fs::write(run, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

const QUESTIONS: [&str; 8] = [
    "stock --as-of known:NOW",
    "stock --as-of true:2026-01-31",
    "explain MUG --location SHOP --as-of 9",
    "explain MUG --location SHOP --as-of true:2026-01-31",
    "events --sku MUG",
    "events --actor tester --newest",
    "events --source till --external-id r-2",
    "report movement --sku MUG",
];

/// What meets damage of each kind of run.
const MEETS: [(&str, &str); 7] = [
    ("commands", ACTS[1]),
    ("externals", ACTS[0]),
    ("moves", QUESTIONS[1]),
    ("moves", ACTS[3]),
    ("shipments", ACTS[2]),
    ("changes", QUESTIONS[2]),
    ("postings", QUESTIONS[4]),
];

#[test]
fn a_damaged_part_of_the_index_is_a_warning_and_every_answer_is_right() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    story(&dir);
    json(&dir, ACTS[0]);
    json(&dir, ACTS[1]);
    let now = json(&dir, "info")["recorded_at"].as_str().unwrap().to_owned();
    for (family, ask) in QUESTIONS.iter().chain(&ACTS).map(|ask| ("", *ask)).chain(MEETS) {
        let ask = ask.replace("NOW", &now);
        let ((_sound, sound), (_damaged, damaged)) = (copied(&dir, "none"), copied(&dir, family));
        let (answer, said) = told(&damaged, &ask);
        assert_eq!((answer, String::new()), told(&sound, &ask), "{family}, {ask}");
        assert!(
            said.contains("WARNING") && said.contains("is damaged") && said.contains("is built again"),
            "{ask}: {said}"
        );
        // A report says besides that it reads the log instead.
        let most = if ask.starts_with("report") { 2 } else { 1 };
        let is_warned = said.lines().all(|line| line.starts_with("counterfoil: WARNING: "));
        assert!(said.contains(&format!("\"{family}")) && is_warned, "{family}, {ask}: {said}");
        assert!(said.lines().count() <= most, "{family}, {ask}: {said}");
        // From here on it is as if nothing had been.
        for next in ["stock --as-of 9", "sell MUG=1 -l SHOP"] {
            assert_eq!(told(&damaged, next), told(&sound, next), "{family}, {ask}, {next}");
        }
        assert_eq!(json(&damaged, "replay")["ok"], true, "{ask}");
    }
}

/// A sale and a command that are in the log, a return of what an order got, and a late count.
const ACTS: [&str; 4] = [
    "sell MUG=2 -l SHOP --order w-2 --source till --external-id r-2",
    "receive MUG=1 -l SHOP --id 00000000-0000-0000-0000-000000000077",
    "return MUG=1 -l SHOP --order w-2 --disposition restock",
    "count MUG=9 -l SHOP --occurred-at 2026-02-10T12:00:00Z",
];

/// A copy of a ledger with the runs of this family damaged; all of them where none is named.
fn copied(ledger: &Path, family: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let copied = place.path().join("shop");
    copy(ledger, &copied);
    for run in runs(&copied).iter().filter(|run| run.starts_with(family)) {
        flip(&copied.join("derived/index").join(run));
    }
    (place, copied)
}

/// What the tool answers, and what it says beside it.
fn told(ledger: &Path, arguments: &str) -> (Value, String) {
    let output = tool(ledger).args(arguments.split(' ')).args(["--format", "json"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What depends on the moment when it was asked, or on chance.
    let rows: Vec<&mut Value> = match answer {
        Value::Array(ref mut rows) => rows.iter_mut().collect(),
        ref mut receipt => vec![receipt],
    };
    for row in rows.into_iter().filter_map(Value::as_object_mut) {
        row.retain(|key, _| !["as_of", "hash", "recorded_at", "command_id"].contains(&key.as_str()));
    }
    (answer, said)
}

/// The runs of a ledger's index.
fn runs(ledger: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(ledger.join("derived/index")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".run")).collect()
}

#[test]
fn a_look_at_the_ledger_reads_all_of_the_index_and_mends_it() {
    let place = tempfile::tempdir().unwrap();
    let dir = shop(place.path());
    story(&dir);
    assert_eq!(json(&dir, "info")["index_damage"], Value::Null);
    for run in runs(&dir) {
        flip(&dir.join("derived/index").join(run));
    }
    let output = tool(&dir).args(["info", "--format", "json"]).output().unwrap();
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(info["index_damage"].as_str().is_some_and(|damage| damage.contains("is built again")), "{info}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("WARNING"), "{output:?}");
    assert_eq!(json(&dir, "info")["index_damage"], Value::Null);
    // What is read when a ledger is opened is mended then, and said as loudly.
    for part in ["block index", "manifest"] {
        let name = if part == "manifest" { "index.manifest".to_owned() } else { runs(&dir).remove(0) };
        let file = dir.join("derived/index").join(&name);
        let mut bytes = std::fs::read(&file).unwrap();
        let at = bytes.len() - 300;
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let output = tool(&dir).args(["stock", "--as-of", "7", "--format", "json"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains("WARNING: the index is built again") && said.contains(part),
            "{part}: {said}"
        );
        assert_eq!(json(&dir, "info")["index_damage"], Value::Null, "{part}");
    }
}
