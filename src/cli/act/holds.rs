//! Promises, and what becomes of them.

use super::lines::{GRAMMAR, LineArgs};
use super::said::{Dated, Said};
use super::{Deed, span};
use crate::cli::clock;
use crate::cli::failure::Failure;
use serde_json::{Value, json};
use std::time::Duration;

/// When a hold lapses.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
struct Lapse {
    /// For how long, such as 90s, 15m, 2h, 1h30m, 3d.
    #[arg(long = "for", value_name = "DURATION", value_parser = span::span)]
    span: Option<Duration>,
    /// Until when, with time zone (2026-03-01T18:00:00+01:00).
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Lapse {
    fn deadline(self) -> Value {
        let after = |span: Duration| {
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            json!(clock::now().plus_micros(micros))
        };
        self.span.map(after).or_else(|| self.until.map(Value::from)).unwrap_or(Value::Null)
    }
}

/// Hold stock: all lines or none.
///
/// Without --for or --until the hold never lapses.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil reserve MUG-BLUE=2 CANDLE-BEE=1 --location SHOP --order A-1001 --for 15m
  counterfoil reserve RICE-KG=1.500 --location SHOP --until 2026-12-24T18:00:00+01:00

The receipt's id is the reservation's id.

{GRAMMAR}"))]
pub struct Reserve {
    #[command(flatten)]
    lines: LineArgs,
    #[command(flatten)]
    lapse: Lapse,
    #[command(flatten)]
    said: Said,
}

impl Reserve {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[])?;
        let act = json!({ "kind": "reserve", "deadline": self.lapse.deadline(), "lines": lines });
        Ok(Deed::new(self.said, act)?.showing_stock())
    }
}

/// Change what a reservation holds.
///
/// A line says the new quantity that is open of it; lines that are not named stay as they are.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  counterfoil amend 018f2b6e-7c1a-7d3e-9a4b-0123456789ab MUG-BLUE=3 --location SHOP

{GRAMMAR}"))]
pub struct Amend {
    /// The reservation's id.
    #[arg(value_name = "RESERVATION")]
    reservation: String,
    #[command(flatten)]
    lines: LineArgs,
    #[command(flatten)]
    said: Said,
}

impl Amend {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let lines = self.lines.json("quantity", &[])?;
        let act = json!({ "kind": "amend", "reservation": self.reservation, "lines": lines });
        Ok(Deed::new(self.said, act)?.showing_stock())
    }
}

/// Move a reservation's deadline.
///
/// Without --for or --until it never lapses.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  counterfoil extend 018f2b6e-7c1a-7d3e-9a4b-0123456789ab --for 30m")]
pub struct Extend {
    /// The reservation's id.
    #[arg(value_name = "RESERVATION")]
    reservation: String,
    #[command(flatten)]
    lapse: Lapse,
    #[command(flatten)]
    said: Said,
}

impl Extend {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let deadline = self.lapse.deadline();
        Deed::new(self.said, json!({ "kind": "extend", "reservation": self.reservation, "deadline": deadline }))
    }
}

/// Ship what is held: of a reservation, or of an order, oldest first.
///
/// Without lines all of it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil fulfil --order A-1001
  counterfoil fulfil --reservation 018f2b6e-7c1a-7d3e-9a4b-0123456789ab MUG-BLUE=1 --location SHOP
  counterfoil fulfil --order A-1001 MUG-BLUE=3 --location SHOP --already-left

{GRAMMAR}"))]
pub struct Fulfil {
    #[command(flatten)]
    lines: LineArgs,
    /// The reservation's id; otherwise --order says which holds.
    #[arg(long, value_name = "UUID")]
    reservation: Option<String>,
    /// The goods are gone already: what no hold covers is a sale without reservation. Needs lines.
    #[arg(long)]
    already_left: bool,
    #[command(flatten)]
    dated: Dated,
    #[command(flatten)]
    said: Said,
}

impl Fulfil {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let (holds, portion) = (holds(self.reservation, &self.said)?, portion(self.lines)?);
        let departure = if self.already_left { "already_left" } else { "now" };
        let act = json!({ "kind": "fulfil", "holds": holds, "portion": portion, "departure": departure });
        Deed::fact(self.said, self.dated, act)
    }
}

/// Let go what is held and not shipped, of a reservation or an order.
///
/// Without lines all of it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil release --order A-1001
  counterfoil release --reservation 018f2b6e-7c1a-7d3e-9a4b-0123456789ab MUG-BLUE=1 --location SHOP

{GRAMMAR}"))]
pub struct Release {
    #[command(flatten)]
    lines: LineArgs,
    /// The reservation's id; otherwise --order says which holds.
    #[arg(long, value_name = "UUID")]
    reservation: Option<String>,
    #[command(flatten)]
    said: Said,
}

impl Release {
    pub(super) fn deed(self) -> Result<Deed, Failure> {
        let (holds, portion) = (holds(self.reservation, &self.said)?, portion(self.lines)?);
        Deed::new(self.said, json!({ "kind": "release", "holds": holds, "portion": portion }))
    }
}

fn holds(reservation: Option<String>, said: &Said) -> Result<Value, Failure> {
    match (reservation, &said.order) {
        (Some(id), _) => Ok(json!({ "reservation": id })),
        (None, Some(order)) => Ok(json!({ "order": order })),
        (None, None) => Err(Failure::Usage("which holds? give --reservation UUID, or --order ORDER".to_owned())),
    }
}

fn portion(lines: LineArgs) -> Result<Value, Failure> {
    match lines.is_empty() {
        true => Ok("whole".into()),
        false => Ok(json!({ "lines": lines.json("quantity", &[])? })),
    }
}
