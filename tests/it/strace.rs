//! The tool under strace: which system calls it makes, and what becomes of it where one of them fails.

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

/// What takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// The tool on the ledger in a directory; only these system calls are looked at.
fn tool(calls: &[&str], options: &[&str], ledger: &Path) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", &format!("trace={}", calls.join(","))]).args(options);
    strace.arg(env!("CARGO_BIN_EXE_counterfoil")).env("COUNTERFOIL_LEDGER", ledger).env("NO_COLOR", "1");
    strace.timeout(HANGS_AFTER);
    strace
}

/// Runs a task in which something happens at the n-th time that a thread makes this call: `error=EIO`, `signal=KILL`.
pub fn with_fault(call: &str, fault: &str, n: u64, ledger: &Path, task: &[&str]) -> Output {
    let inject = format!("inject={call}:{fault}:when={n}");
    // With a filter the calls that are not looked at take no longer than without strace; but then signals get lost.
    let filter: &[&str] = if fault.starts_with("signal") { &[] } else { &["--seccomp-bpf"] };
    let options = [filter, &["-o", "/dev/null", "-e", &inject]].concat();
    tool(&[call], &options, ledger).args(task).output().unwrap()
}

/// How often each of these calls is made in a task by the thread that makes it most often: that is how strace counts.
/// None, with words to say so, where strace can't be used here; `what` is not tested then.
pub fn most_calls(calls: &[&str], ledger: &Path, task: &[&str], what: &str) -> Option<BTreeMap<String, u64>> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let path = trace.path().to_str().unwrap();
    let is_traced = || tool(calls, &["-o", path], ledger).args(task).output().is_ok_and(|done| done.status.success());
    if !is_traced() {
        assert!(std::env::var("CI").is_err(), "strace can't trace here");
        eprintln!("NOT TESTED: {what}: strace is missing, or can't trace here");
        return None;
    }
    let mut of_threads: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let made = line.split_once(' ').and_then(|(thread, call)| Some((thread, call.trim_start().split_once('(')?.0)));
        if let Some((thread, call)) = made {
            *of_threads.entry((call.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((call, _), count) in of_threads {
        let most: &mut u64 = most.entry(call).or_default();
        *most = count.max(*most);
    }
    Some(most)
}
