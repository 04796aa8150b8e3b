//! Everything that the rules say against a command, in no order: the lowest number is given.

use super::alerts::is_open;
use super::{Model, summed};
use counterfoil::domain::command::{
    AcknowledgeAlert, Act, Adjust, Amend, Cause, CloseTransfer, Command, Count, Departure, DismissAlert, Excess,
    Extend, Fulfil, Holds, Nature, Portion, PosChange, PosDelta, Receive, ReceiveTransfer, Reclassify, Release,
    Reserve, ResolveAlert, Return, ReturnOrigin, ShipTransfer,
};
use counterfoil::domain::ids::{AlertId, CommandId, Position, Seq, Timestamp};
use counterfoil::domain::line::{Bucket, Line, ReturnLine};
use counterfoil::domain::rejection::{Rejection, Shortage};
use counterfoil::domain::text::OrderRef;
use counterfoil::limits::{
    DEADLINE_MICROS_MAX, DOCUMENTS_MAX, LINES_MAX, NOTE_BYTES_MAX, OCCURRED_AHEAD_MICROS_MAX, OCCURRED_MICROS_MIN,
    QUANTITY_UNITS_MAX,
};

/// What a line of any act says.
struct Row {
    position: Position,
    quantity: i64,
    seen: Option<Seq>,
}

/// Which quantities a line may have.
#[derive(Clone, Copy)]
pub(super) enum Range {
    Positive,
    NotZero,
    ZeroOrMore,
}

impl Range {
    pub(super) fn allows(self, quantity: i64) -> bool {
        match self {
            Self::Positive => (1..=QUANTITY_UNITS_MAX).contains(&quantity),
            Self::NotZero => quantity != 0 && (-QUANTITY_UNITS_MAX..=QUANTITY_UNITS_MAX).contains(&quantity),
            Self::ZeroOrMore => (0..=QUANTITY_UNITS_MAX).contains(&quantity),
        }
    }
}

pub(super) fn invalid(field: &'static str, problem: &str) -> Rejection {
    Rejection::InvalidField { field, problem: problem.to_owned() }
}

