//! What an import would do: the same planning, each command asked after and none appended.

use super::drive::{Pending, told};
use super::error::ImportError;
use super::mapping::Mapping;
use super::planned::{
    Batch, Entry, Fresh, FreshLot, Numbers, Origin, Planned, Rows, UNREGISTERED_ITEM, UNREGISTERED_LOCATION,
    UNREGISTERED_LOT, Whose,
};
use super::reading::Reading;
use super::rejects::Rejected;
use super::source::Source;
use super::summary::{Forecast, Foretold, ForetoldLine};
use crate::domain::command::Command;
use crate::domain::digest::content_digest;
use crate::domain::event::ContentDigest;
use crate::domain::ids::{CommandId, ItemId, LocationId, LotId};
use crate::domain::quantity::decimal;
use crate::domain::rejection::Rejection;
use crate::domain::text::AliasText;
use crate::ledger::{Foreseen, Ledger, Repeat, SubmitError};
use crate::limits::ENTITIES_MAX;
use hashbrown::HashMap;
use std::time::Instant;

/// What an import would do, with its first commands, at most this many; appends and registers nothing.
///
/// # Errors
/// What [`import`](super::import) would say.
pub async fn foretell(
    ledger: &Ledger,
    mapping: &Mapping,
    source: &Source,
    at: Option<&str>,
    shown_max: usize,
) -> Result<Forecast, ImportError> {
    let started = Instant::now();
    let mut reading = Reading::start(ledger, mapping, source, at)?;
    let mut run = Run::new(ledger, mapping, shown_max);
    let mut done = Ok(());
    while let Some(batch) = reading.next().await {
        done = run.batch(batch).await;
        if done.is_err() {
            break;
        }
    }
    let ignored = reading.finish();
    done?;
    run.forecast.summary.ignore(ignored?);
    run.forecast.summary.took = started.elapsed();
    Ok(run.forecast)
}

/// Refuses a file some of whose commands stand in the ledger, or earlier in the file, under the same ids with other
/// content: one that was changed and exported again. Reads all of it and appends nothing.
///
/// # Errors
/// [`ImportError::Changed`] with the first of them, and what [`import`](super::import) would say.
pub async fn unchanged(
    ledger: &Ledger,
    mapping: &Mapping,
    source: &Source,
    at: Option<&str>,
) -> Result<(), ImportError> {
    let forecast = foretell(ledger, mapping, source, at, 0).await?;
    match forecast.first_changed {
        None => Ok(()),
        Some(first) => Err(ImportError::Changed { commands: forecast.changed, first: Box::new(first) }),
    }
}

struct Run<'a> {
    ledger: &'a Ledger,
    whose: Whose,
    shown_max: usize,
    numbers: Numbers,
    /// Codes by their places, those of items with their decimals.
    items: Vec<(AliasText, u8)>,
    locations: Vec<AliasText>,
    lots: Vec<AliasText>,
    /// Contents by id, where two lines of the file can have the same one.
    within: Option<HashMap<CommandId, ContentDigest>>,
    forecast: Forecast,
}

impl<'a> Run<'a> {
    fn new(ledger: &'a Ledger, mapping: &Mapping, shown_max: usize) -> Self {
        Self {
            ledger,
            whose: Whose::of(mapping),
            shown_max,
            numbers: Numbers::default(),
            items: Vec::new(),
            locations: Vec::new(),
            lots: Vec::new(),
            within: (!mapping.id.is_counted()).then(HashMap::new),
            forecast: Forecast::default(),
        }
    }

    async fn batch(&mut self, batch: Batch) -> Result<(), ImportError> {
        let Batch { lines, entries, rows, items, locations, lots } = batch;
        self.forecast.summary.lines += lines;
        self.name(items, locations, lots);
        let mut asked = Vec::with_capacity(entries.len());
        for Entry { origin, plan } in entries {
            match plan {
                Err(refusal) => {
                    self.reject(&origin, &rows, refusal.code, refusal.why);
                }
                Ok(planned) => {
                    self.show(&origin, &rows, &planned);
                    let kind = planned.kind();
                    let command = planned.command(origin.id, &self.whose, &self.numbers);
                    let differs = self.differs_within(&command);
                    let ledger = self.ledger.clone();
                    let answer = Pending::begin(Box::pin(async move { ledger.would(command).await })).await;
                    asked.push((origin, kind, differs, answer));
                }
            }
        }
        for (origin, kind, differs, answer) in asked {
            match answer.wait().await {
                _ if differs => {
                    let why =
                        "an earlier line of the file has this id with other content; name lines with $ordinal too";
                    self.change(&origin, &rows, why.to_owned());
                }
                Ok(Foreseen::Appended(_)) => self.forecast.summary.answered(kind, Repeat::First),
                Ok(Foreseen::Duplicate(_)) => self.forecast.summary.answered(kind, Repeat::Duplicate),
                Err(SubmitError::Rejected(rejection)) if is_unregistered(&rejection) => {
                    self.forecast.summary.answered(kind, Repeat::First);
                }
                Err(SubmitError::Rejected(rejection @ Rejection::CommandIdReused { .. })) => {
                    self.change(&origin, &rows, told(self.ledger, &rejection));
                }
                Err(SubmitError::Rejected(rejection)) => {
                    self.reject(&origin, &rows, rejection.code(), told(self.ledger, &rejection));
                }
                Err(error) => return Err(ImportError::Ledger { line: Some(origin.line(&rows)), error }),
            }
        }
        Ok(())
    }

