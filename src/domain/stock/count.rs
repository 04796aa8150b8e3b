//! Stock was counted.

use crate::domain::account::{Account, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::{as_seen, exists};
use crate::domain::decide::{Deciding, Form, Lowest, Needs};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::{Moment, Position, Timestamp};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature};
use crate::domain::line::{Bucket, CountLine};
use crate::domain::period::count_in_closed_period;
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Fact: stock was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count {
    /// Figures per bucket; a bucket once.
    pub lines: SmallVec<[CountLine; 1]>,
}

impl CommandPayload for Count {
    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(LINE, Field::CountLines(&self.lines));
    }

    fn validate(&self, _: &Command, form: &mut Form) {
        form.count_lines(&self.lines);
    }

    /// What moved since, where the count is late.
    fn needs(&self, state: &State, command: &Command, now: Timestamp) -> Needs {
        let at = Moment::of(command.occurred_at, now);
        let late = |position, bucket| {
            let known = state.position(position)?.bucket(bucket);
            (known.anchors_at(at) && known.latest.is_some_and(|latest| latest > at)).then_some((position, bucket))
        };
        let buckets: SmallVec<_> = self.lines.iter().map(|line| late(line.position, line.bucket)).collect();
        match buckets.iter().any(Option::is_some) {
            true => Needs::Later { at, buckets },
            false => Needs::Nothing,
        }
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let (state, moment) = (at.state, at.moment());
        let mut lowest = Lowest::default();
        for (index, line) in self.lines.iter().enumerate() {
            exists(state, line.position, &mut lowest);
            as_seen(state, index, line.position, line.seen, &mut lowest);
        }
        count_in_closed_period(state, &self.lines, moment, &mut lowest);
        lowest.done()?;
        let mut lines = SmallVec::with_capacity(self.lines.len());
        for (index, line) in self.lines.iter().enumerate() {
            let known = state.position(line.position);
            let anchors = known.is_none_or(|entry| entry.bucket(line.bucket).anchors_at(moment));
            let later = if anchors { at.looked.later.get(index).copied().unwrap_or(0) } else { 0 };
            lines.push(CountedLine { position: line.position, bucket: line.bucket, counted: line.counted, later });
        }
        at.balanced(Counted { lines })
    }
}

/// Stock was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Figures.
    pub lines: SmallVec<[CountedLine; 1]>,
}

/// One line of a count, with what the fold needs to know of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedLine {
    /// Where.
    pub position: Position,
    /// Which bucket.
    pub bucket: Bucket,
    /// The figure.
    pub counted: Quantity,
    /// The sum of the movements of that bucket, recorded before this event, that happened after the count's
    /// instant: zero for a count that is not late. Verified by folding the log again.
    pub later: i64,
}

impl EventPayload for Counted {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        let moment = at.moment();
        for line in &self.lines {
            let bucket = at.touch(line.position).bucket_mut(line.bucket);
            if !bucket.anchors_at(moment) {
                continue;
            }
            let before = bucket.quantity;
            bucket.quantity = line.counted.0.saturating_add(line.later);
            bucket.anchor = Some(moment);
            let change = i128::from(bucket.quantity) - i128::from(before);
            at.edit_item(line.position.item, |item| {
                item.accounts.add_bucket(line.bucket, change);
                item.accounts.add(Account::Variance, -change);
            });
        }
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        let at = before.event.envelope.moment();
        for line in &self.lines {
            let bucket = before.state.position(line.position).map(|entry| entry.bucket(line.bucket));
            let anchors = bucket.is_none_or(|bucket| bucket.anchors_at(at));
            let known = bucket.map_or(0, |bucket| bucket.quantity);
            let after = line.counted.0.saturating_add(line.later);
            let delta = if anchors { after.saturating_sub(known) } else { 0 };
            tell(Effect::Bucket { position: line.position, bucket: line.bucket, delta });
        }
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::Counted(&self.lines)
    }
}
