//! Goods came back from a customer.

use crate::domain::account::{self, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::{resolved, returns_known};
use crate::domain::decide::{Deciding, Form, Lowest, Needs};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::{Position, Timestamp};
use crate::domain::kinds::{CommandPayload, EventPayload, Nature};
use crate::domain::line::{Disposition, ReturnLine};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::text::OrderRef;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Fact: goods came back from a customer, against the command's order or explicitly without one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Return {
    /// Against what.
    pub origin: ReturnOrigin,
    /// What to do with more than was shipped.
    #[serde(default)]
    pub excess: Excess,
    /// What came back.
    pub lines: SmallVec<[ReturnLine; 1]>,
}

/// What a return is against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReturnOrigin {
    /// The command's order: no more may come back than went out.
    Order,
    /// Nothing that is known.
    Unreferenced,
}

/// What to do with more than was shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// Refuse the whole return.
    #[default]
    Refuse,
    /// Take the surplus as an unreferenced return.
    Unreferenced,
}

impl CommandPayload for Return {
    fn nature(&self) -> Nature {
        Nature::Fact
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Integer(i64::from(self.origin == ReturnOrigin::Unreferenced)));
        each(3, Field::Integer(i64::from(self.excess == Excess::Unreferenced)));
        each(LINE, Field::ReturnLines(&self.lines));
    }

    fn validate(&self, command: &Command, form: &mut Form) {
        form.return_lines(&self.lines);
        match (self.origin, &command.order) {
            (ReturnOrigin::Order, None) => form.wrong("order", "a return against an order must name it"),
            (ReturnOrigin::Unreferenced, Some(_)) => form.wrong("order", "an unreferenced return names no order"),
            (ReturnOrigin::Order, Some(_)) | (ReturnOrigin::Unreferenced, None) => {}
        }
    }

    fn needs(&self, _: &State, command: &Command, _: Timestamp) -> Needs {
        command.order.clone().map_or(Needs::Nothing, Needs::Returnable)
    }

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let mut lowest = Lowest::default();
        returns_known(at.state, &self.lines, &mut lowest);
        lowest.done()?;
        at.balanced(match &at.command.order {
            Some(order) => self.against(order, &at.looked.returnable)?,
            None => {
                let unreferenced = self.lines.iter().map(|line| resolved(line, line.line.quantity)).collect();
                Returned { referenced: SmallVec::new(), unreferenced }
            }
        })
    }
}

impl Return {
    /// What is covered by what left on the order, and what is more than that.
    fn against(
        &self,
        order: &OrderRef,
        returnable: &[(crate::domain::ids::ItemId, i64)],
    ) -> Result<Returned, Rejection> {
        let mut left: FxHashMap<_, i64> = returnable.iter().map(|(item, units)| (*item, (*units).max(0))).collect();
        let (mut referenced, mut unreferenced) = (SmallVec::new(), SmallVec::<[ReturnLine; 1]>::new());
        for line in &self.lines {
            let wanted = line.line.quantity.0;
            let left = left.entry(line.line.position.item).or_default();
            let covered = wanted.min(*left);
            *left -= covered;
            if covered > 0 {
                referenced.push(resolved(line, Quantity(covered)));
            }
            if covered < wanted {
                unreferenced.push(resolved(line, Quantity(wanted - covered)));
            }
        }
        let Some(surplus) = unreferenced.first().filter(|_| self.excess == Excess::Refuse) else {
            return Ok(Returned { referenced, unreferenced });
        };
        // The first item in order of its lines whose sum is too much.
        let mut items = self.lines.iter().map(|line| line.line.position.item);
        let item = items
            .find(|item| unreferenced.iter().any(|line| line.line.position.item == *item))
            .unwrap_or(surplus.line.position.item);
        let wanted = self.lines.iter().filter(|line| line.line.position.item == item).map(|line| line.line.quantity.0);
        let returnable = returnable.iter().find(|(known, _)| *known == item).map_or(0, |(_, units)| *units);
        let wanted = wanted.fold(0i64, i64::saturating_add);
        Err(Rejection::ReturnExceedsShipped { order: order.clone(), item, wanted, returnable })
    }
}

/// Goods came back: customer → sellable, unsellable or loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Against the envelope's order.
    pub referenced: SmallVec<[ReturnLine; 1]>,
    /// Against nothing.
    pub unreferenced: SmallVec<[ReturnLine; 1]>,
}

impl EventPayload for Returned {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        account::returns(&self.referenced, post);
        account::returns(&self.unreferenced, post);
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        touch(&self.referenced, at);
        touch(&self.unreferenced, at);
    }

    fn effects(&self, _: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        scrapped(&self.referenced, tell);
        scrapped(&self.unreferenced, tell);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, ship: &mut dyn FnMut(Position, i64)) {
        shipped_back(&self.referenced, ship);
    }

    fn lines(&self) -> EventLines<'_> {
        EventLines::Returned(&self.referenced, &self.unreferenced)
    }
}

/// A return that is scrapped moves no bucket, yet its lines name a position.
pub(super) fn touch(lines: &[ReturnLine], at: &mut Evolving<'_>) {
    for line in lines {
        at.touch(line.line.position);
    }
}

/// A return that goes into the bin moves no bucket.
pub(super) fn scrapped(lines: &[ReturnLine], tell: &mut dyn FnMut(Effect)) {
    for line in lines.iter().filter(|line| line.disposition == Some(Disposition::Scrap)) {
        tell(Effect::Named { position: line.line.position });
    }
}

/// What came back on an order.
pub(super) fn shipped_back(lines: &[ReturnLine], ship: &mut dyn FnMut(Position, i64)) {
    for line in lines {
        ship(line.line.position, line.line.quantity.0.saturating_neg());
    }
}
