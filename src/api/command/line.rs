//! Lines: by position or by names, and quantities that go with each.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::form::{Form, object};
use super::lookup::Names;
#[cfg(feature = "schema")]
use super::things::{Ids, Item, Location, LotOfItem};
use super::things::{Unit, Version};
use super::tree::Tree;
use crate::domain::line::{Bucket, CountLine as Counted, Disposition, Line as Plain, ReturnLine as Returned};
use crate::domain::line::{Entered as Given, LineDetail, UnitCost as Cost};
use crate::domain::quantity::{Quantity, QuantityError};
use crate::domain::text::{Currency, UnitName};
use crate::limits::QUANTITY_UNITS_MAX;

/// A quantity in the item's own unit: a whole number, or an exact decimal as text; never a float.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
#[allow(dead_code, reason = "it is the form; reading makes a quantity of it")]
pub(super) enum Amount {
    Whole(i64),
    Decimal(#[cfg_attr(feature = "schema", schemars(regex(pattern = r"^-?\d+(\.\d+)?$")))] String),
}

impl Amount {
    /// A quantity, in smallest units; beside a position of ids it is told in them.
    pub(super) fn in_unit(field: &Field<'_>, unit: Unit) -> Result<Quantity, Invalid> {
        match (field.tree, unit) {
            (_, Unit::Unknown) => Ok(Quantity::ZERO),
            (Tree::Whole(_), Unit::Smallest) => Ok(Quantity(field.whole("a quantity")?)),
            (Tree::Whole(number), Unit::Item(decimals)) => {
                let units = number.checked_mul(10i128.pow(u32::from(decimals)));
                let in_range = |units: &i64| units.unsigned_abs() <= QUANTITY_UNITS_MAX.unsigned_abs();
                match units.and_then(|units| i64::try_from(units).ok()).filter(in_range) {
                    Some(units) => Ok(Quantity(units)),
                    None => Err(field.path.invalid(format!("{number}: {}", QuantityError::TooLarge))),
                }
            }
            (Tree::Text(text), Unit::Item(decimals)) => {
                Quantity::parse(text, decimals).map_err(|error| field.path.invalid(format!("{text:?}: {error}")))
            }
            (Tree::Text(_), Unit::Smallest) => Err(field.wanted(
                "a whole number of smallest units beside a position of ids; name the item by sku for decimals",
            )),
            (Tree::Fraction, _) => Err(field.path.invalid(
                "is not a whole JSON number within range; write a decimal as text, such as \"1.250\", on a line with a sku",
            )),
            _ => Err(field.wanted("a whole number, or an exact decimal as text")),
        }
    }
}

/// A figure of a position: a quantity that must be there, or one that may be absent.
pub(super) trait Figure {
    type Value;

    fn figure(fields: &Fields<'_>, name: &'static str, unit: Unit) -> Result<Self::Value, Invalid>;
}

impl Figure for Amount {
    type Value = Quantity;

    fn figure(fields: &Fields<'_>, name: &'static str, unit: Unit) -> Result<Quantity, Invalid> {
        Self::in_unit(&fields.need(name)?, unit)
    }
}

impl Figure for Option<Amount> {
    type Value = Option<Quantity>;

