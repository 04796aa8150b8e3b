//! What questions cost.
//!
//! | workload, behind `query/` | what is asked |
//! | --- | --- |
//! | `stock/n` | one of n positions, picked at random (fixed seed), a third of them with holds that have a deadline |
//! | `stock, holds lapsed/n` | the same when every deadline has passed and no expiry is recorded |
//! | `item/n` | an item over 25 locations |
//! | `page by sku/n`, `page by available/n`, `oversold/n` | the first 100 rows of everything |
//! | `holders/n` | the first 100 of n holds at one position |
//!
//! n is 10,000 and 100,000; under `cargo test` it is 500.

use crate::is_measured;

use counterfoil::domain::command::Actor;
use counterfoil::domain::event::{
    Body, Envelope, Event, Genesis, ItemCreated, LocationCreated, Received, Reserved, UnitMark,
};
use counterfoil::domain::evolve::evolve;
use counterfoil::domain::ids::{CommandId, ItemId, LedgerId, LocationId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::state::State;
use counterfoil::domain::text::{ActorId, AliasText, Zone};
use counterfoil::query::{self, Order, Paging, Scope, StockFilter, StockSort};
use criterion::{BatchSize, Criterion, criterion_group};
use smallvec::{SmallVec, smallvec};
use std::hint::black_box;

const LOCATIONS: u32 = 25;
const DEADLINE: Timestamp = Timestamp(1_000_000_000);

struct History {
    state: State,
    actor: Actor,
}

impl History {
    fn new() -> Self {
        let actor = Actor::asserted(ActorId::new("bench").expect("a short text"));
        let mut history = Self { state: State::default(), actor };
        history.fold(Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 }));
        history
    }

    fn fold(&mut self, body: Body) {
        let seq = self.state.next_seq();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&seq.0.to_be_bytes());
        let envelope = Envelope {
            recorded_at: Timestamp(1_000 + seq.0 as i64),
            occurred_at: None,
            command_id: Some(CommandId::from_bytes(id)),
            digest: [0; 16],
            actor: self.actor.clone(),
            cause: None,
            reason: None,
            order: None,
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        };
        evolve(&mut self.state, &Event { envelope, body });
    }

    fn reserve(&mut self, position: Position, quantity: i64, deadline: Option<Timestamp>) {
        self.fold(Body::Reserved(Reserved { deadline, lines: smallvec![Line::new(position, Quantity(quantity))] }));
    }
}

fn text(text: &str) -> AliasText {
    AliasText::new(text).expect("a short text")
}

/// A chain of shops with this many positions; every ninth one is oversold.
fn shops(positions: u32) -> (State, Vec<Position>) {
    let mut history = History::new();
    for location in 1..=LOCATIONS {
        let zone = Zone::new("Europe/London").expect("a time zone");
        let code = text(&format!("SHOP-{location}"));
        history.fold(Body::LocationCreated(LocationCreated { location: LocationId(location), code, zone }));
    }
    let mut all = Vec::new();
    for item in 1..=positions / LOCATIONS {
        history.fold(Body::ItemCreated(ItemCreated {
            item: ItemId(item),
            sku: text(&format!("SKU-{item:06}")),
            decimals: 0,
        }));
        for location in 1..=LOCATIONS {
            let position = Position::new(ItemId(item), LocationId(location));
            let quantity = i64::from((item * 7 + location * 3) % 90 + 1);
            history.fold(Body::Received(Received { lines: smallvec![Line::new(position, Quantity(quantity))] }));
            match all.len() % 9 {
                0 => history.reserve(position, quantity + 5, None),
                3 | 6 => (1..=3).for_each(|n| history.reserve(position, n, Some(DEADLINE.plus_micros(n)))),
                _ => {}
            }
            all.push(position);
        }
    }
    (history.state, all)
}

/// The same order in every run.
fn shuffled(mut positions: Vec<Position>) -> Vec<Position> {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for index in (1..positions.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        positions.swap(index, (seed >> 33) as usize % (index + 1));
    }
    positions
}

fn sizes() -> Vec<u32> {
    match is_measured() {
        true => vec![10_000, 100_000],
        false => vec![500],
    }
}

fn one_position(criterion: &mut Criterion) {
    for size in sizes() {
        let (state, positions) = shops(size);
        let positions = shuffled(positions);
        for (name, now) in [("stock", Timestamp(0)), ("stock, holds lapsed", DEADLINE.plus_micros(9))] {
            let mut next = positions.iter().cycle();
            criterion.bench_function(&format!("query/{name}/{size}"), |bencher| {
                bencher.iter(|| {
                    let position = next.next().copied().unwrap_or(Position::new(ItemId(1), LocationId(1)));
                    black_box(query::stock(&state, now, position))
                });
            });
        }
        let mut next = positions.iter().cycle();
        criterion.bench_function(&format!("query/item/{size}"), |bencher| {
            bencher.iter_batched(
                || next.next().map_or(ItemId(1), |position| position.item),
                |item| query::item_stock(&state, Timestamp(0), item, &Paging::default()),
                BatchSize::SmallInput,
            );
        });
    }
}

fn everything(criterion: &mut Criterion) {
    let (paging, every) = (Paging::first(100), StockFilter::default());
    for size in sizes() {
        let (state, _) = shops(size);
        let now = state.recorded_at();
        let lists = [("page by sku", StockSort::Sku), ("page by available", StockSort::Available)];
        for (name, by) in lists {
            criterion.bench_function(&format!("query/{name}/{size}"), |bencher| {
                bencher.iter(|| query::stock_list(&state, now, &every, Order::ascending(by), &paging));
            });
        }
        criterion.bench_function(&format!("query/oversold/{size}"), |bencher| {
            bencher.iter(|| query::oversold(&state, now, &Scope::default(), &paging));
        });
    }
}

fn crowd(criterion: &mut Criterion) {
    for size in sizes() {
        let (mut history, position) = (History::new(), Position::new(ItemId(1), LocationId(1)));
        let zone = Zone::new("Europe/London").expect("a time zone");
        history.fold(Body::ItemCreated(ItemCreated { item: ItemId(1), sku: text("SKU"), decimals: 0 }));
        history.fold(Body::LocationCreated(LocationCreated { location: LocationId(1), code: text("SHOP"), zone }));
        history.fold(Body::Received(Received { lines: smallvec![Line::new(position, Quantity(i64::from(size) / 2))] }));
        (0..size).for_each(|_| history.reserve(position, 1, None));
        let now = history.state.recorded_at();
        criterion.bench_function(&format!("query/holders/{size}"), |bencher| {
            bencher.iter(|| query::holders(&history.state, now, position, &Paging::first(100)));
        });
    }
}

criterion_group!(run, one_position, everything, crowd);
