//! Drives a subject with the rows of a case and compares answers and figures.

use super::names::{Book, transfer_id};
use super::syntax::{BEGINNING, Words, instant};
use super::{Case, Report, Row};
use crate::subject::{AlertKind, AlertView, Names, Outcome, Subject, alert_id, essence};
use counterfoil::domain::ids::Timestamp;
use counterfoil::domain::quantity::Quantity;

const SHOP: [&str; 8] =
    ["item A", "item B decimals=2", "item C", "lot C L1", "lot C L2", "location S1", "location S2", "location S3"];

struct Run<'a, S> {
    subject: S,
    now: Timestamp,
    book: Book,
    report: &'a mut Report,
}

/// Runs one case up to its first row that does not hold.
pub fn run_case<S: Subject>(case: &Case, subject: S, report: &mut Report) {
    let mut run = Run { subject, now: BEGINNING, book: Book::default(), report };
    for row in &case.rows {
        run.report.rows += 1;
        if let Err(problem) = run.row(row) {
            let failure = format!("{} ({}): {}\n  {problem}", row.place, case.title, row.text);
            run.report.failures.push(failure);
            return;
        }
    }
}

fn same(expected: &str, actual: &str) -> Result<(), String> {
    match expected == actual {
        true => Ok(()),
        false => Err(format!("expected {expected:?}, found {actual:?}")),
    }
}

/// `quantity TEXT DECIMALS RESULT`, with `_` for a space and `''` for no text.
fn quantity(words: &[&str]) -> Result<(), String> {
    let [text, decimals, expected] = words else {
        return Err("quantity TEXT DECIMALS RESULT".into());
    };
    let text = text.replace('_', " ").replace("''", "");
    let decimals = decimals.parse().map_err(|_| format!("{decimals} is no number of decimals"))?;
    let read = match Quantity::parse(&text, decimals) {
        Ok(quantity) => quantity.0.to_string(),
        Err(error) => format!("{error:?}").split(' ').next().unwrap_or_default().to_owned(),
    };
    same(expected, &read)
}

