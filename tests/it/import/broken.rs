//! Files that are not as they should be.

use super::{HEADER, TILL, at_shop, shop, till};
use counterfoil::import::{Mapping, Options, Source, import};
use std::io::Write;

/// The same three lines as every file here has them.
const LINES: &str = "1,MUG,2026-01-05 09:00,2\n2,\"CÄFÉ \"\"1\"\"\",2026-01-05 09:00,1\n3,MUG,2026-01-05 09:00,4\n";

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

#[tokio::test]
async fn every_encoding_and_line_end_gives_the_same_commands() {
    let text = HEADER.to_owned() + LINES;
    let marked = "\u{feff}".to_owned() + &text;
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let mut gzip = flate2_of(&text);
    gzip.extend(flate2_of(""));
    let latin: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let files = [
        (text.clone().into_bytes(), ""),
        (text.trim_end().as_bytes().to_vec(), ""),
        (text.replace('\n', "\r\n").into_bytes(), ""),
        (text.replace('\n', "\n\n\r\n").into_bytes(), ""),
        (marked.clone().into_bytes(), ""),
        (marked.clone().into_bytes(), "windows-1252"),
        (utf16(&marked, u16::to_le_bytes), ""),
        (utf16(&marked, u16::to_be_bytes), ""),
        (utf16(&text, u16::to_le_bytes), "utf-16le"),
        (latin, "windows-1252"),
        (packed, ""),
        (gzip, ""),
        (text.replace(',', ";").into_bytes(), ";"),
    ];
    let shop = shop();
    for (index, (bytes, how)) in files.into_iter().enumerate() {
        let layout = match how {
            "" => String::new(),
            ";" => "file.delimiter = \";\"\n".to_owned(),
            encoding => format!("file.encoding = \"{encoding}\"\n"),
        };
        let mapping = Mapping::parse(&(layout + TILL)).unwrap();
        let summary = shop.import_by(&mapping, &bytes).await;
        assert_eq!((summary.lines, summary.rejected), (3, 0), "file {index}: {:?}", summary.first_rejected);
        let expected = if index == 0 { (3, 0) } else { (0, 3) };
        assert_eq!((summary.appended, summary.duplicates), expected, "file {index}");
    }
    assert_eq!(shop.stock(), [at_shop("CÄFÉ \"1\"", -1), at_shop("MUG", -6)]);
}

fn flate2_of(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_one_line_leaves_the_others() {
    let shop = shop();
    let table: [(&[u8], &str); 12] = [
        (b"9,MUG,2026-01-05 09:00,1e3\n", "QUANTITY"),
        (b"9,MUG,2026-01-05 09:00, 5\n", "QUANTITY"),
        (b"9,MUG,2026-01-05 09:00,1.70000\n", "QUANTITY"),
        ("9,MUG,2026-01-05 09:00,５\n".as_bytes(), "QUANTITY"),
        (b"9,MUG,2026-01-05 09:00,0\n", "INVALID_QUANTITY"),
        (b"9,MUG,2026-01-05 09:00,1000000000000001\n", "QUANTITY"),
        (b"9,MUG,2026-03-29 01:30,1\n", "TIME"),
        (b"9,MUG,05/01/2026,1\n", "TIME"),
        (b"9,MUG,2126-01-05 09:00,1\n", "OCCURRED_IN_FUTURE"),
        (b"9,MUG,2026-01-05 09:00,1,more\n", "FIELDS"),
        (b"9,M\xdcG,2026-01-05 09:00,1\n", "TEXT"),
        (b"9,M\0G,2026-01-05 09:00,1\n", "TEXT"),
    ];
    for (index, (line, code)) in table.into_iter().enumerate() {
        let good = LINES.replace("MUG", &format!("MUG{index}")).replace("CÄFÉ", &format!("CÄFÉ{index}"));
        let (before, after) = good.split_at(good.rfind("\n3,").unwrap() + 1);
        let bytes = [HEADER.as_bytes(), before.as_bytes(), line, after.as_bytes()].concat();
        let summary = shop.import_by(&till(), &bytes).await;
        assert_eq!((summary.lines, summary.appended, summary.rejected), (4, 3, 1), "{code}: {summary:?}");
        let rejected = &summary.first_rejected[0];
        assert_eq!((rejected.line, rejected.code), (4, code), "{}", rejected.why);
        assert!(rejected.why.len() > 20, "{}", rejected.why);
    }
}

#[tokio::test]
async fn an_hour_that_came_twice_is_the_first_one() {
    let shop = shop();
    shop.import(&(HEADER.to_owned() + "1,MUG,2025-10-26 01:30,1\n")).await;
    let events = shop.ledger.events(counterfoil::Seq(0), counterfoil::Seq(100)).unwrap();
    let at = events.last().unwrap().event.envelope.occurred_at.unwrap();
    assert_eq!(at.to_string(), "2025-10-26T00:30:00.000000Z");
}

async fn refused(bytes: Vec<u8>) -> String {
    let shop = shop();
    let done = import(&shop.ledger, &till(), &Source::memory(bytes), Options::default()).await;
    done.expect_err("the file can't be read").to_string()
}

#[tokio::test]
async fn a_file_that_can_not_be_read_on_is_refused_with_the_line() {
    let whole = HEADER.to_owned() + LINES;
    let unclosed =
        refused((whole.clone() + "4,\"MUG,2026-01-05 09:00,2\n5,MUG,2026-01-05 09:00,2\n").into_bytes()).await;
    assert!(unclosed.contains("line 5") && unclosed.contains("not closed"), "{unclosed}");
    let missing = refused(b"Receipt,Item,Time,Qty\n1,MUG,,1\n".to_vec()).await;
    assert!(missing.contains("no column \"Article\"") && missing.contains("\"Item\""), "{missing}");
    let nul = refused(utf16(&whole, u16::to_le_bytes)).await;
    assert!(nul.contains("NUL") && nul.contains("utf-16le"), "{nul}");
    assert!(refused(Vec::new()).await.contains("empty"));
    assert!(refused(b"\n\r\n".to_vec()).await.contains("empty"));
    let mut torn = zstd::encode_all(whole.repeat(1_000).as_bytes(), 1).unwrap();
    torn.truncate(torn.len() - 20);
    assert!(refused(torn).await.contains("incomplete frame"));
}

#[tokio::test]
async fn what_stands_before_the_damage_is_imported_and_the_rest_after_mending() {
    let shop = shop();
    let broken = HEADER.to_owned() + LINES + "4,\"MUG,2026-01-05 09:00,2\n";
    let source = Source::memory(broken.clone().into_bytes());
    assert!(import(&shop.ledger, &till(), &source, Options::default()).await.is_err());
    assert_eq!(shop.stock(), [at_shop("CÄFÉ \"1\"", -1), at_shop("MUG", -6)]);
    let summary = shop.import(&broken.replace("4,\"MUG", "4,MUG")).await;
    assert_eq!((summary.appended, summary.duplicates), (1, 3));
}

/// A line of a gigabyte, packed into a few kilobytes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_line_of_a_gigabyte_is_refused_in_bounded_memory() {
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packed.write_all((HEADER.to_owned() + LINES + "4,MUG,").as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..1_024 {
        packed.write_all(&piece).unwrap();
    }
    let packed = packed.finish().unwrap();
    let before = peak_bytes();
    let error = refused(packed).await;
    assert!(error.contains("line 5") && error.contains("1048576 bytes"), "{error}");
    let grown = peak_bytes() - before;
    assert!(grown < 400 << 20, "memory grew by {grown} bytes");
}

#[cfg(target_os = "linux")]
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
