//! Checksums bound to one file of one ledger, so that a swapped block or file is as wrong as a damaged one.

use super::record::Family;

/// The key of all checksums of one run.
#[derive(Clone)]
pub(crate) struct CheckKey([u8; 32]);

impl CheckKey {
    pub(crate) fn new(ledger_id: &[u8; 16], family: Family, number: u64) -> CheckKey {
        let mut hasher = blake3::Hasher::new_derive_key("counterfoil index run v1");
        hasher.update(ledger_id);
        hasher.update(&[family.number()]);
        hasher.update(&number.to_le_bytes());
        CheckKey(*hasher.finalize().as_bytes())
    }

    /// The checksum of a block.
    pub(crate) fn block(&self, bytes: &[u8]) -> [u8; 8] {
        let hash = blake3::keyed_hash(&self.0, bytes);
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&hash.as_bytes()[..8]);
        checksum
    }

    /// The checksum of a part of the file that is hashed piece by piece.
    pub(crate) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    /// A number that filters mix into their hashes, so that nobody can choose ids that all collide.
    pub(crate) fn filter_seed(&self) -> [u64; 2] {
        let half = |at: usize| self.0[at..at + 8].iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
        [half(0), half(8)]
    }
}
