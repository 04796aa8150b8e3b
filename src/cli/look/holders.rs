//! `holders`: who holds the units of a position.

use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::{item_of, location_of, lot_of};
use crate::cli::sheet::Column;
use counterfoil::api::amount;
use counterfoil::domain::ids::LotId;
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::query::{self, Holder, Paging};
use counterfoil::{Ledger, Position};
use serde_json::{Value, json};

/// List who holds the units of an item at a location, oldest first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil holders MUG-BLUE --location SHOP")]
pub struct Args {
    /// The item.
    sku: String,
    /// Where, by the location's code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: String,
    /// The lot, by its code.
    #[arg(long, value_name = "CODE")]
    lot: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column::text("reservation", "reservation"),
    Column::short("order", "order"),
    Column::figure("open", "holds"),
    Column::figure("covered", "covered"),
    Column::quiet("uncovered", "uncovered"),
    Column::text("deadline", "until"),
    Column::text("reserved_at", "since"),
    Column::hidden("seq"),
];

struct Held {
    rows: Vec<Value>,
    place: String,
    reserved: String,
    sellable: String,
}

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let held = context.with_ledger(async |ledger, _| held(ledger, &args)).await?;
    context.list(COLUMNS, &held.rows)?;
    match context.format() {
        Format::Table => {
            Ok(writeln!(context.out, "\n  {}: {} reserved, {} sellable", held.place, held.reserved, held.sellable)?)
        }
        Format::Json | Format::Csv => Ok(()),
    }
}

fn held(ledger: &Ledger, args: &Args) -> Result<Held, Failure> {
    let (item, location) = (item_of(ledger, &args.sku)?, location_of(ledger, &args.location)?);
    let lot = args.lot.as_deref().map(|code| lot_of(ledger, item, code)).transpose()?.unwrap_or(LotId::NONE);
    let position = Position { item, location, lot };
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let answer = ledger.query(|state, now| query::holders(state, now, position, &paging))?.value;
        let Some(found) = answer else {
            return Err(Failure::Refused(format!("{} was never at {}", args.sku, args.location)));
        };
        let decimals = found.place.decimals;
        rows.extend(found.holders.rows.iter().map(|holder| row(holder, decimals)));
        match found.holders.next {
            Some(next) => paging = paging.starting_after(next),
            None => {
                let told = |units| counterfoil::domain::quantity::decimal(i128::from(units), decimals);
                let (reserved, sellable) = (told(found.stock.reserved), told(found.stock.sellable));
                let place = ledger.query(|state, _| counterfoil::api::place(state, position));
                return Ok(Held { rows, place, reserved, sellable });
            }
        }
    }
}

fn row(holder: &Holder, decimals: u8) -> Value {
    json!({
        "reservation": holder.id, "order": holder.order, "seq": holder.seq,
        "open": amount(holder.open, decimals), "covered": amount(holder.covered, decimals),
        "uncovered": amount(holder.uncovered, decimals),
        "deadline": holder.deadline.map(|at| at.to_string()), "reserved_at": holder.reserved_at.to_string(),
    })
}
