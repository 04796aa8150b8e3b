//! Projections: what anybody folds from the events. The ledger's own state is one.
//!
//! [`Ledger::project`](crate::ledger::Ledger::project) runs one: it folds every event exactly once and in order, keeps
//! state and place together in one checkpoint, and stops at the first event that can't be applied.

mod state;

use crate::domain::event::Event;
use crate::domain::ids::Seq;

/// A fold over the events, with a state of its own.
///
/// # Example
/// ```
/// use counterfoil::Seq;
/// use counterfoil::domain::event::{Body, Event};
/// use counterfoil::projection::{Projection, ProjectionError};
///
/// /// How many counts there were.
/// #[derive(Default)]
/// struct Counts(u64);
///
/// impl Projection for Counts {
///     fn name(&self) -> &str {
///         "counts"
///     }
///
///     fn version(&self) -> u32 {
///         1
///     }
///
///     fn apply(&mut self, _: Seq, event: &Event) -> Result<(), ProjectionError> {
///         self.0 += u64::from(matches!(event.body, Body::Counted(_)));
///         Ok(())
///     }
///
///     fn save(&self) -> Result<Vec<u8>, ProjectionError> {
///         Ok(self.0.to_le_bytes().to_vec())
///     }
///
///     fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError> {
///         self.0 = u64::from_le_bytes(bytes.try_into()?);
///         Ok(())
///     }
/// }
/// ```
pub trait Projection {
    /// What its checkpoints are called: 1 to 64 small letters, digits, `.`, `-` and `_`. Only one of a name runs at a
    /// time, and its name never changes.
    fn name(&self) -> &str;

    /// Another number whenever the same events would be folded to something else: it is then built anew.
    fn version(&self) -> u32;

    /// Folds the next event. After an error it must be as it was before.
    ///
    /// # Errors
    /// Why the event can't be applied: the projection stops there, nothing is skipped. A panic stops it too; its state
    /// is then never saved.
    fn apply(&mut self, seq: Seq, event: &Event) -> Result<(), ProjectionError>;

    /// Its state as bytes.
    ///
    /// # Errors
    /// Why it can't be written down: it goes on without this checkpoint.
    fn save(&self) -> Result<Vec<u8>, ProjectionError>;

    /// Takes over the state that was saved by the same version.
    ///
    /// # Errors
    /// Why it can't be read: this one is then dropped, and another one that has seen nothing is built anew.
    fn load(&mut self, bytes: &[u8]) -> Result<(), ProjectionError>;
}

/// Why a projection can't go on.
pub type ProjectionError = Box<dyn std::error::Error + Send + Sync>;
