//! What the ledger writes itself: its beginning, its rules, its clock.

use super::evolve::Evolving;
use super::fields::Subject;
use super::ids::{LedgerId, Timestamp};
use super::kinds::{EventPayload, moves_nothing};
use super::state::State;

/// The ledger was made; always and only seq 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The ledger's own name.
    pub ledger: LedgerId,
    /// Version of the stored format.
    pub format: u16,
    /// Version of the rules.
    pub rules: u16,
}

impl EventPayload for Genesis {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.ledger = Some(self.ledger);
        at.state.rules = self.rules;
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}
}

/// The rules have another version from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesChanged {
    /// The version.
    pub rules: u16,
}

impl EventPayload for RulesChanged {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.rules = self.rules;
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}
}

/// An actor accepted the clock as it is after it stepped or stood behind the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockAccepted {
    /// What the clock said.
    pub clock: Timestamp,
}

impl EventPayload for ClockAccepted {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        at.state.accepted_clock = Some(self.clock);
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}
}
