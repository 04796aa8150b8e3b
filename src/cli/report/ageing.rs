//! `report ageing`: how old open reservations are.

use super::{Summed, figure, place_of, row_of, show};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::reports::AgeRow;
use serde_json::{Map, Value, json};

/// How old open reservations are, the oldest first, and how soon they lapse.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report ageing
  counterfoil report ageing --sku MUG-BLUE --per position

The age is that of the event that made the reservation. `lapsing` units have a deadline within a day, `later` ones a later \
one, the others none. One by one: counterfoil reservations.")]
pub struct Args {
    #[command(flatten)]
    places: super::Places,
    /// How far figures are summed.
    #[arg(long, value_enum, default_value_t = Summed::Item)]
    per: Summed,
}

const COLUMNS: &[Column] = &[
    Column::text("age", "age"),
    Column::rare_text("sku", "item"),
    Column::text("location", "at"),
    Column::rare_text("lot", "lot"),
    Column::figure("reservations", "reservations"),
    Column::figure("units", "units"),
    Column::quiet("lapsing", "lapsing"),
    Column::quiet("later", "later"),
    Column::quiet("without_deadline", "no deadline"),
    Column::text("oldest", "oldest"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| {
        let within = place_of(ledger, &args.places)?;
        Ok(ledger.reports().ageing(&within, args.per.into())?)
    });
    let answer = answer.await?;
    show(context, COLUMNS, answer.map(|rows| rows.into_iter().map(|row| told(&row))))
}

fn told(row: &AgeRow) -> Map<String, Value> {
    let units = |units: i128| figure(units, row.about.decimals);
    row_of(
        &row.about,
        [
            ("age", row.age.label().into()),
            ("reservations", json!(row.reservations)),
            ("units", units(row.units)),
            ("lapsing", units(row.lapsing)),
            ("later", units(row.later)),
            ("without_deadline", units(row.without_deadline)),
            ("oldest", row.oldest.to_string().into()),
        ],
    )
}
