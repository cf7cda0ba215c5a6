//! The rules: plain state machines that decide and apply, and nothing else.

pub mod bill;
pub mod digest;
pub mod event;
pub mod funding;
pub mod split;
pub mod text;
