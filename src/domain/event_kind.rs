//! The kinds of events, by stable numbers and names: what histories are searched and summed by.

use super::event::{Body, PosDeltaRecorded, PosMovement};
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($number:literal $name:ident $text:literal $doc:literal,)*) => {
        /// What an event says happened. A till's delta is five kinds, by what it moved.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum EventKind {
            $(#[doc = $doc] $name = $number,)*
        }

        impl EventKind {
            /// Every kind, by number.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name,)*];

            /// The kind's stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(EventKind::$name => $text,)*
                }
            }

            /// The kind with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(EventKind::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    1 Genesis "genesis" "The ledger was made.",
    2 RulesChanged "rules_changed" "The rules have another version.",
    3 ClockAccepted "clock_accepted" "The clock was accepted as it is.",
    4 Expired "expired" "Holds lapsed.",
    10 ItemCreated "item_created" "An item was made.",
    11 DecimalsSet "decimals_set" "An item's decimals were changed.",
    12 ItemStatusSet "item_status_set" "An item's status was changed.",
    13 LocationCreated "location_created" "A location was made.",
    14 LocationStatusSet "location_status_set" "A location's status was changed.",
    15 LotCreated "lot_created" "A lot was made.",
    16 LotStatusSet "lot_status_set" "A lot's status was changed.",
    17 AliasAdded "alias_added" "An alias was added.",
    18 AliasRenamed "alias_renamed" "An alias was renamed.",
    19 AliasMerged "alias_merged" "An alias names another thing.",
    20 AliasRetired "alias_retired" "An alias was retired.",
    21 ReorderPointSet "reorder_point_set" "A reorder point was set or cleared.",
    22 PeriodClosed "period_closed" "The past of a location was closed.",
    30 Received "received" "Goods came from a supplier.",
    32 Returned "returned" "Goods came back from a customer.",
    33 Adjusted "adjusted" "Stock was found or lost.",
    34 Counted "counted" "Stock was counted.",
    35 TransferShipped "transfer_shipped" "A transfer left.",
    36 TransferReceived "transfer_received" "A transfer arrived.",
    37 TransferClosed "transfer_closed" "A transfer was closed.",
    40 Reserved "reserved" "Stock was held.",
    41 Amended "amended" "A reservation holds other quantities.",
    42 Extended "extended" "A reservation has another deadline.",
    43 Fulfilled "fulfilled" "Held goods left.",
    44 Released "released" "Holds were let go.",
    45 Reclassified "reclassified" "Stock moved between the buckets.",
    50 AlertAcknowledged "alert_acknowledged" "An alert was seen.",
    51 AlertResolved "alert_resolved" "An alert was dealt with.",
    52 AlertDismissed "alert_dismissed" "An alert does not matter.",
    61 PosSale "pos_sale" "A till sold.",
    62 PosReturn "pos_return" "A till took goods back.",
    63 PosWaste "pos_waste" "A till wrote goods off.",
    64 PosReceipt "pos_receipt" "A till took a delivery.",
    65 PosCorrection "pos_correction" "A till put stock right.",
}

impl EventKind {
    /// The kind of an event.
    #[must_use]
    pub const fn of(body: &Body) -> Self {
        match body {
            Body::Genesis(_) => Self::Genesis,
            Body::RulesChanged(_) => Self::RulesChanged,
            Body::ClockAccepted(_) => Self::ClockAccepted,
            Body::Expired(_) => Self::Expired,
            Body::ItemCreated(_) => Self::ItemCreated,
            Body::DecimalsSet(_) => Self::DecimalsSet,
            Body::ItemStatusSet(_) => Self::ItemStatusSet,
            Body::LocationCreated(_) => Self::LocationCreated,
            Body::LocationStatusSet(_) => Self::LocationStatusSet,
            Body::LotCreated(_) => Self::LotCreated,
            Body::LotStatusSet(_) => Self::LotStatusSet,
            Body::AliasAdded(_) => Self::AliasAdded,
            Body::AliasRenamed(_) => Self::AliasRenamed,
            Body::AliasMerged(_) => Self::AliasMerged,
            Body::AliasRetired(_) => Self::AliasRetired,
            Body::ReorderPointSet(_) => Self::ReorderPointSet,
            Body::PeriodClosed(_) => Self::PeriodClosed,
            Body::Received(_) => Self::Received,
            Body::PosDelta(PosDeltaRecorded { delta, .. }) => match delta {
                PosMovement::Sale(_) => Self::PosSale,
                PosMovement::Return(_) => Self::PosReturn,
                PosMovement::Waste(_) => Self::PosWaste,
                PosMovement::Receipt(_) => Self::PosReceipt,
                PosMovement::Correction(_) => Self::PosCorrection,
            },
            Body::Returned(_) => Self::Returned,
            Body::Adjusted(_) => Self::Adjusted,
            Body::Counted(_) => Self::Counted,
            Body::TransferShipped(_) => Self::TransferShipped,
            Body::TransferReceived(_) => Self::TransferReceived,
            Body::TransferClosed(_) => Self::TransferClosed,
            Body::Reserved(_) => Self::Reserved,
            Body::Amended(_) => Self::Amended,
            Body::Extended(_) => Self::Extended,
            Body::Fulfilled(_) => Self::Fulfilled,
            Body::Released(_) => Self::Released,
            Body::Reclassified(_) => Self::Reclassified,
            Body::AlertAcknowledged(_) => Self::AlertAcknowledged,
            Body::AlertResolved(_) => Self::AlertResolved,
            Body::AlertDismissed(_) => Self::AlertDismissed,
        }
    }

    /// The kind's stable number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
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
}
