//! Questions inside questions, while a writer waits to publish.

use super::{Home, MOMENT, Trap, in_time};
use crate::ledger::{command, shop};
use counterfoil::domain::command::{Act, Receive};
use counterfoil::domain::event::Event;
use counterfoil::domain::ids::{Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::history::AsOf;
use counterfoil::ledger::{Ledger, Projected};
use counterfoil::projection::{Projection, ProjectionError};
use smallvec::smallvec;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many events there were.
#[derive(Default)]
struct Count(u64);

impl Projection for Count {
    fn name(&self) -> &str {
        "count"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&mut self, _: Seq, _: &Event) -> Result<(), ProjectionError> {
        self.0 += 1;
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        Ok(self.0.to_le_bytes().to_vec())
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        self.0 = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

/// Receives one unit more, in a task.
fn receive(ledger: &Ledger, position: Position) -> tokio::task::JoinHandle<()> {
    let ledger = ledger.clone();
    tokio::spawn(async move {
        let lines = smallvec![Line::new(position, Quantity(1))];
        ledger.submit(command(Act::Receive(Receive { lines }))).await.unwrap();
    })
}

/// Asks within a question, when the publisher stands behind it for certain: it has the group that was sent meanwhile.
fn ask_within(question: impl FnOnce(&Ledger, Position, Projected<Count>) + Send + 'static) {
    in_time(512, || async move {
        let home = Home::on_disk();
        let ledger = home.create(&Trap::default());
        let position = shop(&ledger, 10).await;
        let counted = ledger.project(Count::default).unwrap();
        assert!(counted.wait_for(ledger.head().next_seq, Duration::from_secs(30)));
        let asked = ledger.clone();
        let write = ledger.clone();
        let runtime = tokio::runtime::Handle::current();
        let asking = tokio::task::spawn_blocking(move || {
            let head = asked.head();
            asked.query(|state, _| {
                let _entered = runtime.enter();
                drop(receive(&write, position));
                std::thread::sleep(MOMENT);
                question(&asked, position, counted);
                assert_eq!(state.next_seq(), head.next_seq, "the state changed within a question");
                assert_eq!(asked.head(), head);
            });
        });
        asking.await.unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while ledger.query(|state, _| state.position(position).unwrap().physical()) != 11 {
            assert!(Instant::now() < until, "the group was never published");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        ledger.close().await.unwrap();
    });
}

#[test]
fn a_question_inside_a_question_does_not_hang() {
    ask_within(|ledger, position, _| {
        let available = ledger.query(|_, _| ledger.query(|state, now| state.available(position, now)));
        assert_eq!(available, 10);
    });
}

#[test]
fn all_that_answers_at_once_may_be_asked_within_a_question() {
    ask_within(|ledger, position, counted| {
        let head = ledger.head().next_seq;
        assert_eq!(ledger.health().next_seq, head);
        assert_eq!(ledger.events(Seq(0), Seq(u64::MAX)).unwrap().len() as u64, head.0);
        assert_eq!(ledger.note(Seq(2)).unwrap(), None);
        let past = ledger.history().stock(position, AsOf::Seq(Seq(head.0 - 1))).unwrap();
        assert_eq!(past.value.physical, 10);
        ledger.verify_derived().unwrap();
        ledger.read_index().unwrap();
        let copy = tempfile::tempdir().unwrap();
        assert_eq!(ledger.snapshot(&copy.path().join("copy")).unwrap().next_seq, head);
        drop(ledger.subscribe(Seq(0)));
        assert_eq!(counted.read(|count| count.0 + ledger.query(|_, _| 0)), (head, head.0));
        assert_eq!(counted.stopped(), None);
        assert!(!counted.wait_for(head.next(), Duration::from_millis(20)), "it waits for what waits for this question");
        // Its thread ends, with a checkpoint, while nothing can be published.
        drop(counted);
        let again = ledger.project(Count::default).unwrap();
        assert_eq!(again.read(|count| count.0), (head, head.0));
    });
}

#[test]
fn a_question_inside_a_projections_question_does_not_hang_while_it_has_events_to_apply() {
    in_time(512, || async {
        let ledger = Home::in_memory().create(&Trap::default());
        let position = shop(&ledger, 10).await;
        let counted = Arc::new(ledger.project(Count::default).unwrap());
        let head = ledger.head().next_seq;
        assert!(counted.wait_for(head, Duration::from_secs(30)));
        let (asked, runtime) = (Arc::clone(&counted), tokio::runtime::Handle::current());
        let write = ledger.clone();
        let asking = tokio::task::spawn_blocking(move || {
            asked.read(|outer| {
                let _entered = runtime.enter();
                let published = receive(&write, position);
                runtime.block_on(published).unwrap();
                // Its thread wants to apply the event now.
                std::thread::sleep(MOMENT);
                assert_eq!(asked.read(|inner| inner.0), (head, outer.0));
                assert!(asked.wait_for(head, Duration::ZERO) && asked.stopped().is_none());
            });
        });
        asking.await.unwrap();
        assert!(counted.wait_for(head.next(), Duration::from_secs(30)), "what was held up goes on");
        ledger.close().await.unwrap();
    });
}
