//! `stock`: positions, by item and location.

use super::Format;
use super::context::Context;
use super::failure::Failure;
use super::moment::{self, MOMENTS};
use super::names::{NUMBERED, item_of, location_of};
use super::sheet::Column;
use clap::ValueEnum;
use counterfoil::api::amount;
use counterfoil::domain::ids::{ItemId, LocationId, LotId, Seq, Timestamp};
use counterfoil::domain::text::AliasText;
use counterfoil::history::{AsOf, PastRow, SaidMoment};
use counterfoil::ledger::Ledger;
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::query::{self, Answer, Only, Order, Paging, Place, Scope, Stock, StockFilter, StockRow, StockSort};
use serde::Serialize;
use serde_json::Value;

/// Show what is in stock, reserved and available.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil stock --ledger shop
  counterfoil stock --ledger shop --sku MUG-BLUE --format json
  counterfoil stock --ledger shop --only oversold
  counterfoil stock --as-of 123
  counterfoil stock --as-of known:2026-01-31 --location SHOP
  counterfoil stock --as-of true:2026-01-31T18:00 --sku MUG-BLUE

{MOMENTS}

{NUMBERED}

In JSON and CSV a quantity is a whole number, or an exact decimal as text where the item has decimals."))]
pub struct Args {
    /// This item only.
    #[arg(long)]
    sku: Option<String>,
    /// This location only, by its code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: Option<String>,
    /// Positions in this condition only.
    #[arg(long, value_enum)]
    only: Option<Condition>,
    /// As it was at a moment, see below; as it is now unless said.
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<SaidMoment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Condition {
    /// More is reserved than sellable.
    Oversold,
    /// Physical is negative: a receipt was never recorded.
    Negative,
    /// Available and inbound together are at or below the reorder point.
    Low,
    /// Something is there, held or under way.
    Nonzero,
}

impl From<Condition> for Only {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Oversold => Self::Oversold,
            Condition::Negative => Self::NegativePhysical,
            Condition::Low => Self::BelowReorderPoint,
            Condition::Nonzero => Self::Nonzero,
        }
    }
}

/// The columns of stock.
pub const COLUMNS: &[Column] = &[
    Column::text("sku", "item"),
    Column::text("location", "at"),
    Column::text("lot", "lot"),
    Column::figure("physical", "physical"),
    Column::hidden("sellable"),
    Column::quiet("unsellable", "unsellable"),
    Column::quiet("reserved", "reserved"),
    Column::figure("available", "available"),
    Column::quiet("inbound", "inbound"),
    Column::quiet("oversold", "oversold"),
    Column::hidden("reorder_point"),
    Column::hidden("version"),
    Column::hidden("seq"),
    Column::hidden("as_of"),
    Column::hidden("item_id"),
    Column::hidden("location_id"),
    Column::hidden("lot_id"),
];

/// One position, in the item's own unit.
#[derive(Debug, Serialize)]
pub struct Row {
    sku: Option<AliasText>,
    location: Option<AliasText>,
    lot: Option<AliasText>,
    physical: Value,
    sellable: Value,
    unsellable: Value,
    reserved: Value,
    available: Value,
    inbound: Value,
    oversold: Value,
    reorder_point: Option<Value>,
    version: Seq,
    seq: Seq,
    as_of: String,
    item_id: ItemId,
    location_id: LocationId,
    lot_id: Option<LotId>,
}

impl Row {
    /// The row of an answer.
    pub fn of(row: StockRow, seq: Seq, as_of: Timestamp) -> Self {
        let StockRow { place, stock, reorder_point } = row;
        let decimals = place.decimals;
        Self {
            reorder_point: reorder_point.map(|units| amount(units, decimals)),
            ..Self::new(place, stock, seq, as_of)
        }
    }

