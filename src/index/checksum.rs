//! Checksums bound to one file of one ledger, so that a swapped block or file is as wrong as a damaged one.
//!
//! Blocks and footers carry XXH64: it notices accidents, and that is all an index needs that can be compared with
//! the log. BLAKE3 over 4 KiB takes ten times as long, which was a quarter of the time of a merge. Block index and
//! filter of a run are hashed once when it is opened, with BLAKE3.

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

const PRIMES: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

#[inline]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0])
}

/// Eight bytes of a name, for lists that are checked against the log: whoever makes two names collide makes a search
/// slower, not wrong.
pub(crate) fn name_word(name: &str) -> u64 {
    xxh64(name.as_bytes(), 0)
}

/// XXH64 as its specification gives it.
fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash = if stripes.is_empty() { seed.wrapping_add(PRIMES[4]) } else { stripes_hash(stripes, seed) };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round(0, u64::from_le_bytes(*word)))
            .rotate_left(27)
            .wrapping_mul(PRIMES[0])
            .wrapping_add(PRIMES[3]);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half));
        hash = (hash ^ half.wrapping_mul(PRIMES[0])).rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIMES[4])).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
    hash ^ (hash >> 32)
}

fn stripes_hash(stripes: &[[u8; 32]], seed: u64) -> u64 {
    let mut lanes = [
        seed.wrapping_add(PRIMES[0]).wrapping_add(PRIMES[1]),
        seed.wrapping_add(PRIMES[1]),
        seed,
        seed.wrapping_sub(PRIMES[0]),
    ];
    for stripe in stripes {
        let (words, _) = stripe.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let rotations = [1, 7, 12, 18];
    let hash =
        lanes.iter().zip(rotations).fold(0_u64, |hash, (lane, rotation)| hash.wrapping_add(lane.rotate_left(rotation)));
    lanes.iter().fold(hash, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]))
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
}
