//! What an accepted command does: rows are added, reservations change their open quantities.

use super::alerts::Note;
use super::{Account, Counted, Item, Model, Move, Reservation, Shipment, summed};
use counterfoil::domain::command::{
    AcknowledgeAlert, Act, AddAlias, Adjust, Alias, AliasKind, AliasTarget, Amend, ClosePeriod, CloseTransfer, Command,
    Count, CreateItem, CreateLocation, CreateLot, Departure, DismissAlert, Excess, Extend, Fulfil, Holds, ItemStatus,
    MergeAlias, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release, RenameAlias, Reserve,
    ResolveAlert, RetireAlias, Return, ReturnOrigin, SetDecimals, SetItemStatus, SetLocationStatus, SetLotStatus,
    SetReorderPoint, ShipTransfer, UseStatus,
};
use counterfoil::domain::ids::{ItemId, LocationId, LotId, Position, Timestamp, TransferId};
use counterfoil::domain::line::{Bucket, Disposition, Line, ReturnLine};
use counterfoil::domain::text::{AliasText, OrderRef};

impl Model {
    /// Takes the command as the event `self.head`, recorded at `now`.
    pub(super) fn take(&mut self, command: &Command, now: Timestamp) {
        // Twice the instant, odd where nobody dated it: what is merely recorded stands behind what is dated.
        let at = command.occurred_at.map_or(Timestamp(now.0 * 2 + 1), |at| Timestamp(at.0 * 2));
        let order = command.order.as_ref();
        match &command.act {
            Act::Receive(Receive { lines }) => self.move_lines(lines, at, now, |line| (Account::Supplier, stock(line))),
            Act::PosDelta(PosDelta { delta, .. }) => self.take_delta(delta, order, at, now),
            Act::Return(Return { origin, excess, lines }) => {
                let order = order.filter(|_| *origin == ReturnOrigin::Order);
                if let Some(order) = order {
                    self.returned_on(order, lines, *excess);
                }
                self.take_back(lines, at, now);
            }
            Act::Adjust(Adjust { lines }) => self.adjust(lines, at, now),
            Act::Count(Count { lines }) => {
                let seq = self.head;
                self.counts.extend(lines.iter().map(|line| Counted {
                    seq,
                    at,
                    position: line.position,
                    bucket: line.bucket,
                    figure: line.counted.0,
                }));
                self.touched(lines.iter().map(|line| line.position), now);
            }
            Act::ShipTransfer(ShipTransfer { transfer, to, lines }) => {
                self.take_transfer(*transfer, *to, lines, at, now, |line, transit| (stock(line), transit));
            }
            Act::ReceiveTransfer(ReceiveTransfer { transfer, lines }) => {
                let to = lines[0].position.location;
                self.take_transfer(*transfer, to, lines, at, now, |line, transit| (transit, stock(line)));
            }
            Act::CloseTransfer(CloseTransfer { transfer }) => self.close_transfer(*transfer, at, now),
            Act::Reserve(Reserve { deadline, lines }) => self.reserve(command, *deadline, lines, now),
            Act::Amend(Amend { reservation, lines }) => {
                let id = Some(*reservation);
                let reservation = self.reservations.iter_mut().find(|r| r.id == id).expect("it is open");
                for line in lines {
                    match reservation.lines.iter_mut().find(|held| held.0 == line.position && held.1 > 0) {
                        Some(held) => held.1 = line.quantity.0,
                        // A line that was closed has lost its place.
                        None => {
                            reservation.lines.retain(|held| held.0 != line.position);
                            reservation.lines.push((line.position, line.quantity.0));
                        }
                    }
                }
                self.touched(lines.iter().map(|line| line.position), now);
            }
            Act::Extend(Extend { reservation, deadline }) => {
                let id = Some(*reservation);
                let reservation = self.reservations.iter_mut().find(|r| r.id == id).expect("it is open");
                reservation.deadline = *deadline;
                let held = reservation.lines.clone();
                self.touched(held.into_iter().filter(|line| line.1 > 0).map(|line| line.0), now);
            }
            Act::Fulfil(Fulfil { holds, portion, departure }) => {
                self.fulfil(order, holds, portion, *departure, at, now)
            }
            Act::Release(Release { holds, portion }) => {
                let positions = self.close(holds, portion, now);
                self.touched(positions, now);
            }
            Act::Reclassify(Reclassify { lines }) => self
                .move_lines(lines, at, now, |line| (stock(line), Account::Stock(line.position, line.bucket.other()))),
            Act::AcknowledgeAlert(AcknowledgeAlert { alert }) => self.notes.push(Note::Acknowledged(*alert)),
            Act::ResolveAlert(ResolveAlert { alert }) => self.notes.push(Note::Resolved(*alert)),
            Act::DismissAlert(DismissAlert { alert }) => self.notes.push(Note::Dismissed(*alert)),
            act => self.take_master_data(act, now),
        }
    }

