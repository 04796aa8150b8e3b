//! How a command differs from the event that stands under its id: said in words, to people who reused an id.

use super::command::{Act, ClosePeriod, Command, Extend, PosChange, PosDelta, Reserve};
use super::event::{Body, Event, Extended, PeriodClosed, PosDeltaRecorded, PosMovement, Reserved};
use super::fields::{EventLines, Field};
use super::ids::{Position, Timestamp};
use super::line::{Disposition, Line, ReturnLine};

/// The first thing in which a command differs from the event that stands under its id, in words.
///
/// Where the difference lies in something that the event keeps only as a digest (the version that a line saw,
/// how holds were chosen), it says so in general.
#[must_use]
pub fn first_difference(event: &Event, command: &Command) -> String {
    let envelope = &event.envelope;
    if event.body.answers() != Some(command.act.kind()) {
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
    match body.payload().lines() {
        EventLines::None | EventLines::Unreserved(_) => None,
        EventLines::Plain(lines) => Some(plain(lines)),
        EventLines::Returned(referenced, unreferenced) => Some(returned(referenced.iter().chain(unreferenced))),
        EventLines::Counted(lines) => {
            Some(lines.iter().map(|line| (line.position, line.bucket as u8, line.counted.0)).collect())
        }
    }
}

fn given(act: &Act) -> Option<Vec<Figure>> {
    let mut given = None;
    act.payload().fields(&mut |_, field| match field {
        Field::Lines(lines) => given = Some(plain(lines)),
        Field::ReturnLines(lines) => given = Some(returned(lines)),
        Field::CountLines(lines) => {
            given = Some(lines.iter().map(|line| (line.position, line.bucket as u8, line.counted.0)).collect());
        }
        Field::Integer(_)
        | Field::Id(_)
        | Field::Text(_)
        | Field::NewName(..)
        | Field::Alias(_)
        | Field::NewAlias(_)
        | Field::Target(_)
        | Field::Position(_)
        | Field::Deadline(_)
        | Field::Reservation(_)
        | Field::Holds(_)
        | Field::PortionLines(_) => {}
    });
    given
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
