//! Movement by period: what came and left as bars, what was there at the end as a line above.

use super::PlotError;
use super::canvas::{
    COLOURS, GREY, INK, Legend, MARKED, Mark, Paper, Place, TIMES_HEIGHT, VERMILLION, chart, failed, fit_beside,
    headline, picture,
};
use super::numbers::Numbers;
use super::times::Times;
use crate::domain::ids::Timestamp;
use chrono_tz::Tz;
use plotters::prelude::{Circle, Color, PathElement, Polygon, RGBColor, Rectangle};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What moved, period by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementPlot {
    /// What it shows, such as the item and the location.
    pub title: String,
    /// What is meant with it.
    pub note: String,
    /// By whose clocks.
    pub zone: Tz,
    /// Decimals of the quantities.
    pub decimals: u8,
    /// In order of time; one that is missing moved nothing.
    pub periods: Vec<FlowPeriod>,
}

/// What moved in one period, in smallest units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowPeriod {
    /// Its name, such as `2026-01`.
    pub label: String,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant behind it.
    pub until: Timestamp,
    /// What was there when it began.
    pub opening: i128,
    /// What came and left, by kind.
    pub flows: Vec<Flow>,
    /// What was there at its end.
    pub closing: i128,
}

/// What moved for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The reason, such as `sale`.
    pub kind: String,
    /// What came: zero or more.
    pub came: i128,
    /// What left: zero or less.
    pub left: i128,
}

const HEADLINE_HEIGHT: i32 = 68;
const CLOSING_HEIGHT: u32 = 180;
const BARS_HEIGHT: u32 = 320;
/// Of more periods the bars touch, and the line has no dots.
const PARTED_MAX: usize = 120;
const DOTTED_MAX: usize = 60;
/// Of a period's width, at either side of its bar.
const GAP_PERCENT: i64 = 12;

/// What the smallest kinds are called together.
const OTHERS: &str = "all others";

