//! The actors: they wait, ask and tell, and decide nothing. The only floor that names actix.
//!
//! One thread runs them all; a bill costs its wallets a visit each, and waking a second thread for
//! that costs more than the visits. The journal has its own thread, the books have theirs, and
//! reads go to the [`archive`].
//!
//! Ask down, tell up: merchant → group → wallet → journal. News comes back as
//! [`transaction::Committed`], in log order.

pub(crate) mod admission;
pub(crate) mod archive;
pub(crate) mod claim;
pub(crate) mod clock;
pub(crate) mod codes;
pub(crate) mod core;
pub(crate) mod deadlines;
pub(crate) mod directory;
pub(crate) mod error;
pub(crate) mod feed;
mod gate;
pub(crate) mod group;
pub(crate) mod merchant;
mod orders;
mod owed;
pub(crate) mod rail;
pub(crate) mod rail_desk;
pub(crate) mod receipt;
pub(crate) mod reply;
mod roster;
pub(crate) mod seat;
mod standing;
pub(crate) mod sweeper;
pub(crate) mod transaction;
pub(crate) mod turns;
mod waiting;
pub(crate) mod wallet;
