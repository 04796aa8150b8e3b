//! The digest of what a caller gave: how a repeat is told from another command under the same id.
//!
//! Canonical bytes are a list of fields, each a number, a length and its bytes, in ascending order of numbers;
//! an absent field leaves no trace, so that fields added later do not change old digests. The command id and
//! the private note are not part of it (a repeat may lack the note, and a digest of it could be guessed).

use super::command::{Act, Alias, AliasKind, AliasTarget, Cause, Command, Document, Established, Holds};
use super::event::ContentDigest;
use super::fields::Field;
use super::ids::{Position, Timestamp};
use super::line::{Bucket, CountLine, Disposition, Line, ReturnLine};
use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use std::sync::LazyLock;

static CONTEXT: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context("counterfoil command v1"));

/// The first 16 bytes of the BLAKE3 digest (derive-key mode, context `counterfoil command v1`) of a command's
/// canonical bytes.
#[must_use]
pub fn content_digest(command: &Command) -> ContentDigest {
    let mut fields = Fields(Vec::with_capacity(128));
    fields.command(command);
    let mut hasher = Hasher::new_from_context_key(&CONTEXT);
    hasher.update(&fields.0);
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    digest
}

struct Fields(Vec<u8>);

impl Fields {
    fn field(&mut self, number: u8, bytes: &[u8]) {
        self.0.push(number);
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, number: u8, text: &str) {
        self.field(number, text.as_bytes());
    }

    fn integer(&mut self, number: u8, value: i64) {
        self.field(number, &value.to_le_bytes());
    }

    /// A field whose bytes are fields themselves.
    fn group(&mut self, number: u8, fill: impl FnOnce(&mut Self)) {
        self.0.push(number);
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        fill(self);
        let length = u32::try_from(self.0.len() - at - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    fn command(&mut self, command: &Command) {
        self.text(1, command.actor.id.as_str());
        self.integer(2, established(command.actor.established));
        self.time(3, command.occurred_at);
        match &command.cause {
            Some(Cause::Event(seq)) => self.field(4, &seq.0.to_le_bytes()),
            Some(Cause::Document(document)) => self.document(5, document),
            None => {}
        }
        if let Some(reason) = &command.reason {
            self.text(6, reason.as_str());
        }
        if let Some(order) = &command.order {
            self.text(7, order.as_str());
        }
        for document in &command.documents {
            self.document(8, document);
        }
        self.group(9, |fields| fields.act(&command.act));
    }

    fn time(&mut self, number: u8, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.integer(number, time.0);
        }
    }

    fn document(&mut self, number: u8, document: &Document) {
        self.group(number, |fields| {
            fields.text(1, document.kind.as_str());
            fields.text(2, document.id.as_str());
        });
    }

    fn act(&mut self, act: &Act) {
        self.integer(1, i64::from(act.number()));
        act.payload().fields(&mut |number, field| self.say(number, field));
    }

    fn say(&mut self, number: u8, field: Field<'_>) {
        match field {
            Field::Integer(value) => self.integer(number, value),
            Field::Id(id) => self.field(number, &id),
            Field::Text(text) | Field::NewName(_, text) => self.text(number, text),
            Field::Alias(alias) | Field::NewAlias(alias) => self.alias(number, alias),
            Field::Target(target) => self.target(number, target),
            Field::Position(position) => self.position(number, position),
            Field::Deadline(deadline) => self.time(number, deadline),
            Field::Reservation(id) => self.field(number, &id.bytes()),
            Field::Holds(Holds::Reservation(id)) => self.field(number, &id.bytes()),
            // The next number says that it is an order.
            Field::Holds(Holds::Order(order)) => self.text(number + 1, order.as_str()),
            Field::Lines(lines) | Field::PortionLines(lines) => {
                lines.iter().for_each(|line| self.group(number, |fields| fields.line(line)));
            }
            Field::ReturnLines(lines) => lines.iter().for_each(|line| self.return_line(number, line)),
            Field::CountLines(lines) => lines.iter().for_each(|line| self.count_line(number, line)),
        }
    }

    fn alias(&mut self, number: u8, alias: &Alias) {
        let (kind, item) = match alias.kind {
            AliasKind::Sku => (1, 0),
            AliasKind::Barcode => (2, 0),
            AliasKind::Vendor => (3, 0),
            AliasKind::Location => (4, 0),
            AliasKind::Lot(item) => (5, item.0),
        };
        self.group(number, |fields| {
            fields.integer(1, kind);
            fields.integer(2, i64::from(item));
            fields.text(3, alias.text.as_str());
        });
    }

    fn target(&mut self, number: u8, target: AliasTarget) {
        let (kind, id) = match target {
            AliasTarget::Item(id) => (1, id.0),
            AliasTarget::Location(id) => (2, id.0),
            AliasTarget::Lot(id) => (3, id.0),
        };
        self.group(number, |fields| fields.integer(kind, i64::from(id)));
    }

    fn position(&mut self, number: u8, position: Position) {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&position.item.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&position.location.0.to_le_bytes());
        bytes[8..].copy_from_slice(&position.lot.0.to_le_bytes());
        self.field(number, &bytes);
    }

    fn line(&mut self, line: &Line) {
        self.position(1, line.position);
        self.integer(2, bucket(line.bucket));
        self.integer(3, line.quantity.0);
        if let Some(seen) = line.seen {
            self.field(4, &seen.0.to_le_bytes());
        }
        let Some(detail) = &line.detail else { return };
        if let Some(entered) = &detail.entered {
            self.text(5, entered.unit.as_str());
            self.text(6, &entered.quantity);
        }
        if let Some(cost) = &detail.unit_cost {
            self.integer(7, cost.minor_units);
            self.field(8, &cost.currency.bytes());
        }
    }

    fn return_line(&mut self, number: u8, line: &ReturnLine) {
        self.group(number, |fields| {
            fields.line(&line.line);
            if let Some(disposition) = line.disposition {
                fields.integer(9, disposition_number(disposition));
            }
        });
    }

    fn count_line(&mut self, number: u8, line: &CountLine) {
        self.group(number, |fields| {
            fields.position(1, line.position);
            fields.integer(2, bucket(line.bucket));
            fields.integer(3, line.counted.0);
            if let Some(seen) = line.seen {
                fields.field(4, &seen.0.to_le_bytes());
            }
        });
    }
}

const fn bucket(bucket: Bucket) -> i64 {
    match bucket {
        Bucket::Sellable => 0,
        Bucket::Unsellable => 1,
    }
}

const fn disposition_number(disposition: Disposition) -> i64 {
    match disposition {
        Disposition::Restock => 1,
        Disposition::Quarantine => 2,
        Disposition::Scrap => 3,
    }
}

const fn established(established: Established) -> i64 {
    match established {
        Established::Asserted => 0,
        Established::Process => 1,
        Established::Authenticated => 2,
        Established::Signed => 3,
    }
}
