//! Colours, on a terminal that wants them.

use std::io::IsTerminal;

/// What sets the terminal back.
const END: &str = "\u{1b}[0m";

/// Whether standard output shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// A terminal.
    Colours,
    /// A file, a pipe, or `NO_COLOR` is set.
    Plain,
}

impl Paint {
    /// What standard output is.
    pub fn of_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match std::io::stdout().is_terminal() && !unwanted {
            true => Self::Colours,
            false => Self::Plain,
        }
    }

    /// A headline.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// Good news.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Bad news.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// All that is ever said to a terminal.
    pub fn sequences() -> impl Iterator<Item = String> {
        ["1", "32", "31", "2"].into_iter().map(begin).chain([END.to_owned()])
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colours => format!("{}{text}{END}", begin(code)),
            Self::Plain => text.to_owned(),
        }
    }
}

fn begin(code: &str) -> String {
    format!("\u{1b}[{code}m")
}
