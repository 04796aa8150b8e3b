//! Tests of the log as a whole.

mod arbitrary;
mod before_sled;
mod codec;
mod faults;
mod golden;
mod history;
mod on_disk;
mod recovery;
mod support;
mod tampering;
