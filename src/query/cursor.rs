//! Cursors: the key of a page's last row, from which the next page goes on.

use super::page::QueryError;
use crate::limits::CURSOR_BYTES_MAX;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What tells rows with the same sort value apart: together with it the key of a row.
pub(super) type Tie = [u64; 3];

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortValue<'a> {
    /// A figure, an id or an instant.
    Number(i64),
    /// A name, compared byte for byte.
    Text(&'a str),
}

/// Where a page ended: the key of its last row.
///
/// It names a key, not a place, so that rows that come or go between two pages neither repeat nor hide others:
/// a row is visited exactly once as long as its own key stays. (Sorted by a figure that changes, a row may move
/// across the cursor; sort by sku, item, location or seq to visit everything.) A cursor is good for the list,
/// the sort and the direction that made it, in this and every later run of the ledger.
///
/// As text it reads `list.sort.direction~1.2.3~value`; callers should not take it apart.
///
/// # Example
/// ```
/// use counterfoil::query::Cursor;
/// let cursor: Cursor = "stock.sku.ascending~4.1.0~tTEA-50".parse()?;
/// assert_eq!(cursor.to_string(), "stock.sku.ascending~4.1.0~tTEA-50");
/// assert!("somewhere".parse::<Cursor>().is_err());
/// # Ok::<(), counterfoil::query::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    list: String,
    tie: Tie,
    value: CursorValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum CursorValue {
    Number(i64),
    Text(String),
}

impl Cursor {
    pub(super) fn new(list: String, value: SortValue<'_>, tie: Tie) -> Self {
        let value = match value {
            SortValue::Number(number) => CursorValue::Number(number),
            SortValue::Text(text) => CursorValue::Text(text.to_owned()),
        };
        Self { list, tie, value }
    }

    /// A place in a list of events by seq.
    pub(crate) fn at_seq(list: String, seq: u64) -> Self {
        Self { list, tie: [seq, 0, 0], value: CursorValue::Number(0) }
    }

    /// The seq of a cursor that [`at_seq`](Self::at_seq) made for this list.
    pub(crate) fn seq_of(&self, list: &str) -> Result<u64, QueryError> {
        match self.list == list {
            true => Ok(self.tie[0]),
            false => Err(QueryError::CursorForeign { given: self.list.clone(), wanted: list.to_owned() }),
        }
    }

    /// The list, sort and direction that made it.
    pub(super) fn list(&self) -> &str {
        &self.list
    }

    pub(super) const fn tie(&self) -> Tie {
        self.tie
    }

    pub(super) fn value(&self) -> SortValue<'_> {
        match &self.value {
            CursorValue::Number(number) => SortValue::Number(*number),
            CursorValue::Text(text) => SortValue::Text(text),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.tie;
        write!(f, "{}~{a}.{b}.{c}~", self.list)?;
        match &self.value {
            CursorValue::Number(number) => write!(f, "n{number}"),
            CursorValue::Text(text) => write!(f, "t{text}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        parse(text).ok_or(QueryError::CursorMalformed)
    }
}

fn parse(text: &str) -> Option<Cursor> {
    if text.len() > CURSOR_BYTES_MAX {
        return None;
    }
    // The value comes last because an alias may itself hold a tilde.
    let (list, rest) = text.split_once('~')?;
    let (tie, value) = rest.split_once('~')?;
    let mut numbers = tie.split('.').map(|number| number.parse::<u64>().ok());
    let tie = [numbers.next()??, numbers.next()??, numbers.next()??];
    let value = match (value.strip_prefix('n'), value.strip_prefix('t')) {
        (Some(number), _) => CursorValue::Number(number.parse().ok()?),
        (_, Some(text)) => CursorValue::Text(text.to_owned()),
        _ => return None,
    };
    numbers.next().is_none().then(|| Cursor { list: list.to_owned(), tie, value })
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
