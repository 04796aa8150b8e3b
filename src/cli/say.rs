//! Standard error.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard error, in one piece. Where that can't be written there is nobody to be told, and the exit
/// code still says what happened.
pub fn say(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
