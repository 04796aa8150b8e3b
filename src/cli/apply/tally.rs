//! How many commands got which answer, and what that makes of the whole.

use crate::cli::answer::{IdBy, Told};
use crate::cli::failure::Failure;
use crate::cli::outcomes::Outcomes;

/// Answers by their kinds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    invalid: u64,
    unable: u64,
    unknown: u64,
    /// Of those that are appended: their answers may have reached nobody, and their ids were made here.
    lost_ids: u64,
}

impl Tally {
    /// One more answer.
    pub fn count(&mut self, told: &Told) {
        let place = match told {
            Told::Accepted { duplicate: true, .. } => &mut self.duplicates,
            Told::Accepted { .. } | Told::WouldAccept { .. } => &mut self.accepted,
            Told::Rejected { .. } => &mut self.rejected,
            Told::Invalid { .. } => &mut self.invalid,
            Told::Unable { .. } => &mut self.unable,
            Told::Unknown { .. } => &mut self.unknown,
        };
        *place += 1;
    }

    /// One more answer, that perhaps nobody gets to read.
    pub fn count_untold(&mut self, told: &Told, by: IdBy) {
        self.count(told);
        let is_lost = by == IdBy::Tool && matches!(told, Told::Accepted { .. } | Told::Unknown { .. });
        self.lost_ids += u64::from(is_lost);
    }

    /// Whether the ledger can't go on.
    pub const fn is_stuck(&self) -> bool {
        self.unable + self.unknown > 0
    }

    /// The figures, where there are any.
    pub fn text(&self) -> String {
        let parts = [
            (self.accepted, "accepted"),
            (self.duplicates, "known already"),
            (self.rejected, "rejected"),
            (self.invalid, "invalid"),
            (self.unable, "not appended"),
            (self.unknown, "unknown"),
        ];
        let shown = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        match shown.collect::<Vec<_>>().join(", ") {
            text if text.is_empty() => "no commands".to_owned(),
            text => text,
        }
    }

    /// Notes what is durable, and what the answers and whatever stopped them make of the whole.
    pub fn settle(&self, stopped: Option<Failure>, outcomes: &mut Outcomes) {
        let text = self.text();
        if self.accepted > 0 {
            outcomes.durable(format!("{text}; what is accepted is appended"));
        }
        match stopped {
            None => outcomes.verdict(self.done()),
            Some(Failure::Output(error)) => outcomes.verdict(Err(self.untold(&error))),
            Some(failure) if self.is_stuck() => {
                outcomes.verdict(self.done());
                outcomes.failed(failure);
            }
            Some(failure) => outcomes.verdict(Err(match failure {
                Failure::Refused(why) => Failure::Refused(format!("{text}; {why}")),
                failure => failure,
            })),
        }
    }

    /// What it comes to that the answers can't be written any more: whoever reads them doesn't know what was done.
    fn untold(&self, error: &std::io::Error) -> Failure {
        let text = format!("{}; the answers can't be written: {error}; no more lines were taken", self.text());
        if self.accepted + self.unknown == 0 {
            return Failure::Unable(format!("{text}, nothing was appended"));
        }
        let again =
            "the outcome is unknown to whoever reads the answers: apply the same input again, with the same ids";
        Failure::Unknown(match self.lost_ids {
            0 => format!("{text}: {again}"),
            lost => format!(
                "{text}: {again}\n  {lost} of those without an answer had no id of their own, and would be done twice: \
                 look for them first (counterfoil events)"
            ),
        })
    }

    /// What the answers make of the whole.
    pub fn done(&self) -> Result<(), Failure> {
        let text = self.text();
        if self.unknown > 0 {
            return Err(Failure::Unknown(format!(
                "{text}; no more lines were taken: apply the same input again, with the same ids"
            )));
        }
        if self.unable > 0 {
            return Err(Failure::Unable(format!("{text}; the answers say why, and no more lines were taken")));
        }
        match self.rejected + self.invalid {
            0 => Ok(()),
            _ => Err(Failure::Refused(format!("{text}; the answers say why"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterfoil::CommandId;

    #[test]
    fn the_worst_answer_gives_the_exit_code() {
        let message = || "why".to_owned();
        let mut tally = Tally::default();
        assert_eq!((tally.text().as_str(), tally.done().is_ok()), ("no commands", true));
        let steps = [
            (Told::Invalid { path: String::new(), message: message() }, 1, "1 invalid; "),
            (Told::Unable { message: message() }, 4, "1 invalid, 1 not appended; "),
            (
                Told::Unknown { command_id: CommandId::from_bytes([7; 16]), message: message() },
                5,
                "1 invalid, 1 not appended, 1 unknown; ",
            ),
            (Told::Invalid { path: String::new(), message: message() }, 5, "2 invalid, 1 not appended, 1 unknown; "),
        ];
        for (told, code, said) in steps {
            tally.count(&told);
            let failure = tally.done().unwrap_err();
            assert_eq!(failure.exit_code(), code);
            assert!(failure.to_string().starts_with(said), "{failure}");
        }
        assert!(tally.is_stuck());
    }

    fn accepted() -> Told {
        Told::Accepted {
            seq: counterfoil::Seq(7),
            hash: String::new(),
            recorded_at: String::new(),
            duplicate: false,
            command_id: None,
            item: None,
            location: None,
            lot: None,
        }
    }

    fn settled(tally: &Tally, stopped: Option<Failure>) -> (u8, String) {
        let mut outcomes = Outcomes::default();
        tally.settle(stopped, &mut outcomes);
        let ending = outcomes.ending();
        (ending.code, ending.said.join("\n"))
    }

    #[test]
    fn input_that_breaks_off_hides_no_unknown_outcome_and_says_what_stands() {
        let stopped = || Some(Failure::Refused("the input can't be read: a disk".to_owned()));
        let mut tally = Tally::default();
        tally.count(&accepted());
        let (code, said) = settled(&tally, stopped());
        assert_eq!((code, said.as_str()), (1, "counterfoil: 1 accepted; the input can't be read: a disk"));
        tally.count(&Told::Unknown { command_id: CommandId::from_bytes([7; 16]), message: String::new() });
        let (code, said) = settled(&tally, stopped());
        assert!(code == 5 && said.contains("1 accepted, 1 unknown") && said.contains("a disk"), "{code}: {said}");
    }

    #[test]
    fn only_ids_that_were_made_here_are_lost_with_an_answer() {
        let full = || Some(Failure::Output(std::io::Error::from(std::io::ErrorKind::StorageFull)));
        let mut tally = Tally::default();
        tally.count_untold(&Told::Unable { message: String::new() }, IdBy::Tool);
        assert_eq!(settled(&tally, full()).0, 4, "nothing was appended");
        tally.count_untold(&accepted(), IdBy::Caller);
        let (code, said) = settled(&tally, full());
        assert!(code == 5 && !said.contains("of their own"), "{code}: {said}");
        tally.count_untold(&accepted(), IdBy::Tool);
        assert!(settled(&tally, full()).1.contains("1 of those without an answer had no id of their own"));
    }
}
