//! Stock moved between sellable and unsellable.

use crate::domain::account::{self, Place, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::{Short, merged, recorded};
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

/// Instruction: move stock between sellable and unsellable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reclassify {
    /// What leaves its bucket for the other one.
    pub lines: Lines,
}

impl CommandPayload for Reclassify {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(LINE, Field::Lines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.lines(&self.lines, Range::Positive);
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        at.known(&self.lines)?;
        let mut short = Short::default();
        for line in &merged(&self.lines) {
            let there = at.state.position(line.position).map_or(0, |entry| entry.bucket(line.bucket).quantity);
            short.compare(line.position, line.bucket, line.quantity.0, there);
        }
        short.done()?;
        at.balanced(Reclassified { lines: recorded(&self.lines) })
    }
}

/// Stock moved between the buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclassified {
    /// What left its bucket for the other one.
    pub lines: Lines,
}

impl EventPayload for Reclassified {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        for line in &self.lines {
            let to = Place::Bucket(line.position, line.bucket.other());
            post(account::posting(line, account::bucket(line), to));
        }
    }

    fn evolve(&self, _: &mut Evolving<'_>) {}

    fn effects(&self, _: &Before<'_>, _: &mut dyn FnMut(Effect)) {}

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Plain(&self.lines)
    }
}