    fn take_master_data(&mut self, act: &Act, now: Timestamp) {
        match act {
            Act::CreateItem(CreateItem { sku, decimals }) => {
                self.items.push(Item { decimals: *decimals, status: ItemStatus::Active });
                self.name(AliasKind::Sku, sku, AliasTarget::Item(ItemId(self.items.len() as u32)));
            }
            Act::SetDecimals(SetDecimals { item, decimals }) => self.items[item.0 as usize - 1].decimals = *decimals,
            Act::SetItemStatus(SetItemStatus { item, status }) => self.items[item.0 as usize - 1].status = *status,
            Act::CreateLocation(CreateLocation { code, zone }) => {
                self.locations.push(UseStatus::Active);
                self.zones.push(zone.clone());
                let location = LocationId(self.locations.len() as u32);
                self.name(AliasKind::Location, code, AliasTarget::Location(location));
            }
            Act::SetLocationStatus(SetLocationStatus { location, status }) => {
                self.locations[location.0 as usize - 1] = *status
            }
            Act::CreateLot(CreateLot { item, code }) => {
                self.lots.push((*item, UseStatus::Active));
                self.name(AliasKind::Lot(*item), code, AliasTarget::Lot(LotId(self.lots.len() as u32)));
            }
            Act::SetLotStatus(SetLotStatus { lot, status }) => self.lots[lot.0 as usize - 1].1 = *status,
            Act::AddAlias(AddAlias { alias, target }) => self.aliases.push((alias.clone(), *target)),
            Act::RenameAlias(RenameAlias { alias, to }) => {
                for known in self.aliases.iter_mut().filter(|known| known.0 == *alias) {
                    known.0.text = to.clone();
                }
            }
            Act::MergeAlias(MergeAlias { alias, into }) => {
                for known in self.aliases.iter_mut().filter(|known| known.0 == *alias) {
                    known.1 = *into;
                }
            }
            Act::RetireAlias(RetireAlias { alias }) => self.aliases.retain(|known| known.0 != *alias),
            Act::ClosePeriod(ClosePeriod { location, until }) => self.close_period(*location, *until),
            Act::SetReorderPoint(SetReorderPoint { position, point }) => {
                self.points.retain(|known| known.0 != *position);
                self.points.extend(point.map(|point| (*position, point.0)));
                self.touched([*position], now);
            }
            act => unreachable!("{act:?} is taken elsewhere"),
        }
    }

    fn name(&mut self, kind: AliasKind, text: &AliasText, target: AliasTarget) {
        self.aliases.push((Alias { kind, text: text.clone() }, target));
    }

