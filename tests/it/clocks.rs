//! Clocks that are not what they were: what a ledger refuses, what somebody accepts, and what stays so over restarts.

use crate::ledger::{actor, command, shop};
use crate::spine::{HandClock, Machine};
use counterfoil::audit;
use counterfoil::domain::command::{Act, Command, Receive};
use counterfoil::domain::ids::{LedgerId, Position, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::{Ledger, ReadOnly, SubmitError};
use smallvec::smallvec;

const NOON: Timestamp = Timestamp(1_767_225_600_000_000);
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const YEAR: i64 = 365 * 24 * HOUR;

fn receive(position: Position) -> Command {
    command(Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(1))] }))
}

/// The code of the refusal, where the ledger can't be written.
async fn refused(ledger: &Ledger, position: Position) -> Option<&'static str> {
    match ledger.submit(receive(position)).await {
        Ok(_) => None,
        Err(SubmitError::ReadOnly(reason)) => Some(reason.code()),
        Err(error) => panic!("{error}"),
    }
}

struct Shop {
    machine: Machine,
    position: Position,
}

impl Shop {
    async fn open() -> (Self, Ledger) {
        let machine = Machine::new(HandClock::at(NOON), 3);
        let options = machine.options.clone();
        let ledger = Ledger::create_over(machine.parts(), LedgerId::from_bytes([5; 16]), options).unwrap();
        let position = shop(&ledger, 10).await;
        (Self { machine, position }, ledger)
    }

    async fn again(&self, ledger: Ledger) -> Ledger {
        ledger.close().await.unwrap();
        Ledger::open_over(self.machine.parts(), self.machine.options.clone()).unwrap()
    }

    fn step(&self, micros: i64) {
        self.machine.clock.step(micros);
    }
}

#[tokio::test]
async fn an_accepted_clock_stays_accepted_and_no_other_one() {
    let (shop, ledger) = Shop::open().await;
    shop.step(-YEAR);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, Some("CLOCK_BEHIND"));
    ledger.accept_clock(actor(), None).await.unwrap();
    for restart in 0..3 {
        assert_eq!(refused(&ledger, shop.position).await, None, "the process that accepted it goes on, {restart}");
    }
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None, "so does the next one");
    // Some time later it falls back further than anybody accepted.
    shop.machine.clock.pass(2 * HOUR);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None);
    shop.step(-3 * HOUR);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, Some("CLOCK_BEHIND"));
    // The last word counts.
    ledger.accept_clock(actor(), None).await.unwrap();
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None);
    // The clock catches up with the log: what was accepted of it then is forgotten.
    shop.step(2 * YEAR);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None);
    shop.step(-2 * YEAR);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, Some("CLOCK_BEHIND"));
    assert!(audit::verify(ledger.log().as_ref(), audit::Options::default()).unwrap().ok);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_accepted_ahead_stays_accepted_and_so_does_one_that_is_put_right_behind_it() {
    let (shop, ledger) = Shop::open().await;
    shop.step(YEAR);
    assert_eq!(refused(&ledger, shop.position).await, Some("CLOCK_STEPPED"));
    ledger.accept_clock(actor(), None).await.unwrap();
    assert_eq!(refused(&ledger, shop.position).await, None);
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None, "accepted ahead");
    // It was wrong all the same, and is put right.
    shop.step(-YEAR);
    assert_eq!(refused(&ledger, shop.position).await, Some("CLOCK_STEPPED"));
    ledger.accept_clock(actor(), None).await.unwrap();
    let before = ledger.query(|state, _| state.recorded_at());
    for _ in 0..2 {
        assert_eq!(refused(&ledger, shop.position).await, None, "accepted behind the log");
    }
    let ledger = shop.again(ledger).await;
    assert_eq!(refused(&ledger, shop.position).await, None, "and by the next process");
    assert_eq!(ledger.query(|state, _| state.recorded_at()), before, "recorded time stands still meanwhile");
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_clock_behind_is_told_by_how_far_it_is_behind_the_last_event() {
    let (shop, ledger) = Shop::open().await;
    shop.step(-YEAR);
    let ledger = shop.again(ledger).await;
    ledger.accept_clock(actor(), None).await.unwrap();
    shop.step(-HOUR);
    let ledger = shop.again(ledger).await;
    let Err(SubmitError::ReadOnly(reason)) = ledger.submit(receive(shop.position)).await else { panic!("accepted") };
    assert!(matches!(reason, ReadOnly::ClockBehind { micros } if micros == YEAR + HOUR), "{reason}");
    ledger.close().await.unwrap();
}
