//! Heads kept elsewhere: a file of lines that say how far a ledger was, and with which hash.
//!
//! Whoever can rewrite a ledger's directory can rewrite everything in it so that it fits together. A head that lies
//! somewhere else can't be rewritten with it, so a verification that is given such a file finds what was changed, cut
//! or replaced before the head was noted. Several ledgers, and several processes, may note theirs in one file.
//!
//! ```text
//! {"ledger":"01980000-…","seq":61,"hash":"4f1c…","time":"2026-03-03T17:30:00.000000Z"}
//! ```
//!
//! When such a file is read, what only has `seq` and `hash` counts too: a receipt, or a line `61:4f1c…`.

mod file;

pub use file::{HeadsFile, is_inside, read_heads};

use crate::domain::ids::{LedgerId, Seq, Timestamp};
use crate::log::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A head that was kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHead {
    /// The ledger, where the line names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerId>,
    /// The last event.
    pub seq: Seq,
    /// Its hash.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    pub hash: Hash,
    /// When it was noted, where the line says so.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_time",
        deserialize_with = "read_time"
    )]
    pub time: Option<Timestamp>,
}

/// A file of heads, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptHeads {
    /// The heads, in the order of the file.
    pub heads: Vec<KeptHead>,
    /// Lines that are no heads; empty lines are passed over.
    pub unreadable: Vec<Unreadable>,
}

/// A line that is no head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

impl KeptHead {
    /// Reads a line: an object with at least `seq` and `hash`, or `seq:hash`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    ///
    /// # Example
    /// ```
    /// use counterfoil::heads::KeptHead;
    /// let line = format!("61:{}", "4f".repeat(32));
    /// assert_eq!(KeptHead::from_line(&line).unwrap().seq.0, 61);
    /// assert!(KeptHead::from_line(&line[..40]).is_err(), "half a hash is no hash");
    /// ```
    pub fn from_line(line: &str) -> Result<Self, String> {
        let line = line.trim();
        if line.starts_with('{') {
            return serde_json::from_str(line).map_err(|error| error.to_string());
        }
        let parts = line.split_once(':');
        let read = parts.and_then(|(seq, hash)| Some((seq.parse().ok()?, Hash::from_hex(hash)?)));
        match read {
            Some((seq, hash)) => Ok(Self { ledger: None, seq: Seq(seq), hash, time: None }),
            None => Err("neither an object with `seq` and `hash` nor `seq:hash`".to_owned()),
        }
    }

    /// The line, with its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // An object of numbers and texts has no way not to be written.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn write_hash<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(hash)
}

fn read_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
    let text = String::deserialize(deserializer)?;
    Hash::from_hex(&text).ok_or_else(|| serde::de::Error::custom("the hash is not 64 hexadecimal digits"))
}

fn write_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// A time that can't be read leaves the head as good as it is.
fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let time = value.as_str().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    Ok(time.map(|time| time.to_utc().into()))
}

#[cfg(test)]
mod tests;
