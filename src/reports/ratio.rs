//! Quotients, exact until they are shown.

use serde::{Serialize, Serializer};
use std::fmt;

/// A quotient of two whole numbers; shown with two digits, half a digit rounded away from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    number: i128,
    by: i128,
}

impl Ratio {
    /// `number / by`; none where that is not a number above zero.
    #[must_use]
    pub fn new(number: i128, by: i128) -> Option<Self> {
        (by > 0).then_some(Self { number, by })
    }

    /// It in hundredths, rounded.
    #[must_use]
    pub const fn hundredths(self) -> i128 {
        let number = self.number.unsigned_abs().saturating_mul(100);
        let by = self.by.unsigned_abs();
        // The remainder tells about the half without doubling what may be large.
        let (whole, rest) = (number / by, number % by);
        let up = if rest >= by - rest { 1 } else { 0 };
        (whole + up) as i128 * self.number.signum()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::domain::quantity::decimal(self.hundredths(), 2))
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_shown_with_two_digits() {
        let shown = |number, by| Ratio::new(number, by).map(|ratio| ratio.to_string());
        assert_eq!(shown(1, 3).as_deref(), Some("0.33"));
        assert_eq!(shown(2, 3).as_deref(), Some("0.67"));
        assert_eq!(shown(-1, 200).as_deref(), Some("-0.01"));
        assert_eq!(shown(10_i128.pow(35), 10_i128.pow(33)).as_deref(), Some("100.00"));
        assert_eq!(shown(0, 7).as_deref(), Some("0.00"));
        assert_eq!((shown(1, 0), shown(1, -1)), (None, None));
    }
}
