//! Promises, and what becomes of them.

use super::error::Invalid;
use super::fields::Field;
use super::form::{Form, kind, one_of};
use super::line::Line;
use super::lookup::Names;
use super::things::Instant;
use super::tree::Tree;
use crate::domain::command as made;
use crate::domain::command::Departure;
use crate::domain::ids::CommandId;
use crate::domain::text::OrderRef;

kind! {
    /// Hold stock, all lines or none; until the deadline where there is one.
    Reserve { deadline: Option<Instant>, lines: Vec<Line>, } => made::Reserve { deadline, lines }
}

kind! {
    /// Change what a reservation holds.
    Amend { reservation: CommandId, lines: Vec<Line>, } => made::Amend { reservation, lines }
}

kind! {
    /// Move the deadline of a reservation; it has none where none is given.
    Extend { reservation: CommandId, deadline: Option<Instant>, } => made::Extend { reservation, deadline }
}

kind! {
    /// Ship what is held.
    Fulfil {
        holds: Holds,
        /// All of it unless said.
        portion: Option<Portion>,
        /// Now unless said.
        departure: Option<Departure>,
    } => made::Fulfil {
        holds, portion: portion.unwrap_or_default(), departure: departure.unwrap_or_default(),
    }
}

kind! {
    /// Let go what is held and not shipped.
    Release {
        holds: Holds,
        /// All of it unless said.
        portion: Option<Portion>,
    } => made::Release { holds, portion: portion.unwrap_or_default() }
}

one_of! {
    /// Holds of a reservation, or of an order.
    Holds -> made::Holds, "must be one of {\"reservation\":…}, {\"order\":…}" {
        reservation: Reservation(CommandId) => made::Holds::Reservation,
        order: Order(OrderRef) => made::Holds::Order,
    }
}

/// All that is held, or some of it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
#[allow(dead_code, reason = "it is the form; reading makes a portion of it")]
pub(super) enum Portion {
    Whole,
    Lines(Vec<Line>),
}

impl Form for Portion {
    type Value = made::Portion;

    fn read(field: &Field<'_>, names: &Names<'_>) -> Result<made::Portion, Invalid> {
        match field.tree {
            Tree::Object(_) => {
                field.object(|portion| Ok(made::Portion::Lines(Vec::<Line>::of(portion, "lines", names)?)))
            }
            Tree::Text(text) if text == "whole" => Ok(made::Portion::Whole),
            _ => Err(field.path.invalid("must be \"whole\" or {\"lines\":[…]}")),
        }
    }
}
