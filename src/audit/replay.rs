//! Folds a log into a state again.

use crate::domain::evolve::evolve;
use crate::domain::ids::Seq;
use crate::domain::state::State;
use crate::log::{Head, LogFault, StoreReader, scan};

/// Events between two calls of a progress callback.
pub const PROGRESS_EVENTS: u64 = 65_536;

/// Folds the log from its first event on: all of it, or the events before `before`.
///
/// `progress` is called with the number of events folded so far, every [`PROGRESS_EVENTS`] and at the end.
///
/// # Errors
/// [`LogFault`] where the log can't be read or is damaged. Rules are not checked: see [`super::verify()`].
pub fn replay(reader: &dyn StoreReader, before: Option<Seq>, mut progress: impl FnMut(u64)) -> Result<State, LogFault> {
    let mut state = State::default();
    for scanned in scan(reader, Head::EMPTY) {
        let scanned = scanned?;
        if before.is_some_and(|before| scanned.seq >= before) {
            break;
        }
        evolve(&mut state, &scanned.event);
        let events = state.next_seq().0;
        if events.is_multiple_of(PROGRESS_EVENTS) {
            progress(events);
        }
    }
    progress(state.next_seq().0);
    Ok(state)
}
