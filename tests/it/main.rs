//! The integration tests, one binary.

mod lies;
