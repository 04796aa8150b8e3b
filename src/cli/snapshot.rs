//! `snapshot`: a copy of the ledger.

use super::context::Context;
use super::failure::Failure;
use super::seen;
use counterfoil::log::{Head, SnapshotError, StoreError, Texts, recover, snapshot_like, unfinished_copies};
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Copy the ledger into an empty directory, every hash checked on the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  counterfoil snapshot --ledger shop /backup/shop-2026-03-03

The copy holds the log and the private texts that are not erased; indexes are built again when it is opened. It appears
under its name when it is complete, read back and durable. It has the ledger's own name: write to one of the two only.
Nobody else may have the ledger open meanwhile; a program that has it open copies it with Ledger::snapshot.")]
pub struct Args {
    /// Where the copy goes; its parent must exist.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Copies it and shows the head of the copy.
pub fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (store, reader) = context.log()?;
    let (ledger, dir) = (store.ledger(), &args.dir);
    let head = recover(reader.as_ref(), Head::EMPTY)?.head;
    let Some(last) = head.next_seq.0.checked_sub(1) else {
        return Err(Failure::Damaged("the log has no events, not even a genesis event".to_owned()));
    };
    snapshot_like(reader.as_ref(), ledger, head, dir, Texts::All, &context.dir()?)?;
    let (events, hash, place) = (head.next_seq, head.hash, seen::path(dir));
    context.outcomes.durable(format!("{events} events are in {place}; event {last} has the hash {hash}"));
    let mut made = json!({ "ledger": ledger, "dir": dir, "events": events, "seq": last, "hash": hash.to_string() });
    // It may belong to somebody who is still at it, so it is only told.
    let left_over = unfinished_copies(dir).unwrap_or_default();
    if !left_over.is_empty() {
        made["left_over"] = json!(left_over);
    }
    context.object(&made, |_| {
        let mut text = format!("{events} events are in {place}\nevent {last} has the hash {hash}, there as here\n");
        for path in &left_over {
            let _ = writeln!(
                text,
                "left over from a copy that was stopped, unless one is still made: {}",
                seen::path(path)
            );
        }
        text
    })
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Log(fault) => fault.into(),
            SnapshotError::Store(error @ StoreError::AlreadyExists { .. }) => Self::Refused(error.to_string()),
            _ => Self::Unable(error.to_string()),
        }
    }
}
