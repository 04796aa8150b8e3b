//! The table of kinds: every command and every event, with its numbers and its name, in one place.
//!
//! Each kind is a struct in the folder of its family. A command's struct is a [`CommandPayload`], an event's an
//! [`EventPayload`]; neither trait has a default method, so the compiler names what a new kind forgets. Numbers are
//! promises: a command's goes into digests, an event's into indexes and into the stored format.

use super::account::Posting;
use super::command::Command;
use super::decide::{Deciding, Form, Needs};
use super::effect::{Before, Effect};
use super::evolve::Evolving;
use super::fields::{EventLines, Field, Subject};
use super::ids::{Position, Timestamp};
use super::rejection::Rejection;
use super::state::State;
use serde::{Deserialize, Serialize};

/// The nature of a command: how strictly it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// Already happened: refused for form, time or authority, never for lack of stock.
    Fact,
    /// Strictly checked, all-or-nothing over its lines.
    Promise,
    /// Acts on what exists.
    Instruction,
}

/// What a kind of command says of itself.
pub(crate) trait CommandPayload {
    /// How strictly it is checked; only facts may be dated.
    fn nature(&self) -> Nature;

    /// Calls `each` with everything that it says, field by field, with the field's number in digests.
    ///
    /// Digest, names, deadlines and differences are made of this, so a field that is missing here makes two different
    /// commands the same.
    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>));

    /// Judges its form: what no state and no time can make right.
    fn validate(&self, command: &Command, form: &mut Form);

    /// What must be looked up in indexes before it can be decided.
    fn needs(&self, state: &State, command: &Command, now: Timestamp) -> Needs;

    /// The event that it becomes, or the rejection with the lowest number.
    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection>;
}

/// What a kind of event says of itself.
pub(crate) trait EventPayload {
    /// Calls `post` for every posting, in the order of its lines. Counts have none: what they put right follows from the
    /// state.
    fn postings(&self, post: &mut dyn FnMut(Posting));

    /// Changes the state in all that its postings don't say; the postings follow.
    fn evolve(&self, at: &mut Evolving<'_>);

    /// Calls `tell` for every step of a figure that its postings don't say, given the state before it.
    fn effects(&self, before: &Before<'_>, tell: &mut dyn FnMut(Effect));

    /// Calls `about` for what it names without changing a figure of a position, given the state before it.
    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject));

    /// Calls `ship` for what left on the event's order (positive) or came back on it (negative).
    fn shipments(&self, ship: &mut dyn FnMut(Position, i64));

    /// Its lines, as they were asked for.
    fn lines(&self) -> EventLines<'_>;
}

/// The methods of an [`EventPayload`] that moves no goods and names no position by itself.
macro_rules! moves_nothing {
    () => {
        fn postings(&self, _: &mut dyn FnMut($crate::domain::account::Posting)) {}

        fn effects(&self, _: &$crate::domain::effect::Before<'_>, _: &mut dyn FnMut($crate::domain::effect::Effect)) {}

        fn shipments(&self, _: &mut dyn FnMut($crate::domain::ids::Position, i64)) {}

        fn lines(&self) -> $crate::domain::fields::EventLines<'_> {
            $crate::domain::fields::EventLines::None
        }
    };
}
pub(crate) use moves_nothing;

