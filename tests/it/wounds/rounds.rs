//! Processes that are killed, and then damage to the newest part of what they left.

use super::growth::{Grown, play};
use super::{STOCK, VERIFY, ask, changes, copy_over, hold, truth};
use crate::simulation::Dice;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub const SEGMENT_BYTES: u64 = 512 << 10;
const SECTOR_BYTES: u64 = 512;
/// Bytes of the head of one of sled's segments.
pub const HEAD_BYTES: usize = 20;
/// Damage is done within so many bytes of the end of the file.
const NEWEST_BYTES: u64 = 1 << 20;

/// Some bytes of a file that became others.
#[derive(Debug)]
struct Wound {
    at: u64,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Wound {
    /// A flipped bit or a sector of zeros, in the newest part or at the head of a segment.
    fn any(db: &Path, dice: &mut Dice) -> Self {
        let bytes = db.metadata().unwrap().len();
        let from = bytes.saturating_sub(NEWEST_BYTES);
        let anywhere = from + dice.below((bytes - from) as usize) as u64;
        let head = dice.below(bytes.div_ceil(SEGMENT_BYTES) as usize) as u64 * SEGMENT_BYTES;
        match dice.below(6) {
            0 => Self::zeroed(db, head),
            1 => Self::flipped(db, head + dice.below(HEAD_BYTES) as u64, dice),
            2 | 3 => Self::zeroed(db, anywhere / SECTOR_BYTES * SECTOR_BYTES),
            _ => Self::flipped(db, anywhere, dice),
        }
    }

    fn zeroed(db: &Path, at: u64) -> Self {
        let bytes = (db.metadata().unwrap().len() - at).min(SECTOR_BYTES);
        let before = read(db, at, bytes as usize);
        Self { at, after: vec![0; before.len()], before }
    }

    fn flipped(db: &Path, at: u64, dice: &mut Dice) -> Self {
        let before = read(db, at, 1);
        Self { at, after: vec![before[0] ^ (1 << dice.below(8))], before }
    }

    fn inflict(&self, db: &Path) {
        write(db, self.at, &self.after);
    }

    fn heal(&self, db: &Path) {
        write(db, self.at, &self.before);
    }
}

fn read(db: &Path, at: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    File::open(db).unwrap().read_exact_at(&mut read, at).unwrap();
    read
}

fn write(db: &Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(db).unwrap().write_all_at(bytes, at).unwrap();
}

/// Damages a ledger that must hold so many events, and asks it.
fn damaged(ledger: &Path, events: u64, dice: &mut Dice) -> Result<&'static str, String> {
    let db = ledger.join("log/db");
    let wound = Wound::any(&db, dice);
    wound.inflict(&db);
    let before = truth(ledger);
    let stock = ask(ledger, &STOCK);
    let mut changed = changes(&before, &truth(ledger));
    let verify = ask(ledger, &VERIFY);
    let place = format!("{} bytes at {} of log/db", wound.after.len(), wound.at);
    let told = || format!("{place} damaged, {events} events acknowledged: {stock:?}, {verify:?}");
    match (stock.code, verify.code) {
        (Some(0), Some(0)) => {
            hold(stock.holds(events) && verify.holds(events), told)?;
            Ok("harmless")
        }
        (Some(0), Some(3)) => {
            hold(stock.holds(events), told)?;
            Ok("found by verify")
        }
        (Some(3), Some(3)) => {
            changed += &changes(&before, &truth(ledger));
            hold(changed.is_empty(), || format!("{}: changed though refused: {changed}", told()))?;
            wound.heal(&db);
            Grown { dir: ledger.to_owned(), events }.check().map_err(|wrong| format!("{}; healed: {wrong}", told()))?;
            Ok("refused")
        }
        _ => Err(told()),
    }
}

#[test]
fn damage_behind_a_kill_takes_no_acknowledged_event_in_silence() {
    play("kill, then damage", |grown, home, dice| {
        grown.grow(dice);
        let hurt = home.join("hurt");
        copy_over(&grown.dir, &hurt);
        let found = damaged(&hurt, grown.events, dice)?;
        grown.check()?;
        Ok(found)
    });
}
