//! The import itself: takes planned batches, asks the ledger a few calls ahead, and counts the answers.

use super::error::ImportError;
use super::mapping::Mapping;
use super::planned::{
    Batch, Entry, Fresh, FreshLot, Numbers, Origin, Refusal, Rows, UNREGISTERED_ITEM, UNREGISTERED_LOCATION,
    UNREGISTERED_LOT, Whose,
};
use super::reading::Reading;
use super::rejects::{Rejected, RejectsWriter};
use super::rule::RuleKind;
use super::source::Source;
use super::summary::{Progress, Summary};
use crate::api::message;
use crate::domain::command::{Act, Actor, Command, CreateItem, CreateLocation, CreateLot};
use crate::domain::ids::{ItemId, LocationId, LotId};
use crate::domain::rejection::Rejection;
use crate::ledger::{Created, Ledger, Outcome, SubmitError};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::Write;
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

/// Calls under way at once: while one is synced the next is decided and the one after it is planned.
const CALLS_AHEAD: usize = 4;

/// How a file is imported.
#[derive(Default)]
pub struct Options<'a> {
    /// The time of the export, for mappings that use `$at`; written as the mapping's format has it.
    pub at: Option<String>,
    /// Where rejected lines are written, as CSV that can be mended and imported again.
    pub rejects: Option<Box<dyn Write + Send + 'a>>,
    /// Told how far the import is, batch by batch.
    pub progress: Option<Box<dyn FnMut(Progress) + Send + 'a>>,
}

/// Appends what a file says, durably and in its order.
///
/// A line whose content changed since it was imported is rejected; [`unchanged`](super::unchanged) asks before
/// anything is appended. Needs no particular runtime. The calling task waits for the ledger and for the thread that reads.
///
/// # Errors
/// [`ImportError`]: a mapping that does not fit the file, a file that can't be read on, a ledger that can't act. What
/// was appended before stays, and the same import again goes on from there.
pub async fn import(
    ledger: &Ledger,
    mapping: &Mapping,
    source: &Source,
    options: Options<'_>,
) -> Result<Summary, ImportError> {
    let started = Instant::now();
    let mut reading = Reading::start(ledger, mapping, source, options.at.as_deref())?;
    let mut run = Run::new(ledger, mapping, options);
    let done = match run.all(&mut reading).await {
        Ok(()) => Ok(()),
        Err(error) => Err(run.first_unknown().await.unwrap_or(error)),
    };
    let ignored = reading.finish();
    let wrote = run.rejects.as_mut().map_or(Ok(()), |rejects| rejects.finish().map_err(ImportError::Rejects));
    done?;
    let ignored = ignored?;
    wrote?;
    let mut summary = run.summary;
    summary.ignore(ignored);
    summary.took = started.elapsed();
    Ok(summary)
}

impl Whose {
    pub(super) fn of(mapping: &Mapping) -> Self {
        Self { actor: Actor::asserted(mapping.actor.clone()), source: mapping.name.clone() }
    }
}

struct Run<'a> {
    ledger: &'a Ledger,
    mapping: &'a Mapping,
    whose: Whose,
    numbers: Numbers,
    summary: Summary,
    rejects: Option<RejectsWriter<'a>>,
    progress: Option<Box<dyn FnMut(Progress) + Send + 'a>>,
    /// Oldest first.
    calls: VecDeque<Call>,
}

/// A call under way, with the lines that it is about.
struct Call {
    lines: u64,
    entries: Vec<Asked>,
    rows: Rows,
    answer: Pending<Outcomes>,
}

/// One command of a call: where it is from, and what it is unless it was refused before it was asked.
struct Asked {
    origin: Origin,
    kind: Result<RuleKind, Refusal>,
}

type Outcomes = Result<Vec<Outcome>, SubmitError>;

/// A question under way: it stands in the ledger's queue since it was begun.
pub(super) enum Pending<T> {
    Here(T),
    Waiting(Waiting<T>),
}

type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T> Pending<T> {
    /// Begins to ask: questions stand in the queue in the order in which they were begun.
    pub async fn begin(mut future: Waiting<T>) -> Self {
        let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        match first {
            Poll::Ready(answer) => Self::Here(answer),
            Poll::Pending => Self::Waiting(future),
        }
    }

    /// The answer.
    pub async fn wait(self) -> T {
        match self {
            Self::Here(answer) => answer,
            Self::Waiting(future) => future.await,
        }
    }
}

impl<'a> Run<'a> {
    fn new(ledger: &'a Ledger, mapping: &'a Mapping, options: Options<'a>) -> Self {
        let delimiter = mapping.file.delimiter;
        Self {
            ledger,
            mapping,
            whose: Whose::of(mapping),
            numbers: Numbers::default(),
            summary: Summary::default(),
            rejects: options.rejects.map(|out| RejectsWriter::new(out, delimiter)),
            progress: options.progress,
            calls: VecDeque::new(),
        }
    }

