//! What all pictures share: paper, text, colours, axes, legends.

use super::PlotError;
use super::numbers::Numbers;
use super::times::Times;
use crate::domain::invisible::{shown, shown_lines};
use plotters::coord::Shift;
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::types::{RangedCoordi64, RangedCoordi128};
use plotters::prelude::{
    BindKeyPoints, Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea, IntoDrawingArea, IntoFont, PathElement,
    RGBColor, Rectangle, SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::fmt::Display;

pub(super) const WIDTH: u32 = 1_200;
/// White at the left of everything.
pub(super) const LEFT: i32 = 24;
/// White at the right of axes: half of the last label stands there.
const RIGHT: u32 = 60;

pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const SOFT_INK: RGBColor = RGBColor(0x55, 0x55, 0x55);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub(super) const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
pub(super) const VERMILLION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub(super) const GREY: RGBColor = RGBColor(0x99, 0x99, 0x99);
/// How much of its colour an area has that marks where something is below zero.
pub(super) const MARKED: f64 = 0.35;
/// For kinds, the most different ones first.
pub(super) const COLOURS: [RGBColor; 7] = [
    BLUE,
    ORANGE,
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    VERMILLION,
    RGBColor(0xf0, 0xe4, 0x42),
];

const TEXT_PIXELS: f64 = 14.0;
/// What a letter takes of the height of its font, generously: which font is there nobody knows.
const LETTER: f64 = 0.6;
const LEGEND_LINE: i32 = 24;
const SWATCH: i32 = 22;

pub(super) type Paper<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Axes>;
type Axes = Cartesian2d<WithKeyPoints<RangedCoordi64>, WithKeyPoints<RangedCoordi128>>;

pub(super) fn failed(error: impl Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}

/// A picture of this height, painted; as text.
pub(super) fn picture(
    height: u32,
    paint: impl FnOnce(&Paper<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let paper = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paper.fill(&PAPER).map_err(failed)?;
        paint(&paper)?;
        paper.present().map_err(failed)?;
    }
    // The picture's own signs are plain, so what is hidden can only be within texts.
    Ok(shown_lines(&svg).into_owned())
}

fn font(pixels: f64, colour: RGBColor) -> TextStyle<'static> {
    // The backend divides by this.
    ("sans-serif", pixels * 1.24).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center))
}

/// Whether labels have room beside each other below a chart.
pub(super) fn fit_beside(labels: impl Iterator<Item = impl AsRef<str>>) -> bool {
    let room = WIDTH as i32 - RIGHT as i32 - LABELS_WIDTH_MIN;
    labels
        .map(|label| width_of(label.as_ref(), TEXT_PIXELS) + 8)
        .try_fold(room, |room, width| Some(room - width).filter(|room| *room >= 0))
        .is_some()
}

fn width_of(text: &str, pixels: f64) -> i32 {
    (shown(text).chars().count() as f64 * pixels * LETTER).ceil() as i32
}

fn text(paper: &Paper<'_>, text: String, at: (i32, i32), style: TextStyle<'static>) -> Result<(), PlotError> {
    paper.draw(&Text::new(text, at, style)).map_err(failed)
}

/// The headline and what it means, at the top; a long headline is set smaller, and cut where that is not enough.
pub(super) fn headline(paper: &Paper<'_>, title: &str, note: &str) -> Result<(), PlotError> {
    line(paper, title, 26, 22.0, INK)?;
    line(paper, note, 52, TEXT_PIXELS, SOFT_INK)
}

fn line(paper: &Paper<'_>, said: &str, y: i32, pixels: f64, colour: RGBColor) -> Result<(), PlotError> {
    let said = &*shown(said);
    let room = WIDTH as i32 - 2 * LEFT;
    let fitting = pixels.min(f64::from(room) / (said.chars().count().max(1) as f64 * LETTER)).max(11.0).floor();
    let letters = (f64::from(room) / (fitting * LETTER)) as usize;
    let shown = match said.chars().count() > letters {
        true => said.chars().take(letters.saturating_sub(1)).chain(['…']).collect(),
        false => said.to_owned(),
    };
    text(paper, shown, (LEFT, y), font(fitting, colour))
}

