//! Damage of every sort.
