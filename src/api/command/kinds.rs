//! The table of kinds: which form each kind of act is written in.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::form::{Form, Kind};
use super::lookup::Names;
use super::{registry, reservations, stock, transfers, watch};
use crate::domain::command::{Act, CommandKind};
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// How one kind is read, and the objects that it can be written as.
struct Row {
    read: fn(&Fields<'_>, &Names<'_>) -> Result<Act, Invalid>,
    #[cfg(feature = "schema")]
    shapes: fn(&mut SchemaGenerator) -> Vec<Schema>,
}

const fn row<K: Kind>() -> Row {
    Row {
        read: K::act,
        #[cfg(feature = "schema")]
        shapes: K::shapes,
    }
}

/// The form of a kind.
const fn form_of(kind: CommandKind) -> Row {
    match kind {
        CommandKind::CreateItem => row::<registry::CreateItem>(),
        CommandKind::SetDecimals => row::<registry::SetDecimals>(),
        CommandKind::SetItemStatus => row::<registry::SetItemStatus>(),
        CommandKind::CreateLocation => row::<registry::CreateLocation>(),
        CommandKind::SetLocationStatus => row::<registry::SetLocationStatus>(),
        CommandKind::CreateLot => row::<registry::CreateLot>(),
        CommandKind::SetLotStatus => row::<registry::SetLotStatus>(),
        CommandKind::AddAlias => row::<registry::AddAlias>(),
        CommandKind::RenameAlias => row::<registry::RenameAlias>(),
        CommandKind::MergeAlias => row::<registry::MergeAlias>(),
        CommandKind::RetireAlias => row::<registry::RetireAlias>(),
        CommandKind::SetReorderPoint => row::<watch::SetReorderPoint>(),
        CommandKind::ClosePeriod => row::<watch::ClosePeriod>(),
        CommandKind::Receive => row::<stock::Receive>(),
        CommandKind::PosDelta => row::<stock::PosDelta>(),
        CommandKind::Return => row::<stock::Return>(),
        CommandKind::Adjust => row::<stock::Adjust>(),
        CommandKind::Count => row::<stock::Count>(),
        CommandKind::Reclassify => row::<stock::Reclassify>(),
        CommandKind::ShipTransfer => row::<transfers::ShipTransfer>(),
        CommandKind::ReceiveTransfer => row::<transfers::ReceiveTransfer>(),
        CommandKind::CloseTransfer => row::<transfers::CloseTransfer>(),
        CommandKind::Reserve => row::<reservations::Reserve>(),
        CommandKind::Amend => row::<reservations::Amend>(),
        CommandKind::Extend => row::<reservations::Extend>(),
        CommandKind::Fulfil => row::<reservations::Fulfil>(),
        CommandKind::Release => row::<reservations::Release>(),
        CommandKind::AcknowledgeAlert => row::<watch::AcknowledgeAlert>(),
        CommandKind::ResolveAlert => row::<watch::ResolveAlert>(),
        CommandKind::DismissAlert => row::<watch::DismissAlert>(),
    }
}

/// An act of any kind, by its `kind`.
pub(super) struct AnyAct;

impl Form for AnyAct {
    type Value = Act;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
        field.object(|fields| {
            let kind = fields.need("kind")?;
            let text = kind.text()?;
            match CommandKind::ALL.iter().find(|known| known.name() == text) {
                Some(known) => (form_of(*known).read)(fields, names),
                None => Err(kind.unknown_word(CommandKind::ALL.iter().map(|known| known.name()))),
            }
        })
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for AnyAct {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Act".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut shapes = Vec::new();
        for kind in CommandKind::ALL {
            shapes.extend((form_of(*kind).shapes)(generator).into_iter().map(|shape| of_kind(shape, kind.name())));
        }
        json_schema!({ "description": "What is asked: facts, promises and instructions.", "oneOf": shapes })
    }
}

/// The same object with its kind.
#[cfg(feature = "schema")]
fn of_kind(mut shape: Schema, name: &str) -> Schema {
    let fields = shape.ensure_object();
    let mut add = |to: &str, what: &dyn Fn(&mut serde_json::Value)| {
        if let Some(part) = fields.get_mut(to) {
            what(part);
        }
    };
    add("properties", &|known| known["kind"] = serde_json::json!({ "type": "string", "const": name }));
    add("required", &|names| {
        if let Some(names) = names.as_array_mut() {
            names.push("kind".into());
        }
    });
    shape
}
