//! Pages: the best rows of a walk, kept in a heap no larger than the page.

use super::cursor::{Cursor, SortValue, Tie};
use crate::limits::{AGE_THRESHOLDS_MAX, CURSOR_BYTES_MAX, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;

/// How much of a list to answer, and from where.
///
/// # Example
/// ```
/// use counterfoil::domain::{ids::Timestamp, state::State};
/// use counterfoil::query::{self, ItemFilter, Order, Paging, EntitySort};
/// # let (state, now) = (State::default(), Timestamp(0));
/// let mut paging = Paging::first(500);
/// loop {
///     let order = Order::ascending(EntitySort::Name);
///     let page = query::items(&state, now, &ItemFilter::default(), order, &paging)?.value;
///     for item in &page.rows {
///         println!("{} {}", item.item, item.sku);
///     }
///     let Some(next) = page.next else { break };
///     paging = paging.starting_after(next);
/// }
/// # Ok::<(), query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// Rows at most: 1 to [`PAGE_ROWS_MAX`].
    pub rows: usize,
    /// The row after which the page starts: the `next` of the page before; the first page where absent.
    pub after: Option<Cursor>,
}

impl Default for Paging {
    fn default() -> Self {
        Self::first(PAGE_ROWS_DEFAULT)
    }
}

impl Paging {
    /// The first page, of at most this many rows.
    #[must_use]
    pub const fn first(rows: usize) -> Self {
        Self { rows, after: None }
    }

    /// The page after this cursor, of as many rows.
    #[must_use]
    pub fn starting_after(self, after: Cursor) -> Self {
        Self { after: Some(after), ..self }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// How many rows the whole list has, on every page of it.
    pub matched: u64,
    /// Where the next page starts; none after the last row.
    pub next: Option<Cursor>,
}

/// Which way a list is sorted. Rows with equal values always stand in ascending order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The smallest first.
    #[default]
    Ascending,
    /// The largest first.
    Descending,
}

/// What a list is sorted by, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Order<S> {
    /// By what.
    pub by: S,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

impl<S> Order<S> {
    /// The smallest first.
    #[must_use]
    pub const fn ascending(by: S) -> Self {
        Self { by, direction: Direction::Ascending }
    }

    /// The largest first.
    #[must_use]
    pub const fn descending(by: S) -> Self {
        Self { by, direction: Direction::Descending }
    }
}

/// Why a question can't be answered as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// A page of no rows, or of more than [`PAGE_ROWS_MAX`].
    PageRows {
        /// Rows asked for.
        given: usize,
    },
    /// The text is no cursor.
    CursorMalformed,
    /// The cursor comes from another list, sort or direction.
    CursorForeign {
        /// Where it comes from.
        given: String,
        /// Where it was used.
        wanted: String,
    },
    /// The thresholds of an ageing report don't ascend from above zero, or there are too many.
    AgeThresholds,
}

impl QueryError {
    /// The stable code: `LIMIT_EXCEEDED` or `INVALID_FIELD`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PageRows { .. } => "LIMIT_EXCEEDED",
            Self::CursorMalformed | Self::CursorForeign { .. } | Self::AgeThresholds => "INVALID_FIELD",
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageRows { given } => write!(f, "a page has 1 to {PAGE_ROWS_MAX} rows, not {given}"),
            Self::CursorMalformed => {
                write!(f, "this is not a cursor; take `next` of the page before, at most {CURSOR_BYTES_MAX} bytes")
            }
            Self::CursorForeign { given, wanted } => write!(f, "the cursor belongs to {given:?}, not to {wanted:?}"),
            Self::AgeThresholds => {
                write!(f, "thresholds must ascend from above zero, and be at most {AGE_THRESHOLDS_MAX}")
            }
        }
    }
}

impl std::error::Error for QueryError {}

/// The name of a list and how it is sorted: what a cursor is good for.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    pub(super) list: &'static str,
    pub(super) by: &'static str,
    pub(super) direction: Direction,
}

impl Listing {
    fn name(self) -> String {
        let direction = match self.direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        format!("{}.{}.{direction}", self.list, self.by)
    }
}

/// A sort value in its direction. All rows of one list have the same variant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'a> {
    Up(SortValue<'a>),
    Down(Reverse<SortValue<'a>>),
}

impl<'a> Rank<'a> {
    const fn of(value: SortValue<'a>, direction: Direction) -> Self {
        match direction {
            Direction::Ascending => Self::Up(value),
            Direction::Descending => Self::Down(Reverse(value)),
        }
    }

    const fn value(self) -> SortValue<'a> {
        match self {
            Self::Up(value) | Self::Down(Reverse(value)) => value,
        }
    }
}

struct Entry<'a, R> {
    key: (Rank<'a>, Tie),
    row: R,
}

impl<R> PartialEq for Entry<'_, R> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<R> Eq for Entry<'_, R> {}

impl<R> PartialOrd for Entry<'_, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Entry<'_, R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// Takes the rows of a walk in any order and keeps those of one page.
pub(super) struct Picker<'a, R> {
    listing: Listing,
    after: Option<(Rank<'a>, Tie)>,
    rows: usize,
    /// The best so far, the worst of them on top; one more than the page, to know whether another page follows.
    best: BinaryHeap<Entry<'a, R>>,
    matched: u64,
}

impl<'a, R> Picker<'a, R> {
    pub(super) fn new(listing: Listing, paging: &'a Paging) -> Result<Self, QueryError> {
        if !(1..=PAGE_ROWS_MAX).contains(&paging.rows) {
            return Err(QueryError::PageRows { given: paging.rows });
        }
        if let Some(cursor) = &paging.after {
            let wanted = listing.name();
            if cursor.list() != wanted {
                return Err(QueryError::CursorForeign { given: cursor.list().to_owned(), wanted });
            }
        }
        let after = paging.after.as_ref().map(|cursor| (Rank::of(cursor.value(), listing.direction), cursor.tie()));
        Ok(Self { listing, after, rows: paging.rows, best: BinaryHeap::new(), matched: 0 })
    }

    /// One row of the list.
    pub(super) fn offer(&mut self, value: SortValue<'a>, tie: Tie, row: R) {
        self.matched += 1;
        let key = (Rank::of(value, self.listing.direction), tie);
        if self.after.as_ref().is_some_and(|after| key <= *after) {
            return;
        }
        if self.best.len() <= self.rows {
            self.best.push(Entry { key, row });
        } else if let Some(mut worst) = self.best.peek_mut()
            && key < worst.key
        {
            *worst = Entry { key, row };
        }
    }

    /// The page, with each row made from what was kept of it.
    pub(super) fn page<T>(self, make: impl FnMut(R) -> T) -> Page<T> {
        let mut entries = self.best.into_sorted_vec();
        let more = entries.len() > self.rows;
        entries.truncate(self.rows);
        let last = entries.last().filter(|_| more).map(|entry| entry.key);
        let next = last.map(|(rank, tie)| Cursor::new(self.listing.name(), rank.value(), tie));
        let rows = entries.into_iter().map(|entry| entry.row).map(make).collect();
        Page { rows, matched: self.matched, next }
    }
}
