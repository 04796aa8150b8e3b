//! Alerts, folded from the beginning each time: levels at events, and what people did about them.

use super::Model;
use crate::subject::{AlertKind, AlertStatus, AlertView, Urgency, alert_id};
use counterfoil::domain::ids::{AlertId, Position, Seq, Timestamp};

/// One line of the history that alerts are folded from.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The level of a position after an event, with the reorder point that it then had.
    Level {
        seq: Seq,
        position: Position,
        level: i64,
        point: Option<i64>,
    },
    Acknowledged(AlertId),
    Resolved(AlertId),
    Dismissed(AlertId),
}

/// The newest alert of one kind at one position, and whether its condition has not cleared since.
#[derive(Clone, Debug)]
struct Watch {
    condition_holds: bool,
    alert: AlertView,
}

impl Model {
    pub(super) fn note_levels(&mut self, positions: &[Position], now: Timestamp) {
        let mut positions = positions.to_vec();
        positions.sort();
        positions.dedup();
        for position in positions {
            let point = self.points.iter().find(|known| known.0 == position).map(|known| known.1);
            let level = self.available(position, now) + self.inbound(position);
            self.notes.push(Note::Level { seq: self.head, position, level, point });
        }
    }

    /// The newest alert of each kind and position, closed ones too: the only ones that can be named.
    pub fn newest_alerts(&self) -> Vec<AlertView> {
        let mut watches: Vec<Watch> = Vec::new();
        for note in &self.notes {
            match note {
                Note::Level { seq, position, level, point } => {
                    for kind in [AlertKind::LowStock, AlertKind::OutOfStock, AlertKind::Oversold] {
                        watch(&mut watches, *seq, *position, kind, *level, *point);
                    }
                }
                Note::Acknowledged(id) => set(&mut watches, *id, AlertStatus::Acknowledged),
                Note::Resolved(id) => set(&mut watches, *id, AlertStatus::Resolved),
                Note::Dismissed(id) => set(&mut watches, *id, AlertStatus::Dismissed),
            }
        }
        watches.into_iter().map(|watch| watch.alert).collect()
    }

    pub(super) fn open_alerts(&self) -> Vec<AlertView> {
        self.newest_alerts().into_iter().filter(|alert| is_open(alert.status)).collect()
    }
}

pub(super) fn is_open(status: AlertStatus) -> bool {
    matches!(status, AlertStatus::Open | AlertStatus::Acknowledged)
}

fn watch(watches: &mut Vec<Watch>, seq: Seq, position: Position, kind: AlertKind, level: i64, point: Option<i64>) {
    // A position without a point keeps no alerts, so none of them can be named.
    if point.is_none() {
        watches.retain(|w| (w.alert.position, w.alert.kind) != (position, kind));
        return;
    }
    let old = watches.iter().position(|w| w.alert.position == position && w.alert.kind == kind);
    let held = old.is_some_and(|index| watches[index].condition_holds);
    let holds = point.is_some_and(|point| match held {
        true => !clears(kind, level, point),
        false => arises(kind, level, point),
    });
    let urgency = urgency(kind, level, point.unwrap_or(0));
    match (old, held, holds) {
        (Some(index), false, true) => watches[index] = raised(seq, position, kind, urgency),
        (None, _, true) => watches.push(raised(seq, position, kind, urgency)),
        (Some(index), true, true) if is_open(watches[index].alert.status) => watches[index].alert.urgency = urgency,
        (Some(index), true, false) => {
            watches[index].condition_holds = false;
            if is_open(watches[index].alert.status) {
                watches[index].alert.status = AlertStatus::Resolved;
            }
        }
        _ => {}
    }
}

fn raised(seq: Seq, position: Position, kind: AlertKind, urgency: Urgency) -> Watch {
    let id = alert_id(seq, position, kind);
    let alert = AlertView { id, position, kind, status: AlertStatus::Open, urgency };
    Watch { condition_holds: true, alert }
}

fn arises(kind: AlertKind, level: i64, point: i64) -> bool {
    match kind {
        AlertKind::LowStock => level <= point,
        AlertKind::OutOfStock => level <= 0,
        AlertKind::Oversold => level < 0,
    }
}

fn clears(kind: AlertKind, level: i64, point: i64) -> bool {
    match kind {
        AlertKind::LowStock => level >= point + (point / 10).max(1),
        AlertKind::OutOfStock => level > 0,
        AlertKind::Oversold => level >= 0,
    }
}

fn urgency(kind: AlertKind, level: i64, point: i64) -> Urgency {
    match kind {
        AlertKind::Oversold => Urgency::Critical,
        AlertKind::OutOfStock => Urgency::High,
        AlertKind::LowStock if 2 * level <= point => Urgency::Medium,
        AlertKind::LowStock => Urgency::Low,
    }
}

fn set(watches: &mut [Watch], id: AlertId, status: AlertStatus) {
    for watch in watches.iter_mut().filter(|watch| watch.alert.id == id) {
        watch.alert.status = status;
    }
}
