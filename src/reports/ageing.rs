//! How old open reservations are, and how soon they lapse.

use super::about::Key;
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::ids::Timestamp;
use crate::domain::state::State;
use crate::query::Answer;
use serde::Serialize;
use std::collections::BTreeMap;

/// How old a reservation is, since the event that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeClass {
    /// 30 days or more.
    Older,
    /// Under 30 days.
    UnderThirtyDays,
    /// Under 7 days.
    UnderSevenDays,
    /// Under a day.
    UnderOneDay,
    /// Under an hour.
    UnderOneHour,
}

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

impl AgeClass {
    /// The class of an age in microseconds.
    #[must_use]
    pub const fn of(age_micros: i64) -> Self {
        match age_micros {
            age if age < HOUR_MICROS => Self::UnderOneHour,
            age if age < DAY_MICROS => Self::UnderOneDay,
            age if age < 7 * DAY_MICROS => Self::UnderSevenDays,
            age if age < 30 * DAY_MICROS => Self::UnderThirtyDays,
            _ => Self::Older,
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Older => "30 d and more",
            Self::UnderThirtyDays => "under 30 d",
            Self::UnderSevenDays => "under 7 d",
            Self::UnderOneDay => "under 1 d",
            Self::UnderOneHour => "under 1 h",
        }
    }
}

/// What reservations of one age hold, in smallest units. Those that have lapsed hold nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgeRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// How old they are.
    pub age: AgeClass,
    /// How many; one that holds several positions of a row counts once.
    pub reservations: u64,
    /// What they hold.
    pub units: i128,
    /// What of it lapses within a day.
    pub lapsing: i128,
    /// What of it lapses later.
    pub later: i128,
    /// What of it never lapses.
    pub without_deadline: i128,
    /// When the oldest of them was made.
    pub oldest: Timestamp,
}

#[derive(Clone, Copy)]
struct Sums {
    reservations: u64,
    units: i128,
    lapsing: i128,
    later: i128,
    without_deadline: i128,
    oldest: Timestamp,
}

type Classes = BTreeMap<(Key, AgeClass), Sums>;

fn classes(state: &State, as_of: Timestamp, within: &Within, per: Per) -> Classes {
    let mut classes = Classes::new();
    for reservation in state.reservations().filter(|reservation| reservation.is_held(as_of)) {
        let age = AgeClass::of(as_of.0.saturating_sub(reservation.reserved_at.0));
        let mut counted: Vec<Key> = Vec::new();
        for line in reservation.lines.iter().filter(|line| within.admits(line.position)) {
            let key = per.key(line.position);
            let sums = classes.entry((key, age)).or_insert(Sums {
                reservations: 0,
                units: 0,
                lapsing: 0,
                later: 0,
                without_deadline: 0,
                oldest: reservation.reserved_at,
            });
            if !counted.contains(&key) {
                counted.push(key);
                sums.reservations += 1;
            }
            let open = i128::from(line.open);
            sums.units += open;
            match reservation.deadline {
                Timestamp::NEVER => sums.without_deadline += open,
                deadline if deadline <= as_of.plus_micros(DAY_MICROS) => sums.lapsing += open,
                _ => sums.later += open,
            }
            sums.oldest = sums.oldest.min(reservation.reserved_at);
        }
    }
    classes
}

impl Reports<'_> {
    /// Open reservations by age, the oldest first. The span of the report is not asked for: it is about now.
    ///
    /// # Errors
    /// [`ReportError::MixedDecimals`].
    pub fn ageing(&self, within: &Within, per: Per) -> Result<Answer<Vec<AgeRow>>, ReportError> {
        let now = Within { from: None, until: None, ..*within };
        let ask = |state: &State, as_of| {
            let items = state.reservations().flat_map(|reservation| &reservation.lines);
            let items = items.filter(|line| now.admits(line.position)).map(|line| line.position.item);
            let items = if per == Per::Location { items.collect() } else { Vec::new() };
            (classes(state, as_of, &now, per), items)
        };
        let (basis, (classes, mut items)) = self.basis(&now, ask)?;
        items.sort_unstable();
        items.dedup();
        let decimals = self.common_decimals(items)?;
        let rows = classes.into_iter().map(|((key, age), sums)| (key, decimals, (age, sums))).collect();
        let mut rows: Vec<AgeRow> = self
            .name(rows)
            .into_iter()
            .map(|(about, (age, sums))| {
                let Sums { reservations, units, lapsing, later, without_deadline, oldest } = sums;
                AgeRow { about, age, reservations, units, lapsing, later, without_deadline, oldest }
            })
            .collect();
        rows.sort_by(|one, other| (one.age, one.oldest, &one.about).cmp(&(other.age, other.oldest, &other.about)));
        Ok(basis.answer(rows))
    }
}
