//! One read that fails while a ledger is opened, and works the next time.

use super::growth::play;
use super::rounds::{HEAD_BYTES, SEGMENT_BYTES};
use super::{STOCK, Told, VERIFY, ask, changes, copy_over, hold, truth};
use crate::simulation::Dice;
use crate::strace::{most_calls, with_fault};
use std::path::Path;

const READ: &str = "pread64";
const DB: &str = "log/db";

/// Whether sled did no more to its file than it may when it opens and closes it: it goes on behind the end of what was
/// there, and zeroes, up to their heads, segments whose messages were said again in newer ones. That may be done before a
/// later read fails, of a frame or for an index.
fn is_only_gone_on_with(before: &[u8], after: &[u8]) -> bool {
    let mut segments = before.chunks(SEGMENT_BYTES as usize).zip(after.chunks(SEGMENT_BYTES as usize));
    before.len() <= after.len()
        && segments.all(|(before, after)| {
            let (head, rest) = after.split_at(HEAD_BYTES.min(after.len()));
            let end = before.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            after.starts_with(&before[..end]) || (before.starts_with(head) && rest.iter().all(|byte| *byte == 0))
        })
}

/// Opens a ledger that must hold so many events with one read that fails, any of those that there are.
fn opened(ledger: &Path, copy: &Path, events: u64, dice: &mut Dice) -> Result<&'static str, String> {
    copy_over(ledger, copy);
    let Some(calls) = most_calls(&[READ], copy, &STOCK, "reads that fail once") else { return Ok("NOT TESTED") };
    copy_over(ledger, copy);
    let before = truth(copy);
    let n = dice.below(calls[READ] as usize) as u64 + 1;
    let stock = Told::new(&with_fault(READ, "error=EIO", n, copy, &STOCK));
    let read = format!("read {n} of {} fails, {events} events acknowledged: {stock:?}", calls[READ]);
    // The log is open by then, and sled has made good what the kill left.
    let is_for_index = stock.said.contains("cannot read file");
    let found = match stock.code {
        Some(0) => "harmless",
        Some(4) if is_for_index => "refused for an index",
        Some(1 | 3 | 4) => "refused",
        // The program was not even loaded.
        Some(127) => "not started",
        _ => return Err(read),
    };
    let (mut after, mut found) = (truth(copy), found);
    if found == "refused" && after != before && is_only_gone_on_with(&before[Path::new(DB)], &after[Path::new(DB)]) {
        after.insert(DB.into(), before[Path::new(DB)].clone());
        found = "refused late";
    }
    let changes = changes(&before, &after);
    hold(!found.starts_with("refused") || found.contains("index") || changes.is_empty(), || {
        format!("{read}: changed though refused: {changes}")
    })?;
    hold(found != "harmless" || stock.holds(events), || format!("{read}: too few"))?;
    let verify = ask(copy, &VERIFY);
    hold(verify.holds(events), || format!("{read}: then {verify:?}"))?;
    Ok(found)
}

#[test]
fn a_read_that_fails_once_while_a_killed_ledger_is_opened_takes_nothing() {
    play("kill, then a failed read", |grown, home, dice| {
        grown.grow(dice);
        let found = opened(&grown.dir, &home.join("copy"), grown.events, dice)?;
        grown.check()?;
        Ok(found)
    });
}

#[test]
fn a_read_that_fails_once_while_a_closed_ledger_is_opened_takes_nothing() {
    play("close, then a failed read", |grown, home, dice| {
        grown.grow(dice);
        grown.check()?;
        opened(&grown.dir, &home.join("copy"), grown.events, dice)
    });
}
