//! Reads the lines of a year of sales and appends each of them as one command.
//!
//! | line | command |
//! | --- | --- |
//! | invoice starts with `C` | POS return of −quantity, restocked |
//! | quantity below zero otherwise | adjustment by −quantity; its text becomes a reason code and a private note |
//! | everything else, gifts and corrections at price 0 too | POS sale of the quantity |
//!
//! The sign of the file is taken at its word: a line of 5 takes 5 from stock, a line of −5 puts 5 back. So in the end
//! each item's physical stock is minus the sum of its lines, which anybody can check without this program.
//!
//! A line's names are its invoice, its stock code and how often that pair stood in the file before, never its content:
//! 5,268 lines are copies of others in every column, and legitimate.

use chrono::{NaiveDateTime, TimeZone};
use counterfoil::domain::command::{Act, Actor, Alias, AliasKind, Command, PosDelta};
use counterfoil::domain::ids::{CommandId, ItemId, LocationId, Position, Timestamp};
use counterfoil::domain::line::{Disposition, Line, ReturnLine};
use counterfoil::domain::quantity::Quantity;
use counterfoil::domain::text::{ActorId, AliasText, ExternalId, ReasonCode, Source, Zone};
use counterfoil::ledger::{Created, Ledger, Mode, Outcome, ReadOnly, Repeat};
use counterfoil::limits::MESSAGE_COMMANDS_MAX;
use counterfoil::query::{self, Named, Paging};
use smallvec::smallvec;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Commands in one call; a call of this size is one message to the writer, so calls stay in order.
pub const BATCH_LINES: usize = MESSAGE_COMMANDS_MAX;
/// Calls under way at once: while one is synced the next is decided and the one after it is read.
const CALLS_AHEAD: usize = 4;

/// Anything that stops an import; it says on which line.
pub type ImportError = Box<dyn Error + Send + Sync>;

/// What an import did, and what the stock must be after it.
#[derive(Debug, Default)]
pub struct Imported {
    /// Lines read.
    pub lines: u64,
    /// Lines that were appended, as sales, returns and adjustments.
    pub sales: u64,
    /// Returns among them.
    pub returns: u64,
    /// Adjustments among them.
    pub adjustments: u64,
    /// Lines that stood in the ledger already.
    pub repeats: u64,
    /// Items and locations that were made.
    pub made: u64,
    /// From the first line read to the last answer.
    pub took: Duration,
    /// Each stock code with its item, its number of lines and their sum, in order of appearance.
    pub items: Vec<Sold>,
}

/// What the file says of one stock code.
#[derive(Debug)]
pub struct Sold {
    /// The code, byte for byte.
    pub code: AliasText,
    /// The item that it names.
    pub item: ItemId,
    /// Lines with it.
    pub lines: u64,
    /// The sum of their quantities.
    pub sum: i64,
}

impl Imported {
    /// Lines that were appended.
    pub fn appended(&self) -> u64 {
        self.sales + self.returns + self.adjustments
    }
}

/// Opens the file, unpacking it where its name ends with `.zst`.
///
/// # Errors
/// What the disk says.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, ImportError> {
    let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match path.extension().is_some_and(|extension| extension == "zst") {
        true => Ok(Box::new(zstd::Decoder::new(file)?)),
        false => Ok(Box::new(std::io::BufReader::new(file))),
    }
}

/// Appends the first lines of the file, at most this many, durably and in order.
///
/// # Errors
/// A line that can't be read, a command that is refused, a ledger that can't act.
pub async fn import(
    ledger: &Ledger,
    input: Box<dyn Read + Send>,
    lines_max: u64,
    mut progress: impl FnMut(u64),
) -> Result<Imported, ImportError> {
    let started = Instant::now();
    writable(ledger).await?;
    let (sender, batches) = sync_channel(CALLS_AHEAD);
    let reader = std::thread::spawn(move || read(input, lines_max, &sender));
    let mut run = Run::new(ledger).await?;
    run.all(&batches, &mut progress).await?;
    drop(batches);
    reader.join().map_err(|_| "the reader of the file panicked")??;
    run.imported.took = started.elapsed();
    Ok(run.imported)
}