/// What stands in front of a name in a legend.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Line(RGBColor),
    Area(RGBColor, f64),
}

/// Marks with their names, from left to right, in as many lines as they need.
pub(super) struct Legend {
    entries: Vec<(Mark, String, (i32, i32))>,
    pub height: i32,
}

impl Legend {
    pub fn new(entries: Vec<(Mark, String)>) -> Self {
        let (mut x, mut y) = (LEFT, 0);
        let mut placed = Vec::with_capacity(entries.len());
        for (mark, name) in entries {
            let width = SWATCH + 8 + width_of(&name, TEXT_PIXELS) + 18;
            if x > LEFT && x + width > WIDTH as i32 - LEFT {
                (x, y) = (LEFT, y + LEGEND_LINE);
            }
            placed.push((mark, name, (x, y)));
            x += width;
        }
        Self { entries: placed, height: y + LEGEND_LINE }
    }

    pub fn draw(self, paper: &Paper<'_>, top: i32) -> Result<(), PlotError> {
        for (mark, name, (x, y)) in self.entries {
            let middle = top + y + LEGEND_LINE / 2;
            match mark {
                Mark::Line(colour) => {
                    let path = PathElement::new([(x, middle), (x + SWATCH, middle)], colour.stroke_width(3));
                    paper.draw(&path).map_err(failed)?;
                }
                Mark::Area(colour, alpha) => {
                    let corners = [(x, middle - 7), (x + SWATCH, middle + 7)];
                    paper.draw(&Rectangle::new(corners, colour.mix(alpha).filled())).map_err(failed)?;
                }
            }
            text(paper, name, (x + SWATCH + 8, middle), font(TEXT_PIXELS, INK))?;
        }
        Ok(())
    }
}

/// Where a chart stands among those above and below it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Its times are those of a chart below.
    Above,
    Lowest,
}

/// White below a chart for its times.
pub(super) const TIMES_HEIGHT: u32 = 58;

/// Axes with their labels, lines across at round quantities, and a stronger one at zero.
pub(super) fn chart<'a, 'b>(
    paper: &'a Paper<'b>,
    times: &Times,
    numbers: &Numbers,
    quantity: &str,
    place: Place,
) -> Result<Chart<'a, 'b>, PlotError> {
    let ticks: Vec<i64> = times.ticks.iter().map(|(at, _)| *at).collect();
    let x = times.range.clone().with_key_points(ticks);
    let y = numbers.range.clone().with_key_points(numbers.ticks.clone());
    let labels_width = width_of(&"0".repeat(numbers.label_length()), TEXT_PIXELS) + 44;
    let below = if place == Place::Lowest { TIMES_HEIGHT } else { 8 };
    let mut chart = ChartBuilder::on(paper)
        .margin_left(8)
        .margin_right(RIGHT)
        .margin_top(MARGIN_TOP)
        .x_label_area_size(below)
        .y_label_area_size(labels_width.max(LABELS_WIDTH_MIN))
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    let in_time = |at: &i64| if place == Place::Lowest { times.label(*at) } else { String::new() };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .axis_style(SOFT_INK)
        .label_style(font(TEXT_PIXELS, INK))
        .axis_desc_style(font(TEXT_PIXELS, SOFT_INK))
        .x_label_formatter(&in_time)
        .y_label_formatter(&|units| numbers.label(*units))
        .x_desc(if place == Place::Lowest { times.shows.as_str() } else { "" })
        .y_desc(quantity)
        .draw()
        .map_err(failed)?;
    let zero = PathElement::new([(times.range.start, 0), (times.range.end, 0)], INK.stroke_width(1));
    chart.plotting_area().draw(&zero).map_err(failed)?;
    Ok(chart)
}

/// What a chart in a row of charts is of, above its axes.
pub(super) fn caption(paper: &Paper<'_>, said: &str) -> Result<(), PlotError> {
    line(paper, said, 12, TEXT_PIXELS, INK)
}

/// White above a chart: half of the highest label stands there, or a caption.
const MARGIN_TOP: u32 = 12;
pub(super) const CAPTION_HEIGHT: i32 = 20;

/// Charts below each other begin at the same place unless labels are very long.
const LABELS_WIDTH_MIN: i32 = 104;
