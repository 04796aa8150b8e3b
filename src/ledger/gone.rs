//! What is left of a closed ledger's log for clones that still ask: an error that says so.

use crate::domain::ids::Seq;
use crate::log::store::Frames;
use crate::log::{FrameBytes, FrameKey, PrivateText, StoreError, StoreReader};

/// A reader of nothing.
pub(super) struct Gone;

fn closed() -> StoreError {
    StoreError::Io { what: "reading the log", source: std::io::Error::other("the ledger is closed") }
}

impl StoreReader for Gone {
    fn frames(&self, _: FrameKey) -> Frames<'_> {
        Box::new(std::iter::once_with(|| Err(closed())))
    }

    fn frame_at_or_before(&self, _: FrameKey) -> Result<Option<(FrameKey, FrameBytes)>, StoreError> {
        Err(closed())
    }

    fn private(&self, _: Seq) -> Result<Option<PrivateText>, StoreError> {
        Err(closed())
    }
}
