//! Repeats among new commands, in batches that look all their ids up at once.

use crate::ledger::{command, id, shop};
use crate::spine::{HandClock, Machine};
use counterfoil::domain::command::{Act, Command, PosChange, PosDelta};
use counterfoil::domain::ids::{LedgerId, Position, Seq, Timestamp};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::rejection::Rejection;
use counterfoil::domain::text::{ExternalId, Source};
use counterfoil::ledger::{Ledger, Outcome, Repeat, SubmitError};
use smallvec::smallvec;

/// The sale of one unit on this receipt.
fn sale(position: Position, receipt: u64) -> Command {
    let delta = PosChange::Sale { lines: smallvec![Line::new(position, Quantity(1))] };
    let external_id = ExternalId::new(&format!("bon-{receipt}")).expect("it is short");
    command(Act::PosDelta(PosDelta { source: Source::new("till").expect("it is short"), external_id, delta }))
}

fn machine() -> Machine {
    Machine::new(HandClock::at(Timestamp(1_767_225_600_000_000)), 3)
}

fn told(outcome: &Outcome) -> (Seq, Repeat) {
    let receipt = outcome.as_ref().expect("it is taken");
    (receipt.seq, receipt.repeat)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_finds_repeats_in_the_index_in_memory_and_within_itself() {
    let machine = machine();
    let ledger = Ledger::create_over(machine.parts(), LedgerId::from_bytes([5; 16]), machine.options.clone()).unwrap();
    let position = shop(&ledger, 1_000).await;
    let old: Vec<Command> = (0..100).map(|n| sale(position, n).with_id(id(u128::from(n) + 1))).collect();
    let first: Vec<Seq> = ledger.submit_batch(old.clone()).await.unwrap().iter().map(|it| told(it).0).collect();
    // Closing writes the index, so that from here on the hundred are there and nowhere in memory.
    ledger.close().await.unwrap();
    let ledger = Ledger::open_over(machine.parts(), machine.options.clone()).unwrap();
    let recent = ledger.submit(sale(position, 500).with_id(id(501))).await.unwrap().seq;

    let mut batch = Vec::new();
    for n in 0..100 {
        batch.push(match n % 4 {
            0 => old[n as usize].clone(),
            // Its id is new, the till's is not.
            1 => sale(position, n).with_id(id(10_000 + u128::from(n))),
            // Its id is not new, but what it says is.
            2 => sale(position, 700 + n).with_id(id(u128::from(n) + 1)),
            _ => sale(position, 900 + n).with_id(id(20_000 + u128::from(n))),
        });
    }
    batch.push(sale(position, 500).with_id(id(501)));
    batch.push(batch[3].clone());
    let outcomes = ledger.submit_batch(batch).await.unwrap();
    let mut appended = 0;
    for (n, outcome) in outcomes.iter().enumerate().take(100) {
        match n % 4 {
            0 | 1 => assert_eq!(told(outcome), (first[n], Repeat::Duplicate), "{n}"),
            2 => {
                let Err(SubmitError::Rejected(Rejection::CommandIdReused { seq, .. })) = outcome else {
                    panic!("{n}: {outcome:?}")
                };
                assert_eq!(*seq, first[n], "{n}");
            }
            _ => {
                appended += 1;
                assert_eq!(told(outcome), (Seq(recent.0 + appended), Repeat::First), "{n}");
            }
        }
    }
    assert_eq!(told(&outcomes[100]), (recent, Repeat::Duplicate));
    assert_eq!(told(&outcomes[101]), (Seq(recent.0 + 1), Repeat::Duplicate));
    assert_eq!(ledger.head().next_seq, Seq(recent.0 + appended + 1));
    ledger.close().await.unwrap();
}
