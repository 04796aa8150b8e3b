//! Reorder points: below which stock a position is low.

use crate::domain::account::Posting;
use crate::domain::alert::Reorder;
use crate::domain::command::Command;
use crate::domain::decide::lines::exists;
use crate::domain::decide::{Deciding, Form, Lowest, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, Subject};
use crate::domain::ids::Position;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Instruction: set or clear the reorder point of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetReorderPoint {
    /// The position.
    pub position: Position,
    /// Zero or more, none to clear it.
    pub point: Option<Quantity>,
}

impl CommandPayload for SetReorderPoint {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Position(self.position));
        if let Some(point) = self.point {
            each(3, Field::Integer(point.0));
        }
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        if let Some(point) = self.point {
            form.quantity(point.0, Range::ZeroOrMore);
        }
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (position, point) = (self.position, self.point);
        let mut lowest = Lowest::default();
        exists(at.state, position, &mut lowest);
        lowest.done()?;
        let reorder = at.state.position(position).and_then(|entry| entry.reorder.as_ref());
        match reorder.map(|reorder| reorder.point) == point {
            true => Err(Rejection::NoChange { what: "the position has this reorder point" }),
            false => Ok(ReorderPointSet { position, point }.into()),
        }
    }
}

/// A reorder point was set or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReorderPointSet {
    /// The position.
    pub position: Position,
    /// Zero or more, none when cleared.
    pub point: Option<Quantity>,
}

impl EventPayload for ReorderPointSet {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        let entry = at.state.positions.edit_or_default(self.position);
        match (self.point, &mut entry.reorder) {
            (Some(point), Some(reorder)) => reorder.point = point,
            (Some(point), none) => *none = Some(Box::new(Reorder::at(point))),
            (None, reorder) => {
                let gone = reorder.take();
                for alert in gone.iter().flat_map(|reorder| reorder.alerts.iter().flatten()) {
                    at.state.alerts.remove(&alert.id);
                }
            }
        }
        at.renew(self.position);
    }

    fn effects(&self, _: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        tell(Effect::Named { position: self.position });
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::None
    }
}
