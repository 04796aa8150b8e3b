//! Facts about goods, and moves between the buckets.

use super::error::Invalid;
use super::fields::{Field, Fields};
use super::form::{Form, Kind, kind, words};
use super::line::{CountLine, Line, ReturnLine};
use super::lookup::Names;
use super::tree::Tree;
use crate::domain::command as made;
use crate::domain::command::{Act, Excess, PosChange, ReturnOrigin};
use crate::domain::text::{ExternalId, Source};
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

kind! {
    /// Goods came from a supplier.
    Receive { lines: Vec<Line>, } => made::Receive { lines }
}

kind! {
    /// Goods came back from a customer.
    Return {
        origin: ReturnOrigin,
        /// What to do with more than was shipped; refuse it unless said.
        excess: Option<Excess>,
        lines: Vec<ReturnLine>,
    } => made::Return { origin, excess: excess.unwrap_or_default(), lines }
}

kind! {
    /// Stock was found or lost; the command's reason says why.
    Adjust { lines: Vec<Line>, } => made::Adjust { lines }
}

kind! {
    /// Stock was counted.
    Count { lines: Vec<CountLine>, } => made::Count { lines }
}

kind! {
    /// Move stock between sellable and unsellable.
    Reclassify { lines: Vec<Line>, } => made::Reclassify { lines }
}

/// What a till's delta says.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Sale,
    Return,
    Waste,
    Receipt,
    Correction,
}

words!(Change);

/// The fields of a till's delta, in the schema's three shapes.
#[cfg(feature = "schema")]
mod shapes {
    #![expect(dead_code, reason = "only the schemas are used")]

    use super::{ExternalId, JsonSchema, Line, ReturnLine, Source};

    /// What a till's delta moved.
    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case")]
    enum Moved {
        Sale,
        Waste,
        Receipt,
        Correction,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "snake_case")]
    enum CameBack {
        Return,
    }

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    enum Delta {
        Moved(MovedLines),
        CameBack(ReturnedLines),
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct MovedLines {
        delta: Moved,
        lines: Vec<Line>,
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct ReturnedLines {
        delta: CameBack,
        lines: Vec<ReturnLine>,
    }

    /// A till says that goods left or came, or that its figure was put right.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    pub(super) struct PosMoved {
        source: Source,
        external_id: ExternalId,
        delta: Moved,
        lines: Vec<Line>,
    }

    /// A till took goods back.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    pub(super) struct PosReturn {
        source: Source,
        external_id: ExternalId,
        delta: CameBack,
        lines: Vec<ReturnLine>,
    }

    /// A till's delta with its lines inside.
    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    pub(super) struct PosDeltaAround {
        source: Source,
        external_id: ExternalId,
        delta: Delta,
    }
}

/// A till's delta, its lines beside or inside `delta`.
pub(super) struct PosDelta;

impl Kind for PosDelta {
    fn act(fields: &Fields<'_>, names: &Names<'_>) -> Result<Act, Invalid> {
        let source = Source::of(fields, "source", names)?;
        let external_id = ExternalId::of(fields, "external_id", names)?;
        let field = fields.need("delta")?;
        let delta = match field.tree {
            Tree::Object(_) => field.object(|inner| change(&inner.need("delta")?, inner, names))?,
            _ => change(&field, fields, names)?,
        };
        Ok(made::PosDelta { source, external_id, delta }.into())
    }

    #[cfg(feature = "schema")]
    fn shapes(generator: &mut SchemaGenerator) -> Vec<Schema> {
        vec![
            shapes::PosMoved::json_schema(generator),
            shapes::PosReturn::json_schema(generator),
            shapes::PosDeltaAround::json_schema(generator),
        ]
    }
}

fn change(kind: &Field<'_>, fields: &Fields<'_>, names: &Names<'_>) -> Result<PosChange, Invalid> {
    let lines = || Vec::<Line>::of(fields, "lines", names);
    Ok(match Change::read(kind, names)? {
        Change::Sale => PosChange::Sale { lines: lines()? },
        Change::Return => PosChange::Return { lines: Vec::<ReturnLine>::of(fields, "lines", names)? },
        Change::Waste => PosChange::Waste { lines: lines()? },
        Change::Receipt => PosChange::Receipt { lines: lines()? },
        Change::Correction => PosChange::Correction { lines: lines()? },
    })
}
