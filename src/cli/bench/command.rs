//! `bench`: what this machine gives, beside its bare disk and SQLite.

use super::{Afterwards, Conditions, Plan, Quantiles, Report, Row, Workload};
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::paint::Paint;
use crate::cli::progress::Progress;
use crate::cli::seen;
use crate::cli::sheet::Column;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Measure this machine: the ledger beside its bare disk and beside SQLite.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil bench                                        everything but id_lookup_100m: some minutes, 7 GB of disk
  counterfoil bench --events 1000000 --dir /mnt/data       a tenth of it, on the disk that you mean
  counterfoil bench --only one_caller --only callers_64 --format json

What is written goes into a new directory in DIR and is removed in the end; what a run that was stopped left there is
removed by the next one. Ratios travel better from machine to machine than times. An aim is judged only where as much was
measured as it speaks of.")]
pub struct Args {
    /// This workload only; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = workload())]
    only: Vec<Workload>,
    /// Events of the long log; the other workloads shrink with it where they are larger.
    #[arg(long, value_name = "N", default_value_t = Plan::EVENTS, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Measure the disk of this directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Keep the ledgers that were written, to look at them from outside.
    #[arg(long)]
    keep: bool,
}

fn workload() -> impl TypedValueParser<Value = Workload> {
    PossibleValuesParser::new(Workload::ALL.map(Workload::name))
        .try_map(|name| Workload::named(&name).ok_or("no such workload"))
}

impl From<Args> for Plan {
    fn from(args: Args) -> Self {
        let Args { only, events, dir, keep } = args;
        let plan = Self::new(dir);
        let workloads = if only.is_empty() { plan.workloads } else { only };
        let afterwards = if keep { Afterwards::Keep } else { Afterwards::Remove };
        Self { workloads, events, afterwards, ..plan }
    }
}

/// Measures and shows the report.
pub fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let report = measured(&args.into())?;
    match context.format() {
        Format::Table => show(&report, context),
        Format::Json | Format::Csv => {
            let mut sheet = context.sheet(FIELDS);
            let conditions = &report.conditions;
            report
                .rows
                .iter()
                .try_for_each(|row| sheet.push(&Line { row, conditions, kept: report.kept.as_deref() }))?;
            sheet.end()
        }
    }
}

fn measured(plan: &Plan) -> Result<Report, Failure> {
    let mut bar: Option<(&str, Progress)> = None;
    let mut told = |at: super::Progress| {
        if bar.as_ref().is_none_or(|(doing, _)| *doing != at.doing) {
            // The old one is cleared before the new one is drawn.
            bar = None;
            let new = if at.of > 1 { Progress::of_events } else { Progress::of_unknown_length };
            bar = Some((at.doing, new(at.doing)));
        }
        if let Some((_, bar)) = &bar {
            bar.set(at.done, at.of);
        }
    };
    Ok(super::run(plan, &mut told)?)
}

/// A row as programs get it: with the conditions, so that rows of several machines can be put together.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    row: &'a Row,
    #[serde(flatten)]
    conditions: &'a Conditions,
    kept: Option<&'a std::path::Path>,
}

const FIELDS: &[Column] = &[
    Column::hidden("workload"),
    Column::hidden("value"),
    Column::hidden("unit"),
    Column::hidden("beside"),
    Column::hidden("baseline"),
    Column::hidden("ratio"),
    Column::hidden("aim"),
    Column::hidden("met"),
    Column::hidden("sqlite"),
    Column::hidden("sqlite_ratio"),
    Column::hidden("latency_of"),
    Column::hidden("p50"),
    Column::hidden("p99"),
    Column::hidden("p999"),
    Column::hidden("max"),
    Column::hidden("count"),
    Column::hidden("seconds"),
    Column::hidden("note"),
    Column::hidden("version"),
    Column::hidden("build"),
    Column::hidden("date"),
    Column::hidden("cpu"),
    Column::hidden("cores"),
    Column::hidden("memory_mb"),
    Column::hidden("os"),
    Column::hidden("file_system"),
    Column::hidden("sync_method"),
    Column::hidden("payload_bytes"),
    Column::hidden("load_before"),
    Column::hidden("warnings"),
    Column::hidden("kept"),
];

const FIGURES: &[Column] = &[
    Column::text("workload", "workload"),
    Column::figure("value", "value"),
    Column::text("unit", "unit"),
    Column::text("beside", "beside"),
    Column::figure("ratio", "ratio"),
    Column::text("aim", "aim"),
    Column::text("met", ""),
];

