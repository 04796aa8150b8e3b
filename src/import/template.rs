//! Values of a mapping: text with the fields of a record put in.

use super::header::Header;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A text in which `{Column}` stands for a record's field, and `{{` for a brace.
///
/// `{$ordinal}`, `{$line}`, `{$at}` and `{$place}` stand for what the importer knows of the line: how many lines
/// with the same names came so far, its place in the file, the time given with the import, and what follows the
/// beginning of the quantity column's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
    Given(Given),
}

/// What the importer itself knows of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// How many lines with the same names came so far, this one included.
    Ordinal,
    /// The line of the source file.
    Line,
    /// The time given with the import.
    At,
    /// What follows the beginning of the quantity column's name.
    Place,
}

impl Given {
    pub(super) fn of(name: &str) -> Result<Self, String> {
        match name {
            "$ordinal" => Ok(Self::Ordinal),
            "$line" => Ok(Self::Line),
            "$at" => Ok(Self::At),
            "$place" => Ok(Self::Place),
            _ => Err(format!("{name:?} is not known; there are $ordinal, $line, $at and $place")),
        }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace without its other half, an empty name, or a `$` name that is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = behind.strip_prefix("{{").or_else(|| behind.strip_prefix("}}")) {
                plain.push_str(&behind[..1]);
                rest = after;
                continue;
            }
            let name = behind.strip_prefix('{').and_then(|behind| behind.split_once('}'));
            let Some((name, after)) = name.filter(|(name, _)| !name.is_empty()) else {
                return Err(format!("a brace stands alone in {text:?}; a column is written {{Name}}, a brace {{{{"));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(match name.starts_with('$') {
                true => Piece::Given(Given::of(name)?),
                false => Piece::Column(name.to_owned()),
            });
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Whether it names what the importer knows.
    pub(super) fn uses(&self, given: Given) -> bool {
        self.0.contains(&Piece::Given(given))
    }

    /// Whether it has this column.
    pub(super) fn names(&self, column: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Column(name) if name == column))
    }

    /// The same with the places of its columns.
    pub(super) fn bind(&self, header: &Header) -> Result<Bound, String> {
        let pieces = self.0.iter().map(|piece| {
            Ok(match piece {
                Piece::Text(text) => BoundPiece::Text(text.as_str().into()),
                Piece::Column(name) => BoundPiece::Column(header.place(name)?),
                Piece::Given(given) => BoundPiece::Given(*given),
            })
        });
        Ok(Bound { pieces: pieces.collect::<Result<_, String>>()?, shown: self.to_string() })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Column(name) => write!(f, "{{{name}}}")?,
                Piece::Given(given) => write!(f, "{{${}}}", format!("{given:?}").to_lowercase())?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A template whose columns are places in the record.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pieces: Vec<BoundPiece>,
    /// How the mapping writes it, for messages.
    pub shown: String,
}

#[derive(Clone, Debug)]
enum BoundPiece {
    Text(Box<str>),
    Column(usize),
    Given(Given),
}

/// One line as templates and conditions see it.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub fields: super::records::Fields<'a>,
    pub ordinal: u32,
    pub line: u64,
    pub at: &'a str,
    pub place: &'a str,
}

impl Bound {
    /// The template of one column.
    pub fn column(place: usize, header: &Header) -> Self {
        Self { pieces: vec![BoundPiece::Column(place)], shown: format!("{{{}}}", header.name(place)) }
    }

    /// The value for a line; borrowed where nothing has to be put together.
    pub fn value<'a>(&'a self, row: &Row<'a>) -> Cow<'a, str> {
        match self.pieces.as_slice() {
            [] => Cow::Borrowed(""),
            [one] => one.value(row),
            many => {
                let mut text = String::with_capacity(32);
                for piece in many {
                    text.push_str(&piece.value(row));
                }
                Cow::Owned(text)
            }
        }
    }
}

impl BoundPiece {
    fn value<'a>(&'a self, row: &Row<'a>) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Column(place) => Cow::Borrowed(row.fields.get(*place)),
            Self::Given(Given::Ordinal) => Cow::Owned(row.ordinal.to_string()),
            Self::Given(Given::Line) => Cow::Owned(row.line.to_string()),
            Self::Given(Given::At) => Cow::Borrowed(row.at),
            Self::Given(Given::Place) => Cow::Borrowed(row.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_braces_are_told_apart() {
        let pieces = |text: &str| Template::parse(text).map(|template| template.0);
        let column = |name: &str| Piece::Column(name.to_owned());
        let plain = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces("SHOP"), Ok(vec![plain("SHOP")]));
        assert_eq!(pieces(""), Ok(vec![]));
        assert_eq!(pieces("{On hand (current)}"), Ok(vec![column("On hand (current)")]));
        assert_eq!(
            pieces("a{B}/{$ordinal}"),
            Ok(vec![plain("a"), column("B"), plain("/"), Piece::Given(Given::Ordinal)])
        );
        assert_eq!(pieces("{{x}}"), Ok(vec![plain("{x}")]));
        for broken in ["{", "}", "{A", "A}", "{}", "{$nobody}", "{A}}"] {
            assert!(pieces(broken).is_err(), "{broken}");
        }
    }
}
