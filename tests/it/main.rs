//! The integration tests, one binary.

mod model;
mod subject;
mod table;
