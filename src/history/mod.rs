//! Questions about the past: stock as of any moment, how a number came to be, what happened to whom.
//!
//! They are answered from the index and, for the events that are shown, the log; never by folding the log again. Every
//! answer says which event it rests on ([`Answer::seq`](crate::query::Answer)) and all of it is durable. What was
//! folded but not written as runs yet is asked in memory, so nothing is missing at the end; while the index is far
//! behind the log a question waits a moment and then says so ([`HistoryError::Behind`]). A question that meets a damaged
//! part of the index is asked again of the index that is built in its place from then on.
//!
//! Three moments can be meant by "stock on 31 December", see [`AsOf`].
//!
//! # Example
//! ```
//! use counterfoil::history::AsOf;
//! use counterfoil::{ItemId, Ledger, LocationId, Position, Timestamp};
//! # fn show(ledger: &Ledger, midnight: Timestamp) -> Result<(), counterfoil::history::HistoryError> {
//! let mugs = Position::new(ItemId(1), LocationId(1));
//! let known = ledger.history().stock(mugs, AsOf::Known(midnight))?;
//! let was = ledger.history().stock(mugs, AsOf::True(midnight))?;
//! println!("we thought {:?}, it was {:?}", known.value.physical, was.value.physical);
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("PAST.md")]
// A kind that a match forgets must not compile.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod as_of;
mod error;
mod events;
mod explain;
mod figures;
mod holds;
mod occurred;
mod said;

pub use as_of::{AsOf, DifferenceRow, PastRow};
pub use error::HistoryError;
pub use events::{EventFilter, EventPage};
pub use explain::{Cited, ExplainRow, Explanation, KindTotal, after_row};
pub use holds::HoldRow;
pub use occurred::{Buckets, OccurredRow, TrueExplanation};
pub use said::{SaidError, SaidMoment, SaidTime};

use crate::index::{IndexReader, Known};
use crate::ledger::Clock;
use crate::ledger::Ledger;
use crate::ledger::parts::Published;
use crate::log::StoreReader;
use std::sync::Arc;
use std::time::Duration;

/// How long a question waits for the newest events to be folded.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks about the past; made for a few questions and dropped.
pub struct History<'l> {
    published: &'l Published,
    index: &'l IndexReader,
    log: Arc<dyn StoreReader>,
    clock: &'l dyn Clock,
}

impl Ledger {
    /// Asks about the past.
    #[must_use]
    pub fn history(&self) -> History<'_> {
        let (published, index, clock) = self.readers();
        History::over(published, index, self.log(), clock)
    }
}

impl<'l> History<'l> {
    /// Asks the parts of a ledger one by one, for a driver that is not ours: a simulation. It answers what the follower
    /// was made to show, see [`Follower::show`](crate::ledger::parts::Follower::show).
    #[must_use]
    pub fn over(
        published: &'l Published,
        index: &'l IndexReader,
        log: Arc<dyn StoreReader>,
        clock: &'l dyn Clock,
    ) -> Self {
        Self { published, index, log, clock }
    }

    /// Asks; and where a part of the index turned out to be damaged, once more of the one that is built in its place.
    fn asked<T>(&self, question: impl Fn() -> Result<T, HistoryError>) -> Result<T, HistoryError> {
        match question() {
            Err(HistoryError::Index(error)) if error.is_damage() => question(),
            answered => answered,
        }
    }

    /// What is known of the events below a seq, and perhaps of a few more.
    fn known(&self, next_seq: u64) -> Result<Known, HistoryError> {
        let known = self.index.known_to(next_seq, PATIENCE);
        match known.next_seq() >= next_seq {
            true => Ok(known),
            false => Err(HistoryError::Behind { known: known.next_seq(), head: next_seq }),
        }
    }
}
