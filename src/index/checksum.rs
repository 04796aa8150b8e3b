//! Checksums bound to one file of one ledger, so that a swapped block or file is as wrong as a damaged one.
//!
//! Blocks and footers carry XXH64: it notices accidents, and that is all an index needs that can be compared with
//! the log. BLAKE3 over 4 KiB takes ten times as long, which was a quarter of the time of a merge. Block index and
//! filter of a run are hashed once when it is opened, with BLAKE3.

use super::record::Family;
use xxhash_rust::xxh64::xxh64;

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
        xxh64(bytes, self.filter_seed()[0]).to_le_bytes()
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

/// Eight bytes of a name, for lists that are checked against the log: whoever makes two names collide makes a search
/// slower, not wrong.
pub(crate) fn name_word(name: &str) -> u64 {
    xxh64(name.as_bytes(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh64_gives_the_published_values() {
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a", 0), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc", 0), 0x44bc_2cf5_ad77_0999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
    }

    /// The sums of xxHash's own self-test: long texts and another seed, as blocks have.
    #[test]
    fn xxh64_gives_the_values_of_its_self_test() {
        const SEED: u64 = 2_654_435_761;
        let mut state = SEED;
        let mut byte = || {
            let byte = (state >> 56) as u8;
            state = state.wrapping_mul(11_400_714_785_074_694_797);
            byte
        };
        let text: Vec<u8> = (0..222).map(|_| byte()).collect();
        let sums = [(1, 0x5014_6076_43a9_b4c3), (14, 0xc3bd_6bf6_3deb_6df0), (222, 0x20cb_8ab7_ae10_c14a)];
        for (bytes, sum) in sums {
            assert_eq!(xxh64(&text[..bytes], SEED), sum, "{bytes} bytes");
        }
        assert_eq!(xxh64(&text, 0), 0xb641_ae8c_b691_c174);
    }
}
