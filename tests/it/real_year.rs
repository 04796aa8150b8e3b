//! A year of sales through the command `import`: imported, imported again, killed midway; always the same stock, and
//! reports that are its sums.
//!
//! One year is generated here, so that this always runs. The other one is real: `COUNTERFOIL_SHARED` names the
//! directory with `data/online_retail.csv.zst`; without it that test says so and passes.

use crate::cmd::tool;
use crate::import::mapping_file;
use counterfoil::domain::event::EventKind;
use counterfoil::domain::period::By;
use counterfoil::ledger::{Ledger, Options};
use counterfoil::reports::{AbcBy, AbcClass, AbcThresholds, About, Cut, MovementRow, Per, Reports, Within};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// All of the real year is for release builds.
const REAL_LINES: u64 = if cfg!(debug_assertions) { 60_000 } else { 541_909 };
const GENERATED_LINES: u64 = 100_000;
/// Codes that are not goods.
const CHARGES: [&str; 12] = ["POST", "DOT", "M", "m", "C2", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS"];

/// Items and their physical stock.
type Stock = BTreeMap<String, i64>;

/// A file with a year of sales.
struct Year {
    file: PathBuf,
    lines: u64,
    place: tempfile::TempDir,
}

impl Year {
    fn generated() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut text = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n".to_owned();
        for n in 0..GENERATED_LINES {
            // Invoices of three lines; the item twice in some; cancelled ones, charges, and stock put right by hand.
            let (invoice, item, quantity) = (536_000 + n / 3, 20_000 + n * n % 1_013, 1 + n % 17);
            let (mark, sign) = if n / 3 % 40 == 7 { ("C", "-") } else { ("", "") };
            let (item, why, sign) = match n % 100 {
                11 => ("POST".to_owned(), "POSTAGE", sign),
                47 => (format!("{item}B"), "damaged, \"wet\"", "-"),
                _ => (item.to_string(), "A GIFT, RED", sign),
            };
            let (day, minute) = (1 + n / 1_440 % 28, n % 60);
            let why = why.replace('"', "\"\"");
            let line = format!("{mark}{invoice},{item},\"{why}\",{sign}{quantity},2011-03-{day:02} 10:{minute:02}:00");
            writeln!(text, "{line},2.55,17850,United Kingdom").unwrap();
        }
        let file = place.path().join("year.csv");
        std::fs::write(&file, text).unwrap();
        Self { file, lines: GENERATED_LINES, place }
    }

    /// The real year, or the first lines of it in a file of their own where not all are wanted.
    fn real() -> Option<Self> {
        let Some(shared) = std::env::var_os("COUNTERFOIL_SHARED") else {
            println!("SKIPPED: COUNTERFOIL_SHARED does not name the directory with data/online_retail.csv.zst");
            return None;
        };
        let place = tempfile::tempdir().unwrap();
        let mut file = Path::new(&shared).join("data/online_retail.csv.zst");
        assert!(file.is_file(), "COUNTERFOIL_SHARED is set, and {} is not there", file.display());
        if cfg!(debug_assertions) {
            let lines = BufReader::new(zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap()).lines();
            let first: String = lines.take(REAL_LINES as usize + 1).map(|line| line.unwrap() + "\n").collect();
            file = place.path().join("part.csv");
            std::fs::write(&file, first).unwrap();
        }
        Some(Self { file, lines: REAL_LINES, place })
    }

    /// Code, month and quantity of every line of goods, read by lines that know nothing of the importer.
    fn goods(&self) -> Vec<(String, String, i64)> {
        let raw = std::fs::File::open(&self.file).unwrap();
        let text: Box<dyn Read> = match self.file.extension().is_some_and(|extension| extension == "zst") {
            true => Box::new(zstd::Decoder::new(raw).unwrap()),
            false => Box::new(raw),
        };
        let records = csv::Reader::from_reader(text).into_records().map(Result::unwrap);
        let goods = records.filter(|record| !CHARGES.contains(&&record[1]) && !record[1].starts_with("gift_0001_"));
        goods.map(|record| (record[1].to_owned(), record[4][..7].to_owned(), record[3].parse().unwrap())).collect()
    }

    /// What stock must come out: minus the sums of the goods.
    fn stock(&self) -> Stock {
        let mut stock = Stock::new();
        for (code, _, quantity) in self.goods() {
            *stock.entry(code).or_default() -= quantity;
        }
        stock
    }

    /// What the lines of goods take from stock in each month, by code: by the day that the file says.
    fn taken_by_month(&self) -> BTreeMap<(String, String), i128> {
        let mut taken = BTreeMap::new();
        for (code, month, quantity) in self.goods() {
            *taken.entry((code, month)).or_default() += i128::from(quantity);
        }
        taken
    }

    /// An empty ledger.
    fn ledger(&self, name: &str) -> PathBuf {
        let ledger = self.place.path().join(name);
        tool(&ledger).arg("init").assert().success();
        ledger
    }

    fn arguments(&self) -> [PathBuf; 4] {
        ["import".into(), "--mapping".into(), mapping_file("online-retail.toml"), self.file.clone()]
    }

    fn import(&self, ledger: &Path) -> Value {
        let summary = json(ledger, &self.arguments());
        assert_eq!((&summary["lines"], &summary["rejected"]), (&self.lines.into(), &0.into()), "{summary}");
        summary
    }

    /// Begins to import, and is killed when this event, or a later one, is noted as durable; gives that file of heads.
    fn import_killed_at(&self, ledger: &Path, seq: u64) -> PathBuf {
        let heads = self.place.path().join(format!("heads-{seq}"));
        let mut import = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
        import.args(self.arguments()).arg("--ledger").arg(ledger).stdout(Stdio::null());
        let mut import = import.args(["--heads-every-events", "1000", "--heads"]).arg(&heads).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while noted(&heads) < seq && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        import.kill().unwrap();
        let status = import.wait().unwrap();
        assert_eq!(status.code(), None, "it was over before it was killed: {status}");
        heads
    }
}

