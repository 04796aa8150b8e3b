//! Alerts: where a position is low, out of stock or oversold, and what people do about it.

mod answers;
mod reorder_point;

pub use answers::{AcknowledgeAlert, AlertAcknowledged, AlertDismissed, AlertResolved, DismissAlert, ResolveAlert};
pub use reorder_point::{ReorderPointSet, SetReorderPoint};
