//! A process that is killed at any moment: everything it has said is there when the next one opens the directory.

use crate::ledger::{command, id};
use counterfoil::audit;
use counterfoil::domain::command::{Act, CreateItem, CreateLocation, Receive};
use counterfoil::domain::ids::{ItemId, LocationId, Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{AliasText, Zone};
use counterfoil::ledger::{Ledger, OpenError, Options, Receipt};
use counterfoil::log::{Hash, StoreError};
use smallvec::smallvec;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const DIRECTORY: &str = "COUNTERFOIL_TEST_CHILD_DIRECTORY";
pub const ANSWERS: &str = "COUNTERFOIL_TEST_CHILD_ANSWERS";
const CALLERS: u64 = 4;

/// Not a test of its own: what the child does when this binary starts itself. Without a directory it does nothing.
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let answers = std::env::var(ANSWERS).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(append(Path::new(&directory), answers));
}

async fn append(directory: &Path, answers: u64) {
    let new = !directory.exists();
    let ledger = match new {
        true => Ledger::create(directory, Options::default()),
        false => Ledger::open(directory, Options::default()),
    };
    let ledger = ledger.expect("it opens");
    // With ids, so that a creation that was cut short goes on where it stands.
    let (sku, code) = (AliasText::new("A-1").expect("short"), AliasText::new("S1").expect("short"));
    let zone = Zone::new("Europe/London").expect("it is a zone");
    let acts = [Act::CreateItem(CreateItem { sku, decimals: 0 }), Act::CreateLocation(CreateLocation { code, zone })];
    for (number, act) in acts.into_iter().enumerate() {
        ledger.submit(command(act).with_id(id(1 << 120 | number as u128))).await.expect("it is made, or there");
    }
    let position = Position::new(ItemId(1), LocationId(1));
    let from = ledger.head().next_seq.0;
    let callers = if answers == u64::MAX { CALLERS } else { 1 };
    let caller = |caller: u64| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for n in 0..answers {
                let act = Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(1))] });
                let name = u128::from(from) << 64 | u128::from(caller) << 48 | u128::from(n);
                say(ledger.submit(command(act).with_id(id(name))).await.expect("a fact is taken"));
            }
        })
    };
    for task in (0..callers).map(caller).collect::<Vec<_>>() {
        task.await.expect("it does not panic");
    }
    ledger.close().await.expect("it closes");
}

/// One line, in one call, past the test harness.
fn say(receipt: Receipt) {
    let line = format!("\nANSWER {} {}\n", receipt.seq.0, receipt.hash);
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("somebody listens");
}

pub fn heard(line: &str) -> Option<(Seq, String)> {
    let (seq, hash) = line.strip_prefix("ANSWER ")?.split_once(' ')?;
    (hash.len() == 64).then(|| Some((Seq(seq.parse().ok()?), hash.to_owned())))?
}

pub fn start(directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it knows itself"));
    command.args(["--exact", "kill::child", "--nocapture", "--test-threads", "1"]).env(DIRECTORY, directory);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// From when on a child may work before it is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    FirstAnswer,
}

/// Lets the child work for so long, kills it, and returns all that it has said.
fn kill_after(mut child: Child, from: From, work: Duration) -> Vec<(Seq, String)> {
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (first, began) = std::sync::mpsc::channel();
    let listener = std::thread::spawn(move || {
        let mut answers = Vec::new();
        // A line that was cut off has no end and a hash that is too short.
        for line in out.lines().map_while(Result::ok) {
            if let Some(answer) = heard(&line) {
                answers.push(answer);
                let _ = first.send(());
            }
        }
        answers
    });
    if from == From::FirstAnswer {
        let _ = began.recv_timeout(Duration::from_secs(60));
    }
    std::thread::sleep(work);
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
    listener.join().expect("it does not panic")
}

#[test]
fn what_a_killed_process_has_answered_is_there() {
    let wanted = std::env::var("COUNTERFOIL_ROUNDS").ok().and_then(|text| text.parse().ok());
    let kills = wanted.unwrap_or(if cfg!(debug_assertions) { 20 } else { 200 });
    let home = tempfile::tempdir().expect("a directory");
    let mut all: Vec<audit::Expected> = Vec::new();
    let mut dir = home.path().join("0");
    let mut without_answers = 0;
    for round in 0..kills {
        // Every so often a new directory, killed while it is made.
        let from = if round % 10 == 0 { From::Start } else { From::FirstAnswer };
        if from == From::Start {
            (dir, all) = (home.path().join(round.to_string()), Vec::new());
        }
        let work = Duration::from_micros(crate::spine::mixed(round) % 30_000);
        let answers = kill_after(start(&dir).spawn().expect("it starts"), from, work);
        without_answers += usize::from(answers.is_empty());
        let ledger = match Ledger::open(&dir, Options::default()) {
            Ok(ledger) => ledger,
            // A creation that was cut short: nothing was said, and it says so.
            Err(OpenError::Store(StoreError::NotALedger { .. })) if from == From::Start && answers.is_empty() => {
                let _ = std::fs::remove_dir_all(&dir);
                continue;
            }
            Err(error) => panic!("kill {round}: {error}"),
        };
        for (seq, hash) in answers {
            let found = ledger.events(seq, seq.next()).expect("it can be read").pop();
            let found = found.unwrap_or_else(|| panic!("kill {round}: event {seq} was answered and is gone"));
            let found = Hash(found.hash);
            assert_eq!(found.to_string(), hash, "kill {round}: event {seq} is another one");
            all.push(audit::Expected { seq, hash: found });
        }
        let options = audit::Options { expected: all.clone(), ..audit::Options::default() };
        let report = audit::verify(ledger.log().as_ref(), options).expect("it can be read");
        assert!(report.ok, "kill {round}: {:?}", report.first_fault);
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(ledger.close())
            .expect("closed");
    }
    println!("{kills} kills, {without_answers} before the first answer");
    assert!(without_answers < kills as usize / 4, "{without_answers} of {kills} children said nothing");
}
