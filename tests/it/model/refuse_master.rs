//! What the rules say against changes of master data, and what must exist to be named.

use super::refuse::{Range, invalid};
use super::{Item, Model, Reservation};
use counterfoil::domain::command::{
    Act, AddAlias, Alias, AliasKind, AliasTarget, ClosePeriod, CreateItem, CreateLocation, CreateLot, ItemStatus,
    MergeAlias, RenameAlias, RetireAlias, SetDecimals, SetItemStatus, SetLocationStatus, SetLotStatus, SetReorderPoint,
    UseStatus,
};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Timestamp};
use counterfoil::domain::rejection::Rejection;
use counterfoil::limits::DECIMALS_MAX;

impl Model {
    pub(super) fn refuse_master_data(&self, act: &Act, now: Timestamp, no: &mut Vec<Rejection>) {
        let unchanged = || Rejection::NoChange { what: "it is so" };
        match act {
            Act::CreateItem(CreateItem { sku, decimals }) => {
                refuse_decimals(*decimals, no);
                self.need_free(&Alias { kind: AliasKind::Sku, text: sku.clone() }, no);
            }
            Act::SetDecimals(SetDecimals { item, decimals }) => {
                refuse_decimals(*decimals, no);
                self.need_item(*item, no);
                let Some(known) = self.item(*item) else { return };
                if known.decimals == *decimals {
                    no.push(unchanged());
                }
                if self.has_moved(*item) {
                    no.push(Rejection::DecimalsFixed { item: *item, decimals: known.decimals });
                }
            }
            Act::SetItemStatus(SetItemStatus { item, status }) => {
                self.need_item(*item, no);
                if self.item(*item).is_some_and(|known| known.status == *status) {
                    no.push(unchanged());
                }
            }
            Act::CreateLocation(CreateLocation { code, .. }) => {
                self.need_free(&Alias { kind: AliasKind::Location, text: code.clone() }, no);
            }
            Act::SetLocationStatus(SetLocationStatus { location, status }) => {
                self.need_location(*location, no);
                if self.location(*location) == Some(*status) {
                    no.push(unchanged());
                }
            }
            Act::CreateLot(CreateLot { item, code }) => {
                self.need_item(*item, no);
                self.need_free(&Alias { kind: AliasKind::Lot(*item), text: code.clone() }, no);
            }
            Act::SetLotStatus(SetLotStatus { lot, status }) => match self.lot(*lot) {
                None => no.push(Rejection::LotNotFound { lot: *lot, item: ItemId(0) }),
                Some((_, known)) if known == *status => no.push(unchanged()),
                Some(_) => {}
            },
            Act::ClosePeriod(ClosePeriod { location, until }) => self.refuse_close(*location, *until, now, no),
            Act::SetReorderPoint(SetReorderPoint { position, point }) => {
                if let Some(point) = point.filter(|point| !Range::ZeroOrMore.allows(point.0)) {
                    no.push(Rejection::InvalidQuantity { line: 0, quantity: point.0, must: "zero or more" });
                }
                self.need_position(*position, no);
                let known = self.points.iter().find(|known| known.0 == *position).map(|known| known.1);
                if known == point.map(|point| point.0) {
                    no.push(unchanged());
                }
            }
            act => self.refuse_alias(act, no),
        }
    }

    fn refuse_alias(&self, act: &Act, no: &mut Vec<Rejection>) {
        match act {
            Act::AddAlias(AddAlias { alias, target }) => {
                self.need_target(alias.kind, *target, no);
                self.need_free(alias, no);
            }
            Act::RenameAlias(RenameAlias { alias, to }) => {
                self.need_alias(alias, no);
                match alias.text == *to {
                    true => no.push(Rejection::NoChange { what: "its text" }),
                    false => self.need_free(&Alias { kind: alias.kind, text: to.clone() }, no),
                }
            }
            Act::MergeAlias(MergeAlias { alias, into }) => {
                self.need_alias(alias, no);
                self.need_target(alias.kind, *into, no);
                if self.aliases.iter().any(|known| known.0 == *alias && known.1 == *into) {
                    no.push(Rejection::NoChange { what: "what it names" });
                }
            }
            Act::RetireAlias(RetireAlias { alias }) => self.need_alias(alias, no),
            act => unreachable!("{act:?} is looked at elsewhere"),
        }
    }

