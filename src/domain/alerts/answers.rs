//! What people do about an alert: see it, deal with it, dismiss it.

use crate::domain::alert::AlertStatus;
use crate::domain::command::Command;
use crate::domain::decide::{Deciding, Form};
use crate::domain::event::Body;
use crate::domain::evolve::Evolving;
use crate::domain::fields::{Field, Subject};
use crate::domain::ids::AlertId;
use crate::domain::kinds::{CommandPayload, EventPayload, Nature, moves_nothing, needs_nothing};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use serde::{Deserialize, Serialize};

/// Instruction: somebody has seen an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AcknowledgeAlert {
    /// The alert.
    pub alert: AlertId,
}

impl CommandPayload for AcknowledgeAlert {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.alert.bytes()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        match open_alert(at.state, self.alert)? {
            AlertStatus::Acknowledged => Err(Rejection::NoChange { what: "the alert is acknowledged" }),
            AlertStatus::Open | AlertStatus::Resolved | AlertStatus::Dismissed | AlertStatus::Cleared => {
                Ok(AlertAcknowledged { alert: self.alert }.into())
            }
        }
    }
}

/// An alert was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertAcknowledged {
    /// The alert.
    pub alert: AlertId,
}

impl EventPayload for AlertAcknowledged {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        set_alert(at.state, self.alert, AlertStatus::Acknowledged);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        position_of(state, self.alert).into_iter().for_each(about);
    }
}

/// Instruction: somebody has dealt with an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResolveAlert {
    /// The alert.
    pub alert: AlertId,
}

impl CommandPayload for ResolveAlert {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.alert.bytes()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        open_alert(at.state, self.alert).map(|_| AlertResolved { alert: self.alert }.into())
    }
}

/// An alert was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertResolved {
    /// The alert.
    pub alert: AlertId,
}

impl EventPayload for AlertResolved {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        set_alert(at.state, self.alert, AlertStatus::Resolved);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        position_of(state, self.alert).into_iter().for_each(about);
    }
}

/// Instruction: an alert does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DismissAlert {
    /// The alert.
    pub alert: AlertId,
}

impl CommandPayload for DismissAlert {
    needs_nothing!();

    fn nature(&self) -> Nature {
        Nature::Instruction
    }

    fn fields(&self, each: &mut dyn FnMut(u8, Field<'_>)) {
        each(2, Field::Id(self.alert.bytes()));
    }

    fn validate(&self, _: &Command, _: &mut Form) {}

    fn decide(&self, at: &mut Deciding<'_>) -> Result<Body, Rejection> {
        open_alert(at.state, self.alert).map(|_| AlertDismissed { alert: self.alert }.into())
    }
}

/// An alert does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertDismissed {
    /// The alert.
    pub alert: AlertId,
}

impl EventPayload for AlertDismissed {
    moves_nothing!();

    fn evolve(&self, at: &mut Evolving<'_>) {
        set_alert(at.state, self.alert, AlertStatus::Dismissed);
    }

    fn subjects(&self, state: &State, about: &mut dyn FnMut(Subject)) {
        position_of(state, self.alert).into_iter().for_each(about);
    }
}

fn open_alert(state: &State, id: AlertId) -> Result<AlertStatus, Rejection> {
    let alert = state
        .alert(id)
        .and_then(|(position, kind)| state.position(position)?.reorder.as_ref()?.alert(kind))
        .ok_or(Rejection::AlertNotFound { alert: id })?;
    match alert.status.is_open() {
        true => Ok(alert.status),
        false => Err(Rejection::AlertClosed { alert: id }),
    }
}

fn set_alert(state: &mut State, id: AlertId, status: AlertStatus) {
    let Some((position, kind)) = state.alert(id) else { return };
    let Some(reorder) = state.positions.edit(&position).and_then(|entry| entry.reorder.as_mut()) else { return };
    if let Some(Some(alert)) = reorder.alerts.get_mut(kind.index()) {
        alert.status = status;
    }
}

fn position_of(state: &State, id: AlertId) -> Option<Subject> {
    state.alert(id).map(|(position, _)| Subject::Position(position))
}
