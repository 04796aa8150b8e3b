//! How what was true came to be: the facts and counts of a position in the order in which they occurred.

use super::as_of::{AsOf, behind, true_buckets};
use super::explain::Cited;
use super::figures::{reach_of, small};
use super::{History, HistoryError};
use crate::domain::event::Body;
use crate::domain::ids::{Moment, Position, Seq, Timestamp};
use crate::index::{BucketKey, COUNTS, Known, Move};
use crate::limits::PAGE_ROWS_MAX;
use crate::query::{Answer, Cursor, Direction, Paging, Place, QueryError, Scope, Stock};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is in the buckets of a position, or what is added to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Buckets {
    /// Sellable and unsellable together.
    pub physical: i64,
    /// What can be promised and shipped.
    pub sellable: i64,
    /// What can't.
    pub unsellable: i64,
}

impl Buckets {
    fn of([sellable, unsellable]: [i128; 2]) -> Self {
        Self { physical: small(sellable + unsellable), sellable: small(sellable), unsellable: small(unsellable) }
    }
}

/// How the buckets of a position came to be, by when things occurred.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrueExplanation {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The stock at the instant: the buckets are explained, what is reserved and under way is what was known then.
    pub stock: Stock,
    /// What the facts came to.
    pub facts: Buckets,
    /// What counts put right: the sum of their variances.
    pub variances: Buckets,
    /// What was there before the earliest row of this page; nothing before the first.
    pub opening: Buckets,
    /// The facts and counts, in the direction that was asked for.
    pub rows: Vec<OccurredRow>,
    /// Where the next page starts; none at the end.
    pub next: Option<Cursor>,
}

/// A fact or count of a position, where it occurred.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OccurredRow {
    /// The event.
    #[serde(flatten)]
    pub event: Cited,
    /// When it occurred: when a caller said so, or else when it was recorded.
    pub at: Timestamp,
    /// What it added; of a count its variance: what was counted less what had been there.
    pub step: Buckets,
    /// What was counted of sellable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_sellable: Option<i64>,
    /// What was counted of unsellable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_unsellable: Option<i64>,
    /// What was there behind it.
    pub behind: Buckets,
}

/// The place of a fact or count: by moment, counts behind what is dated at theirs, then by seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    moment: i64,
    is_behind_dated: bool,
    seq: u64,
}

impl Key {
    const fn fact(found: &Move) -> Self {
        Self { moment: found.occurred_at, is_behind_dated: false, seq: found.seq }
    }

    const fn count(found: &Move) -> Self {
        let is_dated = found.occurred_at & 1 == 0;
        Self { moment: found.occurred_at, is_behind_dated: is_dated, seq: found.seq }
    }

    fn of(seq: Seq, moment: Moment, body: &Body) -> Self {
        let found = Move { occurred_at: moment.0, seq: seq.0, delta: 0 };
        match matches!(body, Body::Counted(_)) {
            true => Self::count(&found),
            false => Self::fact(&found),
        }
    }

    /// The first place in the order of facts that is not below it.
    const fn among_facts(self) -> (i64, u64) {
        match self.is_behind_dated {
            true => (self.moment.saturating_add(1), 0),
            false => (self.moment, self.seq),
        }
    }

    /// The first place in the order of counts that is not below it.
    const fn among_counts(self) -> (i64, u64) {
        let is_dated = self.moment & 1 == 0;
        match is_dated && !self.is_behind_dated {
            true => (self.moment, 0),
            false => (self.moment, self.seq),
        }
    }

    /// The place right behind it.
    const fn next(self) -> Self {
        Self { seq: self.seq.saturating_add(1), ..self }
    }
}

/// What one event did to both buckets.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    moved: [i128; 2],
    counted: [Option<i64>; 2],
}

