//! Who held what of a position at a moment.

use super::as_of::Moment;
use super::{History, HistoryError};
use crate::domain::event::EventKind;
use crate::domain::event::{Body, Extended, Reserved};
use crate::domain::ids::{CommandId, Position, Seq, Timestamp};
use crate::domain::text::OrderRef;
use crate::index::records::{Figure, figure_key};
use crate::index::{FigureKey, List};
use crate::limits::PAGE_ROWS_MAX;
use serde::Serialize;
use std::collections::BTreeMap;

/// Seqs that are gone back at first to find who holds; then four times as many, and so on.
const SPAN_SEQS: u64 = 64;
/// Reservations that are read to find who holds, at most: many may have lapsed without being closed yet.
const READ_MAX: usize = 8 * PAGE_ROWS_MAX;

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
    pub(super) fn holds(
        &self,
        moment: &Moment,
        position: Position,
        open: i128,
        reserved: i64,
    ) -> Result<(Vec<HoldRow>, i64), HistoryError> {
        let (mut rows, mut unlisted) = (Vec::new(), reserved);
        if reserved == 0 {
            return Ok((rows, unlisted));
        }
        // Whether one has lapsed is only known once it was read.
        for (made, open) in self.open_at(moment, position, open)?.into_iter().take(READ_MAX) {
            let row = self.hold(moment, made, super::figures::small(open))?;
            if row.deadline > moment.at {
                unlisted = unlisted.saturating_sub(row.open);
                rows.push(row);
            }
            if unlisted == 0 || rows.len() == PAGE_ROWS_MAX {
                break;
            }
        }
        Ok((rows, unlisted))
    }

    /// What was open at the moment, told from the nearer end: by going back until the holds found account for all that
    /// was open, in spans that grow; or, where it is no further to now, from what is open now.
    fn open_at(&self, moment: &Moment, position: Position, open: i128) -> Result<Open, HistoryError> {
        let later_seqs = moment.known.next_seq().saturating_sub(moment.until);
        let (mut found, mut from, mut span_seqs) = (Open::new(), moment.until, SPAN_SEQS);
        loop {
            // What was made from there on is known whole; what was made before may be more than was seen, and has
            // nothing open where the others account for all.
            let mut whole = found.split_off(&from);
            if from == 0 || whole.values().sum::<i128>() == open {
                whole.retain(|_, open| *open != 0);
                return Ok(whole);
            }
            found.append(&mut whole);
            if moment.until - from >= later_seqs {
                return self.open_before_now(moment, position);
            }
            let behind = from;
            from = behind.saturating_sub(span_seqs);
            span_seqs *= 4;
            for key in keys(position) {
                moment.known.each_change(&key, from..behind, |step| {
                    *found.entry(step.detail).or_default() += i128::from(step.delta);
                })?;
            }
            found.retain(|made, open| *made < from || *open != 0);
        }
    }

    /// What was open at the moment: what is open now, less what changed since of what was made by then.
    fn open_before_now(&self, moment: &Moment, position: Position) -> Result<Open, HistoryError> {
        let (head, mut open) = self.published.read(|durable| {
            let holds = durable.state.holds_at(position).map(|(made, open)| (made.0, i128::from(open)));
            (durable.state.next_seq().0, holds.filter(|(made, _)| *made < moment.until).collect::<Open>())
        });
        let known = self.known(head)?;
        for key in keys(position) {
            known.each_change(&key, moment.until..head, |step| {
                if step.detail < moment.until {
                    *open.entry(step.detail).or_default() -= i128::from(step.delta);
                }
            })?;
        }
        open.retain(|_, open| *open != 0);
        Ok(open)
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
        if let Body::Reserved(Reserved { deadline, .. }) = event.body {
            row.deadline = deadline.unwrap_or(Timestamp::NEVER);
        }
        if let Some(extended) = last_extension(moment, made)?
            && let Body::Extended(Extended { deadline, .. }) = self.event(Seq(extended))?.event.body
        {
            row.deadline = deadline.unwrap_or(Timestamp::NEVER);
        }
        Ok(row)
    }
}

/// The last event before the moment that gave a reservation another deadline: in its own list and in that of the kind.
fn last_extension(moment: &Moment, made: u64) -> Result<Option<u64>, HistoryError> {
    let mut own = moment.known.postings(List::Reservation, made);
    let mut extensions = moment.known.postings(List::Kind, u64::from(EventKind::Extended.number()));
    let mut below = moment.until;
    while let Some(of_it) = own.last_below(below)? {
        match extensions.last_below(of_it + 1)? {
            Some(extended) if extended == of_it => return Ok(Some(extended)),
            Some(extended) if extended > made => below = extended + 1,
            _ => break,
        }
    }
    Ok(None)
}

fn keys(position: Position) -> [FigureKey; KINDS.len()] {
    KINDS.map(|kind| figure_key(position, Figure::Held, kind))
}
