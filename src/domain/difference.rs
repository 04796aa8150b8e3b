//! How a command differs from the event that stands under its id: said in words, to people who reused an id.

use super::command::{
    Act, Adjust, Amend, ClosePeriod, Command, Count, Extend, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify,
    Reserve, Return, ShipTransfer,
};
use super::event::{
    Adjusted, Amended, Body, Counted, Event, Extended, PeriodClosed, PosDeltaRecorded, PosMovement, Received,
    Reclassified, Reserved, Returned, TransferReceived, TransferShipped,
};
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
        (Body::Reserved(Reserved { deadline: recorded, .. }), Act::Reserve(Reserve { deadline: given, .. }))
        | (Body::Extended(Extended { deadline: recorded, .. }), Act::Extend(Extend { deadline: given, .. }))
            if recorded != given =>
        {
            Some(format!("the deadline (recorded {}, given {})", shown(*recorded), shown(*given)))
        }
        (
            Body::PeriodClosed(PeriodClosed { location, until, .. }),
            Act::ClosePeriod(ClosePeriod { location: l, until: u }),
        ) => match location == l {
            true => (until != u).then(|| format!("until (recorded {until}, given {u})")),
            false => Some(format!("the location (recorded {location}, given {l})")),
        },
        (
            Body::PosDelta(PosDeltaRecorded { delta, source, external_id }),
            Act::PosDelta(PosDelta { delta: given, source: s, external_id: e }),
        ) => {
            if source != s || external_id != e {
                return Some(format!("the source or external id (recorded {source} {external_id})"));
            }
            let same = matches!(
                (delta, given),
                (PosMovement::Sale(_), PosChange::Sale { .. })
                    | (PosMovement::Return(_), PosChange::Return { .. })
                    | (PosMovement::Waste(_), PosChange::Waste { .. })
                    | (PosMovement::Receipt(_), PosChange::Receipt { .. })
                    | (PosMovement::Correction(_), PosChange::Correction { .. })
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
        Body::Received(Received { lines })
        | Body::Adjusted(Adjusted { lines })
        | Body::Reclassified(Reclassified { lines })
        | Body::Reserved(Reserved { lines, .. })
        | Body::Amended(Amended { lines, .. })
        | Body::TransferShipped(TransferShipped { lines, .. })
        | Body::TransferReceived(TransferReceived { lines, .. }) => plain(lines),
        Body::Returned(Returned { referenced, unreferenced }) => returned(referenced.iter().chain(unreferenced)),
        Body::Counted(Counted { lines }) => lines.iter().map(|l| (l.position, l.bucket as u8, l.counted.0)).collect(),
        Body::PosDelta(PosDeltaRecorded { delta, .. }) => match delta {
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
        Act::Receive(Receive { lines })
        | Act::Adjust(Adjust { lines })
        | Act::Reclassify(Reclassify { lines })
        | Act::Reserve(Reserve { lines, .. })
        | Act::Amend(Amend { lines, .. })
        | Act::ShipTransfer(ShipTransfer { lines, .. })
        | Act::ReceiveTransfer(ReceiveTransfer { lines, .. }) => plain(lines),
        Act::Return(Return { lines, .. }) => returned(lines),
        Act::Count(Count { lines }) => lines.iter().map(|l| (l.position, l.bucket as u8, l.counted.0)).collect(),
        Act::PosDelta(PosDelta { delta, .. }) => match delta {
            PosChange::Sale { lines }
            | PosChange::Waste { lines }
            | PosChange::Receipt { lines }
            | PosChange::Correction { lines } => plain(lines),
            PosChange::Return { lines } => returned(lines),
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
        Body::ItemCreated(_) => 1,
        Body::DecimalsSet(_) => 2,
        Body::ItemStatusSet(_) => 3,
        Body::LocationCreated(_) => 4,
        Body::LocationStatusSet(_) => 5,
        Body::LotCreated(_) => 6,
        Body::LotStatusSet(_) => 7,
        Body::AliasAdded(_) => 8,
        Body::AliasRenamed(_) => 9,
        Body::AliasMerged(_) => 10,
        Body::AliasRetired(_) => 11,
        Body::ReorderPointSet(_) => 12,
        Body::Received(_) => 13,
        Body::PosDelta(_) => 14,
        Body::Returned(_) => 15,
        Body::Adjusted(_) => 16,
        Body::Counted(_) => 17,
        Body::TransferShipped(_) => 18,
        Body::TransferReceived(_) => 19,
        Body::TransferClosed(_) => 20,
        Body::Reserved(_) => 21,
        Body::Amended(_) => 22,
        Body::Extended(_) => 23,
        Body::Fulfilled(_) => 24,
        Body::Released(_) => 25,
        Body::Reclassified(_) => 26,
        Body::AlertAcknowledged(_) => 27,
        Body::AlertResolved(_) => 28,
        Body::AlertDismissed(_) => 29,
        Body::PeriodClosed(_) => 30,
        Body::Genesis(_) | Body::Expired(_) | Body::ClockAccepted(_) | Body::RulesChanged(_) => {
            return None;
        }
    })
}
