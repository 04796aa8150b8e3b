//! `report returns`: what comes back, why, and where it goes.

use super::{Span, Summed, figure, row_of, show};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::reports::{Ratio, ReturnsRow};
use serde_json::{Map, Value, json};

/// What came back, why, where it went, and how much of what was sold that is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report returns --from 2026-01-01 --until 2026-03-31
  counterfoil report returns --sku MUG-BLUE --format csv

A return counts on the day on which it happened. `sold` is all that was sold and shipped to customers in the same span, \
`share` the part of the row's units in it, in per cent; it is more than 100 where goods come back that were sold before.")]
pub struct Args {
    #[command(flatten)]
    span: Span,
    /// How far figures are summed.
    #[arg(long, value_enum, default_value_t = Summed::Item)]
    per: Summed,
}

const COLUMNS: &[Column] = &[
    Column::rare_text("sku", "item"),
    Column::text("location", "at"),
    Column::rare_text("lot", "lot"),
    Column::text("route", "how"),
    Column::rare_text("reason", "reason"),
    Column::text("disposition", "went to"),
    Column::figure("lines", "lines"),
    Column::figure("units", "units"),
    Column::figure("sold", "sold"),
    Column::figure("share", "share %"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| {
        let within = args.span.within(ledger)?;
        Ok(ledger.reports().returns(&within, args.per.into())?)
    });
    let answer = answer.await?;
    show(context, COLUMNS, answer.map(|rows| rows.into_iter().map(|row| told(&row))))
}

fn told(row: &ReturnsRow) -> Map<String, Value> {
    let units = |units: i128| figure(units, row.about.decimals);
    row_of(
        &row.about,
        [
            ("route", json!(row.route)),
            ("reason", json!(row.reason)),
            ("disposition", json!(row.disposition)),
            ("lines", json!(row.lines)),
            ("units", units(row.units)),
            ("sold", units(row.sold)),
            ("share", json!(Ratio::new(row.units * 100, row.sold))),
        ],
    )
}
