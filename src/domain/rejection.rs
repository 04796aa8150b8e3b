//! Rejections: the business says no. Values with a stable code and number, ordered by precedence, with the figures.
//!
//! Where several apply, the one with the lowest number is given; a rejection that can hold for several lines
//! names the first such line, a shortage names every one.

use super::command::ItemStatus;
use super::ids::{AlertId, CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use super::line::Bucket;
use super::text::OrderRef;
use serde::Serialize;
use std::fmt;

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Rejection {
    /// A limit of the ledger.
    LimitExceeded {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        actual: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// A quantity that the command can't have.
    InvalidQuantity {
        /// The line, from 0.
        line: usize,
        /// The quantity, in smallest units.
        quantity: i64,
        /// What it must be.
        must: &'static str,
    },
    /// Another field that the command can't have.
    InvalidField {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A fact or count dated too far ahead of the ledger's clock.
    OccurredInFuture {
        /// Its date.
        occurred_at: Timestamp,
        /// The ledger's clock.
        now: Timestamp,
        /// How far ahead it may be, in microseconds.
        ahead_micros_max: i64,
    },
    /// The command id, or the source and external id, stand in the log with other content.
    CommandIdReused {
        /// The event that they made.
        seq: Seq,
        /// The first thing that differs.
        differs: String,
    },
    /// A count dated in a closed period, or a close that goes no further than what is closed.
    PeriodClosed {
        /// The location.
        location: LocationId,
        /// What happened there before this instant is closed.
        closed_until: Timestamp,
        /// The instant that the command names.
        at: Timestamp,
    },
    /// Some commands of a unit are in the log already and others are not.
    UnitPartlyKnown {
        /// The first command that is known, from 0.
        known: usize,
        /// The event that it made.
        seq: Seq,
        /// The first command that is not known, from 0.
        unknown: usize,
    },
    /// No such item.
    ProductNotFound {
        /// The id.
        item: ItemId,
    },
    /// No such location.
    LocationNotFound {
        /// The id.
        location: LocationId,
    },
    /// No such lot of that item.
    LotNotFound {
        /// The id.
        lot: LotId,
        /// The item.
        item: ItemId,
    },
    /// No such alias in use.
    AliasNotFound {
        /// Its text.
        alias: String,
    },
    /// No such alert, or one that a later one has replaced.
    AlertNotFound {
        /// The id.
        alert: AlertId,
    },
    /// Nothing in transit under that transfer.
    TransferNotFound {
        /// The id.
        transfer: TransferId,
    },
    /// An event that a command names as its cause does not exist.
    CauseNotFound {
        /// The seq named.
        cause: Seq,
        /// The newest seq.
        head: Seq,
    },
    /// The alias is in use.
    AlreadyExists {
        /// Its text.
        alias: String,
    },
    /// What is asked is so already.
    NoChange {
        /// What is so.
        what: &'static str,
    },
    /// The alert is resolved or dismissed already.
    AlertClosed {
        /// The id.
        alert: AlertId,
    },
    /// The item has moved, its decimals are fixed.
    DecimalsFixed {
        /// The item.
        item: ItemId,
        /// Its decimals.
        decimals: u8,
    },
    /// The position has changed since the caller looked.
    VersionConflict {
        /// The line, from 0.
        line: usize,
        /// The position.
        position: Position,
        /// The version that the caller saw.
        seen: Seq,
        /// The version that it has.
        current: Seq,
    },
    /// The item may not be promised.
    ProductUnavailable {
        /// The item.
        item: ItemId,
        /// Its status.
        status: ItemStatus,
    },
    /// The location is retired.
    LocationUnavailable {
        /// The location.
        location: LocationId,
    },
    /// The lot is retired.
    LotUnavailable {
        /// The lot.
        lot: LotId,
    },
    /// No open hold.
    NoReservation {
        /// The reservation asked for.
        reservation: Option<CommandId>,
        /// The order asked for.
        order: Option<OrderRef>,
        /// The position that has no hold there, where it is about one line.
        position: Option<Position>,
    },
    /// More than is open.
    QuantityMismatch {
        /// The position.
        position: Position,
        /// What was asked for.
        wanted: i64,
        /// What is open.
        open: i64,
    },
    /// More would come back than went out.
    ReturnExceedsShipped {
        /// The order.
        order: OrderRef,
        /// The item.
        item: ItemId,
        /// What is said to come back.
        wanted: i64,
        /// What was shipped less what came back, at any location.
        returnable: i64,
    },
    /// Not enough stock, with every short line.
    InsufficientStock {
        /// What is short.
        short: Vec<Shortage>,
    },
    /// A figure would leave the range of the ledger.
    Overflow {
        /// Where.
        position: Position,
        /// Which figure.
        what: &'static str,
    },
}

/// One short position of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shortage {
    /// Where.
    pub position: Position,
    /// Which bucket.
    pub bucket: Bucket,
    /// What was wanted, summed over the command's lines, in smallest units.
    pub wanted: i64,
    /// What can be had, in smallest units; negative when oversold.
    pub available: i64,
}

impl Rejection {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code_and_number().0
    }

    /// The stable number; a lower one goes before a higher one.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.code_and_number().1
    }

    // 10 (NOT_AUTHORIZED) is kept for roles.
    const fn code_and_number(&self) -> (&'static str, u16) {
        match self {
            Self::LimitExceeded { .. } => ("LIMIT_EXCEEDED", 20),
            Self::InvalidQuantity { .. } => ("INVALID_QUANTITY", 30),
            Self::InvalidField { .. } => ("INVALID_FIELD", 31),
            Self::CommandIdReused { .. } => ("COMMAND_ID_REUSED", 40),
            Self::UnitPartlyKnown { .. } => ("UNIT_PARTLY_KNOWN", 41),
            Self::OccurredInFuture { .. } => ("OCCURRED_IN_FUTURE", 50),
            Self::PeriodClosed { .. } => ("PERIOD_CLOSED", 51),
            Self::ProductNotFound { .. } => ("PRODUCT_NOT_FOUND", 60),
            Self::LocationNotFound { .. } => ("LOCATION_NOT_FOUND", 61),
            Self::LotNotFound { .. } => ("LOT_NOT_FOUND", 62),
            Self::AliasNotFound { .. } => ("ALIAS_NOT_FOUND", 63),
            Self::AlertNotFound { .. } => ("ALERT_NOT_FOUND", 64),
            Self::TransferNotFound { .. } => ("TRANSFER_NOT_FOUND", 65),
            Self::CauseNotFound { .. } => ("CAUSE_NOT_FOUND", 66),
            Self::AlreadyExists { .. } => ("ALREADY_EXISTS", 70),
            Self::NoChange { .. } => ("NO_CHANGE", 71),
            Self::AlertClosed { .. } => ("ALERT_CLOSED", 72),
            Self::DecimalsFixed { .. } => ("DECIMALS_FIXED", 73),
            Self::VersionConflict { .. } => ("VERSION_CONFLICT", 80),
            Self::ProductUnavailable { .. } => ("PRODUCT_UNAVAILABLE", 90),
            Self::LocationUnavailable { .. } => ("LOCATION_UNAVAILABLE", 91),
            Self::LotUnavailable { .. } => ("LOT_UNAVAILABLE", 92),
            Self::NoReservation { .. } => ("NO_RESERVATION", 100),
            Self::QuantityMismatch { .. } => ("QUANTITY_MISMATCH", 101),
            Self::ReturnExceedsShipped { .. } => ("RETURN_EXCEEDS_SHIPPED", 110),
            Self::InsufficientStock { .. } => ("INSUFFICIENT_STOCK", 120),
            Self::Overflow { .. } => ("OVERFLOW", 130),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitExceeded { what, actual, limit } => write!(f, "{actual} {what}, at most {limit} are allowed"),
            Self::InvalidQuantity { line, quantity, must } => {
                write!(f, "line {line} has the quantity {quantity}, it must be {must}")
            }
            Self::InvalidField { field, problem } => write!(f, "{field}: {problem}"),
            Self::OccurredInFuture { occurred_at, now, ahead_micros_max } => write!(
                f,
                "dated {occurred_at}, which is more than {} s ahead of the ledger's clock ({now})",
                ahead_micros_max / 1_000_000
            ),
            Self::CommandIdReused { seq, differs } => {
                write!(f, "event {seq} has this id with other content: {differs} differs")
            }
            Self::PeriodClosed { location, closed_until, at } => {
                write!(f, "location {location} is closed up to {closed_until}, and the command names {at}")
            }
            Self::UnitPartlyKnown { known, seq, unknown } => {
                write!(f, "command {known} of the unit is event {seq} already, command {unknown} is not in the log")
            }
            Self::ProductNotFound { item } => write!(f, "there is no item {item}"),
            Self::LocationNotFound { location } => write!(f, "there is no location {location}"),
            Self::LotNotFound { lot, item } => write!(f, "item {item} has no lot {lot}"),
            Self::AliasNotFound { alias } => write!(f, "the name {alias:?} is not in use; case matters"),
            Self::AlertNotFound { alert } => write!(f, "there is no alert {alert}, or a later one has replaced it"),
            Self::TransferNotFound { transfer } => write!(f, "nothing is in transit under transfer {transfer}"),
            Self::CauseNotFound { cause, head } => {
                write!(f, "the cause names event {cause}, the newest event is {head}")
            }
            Self::AlreadyExists { alias } => write!(f, "the name {alias:?} is in use"),
            Self::NoChange { what } => write!(f, "{what} already"),
            Self::AlertClosed { alert } => write!(f, "alert {alert} is closed already"),
            Self::DecimalsFixed { item, decimals } => {
                write!(f, "item {item} has moved, its {decimals} decimals are fixed")
            }
            Self::VersionConflict { line, position, seen, current } => {
                write!(f, "line {line} saw version {seen} of {position}, it has version {current} now")
            }
            Self::ProductUnavailable { item, status } => write!(f, "item {item} can't be promised: it is {status:?}"),
            Self::LocationUnavailable { location } => write!(f, "location {location} is retired"),
            Self::LotUnavailable { lot } => write!(f, "lot {lot} is retired"),
            Self::NoReservation { reservation, order, position } => {
                f.write_str("there is no open hold")?;
                if let Some(reservation) = reservation {
                    write!(f, " of reservation {reservation}")?;
                }
                if let Some(order) = order {
                    write!(f, " for order {order}")?;
                }
                position.map_or(Ok(()), |position| write!(f, " on {position}"))
            }
            Self::QuantityMismatch { position, wanted, open } => {
                write!(f, "{wanted} wanted on {position}, {open} are open")
            }
            Self::ReturnExceedsShipped { order, item, wanted, returnable } => {
                write!(f, "{wanted} of item {item} are said to come back on order {order}, {returnable} are out")
            }
            Self::InsufficientStock { short } => {
                f.write_str("not enough stock:")?;
                for (index, line) in short.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ";" };
                    write!(f, "{comma} {} wanted, {} available of {}", line.wanted, line.available, line.position)?;
                }
                Ok(())
            }
            Self::Overflow { position, what } => write!(f, "{what} of {position} would leave the ledger's range"),
        }
    }
}

impl std::error::Error for Rejection {}
