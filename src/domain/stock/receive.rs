//! Goods came from a supplier.

use crate::domain::account::{self, Account, Posting};
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

/// Fact: goods came from a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Receive {
    /// What came, per bucket.
    pub lines: Lines,
}

impl CommandPayload for Receive {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.lines(&self.lines, Range::Positive);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        at.known(&self.lines)?;
        at.balanced(Received { lines: recorded(&self.lines) })
    }
}

/// Goods came: supplier → bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What came.
    pub lines: Lines,
}

impl EventPayload for Received {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        account::in_from(&self.lines, Account::Supplier, post);
    }

    fn evolve(&self, _: &mut Evolving<'_>) {}

    fn effects(&self, _: &Before<'_>, _: &mut dyn FnMut(Effect)) {}

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
