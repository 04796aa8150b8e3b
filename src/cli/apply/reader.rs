//! Lines from a file or a pipe, cut on a thread of their own, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};
use tokio::sync::mpsc;

/// Bytes of one line; a longer one is answered as invalid and skipped.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 18;
/// Pieces of input that may wait.
const PIECES_MAX: usize = 8;

/// A line that is not blank, with its number from 1; or why it can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    pub line: u64,
    pub text: Result<String, String>,
}

/// The lines of a piece of input, or why there are no more.
pub type Piece = io::Result<Vec<Input>>;

/// Starts reading; the thread ends with its input, or when nobody takes the lines any more.
pub fn lines_of(source: impl Read + Send + 'static) -> mpsc::Receiver<Piece> {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    std::thread::spawn(move || {
        let mut source = BufReader::with_capacity(READ_BYTES, source);
        let mut cutter = Cutter::default();
        loop {
            let piece = next_piece(&mut source, &mut cutter);
            let is_last = !matches!(piece, Ok((_, More::Yes)));
            let lines = piece.map(|(lines, _)| lines);
            let worth_sending = lines.as_ref().map_or(true, |lines| !lines.is_empty());
            if (worth_sending && sender.blocking_send(lines).is_err()) || is_last {
                return;
            }
        }
    });
    receiver
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Yes,
    No,
}

fn next_piece(source: &mut impl BufRead, cutter: &mut Cutter) -> io::Result<(Vec<Input>, More)> {
    let mut lines = Vec::new();
    let bytes = match source.fill_buf() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok((lines, More::Yes)),
        Err(error) => return Err(error),
    };
    let length = bytes.len();
    match length {
        0 => cutter.end(&mut lines),
        _ => cutter.feed(bytes, &mut lines),
    }
    source.consume(length);
    Ok((lines, if length == 0 { More::No } else { More::Yes }))
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
struct Cutter {
    /// Lines that have ended.
    lines: u64,
    /// The beginning of the line that has not.
    begun: Vec<u8>,
    /// How long that line is, what was let go of it included.
    length: usize,
}

impl Cutter {
    fn feed(&mut self, bytes: &[u8], lines: &mut Vec<Input>) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let content = part.strip_suffix(b"\n").unwrap_or(part);
            self.length += content.len();
            if self.length <= LINE_BYTES_MAX {
                self.begun.extend_from_slice(content);
            }
            if content.len() < part.len() {
                self.cut(lines);
            }
        }
    }

    /// The last line need not end.
    fn end(&mut self, lines: &mut Vec<Input>) {
        if self.length > 0 {
            self.cut(lines);
        }
    }

    fn cut(&mut self, lines: &mut Vec<Input>) {
        self.lines += 1;
        let length = std::mem::take(&mut self.length);
        let bytes = std::mem::take(&mut self.begun);
        let text = match length > LINE_BYTES_MAX {
            true => {
                Err(format!("the line has {length} bytes, at most {LINE_BYTES_MAX} are read; send fewer lines at once"))
            }
            false => String::from_utf8(bytes).map_err(|error| {
                format!("not UTF-8: byte {} of the line begins no character", error.utf8_error().valid_up_to())
            }),
        };
        match text {
            Ok(text) if text.trim().is_empty() => {}
            // Some editors begin a file with a byte order mark.
            Ok(text) if self.lines == 1 && text.starts_with('\u{feff}') => {
                lines.push(Input { line: 1, text: Ok(text.trim_start_matches('\u{feff}').to_owned()) });
            }
            text => lines.push(Input { line: self.lines, text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out when the bytes arrive in pieces of this size.
    fn cut(bytes: &[u8], size: usize) -> Vec<Input> {
        let (mut cutter, mut lines) = (Cutter::default(), Vec::new());
        bytes.chunks(size).for_each(|piece| cutter.feed(piece, &mut lines));
        cutter.end(&mut lines);
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let bytes = "\u{feff}{\"a\":1}\r\n\n  \n{\"ü\":2}\n\nlast".as_bytes();
        for size in 1..=bytes.len() {
            let lines = cut(bytes, size);
            let texts: Vec<_> = lines.iter().map(|input| (input.line, input.text.as_deref().unwrap())).collect();
            assert_eq!(texts, [(1, "{\"a\":1}\r"), (4, "{\"ü\":2}"), (6, "last")], "pieces of {size}");
        }
    }

    #[test]
    fn a_line_beyond_the_bound_is_let_go_and_reading_goes_on() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX];
        bytes.extend_from_slice(b"\n");
        bytes.extend(vec![b'y'; LINE_BYTES_MAX + 1]);
        bytes.extend_from_slice(b"\nnext\n\xff\n");
        let mut cutter = Cutter::default();
        let mut lines = Vec::new();
        for piece in bytes.chunks(1_000) {
            cutter.feed(piece, &mut lines);
            assert!(cutter.begun.len() <= LINE_BYTES_MAX);
        }
        assert_eq!(lines[0].text.as_ref().map(String::len), Ok(LINE_BYTES_MAX));
        assert!(lines[1].text.as_ref().unwrap_err().contains("1048577 bytes"));
        assert_eq!(lines[2], Input { line: 3, text: Ok("next".to_owned()) });
        assert!(lines[3].text.as_ref().unwrap_err().contains("not UTF-8: byte 0"));
    }
}
