use super::{HeadsFile, KeptHead, is_inside, read_heads};
use crate::domain::ids::{LedgerId, Seq, Timestamp};
use crate::limits;
use crate::log::Hash;
use std::io::Write;
use std::path::Path;

fn head(ledger: u8, seq: u64) -> KeptHead {
    let ledger = Some(LedgerId::from_bytes([ledger; 16]));
    KeptHead { ledger, seq: Seq(seq), hash: Hash([seq as u8; 32]), time: Some(Timestamp(1_700_000_000_000_000)) }
}

#[test]
fn what_is_appended_reads_back_in_order() {
    let place = tempfile::tempdir().unwrap();
    let file = HeadsFile::new(place.path().join("heads"));
    assert_eq!(file.last_of(LedgerId::from_bytes([1; 16])).unwrap(), None);
    let heads = [head(1, 3), head(2, 9), head(1, 5), head(2, 9)];
    heads.iter().for_each(|head| file.append(head).unwrap());
    let kept = read_heads(file.path()).unwrap();
    assert_eq!((kept.heads, kept.unreadable.len()), (heads.to_vec(), 0));
    assert_eq!(file.last_of(LedgerId::from_bytes([1; 16])).unwrap(), Some(head(1, 5)));
    assert_eq!(file.last_of(LedgerId::from_bytes([3; 16])).unwrap(), None);
}

#[test]
fn a_line_torn_anywhere_is_told_and_never_a_head() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    let whole = head(1, 3).to_line();
    let torn = head(1, 4).to_line();
    for cut in 1..torn.len() - 1 {
        std::fs::write(&path, format!("{whole}{}", &torn[..cut])).unwrap();
        let kept = read_heads(&path).unwrap();
        assert_eq!((kept.heads.as_slice(), kept.unreadable.len()), (&[head(1, 3)][..], 1), "cut at {cut}");
        assert!(kept.unreadable[0].line == 2 && kept.unreadable[0].what.contains("torn"), "{kept:?}");

        HeadsFile::new(path.clone()).append(&head(1, 5)).unwrap();
        let kept = read_heads(&path).unwrap();
        assert_eq!(kept.heads, [head(1, 3), head(1, 5)], "the next line stands apart from the torn one");
        assert_eq!(kept.unreadable.len(), 1);
    }
}

#[test]
fn only_a_lost_line_end_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    std::fs::write(&path, head(1, 3).to_line().trim_end()).unwrap();
    HeadsFile::new(path.clone()).append(&head(1, 4)).unwrap();
    let kept = read_heads(&path).unwrap();
    assert_eq!((kept.heads, kept.unreadable.len()), (vec![head(1, 3), head(1, 4)], 0));
}

#[test]
fn other_forms_with_seq_and_hash_count_and_rubbish_does_not() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    let hash = "ab".repeat(32);
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "7:{hash}\n\n{{\"line\":1,\"status\":\"accepted\",\"seq\":8,\"hash\":\"{hash}\"}}").unwrap();
    writeln!(file, "{{\"seq\":9}}\n-1:{hash}\n7:{}", &hash[1..]).unwrap();
    file.write_all(b"\xff\xfe\n").unwrap();
    let kept = read_heads(&path).unwrap();
    assert_eq!(kept.heads.iter().map(|head| head.seq.0).collect::<Vec<_>>(), [7, 8]);
    assert_eq!(kept.unreadable.iter().map(|line| line.line).collect::<Vec<_>>(), [4, 5, 6, 7]);
}

