//! Events: what happened. One accepted command is exactly one event; a few kinds only the ledger writes.

use super::command::{Actor, Alias, AliasTarget, Cause, Departure, Document, ItemStatus, UseStatus};
use super::ids::{
    AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Moment, Position, Seq, Timestamp, TransferId,
};
use super::line::{Bucket, Line, Lines, ReturnLine, UnitCost};
use super::period::Until;
use super::quantity::Quantity;
use super::text::{AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
use smallvec::SmallVec;

/// The first 16 bytes of the BLAKE3 digest of what the caller gave.
pub type ContentDigest = [u8; 16];
/// A salted BLAKE3 commitment to private text.
pub type Commitment = [u8; 32];

/// One event, without its place and hash, which the log gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who, when, why.
    pub envelope: Envelope,
    /// What.
    pub body: Body,
}

/// What every event says beside what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// When the ledger recorded it: one value per group, never backwards.
    pub recorded_at: Timestamp,
    /// When it happened, where the caller said so (facts and counts only).
    pub occurred_at: Option<Timestamp>,
    /// The command that it answers; none for what the ledger writes itself.
    pub command_id: Option<CommandId>,
    /// The digest of what the caller gave; zeros for what the ledger writes itself.
    pub digest: ContentDigest,
    /// Who acted.
    pub actor: Actor,
    /// What it follows from.
    pub cause: Option<Cause>,
    /// Why.
    pub reason: Option<ReasonCode>,
    /// The order that it belongs to.
    pub order: Option<OrderRef>,
    /// Documents that it rests on.
    pub documents: SmallVec<[Document; 0]>,
    /// The commitment to its private text.
    pub private: Option<Commitment>,
    /// Whether it stands in a unit.
    pub unit: UnitMark,
    /// Parts that this version does not know.
    pub extensions: SmallVec<[Extension; 0]>,
}

impl Envelope {
    /// What orders its movements and counts: when it happened where that is known, else when it was recorded.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment::of(self.occurred_at, self.recorded_at)
    }
}

/// Whether an event and the next one are one unit; a commit mark never stands between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UnitMark {
    /// It stands alone, or is the last of its unit.
    #[default]
    Ends,
    /// The next event belongs to the same unit.
    Continues,
}

/// A numbered part of an envelope that later versions may add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its number.
    pub number: u32,
    /// Whether a reader that does not know it must stop.
    pub weight: ExtensionWeight,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Whether an unknown extension may be passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionWeight {
    /// Kept and exported.
    Optional,
    /// An error.
    Critical,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The ledger was made; always and only seq 0.
    Genesis {
        /// The ledger's own name.
        ledger: LedgerId,
        /// Version of the stored format.
        format: u16,
        /// Version of the rules.
        rules: u16,
    },
    /// An item was made.
    ItemCreated {
        /// The next item id.
        item: ItemId,
        /// Its first alias.
        sku: AliasText,
        /// Its decimals.
        decimals: u8,
    },
    /// An item's decimals were changed before its first movement.
    DecimalsSet {
        /// The item.
        item: ItemId,
        /// Its decimals.
        decimals: u8,
    },
    /// An item's status was changed.
    ItemStatusSet {
        /// The item.
        item: ItemId,
        /// Its status.
        status: ItemStatus,
    },
    /// A location was made.
    LocationCreated {
        /// The next location id.
        location: LocationId,
        /// Its first alias.
        code: AliasText,
        /// Its time zone.
        zone: Zone,
    },
    /// A location was retired or brought back.
    LocationStatusSet {
        /// The location.
        location: LocationId,
        /// Its status.
        status: UseStatus,
    },
    /// A lot was made.
    LotCreated {
        /// The next lot id.
        lot: LotId,
        /// Its item.
        item: ItemId,
        /// Its first alias.
        code: AliasText,
    },
    /// A lot was retired or brought back.
    LotStatusSet {
        /// The lot.
        lot: LotId,
        /// Its status.
        status: UseStatus,
    },
    /// An alias was added.
    AliasAdded {
        /// The alias.
        alias: Alias,
        /// What it names.
        target: AliasTarget,
    },
    /// An alias got another text.
    AliasRenamed {
        /// The alias as it was.
        alias: Alias,
        /// Its new text.
        to: AliasText,
    },
    /// An alias names another thing from now on.
    AliasMerged {
        /// The alias.
        alias: Alias,
        /// What it names from now on.
        into: AliasTarget,
    },
    /// An alias went out of use.
    AliasRetired {
        /// The alias.
        alias: Alias,
    },
    /// A reorder point was set or cleared.
    ReorderPointSet {
        /// The position.
        position: Position,
        /// Zero or more, none when cleared.
        point: Option<Quantity>,
    },
    /// The past of a location was closed.
    PeriodClosed {
        /// The location.
        location: LocationId,
        /// Up to where, as somebody named it.
        until: Until,
        /// The instant that this meant then: what happened before it is closed, what happened at it is not.
        closed_until: Timestamp,
    },
    /// Goods came: supplier → bucket.
    Received {
        /// What came.
        lines: Lines,
    },
    /// A till's delta.
    PosDelta {
        /// The till system.
        source: Source,
        /// Its id of the delta.
        external_id: ExternalId,
        /// What happened, by kind.
        delta: PosMovement,
    },
    /// Goods came back: customer → sellable, unsellable or loss.
    Returned {
        /// Against the envelope's order.
        referenced: SmallVec<[ReturnLine; 1]>,
        /// Against nothing.
        unreferenced: SmallVec<[ReturnLine; 1]>,
    },
    /// Stock was found or lost: bucket ↔ found / loss.
    Adjusted {
        /// Signed quantities.
        lines: Lines,
    },
    /// Stock was counted.
    Counted {
        /// Figures.
        lines: SmallVec<[CountedLine; 1]>,
    },
    /// Goods left: sellable → transit.
    TransferShipped {
        /// The transfer.
        transfer: TransferId,
        /// Where they go.
        to: LocationId,
        /// What left.
        lines: Lines,
    },
    /// Goods arrived: transit → bucket.
    TransferReceived {
        /// The transfer.
        transfer: TransferId,
        /// What arrived.
        lines: Lines,
    },
    /// The rest of a transfer: transit → loss, or found → transit where more arrived than left.
    TransferClosed {
        /// The transfer.
        transfer: TransferId,
        /// What was in transit, not zero.
        rest: SmallVec<[TransitLine; 1]>,
    },
    /// Stock was held.
    Reserved {
        /// When the hold lapses; never where absent.
        deadline: Option<Timestamp>,
        /// What is held; a position once.
        lines: Lines,
    },
    /// A reservation holds other quantities.
    Amended {
        /// The seq of the event that made the reservation.
        reservation: Seq,
        /// The new open quantity of each position named.
        lines: Lines,
    },
    /// A reservation has another deadline.
    Extended {
        /// The seq of the event that made the reservation.
        reservation: Seq,
        /// The new deadline.
        deadline: Option<Timestamp>,
    },
    /// Held goods were shipped: sellable → customer.
    Fulfilled {
        /// Whether they left then, strictly checked, or had left already: a fact that is never short.
        departure: Departure,
        /// What was closed of which reservation.
        closes: SmallVec<[HoldLine; 1]>,
        /// What left without a hold.
        unreserved: Lines,
    },
    /// Holds were let go.
    Released {
        /// What was let go of which reservation.
        closes: SmallVec<[HoldLine; 1]>,
    },
    /// Stock moved between the buckets.
    Reclassified {
        /// What left its bucket for the other one.
        lines: Lines,
    },
    /// An alert was seen.
    AlertAcknowledged {
        /// The alert.
        alert: AlertId,
    },
    /// An alert was dealt with.
    AlertResolved {
        /// The alert.
        alert: AlertId,
    },
    /// An alert does not matter.
    AlertDismissed {
        /// The alert.
        alert: AlertId,
    },
    /// Holds lapsed: bookkeeping by the ledger. All that is open of each reservation.
    Expired {
        /// The seqs of the events that made the reservations, ascending by (deadline, seq).
        reservations: SmallVec<[Seq; 1]>,
    },
    /// An actor accepted the clock as it is after it stepped or stood behind the log.
    ClockAccepted {
        /// What the clock said.
        clock: Timestamp,
    },
    /// The rules have another version from here on.
    RulesChanged {
        /// The version.
        rules: u16,
    },
}

