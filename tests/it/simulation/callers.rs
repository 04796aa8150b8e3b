//! The callers: what they ask, and what may have become of it.

use counterfoil::domain::command::Command;
use counterfoil::domain::digest::content_digest;
use counterfoil::domain::ids::{CommandId, Seq, Timestamp};
use counterfoil::ledger::Receipt;
use std::collections::HashMap;

/// A command's name and content: what an event can be recognised by.
pub type Key = (CommandId, [u8; 16]);

pub fn key_of(command: &Command) -> Key {
    (command.id.expect("every command here has an id"), content_digest(command))
}

/// One question that is not answered yet.
#[derive(Clone, Debug)]
pub struct Asked {
    pub what: Question,
    /// The place of the next event right after the decision: what the answer may rest on.
    pub rests_on: Seq,
    /// The instant of the decision.
    pub now: Timestamp,
}

#[derive(Clone, Debug)]
pub enum Question {
    One(Command),
    Unit(Vec<Command>),
    Would(Command),
    AcceptClock,
}

impl Question {
    /// The commands that this may append.
    pub fn commands(&self) -> &[Command] {
        match self {
            Self::One(command) => std::slice::from_ref(command),
            Self::Unit(commands) => commands,
            Self::Would(_) | Self::AcceptClock => &[],
        }
    }
}

/// What may have become of a command.
#[derive(Debug, Default)]
struct Fate {
    /// Questions with it that are not answered yet.
    pending: usize,
    /// Some answer was that nobody knows.
    unknown: bool,
}

/// Everything that was ever asked.
#[derive(Default)]
pub struct Callers {
    /// In order; retries take from it.
    pub issued: Vec<Command>,
    by_key: HashMap<Key, (Command, Fate)>,
    /// The first receipt of each command that has one.
    pub receipts: HashMap<Key, Receipt>,
}

impl Callers {
    pub fn asked(&mut self, question: &Question) {
        for command in question.commands() {
            let entry = self.by_key.entry(key_of(command)).or_insert_with(|| (command.clone(), Fate::default()));
            entry.1.pending += 1;
            self.issued.push(command.clone());
        }
    }

    /// One question with this command was answered.
    pub fn answered(&mut self, command: &Command, unknown: bool) {
        if let Some((_, fate)) = self.by_key.get_mut(&key_of(command)) {
            fate.pending -= 1;
            fate.unknown |= unknown;
        }
    }

    /// The command of an event, where that event may be there.
    pub fn may_have_happened(&self, key: Key) -> Result<&Command, String> {
        match self.by_key.get(&key) {
            None => Err("nobody asked for it".into()),
            Some((command, fate)) if fate.pending > 0 || fate.unknown => Ok(command),
            Some((command, _)) => Err(format!("every caller was told that it was not appended: {command:?}")),
        }
    }

    /// The log was read again: what is not in it will never be.
    pub fn all_is_known(&mut self) {
        for (_, fate) in self.by_key.values_mut() {
            fate.unknown = false;
        }
    }
}
