//! The log as clones of a ledger and their readers see it: until the ledger is closed, whatever the store is.

use super::life::{Life, closed};
use crate::domain::ids::Seq;
use crate::log::store::Frames;
use crate::log::{FrameBytes, FrameKey, PrivateText, StoreError, StoreReader};
use std::sync::Arc;

/// A reader that says so once the ledger is closed.
pub(super) struct OpenLog {
    pub(super) log: Arc<dyn StoreReader>,
    pub(super) life: Arc<Life>,
}

impl OpenLog {
    fn open(&self) -> Result<&dyn StoreReader, StoreError> {
        match self.life.is_closing() {
            true => Err(closed()),
            false => Ok(self.log.as_ref()),
        }
    }
}

impl StoreReader for OpenLog {
    fn frames(&self, from: FrameKey) -> Frames<'_> {
        let mut frames = None;
        Box::new(std::iter::from_fn(move || match self.open() {
            Ok(log) => frames.get_or_insert_with(|| log.frames(from)).next(),
            Err(closed) => Some(Err(closed)),
        }))
    }

    fn frame_at_or_before(&self, key: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        self.open()?.frame_at_or_before(key)
    }

    fn private(&self, seq: Seq) -> Result<Option<PrivateText>, StoreError> {
        self.open()?.private(seq)
    }
}
