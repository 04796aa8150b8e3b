//! One line of a file: what it becomes, or why it can't be taken. Pure, but for the names that it remembers.

use super::layout::{CodeField, Layout, QuantityColumn};
use super::lots::{Lots, OfItem};
use super::mapping::Unknown;
use super::planned::{Fresh, Head, PlannedLine, Refusal};
use super::rule::{RuleKind, Sign, sign_of};
use super::template::{Bound, Row};
use crate::domain::command::{Alias, AliasKind};
use crate::domain::ids::{ItemId, LocationId, Timestamp};
use crate::domain::invisible::problem_of_name;
use crate::domain::quantity::{Quantity, QuantityError};
use crate::domain::text::{AliasText, OrderRef, TextError};
use crate::query::Named;
use hashbrown::HashMap;
use std::fmt::Display;

/// What has an alias in the ledger.
pub(super) type Lookup = Box<dyn Fn(&Alias) -> Option<Named> + Send>;

/// A line that a rule has taken.
#[derive(Debug)]
pub(super) struct LinePlan {
    /// Which rule.
    pub rule: usize,
    pub head: Head,
    pub line: PlannedLine,
}

/// Why a line becomes nothing, or what it becomes.
#[derive(Debug)]
pub(super) enum Judged {
    /// A rule, or a quantity that says nothing, lets it be.
    Ignored,
    Taken(LinePlan),
}

/// What was seen so far of items and locations, and the last time that was read: most lines share theirs.
pub(super) struct Seen {
    lookup: Lookup,
    pub items: Codes<ItemId>,
    pub locations: Codes<LocationId>,
    pub lots: Lots,
    time: Option<(String, Timestamp)>,
}

/// Codes by their place in order of appearance, each with the decimals of its item.
pub(super) struct Codes<I> {
    places: HashMap<String, (usize, u8)>,
    /// What the ledger has of them, by their places.
    known: Vec<Option<I>>,
    /// Those that came up since they were last taken.
    pub fresh: Vec<Fresh<I>>,
}

impl<I: Copy> Codes<I> {
    fn new() -> Self {
        Self { places: HashMap::new(), known: Vec::new(), fresh: Vec::new() }
    }

    fn insert(&mut self, code: AliasText, decimals: u8, known: Option<I>) -> usize {
        let place = self.places.len();
        self.places.insert(code.as_str().to_owned(), (place, decimals));
        self.known.push(known);
        self.fresh.push(Fresh { code, decimals, known });
        place
    }
}

/// A code that has a place already, or will get one when its line is taken.
enum Found {
    Place(usize, u8),
    Unknown(AliasText),
}

