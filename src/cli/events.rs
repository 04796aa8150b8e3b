//! `events`: the history, or what of it is about something.

use super::context::Context;
use super::failure::Failure;
use super::look::explain::costs;
use super::moment;
use super::names::{item_of, location_of};
use super::sheet::Column;
use clap::builder::PossibleValuesParser;
use counterfoil::audit::Readable;
use counterfoil::domain::event::EventKind;
use counterfoil::domain::event::Recorded;
use counterfoil::domain::ids::Seq;
use counterfoil::history::{EventFilter, EventPage, History, HistoryError, SaidTime};
use counterfoil::limits::PAGE_ROWS_MAX;
use counterfoil::log::Hash;
use counterfoil::query::{Cursor, Direction, Paging};
use counterfoil::{ActorId, CommandId, ExternalId, Ledger, OrderRef, Source};
use serde_json::{Value, json};
use std::str::FromStr;
use uuid::Uuid;

/// List events in order: all of them, or those about something.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  counterfoil events --from 40 --rows 10
  counterfoil events --sku MUG-BLUE --location SHOP --newest --rows 20
  counterfoil events --order A-1001
  counterfoil events --actor anna --kind adjusted --kind counted --from 2026-01-01 --until 2026-01-31 --format csv
  counterfoil events --source till-1 --external-id r-2001

Events agree with everything that is named. --from and --until take an event's number, or a time of recording: a date \
(which is in the range), 2026-01-31T18:00, or with an offset 2026-01-31T18:00+01:00; without one it is told by the \
clocks of --location; where none is named, by those of all locations in use, which must have one time zone then. For \
the next page give --after the last event of this one. For what no name leads to any more, id:7 is the item or location \
with that number.

Events can't be followed live from here: one process owns a ledger. A program that has it open does that with \
Ledger::subscribe.")]
pub struct Args {
    #[command(flatten)]
    about: About,
    /// The first one: an event, or a time.
    #[arg(long, value_name = "SEQ|TIME")]
    from: Option<Edge>,
    /// The last one: an event, or a time.
    #[arg(long, value_name = "SEQ|TIME")]
    until: Option<Edge>,
    /// The newest one first.
    #[arg(long)]
    newest: bool,
    /// At most so many.
    #[arg(long, alias = "limit", value_name = "COUNT", value_parser = some_rows)]
    rows: Option<u64>,
    /// Go on behind this event, in the direction that is shown: with --newest towards older ones.
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
}

/// What they are about.
#[derive(Debug, clap::Args)]
struct About {
    /// About this item.
    #[arg(long)]
    sku: Option<String>,
    /// About this location, by its code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: Option<String>,
    /// Of this order.
    #[arg(long)]
    order: Option<String>,
    /// Of this reservation: its making and all that became of it.
    #[arg(long, value_name = "UUID")]
    reservation: Option<Uuid>,
    /// By this actor.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// The delta of this till system, with --external-id.
    #[arg(long, requires = "external_id")]
    source: Option<String>,
    /// The delta with this id of the till system.
    #[arg(long, value_name = "ID", requires = "source")]
    external_id: Option<String>,
    /// The event that answers the command with this id.
    #[arg(long, value_name = "UUID")]
    command: Option<Uuid>,
    /// Of this kind; may be given more than once.
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(kind_names()), hide_possible_values = true)]
    kind: Vec<String>,
}

fn some_rows(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("no rows are no answer: want 1 or more, or leave it out for all".to_owned()),
        Ok(rows) => Ok(rows),
        Err(_) => Err("want a number of rows, such as 20".to_owned()),
    }
}

/// One end of a range.
#[derive(Clone, Copy, Debug)]
enum Edge {
    Seq(Seq),
    Time(SaidTime),
}

impl FromStr for Edge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(seq) => Ok(Self::Seq(Seq(seq))),
            Err(_) => text.parse().map(Self::Time).map_err(|error| format!("{error}; or an event's number such as 40")),
        }
    }
}

/// A till's deltas of every kind.
const POS_DELTA: &str = "pos_delta";

fn kind_names() -> Vec<&'static str> {
    EventKind::ALL.iter().map(|kind| kind.name()).chain([POS_DELTA]).collect()
}

fn kinds_of<'n>(name: &'n str) -> impl Iterator<Item = EventKind> + 'n {
    let is_meant =
        move |kind: &EventKind| kind.name() == name || (name == POS_DELTA && kind.name().starts_with("pos_"));
    EventKind::ALL.iter().copied().filter(is_meant)
}

const COLUMNS: &[Column] = &[
    Column::figure("seq", "event"),
    Column::text("recorded_at", "recorded"),
    Column::text("kind", "kind"),
    Column::short("who", "who"),
    Column::short("order", "order"),
    Column::short("reason", "reason"),
    Column::short("unit_cost", "unit cost").rarely(),
    Column::text("short_hash", "hash"),
    Column::hidden("hash"),
    Column::hidden("occurred_at"),
    Column::hidden("source"),
    Column::hidden("external_id"),
];

/// Asks page after page, and shows what comes.
pub async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    context.with_ledger(async |ledger, context| show(ledger, &args, context)).await
}

