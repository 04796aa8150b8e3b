//! `init` that is killed before each of its system calls, and then done again.
#![cfg(target_os = "linux")]

use super::tool;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// What `init` changes a disk with.
const CALLS: [&str; 9] =
    ["mkdir", "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink"];

fn init_under(strace: &[&str], ledger: &Path) -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(strace).args([env!("CARGO_BIN_EXE_counterfoil"), "init"]);
    command.env("COUNTERFOIL_LEDGER", ledger).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How often each call is made by the thread that makes it most often: that is how strace counts.
fn calls(place: &Path) -> Option<BTreeMap<String, u64>> {
    let trace = place.join("trace");
    let wanted = format!("trace={}", CALLS.join(","));
    if !init_under(&["-o", trace.to_str()?, "-e", &wanted], &place.join("counted")) {
        assert!(std::env::var("CI").is_err(), "strace can't trace here");
        eprintln!("NOT TESTED: an interrupted init: strace is missing, or can't trace here");
        return None;
    }
    let mut of_threads: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in std::fs::read_to_string(&trace).ok()?.lines() {
        let (thread, call) = line.split_once(' ')?;
        if let Some((name, _)) = call.trim_start().split_once('(') {
            *of_threads.entry((name.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((name, _), count) in of_threads {
        let most: &mut u64 = most.entry(name).or_default();
        *most = count.max(*most);
    }
    Some(most)
}

#[test]
fn an_init_that_was_killed_anywhere_can_be_done_again() {
    let place = tempfile::tempdir().unwrap();
    let Some(calls) = calls(place.path()) else { return };
    let (mut killed, mut done) = (0, 0);
    for (call, count) in calls {
        for n in 1..=count {
            let ledger = place.path().join(format!("{call}-{n}"));
            let inject = format!("inject={call}:signal=KILL:when={n}");
            killed += u32::from(!init_under(&["-o", "/dev/null", "-e", &inject], &ledger));
            let again = tool(&ledger).arg("init").output().unwrap();
            let said = String::from_utf8_lossy(&again.stderr);
            // It is made now, or it was made before the kill.
            let is_there = said.contains("exists and is not an empty directory");
            assert!(again.status.success() || is_there, "killed before {call} {n}: {again:?}");
            done += u32::from(again.status.success());
            tool(&ledger).arg("verify").assert().success();
            std::fs::remove_dir_all(&ledger).unwrap();
        }
    }
    println!("{killed} kills, {done} made again");
    assert!(killed > 20 && done > 10, "{killed} kills, {done} made again");
}
