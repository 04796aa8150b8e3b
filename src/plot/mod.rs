//! Plots as SVG: plain series of figures in, the text of a picture out.
//!
//! Nothing here knows a ledger, a clock or a file. The same figures give the same bytes. Text is text in the picture, so
//! no font is needed to draw it; names are escaped. Colours are those of Okabe and Ito, which people who see colours
//! differently can tell apart too.
//!
//! # Example
//! ```
//! use counterfoil::Timestamp;
//! use counterfoil::plot::{Panel, Step, StepLine, StockPlot};
//! let step = |at, units| Step { at: Timestamp(at), units };
//! let physical = StepLine { name: "physical".to_owned(), steps: vec![step(0, 12), step(3_600_000_000, 7)] };
//! let plot = StockPlot {
//!     title: "MUG-BLUE".to_owned(),
//!     note: "as it was known".to_owned(),
//!     zone: chrono_tz::Europe::London,
//!     until: Timestamp(7_200_000_000),
//!     below_zero: "oversold".to_owned(),
//!     panels: vec![Panel { name: "SHOP".to_owned(), decimals: 0, lines: vec![physical] }],
//! };
//! assert!(plot.svg()?.starts_with("<svg"));
//! # Ok::<(), counterfoil::plot::PlotError>(())
//! ```

mod bars;
mod canvas;
mod numbers;
mod steps;
mod thin;
mod times;

#[cfg(test)]
mod tests;

pub use bars::{Flow, FlowPeriod, MovementPlot};
pub use steps::{Panel, Step, StepLine, StockPlot};
pub use thin::thinned;

use std::fmt;

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlotError {
    /// There is nothing to draw.
    Empty,
    /// The drawing itself failed.
    Drawing(String),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing to plot: nothing was recorded there in that time"),
            Self::Drawing(why) => write!(f, "the plot can't be drawn: {why}"),
        }
    }
}

impl std::error::Error for PlotError {}
