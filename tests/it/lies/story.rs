//! Small histories, written event by event, past everything that decides.

use counterfoil::domain::alert::{AlertKind, alert_id};
use counterfoil::domain::command::{Actor, Alias, AliasKind, AliasTarget, Departure, ItemStatus, UseStatus};
use counterfoil::domain::event::{
    Adjusted, AlertAcknowledged, AlertDismissed, AlertResolved, AliasAdded, AliasMerged, AliasRenamed, AliasRetired,
    Amended, Body, ClockAccepted, Counted, CountedLine, DecimalsSet, Envelope, Event, Expired, Extended, Fulfilled,
    Genesis, HoldLine, ItemCreated, ItemStatusSet, LocationCreated, LocationStatusSet, LotCreated, LotStatusSet,
    PeriodClosed, PosDeltaRecorded, PosMovement, Received, Reclassified, Released, ReorderPointSet, Reserved, Returned,
    TransferClosed, TransferReceived, TransferShipped, TransitLine, UnitMark,
};
use counterfoil::domain::ids::{
    AlertId, CommandId, ItemId, LedgerId, LocationId, LotId, Position, Seq, Timestamp, TransferId,
};
use counterfoil::domain::line::{Bucket, Disposition, Line, Lines, ReturnLine};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, OrderRef, ReasonCode, Source, Zone};
use counterfoil::log::memory_store::MemoryDisk;
use counterfoil::log::{GroupBuilder, Head, MemoryStore, Store};
use smallvec::{SmallVec, smallvec};

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;

/// A at MAIN: the position that most of the story is about.
pub const A_MAIN: Position = Position::new(ItemId(1), LocationId(1));
pub const A_SHOP: Position = Position::new(ItemId(1), LocationId(2));
/// B, lot 1, at MAIN.
pub const B_MAIN: Position = Position::of_lot(ItemId(2), LocationId(1), LotId(1));
/// C has never moved.
pub const C_MAIN: Position = Position::new(ItemId(3), LocationId(1));
pub const TRANSFER: TransferId = TransferId::from_bytes([3; 16]);

/// A history in groups; every event a second after the one before.
pub struct Story {
    groups: Vec<Vec<Event>>,
    now: i64,
    commands: u128,
    /// Reservations that are open: order O1 with a deadline, order O1 without, without order.
    pub first: Seq,
    pub second: Seq,
    pub plain: Seq,
    /// Reservations that have lapsed, in order of their deadlines.
    pub lapsed: [Seq; 2],
    /// The reorder points of A at SHOP (alerts cleared) and of C at MAIN (alerts open).
    pub cleared: Seq,
    pub alarmed: Seq,
    /// When A was counted at MAIN, and when one of it was sold after that.
    pub counted_at: Timestamp,
    pub sold_at: Timestamp,
}

impl Story {
    fn empty() -> Self {
        let (nowhere, never) = (Seq(0), Timestamp(0));
        Self {
            groups: Vec::new(),
            now: START,
            commands: 0,
            first: nowhere,
            second: nowhere,
            plain: nowhere,
            lapsed: [nowhere; 2],
            cleared: nowhere,
            alarmed: nowhere,
            counted_at: never,
            sold_at: never,
        }
    }

