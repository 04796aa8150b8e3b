//! The ledger as a whole, on a real directory.

use counterfoil::domain::command::{Act, Actor, Command, CreateItem, CreateLocation, Fulfil, Holds, Receive, Reserve};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, OrderRef, Zone};
use counterfoil::history::AsOf;
use counterfoil::ledger::{Created, Ledger, Options, Repeat, SubmitError};
use smallvec::smallvec;
use std::time::{Duration, Instant};

pub fn actor() -> Actor {
    Actor::asserted(ActorId::new("till-1").unwrap())
}

pub fn command(act: Act) -> Command {
    Command::new(actor(), act)
}

pub fn id(number: u128) -> CommandId {
    CommandId::from_bytes(number.to_be_bytes())
}

/// A ledger with one item at one location and this many units of it.
pub async fn shop(ledger: &Ledger, units: i64) -> Position {
    let sku = AliasText::new("A-1").unwrap();
    let item = ledger.submit(command(Act::CreateItem(CreateItem { sku, decimals: 0 }))).await.unwrap();
    assert_eq!(item.created, Some(Created::Item(ItemId(1))));
    let (code, zone) = (AliasText::new("S1").unwrap(), Zone::new("Europe/London").unwrap());
    ledger.submit(command(Act::CreateLocation(CreateLocation { code, zone }))).await.unwrap();
    let position = Position::new(ItemId(1), LocationId(1));
    ledger
        .submit(command(Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(units))] })))
        .await
        .unwrap();
    position
}

#[tokio::test]
async fn what_is_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop");
    let ledger = Ledger::create(&path, Options::default()).unwrap();
    let position = shop(&ledger, 10).await;
    let reserve = command(Act::Reserve(Reserve { deadline: None, lines: smallvec![Line::new(position, Quantity(4))] }))
        .with_id(id(7))
        .for_order(OrderRef::new("o-1").unwrap());
    let first = ledger.submit(reserve.clone()).await.unwrap();
    assert_eq!(first.repeat, Repeat::First);
    let available = |ledger: &Ledger| ledger.query(|state, now| state.available(position, now));
    assert_eq!(available(&ledger), 6);
    let head = ledger.head();
    assert_eq!(ledger.verify_derived().unwrap().events, 5);
    ledger.close().await.unwrap();

    let ledger = Ledger::open(&path, Options::default()).unwrap();
    assert_eq!(ledger.head(), head);
    assert_eq!(available(&ledger), 6);
    let again = ledger.submit(reserve.clone()).await.unwrap();
    assert_eq!((again.seq, again.hash, again.repeat), (first.seq, first.hash, Repeat::Duplicate));
    let mut other = reserve;
    other.act = Act::Reserve(Reserve { deadline: None, lines: smallvec![Line::new(position, Quantity(5))] });
    let Err(SubmitError::Rejected(rejection)) = ledger.submit(other).await else { panic!("reused id was taken") };
    assert_eq!(
        rejection.to_string(),
        "event 4 has this id with other content: line 0 (recorded quantity 4, given 5) differs"
    );
    let fulfil = Act::Fulfil(Fulfil {
        holds: Holds::Reservation(id(7)),
        portion: Default::default(),
        departure: Default::default(),
    });
    assert_eq!(ledger.submit(command(fulfil)).await.unwrap().seq, Seq(5));
    assert_eq!(ledger.query(|state, _| state.position(position).unwrap().physical()), 6);
    ledger.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_racing_for_ten_units_ten_win() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(dir.path().join("shop"), Options::default()).unwrap();
    let position = shop(&ledger, 10).await;
    let mut tasks = Vec::new();
    for _ in 0..1_000 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            let lines = smallvec![Line::new(position, Quantity(1))];
            ledger.submit(command(Act::Reserve(Reserve { deadline: None, lines }))).await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(SubmitError::Rejected(rejection)) => assert_eq!(rejection.code(), "INSUFFICIENT_STOCK"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 10);
    assert_eq!(ledger.query(|state, now| state.available(position, now)), 0);
    ledger.close().await.unwrap();
}

/// The follower looks for few events five times a second; a question must not wait for that.
#[tokio::test]
async fn a_question_about_the_past_right_behind_an_answer_does_not_wait_for_the_next_look() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::create(dir.path().join("shop"), Options::default()).unwrap();
    let position = shop(&ledger, 1).await;
    let mut waited = Vec::new();
    for round in 1..=25 {
        let lines = smallvec![Line::new(position, Quantity(1))];
        let receipt = ledger.submit(command(Act::Receive(Receive { lines }))).await.unwrap();
        let asked = Instant::now();
        let stock = ledger.history().stock(position, AsOf::Seq(receipt.seq)).unwrap();
        waited.push(asked.elapsed());
        assert_eq!((stock.value.physical, stock.seq), (1 + round, receipt.seq));
    }
    waited.sort_unstable();
    // A question that waits for the look waits for nearly 200 ms here, for the look before it was the question before.
    let median = waited[waited.len() / 2];
    assert!(median < Duration::from_millis(100), "{waited:?}");
    ledger.close().await.unwrap();
}
