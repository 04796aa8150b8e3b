//! Transfers under way, and what is odd about them.

use super::Answer;
use super::cursor::SortValue;
use super::page::{Direction, Listing, Page, Paging, Picker, QueryError};
use super::place::{Place, Scope};
use crate::domain::ids::{LocationId, Position, Timestamp, TransferId};
use crate::domain::names::Names;
use crate::domain::state::{State, Transfer};
use crate::domain::text::AliasText;
use serde::Serialize;

/// What is in transit of one item and lot, in the item's smallest units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransitRow {
    /// The transfer.
    pub transfer: TransferId,
    /// What, and where it goes.
    #[serde(flatten)]
    pub place: Place,
    /// How much; negative where more arrived than left.
    pub quantity: i64,
}

impl TransitRow {
    fn of(names: &Names<'_>, transfer: TransferId, position: Position, quantity: i64) -> Self {
        Self { transfer, place: Place::of(names, position), quantity }
    }
}

/// A transfer under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferView {
    /// The transfer.
    pub transfer: TransferId,
    /// Where it goes.
    pub to: LocationId,
    /// The code that leads there today.
    pub to_code: Option<AliasText>,
    /// What is under way, by item and lot; never zero.
    pub lines: Vec<TransitRow>,
}

/// A transfer under way, in a list; [`transfer`] has its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferRow {
    /// The transfer.
    pub transfer: TransferId,
    /// Where it goes.
    pub to: LocationId,
    /// The code that leads there today.
    pub to_code: Option<AliasText>,
    /// How many items and lots are under way, exceptions included.
    pub lines: u64,
    /// Of how many more arrived than left.
    pub exceptions: u64,
}

/// A transfer under way; none where nothing of it is.
#[must_use]
pub fn transfer(state: &State, now: Timestamp, transfer: TransferId) -> Answer<Option<TransferView>> {
    Answer::from_state(state, now, |_| {
        let under_way = state.transfer(transfer)?;
        let names = Names::of(state);
        let row = |(position, quantity)| TransitRow::of(&names, transfer, position, quantity);
        Some(TransferView {
            transfer,
            to: under_way.to,
            to_code: names.code(under_way.to).cloned(),
            lines: lines_of(under_way).map(row).collect(),
        })
    })
}

/// What is under way, each as the position that it goes to.
fn lines_of(transfer: &Transfer) -> impl Iterator<Item = (Position, i64)> {
    transfer.lines.iter().map(|(&(item, lot), &quantity)| (Position::of_lot(item, transfer.to, lot), quantity))
}

/// Transfers with something in scope under way, in order of their ids, page by page.
///
/// The scope's location is where a transfer goes.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn transfers(
    state: &State,
    now: Timestamp,
    scope: &Scope,
    paging: &Paging,
) -> Result<Answer<Page<TransferRow>>, QueryError> {
    let listing = Listing { list: "transfers", by: "id", direction: Direction::Ascending };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (id, transfer) in state.transfers() {
            if lines_of(transfer).any(|(position, _)| scope.admits(state, position)) {
                picker.offer(SortValue::Number(0), tie_of(*id, 0), (*id, transfer));
            }
        }
        let names = Names::of(state);
        picker.page(|(id, transfer)| TransferRow {
            transfer: id,
            to: transfer.to,
            to_code: names.code(transfer.to).cloned(),
            lines: transfer.lines.len() as u64,
            exceptions: transfer.lines.values().filter(|quantity| **quantity < 0).count() as u64,
        })
    }))
}

/// What arrived without having left: negative transit, the most negative first, page by page.
///
/// The scope's location is where the transfer goes.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
pub fn transit_exceptions(
    state: &State,
    now: Timestamp,
    scope: &Scope,
    paging: &Paging,
) -> Result<Answer<Page<TransitRow>>, QueryError> {
    let listing = Listing { list: "transit_exceptions", by: "quantity", direction: Direction::Ascending };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (id, transfer) in state.transfers() {
            let negative = lines_of(transfer).filter(|(_, quantity)| *quantity < 0);
            for (position, quantity) in negative.filter(|(position, _)| scope.admits(state, *position)) {
                let goods = u64::from(position.item.0) << 32 | u64::from(position.lot.0);
                picker.offer(SortValue::Number(quantity), tie_of(*id, goods), (*id, position, quantity));
            }
        }
        let names = Names::of(state);
        picker.page(|(id, position, quantity)| TransitRow::of(&names, id, position, quantity))
    }))
}

fn tie_of(transfer: TransferId, goods: u64) -> [u64; 3] {
    let (high, low) = transfer.0.as_u64_pair();
    [high, low, goods]
}
