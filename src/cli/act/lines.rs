//! Lines as they are typed: `SKU=QUANTITY`, `SKU@LOT=QUANTITY`, or JSON for names with odd characters.

use crate::cli::failure::Failure;
use serde_json::{Map, Value};

/// How a line is typed, for `--help`.
pub const GRAMMAR: &str = "\
Lines:
  MUG-BLUE=3              3 of the item MUG-BLUE, at --location
  RICE-KG=1.250           a quantity is in the item's own unit, with at most its decimals
  JAM-PLUM@P-2501=4       of the lot P-2501
  --line '{\"sku\":\"A@B=C\",\"location\":\"SHOP\",\"quantity\":\"3\"}'
                          for a name with @ in it, or lines at several locations; --line takes whatever a line in
                          `apply` takes: lot, bucket, seen, detail";

/// Lines, and where they are.
#[derive(Clone, Debug, clap::Args)]
pub struct LineArgs {
    /// What, and how much.
    #[arg(value_name = "SKU[@LOT]=QUANTITY", value_parser = typed)]
    lines: Vec<Typed>,
    /// A line as JSON, for names with odd characters or another location; may be given more than once.
    #[arg(long, value_name = "JSON", value_parser = json_line)]
    line: Vec<Map<String, Value>>,
    /// Where, by the location's code.
    #[arg(long, short = 'l', value_name = "CODE")]
    location: Option<String>,
    /// The version of the position that you saw; refused if it has changed since. Once per line.
    #[arg(long, value_name = "VERSION")]
    seen: Vec<u64>,
}

/// A line in its short form.
#[derive(Clone, Debug)]
struct Typed {
    sku: String,
    lot: Option<String>,
    quantity: String,
}

fn typed(text: &str) -> Result<Typed, String> {
    let wanted = "want SKU=QUANTITY or SKU@LOT=QUANTITY, such as MUG-BLUE=3";
    // A quantity has neither sign, so the last one of each divides.
    let (goods, quantity) = text.rsplit_once('=').ok_or(wanted)?;
    let (sku, lot) = match goods.rsplit_once('@') {
        Some((sku, lot)) => (sku, Some(lot.to_owned())),
        None => (goods, None),
    };
    match sku.is_empty() || quantity.is_empty() {
        true => Err(wanted.to_owned()),
        false => Ok(Typed { sku: sku.to_owned(), lot, quantity: quantity.to_owned() }),
    }
}

fn json_line(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("{error}; want an object such as {{\"sku\":\"MUG\",\"quantity\":3}}"))
}

impl LineArgs {
    /// The lines as JSON, each with these fields where it does not have them itself; `figure` is what a quantity is
    /// called in them.
    pub fn json(self, figure: &str, defaults: &[(&str, Option<&str>)]) -> Result<Value, Failure> {
        let Self { lines, line, location, seen } = self;
        let short = lines.into_iter().map(|line| short(line, figure));
        let mut all: Vec<Map<String, Value>> = short.chain(line).collect();
        if all.is_empty() {
            return Err(Failure::Usage("what, and how much? give lines such as MUG-BLUE=3".to_owned()));
        }
        if !seen.is_empty() && seen.len() != all.len() {
            let (seen, lines) = (seen.len(), all.len());
            return Err(Failure::Usage(format!("--seen stands {seen} times for {lines} lines; want one for each")));
        }
        for (line, version) in all.iter_mut().zip(seen) {
            line.insert("seen".to_owned(), version.into());
        }
        for line in &mut all {
            if !line.contains_key("position") && !line.contains_key("location") {
                let missing = || Failure::Usage("where? give --location CODE".to_owned());
                let location = location.as_deref().ok_or_else(missing)?;
                line.insert("location".to_owned(), location.into());
            }
            for (name, value) in defaults {
                if let (Some(value), false) = (value, line.contains_key(*name)) {
                    line.insert((*name).to_owned(), (*value).into());
                }
            }
        }
        Ok(all.into())
    }

    /// Whether no line was given.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.line.is_empty()
    }
}

fn short(line: Typed, figure: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("sku".to_owned(), line.sku.into());
    if let Some(lot) = line.lot {
        fields.insert("lot".to_owned(), lot.into());
    }
    fields.insert(figure.to_owned(), line.quantity.into());
    fields
}

/// `bucket` for lines of stock that can't be sold.
pub const fn bucket(unsellable: bool) -> (&'static str, Option<&'static str>) {
    ("bucket", if unsellable { Some("unsellable") } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_signs_divide() {
        for (text, sku, lot, quantity) in [
            ("MUG=3", "MUG", None, "3"),
            ("JAM@P-1=-4", "JAM", Some("P-1"), "-4"),
            ("A=B=3", "A=B", None, "3"),
            ("A@B@C=3", "A@B", Some("C"), "3"),
        ] {
            let line = typed(text).unwrap();
            assert_eq!((line.sku.as_str(), line.lot.as_deref(), line.quantity.as_str()), (sku, lot, quantity));
        }
        for text in ["MUG", "=3", "MUG=", "@P=3", ""] {
            assert!(typed(text).is_err(), "{text}");
        }
    }
}
