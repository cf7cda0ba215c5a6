//! Fanju: an embeddable real-time group-payment engine.

pub mod books;
pub mod codec;
pub mod domain;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod limits;
pub mod money;
mod sync;
pub mod time;
