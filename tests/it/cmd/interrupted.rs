//! `init` that is killed before each of its system calls, and then done again.
#![cfg(target_os = "linux")]

use super::tool;
use crate::strace::{most_calls, with_fault};

/// What `init` changes a disk with.
const CALLS: [&str; 9] =
    ["mkdir", "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink"];

#[test]
fn an_init_that_was_killed_anywhere_can_be_done_again() {
    let place = tempfile::tempdir().unwrap();
    let counted = most_calls(&CALLS, &place.path().join("counted"), &["init"], "an interrupted init");
    let Some(calls) = counted else { return };
    let (mut killed, mut done) = (0, 0);
    for (call, count) in calls {
        for n in 1..=count {
            let ledger = place.path().join(format!("{call}-{n}"));
            killed += u32::from(!with_fault(&call, "signal=KILL", n, &ledger, &["init"]).status.success());
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
