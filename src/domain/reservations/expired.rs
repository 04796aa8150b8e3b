//! Holds lapsed.

use super::holds::{forget_closed, hold};
use crate::domain::account::Posting;
use crate::domain::effect::{Before, Effect};
use crate::domain::evolve::Evolving;
use crate::domain::fields::{EventLines, Subject};
use crate::domain::ids::{Position, Seq};
use crate::domain::kinds::EventPayload;
use crate::domain::state::State;
use smallvec::SmallVec;

/// Holds lapsed: bookkeeping by the ledger. All that is open of each reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The seqs of the events that made the reservations, ascending by (deadline, seq).
    pub reservations: SmallVec<[Seq; 1]>,
}

impl EventPayload for Expired {
    fn postings(&self, _: &mut dyn FnMut(Posting)) {}

    fn evolve(&self, at: &mut Evolving<'_>) {
        for reservation in &self.reservations {
            expire(at, *reservation);
        }
    }

    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect)) {
        for held in self.reservations.iter().filter_map(|seq| before.state.reservation(*seq)) {
            for line in &held.lines {
                let (position, quantity) = (line.position, line.open);
                tell(Effect::Held { position, reservation: held.seq, delta: quantity.saturating_neg() });
                tell(Effect::Lapsed { position, deadline: held.deadline, quantity });
            }
        }
    }

    fn subjects(&self, _: &State, _: &mut dyn FnMut(Subject)) {}

    fn shipments(&self, _: &mut dyn FnMut(Position, i64)) {}

    fn lines(&self) -> EventLines<'_> {
        EventLines::None
    }
}

fn expire(at: &mut Evolving<'_>, seq: Seq) {
    let Some(reservation) = at.state.reservations.get(&seq) else { return };
    let (deadline, lines) = (reservation.deadline, reservation.lines.clone());
    if let Some(reservation) = at.state.reservations.edit(&seq) {
        reservation.lines.clear();
    }
    for line in lines {
        hold(at, line.position, seq, deadline, line.open, 0);
    }
    forget_closed(at.state, seq);
}
