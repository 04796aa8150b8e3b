//! What a line is planned to become, and the command that it then is.

use super::rule::RuleKind;
use crate::domain::command::{Act, Actor, Adjust, Command, Count, PosChange, PosDelta, Receive};
use crate::domain::ids::{CommandId, ItemId, LocationId, LotId, Position, Timestamp};
use crate::domain::line::{Bucket, CountLine, Disposition, Line, LineDetail, ReturnLine, UnitCost};
use crate::domain::quantity::Quantity;
use crate::domain::text::{AliasText, ExternalId, OrderRef, ReasonCode, Source};
use smallvec::SmallVec;

/// A command, ready but for the numbers of its items and locations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub act: PlannedAct,
    pub head: Head,
    pub bucket: Bucket,
    pub lines: SmallVec<[PlannedLine; 1]>,
}

/// What is asked with the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlannedAct {
    Sale(ExternalId),
    Return(ExternalId, Option<Disposition>),
    Waste(ExternalId),
    Adjustment,
    Receipt,
    Count,
}

/// What lines of one command share.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Head {
    pub occurred_at: Option<Timestamp>,
    pub order: Option<OrderRef>,
    pub reason: Option<ReasonCode>,
    pub note: Option<Box<str>>,
}

/// One line, its item and location by their places in order of appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedLine {
    pub item: usize,
    pub location: usize,
    /// The lot, by its place.
    pub lot: Option<usize>,
    pub quantity: Quantity,
    pub unit_cost: Option<UnitCost>,
}

/// Why a line can't be taken: a stable code, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: &'static str,
    pub why: String,
}

/// One command of a batch: where it is from, and what is planned.
#[derive(Debug)]
pub(super) struct Entry {
    pub origin: Origin,
    pub plan: Result<Planned, Refusal>,
}

/// Where a command is from: its lines in the file, and the id that they make.
#[derive(Debug)]
pub(super) struct Origin {
    /// Which records of the batch.
    pub rows: SmallVec<[usize; 1]>,
    pub id: CommandId,
    pub ordinal: u32,
    /// The quantity column, where there are several.
    pub column: Option<usize>,
}

impl Origin {
    /// The line of its first record.
    pub fn line(&self, rows: &Rows) -> u64 {
        rows.line(self.rows.first().copied().unwrap_or(0))
    }
}

/// A code that came up for the first time.
#[derive(Debug)]
pub(super) struct Fresh<I> {
    pub code: AliasText,
    /// Decimals of the item that it names or will name.
    pub decimals: u8,
    /// What has it already.
    pub known: Option<I>,
}

/// A lot that came up for the first time.
#[derive(Debug)]
pub(super) struct FreshLot {
    /// The place of its item.
    pub item: usize,
    pub code: AliasText,
    /// What has it already.
    pub known: Option<LotId>,
}

/// What was planned of a part of the file.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Lines of the source that were read for it.
    pub lines: u64,
    pub entries: Vec<Entry>,
    pub rows: Rows,
    pub items: Vec<Fresh<ItemId>>,
    pub locations: Vec<Fresh<LocationId>>,
    pub lots: Vec<FreshLot>,
}

/// What is counted for each field of a record beside its text: the same on every machine, as it bounds commands.
const FIELD_BYTES: usize = 8;

/// Records as they were read, for those that come to be refused.
#[derive(Debug, Default)]
pub(super) struct Rows {
    text: Vec<u8>,
    ends: Vec<usize>,
    rows: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    text: usize,
    ends: usize,
    line: u64,
}

impl Batch {
    /// An empty batch with room for what this one holds: growing takes longer than filling.
    pub fn next(&self) -> Self {
        Self { entries: Vec::with_capacity(self.entries.len()), rows: self.rows.next(), ..Self::default() }
    }
}

impl Rows {
    fn next(&self) -> Self {
        Self {
            text: Vec::with_capacity(self.text.len()),
            ends: Vec::with_capacity(self.ends.len()),
            rows: Vec::with_capacity(self.rows.len()),
        }
    }

