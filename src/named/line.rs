//! Lines: by position or by names, and quantities that go with each.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::lookup::Names;
use super::tree::Tree;
use super::words::{bucket, disposition};
use crate::domain::ids::{ItemId, LocationId, LotId, Position, Seq};
use crate::domain::line::{CountLine, Entered, Line, LineDetail, ReturnLine, UnitCost};
use crate::domain::quantity::{Quantity, QuantityError};
use crate::domain::text::{Currency, UnitName};
use crate::limits::QUANTITY_UNITS_MAX;
use smallvec::SmallVec;

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
    if let Some(position) = fields.get("position") {
        return Ok((position.object(position_of)?, Unit::Smallest));
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

fn position_of(ids: &Fields<'_>) -> Result<Position, Invalid> {
    let id = |name: &'static str| -> Result<u32, Invalid> {
        let field = ids.need(name)?;
        match field.tree {
            Tree::Text(_) => {
                Err(field.path.invalid("a position takes ids; write sku, location and lot on the line for names"))
            }
            _ => field.whole("an id"),
        }
    };
    let (item, location) = (ItemId(id("item")?), LocationId(id("location")?));
    let lot = match ids.has("lot") {
        true => LotId(id("lot")?),
        false => LotId::NONE,
    };
    Ok(Position { item, location, lot })
}

/// A quantity, in smallest units.
pub(super) fn quantity(field: &Field<'_>, unit: Unit) -> Result<Quantity, Invalid> {
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
        (Tree::Text(_), Unit::Smallest) => Err(field
            .wanted("a whole number of smallest units beside a position of ids; name the item by sku for decimals")),
        (Tree::Fraction, _) => Err(field.path.invalid(
            "is not a whole JSON number within range; write a decimal as text, such as \"1.250\", on a line with a sku",
        )),
        _ => Err(field.wanted("a whole number, or an exact decimal as text")),
    }
}

fn seen(fields: &Fields<'_>) -> Result<Option<Seq>, Invalid> {
    fields.get("seen").map(|seen| Ok(Seq(seen.whole("a version")?))).transpose()
}

/// The plain part of a line.
fn plain(fields: &Fields<'_>, names: &Names<'_>) -> Result<Line, Invalid> {
    let (position, unit) = place(fields, names)?;
    Ok(Line {
        position,
        bucket: fields.get("bucket").map(|field| bucket(&field)).transpose()?.unwrap_or_default(),
        quantity: quantity(&fields.need("quantity")?, unit)?,
        seen: seen(fields)?,
        detail: fields.get("detail").map(|detail| detail.object(detail_of)).transpose()?.map(Box::new),
    })
}

fn detail_of(fields: &Fields<'_>) -> Result<LineDetail, Invalid> {
    let entered = fields.get("entered").map(|entered| {
        entered.object(|fields| {
            let unit = fields.need("unit")?.made(UnitName::new)?;
            Ok::<_, Invalid>(Entered { unit, quantity: fields.need("quantity")?.text()?.into() })
        })
    });
    let unit_cost = fields.get("unit_cost").map(|cost| {
        cost.object(|fields| {
            let minor_units = fields.need("minor_units")?.whole("a cost")?;
            Ok::<_, Invalid>(UnitCost { minor_units, currency: fields.need("currency")?.made(Currency::new)? })
        })
    });
    Ok(LineDetail { entered: entered.transpose()?, unit_cost: unit_cost.transpose()? })
}

fn line(field: &Field<'_>, names: &Names<'_>) -> Result<Line, Invalid> {
    field.object(|fields| plain(fields, names))
}

fn return_line(field: &Field<'_>, names: &Names<'_>) -> Result<ReturnLine, Invalid> {
    field.object(|fields| {
        let line = match fields.get("line") {
            Some(nested) => line(&nested, names)?,
            None => plain(fields, names)?,
        };
        let disposition = fields.get("disposition").map(|field| disposition(&field)).transpose()?;
        Ok(ReturnLine { line, disposition })
    })
}

fn count_line(field: &Field<'_>, names: &Names<'_>) -> Result<CountLine, Invalid> {
    field.object(|fields| {
        let (position, unit) = place(fields, names)?;
        Ok(CountLine {
            position,
            bucket: fields.get("bucket").map(|field| bucket(&field)).transpose()?.unwrap_or_default(),
            counted: quantity(&fields.need("counted")?, unit)?,
            seen: seen(fields)?,
        })
    })
}

type Read<T> = fn(&Field<'_>, &Names<'_>) -> Result<T, Invalid>;

fn list<T>(fields: &Fields<'_>, names: &Names<'_>, read: Read<T>) -> Result<SmallVec<[T; 1]>, Invalid> {
    let lines = fields.need("lines")?;
    lines.list()?.map(|line| read(&line, names)).collect()
}

/// `lines` of quantities.
pub(super) fn lines(fields: &Fields<'_>, names: &Names<'_>) -> Result<SmallVec<[Line; 1]>, Invalid> {
    list(fields, names, line)
}

/// `lines` of a return.
pub(super) fn return_lines(fields: &Fields<'_>, names: &Names<'_>) -> Result<SmallVec<[ReturnLine; 1]>, Invalid> {
    list(fields, names, return_line)
}

/// `lines` of a count.
pub(super) fn count_lines(fields: &Fields<'_>, names: &Names<'_>) -> Result<SmallVec<[CountLine; 1]>, Invalid> {
    list(fields, names, count_line)
}
