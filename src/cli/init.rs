//! `init`: an empty ledger.

use super::clock;
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
    let dir_shown = seen::path(&dir);
    clock::is_usable()?;
    let ledger = Ledger::create(&dir, context.options())?;
    let (id, head) = (ledger.id(), ledger.head());
    context.outcomes.durable(format!("made ledger {id} in {dir_shown}; event 0 has the hash {}", head.hash));
    if let Err(error) = context::close(ledger).await {
        context.outcomes.not_closed(error.into());
    }
    let made = json!({ "ledger": id, "seq": 0, "hash": head.hash.to_string() });
    context.object(&made, |_| format!("made ledger {id} in {dir_shown}\nevent 0 has the hash {}\n", head.hash))
}
