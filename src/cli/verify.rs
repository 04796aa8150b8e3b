//! `verify`: everything, trusting nothing but the hashes given.

use super::context::Context;
use super::failure::Failure;
use super::paint::Paint;
use super::progress::Progress;
use counterfoil::audit::{self, Expected, Options, Report};
use counterfoil::domain::ids::Seq;
use counterfoil::log::Hash;
use std::fmt::Write;

/// Check a whole ledger: format, hash chain, sums, ids and every stock rule.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil verify --ledger shop
  counterfoil verify --ledger shop --expect 62:4f1c…      against a hash that `head` printed or a receipt holds

Without a hash that was kept elsewhere, a cut tail or a rewrite of everything can't be excluded; the answer says so.")]
pub struct Args {
    /// A hash that was kept elsewhere, as `head` prints it; may be given more than once.
    #[arg(long, value_name = "SEQ:HASH", value_parser = expected)]
    expect: Vec<Expected>,
}

fn expected(text: &str) -> Result<Expected, String> {
    let wanted = || "want an event and its hash, such as 62:4f1c… with 64 hexadecimal digits".to_owned();
    let (seq, hash) = text.split_once(':').ok_or_else(wanted)?;
    let seq = seq.parse().map(Seq).map_err(|_| wanted())?;
    let hash = Hash::from_hex(hash).ok_or_else(wanted)?;
    Ok(Expected { seq, hash })
}

/// Verifies and shows the report.
pub fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (_store, reader) = context.log()?;
    let bar = Progress::of_events("verifying");
    let mut progress = |at: audit::verify::Progress| bar.set(at.events, at.of);
    let options = Options { expected: args.expect, progress: Some(&mut progress), ..Options::default() };
    let report = audit::verify(reader.as_ref(), options)?;
    drop(bar);
    context.object(&report, |paint| report_text(&report, paint))?;
    match &report.first_fault {
        Some(fault) => Err(Failure::Damaged(format!("the log is damaged at event {}: {}", fault.seq, fault.what))),
        None => Ok(()),
    }
}

/// A verification for people: the verdict, the head, and what can't be excluded.
pub fn report_text(report: &Report, paint: Paint) -> String {
    let mut text = verdict_text(report, paint);
    if let Some(head) = &report.head {
        let _ = writeln!(text, "     head: event {} with the hash {}", head.seq, head.hash);
    }
    if let Some(tail) = &report.dropped_tail {
        let _ = writeln!(text, "     {} bytes behind the last commit mark were never acknowledged", tail.bytes);
    }
    for exclusion in &report.exclusions {
        let _ = writeln!(text, "     {}", paint.dim(&format!("not excluded: {exclusion}")));
    }
    text
}

/// Whether a log is right, and where it is not.
pub fn verdict_text(report: &Report, paint: Paint) -> String {
    let Report { events, items, .. } = report;
    match &report.first_fault {
        None => format!(
            "  {} {events} events and the sums of {items} items are right: format, chain, ids, every rule\n",
            paint.good("ok")
        ),
        Some(fault) => format!(
            "  {} event {} breaks the rule `{}`\n     {}\n     the {events} events before it are right\n",
            paint.bad("WRONG"),
            fault.seq,
            fault.rule,
            fault.what
        ),
    }
}
