//! Stock over time, as steps.

use super::PlotError;
use super::canvas::{
    BLUE, CAPTION_HEIGHT, COLOURS, Legend, MARKED, Mark, ORANGE, Paper, Place, TIMES_HEIGHT, VERMILLION, caption,
    chart, failed, headline, picture,
};
use super::numbers::Numbers;
use super::times::Times;
use crate::domain::ids::Timestamp;
use chrono_tz::Tz;
use plotters::prelude::{Color, PathElement, Polygon, RGBColor};

/// A figure from an instant on, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// From when on.
    pub at: Timestamp,
    /// How much.
    pub units: i64,
}

/// A figure over time: it stays until the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLine {
    /// What it is, such as `available`.
    pub name: String,
    /// In order of time.
    pub steps: Vec<Step>,
}

/// The stock of one position over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panel {
    /// Where, such as `SHOP`; shown where there are several.
    pub name: String,
    /// The item's decimals.
    pub decimals: u8,
    /// Its figures; where the last of them is below zero that is marked.
    pub lines: Vec<StepLine>,
}

/// The stock of positions over time, one below the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockPlot {
    /// What it shows, such as the item.
    pub title: String,
    /// What is meant with it.
    pub note: String,
    /// By whose clocks.
    pub zone: Tz,
    /// Up to when the last figures hold.
    pub until: Timestamp,
    /// What it means that the last line is below zero, such as `oversold`.
    pub below_zero: String,
    /// Where; all with lines of the same names. Those without steps are left out.
    pub panels: Vec<Panel>,
}

const HEADLINE_HEIGHT: i32 = 68;
const PANEL_HEIGHT: u32 = 300;
/// A panel of several.
const SMALL_PANEL_HEIGHT: u32 = 220;

impl StockPlot {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError::Empty`] where nothing has a step.
    pub fn svg(&self) -> Result<String, PlotError> {
        let panels: Vec<&Panel> = self.panels.iter().filter(|panel| panel.steps().next().is_some()).collect();
        let from = panels.iter().flat_map(|panel| panel.steps()).map(|step| step.at).min().ok_or(PlotError::Empty)?;
        let last = panels.iter().flat_map(|panel| panel.steps()).map(|step| step.at).max().unwrap_or(from);
        let times = Times::new(from, self.until.max(last), self.zone);
        let legend = self.legend(&panels);
        let top = HEADLINE_HEIGHT + legend.height;
        let panel_height = if panels.len() == 1 { PANEL_HEIGHT } else { SMALL_PANEL_HEIGHT };
        let count = u32::try_from(panels.len()).unwrap_or(u32::MAX);
        let height = top.unsigned_abs() + panel_height * count + TIMES_HEIGHT;
        picture(height, |paper| {
            headline(paper, &self.title, &self.note)?;
            legend.draw(paper, HEADLINE_HEIGHT)?;
            let (_, mut rest) = paper.split_vertically(top);
            for (index, panel) in panels.iter().enumerate() {
                let is_last = index + 1 == panels.len();
                let (place, below) = if is_last { (Place::Lowest, TIMES_HEIGHT) } else { (Place::Above, 0) };
                let (own, others) = rest.split_vertically(panel_height + below);
                let chart = match panels.len() {
                    1 => own,
                    _ => {
                        caption(&own, &panel.name)?;
                        own.split_vertically(CAPTION_HEIGHT).1
                    }
                };
                panel.draw(&chart, &times, place)?;
                rest = others;
            }
            Ok(())
        })
    }

    fn legend(&self, panels: &[&Panel]) -> Legend {
        let names = panels.first().map(|panel| panel.lines.as_slice()).unwrap_or_default();
        let mut entries: Vec<_> =
            names.iter().enumerate().map(|(index, line)| (Mark::Line(colour(index)), line.name.clone())).collect();
        if panels.iter().any(|panel| panel.is_below_zero()) {
            entries.push((Mark::Area(VERMILLION, MARKED), self.below_zero.clone()));
        }
        Legend::new(entries)
    }
}

fn colour(index: usize) -> RGBColor {
    match index {
        0 => BLUE,
        1 => ORANGE,
        _ => COLOURS.get(index % COLOURS.len()).copied().unwrap_or(BLUE),
    }
}

impl Panel {
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.lines.iter().flat_map(|line| &line.steps)
    }

    fn is_below_zero(&self) -> bool {
        self.lines.last().is_some_and(|line| line.steps.iter().any(|step| step.units < 0))
    }

    fn draw(&self, paper: &Paper<'_>, times: &Times, place: Place) -> Result<(), PlotError> {
        let numbers = Numbers::new(self.steps().map(|step| i128::from(step.units)), self.decimals, 6);
        let chart = chart(paper, times, &numbers, "units", place)?;
        let area = chart.plotting_area();
        for corners in self.lines.last().map(|line| below_zero(&line.steps, times.range.end)).unwrap_or_default() {
            area.draw(&Polygon::new(corners, VERMILLION.mix(MARKED).filled())).map_err(failed)?;
        }
        for (index, line) in self.lines.iter().enumerate() {
            let path = path(&line.steps, times.range.end);
            // Where two lines are the same, both are seen; one alone hides least of itself when it is thin.
            let width = if index == 0 && self.lines.len() > 1 { 4 } else { 2 };
            area.draw(&PathElement::new(path, colour(index).stroke_width(width))).map_err(failed)?;
        }
        Ok(())
    }
}

/// The corners of a stair: two for each step.
fn path(steps: &[Step], end: i64) -> Vec<(i64, i128)> {
    let ends = steps.iter().skip(1).map(|next| next.at.0).chain([end]);
    let corners = steps.iter().zip(ends);
    corners.flat_map(|(step, until)| [(step.at.0, i128::from(step.units)), (until, i128::from(step.units))]).collect()
}

/// The corners of each stretch between a stair and zero, where the stair is below.
fn below_zero(steps: &[Step], end: i64) -> Vec<Vec<(i64, i128)>> {
    let corners = path(steps, end);
    let stretches = corners
        .chunk_by(|one, next| (one.1 < 0) == (next.1 < 0))
        .filter(|stretch| stretch.first().is_some_and(|corner| corner.1 < 0));
    let closed = |stretch: &[(i64, i128)]| {
        let ends = [stretch.last(), stretch.first()].into_iter().flatten().map(|corner| (corner.0, 0));
        stretch.iter().copied().chain(ends).collect()
    };
    stretches.map(closed).collect()
}
