//! Watches the wall clock against the monotonic one.

use super::answer::ReadOnly;
use crate::domain::ids::Timestamp;
use crate::limits::CLOCK_STEP_MICROS_MAX;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: Timestamp,
    /// The monotonic clock, in microseconds.
    pub monotonic_micros: i64,
}

/// Remembers the last reading and what is wrong with the clock.
#[derive(Clone, Debug)]
pub(super) struct ClockWatch {
    last: Reading,
    fault: Option<ReadOnly>,
}

impl ClockWatch {
    /// Starts to watch; a wall clock too far behind the one that the log trusts is a fault from the start, and is told by
    /// how far it is behind the last event.
    pub(super) fn start(reading: Reading, trusted: Timestamp, recorded_at: Timestamp) -> Self {
        let is_behind = trusted.0.saturating_sub(reading.wall.0) > CLOCK_STEP_MICROS_MAX;
        let micros = recorded_at.0.saturating_sub(reading.wall.0);
        Self { last: reading, fault: is_behind.then_some(ReadOnly::ClockBehind { micros }) }
    }

    /// Takes a reading; a step stays a fault until somebody accepts it, even when the clock steps back.
    pub(super) fn read(&mut self, reading: Reading) -> Result<Timestamp, ReadOnly> {
        let ran = reading.monotonic_micros.saturating_sub(self.last.monotonic_micros);
        let expected = self.last.wall.plus_micros(ran);
        let step = reading.wall.0.saturating_sub(expected.0);
        self.last = reading;
        if self.fault.is_none() && step.saturating_abs() > CLOCK_STEP_MICROS_MAX {
            self.fault = Some(ReadOnly::ClockStepped { micros: step });
        }
        self.fault.map_or(Ok(reading.wall), Err)
    }

    /// Somebody accepts the clock as it is.
    pub(super) fn accept(&mut self, reading: Reading) {
        self.last = reading;
        self.fault = None;
    }

    /// What somebody accepted was not recorded after all.
    pub(super) fn restore(&mut self, fault: ReadOnly) {
        self.fault = Some(fault);
    }

    pub(super) const fn fault(&self) -> Option<ReadOnly> {
        self.fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: i64, monotonic: i64) -> Reading {
        Reading { wall: Timestamp(wall * 1_000_000), monotonic_micros: monotonic * 1_000_000 }
    }

    #[test]
    fn a_step_stops_and_stays_until_accepted() {
        let mut watch = ClockWatch::start(at(1_000, 0), Timestamp(0), Timestamp(0));
        assert!(watch.read(at(1_010, 10)).is_ok());
        assert!(watch.read(at(1_079, 20)).is_ok(), "59 s is drift");
        assert_eq!(watch.read(at(1_150, 30)), Err(ReadOnly::ClockStepped { micros: 61_000_000 }));
        assert!(watch.read(at(1_100, 40)).is_err());
        watch.accept(at(1_110, 50));
        assert!(watch.read(at(1_111, 51)).is_ok());
        assert_eq!(watch.read(at(1_000, 52)), Err(ReadOnly::ClockStepped { micros: -112_000_000 }));
    }

    #[test]
    fn a_clock_behind_the_log_is_a_fault_from_the_start() {
        let start = |recorded| ClockWatch::start(at(1_000, 0), recorded, recorded);
        assert!(start(Timestamp(1_061_000_000)).read(at(1_001, 1)).is_err());
        assert!(start(Timestamp(1_060_000_000)).read(at(1_001, 1)).is_ok());
    }

    #[test]
    fn an_accepted_clock_is_held_against_itself() {
        let (accepted, recorded) = (Timestamp(1_000_000_000), Timestamp(9_000_000_000));
        let start = |wall| ClockWatch::start(at(wall, 0), accepted, recorded);
        assert_eq!((start(1_000).fault(), start(940).fault(), start(5_000).fault()), (None, None, None));
        let fell_back_further = Some(ReadOnly::ClockBehind { micros: 8_061_000_000 });
        assert_eq!(start(939).fault(), fell_back_further, "told by the last event");
    }
}