    fn new(place: Place, stock: Stock, seq: Seq, as_of: Timestamp) -> Self {
        let figure = |units| amount(units, place.decimals);
        Self {
            physical: figure(stock.physical),
            sellable: figure(stock.sellable),
            unsellable: figure(stock.unsellable),
            reserved: figure(stock.reserved),
            available: figure(stock.available),
            inbound: figure(stock.inbound),
            oversold: figure(stock.oversold),
            reorder_point: None,
            version: stock.version,
            sku: place.sku,
            location: place.location_code,
            lot: place.lot_code,
            seq,
            as_of: as_of.to_string(),
            item_id: place.item,
            location_id: place.location,
            lot_id: place.lot.tracked(),
        }
    }
}

/// Rows, and what they rest on.
struct Shown {
    rows: Vec<Row>,
    rests_on: String,
}

/// Asks and shows.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let shown = context.with_ledger(async |ledger, _| shown(ledger, &args)).await?;
    context.list(COLUMNS, &shown.rows)?;
    match context.format() {
        Format::Table => Ok(writeln!(context.out, "\n  {}", shown.rests_on)?),
        Format::Json | Format::Csv => Ok(()),
    }
}

fn shown(ledger: &Ledger, args: &Args) -> Result<Shown, Failure> {
    let item = args.sku.as_deref().map(|sku| item_of(ledger, sku)).transpose()?;
    let location = args.location.as_deref().map(|code| location_of(ledger, code)).transpose()?;
    let scope = Scope { item, location, ..Scope::default() };
    if let Some(said) = args.as_of {
        return past(ledger, &scope, args.only, moment::as_of(ledger, said, location)?);
    }
    let answer = all_stock(ledger, &StockFilter { scope, only: args.only.map(Only::from) })?;
    let (seq, as_of) = (answer.seq, answer.as_of);
    let rows = answer.value.into_iter().map(|row| Row::of(row, seq, as_of)).collect();
    Ok(Shown { rows, rests_on: format!("as of event {seq}, {as_of}") })
}

/// Which stock of the past meets a condition.
fn meets(only: Option<Condition>) -> Result<fn(&Stock) -> bool, Failure> {
    match only {
        None => Ok(|_| true),
        Some(Condition::Oversold) => Ok(|stock| stock.oversold > 0),
        Some(Condition::Negative) => Ok(|stock| stock.physical < 0),
        Some(Condition::Nonzero) => {
            Ok(|stock| (stock.sellable, stock.unsellable, stock.reserved, stock.inbound) != (0, 0, 0, 0))
        }
        Some(Condition::Low) => {
            let problem = "--only low goes by the reorder points of today: leave it out, or --as-of";
            Err(Failure::Usage(problem.to_owned()))
        }
    }
}

fn past(ledger: &Ledger, scope: &Scope, only: Option<Condition>, as_of: AsOf) -> Result<Shown, Failure> {
    let meets = meets(only)?;
    let answer = ledger.history().stock_list(scope, as_of)?;
    let (seq, at) = (answer.seq, answer.as_of);
    let mut found = answer.value;
    by_sku(ledger, &mut found, |row| &row.place);
    found.retain(|row| meets(&row.stock));
    let rows = found.into_iter().map(|PastRow { place, stock }| Row::new(place, stock, seq, at)).collect();
    Ok(Shown { rows, rests_on: moment::rests_on(ledger, as_of, seq, at)? })
}

/// Puts rows in the order of today's stock: by the SKU that an item was last known by, then by position.
pub fn by_sku<T>(ledger: &Ledger, rows: &mut [T], place: impl Fn(&T) -> &Place) {
    ledger.query(|state, _| {
        rows.sort_by_cached_key(|row| {
            let position = place(row).position();
            (state.item(position.item).map(|item| item.sku.clone()), position)
        });
    });
}

/// Every page of stock, by SKU.
pub fn all_stock(ledger: &Ledger, filter: &StockFilter) -> Result<Answer<Vec<StockRow>>, Failure> {
    let order = Order::ascending(StockSort::Sku);
    let mut paging = Paging::first(PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    loop {
        let answer = ledger.query(|state, now| query::stock_list(state, now, filter, order, &paging))?;
        let (seq, as_of, page) = (answer.seq, answer.as_of, answer.value);
        rows.extend(page.rows);
        match page.next {
            Some(next) => paging = paging.starting_after(next),
            None => return Ok(Answer { seq, as_of, value: rows }),
        }
    }
}
