//! What a command works with: the ledger's directory, the format, where answers go.

use super::failure::Failure;
use super::outcomes::Outcomes;
use super::paint::Paint;
use super::say::say;
use super::seen;
use super::sheet::{Column, Sheet};
use super::{Common, Format};
use counterfoil::domain::invisible::shown;
use counterfoil::domain::text::AliasText;
use counterfoil::heads::is_inside;
use counterfoil::index::Rebuild;
use counterfoil::ledger::{HeadsHealth, Ledger, OpenError, Options, open_log};
use counterfoil::log::sled_store::SledOptions;
use counterfoil::log::{SledStore, Store, StoreError, StoreReader};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command waits for a ledger that somebody has open: a process that was killed gives it back a moment late.
const OPEN_PATIENCE: Duration = Duration::from_millis(1_500);

/// What a command works with.
pub struct Context<'a> {
    common: Common,
    /// Colours, where they are wanted.
    pub paint: Paint,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// What came of the run so far.
    pub outcomes: &'a mut Outcomes,
}

impl<'a> Context<'a> {
    pub(super) fn new(common: Common, out: &'a mut dyn Write, outcomes: &'a mut Outcomes) -> Self {
        Self { common, paint: Paint::of_stdout(), out, outcomes }
    }

    /// The format that was asked for.
    pub fn format(&self) -> Format {
        self.common.format
    }

    /// The ledger's directory.
    pub fn dir(&self) -> Result<PathBuf, Failure> {
        let missing = "which ledger? name its directory with --ledger DIR, or in COUNTERFOIL_LEDGER";
        self.common.ledger.clone().ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    /// Opens the ledger, lets a question or an act use it, and closes it, whatever came of it. That it can't be closed is
    /// noted as what it is: something that failed behind an answer which stands.
    pub async fn with_ledger<T>(
        &mut self,
        task: impl AsyncFnOnce(&Ledger, &mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let dir = self.dir()?;
        let options = self.options();
        let ledger = patiently(|| Ledger::open(&dir, options.clone()), is_open_elsewhere)?;
        let done = task(&ledger, self).await;
        if let Err(error) = close(ledger).await {
            self.outcomes.not_closed(error.into());
        }
        done
    }

    /// Refuses to write what somebody wants as a file into the ledger's own directory, over its log for example.
    pub fn keep_out(&self, file: &Path) -> Result<(), Failure> {
        let dir = self.dir()?;
        match is_inside(file, &dir) {
            false => Ok(()),
            true => Err(Failure::Refused(format!(
                "{} can't be written: it lies in the ledger's directory {}; name a file elsewhere",
                seen::path(file),
                seen::path(&dir)
            ))),
        }
    }

    /// What a ledger is opened or made with.
    pub fn options(&self) -> Options {
        Options { heads: self.common.heads.keep(), ..Options::default() }
    }

    /// The log of a ledger that is not opened for writing: verification must also reach one that can't be opened.
    ///
    /// The store comes along because it holds the directory's lock.
    pub fn log(&self) -> Result<(SledStore, Arc<dyn StoreReader>), Failure> {
        Ok(log_of(&self.dir()?)?)
    }

    /// One object: a line of JSON, or columns and a single row of CSV, or text for people.
    ///
    /// That it can't be written is noted and stops nothing: what is told here has happened.
    pub fn object(&mut self, value: &impl Serialize, text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.write_object(value, text) {
            Err(failure @ Failure::Output(_)) => self.outcomes.failed(failure),
            done => done?,
        }
        Ok(())
    }

    fn write_object(&mut self, value: &impl Serialize, text: impl FnOnce(Paint) -> String) -> Result<(), Failure> {
        match self.format() {
            Format::Json => {
                serde_json::to_writer(&mut *self.out, value)?;
                Ok(self.out.write_all(b"\n")?)
            }
            Format::Csv => super::sheet::write_csv_object(self.out, &serde_json::to_value(value)?, self.common.csv),
            Format::Table => Ok(self.out.write_all(text(self.paint).as_bytes())?),
        }
    }

    /// A name in a list of things with their numbers: people are told where there is none any more.
    pub fn name(&self, name: Option<&AliasText>) -> Value {
        match (name, self.format()) {
            (None, Format::Table) => "(no name)".into(),
            (name, _) => json!(name),
        }
    }

    /// A list of rows with these columns.
    pub fn list(
        &mut self,
        columns: &'static [Column],
        rows: impl IntoIterator<Item = impl Serialize>,
    ) -> Result<(), Failure> {
        let mut sheet = self.sheet(columns);
        rows.into_iter().try_for_each(|row| sheet.push(&row))?;
        sheet.end()
    }

    /// An empty list with these columns, for rows that come one by one.
    pub fn sheet(&mut self, columns: &'static [Column]) -> Sheet<'_> {
        Sheet::new(columns, self.common.format, self.out).written(self.common.csv)
    }
}

/// Closes a ledger, and says on standard error where its index was damaged, and where its head could not be noted
/// elsewhere.
pub async fn close(ledger: Ledger) -> Result<(), StoreError> {
    let after = ledger.clone();
    // Before it is closed: that takes until the index is whole again.
    let told = say_rebuild(&ledger, None);
    let closed = ledger.close().await;
    say_rebuild(&after, told);
    if let Some(HeadsHealth { file, failure: Some(failure), .. }) = after.health().heads {
        say(format_args!("counterfoil: WARNING: heads in {}: {}", seen::path(&file), shown(&failure)));
    }
    closed
}

/// Says that the index was damaged and is built again, and how far that is, unless it was told already: how often it was.
fn say_rebuild(ledger: &Ledger, told: Option<u64>) -> Option<u64> {
    let health = ledger.health();
    let Rebuild { damage, begun, next_seq } = health.rebuild?;
    if told != Some(begun) {
        let (damage, events) = (shown(&damage), health.next_seq);
        let far = match next_seq >= events.0 {
            true => format!("done, {events} events"),
            false => format!("{next_seq} of {events} events so far, this command ends when that is done"),
        };
        say(format_args!("counterfoil: WARNING: {damage} ({far})"));
    }
    Some(begun)
}

/// The log in a directory.
///
/// # Errors
/// What the store says: a verification makes a report of it.
pub fn log_of(dir: &Path) -> Result<(SledStore, Arc<dyn StoreReader>), StoreError> {
    let is_locked = |error: &StoreError| matches!(error, StoreError::AlreadyOpen { .. });
    let store = patiently(|| open_log(dir, SledOptions::default()), is_locked)?;
    let reader = store.reader();
    Ok((store, reader))
}

const fn is_open_elsewhere(error: &OpenError) -> bool {
    matches!(error, OpenError::Store(StoreError::AlreadyOpen { .. }))
}

fn patiently<T, E>(mut open: impl FnMut() -> Result<T, E>, may_pass: impl Fn(&E) -> bool) -> Result<T, E> {
    let started = Instant::now();
    loop {
        match open() {
            Err(error) if may_pass(&error) && started.elapsed() < OPEN_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}
