//! Up to where a period goes, in a location's own time, and the instant that this means.

use crate::domain::ids::Timestamp;
use crate::domain::text::Zone;
use crate::limits::LOCAL_YEARS;
use chrono::{
    Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, TimeZone, Timelike,
};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Up to where a period goes: to the end of a day, or up to a time of day, by the clocks of the location.
///
/// As text it is a date (`2026-01-31`: that day belongs to the period) or a date and time (`2026-01-31T18:00:00`, read
/// without its seconds too: what happened at six o'clock does not), without an offset: the location has its zone.
///
/// # Example
/// ```
/// use counterfoil::domain::{period::Until, text::Zone};
/// let (january, zone) = ("2026-01-31".parse::<Until>()?, Zone::new("Europe/Paris")?);
/// let closed_until = january.instant(&zone).map(|at| at.to_string());
/// assert_eq!(closed_until.as_deref(), Some("2026-01-31T23:00:00.000000Z"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Until(Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    EndOf(NaiveDate),
    Before(NaiveDateTime),
}

/// Why something says no end of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UntilError {
    /// The text is neither a date nor a date and time.
    Malformed,
    /// The year is before 1900 or after 9999.
    Year,
    /// The time has a fraction of a microsecond, or is a leap second.
    Precision,
}

impl fmt::Display for UntilError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "must be a local date (2026-01-31) or a local date and time (2026-01-31T18:00 or 2026-01-31T18:00:30), \
                 without an offset: the clocks of the location are meant"
            }
            Self::Year => "must lie in the years 1900 to 9999",
            Self::Precision => "must be in whole microseconds, and no leap second",
        })
    }
}

impl std::error::Error for UntilError {}

const DAY_MICROS: i64 = 86_400 * 1_000_000;
const DATE: &str = "%Y-%m-%d";
const TIME: &str = "%Y-%m-%dT%H:%M:%S%.f";
const TIME_WITHOUT_SECONDS: &str = "%Y-%m-%dT%H:%M";

impl Until {
    /// The number of a day's end in stored forms.
    pub(crate) const DAY: u8 = 1;
    /// The number of a time of day in stored forms.
    pub(crate) const TIME: u8 = 2;

    /// To the end of this day: all of it belongs to the period.
    ///
    /// # Errors
    /// [`UntilError::Year`].
    pub fn end_of(day: NaiveDate) -> Result<Self, UntilError> {
        match LOCAL_YEARS.contains(&day.year()) {
            true => Ok(Self(Form::EndOf(day))),
            false => Err(UntilError::Year),
        }
    }

    /// Up to this time, which does not belong to the period.
    ///
    /// # Errors
    /// [`UntilError::Year`], [`UntilError::Precision`].
    pub fn before(time: NaiveDateTime) -> Result<Self, UntilError> {
        if !LOCAL_YEARS.contains(&time.year()) {
            return Err(UntilError::Year);
        }
        match time.nanosecond() < 1_000_000_000 && time.nanosecond().is_multiple_of(1_000) {
            true => Ok(Self(Form::Before(time))),
            false => Err(UntilError::Precision),
        }
    }

    /// What the clocks of the location show where the period ends: the first midnight behind a day's end.
    #[must_use]
    pub fn local(self) -> NaiveDateTime {
        match self.0 {
            Form::EndOf(day) => day.and_time(NaiveTime::MIN) + TimeDelta::days(1),
            Form::Before(time) => time,
        }
    }

    /// The first instant at which clocks in the zone show [`Until::local`] or more: what happened before it belongs
    /// to the period. None where this build's time zone database does not know the zone.
    ///
    /// So a time that the clocks skip is the instant of the jump, and of a time that they show twice it is the first.
    #[must_use]
    pub fn instant(self, zone: &Zone) -> Option<Timestamp> {
        let (zone, local) = (zone.as_str().parse::<Tz>().ok()?, self.local());
        let at = match zone.from_local_datetime(&local) {
            MappedLocalTime::Single(at) => at,
            MappedLocalTime::Ambiguous(one, other) => one.min(other),
            MappedLocalTime::None => GapInfo::new(&local, &zone)?.end?,
        };
        Some(Timestamp(at.timestamp_micros()))
    }

