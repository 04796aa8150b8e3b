//! `report shrinkage`: what went missing, and what counts say.

use super::{Span, Summed, figure, row_of, show};
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::sheet::Column;
use counterfoil::domain::event::EventKind;
use counterfoil::query::Answer;
use counterfoil::reports::{Cost, Ratio, ShrinkageRow};
use serde_json::{Map, Value, json};

/// What was adjusted, wasted and lost, by reason; what counts put right, and how often they found nothing wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report shrinkage --from 2026-01-01 --until 2026-03-31
  counterfoil report shrinkage --per location --format csv

`found` and `lost` are signed, `net` is their sum, `absolute` how much was wrong whichever way. Of counts (`counted`) \
`exact` are those that found what should have been there, `accuracy` their part in per cent, and `settled` is what they \
had settled of what was recorded late: net + settled is the variance that `report movement` shows. `cost` is by the unit \
cost of the last receipt before it, in CSV with its `currency` beside it (several: parted by `; ` in both), in JSON a list \
of `currency`, `minor_units` (cents) and `amount`; `uncosted` units had none. What is dated in a closed \
period counts from the beginning of the period that was open when it was recorded, so closed figures stay. \
Scrapped returns never were in stock: counterfoil report returns.")]
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
    Column::text("kind", "kind"),
    Column::text("reason", "reason"),
    Column::figure("lines", "lines"),
    Column::rare("found", "found"),
    Column::rare("lost", "lost"),
    Column::figure("net", "net"),
    Column::hidden("absolute"),
    Column::rare("settled", "settled"),
    Column::rare("cost", "cost"),
    Column::hidden("currency"),
    Column::hidden("uncosted"),
    Column::rare_text("exact", "exact"),
    Column::rare_text("accuracy", "accuracy %"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
];

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let answer = context.with_ledger(async |ledger, _| {
        let within = args.span.within(ledger)?;
        Ok(ledger.reports().shrinkage(&within, args.per.into())?)
    });
    let Answer { seq, as_of, value: rows } = answer.await?;
    let format = context.format();
    let told = rows.iter().map(|row| told(row, format));
    show(context, COLUMNS, Answer { seq, as_of, value: told })?;
    match format {
        Format::Table => Ok(write!(context.out, "{}", total(&rows))?),
        Format::Json | Format::Csv => Ok(()),
    }
}

fn is_count(row: &ShrinkageRow) -> bool {
    row.kind == EventKind::Counted
}

fn told(row: &ShrinkageRow, format: Format) -> Map<String, Value> {
    let units = |units: i128| figure(units, row.about.decimals);
    let of_counts = |value: Value| if is_count(row) { value } else { Value::Null };
    let mut told = row_of(
        &row.about,
        [
            ("kind", json!(row.kind)),
            ("reason", json!(row.reason)),
            ("lines", json!(row.lines)),
            ("found", units(row.found)),
            ("lost", units(row.lost)),
            ("net", units(row.net())),
            ("absolute", units(row.absolute())),
            ("settled", units(row.settled)),
            ("uncosted", units(row.uncosted)),
            ("exact", of_counts(json!(row.exact))),
            ("accuracy", of_counts(json!(accuracy(row.exact, row.lines)))),
        ],
    );
    told.extend(cost(&row.cost, format));
    told
}

/// What it cost, as each format can say it.
fn cost(costs: &[Cost], format: Format) -> Vec<(String, Value)> {
    let all = |what: fn(&Cost) -> String, between: &str| {
        Value::from(costs.iter().map(what).collect::<Vec<_>>().join(between))
    };
    let told = match format {
        Format::Table => vec![("cost", all(|cost| format!("{} {}", cost.amount(), cost.currency), ", "))],
        Format::Csv => {
            vec![("cost", all(Cost::amount, "; ")), ("currency", all(|cost| cost.currency.to_string(), "; "))]
        }
        Format::Json => {
            let whole = |cost: &Cost| {
                let Cost { minor_units, currency } = cost;
                let minor_units =
                    i64::try_from(*minor_units).map_or_else(|_| minor_units.to_string().into(), Value::from);
                json!({ "currency": currency, "minor_units": minor_units, "amount": cost.amount() })
            };
            vec![("cost", costs.iter().map(whole).collect())]
        }
    };
    told.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Which part of counts found nothing wrong, in per cent.
fn accuracy(exact: u64, counts: u64) -> Option<Ratio> {
    Ratio::new(i128::from(exact) * 100, counts.into())
}

/// What has a sum whatever the items are.
fn total(rows: &[ShrinkageRow]) -> String {
    let counts = || rows.iter().filter(|row| is_count(row));
    let (lines, exact) = (counts().map(|row| row.lines).sum(), counts().map(|row| row.exact).sum());
    let Some(accuracy) = accuracy(exact, lines) else { return String::new() };
    format!("  counts: {lines}, exact: {exact}, accuracy: {accuracy} %\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterfoil::domain::text::Currency;

    #[test]
    fn costs_in_several_currencies_are_told_in_each_format() {
        let of = |code, minor_units| Cost { minor_units, currency: Currency::new(code).unwrap() };
        let costs = [of("GBP", -99), of("JPY", 120)];
        let told = |costs: &[Cost], format| Value::Object(cost(costs, format).into_iter().collect());
        assert_eq!(told(&costs, Format::Table), json!({ "cost": "-0.99 GBP, 120 JPY" }));
        assert_eq!(told(&costs, Format::Csv), json!({ "cost": "-0.99; 120", "currency": "GBP; JPY" }));
        let whole = json!([
            { "currency": "GBP", "minor_units": -99, "amount": "-0.99" },
            { "currency": "JPY", "minor_units": 120, "amount": "120" },
        ]);
        assert_eq!(told(&costs, Format::Json), json!({ "cost": whole }));
        assert_eq!(told(&[], Format::Json), json!({ "cost": [] }));
        assert_eq!(told(&[], Format::Table), json!({ "cost": "" }));
    }
}
