//! `head`: the last event and its hash.

use super::context::Context;
use super::failure::Failure;
use counterfoil::log::{Head, recover};
use serde_json::json;

/// Show the last event and its hash, to be kept elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil head --ledger shop >> /elsewhere/heads.txt")]
pub struct Args {}

/// Reads the end of the log.
pub fn run(_: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (_store, reader) = context.log()?;
    let head = recover(reader.as_ref(), Head::EMPTY)?.head;
    let Some(last) = head.next_seq.0.checked_sub(1) else {
        return Err(Failure::Damaged("the log has no events, not even a genesis event".to_owned()));
    };
    let shown = json!({ "seq": last, "hash": head.hash.to_string() });
    context.object(&shown, |_| format!("{last}:{}\n", head.hash))
}
