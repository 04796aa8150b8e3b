//! Moments of the past as people type them, by the clocks of the place that they ask about.

use super::failure::Failure;
use counterfoil::domain::ids::{LocationId, Seq};
use counterfoil::history::{AsOf, SaidMoment, SaidTime};
use counterfoil::{Ledger, Timestamp, Zone};

/// What help says about moments.
pub const MOMENTS: &str = "\
MOMENT is one of
  123         behind event 123
  known:TIME  what was known then: the events recorded by then
  true:TIME   what was so then: the facts and counts that occurred by then, whenever recorded
  now         what is known now
TIME is a date, which is its end; or 2026-01-31T18:00; or with an offset 2026-01-31T18:00+01:00. Without an offset it \
is told by the clocks of the location that is named, else in UTC. Promises have no other time than that of recording; \
names are those of today.";

/// The moment that is meant.
pub fn as_of(ledger: &Ledger, said: SaidMoment, location: Option<LocationId>) -> Result<AsOf, Failure> {
    let (zone, now) = zone_and_now(ledger, location)?;
    Ok(said.as_of(&zone, now)?)
}

/// The first instant of a time.
pub fn first_of(ledger: &Ledger, said: SaidTime, location: Option<LocationId>) -> Result<Timestamp, Failure> {
    let (zone, now) = zone_and_now(ledger, location)?;
    Ok(said.first(&zone, now)?)
}

/// The last instant of a time.
pub fn last_of(ledger: &Ledger, said: SaidTime, location: Option<LocationId>) -> Result<Timestamp, Failure> {
    let (zone, now) = zone_and_now(ledger, location)?;
    Ok(said.last(&zone, now)?)
}

fn zone_and_now(ledger: &Ledger, location: Option<LocationId>) -> Result<(Zone, Timestamp), Failure> {
    let known = ledger.query(|state, now| {
        let zone = location.and_then(|location| state.location(location)).map(|location| location.zone.clone());
        (zone, now)
    });
    let zone = known.0.map_or_else(|| Zone::new("UTC"), Ok)?;
    Ok((zone, known.1))
}

/// What figures at a moment rest on, for people.
pub fn rests_on(as_of: AsOf, seq: Seq, at: Timestamp) -> String {
    match as_of {
        AsOf::Seq(seq) => format!("behind event {seq}, recorded {at}"),
        AsOf::Known(_) => format!("as known at {at}: by the events up to {seq}"),
        AsOf::True(_) => {
            format!("as true at {at}, by all that is known up to event {seq}; reserved and inbound as known then")
        }
    }
}
