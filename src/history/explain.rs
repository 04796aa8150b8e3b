//! How a number came to be: every event that moved a position, with the figures behind it.

use super::as_of::{AsOf, Moment, lapsed_by, sums};
use super::figures::{Sums, reach_of, small};
use super::holds::HoldRow;
use super::{History, HistoryError};
use crate::domain::command::{Actor, Cause, Document};
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::domain::ids::{Position, Seq, Timestamp};
use crate::domain::line::UnitCost;
use crate::domain::names::Names;
use crate::domain::text::{ExternalId, OrderRef, ReasonCode, Source};
use crate::index::records::Figure;
use crate::index::{Change, FigureKey, Step};
use crate::limits::PAGE_ROWS_MAX;
use crate::log::Hash;
use crate::query::{Answer, Cursor, Direction, Paging, Place, QueryError, Scope, Stock};
use serde::Serialize;
use std::collections::BTreeMap;

/// How the stock of a position came to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The stock that is explained.
    pub stock: Stock,
    /// What the events of each kind came to, all pages together.
    pub totals: Vec<KindTotal>,
    /// Who holds what of it, oldest first; on the first page only.
    pub holds: Vec<HoldRow>,
    /// What is reserved by holds that are not listed: there are too many, or it is not the first page.
    pub holds_unlisted: i64,
    /// What lapsed between the last event and the answer's instant.
    pub lapsed_since: i64,
    /// The stock behind the event before the earliest row of this page; nothing before the first.
    pub opening: Stock,
    /// The events, in the direction that was asked for.
    pub rows: Vec<ExplainRow>,
    /// Where the next page starts; none at the end.
    pub next: Option<Cursor>,
}

/// What the events of one kind came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindTotal {
    /// The kind.
    pub kind: EventKind,
    /// Sellable units.
    pub sellable: i64,
    /// Unsellable units.
    pub unsellable: i64,
    /// Units held, without regard to deadlines.
    pub held: i64,
    /// Units under way to here.
    pub inbound: i64,
}

/// An event as explanations cite it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// Which event.
    pub seq: Seq,
    /// What happened.
    pub kind: EventKind,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it occurred, where the caller said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Who did it.
    pub actor: Actor,
    /// What it follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// Which order it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// Documents that it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// The till system that told it, with its own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<(Source, ExternalId)>,
    /// What one whole unit of its lines at the position was said to cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unit_costs: Vec<UnitCost>,
    /// The event's hash, as text.
    #[serde(serialize_with = "as_text")]
    pub hash: Hash,
}

fn as_text<S: serde::Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}

impl Cited {
    pub(super) fn of(recorded: Recorded, position: Position) -> Self {
        let Recorded { seq, event, hash } = recorded;
        let kind = EventKind::of(&event.body);
        let unit_costs = event.body.unit_costs(|line| line.position == position);
        let external = event.body.external().map(|(source, id)| (source.clone(), id.clone()));
        let envelope = event.envelope;
        Self {
            seq,
            kind,
            external,
            unit_costs,
            recorded_at: envelope.recorded_at,
            occurred_at: envelope.occurred_at,
            actor: envelope.actor,
            cause: envelope.cause,
            reason: envelope.reason,
            order: envelope.order,
            documents: envelope.documents.into_vec(),
            hash: Hash(hash),
        }
    }
}

/// One event that moved or named the position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainRow {
    /// The event.
    #[serde(flatten)]
    pub event: Cited,
    /// What it changed of sellable: nothing where a later count had settled it already, for a count the difference.
    pub sellable: i64,
    /// What it changed of unsellable.
    pub unsellable: i64,
    /// What it changed of reserved: nothing where it closed a hold that had lapsed.
    pub reserved: i64,
    /// What it changed of inbound.
    pub inbound: i64,
    /// What lapsed since the row before, in order of recording; it was taken from reserved then.
    pub lapsed: i64,
    /// What it changed of which reservation, by the event that made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<(Seq, i64)>,
    /// The stock behind it.
    pub stock: Stock,
}

