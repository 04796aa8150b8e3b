//! Reports: what moved, what went missing, what comes back, what lies still; as rows, from the log alone.
//!
//! A report reads the durable log once from its beginning (or, where it is about one item or a few kinds of events, the
//! events that the index lists) and keeps little of it: sums, and for figures that depend on counts 32 bytes per
//! movement. Where those would be more than [`REPORT_LINES_MAX`] the log is read several
//! times, each time for a part of the items.
//!
//! | report | what it is dated by |
//! | --- | --- |
//! | [`Reports::movement`], [`Reports::shrinkage`] | what is closed stays: something dated in a closed period counts from the beginning of the period that was open when it was recorded |
//! | [`Reports::returns`], [`Reports::turnover`], [`Reports::abc`], [`Reports::dead_stock`] | when it happened |
//! | [`Reports::ageing`] | how things stand |
//!
//! Dates are those that clocks at each location show, see [`Within`]. Every answer says which event it rests on.
//!
//! # Example
//! ```
//! use counterfoil::Ledger;
//! use counterfoil::domain::period::By;
//! use counterfoil::reports::{Cut, Per, Within};
//! # fn show(ledger: &Ledger) -> Result<(), counterfoil::reports::ReportError> {
//! let months = ledger.reports().movement(&Within::default(), Cut::Calendar(By::Month), Per::Item)?;
//! for row in months.value.rows() {
//!     println!("{:?} {}: {} → {}", row.about.sku, row.period.label, row.opening, row.closing);
//! }
//! # Ok(())
//! # }
//! ```
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod abc;
mod about;
mod ageing;
mod dead_stock;
mod error;
mod lines;
mod movement;
mod ratio;
mod read;
mod returns;
mod shrinkage;
mod turnover;
mod within;

pub use abc::{AbcBy, AbcClass, AbcRow, AbcThresholds};
pub use about::{About, Per};
pub use ageing::{AgeClass, AgeRow};
pub use dead_stock::DeadStockRow;
pub use error::ReportError;
pub use movement::{Cut, KindSum, Movement, MovementRow, Period, PeriodState};
pub use ratio::Ratio;
pub use returns::{ReturnsRow, Route};
pub use shrinkage::{Cost, ShrinkageRow};
pub use turnover::TurnoverRow;
pub use within::{Within, beginning};

use crate::index::IndexReader;
use crate::ledger::parts::Published;
use crate::ledger::{Clock, Ledger};
use crate::limits::REPORT_LINES_MAX;
use crate::log::StoreReader;
use std::sync::Arc;

/// Makes reports; made for a few of them and dropped.
pub struct Reports<'l> {
    published: &'l Published,
    index: &'l IndexReader,
    log: Arc<dyn StoreReader>,
    clock: &'l dyn Clock,
    lines_max: usize,
}

impl Ledger {
    /// Makes reports.
    #[must_use]
    pub fn reports(&self) -> Reports<'_> {
        let (published, index, clock) = self.readers();
        Reports::over(published, index, self.log(), clock)
    }
}

impl<'l> Reports<'l> {
    /// Reports over the parts of a ledger one by one, for a driver that is not ours: a simulation.
    #[must_use]
    pub fn over(
        published: &'l Published,
        index: &'l IndexReader,
        log: Arc<dyn StoreReader>,
        clock: &'l dyn Clock,
    ) -> Self {
        Self { published, index, log, clock, lines_max: REPORT_LINES_MAX }
    }

    /// Keeps about so many movements in memory at once, 32 bytes each, and reads the log more often instead. The
    /// movements of one item are never parted: where it has more, as many again may be kept beside them.
    #[must_use]
    pub fn holding_at_most(self, lines_max: usize) -> Self {
        Self { lines_max, ..self }
    }
}
