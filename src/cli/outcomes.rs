//! What came of a run: exit code and message follow what became of the ledger, not what failed last.
//!
//! A run notes what happens as it becomes known: what is durable, what became of the commands that it was given, and
//! what failed besides. In the end the first of these that is there decides:
//!
//! | | what happened | exit code |
//! | --- | --- | --- |
//! | 1 | nobody knows what became of something, or whoever reads the answers can't | 5 |
//! | 2 | the verdict over the commands: refused, or not appended | its own: 1, 2, 3 or 4 |
//! | 3 | something is durable | 0 |
//! | 4 | anything failed, beside the output | its own: 1 to 4 |
//! | 5 | the output can't be written | 4 |
//! | 6 | whoever reads the output has seen enough | 0 |
//!
//! Whatever failed besides is said as a warning, behind what is durable: so that an act which stands in the log never
//! ends as if nothing had been changed.

use super::failure::Failure;
use std::io::ErrorKind;

/// What happened in a run.
#[derive(Debug, Default)]
pub struct Outcomes {
    durable: Vec<String>,
    verdicts: Vec<Failure>,
    failures: Vec<Failure>,
    closing: Vec<Failure>,
}

/// What decides, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Unknown,
    Verdict,
    Failed,
    Output,
    Quiet,
}

/// How a run ends: the exit code, and what is said on standard error.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    /// The exit code, as `--help` states it.
    pub code: u8,
    /// The lines on standard error.
    pub said: Vec<String>,
}

impl Outcomes {
    /// Something stands, whatever fails from here on: said in full, for it may be all that anybody gets to read.
    pub fn durable(&mut self, what: impl Into<String>) {
        self.durable.push(what.into());
    }

    /// What became of the commands that the run was given.
    pub fn verdict(&mut self, verdict: Result<(), Failure>) {
        self.verdicts.extend(verdict.err());
    }

    /// Something failed; the output fails once, however often it is tried.
    pub fn failed(&mut self, failure: Failure) {
        let is_output = |failure: &Failure| matches!(failure, Failure::Output(_));
        if !(is_output(&failure) && self.failures.iter().any(is_output)) {
            self.failures.push(failure);
        }
    }

    /// Whether output is lost that somebody waits for.
    pub fn is_output_lost(&self) -> bool {
        self.failures.iter().any(|failure| rank(failure) == Rank::Output)
    }

    /// A ledger can't be closed: noted before the task's own failure comes to light, and behind it all the same.
    pub fn not_closed(&mut self, failure: Failure) {
        self.closing.push(failure);
    }

    /// How the run ends.
    pub fn ending(self) -> Ending {
        let Self { durable, verdicts, failures, closing } = self;
        let verdicts = verdicts.into_iter().map(|verdict| (rank(&verdict).min(Rank::Verdict), verdict));
        let failures = failures.into_iter().chain(closing).map(|failure| (rank(&failure), failure));
        let mut all: Vec<_> = verdicts.chain(failures).collect();
        // Stable: of two that weigh the same, the first one decides.
        all.sort_by_key(|(rank, _)| *rank);
        let decides = all.first().is_some_and(|(rank, _)| match rank {
            Rank::Unknown | Rank::Verdict => true,
            Rank::Failed | Rank::Output => durable.is_empty(),
            Rank::Quiet => false,
        });
        let (decisive, besides) = all.split_at(usize::from(decides));
        let code = decisive.first().map_or(0, |(_, failure)| failure.exit_code());
        let is_told = |(rank, _): &&(Rank, Failure)| *rank != Rank::Quiet || !durable.is_empty();
        let warnings: Vec<_> = besides.iter().filter(is_told).collect();
        let mut said: Vec<String> = decisive.iter().map(|(_, failure)| format!("counterfoil: {failure}")).collect();
        if !warnings.is_empty() {
            said.extend(durable.iter().map(|what| format!("counterfoil: {what}")));
        }
        said.extend(warnings.iter().map(|(_, failure)| format!("counterfoil: WARNING: {failure}")));
        Ending { code, said }
    }
}

