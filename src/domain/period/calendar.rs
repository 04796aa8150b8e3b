//! Days, weeks, months, quarters and years by the clocks of a place.

use super::Until;
use crate::domain::ids::Timestamp;
use crate::domain::text::Zone;
use crate::limits::{DEADLINE_MICROS_MAX, LOCAL_YEARS, OCCURRED_MICROS_MIN, ZONE_OFFSET_MICROS_MAX};
use chrono::{Datelike, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// What time is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Days.
    Day,
    /// Weeks from Monday on, numbered as ISO 8601 does.
    Week,
    /// Months.
    Month,
    /// Quarters of years.
    Quarter,
    /// Years.
    Year,
}

/// A span of a calendar: from its start up to, not including, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its number: the span behind it has the next one, at other places too.
    pub number: i64,
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant behind it.
    pub end: Timestamp,
}

/// The calendar of a place. It remembers the spans that it was asked for.
///
/// A span begins at the first instant at which clocks there show its first midnight or more, as the end of a period
/// does ([`Until::instant`]), so days on which clocks change are an hour shorter or longer and nothing falls between.
///
/// # Example
/// ```
/// use counterfoil::domain::period::{By, Calendar};
/// use counterfoil::{Timestamp, Zone};
/// let mut paris = Calendar::new(&Zone::new("Europe/Paris")?, By::Month).ok_or("an unknown zone")?;
/// let span = paris.span_of(Timestamp(1_769_900_400_000_000)); // 2026-01-31T23:00:00Z
/// assert_eq!(By::Month.label(span.number), "2026-02");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Calendar {
    name: Zone,
    zone: Tz,
    by: By,
    /// In order of their numbers; a few, or as many as there are days between the first and the last that were asked.
    known: Vec<Span>,
}

const MONTHS: i64 = 12;
const QUARTERS: i64 = 4;

impl By {
    /// The number of the span that a day lies in.
    fn number(self, day: NaiveDate) -> i64 {
        let (year, month) = (i64::from(day.year()), i64::from(day.month0()));
        match self {
            Self::Day => i64::from(day.num_days_from_ce()),
            // The first day of the calendar was a Monday.
            Self::Week => i64::from(day.num_days_from_ce() - 1).div_euclid(7),
            Self::Month => year * MONTHS + month,
            Self::Quarter => year * QUARTERS + month / 3,
            Self::Year => year,
        }
    }

    /// The first day of a span.
    fn first_day(self, number: i64) -> Option<NaiveDate> {
        let of_month = |months: i64| {
            let year = i32::try_from(months.div_euclid(MONTHS)).ok()?;
            NaiveDate::from_ymd_opt(year, u32::try_from(months.rem_euclid(MONTHS)).ok()? + 1, 1)
        };
        match self {
            Self::Day => NaiveDate::from_num_days_from_ce_opt(i32::try_from(number).ok()?),
            Self::Week => NaiveDate::from_num_days_from_ce_opt(i32::try_from(number.checked_mul(7)? + 1).ok()?),
            Self::Month => of_month(number),
            Self::Quarter => of_month(number.checked_mul(3)?),
            Self::Year => of_month(number.checked_mul(MONTHS)?),
        }
    }

    /// The name of the span with this number: `2026-01-31`, `2026-W05`, `2026-01`, `2026-Q1`, `2026`.
    #[must_use]
    pub fn label(self, number: i64) -> String {
        let Some(day) = self.first_day(number) else { return number.to_string() };
        match self {
            Self::Day => day.format("%Y-%m-%d").to_string(),
            Self::Week => day.format("%G-W%V").to_string(),
            Self::Month => day.format("%Y-%m").to_string(),
            Self::Quarter => format!("{}-Q{}", day.year(), day.month0() / 3 + 1),
            Self::Year => day.year().to_string(),
        }
    }
}

impl Calendar {
    /// The calendar of a zone; none where this build's time zone database does not know it.
    #[must_use]
    pub fn new(zone: &Zone, by: By) -> Option<Self> {
        Some(Self { name: zone.clone(), zone: zone.as_str().parse().ok()?, by, known: Vec::new() })
    }

    /// The span that an instant lies in.
    pub fn span_of(&mut self, at: Timestamp) -> Span {
        let behind = self.known.partition_point(|span| span.start <= at);
        if let Some(span) = behind.checked_sub(1).and_then(|index| self.known.get(index)).filter(|span| at < span.end) {
            return *span;
        }
        let span = self.find(at);
        self.known.insert(behind, span);
        span
    }

    fn find(&self, at: Timestamp) -> Span {
        // Two days around the years in which spans may begin and end.
        let within = at.0.clamp(OCCURRED_MICROS_MIN - 2 * ZONE_OFFSET_MICROS_MAX, DEADLINE_MICROS_MAX);
        let utc = Timestamp(within).to_utc().unwrap_or_default();
        let mut span = self.span(self.by.number(self.zone.from_utc_datetime(&utc.naive_utc()).date_naive()));
        // Clocks that are put back over midnight show the day before once more, which is over by then.
        while span.end <= at {
            span = self.span(span.number + 1);
        }
        while at < span.start {
            span = self.span(span.number - 1);
        }
        span
    }

