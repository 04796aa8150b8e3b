//! `report abc`: the few items that most of the movement is about.

use super::{Span, figure, row_of, show};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use clap::ValueEnum;
use counterfoil::reports::{AbcBy, AbcRow, AbcThresholds};
use serde_json::{Map, Value, json};

/// Items by what was sold of them, the most first, in classes A, B and C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report abc --from 2026-01-01 --until 2026-12-31
  counterfoil report abc --by lines --thresholds 70,90 --location SHOP

An item is of class A as long as the items before it make less than the first threshold of the whole, then B up to the \
second, then C. Whole units of all items are added up. Items of which nothing was sold are not listed: see \
counterfoil report dead-stock.")]
pub struct Args {
    #[command(flatten)]
    span: Span,
    /// What items are ranked by.
    #[arg(long, value_enum, default_value_t = By::Units)]
    by: By,
    /// Up to which shares, in per cent, items are of class A, and of B.
    #[arg(long, value_name = "A,B", default_value = "80,95", value_parser = thresholds)]
    thresholds: AbcThresholds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Units sold.
    Units,
    /// Lines of sales.
    Lines,
}

fn thresholds(text: &str) -> Result<AbcThresholds, String> {
    let (a, b) = text.split_once(',').ok_or("want two whole numbers, such as 80,95")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no whole number up to 100"));
    AbcThresholds::new(number(a)?, number(b)?).map_err(|error| error.to_string())
}

const COLUMNS: &[Column] = &[
    Column::text("class", "class"),
    Column::text("sku", "item"),
    Column::figure("units", "units sold"),
    Column::figure("lines", "lines"),
    Column::figure("share", "share %"),
    Column::figure("cumulative", "together %"),
    Column::hidden("item_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let by = match args.by {
        By::Units => AbcBy::Units,
        By::Lines => AbcBy::Lines,
    };
    let answer = context.with_ledger(async |ledger, _| {
        let within = args.span.within(ledger)?;
        Ok(ledger.reports().abc(&within, by, args.thresholds)?)
    });
    let answer = answer.await?;
    show(context, COLUMNS, answer.map(|rows| rows.into_iter().map(|row| told(&row))))
}

fn told(row: &AbcRow) -> Map<String, Value> {
    let mut told = row_of(
        &row.about,
        [
            ("class", json!(row.class)),
            ("units", figure(row.units, row.about.decimals)),
            ("lines", json!(row.lines)),
            ("share", json!(row.share)),
            ("cumulative", json!(row.cumulative)),
        ],
    );
    for summed in ["location", "lot", "location_id", "lot_id"] {
        told.remove(summed);
    }
    told
}
