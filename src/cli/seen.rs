//! What people see: whatever names, notes and files hold, it does nothing to a terminal and nobody is misled.
//!
//! All that goes to standard output passes through [`Seen`]. For people what is hidden is spelled; our own colours pass.
//! Programs get the data as it is: in JSON a control character is written as JSON's own escape.

use super::paint::Paint;
use counterfoil::domain::invisible::{shown, shown_lines};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

/// How what is written is kept harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Text, in these colours.
    Person(Paint),
    /// JSON.
    Program,
    /// Bytes that are not looked at.
    Spreadsheet,
}

/// Standard output as its reader gets it.
pub struct Seen<'a> {
    out: &'a mut dyn Write,
    reader: Reader,
    /// The beginning of a character whose end is not written yet.
    begun: Vec<u8>,
}

impl<'a> Seen<'a> {
    pub fn new(out: &'a mut dyn Write, reader: Reader) -> Self {
        Self { out, reader, begun: Vec::new() }
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        let harmless = match self.reader {
            Reader::Person(paint) => for_people(text, paint),
            Reader::Program => for_programs(text),
            Reader::Spreadsheet => Cow::Borrowed(text),
        };
        self.out.write_all(harmless.as_bytes())
    }
}

impl Write for Seen<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.reader == Reader::Spreadsheet {
            return self.out.write_all(bytes);
        }
        let mut whole = std::mem::take(&mut self.begun);
        whole.extend_from_slice(bytes);
        let mut chunks = whole.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.put(chunk.valid())?;
            match (chunk.invalid(), chunks.peek().is_some()) {
                ([], _) => {}
                // It may go on in what is written next; no character has four bytes that begin it.
                (begun, false) if begun.len() < 4 => self.begun = begun.to_vec(),
                _ => self.put("\u{fffd}")?,
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A path for people.
pub fn path(path: &Path) -> String {
    shown(&path.display().to_string()).into_owned()
}

/// What is hidden is spelled; line ends, tabs and our own colours stay.
fn for_people(text: &str, paint: Paint) -> Cow<'_, str> {
    if paint == Paint::Plain || !text.contains('\u{1b}') {
        return shown_lines(text);
    }
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, from) = rest.split_at(at);
        told.push_str(&shown_lines(before));
        let colour = Paint::sequences().find(|sequence| from.starts_with(sequence.as_str()));
        let behind = match &colour {
            Some(sequence) => {
                told.push_str(sequence);
                sequence.len()
            }
            None => {
                told.push_str(&shown("\u{1b}"));
                1
            }
        };
        rest = from.get(behind..).unwrap_or_default();
    }
    told.push_str(&shown_lines(rest));
    Cow::Owned(told)
}

/// JSON has control characters within texts only, where it may escape them.
fn for_programs(text: &str) -> Cow<'_, str> {
    let is_raw = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r');
    if !text.contains(is_raw) {
        return Cow::Borrowed(text);
    }
    let mut told = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match is_raw(letter) {
            // Writing to a string has no way to fail.
            true => drop(write!(told, "\\u{:04x}", u32::from(letter))),
            false => told.push(letter),
        }
    }
    Cow::Owned(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(reader: Reader, pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut seen = Seen::new(&mut out, reader);
        pieces.iter().for_each(|piece| seen.write_all(piece).unwrap());
        String::from_utf8(out).unwrap()
    }

    const HOSTILE: &str = "é\u{1b}[2J\u{1b}[31m\u{202e}\u{9b}\n\tx";

    #[test]
    fn people_see_what_is_hidden_and_our_own_colours() {
        let plain = seen(Reader::Person(Paint::Plain), &[HOSTILE.as_bytes()]);
        assert_eq!(plain, "é\\u{1b}[2J\\u{1b}[31m\\u{202e}\\u{9b}\n\tx");
        let coloured =
            [Paint::Colours.bad("WRONG"), Paint::Colours.dim("\u{1b}[2J"), Paint::Colours.bold("b")].concat();
        let told = seen(Reader::Person(Paint::Colours), &[coloured.as_bytes()]);
        assert_eq!(told, coloured.replace("\u{1b}[2J", "\\u{1b}[2J"));
    }

    #[test]
    fn programs_get_the_data() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let told = seen(Reader::Program, &[json.as_bytes(), b"\n"]);
        assert!(!told.trim_end().contains(char::is_control), "{told}");
        assert_eq!(serde_json::from_str::<String>(&told).unwrap(), HOSTILE);
        assert_eq!(seen(Reader::Spreadsheet, &[HOSTILE.as_bytes()]), HOSTILE);
    }

    #[test]
    fn characters_may_come_in_pieces_and_what_is_none_is_replaced() {
        for reader in [Reader::Person(Paint::Plain), Reader::Program] {
            let text = "añ☕\u{1f375}z".as_bytes();
            let pieces: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(seen(reader, &pieces).as_bytes(), text);
            assert_eq!(seen(reader, &[b"a\xffb\xe2", b"c"]), "a\u{fffd}b\u{fffd}c");
        }
    }

    #[test]
    fn a_path_is_one_line() {
        assert_eq!(path(Path::new("a\nb\u{1b}")), r"a\nb\u{1b}");
    }
}
