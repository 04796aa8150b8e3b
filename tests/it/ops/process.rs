//! The tool as a process: copies, replays, manuals, and how it ends.

use super::{command, counterfoil, demo_in, fails, json, options, path, receive, set_up, succeeds};
use counterfoil::audit::{Expected, Options, verify};
use counterfoil::domain::command::Act;
use counterfoil::domain::ids::Seq;
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::Ledger;
use std::process::Stdio;

#[test]
fn a_verification_has_the_promised_fields() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let report = json(&succeeds(&["verify", "--ledger", path(&dir), "--format", "json"]));
    assert_eq!((&report["ok"], &report["anchored"], &report["events"]), (&true.into(), &false.into(), &47.into()));
    assert_eq!((&report["head"]["seq"], &report["first_fault"]), (&46.into(), &serde_json::Value::Null));
    assert_eq!(report["head"]["hash"].as_str().unwrap().len(), 64);
    assert!(report.as_object().unwrap().contains_key("dropped_tail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_under_writes_is_a_whole_ledger_up_to_its_head() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let ledger = Ledger::create(&dir, options()).unwrap();
    set_up(&ledger).await;
    let writer = tokio::spawn({
        let ledger = ledger.clone();
        async move {
            for quantity in 1..=400 {
                receive(&ledger, quantity).await;
            }
        }
    });
    let mut copies = Vec::new();
    for number in 0..3 {
        let (from, to) = (ledger.clone(), place.path().join(format!("copy-{number}")));
        let head = tokio::task::spawn_blocking({
            let to = to.clone();
            move || from.snapshot(&to).unwrap()
        });
        copies.push((to, head.await.unwrap()));
    }
    writer.await.unwrap();
    ledger.close().await.unwrap();
    for (dir, head) in copies {
        let copy = Ledger::open(&dir, options()).unwrap();
        assert_eq!(copy.head(), head);
        let expected = vec![Expected { seq: Seq(head.next_seq.0 - 1), hash: head.hash }];
        let report = verify(&*copy.log(), Options { expected, ..Options::default() }).unwrap();
        assert!(report.ok && report.anchored, "{report:?}");
        copy.verify_derived().unwrap();
        receive(&copy, 1).await;
        copy.close().await.unwrap();
    }
    let names = std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(names, 4, "nothing unfinished is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_holds_private_texts_that_were_not_erased() {
    let place = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(&place.path().join("shop"), options()).unwrap();
    set_up(&ledger).await;
    let mut seqs = Vec::new();
    for note in ["stays", "goes"] {
        let lines = [Line::new(super::MUGS, Quantity(1))].into();
        let mut command = command(Act::Receive { lines });
        command.note = Some(note.to_owned());
        seqs.push(ledger.submit(command).await.unwrap().seq);
    }
    ledger.erase_note(seqs[1]).await.unwrap();
    let dir = place.path().join("copy");
    ledger.snapshot(&dir).unwrap();
    ledger.close().await.unwrap();
    let copy = Ledger::open(&dir, options()).unwrap();
    assert_eq!(copy.note(seqs[0]).unwrap().as_deref(), Some("stays"));
    assert_eq!(copy.note(seqs[1]).unwrap(), None);
    assert!(verify(&*copy.log(), Options::default()).unwrap().ok);
    copy.close().await.unwrap();
}

#[test]
fn a_snapshot_states_the_head_that_the_ledger_has() {
    let place = tempfile::tempdir().unwrap();
    let (dir, copy) = (place.path().join("shop"), place.path().join("copy"));
    demo_in(&dir);
    let head = succeeds(&["head", "--ledger", path(&dir)]);
    std::fs::create_dir(&copy).unwrap();
    let made = json(&succeeds(&["snapshot", "--ledger", path(&dir), path(&copy), "--format", "json"]));
    assert_eq!(format!("{}:{}\n", made["seq"], made["hash"].as_str().unwrap()), head);
    assert_eq!(succeeds(&["head", "--ledger", path(&copy)]), head);
    succeeds(&["verify", "--ledger", path(&copy), "--expect", head.trim()]);
    let (_, said) = fails(1, &["snapshot", "--ledger", path(&dir), path(&copy)]);
    assert!(said.contains("not an empty directory"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_open_elsewhere_is_not_to_be_had() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let ledger = Ledger::create(&dir, options()).unwrap();
    let copy = place.path().join("copy");
    for task in [vec!["verify"], vec!["replay"], vec!["salvage"], vec!["info"], vec!["snapshot", path(&copy)]] {
        let (_, said) = fails(4, &[&task[..], &["--ledger", path(&dir)]].concat());
        assert!(said.contains("open already"), "{said}");
    }
    assert!(!copy.exists());
    ledger.close().await.unwrap();
}

#[test]
fn a_replay_agrees_with_the_ledger_and_shows_stock_as_of_an_event() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let ledger = path(&dir);
    let found = json(&succeeds(&["replay", "--ledger", ledger, "--format", "json"]));
    assert_eq!((&found["ok"], &found["events"], &found["checkpoints"]), (&true.into(), &47.into(), &1.into()));

    let physical = |stock: &serde_json::Value, sku: &str, at: &str| {
        let rows = stock.as_array().unwrap().iter();
        rows.filter(|row| row["sku"] == sku && row["location"] == at).map(|row| row["physical"].to_string()).collect()
    };
    let now = json(&succeeds(&["stock", "--ledger", ledger, "--format", "json"]));
    let last = json(&succeeds(&["replay", "--ledger", ledger, "--until", "46", "--format", "json"]));
    let first = json(&succeeds(&["replay", "--ledger", ledger, "--until", "0", "--format", "json"]));
    assert_eq!(first, serde_json::json!([]));
    for (sku, at) in [("RICE-KG", "SHOP"), ("CANDLE-BEE", "SHOP"), ("MUG-BLUE", "DEPOT")] {
        let (before, after): (String, String) = (physical(&now, sku, at), physical(&last, sku, at));
        assert!(!before.is_empty() && before == after, "{sku}: {before} {after}");
    }
    assert_eq!(last[0]["seq"], 46);
    let (_, said) = fails(1, &["replay", "--ledger", ledger, "--until", "47"]);
    assert!(said.contains("no event 47"), "{said}");
}

#[test]
fn events_are_picked_by_kind_and_range() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let events =
        |more: &[&str]| json(&succeeds(&[&["events", "--ledger", path(&dir), "--format", "json"], more].concat()));
    let reserved = events(&["--kind", "reserved", "--kind", "released", "--until", "40"]);
    let reserved = reserved.as_array().unwrap();
    assert!(reserved.len() > 1 && reserved.iter().all(|event| event["seq"].as_u64().unwrap() <= 40));
    assert!(reserved.iter().all(|event| event["kind"] == "reserved" || event["kind"] == "released"));
    assert_eq!(events(&["--kind", "item_created", "--limit", "3"]).as_array().unwrap().len(), 3);
    assert_eq!(events(&["--from", "10", "--until", "12"]).as_array().unwrap().len(), 3);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    for task in ["export", "events"] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_counterfoil"))
            .args([task, "--ledger", path(&dir)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{task}: {output:?}");
    }
}

#[test]
fn info_says_what_a_ledger_is() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let info = json(&succeeds(&["info", "--ledger", path(&dir), "--format", "json"]));
    assert_eq!((&info["events"], &info["items"], &info["format"]), (&47.into(), &12.into(), &1.into()));
    assert_eq!(info["created_at"], "2025-03-03T07:30:00.000000Z");
    assert!(info["log_bytes"].as_u64() > Some(0) && info["free_bytes"].as_u64() > Some(0));
    assert!(succeeds(&["health", "--ledger", path(&dir)]).contains("writing"));
}

#[test]
fn manuals_and_completions_name_every_command() {
    let place = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = succeeds(&["completions", shell]);
        assert!(["salvage", "snapshot", "verify"].iter().all(|task| script.contains(task)), "{shell}");
    }
    assert!(succeeds(&["man"]).contains(".TH counterfoil 1"));
    succeeds(&["man", "--dir", path(place.path())]);
    assert!(place.path().join("counterfoil-verify.1").is_file());
    fails(1, &["man", "--dir", path(&place.path().join("missing"))]);
    assert_eq!(counterfoil(&["completions", "none"]).status.code(), Some(2));
}