    fn figure(fields: &Fields<'_>, name: &'static str, unit: Unit) -> Result<Option<Quantity>, Invalid> {
        fields.get(name).map(|field| Amount::in_unit(&field, unit)).transpose()
    }
}

/// An object that says where by names or by ids: its figure is told in the item's unit or in the smallest. `fields` of
/// what is declared reads it; `Named` and `ByIds` are its two shapes.
macro_rules! placed {
    ($(#[$doc:meta])* $module:ident -> $value:ty {
        $(#[$figure_doc:meta])* $figure:ident: $amount:ty | $units:ty,
        $($(#[$field_doc:meta])* $field:ident: $form:ty,)*
    } => |$position:ident| $made:expr) => {
        $(#[$doc])*
        pub(super) mod $module {
            use super::*;

            #[cfg(feature = "schema")]
            #[derive(schemars::JsonSchema)]
            #[schemars(deny_unknown_fields)]
            #[expect(dead_code, reason = "only its schema is used")]
            pub(in crate::api::command) struct Named {
                sku: Item,
                location: Location,
                /// Where the item is lot-tracked.
                lot: Option<LotOfItem>,
                $(#[$figure_doc])*
                $figure: $amount,
                $($(#[$field_doc])* $field: $form,)*
            }

            #[cfg(feature = "schema")]
            #[derive(schemars::JsonSchema)]
            #[schemars(deny_unknown_fields)]
            #[expect(dead_code, reason = "only its schema is used")]
            pub(in crate::api::command) struct ByIds {
                position: Ids,
                /// In the item's smallest unit.
                $figure: $units,
                $($(#[$field_doc])* $field: $form,)*
            }

            /// Reads its fields.
            pub(in crate::api::command) fn fields(
                fields: &$crate::api::command::fields::Fields<'_>,
                names: &$crate::api::command::lookup::Names<'_>,
            ) -> Result<$value, $crate::api::command::error::Invalid> {
                let ($position, unit) = $crate::api::command::things::place(fields, names)?;
                let $figure = <$amount as $crate::api::command::line::Figure>::figure(fields, stringify!($figure), unit)?;
                $(let $field = <$form as $crate::api::command::form::Form>::of(fields, stringify!($field), names)?;)*
                Ok($made)
            }
        }
    };
}
pub(super) use placed;

object! {
    /// How a quantity was entered.
    Entered -> Given {
        unit: UnitName,
        #[cfg_attr(feature = "schema", schemars(length(max = 24)))]
        quantity: String,
    } => Given { unit, quantity: quantity.as_str().into() }
}

object! {
    /// What one unit cost.
    UnitCost -> Cost {
        minor_units: Whole,
        currency: Currency,
    } => Cost { minor_units, currency }
}

object! {
    /// How a quantity was entered and what it cost.
    Detail -> LineDetail {
        entered: Option<Entered>,
        unit_cost: Option<UnitCost>,
    } => LineDetail { entered, unit_cost }
}

/// A whole number.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(dead_code, reason = "it is the form; reading makes a number of it")]
pub(super) struct Whole(i64);

impl Form for Whole {
    type Value = i64;

    fn read(field: &Field<'_>, _: &Names<'_>) -> Result<i64, Invalid> {
        field.whole("a cost")
    }
}

placed! {
    /// A quantity of something somewhere.
    plain -> Plain {
        quantity: Amount | Quantity,
        /// Sellable unless said.
        bucket: Option<Bucket>,
        /// The version of the position that the caller saw; refused if it has changed since.
        seen: Option<Version>,
        /// How it was entered and what it cost.
        detail: Option<Detail>,
    } => |position| Plain { position, bucket: bucket.unwrap_or_default(), quantity, seen, detail: detail.map(Box::new) }
}

placed! {
    /// A quantity that came back, and where it goes.
    returned -> Returned {
        quantity: Amount | Quantity,
        /// Sellable unless said.
        bucket: Option<Bucket>,
        /// The version of the position that the caller saw; refused if it has changed since.
        seen: Option<Version>,
        /// How it was entered and what it cost.
        detail: Option<Detail>,
        /// Where it goes.
        disposition: Option<Disposition>,
    } => |position| {
        let (bucket, detail) = (bucket.unwrap_or_default(), detail.map(Box::new));
        Returned { line: Plain { position, bucket, quantity, seen, detail }, disposition }
    }
}

placed! {
    /// What was counted somewhere.
    counted -> Counted {
        counted: Amount | Quantity,
        /// Sellable unless said.
        bucket: Option<Bucket>,
        /// The version of the position that the caller saw; refused if it has changed since.
        seen: Option<Version>,
    } => |position| Counted { position, bucket: bucket.unwrap_or_default(), counted, seen }
}

/// Declares a line that is written in several ways.
macro_rules! line {
    ($(#[$doc:meta])* $name:ident -> $value:ty { $($variant:ident($form:ty),)* } by $read:expr) => {
        $(#[$doc])*
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged))]
        #[allow(dead_code, reason = "it is the form; reading makes a line of it")]
        pub(super) enum $name {
            $(#[cfg(feature = "schema")] $variant($form),)*
        }

        impl Form for $name {
            type Value = $value;

            fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Self::Value, Invalid> {
                field.object(|fields| $read(fields, names))
            }
        }
    };
}

line! {
    /// A quantity of something somewhere.
    Line -> Plain { Named(plain::Named), ByIds(plain::ByIds), } by plain::fields
}

line! {
    /// What was counted somewhere.
    CountLine -> Counted { Named(counted::Named), ByIds(counted::ByIds), } by counted::fields
}

line! {
    /// A quantity that came back, and where it goes.
    ReturnLine -> Returned { Named(returned::Named), ByIds(returned::ByIds), Around(Around), } by return_line
}

object! {
    /// A line, and where its goods go.
    Around -> Returned {
        line: Line,
        /// Where it goes.
        disposition: Option<Disposition>,
    } => Returned { line, disposition }
}

fn return_line(fields: &Fields<'_>, names: &Names<'_>) -> Result<Returned, Invalid> {
    match Option::<Line>::of(fields, "line", names)? {
        Some(line) => Ok(Returned { line, disposition: Option::<Disposition>::of(fields, "disposition", names)? }),
        None => returned::fields(fields, names),
    }
}
