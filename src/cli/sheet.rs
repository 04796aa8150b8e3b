//! Lists in three formats from one description: each row is a JSON object, columns pick from it what people see.

use super::failure::Failure;
use super::names::tell_nameless;
use super::{Csv, Format};
use counterfoil::domain::invisible::{is_ignorable, shown};
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use unicode_width::UnicodeWidthStr;

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The field of the row, and the name in CSV.
    key: &'static str,
    /// The headline for people.
    title: &'static str,
    look: Look,
    /// Whether a table leaves it out where every row has nothing or zero.
    is_rare: bool,
}

/// How people see a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// To the left.
    Text,
    /// To the left, and cut where it is long.
    ShortText,
    /// To the right.
    Figure,
    /// To the right, and zero is only a dot.
    QuietFigure,
    /// To the right, zero is only a dot, and what was added has a plus sign.
    Step,
    /// In CSV only.
    Hidden,
}

impl Column {
    /// A text.
    pub const fn text(key: &'static str, title: &'static str) -> Self {
        Self { key, title, look: Look::Text, is_rare: false }
    }

    /// A text that callers choose, of which a table shows the beginning.
    pub const fn short(key: &'static str, title: &'static str) -> Self {
        Self { key, title, look: Look::ShortText, is_rare: false }
    }

    /// A figure.
    pub const fn figure(key: &'static str, title: &'static str) -> Self {
        Self { key, title, look: Look::Figure, is_rare: false }
    }

    /// A figure that is mostly zero.
    pub const fn quiet(key: &'static str, title: &'static str) -> Self {
        Self { key, title, look: Look::QuietFigure, is_rare: false }
    }

    /// A text that most lists do not need.
    pub const fn rare_text(key: &'static str, title: &'static str) -> Self {
        Self::text(key, title).rarely()
    }

    /// A figure that most lists do not need.
    pub const fn rare(key: &'static str, title: &'static str) -> Self {
        Self::quiet(key, title).rarely()
    }

    /// What a figure was changed by.
    pub const fn step(key: &'static str, title: &'static str) -> Self {
        Self { key, title, look: Look::Step, is_rare: false }
    }

    /// A field that a table has no room for.
    pub const fn hidden(key: &'static str) -> Self {
        Self { key, title: "", look: Look::Hidden, is_rare: false }
    }

    /// The same, left out of a table that has nothing there in every row; or zero, where that is only a dot.
    pub const fn rarely(self) -> Self {
        Self { is_rare: true, ..self }
    }

    /// The field of the row that it shows.
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// Its headline for people.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    const fn is_shown(&self) -> bool {
        !matches!(self.look, Look::Hidden)
    }

    /// Whether a table needs the column for a row that shows this there.
    fn is_needed(&self, shown: &str) -> bool {
        !self.is_rare || !matches!(shown, "" | ZERO)
    }

    fn shown(&self, row: &Value) -> String {
        let text = plain(&row[self.key]);
        match (self.look, shown(&text).into_owned()) {
            (Look::QuietFigure | Look::Step, text) if is_zero(&text) => ZERO.to_owned(),
            (Look::Step, text) if text.starts_with(|letter: char| letter.is_ascii_digit()) => format!("+{text}"),
            (Look::ShortText, text) => shortened(&text),
            (_, text) => text,
        }
    }

    const fn is_to_the_right(&self) -> bool {
        matches!(self.look, Look::Figure | Look::QuietFigure | Look::Step)
    }
}

/// What is seen of a zero that nobody looks for.
const ZERO: &str = "·";

/// Letters of a long text that a table shows.
const SHORT_LETTERS: usize = 24;

/// A text, cut where it would make a table too wide.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHORT_LETTERS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(SHORT_LETTERS - 1).chain(['…']).collect(),
    }
}

fn is_zero(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| matches!(letter, '0' | '.'))
}

/// A value as text: nothing for null, no quotes around strings.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A list: JSON and CSV are written row by row, a table when its widths are known.
pub struct Sheet<'a> {
    columns: &'static [Column],
    format: Format,
    csv: Csv,
    rows: u64,
    table: Table,
    out: &'a mut dyn Write,
}

impl<'a> Sheet<'a> {
    /// An empty list.
    pub fn new(columns: &'static [Column], format: Format, out: &'a mut dyn Write) -> Self {
        Self { columns, format, csv: Csv::Safe, rows: 0, table: Table::new(columns), out }
    }

    /// The same, with texts in CSV written so.
    pub const fn written(mut self, csv: Csv) -> Self {
        self.csv = csv;
        self
    }

