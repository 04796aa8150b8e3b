//! Moments as people write them: an event, or what was known or true at a time.

use super::AsOf;
use crate::domain::ids::{Seq, Timestamp};
use crate::domain::period::Until;
use crate::domain::text::Zone;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use std::fmt;
use std::str::FromStr;

/// A moment of the past as people write it.
///
/// | written | meant |
/// | --- | --- |
/// | `123` or `seq:123` | behind event 123 |
/// | `known:TIME` | what was known at the end of that time |
/// | `true:TIME` | what was so at the end of that time, by all that is known now |
/// | `now` | what is known now |
///
/// Which times there are is told at [`SaidTime`].
///
/// # Example
/// ```
/// use counterfoil::domain::text::Zone;
/// use counterfoil::history::{AsOf, SaidMoment};
/// use counterfoil::{Seq, Timestamp};
///
/// let (utc, now) = (Zone::new("UTC")?, Timestamp(0));
/// assert_eq!("123".parse::<SaidMoment>()?.as_of(&utc, now)?, AsOf::Seq(Seq(123)));
/// let end_of_january = Timestamp(1_769_903_999_999_999);
/// assert_eq!("known:2026-01-31".parse::<SaidMoment>()?.as_of(&utc, now)?, AsOf::Known(end_of_january));
/// assert!("2026-01-31".parse::<SaidMoment>().is_err(), "known then, or true then?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidMoment {
    /// Behind this event.
    Seq(Seq),
    /// What was known then.
    Known(SaidTime),
    /// What was true then, by all that is known now.
    True(SaidTime),
}

/// A time as people write it.
///
/// | written | is the instants |
/// | --- | --- |
/// | `2026-01-31` | of that day, by the clocks of a place |
/// | `2026-01-31T18:00`, `…:30`, `…:30.5` | at which its clocks show that; the first one where they show it twice, that of the jump where they skip it |
/// | `2026-01-31T18:00+01:00`, `…Z` | one |
/// | `now` | one |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidTime {
    /// This instant.
    At(Timestamp),
    /// This day, by the clocks of a place.
    Day(NaiveDate),
    /// This time of day, by the clocks of a place.
    Local(Until),
    /// The instant of the question.
    Now,
}

/// A moment or time that can't be read, or that a place has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidError {
    problem: String,
}

impl SaidError {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into() }
    }
}

impl fmt::Display for SaidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SaidError {}

const TIMES: &str = "2026-01-31, 2026-01-31T18:00, 2026-01-31T18:00+01:00 or now";

impl SaidMoment {
    /// The moment: of a day its last microsecond. `zone` is that of the place whose clocks are meant.
    ///
    /// # Errors
    /// [`SaidError`] where this build does not know the zone.
    pub fn as_of(self, zone: &Zone, now: Timestamp) -> Result<AsOf, SaidError> {
        Ok(match self {
            Self::Seq(seq) => AsOf::Seq(seq),
            Self::Known(time) => AsOf::Known(time.last(zone, now)?),
            Self::True(time) => AsOf::True(time.last(zone, now)?),
        })
    }
}

impl FromStr for SaidMoment {
    type Err = SaidError;

