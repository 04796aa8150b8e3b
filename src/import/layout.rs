//! A mapping and a file's header brought together: every column by its place.

use super::cost::Cost;
use super::header::Header;
use super::mapping::{ExtraZeros, LinesPer, Mapping, Unknown};
use super::rule::{BoundRule, Reasons};
use super::template::{Bound, Given, Row, Template};
use super::time::Times;
use crate::domain::command::AliasKind;
use crate::domain::quantity::{Quantity, QuantityError};
use std::borrow::Cow;

/// What the columns of one file mean.
pub(super) struct Layout {
    pub header: Header,
    pub names: Vec<NamePart>,
    pub lines: LinesPer,
    pub item: CodeField,
    pub location: CodeField,
    pub lot: Option<LotCode>,
    pub unit_cost: Option<Cost>,
    /// Decimals of items that are registered.
    pub decimals: u8,
    pub quantities: Vec<QuantityColumn>,
    pub skip: Vec<String>,
    pub marks: Marks,
    pub time: Option<(Bound, Times)>,
    pub order: Option<Bound>,
    pub external_id: Option<Bound>,
    pub rules: Vec<BoundRule>,
    pub reasons: Option<(Reasons, Bound)>,
    pub trim: bool,
}

/// One of the names of a line.
pub(super) enum NamePart {
    Column(usize),
    Given(Given),
}

/// Where a code stands, its name space, and what is done where nothing has it.
pub(super) struct CodeField {
    pub code: Bound,
    pub space: AliasKind,
    pub unknown: Unknown,
}

/// Where a lot's code stands, and what is done where the item has none with it.
pub(super) struct LotCode {
    pub code: Bound,
    pub unknown: Unknown,
}

/// Where a quantity stands; several where each location has a column.
pub(super) struct QuantityColumn {
    pub value: Bound,
    /// The column, where there are several.
    pub column: Option<usize>,
    /// What follows the beginning of its name.
    pub place: String,
}

/// How quantities are written.
pub(super) struct Marks {
    pub decimal: char,
    pub thousands: Option<char>,
    pub extra_zeros: ExtraZeros,
}

impl Layout {
    /// Finds every column that the mapping names.
    ///
    /// # Errors
    /// The first column that is not there, or is there twice.
    pub fn new(mapping: &Mapping, header: Header) -> Result<Self, String> {
        let bind = |template: &Template| template.bind(&header);
        let maybe = |template: &Option<Template>| template.as_ref().map(bind).transpose();
        let names = mapping.id.columns.iter().filter(|name| *name != "$ordinal");
        let names = names.map(|name| match name.starts_with('$') {
            true => Given::of(name).map(NamePart::Given),
            false => header.place(name).map(NamePart::Column),
        });
        let time = mapping.time.as_ref().map(|time| Ok::<_, String>((bind(&time.value)?, time.times())));
        let reasons = mapping.reason.as_ref().map(|reasons| Ok::<_, String>((reasons.clone(), bind(&reasons.text)?)));
        let lot =
            mapping.lot.as_ref().map(|lot| Ok::<_, String>(LotCode { code: bind(&lot.code)?, unknown: lot.unknown }));
        let rules = mapping.rules.iter().map(|rule| BoundRule::new(rule.get_ref(), &header));
        Ok(Self {
            names: names.collect::<Result<_, _>>()?,
            lines: mapping.id.lines,
            item: CodeField {
                code: bind(&mapping.item.code)?,
                space: mapping.item.space.into(),
                unknown: mapping.item.unknown,
            },
            location: CodeField {
                code: bind(&mapping.location.code)?,
                space: AliasKind::Location,
                unknown: mapping.location.unknown,
            },
            lot: lot.transpose()?,
            unit_cost: mapping.unit_cost.as_ref().map(|cost| Cost::new(cost, &header)).transpose()?,
            decimals: mapping.item.decimals,
            quantities: quantities(mapping, &header)?,
            skip: mapping.quantity.skip.clone(),
            marks: Marks {
                decimal: mapping.quantity.decimal_mark,
                thousands: mapping.quantity.thousands_mark,
                extra_zeros: mapping.quantity.extra_zeros,
            },
            time: time.transpose()?,
            order: maybe(&mapping.order)?,
            external_id: maybe(&mapping.external_id)?,
            rules: rules.collect::<Result<_, _>>()?,
            reasons: reasons.transpose()?,
            trim: mapping.file.trim,
            header,
        })
    }

    /// The names of a line, in the mapping's order.
    pub fn names_of<'a>(&'a self, row: &Row<'a>) -> impl Iterator<Item = &'a str> {
        let row = *row;
        self.names.iter().map(move |part| match part {
            NamePart::Column(place) => row.fields.get(*place),
            NamePart::Given(Given::At) => row.at,
            NamePart::Given(_) => row.place,
        })
    }
}

