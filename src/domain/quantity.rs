//! Quantities: integers in an item's smallest unit, read from and shown as exact decimals, never floats.

use crate::limits::{DECIMALS_MAX, QUANTITY_UNITS_MAX};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number of an item's smallest units; signed where a command says so.
///
/// Values read by [`Quantity::parse`] lie within ±[`QUANTITY_UNITS_MAX`]; a command with another value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minimum" = -QUANTITY_UNITS_MAX, "maximum" = QUANTITY_UNITS_MAX)))]
#[serde(transparent)]
pub struct Quantity(pub i64);

/// Why a quantity's text can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// There is no text.
    Empty,
    /// A character other than an ASCII digit, a leading minus or one decimal point, at this byte.
    NotADigit {
        /// Where, in bytes from the start.
        at: usize,
    },
    /// Minus zero: almost certainly a mistake elsewhere.
    MinusZero,
    /// More decimal places than the item has.
    TooFine {
        /// Decimal places in the text.
        places: usize,
        /// Decimal places that the item has.
        decimals: u8,
    },
    /// Beyond ±[`QUANTITY_UNITS_MAX`] smallest units.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the quantity is empty"),
            Self::NotADigit { at } => write!(
                f,
                "the character at byte {at} is not one of 0-9 (a leading minus and one point between digits are the only others)"
            ),
            Self::MinusZero => f.write_str("minus zero is not a quantity"),
            Self::TooFine { places, decimals } => {
                write!(f, "{places} decimal places, the item has {decimals}")
            }
            Self::TooLarge => write!(f, "beyond {QUANTITY_UNITS_MAX} smallest units"),
        }
    }
}

impl std::error::Error for QuantityError {}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// Reads an exact decimal such as `12`, `-3` or `1.70` for an item with this many decimals.
    ///
    /// Digits are ASCII; there is no exponent, no plus, no white space, no thousands separator, and no point
    /// without digits on both sides. Trailing zeros beyond the item's decimals are too fine, not rounded.
    ///
    /// # Errors
    /// [`QuantityError`] with what is wrong and where.
    ///
    /// # Example
    /// ```
    /// use counterfoil::domain::quantity::{Quantity, QuantityError};
    /// assert_eq!(Quantity::parse("1.70", 2), Ok(Quantity(170)));
    /// assert_eq!(Quantity::parse("1e3", 2), Err(QuantityError::NotADigit { at: 1 }));
    /// ```
    pub fn parse(text: &str, decimals: u8) -> Result<Self, QuantityError> {
        let decimals = decimals.min(DECIMALS_MAX);
        let digits = text.strip_prefix('-').unwrap_or(text);
        let negative = digits.len() != text.len();
        if digits.is_empty() {
            return Err(QuantityError::Empty);
        }
        let offset = text.len() - digits.len();
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let has_point = whole.len() != digits.len();
        if let Some(at) = first_not_digit(whole) {
            return Err(QuantityError::NotADigit { at: offset + at });
        }
        if let Some(at) = first_not_digit(fraction) {
            return Err(QuantityError::NotADigit { at: offset + whole.len() + 1 + at });
        }
        if whole.is_empty() || (has_point && fraction.is_empty()) {
            return Err(QuantityError::NotADigit { at: offset + whole.len() });
        }
        if fraction.len() > usize::from(decimals) {
            return Err(QuantityError::TooFine { places: fraction.len(), decimals });
        }
        let padding = usize::from(decimals) - fraction.len();
        let units = units_of(whole, fraction, padding).ok_or(QuantityError::TooLarge)?;
        match (negative, units) {
            (true, 0) => Err(QuantityError::MinusZero),
            (true, units) => Ok(Self(-units)),
            (false, units) => Ok(Self(units)),
        }
    }

    /// The quantity as an exact decimal of an item with this many decimals, such as `1.70`.
    #[must_use]
    pub fn to_decimal(self, decimals: u8) -> String {
        decimal(i128::from(self.0), decimals)
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(impl From<$integer> for Quantity {
            /// That many of the item's smallest units.
            fn from(units: $integer) -> Self {
                Self(units.into())
            }
        })*
    };
}

from_integers!(i64 i32 i16 i8 u32 u16 u8);

/// A number of smallest units as an exact decimal.
#[must_use]
pub fn decimal(units: i128, decimals: u8) -> String {
    let decimals = decimals.min(DECIMALS_MAX);
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    let scale = 10u128.pow(u32::from(decimals));
    match decimals {
        0 => format!("{sign}{units}"),
        _ => format!("{sign}{}.{:0width$}", units / scale, units % scale, width = usize::from(decimals)),
    }
}

fn first_not_digit(text: &str) -> Option<usize> {
    text.bytes().position(|byte| !byte.is_ascii_digit())
}

fn units_of(whole: &str, fraction: &str, padding: usize) -> Option<i64> {
    let mut units: i64 = 0;
    let zeros = std::iter::repeat_n(b'0', padding);
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        units = units.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        if units > QUANTITY_UNITS_MAX {
            return None;
        }
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_decimals_are_read() {
        let table: &[(&str, u8, Result<i64, QuantityError>)] = &[
            ("0", 0, Ok(0)),
            ("12", 0, Ok(12)),
            ("-12", 0, Ok(-12)),
            ("1.7", 2, Ok(170)),
            ("1.70", 2, Ok(170)),
            ("0.01", 2, Ok(1)),
            ("007", 0, Ok(7)),
            ("1000000000000000", 0, Ok(1_000_000_000_000_000)),
            ("", 0, Err(QuantityError::Empty)),
            ("-", 0, Err(QuantityError::Empty)),
            ("-0", 0, Err(QuantityError::MinusZero)),
            ("-0.00", 2, Err(QuantityError::MinusZero)),
            ("1e3", 0, Err(QuantityError::NotADigit { at: 1 })),
            (" 5", 0, Err(QuantityError::NotADigit { at: 0 })),
            ("5 ", 0, Err(QuantityError::NotADigit { at: 1 })),
            ("+5", 0, Err(QuantityError::NotADigit { at: 0 })),
            ("--5", 0, Err(QuantityError::NotADigit { at: 1 })),
            ("５", 0, Err(QuantityError::NotADigit { at: 0 })),
            ("NaN", 0, Err(QuantityError::NotADigit { at: 0 })),
            ("1.", 2, Err(QuantityError::NotADigit { at: 1 })),
            (".5", 2, Err(QuantityError::NotADigit { at: 0 })),
            ("1.2.3", 3, Err(QuantityError::NotADigit { at: 3 })),
            ("1,000", 0, Err(QuantityError::NotADigit { at: 1 })),
            ("1.70000", 2, Err(QuantityError::TooFine { places: 5, decimals: 2 })),
            ("1000000000000000000", 0, Err(QuantityError::TooLarge)),
            ("1000000000000001", 0, Err(QuantityError::TooLarge)),
            ("99999999999999999999999999", 0, Err(QuantityError::TooLarge)),
        ];
        for (text, decimals, expected) in table {
            assert_eq!(Quantity::parse(text, *decimals).map(|q| q.0), *expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for (units, decimals) in [(0, 0), (5, 2), (-5, 2), (170, 2), (-123_456_789, 6), (100, 0)] {
            let text = Quantity(units).to_decimal(decimals);
            assert_eq!(Quantity::parse(&text, decimals), Ok(Quantity(units)), "{text}");
        }
    }
}
