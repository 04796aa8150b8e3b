//! A week in a small chain of shops: append, ask, verify; then three attacks on copies.

mod attack;
mod play;
mod script;
mod show;
mod stage;

use super::clock;
use super::context::Context;
use super::failure::Failure;
use super::paint::Paint;
use super::verify::report_text;
use counterfoil::audit::{self, Expected};
use counterfoil::domain::ids::Seq;
use counterfoil::ledger::Ledger;
use counterfoil::log::StoreReader;
use stage::Stage;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the demo's ledger is left, unless another place is named.
const DIR: &str = "counterfoil-demo";

/// Play a week in a chain of shops, then forge copies and see it named.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil demo
  counterfoil demo --dir /tmp/shop

Clock and randomness are fixed: every run writes the same bytes. The ledger is left behind to play with; it is in
./counterfoil-demo (or -2, -3 where that exists) unless --dir says otherwise.")]
pub struct Args {
    /// Keep the ledger in this directory, which must be missing or empty.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Plays the week and shows it.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let dir = args.dir.unwrap_or_else(free_dir);
    clock::is_usable()?;
    // The week is played to its end whoever listens: what is left behind is whole.
    let mut shown = Vec::new();
    let played = play_all(&dir, context.paint, &mut shown).await;
    if played.is_ok() {
        context.outcomes.durable(format!("the demo's ledger is in {}", dir.display()));
    }
    if let Err(error) = context.out.write_all(&shown) {
        context.outcomes.failed(Failure::Output(error));
    }
    played
}

async fn play_all(dir: &Path, paint: Paint, out: &mut dyn Write) -> Result<(), Failure> {
    let stage = Stage::at(script::instant("Mon 07:30")?);
    let ledger = Ledger::create(dir, stage.options())?;

    writeln!(out, "{}", paint.bold("A week in a small chain of shops"))?;
    play::set_up(&ledger).await?;
    show::catalogue(&ledger, out)?;
    let week = play::play(&ledger, &stage, script::week()?).await?;
    show::week(&week, paint, out)?;
    let ledger = reopen(ledger, dir, &stage, paint, out).await?;
    show::questions(&ledger, paint, out)?;
    let kept = proof(&ledger, paint, out)?;
    attack::show(&ledger, kept, paint, out).await?;
    ledger.close().await?;
    show::what_next(dir, kept, paint, out)
}

/// The first of `counterfoil-demo`, `counterfoil-demo-2`, … that is not there.
fn free_dir() -> PathBuf {
    let numbered = (2..).map(|number: u64| format!("{DIR}-{number}"));
    let free = std::iter::once(DIR.to_owned()).chain(numbered).find(|name| !Path::new(name).exists());
    PathBuf::from(free.unwrap_or_else(|| DIR.to_owned()))
}

/// Closes the ledger and opens it again: the same head, the same stock.
async fn reopen(
    ledger: Ledger,
    dir: &Path,
    stage: &Stage,
    paint: Paint,
    out: &mut dyn Write,
) -> Result<Ledger, Failure> {
    let head = ledger.head();
    ledger.close().await?;
    let ledger = Ledger::open(dir, stage.options())?;
    if ledger.head() != head {
        return Err(Failure::Damaged("the ledger opened with another head than it was closed with".to_owned()));
    }
    let last = head.next_seq.0.saturating_sub(1);
    writeln!(out, "\n{}", paint.bold("Closed and opened again"))?;
    writeln!(out, "  event {last} has the hash {}, as before", head.hash)?;
    Ok(ledger)
}

/// Verifies the ledger against its last receipt, and gives that.
fn proof(ledger: &Ledger, paint: Paint, out: &mut dyn Write) -> Result<Expected, Failure> {
    let head = ledger.head();
    let kept = Expected { seq: Seq(head.next_seq.0.saturating_sub(1)), hash: head.hash };
    writeln!(out, "\n{}", paint.bold("Verified, against the last receipt's hash"))?;
    let report = verify(ledger.log().as_ref(), vec![kept])?;
    out.write_all(report_text(&report, paint).as_bytes())?;
    match report.first_fault {
        Some(fault) => Err(Failure::Damaged(format!("event {}: {}", fault.seq, fault.what))),
        None => Ok(kept),
    }
}

fn verify(reader: &dyn StoreReader, expected: Vec<Expected>) -> Result<audit::Report, Failure> {
    Ok(audit::verify(reader, audit::Options { expected, ..audit::Options::default() })?)
}