impl<S: Subject> Run<'_, S> {
    fn row(&mut self, row: &Row) -> Result<(), String> {
        let mut words = row.text.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        match verb {
            "shop" => SHOP.iter().try_for_each(|text| self.command(&row.place, None, text, "ok")),
            "clock" => self.clock(words.first().copied().unwrap_or_default()),
            "tick" => {
                self.subject.tick(self.now);
                Ok(())
            }
            "stock" => self.stock(&words),
            "accounts" => self.accounts(&words),
            "open" => self.open(&words),
            "uncovered" => self.uncovered(&words),
            "alerts" => self.alerts(&words),
            "transit" => self.transit(&words),
            "named" => self.named(&words),
            "quantity" => quantity(&words),
            _ => {
                let (text, expected) = row.text.split_once("->").unwrap_or((&row.text, "ok"));
                let (label, text) = match verb.strip_suffix(':') {
                    Some(label) => (Some(label), text.trim_start().trim_start_matches(verb)),
                    None => (None, text),
                };
                self.command(&row.place, label, text, expected.trim())
            }
        }
    }

    fn clock(&mut self, word: &str) -> Result<(), String> {
        let now = instant(word, self.now)?;
        if now < self.now {
            return Err("the clock goes forward".into());
        }
        self.now = now;
        Ok(())
    }

    fn command(&mut self, place: &str, label: Option<&str>, text: &str, expected: &str) -> Result<(), String> {
        let words = Words::read(&self.book, self.now, label, place, text)?;
        let (called, verb) = (words.called(), words.verb.to_owned());
        let names: Vec<String> = words.plain.iter().map(|word| (*word).to_owned()).collect();
        let command = words.command()?;
        let outcome = self.subject.apply(&command, self.now);
        self.now = self.now.plus_micros(1);
        let answer = match &outcome {
            Outcome::Accepted(seq) => {
                if let Some(label) = label {
                    self.book.seqs.insert(label.to_owned(), *seq);
                }
                self.learn(&verb, &names);
                "ok".to_owned()
            }
            Outcome::Duplicate(seq) => format!("duplicate {}", self.book.seq(*seq)),
            Outcome::Rejected(rejection) => essence(rejection, &self.book),
        };
        let code = answer.split(' ').next().unwrap_or_default().to_owned();
        self.report.seen.insert((called, code));
        // A row names the code first, then as many of the figures as it is about.
        let mut parts = expected.split_whitespace();
        let same_code = parts.next() == answer.split(' ').next();
        let has = |part: &str| answer.split(' ').skip(1).any(|known| known == part);
        match same_code && parts.all(has) {
            true => Ok(()),
            false => Err(format!("expected {expected:?}, found {answer:?}")),
        }
    }

    fn learn(&mut self, verb: &str, names: &[String]) {
        match (verb, names) {
            ("item", [name, ..]) => self.book.items.push(name.clone()),
            ("location", [name, ..]) => self.book.locations.push(name.clone()),
            ("lot", [item, name, ..]) => self.book.lots.push(format!("{item}.{name}")),
            _ => {}
        }
    }

    fn stock(&self, words: &[&str]) -> Result<(), String> {
        let position = self.book.position_of(words.first().ok_or("which position?")?)?;
        let stock = self.subject.stock(position, self.now);
        let oversold = self.subject.uncovered(position, self.now);
        let oversold = oversold.holds.iter().map(|hold| hold.1).sum::<i64>() + oversold.without_reservation;
        same(&(-stock.available).max(0).to_string(), &oversold.to_string())?;
        words[1..].iter().try_for_each(|word| {
            let (key, expected) = word.split_once('=').ok_or_else(|| format!("{word} has no ="))?;
            let actual = match key {
                "sellable" => stock.sellable,
                "unsellable" => stock.unsellable,
                "physical" => stock.sellable + stock.unsellable,
                "reserved" => stock.reserved,
                "available" => stock.available,
                "inbound" => stock.inbound,
                "oversold" => oversold,
                "version" => {
                    let expected = self.book.seq_of(expected)?;
                    return same(&self.book.seq(expected), &self.book.seq(stock.version));
                }
                _ => return Err(format!("{key} is no figure of stock")),
            };
            same(expected, &actual.to_string()).map_err(|problem| format!("{key}: {problem}"))
        })
    }

    fn accounts(&self, words: &[&str]) -> Result<(), String> {
        let accounts = self.subject.accounts(self.book.item_id(words.first().ok_or("which item?")?)?);
        same("0", &accounts.sum().to_string()).map_err(|problem| format!("the sum: {problem}"))?;
        words[1..].iter().try_for_each(|word| {
            let (key, expected) = word.split_once('=').ok_or_else(|| format!("{word} has no ="))?;
            let actual = match key {
                "supplier" => accounts.supplier,
                "customer" => accounts.customer,
                "loss" => accounts.loss,
                "found" => accounts.found,
                "variance" => accounts.variance,
                "transit" => accounts.transit,
                "sellable" => accounts.sellable,
                "unsellable" => accounts.unsellable,
                _ => return Err(format!("{key} is no account")),
            };
            same(expected, &actual.to_string()).map_err(|problem| format!("{key}: {problem}"))
        })
    }

    fn open(&self, words: &[&str]) -> Result<(), String> {
        let line = |line: &(_, i64)| format!("{}x{}", line.1, self.book.position(line.0));
        let open = self.subject.open_reservations(self.now);
        let open = open.iter().map(|r| {
            let lines: Vec<String> = r.lines.iter().map(line).collect();
            format!("{}={}", self.book.seq(r.seq), lines.join(","))
        });
        same(&words.join(" "), &open.collect::<Vec<String>>().join(" "))
    }

    fn uncovered(&self, words: &[&str]) -> Result<(), String> {
        let position = self.book.position_of(words.first().ok_or("which position?")?)?;
        let uncovered = self.subject.uncovered(position, self.now);
        let holds = uncovered.holds.iter().map(|(seq, short)| format!("{}:{short}", self.book.seq(*seq)));
        let without = Some(uncovered.without_reservation).filter(|short| *short != 0);
        let actual: Vec<String> = holds.chain(without.map(|short| format!("without:{short}"))).collect();
        same(&words[1..].join(" "), &actual.join(" "))
    }

    fn alerts(&self, words: &[&str]) -> Result<(), String> {
        let mut actual: Vec<String> = self.subject.alerts().iter().map(|alert| self.alert(alert)).collect();
        let mut expected: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        actual.sort();
        expected.sort();
        same(&expected.join(" "), &actual.join(" "))
    }

    /// `low:A@S1^label=open/medium`, the label being that of the row that raised it.
    fn alert(&self, alert: &AlertView) -> String {
        let kind = match alert.kind {
            AlertKind::LowStock => "low",
            AlertKind::OutOfStock => "out",
            AlertKind::Oversold => "oversold",
        };
        let raised = |seq| alert_id(seq, alert.position, alert.kind) == alert.id;
        let label = self.book.seqs.iter().find(|(_, seq)| raised(**seq)).map_or("?", |(label, _)| label.as_str());
        let state = format!("{:?}/{:?}", alert.status, alert.urgency).to_lowercase();
        format!("{kind}:{}^{label}={state}", self.book.position(alert.position))
    }

    fn transit(&self, words: &[&str]) -> Result<(), String> {
        let transfer = transfer_id(words.first().ok_or("which transfer?")?);
        let lines = self.subject.transit(transfer);
        let mut actual: Vec<String> = lines
            .iter()
            .map(|(item, lot, quantity)| match lot.0 {
                0 => format!("{quantity}x{}", self.book.item(*item)),
                _ => format!("{quantity}x{}.{}", self.book.item(*item), self.book.lot(*lot)),
            })
            .collect();
        let mut expected: Vec<String> = words[1..].iter().map(|word| (*word).to_owned()).collect();
        actual.sort();
        expected.sort();
        same(&expected.join(" "), &actual.join(" "))
    }

    fn named(&self, words: &[&str]) -> Result<(), String> {
        let [alias, target] = words else {
            return Err("named ALIAS TARGET".into());
        };
        let expected = match *target {
            "none" => None,
            target => Some(self.book.target(target)?),
        };
        let actual = self.subject.resolve(&self.book.alias(alias)?);
        same(&format!("{expected:?}"), &format!("{actual:?}"))
    }
}
