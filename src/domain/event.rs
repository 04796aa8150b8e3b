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
    Genesis(Genesis),
    /// An item was made.
    ItemCreated(ItemCreated),
    /// An item's decimals were changed before its first movement.
    DecimalsSet(DecimalsSet),
    /// An item's status was changed.
    ItemStatusSet(ItemStatusSet),
    /// A location was made.
    LocationCreated(LocationCreated),
    /// A location was retired or brought back.
    LocationStatusSet(LocationStatusSet),
    /// A lot was made.
    LotCreated(LotCreated),
    /// A lot was retired or brought back.
    LotStatusSet(LotStatusSet),
    /// An alias was added.
    AliasAdded(AliasAdded),
    /// An alias got another text.
    AliasRenamed(AliasRenamed),
    /// An alias names another thing from now on.
    AliasMerged(AliasMerged),
    /// An alias went out of use.
    AliasRetired(AliasRetired),
    /// A reorder point was set or cleared.
    ReorderPointSet(ReorderPointSet),
    /// The past of a location was closed.
    PeriodClosed(PeriodClosed),
    /// Goods came: supplier → bucket.
    Received(Received),
    /// A till's delta.
    PosDelta(PosDeltaRecorded),
    /// Goods came back: customer → sellable, unsellable or loss.
    Returned(Returned),
    /// Stock was found or lost: bucket ↔ found / loss.
    Adjusted(Adjusted),
    /// Stock was counted.
    Counted(Counted),
    /// Goods left: sellable → transit.
    TransferShipped(TransferShipped),
    /// Goods arrived: transit → bucket.
    TransferReceived(TransferReceived),
    /// The rest of a transfer: transit → loss, or found → transit where more arrived than left.
    TransferClosed(TransferClosed),
    /// Stock was held.
    Reserved(Reserved),
    /// A reservation holds other quantities.
    Amended(Amended),
    /// A reservation has another deadline.
    Extended(Extended),
    /// Held goods were shipped: sellable → customer.
    Fulfilled(Fulfilled),
    /// Holds were let go.
    Released(Released),
    /// Stock moved between the buckets.
    Reclassified(Reclassified),
    /// An alert was seen.
    AlertAcknowledged(AlertAcknowledged),
    /// An alert was dealt with.
    AlertResolved(AlertResolved),
    /// An alert does not matter.
    AlertDismissed(AlertDismissed),
    /// Holds lapsed: bookkeeping by the ledger. All that is open of each reservation.
    Expired(Expired),
    /// An actor accepted the clock as it is after it stepped or stood behind the log.
    ClockAccepted(ClockAccepted),
    /// The rules have another version from here on.
    RulesChanged(RulesChanged),
}

/// The ledger was made; always and only seq 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The ledger's own name.
    pub ledger: LedgerId,
    /// Version of the stored format.
    pub format: u16,
    /// Version of the rules.
    pub rules: u16,
}

/// An item was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemCreated {
    /// The next item id.
    pub item: ItemId,
    /// Its first alias.
    pub sku: AliasText,
    /// Its decimals.
    pub decimals: u8,
}

/// An item's decimals were changed before its first movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecimalsSet {
    /// The item.
    pub item: ItemId,
    /// Its decimals.
    pub decimals: u8,
}

/// An item's status was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemStatusSet {
    /// The item.
    pub item: ItemId,
    /// Its status.
    pub status: ItemStatus,
}

/// A location was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationCreated {
    /// The next location id.
    pub location: LocationId,
    /// Its first alias.
    pub code: AliasText,
    /// Its time zone.
    pub zone: Zone,
}

/// A location was retired or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationStatusSet {
    /// The location.
    pub location: LocationId,
    /// Its status.
    pub status: UseStatus,
}

/// A lot was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotCreated {
    /// The next lot id.
    pub lot: LotId,
    /// Its item.
    pub item: ItemId,
    /// Its first alias.
    pub code: AliasText,
}

/// A lot was retired or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotStatusSet {
    /// The lot.
    pub lot: LotId,
    /// Its status.
    pub status: UseStatus,
}

/// An alias was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasAdded {
    /// The alias.
    pub alias: Alias,
    /// What it names.
    pub target: AliasTarget,
}

/// An alias got another text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRenamed {
    /// The alias as it was.
    pub alias: Alias,
    /// Its new text.
    pub to: AliasText,
}

/// An alias names another thing from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasMerged {
    /// The alias.
    pub alias: Alias,
    /// What it names from now on.
    pub into: AliasTarget,
}

/// An alias went out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRetired {
    /// The alias.
    pub alias: Alias,
}

/// A reorder point was set or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReorderPointSet {
    /// The position.
    pub position: Position,
    /// Zero or more, none when cleared.
    pub point: Option<Quantity>,
}

