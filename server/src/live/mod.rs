//! The live channel: JSON-RPC 2.0 over a websocket, with `CloudEvents` pushed.
//!
//! `session.rs` is one connection and the only file that knows the websocket library;
//! `subscription.rs` is how it begins to hear a topic, `topics.rs` what many sessions hear, worded
//! once; `frames.rs` is what goes over the wire.

mod allowance;
pub mod asyncapi;
pub mod close;
mod door;
pub mod frames;
pub mod hello;
pub mod methods;
mod nobody;
mod reply;
pub mod seats;
mod session;
mod subscription;
pub mod topics;

pub use door::routes;
