//! Plans a file: record after record becomes commands, in batches, in bounded memory.

use super::header::Header;
use super::ids::{Ids, NameKey};
use super::layout::Layout;
use super::line::{Judged, LinePlan, Lookup, Seen, refusal_of, shortened};
use super::mapping::{LinesPer, Mapping};
use super::planned::{Batch, Entry, Origin, Planned, PlannedAct, Refusal};
use super::records::{Fields, Record};
use super::rule::RuleKind;
use super::template::Row;
use crate::domain::ids::CommandId;
use crate::domain::text::ExternalId;
use crate::limits::{
    IMPORT_BATCH_BYTES_MAX, IMPORT_BATCH_LINES_MAX, IMPORT_IGNORED_CODES_MAX, LINES_MAX, MESSAGE_COMMANDS_MAX,
};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Plans the records of one file.
pub(super) struct Planner {
    layout: Layout,
    ids: Ids,
    seen: Seen,
    at: String,
    /// Whether the text was decoded, so that U+FFFD stands for what could not be.
    is_decoded: bool,
    batch: Batch,
    /// The command whose lines are still coming.
    open: Option<Open>,
    ignored: BTreeMap<String, u64>,
}

struct Open {
    name: Name,
    rule: Option<usize>,
    bytes: usize,
    entry: Entry,
}

/// What a line is known by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// Its names in the file.
    Key(NameKey),
    /// The id that an earlier import gave it.
    Id(CommandId),
}

/// A line's name, id and place.
#[derive(Clone, Copy)]
struct Known {
    name: Name,
    id: CommandId,
    ordinal: u32,
    /// Whether the id is that of the names: not where a rejects file was mended in one of them.
    names_hold: bool,
}

impl Planner {
    pub fn new(
        mapping: &Mapping,
        header: Header,
        at: Option<&str>,
        is_decoded: bool,
        lookup: Lookup,
    ) -> Result<Self, String> {
        Ok(Self {
            layout: Layout::new(mapping, header)?,
            ids: Ids::new(mapping.name.as_str(), mapping.id.is_counted()),
            seen: Seen::new(lookup),
            at: at.unwrap_or_default().to_owned(),
            is_decoded,
            batch: Batch::default(),
            open: None,
            ignored: BTreeMap::new(),
        })
    }

