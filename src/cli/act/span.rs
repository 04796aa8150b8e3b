//! Spans of time as people type them.

use std::time::Duration;

/// Reads a span such as `90s`, `15m`, `1h30m` or `3d`.
pub fn span(text: &str) -> Result<Duration, String> {
    let wanted = || "want numbers with units, such as 90s, 15m, 1h30m, 3d or 2w".to_owned();
    let mut rest = text;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wanted)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wanted())?;
        let unit = rest[digits..].chars().next().ok_or_else(wanted)?;
        let unit_seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wanted()),
        };
        let more = number.checked_mul(unit_seconds).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(|| "that is too long".to_owned())?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    match seconds {
        0 => Err(wanted()),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_sums_of_units() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h30m", 5_400), ("2w1d", 1_296_000)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "15", "m", "0s", "-5m", "1.5h", " 5m", "５m", "99999999999999999999s", "9999999999999999999w"]
        {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
