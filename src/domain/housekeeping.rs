//! What the ledger writes by itself as time goes by: a pure function of state and time.
//!
//! The ledger asks [`next_due`] when it must wake up, and [`next_event`] what is to be written then, before it decides
//! anything else at that time. So what has lapsed stands in the log before the first command that could depend on it.

use super::command::{Actor, Established};
use super::event::{Body, Envelope, Event, Expired, UnitMark};
use super::ids::{Seq, Timestamp};
use super::state::State;
use super::text::ActorId;
use crate::limits::EXPIRY_LINES_MAX;
use smallvec::SmallVec;

/// When something is due next; none where nothing ever will be.
#[must_use]
pub fn next_due(state: &State) -> Option<Timestamp> {
    state.next_deadline()
}

/// The next thing that is due at this time; none where nothing is.
#[must_use]
pub fn next_event(state: &State, now: Timestamp) -> Option<Event> {
    lapsed(state, now).map(|body| Event { envelope: envelope(now, ledger_actor()), body })
}

/// Holds that have lapsed, as many as one event may name; at least one reservation where there is one.
fn lapsed(state: &State, now: Timestamp) -> Option<Body> {
    let mut lines = 0;
    let lapsed = state.lapsed(now).take_while(|reservation| {
        let first = lines == 0;
        lines += reservation.lines.len();
        first || lines <= EXPIRY_LINES_MAX
    });
    let reservations: SmallVec<[Seq; 1]> = lapsed.map(|reservation| reservation.seq).collect();
    (!reservations.is_empty()).then(|| Expired { reservations }.into())
}

/// The envelope of what answers no command.
#[must_use]
pub fn envelope(now: Timestamp, actor: Actor) -> Envelope {
    Envelope {
        recorded_at: now,
        occurred_at: None,
        command_id: None,
        digest: [0; 16],
        actor,
        cause: None,
        reason: None,
        order: None,
        documents: SmallVec::new(),
        private: None,
        unit: UnitMark::Ends,
        extensions: SmallVec::new(),
    }
}

/// The actor that the ledger itself is.
#[must_use]
pub fn ledger_actor() -> Actor {
    let id = ActorId::new("counterfoil").unwrap_or_else(|_| unreachable!("the name is valid"));
    Actor { id, established: Established::Process }
}
