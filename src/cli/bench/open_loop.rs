//! Work that arrives on a schedule and waits for nobody; latency counts from the scheduled moment.

use super::BenchError;
use super::latency::Latencies;
use counterfoil::ledger::SubmitError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// When things arrive.
#[derive(Clone, Copy)]
pub(super) struct Schedule {
    pub(super) per_second: f64,
    pub(super) arrivals: u64,
}

impl Schedule {
    /// So many seconds of arrivals, but no more than that many.
    pub(super) fn lasting(per_second: f64, seconds: f64, arrivals_max: u64) -> Self {
        let arrivals = ((per_second * seconds) as u64).clamp(1, arrivals_max.max(1));
        Self { per_second, arrivals }
    }

    /// When the n-th arrives, after the start.
    pub(super) fn due(&self, n: u64) -> Duration {
        Duration::from_secs_f64(n as f64 / self.per_second)
    }
}

/// Makes each piece of work before it is due, hands it over in time and in order, and lets `act` do as many at once as
/// there are.
pub(super) fn run<J, F>(
    schedule: Schedule,
    mut make: impl FnMut(u64) -> Result<J, BenchError>,
    act: impl Fn(J) -> F + Send,
) -> Result<Latencies, BenchError>
where
    J: Send,
    F: Future<Output = Result<(), SubmitError>> + Send + 'static,
{
    let (hand_over, work) = mpsc::unbounded_channel();
    std::thread::scope(|scope| {
        let acting = std::thread::Builder::new().name("counterfoil-callers".into());
        let acting = acting.spawn_scoped(scope, || take(work, act))?;
        let start = Instant::now();
        for n in 0..schedule.arrivals {
            let job = make(n)?;
            let due = start + schedule.due(n);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if hand_over.send((due, job)).is_err() {
                break;
            }
        }
        drop(hand_over);
        acting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What came of it so far.
struct Tally {
    latencies: Latencies,
    failed: Option<SubmitError>,
}

/// Begins each piece of work as it comes; done when all are.
fn take<J, F>(mut work: mpsc::UnboundedReceiver<(Instant, J)>, act: impl Fn(J) -> F) -> Result<Latencies, BenchError>
where
    F: Future<Output = Result<(), SubmitError>> + Send + 'static,
{
    let tally = Arc::new(Mutex::new(Tally { latencies: Latencies::new()?, failed: None }));
    let (running, mut all_done) = mpsc::channel::<()>(1);
    Builder::new_current_thread().build()?.block_on(async {
        while let Some((due, job)) = work.recv().await {
            let (act, tally, running) = (act(job), Arc::clone(&tally), running.clone());
            tokio::spawn(async move {
                let done = act.await;
                let mut tally = tally.lock();
                tally.latencies.record(due.elapsed());
                if let Err(error) = done {
                    tally.failed.get_or_insert(error);
                }
                drop(running);
            });
        }
        drop(running);
        // Comes back empty-handed when the last of them is gone.
        all_done.recv().await;
    });
    let Tally { latencies, failed } = Arc::into_inner(tally).map(Mutex::into_inner).ok_or_else(unfinished)?;
    failed.map_or(Ok(latencies), |error| Err(error.into()))
}

fn unfinished() -> BenchError {
    BenchError::Wrong("some of the work was never finished".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_pause_is_felt_by_everything_that_was_due_meanwhile() {
        let pause = Duration::from_millis(60);
        let schedule = Schedule { per_second: 1_000.0, arrivals: 50 };
        let begun = AtomicU64::new(0);
        let act = |n: u64| {
            // The one thread that does the work stands still with the first piece.
            if begun.fetch_add(1, Ordering::Relaxed) == 0 {
                std::thread::sleep(pause);
            }
            std::future::ready(if n < 50 { Ok(()) } else { Err(SubmitError::Closed) })
        };
        let latencies = run(schedule, Ok, act).unwrap();
        assert_eq!(latencies.count(), 50);
        let quantiles = latencies.quantiles("piece");
        assert!(quantiles.max >= 60e3, "{quantiles:?}");
        assert!(quantiles.p50 >= 20e3, "one slow answer out of fifty would leave the median alone: {quantiles:?}");
    }

    #[test]
    fn what_is_refused_is_not_taken_for_done() {
        let schedule = Schedule { per_second: 1e6, arrivals: 3 };
        let done = run(schedule, Ok, |n| std::future::ready(if n == 1 { Err(SubmitError::Closed) } else { Ok(()) }));
        assert!(matches!(done, Err(BenchError::Submit(SubmitError::Closed))));
        let done = run(schedule, |_| Err::<u64, _>(unfinished()), |_| std::future::ready(Ok(())));
        assert!(matches!(done, Err(BenchError::Wrong(_))));
    }
}
