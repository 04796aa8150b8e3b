//! Lines: what of which item, where, how much.

use super::ids::{Position, Seq};
use super::quantity::{Quantity, decimal};
use super::text::{Currency, UnitName};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt;

/// The two buckets that a position's physical stock is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Can be promised and shipped.
    #[default]
    Sellable,
    /// Damaged, in quarantine or under inspection.
    Unsellable,
}

impl Bucket {
    /// The other bucket.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Sellable => Self::Unsellable,
            Self::Unsellable => Self::Sellable,
        }
    }
}

/// Where returned goods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Back into sellable stock.
    Restock,
    /// Into unsellable stock, to be looked at.
    Quarantine,
    /// Into the bin: from the customer to loss, no stock changes.
    Scrap,
}

/// One line of a command or an event: a quantity of one position's bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Line {
    /// Where.
    pub position: Position,
    /// Which bucket; for a reclassification the bucket that the goods leave.
    #[serde(default)]
    pub bucket: Bucket,
    /// How much, in the item's smallest units: positive, except in adjustments and till corrections (not zero)
    /// and in amendments (the new open quantity, zero or more).
    pub quantity: Quantity,
    /// The version of the position that the caller saw; a command with another is refused. Never part of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seq>,
    /// How the quantity was entered and what it cost, kept for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<LineDetail>>,
}

impl Line {
    /// A plain line of sellable stock.
    #[must_use]
    pub const fn new(position: Position, quantity: Quantity) -> Self {
        Self { position, bucket: Bucket::Sellable, quantity, seen: None, detail: None }
    }

    /// The same line for another bucket.
    #[must_use]
    pub fn in_bucket(self, bucket: Bucket) -> Self {
        Self { bucket, ..self }
    }

    /// The same line, to be refused unless the position still has this version.
    #[must_use]
    pub fn seen(self, version: Seq) -> Self {
        Self { seen: Some(version), ..self }
    }
}

/// What a line says beside its quantity; kept in the log, no rule reads it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineDetail {
    /// The quantity as somebody entered it.
    pub entered: Option<Entered>,
    /// What one whole unit cost.
    pub unit_cost: Option<UnitCost>,
}

/// A quantity as entered: `3` `case of 12`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Entered {
    /// The unit that it was entered in.
    pub unit: UnitName,
    /// The digits, as entered: an exact decimal of at most 24 bytes.
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 24)))]
    pub quantity: CompactString,
}

/// A cost in integer minor units, such as 250 GBP = £2.50.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnitCost {
    /// Minor units of the currency.
    pub minor_units: i64,
    /// The currency.
    pub currency: Currency,
}

impl fmt::Display for UnitCost {
    /// In whole units of the currency, such as `2.50 GBP`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", decimal(i128::from(self.minor_units), self.currency.minor_digits()), self.currency)
    }
}

/// Lines, with room for one before the heap is used: most commands have one.
pub type Lines = SmallVec<[Line; 1]>;

/// One line of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReturnLine {
    /// What comes back, and where to; its bucket follows from the disposition.
    pub line: Line,
    /// Where it goes; quarantine unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// One line of a count: the figure found in one bucket of a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CountLine {
    /// Where.
    pub position: Position,
    /// Which bucket.
    #[serde(default)]
    pub bucket: Bucket,
    /// The figure, zero or more, in smallest units.
    pub counted: Quantity,
    /// The version of the position that the caller saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seq>,
}