#[test]
fn the_newest_head_of_a_ledger_is_found_wherever_it_stands() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    let ours = LedgerId::from_bytes([1; 16]);
    // Enough of another's lines for several pieces, of lengths that let a piece begin at every place in ours.
    let others: String = (0..1_000).map(|seq| head(2, seq).to_line()).collect();
    for before in [0, 1, 400] {
        for behind in (0..200).chain([131_072, others.len()]) {
            let mut text: String = (0..before).map(|seq| head(2, seq).to_line()).collect();
            text += &head(1, 7).to_line();
            text += &others[..behind];
            std::fs::write(&path, text).unwrap();
            let file = HeadsFile::new(path.clone());
            assert_eq!(file.last_of(ours).unwrap(), Some(head(1, 7)), "{before} before, {behind} bytes behind");
            assert_eq!(file.last_of(LedgerId::from_bytes([3; 16])).unwrap(), None);
        }
    }
}

#[test]
fn what_is_too_long_for_a_line_is_no_head_and_hides_none() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    let file = HeadsFile::new(path.clone());
    let (wanted, long) = (head(1, 7).to_line(), head(1, 8).to_line());
    for spaces in [200_000, limits::HEAD_LINE_BYTES_MAX + 1, limits::HEAD_LINE_BYTES_MAX] {
        let padding = " ".repeat(spaces - (long.len() - 1));
        std::fs::write(&path, format!("{wanted}{}{padding}\n", long.trim_end())).unwrap();
        let is_line = spaces <= limits::HEAD_LINE_BYTES_MAX;
        let found = file.last_of(LedgerId::from_bytes([1; 16])).unwrap();
        assert_eq!(found, Some(head(1, if is_line { 8 } else { 7 })), "{spaces} bytes");
        match read_heads(&path) {
            Ok(kept) => assert!(is_line && kept.heads.len() == 2, "{spaces} bytes: {kept:?}"),
            Err(error) => assert!(!is_line && error.to_string().contains("line 2 is longer"), "{error}"),
        }
    }
    // An endless one, as far as a file can be that.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(read_heads(&path).unwrap_err().to_string().contains("line 1 is longer"));
}

#[test]
fn many_lines_that_are_no_heads_are_counted() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("heads");
    std::fs::write(&path, "x\n".repeat(limits::HEADS_UNREADABLE_MAX + 5) + &head(1, 7).to_line()).unwrap();
    let kept = read_heads(&path).unwrap();
    assert_eq!((kept.heads.len(), kept.unreadable.len()), (1, limits::HEADS_UNREADABLE_MAX));
    assert!(kept.unreadable.last().unwrap().what.ends_with("so it is with 5 more lines"), "{kept:?}");
}

#[test]
fn what_is_no_file_is_neither_read_nor_appended_to() {
    let place = tempfile::tempdir().unwrap();
    let fifo = place.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for (path, what) in
        [(fifo.as_path(), "a FIFO"), (place.path(), "a directory"), (Path::new("/dev/full"), "a device")]
    {
        let file = HeadsFile::new(path.to_owned());
        let errors = [
            read_heads(path).unwrap_err(),
            file.append(&head(1, 1)).unwrap_err(),
            file.last_of(LedgerId::from_bytes([1; 16])).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.to_string(), format!("{} is {what}, not a file", path.display()));
        }
    }
}

#[test]
fn many_may_append_at_once() {
    let place = tempfile::tempdir().unwrap();
    let file = HeadsFile::new(place.path().join("heads"));
    std::thread::scope(|scope| {
        for ledger in 0..4 {
            let file = &file;
            scope.spawn(move || (0..25).for_each(|seq| file.append(&head(ledger, seq)).unwrap()));
        }
    });
    let kept = read_heads(file.path()).unwrap();
    assert_eq!((kept.heads.len(), kept.unreadable.len()), (100, 0));
}

#[test]
fn a_file_in_the_directory_is_found_by_every_name() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("shop");
    std::fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink(&dir, place.path().join("link")).unwrap();
    for inside in ["shop/heads", "link/heads", "shop/../shop/heads", "link/../shop/log/heads"] {
        assert!(is_inside(&place.path().join(inside), &dir), "{inside}");
    }
    for outside in ["heads", "shop.heads", "shop/../heads"] {
        assert!(!is_inside(&place.path().join(outside), &dir), "{outside}");
    }
}
