//! Events: what happened. One accepted command is exactly one event; a few kinds only the ledger writes.

pub use super::kinds::events::*;
pub use super::kinds::{Body, EventKind};
pub use super::reservations::HoldLine;
pub use super::stock::{CountedLine, PosMovement};
pub use super::transfers::TransitLine;

use super::command::{Actor, Cause, Document};
use super::fields::EventLines;
use super::ids::{CommandId, Moment, Seq, Timestamp};
use super::line::{Line, ReturnLine, UnitCost};
use super::text::{OrderRef, ReasonCode};
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

impl Body {
    /// What one whole unit was said to cost, by the lines that are wanted: each cost once, in their order.
    #[must_use]
    pub fn unit_costs(&self, is_wanted: impl Fn(&Line) -> bool) -> Vec<UnitCost> {
        let (lines, returned): (&[Line], [&[ReturnLine]; 2]) = match self.payload().lines() {
            EventLines::Plain(lines) | EventLines::Unreserved(lines) => (lines, [&[], &[]]),
            EventLines::Returned(referenced, unreferenced) => (&[], [referenced, unreferenced]),
            EventLines::None | EventLines::Counted(_) => (&[], [&[], &[]]),
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
