//! The whole ledger on a disk that forgets: receipts, index, checkpoints and audit after a power cut.

use crate::fuse_fs::PowerCutDisk;
use crate::fuse_fs::disk::Keep;
use crate::ledger::{command, id, shop};
use crate::power_cut::{Store, put_through_cuts, say};
use counterfoil::audit;
use counterfoil::domain::command::{Act, Command, Receive};
use counterfoil::domain::ids::{ItemId, LocationId, Position, Seq};
use counterfoil::domain::line::Line;
use counterfoil::domain::quantity::Quantity;
use counterfoil::ledger::{Ledger, OpenError, Options, Repeat};
use counterfoil::log::StoreError;
use smallvec::smallvec;
use std::ops::Range;
use std::path::Path;
use tokio::runtime::Runtime;

/// A ledger whose entry is this many commands, submitted as part of one batch.
struct Shop<const COMMANDS: u64> {
    // None once it is closed.
    ledger: Option<Ledger>,
    runtime: Runtime,
}

const FIRST_ID: u128 = 1_000_000;

/// The command of a number; its id comes from the number, so that asking twice is a repeat.
fn receive(number: u64) -> Command {
    let lines = smallvec![Line::new(Position::new(ItemId(1), LocationId(1)), Quantity(1))];
    command(Act::Receive(Receive { lines })).with_id(id(FIRST_ID + u128::from(number)))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn open_or_create(path: &Path) -> Result<Ledger, OpenError> {
    if path.exists() { Ledger::open(path, Options::default()) } else { Ledger::create(path, Options::default()) }
}

impl<const COMMANDS: u64> Shop<COMMANDS> {
    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn submit(&self, numbers: Range<u64>) -> Result<Vec<Repeat>, String> {
        let outcomes = self.ledger().submit_batch(numbers.map(receive).collect());
        let outcomes = self.runtime.block_on(outcomes).map_err(text)?;
        outcomes.into_iter().map(|outcome| outcome.map(|receipt| receipt.repeat).map_err(text)).collect()
    }
}

impl<const COMMANDS: u64> Drop for Shop<COMMANDS> {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            // After the cut it can't be closed well.
            let _ = self.runtime.block_on(ledger.close());
        }
    }
}

impl<const COMMANDS: u64> Store for Shop<COMMANDS> {
    fn open(path: &Path) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(text)?;
        let ledger = open_or_create(path).map_err(text)?;
        if ledger.head().next_seq == Seq(1) {
            runtime.block_on(shop(&ledger, 1));
        }
        Ok(Shop { ledger: Some(ledger), runtime })
    }

    fn append(&mut self, group: Range<u64>) -> Result<(), String> {
        self.submit(group.start * COMMANDS..group.end * COMMANDS).map(drop)
    }

    /// The entries whose commands are all there; the audit, the index and the stock agree on them.
    fn entries(&self) -> Result<Vec<u64>, String> {
        let ledger = self.ledger();
        let report = audit::verify(&*ledger.log(), audit::Options::default()).map_err(text)?;
        if !report.ok {
            return Err(format!("{:?}", report.first_fault));
        }
        ledger.verify_derived().map_err(text)?;
        let mut numbers = Vec::new();
        let mut page = ledger.events(Seq(0), Seq(u64::MAX)).map_err(text)?;
        while let Some(last) = page.last().map(|recorded| recorded.seq) {
            let ids = page.iter().filter_map(|recorded| recorded.event.envelope.command_id);
            let ours = ids.filter_map(|id| u128::from_be_bytes(id.bytes()).checked_sub(FIRST_ID));
            numbers.extend(ours.filter(|number| *number < 1 << 40));
            page = ledger.events(last.next(), Seq(u64::MAX)).map_err(text)?;
        }
        if !numbers.iter().copied().eq(0..numbers.len() as u128) {
            return Err(format!("{} commands are there, with a gap or out of order", numbers.len()));
        }
        let there = numbers.len() as u64;
        let position = Position::new(ItemId(1), LocationId(1));
        let physical = ledger.query(|state, _| state.position(position).map(|p| p.physical()));
        if physical != Some(there as i64 + 1) {
            return Err(format!("{there} commands of one unit each made {physical:?} of them"));
        }
        let repeats = self.submit(there.saturating_sub(500)..there)?;
        if repeats.iter().any(|repeat| *repeat != Repeat::Duplicate) {
            return Err("a command that is there was taken again".to_string());
        }
        Ok((0..there / COMMANDS).collect())
    }
}

#[test]
fn what_the_ledger_acknowledged_stays() {
    put_through_cuts::<Shop<1>>("the ledger");
}

/// So many that index runs and checkpoints are being written when the power goes.
#[test]
fn what_large_batches_acknowledged_stays() {
    put_through_cuts::<Shop<500>>("the ledger with 500 commands an entry");
}

/// The power goes at every single change that a creation makes. Whoever was told that the ledger exists can open
/// it; anybody else finds a ledger, or is told that there is none.
#[test]
fn a_creation_cut_short_is_a_ledger_or_none() {
    let (mut unfinished, mut finished) = (0, 0);
    for after_changes in 0.. {
        let mut was_cut = true;
        for keep in [Keep::Nothing, Keep::Some(after_changes), Keep::Some(!after_changes)] {
            let disk = PowerCutDisk::new();
            let Some(mounted) = disk.mount_or_say("a_creation_cut_short_is_a_ledger_or_none") else { return };
            disk.cut_after(after_changes);
            let created = Ledger::create(mounted.path().join("shop"), Options::default());
            was_cut = disk.is_cut();
            let created = created.map(close);
            drop(mounted);
            let mounted = disk.after_power_cut(keep).mount().unwrap();
            let opened = Ledger::open(mounted.path().join("shop"), Options::default());
            let place = format!("cut after {after_changes} changes, {keep:?}, creation said {created:?}");
            match opened {
                Ok(ledger) => {
                    assert_eq!(ledger.head().next_seq, Seq(1), "{place}");
                    close(ledger);
                    finished += 1;
                }
                Err(OpenError::Store(StoreError::NotALedger { .. })) if created.is_err() => unfinished += 1,
                Err(error) => panic!("{place}: {error}"),
            }
        }
        if !was_cut {
            say(&format!(
                "power cut: at each of the {after_changes} changes of a creation: {finished} ledgers, {unfinished} none"
            ));
            return;
        }
    }
}

fn close(ledger: Ledger) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _ = runtime.block_on(ledger.close());
}