impl Model {
    /// Every rejection that applies, save overflow, which only trying shows.
    pub(super) fn refusals(&self, command: &Command, now: Timestamp) -> Vec<Rejection> {
        let mut no = Vec::new();
        self.refuse_envelope(command, now, &mut no);
        if let Some((rows, range)) = rows_of(&command.act) {
            self.refuse_rows(&rows, range, &mut no);
            // Nothing goes before these two, and sums of such quantities are not defined.
            if no.iter().any(|n| matches!(n, Rejection::InvalidQuantity { .. } | Rejection::LimitExceeded { .. })) {
                return no;
            }
        }
        match &command.act {
            Act::PosDelta(_) | Act::Receive(_) => {}
            Act::Return(_) => self.refuse_return(command, &mut no),
            Act::Adjust(_) if command.reason.is_none() => no.push(invalid("reason", "must be given")),
            Act::Adjust(_) => {}
            Act::Count(Count { lines }) => {
                let twice = summed(lines.iter().map(|line| ((line.position, line.bucket), 1)));
                if twice.iter().any(|(_, times)| *times > 1) {
                    no.push(invalid("lines", "a bucket is counted twice"));
                }
                self.refuse_count_in_closed(lines, command.occurred_at.unwrap_or(now), &mut no);
            }
            Act::ShipTransfer(ShipTransfer { to, lines, .. }) => {
                only_sellable(lines, &mut no);
                if lines.iter().any(|line| line.position.location == *to) {
                    no.push(invalid("to", "goods leave for where they are"));
                }
                self.need_location(*to, &mut no);
            }
            Act::ReceiveTransfer(_) => {}
            Act::CloseTransfer(CloseTransfer { transfer }) => {
                if !self.transfers.iter().any(|known| known.0 == *transfer) {
                    no.push(Rejection::TransferNotFound { transfer: *transfer });
                }
            }
            Act::Reserve(Reserve { deadline, lines }) => {
                only_sellable(lines, &mut no);
                refuse_deadline(*deadline, now, &mut no);
                lines.iter().for_each(|line| self.need_available(line.position, &mut no));
                let wanted = summed(lines.iter().map(|line| (line.position, line.quantity.0)));
                self.refuse_short(wanted, |position| self.available(position, now), &mut no);
            }
            Act::Amend(Amend { reservation, lines }) => self.refuse_amend(*reservation, lines, now, &mut no),
            Act::Extend(Extend { reservation, deadline }) => {
                refuse_deadline(*deadline, now, &mut no);
                match self.open_reservation(*reservation, now) {
                    None => no.push(no_reservation(&Holds::Reservation(*reservation), None)),
                    Some(held) if held.deadline == *deadline => no.push(Rejection::NoChange { what: "deadline" }),
                    Some(_) => {}
                }
            }
            Act::Fulfil(Fulfil { holds, portion, departure }) => {
                self.refuse_holds(command, holds, portion, *departure, now, &mut no);
                if *departure == Departure::Now {
                    let found = self.allocate(holds, portion, now);
                    let wanted = found.asked.into_iter().map(|(position, wanted, _)| (position, wanted)).collect();
                    self.refuse_short(wanted, |position| self.quantity(position, Bucket::Sellable), &mut no);
                }
            }
            Act::Release(Release { holds, portion }) => {
                self.refuse_holds(command, holds, portion, Departure::Now, now, &mut no);
            }
            Act::Reclassify(Reclassify { lines }) => self.refuse_reclassify(lines, &mut no),
            Act::AcknowledgeAlert(AcknowledgeAlert { alert })
            | Act::ResolveAlert(ResolveAlert { alert })
            | Act::DismissAlert(DismissAlert { alert }) => {
                let acknowledges = matches!(command.act, Act::AcknowledgeAlert(_));
                self.refuse_alert(*alert, acknowledges, &mut no);
            }
            act => self.refuse_master_data(act, now, &mut no),
        }
        no
    }

    fn refuse_envelope(&self, command: &Command, now: Timestamp, no: &mut Vec<Rejection>) {
        let limit = |what, actual: usize, limit: usize| Rejection::LimitExceeded {
            what,
            actual: actual as u64,
            limit: limit as u64,
        };
        if command.documents.len() > DOCUMENTS_MAX {
            no.push(limit("documents", command.documents.len(), DOCUMENTS_MAX));
        }
        let note_bytes = command.note.as_ref().map_or(0, String::len);
        if note_bytes > NOTE_BYTES_MAX {
            no.push(limit("note bytes", note_bytes, NOTE_BYTES_MAX));
        }
        if let Some(occurred_at) = command.occurred_at {
            if !matches!(command.act.nature(), Nature::Fact) {
                no.push(invalid("occurred_at", "only facts and counts may say when they happened"));
            }
            if occurred_at.0 < OCCURRED_MICROS_MIN {
                no.push(invalid("occurred_at", "before 1900"));
            }
            if occurred_at.0 > now.0 + OCCURRED_AHEAD_MICROS_MAX {
                let ahead_micros_max = OCCURRED_AHEAD_MICROS_MAX;
                no.push(Rejection::OccurredInFuture { occurred_at, now, ahead_micros_max });
            }
        }
        // The same content would have been a duplicate: here it differs.
        if let Some((_, seq)) = self.same_name(command) {
            no.push(Rejection::CommandIdReused { seq: *seq, differs: String::new() });
        }
        if let Some(Cause::Event(cause)) = command.cause
            && cause > self.head
        {
            no.push(Rejection::CauseNotFound { cause, head: self.head });
        }
    }

