//! Closing the past, reorder points, and alerts.

use super::error::Invalid;
use super::fields::Fields;
use super::form::{Kind, kind};
use super::line::{Amount, placed};
use super::lookup::Names;
use super::things::Location;
#[cfg(feature = "schema")]
use super::things::{Ids, Item, LotOfItem};
use crate::domain::command as made;
use crate::domain::command::Act;
use crate::domain::ids::AlertId;
use crate::domain::period::Until;
#[cfg(feature = "schema")]
use {
    crate::domain::quantity::Quantity,
    schemars::{JsonSchema, Schema, SchemaGenerator},
};

kind! {
    /// Close the past of a location.
    ClosePeriod { location: Location, until: Until, } => made::ClosePeriod { location, until }
}

placed! {
    /// Set the reorder point of a position, or clear it.
    reorder_point -> made::SetReorderPoint {
        /// None clears it.
        point: Option<Amount> | Option<Quantity>,
    } => |position| made::SetReorderPoint { position, point }
}

/// Set the reorder point of a position, or clear it.
pub(super) struct SetReorderPoint;

impl Kind for SetReorderPoint {
    fn act(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
        reorder_point::fields(fields, names).map(Act::from)
    }

    #[cfg(feature = "schema")]
    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![reorder_point::Named::json_schema(generator), reorder_point::ByIds::json_schema(generator)]
    }
}

kind! {
    /// Somebody has seen an alert.
    AcknowledgeAlert { alert: AlertId, } => made::AcknowledgeAlert { alert }
}

kind! {
    /// Somebody has dealt with an alert.
    ResolveAlert { alert: AlertId, } => made::ResolveAlert { alert }
}

kind! {
    /// An alert does not matter.
    DismissAlert { alert: AlertId, } => made::DismissAlert { alert }
}
