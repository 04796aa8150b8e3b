//! What the file says of each item, read by a few lines that know nothing of the importer.

use counterfoil::domain::command::{Alias, AliasKind};
use counterfoil::domain::ids::ItemId;
use counterfoil::domain::text::AliasText;
use counterfoil::ledger::Ledger;
use counterfoil::query::{self, Named, Paging};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::path::Path;

/// Codes that are not goods.
const CHARGES: [&str; 12] = ["POST", "DOT", "M", "m", "C2", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS"];

/// What the file says of one code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Lines with it.
    pub lines: u64,
    /// The sum of their quantities.
    pub quantity: i64,
}

/// The sums of all codes that are goods.
///
/// # Errors
/// What the disk says; a line that can't be read.
pub fn of_goods(file: &Path) -> Result<BTreeMap<String, Sum>, Box<dyn Error + Send + Sync>> {
    let raw = std::fs::File::open(file)?;
    let text: Box<dyn Read> = match file.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(zstd::Decoder::new(raw)?),
        false => Box::new(raw),
    };
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for record in csv::Reader::from_reader(text).into_records() {
        let record = record?;
        let (code, quantity) = (&record[1], record[3].parse::<i64>()?);
        if CHARGES.contains(&code) || code.starts_with("gift_0001_") {
            continue;
        }
        let sum = sums.entry(code.to_owned()).or_default();
        sum.lines += 1;
        sum.quantity += quantity;
    }
    Ok(sums)
}

/// The item that a code names.
pub fn item_of(ledger: &Ledger, code: &str) -> Option<ItemId> {
    let alias = Alias { kind: AliasKind::Sku, text: AliasText::new(code).ok()? };
    match ledger.query(|state, now| query::by_alias(state, now, &alias)).value {
        Some(Named::Item(item)) => Some(item.item),
        _ => None,
    }
}

/// Items whose physical stock is not minus the sum of their lines, in words.
pub fn differences(ledger: &Ledger, sums: &BTreeMap<String, Sum>) -> Vec<String> {
    let physical = |code: &str| {
        let item = item_of(ledger, code)?;
        let answer = ledger.query(|state, now| query::item_stock(state, now, item, &Paging::first(1)));
        Some(answer.ok()?.value?.total.physical)
    };
    let wrong = sums.iter().map(|(code, sum)| (code, sum, physical(code)));
    let wrong = wrong.filter(|(_, sum, physical)| *physical != Some(-i128::from(sum.quantity)));
    wrong
        .map(|(code, sum, physical)| {
            format!("{code}: physical is {physical:?}, its {} lines say {}", sum.lines, -sum.quantity)
        })
        .collect()
}
