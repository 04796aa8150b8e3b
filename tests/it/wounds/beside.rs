//! What stands beside the log: sled's snapshots, `REACHED`, an index that knows more than the log; and something else in
//! the place of each file.

use super::growth::killed_behind;
use super::{EVENTS_OF_SHOP, STOCK, Told, VERIFY, ask, copy, copy_over, receipt, truth};
use crate::cmd::{shop, tool};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MUGS: u64 = 200;
const EVENTS: u64 = MUGS + EVENTS_OF_SHOP;

/// A closed ledger of 205 events.
fn closed(place: &Path) -> PathBuf {
    let ledger = shop(place);
    receive(&ledger, MUGS);
    ledger
}

fn receive(ledger: &Path, mugs: u64) {
    tool(ledger).arg("apply").write_stdin(receipt(1).repeat(mugs as usize)).assert().success();
}

/// The files of sled's in a ledger whose names begin so.
fn in_log(ledger: &Path, start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(ledger.join("log")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).collect()
}

#[track_caller]
fn assert_whole(ledger: &Path, events: u64) {
    let (stock, verify) = (ask(ledger, &STOCK), ask(ledger, &VERIFY));
    assert!(stock.holds(events) && stock.mugs == Some(events - EVENTS_OF_SHOP), "{stock:?}");
    assert!(verify.code == Some(0) && verify.events == Some(events), "{verify:?}");
}

/// Whichever question is asked, it is refused with this code, in these words, and nothing is changed.
#[track_caller]
fn assert_refused(ledger: &Path, code: i32, words: &[&str]) {
    let before = truth(ledger);
    for task in [&STOCK[..], &VERIFY, &["head"], &["export"]] {
        let began = Instant::now();
        let told = ask(ledger, task);
        // A verification reports whatever keeps a ledger from being opened, unless that is no damage.
        let is_right = told.code == Some(code) || (*task == VERIFY && told.code == Some(3));
        assert!(is_right, "{task:?}: {told:?}");
        assert!(words.iter().all(|word| told.said.contains(word)), "{task:?}, {words:?}: {told:?}");
        assert!(truth(ledger) == before, "{task:?} changed what it refused: {told:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{task:?} took {:?}", began.elapsed());
    }
}

#[test]
fn a_damaged_snapshot_of_sleds_is_set_aside_and_made_anew() {
    let place = tempfile::tempdir().unwrap();
    let (sealed, open, hurt) = (closed(place.path()), place.path().join("open"), place.path().join("hurt"));
    copy(&sealed, &open);
    killed_behind(20, &open);
    for (ledger, events) in [(&sealed, EVENTS), (&open, EVENTS + 20)] {
        let whole = std::fs::read(&in_log(ledger, "snap.")[0]).unwrap();
        let mut flipped = whole.clone();
        flipped[30] ^= 1;
        for bytes in [&flipped, &Vec::new(), &whole[..whole.len() / 2].to_vec()] {
            copy_over(ledger, &hurt);
            std::fs::write(&in_log(&hurt, "snap.")[0], bytes).unwrap();
            let told = ask(&hurt, &STOCK);
            assert!(told.holds(events) && told.said.contains("damaged-snap."), "{told:?}");
            let aside = in_log(&hurt, "damaged-snap.");
            assert!(aside.len() == 1 && std::fs::read(&aside[0]).unwrap() == *bytes);
            assert_eq!(in_log(&hurt, "snap.").len(), 1);
            let again = ask(&hurt, &STOCK);
            assert!(again.holds(events) && again.said.is_empty(), "{again:?}");
            assert_whole(&hurt, events);
        }
    }
}

#[test]
fn questions_leave_a_closed_ledger_as_closed_as_they_found_it() {
    let place = tempfile::tempdir().unwrap();
    let ledger = closed(place.path());
    let before = truth(&ledger);
    let reached = String::from_utf8(before[Path::new("REACHED")].clone()).unwrap();
    assert!(reached.contains("seal ") && !reached.contains("seal -"), "{reached}");
    for task in [&VERIFY[..], &["head"], &["export"], &STOCK] {
        assert_eq!(ask(&ledger, task).code, Some(0));
        assert!(truth(&ledger) == before, "{task:?} left it otherwise");
    }
}

/// Puts another text in the place of one in `REACHED`.
fn rewrite_reached(ledger: &Path, from: &str, to: &str) {
    let path = ledger.join("REACHED");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

/// A sealed ledger, and one that is not.
fn both(place: &Path) -> [(PathBuf, u64); 2] {
    let (sealed, open) = (closed(place), place.join("open"));
    copy(&sealed, &open);
    killed_behind(20, &open);
    [(sealed, EVENTS), (open, EVENTS + 20)]
}

#[test]
fn a_log_without_its_witness_is_taken_as_it_is_and_one_that_is_no_witness_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let copied = place.path().join("copied");
    let reached = copied.join("REACHED");
    for (ledger, events) in both(place.path()) {
        copy_over(&ledger, &copied);
        std::fs::remove_file(&reached).unwrap();
        assert_whole(&copied, events);
        assert!(std::fs::read_to_string(&reached).unwrap().starts_with(&format!("events {events:020}\n")));

        for garbage in [&b"garbage"[..], b"", &[0xff; 168], &[b'x'; 2_000]] {
            copy_over(&ledger, &copied);
            std::fs::write(&reached, garbage).unwrap();
            assert_refused(&copied, 4, &["REACHED"]);
        }
        std::fs::remove_file(&reached).unwrap();
        mkfifoat(CWD, &reached, Mode::RWXU).unwrap();
        assert_refused(&copied, 4, &["REACHED is a FIFO"]);
        std::fs::remove_file(&reached).unwrap();
        std::fs::create_dir(&reached).unwrap();
        assert_refused(&copied, 4, &["REACHED is a directory"]);
        std::fs::remove_dir(&reached).unwrap();
        assert_whole(&copied, events);
    }
}

