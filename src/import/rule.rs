//! Rules: which kind of command a line becomes, and why it happened.

use super::header::Header;
use super::mapping::Mapping;
use super::template::{Bound, Row, Template};
use crate::domain::line::{Bucket, Disposition};
use crate::domain::quantity::{Quantity, QuantityError};
use crate::domain::text::ReasonCode;
use crate::limits::DECIMALS_MAX;
use serde::{Deserialize, Serialize};

/// What a line becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// A sale at the till.
    Sale,
    /// A return at the till.
    Return,
    /// Goods lost at the till.
    Waste,
    /// Stock found or lost, with a reason.
    Adjustment,
    /// Goods from a supplier.
    Receipt,
    /// A count.
    Count,
    /// Nothing.
    Ignore,
}

/// The first rule whose conditions all hold decides what a line becomes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub kind: RuleKind,
    #[serde(default)]
    pub when: Vec<Condition>,
    #[serde(default)]
    pub quantity: SignRule,
    #[serde(default)]
    pub bucket: Bucket,
    pub disposition: Option<Disposition>,
    pub reason: Option<ReasonCode>,
    pub note: Option<Template>,
}

impl Rule {
    /// What in it does not go together.
    pub fn problem(&self, mapping: &Mapping) -> Option<&'static str> {
        let kind = self.kind;
        if kind == RuleKind::Adjustment && self.reason.is_none() && mapping.reason.is_none() {
            return Some("an adjustment needs a reason: `reason` here, or the table [reason]");
        }
        if kind == RuleKind::Count && mapping.unit_cost.is_some() {
            return Some("a count keeps no cost: take [unit_cost] out, or import the costs with the receipts");
        }
        if self.disposition.is_some() && kind != RuleKind::Return {
            return Some("only returns have a `disposition`");
        }
        if self.bucket != Bucket::Sellable && kind == RuleKind::Return {
            return Some("a return's bucket follows from its `disposition`");
        }
        None
    }
}

/// How the file's sign becomes the command's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignRule {
    #[default]
    AsIs,
    Negated,
    Absolute,
}

impl SignRule {
    pub fn apply(self, quantity: Quantity) -> Quantity {
        match self {
            Self::AsIs => quantity,
            Self::Negated => Quantity(-quantity.0),
            Self::Absolute => Quantity(quantity.0.abs()),
        }
    }
}

/// One condition: something about a column, or the sign of the quantity.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "ConditionText")]
pub(super) enum Condition {
    Column(String, Test),
    Quantity(Sign),
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Equals(String),
    StartsWith(String),
    /// Sorted.
    In(Vec<String>),
    Empty(bool),
}

/// The sign of a quantity, as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sign {
    Negative,
    Zero,
    Positive,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionText {
    column: Option<String>,
    equals: Option<String>,
    starts_with: Option<String>,
    #[serde(rename = "in")]
    among: Option<Vec<String>>,
    empty: Option<bool>,
    quantity: Option<Sign>,
}

impl TryFrom<ConditionText> for Condition {
    type Error = &'static str;

    fn try_from(text: ConditionText) -> Result<Self, Self::Error> {
        let ConditionText { column, equals, starts_with, among, empty, quantity } = text;
        let mut tests = [
            equals.map(Test::Equals),
            starts_with.map(Test::StartsWith),
            among.map(|mut list| {
                list.sort_unstable();
                Test::In(list)
            }),
            empty.map(Test::Empty),
        ]
        .into_iter()
        .flatten();
        match (column, tests.next(), tests.next(), quantity) {
            (Some(column), Some(test), None, None) => Ok(Self::Column(column, test)),
            (None, None, None, Some(sign)) => Ok(Self::Quantity(sign)),
            _ => Err("a condition is a `column` with one of equals, starts_with, in, empty; or `quantity` alone"),
        }
    }
}

/// A rule whose columns are places in the record.
pub(super) struct BoundRule {
    pub rule: Rule,
    pub note: Option<Bound>,
    conditions: Vec<BoundCondition>,
}

enum BoundCondition {
    Column(usize, Test),
    Quantity(Sign),
}

impl BoundRule {
    pub fn new(rule: &Rule, header: &Header) -> Result<Self, String> {
        let conditions = rule.when.iter().map(|condition| {
            Ok(match condition {
                Condition::Column(name, test) => BoundCondition::Column(header.place(name)?, test.clone()),
                Condition::Quantity(sign) => BoundCondition::Quantity(*sign),
            })
        });
        Ok(Self {
            rule: rule.clone(),
            note: rule.note.as_ref().map(|note| note.bind(header)).transpose()?,
            conditions: conditions.collect::<Result<_, String>>()?,
        })
    }

    /// Whether every condition holds. The sign is asked for only where a condition is about it.
    pub fn holds<E>(&self, row: &Row<'_>, sign: &mut impl FnMut() -> Result<Sign, E>) -> Result<bool, E> {
        for condition in &self.conditions {
            let holds = match condition {
                BoundCondition::Column(place, test) => test.holds(row.fields.get(*place)),
                BoundCondition::Quantity(wanted) => sign()? == *wanted,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Test {
    fn holds(&self, field: &str) -> bool {
        match self {
            Self::Equals(text) => field == text,
            Self::StartsWith(start) => field.starts_with(start.as_str()),
            Self::In(sorted) => sorted.binary_search_by(|text| text.as_str().cmp(field)).is_ok(),
            Self::Empty(wanted) => field.is_empty() == *wanted,
        }
    }
}

/// The sign of a quantity's text.
///
/// # Errors
/// What makes it no quantity; too many places or digits leave it its sign.
pub(super) fn sign_of(text: &str) -> Result<Sign, QuantityError> {
    match Quantity::parse(text, DECIMALS_MAX) {
        Ok(quantity) if quantity.0 == 0 => Ok(Sign::Zero),
        Ok(_) | Err(QuantityError::TooFine { .. } | QuantityError::TooLarge) => Ok(match text.starts_with('-') {
            true => Sign::Negative,
            false => Sign::Positive,
        }),
        Err(error) => Err(error),
    }
}

/// How free text becomes a reason code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reasons {
    pub text: Template,
    #[serde(default, rename = "map")]
    map: Vec<ReasonWords>,
    pub otherwise: ReasonCode,
    pub empty: ReasonCode,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "ReasonText")]
struct ReasonWords {
    code: ReasonCode,
    /// In small letters.
    contains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonText {
    code: ReasonCode,
    contains: Vec<String>,
}

impl TryFrom<ReasonText> for ReasonWords {
    type Error = &'static str;

    fn try_from(text: ReasonText) -> Result<Self, Self::Error> {
        let contains: Vec<String> = text.contains.iter().map(|word| word.to_lowercase()).collect();
        match contains.is_empty() || contains.iter().any(String::is_empty) {
            true => Err("a reason needs words in `contains`, none of them empty"),
            false => Ok(Self { code: text.code, contains }),
        }
    }
}

impl Reasons {
    /// The code that a text stands for: the first in the mapping's order one of whose words is in it.
    pub fn code(&self, text: &str) -> &ReasonCode {
        if text.is_empty() {
            return &self.empty;
        }
        let text = text.to_lowercase();
        let fits = |reason: &&ReasonWords| reason.contains.iter().any(|word| text.contains(word.as_str()));
        self.map.iter().find(fits).map_or(&self.otherwise, |reason| &reason.code)
    }
}
