//! Every system call of a small ledger's opening, each of which fails once in each way that it can.

use super::growth::{killed_behind, wanted};
use super::{EVENTS_OF_SHOP, STOCK, Told, VERIFY, ask, changes, copy_over, hold, receipt, truth};
use crate::cmd::{shop, tool};
use crate::strace::{most_calls, with_fault};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const EIO: &str = "error=EIO";
const ENOSPC: &str = "error=ENOSPC";
/// No bytes, and no error.
const SHORT: &str = "retval=0";

/// What opening and closing do to a disk, and how it can fail.
const FAULTS: [(&str, &[&str]); 17] = [
    ("read", &[EIO, SHORT]),
    ("pread64", &[EIO, SHORT]),
    ("openat", &[EIO, ENOSPC]),
    ("statx", &[EIO]),
    ("write", &[EIO, ENOSPC, SHORT]),
    ("pwrite64", &[EIO, ENOSPC, SHORT]),
    ("fsync", &[EIO, ENOSPC]),
    ("fdatasync", &[EIO, ENOSPC]),
    ("sync_file_range", &[EIO, ENOSPC]),
    ("rename", &[EIO, ENOSPC]),
    ("ftruncate", &[EIO]),
    ("unlink", &[EIO]),
    ("mkdir", &[EIO, ENOSPC]),
    ("getdents64", &[EIO]),
    ("flock", &[EIO]),
    ("fcntl", &[EIO]),
    ("lseek", &[EIO]),
];

/// Of a call that is made more often, so many are tried, unless many rounds are wanted.
const TRIED_MAX: u64 = 60;
const ALL_FROM_ROUNDS: u64 = 1_000;
const THREADS: usize = 2;

/// A ledger, and how many mugs and events are in it.
struct Small {
    dir: PathBuf,
    mugs: u64,
    events: u64,
}

fn sealed(place: &Path) -> Small {
    let dir = shop(place);
    tool(&dir).arg("apply").write_stdin(receipt(1).repeat(300)).assert().success();
    Small { dir, mugs: 300, events: 300 + EVENTS_OF_SHOP }
}

fn unsealed(sealed: &Small, place: &Path) -> Small {
    let dir = place.join("unsealed");
    super::copy(&sealed.dir, &dir);
    killed_behind(20, &dir);
    Small { dir, mugs: sealed.mugs + 20, events: sealed.events + 20 }
}

struct Case<'a> {
    ledger: &'a Small,
    call: &'static str,
    fault: &'static str,
    n: u64,
}

/// All cases of a ledger; none where strace can't be used.
fn cases<'a>(ledger: &'a Small, place: &Path) -> Vec<Case<'a>> {
    let copy = place.join("counted");
    copy_over(&ledger.dir, &copy);
    let names = FAULTS.map(|(call, _)| call);
    let Some(most) = most_calls(&names, &copy, &STOCK, "every call that fails once") else { return Vec::new() };
    let mut cases = Vec::new();
    for (call, faults) in FAULTS {
        let made = most.get(call).copied().unwrap_or(0);
        let every = if wanted() >= ALL_FROM_ROUNDS { 1 } else { made.div_ceil(TRIED_MAX).max(1) };
        for n in (1..=made).step_by(every as usize) {
            cases.extend(faults.iter().map(|fault| Case { ledger, call, fault, n }));
        }
    }
    cases
}

/// What became of a question in which the call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Answered,
    Refused,
    /// The program was not even loaded.
    NotStarted,
}

impl Case<'_> {
    fn play(&self, copy: &Path) -> Result<Outcome, String> {
        copy_over(&self.ledger.dir, copy);
        let before = truth(copy);
        let output = with_fault(self.call, self.fault, self.n, copy, &STOCK);
        let (told, mut after) = (Told::new(&output), truth(copy));
        let wrong = |what: &str| {
            format!("{:?} {} {} {}: {what}: {told:?}", self.ledger.dir.file_name(), self.call, self.fault, self.n)
        };
        let outcome = match told.code {
            Some(0) => {
                hold(told.mugs == Some(self.ledger.mugs), || wrong("answered wrongly"))?;
                Outcome::Answered
            }
            Some(1 | 3 | 4) => {
                // What was opened may be closed, and that be noted, though the answer reached nobody.
                if !output.stdout.is_empty() || told.said.contains("the output can't be written") {
                    after.insert("REACHED".into(), before[Path::new("REACHED")].clone());
                }
                let changes = changes(&before, &after);
                hold(changes.is_empty(), || wrong(&format!("changed though refused: {changes}")))?;
                Outcome::Refused
            }
            Some(127) => Outcome::NotStarted,
            _ => return Err(wrong("ended so")),
        };
        let verify = ask(copy, &VERIFY);
        hold(verify.code == Some(0) && verify.events == Some(self.ledger.events), || wrong(&format!("{verify:?}")))?;
        Ok(outcome)
    }
}

#[test]
fn whatever_call_fails_while_a_ledger_is_opened_it_is_right_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let sealed = sealed(place.path());
    let unsealed = unsealed(&sealed, place.path());
    let cases: Vec<_> = [&sealed, &unsealed].into_iter().flat_map(|ledger| cases(ledger, place.path())).collect();
    let next = AtomicUsize::new(0);
    let play = |thread: usize| {
        let copy = place.path().join(format!("copy-{thread}"));
        let take = || cases.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).map(|case| case.play(&copy)).collect::<Vec<_>>()
    };
    let played: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || play(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<_> = played.iter().filter_map(|played| played.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{wrong:#?}", wrong.len(), cases.len());
    let count = |outcome| played.iter().filter(|played| **played == Ok(outcome)).count();
    let [answered, refused, not_started] = [Outcome::Answered, Outcome::Refused, Outcome::NotStarted].map(count);
    println!("{} calls failed: {answered} answered, {refused} refused, {not_started} not started", cases.len());
    assert!(cases.is_empty() || (answered > 50 && refused > 50), "{answered} answered, {refused} refused");
}