    /// Its stored form: [`Until::DAY`] and days since 1970-01-01, or [`Until::TIME`] and microseconds since the
    /// beginning of that day, both by local clocks.
    pub(crate) fn numbers(self) -> (u8, i64) {
        match self.0 {
            Form::EndOf(day) => (Self::DAY, day.and_time(NaiveTime::MIN).and_utc().timestamp_micros() / DAY_MICROS),
            Form::Before(time) => (Self::TIME, time.and_utc().timestamp_micros()),
        }
    }

    /// Reads its stored form.
    pub(crate) fn from_numbers(form: u8, number: i64) -> Option<Self> {
        let micros = match form {
            Self::DAY => number.checked_mul(DAY_MICROS)?,
            Self::TIME => number,
            _ => return None,
        };
        let time = chrono::DateTime::from_timestamp_micros(micros)?.naive_utc();
        match form {
            Self::DAY => Self::end_of(time.date()).ok(),
            _ => Self::before(time).ok(),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::EndOf(day) => day.format(DATE).fmt(f),
            Form::Before(time) => time.format(TIME).fmt(f),
        }
    }
}

/// An instant as the clocks in a zone show it, with their offset: `2026-02-01T00:00:00+09:00`; in UTC where this build's
/// time zone database does not know the zone.
///
/// # Example
/// ```
/// use counterfoil::domain::{ids::Timestamp, period::by_clock, text::Zone};
/// let tokyo = Zone::new("Asia/Tokyo")?;
/// assert_eq!(by_clock(Timestamp(1_769_904_000_000_000), &tokyo), "2026-02-01T09:00:00+09:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn by_clock(at: Timestamp, zone: &Zone) -> String {
    let Some(utc) = at.to_utc() else { return at.to_string() };
    let zone = zone.as_str().parse().unwrap_or(Tz::UTC);
    let digits = if at.0.rem_euclid(1_000_000) == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    utc.with_timezone(&zone).to_rfc3339_opts(digits, true)
}

/// Whether a text looks like a date or a date and time; chrono itself takes white space, signs and missing digits.
fn has_form(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000000000";
    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        sign => byte == *sign,
    };
    matches!(text.len(), 10 | 16 | 19 | 21..=29) && text.bytes().zip(FORM).all(fits)
}

impl FromStr for Until {
    type Err = UntilError;

