//! What every event says beside what happened.

use super::{Sort, Violation, ensure, rule, violation};
use crate::domain::command::Cause;
use crate::domain::event::{Body, Envelope, Event, Genesis, UnitMark};
use crate::domain::ids::{Seq, Timestamp};
use crate::domain::state::State;
use crate::limits::{FORMAT_VERSION, OCCURRED_AHEAD_MICROS_MAX, OCCURRED_MICROS_MIN, RULES_VERSION};

pub(super) fn check(state: &State, event: &Event, sort: Sort) -> Result<(), Violation> {
    let (envelope, seq) = (&event.envelope, state.next_seq());
    genesis(seq, &event.body)?;
    let last = state.recorded_at();
    ensure(seq == Seq::GENESIS || envelope.recorded_at >= last, rule::TIME_BACKWARDS, || {
        format!("recorded at {}, the event before it at {last}", envelope.recorded_at)
    })?;
    match sort {
        Sort::Ledger => ledger_event(envelope)?,
        Sort::Command | Sort::Fact => {
            ensure(envelope.command_id.is_some(), rule::COMMAND_ID, || "there is no command id".into())?;
        }
    }
    if let Some(occurred_at) = envelope.occurred_at {
        occurred(envelope.recorded_at, occurred_at, sort)?;
    }
    if let Some(Cause::Event(cause)) = envelope.cause {
        ensure(cause < seq, rule::CAUSE_KNOWN, || format!("event {seq} names event {cause} as its cause"))?;
    }
    Ok(())
}

fn genesis(seq: Seq, body: &Body) -> Result<(), Violation> {
    match (seq, body) {
        (Seq::GENESIS, Body::Genesis(Genesis { format, rules, .. })) => {
            let known = (1..=FORMAT_VERSION).contains(format) && (1..=RULES_VERSION).contains(rules);
            ensure(known, rule::RULES_KNOWN, || format!("format {format} and rules {rules} are not known"))
        }
        (Seq::GENESIS, _) => violation(rule::GENESIS_FIRST, "event 0 is not a genesis event".into()),
        (seq, Body::Genesis(_)) => violation(rule::GENESIS_FIRST, format!("event {seq} is a second genesis event")),
        _ => Ok(()),
    }
}

pub(super) fn rules_changed(state: &State, rules: u16) -> Result<(), Violation> {
    let before = state.rules();
    ensure(rules > before && rules <= RULES_VERSION, rule::RULES_KNOWN, || {
        format!("the rules change from version {before} to {rules}, the newest known is {RULES_VERSION}")
    })
}

pub(super) fn clock_accepted(event: &Event, clock: Timestamp) -> Result<(), Violation> {
    let recorded_at = event.envelope.recorded_at;
    ensure(clock <= recorded_at, rule::CLOCK_ACCEPTED, || {
        format!("the clock that is accepted says {clock}, the event is recorded at {recorded_at}")
    })
}

fn ledger_event(envelope: &Envelope) -> Result<(), Violation> {
    let bare = envelope.command_id.is_none()
        && envelope.order.is_none()
        && envelope.digest == [0; 16]
        && envelope.unit == UnitMark::Ends;
    ensure(bare, rule::LEDGER_EVENT, || {
        "what only the ledger writes carries a command id, an order, a digest or a unit".into()
    })
}

fn occurred(recorded_at: Timestamp, occurred_at: Timestamp, sort: Sort) -> Result<(), Violation> {
    ensure(sort == Sort::Fact, rule::OCCURRED_KIND, || {
        format!("dated {occurred_at}, though only facts and counts may be dated")
    })?;
    let latest = recorded_at.plus_micros(OCCURRED_AHEAD_MICROS_MAX);
    ensure(occurred_at <= latest && occurred_at.0 >= OCCURRED_MICROS_MIN, rule::OCCURRED_RANGE, || {
        format!("dated {occurred_at}, recorded at {recorded_at}")
    })
}
