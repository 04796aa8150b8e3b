//! How a command differs from the event that stands under its id: said in words, to people who reused an id.

use super::command::{Act, Command, PosDelta};
use super::event::{Body, Event, PosMovement};
use super::ids::{Position, Timestamp};
use super::line::{Disposition, Line, ReturnLine};

/// The first thing in which a command differs from the event that stands under its id, in words.
///
/// Where the difference lies in something that the event keeps only as a digest (the version that a line saw,
/// how holds were chosen), it says so in general.
#[must_use]
pub fn first_difference(event: &Event, command: &Command) -> String {
    let envelope = &event.envelope;
    if act_number(&event.body) != Some(command.act.number()) {
        return "the kind of command".into();
    }
    if envelope.actor != command.actor {
        return format!("the actor (recorded {:?})", envelope.actor.id.as_str());
    }
    if envelope.occurred_at != command.occurred_at {
        return format!("occurred_at (recorded {})", shown(envelope.occurred_at));
    }
    if envelope.cause != command.cause {
        return "the cause".into();
    }
    if envelope.reason != command.reason {
        return "the reason".into();
    }
    if command.order.is_some() && envelope.order != command.order {
        return "the order".into();
    }
    if envelope.documents != command.documents {
        return "the documents".into();
    }
    own_difference(&event.body, &command.act)
        .or_else(|| lines_difference(&recorded(&event.body)?, &given(&command.act)?))
        .unwrap_or_else(|| "what was asked, beside actor, times and lines".into())
}

fn shown(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "none".into(), |time| time.to_string())
}

/// What a kind of command says beside its lines.
fn own_difference(body: &Body, act: &Act) -> Option<String> {
    match (body, act) {
        (Body::Reserved { deadline: recorded, .. }, Act::Reserve { deadline: given, .. })
        | (Body::Extended { deadline: recorded, .. }, Act::Extend { deadline: given, .. })
            if recorded != given =>
        {
            Some(format!("the deadline (recorded {}, given {})", shown(*recorded), shown(*given)))
        }
        (Body::PeriodClosed { location, until, .. }, Act::ClosePeriod { location: l, until: u }) => match location == l
        {
            true => (until != u).then(|| format!("until (recorded {until}, given {u})")),
            false => Some(format!("the location (recorded {location}, given {l})")),
        },
        (Body::PosDelta { delta, source, external_id }, Act::PosDelta { delta: given, source: s, external_id: e }) => {
            if source != s || external_id != e {
                return Some(format!("the source or external id (recorded {source} {external_id})"));
            }
            let same = matches!(
                (delta, given),
                (PosMovement::Sale(_), PosDelta::Sale { .. })
                    | (PosMovement::Return(_), PosDelta::Return { .. })
                    | (PosMovement::Waste(_), PosDelta::Waste { .. })
                    | (PosMovement::Receipt(_), PosDelta::Receipt { .. })
                    | (PosMovement::Correction(_), PosDelta::Correction { .. })
            );
            (!same).then(|| "the kind of delta".into())
        }
        _ => None,
    }
}

/// What lines are compared by: where, which bucket or disposition, how much. Lines on one place are summed, as
/// some events keep them so.
type Figure = (Position, u8, i64);

fn plain<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<Figure> {
    summed(lines.into_iter().map(|line| (line.position, line.bucket as u8, line.quantity.0)))
}

fn returned<'a>(lines: impl IntoIterator<Item = &'a ReturnLine>) -> Vec<Figure> {
    let kind = |line: &ReturnLine| line.disposition.unwrap_or(Disposition::Quarantine) as u8;
    summed(lines.into_iter().map(|line| (line.line.position, kind(line), line.line.quantity.0)))
}

fn summed(parts: impl Iterator<Item = Figure>) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    for (position, kind, units) in parts {
        match figures.iter_mut().find(|known| (known.0, known.1) == (position, kind)) {
            Some(known) => known.2 = known.2.saturating_add(units),
            None => figures.push((position, kind, units)),
        }
    }
    figures
}

