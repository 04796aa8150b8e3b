//! What the kernel sees: between the last write to the log's file and the answer there is a sync of that file.

use crate::kill::{ANSWERS, DIRECTORY};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

const CALLS: &str = "trace=pwrite64,pwritev,write,writev,fdatasync,fsync,sync_file_range";

/// What a trace shows of one file and the answers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    answers: usize,
    writes: usize,
    syncs: usize,
    /// Answers that were given with writes behind the last sync that began after them.
    too_early: Vec<usize>,
}

/// Reads `strace -f -y` line by line; `db` is the file's path as the kernel gives it.
fn read_trace(trace: &str, db: &str) -> Seen {
    let mut seen = Seen::default();
    let mut synced = 0_u64;
    let mut changes = 0_u64;
    // Of syncs that have begun: what they cover.
    let mut begun: HashMap<&str, u64> = HashMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let of_db = call.contains(&format!("<{db}>"));
        let sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if sync && of_db {
            begun.insert(thread, changes);
        }
        let ended = call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>");
        if ((sync && of_db) || ended)
            && call.trim_end().ends_with("= 0")
            && let Some(covered) = begun.remove(thread)
        {
            seen.syncs += 1;
            synced = synced.max(covered);
        }
        let write = call.starts_with("pwrite") || call.starts_with("write");
        if write && of_db {
            seen.writes += 1;
            changes += 1;
        }
        if write && call.contains("ANSWER ") {
            if synced < changes || seen.syncs == 0 {
                seen.too_early.push(seen.answers);
            }
            seen.answers += 1;
        }
    }
    seen
}

#[test]
fn a_trace_without_the_sync_is_seen() {
    let write = "7 pwrite64(5</d/db>, \"x\"..., 10, 0) = 10\n";
    let sync = "7 fdatasync(5</d/db>) = 0\n";
    let answer = "8 write(1<pipe:[1]>, \"\\nANSWER 1 ab\", 9) = 9\n";
    let verdict = |parts: &[&str]| read_trace(&parts.concat(), "/d/db").too_early.len();
    assert_eq!(verdict(&[write, sync, answer]), 0);
    assert_eq!(verdict(&[write, answer, sync]), 1);
    assert_eq!(verdict(&[sync, write, answer]), 1);
    assert_eq!(verdict(&[write, "7 sync_file_range(5</d/db>, 0, 0, 7) = 0\n", answer]), 1);
    assert_eq!(verdict(&[write, "7 fdatasync(6</d/other>) = 0\n", answer]), 1);
    let (begins, ends) = ("7 fdatasync(5</d/db> <unfinished ...>\n", "7 <... fdatasync resumed>) = 0\n");
    assert_eq!(verdict(&[write, begins, ends, answer]), 0);
    assert_eq!(verdict(&[write, begins, answer, ends]), 1);
    assert_eq!(verdict(&[begins, write, ends, answer]), 1);
}

#[test]
fn the_kernel_sees_a_sync_between_the_last_write_and_the_answer() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var("CI").is_err(), "strace is missing");
        eprintln!("SKIPPED, no system calls were traced: strace is missing");
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let home = home.path().canonicalize().expect("it has a path");
    let (dir, trace) = (home.join("shop"), home.join("trace"));
    let status = Command::new("strace")
        .args(["-f", "-y", "-s", "40", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().expect("it knows itself"))
        .args(["--exact", "kill::child", "--nocapture", "--test-threads", "1"])
        .env(DIRECTORY, &dir)
        .env(ANSWERS, "100")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace starts");
    if !status.success() && !trace_is_there(&trace) {
        assert!(std::env::var("CI").is_err(), "strace can't trace here");
        eprintln!("SKIPPED, no system calls were traced: strace can't trace here");
        return;
    }
    assert!(status.success(), "the child failed");
    let text = std::fs::read_to_string(&trace).expect("it can be read");
    let db = db_in(&dir).expect("sled has a file");
    let seen = read_trace(&text, &db);
    println!("{seen:?}");
    assert_eq!((seen.answers, seen.too_early.len()), (100, 0), "{seen:?}");
    assert!(seen.writes >= 100 && seen.syncs >= 100, "{seen:?}");
}

fn trace_is_there(trace: &Path) -> bool {
    std::fs::metadata(trace).is_ok_and(|data| data.len() > 0)
}

/// The path of sled's file, wherever below the directory it lies.
fn db_in(dir: &Path) -> Option<String> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = db_in(&path) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|name| name == "db") {
            return Some(path.to_string_lossy().into_owned());
        }
    }
    None
}
