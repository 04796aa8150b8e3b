//! The axis of quantities: round ticks in whole smallest units, exact decimals as labels.

use crate::domain::quantity::decimal;
use std::ops::Range;

/// The range of an axis and its ticks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub range: Range<i128>,
    pub ticks: Vec<i128>,
    step: i128,
    decimals: u8,
}

impl Numbers {
    /// An axis on which all of these and zero lie, with about this many ticks.
    pub fn new(figures: impl Iterator<Item = i128>, decimals: u8, ticks: i128) -> Self {
        let (low, high) = figures.fold((0, 0), |(low, high), units| (units.min(low), units.max(high)));
        let step = round_step((high - low).max(1), ticks);
        let (first, last) = (low.div_euclid(step), -(-high).div_euclid(step));
        // A line below zero is not drawn on the axis itself.
        let first = if low < 0 && first * step == low { first - 1 } else { first };
        let last = last.max(first + 1);
        let ticks = (first..=last).map(|index| index * step).collect();
        Self { range: first * step..last * step, ticks, step, decimals }
    }

    /// The digits of a tick: no more decimals than tell the ticks apart, thousands parted.
    pub fn label(&self, units: i128) -> String {
        let mut shown = self.decimals;
        let mut step = self.step;
        while shown > 0 && step % 10 == 0 {
            step /= 10;
            shown -= 1;
        }
        let text = decimal(units / 10i128.pow(u32::from(self.decimals - shown)), shown);
        let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
        let digits = whole.trim_start_matches('-');
        let mut label = if whole.starts_with('-') { "−".to_owned() } else { String::new() };
        for (index, digit) in digits.char_indices() {
            if index > 0 && (digits.len() - index) % 3 == 0 {
                label.push(',');
            }
            label.push(digit);
        }
        fraction.map_or(label.clone(), |fraction| format!("{label}.{fraction}"))
    }

    /// The length of the longest label, in characters.
    pub fn label_length(&self) -> usize {
        self.ticks.iter().map(|tick| self.label(*tick).chars().count()).max().unwrap_or(0)
    }
}

/// 1, 2 or 5 times a power of ten.
fn round_step(span: i128, ticks: i128) -> i128 {
    let mut power = 1;
    loop {
        for step in [power, 2 * power, 5 * power] {
            if span <= step * ticks {
                return step;
            }
        }
        power *= 10;
    }
}
