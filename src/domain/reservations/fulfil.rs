//! Held goods are shipped.

use super::holds::{HoldLine, Holds, Portion, allocate, choose, close};
use crate::domain::account::{self, Account, Place, Posting};
use crate::domain::command::Command;
use crate::domain::decide::lines::Short;
use crate::domain::decide::{Deciding, Form, Range};
use crate::domain::effect::{Before, Effect};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Field, LINE, Subject};
use crate::domain::ids::Position;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, needs_nothing};
use crate::domain::line::{Bucket, Lines};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Instruction: ship what is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fulfil {
    /// Which holds.
    pub holds: Holds,
    /// All of them or these quantities.
    #[serde(default)]
    pub portion: Portion,
    /// Whether the goods are gone already.
    #[serde(default)]
    pub departure: Departure,
}

/// Whether goods are still there when a fulfilment is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// They leave now: strictly checked.
    #[default]
    Now,
    /// They have left already: a fact, and what no hold covers is a sale without reservation. Needs lines.
    AlreadyLeft,
}

impl CommandPayload for Fulfil {
    needs_nothing!();

    fn nature(&self) -> Nature {
        match self.departure {
            Departure::Now => Nature::Instruction,
            Departure::AlreadyLeft => Nature::Fact,
        }
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Holds(&self.holds));
        each(4, Field::Integer(i64::from(self.departure == Departure::AlreadyLeft)));
        if let Portion::Lines(lines) = &self.portion {
            each(LINE, Field::PortionLines(lines));
        }
    }

    fn validate(&self, command: &Command, form: &mut Form) {
        match (&self.portion, self.departure) {
            (Portion::Lines(lines), _) => form.sellable_lines(lines, Range::Positive),
            (Portion::Whole, Departure::AlreadyLeft) => {
                form.wrong("portion", "what has left already must be named in lines");
            }
            (Portion::Whole, Departure::Now) => {}
        }
        form.holds(&self.holds, command);
    }

    /// Goods that leave now must be there; goods that are gone already are a fact.
    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        let chosen = choose(at, &self.holds, &self.portion)?;
        let (closes, unreserved) = allocate(&self.holds, &self.portion, &chosen, self.departure)?;
        if self.departure == Departure::Now {
            self.are_there(at.state, &closes)?;
        }
        at.balanced(Fulfilled { departure: self.departure, closes, unreserved })
    }
}

impl Fulfil {
    /// What is short is listed in the order in which the command names it.
    fn are_there(&self, state: &State, closes: &[HoldLine]) -> Result<(), Rejection> {
        let mut wanted: SmallVec<[(Position, i64); 2]> = SmallVec::new();
        let mut places: FxHashMap<Position, usize> = FxHashMap::default();
        let mut want = |position, units| {
            let place = *places.entry(position).or_insert(wanted.len());
            match wanted.get_mut(place) {
                Some(sum) => sum.1 += units,
                None => wanted.push((position, units)),
            }
        };
        if let Portion::Lines(lines) = &self.portion {
            lines.iter().for_each(|line| want(line.position, 0));
        }
        closes.iter().for_each(|part| want(part.position, part.quantity.0));
        let mut short = Short::default();
        for (position, units) in wanted {
            let there = state.position(position).map_or(0, |entry| entry.sellable.quantity);
            short.compare(position, Bucket::Sellable, units, there);
        }
        short.done()
    }
}

/// Held goods were shipped: sellable → customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfilled {
    /// Whether they left then, strictly checked, or had left already: a fact that is never short.
    pub departure: Departure,
    /// What was closed of which reservation.
    pub closes: SmallVec<[HoldLine; 1]>,
    /// What left without a hold.
    pub unreserved: Lines,
}

impl EventPayload for Fulfilled {
    fn postings(&self, post: &mut dyn FnMut(Posting)) {
        for hold in &self.closes {
            post(Posting {
                item: hold.position.item,
                from: Place::Bucket(hold.position, Bucket::Sellable),
                to: Place::Account(Account::Customer),
                quantity: hold.quantity.0,
            });
        }
        account::out_to(&self.unreserved, Account::Customer, post);
    }

    fn evolve(&self, at: &mut Evolving<'_>) {
        close(at, &self.closes);
    }

    fn effects(&self, _: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        Before::closed(&self.closes, tell);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, ship: &mut dyn FnMut(Position, i64)) {
        self.closes.iter().for_each(|part| ship(part.position, part.quantity.0));
        self.unreserved.iter().for_each(|line| ship(line.position, line.quantity.0));
    }

    fn lines(&self) -> EventLines<'_> {
        EventLines::Unreserved(&self.unreserved)
    }
}
