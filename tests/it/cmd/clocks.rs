//! The tool under clocks that are wrong, jump or sleep: a clock in front of libc's own, which a compiler must be there for.
#![cfg(target_os = "linux")]

use super::{shop, tool};
use assert_cmd::Command;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

/// `REAL` and `BOOT` are added to these clocks, in seconds, from the moment on that the file `WHEN` is there.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long ahead(const char *name) { const char *text = getenv(name); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *time) {
    int done = syscall(SYS_clock_gettime, clock, time);
    const char *when = getenv("WHEN");
    if (when && access(when, F_OK) != 0) return done;
    if (clock == CLOCK_REALTIME) time->tv_sec += ahead("REAL");
    if (clock == CLOCK_BOOTTIME) time->tv_sec += ahead("BOOT");
    return done;
}
"#;

const YEAR: i64 = 365 * 24 * 3_600;
/// From today to long before 1970.
const BEFORE_1970: i64 = -60 * YEAR;

/// A place with a clock that can be faked; none where no compiler is.
fn fake_clock(place: &Path) -> Option<PathBuf> {
    let (source, library) = (place.join("clock.c"), place.join("clock.so"));
    std::fs::write(&source, CLOCK).unwrap();
    let made = std::process::Command::new("gcc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
    match made {
        Ok(made) if made.status.success() => Some(library),
        _ => {
            eprintln!("NOT TESTED: the tool under wrong clocks: gcc makes no library here");
            None
        }
    }
}

/// The tool, under a wall clock that is this far ahead.
fn tool_at(clock: &Path, ahead: i64, ledger: &Path) -> Command {
    let mut tool = tool(ledger);
    tool.env("LD_PRELOAD", clock).env("REAL", ahead.to_string());
    tool
}

fn receive_at(clock: &Path, ahead: i64, ledger: &Path) -> Output {
    tool_at(clock, ahead, ledger).args(["receive", "MUG=1", "--location", "SHOP"]).output().unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32, said: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(code) && text.contains(said), "wanted {code} and {said:?}: {output:?}");
}

#[test]
fn the_tool_goes_on_with_an_accepted_clock_and_with_no_other_one() {
    let place = tempfile::tempdir().unwrap();
    let Some(clock) = fake_clock(place.path()) else { return };
    let ledger = shop(place.path());
    let receive = |ahead| receive_at(&clock, ahead, &ledger);
    ends(&receive(YEAR), 0, "");
    ends(&receive(0), 4, "CLOCK_BEHIND");
    tool_at(&clock, 0, &ledger).args(["clock", "accept"]).assert().success();
    ends(&receive(0), 0, "");
    ends(&receive(10), 0, "");
    // The next one asks in vain: nothing is wrong with the clock.
    ends(&tool_at(&clock, 0, &ledger).args(["clock", "accept"]).output().unwrap(), 1, "NO_CHANGE");
    ends(&receive(-3_600), 4, "CLOCK_BEHIND");
    tool_at(&clock, -3_600, &ledger).args(["clock", "accept"]).assert().success();
    ends(&receive(-3_600), 0, "");
    ends(&receive(0), 0, "");
    ends(&receive(YEAR + 100), 0, "");
    ends(&receive(0), 4, "CLOCK_BEHIND");
    tool(&ledger).arg("verify").assert().success();
}