impl Body {
    /// What one whole unit was said to cost, by the lines that are wanted: each cost once, in their order.
    #[must_use]
    pub fn unit_costs(&self, is_wanted: impl Fn(&Line) -> bool) -> Vec<UnitCost> {
        let (lines, returned): (&[Line], [&[ReturnLine]; 2]) = match self {
            Self::Received { lines }
            | Self::Adjusted { lines }
            | Self::TransferShipped { lines, .. }
            | Self::TransferReceived { lines, .. }
            | Self::Reserved { lines, .. }
            | Self::Amended { lines, .. }
            | Self::Fulfilled { unreserved: lines, .. }
            | Self::Reclassified { lines } => (lines, [&[], &[]]),
            Self::PosDelta { delta, .. } => match delta {
                PosMovement::Sale(lines)
                | PosMovement::Waste(lines)
                | PosMovement::Receipt(lines)
                | PosMovement::Correction(lines) => (lines, [&[], &[]]),
                PosMovement::Return(lines) => (&[], [lines, &[]]),
            },
            Self::Returned { referenced, unreferenced } => (&[], [referenced, unreferenced]),
            _ => return Vec::new(),
        };
        let mut costs = Vec::new();
        let all = lines.iter().chain(returned.into_iter().flatten().map(|returned| &returned.line));
        for cost in all.filter(|line| is_wanted(line)).filter_map(|line| line.detail.as_ref()?.unit_cost) {
            if !costs.contains(&cost) {
                costs.push(cost);
            }
        }
        costs
    }
}

/// What a till says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PosMovement {
    /// Bucket → customer.
    Sale(Lines),
    /// Customer → sellable, unsellable or loss.
    Return(SmallVec<[ReturnLine; 1]>),
    /// Bucket → loss.
    Waste(Lines),
    /// Supplier → bucket.
    Receipt(Lines),
    /// Bucket ↔ found / loss, signed.
    Correction(Lines),
}

/// One line of a count, with what the fold needs to know of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedLine {
    /// Where.
    pub position: Position,
    /// Which bucket.
    pub bucket: Bucket,
    /// The figure.
    pub counted: Quantity,
    /// The sum of the movements of that bucket, recorded before this event, that happened after the count's
    /// instant: zero for a count that is not late. Verified by folding the log again.
    pub later: i64,
}

/// What is in transit of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitLine {
    /// The item.
    pub item: ItemId,
    /// The lot.
    pub lot: LotId,
    /// How much; negative where more arrived than left.
    pub quantity: Quantity,
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

/// An event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub seq: Seq,
    /// The hash that closes the chain up to and with it.
    pub hash: [u8; 32],
    /// The event.
    pub event: Event,
}
