//! Names of things: small integers given by the ledger, uuids given by callers.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

integer_id!(
    /// An item, numbered by the ledger from 1 in order of creation.
    ItemId,
    u32
);
integer_id!(
    /// A location, numbered by the ledger from 1 in order of creation.
    LocationId,
    u32
);
integer_id!(
    /// A lot of one item, numbered by the ledger from 1; [`LotId::NONE`] (0) means not lot-tracked.
    LotId,
    u32
);
integer_id!(
    /// The place of an event in the log: 0 is the genesis event, then 1, 2, 3 without a gap.
    Seq,
    u64
);

impl LotId {
    /// The lot of stock that is not lot-tracked.
    pub const NONE: LotId = LotId(0);

    /// The lot, where it is one.
    #[must_use]
    pub fn tracked(self) -> Option<LotId> {
        Some(self).filter(|lot| *lot != LotId::NONE)
    }
}

impl Seq {
    /// The genesis event.
    pub const GENESIS: Seq = Seq(0);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// What a schema says of a uuid's text; `format` alone binds nobody.
#[cfg(feature = "schema")]
const UUID_PATTERN: &str = "^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$";

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("pattern" = UUID_PATTERN)))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The id with these 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id.
            #[must_use]
            pub const fn bytes(self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A caller's name for one command: the key of idempotency, and of the reservation that the command makes.
    CommandId
);
uuid_id!(
    /// A caller's name for one transfer between two locations.
    TransferId
);
uuid_id!(
    /// The ledger's name for one alert: the same after every rebuild.
    AlertId
);
uuid_id!(
    /// The ledger's own name, bound into its genesis event.
    LedgerId
);

/// What ids that are derived from a caller's own keys are derived from.
const DERIVED_IDS: Uuid = Uuid::from_u128(0x6f2c_6d0e_8a4b_5c1d_9e3f_7a10_2b5c_4d8e);

impl CommandId {
    /// The id that belongs to a key of the caller's own, always the same: a uuid v5 of the key within a name space such as
    /// `web-shop`. Spares whoever has such a key (an order, a row of a file) to keep an id beside it.
    ///
    /// # Example
    /// ```
    /// # use counterfoil::CommandId;
    /// let id = CommandId::derive("web-shop", "order 1001");
    /// assert_eq!(id, CommandId::derive("web-shop", "order 1001"));
    /// assert_ne!(id, CommandId::derive("other-shop", "order 1001"));
    /// ```
    #[must_use]
    pub fn derive(space: &str, key: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::new_v5(&DERIVED_IDS, space.as_bytes()), key.as_bytes()))
    }
}

/// Where stock is kept: an item at a location, in a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// The item.
    pub item: ItemId,
    /// The location.
    pub location: LocationId,
    /// The lot, [`LotId::NONE`] where the item is not lot-tracked.
    pub lot: LotId,
}

impl Position {
    /// The position of an item that is not lot-tracked.
    #[must_use]
    pub const fn new(item: ItemId, location: LocationId) -> Self {
        Self { item, location, lot: LotId::NONE }
    }

    /// The position of one lot.
    #[must_use]
    pub const fn of_lot(item: ItemId, location: LocationId, lot: LotId) -> Self {
        Self { item, location, lot }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {} at location {}", self.item, self.location)?;
        if self.lot != LotId::NONE {
            write!(f, " lot {}", self.lot)?;
        }
        Ok(())
    }
}

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The latest instant there is: a hold without a deadline lapses then.
    pub const NEVER: Timestamp = Timestamp(i64::MAX);

    /// The instant as a date and time, where it lies within the calendar.
    #[must_use]
    pub fn to_utc(self) -> Option<chrono::DateTime<chrono::Utc>> {
        chrono::DateTime::from_timestamp_micros(self.0)
    }

    /// The instant this many microseconds later, held at the ends of the range.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// What movements and counts are ordered by: an instant, and whether a caller gave it.
///
/// The number is twice the instant's microseconds, plus one where the instant is that of recording. So what was
/// merely recorded at an instant stands behind everything that a caller dated at that instant, and among what was
/// recorded in one group, which shares its instant, the seq decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// The moment of something: dated by a caller, or else when it was recorded.
    #[must_use]
    pub fn of(occurred_at: Option<Timestamp>, recorded_at: Timestamp) -> Self {
        match occurred_at {
            Some(at) => Self(at.0.saturating_mul(2)),
            None => Self(recorded_at.0.saturating_mul(2).saturating_add(1)),
        }
    }

    /// Whether it is that of recording.
    #[must_use]
    pub const fn is_recorded(self) -> bool {
        self.0 & 1 == 1
    }

    /// The instant.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        Timestamp(self.0 >> 1)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at().fmt(f)
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Timestamp {
    fn from(time: chrono::DateTime<chrono::Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}