    fn refuse_rows(&self, rows: &[Row], range: Range, no: &mut Vec<Rejection>) {
        if rows.is_empty() {
            no.push(invalid("lines", "at least one line"));
        }
        if rows.len() > LINES_MAX {
            let (actual, limit) = (rows.len() as u64, LINES_MAX as u64);
            no.push(Rejection::LimitExceeded { what: "lines", actual, limit });
        }
        for (line, row) in rows.iter().enumerate() {
            if !range.allows(row.quantity) {
                no.push(Rejection::InvalidQuantity { line, quantity: row.quantity, must: "in range" });
            }
            self.need_position(row.position, no);
            let current = self.version(row.position);
            match row.seen {
                Some(seen) if seen != current => {
                    no.push(Rejection::VersionConflict { line, position: row.position, seen, current });
                }
                _ => {}
            }
        }
    }

    fn refuse_return(&self, command: &Command, no: &mut Vec<Rejection>) {
        let Act::Return(Return { origin, excess, lines }) = &command.act else {
            return;
        };
        match (origin, &command.order) {
            (ReturnOrigin::Order, None) => no.push(invalid("order", "must be given")),
            (ReturnOrigin::Unreferenced, Some(_)) => no.push(invalid("order", "must not be given")),
            (ReturnOrigin::Order, Some(order)) if *excess == Excess::Refuse => {
                for (item, wanted) in summed(lines.iter().map(|l| (l.line.position.item, l.line.quantity.0))) {
                    let returnable = self.returnable(order, item);
                    if wanted > returnable {
                        let order = order.clone();
                        no.push(Rejection::ReturnExceedsShipped { order, item, wanted, returnable });
                    }
                }
            }
            _ => {}
        }
    }

    fn refuse_amend(&self, reservation: CommandId, lines: &[Line], now: Timestamp, no: &mut Vec<Rejection>) {
        only_sellable(lines, no);
        let times = summed(lines.iter().map(|line| (line.position, 1)));
        if times.iter().any(|(_, times)| *times > 1) {
            no.push(invalid("lines", "a position is named twice"));
        }
        let Some(held) = self.open_reservation(reservation, now) else {
            no.push(no_reservation(&Holds::Reservation(reservation), None));
            return;
        };
        let changes = lines.iter().map(|line| (line.position, line.quantity.0 - held.open_at(line.position)));
        let changes: Vec<(Position, i64)> = changes.collect();
        if changes.iter().all(|change| change.1 == 0) {
            no.push(Rejection::NoChange { what: "open quantities" });
        }
        let increases: Vec<(Position, i64)> = changes.into_iter().filter(|change| change.1 > 0).collect();
        increases.iter().for_each(|increase| self.need_available(increase.0, no));
        self.refuse_short(increases, |position| self.available(position, now), no);
    }

    fn refuse_holds(
        &self,
        command: &Command,
        holds: &Holds,
        portion: &Portion,
        departure: Departure,
        now: Timestamp,
        no: &mut Vec<Rejection>,
    ) {
        if let Portion::Lines(lines) = portion {
            only_sellable(lines, no);
        }
        let theirs: Option<OrderRef> = match holds {
            Holds::Order(order) => Some(order.clone()),
            Holds::Reservation(id) => self.open_reservation(*id, now).and_then(|held| held.order.clone()),
        };
        if command.order.is_some() && theirs.is_some() && command.order != theirs {
            no.push(invalid("order", "is another one than that of the holds"));
        }
        if departure == Departure::AlreadyLeft {
            if *portion == Portion::Whole {
                no.push(invalid("portion", "what has left already needs lines"));
            }
            return;
        }
        let found = self.allocate(holds, portion, now);
        if !found.any {
            no.push(no_reservation(holds, None));
        }
        for (position, wanted, open) in found.asked {
            if open == 0 {
                no.push(no_reservation(holds, Some(position)));
            } else if wanted > open {
                no.push(Rejection::QuantityMismatch { position, wanted, open });
            }
        }
    }

    fn refuse_reclassify(&self, lines: &[Line], no: &mut Vec<Rejection>) {
        let wanted = summed(lines.iter().map(|line| ((line.position, line.bucket), line.quantity.0)));
        let short = wanted.into_iter().map(|((position, bucket), wanted)| {
            let available = self.quantity(position, bucket);
            Shortage { position, bucket, wanted, available }
        });
        refuse_shortages(short.collect(), no);
    }

