//! Stock movement: opening, what came and left by kind, restatements, what counts put right, closing.

use super::about::Key;
use super::lines::{BucketLines, Step};
use super::read::{Basis, lists_of_item};
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::event::EventKind;
use crate::domain::ids::{ItemId, LocationId, Timestamp};
use crate::domain::period::{By, Calendar, Close, Closes, What};
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::ops::Range;

/// What time is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Spans of the calendar of each location.
    Calendar(By),
    /// The periods that were closed at each location, and the open one.
    Closes,
}

/// A span of time at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its name: `2026-01-31`, `2026-W05`, `2026-01`, `2026-Q1`, `2026`; of an accounting period up to where it was
    /// closed, or `open`.
    pub label: String,
    /// Its first instant; none in a first period without a beginning.
    pub start: Option<Timestamp>,
    /// The first instant behind it; none while the open period goes on.
    pub end: Option<Timestamp>,
    /// Whether its figures can still change.
    pub state: PeriodState,
}

/// Whether the figures of a period can still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodState {
    /// Its last instant was closed: its figures never change.
    Closed,
    /// Facts that are recorded later may still be dated in it.
    Open,
}

/// What moved in events of one kind, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindSum {
    /// The kind; a till's deltas are five.
    pub kind: EventKind,
    /// What came: zero or more.
    pub came: i128,
    /// What left: zero or less.
    pub left: i128,
}

/// What moved in one period, in smallest units; sellable and unsellable stock together.
///
/// `opening` + all of `moves` + `restated` + `variance` = `closing`, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovementRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// When.
    pub period: Period,
    /// What the period before closed with.
    pub opening: i128,
    /// What came and left, by kind of event; kinds that moved nothing are absent.
    pub moves: SmallVec<[KindSum; 2]>,
    /// The sum of what was recorded when the period that it is dated in was closed already.
    pub restated: i128,
    /// What counts put right, less what of `restated` a count had settled already.
    pub variance: i128,
    /// What was there at its end; now, where it is not over.
    pub closing: i128,
}

impl MovementRow {
    /// The sum of what came and left.
    #[must_use]
    pub fn moved(&self) -> i128 {
        self.moves.iter().map(|sum| sum.came + sum.left).sum()
    }
}

/// What flowed in one period.
#[derive(Default)]
struct Flow {
    moves: SmallVec<[KindSum; 2]>,
    restated: i128,
    variance: i128,
}

impl Flow {
    fn add(&mut self, step: &Step) {
        self.variance += step.variance;
        let What::Moved(delta) = step.what else { return };
        let delta = i128::from(delta);
        if step.at.at() < step.filed {
            self.restated += delta;
            return;
        }
        let index = self.moves.iter().position(|sum| sum.kind == step.kind).unwrap_or_else(|| {
            self.moves.push(KindSum { kind: step.kind, came: 0, left: 0 });
            self.moves.len() - 1
        });
        if let Some(sum) = self.moves.get_mut(index) {
            sum.came += delta.max(0);
            sum.left += delta.min(0);
        }
    }

    fn sum(&self) -> i128 {
        self.restated + self.variance + self.moves.iter().map(|sum| sum.came + sum.left).sum::<i128>()
    }
}

/// Numbers spans of time at each location.
struct Cutter {
    cut: Cut,
    basis: Basis,
    calendars: FxHashMap<LocationId, Calendar>,
}

/// The number of all that lies before the report's own span.
const BEFORE: i64 = i64::MIN;

impl Cutter {
    fn new(cut: Cut, basis: Basis) -> Result<Self, ReportError> {
        let mut calendars = FxHashMap::default();
        if let Cut::Calendar(by) = cut {
            for (location, zone) in &basis.zones {
                let unknown = || ReportError::UnknownZone { zone: zone.clone() };
                calendars.insert(*location, Calendar::new(zone, by).ok_or_else(unknown)?);
            }
        }
        Ok(Self { cut, basis, calendars })
    }

    /// The number of the period that something filed at this instant belongs to; none behind the report's span.
    fn number(&mut self, location: LocationId, closes: &[Close], at: Timestamp) -> Option<i64> {
        let window = self.basis.window(location);
        if at < window.from {
            return Some(BEFORE);
        }
        if at >= window.until {
            return None;
        }
        match self.cut {
            Cut::Calendar(_) => Some(self.calendars.get_mut(&location)?.span_of(at).number),
            Cut::Closes => i64::try_from(closes.partition_point(|close| close.closed_until <= at)).ok(),
        }
    }

