//! Questions put to small shops whose history is written by hand.

mod entities;
mod holds;
mod oddities;
mod paging;
mod properties;
mod stock;

use super::{Page, Paging, QueryError};
use crate::domain::command::{Actor, Alias, AliasKind};
use crate::domain::event::{
    Body, Envelope, Event, Genesis, HoldLine, ItemCreated, LocationCreated, LotCreated, PosDeltaRecorded, PosMovement,
    Received, Released, ReorderPointSet, Reserved, TransferReceived, TransferShipped, UnitMark,
};
use crate::domain::evolve::evolve;
use crate::domain::ids::{CommandId, ItemId, LedgerId, LocationId, LotId, Position, Seq, Timestamp, TransferId};
use crate::domain::line::{Line, Lines};
use crate::domain::quantity::Quantity;
use crate::domain::state::State;
use crate::domain::text::{ActorId, AliasText, ExternalId, OrderRef, Source, Zone};
use smallvec::{SmallVec, smallvec};

/// A state, and a clock that goes on by one microsecond per event.
struct Shop {
    state: State,
    clock: i64,
}

fn text(text: &str) -> AliasText {
    AliasText::new(text).expect("a short text")
}

fn order(text: &str) -> OrderRef {
    OrderRef::new(text).expect("a short text")
}

fn sku(text_: &str) -> Alias {
    Alias { kind: AliasKind::Sku, text: text(text_) }
}

fn at(item: ItemId, location: LocationId) -> Position {
    Position::new(item, location)
}

fn line(position: Position, quantity: i64) -> Line {
    Line::new(position, Quantity(quantity))
}

fn transfer_id(number: u8) -> TransferId {
    TransferId::from_bytes([number; 16])
}

impl Shop {
    fn new() -> Self {
        let mut shop = Self { state: State::default(), clock: 1_000 };
        shop.fold(Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 }));
        shop
    }

    /// A shop with the items A, B, C (1, 2, 3) and the locations L1, L2 (1, 2).
    fn stocked() -> Self {
        let mut shop = Self::new();
        for sku in ["A", "B", "C"] {
            shop.item(sku, 0);
        }
        shop.location("L1");
        shop.location("L2");
        shop
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock)
    }

    fn fold(&mut self, body: Body) -> Seq {
        self.fold_for(None, body)
    }

    /// Folds an event that belongs to an order; its command id is made of its seq.
    fn fold_for(&mut self, order: Option<OrderRef>, body: Body) -> Seq {
        self.clock += 1;
        let seq = self.state.next_seq();
        let envelope = Envelope {
            recorded_at: self.now(),
            occurred_at: None,
            command_id: Some(command_id(seq)),
            digest: [0; 16],
            actor: Actor::asserted(ActorId::new("tester").expect("a short text")),
            cause: None,
            reason: None,
            order,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        };
        evolve(&mut self.state, &Event { envelope, body });
        seq
    }

    fn item(&mut self, sku: &str, decimals: u8) -> ItemId {
        let item = ItemId(self.state.entity_counts().0 as u32 + 1);
        self.fold(Body::ItemCreated(ItemCreated { item, sku: text(sku), decimals }));
        item
    }

    fn location(&mut self, code: &str) -> LocationId {
        let location = LocationId(self.state.entity_counts().1 as u32 + 1);
        let zone = Zone::new("Europe/London").expect("a time zone");
        self.fold(Body::LocationCreated(LocationCreated { location, code: text(code), zone }));
        location
    }

    fn lot(&mut self, item: ItemId, code: &str) -> LotId {
        let lot = LotId(self.state.entity_counts().2 as u32 + 1);
        self.fold(Body::LotCreated(LotCreated { lot, item, code: text(code) }));
        lot
    }

    fn receive(&mut self, position: Position, quantity: i64) -> Seq {
        self.fold(Body::Received(Received { lines: smallvec![line(position, quantity)] }))
    }

    fn sell(&mut self, position: Position, quantity: i64) -> Seq {
        let seq = self.state.next_seq();
        self.fold(Body::PosDelta(PosDeltaRecorded {
            source: Source::new("till").expect("a short text"),
            external_id: ExternalId::new(&seq.to_string()).expect("a short text"),
            delta: PosMovement::Sale(smallvec![line(position, quantity)]),
        }))
    }

    /// Holds units without asking whether they are there: the state must show what it is told.
    fn reserve(&mut self, for_order: Option<&str>, deadline: Option<i64>, lines: &[(Position, i64)]) -> Seq {
        let lines: Lines = lines.iter().map(|(position, quantity)| line(*position, *quantity)).collect();
        self.fold_for(for_order.map(order), Body::Reserved(Reserved { deadline: deadline.map(Timestamp), lines }))
    }

    fn release(&mut self, reservation: Seq, position: Position, quantity: i64) -> Seq {
        let quantity = Quantity(quantity);
        self.fold(Body::Released(Released { closes: smallvec![HoldLine { reservation, position, quantity }] }))
    }

    fn reorder_point(&mut self, position: Position, point: i64) -> Seq {
        self.fold(Body::ReorderPointSet(ReorderPointSet { position, point: Some(Quantity(point)) }))
    }

    fn ship(&mut self, transfer: u8, from: Position, to: LocationId, quantity: i64) -> Seq {
        let lines = smallvec![line(from, quantity)];
        self.fold(Body::TransferShipped(TransferShipped { transfer: transfer_id(transfer), to, lines }))
    }

    fn arrive(&mut self, transfer: u8, position: Position, quantity: i64) -> Seq {
        let lines = smallvec![line(position, quantity)];
        self.fold(Body::TransferReceived(TransferReceived { transfer: transfer_id(transfer), lines }))
    }
}

/// The command that the helper gives to the event at a place.
fn command_id(seq: Seq) -> CommandId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seq.0.to_be_bytes());
    CommandId::from_bytes(bytes)
}

/// Every row of a list, taken in pages of this size; checks what each page says of the whole.
fn all_rows<T>(rows: usize, mut ask: impl FnMut(&Paging) -> Result<Page<T>, QueryError>) -> Vec<T> {
    let mut paging = Paging::first(rows);
    let mut all = Vec::new();
    loop {
        let page = ask(&paging).expect("a page");
        assert!(page.rows.len() <= rows);
        all.extend(page.rows);
        assert!(all.len() as u64 <= page.matched, "a row came twice");
        let Some(next) = page.next else {
            assert_eq!(page.matched as usize, all.len());
            return all;
        };
        // Through its text form, as a caller would carry it.
        paging = paging.starting_after(next.to_string().parse().expect("a cursor"));
    }
}
