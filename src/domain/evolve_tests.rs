//! What the fold promises: stock in every order of arrival, a mark that takes everything back, sums of zero.

use super::command::{
    Act, Actor, Alias, AliasKind, AliasTarget, ClosePeriod, Command, Count, Departure, PosChange, PosDelta, Reserve,
};
use super::difference::first_difference;
use super::event::{
    Adjusted, AlertDismissed, AliasRenamed, Amended, Body, ClockAccepted, Counted, CountedLine, Envelope, Event,
    Expired, Extended, Fulfilled, Genesis, HoldLine, ItemCreated, LocationCreated, LotCreated, PeriodClosed,
    PosDeltaRecorded, PosMovement, Received, Released, ReorderPointSet, Reserved, Returned, RulesChanged,
    TransferClosed, TransferReceived, TransferShipped, UnitMark,
};
use super::evolve::evolve;
use super::ids::{CommandId, ItemId, LedgerId, LocationId, LotId, Moment, Position, Seq, Timestamp, TransferId};
use super::line::{Bucket, CountLine, Disposition, Line, Lines, ReturnLine};
use super::quantity::Quantity;
use super::state::State;
use super::text::{ActorId, AliasText, ExternalId, OrderRef, Source, Zone};
use proptest::prelude::*;
use smallvec::{SmallVec, smallvec};

const A1: Position = Position::new(ItemId(1), LocationId(1));
const B2: Position = Position::new(ItemId(2), LocationId(2));

fn text(text: &str) -> AliasText {
    AliasText::new(text).expect("a short text")
}

fn actor() -> Actor {
    Actor::asserted(ActorId::new("tester").expect("a short text"))
}

fn line(position: Position, quantity: i64) -> Line {
    Line::new(position, Quantity(quantity))
}

/// Folds an event one microsecond after the last one; its command id is made of its seq.
fn fold(state: &mut State, occurred_at: Option<i64>, body: Body) -> Seq {
    let seq = state.next_seq();
    let event = event(seq, occurred_at, Timestamp(10_000 + seq.0 as i64), body);
    evolve(state, &event);
    seq
}

fn event(seq: Seq, occurred_at: Option<i64>, recorded_at: Timestamp, body: Body) -> Event {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.0.to_be_bytes());
    Event {
        envelope: Envelope {
            recorded_at,
            occurred_at: occurred_at.map(Timestamp),
            command_id: Some(CommandId::from_bytes(id)),
            digest: [0; 16],
            actor: actor(),
            cause: None,
            reason: None,
            order: Some(OrderRef::new("ORDER").expect("a short text")),
            documents: SmallVec::new(),
            private: None,
            unit: UnitMark::Ends,
            extensions: SmallVec::new(),
        },
        body,
    }
}

/// Two items, two locations, one lot of each item.
fn shop() -> State {
    let mut state = State::default();
    fold(&mut state, None, Body::Genesis(Genesis { ledger: LedgerId::from_bytes([1; 16]), format: 1, rules: 1 }));
    for (number, name) in [(1, "A"), (2, "B")] {
        fold(&mut state, None, Body::ItemCreated(ItemCreated { item: ItemId(number), sku: text(name), decimals: 0 }));
        let zone = Zone::new("Europe/London").expect("a time zone");
        fold(
            &mut state,
            None,
            Body::LocationCreated(LocationCreated { location: LocationId(number), code: text(name), zone }),
        );
        fold(
            &mut state,
            None,
            Body::LotCreated(LotCreated { lot: LotId(number), item: ItemId(number), code: text(name) }),
        );
    }
    state
}

/// A dated fact about one bucket: a signed movement, or a count.
#[derive(Clone, Copy, Debug)]
enum Dated {
    Moved(i64, i64),
    Counted(i64, i64),
}

impl Dated {
    fn at(self) -> i64 {
        match self {
            Self::Moved(at, _) | Self::Counted(at, _) => at,
        }
    }
}

/// Quantity by the definition: the last count in order and the movements after its instant.
fn by_definition(facts: &[Dated]) -> i64 {
    let mut last: Option<(i64, i64)> = None;
    for fact in facts {
        if let Dated::Counted(at, figure) = *fact
            && last.is_none_or(|(before, _)| at >= before)
        {
            last = Some((at, figure));
        }
    }
    let (from, figure) = last.unwrap_or((i64::MIN, 0));
    let moved = facts.iter().map(|fact| match *fact {
        Dated::Moved(at, quantity) if at > from => quantity,
        _ => 0,
    });
    figure + moved.sum::<i64>()
}

