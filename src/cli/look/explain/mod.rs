//! `explain`: how the stock of a position came to be.

mod around;
mod drawn;
mod occurred;
mod recorded;

use crate::cli::Format;
use crate::cli::act::is_made_up;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::moment::{self, MOMENTS};
use crate::cli::names::{NUMBERED, item_of, location_of, lot_of, to_type};
use crate::cli::plot::PlotArgs;
use around::Around;
use counterfoil::api::amount;
use counterfoil::domain::command::Cause;
use counterfoil::domain::ids::LotId;
use counterfoil::domain::line::UnitCost;
use counterfoil::domain::names::Names;
use counterfoil::history::{AsOf, Cited, HistoryError, SaidMoment, after_row};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::query::{Answer, Cursor, Direction, Paging, Stock};
use counterfoil::{Ledger, Position, Seq, Timestamp};
use serde_json::{Map, Value, json};

/// Show how a number came to be: every event that moved it, and what is behind each.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  counterfoil explain MUG-BLUE --location SHOP
  counterfoil explain MUG-BLUE --location SHOP --newest --rows 20
  counterfoil explain MUG-BLUE --location SHOP --as-of known:2026-01-31 --format csv
  counterfoil explain JAM-PLUM --lot P-2501 --location SHOP --as-of true:2026-01-31T18:00
  counterfoil explain MUG-BLUE --location SHOP --plot mug.svg --also-at DEPOT

The rows add up to the figures. They are in the order in which events were recorded; as of true:TIME they are the \
facts and counts in the order in which they occurred, and the row of a count is what it put right. What was reserved \
has no other order than that of recording, so it has no rows there. A plot shows all events up to the moment, whatever \
page of them is shown: physical and available stock, or for true:TIME physical and sellable. What lies in other lots is \
told beside the figures and is not part of them.

{MOMENTS}

{NUMBERED}"))]
pub struct Args {
    /// The item.
    sku: String,
    /// Where, by the location's code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: String,
    /// The lot, by its code.
    #[arg(long, value_name = "CODE")]
    lot: Option<String>,
    /// As it was at a moment, see below.
    #[arg(long, value_name = "MOMENT", default_value = "now")]
    as_of: SaidMoment,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    plot: PlotArgs,
    /// Draw the item at this location too, below; may be given more than once.
    #[arg(long, value_name = "CODE", requires = "plot")]
    also_at: Vec<String>,
}

/// The most rows that are shown at once; they are held in memory.
const ROWS_MAX: u64 = 1_000_000;
/// How many people are shown unless they say so.
const ROWS_SHOWN: u64 = 100;

/// Which part of the rows.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Page {
    /// At most so many rows; where nothing is said 100, or in CSV a million.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=ROWS_MAX))]
    rows: Option<u64>,
    /// The newest row first.
    #[arg(long)]
    newest: bool,
    /// Go on behind the row of this event, in the direction that is shown: with --newest towards older ones.
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
}

impl Page {
    fn direction(self) -> Direction {
        match self.newest {
            true => Direction::Descending,
            false => Direction::Ascending,
        }
    }

    /// The same with all rows, where the format is one for all and nobody said how many.
    fn with_rows_of(self, format: Format) -> Self {
        let all = (format == Format::Csv).then_some(ROWS_MAX);
        Self { rows: self.rows.or(all), ..self }
    }

    fn rows(self) -> usize {
        usize::try_from(self.rows.unwrap_or(ROWS_SHOWN)).unwrap_or(usize::MAX)
    }

    /// The first page of so many rows, from which on [`next`](Self::next) leads.
    fn first(self, as_of: AsOf) -> Paging {
        let paging = Paging::first(self.rows().min(PAGE_ROWS_MAX));
        match self.after {
            Some(seq) => paging.starting_after(after_row(as_of, self.direction(), Seq(seq))),
            None => paging,
        }
    }

