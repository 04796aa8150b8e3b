//! Stock that lies still.

use super::about::Key;
use super::read::lists_of_item;
use super::{About, Per, ReportError, Reports, Within};
use crate::domain::account::{Account, Place, for_each_posting};
use crate::domain::ids::{ItemId, Timestamp};
use crate::domain::period::for_each_entry;
use crate::domain::state::State;
use crate::query::Answer;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

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
    /// Whole days since something last left, or first came where nothing ever left.
    pub days: i64,
}

const DAY_MICROS: i64 = 86_400_000_000;

#[derive(Clone, Copy, Default)]
struct Seen {
    first: Option<Timestamp>,
    last_in: Option<Timestamp>,
    last_out: Option<Timestamp>,
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
    /// Stock of which nothing has left for so many days, the longest first. What has never left counts from the day on
    /// which the first of it came or was counted. The span of the report is not asked for: it is about now.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn dead_stock(&self, within: &Within, days: u32, per: Per) -> Result<Answer<Vec<DeadStockRow>>, ReportError> {
        let now = Within { from: None, until: None, ..*within };
        let (basis, (there, items)) = self.basis(&now, |state, _| physical(state, &now, per))?;
        let mut seen = FxHashMap::<Key, Seen>::default();
        self.each(&basis, &lists_of_item(within.item, &[]), |seq, event| {
            let at = event.envelope.moment().at();
            for_each_entry(seq, event, |position, _, _| {
                if let Some(key) = Some(per.key(position)).filter(|key| now.admits(position) && there.contains_key(key))
                {
                    let first = &mut seen.entry(key).or_default().first;
                    *first = Some(first.map_or(at, |first| first.min(at)));
                }
            });
            for_each_posting(event, |posting| {
                let mut touch = |place: Place, put: fn(&mut Seen, Timestamp)| {
                    if let Place::Bucket(position, _) = place
                        && let Some(seen) = seen.get_mut(&per.key(position)).filter(|_| now.admits(position))
                    {
                        put(seen, at);
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
        })?;
        let decimals = self.common_decimals(items)?;
        let still = there.into_iter().filter_map(|(key, physical)| {
            let Seen { first, last_in, last_out } = seen.get(&key).copied()?;
            let days = basis.as_of.0.saturating_sub(last_out.or(first)?.0) / DAY_MICROS;
            Some((key, decimals, (physical, last_out, last_in, days)))
        });
        let still = still.filter(|(_, _, (.., still))| *still >= i64::from(days));
        let rows = self.name(still.collect()).into_iter();
        let mut rows: Vec<DeadStockRow> = rows
            .map(|(about, (physical, last_out, last_in, days))| DeadStockRow {
                about,
                physical,
                last_out,
                last_in,
                days,
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.days));
        Ok(basis.answer(rows))
    }
}
