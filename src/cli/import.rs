//! `import`: commands out of CSV files.

use super::context::Context;
use super::failure::Failure;
use super::progress::Progress;
use counterfoil::files::small;
use counterfoil::import::{self, Forecast, Foretold, ImportError, Mapping, Options, Source, Summary};
use counterfoil::ledger::Ledger;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Bytes of a mapping; the largest that makes sense has a few thousand.
const MAPPING_BYTES_MAX: u64 = 1 << 20;

/// Import a CSV file, by a mapping that says what its columns mean.
///
/// Each line becomes a command under an id that is derived from what names the line, so importing a file again appends
/// nothing, and an import that was stopped is simply run again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil import --ledger shop --mapping my.toml till.csv.gz --dry-run
  counterfoil import --ledger shop --mapping my.toml till.csv.gz --rejects rejects.csv
  counterfoil import --ledger shop --mapping my.toml rejects.csv --rejects rejects-2.csv     after mending it
  counterfoil import --ledger shop --mapping shopify-inventory.toml inventory.csv --at '2026-01-31 18:00'

Mappings for Square, Shopify and a real year of sales, and a template that explains every key, are in fixtures/mappings.
CSV that this tool has written is imported as it was written with --csv raw: the safe form, which is for spreadsheets,
puts an apostrophe before some names, and those would be other names here. Files of --rejects are always raw.
The exit code is 1 where a line was rejected; the others are in the ledger all the same. It is 5 where the import stopped
midway: import the same again.")]
pub struct Args {
    /// The file, plain or packed with gzip or zstd.
    data: PathBuf,
    /// What its columns mean.
    #[arg(long, value_name = "FILE.toml")]
    mapping: PathBuf,
    /// Opening balances, imported first, by the table [opening] of the mapping.
    #[arg(long, value_name = "FILE")]
    opening: Option<PathBuf>,
    /// The time of the export, for mappings that use $at, written as the mapping's format has it.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Write rejected lines here, with reason and id, to be mended and imported again; those of --opening beside it, in
    /// FILE.opening.
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    rejects: Option<PathBuf>,
    /// Refuse the whole import where a line that was imported before has other content now.
    #[arg(long)]
    strict: bool,
    /// Show the first commands and what would come of the file; append nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many commands a dry run shows.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "dry_run")]
    show: usize,
}

/// One file and what its columns mean.
struct Job<'a> {
    what: &'static str,
    mapping: &'a Mapping,
    source: Source,
    rejects: Option<PathBuf>,
}

#[derive(Serialize)]
struct Done<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    opening: Option<T>,
    #[serde(flatten)]
    data: T,
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Ledger { line: None, error } => error.into(),
            ImportError::Ledger { line: Some(line), error } => match Self::from(error) {
                Self::Unknown(why) => Self::Unknown(format!("line {line}: {why}")),
                Self::Refused(why) => Self::Refused(format!("line {line}: {why}")),
                failure => failure,
            },
            ImportError::Open { .. } | ImportError::Rejects(_) | ImportError::ReaderLost => {
                Self::Unable(error.to_string())
            }
            ImportError::AtMissing => Self::Usage(format!("{error}: --at TIME")),
            _ => Self::Refused(error.to_string()),
        }
    }
}

/// Imports, or says what an import would do.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let mapping = mapping_of(&args.mapping)?;
    let jobs = jobs(&args, &mapping)?;
    jobs.iter().filter_map(|job| job.rejects.as_deref()).try_for_each(|rejects| context.keep_out(rejects))?;
    if args.dry_run {
        return context.with_ledger(async |ledger, context| dry_run(ledger, &args, &jobs, context).await).await;
    }
    let mut imported_into = None;
    let done = context.with_ledger(async |ledger, context| {
        imported_into = Some((ledger.clone(), ledger.head().next_seq));
        import_all(ledger, &args, &jobs, context).await
    });
    let done = done.await;
    // Only a closed ledger has answered everything that it was asked.
    let appended = imported_into.map_or(0, |(ledger, before)| ledger.head().next_seq.0.saturating_sub(before.0));
    context.outcomes.verdict(done.map_err(|failure| stopped(failure, appended)));
    Ok(())
}

/// What it means that an import stopped behind so many events: no part of it is undone.
fn stopped(failure: Failure, appended: u64) -> Failure {
    if appended == 0 {
        return failure;
    }
    let behind = |why: &str| {
        format!(
            "{why}\n  the import stopped there; {appended} events were appended before: import the same again, what is in \
             the ledger is known by its id"
        )
    };
    match failure {
        Failure::Refused(why) => Failure::Refused(behind(&why)),
        Failure::Damaged(why) => Failure::Damaged(behind(&why)),
        failure => Failure::Unknown(behind(&failure.to_string())),
    }
}

fn mapping_of(path: &Path) -> Result<Mapping, Failure> {
    let text = small::read_text(path, MAPPING_BYTES_MAX);
    let text =
        text.map_err(|error| Failure::Unable(format!("the mapping can't be read: {}", small::told(path, &error))))?;
    Mapping::parse(&text).map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))
}

