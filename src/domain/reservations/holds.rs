//! Holds: what a reservation has open at a position.

use super::fulfil::Departure;
use crate::domain::decide::lines::{in_range, merged};
use crate::domain::decide::{Deciding, Lowest};
use crate::domain::evolve::Evolving;
use crate::domain::ids::{CommandId, Position, Seq, Timestamp};
use crate::domain::line::{Line, Lines};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::{Deadline, HeldLine, Reservation, State};
use crate::domain::text::OrderRef;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Which holds a command acts on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Those of one reservation.
    Reservation(CommandId),
    /// Those of an order, oldest first.
    Order(OrderRef),
}

/// How much of the holds.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// All that is open.
    #[default]
    Whole,
    /// These quantities; lines on one position are summed.
    Lines(Lines),
}

/// A part of one hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldLine {
    /// The seq of the event that made the reservation.
    pub reservation: Seq,
    /// Where.
    pub position: Position,
    /// How much.
    pub quantity: Quantity,
}

/// Parts of holds.
pub(super) type Closes = SmallVec<[HoldLine; 1]>;

/// What is reserved at a position stays in the ledger's range.
pub(super) fn open_in_range(state: &State, position: Position, increase: i64) -> Result<(), Rejection> {
    let open = state.position(position).map_or(0, |entry| entry.open);
    in_range(position, "what is reserved", i128::from(open) + i128::from(increase))
}

/// A reservation that holds something now.
pub(super) fn held(state: &State, id: CommandId, now: Timestamp) -> Result<&Reservation, Rejection> {
    state.reservation_by_id(id).filter(|reservation| reservation.is_held(now)).ok_or(Rejection::NoReservation {
        reservation: Some(id),
        order: None,
        position: None,
    })
}

/// The holds that a command acts on, oldest first; also settles which order the event belongs to.
pub(super) fn choose<'a>(
    at: &mut Deciding<'a>,
    holds: &Holds,
    portion: &Portion,
) -> Result<SmallVec<[&'a Reservation; 2]>, Rejection> {
    let (state, now) = (at.state, at.now);
    let order = &mut at.order;
    let chosen: SmallVec<[&Reservation; 2]> = match holds {
        Holds::Reservation(id) => state.reservation_by_id(*id).into_iter().collect(),
        Holds::Order(order) => state.reservations_of(order).collect(),
    };
    // What has lapsed is no hold, whether its expiry is written down yet or not.
    let chosen: SmallVec<[&Reservation; 2]> =
        chosen.into_iter().filter(|reservation| reservation.is_held(now)).collect();
    match holds {
        Holds::Order(named) => *order = Some(named.clone()),
        Holds::Reservation(_) => {
            let theirs = chosen.first().and_then(|reservation: &&Reservation| reservation.order.clone());
            match (order.as_ref(), theirs) {
                (Some(given), Some(theirs)) if *given != theirs => {
                    let problem = format!("the reservation is for order {theirs}, the command for {given}");
                    return Err(Rejection::InvalidField { field: "order", problem });
                }
                (None, theirs) => *order = theirs,
                _ => {}
            }
        }
    }
    if let Portion::Lines(lines) = portion {
        at.known(lines)?;
    }
    Ok(chosen)
}

