//! The ledger's own state as a projection.

use super::{Projection, ProjectionError};
use crate::domain::event::Event;
use crate::domain::evolve::evolve;
use crate::domain::ids::Seq;
use crate::domain::state::State;
use crate::log::codec;

impl Projection for State {
    fn name(&self) -> &str {
        "state"
    }

    fn version(&self) -> u32 {
        2
    }

    /// Never fails: what is in the log was decided.
    fn apply(&mut self, _: Seq, event: &Event) -> Result<(), ProjectionError> {
        evolve(self, event);
        Ok(())
    }

    fn save(&self) -> Result<Vec<u8>, ProjectionError> {
        Ok(codec::encode_state(self)?)
    }

    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
        *self = codec::decode_state(bytes)?;
        Ok(())
    }
}
