//! `transfer list`: what is under way.

use super::{Places, all};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::Ledger;
use counterfoil::api::amount;
use counterfoil::query;
use serde_json::{Value, json};

/// List what is under way between locations, by transfer, item and lot.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  counterfoil transfer list --location SHOP      on its way to SHOP")]
pub struct Args {
    #[command(flatten)]
    places: Places,
}

const COLUMNS: &[Column] = &[
    Column::text("transfer", "transfer"),
    Column::text("to", "to"),
    Column::text("sku", "item"),
    Column::text("lot", "lot"),
    Column::figure("quantity", "under way"),
    Column::hidden("item_id"),
    Column::hidden("to_id"),
    Column::hidden("lot_id"),
];

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let rows = context.with_ledger(async |ledger, _| rows(ledger, &args)).await?;
    context.list(COLUMNS, &rows)
}

fn rows(ledger: &Ledger, args: &Args) -> Result<Vec<Value>, Failure> {
    let scope = args.places.scope(ledger)?;
    let mut rows = Vec::new();
    for transfer in all(ledger, |state, now, paging| query::transfers(state, now, &scope, paging))? {
        let whole = ledger.query(|state, now| query::transfer(state, now, transfer.transfer)).value;
        let lines = whole.into_iter().flat_map(|whole| whole.lines);
        rows.extend(lines.filter(|line| scope.item.is_none_or(|item| item == line.place.item)).map(|line| {
            let place = &line.place;
            json!({
                "transfer": line.transfer, "to": place.location_code, "sku": place.sku, "lot": place.lot_code,
                "quantity": amount(line.quantity, place.decimals),
                "to_id": place.location, "item_id": place.item, "lot_id": place.lot.tracked(),
            })
        }));
    }
    Ok(rows)
}
