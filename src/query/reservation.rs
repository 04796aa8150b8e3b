//! Reservations: one, those of an order, those at a position, all of them.

use super::Answer;
use super::cursor::SortValue;
use super::page::{Direction, Listing, Order, Page, Paging, Picker, QueryError};
use super::place::{Place, Scope};
use super::stock::{Stock, stock_at};
use crate::domain::ids::{CommandId, Position, Seq, Timestamp};
use crate::domain::names::Names;
use crate::domain::state::{Reservation, State};
use crate::domain::text::OrderRef;
use serde::{Deserialize, Serialize};

/// An open reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReservationView {
    /// The command that made it.
    pub id: CommandId,
    /// The event that made it.
    pub seq: Seq,
    /// The order that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// When it was recorded.
    pub reserved_at: Timestamp,
    /// When it lapses; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What is open of it, in its own order.
    pub lines: Vec<HeldRow>,
}

/// What a reservation holds at one position, in the item's smallest units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldRow {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is open.
    pub open: i64,
    /// What of it sellable stock covers, older reservations first.
    pub covered: i64,
    /// What of it is oversold.
    pub uncovered: i64,
}

impl ReservationView {
    fn of(state: &State, reservation: &Reservation, as_of: Timestamp) -> Self {
        let names = Names::of(state);
        let lines = reservation.lines.iter().map(|line| {
            let uncovered = uncovered_of(state, line.position, reservation.seq, as_of);
            HeldRow {
                place: Place::of(&names, line.position),
                open: line.open,
                covered: line.open.saturating_sub(uncovered),
                uncovered,
            }
        });
        Self {
            id: reservation.id,
            seq: reservation.seq,
            order: reservation.order.clone(),
            reserved_at: reservation.reserved_at,
            deadline: deadline(reservation),
            lines: lines.collect(),
        }
    }
}

fn deadline(reservation: &Reservation) -> Option<Timestamp> {
    Some(reservation.deadline).filter(|deadline| *deadline != Timestamp::NEVER)
}

/// An open reservation by its id; none where it is unknown, closed or lapsed.
///
/// # Example
/// ```
/// # use counterfoil::domain::{ids::{CommandId, Timestamp}, state::State};
/// # let (state, now, id) = (State::default(), Timestamp(0), CommandId::from_bytes([7; 16]));
/// match counterfoil::query::reservation(&state, now, id).value {
///     Some(held) => println!("{} lines until {:?}", held.lines.len(), held.deadline),
///     None => println!("nothing is held under this id"),
/// }
/// ```
#[must_use]
pub fn reservation(state: &State, now: Timestamp, id: CommandId) -> Answer<Option<ReservationView>> {
    Answer::from_state(state, now, |as_of| {
        let reservation = state.reservation_by_id(id).filter(|reservation| reservation.is_held(as_of))?;
        Some(ReservationView::of(state, reservation, as_of))
    })
}

/// The open reservations of an order with their lines, oldest first, page by page.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn reservations_of_order(
    state: &State,
    now: Timestamp,
    order: &OrderRef,
    paging: &Paging,
) -> Result<Answer<Page<ReservationView>>, QueryError> {
    let listing = Listing { list: "order", by: "seq", direction: Direction::Ascending };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |as_of| {
        for reservation in state.reservations_of(order).filter(|reservation| reservation.is_held(as_of)) {
            picker.offer(by_seq(reservation.seq), tie_of(reservation.seq), reservation);
        }
        picker.page(|reservation| ReservationView::of(state, reservation, as_of))
    }))
}

const fn tie_of(seq: Seq) -> [u64; 3] {
    [seq.0, 0, 0]
}

fn by_seq(seq: Seq) -> SortValue<'static> {
    SortValue::Number(i64::try_from(seq.0).unwrap_or(i64::MAX))
}

/// Who holds the units of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holders {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How things stand there; `reserved` is the sum over all holders.
    #[serde(flatten)]
    pub stock: Stock,
    /// Who, oldest first.
    pub holders: Page<Holder>,
}