    /// Plans one record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.batch.lines += 1;
        let row = self.batch.rows.len();
        self.batch.rows.push(record.text, record.ends, record.line);
        let text = match std::str::from_utf8(record.text) {
            Ok(text) => text,
            Err(error) => return self.broken(record, row, "TEXT", not_utf8(record, &error)),
        };
        let fields = Fields::new(text, record.ends, self.layout.trim);
        if let Some((code, why)) = self.problem(&fields, record) {
            return self.broken(record, row, code, why);
        }
        match self.layout.header.own {
            None => self.each_quantity(fields, record.line, row),
            Some(own) => {
                let column = fields.get(own.column);
                let line = fields.get(own.line).parse().unwrap_or(record.line);
                let id = fields.get(own.id).parse::<uuid::Uuid>().map(CommandId);
                let ordinal = fields.get(own.ordinal).parse::<u32>();
                let wanted = self.layout.quantities.iter().position(|quantity| match quantity.column {
                    None => column.is_empty(),
                    Some(place) => self.layout.header.name(place) == column,
                });
                if column.is_empty() && self.is_wide() {
                    // Nothing could be read of it: it makes what it would have made in the source.
                    return self.each_quantity(fields, line, row);
                }
                let (Ok(id), Ok(ordinal), Some(wanted)) = (id, ordinal, wanted) else {
                    let why = "$id, $ordinal or $column is not what the rejects file had; take them from there again";
                    return self.broken(record, row, "REJECTS_FILE", why.to_owned());
                };
                let known = Known { name: Name::Id(id), id, ordinal, names_hold: false };
                self.line(fields, line, row, wanted, Some(known));
            }
        }
    }

    /// What makes a record unfit before any of its fields is looked at.
    fn problem(&self, fields: &Fields<'_>, record: &Record<'_>) -> Option<(&'static str, String)> {
        let (found, wanted) = (record.ends.len(), self.layout.header.len());
        if found != wanted {
            let why = format!(
                "the record has {found} fields, the header has {wanted}; look for a comma or quote too many or too few"
            );
            return Some(("FIELDS", why));
        }
        if record.text.contains(&0) {
            let why =
                "there is a NUL in it; a file in UTF-16 needs `encoding = \"utf-16le\"` in the mapping".to_owned();
            return Some(("TEXT", why));
        }
        if self.is_decoded && fields.iter().any(|field| field.contains('\u{fffd}')) {
            let field = fields.iter().find(|field| field.contains('\u{fffd}')).unwrap_or_default();
            let why = format!("{:?} has characters that the file's encoding does not have", shortened(field));
            return Some(("TEXT", why));
        }
        None
    }

    /// A record whose names can't be read.
    fn broken(&mut self, record: &Record<'_>, row: usize, code: &'static str, why: String) {
        let id = self.ids.of_broken(record.line, record.text);
        let own = self.layout.header.own.and_then(|own| {
            let field = Fields::new(std::str::from_utf8(record.text).ok()?, record.ends, true).get(own.id);
            field.parse().ok().map(CommandId)
        });
        let id = own.unwrap_or(id);
        let plan = Err(Refusal { code, why });
        let origin = Origin { rows: SmallVec::from_iter([row]), id, ordinal: 0, column: None };
        self.batch.entries.push(Entry { origin, plan });
    }

    fn is_wide(&self) -> bool {
        self.layout.quantities.iter().any(|quantity| quantity.column.is_some())
    }

    fn each_quantity(&mut self, fields: Fields<'_>, line: u64, row: usize) {
        for quantity in 0..self.layout.quantities.len() {
            self.line(fields, line, row, quantity, None);
        }
    }

    fn line(&mut self, fields: Fields<'_>, line: u64, at_row: usize, quantity: usize, known: Option<Known>) {
        let Some(from) = self.layout.quantities.get(quantity) else { return };
        let mut row = Row { fields, ordinal: 0, line, at: &self.at, place: &from.place };
        let key = self.ids.key(self.layout.names_of(&row));
        let known = known.map(|known| Known { names_hold: self.ids.id(key, known.ordinal) == known.id, ..known });
        let name = known.map_or(Name::Key(key), |known| known.name);
        if self.layout.lines == LinesPer::Together {
            let judged = self.seen.judge(&self.layout, &row, from);
            if let Some(judged) = Self::heard(judged, &mut self.ignored, &self.layout, &row) {
                self.together(judged, name, known, fields, at_row);
            }
            return;
        }
        let known = known.unwrap_or_else(|| numbered(&mut self.ids, name));
        row.ordinal = known.ordinal;
        let judged = self.seen.judge(&self.layout, &row, from);
        let Some(judged) = Self::heard(judged, &mut self.ignored, &self.layout, &row) else { return };
        let plan = judged.and_then(|plan| planned(&self.layout, &row, &known, plan));
        let (rows, column) = (SmallVec::from_iter([at_row]), from.column);
        let origin = Origin { rows, id: known.id, ordinal: known.ordinal, column };
        self.batch.entries.push(Entry { origin, plan });
    }

    /// Counts what is ignored, and gives the rest.
    fn heard(
        judged: Result<Judged, Refusal>,
        ignored: &mut BTreeMap<String, u64>,
        layout: &Layout,
        row: &Row<'_>,
    ) -> Option<Result<LinePlan, Refusal>> {
        match judged {
            Ok(Judged::Taken(plan)) => Some(Ok(plan)),
            Err(refusal) => Some(Err(refusal)),
            Ok(Judged::Ignored) => {
                let code = shortened(&layout.item.code.value(row));
                let is_counted = ignored.len() < IMPORT_IGNORED_CODES_MAX || ignored.contains_key(&code);
                *ignored.entry(if is_counted { code } else { "…".to_owned() }).or_default() += 1;
                None
            }
        }
    }

    /// Adds a line to the command that is open, or closes that and opens another one.
    fn together(
        &mut self,
        judged: Result<LinePlan, Refusal>,
        name: Name,
        known: Option<Known>,
        fields: Fields<'_>,
        at_row: usize,
    ) {
        let bytes = self.batch.rows.record_bytes(at_row);
        if let Some(open) = self.open.as_mut().filter(|open| open.name == name && open.has_room(bytes)) {
            match open.add(judged, at_row, bytes) {
                None => return,
                Some(another) => {
                    self.close();
                    return self.begin(Ok(another), name, known, fields, at_row, bytes);
                }
            }
        }
        self.close();
        self.begin(judged, name, known, fields, at_row, bytes);
    }

    fn begin(
        &mut self,
        judged: Result<LinePlan, Refusal>,
        name: Name,
        known: Option<Known>,
        fields: Fields<'_>,
        at_row: usize,
        bytes: usize,
    ) {
        let known = known.unwrap_or_else(|| numbered(&mut self.ids, name));
        let line = self.batch.rows.line(at_row);
        let row = Row { fields, ordinal: known.ordinal, line, at: &self.at, place: "" };
        let rule = judged.as_ref().ok().map(|plan| plan.rule);
        let plan = judged.and_then(|plan| planned(&self.layout, &row, &known, plan));
        let rows = SmallVec::from_iter([at_row]);
        let origin = Origin { rows, id: known.id, ordinal: known.ordinal, column: None };
        self.open = Some(Open { name, rule, bytes, entry: Entry { origin, plan } });
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.batch.entries.push(open.entry);
        }
    }

    /// A batch, once there is enough for one. A command whose lines are still coming goes over into the next one.
    pub fn full_batch(&mut self) -> Option<Batch> {
        let (open_lines, open_bytes) =
            self.open.as_ref().map_or((0, 0), |open| (open.entry.origin.rows.len(), open.bytes));
        let lines = self.batch.rows.len() - open_lines;
        let bytes = self.batch.rows.bytes() - open_bytes;
        let commands = self.batch.entries.len();
        let is_full =
            commands >= MESSAGE_COMMANDS_MAX || lines >= IMPORT_BATCH_LINES_MAX || bytes >= IMPORT_BATCH_BYTES_MAX;
        if !is_full {
            return None;
        }
        let next = self.batch.next();
        let batch = self.take_batch(next);
        for row in self.open.iter_mut().flat_map(|open| open.entry.origin.rows.iter_mut()) {
            *row = self.batch.rows.copy(&batch.rows, *row);
        }
        Some(batch)
    }

    /// Forgets the command whose lines were still coming when reading failed: the rest of it may be behind that place.
    pub fn forget_open(&mut self) {
        self.open = None;
    }

    /// What is left at the end of the file, and the codes that were ignored.
    pub fn finish(&mut self) -> (Batch, BTreeMap<String, u64>) {
        self.close();
        (self.take_batch(Batch::default()), std::mem::take(&mut self.ignored))
    }

    fn take_batch(&mut self, next: Batch) -> Batch {
        let mut batch = std::mem::replace(&mut self.batch, next);
        batch.items = std::mem::take(&mut self.seen.items.fresh);
        batch.locations = std::mem::take(&mut self.seen.locations.fresh);
        batch.lots = std::mem::take(&mut self.seen.lots.fresh);
        batch
    }
}