/// Folds facts in this order of arrival, giving late counts what was recorded before them and happened after.
fn arrive(facts: &[Dated]) -> State {
    let mut state = shop();
    for (index, fact) in facts.iter().enumerate() {
        let body = match *fact {
            Dated::Moved(_, quantity) => Body::Adjusted(Adjusted { lines: smallvec![line(A1, quantity)] }),
            Dated::Counted(at, figure) => {
                let anchors = state
                    .position(A1)
                    .is_none_or(|entry| entry.sellable.anchors_at(Moment::of(Some(Timestamp(at)), Timestamp(at))));
                let moved = facts[..index].iter().map(|earlier| match *earlier {
                    Dated::Moved(then, quantity) if anchors && then > at => quantity,
                    _ => 0,
                });
                let (counted, later) = (Quantity(figure), moved.sum());
                Body::Counted(Counted {
                    lines: smallvec![CountedLine { position: A1, bucket: Bucket::Sellable, counted, later }],
                })
            }
        };
        fold(&mut state, Some(fact.at()), body);
    }
    state
}

fn sellable(state: &State) -> i64 {
    state.position(A1).map_or(0, |entry| entry.sellable.quantity)
}

fn dated() -> impl Strategy<Value = Dated> {
    // Counts stand at even instants with a figure that follows from the instant, so that two counts of one
    // instant agree; movements may share those instants.
    prop_oneof![
        2 => (0..12i64, (-9..=9i64).prop_filter("not zero", |q| *q != 0)).prop_map(|(at, q)| Dated::Moved(at, q)),
        1 => (0..6i64).prop_map(|half| Dated::Counted(2 * half, 10 * half)),
    ]
}

proptest! {
    #[test]
    fn facts_and_counts_give_the_same_stock_in_every_order(
        (facts, shuffled) in prop::collection::vec(dated(), 0..12)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
    ) {
        let (first, second) = (arrive(&facts), arrive(&shuffled));
        prop_assert_eq!(sellable(&first), by_definition(&facts));
        prop_assert_eq!(sellable(&first), sellable(&second));
        for state in [&first, &second] {
            let accounts = state.item(ItemId(1)).expect("an item").accounts;
            prop_assert_eq!((accounts.sum(), accounts.sellable), (0, i128::from(sellable(state))));
        }
    }
}

#[test]
fn the_scenario_of_an_unseen_sale_before_a_count_ends_at_88_in_every_order() {
    // 100, sale of 3, an offline sale of 2 before a count of 90, 2 to waste after it.
    let facts = [(1, 100), (2, -3), (3, -2), (5, -2)].map(|(at, quantity)| Dated::Moved(at, quantity));
    let mut facts = facts.to_vec();
    facts.push(Dated::Counted(4, 90));
    for_each_permutation(&mut facts, 0, &mut |facts| assert_eq!(sellable(&arrive(facts)), 88, "{facts:?}"));
}

fn for_each_permutation(facts: &mut Vec<Dated>, from: usize, visit: &mut impl FnMut(&[Dated])) {
    if from == facts.len() {
        return visit(facts);
    }
    for index in from..facts.len() {
        facts.swap(from, index);
        for_each_permutation(facts, from + 1, visit);
        facts.swap(from, index);
    }
}

/// Any event that the fold may meet, legal enough for its promises.
fn any_body() -> impl Strategy<Value = Choice> {
    (0..17u8, any::<u16>(), 1..20i64).prop_map(|(kind, pick, quantity)| Choice { kind, pick, quantity })
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    kind: u8,
    pick: u16,
    quantity: i64,
}

impl Choice {
    fn position(self) -> Position {
        let pick = u32::from(self.pick);
        let (item, location) = (ItemId(1 + (pick & 1)), LocationId(1 + (pick >> 1 & 1)));
        Position::of_lot(item, location, LotId(if pick & 4 == 0 { 0 } else { item.0 }))
    }

