//! How many commands got which answer, and what that makes of the whole.

use crate::cli::answer::Told;
use crate::cli::failure::Failure;

/// Answers by their kinds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
    invalid: u64,
    unable: u64,
    unknown: u64,
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
}
