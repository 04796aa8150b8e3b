//! Maps that can take back what was done since a mark: how a unit of commands is all or nothing.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

/// What keys were at the mark; nothing while no mark is set.
#[derive(Clone, Debug)]
struct Undo<K, V>(Option<Vec<(K, Option<V>)>>);

impl<K, V> Default for Undo<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K, V> Undo<K, V> {
    fn mark(&mut self) {
        self.0 = Some(Vec::new());
    }

    fn keep(&mut self) {
        self.0 = None;
    }

    /// What to put back, in that order; the mark is forgotten.
    fn newest_first(&mut self) -> impl Iterator<Item = (K, Option<V>)> {
        self.0.take().into_iter().flatten().rev()
    }
}

impl<K: Clone + PartialEq, V> Undo<K, V> {
    /// Remembers what a key is before it is changed. Not where it is the key changed last, as in an event that takes
    /// a large reservation or transfer apart line by line: copying it each time would be quadratic.
    #[inline]
    fn note(&mut self, key: &K, value: impl FnOnce() -> Option<V>) {
        if let Some(undo) = &mut self.0
            && undo.last().is_none_or(|(last, _)| last != key)
        {
            undo.push((key.clone(), value()));
        }
    }
}

/// A hash map with an undo list that costs one branch while no mark is set.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Eq + Hash, V: Serialize, S: BuildHasher",
    deserialize = "K: Deserialize<'de> + Eq + Hash, V: Deserialize<'de>, S: BuildHasher + Default"
))]
pub struct TrackedMap<K, V, S> {
    #[serde(with = "entries")]
    map: hashbrown::HashMap<K, V, S>,
    #[serde(skip)]
    undo: Undo<K, V>,
}

impl<K, V, S: Default> Default for TrackedMap<K, V, S> {
    fn default() -> Self {
        Self { map: hashbrown::HashMap::default(), undo: Undo::default() }
    }
}

impl<K: std::fmt::Debug, V: std::fmt::Debug, S> std::fmt::Debug for TrackedMap<K, V, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.map.fmt(f)
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher> PartialEq for TrackedMap<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Eq + Hash + Clone, V: Clone, S: BuildHasher> TrackedMap<K, V, S> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.map.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.undo.note(&key, || self.map.get(&key).cloned());
        self.map.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.undo.note(key, || self.map.get(key).cloned());
        self.map.remove(key)
    }

    /// The value to be changed, if there is one.
    pub(crate) fn edit(&mut self, key: &K) -> Option<&mut V> {
        let value = self.map.get_mut(key)?;
        self.undo.note(key, || Some(value.clone()));
        Some(value)
    }

    /// The value to be changed, made first where there is none.
    pub(crate) fn edit_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.undo.note(&key, || self.map.get(&key).cloned());
        self.map.entry(key).or_default()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Mark for TrackedMap<K, V, S> {
    fn mark(&mut self) {
        self.undo.mark();
    }

    fn keep(&mut self) {
        self.undo.keep();
    }

    fn take_back(&mut self) {
        for (key, old) in self.undo.newest_first() {
            match old {
                Some(value) => self.map.insert(key, value),
                None => self.map.remove(&key),
            };
        }
    }
}

/// An ordered map with an undo list that costs one branch while no mark is set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "K: Serialize + Ord, V: Serialize",
    deserialize = "K: Deserialize<'de> + Ord, V: Deserialize<'de>"
))]
pub struct TrackedTree<K, V> {
    map: BTreeMap<K, V>,
    #[serde(skip)]
    undo: Undo<K, V>,
}

impl<K, V> Default for TrackedTree<K, V> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), undo: Undo::default() }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for TrackedTree<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Ord + Clone, V: Clone> TrackedTree<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(crate) fn range(&self, range: impl std::ops::RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.map.range(range)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.undo.note(&key, || self.map.get(&key).cloned());
        self.map.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.undo.note(key, || self.map.get(key).cloned());
        self.map.remove(key)
    }
}

impl<K: Ord, V> Mark for TrackedTree<K, V> {
    fn mark(&mut self) {
        self.undo.mark();
    }

    fn keep(&mut self) {
        self.undo.keep();
    }

    fn take_back(&mut self) {
        for (key, old) in self.undo.newest_first() {
            match old {
                Some(value) => self.map.insert(key, value),
                None => self.map.remove(&key),
            };
        }
    }
}

/// What can go back to where it was.
pub(crate) trait Mark {
    /// Remembers from here on.
    fn mark(&mut self);
    /// Forgets the mark, keeps what was done.
    fn keep(&mut self);
    /// Goes back to the mark and forgets it.
    fn take_back(&mut self);
}

/// Hash maps are stored as lists of pairs, in no order.
mod entries {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::hash::{BuildHasher, Hash};

    pub(super) fn serialize<K: Serialize, V: Serialize, H, S: Serializer>(
        map: &hashbrown::HashMap<K, V, H>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter())
    }

    pub(super) fn deserialize<'de, K, V, H, D>(deserializer: D) -> Result<hashbrown::HashMap<K, V, H>, D::Error>
    where
        K: Deserialize<'de> + Eq + Hash,
        V: Deserialize<'de>,
        H: BuildHasher + Default,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_since_the_mark_is_taken_back() {
        let mut map: TrackedMap<u8, u8, rustc_hash::FxBuildHasher> = TrackedMap::default();
        let mut tree: TrackedTree<u8, u8> = TrackedTree::default();
        map.insert(1, 10);
        tree.insert(1, 10);
        let (map_before, tree_before) = (map.clone(), tree.clone());
        map.mark();
        tree.mark();
        map.insert(1, 11);
        *map.edit_or_default(2) += 5;
        map.remove(&1);
        map.insert(1, 12);
        tree.insert(2, 1);
        tree.remove(&1);
        map.take_back();
        tree.take_back();
        assert!(map == map_before && tree == tree_before);
    }

    #[test]
    fn a_value_changed_again_and_again_is_copied_once() {
        let mut map: TrackedMap<u8, Vec<u8>, rustc_hash::FxBuildHasher> = TrackedMap::default();
        map.insert(1, vec![0]);
        map.mark();
        for round in 0..100 {
            map.edit_or_default(1).push(round);
        }
        map.remove(&1);
        map.insert(1, vec![9]);
        assert_eq!(map.undo.0.as_ref().map(Vec::len), Some(1));
        map.take_back();
        assert_eq!(map.get(&1), Some(&vec![0]));
    }
}