    fn from_str(text: &str) -> Result<Self, SaidError> {
        if text == "now" {
            return Ok(Self::Known(SaidTime::Now));
        }
        if is_number(text) {
            return seq(text).map(Self::Seq);
        }
        match text.split_once(':') {
            Some(("seq", number)) if is_number(number) => seq(number).map(Self::Seq),
            Some(("known", time)) => time.parse().map(Self::Known),
            Some(("true", time)) => time.parse().map(Self::True),
            _ if text.parse::<SaidTime>().is_ok() => Err(SaidError::new(format!(
                "say which: known:{text} is what was known then, true:{text} is what was so then by all that is known \
                 now"
            ))),
            _ => Err(SaidError::new(format!(
                "want an event's number such as 123, known:TIME, true:TIME, or now, where TIME is {TIMES}"
            ))),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn seq(digits: &str) -> Result<Seq, SaidError> {
    digits.parse().map(Seq).map_err(|_| SaidError::new("no event has a number that great"))
}

impl SaidTime {
    /// The first instant of it, by the clocks of a zone.
    ///
    /// # Errors
    /// [`SaidError`] where this build does not know the zone.
    pub fn first(self, zone: &Zone, now: Timestamp) -> Result<Timestamp, SaidError> {
        match self {
            Self::At(at) => Ok(at),
            Self::Now => Ok(now),
            Self::Local(time) => instant(time, zone),
            Self::Day(day) => {
                let midnight = Until::before(day.and_time(NaiveTime::MIN));
                instant(midnight.map_err(|error| SaidError::new(error.to_string()))?, zone)
            }
        }
    }

    /// The last instant of it, by the clocks of a zone: of a day its last microsecond.
    ///
    /// # Errors
    /// [`SaidError`] where this build does not know the zone.
    pub fn last(self, zone: &Zone, now: Timestamp) -> Result<Timestamp, SaidError> {
        match self {
            Self::At(_) | Self::Now | Self::Local(_) => self.first(zone, now),
            Self::Day(day) => {
                let until = Until::end_of(day).map_err(|error| SaidError::new(error.to_string()))?;
                Ok(instant(until, zone)?.plus_micros(-1))
            }
        }
    }
}

fn instant(until: Until, zone: &Zone) -> Result<Timestamp, SaidError> {
    until.instant(zone).ok_or_else(|| {
        let zone = zone.as_str();
        SaidError::new(format!("this build does not know the zone {zone}: write the time with its offset"))
    })
}

impl FromStr for SaidTime {
    type Err = SaidError;

    fn from_str(text: &str) -> Result<Self, SaidError> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let (local, offset) = split_offset(text);
        let without_seconds = local.len() == "2026-01-31T18:00".len();
        let local = if without_seconds { format!("{local}:00") } else { local.to_owned() };
        let until: Until = local.parse().map_err(|error| match error {
            crate::domain::period::UntilError::Malformed => SaidError::new(format!("want a time such as {TIMES}")),
            other @ (crate::domain::period::UntilError::Year | crate::domain::period::UntilError::Precision) => {
                SaidError::new(other.to_string())
            }
        })?;
        match (offset, local.parse::<NaiveDate>()) {
            (None, Ok(day)) => Ok(Self::Day(day)),
            (None, Err(_)) => Ok(Self::Local(until)),
            (Some(offset), _) => match DateTime::parse_from_rfc3339(&format!("{local}{offset}")) {
                Ok(at) => Ok(Self::At(at.to_utc().into())),
                Err(_) => Err(SaidError::new(format!("want a time such as {TIMES}"))),
            },
        }
    }
}

/// Parts `+01:00` or `Z` from what stands before it.
fn split_offset(text: &str) -> (&str, Option<&str>) {
    if let Some(local) = text.strip_suffix('Z') {
        return (local, Some("Z"));
    }
    let Some((local, offset)) = text.len().checked_sub("+01:00".len()).and_then(|at| text.split_at_checked(at)) else {
        return (text, None);
    };
    match offset.starts_with(['+', '-']) && offset.as_bytes().get(3) == Some(&b':') {
        true => (local, Some(offset)),
        false => (text, None),
    }
}

impl fmt::Display for SaidTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Day(day) => write!(f, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
            Self::Local(time) => time.fmt(f),
            Self::Now => f.write_str("now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_780_000_000_000_000);

    fn zone(name: &str) -> Zone {
        Zone::new(name).expect(name)
    }

    fn shown(text: &str, zone_name: &str) -> String {
        let said: SaidMoment = text.parse().expect(text);
        match said.as_of(&zone(zone_name), NOW).expect(text) {
            AsOf::Seq(seq) => format!("seq {seq}"),
            AsOf::Known(at) => format!("known {at}"),
            AsOf::True(at) => format!("true {at}"),
        }
    }

    #[test]
    fn a_moment_is_an_event_or_what_was_known_or_true() {
        assert_eq!(shown("0", "UTC"), "seq 0");
        assert_eq!(shown("seq:123", "UTC"), "seq 123");
        assert_eq!(shown("now", "UTC"), format!("known {NOW}"));
        assert_eq!(shown("true:now", "UTC"), format!("true {NOW}"));
        assert_eq!(shown("known:2026-01-31", "UTC"), "known 2026-01-31T23:59:59.999999Z");
        assert_eq!(shown("true:2026-01-31", "Asia/Tokyo"), "true 2026-01-31T14:59:59.999999Z");
        assert_eq!(shown("true:2026-01-31T18:00", "America/New_York"), "true 2026-01-31T23:00:00.000000Z");
        assert_eq!(shown("known:2026-01-31T18:00:30.5", "UTC"), "known 2026-01-31T18:00:30.500000Z");
        assert_eq!(shown("known:2026-01-31T18:00+01:00", "Asia/Tokyo"), "known 2026-01-31T17:00:00.000000Z");
        assert_eq!(shown("known:2026-01-31T18:00:00-05:30", "UTC"), "known 2026-01-31T23:30:00.000000Z");
        assert_eq!(shown("known:2026-01-31T18:00Z", "UTC"), "known 2026-01-31T18:00:00.000000Z");
        for as_of in [AsOf::Seq(Seq(7)), AsOf::Known(NOW), AsOf::True(NOW)] {
            let said: SaidMoment = as_of.to_string().parse().expect("as it is written");
            assert_eq!(said.as_of(&zone("Asia/Tokyo"), NOW), Ok(as_of));
        }
    }

    #[test]
    fn days_end_and_begin_by_the_clocks_of_the_place() {
        let day: SaidTime = "2026-03-29".parse().expect("a day");
        let span = |name| (day.first(&zone(name), NOW).unwrap(), day.last(&zone(name), NOW).unwrap());
        let (first, last) = span("Europe/London");
        assert_eq!(first.to_string(), "2026-03-29T00:00:00.000000Z");
        assert_eq!(last.to_string(), "2026-03-29T22:59:59.999999Z", "a day of 23 hours");
        // Beirut skips midnight of that day.
        assert_eq!(span("Asia/Beirut").0.to_string(), "2026-03-28T22:00:00.000000Z");
        let first_day = "1900-01-01".parse::<SaidTime>().unwrap().first(&zone("UTC"), NOW).unwrap();
        assert_eq!(first_day.to_string(), "1900-01-01T00:00:00.000000Z");
    }

    #[test]
    fn times_that_clocks_skip_or_show_twice_follow_the_rule_of_periods() {
        assert_eq!(shown("known:2026-03-29T01:30", "Europe/London"), "known 2026-03-29T01:00:00.000000Z");
        assert_eq!(shown("known:2026-10-25T01:30", "Europe/London"), "known 2026-10-25T00:30:00.000000Z");
    }

    #[test]
    fn a_bare_time_is_asked_back_and_nonsense_is_refused() {
        for text in ["2026-01-31", "2026-01-31T18:00", "2026-01-31T18:00:00Z"] {
            let problem = text.parse::<SaidMoment>().unwrap_err().to_string();
            assert!(
                problem.contains(&format!("known:{text}")) && problem.contains(&format!("true:{text}")),
                "{problem}"
            );
        }
        let odd = ["", "-1", "seq:", "seq:-1", "seq:1x", "known:", "known:12", "true:2026-02-30", "yesterday", "NOW"];
        let more = ["known:2026-1-31", "known:2026-01-31 18:00", "true:2026-01-31T18", "true:2026-01-31+01:00", "１２"];
        let ends = ["true:2026-01-31Z", "99999999999999999999", "known:2026-01-31T25:00Z", "known:now ", "é:00+01:00"];
        for text in odd.into_iter().chain(more).chain(ends) {
            assert!(text.parse::<SaidMoment>().is_err(), "{text:?}");
        }
        for text in ["1899-12-31", "2026-01-31T18:00:00.0000001", "2026-01-31T18:00:60"] {
            assert!(text.parse::<SaidTime>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_time_is_written_so_that_it_is_read_again() {
        for text in ["2026-01-31", "2026-01-31T18:00:00", "2026-01-31T18:00:00.000000Z", "now"] {
            let time: SaidTime = text.parse().expect(text);
            assert_eq!(time.to_string(), text);
        }
    }
}
