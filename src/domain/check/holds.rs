//! Promises, and what becomes of them.

use super::registry::changes;
use super::{Ground, Range, Violation, ensure, not_empty, once, rule, sellable_lines, violation};
use crate::domain::command::{Departure, ItemStatus, UseStatus};
use crate::domain::event::HoldLine;
use crate::domain::ids::{Position, Seq, Timestamp};
use crate::domain::line::Line;
use crate::domain::state::Reservation;
use crate::limits::{DEADLINE_MICROS_MAX, EXPIRY_LINES_MAX};
use smallvec::SmallVec;
use std::collections::BTreeMap;

pub(super) fn released(at: &Ground<'_>, closes: &[HoldLine]) -> Result<(), Violation> {
    not_empty(closes.len())?;
    closed(at, closes)
}

pub(super) fn reserved(at: &Ground<'_>, deadline: Option<Timestamp>, lines: &[Line]) -> Result<(), Violation> {
    at.lines(lines, Range::PositiveSum)?;
    sellable_lines(lines)?;
    position_once(lines)?;
    deadline_range(at, deadline)?;
    lines.iter().try_for_each(|line| promised(at, line.position, line.quantity.0))
}

pub(super) fn amended(at: &Ground<'_>, reservation: Seq, lines: &[Line]) -> Result<(), Violation> {
    at.lines(lines, Range::ZeroOrMore)?;
    position_once(lines)?;
    let reservation = unlapsed(at, reservation)?;
    let open: BTreeMap<Position, i64> = reservation.lines.iter().map(|line| (line.position, line.open)).collect();
    let before = |line: &Line| open.get(&line.position).copied().unwrap_or(0);
    changes(lines.iter().any(|line| line.quantity.0 != before(line)), "the reservation holds that")?;
    lines.iter().try_for_each(|line| match line.quantity.0.saturating_sub(before(line)) {
        increase if increase > 0 => promised(at, line.position, increase),
        _ => Ok(()),
    })
}

pub(super) fn extended(at: &Ground<'_>, reservation: Seq, deadline: Option<Timestamp>) -> Result<(), Violation> {
    let reservation = unlapsed(at, reservation)?;
    deadline_range(at, deadline)?;
    changes(reservation.deadline != deadline.unwrap_or(Timestamp::NEVER), "the reservation has that deadline")
}

fn position_once(lines: &[Line]) -> Result<(), Violation> {
    once(lines.iter().map(|line| line.position), |position| format!("{position} stands twice"))
}

fn deadline_range(at: &Ground<'_>, deadline: Option<Timestamp>) -> Result<(), Violation> {
    let Some(deadline) = deadline else { return Ok(()) };
    ensure(deadline > at.now() && deadline.0 <= DEADLINE_MICROS_MAX, rule::DEADLINE_RANGE, || {
        format!("the deadline {deadline} of an event recorded at {}", at.now())
    })
}

/// New units are promised only of what is in use and available.
fn promised(at: &Ground<'_>, position: Position, wanted: i64) -> Result<(), Violation> {
    let state = at.state;
    let active = state.item(position.item).is_some_and(|item| item.status == ItemStatus::Active)
        && state.location(position.location).is_some_and(|location| location.status == UseStatus::Active)
        && state.lot(position.lot).is_none_or(|lot| lot.status == UseStatus::Active);
    ensure(active, rule::STATUS_ACTIVE, || {
        format!("{position} is promised, and its item, location or lot is not active")
    })?;
    let available = state.available(position, at.now());
    ensure(wanted <= available, rule::AVAILABLE, || {
        format!("{wanted} of {position} are promised, {available} were available")
    })
}

fn open<'a>(at: &Ground<'a>, seq: Seq) -> Result<&'a Reservation, Violation> {
    match at.state.reservation(seq) {
        Some(reservation) => Ok(reservation),
        None => violation(rule::RESERVATION_OPEN, format!("event {seq} made no reservation that is open")),
    }
}

fn unlapsed<'a>(at: &Ground<'a>, seq: Seq) -> Result<&'a Reservation, Violation> {
    let reservation = open(at, seq)?;
    ensure(reservation.is_held(at.now()), rule::RESERVATION_OPEN, || {
        format!("the reservation of event {seq} lapsed at {}, this is recorded at {}", reservation.deadline, at.now())
    })?;
    Ok(reservation)
}

pub(super) fn fulfilled(
    at: &Ground<'_>,
    departure: Departure,
    closes: &[HoldLine],
    unreserved: &[Line],
) -> Result<(), Violation> {
    not_empty(closes.len() + unreserved.len())?;
    closed(at, closes)?;
    match departure {
        Departure::Now => {
            ensure(unreserved.is_empty(), rule::DEPARTURE, || {
                format!("{} lines leave without a hold, though nothing had left already", unreserved.len())
            })?;
            sellable(at, closes)
        }
        Departure::AlreadyLeft if unreserved.is_empty() => Ok(()),
        Departure::AlreadyLeft => {
            at.lines(unreserved, Range::PositiveSum)?;
            sellable_lines(unreserved)?;
            used_up(at, closes, unreserved)
        }
    }
}