/// Which part of which hold is closed, oldest hold first; and what no hold covers, where that is allowed.
pub(super) fn allocate(
    holds: &Holds,
    portion: &Portion,
    chosen: &[&Reservation],
    departure: Departure,
) -> Result<(Closes, Lines), Rejection> {
    let none = |position| match holds {
        Holds::Reservation(id) => Rejection::NoReservation { reservation: Some(*id), order: None, position },
        Holds::Order(order) => Rejection::NoReservation { reservation: None, order: Some(order.clone()), position },
    };
    if chosen.is_empty() && departure == Departure::Now {
        return Err(none(None));
    }
    let Portion::Lines(lines) = portion else {
        let parts = chosen.iter().flat_map(|reservation| {
            reservation.lines.iter().map(|line| HoldLine {
                reservation: reservation.seq,
                position: line.position,
                quantity: Quantity(line.open),
            })
        });
        return Ok((parts.collect(), Lines::new()));
    };
    let merged = merged(lines);
    let mut left: FxHashMap<Position, i64> = merged.iter().map(|line| (line.position, line.quantity.0)).collect();
    let mut open: FxHashMap<Position, i64> = FxHashMap::default();
    let mut closes = Closes::new();
    for reservation in chosen {
        for line in &reservation.lines {
            let Some(left) = left.get_mut(&line.position) else { continue };
            *open.entry(line.position).or_default() += line.open;
            let units = line.open.min(*left);
            *left -= units;
            if units > 0 {
                let quantity = Quantity(units);
                closes.push(HoldLine { reservation: reservation.seq, position: line.position, quantity });
            }
        }
    }
    let surplus = |line: &Line| left.get(&line.position).copied().unwrap_or(0);
    if departure == Departure::Now {
        let mut lowest = Lowest::default();
        for line in merged.iter().filter(|line| surplus(line) > 0) {
            lowest.offer(match open.get(&line.position) {
                None => none(Some(line.position)),
                Some(open) => {
                    Rejection::QuantityMismatch { position: line.position, wanted: line.quantity.0, open: *open }
                }
            });
        }
        lowest.done()?;
    }
    let rest = merged.iter().filter(|line| surplus(line) > 0);
    let unreserved = rest.map(|line| Line { quantity: Quantity(surplus(line)), ..line.clone() }).collect();
    Ok((closes, unreserved))
}

/// Changes what a reservation holds at a position, in every place that counts it.
pub(super) fn hold(at: &mut Evolving<'_>, position: Position, seq: Seq, deadline: Timestamp, before: i64, after: i64) {
    let delta = after.saturating_sub(before);
    match after {
        0 => {
            at.state.holds.remove(&(position, seq));
        }
        after => at.state.holds.insert((position, seq), after),
    }
    let mut next = None;
    if deadline != Timestamp::NEVER {
        let key = (position, deadline);
        let open = at.state.lapses.get(&key).copied().unwrap_or(0).saturating_add(delta);
        match open {
            0 => {
                at.state.lapses.remove(&key);
                next = Some(at.state.earliest_lapse(position));
            }
            open => at.state.lapses.insert(key, open),
        }
    }
    let entry = at.touch(position);
    entry.open = entry.open.saturating_add(delta);
    entry.next_deadline = Deadline(next.unwrap_or(entry.next_deadline.0.min(deadline)));
}

/// Sets what a reservation has open at a position.
pub(super) fn set_open(at: &mut Evolving<'_>, seq: Seq, position: Position, open: i64) {
    let Some(reservation) = at.state.reservations.edit(&seq) else { return };
    let deadline = reservation.deadline;
    let before = reservation.open_on(position).unwrap_or(0);
    match reservation.lines.iter().position(|line| line.position == position) {
        Some(index) if open == 0 => {
            reservation.lines.remove(index);
        }
        Some(index) => reservation.lines[index].open = open,
        None if open == 0 => {}
        None => reservation.lines.push(HeldLine { position, open }),
    }
    hold(at, position, seq, deadline, before, open);
}

/// Closes parts of holds.
pub(super) fn close(at: &mut Evolving<'_>, closes: &[HoldLine]) {
    for HoldLine { reservation, position, quantity } in closes {
        let held = at.state.reservations.get(reservation);
        let Some(open) = held.and_then(|held| held.open_on(*position)) else { continue };
        set_open(at, *reservation, *position, open.saturating_sub(quantity.0).max(0));
        forget_closed(at.state, *reservation);
    }
}

/// A reservation that holds nothing any more is forgotten.
pub(super) fn forget_closed(state: &mut State, seq: Seq) {
    if !state.reservations.get(&seq).is_some_and(|reservation| reservation.lines.is_empty()) {
        return;
    }
    let Some(reservation) = state.reservations.remove(&seq) else { return };
    state.reservation_ids.remove(&reservation.id);
    state.deadlines.remove(&(reservation.deadline, seq));
    if let Some(order) = reservation.order {
        state.orders.remove(&(order, seq));
    }
}
