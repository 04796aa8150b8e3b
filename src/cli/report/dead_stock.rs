//! `report dead-stock`: stock that nobody wanted for a while.

use super::{Places, Summed, figure, place_of, row_of, show};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::reports::DeadStockRow;
use serde_json::{Map, Value, json};

/// Stock of which nothing has left for a while, the longest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report dead-stock
  counterfoil report dead-stock --days 90 --location SHOP

Something leaves when it goes to a customer or on a transfer; what is wasted or lost does not count. Where there was \
nothing any more, or never had been, days count from when there was something again: what was sold out long ago and came \
today is not dead. `since` in JSON and CSV says from when they count.")]
pub struct Args {
    #[command(flatten)]
    places: Places,
    /// For so many days or more.
    #[arg(long, value_name = "DAYS", default_value_t = 180)]
    days: u32,
    /// How far figures are summed.
    #[arg(long, value_enum, default_value_t = Summed::Item)]
    per: Summed,
}

const COLUMNS: &[Column] = &[
    Column::rare_text("sku", "item"),
    Column::text("location", "at"),
    Column::rare_text("lot", "lot"),
    Column::figure("physical", "physical"),
    Column::figure("days", "days"),
    Column::text("last_out", "last left"),
    Column::text("last_in", "last came"),
    Column::hidden("since"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| {
        let within = place_of(ledger, &args.places)?;
        Ok(ledger.reports().dead_stock(&within, args.days, args.per.into())?)
    });
    let answer = answer.await?;
    show(context, COLUMNS, answer.map(|rows| rows.into_iter().map(|row| told(&row))))
}

fn told(row: &DeadStockRow) -> Map<String, Value> {
    row_of(
        &row.about,
        [
            ("physical", figure(row.physical, row.about.decimals)),
            ("days", json!(row.days)),
            ("last_out", json!(row.last_out.map(|at| at.to_string()))),
            ("last_in", json!(row.last_in.map(|at| at.to_string()))),
            ("since", row.since.to_string().into()),
        ],
    )
}
