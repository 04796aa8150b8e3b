//! `salvage`: what a damaged ledger still proves.

use super::context::Context;
use super::failure::Failure;
use super::paint::Paint;
use super::seen;
use counterfoil::audit::{self, LostRange, Salvage};
use counterfoil::log::{Remains, StoreError, StoreReader, Texts, snapshot_like};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Say what can still be read of a damaged ledger, without changing it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil salvage --ledger shop --list
  counterfoil salvage --ledger shop --to shop-restored

It works on a copy of the log in --scratch, which needs as much room as the log. What the store can't read in the copy
is lost to it; nothing is searched for in the raw bytes of log/db. --to writes the events before the damage, which are
consistent with each other in every respect, as a ledger of the same name. What came after them was acknowledged once: prefer a newer copy,
or send it again with the same command ids. Never write to both ledgers.

The exit code is 0 where nothing is damaged, or --to has written a ledger, and 3 where --list shows damage.")]
pub struct Args {
    /// Only say what is there, as without --to.
    #[arg(long, conflicts_with = "to")]
    list: bool,
    /// Write the events before the damage as a new ledger, into a directory that is missing or empty.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Where the copy is made that this works on; the directory for temporary files otherwise.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Reads, shows, and writes where asked to.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let remains = Remains::copy(&context.dir()?, &scratch).map_err(beyond_help)?;
    let Some(reader) = remains.reader() else {
        return Err(Failure::Unable("the copy is gone".to_owned()));
    };
    let salvage = audit::salvage(reader, remains.reached())?;
    match &args.to {
        Some(dir) => write_prefix(&salvage, reader, dir, context),
        None => {
            context.object(&salvage, |paint| salvage_text(&salvage, paint))?;
            match salvage.ok {
                true => Ok(()),
                false => Err(Failure::Damaged(verdict(&salvage))),
            }
        }
    }
}

/// Where sled can't read its file even in a copy.
fn beyond_help(error: StoreError) -> Failure {
    match error {
        StoreError::Corrupted { what, .. } => Failure::Damaged(format!(
            "the store can't read its file, not even in a copy ({what}): nothing can be salvaged here; restore the \
             newest copy of the directory, and send again what came after it"
        )),
        error => error.into(),
    }
}

fn write_prefix(
    salvage: &Salvage,
    reader: &dyn StoreReader,
    dir: &Path,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let (Some(ledger), Some(last)) = (salvage.ledger, salvage.head) else {
        return Err(Failure::Damaged("not even the first event can be used: nothing was written".to_owned()));
    };
    snapshot_like(reader, ledger, salvage.prefix(), dir, Texts::Readable, &context.dir()?)?;
    let (events, dir) = (salvage.events, seen::path(dir));
    let written = format!("{events} events are in {dir}, up to event {} with the hash {}", last.seq, last.hash);
    context.outcomes.durable(written.as_str());
    context.object(salvage, |paint| format!("{}\n{written}\n", salvage_text(salvage, paint)))
}

fn verdict(salvage: &Salvage) -> String {
    match (&salvage.fault, salvage.head) {
        (Some(fault), _) => {
            format!("{} events are consistent with each other; event {}: {}", salvage.events, fault.seq, fault.what)
        }
        (None, Some(_)) => format!("{} events are consistent with each other, and there were more", salvage.events),
        (None, None) => "the log has no events".to_owned(),
    }
}

fn salvage_text(salvage: &Salvage, paint: Paint) -> String {
    let mut text = String::new();
    let events = salvage.events;
    let _ = match salvage.head {
        Some(last) => {
            let good = paint.good("consistent");
            writeln!(text, "  {good} {events} events, up to event {} with the hash {}", last.seq, last.hash)
        }
        None => writeln!(text, "  {} not even the first event", paint.bad("nothing can be used,")),
    };
    if let Some(fault) = &salvage.fault {
        let _ = writeln!(text, "  {} event {}: {}", paint.bad("damaged"), fault.seq, fault.what);
    }
    for island in &salvage.islands {
        let (first, last) = (island.first, island.last.seq);
        let _ =
            writeln!(text, "  island  events {first} to {last} fit each other, the last hash is {}", island.last.hash);
    }
    for LostRange { first, last } in &salvage.unchecked {
        let _ = writeln!(text, "  there   events {first} to {last} can be read, nothing says what they follow");
    }
    for LostRange { first, last } in &salvage.lost {
        let _ = writeln!(text, "  {}    events {first} to {last}", paint.bad("lost"));
    }
    if let Some(once) = salvage.events_once.filter(|once| *once != events) {
        let _ = writeln!(text, "  the ledger noted once that it held {once} events");
    }
    text
}
