//! What one unit cost, exactly: a decimal of a currency becomes its minor units, or the line is refused.

use super::header::Header;
use super::layout::Marks;
use super::line::refusal_of;
use super::mapping::CostField;
use super::planned::Refusal;
use super::template::{Bound, Row};
use crate::domain::line::UnitCost;
use crate::domain::quantity::QuantityError;
use crate::domain::text::Currency;

/// Where a cost stands, and its currency.
pub(super) struct Cost {
    value: Bound,
    currency: Bound,
}

impl Cost {
    /// Finds the columns.
    ///
    /// # Errors
    /// The first column that is not there, or is there twice.
    pub fn new(field: &CostField, header: &Header) -> Result<Self, String> {
        Ok(Self { value: field.value.bind(header)?, currency: field.currency.bind(header)? })
    }

    /// The cost on a line; none where the field is empty.
    pub fn on(&self, row: &Row<'_>, marks: &Marks) -> Result<Option<UnitCost>, Refusal> {
        let text = self.value.value(row);
        if text.is_empty() {
            return Ok(None);
        }
        let code = self.currency.value(row);
        let currency = Currency::new(&code).map_err(|error| refusal_of("CURRENCY", &self.currency, &code, error))?;
        let places = currency.minor_digits();
        let cost = marks.quantity(&text, places).map_err(|error| {
            let advice = match error {
                QuantityError::TooFine { .. } => format!("{currency} has {places} digits behind the point"),
                QuantityError::TooLarge => "is it in the right column?".to_owned(),
                _ => "write plain digits, such as 12 or 2.50".to_owned(),
            };
            refusal_of("UNIT_COST", &self.value, &text, format!("{}; {advice}", of_a_cost(error)))
        })?;
        if cost.0 < 0 {
            return Err(refusal_of("UNIT_COST", &self.value, &text, "a cost is not below zero"));
        }
        Ok(Some(UnitCost { minor_units: cost.0, currency }))
    }
}

/// The error, which speaks of an item's decimals where there are too many.
fn of_a_cost(error: QuantityError) -> String {
    match error {
        QuantityError::TooFine { places, .. } => format!("it has {places} digits behind the point"),
        error => error.to_string(),
    }
}