impl History<'_> {
    /// How the buckets of a position at an instant came to be, by all that is known now: the facts and counts that
    /// occurred by then, whenever they were recorded, in the order in which they occurred. Facts dated at the instant
    /// of a count stand before it. What the rows add comes to the figure; what was promised has no other time than
    /// that of recording and is not among them.
    ///
    /// Totals are look-ups; a page costs its rows, each of which is read from the log. None where there is no such
    /// item, location or lot.
    ///
    /// # Errors
    /// [`HistoryError`]; `Future` for an instant that is not over; [`QueryError`] for a page or cursor that can't be
    /// used.
    pub fn explain_true(
        &self,
        position: Position,
        at: Timestamp,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<Option<TrueExplanation>>, HistoryError> {
        self.asked(|| self.explain_true_once(position, at, direction, paging))
    }

    fn explain_true_once(
        &self,
        position: Position,
        at: Timestamp,
        direction: Direction,
        paging: &Paging,
    ) -> Result<Answer<Option<TrueExplanation>>, HistoryError> {
        if !(1..=PAGE_ROWS_MAX).contains(&paging.rows) {
            return Err(QueryError::PageRows { given: paging.rows }.into());
        }
        let after = paging.after.as_ref().map(|cursor| cursor.seq_of(name(direction))).transpose()?;
        let moment = self.moment(&Scope::position(position), AsOf::True(at))?;
        let Some(place) = self.place(position) else { return Ok(moment.answer(None)) };
        let known = &moment.known;
        let after = after.map(|seq| self.key_of(known, Seq(seq))).transpose()?;
        let end = behind(at);
        let mut found = match direction {
            Direction::Ascending => first_behind(known, position, after, end, paging.rows)?,
            Direction::Descending => last_before(known, position, after, end, paging.rows)?,
        };
        let is_last = found.len() <= paging.rows;
        while found.len() > paging.rows {
            match direction {
                Direction::Ascending => found.pop_last(),
                Direction::Descending => found.pop_first(),
            };
        }
        let edge = match direction {
            Direction::Ascending => found.last_key_value(),
            Direction::Descending => found.first_key_value(),
        };
        let next = edge.filter(|_| !is_last).map(|(key, _)| Cursor::at_seq(name(direction).to_owned(), key.seq));
        let opening = match found.first_key_value() {
            Some((first, _)) => at_buckets(known, position, first.among_counts(), first.among_facts())?,
            None => [0; 2],
        };
        let mut rows = self.occurred(position, &found, opening)?;
        if direction == Direction::Descending {
            rows.reverse();
        }
        let all = at_buckets(known, position, end, end)?;
        let facts = facts_before(known, position, end)?;
        let stocks = self.stocks(&moment, reach_of(position))?;
        Ok(moment.answer(Some(TrueExplanation {
            place,
            stock: stocks.get(&position).copied().unwrap_or_default(),
            facts: Buckets::of(facts),
            variances: Buckets::of([all[0] - facts[0], all[1] - facts[1]]),
            opening: Buckets::of(opening),
            rows,
            next,
        })))
    }

    fn key_of(&self, known: &Known, seq: Seq) -> Result<Key, HistoryError> {
        if seq.0 >= known.next_seq() {
            return Err(HistoryError::NoEvent { seq, head: Seq(known.next_seq()) });
        }
        let event = self.event(seq)?.event;
        Ok(Key::of(seq, event.envelope.moment(), &event.body))
    }

    /// The rows of some facts and counts, in their order.
    fn occurred(
        &self,
        position: Position,
        found: &BTreeMap<Key, Steps>,
        opening: [i128; 2],
    ) -> Result<Vec<OccurredRow>, HistoryError> {
        let mut running = opening;
        let (mut events, mut rows) = (self.event_reader(), Vec::with_capacity(found.len()));
        for (key, steps) in found {
            let before = running;
            for (running, (counted, moved)) in running.iter_mut().zip(steps.counted.iter().zip(steps.moved)) {
                *running = counted.map_or(*running + moved, i128::from);
            }
            rows.push(OccurredRow {
                event: Cited::of(events.event(Seq(key.seq))?, position),
                at: Moment(key.moment).at(),
                step: Buckets::of([running[0] - before[0], running[1] - before[1]]),
                counted_sellable: steps.counted[0],
                counted_unsellable: steps.counted[1],
                behind: Buckets::of(running),
            });
        }
        Ok(rows)
    }
}