impl Open {
    fn has_room(&self, bytes: usize) -> bool {
        self.entry.origin.rows.len() < LINES_MAX && self.bytes + bytes <= IMPORT_BATCH_BYTES_MAX
    }

    /// Takes one more line of the same names; gives it back where it has to begin another command.
    fn add(&mut self, judged: Result<LinePlan, Refusal>, row: usize, bytes: usize) -> Option<LinePlan> {
        match (&mut self.entry.plan, judged) {
            // All lines of a command are refused together, or mending one of them would make another command.
            (Err(_), _) => {}
            (plan, Err(refusal)) => *plan = Err(refusal),
            (Ok(planned), Ok(plan)) if Some(plan.rule) == self.rule && plan.head == planned.head => {
                planned.lines.push(plan.line);
            }
            (Ok(_), Ok(another)) if matches!(self.name, Name::Key(_)) => return Some(another),
            (plan, Ok(_)) => {
                let why = "lines with the same $id have another kind, time, order or reason; make them the same";
                *plan = Err(Refusal { code: "APART", why: why.to_owned() });
            }
        }
        self.entry.origin.rows.push(row);
        self.bytes += bytes;
        None
    }
}

fn numbered(ids: &mut Ids, name: Name) -> Known {
    match name {
        Name::Key(key) => {
            let ordinal = ids.count(key);
            Known { name, id: ids.id(key, ordinal), ordinal, names_hold: true }
        }
        Name::Id(id) => Known { name, id, ordinal: 0, names_hold: false },
    }
}

fn planned(layout: &Layout, row: &Row<'_>, known: &Known, plan: LinePlan) -> Result<Planned, Refusal> {
    let Some(rule) = layout.rules.get(plan.rule).map(|bound| &bound.rule) else {
        return Err(Refusal { code: "NO_RULE", why: "no rule of the mapping fits".to_owned() });
    };
    // Names that were mended may be another line's: then the external id has to be this line's own.
    let external = || match layout.external_id.as_ref().filter(|_| known.names_hold) {
        None => ExternalId::new(&known.id.to_string())
            .map_err(|error| Refusal { code: "EXTERNAL_ID", why: error.to_string() }),
        Some(template) => {
            let text = template.value(row);
            ExternalId::new(&text).map_err(|error| refusal_of("EXTERNAL_ID", template, &text, error))
        }
    };
    let act = match rule.kind {
        RuleKind::Sale => PlannedAct::Sale(external()?),
        RuleKind::Return => PlannedAct::Return(external()?, rule.disposition),
        RuleKind::Waste => PlannedAct::Waste(external()?),
        RuleKind::Receipt => PlannedAct::Receipt,
        RuleKind::Count => PlannedAct::Count,
        RuleKind::Adjustment | RuleKind::Ignore => PlannedAct::Adjustment,
    };
    Ok(Planned { act, head: plan.head, bucket: rule.bucket, lines: SmallVec::from_iter([plan.line]) })
}

fn not_utf8(record: &Record<'_>, error: &std::str::Utf8Error) -> String {
    let readable = record.text.get(..error.valid_up_to()).map(String::from_utf8_lossy).unwrap_or_default();
    let behind: String = readable.chars().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect();
    format!("it is not UTF-8 behind {behind:?}; name the file's encoding in the mapping, such as \"windows-1252\"")
}
