//! A naive ledger, written from the rules alone: lists of movements, counts and reservations, scanned from end
//! to end for every question. It keeps no balance, so a balance can't drift; it shares no code with the ledger.
//!
//! `refuse` collects every rejection that applies and the one with the lowest number is given, so precedence is
//! not a matter of the order in which things are looked at.

mod alerts;
pub mod periods;
mod refuse;
mod refuse_master;
mod take;

use crate::subject::{Accounts, AlertView, OpenReservation, Outcome, Stock, Subject, Uncovered};
use counterfoil::domain::command::{Act, Alias, AliasTarget, Command, Holds, ItemStatus, Portion, PosDelta, UseStatus};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use counterfoil::domain::line::Bucket;
use counterfoil::domain::rejection::Rejection;
use counterfoil::domain::text::{OrderRef, Zone};
use counterfoil::limits::BALANCE_UNITS_MAX;

/// Where a quantity can be. Variance is not here: it is what counts and late facts leave over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Account {
    Supplier,
    Customer,
    Loss,
    Found,
    Transit(TransferId, LotId),
    Stock(Position, Bucket),
}

/// One side of a double entry.
#[derive(Clone, Debug, PartialEq)]
struct Move {
    seq: Seq,
    at: Timestamp,
    item: ItemId,
    account: Account,
    delta: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Counted {
    seq: Seq,
    at: Timestamp,
    position: Position,
    bucket: Bucket,
    figure: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Reservation {
    seq: Seq,
    id: Option<CommandId>,
    order: Option<OrderRef>,
    deadline: Option<Timestamp>,
    /// Open quantities, zero when closed, in order of first appearance.
    lines: Vec<(Position, i64)>,
}

impl Reservation {
    fn is_open(&self, now: Timestamp) -> bool {
        self.deadline.is_none_or(|deadline| deadline > now) && self.lines.iter().any(|line| line.1 > 0)
    }

    fn open_at(&self, position: Position) -> i64 {
        self.lines.iter().filter(|line| line.0 == position).map(|line| line.1).sum()
    }
}

/// Goods that went to (or, negative, came back from) a customer on an order.
#[derive(Clone, Debug, PartialEq)]
struct Shipment {
    order: OrderRef,
    item: ItemId,
    quantity: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Item {
    decimals: u8,
    status: ItemStatus,
}

/// The whole ledger.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Model {
    head: Seq,
    clock: Timestamp,
    known: Vec<(Command, Seq)>,
    items: Vec<Item>,
    locations: Vec<UseStatus>,
    zones: Vec<Zone>,
    closes: Vec<periods::Closed>,
    lots: Vec<(ItemId, UseStatus)>,
    aliases: Vec<(Alias, AliasTarget)>,
    moves: Vec<Move>,
    counts: Vec<Counted>,
    reservations: Vec<Reservation>,
    shipments: Vec<Shipment>,
    transfers: Vec<(TransferId, LocationId)>,
    points: Vec<(Position, i64)>,
    touches: Vec<(Seq, Position)>,
    notes: Vec<alerts::Note>,
}

/// What an allocation of a fulfilment or release found.
struct Allocation {
    /// (index of the reservation, position, quantity), oldest reservation first.
    closes: Vec<(usize, Position, i64)>,
    /// Per position asked for, in order of first appearance: (position, wanted, open).
    asked: Vec<(Position, i64, i64)>,
    /// Whether any hold was found at all.
    any: bool,
}

impl Model {
    /// Decides the command and, where it is accepted, takes it as the event `seq`.
    pub fn apply(&mut self, command: &Command, now: Timestamp, seq: Seq) -> Outcome {
        assert!(now >= self.clock, "the clock goes forward");
        if let Some(first) = self.first_receipt(command) {
            return Outcome::Duplicate(first);
        }
        if let Some(rejection) = self.refusals(command, now).into_iter().min_by_key(Rejection::number) {
            return Outcome::Rejected(rejection);
        }
        assert!(seq > self.head, "seqs go forward");
        let mut next = self.clone();
        (next.head, next.clock) = (seq, now);
        next.take(command, now);
        if let Some(position) = next.out_of_range(now) {
            return Outcome::Rejected(Rejection::Overflow { position, what: "a balance" });
        }
        next.known.push((command.clone(), seq));
        *self = next;
        Outcome::Accepted(seq)
    }

    /// Takes an expiry event of the ledger; says what is wrong with it where the rules don't allow it.
    pub fn expire(&mut self, reservations: &[Seq], now: Timestamp, seq: Seq) -> Result<(), String> {
        let due = self.due(now);
        let places: Option<Vec<usize>> = reservations.iter().map(|r| due.iter().position(|d| d == r)).collect();
        let Some(places) = places else {
            return Err(format!("{reservations:?} are not all lapsed and open, {due:?} are"));
        };
        if reservations.is_empty() || !places.is_sorted_by(|a, b| a < b) {
            return Err(format!("{reservations:?} are not ascending by deadline and seq"));
        }
        assert!(seq > self.head && now >= self.clock, "seqs and the clock go forward");
        (self.head, self.clock) = (seq, now);
        let mut touched = Vec::new();
        for reservation in self.reservations.iter_mut().filter(|r| reservations.contains(&r.seq)) {
            touched.extend(reservation.lines.iter().filter(|line| line.1 > 0).map(|line| line.0));
            reservation.lines.iter_mut().for_each(|line| line.1 = 0);
        }
        self.touch(&touched);
        self.note_levels(&touched, now);
        Ok(())
    }

    /// Takes an event of the ledger that changes no figure.
    pub fn skip(&mut self, now: Timestamp, seq: Seq) {
        assert!(seq > self.head && now >= self.clock, "seqs and the clock go forward");
        (self.head, self.clock) = (seq, now);
    }

    /// Lapsed reservations that no expiry event has closed, ascending by deadline and seq.
    pub fn due(&self, now: Timestamp) -> Vec<Seq> {
        let mut due: Vec<(Timestamp, Seq)> = self
            .reservations
            .iter()
            .filter(|r| r.lines.iter().any(|line| line.1 > 0))
            .filter_map(|r| r.deadline.filter(|deadline| *deadline <= now).map(|deadline| (deadline, r.seq)))
            .collect();
        due.sort();
        due.into_iter().map(|(_, seq)| seq).collect()
    }

    /// The newest seq.
    pub fn head(&self) -> Seq {
        self.head
    }

    /// Every position that any event has touched.
    pub fn positions(&self) -> Vec<Position> {
        let mut all: Vec<Position> = self.touches.iter().map(|touch| touch.1).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Every item.
    pub fn items(&self) -> Vec<ItemId> {
        (1..=self.items.len() as u32).map(ItemId).collect()
    }

    /// Rule 2 in its global form: the figure of the last count and what happened after it.
    fn quantity(&self, position: Position, bucket: Bucket) -> i64 {
        let counts = self.counts.iter().filter(|c| c.position == position && c.bucket == bucket);
        let last = counts.max_by_key(|c| (c.at, c.seq));
        let moves = self.moves.iter().filter(|m| m.account == Account::Stock(position, bucket));
        let behind =
            |m: &&Move, count: &Counted| m.at > count.at || (m.at == count.at && m.at.0 % 2 != 0 && m.seq > count.seq);
        let after = moves.filter(|m| last.is_none_or(|count| behind(m, count)));
        last.map_or(0, |count| count.figure) + after.map(|m| m.delta).sum::<i64>()
    }

    fn held(&self, position: Position, now: Timestamp) -> i64 {
        self.reservations.iter().filter(|r| r.is_open(now)).map(|r| r.open_at(position)).sum()
    }

    fn available(&self, position: Position, now: Timestamp) -> i64 {
        self.quantity(position, Bucket::Sellable) - self.held(position, now)
    }

    fn in_transit(&self, transfer: TransferId, item: ItemId, lot: LotId) -> i64 {
        let account = Account::Transit(transfer, lot);
        self.moves.iter().filter(|m| m.item == item && m.account == account).map(|m| m.delta).sum()
    }

    fn inbound(&self, position: Position) -> i64 {
        let to_here = self.transfers.iter().filter(|(_, to)| *to == position.location);
        to_here.map(|(transfer, _)| self.in_transit(*transfer, position.item, position.lot).max(0)).sum()
    }

    fn version(&self, position: Position) -> Seq {
        self.touches.iter().filter(|touch| touch.1 == position).map(|touch| touch.0).max().unwrap_or(Seq(0))
    }

    fn returnable(&self, order: &OrderRef, item: ItemId) -> i64 {
        self.shipments.iter().filter(|s| s.order == *order && s.item == item).map(|s| s.quantity).sum()
    }

    /// Rule 2 step by step, in order of seq: what counts and swallowed movements put on the variance account.
    fn variance(&self, item: ItemId) -> i64 {
        let mut variance = 0;
        let mut buckets: Vec<(Position, Bucket, i64, Option<Timestamp>)> = Vec::new();
        for seq in (1..=self.head.0).map(Seq) {
            for m in self.moves.iter().filter(|m| m.seq == seq && m.item == item) {
                let Account::Stock(position, bucket) = m.account else {
                    continue;
                };
                let (_, _, quantity, anchor) = entry(&mut buckets, position, bucket);
                match anchor.is_none_or(|anchor| m.at > anchor || (m.at == anchor && m.at.0 % 2 != 0)) {
                    true => *quantity += m.delta,
                    false => variance += m.delta,
                }
            }
            for c in self.counts.iter().filter(|c| c.seq == seq && c.position.item == item) {
                let (_, _, quantity, anchor) = entry(&mut buckets, c.position, c.bucket);
                if anchor.is_none_or(|anchor| c.at >= anchor) {
                    let account = Account::Stock(c.position, c.bucket);
                    let before = self.moves.iter().filter(|m| m.seq < seq && m.account == account && m.at > c.at);
                    let new = c.figure + before.map(|m| m.delta).sum::<i64>();
                    variance -= new - *quantity;
                    (*quantity, *anchor) = (new, Some(c.at));
                }
            }
        }
        variance
    }

    fn allocate(&self, holds: &Holds, portion: &Portion, now: Timestamp) -> Allocation {
        let mine: Vec<usize> = (0..self.reservations.len())
            .filter(|&index| {
                let reservation = &self.reservations[index];
                reservation.is_open(now)
                    && match holds {
                        Holds::Reservation(id) => reservation.id == Some(*id),
                        Holds::Order(order) => reservation.order.as_ref() == Some(order),
                    }
            })
            .collect();
        let open = |position| mine.iter().map(|&index| self.reservations[index].open_at(position)).sum::<i64>();
        let wanted = match portion {
            Portion::Lines(lines) => summed(lines.iter().map(|line| (line.position, line.quantity.0))),
            Portion::Whole => {
                let held = mine.iter().flat_map(|&index| self.reservations[index].lines.clone());
                summed(held.filter(|line| line.1 > 0))
            }
        };
        let mut closes = Vec::new();
        for &(position, mut rest) in &wanted {
            for &index in &mine {
                let part = rest.min(self.reservations[index].open_at(position));
                if part > 0 {
                    closes.push((index, position, part));
                    rest -= part;
                }
            }
        }
        let asked = wanted.into_iter().map(|(position, wanted)| (position, wanted, open(position))).collect();
        Allocation { closes, asked, any: !mine.is_empty() }
    }

    /// A position of an item one of whose figures has left the ledger's range.
    fn out_of_range(&self, now: Timestamp) -> Option<Position> {
        let beyond = |figure: i64| figure.abs() > BALANCE_UNITS_MAX;
        let touched: Vec<Position> = self.touches.iter().filter(|t| t.0 == self.head).map(|t| t.1).collect();
        for &position in &touched {
            let buckets = [Bucket::Sellable, Bucket::Unsellable].map(|bucket| self.quantity(position, bucket));
            if buckets.into_iter().any(beyond) || beyond(self.held(position, now)) {
                return Some(position);
            }
        }
        let moved = |item: &ItemId| self.moves.iter().any(|m| m.seq == self.head && m.item == *item);
        let items = self.items().into_iter().filter(|item| moved(item) || touched.iter().any(|p| p.item == *item));
        items.map(|item| (item, self.accounts(item))).find_map(|(item, a)| {
            let figures = [a.supplier, a.customer, a.loss, a.found, a.variance, a.transit, a.sellable, a.unsellable];
            figures.into_iter().any(beyond).then_some(Position::new(item, LocationId(0)))
        })
    }

    fn touch(&mut self, positions: &[Position]) {
        let seq = self.head;
        self.touches.extend(positions.iter().map(|position| (seq, *position)));
    }

    /// The event that this command made already, where its content is the same (rules 15 and 19).
    pub fn first_receipt(&self, command: &Command) -> Option<Seq> {
        let (known, seq) = self.same_name(command)?;
        (content(known) == content(command)).then_some(*seq)
    }

    /// The command that has this one's id, else its till's id.
    fn same_name(&self, command: &Command) -> Option<&(Command, Seq)> {
        let by_id = self.known.iter().find(|(known, _)| command.id.is_some() && known.id == command.id);
        by_id.or_else(|| self.known.iter().find(|(known, _)| same_delta(&known.act, &command.act)))
    }
}

impl Subject for Model {
    fn apply(&mut self, command: &Command, now: Timestamp) -> Outcome {
        Model::apply(self, command, now, self.head.next())
    }

    fn tick(&mut self, now: Timestamp) {
        let due = self.due(now);
        if !due.is_empty() {
            self.expire(&due, now, self.head.next()).expect("what is due may lapse");
        }
    }

    fn stock(&self, position: Position, now: Timestamp) -> Stock {
        Stock {
            sellable: self.quantity(position, Bucket::Sellable),
            unsellable: self.quantity(position, Bucket::Unsellable),
            reserved: self.held(position, now),
            available: self.available(position, now),
            inbound: self.inbound(position),
            version: self.version(position),
        }
    }

    fn accounts(&self, item: ItemId) -> Accounts {
        let mut sums = Accounts { variance: self.variance(item), ..Accounts::default() };
        for m in self.moves.iter().filter(|m| m.item == item) {
            match m.account {
                Account::Supplier => sums.supplier += m.delta,
                Account::Customer => sums.customer += m.delta,
                Account::Loss => sums.loss += m.delta,
                Account::Found => sums.found += m.delta,
                Account::Transit(..) => sums.transit += m.delta,
                Account::Stock(..) => {}
            }
        }
        for position in self.positions().into_iter().filter(|position| position.item == item) {
            sums.sellable += self.quantity(position, Bucket::Sellable);
            sums.unsellable += self.quantity(position, Bucket::Unsellable);
        }
        sums
    }

    fn open_reservations(&self, now: Timestamp) -> Vec<OpenReservation> {
        let open = self.reservations.iter().filter(|r| r.is_open(now));
        open.map(|r| OpenReservation {
            seq: r.seq,
            id: r.id,
            order: r.order.clone(),
            deadline: r.deadline,
            lines: r.lines.iter().filter(|line| line.1 > 0).copied().collect(),
        })
        .collect()
    }

    fn uncovered(&self, position: Position, now: Timestamp) -> Uncovered {
        let mut short = (-self.available(position, now)).max(0);
        let mut holds = Vec::new();
        for r in self.reservations.iter().rev().filter(|r| r.is_open(now)) {
            let part = short.min(r.open_at(position));
            if part > 0 {
                holds.push((r.seq, part));
                short -= part;
            }
        }
        Uncovered { holds, without_reservation: short }
    }

    fn alerts(&self) -> Vec<AlertView> {
        self.open_alerts()
    }

    fn transit(&self, transfer: TransferId) -> Vec<(ItemId, LotId, i64)> {
        let mut lines: Vec<(ItemId, LotId, i64)> = Vec::new();
        for m in &self.moves {
            match m.account {
                Account::Transit(id, lot) if id == transfer && !lines.iter().any(|l| (l.0, l.1) == (m.item, lot)) => {
                    lines.push((m.item, lot, self.in_transit(transfer, m.item, lot)));
                }
                _ => {}
            }
        }
        lines.retain(|line| line.2 != 0);
        lines
    }

    fn resolve(&self, alias: &Alias) -> Option<AliasTarget> {
        self.aliases.iter().find(|(known, _)| known == alias).map(|(_, target)| *target)
    }
}

/// What makes two commands the same: everything but the id and the erasable note.
fn content(command: &Command) -> Command {
    Command { id: None, note: None, ..command.clone() }
}

fn same_delta(one: &Act, other: &Act) -> bool {
    match (one, other) {
        (
            Act::PosDelta(PosDelta { source, external_id, .. }),
            Act::PosDelta(PosDelta { source: other_source, external_id: other_external_id, .. }),
        ) => (source, external_id) == (other_source, other_external_id),
        _ => false,
    }
}

/// Sums per key, in order of first appearance.
fn summed<K: PartialEq>(pairs: impl IntoIterator<Item = (K, i64)>) -> Vec<(K, i64)> {
    let mut sums: Vec<(K, i64)> = Vec::new();
    for (key, quantity) in pairs {
        match sums.iter_mut().find(|sum| sum.0 == key) {
            Some(sum) => sum.1 += quantity,
            None => sums.push((key, quantity)),
        }
    }
    sums
}

type BucketFold = (Position, Bucket, i64, Option<Timestamp>);

fn entry(buckets: &mut Vec<BucketFold>, position: Position, bucket: Bucket) -> &mut BucketFold {
    let at = buckets.iter().position(|b| b.0 == position && b.1 == bucket).unwrap_or_else(|| {
        buckets.push((position, bucket, 0, None));
        buckets.len() - 1
    });
    &mut buckets[at]
}