/// Waits for an index that is behind, as it may be after a kill.
async fn writable(ledger: &Ledger) -> Result<(), ImportError> {
    loop {
        match ledger.health().mode {
            Mode::Writing => return Ok(()),
            Mode::ReadOnly(ReadOnly::CatchingUp { .. }) => std::thread::sleep(Duration::from_millis(20)),
            Mode::ReadOnly(reason) => return Err(reason.to_string().into()),
            Mode::Latched => return Err("an earlier write failed: open the ledger again".into()),
        }
    }
}

/// A line of the file, ready but for the item's number.
struct Parsed {
    /// The stock code, by its place in order of appearance.
    code: usize,
    quantity: i64,
    is_cancellation: bool,
    id: CommandId,
    external_id: ExternalId,
    occurred_at: Timestamp,
    text: Option<Box<str>>,
}

#[derive(Default)]
struct Batch {
    /// Codes that were not seen before.
    codes: Vec<AliasText>,
    lines: Vec<Parsed>,
}

/// Reads the file in a thread of its own; ends early when nobody takes its batches any more.
fn read(input: Box<dyn Read + Send>, lines_max: u64, batches: &SyncSender<Batch>) -> Result<(), ImportError> {
    let mut reader = csv::Reader::from_reader(input);
    let mut names = Names::default();
    let mut record = csv::StringRecord::new();
    let mut batch = Batch::default();
    for number in 1..=lines_max {
        if !reader.read_record(&mut record)? {
            break;
        }
        let line = names.line(&record, &mut batch.codes).map_err(|error| format!("line {number}: {error}"))?;
        batch.lines.push(line);
        if batch.lines.len() == BATCH_LINES && batches.send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    // Where nobody listens somebody else has an error to tell.
    let _ = batches.send(batch);
    Ok(())
}

/// What was seen so far: it makes names unique.
#[derive(Default)]
struct Names {
    codes: HashMap<String, usize>,
    invoices: HashMap<String, usize>,
    /// How often an invoice and a code stood together.
    pairs: HashMap<(usize, usize), u32>,
    /// The instant of the line before: most lines share theirs.
    instant: Option<(String, Timestamp)>,
}

impl Names {
    /// `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country`
    fn line(&mut self, record: &csv::StringRecord, fresh: &mut Vec<AliasText>) -> Result<Parsed, ImportError> {
        let field = |index| record.get(index).ok_or("it has too few fields");
        let (invoice, code) = (field(0)?, field(1)?);
        let quantity = Quantity::parse(field(3)?, 0)?.0;
        if !self.codes.contains_key(code) {
            fresh.push(AliasText::new(code)?);
        }
        let code_index = number_of(&mut self.codes, code);
        let invoice_index = number_of(&mut self.invoices, invoice);
        let nth = self.pairs.entry((invoice_index, code_index)).or_default();
        *nth += 1;
        let name = format!("{invoice}/{code}/{nth}");
        let is_cancellation = invoice.starts_with('C');
        let is_adjustment = quantity < 0 && !is_cancellation;
        Ok(Parsed {
            code: code_index,
            quantity,
            is_cancellation,
            id: command_id(&name),
            external_id: ExternalId::new(&name)?,
            occurred_at: self.instant(field(4)?)?,
            text: is_adjustment
                .then(|| field(2))
                .transpose()?
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(Box::from),
        })
    }

    fn instant(&mut self, text: &str) -> Result<Timestamp, ImportError> {
        match &self.instant {
            Some((known, at)) if known == text => Ok(*at),
            _ => {
                let at = london(text)?;
                self.instant = Some((text.to_owned(), at));
                Ok(at)
            }
        }
    }
}

fn number_of(names: &mut HashMap<String, usize>, name: &str) -> usize {
    if let Some(number) = names.get(name) {
        return *number;
    }
    let number = names.len();
    names.insert(name.to_owned(), number);
    number
}

/// An instant of London's clocks; of an hour that comes twice the first one.
fn london(text: &str) -> Result<Timestamp, ImportError> {
    let local =
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").map_err(|error| format!("{text:?}: {error}"))?;
    let at = chrono_tz::Europe::London.from_local_datetime(&local).earliest();
    Ok(at.ok_or_else(|| format!("London's clocks never showed {text}"))?.to_utc().into())
}

/// The same id for the same name, every time: what makes a second import append nothing.
fn command_id(name: &str) -> CommandId {
    let hash = blake3::derive_key("counterfoil example real_year command ids v1", name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    CommandId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The reason code that a free text stands for. The first word found decides.
fn reason(text: &str) -> &'static str {
    const CODES: [(&str, &[&str]); 6] = [
        (
            "damaged",
            &["damag", "wet", "rust", "crush", "smash", "broken", "crack", "mould", "faulty", "smudge", "water"],
        ),
        ("discarded", &["throw", "destroy", "unsaleable"]),
        ("sold-elsewhere", &["sold", "dotcom", "ebay", "amazon", "given away", "showroom", "sample", "display"]),
        ("mislabelled", &["barcode", "wrong code", "label", "mix", "incorrect"]),
        ("stock-check", &["check", "count", "adjust", "reverse"]),
        ("missing", &["missing", "lost", "mia", "?"]),
    ];
    let text = text.to_lowercase();
    let fits = |words: &[&str]| words.iter().any(|word| text.contains(word));
    CODES.iter().find(|(_, words)| fits(words)).map_or("other", |(code, _)| code)
}

struct Run<'a> {
    ledger: &'a Ledger,
    actor: Actor,
    source: Source,
    shop: LocationId,
    imported: Imported,
    /// Calls under way, oldest first, each with what its lines are.
    calls: VecDeque<(Vec<Sort>, tokio::task::JoinHandle<Vec<Outcome>>)>,
}

#[derive(Clone, Copy)]
enum Sort {
    Sale,
    Return,
    Adjustment,
}

impl<'a> Run<'a> {
    async fn new(ledger: &'a Ledger) -> Result<Self, ImportError> {
        let actor = Actor::asserted(ActorId::new("import")?);
        let code = AliasText::new("SHOP")?;
        let mut imported = Imported::default();
        let known = named(ledger, AliasKind::Location, &code);
        let shop = match known {
            Some(Named::Location(location)) => location.location,
            _ => {
                let make = Act::CreateLocation { code, zone: Zone::new("Europe/London")? };
                imported.made += 1;
                match ledger.submit(Command::new(actor.clone(), make)).await?.created {
                    Some(Created::Location(location)) => location,
                    _ => return Err("the ledger made no location".into()),
                }
            }
        };
        let source = Source::new("online-retail")?;
        Ok(Self { ledger, actor, source, shop, imported, calls: VecDeque::new() })
    }

    async fn all(&mut self, batches: &Receiver<Batch>, progress: &mut impl FnMut(u64)) -> Result<(), ImportError> {
        while let Ok(batch) = batches.recv() {
            self.make_items(batch.codes).await?;
            let mut sorts = Vec::with_capacity(batch.lines.len());
            let mut commands = Vec::with_capacity(batch.lines.len());
            for line in batch.lines {
                let (sort, command) = self.command(line)?;
                sorts.push(sort);
                commands.push(command);
            }
            let ledger = self.ledger.clone();
            // Tasks of a current-thread runtime start in the order in which they were spawned, and so do their calls.
            let call = tokio::spawn(async move {
                match ledger.submit_batch(commands).await {
                    Ok(outcomes) => outcomes,
                    Err(error) => vec![Err(error)],
                }
            });
            self.calls.push_back((sorts, call));
            // So that the call is under way while the next batch is waited for.
            tokio::task::yield_now().await;
            while self.calls.len() > CALLS_AHEAD {
                self.answered().await?;
                progress(self.imported.lines);
            }
        }
        while !self.calls.is_empty() {
            self.answered().await?;
            progress(self.imported.lines);
        }
        Ok(())
    }

    /// Takes the answers of the oldest call.
    async fn answered(&mut self) -> Result<(), ImportError> {
        let Some((sorts, call)) = self.calls.pop_front() else {
            return Ok(());
        };
        let imported = &mut self.imported;
        let mut outcomes = call.await?.into_iter();
        for sort in sorts {
            let receipt = outcomes.next().ok_or("an answer is missing")?;
            let receipt = receipt.map_err(|error| format!("line {}: {error}", imported.lines + 1))?;
            imported.lines += 1;
            match (receipt.repeat, sort) {
                (Repeat::Duplicate, _) => imported.repeats += 1,
                (Repeat::First, Sort::Sale) => imported.sales += 1,
                (Repeat::First, Sort::Return) => imported.returns += 1,
                (Repeat::First, Sort::Adjustment) => imported.adjustments += 1,
            }
        }
        Ok(())
    }

    /// Finds the items that codes name, and makes those that there are not.
    async fn make_items(&mut self, codes: Vec<AliasText>) -> Result<(), ImportError> {
        let mut missing = HashMap::new();
        let mut commands = Vec::new();
        let mut found = Vec::with_capacity(codes.len());
        for code in codes {
            let item = match named(self.ledger, AliasKind::Sku, &code) {
                Some(Named::Item(item)) => item.item,
                _ => {
                    missing.insert(commands.len(), found.len());
                    commands.push(Command::new(self.actor.clone(), Act::CreateItem { sku: code.clone(), decimals: 0 }));
                    ItemId(0)
                }
            };
            found.push(Sold { code, item, lines: 0, sum: 0 });
        }
        self.imported.made += commands.len() as u64;
        for (index, outcome) in self.ledger.submit_batch(commands).await?.into_iter().enumerate() {
            let Some(Created::Item(item)) = outcome?.created else {
                return Err("the ledger made no item".into());
            };
            if let Entry::Occupied(place) = missing.entry(index)
                && let Some(sold) = found.get_mut(*place.get())
            {
                sold.item = item;
            }
        }
        self.imported.items.extend(found);
        Ok(())
    }

    fn command(&mut self, read: Parsed) -> Result<(Sort, Command), ImportError> {
        let sold = self.imported.items.get_mut(read.code).ok_or("a code without an item")?;
        sold.lines += 1;
        sold.sum += read.quantity;
        let position = Position::new(sold.item, self.shop);
        let line = Line::new(position, Quantity(read.quantity));
        let back = Line::new(position, Quantity(-read.quantity));
        let (sort, act) = match (read.is_cancellation, read.quantity < 0) {
            (true, _) => {
                let lines = smallvec![ReturnLine { line: back, disposition: Some(Disposition::Restock) }];
                (Sort::Return, self.delta(read.external_id, PosDelta::Return { lines }))
            }
            (false, true) => (Sort::Adjustment, Act::Adjust { lines: smallvec![back] }),
            (false, false) => (Sort::Sale, self.delta(read.external_id, PosDelta::Sale { lines: smallvec![line] })),
        };
        let mut command = Command::new(self.actor.clone(), act).with_id(read.id).occurred(read.occurred_at);
        if matches!(sort, Sort::Adjustment) {
            let code = read.text.as_deref().map_or("unspecified", reason);
            command = command.because(ReasonCode::new(code)?);
            command.note = read.text.map(String::from);
        }
        Ok((sort, command))
    }

    fn delta(&self, external_id: ExternalId, delta: PosDelta) -> Act {
        Act::PosDelta { source: self.source.clone(), external_id, delta }
    }
}

fn named(ledger: &Ledger, kind: AliasKind, text: &AliasText) -> Option<Named> {
    let alias = Alias { kind, text: text.clone() };
    ledger.query(|state, now| query::by_alias(state, now, &alias)).value
}

/// Items whose physical stock is not minus the sum of their lines, in words.
///
/// # Errors
/// A question that can't be asked.
pub fn differences(ledger: &Ledger, imported: &Imported) -> Result<Vec<String>, ImportError> {
    let mut differences = Vec::new();
    for Sold { code, item, sum, .. } in &imported.items {
        let answer = ledger.query(|state, now| query::item_stock(state, now, *item, &Paging::first(1)))?;
        let physical = answer.value.map(|stock| stock.total.physical);
        if physical != Some(-i128::from(*sum)) {
            differences.push(format!("{code}: physical is {physical:?}, the lines say {}", -sum));
        }
    }
    Ok(differences)
}