/// A row for people.
#[derive(Serialize)]
struct Figures<'a> {
    workload: &'a str,
    value: String,
    unit: &'a str,
    beside: String,
    ratio: String,
    aim: Option<&'a str>,
    met: Option<&'a str>,
}

impl<'a> Figures<'a> {
    fn of(row: &'a Row) -> Self {
        let Row { workload, unit, beside, aim, .. } = *row;
        let beside = match (beside, row.baseline) {
            ("the aim", _) => String::new(),
            (name, Some(baseline)) => format!("{name}: {}", figure(baseline)),
            (name, None) => format!("{name}: not measured"),
        };
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{} ×", figure(ratio)));
        let value = row.value.map_or_else(|| "not measured".to_owned(), figure);
        let met = row.met.map(|met| if met { "met" } else { "missed" });
        Self { workload, value, unit, beside, ratio, aim, met }
    }
}

const LATENCIES: &[Column] = &[
    Column::text("workload", "latencies in µs"),
    Column::figure("p50", "p50"),
    Column::figure("p99", "p99"),
    Column::figure("p999", "p99.9"),
    Column::figure("max", "max"),
    Column::text("latency_of", "of one"),
];

/// Latencies for people.
#[derive(Serialize)]
struct Latencies<'a> {
    workload: &'a str,
    p50: String,
    p99: String,
    p999: String,
    max: String,
    latency_of: &'a str,
}

impl<'a> Latencies<'a> {
    fn of(row: &'a Row) -> Option<Self> {
        let Quantiles { latency_of, p50, p99, p999, max } = row.latency?;
        let [p50, p99, p999, max] = [p50, p99, p999, max].map(figure);
        Some(Self { workload: row.workload, p50, p99, p999, max, latency_of })
    }
}

fn show(report: &Report, context: &mut Context<'_>) -> Result<(), Failure> {
    context.list(FIGURES, report.rows.iter().map(Figures::of))?;
    writeln!(context.out)?;
    context.list(LATENCIES, report.rows.iter().filter_map(Latencies::of))?;
    Ok(context.out.write_all(remarks(report, context.paint).as_bytes())?)
}

/// What belongs to single rows, then the machine.
fn remarks(report: &Report, paint: Paint) -> String {
    let mut text = "\n".to_owned();
    for row in &report.rows {
        let sqlite = row.sqlite.zip(row.sqlite_ratio);
        let sqlite = sqlite.map(|(sqlite, ratio)| format!("{} × SQLite's {}", figure(ratio), figure(sqlite)));
        let parts: Vec<&str> = [row.note.as_str(), sqlite.as_deref().unwrap_or_default()].into();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() {
            let _ = writeln!(text, "  {:<20}  {}", row.workload, paint.dim(&parts.join("; ")));
        }
    }
    if !cfg!(feature = "bench-sqlite") {
        let how = "SQLite is not in this build: `cargo build --release --features bench-sqlite` compares with it.";
        let _ = writeln!(text, "\n  {}", paint.dim(how));
    }
    let Conditions { version, build, date, cpu, cores, os, file_system, sync_method, payload_bytes, .. } =
        &report.conditions;
    let memory = report.conditions.memory_mb.map_or_else(String::new, |megabytes| format!(", {megabytes} MB"));
    let load = report.conditions.load_before.map_or_else(String::new, |load| format!(", load before {load:.2}"));
    let _ = write!(
        text,
        "\n  {cpu}, {cores} cores{memory}, {os}, {file_system}{load}\n  counterfoil {version} ({build}), {date}, \
         {sync_method} of {payload_bytes} bytes a command\n"
    );
    for warning in &report.conditions.warnings {
        let _ = writeln!(text, "  {}", paint.bad(&format!("Mind: {warning}")));
    }
    if let Some(kept) = &report.kept {
        let _ = writeln!(text, "  kept in {}", seen::path(kept));
    }
    text
}

/// A figure for people: three digits or so, thousands parted.
fn figure(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => grouped(figure),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 0.1 => format!("{figure:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{figure:.4}"),
    }
}

fn grouped(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && digit.is_ascii_digit() && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_thousands_are_parted() {
        let cases = [
            (1_234_567.8, "1,234,568"),
            (93_456.0, "93,456"),
            (354.4, "354"),
            (18.66, "18.7"),
            (1.757, "1.76"),
            (0.0421, "0.0421"),
            (0.0, "0"),
            (-123_456.0, "-123,456"),
            (-123.0, "-123"),
        ];
        for (value, wanted) in cases {
            assert_eq!(figure(value), wanted);
        }
    }
}