    fn take_delta(&mut self, delta: &PosChange, order: Option<&OrderRef>, at: Timestamp, now: Timestamp) {
        match delta {
            PosChange::Sale { lines } => {
                if let Some(order) = order {
                    self.on_order(order, lines.iter().map(|line| (line.position.item, line.quantity.0)));
                }
                self.move_lines(lines, at, now, |line| (stock(line), Account::Customer));
            }
            PosChange::Return { lines } => {
                if let Some(order) = order {
                    let back = |line: &ReturnLine| (line.line.position.item, -line.line.quantity.0);
                    self.on_order(order, lines.iter().map(back));
                }
                self.take_back(lines, at, now);
            }
            PosChange::Waste { lines } => self.move_lines(lines, at, now, |line| (stock(line), Account::Loss)),
            PosChange::Receipt { lines } => self.move_lines(lines, at, now, |line| (Account::Supplier, stock(line))),
            PosChange::Correction { lines } => self.adjust(lines, at, now),
        }
    }

    /// Customer → sellable, unsellable or loss.
    fn take_back(&mut self, lines: &[ReturnLine], at: Timestamp, now: Timestamp) {
        for ReturnLine { line, disposition } in lines {
            let to = match disposition.unwrap_or(Disposition::Quarantine) {
                Disposition::Restock => Account::Stock(line.position, Bucket::Sellable),
                Disposition::Quarantine => Account::Stock(line.position, Bucket::Unsellable),
                Disposition::Scrap => Account::Loss,
            };
            self.shift(line.position.item, line.quantity.0, Account::Customer, to, at);
        }
        self.touched(lines.iter().map(|line| line.line.position), now);
    }

    /// Puts on the order what came back on it: all, or as much as may come back and the rest without reference.
    fn returned_on(&mut self, order: &OrderRef, lines: &[ReturnLine], excess: Excess) {
        let back = summed(lines.iter().map(|line| (line.line.position.item, line.line.quantity.0)));
        for (item, quantity) in back {
            let referenced = match excess {
                Excess::Refuse => quantity,
                Excess::Unreferenced => quantity.min(self.returnable(order, item).max(0)),
            };
            self.on_order(order, [(item, -referenced)]);
        }
    }

    fn on_order(&mut self, order: &OrderRef, goods: impl IntoIterator<Item = (ItemId, i64)>) {
        for (item, quantity) in goods {
            self.shipments.push(Shipment { order: order.clone(), item, quantity });
        }
    }

    fn adjust(&mut self, lines: &[Line], at: Timestamp, now: Timestamp) {
        for line in lines {
            let (from, to) = match line.quantity.0 > 0 {
                true => (Account::Found, stock(line)),
                false => (stock(line), Account::Loss),
            };
            self.shift(line.position.item, line.quantity.0.abs(), from, to, at);
        }
        self.touched(lines.iter().map(|line| line.position), now);
    }

    fn take_transfer(
        &mut self,
        transfer: TransferId,
        to: LocationId,
        lines: &[Line],
        at: Timestamp,
        now: Timestamp,
        way: impl Fn(&Line, Account) -> (Account, Account),
    ) {
        let to = match self.transfers.iter().find(|known| known.0 == transfer) {
            Some(known) => known.1,
            None => {
                self.transfers.push((transfer, to));
                to
            }
        };
        for line in lines {
            let (from, to) = way(line, Account::Transit(transfer, line.position.lot));
            self.shift(line.position.item, line.quantity.0, from, to, at);
        }
        self.forget_if_empty(transfer);
        let positions: Vec<Position> = lines.iter().map(|line| line.position).collect();
        self.touch(&positions);
        let there = positions.iter().map(|position| Position { location: to, ..*position });
        let levels: Vec<Position> = positions.iter().copied().chain(there).collect();
        self.note_levels(&levels, now);
    }

