//! `export`: JSON Lines for a stranger.

use super::context::Context;
use super::failure::Failure;
use super::seen;
use counterfoil::log::StoreReader;
use counterfoil::{Head, audit};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

/// Write every event as JSON Lines: readable fields, exact stored bytes, hashes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil export --ledger shop --out shop.jsonl")]
pub struct Args {
    /// Write to this new file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes it.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (_store, reader) = context.log()?;
    let Some(path) = &args.out else {
        audit::export(reader.as_ref(), context.out, |_| {})?;
        return Ok(());
    };
    let made = File::create_new(path);
    let made = made.map_err(|error| Failure::Refused(format!("{} can't be made: {error}", seen::path(path))))?;
    let head = match written(reader.as_ref(), made) {
        Ok(head) => head,
        Err(failure) => {
            // A part of a log looks like all of a shorter one.
            let _ = fs::remove_file(path);
            return Err(match failure {
                Failure::Output(error) => Failure::Unable(format!("{} can't be written: {error}", seen::path(path))),
                failure => failure,
            });
        }
    };
    let told = format!("{} events are in {}", head.next_seq, seen::path(path));
    context.outcomes.durable(told.as_str());
    Ok(writeln!(context.out, "{told}")?)
}

fn written(reader: &dyn StoreReader, file: File) -> Result<Head, Failure> {
    let mut writer = BufWriter::new(file);
    let head = audit::export(reader, &mut writer, |_| {})?;
    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(head)
}
