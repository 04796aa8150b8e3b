//! Alerts: what a reorder point says about a position, folded from the same events as the stock.
//!
//! The level of a position is what is available plus what is inbound, at the instant an event was recorded.
//! Three kinds rise and clear on their own thresholds; the gap between the two is the hysteresis:
//!
//! | kind | rises when | clears when | urgency |
//! | --- | --- | --- | --- |
//! | low stock | level ≤ point | level ≥ point + max(1, point / 10) | medium when 2 × level ≤ point, else low |
//! | out of stock | level ≤ 0 | level > 0 | high |
//! | oversold | level < 0 | level ≥ 0 | critical |

use super::ids::{AlertId, Position, Seq, Timestamp};
use super::quantity::Quantity;
use serde::{Deserialize, Serialize};

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// At or below the reorder point.
    LowStock,
    /// Nothing left.
    OutOfStock,
    /// More promised or gone than there was.
    Oversold,
}

impl AlertKind {
    /// All kinds, in order of their numbers.
    pub const ALL: [AlertKind; 3] = [Self::LowStock, Self::OutOfStock, Self::Oversold];

    /// Its number in alert ids.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::LowStock => 1,
            Self::OutOfStock => 2,
            Self::Oversold => 3,
        }
    }

    pub(super) const fn index(self) -> usize {
        self.number() as usize - 1
    }

    const fn rises(self, level: i64, point: i64) -> bool {
        match self {
            Self::LowStock => level <= point,
            Self::OutOfStock => level <= 0,
            Self::Oversold => level < 0,
        }
    }

    const fn clears(self, level: i64, point: i64) -> bool {
        match self {
            Self::LowStock => {
                let band = if point / 10 > 1 { point / 10 } else { 1 };
                level >= point.saturating_add(band)
            }
            Self::OutOfStock => level > 0,
            Self::Oversold => level >= 0,
        }
    }

    const fn urgency(self, level: i64, point: i64) -> Urgency {
        match self {
            Self::LowStock if level.saturating_mul(2) <= point => Urgency::Medium,
            Self::LowStock => Urgency::Low,
            Self::OutOfStock => Urgency::High,
            Self::Oversold => Urgency::Critical,
        }
    }
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// When there is time.
    Low,
    /// Soon.
    Medium,
    /// Today.
    High,
    /// Now.
    Critical,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// Nobody has looked.
    Open,
    /// Somebody has looked.
    Acknowledged,
    /// Somebody has dealt with it, though its cause may last.
    Resolved,
    /// Somebody has waved it aside, though its cause may last.
    Dismissed,
    /// Its cause has gone.
    Cleared,
}

impl AlertStatus {
    /// Whether it still asks for attention.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Acknowledged)
    }
}

/// The reorder point of a position and the last alert of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reorder {
    /// At or below this level stock is low.
    pub point: Quantity,
    /// The last alert of each kind, in order of [`AlertKind::ALL`].
    pub alerts: [Option<Alert>; 3],
}

/// One alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name: the same after every rebuild.
    pub id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// The event that raised it.
    pub raised: Seq,
    /// When that was recorded.
    pub raised_at: Timestamp,
    /// How soon somebody should look, by the level now.
    pub urgency: Urgency,
    /// The level when it was last looked at by an event.
    pub level: i64,
    /// Where it stands.
    pub status: AlertStatus,
}

/// The name of the alert that an event raises: derived, so that every rebuild gives the same.
///
/// BLAKE3 in derive-key mode, context `counterfoil alert v1`, over seq (u64), item, location, lot (u32 each,
/// all little endian) and the kind's number (u8); the first 16 bytes.
#[must_use]
pub fn alert_id(raised: Seq, position: Position, kind: AlertKind) -> AlertId {
    let mut hasher = blake3::Hasher::new_derive_key("counterfoil alert v1");
    hasher.update(&raised.0.to_le_bytes());
    hasher.update(&position.item.0.to_le_bytes());
    hasher.update(&position.location.0.to_le_bytes());
    hasher.update(&position.lot.0.to_le_bytes());
    hasher.update(&[kind.number()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    AlertId::from_bytes(bytes)
}

/// What an event does to one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A new alert takes the slot.
    Raised(AlertId),
    /// At most the figures changed, or it cleared.
    Same,
}

impl Reorder {
    /// A reorder point without alerts.
    pub(super) const fn at(point: Quantity) -> Self {
        Self { point, alerts: [None; 3] }
    }

    /// Looks at one kind after an event; returns the id that went out of the slot and what took its place.
    pub(super) fn look(
        &mut self,
        kind: AlertKind,
        position: Position,
        level: i64,
        seq: Seq,
        now: Timestamp,
    ) -> (Option<AlertId>, Change) {
        let point = self.point.0;
        let Some(slot) = self.alerts.get_mut(kind.index()) else { return (None, Change::Same) };
        if let Some(alert) = slot
            && alert.status != AlertStatus::Cleared
        {
            alert.level = level;
            alert.urgency = kind.urgency(level, point);
            if kind.clears(level, point) {
                alert.status = AlertStatus::Cleared;
            }
            return (None, Change::Same);
        }
        if !kind.rises(level, point) {
            return (None, Change::Same);
        }
        let id = alert_id(seq, position, kind);
        let old = slot.replace(Alert {
            id,
            kind,
            raised: seq,
            raised_at: now,
            urgency: kind.urgency(level, point),
            level,
            status: AlertStatus::Open,
        });
        (old.map(|alert| alert.id), Change::Raised(id))
    }

    /// The last alert of a kind.
    #[must_use]
    pub fn alert(&self, kind: AlertKind) -> Option<&Alert> {
        self.alerts.get(kind.index())?.as_ref()
    }
}