    pub fn push(&mut self, text: &[u8], ends: &[usize], line: u64) {
        self.rows.push(Place { text: self.text.len(), ends: self.ends.len(), line });
        self.text.extend_from_slice(text);
        self.ends.extend_from_slice(ends);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of the records, with what is kept of their fields.
    pub fn bytes(&self) -> usize {
        self.text.len() + FIELD_BYTES * self.ends.len()
    }

    /// Bytes of one record, with what is kept of its fields.
    pub fn record_bytes(&self, row: usize) -> usize {
        let Some(place) = self.rows.get(row) else { return 0 };
        let (text, ends) =
            self.rows.get(row + 1).map_or((self.text.len(), self.ends.len()), |next| (next.text, next.ends));
        text - place.text + FIELD_BYTES * (ends - place.ends)
    }

    /// Takes a record over from others; gives its place here.
    pub fn copy(&mut self, from: &Self, row: usize) -> usize {
        let text: Vec<u8> = from.fields(row).flatten().copied().collect();
        let ends = from.fields(row).scan(0, |end, field| {
            *end += field.len();
            Some(*end)
        });
        self.push(&text, &ends.collect::<Vec<_>>(), from.line(row));
        self.len() - 1
    }

    /// The line that a record begins on.
    pub fn line(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(0, |place| place.line)
    }

    /// The fields of a record.
    pub fn fields(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        let place = self.rows.get(row).copied().unwrap_or(Place { text: 0, ends: 0, line: 0 });
        let ends_end = self.rows.get(row + 1).map_or(self.ends.len(), |next| next.ends);
        let ends = self.ends.get(place.ends..ends_end).unwrap_or_default();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(move |(start, end)| self.text.get(place.text + start..place.text + end).unwrap_or(&[]))
    }
}

impl Planned {
    /// The kind of command that it is.
    pub fn kind(&self) -> RuleKind {
        match self.act {
            PlannedAct::Sale(_) => RuleKind::Sale,
            PlannedAct::Return(..) => RuleKind::Return,
            PlannedAct::Waste(_) => RuleKind::Waste,
            PlannedAct::Adjustment => RuleKind::Adjustment,
            PlannedAct::Receipt => RuleKind::Receipt,
            PlannedAct::Count => RuleKind::Count,
        }
    }

    /// The command, with the numbers that the ledger gave.
    pub fn command(self, id: CommandId, whose: &Whose, numbers: &Numbers) -> Command {
        let lines = self.lines.iter().map(|line| line.with(numbers).in_bucket(self.bucket));
        let source = || whose.source.clone();
        let act = match self.act {
            PlannedAct::Adjustment => Act::Adjust(Adjust { lines: lines.collect() }),
            PlannedAct::Receipt => Act::Receive(Receive { lines: lines.collect() }),
            PlannedAct::Count => Act::Count(Count { lines: lines.map(counted).collect() }),
            PlannedAct::Sale(external_id) => Act::PosDelta(PosDelta {
                source: source(),
                external_id,
                delta: PosChange::Sale { lines: lines.collect() },
            }),
            PlannedAct::Waste(external_id) => Act::PosDelta(PosDelta {
                source: source(),
                external_id,
                delta: PosChange::Waste { lines: lines.collect() },
            }),
            PlannedAct::Return(external_id, disposition) => {
                let lines = lines.map(|line| ReturnLine { line, disposition }).collect();
                Act::PosDelta(PosDelta { source: source(), external_id, delta: PosChange::Return { lines } })
            }
        };
        let Head { occurred_at, order, reason, note } = self.head;
        let note = note.map(String::from);
        Command { id: Some(id), occurred_at, reason, order, note, ..Command::new(whose.actor.clone(), act) }
    }
}

impl PlannedLine {
    fn with(&self, numbers: &Numbers) -> Line {
        let item = numbers.items.get(self.item).copied().unwrap_or(UNREGISTERED_ITEM);
        let location = numbers.locations.get(self.location).copied().unwrap_or(UNREGISTERED_LOCATION);
        let lot = |place: usize| numbers.lots.get(place).copied().unwrap_or(UNREGISTERED_LOT);
        let lot = self.lot.map_or(LotId::NONE, lot);
        let detail = self.unit_cost.map(|cost| Box::new(LineDetail { entered: None, unit_cost: Some(cost) }));
        Line { detail, ..Line::new(Position::of_lot(item, location, lot), self.quantity) }
    }
}

fn counted(line: Line) -> CountLine {
    CountLine { position: line.position, bucket: line.bucket, counted: line.quantity, seen: None }
}

/// Whose commands they are.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub actor: Actor,
    pub source: Source,
}

/// The numbers that the ledger gave, by the places of what they name.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub items: Vec<ItemId>,
    pub locations: Vec<LocationId>,
    pub lots: Vec<LotId>,
}

/// Stand in for what is not registered yet, where nothing is appended.
pub(super) const UNREGISTERED_ITEM: ItemId = ItemId(u32::MAX);
pub(super) const UNREGISTERED_LOCATION: LocationId = LocationId(u32::MAX);
pub(super) const UNREGISTERED_LOT: LotId = LotId(u32::MAX);
