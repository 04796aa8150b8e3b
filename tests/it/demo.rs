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

/// The demo in a directory of its own, and that directory.
fn demo() -> (tempfile::TempDir, String, String) {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop").to_str().unwrap().to_owned();
    let shown = succeeds(&["demo", "--dir", &dir]);
    (place, dir, shown)
}

#[test]
fn the_demo_names_the_event_that_was_changed() {
    let (_place, dir, shown) = demo();
    let changed = shown.lines().find(|line| line.contains("of its frame was 0x06 and is 0x04 now")).unwrap();
    let event = changed.trim().strip_prefix("event ").and_then(|rest| rest.split_once(':')).unwrap().0;
    assert!(shown.contains(&format!("WRONG event {event} breaks the rule `chain`")), "{shown}");
    assert!(shown.contains("breaks the rule `cut`") && shown.contains("breaks the rule `head`"), "{shown}");
    let (_again, other, repeated) = demo();
    assert_eq!(shown.replace(&dir, "DIR"), repeated.replace(&other, "DIR"), "the same inputs give the same bytes");
}

/// What the demo says of one thing is what its story says must be.
#[test]
fn the_demo_ends_with_the_stock_of_its_story() {
    let (_place, dir, _) = demo();
    let stock = |sku: &str, location: &str| -> serde_json::Value {
        let shown = succeeds(&["stock", "--ledger", &dir, "--sku", sku, "--location", location, "--format", "json"]);
        serde_json::from_str::<Vec<serde_json::Value>>(&shown).unwrap().remove(0)
    };
    assert_eq!(stock("CANDLE-BEE", "SHOP")["physical"], 88, "the late sale left the count alone");
    assert_eq!(stock("GIFT-BOX", "SHOP")["physical"], 3, "7 came, 9 were sold, 5 had been forgotten");
    assert_eq!(stock("HONEY-350", "SHOP")["oversold"], 3);
    assert_eq!(stock("SOAP-OLIVE", "SHOP")["physical"], 29, "three deliveries of one sale are one sale");
    assert_eq!(stock("TWINE-M", "SHOP")["physical"], "118.50");
    assert_eq!(stock("BOARD-OAK", "SHOP")["available"], 4, "8 less the 4 that had left already");
}

/// README.md and the tour show what the demo prints, line by line, with `⋮` where lines are left out.
#[test]
fn the_documents_show_what_the_demo_prints() {
    let (_place, _, shown) = demo();
    for (document, lines_min) in [("README.md", 6), ("src/guide/tour.md", 20)] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(document)).unwrap();
        let blocks = text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
        let lines = blocks.flat_map(str::lines).filter(|line| !line.is_empty() && line.trim() != "⋮");
        let mut compared = 0;
        for line in lines {
            assert!(shown.lines().any(|printed| printed == line), "{document}: the demo does not print {line:?}");
            compared += 1;
        }
        assert!(compared >= lines_min, "{document} shows {compared} lines of the demo");
    }
}

#[test]
fn a_kept_ledger_answers_every_command() {
    let (place, dir, shown) = demo();
    let events = shown.split(" events and the sums").next().and_then(|text| text.rsplit(' ').next()).unwrap();
    let events: usize = events.parse().unwrap();

    let head = succeeds(&["head", "--ledger", &dir]);
    let verified = succeeds(&["verify", "--ledger", &dir, "--expect", head.trim()]);
    assert!(verified.contains(&format!("ok {events} events")), "{verified}");
    let report = succeeds(&["verify", "--ledger", &dir, "--expect", head.trim(), "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["ok"], &report["anchored"]), (&true.into(), &true.into()));
    assert_eq!(succeeds(&["stock", "--ledger", &dir, "--only", "oversold"]).matches("HONEY-350").count(), 1);

    let exported = succeeds(&["export", "--ledger", &dir]);
    assert_eq!(exported.lines().count(), 1 + events + 1, "a header, the events, the head");
    let file = place.path().join("export.jsonl");
    succeeds(&["export", "--ledger", &dir, "--out", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported);
    fails(1, &["export", "--ledger", &dir, "--out", file.to_str().unwrap()]);
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
    let (_place, dir, _) = demo();
    let log = Path::new(&dir).join("log/db");
    let mut bytes = std::fs::read(&log).unwrap();
    // The external id of a sale stands there as text, in every copy that the store keeps of it.
    let copies: Vec<usize> = (0..bytes.len() - 6).filter(|&at| bytes[at..at + 6] == *b"s-2002").collect();
    assert!(!copies.is_empty());
    for at in copies {
        bytes[at] ^= 1;
    }
    std::fs::write(&log, bytes).unwrap();
    let said = fails(3, &["verify", "--ledger", &dir]);
    assert!(said.contains("damaged"), "{said}");
}