    /// The next instant.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now)
    }

    /// The seq of the next event.
    pub fn next(&self) -> Seq {
        Seq(self.groups.iter().map(Vec::len).sum::<usize>() as u64)
    }

    pub fn wait(&mut self, micros: i64) {
        self.now += micros;
    }

    pub fn forget(&mut self) {
        self.groups.clear();
    }

    fn envelope(&mut self) -> Envelope {
        let recorded_at = self.now();
        self.now += SECOND;
        self.commands += 1;
        Envelope {
            recorded_at,
            occurred_at: None,
            command_id: Some(command(self.commands)),
            digest: [9; 16],
            actor: Actor::asserted(ActorId::new("ann").expect("short")),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        }
    }

    /// Adds a command's event in a group of its own.
    pub fn add(&mut self, body: Body) -> Seq {
        self.edit(body, |_| {})
    }

    /// The same with another envelope.
    pub fn edit(&mut self, body: Body, edit: impl FnOnce(&mut Envelope)) -> Seq {
        let (seq, event) = (self.next(), self.event(body, edit));
        self.groups.push(vec![event]);
        seq
    }

    /// The same in the group of the event before.
    pub fn same_group(&mut self, body: Body, edit: impl FnOnce(&mut Envelope)) -> Seq {
        let (seq, event) = (self.next(), self.event(body, edit));
        self.groups.last_mut().expect("a group").push(event);
        seq
    }

    fn event(&mut self, body: Body, edit: impl FnOnce(&mut Envelope)) -> Event {
        let mut envelope = self.envelope();
        edit(&mut envelope);
        Event { envelope, body }
    }

    pub fn of_order(&mut self, order: &str, body: Body) -> Seq {
        self.edit(body, |envelope| envelope.order = Some(self::order(order)))
    }

    /// What the ledger writes itself.
    pub fn ledger(&mut self, body: Body) -> Seq {
        self.edit(body, bare)
    }

    /// The events of it, in no groups.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.groups).into_iter().flatten().collect()
    }

    /// So many events of one instant.
    pub fn many(&mut self, body: Body, count: usize) -> Vec<Event> {
        let at = self.now();
        (0..count).map(|_| self.event(body.clone(), |envelope| envelope.recorded_at = at)).collect()
    }

    /// A group that takes several frames.
    pub fn big_group(&mut self) {
        let group = self.many(receipt(1), 300);
        self.groups.push(group);
    }

    /// The disk with the log of it.
    pub fn disk(&self) -> MemoryDisk {
        let disk = MemoryDisk::new();
        self.write(&disk);
        disk
    }

    /// The log of it, with every hash and mark right.
    pub fn store(&self) -> MemoryStore {
        self.write(&MemoryDisk::new())
    }

    fn write(&self, disk: &MemoryDisk) -> MemoryStore {
        let mut store = MemoryStore::open(disk).expect("memory");
        let mut head = Head::EMPTY;
        for group in &self.groups {
            let mut builder = GroupBuilder::new(head);
            for event in group {
                builder.push(event).expect("it has a stored form");
            }
            let group = builder.finish();
            head = group.head();
            store.append(&group).expect("memory");
        }
        store.sync().expect("memory");
        store
    }

    /// What every lie is told after.
    pub fn base() -> Self {
        let mut story = Self::empty();
        story.ledger(genesis());
        for (item, sku, decimals) in [(1, "A", 0), (2, "B", 2), (3, "C", 0)] {
            story.add(Body::ItemCreated(ItemCreated { item: ItemId(item), sku: text(sku), decimals }));
        }
        for (location, code) in [(1, "MAIN"), (2, "SHOP")] {
            let zone = Zone::new("Europe/London").expect("known");
            story.add(Body::LocationCreated(LocationCreated {
                location: LocationId(location),
                code: text(code),
                zone,
            }));
        }
        story.add(Body::LotCreated(LotCreated { lot: LotId(1), item: ItemId(2), code: text("L1") }));
        story.add(Body::Received(Received { lines: smallvec![line(A_MAIN, 100), line(B_MAIN, 50)] }));
        story.add(Body::Received(Received { lines: smallvec![line(A_MAIN, 6).in_bucket(Bucket::Unsellable)] }));
        story.cleared =
            story.add(Body::ReorderPointSet(ReorderPointSet { position: A_SHOP, point: Some(Quantity(5)) }));
        story.alarmed =
            story.add(Body::ReorderPointSet(ReorderPointSet { position: C_MAIN, point: Some(Quantity(5)) }));
        story.promises();
        story.add(Body::TransferShipped(TransferShipped {
            transfer: TRANSFER,
            to: LocationId(2),
            lines: smallvec![line(A_MAIN, 7)],
        }));
        story.counted_at = story.now();
        story.add(counted(A_MAIN, 80, 0));
        story.sold_at = story.now();
        let sale = PosMovement::Sale(smallvec![line(A_MAIN, 1)]);
        story.of_order("O2", delta("1", sale));
        let between = Timestamp(story.sold_at.0 - SECOND / 2);
        story.edit(counted(A_MAIN, 80, -1), |envelope| envelope.occurred_at = Some(between));
        story.add(Body::AliasAdded(AliasAdded {
            alias: alias(AliasKind::Barcode, "111"),
            target: AliasTarget::Item(ItemId(1)),
        }));
        story.add(Body::ItemStatusSet(ItemStatusSet { item: ItemId(2), status: ItemStatus::Discontinued }));
        story.wait(60 * SECOND);
        story
    }

    fn promises(&mut self) {
        let hour = Timestamp(self.now + HOUR);
        let lines = smallvec![line(A_MAIN, 10), line(B_MAIN, 5)];
        self.first = self.of_order("O1", Body::Reserved(Reserved { deadline: Some(hour), lines }));
        self.second = self.of_order("O1", reserved(8));
        self.plain = self.add(reserved(4));
        let shipped = self.of_order("O2", reserved(6));
        self.of_order("O2", fulfilled(&[(shipped, A_MAIN, 6)]));
        self.of_order("O2", returned(&[2], &[]));
        let soon = Timestamp(self.now + 10 * SECOND);
        let later = Timestamp(self.now + 20 * SECOND);
        let brief = |deadline| Body::Reserved(Reserved { deadline: Some(deadline), lines: smallvec![line(A_MAIN, 2)] });
        self.lapsed = [self.of_order("O3", brief(soon)), self.of_order("O3", brief(later))];
    }

    /// The base, and every other kind of event, all legal.
    pub fn of_every_kind() -> Self {
        let mut story = Self::base();
        let [early, late] = story.lapsed;
        story.ledger(Body::Expired(Expired { reservations: smallvec![early, late] }));
        story.more_settings();
        story.more_facts();
        story.more_promises();
        story.more_periods();
        let open = |kind| alert_id(story.alarmed, C_MAIN, kind);
        let (low, out) = (open(AlertKind::LowStock), open(AlertKind::OutOfStock));
        story.add(Body::AlertAcknowledged(AlertAcknowledged { alert: low }));
        story.add(Body::AlertResolved(AlertResolved { alert: low }));
        story.add(Body::AlertDismissed(AlertDismissed { alert: out }));
        let clock = story.now();
        story.ledger(Body::ClockAccepted(ClockAccepted { clock }));
        story.edit(receipt(1), |envelope| envelope.unit = UnitMark::Continues);
        let together = story.now;
        story.same_group(receipt(1), |envelope| envelope.recorded_at = Timestamp(together - SECOND));
        story
    }

    fn more_settings(&mut self) {
        self.add(Body::DecimalsSet(DecimalsSet { item: ItemId(3), decimals: 3 }));
        self.add(Body::ItemStatusSet(ItemStatusSet { item: ItemId(2), status: ItemStatus::Active }));
        self.add(Body::LotCreated(LotCreated { lot: LotId(2), item: ItemId(2), code: text("L2") }));
        self.add(Body::LotStatusSet(LotStatusSet { lot: LotId(2), status: UseStatus::Retired }));
        self.add(Body::LocationStatusSet(LocationStatusSet { location: LocationId(2), status: UseStatus::Retired }));
        self.add(Body::LocationStatusSet(LocationStatusSet { location: LocationId(2), status: UseStatus::Active }));
        let barcode = alias(AliasKind::Barcode, "111");
        self.add(Body::AliasRenamed(AliasRenamed { alias: barcode, to: text("222") }));
        let barcode = alias(AliasKind::Barcode, "222");
        self.add(Body::AliasMerged(AliasMerged { alias: barcode.clone(), into: AliasTarget::Item(ItemId(2)) }));
        self.add(Body::AliasRetired(AliasRetired { alias: barcode }));
        let lot = alias(AliasKind::Lot(ItemId(2)), "L2b");
        self.add(Body::AliasAdded(AliasAdded { alias: lot, target: AliasTarget::Lot(LotId(2)) }));
        self.add(Body::ReorderPointSet(ReorderPointSet { position: A_SHOP, point: None }));
    }

    /// Two closes, and what is dated before the last one: a sale, and at its very instant a count.
    fn more_periods(&mut self) {
        self.add(closed(1, "2025-11-30", "2025-12-01T00:00:00Z"));
        let end = Timestamp(self.now - SECOND);
        let until = &end.to_string()[..19];
        self.add(closed(1, until, &end.to_string()));
        let sale = delta("7", PosMovement::Sale(smallvec![line(A_MAIN, 1)]));
        self.edit(sale, |envelope| envelope.occurred_at = Some(Timestamp(end.0 - 1)));
        self.edit(counted(A_MAIN, 90, 0), |envelope| envelope.occurred_at = Some(end));
    }

    fn more_facts(&mut self) {
        self.of_order("O2", returned(&[3, 2], &[1]));
        self.add(returned(&[], &[1]));
        self.edit(Body::Adjusted(Adjusted { lines: smallvec![line(A_MAIN, -3), line(A_MAIN, 5)] }), |envelope| {
            envelope.reason = Some(ReasonCode::new("found").expect("short"));
        });
        for (id, movement) in [
            ("2", PosMovement::Return(smallvec![return_line(1)])),
            ("3", PosMovement::Waste(smallvec![line(A_MAIN, 1)])),
            ("4", PosMovement::Receipt(smallvec![line(A_MAIN, 9)])),
            ("5", PosMovement::Correction(smallvec![line(A_MAIN, -2)])),
        ] {
            self.add(delta(id, movement));
        }
        self.add(Body::Reclassified(Reclassified { lines: smallvec![line(A_MAIN, 2)] }));
        self.add(Body::TransferReceived(TransferReceived { transfer: TRANSFER, lines: smallvec![line(A_SHOP, 5)] }));
        let rest = smallvec![TransitLine { item: ItemId(1), lot: LotId::NONE, quantity: Quantity(2) }];
        self.add(Body::TransferClosed(TransferClosed { transfer: TRANSFER, rest }));
        // A sale that nobody had heard of before the count: it leaves the counted figure alone.
        let before = Timestamp(self.counted_at.0 - SECOND);
        let sale = delta("6", PosMovement::Sale(smallvec![line(A_MAIN, 2)]));
        self.edit(sale, |envelope| envelope.occurred_at = Some(before));
        // A count before the last one changes nothing.
        self.edit(counted(A_MAIN, 7, 0), |envelope| envelope.occurred_at = Some(before));
    }

    fn more_promises(&mut self) {
        let (first, second, plain) = (self.first, self.second, self.plain);
        let day = Timestamp(self.now + 24 * HOUR);
        self.add(Body::Extended(Extended { reservation: first, deadline: Some(day) }));
        self.add(Body::Amended(Amended { reservation: plain, lines: smallvec![line(A_MAIN, 6), line(A_SHOP, 1)] }));
        self.of_order("O1", fulfilled(&[(first, A_MAIN, 10), (second, A_MAIN, 1)]));
        self.of_order("O1", Body::Released(Released { closes: smallvec![hold(second, A_MAIN, 2)] }));
        let closes = smallvec![hold(second, A_MAIN, 5)];
        let unreserved = smallvec![line(A_MAIN, 3)];
        let (departure, left) = (Departure::AlreadyLeft, Timestamp(self.now - HOUR));
        self.edit(Body::Fulfilled(Fulfilled { departure, closes, unreserved }), |envelope| {
            envelope.order = Some(order("O1"));
            envelope.occurred_at = Some(left);
        });
    }
}

