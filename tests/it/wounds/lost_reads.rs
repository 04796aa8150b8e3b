//! One read that fails while a ledger is opened, and works the next time.

use super::growth::play;
use super::{STOCK, Told, VERIFY, ask, copy_over, hold, truth};
use crate::simulation::Dice;
use crate::strace::{most_calls, with_fault};
use std::path::Path;

const READ: &str = "pread64";

/// Opens a ledger that must hold so many events with one read that fails, any of those that there are.
fn opened(ledger: &Path, copy: &Path, events: u64, dice: &mut Dice) -> Result<&'static str, String> {
    copy_over(ledger, copy);
    let Some(calls) = most_calls(&[READ], copy, &STOCK, "reads that fail once") else { return Ok("NOT TESTED") };
    copy_over(ledger, copy);
    let before = truth(copy);
    let n = dice.below(calls[READ] as usize) as u64 + 1;
    let stock = Told::new(&with_fault(READ, "error=EIO", n, copy, &STOCK));
    let is_unchanged = truth(copy) == before;
    let verify = ask(copy, &VERIFY);
    let told = || format!("read {n} of {} fails, {events} events acknowledged: {stock:?}, {verify:?}", calls[READ]);
    hold(verify.holds(events), told)?;
    match stock.code {
        Some(0) => {
            hold(events == 5 || stock.holds(events), told)?;
            Ok("harmless")
        }
        // The log is open by then, and sled has made good what the kill left.
        Some(4) if stock.said.contains("cannot read file") => Ok("refused for an index"),
        Some(1 | 3 | 4) => {
            hold(is_unchanged, || format!("{}: changed though refused", told()))?;
            Ok("refused")
        }
        _ => Err(told()),
    }
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
