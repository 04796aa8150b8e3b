//! Items, locations and lots, by names or ids; instants.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::form::{Form, one_of};
use super::lookup::Names;
use super::tree::Tree;
use crate::domain::command::AliasTarget;
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq, Timestamp};
use chrono::{DateTime, Timelike};
#[cfg(feature = "schema")]
use {crate::domain::text::AliasText, schemars::JsonSchema};

/// Declares a form that can be written in several ways, and what reads it.
macro_rules! either {
    ($(#[$doc:meta])* $name:ident -> $value:ty { $($(#[$variant_doc:meta])* $variant:ident($form:ty),)* } by $read:expr) => {
        $(#[$doc])*
        #[cfg(feature = "schema")]
        #[derive(JsonSchema)]
        #[schemars(untagged)]
        #[expect(dead_code, reason = "only its schema is used")]
        pub(super) enum $name {
            $($(#[$variant_doc])* $variant($form),)*
        }

        #[cfg(not(feature = "schema"))]
        pub(super) struct $name;

        impl $crate::api::command::form::Form for $name {
            type Value = $value;

            fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Self::Value, Invalid> {
                $read(names, field)
            }
        }
    };
}

either! {
    /// An item: its SKU, or its number; as text `id:7` stands for the number where it is no SKU.
    Item -> ItemId { Sku(AliasText), Number(ItemId), } by Names::item
}

either! {
    /// A location: its code, or its number; as text `id:7` stands for the number where it is no code.
    Location -> LocationId { Code(AliasText), Number(LocationId), } by Names::location
}

either! {
    /// A lot: its item and code, or its number.
    Lot -> LotId { Named(NamedLot), Number(LotId), } by Names::lot
}

/// A lot of an item that is named beside it: its code, or its number.
#[cfg(feature = "schema")]
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum LotOfItem {
    Code(AliasText),
    Number(LotId),
}

/// A lot by its item and code.
#[cfg(feature = "schema")]
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct NamedLot {
    sku: Item,
    code: LotOfItem,
}

one_of! {
    /// What an alias names.
    Target -> AliasTarget, "must be one of {\"item\":…}, {\"location\":…}, {\"lot\":…}" {
        item: Item(Item) => AliasTarget::Item,
        location: Location(Location) => AliasTarget::Location,
        lot: Lot(Lot) => AliasTarget::Lot,
    }
}

/// An id within a position; names stand on the line.
struct Id;

impl Form for Id {
    type Value = u32;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<u32, Invalid> {
        match field.tree {
            Tree::Text(_) => {
                Err(field.path.invalid("a position takes ids; write sku, location and lot on the line for names"))
            }
            _ => field.whole("an id"),
        }
    }
}

/// A position by ids.
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[allow(dead_code, reason = "it is the form; reading makes a position of it")]
pub(super) struct Ids {
    item: ItemId,
    location: LocationId,
    /// 0 where the item is not lot-tracked.
    lot: Option<LotId>,
}

impl Form for Ids {
    type Value = Position;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Position, Invalid> {
        field.object(|ids| {
            Ok(Position {
                item: ItemId(Id::of(ids, "item", names)?),
                location: LocationId(Id::of(ids, "location", names)?),
                lot: Option::<Id>::of(ids, "lot", names)?.map_or(LotId::NONE, LotId),
            })
        })
    }
}

/// What a quantity is told in.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// The item's smallest unit, because the position is one of ids.
    Smallest,
    /// The item's own, with so many decimals.
    Item(u8),
    /// Unknown, because the item is; the command will be refused for that.
    Unknown,
}

/// Where, and what quantities there are told in.
pub(super) fn place(fields: &Fields<'_>, names: &Names<'_>) -> Result<(Position, Unit), Invalid> {
    if let Some(position) = Option::<Ids>::of(fields, "position", names)? {
        return Ok((position, Unit::Smallest));
    }
    let Some(sku) = fields.get("sku") else {
        return Err(fields.path.invalid("needs a \"sku\" with a \"location\", or a \"position\" of ids"));
    };
    let item = names.item(&sku)?;
    let location = names.location(&fields.need("location")?)?;
    let lot = match fields.get("lot") {
        Some(lot) => names.lot_of(item, &lot)?,
        None => LotId::NONE,
    };
    let unit = names.decimals(item).map_or(Unit::Unknown, Unit::Item);
    Ok((Position { item, location, lot }, unit))
}

/// The version of a position that a caller saw.
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[allow(dead_code, reason = "it is the form; reading makes a number of it")]
pub(super) struct Version(Seq);

impl Form for Version {
    type Value = Seq;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<Seq, Invalid> {
        field.whole("a version").map(Seq)
    }
}

/// A date and time with its zone, or microseconds since 1970.
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(untagged))]
#[allow(dead_code, reason = "it is the form; reading makes an instant of it")]
pub(super) enum Instant {
    Text(
        #[cfg_attr(
            feature = "schema",
            schemars(regex(pattern = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$"))
        )]
        String,
    ),
    Micros(i64),
}

impl Form for Instant {
    type Value = Timestamp;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<Timestamp, Invalid> {
        match field.tree {
            Tree::Whole(_) => Ok(Timestamp(field.whole("an instant in microseconds")?)),
            Tree::Text(_) => field.made(instant_of),
            _ => Err(field.wanted("a date and time with zone, such as \"2026-03-01T09:30:00+01:00\", or microseconds")),
        }
    }
}

/// Reads a date and time with its zone (RFC 3339), to the microsecond.
///
/// # Errors
/// What is wrong with the text and what to write instead.
pub fn instant_of(text: &str) -> Result<Timestamp, String> {
    let wanted = "want a date and time with its zone, such as 2026-03-01T09:30:00Z or 2026-03-01T10:30:00+01:00";
    // Seconds may be left out.
    let shorter = || DateTime::parse_from_str(&text.replacen('Z', "+00:00", 1), "%Y-%m-%dT%H:%M%:z");
    let at = DateTime::parse_from_rfc3339(text).or_else(|error| shorter().map_err(|_| error));
    let at = at.map_err(|error| format!("{text:?}: {error}; {wanted}"))?;
    match at.nanosecond() % 1_000 {
        0 => Ok(Timestamp(at.timestamp_micros())),
        _ => Err(format!("{text:?} is finer than a microsecond")),
    }
}