/// The method of a [`CommandPayload`] for which the state is enough.
macro_rules! needs_nothing {
    () => {
        fn needs(
            &self,
            _: &$crate::domain::state::State,
            _: &$crate::domain::command::Command,
            _: $crate::domain::ids::Timestamp,
        ) -> $crate::domain::decide::Needs {
            $crate::domain::decide::Needs::Nothing
        }
    };
}
pub(crate) use needs_nothing;

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $family:ident::$kind:ident = $number:literal $name:literal;)*) => {
        /// The structs of all kinds of commands.
        pub(crate) mod commands {
            $(pub use crate::domain::$family::$kind;)*
        }
        use commands::*;

        /// What is asked: facts, promises and instructions.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Act {
            $($(#[doc = $doc])+ $kind($kind),)*
        }

        $(impl From<$kind> for Act {
            fn from(payload: $kind) -> Self {
                Self::$kind(payload)
            }
        })*

        /// The kinds of commands, with their stable numbers and names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CommandKind {
            $($(#[doc = $doc])+ $kind = $number,)*
        }

        impl CommandKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The kind's name in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }

        impl Act {
            /// Which kind it is.
            #[must_use]
            pub const fn kind(&self) -> CommandKind {
                match self {
                    $(Self::$kind(_) => CommandKind::$kind,)*
                }
            }

            pub(crate) fn payload(&self) -> &dyn CommandPayload {
                match self {
                    $(Self::$kind(payload) => payload,)*
                }
            }
        }
    };
}

commands! {
    /// Instruction: make an item, known by this SKU.
    registry::CreateItem = 1 "create_item";
    /// Instruction: change an item's decimals, before its first movement only.
    registry::SetDecimals = 2 "set_decimals";
    /// Instruction: change what may be promised of an item.
    registry::SetItemStatus = 3 "set_item_status";
    /// Instruction: make a location, known by this code.
    registry::CreateLocation = 4 "create_location";
    /// Instruction: retire a location, or bring it back.
    registry::SetLocationStatus = 5 "set_location_status";
    /// Instruction: make a lot of an item, known by this code.
    registry::CreateLot = 6 "create_lot";
    /// Instruction: retire a lot, or bring it back.
    registry::SetLotStatus = 7 "set_lot_status";
    /// Instruction: give a thing one more alias.
    registry::AddAlias = 8 "add_alias";
    /// Instruction: change the text of an alias.
    registry::RenameAlias = 9 "rename_alias";
    /// Instruction: let an alias name another thing from now on; the thing it named keeps its history.
    registry::MergeAlias = 10 "merge_alias";
    /// Instruction: take an alias out of use; its text is free again.
    registry::RetireAlias = 11 "retire_alias";
    /// Instruction: set or clear the reorder point of a position.
    alerts::SetReorderPoint = 12 "set_reorder_point";
    /// Instruction: close the past of a location, as reports see it.
    period::ClosePeriod = 30 "close_period";
    /// Fact: goods came from a supplier.
    stock::Receive = 13 "receive";
    /// Fact: a till says that stock changed.
    stock::PosDelta = 14 "pos_delta";
    /// Fact: goods came back from a customer, against the command's order or explicitly without one.
    stock::Return = 15 "return";
    /// Fact: stock was found or lost; the command's reason says why.
    stock::Adjust = 16 "adjust";
    /// Fact: stock was counted.
    stock::Count = 17 "count";
    /// Fact: goods left a location for another one.
    transfers::ShipTransfer = 18 "ship_transfer";
    /// Fact: goods of a transfer arrived.
    transfers::ReceiveTransfer = 19 "receive_transfer";
    /// Fact: nothing more of a transfer will arrive; the rest is lost.
    transfers::CloseTransfer = 20 "close_transfer";
    /// Promise: hold stock, all lines or none.
    reservations::Reserve = 21 "reserve";
    /// Promise: change what a reservation holds; only the increase is checked.
    reservations::Amend = 22 "amend";
    /// Promise: move the deadline of a reservation.
    reservations::Extend = 23 "extend";
    /// Instruction: ship what is held.
    reservations::Fulfil = 24 "fulfil";
    /// Instruction: let go what is held and not shipped.
    reservations::Release = 25 "release";
    /// Instruction: move stock between sellable and unsellable.
    stock::Reclassify = 26 "reclassify";
    /// Instruction: somebody has seen an alert.
    alerts::AcknowledgeAlert = 27 "acknowledge_alert";
    /// Instruction: somebody has dealt with an alert.
    alerts::ResolveAlert = 28 "resolve_alert";
    /// Instruction: an alert does not matter.
    alerts::DismissAlert = 29 "dismiss_alert";
}

macro_rules! answered {
    () => {
        None
    };
    ($kind:ident) => {
        Some(CommandKind::$kind)
    };
}

macro_rules! events {
    (
        one_kind {
            $($(#[doc = $doc:literal])+ $family:ident::$kind:ident = $number:literal $name:literal [$($answers:ident)?];)*
        }
        many_kinds {
            $($(#[doc = $many_doc:literal])+
            $many_family:ident::$many:ident($payload:ident) = $many_name:literal [$many_answers:ident];)*
        }
        kinds_of_many { $($(#[doc = $part_doc:literal])+ $part:ident = $part_number:literal $part_name:literal;)* }
    ) => {
        /// The structs of all kinds of events.
        pub(crate) mod events {
            $(pub use crate::domain::$family::$kind;)*
            $(pub use crate::domain::$many_family::$payload;)*
        }
        use events::*;

        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $($(#[doc = $doc])+ $kind($kind),)*
            $($(#[doc = $many_doc])+ $many($payload),)*
        }

        $(impl From<$kind> for Body {
            fn from(payload: $kind) -> Self {
                Self::$kind(payload)
            }
        })*

        /// What an event says happened. A till's delta is five kinds, by what it moved.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $kind = $number,)*
            $($(#[doc = $part_doc])+ $part = $part_number,)*
        }

        impl EventKind {
            /// Every kind, by number.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)* $(Self::$part,)*];

            /// The kind's stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                    $(Self::$part => $part_name,)*
                }
            }

            /// The kind with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$kind),)*
                    $($part_number => Some(Self::$part),)*
                    _ => None,
                }
            }

            /// The kind of an event.
            #[must_use]
            pub const fn of(body: &Body) -> Self {
                match body {
                    $(Body::$kind(_) => Self::$kind,)*
                    $(Body::$many(payload) => payload.kind(),)*
                }
            }
        }

        impl Body {
            /// Its name in JSON: that of its kind, and one for all deltas of tills.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name,)*
                    $(Self::$many(_) => $many_name,)*
                }
            }

            /// The kind of command that it answers; none for what the ledger writes itself.
            #[must_use]
            pub const fn answers(&self) -> Option<CommandKind> {
                match self {
                    $(Self::$kind(_) => answered!($($answers)?),)*
                    $(Self::$many(_) => answered!($many_answers),)*
                }
            }

            pub(crate) fn payload(&self) -> &dyn EventPayload {
                match self {
                    $(Self::$kind(payload) => payload,)*
                    $(Self::$many(payload) => payload,)*
                }
            }
        }
    };
}

events! {
    one_kind {
        /// The ledger was made; always and only seq 0.
        own::Genesis = 1 "genesis" [];
        /// The rules have another version from here on.
        own::RulesChanged = 2 "rules_changed" [];
        /// An actor accepted the clock as it is after it stepped or stood behind the log.
        own::ClockAccepted = 3 "clock_accepted" [];
        /// Holds lapsed: bookkeeping by the ledger. All that is open of each reservation.
        reservations::Expired = 4 "expired" [];
        /// An item was made.
        registry::ItemCreated = 10 "item_created" [CreateItem];
        /// An item's decimals were changed before its first movement.
        registry::DecimalsSet = 11 "decimals_set" [SetDecimals];
        /// An item's status was changed.
        registry::ItemStatusSet = 12 "item_status_set" [SetItemStatus];
        /// A location was made.
        registry::LocationCreated = 13 "location_created" [CreateLocation];
        /// A location was retired or brought back.
        registry::LocationStatusSet = 14 "location_status_set" [SetLocationStatus];
        /// A lot was made.
        registry::LotCreated = 15 "lot_created" [CreateLot];
        /// A lot was retired or brought back.
        registry::LotStatusSet = 16 "lot_status_set" [SetLotStatus];
        /// An alias was added.
        registry::AliasAdded = 17 "alias_added" [AddAlias];
        /// An alias got another text.
        registry::AliasRenamed = 18 "alias_renamed" [RenameAlias];
        /// An alias names another thing from now on.
        registry::AliasMerged = 19 "alias_merged" [MergeAlias];
        /// An alias went out of use.
        registry::AliasRetired = 20 "alias_retired" [RetireAlias];
        /// A reorder point was set or cleared.
        alerts::ReorderPointSet = 21 "reorder_point_set" [SetReorderPoint];
        /// The past of a location was closed.
        period::PeriodClosed = 22 "period_closed" [ClosePeriod];
        /// Goods came: supplier → bucket.
        stock::Received = 30 "received" [Receive];
        /// Goods came back: customer → sellable, unsellable or loss.
        stock::Returned = 32 "returned" [Return];
        /// Stock was found or lost: bucket ↔ found / loss.
        stock::Adjusted = 33 "adjusted" [Adjust];
        /// Stock was counted.
        stock::Counted = 34 "counted" [Count];
        /// Goods left: sellable → transit.
        transfers::TransferShipped = 35 "transfer_shipped" [ShipTransfer];
        /// Goods arrived: transit → bucket.
        transfers::TransferReceived = 36 "transfer_received" [ReceiveTransfer];
        /// The rest of a transfer: transit → loss, or found → transit where more arrived than left.
        transfers::TransferClosed = 37 "transfer_closed" [CloseTransfer];
        /// Stock was held.
        reservations::Reserved = 40 "reserved" [Reserve];
        /// A reservation holds other quantities.
        reservations::Amended = 41 "amended" [Amend];
        /// A reservation has another deadline.
        reservations::Extended = 42 "extended" [Extend];
        /// Held goods were shipped: sellable → customer.
        reservations::Fulfilled = 43 "fulfilled" [Fulfil];
        /// Holds were let go.
        reservations::Released = 44 "released" [Release];
        /// Stock moved between the buckets.
        stock::Reclassified = 45 "reclassified" [Reclassify];
        /// An alert was seen.
        alerts::AlertAcknowledged = 50 "alert_acknowledged" [AcknowledgeAlert];
        /// An alert was dealt with.
        alerts::AlertResolved = 51 "alert_resolved" [ResolveAlert];
        /// An alert does not matter.
        alerts::AlertDismissed = 52 "alert_dismissed" [DismissAlert];
    }
    many_kinds {
        /// A till's delta.
        stock::PosDelta(PosDeltaRecorded) = "pos_delta" [PosDelta];
    }
    kinds_of_many {
        /// A till sold.
        PosSale = 61 "pos_sale";
        /// A till took goods back.
        PosReturn = 62 "pos_return";
        /// A till wrote goods off.
        PosWaste = 63 "pos_waste";
        /// A till took a delivery.
        PosReceipt = 64 "pos_receipt";
        /// A till put stock right.
        PosCorrection = 65 "pos_correction";
    }
}

impl CommandKind {
    /// The kind's stable number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl EventKind {
    /// The kind's stable number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl Act {
    /// Its nature: a fact, a promise or an instruction.
    #[must_use]
    pub fn nature(&self) -> Nature {
        self.payload().nature()
    }

    /// The number of this kind in digests.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.kind().number()
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_the_kind() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_number(kind.number()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.name()));
        }
        assert_eq!(EventKind::from_number(0), None);
    }

    #[test]
    fn no_number_and_no_name_of_a_command_is_used_twice() {
        let mut numbers: Vec<u8> = CommandKind::ALL.iter().map(|kind| kind.number()).collect();
        let mut names: Vec<&str> = CommandKind::ALL.iter().map(|kind| kind.name()).collect();
        numbers.sort_unstable();
        names.sort_unstable();
        assert!(numbers.iter().zip(1..).all(|(number, place)| *number == place), "{numbers:?}");
        names.dedup();
        assert_eq!(names.len(), numbers.len());
    }
}