fn rank(failure: &Failure) -> Rank {
    match failure {
        Failure::Unknown(_) => Rank::Unknown,
        Failure::Output(error) if error.kind() == ErrorKind::BrokenPipe => Rank::Quiet,
        Failure::Output(_) => Rank::Output,
        _ => Rank::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Failure {
        Failure::Output(std::io::Error::from(ErrorKind::StorageFull))
    }

    fn gone() -> Failure {
        Failure::Output(std::io::Error::from(ErrorKind::BrokenPipe))
    }

    fn closing() -> Failure {
        Failure::Unable("closing failed".to_owned())
    }

    /// Lets a run note things, and gives the exit code and what is said, without the tool's name.
    fn ended(noted: impl FnOnce(&mut Outcomes)) -> (u8, String) {
        let mut outcomes = Outcomes::default();
        noted(&mut outcomes);
        let Ending { code, said } = outcomes.ending();
        (code, said.join("\n").replace("counterfoil: ", ""))
    }

    #[test]
    fn an_unknown_outcome_is_hidden_by_nothing() {
        for unknown in [
            (|outcomes| outcomes.verdict(Err(Failure::Unknown("who knows".into())))) as fn(&mut Outcomes),
            |outcomes| outcomes.failed(Failure::Unknown("who knows".into())),
        ] {
            let (code, said) = ended(|outcomes| {
                outcomes.not_closed(closing());
                outcomes.durable("event 7 is appended");
                outcomes.failed(full());
                outcomes.failed(Failure::Damaged("rot".to_owned()));
                unknown(outcomes);
            });
            assert_eq!(code, 5);
            let warnings = "WARNING: rot\nWARNING: closing failed\nWARNING: the output can't be written";
            assert!(said.starts_with(&format!("who knows\nevent 7 is appended\n{warnings}")), "{said}");
        }
    }

    #[test]
    fn a_verdict_is_hidden_by_nothing_that_fails_besides() {
        let verdicts = [(Failure::Refused("no".into()), 1), (Failure::Usage("no".into()), 2), (closing(), 4)];
        for (verdict, wanted) in verdicts {
            let (code, said) = ended(|outcomes| {
                outcomes.failed(Failure::Damaged("rot".to_owned()));
                outcomes.durable("2 are appended");
                outcomes.verdict(Err(verdict));
                outcomes.failed(full());
            });
            assert_eq!(code, wanted, "{said}");
            assert!(said.contains("2 are appended\nWARNING: rot\nWARNING: the output"), "{said}");
        }
    }

    #[test]
    fn what_is_durable_is_done_whatever_fails_behind_it() {
        for failure in
            [full, gone, closing, || Failure::Refused("no".to_owned()), || Failure::Damaged("rot".to_owned())]
        {
            let (code, said) = ended(|outcomes| {
                outcomes.durable("event 7 is appended");
                outcomes.verdict(Ok(()));
                outcomes.failed(failure());
            });
            assert_eq!((code, said), (0, format!("event 7 is appended\nWARNING: {}", failure())));
        }
        assert_eq!(ended(|outcomes| outcomes.durable("event 7 is appended")), (0, String::new()));
    }

    #[test]
    fn where_nothing_is_durable_what_failed_first_decides_and_the_output_gives_way() {
        let (code, said) = ended(|outcomes| {
            outcomes.failed(full());
            outcomes.not_closed(closing());
            outcomes.failed(Failure::Damaged("rot".to_owned()));
            outcomes.failed(full());
        });
        assert_eq!(code, 3);
        assert!(said.starts_with("rot\nWARNING: closing failed\nWARNING: the output can't be written"), "{said}");
        assert_eq!(said.lines().count(), 3, "the output fails once: {said}");
        assert_eq!(ended(|outcomes| outcomes.failed(full())).0, 4);
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure_and_hides_none() {
        assert_eq!(ended(|outcomes| outcomes.failed(gone())), (0, String::new()));
        let (code, said) = ended(|outcomes| {
            outcomes.failed(gone());
            outcomes.not_closed(closing());
        });
        assert_eq!((code, said.as_str()), (4, "closing failed"));
    }
}
