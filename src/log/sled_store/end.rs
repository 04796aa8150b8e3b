//! Where the log ends, held against how far it must reach.

use super::{SledStore, marked_head};
use crate::domain::ids::Seq;
use crate::log::chain::Head;
use crate::log::frame::FrameKey;
use crate::log::reached::Reached;
use crate::log::store::{StoreError, StoreReader};

impl SledStore {
    /// Holds the end of the log against how far it reached by what was noted elsewhere.
    pub(super) fn check_end(&mut self, least: Seq) -> Result<(), StoreError> {
        let Reached { head: reached, .. } = self.witness.noted();
        let end = self.last_marked(Seq(u64::MAX))?;
        let shorter = |events: Seq, what: &str| StoreError::Corrupted {
            seq: Some(end.next_seq),
            what: format!("{what} {events} events, and it ends before that now; nothing was changed"),
        };
        if end.next_seq < reached.next_seq {
            let what = format!("the last one has the hash {}: the log once held", reached.hash);
            return Err(shorter(reached.next_seq, &what));
        }
        if end.next_seq < least {
            return Err(shorter(least, "an index or checkpoint of this ledger (in DIR/derived) covers"));
        }
        let found = self.last_marked(Seq(reached.next_seq.0.saturating_sub(1)))?;
        if reached != Head::EMPTY && found != reached {
            return Err(StoreError::Corrupted {
                seq: Some(Seq(reached.next_seq.0.saturating_sub(1))),
                what: format!(
                    "the log was noted to hold {} events, the last one with the hash {}, and has another history now; \
                     nothing was changed",
                    reached.next_seq, reached.hash
                ),
            });
        }
        match end.next_seq > reached.next_seq {
            true => {
                // What is noted must not be lost with the power: sled syncs what it found only where it repairs something.
                self.flush()?;
                self.witness.note_durably(Reached { head: end, seal: None })
            }
            false => Ok(()),
        }
    }

    /// The head at the last commit mark in a frame that begins at or before this event.
    fn last_marked(&self, seq: Seq) -> Result<Head, StoreError> {
        let mut at = FrameKey::last_of(seq);
        loop {
            let Some((key, bytes)) = self.trees.frame_at_or_before(at)? else { return Ok(Head::EMPTY) };
            if let Some(head) = marked_head(key, &bytes) {
                return Ok(head);
            }
            // What a stopped write left, or the middle of a group.
            match key.before() {
                Some(before) => at = before,
                None => return Ok(Head::EMPTY),
            }
        }
    }
}
