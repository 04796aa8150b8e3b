//! Facts about goods: they came, went, came back, were found, counted or put aside.

use super::Deed;
use super::lines::{GRAMMAR, LineArgs, bucket};
use super::said::{Dated, Said};
use crate::cli::failure::Failure;
use clap::ValueEnum;
use counterfoil::ledger::fresh_uuid;
use serde_json::json;
use uuid::Uuid;

/// Goods came from a supplier.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil receive MUG-BLUE=24 JAM-PLUM@P-2501=8 --location SHOP
  counterfoil receive MUG-BLUE=2 --location SHOP --unsellable --document delivery-note:881

{GRAMMAR}"))]
pub struct Receive {
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
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[bucket(self.unsellable)])?;
        Deed::fact(self.said, self.dated, json!({ "kind": "receive", "lines": lines }))
    }
}

/// The till system of deltas for which none was named.
const OWN_SOURCE: &str = "counterfoil";

/// Whether this tool made up what a delta goes by.
pub fn is_made_up(source: &str, external_id: &str) -> bool {
    source == OWN_SOURCE && Uuid::try_parse(external_id).is_ok()
}

/// A till says what happened: a sale unless said otherwise.
///
/// A till's delta is known by its source and its own id, so it may be delivered as often as you like.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil sell MUG-BLUE=1 CANDLE=2 --location SHOP --source till-1 --external-id r-2001
  counterfoil sell JAM-PLUM@P-2501=1 --location SHOP --kind waste --reason broken
  counterfoil sell MUG-BLUE=-1 --location SHOP --kind correction --source till-1 --external-id c-7

{GRAMMAR}"))]
pub struct Sell {
    #[command(flatten)]
    lines: LineArgs,
    /// What happened.
    #[arg(long, value_enum, default_value_t = Delta::Sale)]
    kind: Delta,
    /// The till system.
    #[arg(long, default_value = OWN_SOURCE)]
    source: String,
    /// The till system's own id of the delta; a new one unless said.
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// From (or to) stock that can't be sold.
    #[arg(long)]
    unsellable: bool,
    /// Where goods of a return go.
    #[arg(long, value_enum, value_name = "WHERE")]
    disposition: Option<Goes>,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Delta {
    /// Goods went to a customer.
    Sale,
    /// Goods came back from a customer.
    Return,
    /// Goods were lost.
    Waste,
    /// Goods came from a supplier.
    Receipt,
    /// The till's figure was put right; quantities are signed.
    Correction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Goes {
    /// Back into sellable stock.
    Restock,
    /// Into unsellable stock, to be looked at.
    Quarantine,
    /// Into the bin: no stock changes.
    Scrap,
}

impl Goes {
    const fn word(self) -> &'static str {
        match self {
            Self::Restock => "restock",
            Self::Quarantine => "quarantine",
            Self::Scrap => "scrap",
        }
    }
}

impl Sell {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let delta = match self.kind {
            Delta::Sale => "sale",
            Delta::Return => "return",
            Delta::Waste => "waste",
            Delta::Receipt => "receipt",
            Delta::Correction => "correction",
        };
        if self.disposition.is_some() && self.kind != Delta::Return {
            return Err(Failure::Usage("--disposition is for --kind return".to_owned()));
        }
        let defaults = [bucket(self.unsellable), ("disposition", self.disposition.map(Goes::word))];
        let lines = self.lines.json("quantity", &defaults)?;
        let external_id = self.external_id.unwrap_or_else(|| fresh_uuid().to_string());
        let act = json!({
            "kind": "pos_delta", "source": self.source, "external_id": external_id, "delta": delta, "lines": lines,
        });
        Deed::fact(self.said, self.dated, act)
    }
}

/// Goods came back from a customer, against an order or explicitly without one.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil return MUG-BLUE=1 --location SHOP --order A-1001 --disposition restock
  counterfoil return MUG-BLUE=1 --location SHOP --unreferenced

{GRAMMAR}"))]
pub struct Return {
    #[command(flatten)]
    lines: LineArgs,
    /// Against no order; otherwise --order says which.
    #[arg(long, conflicts_with = "order")]
    unreferenced: bool,
    /// Where the goods go.
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = Goes::Quarantine)]
    disposition: Goes,
    /// What to do with more than was shipped.
    #[arg(long, value_enum, default_value_t = Excess::Refuse)]
    excess: Excess,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Excess {
    /// Refuse the whole return.
    Refuse,
    /// Take the surplus as an unreferenced return.
    Unreferenced,
}

impl Return {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let origin = match (self.unreferenced, &self.said.order) {
            (true, _) => "unreferenced",
            (false, Some(_)) => "order",
            (false, None) => {
                return Err(Failure::Usage("against what? give --order ORDER, or --unreferenced".to_owned()));
            }
        };
        let excess = match self.excess {
            Excess::Refuse => "refuse",
            Excess::Unreferenced => "unreferenced",
        };
        let lines = self.lines.json("quantity", &[("disposition", Some(self.disposition.word()))])?;
        Deed::fact(
            self.said,
            self.dated,
            json!({ "kind": "return", "origin": origin, "excess": excess, "lines": lines }),
        )
    }
}

/// Stock was found or lost; --reason says why.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil adjust MUG-BLUE=-1 --location SHOP --reason broken
  counterfoil adjust GIFT-BOX=3 --location DEPOT --reason found

{GRAMMAR}"))]
pub struct Adjust {
    #[command(flatten)]
    lines: LineArgs,
    /// Of stock that can't be sold.
    #[arg(long)]
    unsellable: bool,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Adjust {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[bucket(self.unsellable)])?;
        Deed::fact(self.said, self.dated, json!({ "kind": "adjust", "lines": lines }))
    }
}

/// Stock was counted: the figures that were found.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil count CANDLE-BEE=90 RICE-KG=23.750 --location SHOP
  counterfoil count MUG-BLUE=2 --location SHOP --unsellable --occurred-at 2026-03-01T18:00:00Z

{GRAMMAR}"))]
pub struct Count {
    #[command(flatten)]
    lines: LineArgs,
    /// Of stock that can't be sold.
    #[arg(long)]
    unsellable: bool,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Count {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("counted", &[bucket(self.unsellable)])?;
        Deed::fact(self.said, self.dated, json!({ "kind": "count", "lines": lines }))
    }
}

/// Move stock out of sale, or back into it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil reclassify MUG-BLUE=2 --location SHOP                 out of sale
  counterfoil reclassify MUG-BLUE=1 --location SHOP --unsellable    back into sale

{GRAMMAR}"))]
pub struct Reclassify {
    #[command(flatten)]
    lines: LineArgs,
    /// It leaves unsellable stock and can be sold again.
    #[arg(long)]
    unsellable: bool,
    #[command(flatten)]
    said: Said,
}

impl Reclassify {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[bucket(self.unsellable)])?;
        Deed::new(self.said, json!({ "kind": "reclassify", "lines": lines }))
    }
}
