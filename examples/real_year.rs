//! Appends a real year of sales, all 541,909 lines, and proves the stock that comes out. All that it knows of the
//! file is in `fixtures/mappings/online-retail.toml`.
//!
//! ```text
//! cargo run --release --example real_year -- online_retail.csv.zst [--ledger DIR]
//! ```
//!
//! The file is "Online Retail" (D. Chen, UCI Machine Learning Repository, CC BY 4.0) as CSV, packed with zstd or not.
//! Run it twice with the same `--ledger`: the second run appends nothing. Kill it and run it again: the same stock.
//! Exits with 1 where a number does not add up.

#[path = "real_year/sums.rs"]
mod sums;

use counterfoil::audit::{self, Expected};
use counterfoil::domain::ids::Seq;
use counterfoil::import::{Mapping, Options as ImportOptions, Source, Summary, import};
use counterfoil::ledger::{Ledger, Options};
use counterfoil::query::{self, Paging, Scope};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use sums::{Sum, item_of};

const MAPPING: &str = include_str!("../fixtures/mappings/online-retail.toml");

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (file, flag, dir) = (arguments.next(), arguments.next(), arguments.next());
    let (Some(file), true) = (file, flag.as_ref().is_none_or(|flag| flag == "--ledger" && dir.is_some())) else {
        eprintln!("usage: real_year FILE [--ledger DIR]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let done = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(file.into(), dir.map(PathBuf::from), &mut std::io::stdout())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("real_year: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(file: PathBuf, dir: Option<PathBuf>, out: &mut dyn Write) -> Result<(), Failure> {
    let passing = tempfile::tempdir()?;
    let dir = dir.unwrap_or_else(|| passing.path().join("ledger"));
    let ledger = match dir.join("COUNTERFOIL").exists() {
        true => Ledger::open(&dir, Options::default())?,
        false => Ledger::create(&dir, Options::default())?,
    };
    let shown = std::io::stderr().is_terminal();
    let progress = move |at: counterfoil::import::Progress| {
        if shown {
            eprint!("\r{} lines are durable", at.lines);
        }
    };
    let options = ImportOptions { progress: Some(Box::new(progress)), ..ImportOptions::default() };
    let imported = import(&ledger, &Mapping::parse(MAPPING)?, &Source::file(&file), options).await?;
    if shown {
        eprint!("\r\u{1b}[K");
    }
    let peak_append = peak_bytes();
    let sums = sums::of_goods(&file)?;
    show_import(&imported, out)?;
    show_stock(&ledger, &sums, out)?;
    show_negative(&ledger, out)?;
    let differences = sums::differences(&ledger, &sums);
    writeln!(
        out,
        "\nphysical = minus the sum of the lines of goods: {} of {} items",
        sums.len() - differences.len(),
        sums.len()
    )?;
    verify(&ledger, out)?;
    let closing = Instant::now();
    ledger.close().await?;
    let closed = closing.elapsed();
    writeln!(out, "\nindexes and checkpoint were complete {:.2} s later", closed.as_secs_f64())?;
    writeln!(out, "on disk: {} bytes, {:.0} per line", disk_bytes(&dir)?, per(disk_bytes(&dir)?, imported.lines))?;
    writeln!(out, "peak memory: {} MB while appending, {} MB with verify", peak_append >> 20, peak_bytes() >> 20)?;
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("stock differs from the file:\n{}", differences.join("\n")).into()),
    }
}

fn per(total: u64, count: u64) -> f64 {
    total as f64 / count.max(1) as f64
}

fn show_import(imported: &Summary, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "{} lines in {:.2} s, {:.0} lines/s: {} appended, {} were there already, {} are no goods, {} rejected",
        imported.lines,
        imported.took.as_secs_f64(),
        imported.lines_per_second(),
        imported.appended,
        imported.duplicates,
        imported.ignored,
        imported.rejected
    )?;
    writeln!(
        out,
        "appended: {:?}; {} items and {} locations made",
        imported.appended_by_kind, imported.items_registered, imported.locations_registered
    )?;
    Ok(())
}

fn show_stock(ledger: &Ledger, sums: &BTreeMap<String, Sum>, out: &mut dyn Write) -> Result<(), Failure> {
    let mut busiest: Vec<_> = sums.iter().collect();
    busiest.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.lines));
    writeln!(out, "\nthe ten busiest items\n  {:<12}  {:>6}  {:>9}  {:>9}", "code", "lines", "physical", "available")?;
    for (code, sum) in busiest.into_iter().take(10) {
        let item = item_of(ledger, code).ok_or("an item is missing")?;
        let answer = ledger.query(|state, now| query::item_stock(state, now, item, &Paging::first(1)))?;
        let total = answer.value.ok_or("an item is missing")?.total;
        writeln!(out, "  {code:<12}  {:>6}  {:>9}  {:>9}", sum.lines, total.physical, total.available)?;
    }
    Ok(())
}

fn show_negative(ledger: &Ledger, out: &mut dyn Write) -> Result<(), Failure> {
    let page = Paging::first(20);
    let answer = ledger.query(|state, now| query::negative_physical(state, now, &Scope::default(), &page))?;
    writeln!(
        out,
        "\nphysical below zero, a receipt that nobody recorded: {} items; the first 20",
        answer.value.matched
    )?;
    for row in answer.value.rows {
        writeln!(out, "  {:<12}  {:>9}", row.place.sku.as_ref().map_or("", |sku| sku.as_str()), row.stock.physical)?;
    }
    Ok(())
}

/// Verifies the log against the head that the ledger gave.
fn verify(ledger: &Ledger, out: &mut dyn Write) -> Result<(), Failure> {
    let head = ledger.head();
    let kept = Expected { seq: Seq(head.next_seq.0.saturating_sub(1)), hash: head.hash };
    let started = Instant::now();
    let options = audit::Options { expected: vec![kept], ..audit::Options::default() };
    let report = audit::verify(ledger.log().as_ref(), options)?;
    let seconds = started.elapsed().as_secs_f64();
    if let Some(fault) = report.first_fault {
        return Err(format!("event {} breaks the rule `{}`: {}", fault.seq, fault.rule, fault.what).into());
    }
    writeln!(
        out,
        "verified: {} events in {seconds:.2} s, {:.0} events/s",
        report.events,
        report.events as f64 / seconds
    )?;
    writeln!(out, "head: {}:{}", kept.seq, kept.hash)?;
    Ok(())
}

/// What the directory takes of the disk.
fn disk_bytes(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => disk_bytes(&entry.path())?,
            false => file_bytes(&metadata),
        };
    }
    Ok(bytes)
}

#[cfg(unix)]
fn file_bytes(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
fn file_bytes(metadata: &std::fs::Metadata) -> u64 {
    metadata.len()
}

/// The most memory that the process had, where the system tells; 0 elsewhere.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kilobytes| kilobytes << 10)
}
