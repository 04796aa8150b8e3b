//! `oversold`: where more is promised than there is, and whom it falls on.

use super::{Places, all_answered};
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::names::placed;
use crate::cli::sheet::Column;
use counterfoil::Ledger;
use counterfoil::api::amount;
use counterfoil::query::{self, Answer, Oversold};
use serde_json::{Value, json};

/// List positions where more is reserved than sellable, and whom it falls on.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil oversold
  counterfoil oversold --location SHOP --format json      positions, each with its `uncovered` holds")]
pub struct Args {
    #[command(flatten)]
    places: Places,
}

const COLUMNS: &[Column] = &[
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::text("lot", "lot"),
    Column::figure("sellable", "sellable"),
    Column::figure("reserved", "reserved"),
    Column::figure("oversold", "oversold"),
    Column::text("reservation", "falls on"),
    Column::text("order", "order"),
    Column::figure("open", "holds"),
    Column::figure("short", "short of"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let ask = async |ledger: &Ledger, _: &mut _| {
        let scope = args.places.scope(ledger)?;
        all_answered(ledger, |state, now, paging| query::oversold(state, now, &scope, paging))
    };
    let Answer { seq, as_of, value: positions } = context.with_ledger(ask).await?;
    let format = context.format();
    let rows: Vec<Value> = match format {
        Format::Json => positions.iter().map(whole).collect(),
        Format::Table | Format::Csv => positions.iter().flat_map(flat).collect(),
    };
    let resting = rows.into_iter().map(|mut row| {
        row["seq"] = json!(seq);
        row["as_of"] = as_of.to_string().into();
        row
    });
    context.list(COLUMNS, resting)?;
    match format {
        Format::Table => Ok(writeln!(context.out, "\n  as of event {seq}, {as_of}")?),
        Format::Json | Format::Csv => Ok(()),
    }
}

/// A position with its holds.
fn whole(of: &Oversold) -> Value {
    let decimals = of.place.decimals;
    let holds = of.uncovered.iter().map(|hold| {
        json!({
            "reservation": hold.id, "order": hold.order, "seq": hold.seq,
            "open": amount(hold.open, decimals), "short": amount(hold.uncovered, decimals),
        })
    });
    let figures = json!({
        "sellable": amount(of.stock.sellable, decimals), "reserved": amount(of.stock.reserved, decimals),
        "oversold": amount(of.stock.oversold, decimals), "uncovered": holds.collect::<Value>(),
        "unlisted": amount(of.unlisted, decimals),
        "without_reservation": amount(of.without_reservation, decimals),
    });
    placed(&of.place, figures)
}

/// A row per hold, and one for what left without a reservation.
fn flat(of: &Oversold) -> Vec<Value> {
    let decimals = of.place.decimals;
    let row = |reservation: Value, order: Value, open: Value, short: i64| {
        let figures = json!({
            "sellable": amount(of.stock.sellable, decimals), "reserved": amount(of.stock.reserved, decimals),
            "oversold": amount(of.stock.oversold, decimals), "reservation": reservation, "order": order,
            "open": open, "short": amount(short, decimals),
        });
        placed(&of.place, figures)
    };
    let holds = of.uncovered.iter();
    let mut rows: Vec<Value> =
        holds.map(|hold| row(json!(hold.id), json!(hold.order), amount(hold.open, decimals), hold.uncovered)).collect();
    if of.unlisted > 0 {
        rows.push(row("older reservations".into(), Value::Null, Value::Null, of.unlisted));
    }
    if of.without_reservation > 0 {
        rows.push(row("without reservation".into(), Value::Null, Value::Null, of.without_reservation));
    }
    rows
}
