//! What every act may say beside what it is: who, why, for what, under which id.

use crate::cli::failure::Failure;
use serde_json::{Map, Value, json};

/// Who, why, for what.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The command")]
pub struct Said {
    /// Who asks, as a pseudonym; the name of the operating system's user unless said.
    #[arg(long, env = "COUNTERFOIL_ACTOR", value_name = "NAME", value_hint = clap::ValueHint::Username)]
    actor: Option<String>,
    /// The command's id: sent again with the same id and content it is answered with the first receipt.
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// The order (or till receipt) that it belongs to, as a pseudonym.
    #[arg(long, value_name = "ORDER")]
    pub order: Option<String>,
    /// Why, as a code of your own list.
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Free text; kept outside the hashed history, so that it can be erased.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A document that it rests on, such as invoice:4711; may be given more than once.
    #[arg(long, value_name = "KIND:ID", value_parser = document)]
    document: Vec<Value>,
    /// The event that it follows from.
    #[arg(long, value_name = "SEQ")]
    cause: Option<u64>,
}

/// When a fact happened.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "The command")]
pub struct Dated {
    /// When it happened, with time zone (2026-03-01T09:30:00+01:00); when it is recorded unless said.
    #[arg(long, value_name = "TIME")]
    occurred_at: Option<String>,
}

fn document(text: &str) -> Result<Value, String> {
    match text.split_once(':') {
        Some((kind, id)) => Ok(json!({ "kind": kind, "id": id })),
        None => Err("want a kind and a number, such as invoice:4711".to_owned()),
    }
}

impl Said {
    /// The command around an act.
    pub fn command(self, dated: Option<Dated>, act: Value) -> Result<Value, Failure> {
        let Self { actor, id, order, reason, note, document, cause } = self;
        let mut command = Map::new();
        command.insert("actor".to_owned(), actor_or_user(actor)?);
        command.insert("act".to_owned(), act);
        let texts = [
            ("id", id),
            ("occurred_at", dated.and_then(|dated| dated.occurred_at)),
            ("order", order),
            ("reason", reason),
            ("note", note),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                command.insert(name.to_owned(), text.into());
            }
        }
        if let Some(seq) = cause {
            command.insert("cause".to_owned(), json!({ "event": seq }));
        }
        if !document.is_empty() {
            command.insert("documents".to_owned(), document.into());
        }
        Ok(Value::Object(command))
    }
}

/// Who acts: the one that was named, or the user that the process runs as.
pub fn actor_or_user(actor: Option<String>) -> Result<Value, Failure> {
    if let Some(name) = actor {
        return Ok(name.into());
    }
    match user() {
        Some(name) => Ok(json!({ "id": name, "established": "process" })),
        None => Err(Failure::Usage("who acts? use --actor NAME, or set COUNTERFOIL_ACTOR".to_owned())),
    }
}

/// The user that the process runs as, whatever the environment says.
#[cfg(target_os = "linux")]
fn user() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(uid.as_str())).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid-{uid}")))
}

/// The user that the process runs as, as far as the environment says.
#[cfg(not(target_os = "linux"))]
fn user() -> Option<String> {
    std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok()
}
