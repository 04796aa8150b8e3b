//! `init`: an empty ledger.

use super::context::{self, Context};
use super::failure::Failure;
use super::seen;
use counterfoil::ledger::Ledger;
use serde_json::json;

/// Make an empty ledger in a directory that is missing or empty.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil init --ledger shop")]
pub struct Args {}

/// Makes it and shows its first hash.
pub async fn run(_: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let dir = context.dir()?;
    let ledger = Ledger::create(&dir, context.options())?;
    let (id, head) = (ledger.id(), ledger.head());
    context::close(ledger).await?;
    let made = json!({ "ledger": id, "seq": 0, "hash": head.hash.to_string() });
    context.object(&made, |_| format!("made ledger {id} in {}\nevent 0 has the hash {}\n", seen::path(&dir), head.hash))
}