    /// The page behind one, as long as more rows are wanted.
    fn next(self, shown: usize, next: Option<&Cursor>) -> Option<Paging> {
        let wanted = self.rows().checked_sub(shown).filter(|wanted| *wanted > 0)?;
        Some(Paging::first(wanted.min(PAGE_ROWS_MAX)).starting_after(next?.clone()))
    }
}

/// Whether a lot was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    Named,
    NotNamed,
}

/// Where, and what is asked of it.
struct Asked {
    position: Position,
    as_of: AsOf,
    page: Page,
    lot: Lot,
}

/// An explanation that comes in pages.
trait Paged {
    /// How many rows it has so far.
    fn shown(&self) -> usize;
    /// Where the next page starts.
    fn next(&self) -> Option<&Cursor>;
    /// Adds the page behind it.
    fn absorb(&mut self, page: Self, direction: Direction);
}

/// Asks page after page, as far as rows are wanted.
fn whole<T: Paged>(
    asked: &Asked,
    ask: impl Fn(&Paging) -> Result<Answer<Option<T>>, HistoryError>,
) -> Result<Answer<T>, Failure> {
    let missing = || Failure::Refused("there is no such item, location or lot".to_owned());
    let mut answer = ask(&asked.page.first(asked.as_of))?;
    let mut whole = answer.value.take().ok_or_else(missing)?;
    while let Some(paging) = asked.page.next(whole.shown(), whole.next()) {
        whole.absorb(ask(&paging)?.value.ok_or_else(missing)?, asked.page.direction());
    }
    Ok(Answer { seq: answer.seq, as_of: answer.as_of, value: whole })
}

/// What is shown: whole for programs, rows for a spreadsheet, told piece by piece to people.
enum Shown {
    Recorded(Box<recorded::Told>),
    Occurred(Box<occurred::Told>),
}

pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    args.plot.check(context)?;
    let page = args.page.with_rows_of(context.format());
    let asking = context.with_ledger(async |ledger, _| {
        let asked = asked(ledger, &args, page)?;
        let plot =
            args.plot.is_wanted().then(|| drawn::draw(ledger, &args, asked.position, asked.as_of)).transpose()?;
        Ok((ask(ledger, &asked)?, plot))
    });
    let (shown, plot) = asking.await?;
    let shown = show(shown, context);
    args.plot.write_behind(shown, plot, context)
}

fn show(shown: Shown, context: &mut Context<'_>) -> Result<(), Failure> {
    match (context.format(), shown) {
        (Format::Json, Shown::Recorded(told)) => context.object(&told.whole(), |_| String::new()),
        (Format::Json, Shown::Occurred(told)) => context.object(&told.whole(), |_| String::new()),
        (Format::Csv, Shown::Recorded(told)) => told.rows(context),
        (Format::Csv, Shown::Occurred(told)) => told.rows(context),
        (Format::Table, Shown::Recorded(told)) => told.tell(context),
        (Format::Table, Shown::Occurred(told)) => told.tell(context),
    }
}

fn asked(ledger: &Ledger, args: &Args, page: Page) -> Result<Asked, Failure> {
    let (item, location) = (item_of(ledger, &args.sku)?, location_of(ledger, &args.location)?);
    let named = args.lot.as_deref().map(|code| lot_of(ledger, item, code)).transpose()?;
    let position = Position { item, location, lot: named.unwrap_or(LotId::NONE) };
    let lot = if named.is_some() { Lot::Named } else { Lot::NotNamed };
    if lot == Lot::NotNamed {
        is_one_position(ledger, position, args)?;
    }
    let as_of = moment::as_of(ledger, args.as_of, Some(location))?;
    Ok(Asked { position, as_of, page, lot })
}

