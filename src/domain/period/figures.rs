//! The figures of one bucket, period by period.

use super::{Close, filed_at};
use crate::domain::account::{Place, for_each_posting};
use crate::domain::event::{Body, Counted, Event};
use crate::domain::ids::{Moment, Position, Seq, Timestamp};
use crate::domain::line::Bucket;

/// What one line of an event says of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event.
    pub seq: Seq,
    /// What it is ordered by.
    pub at: Moment,
    /// What it says.
    pub what: What,
}

/// What a line says of a bucket, in smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Goods came (positive) or left.
    Moved(i64),
    /// So much was counted.
    Counted(i64),
}

/// Where an entry stands among those of its bucket: they make its figures in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    filed: Timestamp,
    at: Moment,
    is_dated_count: bool,
    seq: Seq,
}

impl Entry {
    /// Its rank, filed at this instant (see [`filed_at`]); filed where it is dated, entries stand in order of their
    /// own moments, which gives what was true instead of what was reported.
    ///
    /// What a caller dated stands before the counts of its instant; what was merely recorded stands where it was.
    #[must_use]
    pub fn rank(&self, filed: Timestamp) -> Rank {
        let is_count = matches!(self.what, What::Counted(_));
        Rank { filed, at: self.at, is_dated_count: is_count && !self.at.is_recorded(), seq: self.seq }
    }
}

/// What is in a bucket, entry by entry in order of their ranks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Running {
    quantity: i128,
    /// The last count in order.
    anchor: Option<(Moment, Seq)>,
}

impl Running {
    /// What is in the bucket.
    #[must_use]
    pub const fn quantity(&self) -> i128 {
        self.quantity
    }

    /// Takes the next entry, and gives what it puts right: a count what differs from what should have been there, a
    /// movement that a count has settled already its opposite, any other movement nothing.
    pub fn take(&mut self, entry: &Entry) -> i128 {
        match entry.what {
            What::Moved(delta) if self.is_settled(entry) => -i128::from(delta),
            What::Moved(delta) => {
                self.quantity += i128::from(delta);
                0
            }
            What::Counted(_) if self.anchor > Some((entry.at, entry.seq)) => 0,
            What::Counted(figure) => {
                self.anchor = Some((entry.at, entry.seq));
                i128::from(figure) - std::mem::replace(&mut self.quantity, i128::from(figure))
            }
        }
    }

    fn is_settled(&self, entry: &Entry) -> bool {
        self.anchor.is_some_and(|(at, seq)| entry.at < at || (entry.at == at && !(at.is_recorded() && entry.seq > seq)))
    }
}

/// Calls `put` for everything that an event says of buckets, in the order of its lines.
pub fn for_each_entry(seq: Seq, event: &Event, mut put: impl FnMut(Position, Bucket, Entry)) {
    let at = event.envelope.moment();
    for_each_posting(event, |posting| {
        let ends = [(posting.from, posting.quantity.saturating_neg()), (posting.to, posting.quantity)];
        for (place, delta) in ends {
            if let Place::Bucket(position, bucket) = place {
                put(position, bucket, Entry { seq, at, what: What::Moved(delta) });
            }
        }
    });
    if let Body::Counted(Counted { lines }) = &event.body {
        for line in lines {
            put(line.position, line.bucket, Entry { seq, at, what: What::Counted(line.counted.0) });
        }
    }
}

/// The figures of one bucket in one period, in smallest units: `opening + moved + restated + variance = closing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Figures {
    /// What the period before closed with; zero in the first one.
    pub opening: i128,
    /// The sum of the movements that are dated in it.
    pub moved: i128,
    /// The sum of the movements recorded in it that are dated in an earlier, closed one.
    pub restated: i128,
    /// What counts put right, less what of `restated` a count had settled already.
    pub variance: i128,
    /// What was there at its end, as it was known when it was closed.
    pub closing: i128,
}

