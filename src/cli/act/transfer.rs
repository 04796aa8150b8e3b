//! Goods between locations.

use super::lines::{GRAMMAR, LineArgs, bucket};
use super::said::{Dated, Said};
use super::{Deed, Step};
use crate::cli::failure::Failure;
use crate::cli::look::Look;
use crate::cli::look::transfers;
use counterfoil::ledger::fresh_uuid;
use serde_json::json;

/// Move goods between locations: ship, receive, close, list.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Task {
    Ship(Ship),
    Receive(Receive),
    Close(Close),
    List(transfers::Args),
}

impl Args {
    pub(super) fn step(self) -> Result<Step, Failure> {
        match self.task {
            Task::Ship(ship) => ship.deed().map(Step::from),
            Task::Receive(receive) => receive.deed().map(Step::from),
            Task::Close(close) => close.deed().map(Step::from),
            Task::List(list) => Ok(Step::Look(Look::Transfers(list))),
        }
    }
}

/// Goods left a location for another one.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  counterfoil transfer ship MUG-BLUE=12 GIFT-BOX=8 --location DEPOT --to SHOP

The transfer's id is printed; give your own with --transfer.

{GRAMMAR}"))]
struct Ship {
    #[command(flatten)]
    lines: LineArgs,
    /// Where they go, by the location's code.
    #[arg(long, value_name = "CODE")]
    to: String,
    /// The transfer's id; a new one unless said.
    #[arg(long, value_name = "UUID")]
    transfer: Option<String>,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Ship {
    fn deed(self) -> Result<Deed, Failure> {
        let transfer = self.transfer.unwrap_or_else(|| fresh_uuid().to_string());
        let lines = self.lines.json("quantity", &[])?;
        let act = json!({ "kind": "ship_transfer", "transfer": transfer, "to": self.to, "lines": lines });
        Ok(Deed::fact(self.said, self.dated, act)?.naming("transfer", transfer))
    }
}

/// Goods of a transfer arrived.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  counterfoil transfer receive 018f2b6e-7c1a-7d3e-9a4b-0123456789ab MUG-BLUE=11 --location SHOP

{GRAMMAR}"))]
struct Receive {
    /// The transfer's id.
    #[arg(value_name = "TRANSFER")]
    transfer: String,
    #[command(flatten)]
    lines: LineArgs,
    /// They arrived damaged, or must be looked at first.
    #[arg(long)]
    unsellable: bool,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Receive {
    fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[bucket(self.unsellable)])?;
        let act = json!({ "kind": "receive_transfer", "transfer": self.transfer, "lines": lines });
        Deed::fact(self.said, self.dated, act)
    }
}

/// Nothing more of a transfer will arrive: the rest is lost.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  counterfoil transfer close 018f2b6e-7c1a-7d3e-9a4b-0123456789ab --reason lost-on-the-way")]
struct Close {
    /// The transfer's id.
    #[arg(value_name = "TRANSFER")]
    transfer: String,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Close {
    fn deed(self) -> Result<Deed, Failure> {
        Deed::fact(self.said, self.dated, json!({ "kind": "close_transfer", "transfer": self.transfer }))
    }
}
