//! Heads kept elsewhere: noted while the ledger works, and what a verification does with them.

use super::{counterfoil, demo_in, fails, json, options, path, receive, set_up, succeeds};
use crate::lies::story::{Story, receipt};
use counterfoil::audit::{self, verify};
use counterfoil::domain::ids::{LedgerId, Seq};
use counterfoil::heads::{KeptHead, read_heads};
use counterfoil::ledger::{KeepHeads, Ledger, OpenError, Options};
use counterfoil::log::{Hash, Head, scan};
use std::path::Path;
use std::time::{Duration, Instant};

fn noting(file: &Path, every_events: u64) -> Options {
    let keep = KeepHeads { every_events, ..KeepHeads::in_file(file.to_owned()) };
    Options { heads: Some(keep), ..options() }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_noted_while_the_ledger_works_and_when_it_is_closed() {
    let place = tempfile::tempdir().unwrap();
    let (dir, file) = (place.path().join("shop"), place.path().join("heads"));
    let ledger = Ledger::create(&dir, noting(&file, 5)).unwrap();
    set_up(&ledger).await;
    for quantity in 1..=10 {
        receive(&ledger, quantity).await;
    }
    until("a head is noted", || ledger.health().heads.unwrap().noted >= Some(Seq(7)));
    let last = receive(&ledger, 1).await;
    let id = ledger.id();
    ledger.close().await.unwrap();

    let kept = read_heads(&file).unwrap();
    assert!(kept.heads.len() >= 2 && kept.unreadable.is_empty(), "{kept:?}");
    assert!(kept.heads.iter().all(|head| head.ledger == Some(id) && head.time.is_some()));
    assert_eq!(kept.heads.last().map(|head| (head.seq, head.hash)), Some((last.seq, last.hash)));

    // A run that adds nothing notes nothing.
    Ledger::open(&dir, noting(&file, 5)).unwrap().close().await.unwrap();
    assert_eq!(read_heads(&file).unwrap(), kept);

    let ledger = Ledger::open(&dir, options()).unwrap();
    let report = verify(&*ledger.log(), audit::Options { kept: kept.heads.clone(), ..Default::default() }).unwrap();
    assert!(report.ok && report.anchored && report.anchored_at == Some(last.seq), "{report:?}");
    assert_eq!(report.kept.unwrap().used, kept.heads.len() as u64);
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn time_alone_notes_a_head() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("heads");
    let keep = KeepHeads { every: Duration::from_millis(1), ..KeepHeads::in_file(file) };
    let ledger = Ledger::create(place.path().join("shop"), Options { heads: Some(keep), ..options() }).unwrap();
    set_up(&ledger).await;
    until("time has passed", || ledger.health().heads.unwrap().noted == Some(Seq(2)));
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heads_file_that_fails_is_told_and_stops_nothing() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("unmounted");
    let file = missing.join("heads");
    let ledger = Ledger::create(place.path().join("shop"), noting(&file, 1)).unwrap();
    set_up(&ledger).await;
    until("the failure is told", || ledger.health().heads.unwrap().failure.is_some());
    receive(&ledger, 1).await;

    std::fs::create_dir(&missing).unwrap();
    until("the file is there again", || ledger.health().heads.unwrap().noted == Some(Seq(3)));
    assert_eq!(ledger.health().heads.unwrap().failure, None);
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_does_not_go_through_its_newest_kept_head_says_so_and_notes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (dir, file) = (place.path().join("shop"), place.path().join("heads"));
    let ledger = Ledger::create(&dir, options()).unwrap();
    set_up(&ledger).await;
    let (id, events) = (ledger.id(), ledger.head().next_seq);
    ledger.close().await.unwrap();

    let rewritten = KeptHead { ledger: Some(id), seq: Seq(1), hash: Hash([7; 32]), time: None };
    let cut = KeptHead { seq: events, ..rewritten };
    for evidence in [rewritten, cut] {
        std::fs::write(&file, evidence.to_line()).unwrap();
        let ledger = Ledger::open(&dir, noting(&file, 1)).unwrap();
        until("it is told", || ledger.health().heads.unwrap().failure.is_some());
        receive(&ledger, 1).await;
        let after = ledger.clone();
        ledger.close().await.unwrap();
        let failure = after.health().heads.unwrap().failure.unwrap();
        assert!(failure.contains("does not go through event"), "{failure}");
        assert_eq!(read_heads(&file).unwrap().heads, [evidence], "evidence is left alone");
    }
}

#[test]
fn a_heads_file_within_the_ledger_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    let inside = dir.join("heads");
    assert!(matches!(Ledger::create(&dir, noting(&inside, 1)), Err(OpenError::HeadsInside { .. })));
    assert!(!dir.exists(), "nothing was made");
    succeeds(&["init", "--ledger", path(&dir)]);
    let (_, said) = fails(1, &["stock", "--ledger", path(&dir), "--heads", path(&inside)]);
    assert!(said.contains("lies in the ledger's directory"), "{said}");
}