    /// Adds a row, an object that has the fields of the columns.
    pub fn push(&mut self, row: &impl Serialize) -> Result<(), Failure> {
        let first = self.rows == 0;
        self.rows += 1;
        match self.format {
            Format::Json => {
                self.out.write_all(if first { b"[\n  " } else { b",\n  " })?;
                Ok(serde_json::to_writer(&mut *self.out, row)?)
            }
            Format::Csv => {
                if first {
                    self.csv_names()?;
                }
                let row = serde_json::to_value(row)?;
                csv_record(self.out, self.columns.iter().map(|column| cell(&row[column.key], self.csv)))
            }
            Format::Table => {
                let mut row = serde_json::to_value(row)?;
                tell_nameless(&mut row);
                self.table.push(&row);
                Ok(())
            }
        }
    }

    /// Ends the list; one without rows is `[]`, only names, or `(none)`.
    pub fn end(mut self) -> Result<(), Failure> {
        match (self.format, self.rows) {
            (Format::Json, 0) => self.out.write_all(b"[]\n")?,
            (Format::Json, _) => self.out.write_all(b"\n]\n")?,
            (Format::Csv, 0) => self.csv_names()?,
            (Format::Csv, _) => {}
            (Format::Table, 0) => self.out.write_all(b"  (none)\n")?,
            (Format::Table, _) => self.table.write(self.out)?,
        }
        Ok(())
    }

    fn csv_names(&mut self) -> Result<(), Failure> {
        csv_record(self.out, self.columns.iter().map(|column| column.key.to_owned()))
    }
}

/// The rows of a table until all widths are known, as little more than their letters: a long list takes as much memory
/// as its text.
struct Table {
    columns: Vec<TableColumn>,
    /// What is shown, cell by cell, each with [`CELL_END`] behind it.
    cells: String,
}

struct TableColumn {
    column: &'static Column,
    /// Of its widest cell, its headline included.
    width: usize,
    is_needed: bool,
}

/// No text has it: it is spelled where it is shown.
const CELL_END: char = '\n';

impl Table {
    fn new(columns: &'static [Column]) -> Self {
        let shown = columns.iter().filter(|column| column.is_shown());
        let columns = shown.map(|column| TableColumn { column, width: column.title.width().max(1), is_needed: false });
        Self { columns: columns.collect(), cells: String::new() }
    }

    fn push(&mut self, row: &Value) {
        for TableColumn { column, width, is_needed } in &mut self.columns {
            let shown = column.shown(row);
            *width = shown.width().max(*width);
            *is_needed |= column.is_needed(&shown);
            self.cells.push_str(&shown);
            self.cells.push(CELL_END);
        }
    }

    fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        self.line(out, self.columns.iter().map(|column| column.column.title))?;
        let rules: Vec<String> = self.columns.iter().map(|column| "─".repeat(column.width)).collect();
        self.line(out, rules.iter().map(String::as_str))?;
        let mut cells = self.cells.split_terminator(CELL_END).peekable();
        while cells.peek().is_some() {
            self.line(out, cells.by_ref().take(self.columns.len()))?;
        }
        Ok(())
    }

    fn line<'t>(&self, out: &mut dyn Write, cells: impl Iterator<Item = &'t str>) -> std::io::Result<()> {
        let mut line = String::new();
        for (TableColumn { column, width, .. }, cell) in
            self.columns.iter().zip(cells).filter(|(column, _)| column.is_needed)
        {
            let space = " ".repeat(width.saturating_sub(cell.width()));
            let (before, behind) = if column.is_to_the_right() { (space.as_str(), "") } else { ("", space.as_str()) };
            line.extend(["  ", before, cell, behind]);
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn csv_record(out: &mut dyn Write, fields: impl Iterator<Item = String>) -> Result<(), Failure> {
    let record: Vec<String> = fields.map(csv_field).collect();
    Ok(writeln!(out, "{}", record.join(","))?)
}

/// A field as it stands in a record: quoted where it would not end where it ends. Where lists are parted by semicolons or
/// tabs, a spreadsheet would part a field there too, so that counts as well.
fn csv_field(field: String) -> String {
    match field.contains([',', '"', '\r', '\n', ';', '\t', '|']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    }
}

/// An object as CSV: a line of names and a line of values; what is nested has names with dots.
pub fn write_csv_object(out: &mut dyn Write, value: &Value, csv: Csv) -> Result<(), Failure> {
    let mut fields = Vec::new();
    flatten("", value, csv, &mut fields);
    csv_record(out, fields.iter().map(|(name, _)| name.clone()))?;
    csv_record(out, fields.into_iter().map(|(_, text)| text))
}

fn flatten(name: &str, value: &Value, csv: Csv, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{dot}{key}"), member, csv, fields);
            }
        }
        other => fields.push((name.to_owned(), cell(other, csv))),
    }
}

/// A value as CSV has it. A text that a spreadsheet would take for a formula gets an apostrophe in front where that is
/// to be safe, which spreadsheets take for the sign of a text; figures are no texts.
fn cell(value: &Value, csv: Csv) -> String {
    let text = plain(value);
    match csv {
        Csv::Safe if value.is_string() && is_formula(&text) => format!("'{text}"),
        Csv::Safe | Csv::Raw => text,
    }
}

