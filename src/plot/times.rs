//! The axis of time: ticks at places of the calendar and the clock that people count by.

use crate::domain::ids::Timestamp;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;
use std::ops::Range;

/// Ticks fit beside each other up to this many, or up to so many with short labels.
const TICKS_MAX: i64 = 9;
const SHORT_TICKS_MAX: i64 = 15;
/// What is shorter is drawn this long.
const SPAN_MICROS_MIN: i64 = 1_000;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// From tick to tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// A part of a day, in microseconds.
    Micros(i64),
    Days(i64),
    Weeks,
    Months(u32),
    Years(i32),
}

const UNITS: &[Unit] = &[
    Unit::Micros(200),
    Unit::Micros(500),
    Unit::Micros(1_000),
    Unit::Micros(2_000),
    Unit::Micros(5_000),
    Unit::Micros(10_000),
    Unit::Micros(20_000),
    Unit::Micros(50_000),
    Unit::Micros(100_000),
    Unit::Micros(200_000),
    Unit::Micros(500_000),
    Unit::Micros(SECOND),
    Unit::Micros(2 * SECOND),
    Unit::Micros(5 * SECOND),
    Unit::Micros(10 * SECOND),
    Unit::Micros(30 * SECOND),
    Unit::Micros(MINUTE),
    Unit::Micros(2 * MINUTE),
    Unit::Micros(5 * MINUTE),
    Unit::Micros(10 * MINUTE),
    Unit::Micros(30 * MINUTE),
    Unit::Micros(HOUR),
    Unit::Micros(3 * HOUR),
    Unit::Micros(6 * HOUR),
    Unit::Micros(12 * HOUR),
    Unit::Days(1),
    Unit::Days(2),
    Unit::Weeks,
    Unit::Months(1),
    Unit::Months(2),
    Unit::Months(3),
    Unit::Months(6),
    Unit::Years(1),
    Unit::Years(2),
    Unit::Years(5),
    Unit::Years(10),
    Unit::Years(20),
    Unit::Years(50),
    Unit::Years(100),
    Unit::Years(500),
    Unit::Years(2_000),
];

impl Unit {
    const fn micros(self) -> i64 {
        match self {
            Self::Micros(micros) => micros,
            Self::Days(days) => days * DAY,
            Self::Weeks => 7 * DAY,
            Self::Months(months) => months as i64 * 30 * DAY,
            Self::Years(years) => years as i64 * 365 * DAY,
        }
    }

    /// Whether so long a time has few enough of them.
    fn fits(self, micros: i64) -> bool {
        let is_short = match self {
            Self::Micros(unit) => unit >= MINUTE && micros < DAY / 2,
            Self::Days(_) | Self::Weeks => false,
            Self::Months(_) | Self::Years(_) => true,
        };
        micros / self.micros() < if is_short { SHORT_TICKS_MAX } else { TICKS_MAX }
    }

    /// The last place at or before a local time.
    fn before(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = local.date();
        match self {
            Self::Micros(micros) => {
                let of_day =
                    i64::from(local.num_seconds_from_midnight()) * SECOND + i64::from(local.nanosecond() / 1_000);
                date.and_hms_opt(0, 0, 0)?.checked_add_signed(TimeDelta::microseconds(of_day - of_day % micros))
            }
            Self::Days(days) => {
                let over = i64::from(date.num_days_from_ce()).rem_euclid(days);
                midnight(date.checked_sub_days(Days::new(over.unsigned_abs()))?)
            }
            Self::Weeks => {
                midnight(date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday())))?)
            }
            Self::Months(months) => {
                midnight(NaiveDate::from_ymd_opt(date.year(), date.month0() / months * months + 1, 1)?)
            }
            Self::Years(years) => midnight(NaiveDate::from_ymd_opt(date.year().div_euclid(years) * years, 1, 1)?),
        }
    }

    fn next(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::Micros(micros) => local.checked_add_signed(TimeDelta::microseconds(micros)),
            Self::Days(days) => local.checked_add_days(Days::new(days.unsigned_abs())),
            Self::Weeks => local.checked_add_days(Days::new(7)),
            Self::Months(months) => local.checked_add_months(Months::new(months)),
            Self::Years(years) => local.checked_add_months(Months::new(12 * years.unsigned_abs())),
        }
    }
}

