//! Holds are let go.

use super::fulfil::Departure;
use super::holds::{HoldLine, Holds, Portion, allocate, choose, close};
use crate::domain::account::Posting;
use crate::domain::command::Command;
use crate::domain::decide::{Deciding, Form, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::Position;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Instruction: let go what is held and not shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Release {
    /// Which holds.
    pub holds: Holds,
    /// All of them or these quantities.
    #[serde(default)]
    pub portion: Portion,
}

impl CommandPayload for Release {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Holds(&self.holds));
        if let Portion::Lines(lines) = &self.portion {
            each(LINE, Field::PortionLines(lines));
        }
    }

    fn validate(&self, command: &Command, form: &mut Form) {
        if let Portion::Lines(lines) = &self.portion {
            form.sellable_lines(lines, Range::Positive);
        }
        form.holds(&self.holds, command);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let chosen = choose(at, &self.holds, &self.portion)?;
        let (closes, _) = allocate(&self.holds, &self.portion, &chosen, Departure::Now)?;
        Ok(Released { closes }.into())
    }
}

/// Holds were let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// What was let go of which reservation.
    pub closes: SmallVec<[HoldLine; 1]>,
}

impl EventPayload for Released {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        close(at, &self.closes);
    }

    fn effects(&self, _: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        Before::closed(&self.closes, tell);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::None
    }
}
