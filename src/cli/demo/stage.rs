//! The stage: a clock that the script sets, and randomness that repeats. With them every demo writes the same
//! bytes.

use counterfoil::domain::ids::Timestamp;
use counterfoil::ledger::{Clock, Entropy, Options};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// The shop's clock: it stands still until the script sets it.
#[derive(Debug)]
pub struct ShopClock(AtomicI64);

impl ShopClock {
    /// Sets it; it never goes back.
    pub fn set(&self, to: Timestamp) {
        self.0.fetch_max(to.0, Ordering::SeqCst);
    }
}

impl Clock for ShopClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The same bytes in the same order, in every demo. A ledger of one's own takes the system's randomness.
#[derive(Debug, Default)]
struct Repeating(AtomicU64);

impl Entropy for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        let call = self.0.fetch_add(1, Ordering::SeqCst);
        let mut hasher = blake3::Hasher::new_derive_key("counterfoil demo 2025-03-03 randomness v1");
        hasher.update(&call.to_le_bytes()).finalize_xof().fill(bytes);
    }
}

/// Clock and randomness of the shop.
pub struct Stage {
    pub clock: Arc<ShopClock>,
    entropy: Arc<Repeating>,
}

impl Stage {
    /// The shop, at this instant.
    pub fn at(instant: Timestamp) -> Self {
        Self { clock: Arc::new(ShopClock(AtomicI64::new(instant.0))), entropy: Arc::default() }
    }

    /// What a ledger on this stage is opened with.
    pub fn options(&self) -> Options {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Options { clock, entropy, ..Options::default() }
    }
}
