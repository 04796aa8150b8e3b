//! Accounting periods: the past of a location, closed up to an instant.
//!
//! The event that closes one keeps the local date that somebody named *and* the instant that this meant then, so that
//! a later time zone database changes nothing. Nothing here needs more than the log, and no figure of a closed period
//! ever changes: what is recorded later and dated in it stands in the period that is open then.

mod calendar;
mod close;
mod closes;
mod figures;
mod until;

pub use calendar::{By, Calendar, Span};
pub(super) use close::count_in_closed_period;
pub use close::{ClosePeriod, PeriodClosed};
pub use closes::{Close, Closes, Filed, filed_at, period_of};
pub use figures::{Entry, Figures, Rank, Running, What, figures, for_each_entry};
pub use until::{Until, UntilError, by_clock};
