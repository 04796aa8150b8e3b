//! Mappings: what the columns of a file mean, written as TOML.

use super::rule::{Reasons, Rule};
use super::template::{Given, Template};
use super::time::{Ambiguous, Nonexistent, TimeFormat, Times};
use crate::domain::command::AliasKind;
use crate::domain::text::{ActorId, Source, Zone};
use crate::limits::DECIMALS_MAX;
use serde::{Deserialize, Deserializer};
use std::fmt;
use toml::Spanned;

/// What the columns of a file mean. `fixtures/mappings/template.toml` explains every key.
///
/// # Example
/// ```
/// use counterfoil::import::Mapping;
/// let mapping = Mapping::parse(r#"
///     name = "till"
///     actor = "import"
///     id.columns = ["Receipt", "Article", "$ordinal"]
///     item.code = "{Article}"
///     location.code = "SHOP"
///     quantity.value = "{Qty}"
///     [[rule]]
///     kind = "sale"
/// "#)?;
/// assert_eq!(mapping.name().as_str(), "till");
/// # Ok::<(), counterfoil::import::MappingError>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub(super) name: Source,
    pub(super) actor: ActorId,
    #[serde(default)]
    pub(super) file: FileLayout,
    pub(super) id: Names,
    pub(super) external_id: Option<Template>,
    pub(super) order: Option<Template>,
    pub(super) item: ItemField,
    pub(super) location: LocationField,
    pub(super) lot: Option<LotField>,
    pub(super) unit_cost: Option<CostField>,
    pub(super) time: Option<TimeField>,
    pub(super) quantity: QuantityField,
    pub(super) reason: Option<Reasons>,
    #[serde(rename = "rule")]
    pub(super) rules: Vec<Spanned<Rule>>,
    opening: Option<Box<Spanned<Mapping>>>,
}

/// How the file is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileLayout {
    #[serde(deserialize_with = "delimiter")]
    pub delimiter: u8,
    #[serde(deserialize_with = "encoding")]
    pub encoding: Option<&'static encoding_rs::Encoding>,
    pub trim: bool,
}

impl Default for FileLayout {
    fn default() -> Self {
        Self { delimiter: b',', encoding: None, trim: false }
    }
}

/// What names a line or command, for ever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    pub columns: Vec<String>,
    #[serde(default)]
    pub lines: LinesPer,
}

impl Names {
    /// Whether lines with the same names are counted.
    pub fn is_counted(&self) -> bool {
        self.lines == LinesPer::Together || self.columns.iter().any(|name| name == "$ordinal")
    }
}

/// How many lines of the file make one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LinesPer {
    /// Each line is a command.
    #[default]
    One,
    /// Lines with the same names that stand together are one.
    Together,
}

/// Which item a line is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemField {
    pub code: Template,
    #[serde(default, rename = "alias")]
    pub space: ItemAlias,
    #[serde(default)]
    pub unknown: Unknown,
    #[serde(default, deserialize_with = "decimals")]
    pub decimals: u8,
}

/// The name space of item codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ItemAlias {
    #[default]
    Sku,
    Barcode,
    Vendor,
}

impl From<ItemAlias> for AliasKind {
    fn from(space: ItemAlias) -> Self {
        match space {
            ItemAlias::Sku => Self::Sku,
            ItemAlias::Barcode => Self::Barcode,
            ItemAlias::Vendor => Self::Vendor,
        }
    }
}

/// What is done with a code that nothing has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unknown {
    /// The line is refused.
    #[default]
    Refuse,
    /// It is registered.
    Register,
}

/// Which location a line is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationField {
    pub code: Template,
    #[serde(default)]
    pub unknown: Unknown,
    pub zone: Option<Zone>,
}

/// Which lot a line is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LotField {
    pub code: Template,
    #[serde(default)]
    pub unknown: Unknown,
}

/// What one unit cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CostField {
    pub value: Template,
    pub currency: Template,
}

