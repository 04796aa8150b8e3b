//! Alerts: what asks for attention, the most urgent first.

use super::Answer;
use super::cursor::SortValue;
use super::page::{Direction, Listing, Page, Paging, Picker, QueryError};
use super::place::{Place, Scope};
use crate::domain::alert::{Alert, AlertKind, AlertStatus, Reorder, Urgency};
use crate::domain::ids::{AlertId, Position, Seq, Timestamp};
use crate::domain::names::Names;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Which alerts a question is about: all that agree with every part that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertFilter {
    /// Open ones only, or whatever the slots hold.
    pub slots: AlertSlots,
    /// At these positions.
    pub scope: Scope,
    /// Of this kind.
    pub kind: Option<AlertKind>,
    /// At least this urgent.
    pub urgency: Option<Urgency>,
}

/// A position keeps the last alert of each kind until the next one takes its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertSlots {
    /// Those that still ask for attention: open or acknowledged.
    #[default]
    Open,
    /// Resolved, dismissed and cleared ones too.
    All,
}

/// An alert, with where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    /// Its name: the same after every rebuild.
    pub id: AlertId,
    /// What it is about.
    pub kind: AlertKind,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// Where it stands.
    pub status: AlertStatus,
    /// The event that raised it.
    pub raised: Seq,
    /// When that was recorded.
    pub raised_at: Timestamp,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Available and inbound together when an event last touched the position, in the item's smallest units.
    pub level: i64,
    /// The reorder point.
    pub point: i64,
}

#[derive(Clone, Copy)]
struct Slot<'a> {
    position: Position,
    reorder: &'a Reorder,
    alert: &'a Alert,
}

impl<'a> Slot<'a> {
    fn of(state: &'a State, position: Position, kind: AlertKind) -> Option<Self> {
        let reorder = state.position(position)?.reorder.as_deref()?;
        Some(Self { position, reorder, alert: reorder.alert(kind)? })
    }

    fn row(self, names: &Names<'_>) -> AlertRow {
        let alert = self.alert;
        AlertRow {
            id: alert.id,
            kind: alert.kind,
            urgency: alert.urgency,
            status: alert.status,
            raised: alert.raised,
            raised_at: alert.raised_at,
            place: Place::of(names, self.position),
            level: alert.level,
            point: self.reorder.point.0,
        }
    }

    /// Older first, then by position and kind.
    fn tie(self) -> [u64; 3] {
        let Position { item, location, lot } = self.position;
        let place = u64::from(item.0) << 32 | u64::from(location.0);
        [self.alert.raised.0, place, u64::from(lot.0) << 8 | u64::from(self.alert.kind.number())]
    }
}

impl AlertFilter {
    fn admits(&self, state: &State, slot: &Slot<'_>) -> bool {
        (self.slots == AlertSlots::All || slot.alert.status.is_open())
            && self.kind.is_none_or(|kind| kind == slot.alert.kind)
            && self.urgency.is_none_or(|urgency| slot.alert.urgency >= urgency)
            && self.scope.admits(state, slot.position)
    }
}

const fn rank(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::Low => 1,
        Urgency::Medium => 2,
        Urgency::High => 3,
        Urgency::Critical => 4,
    }
}

/// An alert by its id; none once a newer one of its kind has taken its slot or the reorder point was cleared.
#[must_use]
pub fn alert(state: &State, now: Timestamp, id: AlertId) -> Answer<Option<AlertRow>> {
    Answer::from_state(state, now, |_| {
        let (position, kind) = state.alert(id)?;
        Some(Slot::of(state, position, kind)?.row(&Names::of(state)))
    })
}

/// Alerts that the filter admits: the most urgent first, of equal urgency the oldest first, page by page.
///
/// Alerts follow from events: a hold that lapses is noticed when its expiry is recorded.
///
/// # Errors
/// [`QueryError`] for a page or cursor that can't be used.
///
/// # Example
/// ```
/// # use counterfoil::domain::{alert::Urgency, ids::Timestamp, state::State};
/// use counterfoil::query::{self, AlertFilter, Paging};
/// # let (state, now) = (State::default(), Timestamp(0));
/// let filter = AlertFilter { urgency: Some(Urgency::High), ..AlertFilter::default() };
/// for alert in query::alerts(&state, now, &filter, &Paging::first(10))?.value.rows {
///     println!("{:?} at {:?}: level {}", alert.kind, alert.place.sku, alert.level);
/// }
/// # Ok::<(), query::QueryError>(())
/// ```
pub fn alerts(
    state: &State,
    now: Timestamp,
    filter: &AlertFilter,
    paging: &Paging,
) -> Result<Answer<Page<AlertRow>>, QueryError> {
    let listing = Listing { list: "alerts", by: "urgency", direction: Direction::Descending };
    let mut picker = Picker::new(listing, paging)?;
    Ok(Answer::from_state(state, now, |_| {
        for (_, position, kind) in state.alerts() {
            if let Some(slot) = Slot::of(state, position, kind).filter(|slot| filter.admits(state, slot)) {
                picker.offer(SortValue::Number(rank(slot.alert.urgency)), slot.tie(), slot);
            }
        }
        let names = Names::of(state);
        picker.page(|slot| slot.row(&names))
    }))
}