    fn lines(self) -> Lines {
        let bucket = if self.pick & 8 == 0 { Bucket::Sellable } else { Bucket::Unsellable };
        smallvec![line(self.position(), self.quantity).in_bucket(bucket)]
    }

    fn held(self, state: &State) -> Option<(Seq, Position, i64)> {
        let mut open: Vec<_> = state.reservations().collect();
        open.sort_by_key(|reservation| reservation.seq);
        let chosen = open.get(usize::from(self.pick) % open.len().max(1))?;
        let held = chosen.lines.first()?;
        Some((chosen.seq, held.position, held.open))
    }

    fn deadline(self, state: &State) -> Option<Timestamp> {
        (self.pick & 16 == 0).then(|| state.recorded_at().plus_micros(self.quantity))
    }

    /// None where the state has nothing to do it with.
    fn body(self, state: &State) -> Option<Body> {
        let transfer = TransferId::from_bytes([(self.pick >> 5 & 1) as u8; 16]);
        let lines = self.lines();
        Some(match self.kind {
            0 => Body::Received(Received { lines }),
            1 => Body::Adjusted(Adjusted { lines: smallvec![line(self.position(), -self.quantity)] }),
            2 => Body::PosDelta(PosDeltaRecorded {
                source: Source::new("till").ok()?,
                external_id: ExternalId::new("1").ok()?,
                delta: PosMovement::Sale(lines),
            }),
            3 => Body::Returned(Returned {
                referenced: smallvec![self.returned()],
                unreferenced: smallvec![self.returned()],
            }),
            4 => Body::TransferShipped(TransferShipped {
                transfer,
                to: LocationId(2),
                lines: smallvec![line(self.position(), self.quantity)],
            }),
            5 => Body::TransferReceived(TransferReceived { transfer, lines }),
            6 => self.close(state, transfer)?,
            7 | 8 => Body::Reserved(Reserved {
                deadline: self.deadline(state),
                lines: [line(self.position(), self.quantity), line(B2, 3)].into_iter().take(self.take()).collect(),
            }),
            9 => {
                let (reservation, position, open) = self.held(state)?;
                let part = Quantity(open.min(self.quantity));
                Body::Fulfilled(Fulfilled {
                    departure: Departure::Now,
                    closes: smallvec![HoldLine { reservation, position, quantity: part }],
                    unreserved: lines,
                })
            }
            10 => {
                let (reservation, position, quantity) = self.held(state)?;
                Body::Released(Released {
                    closes: smallvec![HoldLine { reservation, position, quantity: Quantity(quantity) }],
                })
            }
            11 => Body::Amended(Amended {
                reservation: self.held(state)?.0,
                lines: smallvec![line(self.position(), self.quantity % 5)],
            }),
            12 => Body::Extended(Extended { reservation: self.held(state)?.0, deadline: self.deadline(state) }),
            13 => Body::Expired(Expired {
                reservations: state.lapsed(state.recorded_at()).map(|held| held.seq).collect(),
            }),
            14 => Body::ReorderPointSet(ReorderPointSet {
                position: self.position(),
                point: (self.pick & 32 == 0).then_some(Quantity(self.quantity)),
            }),
            15 => Body::Counted(Counted {
                lines: smallvec![CountedLine {
                    position: self.position(),
                    bucket: Bucket::Sellable,
                    counted: Quantity(self.quantity),
                    later: 0,
                }],
            }),
            _ => Body::AlertDismissed(AlertDismissed { alert: state.alerts().map(|(id, ..)| id).min()? }),
        })
    }

    fn take(self) -> usize {
        // The helper's second line may stand on the first one's position, which no reservation has twice.
        if self.pick & 32 == 0 || self.position() == B2 { 1 } else { 2 }
    }

    fn returned(self) -> ReturnLine {
        let dispositions = [Disposition::Restock, Disposition::Quarantine, Disposition::Scrap];
        let disposition = dispositions.get(usize::from(self.pick >> 6) % 3).copied();
        ReturnLine { line: line(self.position(), self.quantity), disposition }
    }

    fn close(self, state: &State, transfer: TransferId) -> Option<Body> {
        let lines = &state.transfer(transfer)?.lines;
        let rest = lines.iter().map(|(&(item, lot), &quantity)| super::event::TransitLine {
            item,
            lot,
            quantity: Quantity(quantity),
        });
        Some(Body::TransferClosed(TransferClosed { transfer, rest: rest.collect() }))
    }
}

