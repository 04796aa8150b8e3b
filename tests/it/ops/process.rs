//! The tool as a process: copies, replays, manuals, and how it ends.

use super::{command, counterfoil, demo_in, events_in, fails, json, options, path, receive, set_up, succeeds};
use counterfoil::audit::{Expected, Options, verify};
use counterfoil::domain::command::{Act, Receive};
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
    let events = events_in(&dir);
    let report = json(&succeeds(&["verify", "--ledger", path(&dir), "--format", "json"]));
    assert_eq!((&report["ok"], &report["anchored"], &report["events"]), (&true.into(), &false.into(), &events.into()));
    assert_eq!((&report["head"]["seq"], &report["first_fault"]), (&(events - 1).into(), &serde_json::Value::Null));
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
    let ledger = Ledger::create(place.path().join("shop"), options()).unwrap();
    set_up(&ledger).await;
    let mut seqs = Vec::new();
    for note in ["stays", "goes"] {
        let lines = [Line::new(super::MUGS, Quantity(1))].into();
        let mut command = command(Act::Receive(Receive { lines }));
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
    let (ledger, events) = (path(&dir), events_in(&dir));
    let found = json(&succeeds(&["replay", "--ledger", ledger, "--format", "json"]));
    assert_eq!((&found["ok"], &found["events"], &found["checkpoints"]), (&true.into(), &events.into(), &1.into()));

    let shown = |task: &[&str]| json(&succeeds(&[task, &["--ledger", ledger, "--format", "json"]].concat()));
    let physical = |stock: &serde_json::Value| -> Vec<String> {
        let figure =
            |row: &serde_json::Value| format!("{} {} {} {}", row["sku"], row["location"], row["lot"], row["physical"]);
        stock.as_array().unwrap().iter().map(figure).collect()
    };
    let last = (events - 1).to_string();
    let replayed = shown(&["replay", "--until", &last]);
    let figures = physical(&replayed);
    assert!(figures.len() > 5 && figures == physical(&shown(&["stock"])), "{figures:?}");
    assert_eq!(shown(&["replay", "--until", "0"]), serde_json::json!([]));
    assert_eq!(replayed[0]["seq"], events - 1);
    let (_, said) = fails(1, &["replay", "--ledger", ledger, "--until", &events.to_string()]);
    assert!(said.contains(&format!("no event {events}")), "{said}");
}

#[test]
fn events_are_picked_by_kind_and_range() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let events =
        |more: &[&str]| json(&succeeds(&[&["events", "--ledger", path(&dir), "--format", "json"], more].concat()));
    let until = (events_in(&dir) - 5).to_string();
    let picked = events(&["--kind", "reserved", "--kind", "item_created", "--until", &until]);
    let picked = picked.as_array().unwrap();
    assert!(picked.iter().all(|event| event["seq"].as_u64().unwrap() <= until.parse().unwrap()));
    for kind in ["reserved", "item_created"] {
        assert!(picked.iter().any(|event| event["kind"] == kind), "{kind}");
    }
    assert!(picked.iter().all(|event| event["kind"] == "reserved" || event["kind"] == "item_created"));
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
    assert_eq!((&info["events"], &info["format"]), (&events_in(&dir).into(), &1.into()));
    assert!(info["items"].as_u64() > Some(5) && info["created_at"].as_str().unwrap().ends_with('Z'));
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
