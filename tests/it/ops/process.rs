//! The tool as a process.
