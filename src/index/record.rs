//! Records, and the families of them.
//!
//! A key is four 64-bit words compared in order, which is the order of its bytes in big-endian. A family says how
//! the words divide into fields; each field becomes a column of a block.

/// The words of a key.
pub(crate) const KEY_WORDS: usize = 4;

/// A sortable key.
pub(crate) type Key = [u64; KEY_WORDS];

/// The first 16 bytes of a key: what filters are built over.
pub(crate) type Prefix = [u64; 2];

/// One entry of a run, ordered by key, then value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Record {
    pub key: Key,
    pub value: i64,
}

impl Record {
    pub(crate) fn prefix(&self) -> Prefix {
        [self.key[0], self.key[1]]
    }
}

/// A part of a key: `bits` bits of word `word` after shifting it right by `shift`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub word: usize,
    pub shift: u32,
    pub mask: u64,
}

impl Field {
    const fn whole(word: usize) -> Field {
        Field { word, shift: 0, mask: u64::MAX }
    }

    const fn high(word: usize) -> Field {
        Field { word, shift: 32, mask: u32::MAX as u64 }
    }

    const fn low(word: usize) -> Field {
        Field { word, shift: 0, mask: u32::MAX as u64 }
    }

    #[inline]
    pub(crate) fn of(&self, key: &Key) -> u64 {
        (key[self.word] >> self.shift) & self.mask
    }
}

/// The most fields of any family.
pub(crate) const FIELDS_MAX: usize = 6;

/// What a run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Family {
    /// `command id (16) ‖ seq`
    Commands = 0,
    /// `hash of source and external id (16) ‖ seq`
    Externals = 1,
    /// `item (4) ‖ location (4) ‖ lot (4) ‖ 0 (3) ‖ bucket (1) ‖ occurred_at (8) ‖ seq (8)`, value = delta
    Moves = 2,
    /// `hash of the order (16) ‖ item (4) ‖ lot (4) ‖ seq (8)`, value = units
    Shipments = 3,
    /// `item (4) ‖ location (4) ‖ lot (4) ‖ 0 (2) ‖ figure (1) ‖ kind (1) ‖ seq (8) ‖ detail (8)`, value = delta
    Changes = 4,
    /// `0 (7) ‖ list (1) ‖ id (8) ‖ chunk (8)`, value = which seqs of the chunk
    Postings = 5,
}

impl Family {
    /// All families, in the order of their numbers.
    pub(crate) const ALL: [Family; 6] =
        [Family::Commands, Family::Externals, Family::Moves, Family::Shipments, Family::Changes, Family::Postings];

    pub(crate) fn from_number(number: u8) -> Option<Family> {
        Family::ALL.get(usize::from(number)).copied()
    }

    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The place of this family in arrays of one entry per family.
    pub(crate) fn slot(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::Commands => "commands",
            Family::Externals => "externals",
            Family::Moves => "moves",
            Family::Shipments => "shipments",
            Family::Changes => "changes",
            Family::Postings => "postings",
        }
    }

    /// The columns of a block, besides the value. Every bit of a key that can be set belongs to exactly one field.
    pub(crate) fn fields(self) -> &'static [Field] {
        const ID: &[Field] = &[Field::whole(0), Field::whole(1), Field::whole(2)];
        const MOVE: &[Field] =
            &[Field::high(0), Field::low(0), Field::high(1), Field::low(1), Field::whole(2), Field::whole(3)];
        const SHIPMENT: &[Field] = &[Field::whole(0), Field::whole(1), Field::high(2), Field::low(2), Field::whole(3)];
        const POSTING: &[Field] = &[Field::low(0), Field::whole(1), Field::whole(2)];
        match self {
            Family::Commands | Family::Externals => ID,
            Family::Moves | Family::Changes => MOVE,
            Family::Shipments => SHIPMENT,
            Family::Postings => POSTING,
        }
    }

    /// Whether runs carry a filter over the first 16 bytes of their keys.
    pub(crate) fn is_filtered(self) -> bool {
        matches!(self, Family::Commands | Family::Externals | Family::Shipments)
    }
}

/// The two words of a 16-byte id.
pub(crate) fn prefix_of(id: &[u8; 16]) -> Prefix {
    let both = u128::from_be_bytes(*id);
    [(both >> 64) as u64, both as u64]
}

/// Maps a signed time to a word of the same order.
pub(crate) fn time_to_word(time: i64) -> u64 {
    (time as u64) ^ (1 << 63)
}

/// The reverse of [`time_to_word`].
pub(crate) fn word_to_time(word: u64) -> i64 {
    (word ^ (1 << 63)) as i64
}

/// Maps small positive and negative values to small words.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The reverse of [`zigzag`].
#[inline]
pub(crate) fn unzigzag(word: u64) -> i64 {
    ((word >> 1) as i64) ^ -((word & 1) as i64)
}

pub(crate) fn id_record(id: &[u8; 16], seq: u64) -> Record {
    let [high, low] = prefix_of(id);
    Record { key: [high, low, seq, 0], value: 0 }
}

/// Where stock lies: one bucket of one position, in plain integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketKey {
    /// The item's id.
    pub item: u32,
    /// The location's id.
    pub location: u32,
    /// The lot's id, 0 when not lot-tracked.
    pub lot: u32,
    /// The bucket's number.
    pub bucket: u8,
}

impl BucketKey {
    pub(crate) fn prefix(&self) -> Prefix {
        [join(self.item, self.location), join(self.lot, u32::from(self.bucket))]
    }

