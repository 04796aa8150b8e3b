//! Stock movement: opening, what came and left by kind, restatements, what counts put right, closing.

use super::about::Key;
use super::lines::{BucketLines, Step};
use super::read::{Basis, lists_of_item};
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::event_kind::EventKind;
use crate::domain::ids::{ItemId, LocationId, Timestamp};
use crate::domain::period::{By, Calendar, Close, Closes, What};
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use smallvec::SmallVec;
use std::collections::BTreeMap;

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

/// Flows in order, each with what those before it come to.
fn with_openings(flows: BTreeMap<(Key, i64), Flow>) -> impl Iterator<Item = (Key, i64, i128, Flow)> {
    let mut last: Option<(Key, i128)> = None;
    flows.into_iter().map(move |((key, number), flow)| {
        let opening = last.filter(|(before, _)| *before == key).map_or(0, |(_, closing)| closing);
        last = Some((key, opening + flow.sum()));
        (key, number, opening, flow)
    })
}

/// Numbers spans of time at each location.
struct Cutter<'a> {
    cut: Cut,
    basis: &'a Basis,
    calendars: FxHashMap<LocationId, Calendar>,
}

/// The number of all that lies before the report's own span.
const BEFORE: i64 = i64::MIN;

impl<'a> Cutter<'a> {
    fn new(cut: Cut, basis: &'a Basis) -> Result<Self, ReportError> {
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

impl Reports<'_> {
    /// What moved, period by period, in order of item, location, lot and time.
    ///
    /// A row is there where something was recorded for a period; its opening tells of all periods before. Something
    /// dated in a closed period counts from the beginning of the period that was open when it was recorded, as a
    /// restatement: a span whose end was closed keeps its figures for ever, also where it is no accounting period
    /// itself, such as a month in a quarter that was closed as one.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn movement(&self, within: &Within, cut: Cut, per: Per) -> Result<Answer<Vec<MovementRow>>, ReportError> {
        let (basis, ()) = self.basis(within, |_, _| ())?;
        let mut cutter = Cutter::new(cut, &basis)?;
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
        let rows = with_openings(flows).filter(|(_, number, ..)| *number != BEFORE);
        let rows = rows.map(|(key, number, opening, flow)| {
            let period = cutter.period(key.1, &closes, number);
            (key, decimals.get(&key).copied().unwrap_or(0), (period, opening, flow))
        });
        let rows = self.name(rows.collect()).into_iter().map(|(about, (period, opening, mut flow))| {
            flow.moves.sort_by_key(|sum| sum.kind);
            let closing = opening + flow.sum();
            let Flow { moves, restated, variance } = flow;
            MovementRow { about, period, opening, moves, restated, variance, closing }
        });
        Ok(basis.answer(rows.collect()))
    }
}
