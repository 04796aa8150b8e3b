//! The stage: a clock that the script sets, randomness that repeats, a directory that goes away. With them every
//! demo writes the same bytes.

use crate::cli::failure::Failure;
use counterfoil::domain::ids::Timestamp;
use counterfoil::ledger::{Clock, Entropy, Options};
use std::path::{Path, PathBuf};
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

/// Where the demo's ledger is.
pub enum Place {
    /// Where somebody wants to keep it.
    Kept(PathBuf),
    /// In a directory of the demo's own, which goes away with this.
    Passing(PathBuf),
}

impl Place {
    /// The directory that was asked for, or a new one.
    pub fn of(dir: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(dir) = dir else {
            let name = format!("counterfoil-demo-{}", uuid::Uuid::now_v7());
            let passing = std::env::temp_dir().join(name);
            let made = std::fs::create_dir(&passing);
            made.map_err(|error| Failure::Refused(format!("{} can't be made: {error}", passing.display())))?;
            return Ok(Self::Passing(passing));
        };
        Ok(Self::Kept(dir))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Passing(path) => path,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Passing(path) = self {
            // Nothing of value is in it; what can't be removed is the temporary directory's to clean.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}
