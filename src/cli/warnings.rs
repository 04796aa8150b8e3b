//! What the library has to say while the tool works: what it found damaged, set aside or built again. On standard error,
//! so that it is not done in silence.

use super::say::say;
use counterfoil::domain::invisible::shown;
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Lets warnings and errors be seen from here on.
pub fn are_said() {
    // Somebody listens already: then that one hears them.
    let _ = tracing::subscriber::set_global_default(Warnings);
}

struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        // Heads that can't be noted, and an index that is built again, are told by the command itself, once.
        let is_told = ["counterfoil::ledger::heads", "counterfoil::index", "counterfoil::index::shared"]
            .iter()
            .any(|told| about.target() == *told);
        about.is_event() && *about.level() <= Level::WARN && !is_told
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        say(format_args!("counterfoil: WARNING: {}", shown(&text.whole())));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A message, and what it speaks of.
#[derive(Debug, Default)]
struct Text {
    message: String,
    about: String,
}

impl Text {
    fn whole(self) -> String {
        let Self { message, about } = self;
        if about.is_empty() { message } else { format!("{message}: {about}") }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to memory does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if self.about.is_empty() => write!(self.about, "{name} {value:?}"),
            name => write!(self.about, ", {name} {value:?}"),
        };
    }
}
