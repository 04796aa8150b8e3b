//! The real year: imported, imported again, killed midway; always the same stock.
//!
//! `COUNTERFOIL_SHARED` names the directory with `data/online_retail.csv.zst`; without it these tests say so and pass.

#[path = "../../examples/real_year/sums.rs"]
mod sums;

use crate::import::mapping;
use counterfoil::audit;
use counterfoil::domain::event_kind::EventKind;
use counterfoil::domain::period::By;
use counterfoil::import::{Options as ImportOptions, Progress, Source, Summary};
use counterfoil::ledger::{Ledger, Options};
use counterfoil::limits::MESSAGE_COMMANDS_MAX;
use counterfoil::reports::{AbcBy, AbcClass, AbcThresholds, About, Cut, Per, Within};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the child that is killed keeps its ledger.
const CHILD: &str = "COUNTERFOIL_REAL_YEAR_CHILD";
/// All of it is for release builds.
const LINES: usize = if cfg!(debug_assertions) { 60_000 } else { 541_909 };

/// The first lines of the year, in a file of their own where those are not all.
fn file(place: &Path) -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("COUNTERFOIL_SHARED") else {
        println!("SKIPPED: COUNTERFOIL_SHARED does not name the directory with data/online_retail.csv.zst");
        return None;
    };
    let file = Path::new(&shared).join("data/online_retail.csv.zst");
    assert!(file.is_file(), "COUNTERFOIL_SHARED is set, and {} is not there", file.display());
    if LINES == 541_909 {
        return Some(file);
    }
    let lines = BufReader::new(zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap()).lines();
    let first: String = lines.take(LINES + 1).map(|line| line.unwrap() + "\n").collect();
    std::fs::write(place.join("part.csv"), first).unwrap();
    Some(place.join("part.csv"))
}

async fn import(ledger: &Ledger, file: &Path, told: impl FnMut(Progress) + Send) -> Summary {
    let options = ImportOptions { progress: Some(Box::new(told)), ..ImportOptions::default() };
    let summary =
        counterfoil::import::import(ledger, &mapping("online-retail.toml"), &Source::file(file), options).await;
    let summary = summary.unwrap();
    assert_eq!((summary.lines, summary.rejected), (LINES as u64, 0), "{:?}", summary.first_rejected);
    summary
}

/// Stock that is not minus the sum of the lines of goods.
fn differences(ledger: &Ledger, file: &Path) -> Vec<String> {
    sums::differences(ledger, &sums::of_goods(file).unwrap())
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
    let place = tempfile::tempdir().unwrap();
    let Some(file) = file(place.path()) else { return };
    let dir = place.path().join("ledger");

    let ledger = open(&dir);
    let first = import(&ledger, &file, |_| {}).await;
    assert_eq!((first.appended + first.ignored, first.duplicates), (first.lines, 0));
    assert!(first.appended_by_kind.len() == 3 && first.ignored > 0, "{first:?}");
    assert_eq!(differences(&ledger, &file), Vec::<String>::new());
    let (head, stock_before) = (ledger.head(), stock(&ledger));
    let made = first.items_registered + first.locations_registered;
    assert_eq!(head.next_seq.0, 1 + made + first.appended);
    let report = audit::verify(ledger.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);
    ledger.close().await.unwrap();

    let ledger = open(&dir);
    let second = import(&ledger, &file, |_| {}).await;
    assert_eq!((second.appended, second.items_registered, second.duplicates), (0, 0, first.appended));
    assert_eq!((ledger.head(), stock(&ledger)), (head, stock_before));
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_killed_import_goes_on_to_the_same_stock() {
    let place = tempfile::tempdir().unwrap();
    let Some(file) = file(place.path()) else { return };
    let dir = place.path().join("killed");
    kill_midway(&dir);

    let killed = open(&dir);
    let rest = import(&killed, &file, |_| {}).await;
    let least = MESSAGE_COMMANDS_MAX as u64;
    assert!(rest.duplicates >= least, "what was acknowledged is there: {}", rest.duplicates);
    assert!(rest.appended > 0, "the import was over before it was killed");
    assert_eq!(differences(&killed, &file), Vec::<String>::new());
    let report = audit::verify(killed.log().as_ref(), audit::Options::default()).unwrap();
    assert_eq!(report.first_fault, None);

    let whole = open(&place.path().join("whole"));
    import(&whole, &file, |_| {}).await;
    assert_eq!(stock(&killed), stock(&whole));
    killed.close().await.unwrap();
    whole.close().await.unwrap();
}

/// What the lines of goods take from stock in each month, by code: by the day that the file says.
fn taken_by_month(file: &Path) -> BTreeMap<(String, String), i128> {
    let goods = sums::of_goods(file).unwrap();
    let raw = std::fs::File::open(file).unwrap();
    let text: Box<dyn Read> = match file.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(zstd::Decoder::new(raw).unwrap()),
        false => Box::new(raw),
    };
    let mut taken = BTreeMap::new();
    for record in csv::Reader::from_reader(text).into_records() {
        let record = record.unwrap();
        let (code, quantity, month) = (&record[1], record[3].parse::<i128>().unwrap(), &record[4][..7]);
        if goods.contains_key(code) {
            *taken.entry((code.to_owned(), month.to_owned())).or_default() += quantity;
        }
    }
    taken
}