/// The last event that is noted as durable; 0 where there is none yet.
fn noted(heads: &Path) -> u64 {
    let text = std::fs::read_to_string(heads).unwrap_or_default();
    let head = |line: &str| serde_json::from_str::<Value>(line).ok()?["seq"].as_u64();
    text.lines().rev().find_map(head).unwrap_or(0)
}

fn json(ledger: &Path, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Value {
    let output = tool(ledger).args(arguments).args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stock(ledger: &Path) -> Stock {
    let rows = json(ledger, &["stock"]);
    let row = |row: &Value| (row["sku"].as_str().unwrap().to_owned(), row["physical"].as_i64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// Everything is right, and what was noted as durable is there.
fn verified(ledger: &Path, heads: Option<&Path>) {
    let expected = heads.map(|heads| ["--expect-heads", heads.to_str().unwrap()]);
    let report = json(ledger, &[&["verify"][..], &expected.iter().flatten().copied().collect::<Vec<_>>()].concat());
    assert_eq!(report["anchored"], heads.is_some());
    assert_eq!((&report["ok"], &report["first_fault"]), (&true.into(), &Value::Null), "{report}");
}

/// All that is promised of an import, of one file.
fn holds(year: &Year) {
    let (wanted, whole) = (year.stock(), year.ledger("whole"));
    let first = year.import(&whole);
    let figure = |summary: &Value, name: &str| summary[name].as_u64().unwrap();
    assert_eq!(figure(&first, "appended") + figure(&first, "ignored"), year.lines);
    assert_eq!((figure(&first, "duplicates"), figure(&first, "items_registered")), (0, wanted.len() as u64));
    assert_eq!(first["appended_by_kind"].as_object().unwrap().len(), 3, "{first}");
    assert!(stock(&whole) == wanted, "physical is not minus the sum of the lines");
    verified(&whole, None);

    let head = json(&whole, &["head"]);
    let second = year.import(&whole);
    assert_eq!((figure(&second, "appended"), figure(&second, "items_registered")), (0, 0));
    assert_eq!(figure(&second, "duplicates"), figure(&first, "appended"));
    assert_eq!(json(&whole, &["head"]), head, "importing it again appends nothing");
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let ledger = Ledger::open(&whole, Options::default()).unwrap();
        adds_up_in_reports(year, &ledger);
        ledger.close().await.unwrap();
    });

    let killed = year.ledger("killed");
    for part in [5, 2] {
        let heads = year.import_killed_at(&killed, figure(&head, "seq") / part);
        verified(&killed, Some(&heads));
    }
    let rest = year.import(&killed);
    assert!(figure(&rest, "appended") > 0 && figure(&rest, "duplicates") > figure(&head, "seq") / 3, "{rest}");
    assert_eq!(figure(&rest, "appended") + figure(&rest, "duplicates"), figure(&first, "appended"));
    assert!(stock(&killed) == wanted, "the same stock as if nobody had killed it");
    verified(&killed, None);
}

/// Reports are the sums of the file's lines.
fn adds_up_in_reports(year: &Year, ledger: &Ledger) {
    let wanted = year.taken_by_month();
    let reports = ledger.reports();
    let monthly = Cut::Calendar(By::Month);
    let movement = |reports: &Reports<'_>, within: Within, per| -> Vec<MovementRow> {
        reports.movement(&within, monthly, per).unwrap().value.rows().collect()
    };
    let rows = movement(&reports, Within::default(), Per::Item);
    let sku = |about: &About| about.sku.as_ref().unwrap().to_string();
    let told = rows.iter().map(|row| ((sku(&row.about), row.period.label.clone()), -row.moved()));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), wanted);
    assert!(rows.iter().all(|row| row.opening + row.moved() == row.closing && row.variance == 0));

    let whole = movement(&reports, Within::default(), Per::Location);
    let mut by_month: BTreeMap<String, i128> = BTreeMap::new();
    for ((_, month), taken) in &wanted {
        *by_month.entry(month.clone()).or_default() += taken;
    }
    let told = whole.iter().map(|row| (row.period.label.clone(), -row.moved()));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), by_month);
    assert_eq!(whole.last().map(|row| -row.closing), Some(wanted.values().sum()));

    // One item out of the lists of the index, and all of them in many passes over the log.
    let item = rows.last().unwrap().about.item;
    let few = movement(&reports, Within { item, ..Within::default() }, Per::Item);
    assert_eq!(few, rows.iter().filter(|row| row.about.item == item).cloned().collect::<Vec<_>>());
    let passes = ledger.reports().holding_at_most(year.lines as usize / 3);
    assert_eq!(movement(&passes, Within::default(), Per::Item), rows);

    let sold = reports.abc(&Within::default(), AbcBy::Lines, AbcThresholds::default()).unwrap().value;
    let lines: u64 = sold.iter().map(|row| row.lines).sum();
    let sales = rows.iter().flat_map(|row| &row.moves).filter(|sum| sum.kind == EventKind::PosSale);
    let units: i128 = sold.iter().map(|row| row.units).sum();
    assert_eq!(units, -sales.map(|sum| sum.left).sum::<i128>());
    assert!(lines > year.lines * 9 / 10 && sold.first().is_some_and(|row| row.class == AbcClass::A));
}

#[test]
fn a_generated_year_is_the_same_stock_however_often_it_is_imported_or_killed() {
    holds(&Year::generated());
}

#[test]
fn a_real_year_is_the_same_stock_however_often_it_is_imported_or_killed() {
    if let Some(year) = Year::real() {
        holds(&year);
    }
}
