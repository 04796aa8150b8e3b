//! `report movement`: opening, what came and left, closing, period by period.

use super::{Span, Summed, figure, row_of, show};
use crate::cli::Format;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::plot::{PlotArgs, zone_of};
use crate::cli::sheet::Column;
use clap::ValueEnum;
use counterfoil::domain::period::By;
use counterfoil::plot::{Flow, FlowPeriod, MovementPlot, PlotError};
use counterfoil::query::Answer;
use counterfoil::reports::{About, Cut, KindSum, Movement, MovementRow};
use counterfoil::{Ledger, Timestamp};
use serde_json::{Map, Value, json};

/// What came and left in each period, by kind; opening + everything = closing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil report movement --sku MUG-BLUE
  counterfoil report movement --by week --from 2026-01-01 --until 2026-03-31 --location SHOP
  counterfoil report movement --per location --by period --format csv
  counterfoil report movement --all --from 2026-03-01 --until 2026-03-31 --format csv
  counterfoil report movement --sku MUG-BLUE --location SHOP --plot mug.svg

Every column between opening and closing is signed, and they add up: what left is negative. `restated` is what was \
recorded when the period that it is dated in was closed already: it stands in the first period that was open then. \
`variance` is what counts put right, less what of `restated` a count had settled already. The figures of a closed period \
never change. A period in which nothing was recorded for an item has no row; with --all it has one where something lies \
there, so that the closings of each period add up to all stock at its end. JSON and CSV have every kind of movement.")]
pub struct Args {
    #[command(flatten)]
    span: Span,
    /// What time is cut into: the calendar of each location, or the periods that were closed there.
    #[arg(long, value_enum, default_value_t = Every::Month)]
    by: Every,
    /// How far figures are summed.
    #[arg(long, value_enum, default_value_t = Summed::Item)]
    per: Summed,
    /// Also periods in which nothing moved, where something lies there.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    plot: PlotArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Every {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    /// The accounting periods.
    Period,
}

impl From<Every> for Cut {
    fn from(every: Every) -> Self {
        Self::Calendar(match every {
            Every::Day => By::Day,
            Every::Week => By::Week,
            Every::Month => By::Month,
            Every::Quarter => By::Quarter,
            Every::Year => By::Year,
            Every::Period => return Self::Closes,
        })
    }
}

macro_rules! columns {
    ($($kind:expr),* $(,)?) => {
        &[
            Column::rare_text("sku", "item"),
            Column::text("location", "at"),
            Column::rare_text("lot", "lot"),
            Column::text("period", "period"),
            Column::figure("opening", "opening"),
            $($kind,)*
            Column::rare("restated", "restated"),
            Column::rare("variance", "variance"),
            Column::figure("closing", "closing"),
            Column::text("state", "state"),
            Column::hidden("start"),
            Column::hidden("end"),
            Column::hidden("item_id"),
            Column::hidden("location_id"),
            Column::hidden("lot_id"),
            Column::hidden("seq"),
            Column::hidden("as_of"),
        ]
    };
}

const BY_KIND: &[Column] = columns![
    Column::rare("in_received", "received"),
    Column::rare("in_pos_receipt", "till received"),
    Column::rare("in_returned", "returned"),
    Column::rare("in_pos_return", "till returned"),
    Column::rare("in_transfer_received", "arrived"),
    Column::rare("in_adjusted", "found"),
    Column::rare("in_pos_correction", "till found"),
    Column::rare("in_reclassified", "reclassified in"),
    Column::rare("out_fulfilled", "fulfilled"),
    Column::rare("out_pos_sale", "till sold"),
    Column::rare("out_pos_waste", "till waste"),
    Column::rare("out_transfer_shipped", "sent"),
    Column::rare("out_adjusted", "lost"),
    Column::rare("out_pos_correction", "till lost"),
    Column::rare("out_reclassified", "reclassified out"),
];

/// Where a table has no room for so many kinds.
const SUMMED: &[Column] = columns![Column::quiet("in", "in"), Column::quiet("out", "out")];
/// Kinds of movement that a table has room for.
const KINDS_MAX: usize = 5;
/// Rows in which nothing moved that anybody may want: a month of days of thirty thousand positions.
const STOOD_MAX: u64 = 1_000_000;

pub async fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    args.plot.check(context)?;
    let answer = context.with_ledger(async |ledger, _| {
        let within = args.span.within(ledger)?;
        let answer = ledger.reports().movement(&within, args.by.into(), args.per.into())?;
        let plot = args.plot.is_wanted().then(|| plotted(ledger, &answer)).transpose()?;
        Ok((answer, plot))
    });
    let (answer, plot) = answer.await?;
    let Answer { seq, as_of, value: movement } = answer;
    let columns = match (context.format(), kinds(&movement)) {
        (Format::Table, KINDS_MAX..) => SUMMED,
        _ => BY_KIND,
    };
    if args.all && movement.stood() > STOOD_MAX {
        return Err(Failure::Refused(format!(
            "--all would show {} rows in which nothing moved, more than {STOOD_MAX}: say a span with --from and --until, \
             or cut time less finely",
            movement.stood()
        )));
    }
    let shown = match args.all {
        true => show(context, columns, Answer { seq, as_of, value: movement.all_rows().map(|row| told(&row)) }),
        false => show(context, columns, Answer { seq, as_of, value: movement.rows().map(|row| told(&row)) })
            .and_then(|()| tell_what_stood(context, movement.unmoved())),
    };
    args.plot.write_behind(shown, plot, context)
}