fn recorded(body: &Body) -> Option<Vec<Figure>> {
    Some(match body {
        Body::Received { lines }
        | Body::Adjusted { lines }
        | Body::Reclassified { lines }
        | Body::Reserved { lines, .. }
        | Body::Amended { lines, .. }
        | Body::TransferShipped { lines, .. }
        | Body::TransferReceived { lines, .. } => plain(lines),
        Body::Returned { referenced, unreferenced } => returned(referenced.iter().chain(unreferenced)),
        Body::Counted { lines } => lines.iter().map(|l| (l.position, l.bucket as u8, l.counted.0)).collect(),
        Body::PosDelta { delta, .. } => match delta {
            PosMovement::Sale(lines)
            | PosMovement::Waste(lines)
            | PosMovement::Receipt(lines)
            | PosMovement::Correction(lines) => plain(lines),
            PosMovement::Return(lines) => returned(lines),
        },
        _ => return None,
    })
}

fn given(act: &Act) -> Option<Vec<Figure>> {
    Some(match act {
        Act::Receive { lines }
        | Act::Adjust { lines }
        | Act::Reclassify { lines }
        | Act::Reserve { lines, .. }
        | Act::Amend { lines, .. }
        | Act::ShipTransfer { lines, .. }
        | Act::ReceiveTransfer { lines, .. } => plain(lines),
        Act::Return { lines, .. } => returned(lines),
        Act::Count { lines } => lines.iter().map(|l| (l.position, l.bucket as u8, l.counted.0)).collect(),
        Act::PosDelta { delta, .. } => match delta {
            PosDelta::Sale { lines }
            | PosDelta::Waste { lines }
            | PosDelta::Receipt { lines }
            | PosDelta::Correction { lines } => plain(lines),
            PosDelta::Return { lines } => returned(lines),
        },
        _ => return None,
    })
}

fn lines_difference(recorded: &[Figure], given: &[Figure]) -> Option<String> {
    let index = recorded.iter().zip(given).position(|(a, b)| a != b);
    let Some((index, (recorded, given))) = index.and_then(|at| Some((at, (recorded.get(at)?, given.get(at)?)))) else {
        let (recorded, given) = (recorded.len(), given.len());
        return (recorded != given).then(|| format!("the number of lines (recorded {recorded}, given {given})"));
    };
    Some(match recorded {
        _ if recorded.0 != given.0 => format!("line {index} (recorded {}, given {})", recorded.0, given.0),
        _ if recorded.1 != given.1 => format!("line {index} (another bucket or disposition)"),
        _ => format!("line {index} (recorded quantity {}, given {})", recorded.2, given.2),
    })
}

/// The number of the act that a body answers; none for what the ledger writes itself.
const fn act_number(body: &Body) -> Option<u8> {
    Some(match body {
        Body::ItemCreated { .. } => 1,
        Body::DecimalsSet { .. } => 2,
        Body::ItemStatusSet { .. } => 3,
        Body::LocationCreated { .. } => 4,
        Body::LocationStatusSet { .. } => 5,
        Body::LotCreated { .. } => 6,
        Body::LotStatusSet { .. } => 7,
        Body::AliasAdded { .. } => 8,
        Body::AliasRenamed { .. } => 9,
        Body::AliasMerged { .. } => 10,
        Body::AliasRetired { .. } => 11,
        Body::ReorderPointSet { .. } => 12,
        Body::Received { .. } => 13,
        Body::PosDelta { .. } => 14,
        Body::Returned { .. } => 15,
        Body::Adjusted { .. } => 16,
        Body::Counted { .. } => 17,
        Body::TransferShipped { .. } => 18,
        Body::TransferReceived { .. } => 19,
        Body::TransferClosed { .. } => 20,
        Body::Reserved { .. } => 21,
        Body::Amended { .. } => 22,
        Body::Extended { .. } => 23,
        Body::Fulfilled { .. } => 24,
        Body::Released { .. } => 25,
        Body::Reclassified { .. } => 26,
        Body::AlertAcknowledged { .. } => 27,
        Body::AlertResolved { .. } => 28,
        Body::AlertDismissed { .. } => 29,
        Body::PeriodClosed { .. } => 30,
        Body::Genesis { .. } | Body::Expired { .. } | Body::ClockAccepted { .. } | Body::RulesChanged { .. } => {
            return None;
        }
    })
}
