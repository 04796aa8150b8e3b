//! Where time, ids and randomness come from: arguments, so that the same inputs give the same bytes.

use crate::domain::ids::{CommandId, Timestamp};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp as UuidTime, Uuid};

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn wall(&self) -> Timestamp;

    /// Microseconds since any fixed moment, never going back, time asleep included: what the wall clock is watched
    /// against.
    fn monotonic_micros(&self) -> i64;
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    monotonic: Monotonic,
}

/// Which monotonic clock there is.
#[derive(Clone, Copy, Debug)]
enum Monotonic {
    /// It counts the time that the machine sleeps, as the wall clock does.
    CountsSleep,
    /// It stands still while the machine sleeps: a wall clock that went on is then taken for one that stepped.
    StandsStill,
}

impl SystemClock {
    /// The clocks of the machine.
    #[must_use]
    pub fn new() -> Self {
        let monotonic = match awake_and_asleep() {
            Some(_) => Monotonic::CountsSleep,
            None => Monotonic::StandsStill,
        };
        Self { started: Instant::now(), monotonic }
    }
}

/// Microseconds since the machine was started, sleep included, where it has such a clock.
fn awake_and_asleep() -> Option<i64> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
    let clock = rustix::time::DynamicClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
    let clock = rustix::time::DynamicClockId::Known(rustix::time::ClockId::Monotonic);
    let time = rustix::time::clock_gettime_dynamic(clock).ok()?;
    i64::try_from(Duration::try_from(time).ok()?.as_micros()).ok()
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp(micros)
    }

    fn monotonic_micros(&self) -> i64 {
        let counted = match self.monotonic {
            Monotonic::CountsSleep => awake_and_asleep(),
            Monotonic::StandsStill => None,
        };
        counted.unwrap_or_else(|| i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

/// What gives random bytes.
pub trait Entropy: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system has no randomness to give: nothing may be written without it.
    #[expect(clippy::panic, reason = "an id or salt that can be guessed is worse than no ledger")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// A new uuid v7 by the clocks of the machine: behind all that this process made before. Where the clock says less than
/// 1970 it begins with zeros, for an id is no record of the time.
#[must_use]
pub fn fresh_uuid() -> Uuid {
    static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());
    let micros = u64::try_from(SystemClock::new().wall().0).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
    Uuid::new_v7(UuidTime::from_unix(&CONTEXT, micros / 1_000_000, nanos))
}

/// A new uuid v7 for a command whose caller named none.
impl CommandId {
    /// A new id that nobody else has: a uuid v7, which begins with the time.
    ///
    /// Keep it with what it is for before the command is sent, so that the same command can be sent again.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(fresh_uuid())
    }
}

impl Timestamp {
    /// What the machine's clock says now; before 1970 and after the year 294246 the nearest instant there is.
    #[must_use]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

pub(super) fn new_command_id(now: Timestamp, entropy: &dyn Entropy) -> CommandId {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.0.max(0) / 1_000).unwrap_or(0);
    CommandId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_uuids_are_in_the_order_in_which_they_were_made() {
        let made: Vec<Uuid> = (0..10_000).map(|_| fresh_uuid()).collect();
        assert!(made.is_sorted_by(|before, behind| before < behind));
        assert_eq!(made[0].get_version_num(), 7);
    }

    #[test]
    fn the_monotonic_clock_runs() {
        let clock = SystemClock::new();
        let before = clock.monotonic_micros();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!((5_000..5_000_000).contains(&(clock.monotonic_micros() - before)));
        #[cfg(target_os = "linux")]
        assert!(matches!(clock.monotonic, Monotonic::CountsSleep));
    }
}