/// Says to people that the rows are not all stock.
fn tell_what_stood(context: &mut Context<'_>, unmoved: usize) -> Result<(), Failure> {
    match (context.format(), unmoved) {
        (Format::Json | Format::Csv, _) | (_, 0) => Ok(()),
        (_, 1) => Ok(writeln!(context.out, "  1 position with stock did not move and has no row: --all shows it too")?),
        (_, more) => Ok(writeln!(
            context.out,
            "  {more} positions with stock did not move and have no row: --all shows them too"
        )?),
    }
}

/// The rows as a picture: they have to be about one thing.
fn plotted(ledger: &Ledger, answer: &Answer<Movement>) -> Result<String, Failure> {
    let mut rows = Vec::<MovementRow>::new();
    for row in answer.value.rows() {
        match rows.first().filter(|first| first.about != row.about) {
            None => rows.push(row),
            Some(first) => {
                return Err(Failure::Refused(format!(
                    "a plot shows one item at one location, and this report has {} and {}: say which with --sku and \
                     --location, or sum with --per",
                    named(&first.about),
                    named(&row.about)
                )));
            }
        }
    }
    let about = rows.first().map(|row| &row.about).ok_or(PlotError::Empty)?;
    let zone =
        about.location.and_then(|location| ledger.query(|state, _| Some(state.location(location)?.zone.clone())));
    let plot = MovementPlot {
        title: format!("Movement: {}", named(about)),
        note: format!(
            "Sellable and unsellable stock, in and out by kind; as of event {}, {}",
            answer.seq, answer.as_of
        ),
        zone: zone_of(zone.as_ref()),
        decimals: about.decimals,
        periods: periods(&rows, answer.as_of),
    };
    Ok(plot.svg()?)
}

fn named(about: &About) -> String {
    let sku = match (&about.sku, about.item) {
        (Some(sku), _) => sku.to_string(),
        (None, Some(item)) => format!("item {item} (no name)"),
        (None, None) => "all items".to_owned(),
    };
    let lot = about.lot_code.as_ref().map(|lot| format!(", lot {lot}")).unwrap_or_default();
    let place = about.location_code.as_ref().map(|code| format!(" at {code}")).unwrap_or_default();
    format!("{sku}{lot}{place}")
}

/// The periods; the first one may have no beginning, then it is drawn as long as the next, and the open one goes on
/// till now.
fn periods(rows: &[MovementRow], now: Timestamp) -> Vec<FlowPeriod> {
    let length = rows.iter().find_map(|row| Some(row.period.end?.0.saturating_sub(row.period.start?.0)));
    let length = length.unwrap_or(PERIOD_MICROS);
    let period = |row: &MovementRow| {
        let until = row.period.end.unwrap_or_else(|| now.max(row.period.start.unwrap_or(now)));
        let from = row.period.start.unwrap_or(Timestamp(until.0.saturating_sub(length)));
        let label = row.period.label.clone();
        FlowPeriod { label, from, until, opening: row.opening, flows: flows(row), closing: row.closing }
    };
    rows.iter().map(period).collect()
}

/// Of the only period, where it has no beginning: 30 days.
const PERIOD_MICROS: i64 = 30 * 86_400_000_000;

fn flows(row: &MovementRow) -> Vec<Flow> {
    let title = |key: String| {
        BY_KIND.iter().find(|column| column.key() == key).map_or(key.clone(), |column| column.title().to_owned())
    };
    let came = row.moves.iter().map(|sum| Flow { kind: title(key_in(sum)), came: sum.came, left: 0 });
    let left = row.moves.iter().map(|sum| Flow { kind: title(key_out(sum)), came: 0, left: sum.left });
    let signed = |kind: &str, units: i128| Flow { kind: kind.to_owned(), came: units.max(0), left: units.min(0) };
    let others = [signed("restated", row.restated), signed("put right by counts", row.variance)];
    came.chain(left).chain(others).filter(|flow| flow.came != 0 || flow.left != 0).collect()
}

fn key_in(sum: &KindSum) -> String {
    format!("in_{}", sum.kind)
}

fn key_out(sum: &KindSum) -> String {
    format!("out_{}", sum.kind)
}

/// How many kinds of movement there are.
fn kinds(movement: &Movement) -> usize {
    let mut kinds: Vec<(u8, bool)> = Vec::new();
    for sum in movement.moves() {
        for kind in [(sum.came != 0, true), (sum.left != 0, false)].into_iter().filter(|(moved, _)| *moved) {
            let kind = (sum.kind.number(), kind.1);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds.len()
}

fn told(row: &MovementRow) -> Map<String, Value> {
    let decimals = row.about.decimals;
    let units = |units: i128| figure(units, decimals);
    let mut told = row_of(&row.about, []);
    let mut put = |key: &str, value: Value| {
        told.insert(key.to_owned(), value);
    };
    put("period", row.period.label.clone().into());
    put("start", json!(row.period.start.map(|at| at.to_string())));
    put("end", json!(row.period.end.map(|at| at.to_string())));
    put("state", json!(row.period.state));
    put("opening", units(row.opening));
    put("in", units(row.moves.iter().map(|sum| sum.came).sum()));
    put("out", units(row.moves.iter().map(|sum| sum.left).sum()));
    for column in BY_KIND {
        if column.key().starts_with("in_") || column.key().starts_with("out_") {
            put(column.key(), units(0));
        }
    }
    for sum in &row.moves {
        if sum.came != 0 {
            put(&key_in(sum), units(sum.came));
        }
        if sum.left != 0 {
            put(&key_out(sum), units(sum.left));
        }
    }
    put("restated", units(row.restated));
    put("variance", units(row.variance));
    put("closing", units(row.closing));
    told
}