/// The figures of each period of a bucket, the open one last: its closing is what is there now.
///
/// `entries` are those of the bucket in the order of the log, `closes` those of its location. The figures of a closed
/// period rest on what was recorded before its close and on nothing else, so whatever comes later leaves them as they
/// are. Sorts the entries once.
#[must_use]
pub fn figures(closes: &[Close], entries: &[Entry]) -> Vec<Figures> {
    let mut periods = vec![Figures::default(); closes.len() + 1];
    let filed = entries.iter().map(|entry| (filed_at(closes, entry.seq, entry.at.at()), entry));
    let mut filed: Vec<(Timestamp, &Entry)> = filed.collect();
    filed.sort_by_key(|(filed, entry)| entry.rank(*filed));
    let mut running = Running::default();
    for (filed, entry) in filed {
        let index = closes.partition_point(|close| close.closed_until <= filed);
        let Some(period) = periods.get_mut(index) else { continue };
        period.variance += running.take(entry);
        match entry.what {
            What::Moved(delta) if entry.at.at() < filed => period.restated += i128::from(delta),
            What::Moved(delta) => period.moved += i128::from(delta),
            What::Counted(_) => {}
        }
    }
    let mut opening = 0;
    for period in &mut periods {
        period.opening = opening;
        period.closing = opening + period.moved + period.restated + period.variance;
        opening = period.closing;
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::period::{Filed, period_of};

    fn close(seq: u64, end: i64) -> Close {
        let until = "2026-01-31".parse().expect("a date");
        Close { seq: Seq(seq), until, closed_until: Timestamp(end) }
    }

    fn moved(seq: u64, at: i64, delta: i64) -> Entry {
        Entry { seq: Seq(seq), at: Moment::of(Some(Timestamp(at)), Timestamp(0)), what: What::Moved(delta) }
    }

    fn counted(seq: u64, at: i64, figure: i64) -> Entry {
        Entry { what: What::Counted(figure), ..moved(seq, at, 0) }
    }

    const fn of(opening: i128, moved: i128, restated: i128, variance: i128, closing: i128) -> Figures {
        Figures { opening, moved, restated, variance, closing }
    }

    const CLOSED: Figures = of(0, 10, 0, -2, 8);

    /// Ten came, eight were counted, the period up to 10 was closed by event 3; then this.
    fn after_the_close(late: &[Entry]) -> Vec<Figures> {
        let entries = [&[moved(1, 1, 10), counted(2, 5, 8)], late].concat();
        figures(&[close(3, 10)], &entries)
    }

    #[test]
    fn a_late_fact_behind_the_count_changes_stock_in_the_open_period() {
        assert_eq!(after_the_close(&[moved(4, 7, -1)]), [CLOSED, of(8, 0, -1, 0, 7)]);
    }

    #[test]
    fn a_late_fact_before_the_count_is_restated_and_compensated_in_the_open_period() {
        assert_eq!(after_the_close(&[moved(4, 3, -1)]), [CLOSED, of(8, 0, -1, 1, 8)]);
        // At the count's own instant it is before it.
        assert_eq!(after_the_close(&[moved(4, 5, -1)]), [CLOSED, of(8, 0, -1, 1, 8)]);
    }

    #[test]
    fn a_late_fact_before_a_count_of_the_open_period_changes_that_counts_variance() {
        assert_eq!(after_the_close(&[counted(4, 15, 6)]), [CLOSED, of(8, 0, 0, -2, 6)]);
        assert_eq!(after_the_close(&[counted(4, 15, 6), moved(5, 7, -1)]), [CLOSED, of(8, 0, -1, -1, 6)]);
        assert_eq!(after_the_close(&[moved(4, 7, -1), counted(5, 15, 6)]), [CLOSED, of(8, 0, -1, -1, 6)]);
    }

    #[test]
    fn what_is_dated_at_the_end_of_a_period_is_in_the_next() {
        assert_eq!(after_the_close(&[moved(4, 10, -1)]), [CLOSED, of(8, -1, 0, 0, 7)]);
        assert_eq!(after_the_close(&[counted(4, 10, 5)]), [CLOSED, of(8, 0, 0, -3, 5)]);
    }

    #[test]
    fn what_was_recorded_before_a_close_and_dated_after_its_end_is_in_the_next() {
        let entries = [moved(1, 1, 10), moved(2, 12, -1), counted(3, 13, 20)];
        assert_eq!(figures(&[close(4, 10)], &entries), [of(0, 10, 0, 0, 10), of(10, -1, 0, 11, 20)]);
    }

    #[test]
    fn a_restatement_stays_in_the_period_that_was_open_when_it_was_recorded() {
        let entries = [moved(1, 1, 10), moved(3, 2, 5), moved(5, 3, 7), moved(6, 12, 1)];
        let closes = [close(2, 10), close(4, 20)];
        assert_eq!(figures(&closes, &entries), [of(0, 10, 0, 0, 10), of(10, 0, 5, 0, 15), of(15, 0, 8, 0, 23)]);
        let filed = |seq, at| period_of(&closes, Seq(seq), Timestamp(at));
        assert_eq!(filed(1, 1), Filed { period: 0, restates: None });
        assert_eq!(filed(1, 25), Filed { period: 2, restates: None });
        assert_eq!(filed(3, 9), Filed { period: 1, restates: Some(0) });
        assert_eq!(filed(3, 10), Filed { period: 1, restates: None });
        assert_eq!(filed(5, 3), Filed { period: 2, restates: Some(0) });
        assert_eq!(filed(6, 12), Filed { period: 2, restates: Some(1) });
        assert_eq!(filed(6, 20), Filed { period: 2, restates: None });
    }
}
