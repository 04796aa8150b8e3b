//! Promises and what becomes of them: reserve, amend, extend, fulfil, release.

use super::balance::balances_in_range;
use super::lines::{Short, in_range, known, merged, promisable, recorded};
use super::{Decided, Lowest};
use crate::domain::command::{Act, Amend, Command, Departure, Extend, Fulfil, Holds, Portion, Release, Reserve};
use crate::domain::event::{Amended, Body, Extended, Fulfilled, HoldLine, Released, Reserved};
use crate::domain::ids::{CommandId, Moment, Position, Timestamp};
use crate::domain::line::{Bucket, Line, Lines};
use crate::domain::quantity::Quantity;
use crate::domain::rejection::Rejection;
use crate::domain::state::{Reservation, State};
use crate::domain::text::OrderRef;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

type Closes = SmallVec<[HoldLine; 1]>;

pub(super) fn decide(state: &State, command: &Command, now: Timestamp, order: &mut Option<OrderRef>) -> Decided {
    match &command.act {
        Act::Reserve(Reserve { deadline, lines }) => reserve(state, *deadline, lines, now),
        Act::Amend(Amend { reservation, lines }) => amend(state, *reservation, lines, now),
        Act::Extend(Extend { reservation, deadline }) => extend(state, *reservation, *deadline, now),
        Act::Fulfil(Fulfil { holds, portion, departure }) => {
            let chosen = choose(state, holds, portion, now, order)?;
            let (closes, unreserved) = allocate(holds, portion, &chosen, *departure)?;
            let body = Body::Fulfilled(Fulfilled { closes, unreserved, departure: *departure });
            fulfil(state, body, portion, Moment::of(command.occurred_at, now))
        }
        Act::Release(Release { holds, portion }) => {
            let chosen = choose(state, holds, portion, now, order)?;
            let (closes, _) = allocate(holds, portion, &chosen, Departure::Now)?;
            Ok(Body::Released(Released { closes }))
        }
        _ => Err(Rejection::InvalidField { field: "act", problem: "it is not about holds".into() }),
    }
}

fn reserve(state: &State, deadline: Option<Timestamp>, lines: &[Line], now: Timestamp) -> Decided {
    let mut lowest = Lowest::default();
    known(state, lines, &mut lowest);
    for line in lines {
        promisable(state, line.position, &mut lowest);
    }
    lowest.done()?;
    let lines = merged(lines);
    let mut short = Short::default();
    for line in &lines {
        short.compare(line.position, Bucket::Sellable, line.quantity.0, state.available(line.position, now));
    }
    short.done()?;
    for line in &lines {
        open_in_range(state, line.position, line.quantity.0)?;
    }
    Ok(Body::Reserved(Reserved { deadline, lines }))
}

fn open_in_range(state: &State, position: Position, increase: i64) -> Result<(), Rejection> {
    let open = state.position(position).map_or(0, |entry| entry.open);
    in_range(position, "what is reserved", i128::from(open) + i128::from(increase))
}

fn held(state: &State, id: CommandId, now: Timestamp) -> Result<&Reservation, Rejection> {
    state.reservation_by_id(id).filter(|reservation| reservation.is_held(now)).ok_or(Rejection::NoReservation {
        reservation: Some(id),
        order: None,
        position: None,
    })
}

fn amend(state: &State, id: CommandId, lines: &[Line], now: Timestamp) -> Decided {
    let reservation = state.reservation_by_id(id).filter(|reservation| reservation.is_held(now));
    let mut lowest = Lowest::default();
    known(state, lines, &mut lowest);
    let open = |position| reservation.and_then(|held| held.open_on(position)).unwrap_or(0);
    // Without a reservation there is nothing that could be increased.
    let increased = |line: &&Line| reservation.is_some() && line.quantity.0 > open(line.position);
    for line in lines.iter().filter(increased) {
        promisable(state, line.position, &mut lowest);
    }
    let same = reservation.is_some() && lines.iter().all(|line| line.quantity.0 == open(line.position));
    if same {
        lowest.offer(Rejection::NoChange { what: "the reservation holds these quantities" });
    }
    if reservation.is_none() {
        lowest.offer(Rejection::NoReservation { reservation: Some(id), order: None, position: None });
    }
    lowest.done()?;
    let mut short = Short::default();
    for line in lines {
        let increase = line.quantity.0 - open(line.position);
        if increase > 0 {
            short.compare(line.position, Bucket::Sellable, increase, state.available(line.position, now));
        }
    }
    short.done()?;
    for line in lines {
        open_in_range(state, line.position, line.quantity.0 - open(line.position))?;
    }
    let seq = held(state, id, now)?.seq;
    Ok(Body::Amended(Amended { reservation: seq, lines: recorded(lines) }))
}

fn extend(state: &State, id: CommandId, deadline: Option<Timestamp>, now: Timestamp) -> Decided {
    let reservation = held(state, id, now)?;
    match reservation.deadline == deadline.unwrap_or(Timestamp::NEVER) {
        true => Err(Rejection::NoChange { what: "the reservation has this deadline" }),
        false => Ok(Body::Extended(Extended { reservation: reservation.seq, deadline })),
    }
}

/// The holds that a command acts on, oldest first; also settles which order the event belongs to.
fn choose<'a>(
    state: &'a State,
    holds: &Holds,
    portion: &Portion,
    now: Timestamp,
    order: &mut Option<OrderRef>,
) -> Result<SmallVec<[&'a Reservation; 2]>, Rejection> {
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
        let mut lowest = Lowest::default();
        known(state, lines, &mut lowest);
        lowest.done()?;
    }
    Ok(chosen)
}

/// Goods that leave now must be there; goods that are gone already are a fact.
///
/// What is short is listed in the order in which the command names it.
fn fulfil(state: &State, body: Body, portion: &Portion, at: Moment) -> Decided {
    if let Body::Fulfilled(Fulfilled { closes, departure: Departure::Now, .. }) = &body {
        let mut wanted: SmallVec<[(Position, i64); 2]> = SmallVec::new();
        let mut places: FxHashMap<Position, usize> = FxHashMap::default();
        let mut want = |position, units| {
            let place = *places.entry(position).or_insert(wanted.len());
            match wanted.get_mut(place) {
                Some(sum) => sum.1 += units,
                None => wanted.push((position, units)),
            }
        };
        if let Portion::Lines(lines) = portion {
            lines.iter().for_each(|line| want(line.position, 0));
        }
        closes.iter().for_each(|part| want(part.position, part.quantity.0));
        let mut short = Short::default();
        for (position, units) in wanted {
            let there = state.position(position).map_or(0, |entry| entry.sellable.quantity);
            short.compare(position, Bucket::Sellable, units, there);
        }
        short.done()?;
    }
    balances_in_range(state, &body, at)?;
    Ok(body)
}

/// Which part of which hold is closed, oldest hold first; and what no hold covers, where that is allowed.
fn allocate(
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