/// Closed holds: open, unlapsed, of one order or one reservation, in order, no more than is open.
fn closed(at: &Ground<'_>, closes: &[HoldLine]) -> Result<(), Violation> {
    let mut last: Option<(Seq, usize)> = None;
    let mut reservations = 0_usize;
    let several = closes.iter().any(|hold| closes.first().is_some_and(|first| first.reservation != hold.reservation));
    for hold in closes {
        let reservation = unlapsed(at, hold.reservation)?;
        let from = match last {
            Some((seq, place)) if seq == hold.reservation => place + 1,
            _ => {
                order_matches(at, reservation, several)?;
                reservations += 1;
                0
            }
        };
        let found = find(reservation, hold.position, from).or_else(|| find(reservation, hold.position, 0));
        let Some((place, open)) = found else {
            return violation(
                rule::HOLD_OPEN,
                format!("the reservation of event {} holds nothing at {}", hold.reservation, hold.position),
            );
        };
        ensure((1..=open).contains(&hold.quantity.0), rule::HOLD_OPEN, || {
            format!(
                "{} are closed of {open} that event {} holds at {}",
                hold.quantity.0, hold.reservation, hold.position
            )
        })?;
        let place = (hold.reservation, place);
        ensure(last.is_none_or(|last| last < place), rule::CLOSE_ORDER, || {
            format!("the hold of event {} at {} stands after a later one, or twice", hold.reservation, hold.position)
        })?;
        last = Some(place);
    }
    if reservations > 1 { oldest_first(at, closes) } else { Ok(()) }
}

fn find(reservation: &Reservation, position: Position, from: usize) -> Option<(usize, i64)> {
    let lines = reservation.lines.iter().enumerate().skip(from);
    lines.into_iter().find(|(_, line)| line.position == position).map(|(place, line)| (place, line.open))
}

/// One reservation that is for no order may be closed on any.
fn order_matches(at: &Ground<'_>, reservation: &Reservation, several: bool) -> Result<(), Violation> {
    let order = &at.event.envelope.order;
    let alone = reservation.order.is_none() && !several;
    ensure(alone || reservation.order == *order, rule::ORDER_MATCHES, || {
        format!(
            "the event is of order {order:?}, the reservation of event {} of {:?}",
            reservation.seq, reservation.order
        )
    })
}

/// Several reservations are closed at once only by their order, and then the oldest first on each position.
fn oldest_first(at: &Ground<'_>, closes: &[HoldLine]) -> Result<(), Violation> {
    let Some(order) = &at.event.envelope.order else {
        return violation(rule::ORDER_MATCHES, "several reservations are closed at once without an order".into());
    };
    let mut youngest: BTreeMap<Position, Seq> = BTreeMap::new();
    let mut parts: BTreeMap<(Seq, Position), i64> = BTreeMap::new();
    for hold in closes {
        let seq = youngest.entry(hold.position).or_default();
        *seq = (*seq).max(hold.reservation);
        parts.insert((hold.reservation, hold.position), hold.quantity.0);
    }
    for reservation in at.state.reservations_of(order).filter(|reservation| reservation.is_held(at.now())) {
        for line in &reservation.lines {
            let older = youngest.get(&line.position).is_some_and(|youngest| reservation.seq < *youngest);
            let part = parts.get(&(reservation.seq, line.position)).copied().unwrap_or(0);
            ensure(!older || part == line.open, rule::OLDEST_FIRST, || {
                format!(
                    "{part} of {} are closed of event {} at {}, and a younger hold beside it",
                    line.open, reservation.seq, line.position
                )
            })?;
        }
    }
    Ok(())
}

/// Goods that leave now are there; what is reserved by others does not matter.
fn sellable(at: &Ground<'_>, closes: &[HoldLine]) -> Result<(), Violation> {
    let mut wanted: SmallVec<[(Position, i64); 4]> =
        closes.iter().map(|hold| (hold.position, hold.quantity.0)).collect();
    wanted.sort_unstable_by_key(|(position, _)| *position);
    for same in wanted.chunk_by(|a, b| a.0 == b.0) {
        let Some((position, _)) = same.first() else { continue };
        let wanted = same.iter().fold(0_i64, |sum, (_, quantity)| sum.saturating_add(*quantity));
        let there = at.state.position(*position).map_or(0, |entry| entry.sellable.quantity);
        ensure(wanted <= there, rule::SELLABLE, || {
            format!("{wanted} of {position} are fulfilled, {there} were sellable")
        })?;
    }
    Ok(())
}

/// Goods leave without a hold only beyond the holds that are closed on the same position.
fn used_up(at: &Ground<'_>, closes: &[HoldLine], unreserved: &[Line]) -> Result<(), Violation> {
    let beyond: std::collections::BTreeSet<Position> = unreserved.iter().map(|line| line.position).collect();
    for hold in closes.iter().filter(|hold| beyond.contains(&hold.position)) {
        let open = at.state.reservation(hold.reservation).and_then(|held| held.open_on(hold.position)).unwrap_or(0);
        ensure(hold.quantity.0 == open, rule::DEPARTURE, || {
            format!(
                "{} of {open} that event {} holds at {} are closed, and more leave without a hold",
                hold.quantity.0, hold.reservation, hold.position
            )
        })?;
    }
    Ok(())
}

pub(super) fn expired(at: &Ground<'_>, reservations: &[Seq]) -> Result<(), Violation> {
    let mut last = None;
    let mut lines = 0_usize;
    for seq in reservations {
        let reservation = open(at, *seq)?;
        ensure(reservation.deadline <= at.now(), rule::EXPIRY_DUE, || {
            format!(
                "the reservation of event {seq} lapses at {}, this is recorded at {}",
                reservation.deadline,
                at.now()
            )
        })?;
        let place = Some((reservation.deadline, *seq));
        ensure(last < place, rule::EXPIRY_ORDER, || {
            format!("the reservation of event {seq} stands after one that lapses later, or twice")
        })?;
        last = place;
        lines = lines.saturating_add(reservation.lines.len());
    }
    let fits = !reservations.is_empty() && (lines <= EXPIRY_LINES_MAX || reservations.len() == 1);
    ensure(fits, rule::EXPIRY_SIZE, || format!("{} reservations with {lines} lines expire at once", reservations.len()))
}
