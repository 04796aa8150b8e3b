//! What differs from run to run is masked; ids are numbered, so that a script can use them.

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