fn quantities(mapping: &Mapping, header: &Header) -> Result<Vec<QuantityColumn>, String> {
    if let Some(value) = &mapping.quantity.value {
        return Ok(vec![QuantityColumn { value: value.bind(header)?, column: None, place: String::new() }]);
    }
    let start = mapping.quantity.columns_starting_with.as_deref().unwrap_or_default();
    let found: Vec<_> = header.starting_with(start);
    if found.is_empty() {
        return Err(format!("the file has no column whose name begins with {start:?}"));
    }
    let column = |(column, place)| QuantityColumn { value: Bound::column(column, header), column: Some(column), place };
    Ok(found.into_iter().map(column).collect())
}

impl Marks {
    /// The quantity that a text means for an item with this many decimals: exact or refused, never rounded.
    pub fn quantity(&self, text: &str, decimals: u8) -> Result<Quantity, QuantityError> {
        let plain = self.plain(text)?;
        match (Quantity::parse(&plain, decimals), self.extra_zeros) {
            (Err(QuantityError::TooFine { .. }), ExtraZeros::Drop) => {
                Quantity::parse(without_extra_zeros(&plain, decimals), decimals)
            }
            (parsed, _) => parsed,
        }
    }

    /// The text with a point and no thousands marks.
    pub fn plain<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, QuantityError> {
        if self.decimal == '.' && self.thousands.is_none() {
            return Ok(Cow::Borrowed(text));
        }
        let (whole, fraction) = match text.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let mut plain = match self.thousands {
            None => whole.to_owned(),
            Some(mark) => without_thousands(whole, mark)?,
        };
        if let Some(at) = plain.find('.') {
            return Err(QuantityError::NotADigit { at });
        }
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        Ok(Cow::Owned(plain))
    }
}

/// The digits without marks, each of which must stand before three digits: `1,5` is no thousand.
fn without_thousands(whole: &str, mark: char) -> Result<String, QuantityError> {
    let mut end = 0;
    for (index, group) in whole.split(mark).enumerate() {
        let digits = group.trim_start_matches('-').len();
        let fits = if index == 0 { (1..=3).contains(&digits) || group.len() == whole.len() } else { group.len() == 3 };
        if !fits {
            return Err(QuantityError::NotADigit { at: end.max(1) - 1 });
        }
        end += group.len() + mark.len_utf8();
    }
    Ok(whole.replace(mark, ""))
}

fn without_extra_zeros(text: &str, decimals: u8) -> &str {
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let kept = fraction.trim_end_matches('0').len().max(usize::from(decimals));
    match kept {
        0 => whole,
        kept => text.get(..whole.len() + 1 + kept).unwrap_or(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(marks: &Marks, text: &str, decimals: u8) -> Option<i64> {
        marks.quantity(text, decimals).ok().map(|quantity| quantity.0)
    }

    #[test]
    fn quantities_are_exact_or_refused() {
        let marks = Marks { decimal: '.', thousands: None, extra_zeros: ExtraZeros::Refuse };
        for (text, expected) in [("5", Some(500)), ("-1.25", Some(-125)), ("1.70", Some(170))] {
            assert_eq!(read(&marks, text, 2), expected, "{text}");
        }
        for text in ["1e3", " 5", "5 ", "1.70000", "１２", "+5", "1,000", "", "NaN", "-0", "1.", "0x10"] {
            assert_eq!(read(&marks, text, 2), None, "{text}");
        }
    }

    #[test]
    fn extra_zeros_are_dropped_where_the_mapping_says_so() {
        let marks = Marks { decimal: '.', thousands: None, extra_zeros: ExtraZeros::Drop };
        let table = [("1.70000", 2, Some(170)), ("5.000", 0, Some(5)), ("1.705", 2, None), ("1.7001", 2, None)];
        for (text, decimals, expected) in table {
            assert_eq!(read(&marks, text, decimals), expected, "{text}");
        }
    }

    #[test]
    fn other_marks_are_read_strictly() {
        let marks = Marks { decimal: ',', thousands: Some('.'), extra_zeros: ExtraZeros::Refuse };
        let table = [
            ("1.234,5", Some(12_345)),
            ("-1.234.567", Some(-12_345_670)),
            ("1234,5", Some(12_345)),
            ("12,5", Some(125)),
            ("1.5", None),
            ("1.23,4", None),
            ("1,2.345", None),
            (".123", None),
        ];
        for (text, expected) in table {
            assert_eq!(read(&marks, text, 1), expected, "{text}");
        }
        let comma = Marks { decimal: ',', thousands: None, extra_zeros: ExtraZeros::Refuse };
        assert_eq!((read(&comma, "1,5", 1), read(&comma, "1.5", 1)), (Some(15), None));
    }
}