/// When a line happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeField {
    pub value: Template,
    pub format: TimeFormat,
    pub zone: Zone,
    #[serde(default)]
    pub ambiguous: Ambiguous,
    #[serde(default)]
    pub nonexistent: Nonexistent,
}

impl TimeField {
    pub fn times(&self) -> Times {
        Times {
            format: self.format.clone(),
            // A zone that was not known would not have been taken.
            zone: self.zone.as_str().parse().unwrap_or(chrono_tz::Tz::UTC),
            ambiguous: self.ambiguous,
            nonexistent: self.nonexistent,
        }
    }
}

/// How much.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantityField {
    pub value: Option<Template>,
    pub columns_starting_with: Option<String>,
    #[serde(default)]
    pub skip: Vec<String>,
    #[serde(default = "point", deserialize_with = "mark")]
    pub decimal_mark: char,
    #[serde(default, deserialize_with = "some_mark")]
    pub thousands_mark: Option<char>,
    #[serde(default)]
    pub extra_zeros: ExtraZeros,
}

/// What is done with zeros behind the last decimal place that the item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExtraZeros {
    /// The line is refused, as any quantity that is too fine.
    #[default]
    Refuse,
    /// They are dropped; other digits are not.
    Drop,
}

fn point() -> char {
    '.'
}

fn mark<'de, D: Deserializer<'de>>(deserializer: D) -> Result<char, D::Error> {
    let mark = char::deserialize(deserializer)?;
    match mark.is_ascii_digit() || mark == '-' {
        true => Err(serde::de::Error::custom("a digit or a minus can't be a mark")),
        false => Ok(mark),
    }
}

fn some_mark<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<char>, D::Error> {
    mark(deserializer).map(Some)
}

fn decimals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let decimals = u8::deserialize(deserializer)?;
    match decimals <= DECIMALS_MAX {
        true => Ok(decimals),
        false => Err(serde::de::Error::custom(format!("an item has at most {DECIMALS_MAX} decimals"))),
    }
}

fn delimiter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let delimiter = char::deserialize(deserializer)?;
    let usable = |byte: &u8| byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0);
    let byte = u8::try_from(delimiter).ok().filter(usable);
    byte.ok_or_else(|| serde::de::Error::custom("a delimiter is one ASCII character, such as , or ; or \\t"))
}

fn encoding<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static encoding_rs::Encoding>, D::Error> {
    let label = String::deserialize(deserializer)?;
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes());
    let unknown = || format!("{label:?} is not an encoding; there are utf-8, utf-16le, windows-1252, iso-8859-15, ...");
    encoding.map(Some).ok_or_else(|| serde::de::Error::custom(unknown()))
}

