//! What differs from run to run is masked; ids are numbered, so that a script can use them.

use regex::Regex;

/// What is done with figures that are no ids, hashes or times.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    Shown,
    Masked,
}

/// Fields that say something of the machine or the build.
const OF_THE_MACHINE: &str =
    "seconds|log_bytes|index_bytes|checkpoint_bytes|free_bytes|build|cpu|os|file_system|warnings";
/// The same in a table: what is replaced, and by what.
const IN_TABLES: [(&str, &str); 5] = [
    (r"\d+\.\d MiB", "[size]"),
    (r"seconds +[\d.]+  \d+ lines/s", "seconds  [seconds]  [rate] lines/s"),
    (r"  .*, \d+ cores?, .*load before.*", "  [machine]"),
    (r"  counterfoil \S+ \((debug|release)\)", "  counterfoil [version] ([build])"),
    (r"(?m)^  Mind: .*\n", ""),
];

/// The text without what is the machine's own.
pub fn without_machine(text: &str, figures: Figures) -> String {
    let replaced =
        |text: String, pattern: &str, by: &str| Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    let json = format!(r#""({OF_THE_MACHINE})":("[^"]*"|\[[^\]]*\]|[\d.e-]+)"#);
    let text = replaced(text.to_owned(), &json, r#""$1":[$1]"#);
    let text = IN_TABLES.iter().fold(text, |text, (pattern, by)| replaced(text, pattern, by));
    let text = without_machine_columns(&text);
    match figures {
        Figures::Shown => text,
        // Widths follow the figures, and in CSV a comma parts them.
        Figures::Masked => {
            let text = replaced(text, r"\b\d[\d.:T-]*", "#");
            let text = if text.starts_with("  ") { replaced(text, "#(,#)+", "#") } else { text };
            replaced(replaced(text, r"(\S)  +", "$1  "), "─+", "─")
        }
    }
}

/// CSV whose headline names such a field is written without it; other text stays.
fn without_machine_columns(text: &str) -> String {
    let is_own = Regex::new(&format!(r"^(\w+\.)?({OF_THE_MACHINE})$")).unwrap();
    let headline: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    if !headline.iter().any(|name| is_own.is_match(name)) {
        return text.to_owned();
    }
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(&headline).unwrap();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.unwrap();
        let fields = headline.iter().zip(&record);
        out.write_record(fields.map(|(name, field)| match is_own.is_match(name) {
            true => format!("[{name}]"),
            false => field.to_owned(),
        }))
        .unwrap();
    }
    String::from_utf8(out.into_inner().unwrap()).unwrap()
}

/// Ids in the order in which they appeared.
#[derive(Default)]
pub struct Ids(Vec<String>);

impl Ids {
    /// The text with ids for their numbers.
    pub fn filled(&self, text: &str) -> String {
        // The highest number first, so that [id-1] does not match in [id-12].
        let numbered = self.0.iter().enumerate().rev();
        numbered.fold(text.to_owned(), |text, (index, id)| text.replace(&format!("[id-{}]", index + 1), id))
    }

    /// The text with numbers for ids, and marks for hashes and instants.
    pub fn masked(&mut self, text: &str) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (mark, length) = match () {
                () if fits(rest, UUID) => (self.number(&rest[..36]), 36),
                () if fits(rest, &"x".repeat(64)) => ("[hash]".to_owned(), 64),
                () if fits(rest, SHORT) && !masked.ends_with(is_hex) && !rest[SHORT.len()..].starts_with(is_hex) => {
                    ("[short-hash]".to_owned(), SHORT.len())
                }
                () if fits(rest, TIME) => ("[time]".to_owned(), TIME.len()),
                () if fits(rest, LOCAL_TIME) => ("[time]".to_owned(), LOCAL_TIME.len()),
                () if fits(rest, MICROS) && rest.starts_with("17") | rest.starts_with("18") => {
                    ("[micros]".to_owned(), MICROS.len())
                }
                () => (first.to_string(), first.len_utf8()),
            };
            masked += &mark;
            rest = &rest[length..];
        }
        masked
    }

    fn number(&mut self, id: &str) -> String {
        let index = self.0.iter().position(|known| known == id).unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        });
        format!("[id-{}]", index + 1)
    }
}

const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const SHORT: &str = "xxxxxxxxxxxx";
const TIME: &str = "dddd-dd-ddTdd:dd:dd.ddddddZ";
const LOCAL_TIME: &str = "dddd-dd-ddTdd:dd:dd.dddddd+dd:dd";
const MICROS: &str = "dddddddddddddddd";

fn is_hex(letter: char) -> bool {
    letter.is_ascii_digit() || ('a'..='f').contains(&letter)
}

/// Whether a text begins as the pattern says: `x` is a hexadecimal digit, `d` a decimal one.
fn fits(text: &str, pattern: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= pattern.len()
        && pattern.bytes().zip(bytes).all(|(wanted, byte)| match wanted {
            b'x' => is_hex(char::from(*byte)),
            b'd' => byte.is_ascii_digit(),
            other => other == *byte,
        })
}

/// The words of a command line; quotes keep what is between them together.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in text.chars() {
        match letter {
            '\'' => {
                quoted = !quoted;
                begun = true;
            }
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            letter => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}