    /// The number of the last period that has begun within the report's span; none where none has.
    fn last_number(&mut self, location: LocationId, closes: &[Close]) -> Option<i64> {
        let until = self.basis.window(location).until;
        let at = self.basis.as_of.min(until.plus_micros(-1));
        self.number(location, closes, at).filter(|number| *number != BEFORE)
    }

    /// The number of the first period of a report with a beginning.
    fn first_number(&mut self, location: LocationId, closes: &[Close]) -> Option<i64> {
        let from = self.basis.window(location).from;
        self.number(location, closes, from)
    }

    /// The period with a number, within the report's span.
    fn period(&self, location: LocationId, closes: &Closes, number: i64) -> Period {
        let closes = closes.of(location);
        let window = self.basis.window(location);
        let (label, start, end) = match self.cut {
            Cut::Calendar(by) => {
                let span = self.calendars.get(&location).map(|calendar| calendar.span(number));
                let ends = span.map_or((window.from, window.until), |span| (span.start, span.end));
                (by.label(number), ends.0, ends.1)
            }
            Cut::Closes => {
                let index = usize::try_from(number).unwrap_or(usize::MAX);
                let ended = |index: usize| closes.get(index).map(|close| close.closed_until);
                let label = closes.get(index).map_or_else(|| "open".to_owned(), |close| close.until.to_string());
                let start = index.checked_sub(1).and_then(ended).unwrap_or(Timestamp(i64::MIN));
                (label, start, ended(index).unwrap_or(Timestamp::NEVER))
            }
        };
        let (start, end) = (start.max(window.from), end.min(window.until));
        let is_closed = closes.last().is_some_and(|close| end <= close.closed_until);
        Period {
            label,
            start: Some(start).filter(|start| *start != Timestamp(i64::MIN)),
            end: Some(end).filter(|end| *end != Timestamp::NEVER),
            state: if is_closed { PeriodState::Closed } else { PeriodState::Open },
        }
    }
}

/// What moved, and what stood still: figures, of which rows are made one by one.
pub struct Movement {
    cutter: Cutter,
    closes: Closes,
    /// In order of names.
    about: Vec<(About, Key)>,
    flows: BTreeMap<(Key, i64), Flow>,
    /// The numbers of the first and the last period of the report at each location.
    ends: FxHashMap<LocationId, (Option<i64>, Option<i64>)>,
}

/// One period in which something moved, or several in which nothing did.
struct Piece<'a> {
    numbers: Range<i64>,
    opening: i128,
    flow: Option<&'a Flow>,
}