    fn refuse_short(&self, wanted: Vec<(Position, i64)>, has: impl Fn(Position) -> i64, no: &mut Vec<Rejection>) {
        let short = wanted.into_iter().map(|(position, wanted)| Shortage {
            position,
            bucket: Bucket::Sellable,
            wanted,
            available: has(position),
        });
        refuse_shortages(short.collect(), no);
    }

    fn refuse_alert(&self, alert: AlertId, acknowledges: bool, no: &mut Vec<Rejection>) {
        match self.newest_alerts().into_iter().find(|known| known.id == alert) {
            None => no.push(Rejection::AlertNotFound { alert }),
            Some(known) if !is_open(known.status) => no.push(Rejection::AlertClosed { alert }),
            Some(known) if acknowledges && known.status == crate::subject::AlertStatus::Acknowledged => {
                no.push(Rejection::NoChange { what: "acknowledged" });
            }
            Some(_) => {}
        }
    }
}

fn rows_of(act: &Act) -> Option<(Vec<Row>, Range)> {
    let row = |line: &Line| Row { position: line.position, quantity: line.quantity.0, seen: line.seen };
    let plain = |lines: &[Line]| lines.iter().map(row).collect::<Vec<Row>>();
    let back = |lines: &[ReturnLine]| lines.iter().map(|line| row(&line.line)).collect::<Vec<Row>>();
    Some(match act {
        Act::Receive(Receive { lines })
        | Act::ShipTransfer(ShipTransfer { lines, .. })
        | Act::ReceiveTransfer(ReceiveTransfer { lines, .. })
        | Act::Reserve(Reserve { lines, .. })
        | Act::Reclassify(Reclassify { lines })
        | Act::Fulfil(Fulfil { portion: Portion::Lines(lines), .. })
        | Act::Release(Release { portion: Portion::Lines(lines), .. }) => (plain(lines), Range::Positive),
        Act::Amend(Amend { lines, .. }) => (plain(lines), Range::ZeroOrMore),
        Act::Adjust(Adjust { lines }) => (plain(lines), Range::NotZero),
        Act::Return(Return { lines, .. }) => (back(lines), Range::Positive),
        Act::PosDelta(PosDelta { delta, .. }) => match delta {
            PosChange::Sale { lines } | PosChange::Waste { lines } | PosChange::Receipt { lines } => {
                (plain(lines), Range::Positive)
            }
            PosChange::Return { lines } => (back(lines), Range::Positive),
            PosChange::Correction { lines } => (plain(lines), Range::NotZero),
        },
        Act::Count(Count { lines }) => {
            let rows =
                lines.iter().map(|line| Row { position: line.position, quantity: line.counted.0, seen: line.seen });
            (rows.collect(), Range::ZeroOrMore)
        }
        _ => return None,
    })
}

fn only_sellable(lines: &[Line], no: &mut Vec<Rejection>) {
    if lines.iter().any(|line| line.bucket != Bucket::Sellable) {
        no.push(invalid("bucket", "must be sellable"));
    }
}

fn refuse_deadline(deadline: Option<Timestamp>, now: Timestamp, no: &mut Vec<Rejection>) {
    match deadline {
        Some(deadline) if deadline <= now => no.push(invalid("deadline", "has passed")),
        Some(deadline) if deadline.0 > DEADLINE_MICROS_MAX => no.push(invalid("deadline", "too late")),
        _ => {}
    }
}

fn refuse_shortages(mut lines: Vec<Shortage>, no: &mut Vec<Rejection>) {
    lines.retain(|line| line.wanted > line.available);
    if !lines.is_empty() {
        no.push(Rejection::InsufficientStock { short: lines });
    }
}

fn no_reservation(holds: &Holds, position: Option<Position>) -> Rejection {
    let (reservation, order) = match holds {
        Holds::Reservation(id) => (Some(*id), None),
        Holds::Order(order) => (None, Some(order.clone())),
    };
    Rejection::NoReservation { reservation, order, position }
}