fn follow(state: &mut State, choices: &[Choice]) {
    for choice in choices {
        if let Some(body) = choice.body(state) {
            fold(state, None, body);
        }
    }
}

/// Everything that is kept twice agrees.
fn assert_whole(state: &State) {
    for (_, item) in state.items() {
        assert_eq!(item.accounts.sum(), 0);
    }
    let sum = |bucket: Bucket| -> i128 {
        state.positions().map(|(_, entry)| i128::from(entry.bucket(bucket).quantity)).sum()
    };
    let of_items =
        |f: fn(&super::state::Accounts) -> i128| -> i128 { state.items().map(|(_, i)| f(&i.accounts)).sum() };
    assert_eq!(sum(Bucket::Sellable), of_items(|accounts| accounts.sellable));
    assert_eq!(sum(Bucket::Unsellable), of_items(|accounts| accounts.unsellable));
    let transit: i128 = state.transfers().flat_map(|(_, t)| t.lines.values()).map(|q| i128::from(*q)).sum();
    assert_eq!(transit, of_items(|accounts| accounts.transit));
    for (position, entry) in state.positions() {
        let mut held: Vec<_> =
            state.reservations().filter_map(|held| Some((held.seq, held.open_on(*position)?))).collect();
        held.sort_unstable();
        assert_eq!(state.holds_at(*position).collect::<Vec<_>>(), held);
        assert_eq!(entry.open, held.iter().map(|(_, open)| open).sum::<i64>());
        let inbound = state.transfers().filter(|(_, transfer)| transfer.to == position.location);
        let inbound = inbound.filter_map(|(_, transfer)| transfer.lines.get(&(position.item, position.lot)));
        assert_eq!(entry.inbound, inbound.map(|quantity| (*quantity).max(0)).sum::<i64>());
        for ahead in [0, 5, 10, 1_000] {
            let now = state.recorded_at().plus_micros(ahead);
            let open = state.reservations().filter(|held| held.is_held(now));
            assert_eq!(state.held(*position, now), open.filter_map(|held| held.open_on(*position)).sum::<i64>());
        }
    }
    for (id, position, kind) in state.alerts() {
        let slot = state.position(position).and_then(|entry| entry.reorder.as_ref()?.alert(kind));
        assert_eq!(slot.map(|alert| alert.id), Some(id));
    }
    let slots = state.positions().filter_map(|(_, entry)| entry.reorder.as_ref());
    assert_eq!(slots.flat_map(|reorder| reorder.alerts.iter().flatten()).count(), state.alerts().count());
}

proptest! {
    #[test]
    fn a_mark_takes_everything_back_and_keeping_it_changes_nothing(
        before in prop::collection::vec(any_body(), 0..40), unit in prop::collection::vec(any_body(), 0..20),
    ) {
        let mut state = shop();
        follow(&mut state, &before);
        assert_whole(&state);
        let untouched = state.clone();
        let mark = state.mark();
        follow(&mut state, &unit);
        let done = state.clone();
        state.take_back(mark);
        prop_assert_eq!(&state, &untouched);
        let _mark = state.mark();
        follow(&mut state, &unit);
        state.keep();
        prop_assert_eq!(&state, &done);
        assert_whole(&state);
    }
}

fn command(act: Act) -> Command {
    let order = OrderRef::new("ORDER").expect("a short text");
    Command::new(actor(), act).for_order(order)
}

fn recorded(body: Body) -> Event {
    event(Seq(9), None, Timestamp(9), body)
}

#[test]
fn a_count_of_another_figure_is_told_by_its_line() {
    let counted = CountedLine { position: A1, bucket: Bucket::Sellable, counted: Quantity(5), later: 0 };
    let event = recorded(Body::Counted(Counted { lines: smallvec![counted] }));
    let given = CountLine { position: A1, bucket: Bucket::Sellable, counted: Quantity(6), seen: None };
    let told = first_difference(&event, &command(Act::Count(Count { lines: smallvec![given] })));
    assert!(told.contains("line 0") && told.contains('5') && told.contains('6'), "{told}");
}

