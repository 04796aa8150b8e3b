//! Tests of the log as a whole.

mod arbitrary;
mod codec;
mod recovery;
mod support;
