//! What an event changes at each position: the steps by which its figures came to be.
//!
//! Told from the state before the event, so that a late fact which a count has settled already is told as no change,
//! and a count as the difference that it makes. Folding an event changes the figures by exactly these steps.

use super::account::{Place, for_each_posting};
use super::event::{Event, HoldLine};
use super::ids::{ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use super::line::Bucket;
use super::state::State;
use smallvec::SmallVec;

/// One step of one figure of one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A bucket holds more or less; no change where a later count had settled it already.
    Bucket {
        /// Where.
        position: Position,
        /// Which bucket.
        bucket: Bucket,
        /// By how much.
        delta: i64,
    },
    /// A reservation has more or less open.
    Held {
        /// Where.
        position: Position,
        /// The event that made the reservation.
        reservation: Seq,
        /// By how much.
        delta: i64,
    },
    /// A hold was closed that had lapsed before: nothing was held by it since its deadline.
    Lapsed {
        /// Where.
        position: Position,
        /// When it lapsed.
        deadline: Timestamp,
        /// What was open of it.
        quantity: i64,
    },
    /// More or less is under way to here.
    Inbound {
        /// Where to.
        position: Position,
        /// By how much.
        delta: i64,
    },
    /// The event names the position and changes no figure of it.
    Named {
        /// Where.
        position: Position,
    },
}

/// Calls `tell` for every step of the next event, given the state before it.
pub fn for_each_effect(state: &State, seq: Seq, event: &Event, mut tell: impl FnMut(Effect)) {
    let at = event.envelope.moment();
    for_each_posting(event, |posting| {
        for (place, delta) in [(posting.from, posting.quantity.saturating_neg()), (posting.to, posting.quantity)] {
            if let Place::Bucket(position, bucket) = place {
                let moves = state.position(position).is_none_or(|entry| entry.bucket(bucket).moves_at(at));
                tell(Effect::Bucket { position, bucket, delta: if moves { delta } else { 0 } });
            }
        }
    });
    event.body.payload().effects(&Before { state, seq, event }, &mut tell);
}

/// What an event finds: the state before it.
pub(crate) struct Before<'a> {
    pub(super) state: &'a State,
    pub(super) seq: Seq,
    pub(super) event: &'a Event,
}

impl Before<'_> {
    /// What is under way of each item and lot counts where it is more than nothing.
    pub(super) fn inbound(&self, transfer: TransferId, to: Option<LocationId>, tell: &mut dyn FnMut(Effect)) {
        let known = self.state.transfer(transfer);
        let Some(to) = known.map(|known| known.to).or(to) else { return };
        let mut under_way: SmallVec<[((ItemId, LotId), i64); 2]> = SmallVec::new();
        for_each_posting(self.event, |posting| {
            for (place, delta) in [(posting.from, posting.quantity.saturating_neg()), (posting.to, posting.quantity)] {
                let Place::Transit(_, lot) = place else { continue };
                let key = (posting.item, lot);
                let at = under_way.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
                    let before = known.and_then(|known| known.lines.get(&key).copied()).unwrap_or(0);
                    under_way.push((key, before));
                    under_way.len() - 1
                });
                let Some((_, quantity)) = under_way.get_mut(at) else { continue };
                let before = std::mem::replace(quantity, quantity.saturating_add(delta));
                let delta = (*quantity).max(0).saturating_sub(before.max(0));
                if delta != 0 {
                    tell(Effect::Inbound { position: Position::of_lot(key.0, to, lot), delta });
                }
            }
        });
    }

    /// Parts of holds are closed.
    pub(super) fn closed(closes: &[HoldLine], tell: &mut dyn FnMut(Effect)) {
        for part in closes {
            let delta = part.quantity.0.saturating_neg();
            tell(Effect::Held { position: part.position, reservation: part.reservation, delta });
        }
    }
}