impl Movement {
    /// A row for each period in which something was recorded, in order of item, location, lot and time.
    pub fn rows(&self) -> impl Iterator<Item = MovementRow> + '_ {
        self.rows_of(|piece| piece.flow.is_some())
    }

    /// Besides a row for each period that has begun, in which nothing was recorded and something lay there: so the
    /// closings of each period add up to what was there at its end. There may be as many as periods times items.
    pub fn all_rows(&self) -> impl Iterator<Item = MovementRow> + '_ {
        self.rows_of(|_| true)
    }

    fn rows_of(&self, wanted: fn(&Piece<'_>) -> bool) -> impl Iterator<Item = MovementRow> + '_ {
        self.about.iter().flat_map(move |(about, key)| {
            let pieces = self.pieces(*key).into_iter().filter(wanted);
            pieces.flat_map(move |Piece { numbers, opening, flow }| {
                numbers.map(move |number| self.row(about, *key, number, opening, flow))
            })
        })
    }

    /// What moved in each row, kind by kind, in no order.
    pub fn moves(&self) -> impl Iterator<Item = &KindSum> {
        let within = self.flows.iter().filter(|((_, number), _)| *number != BEFORE);
        within.flat_map(|(_, flow)| &flow.moves)
    }

    /// How many items at locations, or whatever rows are about, have something there and no row at all: what
    /// [`Movement::rows`] lacks for the last closings of all to add up to stock.
    #[must_use]
    pub fn unmoved(&self) -> usize {
        let stood = |pieces: Vec<Piece<'_>>| !pieces.is_empty() && pieces.iter().all(|piece| piece.flow.is_none());
        self.about.iter().filter(|(_, key)| stood(self.pieces(*key))).count()
    }

    /// How many rows [`Movement::all_rows`] has more than [`Movement::rows`].
    #[must_use]
    pub fn stood(&self) -> u64 {
        let pieces = self.about.iter().flat_map(|(_, key)| self.pieces(*key));
        pieces.filter(|piece| piece.flow.is_none()).map(|piece| piece.numbers.end.abs_diff(piece.numbers.start)).sum()
    }

    fn pieces(&self, key: Key) -> Vec<Piece<'_>> {
        let (first, last) = self.ends.get(&key.1).copied().unwrap_or_default();
        let mut pieces = Vec::new();
        // What is there, and the first period that has no piece yet.
        let (mut opening, mut next) = (0, None);
        let stood = |from: Option<i64>, until: i64, opening: i128| {
            let from = from.filter(|from| *from < until && opening != 0)?;
            Some(Piece { numbers: from..until, opening, flow: None })
        };
        for ((_, number), flow) in self.flows.range((key, i64::MIN)..=(key, i64::MAX)) {
            if *number == BEFORE {
                next = first;
            } else {
                let behind = number.saturating_add(1);
                pieces.extend(stood(next, *number, opening));
                pieces.push(Piece { numbers: *number..behind, opening, flow: Some(flow) });
                next = Some(behind);
            }
            opening += flow.sum();
        }
        pieces.extend(last.and_then(|last| stood(next, last.saturating_add(1), opening)));
        pieces
    }

    fn row(&self, about: &About, key: Key, number: i64, opening: i128, flow: Option<&Flow>) -> MovementRow {
        let mut moves = flow.map(|flow| flow.moves.clone()).unwrap_or_default();
        moves.sort_by_key(|sum| sum.kind);
        MovementRow {
            about: about.clone(),
            period: self.cutter.period(key.1, &self.closes, number),
            opening,
            moves,
            restated: flow.map_or(0, |flow| flow.restated),
            variance: flow.map_or(0, |flow| flow.variance),
            closing: opening + flow.map_or(0, Flow::sum),
        }
    }
}

impl Reports<'_> {
    /// What moved, period by period, in order of item, location, lot and time; and what stood still, where that is
    /// asked for ([`Movement::all_rows`]).
    ///
    /// A row is there where something was recorded for a period; its opening tells of all periods before. Something
    /// dated in a closed period counts from the beginning of the period that was open when it was recorded, as a
    /// restatement: a span whose end was closed keeps its figures for ever, also where it is no accounting period
    /// itself, such as a month in a quarter that was closed as one.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn movement(&self, within: &Within, cut: Cut, per: Per) -> Result<Answer<Movement>, ReportError> {
        let (basis, ()) = self.basis(within, |_, _| ())?;
        let mut cutter = Cutter::new(cut, basis.clone())?;
        let mut flows: BTreeMap<(Key, i64), Flow> = BTreeMap::new();
        let mut items: FxHashMap<Key, FxHashSet<ItemId>> = FxHashMap::default();
        let visit = |bucket: BucketLines<'_>| {
            let position = bucket.position;
            let (key, closes) = (per.key(position), bucket.closes());
            if per == Per::Location {
                items.entry(key).or_default().insert(position.item);
            }
            bucket.each_filed(|step| {
                if let Some(number) = cutter.number(position.location, closes, step.filed) {
                    flows.entry((key, number)).or_default().add(&step);
                }
            });
        };
        let lists = lists_of_item(within.item, &[EventKind::PeriodClosed]);
        let closes = self.each_bucket(&basis, &lists, |position| within.admits(position), |_, _, _| {}, visit)?;
        let mut decimals = FxHashMap::default();
        for (key, items) in items {
            decimals.insert(key, self.common_decimals(items)?);
        }
        let mut keys: Vec<(Key, u8, Key)> = Vec::new();
        for (key, _) in flows.keys() {
            if keys.last().is_none_or(|(last, ..)| last != key) {
                keys.push((*key, decimals.get(key).copied().unwrap_or(0), *key));
            }
        }
        let mut ends = FxHashMap::default();
        for ((_, location, _), ..) in &keys {
            let closes = closes.of(*location);
            ends.entry(*location)
                .or_insert_with(|| (cutter.first_number(*location, closes), cutter.last_number(*location, closes)));
        }
        let about = self.name(keys);
        Ok(basis.answer(Movement { cutter, closes, about, flows, ends }))
    }
}
