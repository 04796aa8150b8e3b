//! What damages a ledger from outside: kills, flipped bytes, calls that fail, something else in the place of its files.
//! Whatever it is, the ledger is right afterwards, or it is refused and left as it is.
#![cfg(target_os = "linux")]

mod beside;
mod calls;
mod growth;
mod lost_reads;
mod rounds;

use crate::cmd::tool;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// What takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Makes a directory that is like this one.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        match from.is_dir() {
            true => copy(&from, &to),
            false => assert!(std::fs::copy(from, to).is_ok()),
        }
    }
}

/// As `copy`, in a place where there may be something, which goes.
fn copy_over(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    copy(from, to);
}

/// The files of a ledger that nothing can make again, by their place in it: not what is derived from the log, not sled's
/// snapshots, nothing that is not finished.
fn truth(ledger: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![ledger.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            let name = path.strip_prefix(ledger).unwrap();
            let text = name.to_str().unwrap();
            if text == "derived" || text.contains("snap.") || text.ends_with(".new") {
                continue;
            }
            match kind.is_dir() {
                true => waiting.push(path),
                false if kind.is_file() => drop(found.insert(name.to_owned(), std::fs::read(&path).unwrap())),
                false => drop(found.insert(name.to_owned(), Vec::new())),
            }
        }
    }
    found
}

/// Which files are not what they were, and the first byte in which each differs; empty where all are.
fn changes(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> String {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter_map(|name| match (before.get(name), after.get(name)) {
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => {
            let at = before.iter().zip(after).take_while(|(before, after)| before == after).count();
            Some(format!("{} from byte {at} of {}, now {}; ", name.display(), before.len(), after.len()))
        }
        (before, _) => Some(format!("{} is {}; ", name.display(), before.map_or("new", |_| "gone"))),
    });
    changed.collect()
}

/// What became of a question.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    /// How many events there are by the answer.
    events: Option<u64>,
    /// How many mugs there are by the answer.
    mugs: Option<u64>,
    said: String,
}

impl Told {
    fn new(output: &Output) -> Self {
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let behind = |seq: &Value| seq.as_u64().map(|seq| seq + 1);
        Self {
            code: output.status.code(),
            events: answer["events"].as_u64().or_else(|| behind(&answer[0]["seq"])),
            mugs: answer[0]["physical"].as_u64(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Whether it was answered, with at least so many events. Where nothing was received yet there is no stock, and so no
    /// row that tells how many there are.
    fn holds(&self, events: u64) -> bool {
        let is_bare = events <= EVENTS_OF_SHOP && self.events.is_none();
        self.code == Some(0) && (is_bare || self.events >= Some(events))
    }
}

/// Events of a ledger of [`shop`](crate::cmd::shop)'s, in which nothing was received yet.
const EVENTS_OF_SHOP: u64 = 5;
const STOCK: [&str; 5] = ["stock", "--sku", "MUG", "--format", "json"];
const VERIFY: [&str; 3] = ["verify", "--format", "json"];

fn ask(ledger: &Path, task: &[&str]) -> Told {
    Told::new(&tool(ledger).args(task).timeout(HANGS_AFTER).output().unwrap())
}

/// A command that receives as many mugs as it has lines.
fn receipt(lines: usize) -> String {
    let line = r#"{"sku":"MUG","location":"SHOP","quantity":1}"#;
    format!(r#"{{"actor":"anna","act":{{"kind":"receive","lines":[{}]}}}}"#, vec![line; lines].join(",")) + "\n"
}

/// Says what is wrong unless the condition holds.
fn hold(condition: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(wrong()) }
}