    fn item(&self, item: ItemId) -> Option<&Item> {
        self.items.get((item.0 as usize).wrapping_sub(1))
    }

    fn location(&self, location: LocationId) -> Option<UseStatus> {
        self.locations.get((location.0 as usize).wrapping_sub(1)).copied()
    }

    fn lot(&self, lot: LotId) -> Option<(ItemId, UseStatus)> {
        self.lots.get((lot.0 as usize).wrapping_sub(1)).copied()
    }

    pub(super) fn open_reservation(&self, id: CommandId, now: Timestamp) -> Option<&Reservation> {
        self.reservations.iter().find(|r| r.id == Some(id) && r.is_open(now))
    }

    /// Whether any event but a reorder point has a line of the item.
    fn has_moved(&self, item: ItemId) -> bool {
        self.moves.iter().any(|m| m.item == item)
            || self.counts.iter().any(|c| c.position.item == item)
            || self.reservations.iter().any(|r| r.lines.iter().any(|line| line.0.item == item))
    }

    fn need_item(&self, item: ItemId, no: &mut Vec<Rejection>) {
        if self.item(item).is_none() {
            no.push(Rejection::ProductNotFound { item });
        }
    }

    pub(super) fn need_location(&self, location: LocationId, no: &mut Vec<Rejection>) {
        if self.location(location).is_none() {
            no.push(Rejection::LocationNotFound { location });
        }
    }

    pub(super) fn need_position(&self, position: Position, no: &mut Vec<Rejection>) {
        let Position { item, location, lot } = position;
        self.need_item(item, no);
        self.need_location(location, no);
        if lot != LotId::NONE && self.lot(lot).is_none_or(|known| known.0 != item) {
            no.push(Rejection::LotNotFound { lot, item });
        }
    }

    /// The item, location and lot may be promised; what does not exist is somebody else's matter.
    pub(super) fn need_available(&self, position: Position, no: &mut Vec<Rejection>) {
        let Position { item, location, lot } = position;
        if let Some(status) = self.item(item).map(|known| known.status).filter(|s| *s != ItemStatus::Active) {
            no.push(Rejection::ProductUnavailable { item, status });
        }
        if self.location(location) == Some(UseStatus::Retired) {
            no.push(Rejection::LocationUnavailable { location });
        }
        if self.lot(lot).is_some_and(|known| known.1 == UseStatus::Retired) {
            no.push(Rejection::LotUnavailable { lot });
        }
    }

    fn need_alias(&self, alias: &Alias, no: &mut Vec<Rejection>) {
        if !self.aliases.iter().any(|known| known.0 == *alias) {
            no.push(Rejection::AliasNotFound { alias: alias.text.to_string() });
        }
    }

    fn need_free(&self, alias: &Alias, no: &mut Vec<Rejection>) {
        if self.aliases.iter().any(|known| known.0 == *alias) {
            no.push(Rejection::AlreadyExists { alias: alias.text.to_string() });
        }
    }

    fn need_target(&self, kind: AliasKind, target: AliasTarget, no: &mut Vec<Rejection>) {
        match (kind, target) {
            (AliasKind::Sku | AliasKind::Barcode | AliasKind::Vendor, AliasTarget::Item(item)) => {
                self.need_item(item, no);
            }
            (AliasKind::Location, AliasTarget::Location(location)) => self.need_location(location, no),
            (AliasKind::Lot(item), AliasTarget::Lot(lot)) => {
                self.need_item(item, no);
                if self.lot(lot).is_none_or(|known| known.0 != item) {
                    no.push(Rejection::LotNotFound { lot, item });
                }
            }
            _ => no.push(invalid("target", "is not what this kind of alias names")),
        }
    }
}

fn refuse_decimals(decimals: u8, no: &mut Vec<Rejection>) {
    if decimals > DECIMALS_MAX {
        no.push(invalid("decimals", "0 to 6"));
    }
}