#[test]
fn thousands_of_kept_heads_are_held_against_a_log_in_one_pass() {
    let mut story = Story::base();
    for _ in 0..5_000 {
        story.add(receipt(1));
    }
    let store = story.store();
    let log = counterfoil::log::Store::reader(&store);
    let heads: Vec<KeptHead> = scan(&*log, Head::EMPTY)
        .map(|scanned| scanned.unwrap())
        .map(|scanned| KeptHead { ledger: None, seq: scanned.seq, hash: scanned.hash, time: None })
        .collect();
    let with = |kept: Vec<KeptHead>| verify(&*log, audit::Options { kept, ..Default::default() }).unwrap();
    let report = with(heads.iter().rev().copied().collect());
    assert!(report.ok && report.anchored, "{:?}", report.first_fault);

    for wrong in [1, 2_500, heads.len() - 1] {
        let mut kept = heads.clone();
        kept[wrong].hash.0[0] ^= 1;
        let fault = with(kept).first_fault.unwrap();
        assert_eq!((fault.seq, fault.rule), (Seq(wrong as u64), "head"));
    }
}

#[test]
fn heads_of_another_ledger_are_named_as_such() {
    let story = Story::base();
    let store = story.store();
    let log = counterfoil::log::Store::reader(&store);
    let with = |kept: Vec<KeptHead>| verify(&*log, audit::Options { kept, ..Default::default() }).unwrap();
    let plain = with(Vec::new());
    let (ours, head) = (plain.ledger.unwrap(), plain.head.unwrap());
    let other = LedgerId::from_bytes([0xee; 16]);
    let of = |ledger| KeptHead { ledger: Some(ledger), seq: head.seq, hash: head.hash, time: None };

    let mixed = with(vec![of(other), of(ours), of(other)]);
    let kept = mixed.kept.unwrap();
    assert!(mixed.ok && mixed.anchored);
    assert_eq!((kept.used, kept.other_ledgers.len(), kept.other_ledgers[0].heads), (1, 1, 2));

    let foreign = with(vec![of(other)]);
    let fault = foreign.first_fault.unwrap();
    assert!(!foreign.ok && !foreign.anchored && fault.rule == "ledger", "{fault:?}");
    assert!(fault.what.contains(&ours.to_string()) && fault.what.contains(&other.to_string()));
}

#[test]
fn a_full_rewrite_fails_against_kept_heads_only() {
    let place = tempfile::tempdir().unwrap();
    let (dir, heads) = (place.path().join("shop"), place.path().join("heads"));
    let (ledger, file) = (path(&dir), path(&heads));
    demo_in(&dir);
    succeeds(&["stock", "--ledger", ledger, "--heads", file]);
    let report = json(&succeeds(&["verify", "--ledger", ledger, "--expect-heads", file, "--format", "json"]));
    assert_eq!((&report["ok"], &report["anchored"], &report["kept"]["used"]), (&true.into(), &true.into(), &1.into()));

    // Somebody deletes everything and writes another history, which is right in itself.
    std::fs::remove_dir_all(&dir).unwrap();
    succeeds(&["init", "--ledger", ledger]);
    succeeds(&["verify", "--ledger", ledger]);
    let (shown, said) = fails(3, &["verify", "--ledger", ledger, "--expect-heads", file]);
    assert!(shown.contains("`ledger`") && said.contains("everything was replaced"), "{shown}{said}");
}

#[test]
fn a_torn_line_is_told_and_the_others_still_count() {
    let place = tempfile::tempdir().unwrap();
    let (dir, heads) = (place.path().join("shop"), place.path().join("heads"));
    let (ledger, file) = (path(&dir), path(&heads));
    demo_in(&dir);
    succeeds(&["head", "--ledger", ledger]);
    succeeds(&["stock", "--ledger", ledger, "--heads", file]);
    let whole = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
    let verify = ["verify", "--ledger", ledger, "--expect-heads", file];
    let shown = succeeds(&verify);
    assert!(shown.contains("all 1 heads kept elsewhere are met") && shown.contains("line 2"), "{shown}");
    let report = json(&succeeds(&[&verify[..], &["--format", "json"]].concat()));
    assert_eq!(report["unreadable_heads"][0]["line"], 2);

    std::fs::write(&heads, &whole[..20]).unwrap();
    let (_, said) = fails(1, &verify);
    assert!(said.contains("holds no head"), "{said}");
    fails(1, &["verify", "--ledger", ledger, "--expect-heads", "/nowhere/at/all"]);
}

#[test]
fn the_tool_says_loudly_that_a_head_could_not_be_noted() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    demo_in(&dir);
    let missing = place.path().join("unmounted/heads");
    let output = counterfoil(&["stock", "--ledger", path(&dir), "--heads", path(&missing)]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("WARNING") && said.contains("can't be noted"), "{said}");
}
