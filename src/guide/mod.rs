//! Guides: how to embed the library, run a ledger, read its reports and find out what went wrong.
//!
//! `counterfoil guide` lists them and `counterfoil guide NAME` prints one. Each is a module here, with its text as the
//! documentation.

macro_rules! guides {
    ($($name:ident $title:literal;)*) => {
        $(
            #[doc = include_str!(concat!(stringify!($name), ".md"))]
            pub mod $name {}
        )*

        /// Every guide, in the order in which a new reader needs them.
        pub const GUIDES: &[Guide] = &[$(Guide {
            name: stringify!($name),
            title: $title,
            text: include_str!(concat!(stringify!($name), ".md")),
        }),*];
    };
}

guides! {
    tour "A tour of the command line";
    embedding "Embedding the library";
    import "Importing CSV files";
    reports "Periods, reports and plots";
    operations "Running a ledger";
    troubleshooting "Codes and errors: cause and what to do";
}

/// A guide as Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guide {
    /// The word that asks for it, as in `counterfoil guide NAME`.
    pub name: &'static str,
    /// One line that says what it is about: the first heading of the text.
    pub title: &'static str,
    /// The Markdown.
    pub text: &'static str,
}

/// The guide of that name, `None` where there is none.
#[must_use]
pub fn named(name: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guide_begins_with_its_title() {
        for guide in GUIDES {
            assert_eq!(guide.text.lines().next(), Some(format!("# {}", guide.title).as_str()), "{}", guide.name);
            assert_eq!(named(guide.name), Some(guide));
        }
        assert_eq!(named("nothing"), None);
    }
}