    fn close_transfer(&mut self, transfer: TransferId, at: Timestamp, now: Timestamp) {
        let to = self.transfers.iter().find(|known| known.0 == transfer).expect("it is open").1;
        let rest = crate::subject::Subject::transit(self, transfer);
        for &(item, lot, quantity) in &rest {
            let transit = Account::Transit(transfer, lot);
            match quantity > 0 {
                true => self.shift(item, quantity, transit, Account::Loss, at),
                false => self.shift(item, -quantity, Account::Found, transit, at),
            }
        }
        self.forget_if_empty(transfer);
        let there: Vec<Position> = rest.iter().map(|(item, lot, _)| Position::of_lot(*item, to, *lot)).collect();
        self.note_levels(&there, now);
    }

    fn forget_if_empty(&mut self, transfer: TransferId) {
        if crate::subject::Subject::transit(self, transfer).is_empty() {
            self.transfers.retain(|known| known.0 != transfer);
        }
    }

    fn reserve(&mut self, command: &Command, deadline: Option<Timestamp>, lines: &[Line], now: Timestamp) {
        let lines = summed(lines.iter().map(|line| (line.position, line.quantity.0)));
        let positions: Vec<Position> = lines.iter().map(|line| line.0).collect();
        let order = command.order.clone();
        self.reservations.push(Reservation { seq: self.head, id: command.id, order, deadline, lines });
        self.touched(positions, now);
    }

    fn fulfil(
        &mut self,
        order: Option<&OrderRef>,
        holds: &Holds,
        portion: &Portion,
        departure: Departure,
        at: Timestamp,
        now: Timestamp,
    ) {
        let found = self.allocate(holds, portion, now);
        let order = match holds {
            Holds::Order(order) => Some(order.clone()),
            Holds::Reservation(id) => order.cloned().or_else(|| {
                let open = self.reservations.iter().find(|r| r.id == Some(*id) && r.is_open(now));
                open.and_then(|r| r.order.clone())
            }),
        };
        // Without a hold only what has left already can go; `refuse` has seen to that.
        assert!(departure == Departure::AlreadyLeft || found.asked.iter().all(|(_, wanted, open)| wanted <= open));
        self.close(holds, portion, now);
        for &(position, quantity, _) in &found.asked {
            let from = Account::Stock(position, Bucket::Sellable);
            self.shift(position.item, quantity, from, Account::Customer, at);
        }
        if let Some(order) = order {
            self.on_order(&order, found.asked.iter().map(|(position, quantity, _)| (position.item, *quantity)));
        }
        self.touched(found.asked.into_iter().map(|(position, ..)| position), now);
    }

    /// Takes what the allocation found off the reservations; gives the positions.
    fn close(&mut self, holds: &Holds, portion: &Portion, now: Timestamp) -> Vec<Position> {
        let found = self.allocate(holds, portion, now);
        for (index, position, quantity) in found.closes {
            let mut lines = self.reservations[index].lines.iter_mut();
            lines.find(|line| line.0 == position).expect("it is held").1 -= quantity;
        }
        found.asked.into_iter().map(|(position, ..)| position).collect()
    }

    fn move_lines(&mut self, lines: &[Line], at: Timestamp, now: Timestamp, way: impl Fn(&Line) -> (Account, Account)) {
        for line in lines {
            let (from, to) = way(line);
            self.shift(line.position.item, line.quantity.0, from, to, at);
        }
        self.touched(lines.iter().map(|line| line.position), now);
    }

    fn shift(&mut self, item: ItemId, quantity: i64, from: Account, to: Account, at: Timestamp) {
        let seq = self.head;
        self.moves.push(Move { seq, at, item, account: from, delta: -quantity });
        self.moves.push(Move { seq, at, item, account: to, delta: quantity });
    }

    fn touched(&mut self, positions: impl IntoIterator<Item = Position>, now: Timestamp) {
        let mut positions: Vec<Position> = positions.into_iter().collect();
        positions.sort();
        positions.dedup();
        self.touch(&positions);
        self.note_levels(&positions, now);
    }
}

fn stock(line: &Line) -> Account {
    Account::Stock(line.position, line.bucket)
}