pub(super) const fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "explain.true.ascending",
        Direction::Descending => "explain.true.descending",
    }
}

const fn bucket_key(position: Position, bucket: u8) -> BucketKey {
    BucketKey { item: position.item.0, location: position.location.0, lot: position.lot.0, bucket }
}

/// The facts and counts behind a place and before an end: the first `rows` of them, and one more where there is one.
fn first_behind(
    known: &Known,
    position: Position,
    after: Option<Key>,
    end: (i64, u64),
    rows: usize,
) -> Result<BTreeMap<Key, Steps>, HistoryError> {
    let from = after.map(Key::next);
    let facts_from = from.map_or((i64::MIN, 0), Key::among_facts);
    let counts_from = from.map_or((i64::MIN, 0), Key::among_counts);
    let mut found = BTreeMap::new();
    for bucket in 0..2_u8 {
        let facts = known.moves_from(&bucket_key(position, bucket), facts_from, rows + 1)?;
        let counts = known.moves_from(&bucket_key(position, COUNTS + bucket), counts_from, rows + 1)?;
        gather(&mut found, usize::from(bucket), &facts, &counts);
    }
    found.retain(|key, _| (key.moment, key.seq) < end);
    while found.len() > rows + 1 {
        found.pop_last();
    }
    Ok(found)
}

/// The facts and counts before a place, or before an end: the last `rows` of them, and one more where there is one.
fn last_before(
    known: &Known,
    position: Position,
    before: Option<Key>,
    end: (i64, u64),
    rows: usize,
) -> Result<BTreeMap<Key, Steps>, HistoryError> {
    let facts_behind = before.map_or(end, Key::among_facts).min(end);
    let counts_behind = before.map_or(end, Key::among_counts).min(end);
    let mut found = BTreeMap::new();
    for bucket in 0..2_u8 {
        let facts = known.moves_below(&bucket_key(position, bucket), facts_behind, rows + 1)?;
        let counts = known.moves_below(&bucket_key(position, COUNTS + bucket), counts_behind, rows + 1)?;
        gather(&mut found, usize::from(bucket), &facts, &counts);
    }
    while found.len() > rows + 1 {
        found.pop_first();
    }
    Ok(found)
}

fn gather(found: &mut BTreeMap<Key, Steps>, bucket: usize, facts: &[Move], counts: &[Move]) {
    for fact in facts {
        found.entry(Key::fact(fact)).or_default().moved[bucket] += i128::from(fact.delta);
    }
    for count in counts {
        found.entry(Key::count(count)).or_default().counted[bucket] = Some(count.delta);
    }
}

/// Both buckets of a position by the counts and facts below two bounds.
fn at_buckets(
    known: &Known,
    position: Position,
    counts_behind: (i64, u64),
    facts_behind: (i64, u64),
) -> Result<[i128; 2], HistoryError> {
    let mut buckets = [0; 2];
    for (key, quantity) in true_buckets(known, reach_of(position), counts_behind, facts_behind)? {
        if let Some(bucket) = buckets.get_mut(usize::from(key.bucket)) {
            *bucket = quantity;
        }
    }
    Ok(buckets)
}

/// What all facts before an end came to, whatever was counted.
fn facts_before(known: &Known, position: Position, end: (i64, u64)) -> Result<[i128; 2], HistoryError> {
    let span = crate::index::Span { from: (i64::MIN, 0), behind: end };
    let mut sums = [0; 2];
    for (key, sum) in known.moved_within(reach_of(position), |bucket| (bucket.bucket < 2).then_some(span))? {
        if let Some(bucket) = sums.get_mut(usize::from(key.bucket)) {
            *bucket = sum;
        }
    }
    Ok(sums)
}