    fn from_str(text: &str) -> Result<Self, UntilError> {
        if !has_form(text) {
            return Err(UntilError::Malformed);
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, DATE) {
            return Self::end_of(day);
        }
        let form = if text.len() == 16 { TIME_WITHOUT_SECONDS } else { TIME };
        match NaiveDateTime::parse_from_str(text, form) {
            Ok(time) => Self::before(time),
            Err(_) => Err(UntilError::Malformed),
        }
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Until {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Until".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "a local date (that day is in the period) or a local date and time (that time is not), \
                in the years 1900 to 9999, without an offset",
            "pattern": r"^(19|[2-9]\d)\d\d-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(until: &str, zone: &str) -> String {
        let until: Until = until.parse().expect(until);
        until.instant(&Zone::new(zone).expect(zone)).expect("a known zone").to_string()
    }

    #[test]
    fn a_day_ends_where_the_next_one_begins_by_the_clocks_of_the_place() {
        assert_eq!(instant("2026-01-31", "UTC"), "2026-02-01T00:00:00.000000Z");
        assert_eq!(instant("2026-01-31", "Asia/Tokyo"), "2026-01-31T15:00:00.000000Z");
        assert_eq!(instant("2026-01-31T18:30:00", "America/New_York"), "2026-01-31T23:30:00.000000Z");
        assert_eq!(instant("2026-01-31T18:30:00.000001", "UTC"), "2026-01-31T18:30:00.000001Z");
    }

    #[test]
    fn a_time_that_clocks_skip_is_the_instant_of_the_jump() {
        // London, 29 March 2026: 01:00 is followed by 02:00.
        for skipped in ["2026-03-29T01:00:00", "2026-03-29T01:00:00.000001", "2026-03-29T01:59:59.999999"] {
            assert_eq!(instant(skipped, "Europe/London"), "2026-03-29T01:00:00.000000Z", "{skipped}");
        }
        assert_eq!(instant("2026-03-29T02:00:00", "Europe/London"), "2026-03-29T01:00:00.000000Z");
        // Beirut puts its clocks forward at midnight: the day begins at one.
        assert_eq!(instant("2026-03-28", "Asia/Beirut"), "2026-03-28T22:00:00.000000Z");
        // Apia had no 30 December 2011.
        for skipped in ["2011-12-29", "2011-12-30", "2011-12-30T12:00:00"] {
            assert_eq!(instant(skipped, "Pacific/Apia"), "2011-12-30T10:00:00.000000Z", "{skipped}");
        }
    }

    #[test]
    fn of_a_time_that_clocks_show_twice_it_is_the_first() {
        // London, 25 October 2026: 01:59:59 is followed by 01:00.
        assert_eq!(instant("2026-10-25T01:00:00", "Europe/London"), "2026-10-25T00:00:00.000000Z");
        assert_eq!(instant("2026-10-25T01:30:00", "Europe/London"), "2026-10-25T00:30:00.000000Z");
        assert_eq!(instant("2026-10-25T02:00:00", "Europe/London"), "2026-10-25T02:00:00.000000Z");
        // Havana puts its clocks back at one to midnight: the day begins at the first midnight.
        assert_eq!(instant("2025-11-01", "America/Havana"), "2025-11-02T04:00:00.000000Z");
    }

    #[test]
    fn a_zone_that_this_build_does_not_know_gives_no_instant() {
        let until: Until = "2026-01-31".parse().expect("a date");
        assert_eq!(until.instant(&Zone::from_log("Mars/Olympus_Mons").expect("a short text")), None);
    }

    #[test]
    fn what_is_read_is_written_the_same_and_nothing_else_is_read() {
        for text in ["2026-01-31", "1900-01-01", "9999-12-31", "2026-01-31T18:00:00", "2026-01-31T18:00:00.000001"] {
            let until: Until = text.parse().expect(text);
            assert_eq!(until.to_string(), text);
            let (form, number) = until.numbers();
            assert_eq!(Until::from_numbers(form, number), Some(until), "{text}");
        }
        assert_eq!(
            "2026-01-31T18:00".parse::<Until>().map(|until| until.to_string()).as_deref(),
            Ok("2026-01-31T18:00:00")
        );
        let malformed = [
            "",
            "2026-01-31T18",
            "2026-01-31T18:0",
            "2026-01-31T24:00",
            "2026-01",
            "2026-02-30",
            "31.01.2026",
            " 2026-01-31",
            "2026-01-31 18:00:00",
            "+2026-01-31",
            "2026-1-31",
        ];
        for text in malformed.into_iter().chain(["2026-01-31T18:00:00Z", "2026-01-31T25:00:00", "20260-01-31"]) {
            assert_eq!(text.parse::<Until>(), Err(UntilError::Malformed), "{text:?}");
        }
        assert_eq!("1899-12-31".parse::<Until>(), Err(UntilError::Year));
        assert_eq!("2026-01-31T18:00:00.0000001".parse::<Until>(), Err(UntilError::Precision));
        assert_eq!("2026-01-31T18:00:60".parse::<Until>(), Err(UntilError::Precision));
        for (form, number) in
            [(0, 0), (3, 0), (1, 3_000_000), (1, i64::MAX), (2, i64::MIN), (2, -2_208_988_800_000_001)]
        {
            assert_eq!(Until::from_numbers(form, number), None, "{form} {number}");
        }
        assert_eq!(Until::from_numbers(1, -25_567).map(|until| until.to_string()).as_deref(), Some("1900-01-01"));
        assert_eq!(Until::from_numbers(1, -25_568), None);
    }
}