    async fn all(&mut self, reading: &mut Reading) -> Result<(), ImportError> {
        if let Some(rejects) = &mut self.rejects {
            rejects.begin(&reading.header).map_err(ImportError::Rejects)?;
        }
        let mut ahead = None;
        loop {
            let next = match reading.next().await {
                Some(batch) => Some(Named::begin(self.ledger, self.mapping, &self.whose, batch).await),
                None => None,
            };
            let is_last = next.is_none();
            if let Some(named) = std::mem::replace(&mut ahead, next) {
                let call = self.ask(named).await?;
                self.calls.push_back(call);
                while self.calls.len() > CALLS_AHEAD {
                    self.answered(reading).await?;
                }
            }
            if is_last {
                break;
            }
        }
        while !self.calls.is_empty() {
            self.answered(reading).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, named: Named) -> Result<Call, ImportError> {
        let Named { batch, items, locations } = named;
        let (items, made) = items.finish(item_made, UNREGISTERED_ITEM).await?;
        self.numbers.items.extend(items);
        self.summary.items_registered += made;
        let (locations, made) = locations.finish(location_made, UNREGISTERED_LOCATION).await?;
        self.numbers.locations.extend(locations);
        self.summary.locations_registered += made;
        let lots = self.lots(&batch.lots).await;
        let (lots, made) = lots.finish(lot_made, UNREGISTERED_LOT).await?;
        self.numbers.lots.extend(lots);
        self.summary.lots_registered += made;
        let mut commands = Vec::with_capacity(batch.entries.len());
        let mut entries = Vec::with_capacity(batch.entries.len());
        for Entry { origin, plan } in batch.entries {
            let kind = plan.map(|planned| {
                let kind = planned.kind();
                commands.push(planned.command(origin.id, &self.whose, &self.numbers));
                kind
            });
            entries.push(Asked { origin, kind });
        }
        let ledger = self.ledger.clone();
        let answer = Pending::begin(Box::pin(async move { ledger.submit_batch(commands).await })).await;
        Ok(Call { lines: batch.lines, entries, rows: batch.rows, answer })
    }

    /// Begins to make lots, which need the numbers of their items.
    async fn lots(&self, fresh: &[FreshLot]) -> Registering<LotId> {
        let create = |lot: &FreshLot| {
            let item = self.numbers.items.get(lot.item).copied().unwrap_or(UNREGISTERED_ITEM);
            Some(Act::CreateLot(CreateLot { item, code: lot.code.clone() }))
        };
        let fresh = fresh.iter().map(|lot| (lot.known, create(lot)));
        Registering::begin(self.ledger, &self.whose, fresh).await
    }

    /// Of the calls still under way after a failure, the first command whose outcome nobody knows: that says more than
    /// that what came behind it was not appended.
    async fn first_unknown(&mut self) -> Option<ImportError> {
        for call in std::mem::take(&mut self.calls) {
            match call.answer.wait().await {
                Ok(outcomes) => {
                    if let Some(unknown) = unknown_in(&call.entries, &outcomes, &call.rows) {
                        return Some(unknown);
                    }
                }
                Err(error @ SubmitError::OutcomeUnknown) => return Some(ImportError::Ledger { line: None, error }),
                Err(_) => {}
            }
        }
        None
    }

    /// Takes the answers of the oldest call.
    async fn answered(&mut self, reading: &Reading) -> Result<(), ImportError> {
        let Some(call) = self.calls.pop_front() else { return Ok(()) };
        let failed = |line, error| ImportError::Ledger { line, error };
        let outcomes = call.answer.wait().await.map_err(|error| failed(None, error))?;
        // It may stand behind one that was certainly not appended, and says more.
        if let Some(unknown) = unknown_in(&call.entries, &outcomes, &call.rows) {
            return Err(unknown);
        }
        let mut outcomes = outcomes.into_iter();
        for Asked { origin, kind } in call.entries {
            let line = origin.line(&call.rows);
            let (code, why) = match kind {
                Err(refusal) => (refusal.code, refusal.why),
                Ok(kind) => match outcomes.next().unwrap_or(Err(SubmitError::OutcomeUnknown)) {
                    Ok(receipt) => {
                        self.summary.answered(kind, receipt.repeat);
                        continue;
                    }
                    Err(SubmitError::Rejected(rejection)) => (rejection.code(), told(self.ledger, &rejection)),
                    Err(error) => return Err(failed(Some(line), error)),
                },
            };
            let rejected = Rejected { line, id: origin.id, code, why };
            self.summary.reject(origin.rows.len() as u64, &rejected);
            if let Some(rejects) = &mut self.rejects {
                rejects.write(&origin, &rejected, &call.rows).map_err(ImportError::Rejects)?;
            }
        }
        self.summary.lines += call.lines;
        if let Some(progress) = &mut self.progress {
            let (bytes_read, bytes_total) = (reading.bytes_read(), reading.bytes_total);
            progress(Progress { bytes_read, bytes_total, lines: self.summary.lines });
        }
        Ok(())
    }
}

/// The first command of a call whose outcome nobody knows.
fn unknown_in(entries: &[Asked], outcomes: &[Outcome], rows: &Rows) -> Option<ImportError> {
    let asked = entries.iter().filter(|asked| asked.kind.is_ok());
    let is_unknown = |outcome: &Outcome| matches!(outcome, Err(SubmitError::OutcomeUnknown));
    let (asked, _) = asked.zip(outcomes).find(|(_, outcome)| is_unknown(outcome))?;
    Some(ImportError::Ledger { line: Some(asked.origin.line(rows)), error: SubmitError::OutcomeUnknown })
}

const fn item_made(created: Option<Created>) -> Option<ItemId> {
    match created {
        Some(Created::Item(item)) => Some(item),
        _ => None,
    }
}

const fn location_made(created: Option<Created>) -> Option<LocationId> {
    match created {
        Some(Created::Location(location)) => Some(location),
        _ => None,
    }
}

const fn lot_made(created: Option<Created>) -> Option<LotId> {
    match created {
        Some(Created::Lot(lot)) => Some(lot),
        _ => None,
    }
}

/// A refusal in words, with the names and units that people know.
pub(super) fn told(ledger: &Ledger, rejection: &Rejection) -> String {
    ledger.query(|state, _| message(rejection, state))
}

/// A batch, with what it names for the first time under way to the ledger: asked for before the commands of the batch
/// ahead of it, so that the ledger has those to work on while its answer is waited for.
struct Named {
    batch: Batch,
    items: Registering<ItemId>,
    locations: Registering<LocationId>,
}

impl Named {
    async fn begin(ledger: &Ledger, mapping: &Mapping, whose: &Whose, mut batch: Batch) -> Self {
        let (items, locations) = (std::mem::take(&mut batch.items), std::mem::take(&mut batch.locations));
        let items = items
            .into_iter()
            .map(|Fresh { code, decimals, known }| (known, Some(Act::CreateItem(CreateItem { sku: code, decimals }))));
        let items = Registering::begin(ledger, whose, items).await;
        let zone = &mapping.location.zone;
        let locations = locations.into_iter().map(|Fresh { code, known, .. }| {
            (known, zone.clone().map(|zone| Act::CreateLocation(CreateLocation { code, zone })))
        });
        let locations = Registering::begin(ledger, whose, locations).await;
        Self { batch, items, locations }
    }
}

/// Numbers that are known, and places among them whose numbers are being made.
struct Registering<I> {
    numbers: Vec<Option<I>>,
    places: Vec<usize>,
    answer: Option<Pending<Outcomes>>,
}

impl<I: Copy> Registering<I> {
    /// Begins to make what is not known: each with its number, or with the act that makes it.
    async fn begin(ledger: &Ledger, whose: &Whose, fresh: impl Iterator<Item = (Option<I>, Option<Act>)>) -> Self {
        let (mut numbers, mut places, mut commands) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (known, act)) in fresh.enumerate() {
            numbers.push(known);
            if let (None, Some(act)) = (known, act) {
                places.push(place);
                commands.push(Command::new(whose.actor.clone(), act));
            }
        }
        let ledger = ledger.clone();
        let answer = match commands.is_empty() {
            true => None,
            false => Some(Pending::begin(Box::pin(async move { ledger.submit_batch(commands).await })).await),
        };
        Self { numbers, places, answer }
    }

    /// The numbers of all, and how many were made.
    async fn finish(
        mut self,
        made: impl Fn(Option<Created>) -> Option<I>,
        missing: I,
    ) -> Result<(Vec<I>, u64), ImportError> {
        let failed = |error| ImportError::Ledger { line: None, error };
        let count = self.places.len() as u64;
        if let Some(answer) = self.answer {
            let outcomes = answer.wait().await.map_err(failed)?;
            for (place, outcome) in self.places.into_iter().zip(outcomes) {
                let number = made(outcome.map_err(failed)?.created);
                if let Some(slot) = self.numbers.get_mut(place) {
                    *slot = number;
                }
            }
        }
        Ok((self.numbers.into_iter().map(|number| number.unwrap_or(missing)).collect(), count))
    }
}
