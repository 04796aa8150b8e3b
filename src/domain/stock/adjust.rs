//! Stock was found or lost.

use crate::domain::account::{self, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::recorded;
use crate::domain::decide::{Deciding, Form, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::Position;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::line::Lines;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Fact: stock was found or lost; the command's reason says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Adjust {
    /// Signed quantities, not zero.
    pub lines: Lines,
}

impl CommandPayload for Adjust {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, command: &Command, form: &mut Form) {
        form.lines(&self.lines, Range::Signed);
        if command.reason.is_none() {
            form.wrong("reason", "an adjustment must have a reason code");
        }
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        at.known(&self.lines)?;
        at.balanced(Adjusted { lines: recorded(&self.lines) })
    }
}

/// Stock was found or lost: bucket ↔ found / loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// Signed quantities.
    pub lines: Lines,
}

impl EventPayload for Adjusted {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        account::signed(&self.lines, post);
    }

    fn evolve(&self, _: &mut Evolving<'_>) {}

    fn effects(&self, _: &Before<'_>, _: &mut dyn FnMut(Effect)) {}

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