impl History<'_> {
    /// How the stock of a position, behind an event or as known at an instant, came to be: every event that moved or
    /// named it in order of recording, with the figures behind it. The figures of the rows add up to the stock:
    /// reserved is the sum of `reserved` less that of `lapsed`, less `lapsed_since`.
    ///
    /// Totals are look-ups; a page costs its rows, each of which is read from the log. None where there is no such
    /// item, location or lot.
    ///
    /// # Errors
    /// [`HistoryError`]; `Unexplained` for [`AsOf::True`], which has no order of recording: see
    /// [`explain_true`](Self::explain_true); `NoEvent` for a page behind an event that there is not; [`QueryError`] for a
    /// page or cursor that can't be used.
    pub fn explain(
        &self,
        position: Position,
        as_of: AsOf,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<Option<Explanation>>, HistoryError> {
        self.asked(|| self.explain_once(position, as_of, direction, paging))
    }

    fn explain_once(
        &self,
        position: Position,
        as_of: AsOf,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<Option<Explanation>>, HistoryError> {
        if matches!(as_of, AsOf::True(_)) {
            return Err(HistoryError::Unexplained);
        }
        if !(1..=PAGE_ROWS_MAX).contains(&paging.rows) {
            return Err(QueryError::PageRows { given: paging.rows }.into());
        }
        let after = paging.after.as_ref().map(|cursor| cursor.seq_of(name(direction))).transpose()?;
        let head = self.published.read(|durable| durable.head.next_seq);
        if let Some(seq) = after.map(Seq).filter(|seq| *seq >= head) {
            return Err(HistoryError::NoEvent { seq, head });
        }
        let moment = self.moment(&Scope::position(position), as_of)?;
        let Some(place) = self.place(position) else { return Ok(moment.answer(None)) };
        let mut found: BTreeMap<FigureKey, Change> = BTreeMap::new();
        moment.known.changes_below(reach_of(position), moment.until, |key, change| {
            let sum = found.entry(key).or_default();
            sum.sum += change.sum;
            sum.last_seq = sum.last_seq.max(change.last_seq);
        })?;
        let figures: Vec<FigureKey> = found.keys().copied().collect();
        let (mut seqs, is_last) = seqs(&moment, &figures, direction, after, paging.rows)?;
        let next = seqs.last().filter(|_| !is_last).map(|seq| Cursor::at_seq(name(direction).to_owned(), *seq));
        seqs.sort_unstable();
        let lapsed = lapsed_by(&moment, position, moment.at)?;
        // What lapses only grows, so where nothing has by the moment nothing had before.
        let lapsed_at = |at| if lapsed == 0 { Ok(0) } else { lapsed_by(&moment, position, at) };
        let (opening, mut rows) = self.rows(&moment, position, &figures, &seqs, &lapsed_at)?;
        if direction == Direction::Descending {
            rows.reverse();
        }
        let mut all = Sums::default();
        for (key, change) in &found {
            if let Some(figure) = Figure::from_number(key.figure) {
                all.add(figure, *change);
            }
        }
        let stock = all.stock(lapsed);
        let last_seq = found.values().map(|change| change.last_seq).max();
        let lapsed_before =
            last_seq.map_or(Ok(0), |seq| lapsed_at(self.event(Seq(seq))?.event.envelope.recorded_at))?;
        let (holds, holds_unlisted) = match after {
            None => self.holds(&moment, position, all.open, stock.reserved)?,
            Some(_) => (Vec::new(), stock.reserved),
        };
        let lapsed_since = small(lapsed - lapsed_before);
        let totals = totals(&found);
        Ok(moment.answer(Some(Explanation {
            place,
            stock,
            totals,
            holds,
            holds_unlisted,
            lapsed_since,
            opening,
            rows,
            next,
        })))
    }

    /// A position with its names of today; none where there is no such item, location or lot.
    pub(super) fn place(&self, position: Position) -> Option<Place> {
        self.published.read(|durable| {
            let known = crate::query::stock(&durable.state, durable.state.recorded_at(), position).value.is_some();
            known.then(|| Place::of(&Names::of(&durable.state), position))
        })
    }

    /// The rows of some events, ascending, and the stock before them.
    fn rows(
        &self,
        moment: &Moment,
        position: Position,
        figures: &[FigureKey],
        seqs: &[u64],
        lapsed_at: &dyn Fn(Timestamp) -> Result<i128, HistoryError>,
    ) -> Result<(Stock, Vec<ExplainRow>), HistoryError> {
        let Some(first) = seqs.first() else { return Ok((Stock::default(), Vec::new())) };
        let mut changes = moment.known.changes(figures);
        let before = changes.last_below(*first)?;
        let mut lapsed = match before {
            Some(seq) => lapsed_at(self.event(Seq(seq))?.event.envelope.recorded_at)?,
            None => 0,
        };
        let sums = sums(&moment.known, reach_of(position), *first)?;
        let mut running = sums.get(&position).copied().unwrap_or_default();
        let opening = running.stock(lapsed);
        let (mut events, mut rows) = (self.event_reader(), Vec::with_capacity(seqs.len()));
        for seq in seqs {
            let recorded = events.event(Seq(*seq))?;
            let lapsed_now = lapsed_at(recorded.event.envelope.recorded_at)?;
            let steps = changes.steps_at(*seq)?;
            let row = row(Cited::of(recorded, position), &steps, &mut running, (lapsed, lapsed_now));
            rows.push(row);
            lapsed = lapsed_now;
        }
        Ok((opening, rows))
    }
}

/// The cursor of a page of an explanation that ended with this event's row.
#[must_use]
pub fn after_row(as_of: AsOf, direction: Direction, seq: Seq) -> Cursor {
    let list = match as_of {
        AsOf::True(_) => super::occurred::name(direction),
        AsOf::Seq(_) | AsOf::Known(_) => name(direction),
    };
    Cursor::at_seq(list.to_owned(), seq.0)
}

const fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "explain.seq.ascending",
        Direction::Descending => "explain.seq.descending",
    }
}

