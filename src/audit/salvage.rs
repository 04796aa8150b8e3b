//! Says what a damaged log still proves: how far it is consistent, what stands behind the damage, what is lost.

use super::verify::{Expected, Fault, Options, format_fault, verify};
use crate::domain::ids::{LedgerId, Seq};
use crate::log::store::Frames;
use crate::log::{FrameBytes, FrameKey, Head, PrivateText, StoreError, StoreReader, Survey, survey};
use serde::Serialize;

/// What a damaged log still proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Salvage {
    /// Whether nothing is damaged and nothing lost.
    pub ok: bool,
    /// The ledger's name, where its first event can be read.
    pub ledger: Option<LedgerId>,
    /// Events from the start on that are consistent with each other in every respect, in whole groups.
    pub events: u64,
    /// The last of them.
    pub head: Option<Expected>,
    /// What is wrong behind them.
    pub fault: Option<Fault>,
    /// Events behind the damage that fit each other; that they fit what is before them can't be known from here.
    pub islands: Vec<SalvagedIsland>,
    /// Events that can be read, and of which nothing says what they follow.
    pub unchecked: Vec<LostRange>,
    /// Events that are gone.
    pub lost: Vec<LostRange>,
    /// How many events there once were, where the directory says so.
    pub events_once: Option<u64>,
}

/// Events behind damage that fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SalvagedIsland {
    /// The first.
    pub first: Seq,
    /// The last.
    pub last: Expected,
}

/// Events from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LostRange {
    /// The first.
    pub first: Seq,
    /// The last.
    pub last: Seq,
}

impl LostRange {
    /// The events from one place up to, not including, another; none where there are none.
    fn of(first: Seq, end: Seq) -> Option<Self> {
        let last = end.0.checked_sub(1).map(Seq)?;
        (first <= last).then_some(Self { first, last })
    }
}

/// Reads everything that can be read. `reached` is how far the log is known to have reached once.
///
/// # Errors
/// Where the store fails otherwise than by damage.
pub fn salvage(reader: &dyn StoreReader, reached: Option<Head>) -> Result<Salvage, StoreError> {
    let Survey { mut prefix, fault, islands, unchecked } = survey(reader)?;
    let mut fault = fault.as_ref().map(format_fault);
    let report = verify(&Before { reader, end: prefix.next_seq }, Options::default())?;
    // Rules may be broken where format and chain are right.
    if let Some(broken) = report.first_fault.filter(|_| prefix != Head::EMPTY) {
        prefix = survey(&Before { reader, end: broken.seq })?.prefix;
        fault = Some(broken);
    }
    let islands = islands.iter().filter_map(|island| {
        let last = island.end.next_seq.0.checked_sub(1).map(Seq)?;
        Some(SalvagedIsland { first: island.first, last: Expected { seq: last, hash: island.end.hash } })
    });
    let islands: Vec<_> = islands.collect();
    let unchecked = unchecked.iter().filter_map(|(first, events)| LostRange::of(*first, Seq(first.0 + events)));
    let unchecked: Vec<_> = unchecked.collect();
    let once = reached.map(|reached| reached.next_seq);
    let there = islands.iter().map(|island| (island.first, island.last.seq));
    let there = there.chain(unchecked.iter().map(|range| (range.first, range.last))).collect();
    let lost = lost(prefix.next_seq, there, once);
    let last = prefix.next_seq.0.checked_sub(1).map(Seq);
    Ok(Salvage {
        ok: fault.is_none() && lost.is_empty() && last.is_some(),
        ledger: report.ledger,
        events: prefix.next_seq.0,
        head: last.map(|seq| Expected { seq, hash: prefix.hash }),
        fault,
        islands,
        unchecked,
        lost,
        events_once: once.map(|once| once.0),
    })
}

/// What lies between what is there.
fn lost(prefix: Seq, mut there: Vec<(Seq, Seq)>, once: Option<Seq>) -> Vec<LostRange> {
    there.sort_unstable();
    let mut lost = Vec::new();
    let mut next = prefix;
    for (first, last) in there {
        lost.extend(LostRange::of(next, first));
        next = next.max(last.next());
    }
    lost.extend(once.and_then(|once| LostRange::of(next, once)));
    lost
}

impl Salvage {
    /// The head behind the events that are consistent.
    #[must_use]
    pub fn prefix(&self) -> Head {
        self.head.map_or(Head::EMPTY, |last| Head { next_seq: last.seq.next(), hash: last.hash })
    }
}

/// A log up to a place, as if nothing stood behind it; private texts that can't be read count as erased.
struct Before<'r> {
    reader: &'r dyn StoreReader,
    end: Seq,
}

impl StoreReader for Before<'_> {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        let end = self.end;
        // Everything before the end was read once, so damage is behind it.
        let inside = move |frame: &Result<(FrameKey, FrameBytes), StoreError>| match frame {
            Ok((key, _)) => key.first < end,
            Err(error) => !matches!(error, StoreError::Corrupted { .. }),
        };
        match from.first < end {
            true => Box::new(self.reader.frames(from).take_while(inside)),
            false => Box::new(std::iter::empty()),
        }
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        match self.end.0.checked_sub(1) {
            Some(last) => self.reader.frame_at_or_before(key.min(FrameKey::last_of(Seq(last)))),
            None => Ok(None),
        }
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        match self.reader.private(seq) {
            Err(StoreError::Corrupted { .. }) => Ok(None),
            read => read,
        }
    }
}
