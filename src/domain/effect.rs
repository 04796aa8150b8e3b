//! What an event changes at each position: the steps by which its figures came to be.
//!
//! Told from the state before the event, so that a late fact which a count has settled already is told as no change,
//! and a count as the difference that it makes. Folding an event changes the figures by exactly these steps.

use super::account::{Place, for_each_posting};
use super::event::{
    Amended, Body, Counted, Event, Expired, Extended, Fulfilled, PosDeltaRecorded, PosMovement, Released,
    ReorderPointSet, Reserved, Returned, TransferClosed, TransferReceived, TransferShipped,
};
use super::ids::{ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use super::line::{Bucket, Line, ReturnLine};
use super::state::{Reservation, State};
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
    match &event.body {
        Body::Counted(Counted { lines }) => {
            for line in lines {
                let bucket = state.position(line.position).map(|entry| entry.bucket(line.bucket));
                let anchors = bucket.is_none_or(|bucket| bucket.anchors_at(at));
                let before = bucket.map_or(0, |bucket| bucket.quantity);
                let after = line.counted.0.saturating_add(line.later);
                let delta = if anchors { after.saturating_sub(before) } else { 0 };
                tell(Effect::Bucket { position: line.position, bucket: line.bucket, delta });
            }
        }
        Body::Returned(Returned { referenced, unreferenced }) => {
            referenced.iter().chain(unreferenced).for_each(|line| scrapped(line, &mut tell));
        }
        Body::PosDelta(PosDeltaRecorded { delta: PosMovement::Return(lines), .. }) => {
            lines.iter().for_each(|line| scrapped(line, &mut tell));
        }
        Body::ReorderPointSet(ReorderPointSet { position, .. }) => tell(Effect::Named { position: *position }),
        Body::TransferShipped(TransferShipped { transfer, to, .. }) => {
            inbound(state, event, *transfer, Some(*to), &mut tell)
        }
        Body::TransferReceived(TransferReceived { transfer, lines }) => {
            inbound(state, event, *transfer, lines.first().map(|line| line.position.location), &mut tell);
        }
        Body::TransferClosed(TransferClosed { transfer, .. }) => inbound(state, event, *transfer, None, &mut tell),
        _ => holds(state, seq, event, &mut tell),
    }
}

/// A return that goes into the bin moves no bucket.
fn scrapped(line: &ReturnLine, tell: &mut impl FnMut(Effect)) {
    if line.disposition == Some(super::line::Disposition::Scrap) {
        tell(Effect::Named { position: line.line.position });
    }
}

/// What is under way of each item and lot counts where it is more than nothing.
fn inbound(state: &State, event: &Event, transfer: TransferId, to: Option<LocationId>, tell: &mut impl FnMut(Effect)) {
    let known = state.transfer(transfer);
    let Some(to) = known.map(|known| known.to).or(to) else { return };
    let mut under_way: SmallVec<[((ItemId, LotId), i64); 2]> = SmallVec::new();
    for_each_posting(event, |posting| {
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

fn holds(state: &State, seq: Seq, event: &Event, tell: &mut impl FnMut(Effect)) {
    match &event.body {
        Body::Reserved(Reserved { lines, .. }) if event.envelope.command_id.is_some() => {
            for line in lines {
                tell(Effect::Held { position: line.position, reservation: seq, delta: line.quantity.0 });
            }
        }
        Body::Amended(Amended { reservation, lines }) => {
            let Some(held) = state.reservation(*reservation) else { return };
            lines.iter().for_each(|line| amended(held, line, tell));
        }
        Body::Extended(Extended { reservation, .. }) => {
            let Some(held) = state.reservation(*reservation) else { return };
            for line in &held.lines {
                tell(Effect::Held { position: line.position, reservation: *reservation, delta: 0 });
            }
        }
        Body::Fulfilled(Fulfilled { closes, .. }) | Body::Released(Released { closes }) => {
            for part in closes {
                let delta = part.quantity.0.saturating_neg();
                tell(Effect::Held { position: part.position, reservation: part.reservation, delta });
            }
        }
        Body::Expired(Expired { reservations }) => {
            for held in reservations.iter().filter_map(|seq| state.reservation(*seq)) {
                for line in &held.lines {
                    let (position, quantity) = (line.position, line.open);
                    tell(Effect::Held { position, reservation: held.seq, delta: quantity.saturating_neg() });
                    tell(Effect::Lapsed { position, deadline: held.deadline, quantity });
                }
            }
        }
        _ => {}
    }
}

fn amended(held: &Reservation, line: &Line, tell: &mut impl FnMut(Effect)) {
    let before = held.open_on(line.position).unwrap_or(0);
    let delta = line.quantity.0.saturating_sub(before);
    tell(Effect::Held { position: line.position, reservation: held.seq, delta });
}
