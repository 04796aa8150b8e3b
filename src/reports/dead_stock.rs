//! Stock that lies still.

use super::about::Key;
use super::lines::{BucketLines, Reading};
use super::read::lists_of_item;
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::account::{Account, Place, for_each_posting};
use crate::domain::event::Event;
use crate::domain::ids::{ItemId, Seq, Timestamp};
use crate::domain::state::State;
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::cell::RefCell;

/// Stock that nobody wanted for a while, in smallest units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadStockRow {
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// What is there, sellable or not.
    pub physical: i128,
    /// When something last left for a customer or another location; none where nothing ever did.
    pub last_out: Option<Timestamp>,
    /// When something last came, from wherever; none where only counts say that it is there.
    pub last_in: Option<Timestamp>,
    /// Since when it lies there: the later of when something last left and when there last was something again after
    /// there was nothing; by when things happened, as it is known now.
    pub since: Timestamp,
    /// Whole days since then.
    pub days: i64,
}

const DAY_MICROS: i64 = 86_400_000_000;

/// What has been seen of a row.
#[derive(Default)]
struct Seen {
    last_in: Option<Timestamp>,
    last_out: Option<Timestamp>,
    /// What was there when something last left.
    left: i128,
    /// What came and went behind that, with when it did.
    changes: Vec<(Timestamp, i128)>,
}

impl Seen {
    /// Takes what one bucket says, once it is known when something last left.
    fn take(&mut self, bucket: BucketLines<'_>) {
        let (last_out, mut before) = (self.last_out, 0);
        let (mut left, changes) = (0, &mut self.changes);
        bucket.each_dated(|step| {
            match last_out {
                Some(out) if step.at.at() <= out => left = step.quantity,
                _ => changes.push((step.at.at(), step.quantity - before)),
            }
            before = step.quantity;
        });
        self.left += left;
    }

    /// Since when it lies there. What happens at one instant happens at once: goods that change their bucket never
    /// were gone.
    fn since(&mut self) -> Option<Timestamp> {
        let (mut since, mut quantity) = (self.last_out, self.left);
        self.changes.sort_unstable_by_key(|(at, _)| *at);
        for changes in self.changes.chunk_by(|(one, _), (next, _)| one == next) {
            let before = quantity;
            quantity += changes.iter().map(|(_, delta)| delta).sum::<i128>();
            if before <= 0 && quantity > 0 {
                since = changes.first().map(|(at, _)| *at);
            }
        }
        since
    }
}

fn physical(state: &State, within: &Within, per: Per) -> (FxHashMap<Key, i128>, FxHashSet<ItemId>) {
    let (mut sums, mut items) = (FxHashMap::<Key, i128>::default(), FxHashSet::default());
    for (position, entry) in state.positions().filter(|(position, _)| within.admits(**position)) {
        *sums.entry(per.key(*position)).or_default() += i128::from(entry.physical());
        if per == Per::Location && entry.physical() != 0 {
            items.insert(position.item);
        }
    }
    sums.retain(|_, physical| *physical > 0);
    (sums, items)
}

impl Reports<'_> {
    /// Stock of which nothing has left for so many days, the longest first. What came after there was nothing counts
    /// from the instant on at which there was something again, however long ago the last of it had left. The span of the
    /// report is not asked for: it is about now.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn dead_stock(&self, within: &Within, days: u32, per: Per) -> Result<Answer<Vec<DeadStockRow>>, ReportError> {
        let now = Within { from: None, until: None, ..*within };
        let (basis, (there, items)) = self.basis(&now, |state, _| physical(state, &now, per))?;
        let is_there = |position| now.admits(position) && there.contains_key(&per.key(position));
        // When something left is seen on the way, and known when the buckets are visited.
        let seen = RefCell::new(FxHashMap::<Key, Seen>::default());
        let see = |_: Seq, event: &Event, _: &Reading<'_>| {
            let at = event.envelope.moment().at();
            for_each_posting(event, |posting| {
                let touch = |place: Place, put: fn(&mut Seen, Timestamp)| {
                    if let Place::Bucket(position, _) = place
                        && is_there(position)
                    {
                        put(seen.borrow_mut().entry(per.key(position)).or_default(), at);
                    }
                };
                // What moves between the buckets neither comes nor leaves.
                match (posting.from, posting.to) {
                    (from, Place::Account(Account::Customer) | Place::Transit(..)) => {
                        touch(from, |seen, at| seen.last_out = seen.last_out.max(Some(at)));
                    }
                    (Place::Account(_) | Place::Transit(..), to) => {
                        touch(to, |seen, at| seen.last_in = seen.last_in.max(Some(at)));
                    }
                    _ => {}
                }
            });
        };
        let visit = |bucket: BucketLines<'_>| {
            seen.borrow_mut().entry(per.key(bucket.position)).or_default().take(bucket);
        };
        let lists = lists_of_item(within.item, &[]);
        self.each_bucket(&basis, &lists, is_there, see, visit)?;
        let (decimals, mut seen) = (self.common_decimals(items)?, seen.into_inner());
        let still = there.iter().filter_map(|(key, physical)| {
            let seen = seen.get_mut(key)?;
            let since = seen.since()?;
            let still = basis.as_of.0.saturating_sub(since.0) / DAY_MICROS;
            let row = (*physical, seen.last_out, seen.last_in, since, still);
            (still >= i64::from(days)).then_some((*key, decimals, row))
        });
        let rows = self.name(still.collect()).into_iter();
        let rows = rows.map(|(about, (physical, last_out, last_in, since, days))| DeadStockRow {
            about,
            physical,
            last_out,
            last_in,
            since,
            days,
        });
        let mut rows: Vec<DeadStockRow> = rows.collect();
        rows.sort_by_key(|row| row.since);
        Ok(basis.answer(rows))
    }
}
