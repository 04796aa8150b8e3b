//! Local times of a file, and the instants that they mean.

use crate::domain::ids::Timestamp;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, MappedLocalTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

/// How times are written, in the letters of `strftime`, such as `%Y-%m-%d %H:%M:%S`; `rfc3339` is short for `%+`.
#[derive(Clone, Debug)]
pub struct TimeFormat {
    text: String,
    items: Vec<Item<'static>>,
}

impl TimeFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// A letter that is not known.
    pub fn new(text: &str) -> Result<Self, String> {
        let letters = if text == "rfc3339" { "%+" } else { text };
        let items = StrftimeItems::new(letters).parse_to_owned();
        let items = items.map_err(|_| format!("{text:?} is not a time format; write it like %Y-%m-%d %H:%M:%S"))?;
        Ok(Self { text: text.to_owned(), items })
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What a local time means that the clocks showed twice, when they were put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ambiguous {
    /// The first of both instants.
    #[default]
    Earlier,
    /// The second of both instants.
    Later,
    /// Nothing: the line is refused.
    Refuse,
}

/// What a local time means that the clocks never showed, when they were put forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonexistent {
    /// Nothing: the line is refused.
    #[default]
    Refuse,
    /// The instant that a clock shows which was not put forward: 01:30 becomes 02:30.
    Later,
}

/// How the times of a file are read.
#[derive(Clone, Debug)]
pub(super) struct Times {
    pub format: TimeFormat,
    pub zone: Tz,
    pub ambiguous: Ambiguous,
    pub nonexistent: Nonexistent,
}

impl Times {
    /// The instant that a text means. A time with an offset of its own needs no zone; a date alone is its midnight.
    pub fn instant(&self, text: &str) -> Result<Timestamp, String> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.format.items.iter())
            .map_err(|error| format!("is not a time like {}: {error}", self.format.text))?;
        let unclear = |error| format!("is not a whole date as {}: {error}", self.format.text);
        if parsed.timestamp().is_some() || parsed.offset().is_some() {
            return Ok(parsed.to_datetime().map_err(unclear)?.to_utc().into());
        }
        let date = parsed.to_naive_date().map_err(unclear)?;
        let time = match parsed.hour_mod_12() {
            None => NaiveTime::MIN,
            Some(_) => parsed.to_naive_time().map_err(unclear)?,
        };
        self.of_local(NaiveDateTime::new(date, time))
    }

    fn of_local(&self, local: NaiveDateTime) -> Result<Timestamp, String> {
        let zone = self.zone.name();
        let at: DateTime<Tz> = match (self.zone.from_local_datetime(&local), self.ambiguous) {
            (MappedLocalTime::Single(at), _) | (MappedLocalTime::Ambiguous(at, _), Ambiguous::Earlier) => at,
            (MappedLocalTime::Ambiguous(_, at), Ambiguous::Later) => at,
            (MappedLocalTime::Ambiguous(..), Ambiguous::Refuse) => {
                return Err(format!(
                    "came twice in {zone}, when the clocks were put back; say `ambiguous = \"earlier\"` or \"later\" \
                     in the mapping, or write the time with its offset"
                ));
            }
            (MappedLocalTime::None, _) => return self.in_gap(local),
        };
        Ok(at.to_utc().into())
    }

    fn in_gap(&self, local: NaiveDateTime) -> Result<Timestamp, String> {
        // The offset in force before the clocks were put forward; no gap is as long as a day but that of a date line.
        let before = local.checked_sub_signed(TimeDelta::hours(25)).map(|day| self.zone.from_local_datetime(&day));
        match (self.nonexistent, before.and_then(MappedLocalTime::earliest)) {
            (Nonexistent::Later, Some(day)) => Ok((day.to_utc() + TimeDelta::hours(25)).into()),
            _ => Err(format!(
                "never was in {}: the clocks were put forward over it; is the zone right? \
                 `nonexistent = \"later\"` in the mapping takes it as the hour after",
                self.zone.name()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(format: &str, ambiguous: Ambiguous, nonexistent: Nonexistent) -> Times {
        Times { format: TimeFormat::new(format).unwrap(), zone: Tz::Europe__London, ambiguous, nonexistent }
    }

    fn shown(times: &Times, text: &str) -> Result<String, String> {
        times.instant(text).map(|at| at.to_string())
    }

    #[test]
    fn local_times_follow_the_zone() {
        let times = times("%Y-%m-%d %H:%M:%S", Ambiguous::default(), Nonexistent::default());
        assert_eq!(shown(&times, "2010-12-01 08:26:00").unwrap(), "2010-12-01T08:26:00.000000Z");
        assert_eq!(shown(&times, "2011-07-01 08:26:00").unwrap(), "2011-07-01T07:26:00.000000Z");
        for wrong in ["2011-02-30 00:00:00", "1/12/2010 8:26", "", "2010-12-01 08:26:00 ", "2010-12-01"] {
            assert!(shown(&times, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_follows_the_rule() {
        let of = |rule| shown(&times("%Y-%m-%d %H:%M", rule, Nonexistent::Refuse), "2011-10-30 01:30");
        assert_eq!(of(Ambiguous::Earlier).unwrap(), "2011-10-30T00:30:00.000000Z");
        assert_eq!(of(Ambiguous::Later).unwrap(), "2011-10-30T01:30:00.000000Z");
        assert!(of(Ambiguous::Refuse).unwrap_err().contains("came twice in Europe/London"));
    }

    #[test]
    fn an_hour_that_never_was_follows_the_rule() {
        let of = |rule| shown(&times("%Y-%m-%d %H:%M", Ambiguous::Earlier, rule), "2011-03-27 01:30");
        assert!(of(Nonexistent::Refuse).unwrap_err().contains("never was in Europe/London"));
        assert_eq!(of(Nonexistent::Later).unwrap(), "2011-03-27T01:30:00.000000Z");
    }

    #[test]
    fn offsets_and_dates_are_read_too() {
        let with_offset = times("rfc3339", Ambiguous::Refuse, Nonexistent::Refuse);
        assert_eq!(shown(&with_offset, "2011-10-30T01:30:00+01:00").unwrap(), "2011-10-30T00:30:00.000000Z");
        let date = times("%d/%m/%Y", Ambiguous::Refuse, Nonexistent::Refuse);
        assert_eq!(shown(&date, "01/07/2011").unwrap(), "2011-06-30T23:00:00.000000Z");
        assert!(TimeFormat::new("%Q").is_err());
    }
}