/// An envelope of what the ledger writes itself.
pub fn bare(envelope: &mut Envelope) {
    envelope.command_id = None;
    envelope.digest = [0; 16];
}

pub fn genesis() -> Body {
    Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 })
}

pub fn command(number: u128) -> CommandId {
    CommandId::from_bytes(number.to_be_bytes())
}

pub fn text(text: &str) -> AliasText {
    AliasText::new(text).expect("short")
}

pub fn order(order: &str) -> OrderRef {
    OrderRef::new(order).expect("short")
}

pub fn alias(kind: AliasKind, alias: &str) -> Alias {
    Alias { kind, text: text(alias) }
}

pub fn line(position: Position, quantity: i64) -> Line {
    Line::new(position, Quantity(quantity))
}

pub fn hold(reservation: Seq, position: Position, quantity: i64) -> HoldLine {
    HoldLine { reservation, position, quantity: Quantity(quantity) }
}

/// A close of this location to a local date or time, and to the instant that it is said to mean.
pub fn closed(location: u32, until: &str, instant: &str) -> Body {
    let closed_until = instant.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").into();
    let until = until.parse().expect("a local date or time");
    Body::PeriodClosed(PeriodClosed { location: LocationId(location), until, closed_until })
}

pub fn receipt(quantity: i64) -> Body {
    Body::Received(Received { lines: smallvec![line(A_MAIN, quantity)] })
}

