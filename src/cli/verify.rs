//! `verify`: everything, trusting nothing but the hashes given.

use super::context::{Context, log_of};
use super::failure::Failure;
use super::paint::Paint;
use super::progress::Progress;
use super::seen;
use counterfoil::audit::{self, Expected, Options, Report};
use counterfoil::domain::ids::Seq;
use counterfoil::heads::{KeptHead, Unreadable, read_heads};
use counterfoil::log::{Hash, StoreError};
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Check a whole ledger: format, hash chain, sums, ids and every stock rule.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil verify --ledger shop
  counterfoil verify --ledger shop --expect 62:4f1c…         against a hash that `head` printed or a receipt holds
  counterfoil verify --ledger shop --expect-heads /mnt/heads.jsonl   against all that were noted with --heads

Without a hash that was kept elsewhere, a cut tail or a rewrite of everything can't be excluded; the answer says so.
Only the log is looked at. The index and checkpoints in `derived` are no evidence: damaged or not, they may be deleted \
and are built again. `counterfoil info` and `counterfoil replay` look at them.

The exit code is 0 where nothing is wrong and 3 where anything is, also where the log can't be opened.")]
pub struct Args {
    /// A hash that was kept elsewhere, as `head` prints it; may be given more than once.
    #[arg(long, value_name = "SEQ:HASH", value_parser = expected)]
    expect: Vec<Expected>,
    /// A file of heads that were kept elsewhere with --heads; may be given more than once.
    #[arg(long, value_name = "FILE")]
    expect_heads: Vec<PathBuf>,
}

fn expected(text: &str) -> Result<Expected, String> {
    let wanted = || "want an event and its hash, such as 62:4f1c… with 64 hexadecimal digits".to_owned();
    let (seq, hash) = text.split_once(':').ok_or_else(wanted)?;
    let seq = seq.parse().map(Seq).map_err(|_| wanted())?;
    let hash = Hash::from_hex(hash).ok_or_else(wanted)?;
    Ok(Expected { seq, hash })
}

/// What is shown: the report, and what of the kept heads can't be read.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: &'a Report,
    unreadable_heads: &'a [Unreadable],
}

/// Verifies and shows the report.
pub fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let dir = context.dir()?;
    let (kept, unreadable) = kept_heads(&args.expect_heads)?;
    let report = match report_on(&dir, args.expect, kept) {
        Ok(report) => report,
        Err(error) if is_damage(&error, &dir) => Report::unreadable(&error),
        Err(error) => return Err(error.into()),
    };
    let shown = Shown { report: &report, unreadable_heads: &unreadable };
    context.object(&shown, |paint| {
        let mut text = report_text(&report, paint);
        for line in &unreadable {
            let _ = writeln!(text, "     line {} of the kept heads can't be used: {}", line.line, line.what);
        }
        text
    })?;
    match &report.first_fault {
        Some(fault) if fault.rule == "store" => Err(Failure::Damaged(fault.what.clone())),
        Some(fault) => Err(Failure::Damaged(format!("the log is damaged at event {}: {}", fault.seq, fault.what))),
        None => Ok(()),
    }
}

fn report_on(dir: &Path, expected: Vec<Expected>, kept: Vec<KeptHead>) -> Result<Report, StoreError> {
    let (_store, reader) = log_of(dir)?;
    let bar = Progress::of_events("verifying");
    let mut progress = |at: audit::verify::Progress| bar.set(at.events, at.of);
    audit::verify(reader.as_ref(), Options { expected, kept, progress: Some(&mut progress), ..Options::default() })
}

/// Whether the error is one of what is stored: also where the directory says that it is a ledger, and lacks parts of it.
fn is_damage(error: &StoreError, dir: &Path) -> bool {
    match error {
        StoreError::Corrupted { .. } => true,
        StoreError::NotALedger { .. } => dir.join("COUNTERFOIL").is_file(),
        _ => false,
    }
}

/// The heads of all files, and the lines that are none.
fn kept_heads(files: &[PathBuf]) -> Result<(Vec<KeptHead>, Vec<Unreadable>), Failure> {
    let (mut heads, mut unreadable) = (Vec::new(), Vec::new());
    for file in files {
        let kept = read_heads(file)
            .map_err(|error| Failure::Refused(format!("the heads in {} can't be read: {error}", seen::path(file))))?;
        if kept.heads.is_empty() {
            return Err(Failure::Refused(format!(
                "{} holds no head: nothing can be held against it",
                seen::path(file)
            )));
        }
        heads.extend(kept.heads);
        unreadable.extend(kept.unreadable);
    }
    Ok((heads, unreadable))
}

/// A verification for people: the verdict, the head, and what can't be excluded.
pub fn report_text(report: &Report, paint: Paint) -> String {
    let mut text = verdict_text(report, paint);
    if let Some(head) = &report.head {
        let _ = writeln!(text, "     head: event {} with the hash {}", head.seq, head.hash);
    }
    if let Some(kept) = &report.kept {
        kept_text(&mut text, report, kept);
    }
    if let Some(tail) = &report.dropped_tail {
        let _ = writeln!(text, "     {} bytes behind the last commit mark were never acknowledged", tail.bytes);
    }
    for exclusion in &report.exclusions {
        let _ = writeln!(text, "     {}", paint.dim(&format!("not excluded: {exclusion}")));
    }
    if !report.ok {
        text.push_str(WHAT_NEXT);
    }
    text
}

const WHAT_NEXT: &str = "     next: leave the directory as it is, `counterfoil salvage --list` shows what can still be \
read of it;\n           then restore the newest copy that `verify` finds nothing wrong with, and send again what came after it\n";

fn kept_text(text: &mut String, report: &Report, kept: &audit::KeptUse) {
    let _ = match (report.ok, report.anchored_at) {
        (true, Some(seq)) => writeln!(text, "     all {} heads kept elsewhere are met, up to event {seq}", kept.used),
        (_, Some(seq)) => {
            writeln!(text, "     of {} heads kept elsewhere, those up to event {seq} are met", kept.used)
        }
        (_, None) => writeln!(text, "     of {} heads kept elsewhere, none was met", kept.used),
    };
    for other in &kept.other_ledgers {
        let _ = writeln!(text, "     {} heads are of another ledger, {}, and were not used", other.heads, other.ledger);
    }
}

/// Whether a log fits together, and where it does not: nothing in it can say that it is the one that was written.
pub fn verdict_text(report: &Report, paint: Paint) -> String {
    let Report { events, items, .. } = report;
    match &report.first_fault {
        None => format!(
            "  {} {events} events and the sums of {items} items are consistent: format, chain, ids, every rule\n",
            paint.good("ok")
        ),
        Some(fault) if fault.rule == "store" => {
            format!("  {} the log can't be read\n     {}\n", paint.bad("WRONG"), fault.what)
        }
        Some(fault) => format!(
            "  {} event {} breaks the rule `{}`\n     {}\n     {}\n",
            paint.bad("WRONG"),
            fault.seq,
            fault.rule,
            fault.what,
            before_it(*events, report.anchored_at)
        ),
    }
}

/// What is known of the events before a fault: whoever wrote them again wrote them so that they fit each other.
fn before_it(events: u64, anchored_at: Option<Seq>) -> String {
    let consistent = match events {
        0 => return "there is no event before it".to_owned(),
        1 => "the event before it is consistent".to_owned(),
        _ => format!("the {events} events before it are consistent with each other"),
    };
    match anchored_at {
        None => consistent,
        Some(anchor) => format!("{consistent}, and up to event {anchor} with what was kept elsewhere"),
    }
}
