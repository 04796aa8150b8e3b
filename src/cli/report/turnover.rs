//! `report turnover`: how fast stock is sold, and how long it lasts.

use super::{Span, Summed, figure, row_of, show};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::reports::{Ratio, TurnoverRow};
use serde_json::{Map, Value, json};

/// How often average stock is sold in a year, and for how many days what is available lasts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report turnover --from 2026-01-01 --until 2026-03-31
  counterfoil report turnover --per location --format csv

demand   = sold and shipped to customers - what came back, within the span
average  = the sum of stock x time over the time of the span; stock as it truly was, by all that is known now
turns    = demand in 365 days at that rate / average
cover    = what is available now / demand of a day, in days
Without --from the span of each row begins with the first thing that happened in it: `days` says how long it is. Turns \
and cover are blank (null in JSON) where they would say nothing: in a span under a day; turns where average stock is not \
above zero, or more came back than was sold; cover where demand is not above zero, or more is promised than there is.")]
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
    Column::figure("days", "days"),
    Column::figure("sold", "sold"),
    Column::rare("returned", "returned"),
    Column::figure("demand", "demand"),
    Column::figure("average", "average stock"),
    Column::figure("turns_per_year", "turns a year"),
    Column::figure("available", "available"),
    Column::figure("days_of_cover", "days of cover"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

const DAY_MICROS: i128 = 86_400_000_000;

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| {
        let within = args.span.within(ledger)?;
        Ok(ledger.reports().turnover(&within, args.per.into())?)
    });
    let answer = answer.await?;
    show(context, COLUMNS, answer.map(|rows| rows.into_iter().map(|row| told(&row))))
}

fn told(row: &TurnoverRow) -> Map<String, Value> {
    let units = |units: i128| figure(units, row.about.decimals);
    row_of(
        &row.about,
        [
            ("days", json!(Ratio::new(row.span_micros.into(), DAY_MICROS))),
            ("sold", units(row.sold)),
            ("returned", units(row.returned)),
            ("demand", units(row.demand())),
            ("average", json!(row.average())),
            ("turns_per_year", json!(row.turns_per_year())),
            ("available", units(row.available)),
            ("days_of_cover", json!(row.days_of_cover())),
        ],
    )
}