pub fn reserved(quantity: i64) -> Body {
    Body::Reserved(Reserved { deadline: None, lines: smallvec![line(A_MAIN, quantity)] })
}

pub fn fulfilled(closes: &[(Seq, Position, i64)]) -> Body {
    let closes = closes.iter().map(|(reservation, position, quantity)| hold(*reservation, *position, *quantity));
    Body::Fulfilled(Fulfilled { departure: Departure::Now, closes: closes.collect(), unreserved: Lines::new() })
}

pub fn return_line(quantity: i64) -> ReturnLine {
    let line = line(A_MAIN, quantity).in_bucket(Bucket::Unsellable);
    ReturnLine { line, disposition: Some(Disposition::Quarantine) }
}

pub fn returned(referenced: &[i64], unreferenced: &[i64]) -> Body {
    let lines = |quantities: &[i64]| quantities.iter().map(|quantity| return_line(*quantity)).collect();
    Body::Returned(Returned { referenced: lines(referenced), unreferenced: lines(unreferenced) })
}

pub fn counted(position: Position, figure: i64, later: i64) -> Body {
    let counted = Quantity(figure);
    Body::Counted(Counted { lines: smallvec![CountedLine { position, bucket: Bucket::Sellable, counted, later }] })
}

pub fn delta(id: &str, delta: PosMovement) -> Body {
    let source = Source::new("till-1").expect("short");
    Body::PosDelta(PosDeltaRecorded { source, external_id: ExternalId::new(id).expect("short"), delta })
}

pub fn alert(raised: Seq, position: Position, kind: AlertKind) -> AlertId {
    alert_id(raised, position, kind)
}
