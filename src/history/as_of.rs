//! Stock as of a moment: of one position, of many, and the difference between two moments.

use super::figures::{Sums, position_of, reach_of};
use super::{History, HistoryError};
use crate::domain::event::EventKind;
use crate::domain::event::Recorded;
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq, Timestamp};
use crate::domain::names::Names;
use crate::domain::state::State;
use crate::index::limits::TIME_SEQS;
use crate::index::records::Figure;
use crate::index::{BucketKey, Known, LAPSES, List, Reach, Span};
use crate::log::{FaultKind, LastBatch, LogFault, StoreReader};
use crate::query::{Answer, Place, Scope, Stock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A moment in the past, by what is meant with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsOf {
    /// Behind this event, at the instant when it was recorded.
    Seq(Seq),
    /// What we knew at this instant: of the events recorded by then, with holds judged then.
    Known(Timestamp),
    /// What was true at this instant, by all that is known now: buckets by the facts and counts that occurred by
    /// then, whenever they were recorded (what a count put right is a step at the count). What was promised and what
    /// was under way have no other time than that of recording: they are what was known then.
    True(Timestamp),
}

/// As [`SaidMoment`](super::SaidMoment) reads it.
impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => write!(f, "seq:{seq}"),
            Self::Known(at) => write!(f, "known:{at}"),
            Self::True(at) => write!(f, "true:{at}"),
        }
    }
}

/// The stock of one position at a moment in the past, with its names of today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PastRow {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub stock: Stock,
}

/// The stock of one position at two moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceRow {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// At the first moment.
    pub from: Stock,
    /// At the second moment.
    pub to: Stock,
}

/// A moment, worked out against what is known.
pub(super) struct Moment {
    pub(super) known: Known,
    /// Events below this one count.
    pub(super) until: u64,
    /// The instant at which holds are judged.
    pub(super) at: Timestamp,
    /// The instant by which facts must have occurred, where that is asked for.
    occurred_by: Option<Timestamp>,
    /// What is still open today of holds that had lapsed by that instant, by deadline.
    lapsed_open: BTreeMap<Position, Vec<(Timestamp, i64)>>,
}

impl Moment {
    /// The answer, with what it rests on.
    pub(super) fn answer<T>(&self, value: T) -> Answer<T> {
        let events = if self.occurred_by.is_some() { self.known.next_seq() } else { self.until };
        Answer { seq: Seq(events.saturating_sub(1)), as_of: self.at, value }
    }
}

/// What a question reads of the present: holds that have lapsed and are not closed.
fn lapsed_open(state: &State, scope: &Scope, at: Timestamp) -> BTreeMap<Position, Vec<(Timestamp, i64)>> {
    let mut found = BTreeMap::new();
    let mut look = |position: Position, state: &State| {
        let Some(entry) = state.position(position) else { return };
        if state.held_of(position, entry, at) != entry.open {
            found.insert(position, state.lapses_at(position, at).collect());
        }
    };
    match scope.only_position() {
        Some(position) => look(position, state),
        None => state.positions().for_each(|(position, _)| look(*position, state)),
    }
    found
}

pub(super) fn reach(scope: &Scope) -> Reach {
    match (scope.only_position(), scope.item) {
        (Some(position), _) => reach_of(position),
        (None, Some(item)) => Reach::Item(item.0),
        (None, None) => Reach::All,
    }
}

/// Reads events that are there.
pub(super) struct DurableEvents<'l> {
    log: &'l dyn StoreReader,
    last: LastBatch,
}

impl DurableEvents<'_> {
    pub(super) fn event(&mut self, seq: Seq) -> Result<Recorded, HistoryError> {
        let missing = || LogFault { seq, what: FaultKind::HeadMissing { expected: seq.0 + 1, last: None } };
        Ok(self.last.event(self.log, seq)?.ok_or_else(missing)?.into())
    }
}