/// The files in the order in which they are imported.
fn jobs<'a>(args: &Args, mapping: &'a Mapping) -> Result<Vec<Job<'a>>, Failure> {
    let mut jobs = Vec::new();
    if let Some(path) = &args.opening {
        let missing = || Failure::Refused(format!("{} has no table [opening]", args.mapping.display()));
        let opening = mapping.opening().ok_or_else(missing)?;
        let rejects = args.rejects.as_ref().map(|file| beside(file, ".opening"));
        jobs.push(Job { what: "opening", mapping: opening, source: Source::file(path), rejects });
    }
    jobs.push(Job { what: "importing", mapping, source: Source::file(&args.data), rejects: args.rejects.clone() });
    let inputs = [Some(&args.data), Some(&args.mapping), args.opening.as_ref()];
    for rejects in jobs.iter().filter_map(|job| job.rejects.as_ref()) {
        if rejects.is_dir() {
            let why = format!("{} is a directory; name a file for what is rejected", rejects.display());
            return Err(Failure::Usage(why));
        }
        if inputs.into_iter().flatten().any(|input| is_same_file(input, rejects)) {
            let why = format!("{} would be overwritten by its own rejects; name another file", rejects.display());
            return Err(Failure::Usage(why));
        }
    }
    Ok(jobs)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