/// One reservation that holds units of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// The reservation.
    pub id: CommandId,
    /// The event that made it.
    pub seq: Seq,
    /// The order that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// When it was recorded.
    pub reserved_at: Timestamp,
    /// When it lapses; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What it holds here.
    pub open: i64,
    /// What of it sellable stock covers, older reservations first.
    pub covered: i64,
    /// What of it is oversold.
    pub uncovered: i64,
}

/// Who holds the units of a position: oldest first, with what stock covers of each, page by page.
///
/// None where [`stock()`](super::stock()) knows no such position. Walks over all holds there.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn holders(
    state: &State,
    now: Timestamp,
    position: Position,
    paging: &Paging,
) -> Result<Answer<Option<Holders>>, QueryError> {
    let listing = Listing { list: "holders", by: "seq", direction: Direction::Ascending };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |as_of| {
        let stock = stock_at(state, position, as_of)?;
        let mut left = stock.sellable.max(0);
        for (seq, open) in held_at(state, position, as_of) {
            let covered = open.min(left);
            left -= covered;
            picker.offer(by_seq(seq), tie_of(seq), (seq, open, covered));
        }
        let mut page = picker.page(|(seq, open, covered)| {
            let reservation = state.reservation(seq)?;
            Some(Holder {
                id: reservation.id,
                seq,
                order: reservation.order.clone(),
                reserved_at: reservation.reserved_at,
                deadline: deadline(reservation),
                open,
                covered,
                uncovered: open.saturating_sub(covered),
            })
        });
        let rows = page.rows.drain(..).flatten().collect();
        let holders = Page { rows, matched: page.matched, next: page.next };
        Some(Holders { place: Place::of(&Names::of(state), position), stock, holders })
    }))
}

/// What open, unlapsed reservations hold at a position, oldest first.
fn held_at(
    state: &State,
    position: Position,
    as_of: Timestamp,
) -> impl DoubleEndedIterator<Item = (Seq, i64)> + use<'_> {
    // Where no deadline has passed yet, each hold need not be looked up.
    let none_lapsed = state.position(position).is_some_and(|entry| state.held_of(position, entry, as_of) == entry.open);
    state.holds_at(position).filter(move |(seq, _)| {
        none_lapsed || state.reservation(*seq).is_some_and(|reservation| reservation.is_held(as_of))
    })
}

/// The holds that the shortfall of a position falls on, from the youngest down: what each holds and lacks.
pub(super) fn uncovered_at(
    state: &State,
    position: Position,
    as_of: Timestamp,
) -> impl Iterator<Item = (&Reservation, i64, i64)> {
    let mut short = shortfall(state, position, as_of);
    let holds = held_at(state, position, as_of).rev();
    holds
        .map_while(move |(seq, open)| {
            let uncovered = open.min(short);
            short -= uncovered;
            (uncovered > 0).then_some((seq, open, uncovered))
        })
        .filter_map(|(seq, open, uncovered)| Some((state.reservation(seq)?, open, uncovered)))
}

/// What one reservation lacks at a position.
fn uncovered_of(state: &State, position: Position, seq: Seq, as_of: Timestamp) -> i64 {
    let mut uncovered = uncovered_at(state, position, as_of);
    uncovered.find(|(reservation, ..)| reservation.seq <= seq).map_or(0, |(reservation, _, short)| {
        // The first that is not younger is the reservation itself, or an older one if it holds nothing here.
        if reservation.seq == seq { short } else { 0 }
    })
}

fn shortfall(state: &State, position: Position, as_of: Timestamp) -> i64 {
    state.available(position, as_of).saturating_neg().max(0)
}

/// Which reservations a question is about: all open ones that agree with every part that is set.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReservationFilter {
    /// Those that hold something at these positions; lines elsewhere are not counted.
    pub scope: Scope,
    /// Those of this order.
    pub order: Option<OrderRef>,
    /// Those recorded before this instant.
    pub reserved_before: Option<Timestamp>,
    /// Those that lapse before this instant.
    pub lapsing_before: Option<Timestamp>,
}