impl History<'_> {
    /// The stock of one position at a moment; a position that nothing has touched by then has none.
    ///
    /// Costs a few steps in each run of the index, however many events moved the position and wherever in history the
    /// moment lies; and one more for each deadline there that has passed and whose expiry is not recorded yet.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over.
    pub fn stock(&self, position: Position, as_of: AsOf) -> Result<Answer<Stock>, HistoryError> {
        self.asked(|| {
            let moment = self.moment(&Scope::position(position), as_of)?;
            let stocks = self.stocks(&moment, reach_of(position))?;
            Ok(moment.answer(stocks.get(&position).copied().unwrap_or_default()))
        })
    }

    /// The stock of every position in scope that an event had touched by the moment, by item, location and lot. The
    /// scope's status is that of today.
    ///
    /// Costs a few steps per position in each run of the index.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over.
    pub fn stock_list(&self, scope: &Scope, as_of: AsOf) -> Result<Answer<Vec<PastRow>>, HistoryError> {
        let (moment, stocks) = self.asked(|| {
            let moment = self.moment(scope, as_of)?;
            let stocks = self.stocks(&moment, reach(scope))?;
            Ok((moment, stocks))
        })?;
        let rows = self.published.read(|durable| {
            let wanted = stocks.into_iter().filter(|(position, _)| scope.admits(&durable.state, *position));
            let names = Names::of(&durable.state);
            wanted.map(|(position, stock)| PastRow { place: Place::of(&names, position), stock }).collect()
        });
        Ok(moment.answer(rows))
    }

    /// Every position in scope whose stock at the second moment is not that at the first. The answer rests on what
    /// the second moment rests on.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over.
    pub fn difference(&self, scope: &Scope, from: AsOf, to: AsOf) -> Result<Answer<Vec<DifferenceRow>>, HistoryError> {
        let first = self.stock_list(scope, from)?.value;
        let second = self.stock_list(scope, to)?;
        let mut places: BTreeMap<Position, DifferenceRow> = BTreeMap::new();
        for (rows, is_first) in [(first, true), (second.value, false)] {
            for PastRow { place, stock } in rows {
                let row = places.entry(place.position()).or_insert_with(|| DifferenceRow {
                    place,
                    from: Stock::default(),
                    to: Stock::default(),
                });
                *(if is_first { &mut row.from } else { &mut row.to }) = stock;
            }
        }
        let figures = |stock: &Stock| Stock { version: Seq(0), ..*stock };
        let rows = places.into_values().filter(|row| figures(&row.from) != figures(&row.to)).collect();
        Ok(Answer { seq: second.seq, as_of: second.as_of, value: rows })
    }

    /// What answers about a moment rest on: the last event that counts, and the instant at which holds are judged.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over.
    pub fn rests_on(&self, as_of: AsOf) -> Result<Answer<()>, HistoryError> {
        let nowhere = Position::new(ItemId(0), LocationId(0));
        self.asked(|| Ok(self.moment(&Scope::position(nowhere), as_of)?.answer(())))
    }

    /// The stock of the same item at the same location that lies beside a position: in other lots, or in none; what
    /// there is nothing of is left out. Costs what [`stock_list`](Self::stock_list) of the item costs; where it has no lots
    /// only a look at the list of them.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over.
    pub fn beside(&self, position: Position, as_of: AsOf) -> Result<Answer<Vec<PastRow>>, HistoryError> {
        let Position { item, location, lot } = position;
        if !self.published.read(|durable| durable.state.lots().any(|(_, lot)| lot.item == item)) {
            return Ok(self.rests_on(as_of)?.map(|()| Vec::new()));
        }
        let mut answer =
            self.stock_list(&Scope { item: Some(item), location: Some(location), ..Scope::default() }, as_of)?;
        let is_there =
            |stock: &Stock| (stock.sellable, stock.unsellable, stock.reserved, stock.inbound) != (0, 0, 0, 0);
        answer.value.retain(|row| row.place.lot != lot && is_there(&row.stock));
        Ok(answer)
    }

    /// Works a moment out: which events count, when holds are judged, what has lapsed and is still open today.
    pub(super) fn moment(&self, scope: &Scope, as_of: AsOf) -> Result<Moment, HistoryError> {
        let at = match as_of {
            AsOf::Seq(seq) => self.recorded_at(seq)?,
            AsOf::Known(at) | AsOf::True(at) => at,
        };
        loop {
            let (head, now, lapsed_open) = self.published.read(|durable| {
                let state = &durable.state;
                let now = self.clock.wall().max(state.recorded_at());
                (state.next_seq(), now, lapsed_open(state, scope, at))
            });
            if at > now {
                return Err(HistoryError::Future { at, now });
            }
            let known = self.known(head.0)?;
            // Holds that were closed since the present was read would be missed.
            if known.postings(List::Kind, u64::from(EventKind::Expired.number())).first_from(head.0)?.is_some() {
                continue;
            }
            let (until, occurred_by) = match as_of {
                AsOf::Seq(seq) => (seq.0 + 1, None),
                AsOf::Known(at) => (self.events_by(&known, at)?.min(head.0), None),
                AsOf::True(at) => (self.events_by(&known, at)?.min(head.0), Some(at)),
            };
            return Ok(Moment { known, until, at, occurred_by, lapsed_open });
        }
    }

    fn recorded_at(&self, seq: Seq) -> Result<Timestamp, HistoryError> {
        let head = self.published.read(|durable| durable.head.next_seq);
        if seq >= head {
            return Err(HistoryError::NoEvent { seq, head });
        }
        Ok(self.event(seq)?.event.envelope.recorded_at)
    }

    /// A durable event.
    pub(super) fn event(&self, seq: Seq) -> Result<Recorded, HistoryError> {
        self.event_reader().event(seq)
    }

    /// Durable events, of which some that stand together may be asked for.
    pub(super) fn event_reader(&self) -> DurableEvents<'_> {
        DurableEvents { log: self.log.as_ref(), last: LastBatch::default() }
    }

    /// How many events were recorded at or before an instant.
    pub(super) fn events_by(&self, known: &Known, at: Timestamp) -> Result<u64, HistoryError> {
        let Some(near) = known.seq_near(at.0)? else { return Ok(0) };
        let (mut low, mut high) = (near + 1, known.next_seq().min(near + TIME_SEQS + 1));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.event(Seq(middle))?.event.envelope.recorded_at <= at {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }

    pub(super) fn stocks(&self, moment: &Moment, reach: Reach) -> Result<BTreeMap<Position, Stock>, HistoryError> {
        let mut sums = sums(&moment.known, reach, moment.until)?;
        if let Some(at) = moment.occurred_by {
            put_true_buckets(&moment.known, reach, at, &mut sums)?;
        }
        let lapsed = lapsed(moment, reach)?;
        let stock =
            |(position, sums): (Position, Sums)| (position, sums.stock(lapsed.get(&position).copied().unwrap_or(0)));
        Ok(sums.into_iter().map(stock).collect())
    }
}