#[tokio::test]
async fn reports_are_the_sums_of_the_files_lines() {
    let place = tempfile::tempdir().unwrap();
    let Some(file) = file(place.path()) else { return };
    let ledger = open(&place.path().join("ledger"));
    import(&ledger, &file, |_| {}).await;
    let wanted = taken_by_month(&file);
    let reports = ledger.reports();
    let monthly = Cut::Calendar(By::Month);
    let rows = reports.movement(&Within::default(), monthly, Per::Item).unwrap().value;
    let sku = |about: &About| about.sku.as_ref().unwrap().to_string();
    let told = rows.iter().map(|row| ((sku(&row.about), row.period.label.clone()), -row.moved()));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), wanted);
    assert!(rows.iter().all(|row| row.opening + row.moved() == row.closing && row.variance == 0));

    let whole = reports.movement(&Within::default(), monthly, Per::Location).unwrap().value;
    let mut by_month: BTreeMap<String, i128> = BTreeMap::new();
    for ((_, month), taken) in &wanted {
        *by_month.entry(month.clone()).or_default() += taken;
    }
    let told = whole.iter().map(|row| (row.period.label.clone(), -row.moved()));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), by_month);
    assert_eq!(whole.last().map(|row| -row.closing), Some(wanted.values().sum()));

    // One item out of the lists of the index, and all of them in many passes over the log.
    let item = rows.last().unwrap().about.item;
    let few = reports.movement(&Within { item, ..Within::default() }, monthly, Per::Item).unwrap().value;
    assert_eq!(few, rows.iter().filter(|row| row.about.item == item).cloned().collect::<Vec<_>>());
    let passes = ledger.reports().holding_at_most(LINES / 3);
    assert_eq!(passes.movement(&Within::default(), monthly, Per::Item).unwrap().value, rows);

    let sold = reports.abc(&Within::default(), AbcBy::Lines, AbcThresholds::default()).unwrap().value;
    let lines: u64 = sold.iter().map(|row| row.lines).sum();
    let sales = rows.iter().flat_map(|row| &row.moves).filter(|sum| sum.kind == EventKind::PosSale);
    let units: i128 = sold.iter().map(|row| row.units).sum();
    assert_eq!(units, -sales.map(|sum| sum.left).sum::<i128>());
    assert!(lines > LINES as u64 * 9 / 10 && sold.first().is_some_and(|row| row.class == AbcClass::A));
    ledger.close().await.unwrap();
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
    let place = tempfile::tempdir().unwrap();
    let (Some(dir), Some(file)) = (std::env::var_os(CHILD), file(place.path())) else {
        return;
    };
    let ledger = open(Path::new(&dir));
    // After the first batch it stops, and waits for the kill in the midst of the others.
    import(&ledger, &file, |at| {
        println!("\ndurable {}", at.lines);
        std::thread::park();
    })
    .await;
}
