//! The import itself: takes planned batches, asks the ledger a few calls ahead, and counts the answers.

use super::error::ImportError;
use super::mapping::Mapping;
use super::planned::{Batch, Entry, Fresh, Origin, Refusal, Rows, UNREGISTERED_ITEM, UNREGISTERED_LOCATION, Whose};
use super::reading::Reading;
use super::rejects::{Rejected, RejectsWriter};
use super::rule::RuleKind;
use super::source::Source;
use super::summary::{Progress, Summary};
use crate::domain::command::{Act, Actor, Command};
use crate::domain::ids::{ItemId, LocationId};
use crate::domain::text::AliasText;
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
    let done = run.all(&mut reading).await;
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
    items: Vec<ItemId>,
    locations: Vec<LocationId>,
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
            items: Vec::new(),
            locations: Vec::new(),
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
        while let Some(batch) = reading.next().await {
            let call = self.ask(batch).await?;
            self.calls.push_back(call);
            while self.calls.len() > CALLS_AHEAD {
                self.answered(reading).await?;
            }
        }
        while !self.calls.is_empty() {
            self.answered(reading).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, batch: Batch) -> Result<Call, ImportError> {
        self.register_items(batch.items).await?;
        self.register_locations(batch.locations).await?;
        let mut commands = Vec::with_capacity(batch.entries.len());
        let mut entries = Vec::with_capacity(batch.entries.len());
        for Entry { origin, plan } in batch.entries {
            let kind = plan.map(|planned| {
                let kind = planned.kind();
                commands.push(planned.command(origin.id, &self.whose, &self.items, &self.locations));
                kind
            });
            entries.push(Asked { origin, kind });
        }
        let ledger = self.ledger.clone();
        let answer = Pending::begin(Box::pin(async move { ledger.submit_batch(commands).await })).await;
        Ok(Call { lines: batch.lines, entries, rows: batch.rows, answer })
    }

    /// Takes the answers of the oldest call.
    async fn answered(&mut self, reading: &Reading) -> Result<(), ImportError> {
        let Some(call) = self.calls.pop_front() else { return Ok(()) };
        let failed = |line, error| ImportError::Ledger { line, error };
        let mut outcomes = call.answer.wait().await.map_err(|error| failed(None, error))?.into_iter();
        for Asked { origin, kind } in call.entries {
            let line = origin.line(&call.rows);
            let (code, why) = match kind {
                Err(refusal) => (refusal.code, refusal.why),
                Ok(kind) => match outcomes.next().unwrap_or(Err(SubmitError::OutcomeUnknown)) {
                    Ok(receipt) => {
                        self.summary.answered(kind, receipt.repeat);
                        continue;
                    }
                    Err(SubmitError::Rejected(rejection)) => (rejection.code(), rejection.to_string()),
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

    async fn register_items(&mut self, fresh: Vec<Fresh<ItemId>>) -> Result<(), ImportError> {
        let make = |code, decimals| Some(Act::CreateItem { sku: code, decimals });
        let made = |created| match created {
            Some(Created::Item(item)) => Some(item),
            _ => None,
        };
        let registered = register(self.ledger, &self.whose, fresh, make, made, UNREGISTERED_ITEM).await?;
        self.summary.items_registered += registered.1;
        self.items.extend(registered.0);
        Ok(())
    }

    async fn register_locations(&mut self, fresh: Vec<Fresh<LocationId>>) -> Result<(), ImportError> {
        let zone = self.mapping.location.zone.clone();
        let make = |code, _| zone.clone().map(|zone| Act::CreateLocation { code, zone });
        let made = |created| match created {
            Some(Created::Location(location)) => Some(location),
            _ => None,
        };
        let registered = register(self.ledger, &self.whose, fresh, make, made, UNREGISTERED_LOCATION).await?;
        self.summary.locations_registered += registered.1;
        self.locations.extend(registered.0);
        Ok(())
    }
}

/// Makes what nothing has the code of; gives the numbers of all, and how many were made.
async fn register<I: Copy>(
    ledger: &Ledger,
    whose: &Whose,
    fresh: Vec<Fresh<I>>,
    make: impl Fn(AliasText, u8) -> Option<Act>,
    made: impl Fn(Option<Created>) -> Option<I>,
    missing: I,
) -> Result<(Vec<I>, u64), ImportError> {
    let mut numbers: Vec<Option<I>> = fresh.iter().map(|fresh| fresh.known).collect();
    let (mut places, mut commands) = (Vec::new(), Vec::new());
    for (place, fresh) in fresh.into_iter().enumerate().filter(|(_, fresh)| fresh.known.is_none()) {
        if let Some(act) = make(fresh.code, fresh.decimals) {
            places.push(place);
            commands.push(Command::new(whose.actor.clone(), act));
        }
    }
    if commands.is_empty() {
        return Ok((numbers.into_iter().map(|number| number.unwrap_or(missing)).collect(), 0));
    }
    let count = commands.len() as u64;
    let failed = |error| ImportError::Ledger { line: None, error };
    let outcomes = ledger.submit_batch(commands).await.map_err(failed)?;
    for (place, outcome) in places.into_iter().zip(outcomes) {
        let number = made(outcome.map_err(failed)?.created);
        if let Some(slot) = numbers.get_mut(place) {
            *slot = number;
        }
    }
    Ok((numbers.into_iter().map(|number| number.unwrap_or(missing)).collect(), count))
}