async fn import_all(ledger: &Ledger, args: &Args, jobs: &[Job<'_>], context: &mut Context<'_>) -> Result<(), Failure> {
    if args.strict {
        for job in jobs {
            import::unchanged(ledger, job.mapping, &job.source, args.at.as_deref()).await?;
        }
    }
    let (mut summaries, mut are_rejects_kept) = (Vec::new(), true);
    for job in jobs {
        let (summary, kept) = import_one(ledger, args, job).await?;
        summaries.push(summary);
        if let Err(failure) = kept {
            context.outcomes.failed(failure);
            are_rejects_kept = false;
        }
    }
    let rejected: u64 = summaries.iter().map(|summary| summary.rejected).sum();
    if let Some(imported) = imported_text(&summaries, rejected) {
        context.outcomes.durable(imported);
    }
    context.outcomes.verdict(refused(rejected, args.rejects.as_deref().filter(|_| are_rejects_kept)));
    if let Some(done) = done_of(summaries) {
        context.object(&done, |_| {
            let opening = done.opening.as_ref().map(|opening| summary_text("opening", "appended", opening));
            opening.unwrap_or_default() + &summary_text("data", "appended", &done.data)
        })?;
    }
    Ok(())
}

/// What stands in the ledger by an import that went through, in a line: the summary itself may reach nobody.
fn imported_text(summaries: &[Summary], rejected: u64) -> Option<String> {
    let sum = |figure: fn(&Summary) -> u64| summaries.iter().map(figure).sum::<u64>();
    let registered =
        |summary: &Summary| summary.items_registered + summary.locations_registered + summary.lots_registered;
    let (appended, registered, duplicates) = (sum(|summary| summary.appended), sum(registered), sum(|s| s.duplicates));
    (appended + registered + duplicates > 0).then(|| {
        format!(
            "imported: {appended} commands appended, {registered} items, locations and lots registered, {duplicates} \
             known already, {rejected} lines rejected"
        )
    })
}

/// Imports one file. The import stands, whatever becomes of the file of its rejects.
async fn import_one(ledger: &Ledger, args: &Args, job: &Job<'_>) -> Result<(Summary, Result<(), Failure>), Failure> {
    let unable = |path: &Path, error| Failure::Unable(format!("{} can't be written: {error}", path.display()));
    let bar = Progress::of_bytes(job.what);
    let progress = |at: import::Progress| bar.set(at.bytes_read, at.bytes_total);
    let mut options = Options { at: args.at.clone(), progress: Some(Box::new(progress)), ..Options::default() };
    // The file appears when it is whole: an import that is stopped leaves an earlier one as it is.
    let part = job.rejects.as_deref().map(|rejects| (rejects, beside(rejects, ".part")));
    if let Some((_, part)) = &part {
        let file = File::create(part).map_err(|error| unable(part, error))?;
        options.rejects = Some(Box::new(BufWriter::new(file)));
    }
    let done = import::import(ledger, job.mapping, &job.source, options).await;
    if let (Some((_, part)), Err(_)) = (&part, &done) {
        let _ = std::fs::remove_file(part);
    }
    let summary = done?;
    let kept = match part {
        Some((rejects, part)) => std::fs::rename(part, rejects).map_err(|error| unable(rejects, error)),
        None => Ok(()),
    };
    Ok((summary, kept))
}

async fn dry_run(ledger: &Ledger, args: &Args, jobs: &[Job<'_>], context: &mut Context<'_>) -> Result<(), Failure> {
    let mut forecasts: Vec<Forecast> = Vec::new();
    for job in jobs {
        forecasts.push(import::foretell(ledger, job.mapping, &job.source, args.at.as_deref(), args.show).await?);
    }
    let rejected: u64 = forecasts.iter().map(|forecast| forecast.summary.rejected).sum();
    let changed = forecasts.iter().find_map(|forecast| forecast.first_changed.clone());
    if let Some(done) = done_of(forecasts) {
        context.object(&done, |_| {
            let opening = done.opening.as_ref().map(|opening| forecast_text("opening", opening));
            opening.unwrap_or_default() + &forecast_text("data", &done.data) + "\nnothing was appended\n"
        })?;
    }
    match changed {
        Some(first) if args.strict => Err(Failure::Refused(format!(
            "with --strict nothing would be imported: line {}: {}",
            first.line, first.why
        ))),
        _ => refused(rejected, None),
    }
}

fn done_of<T>(mut parts: Vec<T>) -> Option<Done<T>> {
    let data = parts.pop()?;
    Some(Done { opening: parts.pop(), data })
}

fn refused(rejected: u64, rejects: Option<&Path>) -> Result<(), Failure> {
    let lines = match rejected {
        0 => return Ok(()),
        1 => "1 line was rejected".to_owned(),
        more => format!("{more} lines were rejected"),
    };
    Err(Failure::Refused(match rejects {
        Some(path) => format!("{lines}; mend what is in {} and import that file", path.display()),
        None => format!("{lines}; --rejects FILE writes what was rejected, to be mended and imported again"),
    }))
}

/// A summary for people.
fn summary_text(what: &str, appended: &str, summary: &Summary) -> String {
    let mut text = format!("{what}\n");
    let mut figure = |name: &str, count: u64, detail: String| {
        let _ = writeln!(text, "  {name:<12} {count:>10}  {detail}");
    };
    figure("lines", summary.lines, String::new());
    let kinds =
        summary.appended_by_kind.iter().map(|(kind, count)| format!("{count} {}", format!("{kind:?}").to_lowercase()));
    figure(appended, summary.appended, list(kinds, 7));
    figure("duplicates", summary.duplicates, String::new());
    let mut codes: Vec<_> = summary.ignored_by_code.iter().collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    figure("ignored", summary.ignored, list(codes.into_iter().map(|(code, count)| format!("{code} {count}")), 8));
    let reasons = summary.rejected_by_code.iter().map(|(code, count)| format!("{code} {count}"));
    figure("rejected", summary.rejected, list(reasons, 8));
    figure("items", summary.items_registered, "registered".to_owned());
    figure("locations", summary.locations_registered, "registered".to_owned());
    figure("lots", summary.lots_registered, "registered".to_owned());
    let seconds = summary.took.as_secs_f64();
    let _ = writeln!(text, "  {:<12} {seconds:>10.2}  {:.0} lines/s", "seconds", summary.lines_per_second());
    for rejected in &summary.first_rejected {
        let _ = writeln!(text, "  line {}: {}: {}", rejected.line, rejected.code, rejected.why);
    }
    if summary.rejected > summary.first_rejected.len() as u64 {
        let _ = writeln!(text, "  and {} more", summary.rejected - summary.first_rejected.len() as u64);
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn list(parts: impl Iterator<Item = String>, shown_max: usize) -> String {
    let parts: Vec<String> = parts.collect();
    let more = if parts.len() > shown_max { ", …" } else { "" };
    parts.into_iter().take(shown_max).collect::<Vec<_>>().join(", ") + more
}

/// What would come of a file, for people.
fn forecast_text(what: &str, forecast: &Forecast) -> String {
    let mut text = String::new();
    for foretold in &forecast.first {
        text.push_str(&foretold_text(foretold));
    }
    text + &summary_text(what, "would append", &forecast.summary)
}

fn foretold_text(foretold: &Foretold) -> String {
    let mut text = format!("line {}: {} {}", foretold.line, format!("{:?}", foretold.kind).to_lowercase(), foretold.id);
    let parts = [
        foretold.occurred_at.map(|at| at.to_string()),
        foretold.order.as_ref().map(|order| format!("order {order}")),
        foretold.reason.as_ref().map(|reason| format!("reason {reason}")),
    ];
    for part in parts.into_iter().flatten() {
        let _ = write!(text, "  {part}");
    }
    text.push('\n');
    for line in &foretold.lines {
        let _ = write!(text, "    {:>8} {} at {}", line.quantity, line.item, line.location);
        if let Some(lot) = &line.lot {
            let _ = write!(text, ", lot {lot}");
        }
        if let Some(cost) = &line.unit_cost {
            let _ = write!(text, ", {cost} each");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_stops_behind_events_never_says_that_nothing_was_changed() {
        let failures: [fn() -> Failure; 5] = [
            || Failure::Unable("the disk is full".to_owned()),
            || Failure::Output(std::io::Error::from(std::io::ErrorKind::StorageFull)),
            || Failure::Unknown("who knows".to_owned()),
            || Failure::Refused("line 7".to_owned()),
            || Failure::Damaged("rot".to_owned()),
        ];
        let codes = |appended| failures.map(|failure| stopped(failure(), appended).exit_code());
        assert_eq!((codes(0), codes(12)), ([4, 4, 5, 1, 3], [5, 5, 5, 1, 3]));
        let said = stopped(failures[0](), 12).to_string();
        assert!(said.starts_with("the disk is full\n") && said.contains("12 events were appended before"), "{said}");
    }
}
