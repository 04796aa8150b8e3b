//! The header of a file: its columns, and whether it is a rejects file of an earlier import.

use super::records::Fields;
use std::fmt::Write;

/// Columns that a rejects file has in front of the source's own.
pub(super) const OWN_COLUMNS: [&str; 5] = ["$reason", "$id", "$ordinal", "$line", "$column"];

/// The columns of a source, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    names: Vec<String>,
    /// Where a rejects file keeps what an earlier import knew of the line.
    pub own: Option<OwnColumns>,
}

/// The places of the columns that a rejects file has beside the source's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnColumns {
    reason: usize,
    pub id: usize,
    pub ordinal: usize,
    pub line: usize,
    pub column: usize,
}

impl OwnColumns {
    /// The places of all of them.
    pub fn places(self) -> [usize; 5] {
        [self.reason, self.id, self.ordinal, self.line, self.column]
    }
}

impl Header {
    /// Reads the header record.
    pub fn read(fields: Fields<'_>) -> Result<Self, String> {
        let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        let place = |name: &str| names.iter().position(|other| other == name);
        let found = OWN_COLUMNS.map(place);
        let own = match found {
            [Some(reason), Some(id), Some(ordinal), Some(line), Some(column)] => {
                Some(OwnColumns { reason, id, ordinal, line, column })
            }
            [None, None, None, None, None] => None,
            _ => {
                return Err(format!(
                    "some of the columns {} of a rejects file are there and others are not; keep them all as they were",
                    OWN_COLUMNS.join(", ")
                ));
            }
        };
        Ok(Self { names, own })
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }

    /// Where a column is.
    pub fn place(&self, name: &str) -> Result<usize, String> {
        let mut places = self.names.iter().enumerate().filter(|(_, other)| *other == name).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(format!("the file has more than one column {name:?}; give each its own name")),
            (None, _) => Err(format!(
                "the file has no column {name:?}; it has {}; put the name right in the mapping, or export the column too",
                self.listed()
            )),
        }
    }

    /// Places and rests of the columns whose name begins so.
    pub fn starting_with(&self, start: &str) -> Vec<(usize, String)> {
        let rests = self.names.iter().enumerate();
        rests.filter_map(|(place, name)| Some((place, name.strip_prefix(start)?.trim().to_owned()))).collect()
    }

    /// The source's own columns, by place.
    pub fn source_columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.names.iter().enumerate();
        names.filter(|(_, name)| !OWN_COLUMNS.contains(&name.as_str())).map(|(place, name)| (place, name.as_str()))
    }

    fn listed(&self) -> String {
        let mut list = String::new();
        for name in self.names.iter().take(40) {
            let comma = if list.is_empty() { "" } else { ", " };
            let _ = write!(list, "{comma}{name:?}");
        }
        list
    }
}
