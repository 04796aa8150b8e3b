//! The hash chain: each event's hash covers the one before it, its place, its length and its exact stored bytes.

use crate::domain::event::Commitment;
use crate::domain::ids::Seq;
use std::fmt;
use std::sync::OnceLock;

/// The BLAKE3 context of event hashes.
pub const EVENT_CONTEXT: &str = "counterfoil event v1";
/// The BLAKE3 context of commitments to private text.
pub const PRIVATE_CONTEXT: &str = "counterfoil private v1";

/// A BLAKE3 hash; shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands in the place of a hash before the first event: 32 zero bytes.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The first 4 bytes, which are stored behind each event.
    #[must_use]
    pub const fn prefix(self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

/// Why a text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashError;

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash is 64 hexadecimal digits")
    }
}

impl std::error::Error for HashError {}

impl std::str::FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::from_hex(text).ok_or(HashError)
    }
}

impl TryFrom<&str> for Hash {
    type Error = HashError;

    fn try_from(text: &str) -> Result<Self, HashError> {
        text.parse()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The end of a log, or of a part of it: what the next event is chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place of the next event, and so the number of events before it.
    pub next_seq: Seq,
    /// The hash of the last event, [`Hash::ZERO`] where there is none.
    pub hash: Hash,
}

impl Head {
    /// The head of a log without events.
    pub const EMPTY: Head = Head { next_seq: Seq(0), hash: Hash::ZERO };
}

/// Extends a chain event by event.
///
/// It keeps one BLAKE3 state and resets it: deriving the key or copying the state (1.9 kB) for each event would
/// cost as much as hashing it.
#[derive(Clone, Debug)]
pub struct Chain {
    hasher: blake3::Hasher,
    head: Head,
}

impl Chain {
    /// A chain that goes on from this head.
    #[must_use]
    pub fn new(head: Head) -> Self {
        static KEYED: OnceLock<blake3::Hasher> = OnceLock::new();
        let hasher = KEYED.get_or_init(|| blake3::Hasher::new_derive_key(EVENT_CONTEXT)).clone();
        Self { hasher, head }
    }

    /// Where the chain stands.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Adds the next event's exact bytes and returns its hash.
    pub fn extend(&mut self, bytes: &[u8]) -> Hash {
        let hash = self.peek(bytes);
        self.head = Head { next_seq: Seq(self.head.next_seq.0.wrapping_add(1)), hash };
        hash
    }

    /// The hash that the next event would have with these exact bytes.
    pub fn peek(&mut self, bytes: &[u8]) -> Hash {
        let mut prelude = [0u8; 44];
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        prelude[..32].copy_from_slice(&self.head.hash.0);
        prelude[32..40].copy_from_slice(&self.head.next_seq.0.to_le_bytes());
        prelude[40..].copy_from_slice(&length.to_le_bytes());
        self.hasher.reset();
        self.hasher.update(&prelude);
        self.hasher.update(bytes);
        Hash(*self.hasher.finalize().as_bytes())
    }
}

/// Private text with the salt of its commitment. The event holds the commitment only, so the text can be erased
/// without breaking the chain, and nobody can guess the text from what stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateText {
    /// 32 random bytes.
    pub salt: [u8; 32],
    /// The text.
    pub text: String,
}

impl PrivateText {
    /// What the event holds: `BLAKE3 derive_key("counterfoil private v1")(salt ‖ text)`.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        let mut hasher = blake3::Hasher::new_derive_key(PRIVATE_CONTEXT);
        hasher.update(&self.salt);
        hasher.update(self.text.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// The stored form: the salt, then the text.
    pub(super) fn to_value(&self) -> Vec<u8> {
        [&self.salt[..], self.text.as_bytes()].concat()
    }

    /// Reads the stored form.
    pub(super) fn from_value(value: &[u8]) -> Option<Self> {
        let (salt, text) = value.split_first_chunk::<32>()?;
        Some(Self { salt: *salt, text: std::str::from_utf8(text).ok()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_covers_link_place_length_and_bytes() {
        let base = Head { next_seq: Seq(7), hash: Hash([1; 32]) };
        let mut expected = blake3::Hasher::new_derive_key("counterfoil event v1");
        expected.update(&[1; 32]).update(&7u64.to_le_bytes()).update(&3u32.to_le_bytes()).update(b"abc");
        let mut chain = Chain::new(base);
        let hash = chain.extend(b"abc");
        assert_eq!(hash.0, *expected.finalize().as_bytes());
        assert_eq!(chain.head(), Head { next_seq: Seq(8), hash });
        let others = [
            (Head { hash: Hash([2; 32]), ..base }, &b"abc"[..]),
            (Head { next_seq: Seq(8), ..base }, b"abc"),
            (base, b"abd"),
            (base, b"abc\0"),
        ];
        for (head, bytes) in others {
            assert_ne!(Chain::new(head).extend(bytes), hash);
        }
    }

    #[test]
    fn private_text_reads_back_and_commits_to_salt_and_text() {
        let private = PrivateText { salt: [9; 32], text: "call Zoë".to_owned() };
        assert_eq!(PrivateText::from_value(&private.to_value()).as_ref(), Some(&private));
        assert_ne!(PrivateText { salt: [8; 32], ..private.clone() }.commitment(), private.commitment());
        assert_eq!(PrivateText::from_value(&[0; 31]), None);
        assert_eq!(PrivateText::from_value(&[0xff; 33]), None);
    }
}
