//! What an import did, and what one would do.

use super::rejects::Rejected;
use super::rule::RuleKind;
use crate::domain::ids::{CommandId, Timestamp};
use crate::domain::text::{AliasText, OrderRef, ReasonCode};
use crate::ledger::Repeat;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Rejected lines that a summary shows.
pub(super) const REJECTED_SHOWN_MAX: usize = 10;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Lines of the source that were read, without the header.
    pub lines: u64,
    /// Commands that were appended.
    pub appended: u64,
    /// The same by kind.
    pub appended_by_kind: BTreeMap<RuleKind, u64>,
    /// Commands that stood in the ledger already.
    pub duplicates: u64,
    /// Lines, or quantities of a line, that the mapping lets be.
    pub ignored: u64,
    /// The same by item code.
    pub ignored_by_code: BTreeMap<String, u64>,
    /// Lines that were rejected.
    pub rejected: u64,
    /// The same by code.
    pub rejected_by_code: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub first_rejected: Vec<Rejected>,
    /// Items that were registered.
    pub items_registered: u64,
    /// Locations that were registered.
    pub locations_registered: u64,
    /// Lots that were registered.
    pub lots_registered: u64,
    /// From the first line read to the last answer.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

fn seconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

impl Summary {
    /// Lines of the source per second.
    #[must_use]
    pub fn lines_per_second(&self) -> f64 {
        self.lines as f64 / self.took.as_secs_f64().max(1e-9)
    }

    pub(super) fn reject(&mut self, lines: u64, rejected: &Rejected) {
        self.rejected += lines;
        *self.rejected_by_code.entry(rejected.code).or_default() += lines;
        if self.first_rejected.len() < REJECTED_SHOWN_MAX {
            self.first_rejected.push(rejected.clone());
        }
    }

    pub(super) fn answered(&mut self, kind: RuleKind, repeat: Repeat) {
        match repeat {
            Repeat::Duplicate => self.duplicates += 1,
            Repeat::First => {
                self.appended += 1;
                *self.appended_by_kind.entry(kind).or_default() += 1;
            }
        }
    }

    pub(super) fn ignore(&mut self, ignored: BTreeMap<String, u64>) {
        self.ignored = ignored.values().sum();
        self.ignored_by_code = ignored;
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the source read, packed as they are.
    pub bytes_read: u64,
    /// Bytes that the source has.
    pub bytes_total: u64,
    /// Lines whose commands are durable, or which make none.
    pub lines: u64,
}

/// What an import would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forecast {
    /// As the summary of the import would be.
    pub summary: Summary,
    /// Commands that stand in the ledger under the same id with other content; they are among the rejected.
    pub changed: u64,
    /// The first of them.
    pub first_changed: Option<Rejected>,
    /// The first commands, as they would be asked.
    pub first: Vec<Foretold>,
}

/// A command as it would be asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foretold {
    /// Its first line in the source.
    pub line: u64,
    /// Its id.
    pub id: CommandId,
    /// What it is.
    pub kind: RuleKind,
    /// When it happened.
    pub occurred_at: Option<Timestamp>,
    /// Its order.
    pub order: Option<OrderRef>,
    /// Why.
    pub reason: Option<ReasonCode>,
    /// Its private text.
    pub note: Option<String>,
    /// Its lines.
    pub lines: Vec<ForetoldLine>,
}

/// A line of a command as it would be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForetoldLine {
    /// The item's code.
    pub item: AliasText,
    /// The location's code.
    pub location: AliasText,
    /// The lot's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot: Option<AliasText>,
    /// The quantity, as a decimal.
    pub quantity: String,
    /// What one unit cost: a decimal and its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<String>,
}
