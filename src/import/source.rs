//! What is imported: a file or bytes in memory, unpacked and decoded as it is read.

use crate::files::small;
use encoding_rs::{Encoding, UTF_8};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A CSV file to import, plain or packed with gzip or zstd (told by its first bytes, not by its name).
#[derive(Clone, Debug)]
pub struct Source {
    from: From,
}

#[derive(Clone, Debug)]
enum From {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

impl Source {
    /// The file with this path.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { from: From::File(path.to_owned()) }
    }

    /// These bytes.
    #[must_use]
    pub fn memory(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { from: From::Memory(bytes.into()) }
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.from {
            From::File(path) => path.display().to_string(),
            From::Memory(_) => "the bytes given".to_owned(),
        }
    }

    /// Opens it from the start.
    pub(super) fn open(&self, encoding: Option<&'static Encoding>) -> io::Result<Opened> {
        let (raw, bytes_total): (Box<dyn Read + Send>, u64) = match &self.from {
            From::File(path) => {
                // A pipe is a source like any other; a directory has no bytes.
                let file = File::open(path)?;
                let about = file.metadata()?;
                if about.is_dir() {
                    return Err(small::Unfit { path: path.clone(), why: small::Why::NotAFile("a directory") }.into());
                }
                (Box::new(file), about.len())
            }
            From::Memory(bytes) => (Box::new(Cursor::new(Arc::clone(bytes))), bytes.len() as u64),
        };
        let bytes_read = Arc::new(AtomicU64::new(0));
        let counted = Counted { raw, bytes_read: Arc::clone(&bytes_read) };
        let (text, is_decoded) = decoded(unpacked(counted)?, encoding)?;
        Ok(Opened { text, is_decoded, bytes_read, bytes_total })
    }
}

/// A source that is being read.
pub(super) struct Opened {
    pub text: Box<dyn Read + Send>,
    /// Whether the text was in another encoding than UTF-8; what could not be decoded is then U+FFFD.
    pub is_decoded: bool,
    /// Bytes of the source read so far, as they are stored.
    pub bytes_read: Arc<AtomicU64>,
    pub bytes_total: u64,
}

struct Counted {
    raw: Box<dyn Read + Send>,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.raw.read(buffer)?;
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// The first bytes, and the whole with them put back in front.
fn peek(mut input: impl Read + Send + 'static) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut first = Vec::new();
    input.by_ref().take(4).read_to_end(&mut first)?;
    Ok((first.clone(), Box::new(Cursor::new(first).chain(input))))
}

fn unpacked(input: Counted) -> io::Result<Box<dyn Read + Send>> {
    let (first, input) = peek(input)?;
    Ok(match first.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(input)?),
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::new(input))),
        _ => input,
    })
}

/// The text as UTF-8. A byte order mark goes before what the mapping says, and is taken away.
fn decoded(
    input: Box<dyn Read + Send>,
    encoding: Option<&'static Encoding>,
) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let (first, input) = peek(input)?;
    let marked = Encoding::for_bom(&first).map(|(encoding, _)| encoding);
    let is_decoded = marked.or(encoding).is_some_and(|encoding| encoding != UTF_8);
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.encoding(marked.or(encoding)).bom_override(true).strip_bom(true).utf8_passthru(!is_decoded);
    Ok((Box::new(builder.build(input)), is_decoded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn text_of(bytes: Vec<u8>, encoding: Option<&'static Encoding>) -> (String, bool) {
        let mut opened = Source::memory(bytes).open(encoding).unwrap();
        let mut text = String::new();
        opened.text.read_to_string(&mut text).unwrap();
        assert_eq!(opened.bytes_read.load(Ordering::Relaxed), opened.bytes_total);
        (text, opened.is_decoded)
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
    }

    #[test]
    fn a_byte_order_mark_goes_before_what_is_said() {
        let said = [None, Some(encoding_rs::WINDOWS_1252)];
        for encoding in said {
            assert_eq!(text_of("\u{feff}£5".into(), encoding), ("£5".to_owned(), false));
            assert_eq!(text_of(utf16("£5", u16::to_le_bytes), encoding), ("£5".to_owned(), true));
            assert_eq!(text_of(utf16("£5", u16::to_be_bytes), encoding), ("£5".to_owned(), true));
        }
        assert_eq!(text_of(b"\xa35".to_vec(), said[1]), ("£5".to_owned(), true));
        assert_eq!(text_of("£5".into(), None), ("£5".to_owned(), false));
        assert_eq!(text_of(Vec::new(), None), (String::new(), false));
    }

    #[test]
    fn packed_files_are_known_by_their_first_bytes() {
        let plain = "a,b\n1,2\n".repeat(1_000);
        let packed = zstd::encode_all(plain.as_bytes(), 1).unwrap();
        assert_eq!(text_of(packed, None).0, plain);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain.as_bytes()).unwrap();
        assert_eq!(text_of(gzip.finish().unwrap(), None).0, plain);
    }
}
