//! Text tables: one row per command with its expected answer, in `fixtures/tables/*.txt`.
//!
//! ```text
//! case title                                     a new ledger, the clock at 0
//! shop                                           items A, B (2 decimals), C (lots L1, L2); locations S1, S2, S3
//! r1: reserve 2xA@S1 order=o1 deadline=+60       accepted where nothing is said; the label is the command id
//! reserve 2xA@S1 -> INSUFFICIENT_STOCK short=A@S1:2/1
//! stock A@S1 sellable=3 available=1              only what is named is checked
//! permute … end                                  the rows between in every order, each a ledger of its own
//! cross … with … end                             each row above `with` with each ending below it
//! ```
//! Times are seconds after the beginning of the case, `+n` after now. The clock moves 1 µs after each row and
//! where `clock` says so; `tick` lets the ledger write what is due. Lines: `[times*]quantity x item[.lot]@location`
//! then `/bad` for unsellable, `!restock` `!quarantine` `!scrap`, `^label` for the version seen. `#n` is a raw id.

mod coverage;
mod names;
mod run;
mod syntax;

use crate::model::Model;
use crate::subject::Subject;
use std::collections::BTreeSet;
use std::path::Path;

/// One row of a table where it stands.
#[derive(Clone, Debug)]
pub struct Row {
    pub place: String,
    pub text: String,
}

/// Rows that begin with an empty ledger.
#[derive(Clone, Debug)]
pub struct Case {
    pub title: String,
    pub rows: Vec<Row>,
}

/// What the rows of all tables have shown.
#[derive(Default)]
pub struct Report {
    pub cases: usize,
    pub rows: usize,
    pub failures: Vec<String>,
    /// (command, answer) pairs seen.
    pub seen: BTreeSet<(String, String)>,
}

/// Runs every case of every table on a new subject each.
pub fn run_tables<S: Subject>(new: impl Fn() -> S) -> Report {
    let mut report = Report::default();
    for case in all_cases() {
        report.cases += 1;
        run::run_case(&case, new(), &mut report);
    }
    report
}

fn all_cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tables");
    let entries = std::fs::read_dir(&folder).expect("fixtures/tables is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "txt")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file).expect("it can be read");
        cases.extend(cases_of(&name, &text));
    }
    cases
}

/// A table's cases, with their permutations and products written out.
fn cases_of(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut variants: Vec<Case> = Vec::new();
    let mut block: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" # ").next().unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let row = Row { place: format!("{file}:{}", index + 1), text: line.to_owned() };
        match (&mut block, line.split_once(' ').map_or(line, |(word, _)| word)) {
            (None, "case") => {
                cases.append(&mut variants);
                variants = vec![Case { title: line.trim_start_matches("case ").to_owned(), rows: Vec::new() }];
            }
            (None, "permute") => block = Some(Block::Permute(Vec::new())),
            (None, "cross") => block = Some(Block::Cross(Vec::new(), None)),
            (None, _) => variants.iter_mut().for_each(|case| case.rows.push(row.clone())),
            (Some(Block::Cross(_, endings @ None)), "with") => *endings = Some(Vec::new()),
            (Some(_), "end") => {
                let ways = block.take().map_or_else(Vec::new, Block::ways);
                variants = variants.iter().flat_map(|case| ways.iter().map(|way| case.followed_by(way))).collect();
            }
            (Some(Block::Permute(rows)), _) => rows.push(row),
            (Some(Block::Cross(_, Some(endings))), _) => endings.push(row),
            (Some(Block::Cross(rows, None)), _) => rows.push(row),
        }
    }
    assert!(block.is_none(), "{file}: a block has no end");
    cases.append(&mut variants);
    cases
}

impl Case {
    fn followed_by(&self, rows: &[Row]) -> Case {
        let rows = self.rows.iter().chain(rows).cloned().collect();
        Case { title: self.title.clone(), rows }
    }
}

enum Block {
    Permute(Vec<Row>),
    Cross(Vec<Row>, Option<Vec<Row>>),
}

impl Block {
    fn ways(self) -> Vec<Vec<Row>> {
        match self {
            Self::Permute(rows) => permutations(&rows),
            Self::Cross(rows, endings) => {
                let endings = endings.unwrap_or_default();
                let with = |row: &Row, ending: &Row| Row {
                    place: format!("{} × {}", row.place, ending.place),
                    text: format!("{} {}", row.text, ending.text),
                };
                rows.iter().flat_map(|row| endings.iter().map(move |ending| vec![with(row, ending)])).collect()
            }
        }
    }
}

/// Every order of the items.
pub fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut orders = vec![Vec::new()];
    for item in items {
        let longer = |order: &Vec<T>, at: usize| {
            let mut order = order.clone();
            order.insert(at, item.clone());
            order
        };
        orders = orders.iter().flat_map(|order| (0..=order.len()).map(move |at| longer(order, at))).collect();
    }
    orders
}

#[test]
fn every_row_of_the_tables_holds_on_the_model() {
    let report = run_tables(Model::default);
    let first: Vec<&String> = report.failures.iter().take(40).collect();
    assert!(first.is_empty(), "{} of {} cases fail:\n{first:#?}", report.failures.len(), report.cases);
    println!("{} cases, {} rows", report.cases, report.rows);
    assert!(report.cases > 300, "{} cases only: are the tables there?", report.cases);
}

#[test]
fn every_command_meets_every_answer_it_can_give() {
    let missing = coverage::missing(&run_tables(Model::default).seen);
    assert!(missing.is_empty(), "no row shows:\n{}", missing.join("\n"));
}

#[test]
fn a_wrong_row_is_seen() {
    let table = "case it fails
shop
receive 5xA@S1
stock A@S1 sellable=4
case it fails too
shop
reserve 1xA@S1
case it passes
shop
reserve 1xA@S1 -> INSUFFICIENT_STOCK short=A@S1:1/0
case wrong figures
shop
reserve 1xA@S1 -> INSUFFICIENT_STOCK short=A@S1:1/1
case not understood
shop
frobnicate A";
    let mut report = Report::default();
    for case in cases_of("inline", table) {
        run::run_case(&case, Model::default(), &mut report);
    }
    let places: Vec<&str> = report.failures.iter().filter_map(|f| f.split(' ').next()).collect();
    assert_eq!(places, ["inline:4", "inline:7", "inline:13", "inline:16"], "{:#?}", report.failures);
}
