//! Locations: made, retired, brought back.

use super::{free, next};
use crate::domain::command::{AliasKind, AliasTarget, Command, UseStatus};
use crate::domain::decide::{Deciding, Form};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::LocationId;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::{Location, State};
use crate::domain::text::{AliasText, Zone};
use serde::{Deserialize, Serialize};

/// Instruction: make a location, known by this code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateLocation {
    /// Its first alias.
    pub code: AliasText,
    /// Its time zone.
    pub zone: Zone,
}

impl CommandPayload for CreateLocation {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::NewName("code", self.code.as_str()));
        each(3, Field::Text(self.zone.as_str()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (_, locations, _) = at.state.entity_counts();
        let location = LocationId(next("locations", locations)?);
        free(at.state, AliasKind::Location, &self.code)?;
        Ok(LocationCreated { location, code: self.code.clone(), zone: self.zone.clone() }.into())
    }
}

/// A location was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationCreated {
    /// The next location id.
    pub location: LocationId,
    /// Its first alias.
    pub code: AliasText,
    /// Its time zone.
    pub zone: Zone,
}

impl EventPayload for LocationCreated {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.name(AliasKind::Location, &self.code, AliasTarget::Location(self.location));
        let (code, zone) = (self.code.clone(), self.zone.clone());
        let location = Location { code, zone, status: UseStatus::Active, closed_until: None };
        at.state.locations.insert(self.location, location);
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Location(self.location));
    }
}

/// Instruction: retire a location, or bring it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetLocationStatus {
    /// The location.
    pub location: LocationId,
    /// Its new status.
    pub status: UseStatus,
}

impl CommandPayload for SetLocationStatus {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Integer(i64::from(self.location.0)));
        each(3, Field::Integer(self.status.number()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (location, status) = (self.location, self.status);
        let known = at.state.location(location).ok_or(Rejection::LocationNotFound { location })?;
        match known.status == status {
            true => Err(Rejection::NoChange { what: "the location has this status" }),
            false => Ok(LocationStatusSet { location, status }.into()),
        }
    }
}

/// A location was retired or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationStatusSet {
    /// The location.
    pub location: LocationId,
    /// Its status.
    pub status: UseStatus,
}

impl EventPayload for LocationStatusSet {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        if let Some(location) = at.state.locations.edit(&self.location) {
            location.status = self.status;
        }
    }

    fn subjects(&self, _: &State, about: &mut dyn FnMut(Subject)) {
        about(Subject::Location(self.location));
    }
}
