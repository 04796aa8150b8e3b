//! Who held what of a position at a moment.

use super::as_of::Moment;
use super::{History, HistoryError};
use crate::domain::event::Body;
use crate::domain::event_kind::EventKind;
use crate::domain::ids::{CommandId, Position, Seq, Timestamp};
use crate::domain::text::OrderRef;
use crate::index::records::{Figure, figure_key};
use crate::index::{FigureKey, List};
use crate::limits::PAGE_ROWS_MAX;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Events that are gone through to either end, at most, to find who holds: beyond that holds are not listed.
const EVENTS_MAX: usize = 65_536;

/// What one reservation held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldRow {
    /// The event that made the reservation.
    pub reservation: Seq,
    /// The command that made it.
    pub id: Option<CommandId>,
    /// The order that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// When it lapses; [`Timestamp::NEVER`] where it has no deadline.
    pub deadline: Timestamp,
    /// What it held.
    pub open: i64,
}

/// Open quantities by the event that made the reservation; lapsed ones that were not closed yet included.
type Open = BTreeMap<u64, i128>;

/// The kinds of events that change what reservations have open.
const KINDS: [EventKind; 5] =
    [EventKind::Reserved, EventKind::Amended, EventKind::Fulfilled, EventKind::Released, EventKind::Expired];

impl History<'_> {
    /// The holds at a moment, oldest first, and what is reserved beyond those that are listed.
    ///
    /// What was open is told from the nearer end: from what is open now less what changed since, or by going back until
    /// the holds found account for all that was open.
    pub(super) fn holds(
        &self,
        moment: &Moment,
        position: Position,
        open: i128,
        reserved: i64,
    ) -> Result<(Vec<HoldRow>, i64), HistoryError> {
        let is_recent = moment.known.next_seq().saturating_sub(moment.until) <= moment.until;
        let found = match is_recent {
            true => self.open_before_now(moment, position)?,
            false => None,
        };
        let found = match found {
            Some(found) => found,
            None => match open_by_going_back(moment, position, open)? {
                (found, Whole::Yes) => found,
                (found, Whole::No) if is_recent => found,
                (found, Whole::No) => self.open_before_now(moment, position)?.unwrap_or(found),
            },
        };
        let mut rows = Vec::new();
        let mut unlisted = reserved;
        for (made, open) in found.into_iter().filter(|(_, open)| *open > 0) {
            if rows.len() == PAGE_ROWS_MAX {
                break;
            }
            let row = self.hold(moment, made, super::figures::small(open))?;
            if row.deadline > moment.at {
                unlisted = unlisted.saturating_sub(row.open);
                rows.push(row);
            }
        }
        Ok((rows, unlisted))
    }

    /// What was open at the moment: what is open now, less what changed since; none where that is too much.
    fn open_before_now(&self, moment: &Moment, position: Position) -> Result<Option<Open>, HistoryError> {
        let (head, mut open) = self.published.read(|durable| {
            let holds = durable.state.holds_at(position).map(|(made, open)| (made.0, i128::from(open)));
            (durable.state.next_seq().0, holds.collect::<Open>())
        });
        let known = self.known(head)?;
        let mut changes = known.changes(&keys(position));
        let mut seq = moment.until;
        for _ in 0..EVENTS_MAX {
            let Some(later) = changes.first_from(seq)?.filter(|later| *later < head) else { return Ok(Some(open)) };
            for step in changes.steps_at(later)? {
                *open.entry(step.detail).or_default() -= i128::from(step.delta);
            }
            seq = later + 1;
        }
        Ok(None)
    }

    /// A reservation with the deadline that it had at the moment.
    fn hold(&self, moment: &Moment, made: u64, open: i64) -> Result<HoldRow, HistoryError> {
        let event = self.event(Seq(made))?.event;
        let mut row = HoldRow {
            reservation: Seq(made),
            id: event.envelope.command_id,
            order: event.envelope.order,
            deadline: Timestamp::NEVER,
            open,
        };
        if let Body::Reserved { deadline, .. } = event.body {
            row.deadline = deadline.unwrap_or(Timestamp::NEVER);
        }
        let mut later = moment.known.postings(List::Reservation, made);
        let mut seq = moment.until;
        while let Some(earlier) = later.last_below(seq)? {
            if let Body::Extended { deadline, .. } = self.event(Seq(earlier))?.event.body {
                row.deadline = deadline.unwrap_or(Timestamp::NEVER);
                break;
            }
            seq = earlier;
        }
        Ok(row)
    }
}

/// Whether all that was open was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

/// Goes back from the moment until the holds found account for all that was open: as far as the oldest of them.
fn open_by_going_back(moment: &Moment, position: Position, open: i128) -> Result<(Open, Whole), HistoryError> {
    let mut changes = moment.known.changes(&keys(position));
    let (mut found, mut unmade) = (Open::new(), BTreeSet::new());
    let (mut seq, mut sum) = (moment.until, 0_i128);
    for _ in 0..EVENTS_MAX {
        if sum == open && unmade.is_empty() {
            return Ok((found, Whole::Yes));
        }
        // Where nothing came before, what was found is all: an amendment may have brought a reservation here.
        let Some(earlier) = changes.last_below(seq)? else { return Ok((found, Whole::Yes)) };
        seq = earlier;
        for step in changes.steps_at(seq)? {
            *found.entry(step.detail).or_default() += i128::from(step.delta);
            sum += i128::from(step.delta);
            // What happens to a reservation comes behind its making; until that is found there may be more.
            if step.detail == seq {
                unmade.remove(&step.detail);
            } else {
                unmade.insert(step.detail);
            }
        }
    }
    found.retain(|made, _| !unmade.contains(made));
    Ok((found, Whole::No))
}

fn keys(position: Position) -> [FigureKey; KINDS.len()] {
    KINDS.map(|kind| figure_key(position, Figure::Held, kind))
}
