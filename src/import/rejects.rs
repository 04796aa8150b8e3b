//! Rejected lines, written so that they can be mended and imported again under the same ids.

use super::header::{Header, OWN_COLUMNS, OwnColumns};
use super::planned::{Origin, Rows};
use crate::domain::ids::CommandId;
use serde::Serialize;
use std::io::{self, Write};

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its line in the file; the first one where a command has several.
    pub line: u64,
    /// The id of the command that it would have been.
    pub id: CommandId,
    /// A stable code: that of the ledger's rejection, or one of the importer's.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub why: String,
}

/// Writes rejected lines as CSV: `$reason`, `$id`, `$ordinal`, `$line` and `$column` in front of the source's columns.
///
/// It begins with a byte order mark, so that it is read as UTF-8 whatever the mapping says of the source.
pub(super) struct RejectsWriter<'a> {
    out: Box<dyn Write + Send + 'a>,
    delimiter: u8,
    header: Option<Header>,
}

impl<'a> RejectsWriter<'a> {
    pub fn new(out: Box<dyn Write + Send + 'a>, delimiter: u8) -> Self {
        Self { out, delimiter, header: None }
    }

    /// Writes the header, once.
    pub fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.out.write_all("\u{feff}".as_bytes())?;
        let own = OWN_COLUMNS.iter().map(|name| name.as_bytes());
        let names: Vec<_> = own.chain(header.source_columns().map(|(_, name)| name.as_bytes())).collect();
        self.record(names.into_iter())?;
        self.header = Some(header.clone());
        Ok(())
    }

    /// Writes every line of a command.
    pub fn write(&mut self, origin: &Origin, rejected: &Rejected, rows: &Rows) -> io::Result<()> {
        let Some(header) = self.header.take() else { return Ok(()) };
        let reason = format!("{}: {}", rejected.code, rejected.why);
        let id = origin.id.to_string();
        let column = origin.column.map_or("", |place| header.name(place));
        let places = header.own.map(OwnColumns::places);
        for row in &origin.rows {
            let fields: Vec<&[u8]> = rows.fields(*row).collect();
            let before = |place: usize| fields.get(place).map(|field| String::from_utf8_lossy(field).into_owned());
            let line = header.own.and_then(|own| before(own.line)).unwrap_or_else(|| rows.line(*row).to_string());
            let ordinal = origin.ordinal.to_string();
            let own = [reason.as_str(), &id, &ordinal, &line, column].map(str::as_bytes);
            let kept = fields.iter().enumerate().filter(|(place, _)| places.is_none_or(|own| !own.contains(place)));
            let record: Vec<_> = own.into_iter().chain(kept.map(|(_, field)| *field)).collect();
            self.record(record.into_iter())?;
        }
        self.header = Some(header);
        Ok(())
    }

    pub fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn record<'f>(&mut self, fields: impl Iterator<Item = &'f [u8]>) -> io::Result<()> {
        for (index, field) in fields.enumerate() {
            if index > 0 {
                self.out.write_all(&[self.delimiter])?;
            }
            let text = String::from_utf8_lossy(field);
            write!(self.out, "\"{}\"", text.replace('"', "\"\""))?;
        }
        self.out.write_all(b"\n")
    }
}
