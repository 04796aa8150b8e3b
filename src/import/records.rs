//! Records of a CSV file, one at a time, in bounded memory, each with the line that it begins on.

use crate::limits::IMPORT_RECORD_BYTES_MAX;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::fmt;
use std::io::{self, Read};

const BUFFER_BYTES: usize = 128 * 1_024;

/// Why no more records can be read.
#[derive(Debug)]
pub(super) enum RecordError {
    Io { line: u64, error: io::Error },
    TooLong { line: u64 },
    Unclosed { line: u64 },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { line, error } => write!(f, "line {line}: the file can't be read on: {error}"),
            Self::TooLong { line } => write!(
                f,
                "line {line}: a record begins here that is longer than {IMPORT_RECORD_BYTES_MAX} bytes; \
                 look for a quote that is never closed, or a wrong delimiter in the mapping"
            ),
            Self::Unclosed { line } => write!(
                f,
                "line {line}: a record begins here with a quote that is not closed before the end of the file; \
                 close it, or double it where it is part of the text"
            ),
        }
    }
}

/// Reads records; stops at the first thing that makes everything behind it doubtful.
pub(super) struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    csv: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Line ends before `start`.
    lines: u64,
}

/// One record: bytes of all fields, where each ends, and the line that it begins on.
pub(super) struct Record<'a> {
    pub text: &'a [u8],
    pub ends: &'a [usize],
    pub line: u64,
}

impl<R: Read> Records<R> {
    pub fn new(input: R, delimiter: u8) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            at_end: false,
            csv: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; 1_024],
            ends: vec![0; 32],
            lines: 0,
        }
    }

    /// The next record; none at the end of the file. Empty lines are passed over.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        if !self.skip_empty_lines()? {
            return Ok(None);
        }
        let line = self.lines + 1;
        let (mut read, mut written, mut fields) = (0, 0, 0);
        loop {
            if self.start == self.end && !self.at_end {
                self.fill()?;
            }
            // A line end that the file may lack; within quotes it ends nothing.
            let closing = self.start == self.end;
            let input = if closing { b"\n" } else { &self.buffer[self.start..self.end] };
            let room = (&mut self.text[written..], &mut self.ends[fields..]);
            let (result, taken, bytes, ends) = self.csv.read_record(input, room.0, room.1);
            if !closing {
                self.lines += newlines(&input[..taken]);
                self.start += taken;
            }
            (read, written, fields) = (read + taken, written + bytes, fields + ends);
            if read > IMPORT_RECORD_BYTES_MAX {
                return Err(RecordError::TooLong { line });
            }
            match result {
                ReadRecordResult::InputEmpty if closing => return Err(RecordError::Unclosed { line }),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        Ok(Some(Record { text: &self.text[..written], ends: &self.ends[..fields], line }))
    }

    /// Whether anything follows.
    fn skip_empty_lines(&mut self) -> Result<bool, RecordError> {
        loop {
            let waiting = &self.buffer[self.start..self.end];
            match waiting.iter().position(|byte| !matches!(byte, b'\r' | b'\n')) {
                Some(at) => {
                    self.lines += newlines(&waiting[..at]);
                    self.start += at;
                    return Ok(true);
                }
                None if self.at_end => return Ok(false),
                None => {
                    self.lines += newlines(waiting);
                    self.fill()?;
                }
            }
        }
    }

    fn fill(&mut self) -> Result<(), RecordError> {
        (self.start, self.end) = (0, 0);
        loop {
            match self.input.read(&mut self.buffer) {
                Ok(bytes) => {
                    (self.end, self.at_end) = (bytes, bytes == 0);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(RecordError::Io { line: self.lines + 1, error }),
            }
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The fields of a record.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    text: &'a str,
    ends: &'a [usize],
    trim: bool,
}

impl<'a> Fields<'a> {
    pub fn new(text: &'a str, ends: &'a [usize], trim: bool) -> Self {
        Self { text, ends, trim }
    }

    /// A field; empty where there is none.
    pub fn get(&self, place: usize) -> &'a str {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let field = self.ends.get(place).and_then(|end| self.text.get(start..*end)).unwrap_or("");
        match self.trim {
            true => field.trim(),
            false => field,
        }
    }

    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.ends.len()).map(move |place| self.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time: every cut between two reads happens.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            (buffer[0], self.0) = (*first, rest);
            Ok(1)
        }
    }

    fn all(input: impl Read) -> Result<Vec<(u64, Vec<String>)>, RecordError> {
        let mut records = Records::new(input, b',');
        let mut found = Vec::new();
        while let Some(record) = records.next()? {
            let text = std::str::from_utf8(record.text).unwrap();
            let fields = Fields::new(text, record.ends, false);
            found.push((record.line, fields.iter().map(str::to_owned).collect()));
        }
        Ok(found)
    }

    #[test]
    fn each_record_knows_its_line() {
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "", "1,\"x", "y\"", "", "2,\"say \"\"hi\"\"\"", "3,", "5\" plate,\"\""].join(end);
            for text in [text.clone(), text + end] {
                let expected = [
                    (1, vec!["a".to_owned(), "b".to_owned()]),
                    (3, vec!["1".to_owned(), format!("x{end}y")]),
                    (6, vec!["2".to_owned(), "say \"hi\"".to_owned()]),
                    (7, vec!["3".to_owned(), String::new()]),
                    (8, vec!["5\" plate".to_owned(), String::new()]),
                ];
                assert_eq!(all(text.as_bytes()).unwrap(), expected);
                assert_eq!(all(Slowly(text.as_bytes())).unwrap(), expected);
            }
        }
        assert_eq!(all(&b""[..]).unwrap(), []);
        assert_eq!(all(&b"\r\n\n"[..]).unwrap(), []);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_named() {
        for text in ["a,b\n1,2\n3,\"four\n5,6\n", "a,b\n1,2\n3,\"", "a,b\n1,2\n3,\"four\n5,6"] {
            assert!(matches!(all(text.as_bytes()), Err(RecordError::Unclosed { line: 3 })), "{text}");
        }
    }

    #[test]
    fn a_record_without_end_is_refused_in_bounded_memory() {
        let endless = io::repeat(b'x').take(1 << 30);
        let mut records = Records::new((&b"a,b\n"[..]).chain(endless), b',');
        records.next().unwrap();
        assert!(matches!(records.next(), Err(RecordError::TooLong { line: 2 })));
        assert!(records.text.capacity() <= 2 * IMPORT_RECORD_BYTES_MAX);
        let mut commas = Records::new(io::repeat(b',').take(1 << 30), b',');
        assert!(matches!(commas.next(), Err(RecordError::TooLong { line: 1 })));
        assert!(commas.ends.capacity() <= 4 * IMPORT_RECORD_BYTES_MAX);
    }
}