#[test]
fn a_return_of_another_quantity_is_told_by_its_line() {
    let back = |quantity| ReturnLine { line: line(A1, quantity), disposition: Some(Disposition::Restock) };
    let delta = PosMovement::Return(smallvec![back(1)]);
    let (source, external_id) = (Source::new("till").expect("short"), ExternalId::new("1").expect("short"));
    let event =
        recorded(Body::PosDelta(PosDeltaRecorded { source: source.clone(), external_id: external_id.clone(), delta }));
    let delta = PosChange::Return { lines: smallvec![back(2)] };
    let told = first_difference(&event, &command(Act::PosDelta(PosDelta { source, external_id, delta })));
    assert!(told.contains("line 0"), "{told}");
}

#[test]
fn another_deadline_is_not_told_as_another_number_of_lines() {
    // The event holds one line per position: 2 and 3 of one position are recorded as 5.
    let event = recorded(Body::Reserved(Reserved { deadline: Some(Timestamp(50)), lines: smallvec![line(A1, 5)] }));
    let act = Act::Reserve(Reserve { deadline: Some(Timestamp(60)), lines: smallvec![line(A1, 2), line(A1, 3)] });
    let told = first_difference(&event, &command(act));
    assert!(told.contains("deadline") && !told.contains("number of lines"), "{told}");
}

#[test]
fn another_end_of_a_period_is_told_as_it_was_named() {
    let until = |text: &str| text.parse().expect("a date");
    let (location, closed_until) = (LocationId(1), Timestamp(0));
    let event = recorded(Body::PeriodClosed(PeriodClosed { location, until: until("1969-12-31"), closed_until }));
    let told =
        first_difference(&event, &command(Act::ClosePeriod(ClosePeriod { location, until: until("1969-11-30") })));
    assert!(told.contains("recorded 1969-12-31, given 1969-11-30"), "{told}");
    let told = first_difference(
        &event,
        &command(Act::ClosePeriod(ClosePeriod { location: LocationId(2), until: until("1969-12-31") })),
    );
    assert!(told.contains("the location (recorded 1, given 2)"), "{told}");
}

#[test]
fn a_renamed_sku_is_the_items_sku() {
    let mut state = shop();
    let alias = Alias { kind: AliasKind::Sku, text: text("A") };
    fold(&mut state, None, Body::AliasRenamed(AliasRenamed { alias, to: text("A-2026") }));
    // The old text is free again, and another item may take it.
    fold(&mut state, None, Body::ItemCreated(ItemCreated { item: ItemId(3), sku: text("A"), decimals: 0 }));
    let sku = |item| state.item(item).expect("an item").sku.clone();
    assert_eq!((sku(ItemId(1)), sku(ItemId(3))), (text("A-2026"), text("A")));
    let renamed = Alias { kind: AliasKind::Sku, text: text("A-2026") };
    assert_eq!(state.alias(&renamed), Some(AliasTarget::Item(ItemId(1))));
}

#[test]
fn an_accepted_clock_is_remembered_until_an_event_is_recorded_later() {
    let mut state = shop();
    let last = state.recorded_at();
    assert_eq!(state.trusted_clock(), last);
    let accepted = |clock: i64| Body::ClockAccepted(ClockAccepted { clock: Timestamp(clock) });
    let other = || Body::RulesChanged(RulesChanged { rules: 1 });
    let next = |state: &mut State, recorded_at, body| {
        let event = event(state.next_seq(), None, recorded_at, body);
        evolve(state, &event);
    };
    for (body, recorded_at, trusted) in [
        (accepted(500), last, Timestamp(500)),
        (other(), last, Timestamp(500)),
        (accepted(300), last, Timestamp(300)),
        (other(), last.plus_micros(1), last.plus_micros(1)),
        // Accepted ahead: recorded by that very clock.
        (accepted(90_000), Timestamp(90_000), Timestamp(90_000)),
        (accepted(700), Timestamp(90_000), Timestamp(700)),
    ] {
        next(&mut state, recorded_at, body);
        assert_eq!(state.trusted_clock(), trusted, "event {}", state.next_seq().0 - 1);
    }
    let before = state.clone();
    let mark = state.mark();
    next(&mut state, Timestamp(90_001), other());
    state.take_back(mark);
    assert_eq!(state, before, "a mark takes it back");
    next(&mut state, Timestamp(90_001), other());
    assert_eq!(state.trusted_clock(), Timestamp(90_001));
}
