//! The live channel: JSON-RPC 2.0 over a websocket, with `CloudEvents` pushed.
//!
//! `session.rs` is one connection and the only file that knows the websocket library; `frames.rs` is
//! what goes over the wire; `topics.rs` is what many sessions hear, worded once.

mod allowance;
pub mod asyncapi;
pub mod close;
mod door;
pub mod frames;
pub mod methods;
mod session;
pub mod topics;

pub use door::routes;