#[test]
fn a_log_that_ends_before_its_witness_or_has_another_history_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let copied = place.path().join("copied");
    for (ledger, events) in both(place.path()) {
        copy_over(&ledger, &copied);
        rewrite_reached(&copied, &format!("events {events:020}"), &format!("events {:020}", events + 1));
        assert_refused(&copied, 3, &[&format!("event {events}"), "nothing was changed", "salvage"]);

        copy_over(&ledger, &copied);
        let text = std::fs::read_to_string(copied.join("REACHED")).unwrap();
        let hash = text.lines().find_map(|line| line.strip_prefix("hash ")).unwrap();
        let other = hash.chars().rev().collect::<String>();
        rewrite_reached(&copied, hash, &other);
        assert_refused(&copied, 3, &[&other, "nothing was changed", "salvage"]);
    }
}

#[test]
fn an_older_log_without_its_witness_is_refused_for_what_an_index_or_a_checkpoint_covers() {
    let place = tempfile::tempdir().unwrap();
    let ledger = closed(place.path());
    let older = place.path().join("older");
    copy(&ledger, &older);
    receive(&ledger, 50);
    copy_over(&older.join("log"), &ledger.join("log"));
    std::fs::remove_file(ledger.join("REACHED")).unwrap();
    let copied = place.path().join("copied");
    for gone in ["", "derived/index", "derived/checkpoints"] {
        copy_over(&ledger, &copied);
        if !gone.is_empty() {
            std::fs::remove_dir_all(copied.join(gone)).unwrap();
        }
        let told = ask(&copied, &STOCK);
        let words = [&(EVENTS + 50).to_string(), "index or checkpoint", "salvage"];
        assert!(told.code == Some(3) && words.iter().all(|word| told.said.contains(*word)), "without {gone}: {told:?}");
        assert_refused(&copied, 3, &["nothing was changed"]);
        // A new witness may stand there; it is one of nothing.
        let witness = std::fs::read_to_string(copied.join("REACHED")).unwrap_or_default();
        assert!(witness.is_empty() || witness.starts_with(&format!("events {:020}\n", 0)), "{witness}");
        let log = |ledger: &Path| std::fs::read(ledger.join("log/db")).unwrap();
        assert!(log(&copied) == log(&ledger), "without {gone}");
    }
    std::fs::remove_dir_all(copied.join("derived")).unwrap();
    assert_whole(&copied, EVENTS);
}

#[test]
fn what_is_no_file_in_the_place_of_one_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let copied = place.path().join("copied");
    for (ledger, events) in both(place.path()) {
        let snapshot = in_log(&ledger, "snap.")[0].strip_prefix(&ledger).unwrap().to_owned();
        for name in [Path::new("COUNTERFOIL"), Path::new("log/db"), Path::new("log/conf"), &snapshot] {
            copy_over(&ledger, &copied);
            let (file, aside) = (copied.join(name), place.path().join("aside"));
            std::fs::rename(&file, &aside).unwrap();
            mkfifoat(CWD, &file, Mode::RWXU).unwrap();
            // Without a log there is nothing that would not be damaged.
            let code = ask(&copied, &VERIFY).code;
            assert!(matches!(code, Some(3 | 4)), "{code:?} for {}", name.display());
            let before = truth(&copied);
            for task in [&STOCK[..], &["head"], &["export"], &["salvage", "--list"]] {
                let told = ask(&copied, task);
                let is_salvage = task[0] == "salvage" && name != Path::new("log/db");
                assert!(is_salvage || matches!(told.code, Some(3 | 4)), "{task:?}, {}: {told:?}", name.display());
                assert!(truth(&copied) == before, "{task:?}, {}: {told:?}", name.display());
            }
            std::fs::rename(&aside, &file).unwrap();
            assert_whole(&copied, events);
        }
    }
}

#[test]
fn commands_that_were_certainly_not_written_are_not_called_unknown() {
    let place = tempfile::tempdir().unwrap();
    let ledger = closed(place.path());
    let mut tool = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.arg("apply").env("COUNTERFOIL_LEDGER", &ledger).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = tool.stderr(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut status = || {
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        serde_json::from_str::<Value>(&answer).unwrap_or_default()["status"].as_str().unwrap_or_default().to_owned()
    };
    input.write_all(receipt(1).as_bytes()).unwrap();
    assert_eq!(status(), "accepted");
    // How much room there is can't be asked any more, and that is asked before anything is written.
    std::fs::remove_dir_all(&ledger).unwrap();
    input.write_all(receipt(1).repeat(500).as_bytes()).unwrap();
    drop(input);
    let answers: Vec<_> = std::iter::from_fn(|| Some(status()).filter(|status| !status.is_empty())).collect();
    assert!(!answers.is_empty() && answers.iter().all(|status| status == "unable"), "{answers:?}");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(4), "{:?}", Told::new(&ended));
}