/// The events of a page in its direction, and whether it is the last page.
fn seqs(
    moment: &Moment,
    figures: &[FigureKey],
    direction: Direction,
    after: Option<u64>,
    rows: usize,
) -> Result<(Vec<u64>, bool), HistoryError> {
    let mut changes = moment.known.changes(figures);
    let mut seqs = Vec::new();
    let mut at = match direction {
        Direction::Ascending => after.map_or(0, |seq| seq.saturating_add(1)),
        Direction::Descending => after.map_or(moment.until, |seq| seq.min(moment.until)),
    };
    loop {
        let found = match direction {
            Direction::Ascending => changes.first_from(at)?.filter(|seq| *seq < moment.until),
            Direction::Descending => changes.last_below(at)?,
        };
        let Some(seq) = found else { return Ok((seqs, true)) };
        if seqs.len() == rows {
            return Ok((seqs, false));
        }
        seqs.push(seq);
        at = match direction {
            Direction::Ascending => seq + 1,
            Direction::Descending => seq,
        };
    }
}

fn row(event: Cited, steps: &[Step], running: &mut Sums, lapsed: (i128, i128)) -> ExplainRow {
    let seq = event.seq;
    let before = *running;
    let mut reservations: Vec<(Seq, i64)> = Vec::new();
    for step in steps {
        let Some(figure) = Figure::from_number(step.figure) else { continue };
        if figure == Figure::Held {
            reservations.push((Seq(step.detail), step.delta));
        }
        running.add(figure, Change { sum: i128::from(step.delta), last_seq: seq.0 });
    }
    ExplainRow {
        event,
        sellable: small(running.sellable - before.sellable),
        unsellable: small(running.unsellable - before.unsellable),
        reserved: small(running.open - before.open + running.lapsed - before.lapsed),
        inbound: small(running.inbound - before.inbound),
        lapsed: small(lapsed.1 - lapsed.0),
        reservations,
        stock: running.stock(lapsed.1),
    }
}

fn totals(found: &BTreeMap<FigureKey, Change>) -> Vec<KindTotal> {
    let mut totals: BTreeMap<EventKind, KindTotal> = BTreeMap::new();
    for (key, change) in found {
        let Some((kind, figure)) = EventKind::from_number(key.kind).zip(Figure::from_number(key.figure)) else {
            continue;
        };
        let total = totals.entry(kind).or_insert(KindTotal { kind, sellable: 0, unsellable: 0, held: 0, inbound: 0 });
        match figure {
            Figure::Sellable => total.sellable = small(change.sum),
            Figure::Unsellable => total.unsellable = small(change.sum),
            Figure::Held => total.held = small(change.sum),
            Figure::Inbound => total.inbound = small(change.sum),
            Figure::Lapsed | Figure::Named => {}
        }
    }
    totals.into_values().collect()
}
