//! What an event leaves in the indexes: derived from the event alone, so every rebuild gives the same.
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod history;

pub use history::{Figure, actor_word, deadline_of, figure_key, insert_history, order_word};

use crate::domain::account::{Place, for_each_posting};
use crate::domain::event::{Body, Event};
use crate::domain::ids::{CommandId, ItemId, LotId, Moment, Position};
use crate::domain::line::Bucket;
use crate::domain::text::{ExternalId, OrderRef, Source};
use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use std::sync::LazyLock;

/// Sixteen bytes of a hash: what a long name is looked up by.
pub type NameKey = [u8; 16];

static EXTERNAL: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context("counterfoil external v1"));
static ORDER: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context("counterfoil order v1"));

fn key_of(hasher: &Hasher) -> NameKey {
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

/// What a till's delta is looked up by.
#[must_use]
pub fn external_key(source: &Source, external_id: &ExternalId) -> NameKey {
    let mut hasher = Hasher::new_from_context_key(&EXTERNAL);
    hasher.update(&(source.as_str().len() as u64).to_le_bytes());
    hasher.update(source.as_str().as_bytes());
    hasher.update(external_id.as_str().as_bytes());
    key_of(&hasher)
}

/// What an order is looked up by.
#[must_use]
pub fn order_key(order: &OrderRef) -> NameKey {
    let mut hasher = Hasher::new_from_context_key(&ORDER);
    hasher.update(order.as_str().as_bytes());
    key_of(&hasher)
}

/// One entry of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// The command that the event answers.
    Command(CommandId),
    /// The till's delta that the event answers.
    External(NameKey),
    /// A movement of a bucket.
    Move {
        /// Where.
        position: Position,
        /// Which bucket.
        bucket: Bucket,
        /// What it is ordered by.
        at: Moment,
        /// By how much.
        delta: i64,
    },
    /// Units that left on an order (positive) or came back on it (negative).
    Shipment {
        /// The order.
        order: NameKey,
        /// The item.
        item: ItemId,
        /// The lot.
        lot: LotId,
        /// Signed units.
        units: i64,
    },
}

/// The external key of an event that has one.
#[must_use]
pub fn external_key_of(event: &Event) -> Option<NameKey> {
    event.body.external().map(|(source, external_id)| external_key(source, external_id))
}

/// Calls `put` for every entry that the event leaves.
pub fn for_each_record(event: &Event, put: impl FnMut(Record)) {
    for_each_record_with(event, external_key_of(event), put);
}

/// As [`for_each_record`], for who has the event's [`external_key_of`] already: it takes as long as all the rest.
pub fn for_each_record_with(event: &Event, external: Option<NameKey>, mut put: impl FnMut(Record)) {
    if let Some(id) = event.envelope.command_id {
        put(Record::Command(id));
    }
    if let Some(key) = external {
        put(Record::External(key));
    }
    let at = event.envelope.moment();
    for_each_posting(event, |posting| {
        let ends = [(posting.from, posting.quantity.saturating_neg()), (posting.to, posting.quantity)];
        for (place, delta) in ends {
            if let Place::Bucket(position, bucket) = place {
                put(Record::Move { position, bucket, at, delta });
            }
        }
    });
    if let Some(order) = &event.envelope.order {
        shipments(&event.body, order, put);
    }
}

fn shipments(body: &Body, order: &OrderRef, mut put: impl FnMut(Record)) {
    let mut key = None;
    let mut ship = |position: Position, units: i64| {
        let order = *key.get_or_insert_with(|| order_key(order));
        put(Record::Shipment { order, item: position.item, lot: position.lot, units });
    };
    body.payload().shipments(&mut ship);
}
