use super::{HeadsFile, KeptHead, is_inside, read_heads};
use crate::domain::ids::{LedgerId, Seq, Timestamp};
use crate::log::Hash;
use std::io::Write;

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
