//! The rules: plain state machines that decide and apply, and nothing else.
//!
//! `decide` says what would happen and changes nothing; `apply` makes it so, in live running and in
//! recovery alike. No clock, no I/O, no actor, no chance: `now` and random digits are arguments.
//!
//! A bill's way through this floor: a [`draft`] lets diners claim its lines, if they want →
//! [`code`] is claimed → [`split`] says who owes what →
//! [`payment`] collects the shares and ends in one [`event::Settlement`] → [`wallet`],
//! [`merchant`] and [`group`] fold it → [`order`] remembers what may still be refunded.

#![deny(clippy::arithmetic_side_effects)]

pub mod bill;
pub mod code;
pub mod digest;
pub mod draft;
pub mod event;
pub mod funding;
pub mod group;
pub mod merchant;
pub mod order;
pub mod payment;
pub mod purse;
pub mod reason;
pub mod requests;
pub mod split;
pub mod text;
pub mod wallet;
