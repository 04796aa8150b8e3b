//! The command-line tool as a process: what it prints, what it leaves, how it ends.

use std::path::Path;
use std::process::{Command, Output};

fn counterfoil(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counterfoil")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn succeeds(arguments: &[&str]) -> String {
    let output = counterfoil(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    text(&output.stdout)
}

#[track_caller]
fn fails(code: i32, arguments: &[&str]) -> String {
    let output = counterfoil(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    text(&output.stderr)
}

#[test]
fn the_demo_names_the_event_that_was_changed() {
    let shown = succeeds(&["demo"]);
    let changed = shown.lines().find(|line| line.contains("of its frame was 0x06 and is 0x04 now")).unwrap();
    let event = changed.trim().strip_prefix("event ").and_then(|rest| rest.split_once(':')).unwrap().0;
    assert!(shown.contains(&format!("WRONG event {event} breaks the rule `chain`")), "{shown}");
    assert!(shown.contains("CANDLE-BEE     SHOP                 88"), "the late sale left the count alone: {shown}");
    assert!(shown.contains("breaks the rule `cut`"), "{shown}");
    assert_eq!(shown, succeeds(&["demo"]), "the same inputs give the same bytes");
}

/// The tour in README.md is what the demo prints, line by line, with `⋮` where lines are left out.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let tour = readme.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let shown = succeeds(&["demo"]);
    let mut compared = 0;
    for line in tour.flat_map(str::lines).filter(|line| !line.is_empty() && line.trim() != "⋮") {
        assert!(shown.lines().any(|printed| printed == line), "the demo does not print {line:?}");
        compared += 1;
    }
    assert!(compared > 20, "the tour has {compared} lines");
}

#[test]
fn a_kept_ledger_answers_every_command() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let dir = dir.to_str().unwrap();
    succeeds(&["demo", "--dir", dir]);

    let head = succeeds(&["head", "--ledger", dir]);
    let verified = succeeds(&["verify", "--ledger", dir, "--expect", head.trim()]);
    assert!(verified.contains("ok 47 events"), "{verified}");
    let report: serde_json::Value =
        serde_json::from_str(&succeeds(&["verify", "--ledger", dir, "--expect", head.trim(), "--format", "json"]))
            .unwrap();
    assert_eq!((&report["ok"], &report["anchored"]), (&true.into(), &true.into()));

    let stock: serde_json::Value =
        serde_json::from_str(&succeeds(&["stock", "--ledger", dir, "--sku", "RICE-KG", "--format", "json"])).unwrap();
    assert_eq!(stock[0]["physical"], "23.750");
    assert_eq!(succeeds(&["stock", "--ledger", dir, "--only", "negative"]).matches("GIFT-BOX").count(), 1);
    assert_eq!(succeeds(&["events", "--ledger", dir, "--from", "40", "--limit", "2"]).matches("pos_delta").count(), 2);

    let exported = succeeds(&["export", "--ledger", dir]);
    assert_eq!(exported.lines().count(), 1 + 47 + 1, "a header, the events, the head");
    let file = place.path().join("export.jsonl");
    succeeds(&["export", "--ledger", dir, "--out", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported);
    fails(1, &["export", "--ledger", dir, "--out", file.to_str().unwrap()]);
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("shop");
    let dir = path.to_str().unwrap();
    assert!(fails(4, &["verify", "--ledger", dir]).contains("is not a ledger"));
    succeeds(&["init", "--ledger", dir]);
    assert!(fails(4, &["init", "--ledger", dir]).contains("exists"));
    assert!(fails(4, &["demo", "--dir", dir]).contains("exists"));
    assert!(fails(1, &["stock", "--ledger", dir, "--sku", "none"]).contains("no item has the SKU"));
    fails(2, &["stock"]);
    fails(2, &["verify", "--ledger", dir, "--expect", "12"]);
    assert!(succeeds(&["--help"]).contains("Exit codes:"));

    let zeros = format!("0:{}", "0".repeat(64));
    assert!(fails(3, &["verify", "--ledger", dir, "--expect", &zeros]).contains("rewritten"));
    let beyond = format!("9:{}", "0".repeat(64));
    assert!(fails(3, &["verify", "--ledger", dir, "--expect", &beyond]).contains("cut"));
}

#[test]
fn a_flipped_byte_on_the_disk_is_found() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("shop");
    let dir = path.to_str().unwrap();
    succeeds(&["demo", "--dir", dir]);
    let log = path.join("log/db");
    let mut bytes = std::fs::read(&log).unwrap();
    // The external id of a sale stands there as text, in every copy that the store keeps of it.
    let copies: Vec<usize> = (0..bytes.len() - 6).filter(|&at| bytes[at..at + 6] == *b"r-2001").collect();
    assert!(!copies.is_empty());
    for at in copies {
        bytes[at] ^= 1;
    }
    std::fs::write(&log, bytes).unwrap();
    let said = fails(3, &["verify", "--ledger", dir]);
    assert!(said.contains("damaged"), "{said}");
}
