//! The real year: imported, imported again, killed midway; always the same stock.
//!
//! `COUNTERFOIL_SHARED` names the directory with `data/online_retail.csv.zst`; without it these tests say so and pass.

#[path = "../../examples/real_year/import.rs"]
mod import;

use counterfoil::audit;
use counterfoil::ledger::{Ledger, Options};
use import::{differences, import};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the child that is killed keeps its ledger.
const CHILD: &str = "COUNTERFOIL_REAL_YEAR_CHILD";
/// All of it is for release builds.
const LINES: u64 = if cfg!(debug_assertions) { 20_000 } else { u64::MAX };

fn file() -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("COUNTERFOIL_SHARED") else {
        println!("SKIPPED: COUNTERFOIL_SHARED does not name the directory with data/online_retail.csv.zst");
        return None;
    };
    let file = Path::new(&shared).join("data/online_retail.csv.zst");
    assert!(file.is_file(), "COUNTERFOIL_SHARED is set, and {} is not there", file.display());
    Some(file)
}

fn open(dir: &Path) -> Ledger {
    match dir.join("COUNTERFOIL").exists() {
        true => Ledger::open(dir, Options::default()).unwrap(),
        false => Ledger::create(dir, Options::default()).unwrap(),
    }
}

/// Every item's code and physical stock.
fn stock(ledger: &Ledger) -> Vec<(String, i64)> {
    let mut stock: Vec<_> = ledger.query(|state, _| {
        let positions = state.positions();
        positions.map(|(at, entry)| (state.item(at.item).unwrap().sku.to_string(), entry.physical())).collect()
    });
    stock.sort();
    stock
}

#[tokio::test]
async fn a_second_import_appends_nothing() {
    let Some(file) = file() else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("ledger");

    let ledger = open(&dir);
    let first = import(&ledger, import::open(&file).unwrap(), LINES, |_| {}).await.unwrap();
    assert_eq!(first.lines, LINES.min(541_909));
    assert_eq!((first.appended(), first.repeats), (first.lines, 0));
    assert!(first.returns > 0 && first.adjustments > 0);
    assert_eq!(differences(&ledger, &first).unwrap(), Vec::<String>::new());
    let (head, stock_before) = (ledger.head(), stock(&ledger));
    assert_eq!(head.next_seq.0, 1 + first.made + first.lines);
    let report = audit::verify(ledger.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);
    ledger.close().await.unwrap();

    let ledger = open(&dir);
    let second = import(&ledger, import::open(&file).unwrap(), LINES, |_| {}).await.unwrap();
    assert_eq!((second.appended(), second.made, second.repeats), (0, 0, first.lines));
    assert_eq!(differences(&ledger, &second).unwrap(), Vec::<String>::new());
    assert_eq!((ledger.head(), stock(&ledger)), (head, stock_before));
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_killed_import_goes_on_to_the_same_stock() {
    let Some(file) = file() else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("killed");
    kill_midway(&dir);

    let killed = open(&dir);
    let rest = import(&killed, import::open(&file).unwrap(), LINES, |_| {}).await.unwrap();
    assert!(rest.repeats >= import::BATCH_LINES as u64, "what was acknowledged is there: {}", rest.repeats);
    assert_eq!(rest.repeats + rest.appended(), LINES.min(541_909));
    assert_eq!(differences(&killed, &rest).unwrap(), Vec::<String>::new());
    let report = audit::verify(killed.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);

    let whole = open(&place.path().join("whole"));
    import(&whole, import::open(&file).unwrap(), LINES, |_| {}).await.unwrap();
    assert_eq!(stock(&killed), stock(&whole));
    killed.close().await.unwrap();
    whole.close().await.unwrap();
}

/// Runs the test below in a process of its own, and kills it as soon as some lines are durable.
fn kill_midway(dir: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "real_year::the_child_that_is_killed", "--ignored", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let durable = said.lines().map_while(Result::ok).any(|line| line.starts_with("durable"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(durable, "the child appended nothing");
}

#[tokio::test]
#[ignore = "runs in a process of its own, which is killed"]
async fn the_child_that_is_killed() {
    let (Some(dir), Some(file)) = (std::env::var_os(CHILD), file()) else {
        return;
    };
    let ledger = open(Path::new(&dir));
    let input = import::open(&file).unwrap();
    import(&ledger, input, LINES, |lines| println!("\ndurable {lines}")).await.unwrap();
    // Until the kill comes.
    std::thread::park();
}