    /// The key of a movement here; `time` comes from [`time_to_word`].
    pub(crate) fn at(&self, time: u64, seq: u64) -> Key {
        let [first, second] = self.prefix();
        [first, second, time, seq]
    }
}

pub(crate) fn join(high: u32, low: u32) -> u64 {
    (u64::from(high) << 32) | u64::from(low)
}

pub(crate) fn move_record(key: &BucketKey, occurred_at: i64, seq: u64, delta: i64) -> Record {
    Record { key: key.at(time_to_word(occurred_at), seq), value: delta }
}

pub(crate) fn shipment_record(order: &[u8; 16], item: u32, lot: u32, seq: u64, units: i64) -> Record {
    let [high, low] = prefix_of(order);
    Record { key: [high, low, join(item, lot), seq], value: units }
}

/// One figure of one position, as events of one kind changed it, in plain integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FigureKey {
    /// The item's id.
    pub item: u32,
    /// The location's id.
    pub location: u32,
    /// The lot's id, 0 when not lot-tracked.
    pub lot: u32,
    /// The figure's number.
    pub figure: u8,
    /// The number of the kind of event.
    pub kind: u8,
}

impl FigureKey {
    pub(crate) fn prefix(&self) -> Prefix {
        [join(self.item, self.location), join(self.lot, u32::from(self.figure) << 8 | u32::from(self.kind))]
    }

    /// The reverse of [`prefix`](Self::prefix).
    pub(crate) fn of_prefix(prefix: &Prefix) -> Self {
        let [first, second] = *prefix;
        let (item, location) = ((first >> 32) as u32, first as u32);
        Self { item, location, lot: (second >> 32) as u32, figure: (second >> 8) as u8, kind: second as u8 }
    }
}

pub(crate) fn change_record(key: &FigureKey, seq: u64, detail: u64, delta: i64) -> Record {
    let [first, second] = key.prefix();
    Record { key: [first, second, seq, detail], value: delta }
}

/// A list of seqs: what all of them have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum List {
    /// Recorded at an instant, for one event in [`TIME_SEQS`](super::limits::TIME_SEQS).
    Time = 0,
    /// Events of a kind.
    Kind = 1,
    /// Events of an actor.
    Actor = 2,
    /// Events about a location.
    Location = 3,
    /// Events about an item.
    Item = 4,
    /// Events of an order.
    Order = 5,
    /// Events about a reservation, without the one that made it.
    Reservation = 6,
}

impl List {
    /// How many seqs one record covers, as a power of two: many where one id has many of them.
    pub(crate) fn chunk_bits(self) -> u32 {
        match self {
            List::Kind | List::Actor | List::Location => 6,
            List::Time | List::Item | List::Order | List::Reservation => 0,
        }
    }

    pub(crate) fn prefix(self, id: u64) -> Prefix {
        [self as u64, id]
    }
}

/// The seqs of a chunk are the bits of the word that a value is coded to.
pub(crate) fn posting_record(prefix: &Prefix, chunk: u64, seqs: u64) -> Record {
    Record { key: [prefix[0], prefix[1], chunk, 0], value: unzigzag(seqs) }
}

/// The bytes that [`Index::digest`](super::Index::digest) hashes for a record: key in big-endian, then value.
pub(crate) fn digest_bytes(record: &Record) -> [u8; 40] {
    let mut bytes = [0; 40];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(record.key.iter().copied().chain([record.value as u64])) {
        chunk.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_the_order_of_times_and_survive_the_round_trip() {
        let times = [i64::MIN, -1, 0, 1, i64::MAX];
        assert!(times.windows(2).all(|pair| time_to_word(pair[0]) < time_to_word(pair[1])));
        for value in times {
            assert_eq!(word_to_time(time_to_word(value)), value);
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!([zigzag(0), zigzag(-1), zigzag(1)], [0, 1, 2]);
    }

    #[test]
    fn fields_cover_every_bit_once_that_a_record_can_set() {
        let all = BucketKey { item: u32::MAX, location: u32::MAX, lot: u32::MAX, bucket: u8::MAX };
        let figure = FigureKey { item: u32::MAX, location: u32::MAX, lot: u32::MAX, figure: u8::MAX, kind: u8::MAX };
        assert_eq!(FigureKey::of_prefix(&figure.prefix()), figure);
        let widest = [
            (Family::Commands, id_record(&[0xff; 16], u64::MAX)),
            (Family::Externals, id_record(&[0xff; 16], u64::MAX)),
            (Family::Moves, move_record(&all, i64::MAX, u64::MAX, -1)),
            (Family::Shipments, shipment_record(&[0xff; 16], u32::MAX, u32::MAX, u64::MAX, -1)),
            (Family::Changes, change_record(&figure, u64::MAX, u64::MAX, -1)),
            (Family::Postings, posting_record(&List::Reservation.prefix(u64::MAX), u64::MAX, u64::MAX)),
        ];
        for (family, record) in widest {
            let mut rebuilt: Key = [0; KEY_WORDS];
            for field in family.fields() {
                let bits = field.of(&record.key) << field.shift;
                assert_eq!(rebuilt[field.word] & bits, 0, "{family:?}");
                rebuilt[field.word] |= bits;
            }
            assert_eq!(rebuilt, record.key, "{family:?}");
            assert!(family.fields().len() <= FIELDS_MAX);
            assert_eq!(Family::from_number(family.number()), Some(family));
        }
    }
}
