//! Where time, ids and randomness come from: arguments, so that the same inputs give the same bytes.

use crate::domain::ids::{CommandId, Timestamp};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn wall(&self) -> Timestamp;

    /// Microseconds since any fixed moment, never going back: what the wall clock is watched against.
    fn monotonic_micros(&self) -> i64;
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The clocks of the machine.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
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
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
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

/// A new uuid v7 for a command whose caller named none.
pub(super) fn new_command_id(now: Timestamp, entropy: &dyn Entropy) -> CommandId {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.0.max(0) / 1_000).unwrap_or(0);
    CommandId(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
