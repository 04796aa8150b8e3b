//! The integration tests, one binary.

mod agree;
mod histories;
mod linear;
mod model;
mod subject;
mod table;
