//! Double entry: what an account is, what may move between accounts, and what an account keeps
//! free, reserved and held.
//!
//! - M-1: an [`Entry`] that does not sum to zero cannot be built.
//! - W-1: reservations + holds ≤ posted, posted ≥ 0, for every [`Funds`], always.

#![deny(clippy::arithmetic_side_effects)]

mod entry;
mod funds;

pub use entry::{Account, Entry, Posting, Unbalanced};
pub use funds::{Funds, FundsRejection, Hold, Owner};