    /// Takes what came up for the first time, and counts what would be registered.
    fn name(&mut self, items: Vec<Fresh<ItemId>>, locations: Vec<Fresh<LocationId>>, lots: Vec<FreshLot>) {
        let (summary, numbers) = (&mut self.forecast.summary, &mut self.numbers);
        for Fresh { code, decimals, known } in items {
            summary.items_registered += u64::from(known.is_none());
            numbers.items.push(known.unwrap_or(ItemId(stand_in(UNREGISTERED_ITEM.0, numbers.items.len()))));
            self.items.push((code, decimals));
        }
        for Fresh { code, known, .. } in locations {
            summary.locations_registered += u64::from(known.is_none());
            let location = stand_in(UNREGISTERED_LOCATION.0, numbers.locations.len());
            numbers.locations.push(known.unwrap_or(LocationId(location)));
            self.locations.push(code);
        }
        for FreshLot { code, known, .. } in lots {
            summary.lots_registered += u64::from(known.is_none());
            numbers.lots.push(known.unwrap_or(LotId(stand_in(UNREGISTERED_LOT.0, numbers.lots.len()))));
            self.lots.push(code);
        }
    }

    /// Whether an earlier line of the file has the same id and another content.
    fn differs_within(&mut self, command: &Command) -> bool {
        let (Some(within), Some(id)) = (&mut self.within, command.id) else { return false };
        let digest = content_digest(command);
        *within.entry(id).or_insert(digest) != digest
    }

    fn reject(&mut self, origin: &Origin, rows: &Rows, code: &'static str, why: String) -> Rejected {
        let rejected = Rejected { line: origin.line(rows), id: origin.id, code, why };
        self.forecast.summary.reject(origin.rows.len() as u64, &rejected);
        rejected
    }

    fn change(&mut self, origin: &Origin, rows: &Rows, why: String) {
        let rejected = self.reject(origin, rows, "COMMAND_ID_REUSED", why);
        self.forecast.changed += 1;
        self.forecast.first_changed.get_or_insert(rejected);
    }

    fn show(&mut self, origin: &Origin, rows: &Rows, planned: &Planned) {
        if self.forecast.first.len() >= self.shown_max {
            return;
        }
        let lines = planned.lines.iter().filter_map(|line| {
            let (item, decimals) = self.items.get(line.item)?;
            Some(ForetoldLine {
                item: item.clone(),
                location: self.locations.get(line.location)?.clone(),
                lot: line.lot.and_then(|lot| self.lots.get(lot)).cloned(),
                quantity: decimal(i128::from(line.quantity.0), *decimals),
                unit_cost: line.unit_cost.map(|cost| cost.to_string()),
            })
        });
        let head = planned.head.clone();
        let foretold = Foretold {
            line: origin.line(rows),
            id: origin.id,
            kind: planned.kind(),
            occurred_at: head.occurred_at,
            order: head.order,
            reason: head.reason,
            note: head.note.map(String::from),
            lines: lines.collect(),
        };
        self.forecast.first.push(foretold);
    }
}

/// A number that stands in for what is not registered: another one for each place, above all that a ledger gives.
fn stand_in(greatest: u32, place: usize) -> u32 {
    greatest.saturating_sub(u32::try_from(place).unwrap_or(u32::MAX)).max(ENTITIES_MAX + 1)
}

/// Whether it is only because nothing was registered.
const fn is_unregistered(rejection: &Rejection) -> bool {
    match rejection {
        Rejection::ProductNotFound { item } => item.0 > ENTITIES_MAX,
        Rejection::LocationNotFound { location } => location.0 > ENTITIES_MAX,
        Rejection::LotNotFound { lot, .. } => lot.0 > ENTITIES_MAX,
        _ => false,
    }
}
