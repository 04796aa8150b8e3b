//! Moments of the past as people type them, by the clocks of the place that they ask about.

use super::failure::Failure;
use super::names::to_type;
use counterfoil::domain::command::UseStatus;
use counterfoil::domain::ids::{LocationId, Seq};
use counterfoil::domain::names::Names;
use counterfoil::domain::period::by_clock;
use counterfoil::domain::state::{Location, State};
use counterfoil::history::{AsOf, SaidMoment, SaidTime};
use counterfoil::log::read_event;
use counterfoil::{Ledger, Timestamp, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// What help says about moments.
pub const MOMENTS: &str = "\
MOMENT is one of
  123         behind event 123
  known:TIME  what was known then: the events recorded by then
  true:TIME   what was so then: the facts and counts that occurred by then, whenever recorded
  now         what is known now
TIME is a date, which is its end; or 2026-01-31T18:00; or with an offset 2026-01-31T18:00+01:00. Without an offset it \
is told by the clocks of the location that is named; where none is, by those of all locations in use or with a past, which must agree \
on it then. Promises have no other time than that of recording; names are those of today.";

/// The moment that is meant.
pub fn as_of(ledger: &Ledger, said: SaidMoment, location: Option<LocationId>) -> Result<AsOf, Failure> {
    let (SaidMoment::Known(time) | SaidMoment::True(time)) = said else {
        return Ok(said.as_of(&Zone::new("UTC")?, Timestamp(0))?);
    };
    let clocks = Clocks::of(ledger, time, location, SaidTime::last)?;
    let as_of = said.as_of(&clocks.zone, clocks.now)?;
    match as_of {
        AsOf::Known(at) | AsOf::True(at) if at > clocks.now => Err(clocks.not_over(time)),
        _ => Ok(as_of),
    }
}

/// The first instant of a time.
pub fn first_of(ledger: &Ledger, said: SaidTime, location: Option<LocationId>) -> Result<Timestamp, Failure> {
    let Clocks { zone, now } = Clocks::of(ledger, said, location, SaidTime::first)?;
    Ok(said.first(&zone, now)?)
}

/// The last instant of a time.
pub fn last_of(ledger: &Ledger, said: SaidTime, location: Option<LocationId>) -> Result<Timestamp, Failure> {
    let Clocks { zone, now } = Clocks::of(ledger, said, location, SaidTime::last)?;
    Ok(said.last(&zone, now)?)
}

/// The clocks that a time is told by, and the instant of the question.
struct Clocks {
    zone: Zone,
    now: Timestamp,
}

/// An end of a time by the clocks of a zone.
type End = fn(SaidTime, &Zone, Timestamp) -> Result<Timestamp, counterfoil::history::SaidError>;

/// Zones that a message names.
const TOLD_ZONES: usize = 3;

impl Clocks {
    /// Those of the location that is named, else of all that are in use.
    ///
    /// # Errors
    /// Where they differ and the time would be another instant by each.
    fn of(ledger: &Ledger, said: SaidTime, location: Option<LocationId>, end: End) -> Result<Self, Failure> {
        let (zones, now) = ledger.query(|state, now| (zones(state, location), now));
        if zones.is_empty() || zones.len() > 1 && matches!(said, SaidTime::At(_) | SaidTime::Now) {
            return Ok(Self { zone: Zone::new("UTC")?, now });
        }
        let mut first: Option<(Zone, Timestamp)> = None;
        for zone in zones.keys() {
            let zone = Zone::new(zone)?;
            let at = end(said, &zone, now)?;
            let (zone, one) = first.get_or_insert((zone, at));
            if *one != at {
                return Err(differ(said, &zones, &by_clock(whole_second(*one), zone)));
            }
        }
        let zone = first.map_or_else(|| Zone::new("UTC"), |(zone, _)| Ok(zone))?;
        Ok(Self { zone, now })
    }

    fn not_over(&self, said: SaidTime) -> Failure {
        let Self { zone, now } = self;
        let said = match said {
            SaidTime::At(at) => by_clock(at, zone),
            other => other.to_string(),
        };
        let now = by_clock(*now, zone);
        Failure::Refused(format!("{said} is not over yet: clocks in {zone} show {now}; for the newest figures say now"))
    }
}

/// The zones in question, each with the first location that has it.
fn zones(state: &State, location: Option<LocationId>) -> BTreeMap<String, String> {
    let mut locations: Vec<(&LocationId, &Location)> = state.locations().collect();
    match location {
        Some(named) => locations.retain(|(id, _)| **id == named),
        // Where none is in use there is nothing else to go by.
        None if locations.iter().all(|(_, known)| known.status == UseStatus::Retired) => {}
        // One that was retired still has its past.
        None => {
            let moved: BTreeSet<LocationId> = state.positions().map(|(position, _)| position.location).collect();
            locations.retain(|(id, known)| known.status == UseStatus::Active || moved.contains(id));
        }
    }
    locations.sort_unstable_by_key(|(id, _)| **id);
    let mut zones = BTreeMap::new();
    let names = Names::of(state);
    for (id, known) in locations {
        let told = || to_type(names.code(*id), id);
        zones.entry(known.zone.as_str().to_owned()).or_insert_with(told);
    }
    zones
}

/// The last microsecond of a second is that second's end.
fn whole_second(at: Timestamp) -> Timestamp {
    let behind = at.plus_micros(1);
    if behind.0.rem_euclid(1_000_000) == 0 { behind } else { at }
}

fn differ(said: SaidTime, zones: &BTreeMap<String, String>, example: &str) -> Failure {
    let told: Vec<String> = zones.iter().take(TOLD_ZONES).map(|(zone, code)| format!("{zone} ({code})")).collect();
    let more = match zones.len().saturating_sub(TOLD_ZONES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Failure::Usage(format!(
        "{said} is another instant by each location's clocks, which are those of {}{more}: name one with --location, or \
         give an offset, such as {example}",
        told.join(", ")
    ))
}

/// What figures at a moment rest on, for people.
pub fn rests_on(ledger: &Ledger, as_of: AsOf, seq: Seq, at: Timestamp) -> Result<String, Failure> {
    Ok(match as_of {
        AsOf::Seq(seq) => format!("behind event {seq}, recorded {at}"),
        AsOf::Known(_) => match before_the_first(ledger, seq, at)? {
            Some(first) => format!("as known at {at}: before the ledger's first event, recorded {first}"),
            None => format!("as known at {at}: by the events up to {seq}"),
        },
        AsOf::True(_) => {
            format!("as true at {at}, by all that is known up to event {seq}; reserved and inbound as known then")
        }
    })
}

/// When the first event was recorded, where that was later.
fn before_the_first(ledger: &Ledger, seq: Seq, at: Timestamp) -> Result<Option<Timestamp>, Failure> {
    if seq > Seq::GENESIS {
        return Ok(None);
    }
    let first = read_event(ledger.log().as_ref(), Seq::GENESIS)?.map(|first| first.event.envelope.recorded_at);
    Ok(first.filter(|first| at < *first))
}
