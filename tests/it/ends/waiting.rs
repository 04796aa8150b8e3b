//! Subscriptions that wait, or whose consumers do not take: they cost no thread.

use super::{Home, Trap, in_time};
use crate::ledger::{command, shop};
use counterfoil::domain::command::{Act, Receive};
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::{Ledger, Subscription};
use smallvec::smallvec;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

async fn receive(ledger: &Ledger, position: Position, times: usize) {
    let one = command(Act::Receive(Receive { lines: smallvec![Line::new(position, Quantity(1))] }));
    for outcome in ledger.submit_batch(vec![one; times]).await.unwrap() {
        outcome.unwrap();
    }
}

async fn follow(events: &mut Subscription, from: u64, until: Seq) {
    for seq in from..until.0 {
        assert_eq!(events.next().await.unwrap().unwrap().seq, Seq(seq), "a gap or a repeat");
    }
}

/// Everything else that needs a thread gets one.
async fn others_get_threads() {
    let started = Instant::now();
    for task in (0..64).map(|number| spawn_blocking(move || number)).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
}

#[test]
fn a_thousand_idle_subscriptions_occupy_no_thread() {
    // As many threads as tokio gives by itself.
    in_time(512, || async {
        let ledger = Home::in_memory().create(&Trap::default());
        let position = shop(&ledger, 1).await;
        // More than a subscription may hold.
        receive(&ledger, position, 4_000).await;
        let mut idle: Vec<Subscription> = (0..1_000).map(|_| ledger.subscribe(Seq(0))).collect();
        others_get_threads().await;
        for events in &mut idle[..600] {
            assert_eq!(events.next().await.unwrap().unwrap().seq, Seq(0));
        }
        others_get_threads().await;
        for events in &mut idle[..5] {
            follow(events, 1, ledger.head().next_seq).await;
        }
        for events in &mut idle[995..] {
            follow(events, 0, ledger.head().next_seq).await;
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_subscription_that_waits_for_the_present_occupies_no_thread() {
    in_time(1, || async {
        let ledger = Home::in_memory().create(&Trap::default());
        let position = shop(&ledger, 1).await;
        let from = ledger.head().next_seq;
        let wait = |_| {
            let (ledger, until) = (ledger.clone(), Seq(from.0 + 20));
            tokio::spawn(async move { follow(&mut ledger.subscribe(from), from.0, until).await })
        };
        let waiting: Vec<_> = (0..200).map(wait).collect();
        for _ in 0..2 {
            others_get_threads().await;
            receive(&ledger, position, 10).await;
        }
        for task in waiting {
            task.await.unwrap();
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_subscription_ahead_of_the_log_waits_for_it() {
    in_time(512, || async {
        let ledger = Home::in_memory().create(&Trap::default());
        let position = shop(&ledger, 1).await;
        let mut events = ledger.subscribe(Seq(10));
        assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
        receive(&ledger, position, 20).await;
        follow(&mut events, 10, ledger.head().next_seq).await;
        ledger.close().await.unwrap();
    });
}
