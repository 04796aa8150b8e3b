//! `clock`: going on with a clock that the ledger does not trust; and the one place where the tool asks for the time.

use super::act::said::actor_or_user;
use super::context::Context;
use super::failure::Failure;
use counterfoil::domain::command::Established;
use counterfoil::domain::text::ReasonCode;
use counterfoil::ledger::{Clock, SystemClock};
use counterfoil::{Actor, ActorId, Receipt, Timestamp};
use serde_json::json;

/// Accept the clock as it is, after CLOCK_BEHIND or CLOCK_STEPPED.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil clock accept --actor anna --reason battery-replaced")]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Go on with this clock; that is recorded with the actor.
    Accept {
        /// Who accepts it; the operating system's user unless said.
        #[arg(long, env = "COUNTERFOIL_ACTOR", value_name = "NAME")]
        actor: Option<String>,
        /// Why, as a code of your own list.
        #[arg(long, value_name = "CODE")]
        reason: Option<String>,
    },
}

/// The time by the machine's clock, whatever it says: before 1970 it is negative.
pub fn now() -> Timestamp {
    SystemClock::new().wall()
}

/// Refuses a clock that nothing can be recorded by.
pub fn is_usable() -> Result<(), Failure> {
    let now = now();
    match now.0 < 0 {
        false => Ok(()),
        true => Err(Failure::Unable(format!(
            "the clock says {now}, and nothing is recorded before 1970: put the clock right; nothing was changed"
        ))),
    }
}

/// Accepts it.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Task::Accept { actor, reason } = args.task;
    let actor = match actor_or_user(actor)? {
        serde_json::Value::String(name) => Actor::asserted(ActorId::new(&name)?),
        user => {
            let id = ActorId::new(user["id"].as_str().unwrap_or_default())?;
            Actor { id, established: Established::Process }
        }
    };
    let reason = reason.as_deref().map(ReasonCode::new).transpose()?;
    let receipt = context.with_ledger(async |ledger, context| {
        let receipt = ledger.accept_clock(actor, reason).await?;
        let Receipt { seq, hash, .. } = receipt;
        context.outcomes.durable(format!("event {seq} is appended, the clock is accepted; it has the hash {hash}"));
        Ok(receipt)
    });
    let receipt = receipt.await?;
    let (seq, hash, recorded_at) = (receipt.seq, receipt.hash.to_string(), receipt.recorded_at.to_string());
    let told = json!({ "status": "accepted", "seq": seq, "hash": hash, "recorded_at": recorded_at });
    context.object(&told, |paint| {
        format!(
            "  {} event {seq}: the clock is accepted\n  recorded  {recorded_at}\n  hash      {hash}\n",
            paint.good("done")
        )
    })
}
