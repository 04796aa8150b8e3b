//! Who held what of a position at a moment.

use super::as_of::Moment;
use super::{History, HistoryError};
use crate::domain::event::Body;
use crate::domain::ids::{CommandId, Seq, Timestamp};
use crate::domain::text::OrderRef;
use crate::index::{FigureKey, List};
use crate::limits::PAGE_ROWS_MAX;
use serde::Serialize;
use std::collections::BTreeMap;

/// Events that are gone back through, at most, to find who holds: beyond that holds are not listed.
const EVENTS_BACK_MAX: usize = 65_536;

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

impl History<'_> {
    /// The holds at a moment, oldest first, and what is reserved beyond those that are listed.
    ///
    /// Goes back from the moment until the holds found account for all that was open: as far as the oldest of them.
    pub(super) fn holds(
        &self,
        moment: &Moment,
        held: &[FigureKey],
        open: i128,
        reserved: i64,
    ) -> Result<(Vec<HoldRow>, i64), HistoryError> {
        let mut changes = moment.known.changes(held);
        let mut found: BTreeMap<u64, i128> = BTreeMap::new();
        let (mut seq, mut sum, mut unmade) = (moment.until, 0_i128, std::collections::BTreeSet::new());
        for _ in 0..EVENTS_BACK_MAX {
            if sum == open && unmade.is_empty() {
                break;
            }
            let Some(earlier) = changes.last_below(seq)? else {
                // Nothing came before, so what was found is all: an amendment may have brought a reservation here.
                unmade.clear();
                break;
            };
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
        let mut rows = Vec::new();
        let mut unlisted = reserved;
        let whole = found.into_iter().filter(|(made, open)| *open > 0 && !unmade.contains(made));
        for (made, open) in whole {
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