/// Sends two receipts through one process; between them clocks jump. Gives both answers.
fn answers_around_a_jump(clock: &Path, jumps: [&str; 2], place: &Path) -> [String; 2] {
    let (ledger, when) = (shop(place), place.join("when"));
    let mut tool = std::process::Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    tool.arg("apply").env("COUNTERFOIL_LEDGER", &ledger).env("LD_PRELOAD", clock).env("WHEN", &when);
    tool.env("REAL", jumps[0]).env("BOOT", jumps[1]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = tool.stderr(Stdio::null()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut asked = || {
        let act = r#"{"kind":"receive","lines":[{"sku":"MUG","location":"SHOP","quantity":1}]}"#;
        writeln!(input, r#"{{"actor":"anna","act":{act}}}"#).unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        answer
    };
    let first = asked();
    std::fs::write(&when, "").unwrap();
    let answers = [first, asked()];
    drop(input);
    child.wait().unwrap();
    answers
}

#[test]
fn a_machine_that_slept_is_no_clock_step_and_a_clock_that_was_set_is_one() {
    let place = tempfile::tempdir().unwrap();
    let Some(clock) = fake_clock(place.path()) else { return };
    for (name, jumps, wanted) in [
        ("slept", ["3600", "3600"], r#""status":"accepted""#),
        ("set", ["3600", "0"], "CLOCK_STEPPED"),
        ("set-back", ["-3600", "0"], "CLOCK_STEPPED"),
        ("set-asleep", ["7200", "3600"], "CLOCK_STEPPED"),
    ] {
        let place = place.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let [before, behind] = answers_around_a_jump(&clock, jumps, &place);
        assert!(before.contains(r#""status":"accepted""#), "{name}: {before}");
        assert!(behind.contains(wanted), "{name}: {behind}");
    }
}

/// Every command that there is, with something to do.
const ALL: &[&str] = &[
    "receive MUG=1 -l SHOP",
    "sell MUG=1 -l SHOP",
    "return MUG=1 -l SHOP --unreferenced",
    "adjust MUG=-1 -l SHOP --reason lost",
    "count MUG=3 -l SHOP",
    "reclassify MUG=1 -l SHOP --reason broken",
    "transfer ship MUG=1 -l SHOP --to DEPOT",
    "transfer list",
    "reserve MUG=1 -l SHOP --order o-1 --for 15m",
    "extend 018f2b6e-7c1a-7d3e-9a4b-0123456789ab --for 15m",
    "fulfil --order o-1",
    "release --order o-1",
    "item add CUP",
    "item list",
    "location add YARD",
    "lot add MUG L-1",
    "alias list --item MUG",
    "reorder-point MUG 3 -l SHOP",
    "close-period -l SHOP --until 1969-12-31",
    "alerts",
    "would receive MUG=1 -l SHOP",
    "apply lines.jsonl",
    "clock accept",
    "note show 3",
    "note erase 3",
    "reservations",
    "holders MUG -l SHOP",
    "oversold",
    "report movement",
    "report ageing",
    "stock",
    "stock --as-of now",
    "difference --from 1",
    "explain MUG -l SHOP",
    "periods",
    "events",
    "head",
    "verify",
    "export",
    "export --out events.jsonl",
    "replay",
    "snapshot copy",
    "salvage --list",
    "salvage --to salvaged",
    "info",
    "schema",
    "man",
    "guide tour",
    "completions bash",
    "import --mapping till.toml day.csv",
    "import --mapping till.toml day.csv --dry-run",
    "demo --dir demo",
    "bench --only one_caller --events 1000",
];

#[test]
fn no_command_panics_under_a_clock_before_1970_and_init_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let Some(clock) = fake_clock(place.path()) else { return };
    let ledger = shop(place.path());
    let line = r#"{"actor":"a","act":{"kind":"receive","lines":[{"sku":"MUG","location":"SHOP","quantity":1}]}}"#;
    std::fs::write(place.path().join("lines.jsonl"), line).unwrap();
    std::fs::write(place.path().join("till.toml"), crate::import::TILL).unwrap();
    std::fs::write(place.path().join("day.csv"), crate::import::HEADER.to_owned() + "1,MUG,2026-01-05 09:00,3\n")
        .unwrap();
    let at = |ledger: &Path, command: &str| {
        let mut tool = tool_at(&clock, BEFORE_1970, ledger);
        tool.args(command.split(' ')).current_dir(place.path()).output().unwrap()
    };
    for command in ALL {
        let output = at(&ledger, command);
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{command}: {output:?}");
        assert!(
            code == Some(0) || (matches!(code, Some(1 | 3 | 4 | 5)) && !said.trim().is_empty()),
            "{command}: {output:?}"
        );
    }
    let new = place.path().join("new");
    ends(&at(&new, "init"), 4, "before 1970");
    assert!(!new.exists());
    tool(&new).arg("init").assert().success();
    // None of them did any harm.
    tool(&ledger).arg("verify").assert().success();
    ends(&receive_at(&clock, 0, &ledger), 0, "");
}