impl Seen {
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup, items: Codes::new(), locations: Codes::new(), lots: Lots::default(), time: None }
    }

    /// What a line becomes.
    pub fn judge(&mut self, layout: &Layout, row: &Row<'_>, from: &QuantityColumn) -> Result<Judged, Refusal> {
        let written = from.value.value(row);
        if layout.skip.iter().any(|skip| *skip == written) {
            return Ok(Judged::Ignored);
        }
        let no_quantity = |error| refusal_of("QUANTITY", &from.value, &written, quantity_advice(error));
        let mut sign: Option<Result<Sign, QuantityError>> = None;
        let mut ask = || *sign.get_or_insert_with(|| layout.marks.plain(&written).and_then(|text| sign_of(&text)));
        let mut taken = None;
        for (place, rule) in layout.rules.iter().enumerate() {
            if rule.holds(row, &mut ask).map_err(no_quantity)? {
                taken = Some((place, rule));
                break;
            }
        }
        let Some((rule_place, rule)) = taken else {
            let why = "no rule of the mapping fits; add one, or a last one without `when`".to_owned();
            return Err(Refusal { code: "NO_RULE", why });
        };
        if rule.rule.kind == RuleKind::Ignore {
            return Ok(Judged::Ignored);
        }
        let item = self.item(&layout.item, row)?;
        let decimals = match item {
            Found::Place(_, decimals) => decimals,
            Found::Unknown(_) => layout.decimals,
        };
        let quantity: Quantity = layout.marks.quantity(&written, decimals).map_err(no_quantity)?;
        let location = self.location(&layout.location, row)?;
        let lot = match &layout.lot {
            None => None,
            Some(field) => self.lots.found(field, row, self.of_item(&item), &self.lookup)?,
        };
        let unit_cost = match &layout.unit_cost {
            None => None,
            Some(cost) => cost.on(row, &layout.marks)?,
        };
        let mut head = Head { occurred_at: self.instant(layout, row)?, ..Head::default() };
        if let Some(order) = &layout.order {
            let text = order.value(row);
            head.order = Some(OrderRef::new(&text).map_err(|error| text_refusal("ORDER", order, &text, error))?);
        }
        if rule.rule.kind == RuleKind::Adjustment {
            let free = layout.reasons.as_ref().map(|(reasons, text)| (reasons, text.value(row)));
            head.note = free.as_ref().and_then(|(_, text)| note_of(text));
            let mapped = || free.as_ref().map(|(reasons, text)| reasons.code(text.trim()).clone());
            head.reason = rule.rule.reason.clone().or_else(mapped);
        } else {
            head.reason = rule.rule.reason.clone();
        }
        if let Some(note) = &rule.note {
            head.note = note_of(&note.value(row));
        }
        let item = placed(&mut self.items, item, decimals);
        let line = PlannedLine {
            item,
            location: placed(&mut self.locations, location, 0),
            lot: lot.map(|lot| self.lots.placed(lot, item, self.items.known.get(item).copied().flatten())),
            quantity: rule.rule.quantity.apply(quantity),
            unit_cost,
        };
        Ok(Judged::Taken(LinePlan { rule: rule_place, head, line }))
    }

    fn item(&mut self, field: &CodeField, row: &Row<'_>) -> Result<Found, Refusal> {
        let text = field.code.value(row);
        if let Some((place, decimals)) = self.items.places.get(text.as_ref()) {
            return Ok(Found::Place(*place, *decimals));
        }
        let code = AliasText::new(&text).map_err(|error| text_refusal("ITEM", &field.code, &text, error))?;
        match (named(&self.lookup, field.space, &code), field.unknown) {
            (Some(Named::Item(item)), _) => {
                Ok(Found::Place(self.items.insert(code, item.decimals, Some(item.item)), item.decimals))
            }
            (_, Unknown::Register) => new_name("ITEM", &field.code, code).map(Found::Unknown),
            (_, Unknown::Refuse) => {
                let advice = "no item has this code; make it, or say item.unknown = \"register\" in the mapping";
                Err(refusal_of("PRODUCT_NOT_FOUND", &field.code, &text, advice))
            }
        }
    }

    fn of_item(&self, item: &Found) -> OfItem {
        match item {
            Found::Place(place, _) => {
                OfItem { place: Some(*place), known: self.items.known.get(*place).copied().flatten() }
            }
            Found::Unknown(_) => OfItem { place: None, known: None },
        }
    }

    fn location(&mut self, field: &CodeField, row: &Row<'_>) -> Result<Found, Refusal> {
        let text = field.code.value(row);
        if let Some((place, _)) = self.locations.places.get(text.as_ref()) {
            return Ok(Found::Place(*place, 0));
        }
        let code = AliasText::new(&text).map_err(|error| text_refusal("LOCATION", &field.code, &text, error))?;
        match (named(&self.lookup, field.space, &code), field.unknown) {
            (Some(Named::Location(location)), _) => {
                Ok(Found::Place(self.locations.insert(code, 0, Some(location.location)), 0))
            }
            (_, Unknown::Register) => new_name("LOCATION", &field.code, code).map(Found::Unknown),
            (_, Unknown::Refuse) => {
                let advice =
                    "no location has this code; make it, or say location.unknown = \"register\" in the mapping";
                Err(refusal_of("LOCATION_NOT_FOUND", &field.code, &text, advice))
            }
        }
    }

    fn instant(&mut self, layout: &Layout, row: &Row<'_>) -> Result<Option<Timestamp>, Refusal> {
        let Some((value, times)) = &layout.time else { return Ok(None) };
        let text = value.value(row);
        match &self.time {
            Some((known, at)) if *known == text => Ok(Some(*at)),
            _ => {
                let at = times.instant(&text).map_err(|error| refusal_of("TIME", value, &text, error))?;
                self.time = Some((text.into_owned(), at));
                Ok(Some(at))
            }
        }
    }
}

fn named(lookup: &Lookup, space: AliasKind, code: &AliasText) -> Option<Named> {
    lookup(&Alias { kind: space, text: code.clone() })
}

fn placed<I: Copy>(codes: &mut Codes<I>, found: Found, decimals: u8) -> usize {
    match found {
        Found::Place(place, _) => place,
        Found::Unknown(code) => codes.insert(code, decimals, None),
    }
}

fn note_of(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

fn quantity_advice(error: QuantityError) -> String {
    let advice = match error {
        QuantityError::TooFine { .. } => "round it in the source, or say extra_zeros = \"drop\" if it ends in zeros",
        QuantityError::TooLarge => "is it in the right column?",
        _ => "write plain digits, such as 12 or -1.5",
    };
    format!("{error}; {advice}")
}

/// A code that will be made: the ledger would refuse one that people can't see or tell from others.
pub(super) fn new_name(refusal: &'static str, from: &Bound, code: AliasText) -> Result<AliasText, Refusal> {
    match problem_of_name(code.as_str()) {
        None => Ok(code),
        Some(problem) => Err(refusal_of(refusal, from, code.as_str(), problem)),
    }
}

fn text_refusal(code: &'static str, from: &Bound, text: &str, error: TextError) -> Refusal {
    refusal_of(code, from, text, error)
}

/// What is wrong with a value: where it is from, what it is, shortened, and why it can't be taken.
pub(super) fn refusal_of(code: &'static str, from: &Bound, text: &str, why: impl Display) -> Refusal {
    Refusal { code, why: format!("{} is {:?}: {why}", from.shown, shortened(text)) }
}

/// At most 60 characters of a text.
pub(super) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(60).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}
