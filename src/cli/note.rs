//! `note`: the private text of an event.

use super::context::Context;
use super::failure::Failure;
use counterfoil::Seq;
use counterfoil::domain::invisible::shown_lines;
use counterfoil::log::StoreError;
use serde_json::json;

/// The private note of an event: show it, or erase it for good.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil note show 42
  counterfoil note erase 42        the history stays provable without it")]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Show it.
    Show {
        /// The event.
        seq: u64,
    },
    /// Erase it for good.
    Erase {
        /// The event.
        seq: u64,
    },
}

/// Shows or erases it.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (Task::Show { seq } | Task::Erase { seq }) = args.task;
    let erase = matches!(args.task, Task::Erase { .. });
    let note = context.with_ledger(async |ledger, context| {
        let note = ledger.note(Seq(seq))?;
        if erase && note.is_some() {
            ledger.erase_note(Seq(seq)).await.map_err(perhaps_erased)?;
            context.outcomes.durable(format!("the note of event {seq} is erased"));
        }
        Ok(note)
    });
    let Some(note) = note.await? else {
        return Err(Failure::Refused(format!("event {seq} has no note, or it was erased")));
    };
    match erase {
        true => {
            context.object(&json!({ "seq": seq, "erased": true }), |_| format!("  the note of event {seq} is erased\n"))
        }
        false => context.object(&json!({ "seq": seq, "note": note }), |_| format!("{}\n", shown_lines(&note))),
    }
}

/// What it means that a note can't be erased: where the disk failed midway, nobody knows.
fn perhaps_erased(error: StoreError) -> Failure {
    match error {
        StoreError::Io { .. } => {
            Failure::Unknown(format!("{error}; nobody knows whether the note is erased: erase it again"))
        }
        error => error.into(),
    }
}
