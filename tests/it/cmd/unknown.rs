//! A write that fails midway: nobody knows what is on the disk, and the exit code says so.
#![cfg(unix)]

use super::tool;
use crate::import::{HEADER, TILL};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// More than the files may hold below, and so much that it takes several groups.
const COMMANDS: u64 = 30_000;

/// Every so many lines one is dated in the future, the first of each batch among them: it is refused by the ledger.
const REFUSED_EVERY: u64 = 8_192;

/// The tool, in a process whose files may have 1.2 MB each: a write behind that fails, and nothing says so before.
fn on_a_small_disk(place: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 2400; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_counterfoil")]);
    shell.args(arguments).current_dir(place).env("COUNTERFOIL_LEDGER", "shop").env("NO_COLOR", "1");
    assert_cmd::Command::from_std(shell).write_stdin(input).output().unwrap()
}

fn verified_stock(ledger: &Path) -> Value {
    tool(ledger).arg("verify").assert().success();
    let stock = tool(ledger).args(["stock", "--format", "json"]).output().unwrap();
    serde_json::from_slice::<Value>(&stock.stdout).unwrap()[0]["physical"].clone()
}

#[test]
fn an_import_whose_outcome_is_unknown_exits_with_5_and_is_simply_run_again() {
    let place = tempfile::tempdir().unwrap();
    let ledger = place.path().join("shop");
    tool(&ledger).arg("init").assert().success();
    let year = |n: u64| if n.is_multiple_of(REFUSED_EVERY) { 2999 } else { 2026 };
    let lines = (0..COMMANDS).fold(HEADER.to_owned(), |text, n| text + &format!("{n},MUG,{}-01-05 09:00,1\n", year(n)));
    let refused = COMMANDS.div_ceil(REFUSED_EVERY);
    std::fs::write(place.path().join("till.toml"), TILL).unwrap();
    std::fs::write(place.path().join("day.csv"), lines).unwrap();
    let arguments = ["import", "--mapping", "till.toml", "day.csv", "--format", "json"];
    let failed = on_a_small_disk(place.path(), &arguments, b"");
    let told = String::from_utf8(failed.stderr).unwrap();
    assert_eq!((failed.status.code(), failed.stdout.is_empty()), (Some(5), true), "{told}");
    assert!(told.contains("line ") && told.contains("the outcome is unknown"), "{told}");

    let again = tool(&ledger).args(arguments).current_dir(place.path()).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let done: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(done["rejected"], refused);
    assert_eq!(done["appended"].as_u64().unwrap() + done["duplicates"].as_u64().unwrap(), COMMANDS - refused);
    assert_eq!(verified_stock(&ledger), json!(-((COMMANDS - refused) as i64)));
}

#[test]
fn commands_whose_outcome_is_unknown_are_named_and_answered_when_they_are_sent_again() {
    let place = tempfile::tempdir().unwrap();
    let ledger = super::shop(place.path());
    let mut input = String::new();
    for n in 0..u128::from(COMMANDS) {
        let line = json!({ "sku": "MUG", "location": "SHOP", "quantity": 1 });
        let id = uuid::Uuid::from_u128(n + 1);
        let command = json!({ "id": id, "actor": "anna", "act": { "kind": "receive", "lines": [line] } });
        writeln!(input, "{command}").unwrap();
    }
    let failed = on_a_small_disk(place.path(), &["apply"], input.as_bytes());
    assert_eq!(failed.status.code(), Some(5), "{}", String::from_utf8_lossy(&failed.stderr));
    let answers: Vec<Value> =
        failed.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    // Once it can't write it takes no more lines; those that it took are answered in their order.
    assert!(answers.iter().zip(1u64..).all(|(answer, line)| answer["line"] == line));
    let unknown: Vec<_> = answers.iter().filter(|answer| answer["status"] == "unknown").collect();
    assert!(!unknown.is_empty() && unknown.iter().all(|answer| answer["command_id"].is_string()));

    let again = tool(&ledger).arg("apply").write_stdin(input).output().unwrap();
    assert!(again.status.success());
    assert_eq!(again.stdout.split(|byte| *byte == b'\n').count() as u64, COMMANDS + 1);
    assert_eq!(verified_stock(&ledger), json!(COMMANDS));
}