/// Why a mapping can't be used; the message names the line where it is about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError(String);

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl std::error::Error for MappingError {}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`MappingError`] with the line: not TOML, a key that is not known, a value that can't be, keys that don't go
    /// together.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mapping: Self = toml::from_str(text).map_err(|error| MappingError(error.to_string()))?;
        mapping.judge(text)?;
        let opening = mapping.opening();
        if opening.is_some_and(|opening| opening.name == mapping.name || opening.opening.is_some()) {
            let problem = "[opening] needs a name of its own, and no opening of its own: its ids rest on the name";
            return Err(MappingError(problem.to_owned()));
        }
        opening.map_or(Ok(()), |opening| opening.judge(text))?;
        Ok(mapping)
    }

    /// Its name: part of every command id that is derived, so another name makes other commands.
    #[must_use]
    pub fn name(&self) -> &Source {
        &self.name
    }

    /// The mapping of the file with opening balances, where it has one.
    #[must_use]
    pub fn opening(&self) -> Option<&Mapping> {
        self.opening.as_deref().map(Spanned::get_ref)
    }

    /// Whether it needs the time of the export to be given with the import.
    #[must_use]
    pub fn needs_at(&self) -> bool {
        let fields = [
            self.external_id.as_ref(),
            self.time.as_ref().map(|time| &time.value),
            self.quantity.value.as_ref(),
            self.reason.as_ref().map(|reasons| &reasons.text),
        ];
        let notes = self.rules.iter().map(|rule| rule.get_ref().note.as_ref());
        let mut templates = fields.into_iter().chain(notes).flatten().chain(self.of_the_line());
        templates.any(|template| template.uses(Given::At)) || self.id.columns.iter().any(|name| name == "$at")
    }

    /// The values that say what a line is about.
    fn of_the_line(&self) -> impl Iterator<Item = &Template> {
        let cost = self.unit_cost.as_ref();
        let values = [
            Some(&self.item.code),
            Some(&self.location.code),
            self.lot.as_ref().map(|lot| &lot.code),
            cost.map(|cost| &cost.value),
            cost.map(|cost| &cost.currency),
            self.order.as_ref(),
        ];
        values.into_iter().flatten()
    }

    fn judge(&self, text: &str) -> Result<(), MappingError> {
        let whole = |problem: &str| Err(MappingError(format!("in the mapping {:?}: {problem}", self.name.as_str())));
        if self.id.columns.is_empty() {
            return whole("id.columns names nothing; a line without a name can't be told from another one");
        }
        if let Some(problem) = self.id.columns.iter().filter(|name| name.starts_with('$')).find_map(|name| {
            Given::of(name).err().or((name == "$line").then(|| "a line's place is not a name: it may move".to_owned()))
        }) {
            return whole(&format!("id.columns: {problem}"));
        }
        let is_wide = match (&self.quantity.value, &self.quantity.columns_starting_with) {
            (Some(_), None) => false,
            (None, Some(_)) => true,
            _ => return whole("quantity has either `value` or `columns_starting_with`"),
        };
        if is_wide != self.id.columns.iter().any(|name| name == "$place") {
            return whole("id.columns needs \"$place\" where there are several quantity columns, and only there");
        }
        if self.of_the_line().any(|template| template.uses(Given::Ordinal)) {
            return whole("{$ordinal} can stand in external_id alone");
        }
        if let Some(missing) = self.external_id.as_ref().and_then(|template| self.unnamed_in(template)) {
            return whole(&format!(
                "external_id lacks {{{missing}}}: with it missing, two lines could have one external id"
            ));
        }
        if is_wide && self.id.is_counted() {
            return whole("several quantity columns exclude \"$ordinal\" and id.lines = \"together\"");
        }
        if Some(self.quantity.decimal_mark) == self.quantity.thousands_mark {
            return whole("quantity.decimal_mark and quantity.thousands_mark are the same");
        }
        if self.item.unknown == Unknown::Register && self.item.space != ItemAlias::Sku {
            return whole("item.unknown = \"register\" makes items by their SKU; with another alias, refuse them");
        }
        if self.location.unknown == Unknown::Register && self.location.zone.is_none() {
            return whole("location.unknown = \"register\" needs location.zone, such as \"Europe/London\"");
        }
        self.judge_rules(text)
    }

    /// A name of the lines that a template does not have.
    fn unnamed_in(&self, template: &Template) -> Option<&str> {
        let names = self.id.columns.iter().map(String::as_str);
        let counted = self.id.is_counted().then_some("$ordinal");
        names.chain(counted).find(|name| match Given::of(name) {
            Ok(given) => !template.uses(given),
            Err(_) => !template.names(name),
        })
    }

    fn judge_rules(&self, text: &str) -> Result<(), MappingError> {
        if self.rules.is_empty() {
            return Err(MappingError("a mapping needs at least one [[rule]]".to_owned()));
        }
        let mut takes_all = false;
        for rule in &self.rules {
            let problem = match takes_all {
                true => Some("the rule before has no `when`, so none behind it is ever reached"),
                false => rule.get_ref().problem(self),
            };
            if let Some(problem) = problem {
                let line = 1 + text.bytes().take(rule.span().start).filter(|byte| *byte == b'\n').count();
                return Err(MappingError(format!("line {line} of the mapping, [[rule]]: {problem}")));
            }
            takes_all = rule.get_ref().when.is_empty();
        }
        Ok(())
    }
}