/// A reservation that a filter admits, with what it holds in the filter's scope.
#[derive(Clone, Copy)]
pub(super) struct Admitted<'a> {
    pub(super) reservation: &'a Reservation,
    pub(super) lines: u64,
    pub(super) units: i128,
}

impl ReservationFilter {
    /// Calls `visit` for every reservation that is open and admitted, in no order.
    pub(super) fn for_each<'a>(&self, state: &'a State, as_of: Timestamp, mut visit: impl FnMut(Admitted<'a>)) {
        let mut look = |reservation: &'a Reservation| {
            if let Some(admitted) = self.admit(state, reservation, as_of) {
                visit(admitted);
            }
        };
        if let Some(order) = &self.order {
            return state.reservations_of(order).for_each(look);
        }
        match self.scope.only_position() {
            Some(position) => {
                state.holds_at(position).filter_map(|(seq, _)| state.reservation(seq)).for_each(look);
            }
            None => state.reservations().for_each(&mut look),
        }
    }

    fn admit<'a>(&self, state: &State, reservation: &'a Reservation, as_of: Timestamp) -> Option<Admitted<'a>> {
        let admitted = reservation.is_held(as_of)
            && self.order.as_ref().is_none_or(|order| reservation.order.as_ref() == Some(order))
            && self.reserved_before.is_none_or(|before| reservation.reserved_at < before)
            && self.lapsing_before.is_none_or(|before| reservation.deadline < before);
        if !admitted {
            return None;
        }
        let in_scope = reservation.lines.iter().filter(|line| self.scope.admits(state, line.position));
        let (lines, units) = in_scope.fold((0, 0), |(lines, units), line| (lines + 1, units + i128::from(line.open)));
        (lines > 0).then_some(Admitted { reservation, lines, units })
    }
}

/// What reservations can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationSort {
    /// The event that made it: ascending is oldest first.
    #[default]
    Seq,
    /// When it lapses; those that never do stand last when ascending.
    Deadline,
    /// The order that it is for; those without one stand first when ascending.
    Order,
    /// Units in the filter's scope.
    Units,
}

impl ReservationSort {
    const fn name(self) -> &'static str {
        match self {
            Self::Seq => "seq",
            Self::Deadline => "deadline",
            Self::Order => "order",
            Self::Units => "units",
        }
    }

    fn value<'a>(self, admitted: &Admitted<'a>) -> SortValue<'a> {
        let reservation = admitted.reservation;
        match self {
            Self::Seq => by_seq(reservation.seq),
            Self::Deadline => SortValue::Number(reservation.deadline.0),
            Self::Order => SortValue::Text(reservation.order.as_ref().map_or("", OrderRef::as_str)),
            Self::Units => SortValue::Number(i64::try_from(admitted.units).unwrap_or(i64::MAX)),
        }
    }
}

/// A reservation in a list; [`reservation`] has its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReservationRow {
    /// The command that made it.
    pub id: CommandId,
    /// The event that made it.
    pub seq: Seq,
    /// The order that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// When it was recorded.
    pub reserved_at: Timestamp,
    /// When it lapses; never where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Positions in the filter's scope where it holds something.
    pub lines: u64,
    /// Units that it holds there, in the smallest units of their items.
    pub units: i128,
}

/// Open reservations that the filter admits, sorted, page by page. Equal sort values: oldest first.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn reservations(
    state: &State,
    now: Timestamp,
    filter: &ReservationFilter,
    order: Order<ReservationSort>,
    paging: &Paging,
) -> Result<Answer<Page<ReservationRow>>, QueryError> {
    let listing = Listing { list: "reservations", by: order.by.name(), direction: order.direction };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |as_of| {
        filter.for_each(state, as_of, |admitted| {
            picker.offer(order.by.value(&admitted), tie_of(admitted.reservation.seq), admitted);
        });
        picker.page(|Admitted { reservation, lines, units }| ReservationRow {
            id: reservation.id,
            seq: reservation.seq,
            order: reservation.order.clone(),
            reserved_at: reservation.reserved_at,
            deadline: deadline(reservation),
            lines,
            units,
        })
    }))
}