/// What the changes below a seq come to.
pub(super) fn sums(known: &Known, reach: Reach, until: u64) -> Result<BTreeMap<Position, Sums>, HistoryError> {
    let mut sums: BTreeMap<Position, Sums> = BTreeMap::new();
    known.changes_below(reach, until, |key, change| {
        if let Some(figure) = Figure::from_number(key.figure) {
            sums.entry(position_of(&key)).or_default().add(figure, change);
        }
    })?;
    Ok(sums)
}

/// What had lapsed at one position by an instant not behind the moment's, closed by now or not.
pub(super) fn lapsed_by(moment: &Moment, position: Position, at: Timestamp) -> Result<i128, HistoryError> {
    let behind = (at.0.saturating_add(1), 0);
    let closed = moment.known.moved_within(reach_of(position), |bucket| {
        (bucket.bucket == LAPSES).then_some(Span { from: (i64::MIN, 0), behind })
    })?;
    let open = moment.lapsed_open.get(&position).into_iter().flatten().filter(|(deadline, _)| *deadline <= at);
    Ok(closed.into_values().sum::<i128>() + open.map(|(_, quantity)| i128::from(*quantity)).sum::<i128>())
}

/// What had lapsed by the moment, closed by now or not.
fn lapsed(moment: &Moment, reach: Reach) -> Result<BTreeMap<Position, i128>, HistoryError> {
    let behind = (moment.at.0.saturating_add(1), 0);
    let closed = moment
        .known
        .moved_within(reach, |bucket| (bucket.bucket == LAPSES).then_some(Span { from: (i64::MIN, 0), behind }))?;
    let sum = |open: &Vec<(Timestamp, i64)>| open.iter().map(|(_, quantity)| i128::from(*quantity)).sum();
    let mut lapsed: BTreeMap<Position, i128> =
        moment.lapsed_open.iter().map(|(position, open)| (*position, sum(open))).collect();
    for (bucket, quantity) in closed {
        *lapsed.entry(position_at(&bucket)).or_default() += quantity;
    }
    Ok(lapsed)
}

/// Replaces what was known of the buckets by what was true: the last count that occurred by the instant, and the
/// facts behind it.
fn put_true_buckets(
    known: &Known,
    reach: Reach,
    at: Timestamp,
    sums: &mut BTreeMap<Position, Sums>,
) -> Result<(), HistoryError> {
    let behind = behind(at);
    for known in sums.values_mut() {
        (known.sellable, known.unsellable) = (0, 0);
    }
    for (bucket, quantity) in true_buckets(known, reach, behind, behind)? {
        let sums = sums.entry(position_at(&bucket)).or_default();
        match bucket.bucket {
            0 => sums.sellable = quantity,
            _ => sums.unsellable = quantity,
        }
    }
    Ok(())
}

/// Where in the order of moments what occurred by an instant ends: behind what was merely recorded at it, which stands
/// behind what is dated at it.
pub(super) fn behind(at: Timestamp) -> (i64, u64) {
    (at.0.saturating_add(1).saturating_mul(2), 0)
}

/// The buckets in reach by the counts below one bound and the facts below another: the last count, and the facts
/// behind it.
pub(super) fn true_buckets(
    known: &Known,
    reach: Reach,
    counts_behind: (i64, u64),
    facts_behind: (i64, u64),
) -> Result<BTreeMap<BucketKey, i128>, HistoryError> {
    let counts = known.counts_below(reach, counts_behind)?;
    let moved = known.moved_within(reach, |bucket| {
        let from = match counts.get(bucket) {
            None => (i64::MIN, 0),
            // What was recorded behind the count in its group comes after it; what is dated like it comes before it.
            Some(count) if count.moment & 1 == 1 => (count.moment, count.seq + 1),
            Some(count) => (count.moment.saturating_add(1), 0),
        };
        (bucket.bucket != LAPSES).then_some(Span { from, behind: facts_behind })
    })?;
    let mut buckets: BTreeMap<BucketKey, i128> = BTreeMap::new();
    let counted = counts.iter().map(|(bucket, count)| (*bucket, i128::from(count.counted)));
    for (bucket, quantity) in counted.chain(moved) {
        *buckets.entry(bucket).or_default() += quantity;
    }
    Ok(buckets)
}

const fn position_at(bucket: &BucketKey) -> Position {
    Position::of_lot(ItemId(bucket.item), LocationId(bucket.location), LotId(bucket.lot))
}