/// The past of a location was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodClosed {
    /// The location.
    pub location: LocationId,
    /// Up to where, as somebody named it.
    pub until: Until,
    /// The instant that this meant then: what happened before it is closed, what happened at it is not.
    pub closed_until: Timestamp,
}

/// Goods came: supplier → bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What came.
    pub lines: Lines,
}

/// A till's delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosDeltaRecorded {
    /// The till system.
    pub source: Source,
    /// Its id of the delta.
    pub external_id: ExternalId,
    /// What happened, by kind.
    pub delta: PosMovement,
}

/// Goods came back: customer → sellable, unsellable or loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Against the envelope's order.
    pub referenced: SmallVec<[ReturnLine; 1]>,
    /// Against nothing.
    pub unreferenced: SmallVec<[ReturnLine; 1]>,
}

/// Stock was found or lost: bucket ↔ found / loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// Signed quantities.
    pub lines: Lines,
}

/// Stock was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Figures.
    pub lines: SmallVec<[CountedLine; 1]>,
}

/// Goods left: sellable → transit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferShipped {
    /// The transfer.
    pub transfer: TransferId,
    /// Where they go.
    pub to: LocationId,
    /// What left.
    pub lines: Lines,
}

/// Goods arrived: transit → bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferReceived {
    /// The transfer.
    pub transfer: TransferId,
    /// What arrived.
    pub lines: Lines,
}

/// The rest of a transfer: transit → loss, or found → transit where more arrived than left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferClosed {
    /// The transfer.
    pub transfer: TransferId,
    /// What was in transit, not zero.
    pub rest: SmallVec<[TransitLine; 1]>,
}

/// Stock was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// When the hold lapses; never where absent.
    pub deadline: Option<Timestamp>,
    /// What is held; a position once.
    pub lines: Lines,
}

/// A reservation holds other quantities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The seq of the event that made the reservation.
    pub reservation: Seq,
    /// The new open quantity of each position named.
    pub lines: Lines,
}

/// A reservation has another deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// The seq of the event that made the reservation.
    pub reservation: Seq,
    /// The new deadline.
    pub deadline: Option<Timestamp>,
}

/// Held goods were shipped: sellable → customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fulfilled {
    /// Whether they left then, strictly checked, or had left already: a fact that is never short.
    pub departure: Departure,
    /// What was closed of which reservation.
    pub closes: SmallVec<[HoldLine; 1]>,
    /// What left without a hold.
    pub unreserved: Lines,
}

/// Holds were let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// What was let go of which reservation.
    pub closes: SmallVec<[HoldLine; 1]>,
}

/// Stock moved between the buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclassified {
    /// What left its bucket for the other one.
    pub lines: Lines,
}

/// An alert was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertAcknowledged {
    /// The alert.
    pub alert: AlertId,
}

/// An alert was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertResolved {
    /// The alert.
    pub alert: AlertId,
}

/// An alert does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertDismissed {
    /// The alert.
    pub alert: AlertId,
}

/// Holds lapsed: bookkeeping by the ledger. All that is open of each reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The seqs of the events that made the reservations, ascending by (deadline, seq).
    pub reservations: SmallVec<[Seq; 1]>,
}

/// An actor accepted the clock as it is after it stepped or stood behind the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockAccepted {
    /// What the clock said.
    pub clock: Timestamp,
}

/// The rules have another version from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesChanged {
    /// The version.
    pub rules: u16,
}

impl Body {
    /// What one whole unit was said to cost, by the lines that are wanted: each cost once, in their order.
    #[must_use]
    pub fn unit_costs(&self, is_wanted: impl Fn(&Line) -> bool) -> Vec<UnitCost> {
        let (lines, returned): (&[Line], [&[ReturnLine]; 2]) = match self {
            Self::Received(Received { lines })
            | Self::Adjusted(Adjusted { lines })
            | Self::TransferShipped(TransferShipped { lines, .. })
            | Self::TransferReceived(TransferReceived { lines, .. })
            | Self::Reserved(Reserved { lines, .. })
            | Self::Amended(Amended { lines, .. })
            | Self::Fulfilled(Fulfilled { unreserved: lines, .. })
            | Self::Reclassified(Reclassified { lines }) => (lines, [&[], &[]]),
            Self::PosDelta(PosDeltaRecorded { delta, .. }) => match delta {
                PosMovement::Sale(lines)
                | PosMovement::Waste(lines)
                | PosMovement::Receipt(lines)
                | PosMovement::Correction(lines) => (lines, [&[], &[]]),
                PosMovement::Return(lines) => (&[], [lines, &[]]),
            },
            Self::Returned(Returned { referenced, unreferenced }) => (&[], [referenced, unreferenced]),
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
