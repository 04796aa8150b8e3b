//! Names that batches on their way make or change: who uses one has to wait for that batch.

use counterfoil::api::{Renames, Spoken, numbered};
use std::collections::HashMap;

/// What the batches on their way do to names.
#[derive(Debug, Default)]
pub struct Made {
    /// By name, the newest batch that makes or changes it.
    texts: HashMap<String, u64>,
    /// The newest batch that changes how quantities are read.
    units: Option<u64>,
}

impl Made {
    /// The batch that must be done before this command can be read.
    pub fn waits_for(&self, spoken: &Spoken<'_>) -> Option<u64> {
        let mut newest = self.units;
        if !self.texts.is_empty() {
            // A number stands for what is there, and any of these batches may make it.
            let any = self.texts.values().max();
            spoken.each_text(|text| {
                let batch = if numbered(text).is_some() { any } else { self.texts.get(text) };
                newest = newest.max(batch.copied());
            });
        }
        newest
    }

    /// A batch makes or changes names; those are added to `names`, to be given back when it is done.
    pub fn note(&mut self, batch: u64, renames: &Renames<'_>, names: &mut Vec<String>) {
        match renames {
            Renames::None => {}
            Renames::Units => self.units = Some(batch),
            Renames::Texts(first, second) => {
                for name in [Some(*first), *second].into_iter().flatten() {
                    self.texts.insert(name.to_owned(), batch);
                    names.push(name.to_owned());
                }
            }
        }
    }

    /// A batch is done: its names mean what the ledger says.
    pub fn done(&mut self, batch: u64, names: &[String]) {
        for name in names {
            if self.texts.get(name) == Some(&batch) {
                self.texts.remove(name);
            }
        }
        self.units = self.units.filter(|units| *units > batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_uses_a_name_waits_for_the_newest_batch_that_makes_it() {
        let uses = |text: &'static str| Spoken::parse(text).unwrap();
        let (mug, cup) = (uses(r#"{"lines":[{"sku":"MUG"}]}"#), uses(r#"{"sku":"CUP"}"#));
        let (mut made, mut first, mut second) = (Made::default(), Vec::new(), Vec::new());
        assert_eq!(made.waits_for(&mug), None);
        made.note(1, &Renames::Texts("MUG", None), &mut first);
        made.note(2, &Renames::Texts("MUG", Some("CUP")), &mut second);
        assert_eq!((made.waits_for(&mug), made.waits_for(&cup)), (Some(2), Some(2)));
        let by_number = uses(r#"{"sku":"id:7"}"#);
        assert_eq!(made.waits_for(&by_number), Some(2), "it may be what they make");
        made.done(1, &first);
        assert_eq!(made.waits_for(&mug), Some(2), "an older batch takes nothing away");
        made.note(3, &Renames::Units, &mut second);
        assert_eq!(made.waits_for(&uses("{}")), Some(3));
        made.done(2, &second);
        assert_eq!(made.waits_for(&mug), Some(3));
        made.done(3, &[]);
        assert_eq!(made.waits_for(&mug), None);
    }
}
