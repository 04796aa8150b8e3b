//! Reading objects field by field: where one is, what was read, and what nobody asked for.

use super::error::Invalid;
use super::tree::Tree;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

/// Where one is in the JSON; written out only for a message.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Place(usize),
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    const fn field(&'p self, name: &'p str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    const fn place(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Place(index) }
    }

    /// An error here.
    pub(super) fn invalid(&self, problem: impl Into<String>) -> Invalid {
        Invalid { path: self.to_string(), problem: problem.into() }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = self.parent.map(ToString::to_string).unwrap_or_default();
        let dot = if parent.is_empty() { "" } else { "." };
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => write!(f, "{parent}{dot}{name}"),
            Step::Place(index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Field<'p> {
    pub(super) path: Path<'p>,
    pub(super) tree: &'p Tree<'p>,
}

impl<'p> Field<'p> {
    pub(super) const fn new(path: Path<'p>, tree: &'p Tree<'p>) -> Self {
        Self { path, tree }
    }

    /// An error: something else was wanted here.
    pub(super) fn wanted(&self, what: &str) -> Invalid {
        self.path.invalid(format!("must be {what}, not {}", self.tree.kind()))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'p str, Invalid> {
        match self.tree {
            Tree::Text(text) => Ok(text),
            _ => Err(self.wanted("a text")),
        }
    }

    /// A text that something is made of, with the maker's complaint.
    pub(super) fn made<T, E: fmt::Display>(&self, make: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Invalid> {
        make(self.text()?).map_err(|error| self.path.invalid(error.to_string()))
    }

    /// A whole number that fits.
    pub(super) fn whole<T: TryFrom<i128>>(&self, what: &str) -> Result<T, Invalid> {
        match self.tree {
            Tree::Whole(number) => {
                T::try_from(*number).map_err(|_| self.path.invalid(format!("{number} is beyond what {what} can be")))
            }
            _ => Err(self.wanted(what)),
        }
    }

    /// An error: the text is none of these words.
    pub(super) fn unknown_word<'w>(&self, words: impl Iterator<Item = &'w str>) -> Invalid {
        let words: Vec<&str> = words.collect();
        let text = self.text().unwrap_or_default();
        self.path.invalid(format!("{text:?} is unknown here; it can be {}", words.join(", ")))
    }

    /// The members of a list, each with its place.
    pub(super) fn list(&'p self) -> Result<impl ExactSizeIterator<Item = Field<'p>>, Invalid> {
        match self.tree {
            Tree::List(members) => {
                Ok(members.iter().enumerate().map(|(index, tree)| Field { path: self.path.place(index), tree }))
            }
            _ => Err(self.wanted("a list")),
        }
    }

    /// The fields of an object, read by `read`; what it does not ask for is refused.
    pub(super) fn object<T, E: From<Invalid>>(&self, read: impl FnOnce(&Fields<'_>) -> Result<T, E>) -> Result<T, E> {
        let Tree::Object(entries) = self.tree else { return Err(self.wanted("an object").into()) };
        let fields = Fields { path: self.path, entries, taken: Cell::new(0), asked: RefCell::default() };
        let done = read(&fields)?;
        fields.nothing_left()?;
        Ok(done)
    }
}

/// An object that is being read.
pub(super) struct Fields<'p> {
    pub(super) path: Path<'p>,
    entries: &'p [(Cow<'p, str>, Tree<'p>)],
    /// One bit per entry that was read.
    taken: Cell<u64>,
    /// What was asked for, for the message about the rest.
    asked: RefCell<SmallVec<[&'static str; 16]>>,
}

impl Fields<'_> {
    /// A field that may be absent; null is absent.
    pub(super) fn get(&self, name: &'static str) -> Option<Field<'_>> {
        self.asked.borrow_mut().push(name);
        let place = self.entries.iter().position(|(known, _)| known == name)?;
        self.taken.set(self.taken.get() | 1 << place);
        let tree = &self.entries[place].1;
        (!matches!(tree, Tree::Null)).then(|| Field { path: self.path.field(name), tree })
    }

    /// A field that must be there.
    pub(super) fn need(&self, name: &'static str) -> Result<Field<'_>, Invalid> {
        self.get(name).ok_or_else(|| {
            let given: Vec<&str> = self.entries.iter().map(|(name, _)| &**name).collect();
            self.path.field(name).invalid(format!("is missing; given here: {}", given.join(", ")))
        })
    }

    /// Whether a field is there, without reading it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(known, tree)| known == name && !matches!(tree, Tree::Null))
    }

    fn nothing_left(&self) -> Result<(), Invalid> {
        let left = self.entries.iter().enumerate().find(|(place, _)| self.taken.get() >> place & 1 == 0);
        match left {
            Some((_, (name, _))) => {
                let mut asked: Vec<&str> = self.asked.borrow().to_vec();
                asked.sort_unstable();
                asked.dedup();
                Err(self.path.field(name).invalid(format!("unknown field; known here: {}", asked.join(", "))))
            }
            None => Ok(()),
        }
    }
}
