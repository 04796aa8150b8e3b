//! What commands and events say, field by field: one list for each kind, of which digest, names, deadlines, differences
//! and indexes are made.

use super::command::{Alias, AliasTarget, Holds};
use super::event::CountedLine;
use super::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp};
use super::line::{CountLine, Line, ReturnLine};

/// One thing that a command says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    /// A number, an id or a choice.
    Integer(i64),
    /// Sixteen bytes of an id.
    Id([u8; 16]),
    /// A text.
    Text(&'a str),
    /// A text that becomes a name in the ledger, and what the field is called.
    NewName(&'static str, &'a str),
    /// An alias that is there.
    Alias(&'a Alias),
    /// An alias that becomes one.
    NewAlias(&'a Alias),
    /// What an alias names.
    Target(AliasTarget),
    /// A position.
    Position(Position),
    /// When a hold lapses; never where absent.
    Deadline(Option<Timestamp>),
    /// A reservation that is there.
    Reservation(CommandId),
    /// Holds that are there.
    Holds(&'a Holds),
    /// Lines; they have the number 16.
    Lines(&'a [Line]),
    /// Which part of the holds is meant; they have the number 16.
    PortionLines(&'a [Line]),
    /// Lines of goods that come back; they have the number 16.
    ReturnLines(&'a [ReturnLine]),
    /// Lines of a count; they have the number 16.
    CountLines(&'a [CountLine]),
}

/// The number of every line in digests.
pub(crate) const LINE: u8 = 16;

/// The lines of an event, as they were asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventLines<'a> {
    /// It has none.
    None,
    /// Each moves or holds a quantity.
    Plain(&'a [Line]),
    /// What left without a hold, of a fulfilment.
    Unreserved(&'a [Line]),
    /// Each came back: against an order, and against nothing.
    Returned(&'a [ReturnLine], &'a [ReturnLine]),
    /// Each was counted.
    Counted(&'a [CountedLine]),
}

/// A thing that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// An item and a location.
    Position(Position),
    /// An item.
    Item(ItemId),
    /// A location.
    Location(LocationId),
    /// A lot, and so its item.
    Lot(LotId),
    /// What an alias names.
    Target(AliasTarget),
    /// The reservation that this event made.
    Reservation(Seq),
}