    /// The span with a number.
    #[must_use]
    pub fn span(&self, number: i64) -> Span {
        Span { number, start: self.start(number), end: self.start(number + 1) }
    }

    /// Where a span begins: before the years in which periods may end always, behind them never.
    fn start(&self, number: i64) -> Timestamp {
        let Some(day) = self.by.first_day(number) else { return Timestamp::NEVER };
        let start = Until::before(day.and_time(NaiveTime::MIN)).ok().and_then(|start| start.instant(&self.name));
        match start {
            Some(start) => start,
            None if day.year() < *LOCAL_YEARS.start() => Timestamp(i64::MIN),
            None => Timestamp::NEVER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [By; 5] = [By::Day, By::Week, By::Month, By::Quarter, By::Year];

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<chrono::DateTime<chrono::Utc>>().expect(text).timestamp_micros())
    }

    fn calendar(zone: &str, by: By) -> Calendar {
        Calendar::new(&Zone::new(zone).expect(zone), by).expect(zone)
    }

    fn told(zone: &str, by: By, instant: &str) -> (String, String, String) {
        let span = calendar(zone, by).span_of(at(instant));
        (by.label(span.number), span.start.to_string(), span.end.to_string())
    }

    #[test]
    fn an_instant_lies_in_the_day_that_clocks_show_there() {
        let of = |label: &str, start: &str, end: &str| {
            (label.to_owned(), format!("{start}:00.000000Z"), format!("{end}:00.000000Z"))
        };
        let noon = "2026-01-31T23:30:00Z";
        assert_eq!(told("UTC", By::Day, noon), of("2026-01-31", "2026-01-31T00:00", "2026-02-01T00:00"));
        assert_eq!(told("Asia/Tokyo", By::Day, noon), of("2026-02-01", "2026-01-31T15:00", "2026-02-01T15:00"));
        assert_eq!(told("Europe/Paris", By::Month, noon), of("2026-02", "2026-01-31T23:00", "2026-02-28T23:00"));
        assert_eq!(told("UTC", By::Week, noon), of("2026-W05", "2026-01-26T00:00", "2026-02-02T00:00"));
        assert_eq!(told("UTC", By::Quarter, noon), of("2026-Q1", "2026-01-01T00:00", "2026-04-01T00:00"));
        assert_eq!(told("UTC", By::Year, noon), of("2026", "2026-01-01T00:00", "2027-01-01T00:00"));
        // A week belongs to the year that most of it lies in.
        assert_eq!(told("UTC", By::Week, "2027-01-03T12:00:00Z").0, "2026-W53");
        // Days of 23 and 25 hours.
        let spring = of("2026-03-29", "2026-03-29T00:00", "2026-03-29T23:00");
        assert_eq!(told("Europe/London", By::Day, "2026-03-29T22:59:00Z"), spring);
        let autumn = of("2026-10-25", "2026-10-24T23:00", "2026-10-26T00:00");
        assert_eq!(told("Europe/London", By::Day, "2026-10-25T23:59:00Z"), autumn);
    }

    #[test]
    fn every_instant_lies_in_one_span_and_spans_leave_no_gap() {
        // Jumps at midnight, forward and back, a day that never was, and clocks put back to the day before.
        for zone in ["Europe/London", "Asia/Beirut", "America/Havana", "Pacific/Apia", "America/Toronto", "Asia/Manila"]
        {
            for by in ALL {
                let mut calendar = calendar(zone, by);
                let mut instant = at("2005-12-20T00:00:00Z");
                let mut before: Option<Span> = None;
                while instant < at("2012-03-01T00:00:00Z") {
                    let span = calendar.span_of(instant);
                    assert!(span.start <= instant && instant < span.end, "{zone} {by:?} {instant} {span:?}");
                    if let Some(before) = before.filter(|before| *before != span) {
                        assert_eq!(before.end, span.start, "{zone} {by:?} {before:?} {span:?}");
                        assert!(before.number < span.number);
                    }
                    before = Some(span);
                    instant = instant.plus_micros(7 * 3_600_000_000 / 2 + 1);
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_lie_in_a_span_too() {
        for by in ALL {
            for instant in [Timestamp(i64::MIN), Timestamp(-2_208_988_800_000_000), Timestamp::NEVER.plus_micros(-1)] {
                let span = calendar("America/New_York", by).span_of(instant);
                assert!(span.start <= instant && instant < span.end, "{by:?} {instant:?} {span:?}");
            }
        }
    }

    #[test]
    fn a_zone_that_this_build_does_not_know_has_no_calendar() {
        assert!(Calendar::new(&Zone::from_log("Mars/Olympus_Mons").expect("short"), By::Day).is_none());
    }
}