fn show(ledger: &Ledger, args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (mut filter, is_json) = (filter(ledger, args)?, context.format() == super::Format::Json);
    let direction = if args.newest { Direction::Descending } else { Direction::Ascending };
    let head = ledger.head().next_seq;
    if let Some(seq) = args.after.map(Seq).filter(|after| *after >= head) {
        return Err(HistoryError::NoEvent { seq, head }.into());
    }
    match (args.after.map(Seq), direction) {
        (Some(after), Direction::Ascending) => filter.first = filter.first.max(Some(Seq(after.0.saturating_add(1)))),
        (Some(Seq(0)), Direction::Descending) => return context.sheet(COLUMNS).end(),
        (Some(Seq(after)), Direction::Descending) => {
            filter.last = Some(Seq(after - 1)).into_iter().chain(filter.last).min();
        }
        (None, _) => {}
    }
    let history = ledger.history();
    let mut left = args.rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(usize::MAX);
    let mut sheet = context.sheet(COLUMNS);
    let (mut next, mut last) = (None, None);
    while left > 0 {
        let paging = Paging { rows: left.min(PAGE_ROWS_MAX), after: next };
        let EventPage { rows, next: further } = history.events(&filter, direction, &paging)?.value;
        left -= rows.len();
        last = rows.last().map(|found| found.seq).or(last);
        rows.iter().try_for_each(|found| sheet.push(&if is_json { whole(found)? } else { overview(found) }))?;
        next = further;
        if next.is_none() {
            break;
        }
    }
    sheet.end()?;
    match (context.format(), last) {
        (super::Format::Table, Some(last)) if is_more(&history, &filter, direction, next)? => {
            Ok(writeln!(context.out, "\n  there are more: --after {last}")?)
        }
        _ => Ok(()),
    }
}

/// Whether an event is found behind a page.
fn is_more(
    history: &History<'_>,
    filter: &EventFilter,
    direction: Direction,
    mut next: Option<Cursor>,
) -> Result<bool, Failure> {
    while next.is_some() {
        let page = history.events(filter, direction, &Paging { rows: 1, after: next })?.value;
        if !page.rows.is_empty() {
            return Ok(true);
        }
        next = page.next;
    }
    Ok(false)
}

fn filter(ledger: &Ledger, args: &Args) -> Result<EventFilter, Failure> {
    let about = &args.about;
    let location = about.location.as_deref().map(|code| location_of(ledger, code)).transpose()?;
    let external = match (&about.source, &about.external_id) {
        (Some(source), Some(id)) => Some((Source::new(source)?, ExternalId::new(id)?)),
        _ => None,
    };
    let mut filter = EventFilter {
        item: about.sku.as_deref().map(|sku| item_of(ledger, sku)).transpose()?,
        location,
        order: about.order.as_deref().map(OrderRef::new).transpose()?,
        reservation: about.reservation.map(CommandId),
        actor: about.actor.as_deref().map(ActorId::new).transpose()?,
        external,
        command: about.command.map(CommandId),
        kinds: about.kind.iter().flat_map(|name| kinds_of(name)).collect(),
        ..EventFilter::default()
    };
    if let (Some(Edge::Seq(from)), Some(Edge::Seq(until))) = (args.from, args.until)
        && from > until
    {
        return Err(wrong_way(from, until));
    }
    match args.from {
        Some(Edge::Seq(seq)) => filter.first = Some(seq),
        Some(Edge::Time(time)) => filter.from = Some(moment::first_of(ledger, time, location)?),
        None => {}
    }
    match args.until {
        Some(Edge::Seq(seq)) => filter.last = Some(seq),
        Some(Edge::Time(time)) => filter.until = Some(moment::last_of(ledger, time, location)?.plus_micros(1)),
        None => {}
    }
    match (filter.from, filter.until) {
        (Some(from), Some(until)) if from >= until => Err(wrong_way(from, until.plus_micros(-1))),
        _ => Ok(filter),
    }
}

fn wrong_way(from: impl std::fmt::Display, until: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("--from {from} is later than --until {until}: nothing lies between them"))
}

/// An event with all its fields.
fn whole(found: &Recorded) -> Result<Value, Failure> {
    let mut row = json!({ "seq": found.seq });
    let fields = serde_json::to_value(Readable(&found.event))?;
    if let (Value::Object(row), Value::Object(fields)) = (&mut row, fields) {
        row.extend(fields);
        row.insert("hash".to_owned(), Hash(found.hash).to_string().into());
    }
    Ok(row)
}

fn overview(found: &Recorded) -> Value {
    let (envelope, body) = (&found.event.envelope, &found.event.body);
    let external = body.external();
    json!({
        "seq": found.seq,
        "recorded_at": envelope.recorded_at.to_string(),
        "occurred_at": envelope.occurred_at.map(|at| at.to_string()),
        "kind": EventKind::of(body),
        "who": envelope.actor.id,
        "order": envelope.order,
        "reason": envelope.reason,
        "unit_cost": costs(&body.unit_costs(|_| true)),
        "source": external.map(|(source, _)| source),
        "external_id": external.map(|(_, id)| id),
        "short_hash": short(Hash(found.hash)),
        "hash": Hash(found.hash).to_string(),
    })
}

/// The beginning of a hash, enough to tell it from another one at sight.
pub fn short(hash: Hash) -> String {
    hash.to_string().chars().take(12).collect()
}
