//! The digest of what a caller gave: how a repeat is told from another command under the same id.
//!
//! Canonical bytes are a list of fields, each a number, a length and its bytes, in ascending order of numbers;
//! an absent field leaves no trace, so that fields added later do not change old digests. The command id and
//! the private note are not part of it (a repeat may lack the note, and a digest of it could be guessed).

use super::command::{
    AcknowledgeAlert, Act, AddAlias, Adjust, Alias, AliasKind, AliasTarget, Amend, Cause, ClosePeriod, CloseTransfer,
    Command, Count, CreateItem, CreateLocation, CreateLot, Departure, DismissAlert, Document, Established, Excess,
    Extend, Fulfil, Holds, ItemStatus, MergeAlias, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify,
    Release, RenameAlias, Reserve, ResolveAlert, RetireAlias, Return, ReturnOrigin, SetDecimals, SetItemStatus,
    SetLocationStatus, SetLotStatus, SetReorderPoint, ShipTransfer, UseStatus,
};
use super::event::ContentDigest;
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
        match act {
            Act::CreateItem(CreateItem { sku, decimals }) => {
                self.text(2, sku.as_str());
                self.integer(3, i64::from(*decimals));
            }
            Act::SetDecimals(SetDecimals { item, decimals }) => {
                self.integer(2, i64::from(item.0));
                self.integer(3, i64::from(*decimals));
            }
            Act::SetItemStatus(SetItemStatus { item, status }) => {
                self.integer(2, i64::from(item.0));
                self.integer(3, item_status(*status));
            }
            Act::CreateLocation(CreateLocation { code, zone }) => {
                self.text(2, code.as_str());
                self.text(3, zone.as_str());
            }
            Act::SetLocationStatus(SetLocationStatus { location, status }) => {
                self.integer(2, i64::from(location.0));
                self.integer(3, use_status(*status));
            }
            Act::CreateLot(CreateLot { item, code }) => {
                self.integer(2, i64::from(item.0));
                self.text(3, code.as_str());
            }
            Act::SetLotStatus(SetLotStatus { lot, status }) => {
                self.integer(2, i64::from(lot.0));
                self.integer(3, use_status(*status));
            }
            Act::AddAlias(AddAlias { alias, target }) | Act::MergeAlias(MergeAlias { alias, into: target }) => {
                self.alias(2, alias);
                self.target(3, *target);
            }
            Act::RenameAlias(RenameAlias { alias, to }) => {
                self.alias(2, alias);
                self.text(3, to.as_str());
            }
            Act::RetireAlias(RetireAlias { alias }) => self.alias(2, alias),
            Act::SetReorderPoint(SetReorderPoint { position, point }) => {
                self.position(2, *position);
                if let Some(point) = point {
                    self.integer(3, point.0);
                }
            }
            Act::ClosePeriod(ClosePeriod { location, until }) => {
                let (form, number) = until.numbers();
                self.integer(2, i64::from(location.0));
                self.integer(3, i64::from(form));
                self.integer(4, number);
            }
            Act::PosDelta(PosDelta { source, external_id, delta }) => {
                self.text(2, source.as_str());
                self.text(3, external_id.as_str());
                self.delta(delta);
            }
            Act::AcknowledgeAlert(AcknowledgeAlert { alert })
            | Act::ResolveAlert(ResolveAlert { alert })
            | Act::DismissAlert(DismissAlert { alert }) => {
                self.field(2, &alert.bytes());
            }
            _ => self.stock(act),
        }
    }

    fn stock(&mut self, act: &Act) {
        match act {
            Act::Receive(Receive { lines }) | Act::Adjust(Adjust { lines }) | Act::Reclassify(Reclassify { lines }) => {
                self.lines(lines)
            }
            Act::Return(Return { origin, excess, lines }) => {
                self.integer(2, i64::from(*origin == ReturnOrigin::Unreferenced));
                self.integer(3, i64::from(*excess == Excess::Unreferenced));
                self.return_lines(lines);
            }
            Act::Count(Count { lines }) => lines.iter().for_each(|line| self.count_line(line)),
            Act::ShipTransfer(ShipTransfer { transfer, to, lines }) => {
                self.field(2, &transfer.bytes());
                self.integer(3, i64::from(to.0));
                self.lines(lines);
            }
            Act::ReceiveTransfer(ReceiveTransfer { transfer, lines }) => {
                self.field(2, &transfer.bytes());
                self.lines(lines);
            }
            Act::CloseTransfer(CloseTransfer { transfer }) => self.field(2, &transfer.bytes()),
            Act::Reserve(Reserve { deadline, lines }) => {
                self.time(2, *deadline);
                self.lines(lines);
            }
            Act::Amend(Amend { reservation, lines }) => {
                self.field(2, &reservation.bytes());
                self.lines(lines);
            }
            Act::Extend(Extend { reservation, deadline }) => {
                self.field(2, &reservation.bytes());
                self.time(3, *deadline);
            }
            Act::Fulfil(Fulfil { holds, portion, departure }) => {
                self.holds(holds);
                self.integer(4, i64::from(*departure == Departure::AlreadyLeft));
                self.portion(portion);
            }
            Act::Release(Release { holds, portion }) => {
                self.holds(holds);
                self.portion(portion);
            }
            _ => {}
        }
    }

    fn delta(&mut self, delta: &PosChange) {
        let number = match delta {
            PosChange::Sale { .. } => 1,
            PosChange::Return { .. } => 2,
            PosChange::Waste { .. } => 3,
            PosChange::Receipt { .. } => 4,
            PosChange::Correction { .. } => 5,
        };
        self.integer(4, number);
        match delta {
            PosChange::Sale { lines }
            | PosChange::Waste { lines }
            | PosChange::Receipt { lines }
            | PosChange::Correction { lines } => self.lines(lines),
            PosChange::Return { lines } => self.return_lines(lines),
        }
    }

    fn holds(&mut self, holds: &Holds) {
        match holds {
            Holds::Reservation(id) => self.field(2, &id.bytes()),
            Holds::Order(order) => self.text(3, order.as_str()),
        }
    }

    fn portion(&mut self, portion: &Portion) {
        if let Portion::Lines(lines) = portion {
            self.lines(lines);
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

    fn lines(&mut self, lines: &[Line]) {
        for line in lines {
            self.group(16, |fields| fields.line(line));
        }
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

    fn return_lines(&mut self, lines: &[ReturnLine]) {
        for line in lines {
            self.group(16, |fields| {
                fields.line(&line.line);
                if let Some(disposition) = line.disposition {
                    fields.integer(9, disposition_number(disposition));
                }
            });
        }
    }

    fn count_line(&mut self, line: &CountLine) {
        self.group(16, |fields| {
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

const fn item_status(status: ItemStatus) -> i64 {
    match status {
        ItemStatus::Active => 1,
        ItemStatus::OnHold => 2,
        ItemStatus::Discontinued => 3,
    }
}

const fn use_status(status: UseStatus) -> i64 {
    match status {
        UseStatus::Active => 1,
        UseStatus::Retired => 2,
    }
}

impl Act {
    /// The number of this act in canonical bytes.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::CreateItem(_) => 1,
            Self::SetDecimals(_) => 2,
            Self::SetItemStatus(_) => 3,
            Self::CreateLocation(_) => 4,
            Self::SetLocationStatus(_) => 5,
            Self::CreateLot(_) => 6,
            Self::SetLotStatus(_) => 7,
            Self::AddAlias(_) => 8,
            Self::RenameAlias(_) => 9,
            Self::MergeAlias(_) => 10,
            Self::RetireAlias(_) => 11,
            Self::SetReorderPoint(_) => 12,
            Self::Receive(_) => 13,
            Self::PosDelta(_) => 14,
            Self::Return(_) => 15,
            Self::Adjust(_) => 16,
            Self::Count(_) => 17,
            Self::ShipTransfer(_) => 18,
            Self::ReceiveTransfer(_) => 19,
            Self::CloseTransfer(_) => 20,
            Self::Reserve(_) => 21,
            Self::Amend(_) => 22,
            Self::Extend(_) => 23,
            Self::Fulfil(_) => 24,
            Self::Release(_) => 25,
            Self::Reclassify(_) => 26,
            Self::AcknowledgeAlert(_) => 27,
            Self::ResolveAlert(_) => 28,
            Self::DismissAlert(_) => 29,
            Self::ClosePeriod(_) => 30,
        }
    }
}
