//! The integration tests, one binary.

mod linear;
mod model;
mod subject;
mod table;