fn midnight(date: NaiveDate) -> Option<NaiveDateTime> {
    date.and_hms_opt(0, 0, 0)
}

/// The range of an axis, its ticks with their labels, and what it shows, in words.
#[derive(Debug)]
pub(super) struct Times {
    pub range: Range<i64>,
    pub ticks: Vec<(i64, String)>,
    pub shows: String,
}

impl Times {
    /// An axis from one instant to another, by the clocks of a zone.
    pub fn new(from: Timestamp, until: Timestamp, zone: Tz) -> Self {
        let until = until.0.max(from.0.saturating_add(SPAN_MICROS_MIN));
        let range = from.0..until;
        let unit = UNITS.iter().copied().find(|unit| unit.fits(until - from.0));
        let unit = unit.unwrap_or(Unit::Years(2_000));
        let (Some(first), Some(last)) = (local(from.0, zone), local(until, zone)) else {
            return Self { range, ticks: Vec::new(), shows: zone.name().to_owned() };
        };
        let (form, shows) = match unit {
            Unit::Micros(micros) if first.date() != last.date() && micros >= MINUTE => {
                ("%m-%d %H:%M", format!("day and time, {}", years(first, last)))
            }
            Unit::Micros(micros) => {
                let form = match micros {
                    MINUTE.. => "%H:%M",
                    SECOND..MINUTE => "%H:%M:%S",
                    SPAN_MICROS_MIN..SECOND => "%H:%M:%S%.3f",
                    _ => "%H:%M:%S%.6f",
                };
                (form, format!("time on {}", first.format("%Y-%m-%d")))
            }
            Unit::Days(_) | Unit::Weeks => ("%Y-%m-%d", "date".to_owned()),
            Unit::Months(_) => ("%Y-%m", "month".to_owned()),
            Unit::Years(_) => ("%Y", "year".to_owned()),
        };
        let ticks = ticks(&range, unit, zone);
        let ticks = ticks.into_iter().map(|(at, local)| (at, local.format(form).to_string())).collect();
        Self { range, ticks, shows: format!("{shows}, {}", zone.name()) }
    }

    /// An axis with a label in the middle of each of some spans of time.
    pub fn of_spans(spans: &[(Range<i64>, &str)], zone: Tz) -> Option<Self> {
        let range = spans.first()?.0.start..spans.last()?.0.end;
        let middle = |span: &Range<i64>| span.start + (span.end - span.start) / 2;
        let ticks = spans.iter().map(|(span, label)| (middle(span), (*label).to_owned())).collect();
        Some(Self { range, ticks, shows: format!("period, {}", zone.name()) })
    }

    /// The label at a tick.
    pub fn label(&self, at: i64) -> String {
        let found = self.ticks.binary_search_by_key(&at, |(tick, _)| *tick).ok();
        found.and_then(|index| self.ticks.get(index)).map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

fn years(first: NaiveDateTime, last: NaiveDateTime) -> String {
    match first.year() == last.year() {
        true => first.year().to_string(),
        false => format!("{} to {}", first.year(), last.year()),
    }
}

fn local(at: i64, zone: Tz) -> Option<NaiveDateTime> {
    Some(zone.from_utc_datetime(&DateTime::from_timestamp_micros(at)?.naive_utc()).naive_local())
}

/// Every place of the unit in the range; a local time that never was is left out, of one that came twice the first.
fn ticks(range: &Range<i64>, unit: Unit, zone: Tz) -> Vec<(i64, NaiveDateTime)> {
    let mut ticks: Vec<(i64, NaiveDateTime)> = Vec::new();
    let mut next = local(range.start, zone).and_then(|first| unit.before(first));
    while let Some(place) = next {
        let at = zone.from_local_datetime(&place).earliest().map(|at| at.timestamp_micros());
        match at {
            Some(at) if at > range.end => break,
            Some(at) if at >= range.start && ticks.last().is_none_or(|(last, _)| *last < at) => ticks.push((at, place)),
            _ => {}
        }
        next = unit.next(place);
    }
    ticks
}