impl MovementPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError::Empty`] where there is no period.
    pub fn svg(&self) -> Result<String, PlotError> {
        let (Some(first), Some(last)) = (self.periods.first(), self.periods.last()) else {
            return Err(PlotError::Empty);
        };
        let times = self.times().unwrap_or_else(|| Times::new(first.from, last.until, self.zone));
        let kinds = Kinds::of(&self.periods);
        let mut entries = vec![(Mark::Line(INK), "stock at the end of each period".to_owned())];
        if !below_zero(&self.closings()).is_empty() {
            entries.push((Mark::Area(VERMILLION, MARKED), "below zero".to_owned()));
        }
        entries.extend(kinds.named().map(|(kind, colour)| (Mark::Area(colour, 1.0), kind.to_owned())));
        let legend = Legend::new(entries);
        let top = HEADLINE_HEIGHT + legend.height;
        let height = top.unsigned_abs() + CLOSING_HEIGHT + BARS_HEIGHT + TIMES_HEIGHT;
        picture(height, |paper| {
            headline(paper, &self.title, &self.note)?;
            legend.draw(paper, HEADLINE_HEIGHT)?;
            let (_, below) = paper.split_vertically(top);
            let (above, below) = below.split_vertically(CLOSING_HEIGHT);
            self.draw_closing(&above, &times)?;
            self.draw_flows(&below, &times, &kinds)
        })
    }

    /// The names of the periods, where all have room.
    fn times(&self) -> Option<Times> {
        if !fit_beside(self.periods.iter().map(|period| &period.label)) {
            return None;
        }
        let spans: Vec<_> =
            self.periods.iter().map(|period| (period.from.0..period.until.0, period.label.as_str())).collect();
        Times::of_spans(&spans, self.zone)
    }

    fn draw_closing(&self, paper: &Paper<'_>, times: &Times) -> Result<(), PlotError> {
        let points = self.closings();
        let numbers = Numbers::new(points.iter().map(|(_, units)| *units), self.decimals, 4);
        let chart = chart(paper, times, &numbers, "units in stock", Place::Above)?;
        let area = chart.plotting_area();
        for corners in below_zero(&points) {
            area.draw(&Polygon::new(corners, VERMILLION.mix(MARKED).filled())).map_err(failed)?;
        }
        area.draw(&PathElement::new(points, INK.stroke_width(2))).map_err(failed)?;
        if self.periods.len() <= DOTTED_MAX {
            for period in &self.periods {
                let point = (period.until.0, period.closing);
                area.draw(&Circle::new(point, 4, INK.filled())).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Where the line goes: the end of each period, and its beginning where none ends there.
    fn closings(&self) -> Vec<(i64, i128)> {
        let mut points: Vec<(i64, i128)> = Vec::with_capacity(self.periods.len() + 1);
        for period in &self.periods {
            if points.last().is_none_or(|(end, _)| *end < period.from.0) {
                points.push((period.from.0, period.opening));
            }
            points.push((period.until.0, period.closing));
        }
        points
    }

    fn draw_flows(&self, paper: &Paper<'_>, times: &Times, kinds: &Kinds) -> Result<(), PlotError> {
        let stacks: Vec<Vec<(i128, i128, RGBColor)>> =
            self.periods.iter().map(|period| kinds.stacked(&period.flows)).collect();
        let ends = stacks.iter().flatten().flat_map(|(low, high, _)| [*low, *high]);
        let numbers = Numbers::new(ends, self.decimals, 7);
        let chart = chart(paper, times, &numbers, "units in (above 0), out (below)", Place::Lowest)?;
        let area = chart.plotting_area();
        let gap_percent = if self.periods.len() <= PARTED_MAX { GAP_PERCENT } else { 0 };
        for (period, stack) in self.periods.iter().zip(stacks) {
            let gap = (period.until.0 - period.from.0) / 100 * gap_percent;
            for (low, high, colour) in stack {
                let corners = [(period.from.0 + gap, high), (period.until.0 - gap, low)];
                area.draw(&Rectangle::new(corners, colour.filled())).map_err(failed)?;
            }
        }
        let zero = PathElement::new([(times.range.start, 0), (times.range.end, 0)], INK.stroke_width(1));
        area.draw(&zero).map_err(failed)
    }
}

/// The corners of each stretch between a line and zero, where the line is below.
fn below_zero(points: &[(i64, i128)]) -> Vec<Vec<(i64, i128)>> {
    let mut corners: Vec<(i64, i128)> = Vec::with_capacity(points.len());
    for pair in points.windows(2) {
        let [one, next] = pair else { continue };
        corners.push(*one);
        if one.1.signum() * next.1.signum() < 0 {
            let (time, height) = (i128::from(next.0 - one.0), one.1 - next.1);
            corners.push((one.0 + i64::try_from(time.saturating_mul(one.1) / height).unwrap_or(0), 0));
        }
    }
    corners.extend(points.last());
    let stretches = corners.chunk_by(|one, next| (one.1 <= 0) == (next.1 <= 0));
    let below = stretches.filter(|stretch| stretch.iter().any(|corner| corner.1 < 0));
    let closed = |stretch: &[(i64, i128)]| {
        let ends = [stretch.last(), stretch.first()].into_iter().flatten().map(|corner| (corner.0, 0));
        stretch.iter().copied().chain(ends).collect()
    };
    below.map(closed).collect()
}

/// Kinds and their colours: those that moved most have one of their own.
struct Kinds(BTreeMap<String, usize>);

impl Kinds {
    fn of(periods: &[FlowPeriod]) -> Self {
        let mut moved: BTreeMap<&str, i128> = BTreeMap::new();
        for flow in periods.iter().flat_map(|period| &period.flows) {
            *moved.entry(&flow.kind).or_default() += flow.came - flow.left;
        }
        let mut kinds: Vec<(&str, i128)> = moved.into_iter().filter(|(_, units)| *units > 0).collect();
        kinds.sort_by_key(|(kind, units)| (Reverse(*units), *kind));
        Self(kinds.into_iter().enumerate().map(|(rank, (kind, _))| (kind.to_owned(), rank)).collect())
    }

    /// Those with a colour, the one that moved most first; then what all others are called.
    fn named(&self) -> impl Iterator<Item = (&str, RGBColor)> {
        let mut kinds: Vec<(&str, usize)> = self.0.iter().map(|(kind, rank)| (kind.as_str(), *rank)).collect();
        kinds.sort_by_key(|(_, rank)| *rank);
        kinds.truncate(COLOURS.len() + 1);
        kinds.into_iter().map(|(kind, rank)| match COLOURS.get(rank) {
            Some(colour) => (kind, *colour),
            None => (OTHERS, GREY),
        })
    }

    fn colour(&self, kind: &str) -> RGBColor {
        self.0.get(kind).and_then(|rank| COLOURS.get(*rank)).copied().unwrap_or(GREY)
    }

    /// From where to where each part of a bar goes: what came from zero up, what left from zero down.
    fn stacked(&self, flows: &[Flow]) -> Vec<(i128, i128, RGBColor)> {
        let mut sorted: Vec<&Flow> = flows.iter().collect();
        sorted.sort_by_key(|flow| self.0.get(&flow.kind).copied().unwrap_or(usize::MAX));
        let (mut low, mut high) = (0, 0);
        let mut parts = Vec::with_capacity(flows.len());
        for flow in sorted {
            let colour = self.colour(&flow.kind);
            if flow.came > 0 {
                parts.push((high, high + flow.came, colour));
                high += flow.came;
            }
            if flow.left < 0 {
                parts.push((low + flow.left, low, colour));
                low += flow.left;
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_lies_between_the_line_and_zero() {
        assert_eq!(below_zero(&[(0, 4), (10, 0), (20, 3)]), Vec::<Vec<_>>::new());
        let dips = below_zero(&[(0, 10), (20, -10), (30, -5), (40, 5), (50, 0), (60, -2)]);
        let first = vec![(10, 0), (20, -10), (30, -5), (35, 0), (35, 0), (10, 0)];
        assert_eq!(dips, [first, vec![(50, 0), (60, -2), (60, 0), (50, 0)]]);
    }
}