fn ask(ledger: &Ledger, asked: &Asked) -> Result<Shown, Failure> {
    match asked.as_of {
        AsOf::True(at) => occurred::ask(ledger, asked, at).map(|told| Shown::Occurred(Box::new(told))),
        AsOf::Seq(_) | AsOf::Known(_) => recorded::ask(ledger, asked).map(|told| Shown::Recorded(Box::new(told))),
    }
}

/// Refuses an item that is kept by lots there, where none is named.
fn is_one_position(ledger: &Ledger, position: Position, args: &Args) -> Result<(), Failure> {
    let codes: Vec<String> = ledger.query(|state, _| {
        if state.position(position).is_some() {
            return Vec::new();
        }
        let beside = state.positions().map(|(beside, _)| beside);
        let beside = beside.filter(|beside| (beside.item, beside.location) == (position.item, position.location));
        let names = Names::of(state);
        let told = |id: LotId| to_type(names.lot_code(id), id);
        beside.filter(|beside| beside.lot != LotId::NONE).map(|beside| told(beside.lot)).collect()
    });
    match codes.iter().min() {
        None => Ok(()),
        Some(code) => Err(Failure::Usage(format!(
            "{} is kept by lots at {}: name one with --lot, such as {code:?}; all of them: counterfoil lot list",
            args.sku, args.location
        ))),
    }
}

/// Every figure of a stock, by name.
fn figures(stock: &Stock, decimals: u8) -> Value {
    let figure = |units| amount(units, decimals);
    json!({
        "physical": figure(stock.physical), "sellable": figure(stock.sellable),
        "unsellable": figure(stock.unsellable), "reserved": figure(stock.reserved),
        "available": figure(stock.available), "inbound": figure(stock.inbound), "oversold": figure(stock.oversold),
    })
}

/// What a row says of its event.
fn cited(event: &Cited) -> Map<String, Value> {
    let mut row = Map::new();
    let mut put = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
    put("seq", json!(event.seq));
    put("kind", json!(event.kind));
    put("recorded_at", event.recorded_at.to_string().into());
    put("occurred_at", event.occurred_at.map(|at: Timestamp| at.to_string()).into());
    put("who", json!(event.actor.id));
    put("order", json!(event.order));
    put("because", because(event).into());
    put("unit_cost", costs(&event.unit_costs).into());
    put("established", json!(event.actor.established));
    put("reason", json!(event.reason));
    put("cause", json!(event.cause));
    put("documents", json!(event.documents));
    put("source", json!(event.external.as_ref().map(|(source, _)| source)));
    put("external_id", json!(event.external.as_ref().map(|(_, id)| id)));
    put("hash", event.hash.to_string().into());
    row
}

/// Why, and what it follows from and rests on.
fn because(event: &Cited) -> Option<String> {
    let reason = event.reason.as_ref().map(ToString::to_string);
    let cause = event.cause.as_ref().map(|cause| match cause {
        Cause::Event(seq) => format!("event {seq}"),
        Cause::Document(document) => format!("{}:{}", document.kind, document.id),
    });
    let documents = event.documents.iter().map(|document| format!("{}:{}", document.kind, document.id));
    // An id that was made up where nobody gave one says nothing.
    let external = event.external.as_ref().filter(|(source, id)| !is_made_up(source.as_str(), id.as_str()));
    let external = external.map(|(source, id)| format!("{source}:{id}"));
    let all: Vec<String> = reason.into_iter().chain(cause).chain(documents).chain(external).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Costs for people, such as `0.99 GBP`.
pub fn costs(costs: &[UnitCost]) -> Option<String> {
    let told: Vec<String> = costs.iter().map(ToString::to_string).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// The row without an event from which the others go on.
fn opening_row(figures: Value) -> Value {
    json_row("opening", figures)
}

/// A row without an event.
fn json_row(kind: &str, figures: Value) -> Value {
    let mut row = Map::new();
    row.insert("kind".to_owned(), kind.into());
    row.extend(figures.as_object().cloned().unwrap_or_default());
    Value::Object(row)
}