fn is_formula(text: &str) -> bool {
    // Spreadsheets pass over white space, and what is not seen, in front; some begin anew behind a tab or line end.
    let ignored = |letter: char| letter.is_whitespace() || is_ignorable(letter);
    let begins = text.trim_start_matches(ignored).starts_with(|letter| {
        matches!(
            letter,
            '=' | '+'
                | '-'
                | '@'
                | '\u{2212}'
                | '\u{fe62}'
                | '\u{fe63}'
                | '\u{fe66}'
                | '\u{fe6b}'
                | '\u{ff0b}'
                | '\u{ff0d}'
                | '\u{ff1d}'
                | '\u{ff20}'
        )
    });
    (begins || text.starts_with(['\t', '\r', '\n'])) && !text.split("; ").all(is_figure)
}

/// Whether it is a figure as we write them: digits, perhaps with a sign below zero and a point.
fn is_figure(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column::text("sku", "item"),
        Column::figure("physical", "physical"),
        Column::quiet("oversold", "oversold"),
        Column::hidden("seq"),
    ];

    fn printed(format: Format, rows: &[Value]) -> String {
        printed_as(COLUMNS, format, rows)
    }

    fn printed_as(columns: &'static [Column], format: Format, rows: &[Value]) -> String {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(columns, format, &mut out);
        rows.iter().try_for_each(|row| sheet.push(row)).unwrap();
        sheet.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn rows() -> [Value; 2] {
        [
            json!({ "sku": "CAFÉ, 250 g", "physical": -12, "oversold": 12, "seq": 7 }),
            json!({ "sku": null, "physical": "1234567.50", "oversold": "0.00", "seq": 7 }),
        ]
    }

    #[test]
    fn columns_line_up_whatever_the_letters() {
        let wanted = "
  item           physical  oversold
  ───────────  ──────────  ────────
  CAFÉ, 250 g         -12        12
               1234567.50         ·
";
        assert_eq!(format!("\n{}", printed(Format::Table, &rows())), wanted);
    }

    #[test]
    fn a_rare_column_is_left_out_of_a_table_where_no_row_needs_it() {
        const RARE: &[Column] =
            &[Column::rare_text("lot", "lot"), Column::figure("physical", "physical"), Column::rare("late", "late")];
        let printed = |format, rows: &[Value]| {
            let mut out = Vec::new();
            let mut sheet = Sheet::new(RARE, format, &mut out);
            rows.iter().try_for_each(|row| sheet.push(row)).unwrap();
            sheet.end().unwrap();
            String::from_utf8(out).unwrap()
        };
        let without = [json!({ "lot": null, "physical": 3, "late": "0.00" })];
        assert_eq!(printed(Format::Table, &without), "  physical\n  ────────\n         3\n");
        assert_eq!(printed(Format::Csv, &without), "lot,physical,late\n,3,0.00\n");
        let with = [without[0].clone(), json!({ "lot": "P", "physical": 4, "late": -1 })];
        let wanted = "  lot  physical  late\n  ───  ────────  ────\n              3     ·\n  P           4    -1\n";
        assert_eq!(printed(Format::Table, &with), wanted);
    }

    #[test]
    fn a_long_table_is_laid_out_by_all_of_its_rows() {
        const RARE: &[Column] = &[Column::text("sku", "item"), Column::rare("late", "late"), Column::figure("n", "n")];
        let row = |n: u32| match n {
            4_999 => json!({ "sku": "A-LONG-NAME", "late": 7, "n": n }),
            _ => json!({ "sku": "A", "late": 0, "n": n }),
        };
        let mut out = Vec::new();
        let mut sheet = Sheet::new(RARE, Format::Table, &mut out);
        (0..5_000).try_for_each(|n| sheet.push(&row(n))).unwrap();
        assert!(sheet.table.cells.len() < 5_000 * 12, "no more than its letters is kept");
        sheet.end().unwrap();
        let printed = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!((lines.len(), lines[2]), (5_002, "  A               ·     0"));
        assert_eq!(lines[5_001], "  A-LONG-NAME     7  4999");
    }

    #[test]
    fn what_has_no_name_is_told_by_its_number_in_a_table_only() {
        const NAMED: &[Column] =
            &[Column::rare_text("sku", "item"), Column::rare_text("lot", "lot"), Column::hidden("item_id")];
        let rows =
            [json!({ "sku": "MUG", "item_id": 1, "lot": null, "lot_id": null }), json!({ "sku": null, "item_id": 7 })];
        let printed = |format| printed_as(NAMED, format, &rows);
        assert_eq!(printed(Format::Table), "  item\n  ────────────────\n  MUG\n  item 7 (no name)\n");
        assert_eq!(printed(Format::Csv), "sku,lot,item_id\nMUG,,1\n,,7\n");
    }

    #[test]
    fn long_texts_are_cut_and_steps_have_signs_in_a_table_only() {
        const STEPS: &[Column] = &[Column::short("who", "who"), Column::step("step", "step")];
        let rows = [
            json!({ "who": "till-äöü-456789-123456789", "step": 3 }),
            json!({ "who": "anna", "step": "-0.500" }),
            json!({ "who": "", "step": "0.000" }),
        ];
        let shown = |format| printed_as(STEPS, format, &rows);
        let table = shown(Format::Table);
        assert!(table.contains("\n  till-äöü-456789-1234567…      +3\n"), "{table}");
        assert!(table.contains("  -0.500\n") && table.ends_with("       ·\n"), "{table}");
        assert_eq!(shown(Format::Csv), "who,step\ntill-äöü-456789-123456789,3\nanna,-0.500\n,0.000\n");
    }

    #[test]
    fn csv_has_every_column_and_quotes_what_needs_it() {
        let wanted = "sku,physical,oversold,seq\n\"CAFÉ, 250 g\",-12,12,7\n,1234567.50,0.00,7\n";
        assert_eq!(printed(Format::Csv, &rows()), wanted);
        assert_eq!(printed(Format::Csv, &[]), "sku,physical,oversold,seq\n");
    }

    #[test]
    fn json_is_an_array_of_the_rows() {
        for rows in [&rows()[..], &[]] {
            assert_eq!(serde_json::from_str::<Vec<Value>>(&printed(Format::Json, rows)).unwrap(), rows);
        }
    }

    #[test]
    fn an_object_becomes_two_lines_of_csv() {
        let mut out = Vec::new();
        let value = json!({ "ok": true, "head": { "seq": 3, "hash": "ab" }, "fault": null });
        write_csv_object(&mut out, &value, Csv::Safe).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "fault,head.hash,head.seq,ok\n,ab,3,true\n");
    }

    #[test]
    fn no_text_of_safe_csv_begins_a_formula_and_figures_stay_figures() {
        let formulas = [
            "=HYPERLINK(1)",
            "+1",
            "-SUM(A1)",
            "@x",
            "\t=1",
            "\rx",
            "\nx",
            "  =1",
            "\u{a0}=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}x",
            "\u{200b}=1",
            "\u{feff}-x",
            "-",
            "-1-1",
            "-1; =x",
            "=",
            "--3",
            "-.5",
            "\u{2212}3",
        ];
        for text in formulas {
            assert_eq!(cell(&json!(text), Csv::Safe), format!("'{text}"));
            assert_eq!(cell(&json!(text), Csv::Raw), text);
        }
        for text in ["", "MUG", "MUG=1", "a-b", "'=1", "-3", "-0.500", "-0.99; 120", "2026-01-31T00:00:00Z", "5+5", "é"]
        {
            assert_eq!(cell(&json!(text), Csv::Safe), text);
        }
        assert_eq!(cell(&json!(-3), Csv::Safe), "-3");
        let mut out = Vec::new();
        write_csv_object(&mut out, &json!({ "note": "=1", "step": -1 }), Csv::Safe).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "note,step\n'=1,-1\n");
        let rows = [json!({ "sku": "=A1", "physical": -12, "oversold": "-0.5", "seq": 7 })];
        assert_eq!(printed(Format::Csv, &rows).lines().last().unwrap(), "'=A1,-12,-0.5,7");
        let rows_apart = [json!({ "sku": "a;=1", "physical": -12, "oversold": "b\t=1", "seq": 7 })];
        assert_eq!(printed(Format::Csv, &rows_apart).lines().last().unwrap(), "\"a;=1\",-12,\"b\t=1\",7");
        let mut out = Vec::new();
        let mut sheet = Sheet::new(COLUMNS, Format::Csv, &mut out).written(Csv::Raw);
        sheet.push(&rows[0]).unwrap();
        sheet.end().unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().last().unwrap(), "=A1,-12,-0.5,7");
    }

    #[test]
    fn what_is_hidden_is_spelled_in_a_table_and_lines_up() {
        let rows = [
            json!({ "sku": "\u{202e}GUM", "physical": 1, "oversold": 0, "seq": 7 }),
            json!({ "sku": "A\nB\u{1b}[2J", "physical": 22, "oversold": 0, "seq": 7 }),
        ];
        let wanted = "
  item           physical  oversold
  ─────────────  ────────  ────────
  \\u{202e}GUM           1         ·
  A\\nB\\u{1b}[2J        22         ·
";
        assert_eq!(format!("\n{}", printed(Format::Table, &rows)), wanted);
        assert!(printed(Format::Json, &rows).contains('\u{202e}'), "programs get the data");
    }
}
