//! Command ids out of what names a line: the same names, the same id, on every machine and in every year.

use crate::domain::ids::CommandId;
use hashbrown::HashMap;

/// What a line's names come to, without its ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameKey([u8; 16]);

/// Gives ids, and counts lines with the same names.
///
/// The id is the first 16 bytes, with the version and variant of a uuid v8, of
/// `keyed(key, base ‖ ordinal as 4 bytes little-endian)`, where `base` is the first 16 bytes of
/// `keyed(key, names)`, each name behind its length as 4 bytes little-endian, `keyed` is keyed BLAKE3 and the key is
/// `derive_key("counterfoil import command ids v1", name of the mapping)`. Where lines are not counted the ordinal
/// is 0.
///
/// Counting takes some 24 bytes for each different name.
pub(super) struct Ids {
    key: [u8; 32],
    counts: Option<HashMap<NameKey, u32>>,
    names: Vec<u8>,
}

impl Ids {
    pub fn new(mapping: &str, is_counted: bool) -> Self {
        let key = blake3::derive_key("counterfoil import command ids v1", mapping.as_bytes());
        Self { key, counts: is_counted.then(HashMap::new), names: Vec::new() }
    }

    /// What these names come to.
    pub fn key<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> NameKey {
        self.names.clear();
        for name in names {
            let bytes = u32::try_from(name.len()).unwrap_or(u32::MAX);
            self.names.extend_from_slice(&bytes.to_le_bytes());
            self.names.extend_from_slice(name.as_bytes());
        }
        NameKey(first_half(blake3::keyed_hash(&self.key, &self.names)))
    }

    /// How many times these names came, this time included; 0 where nobody counts.
    pub fn count(&mut self, key: NameKey) -> u32 {
        let Some(counts) = &mut self.counts else { return 0 };
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// The id of the names with this ordinal.
    pub fn id(&self, key: NameKey, ordinal: u32) -> CommandId {
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&key.0);
        bytes[16..].copy_from_slice(&ordinal.to_le_bytes());
        let hash = first_half(blake3::keyed_hash(&self.key, &bytes));
        CommandId(uuid::Builder::from_custom_bytes(hash).into_uuid())
    }

    /// The id of a record whose names can't be read: of its place and its bytes.
    pub fn of_broken(&self, line: u64, bytes: &[u8]) -> CommandId {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"broken").update(&line.to_le_bytes()).update(bytes);
        CommandId(uuid::Builder::from_custom_bytes(first_half(hasher.finalize())).into_uuid())
    }
}

fn first_half(hash: blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_not_run_together() {
        let mut ids = Ids::new("till", true);
        let keys = [["12", "3"], ["1", "23"], ["123", ""], ["", "123"]].map(|names| ids.key(names.into_iter()));
        let different: std::collections::HashSet<_> = keys.into_iter().collect();
        assert_eq!(different.len(), 4);
        assert_eq!([ids.count(keys[0]), ids.count(keys[0]), ids.count(keys[1])], [1, 2, 1]);
        assert_ne!(ids.id(keys[0], 1), ids.id(keys[0], 2));
        assert_ne!(Ids::new("other", true).key(["12", "3"].into_iter()), keys[0]);
    }

    #[test]
    fn ids_stay_what_they_are() {
        let mut ids = Ids::new("online-retail", true);
        let key = ids.key(["536365", "85123A"].into_iter());
        assert_eq!(ids.id(key, 1).to_string(), "6d2fba70-3bbd-8708-af5c-d4d1aff660bb");
        assert_eq!(ids.id(key, 1).0.get_version_num(), 8);
    }
}
