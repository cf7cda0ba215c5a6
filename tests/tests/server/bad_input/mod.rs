//! What clients should not send, what they may not hear, and how they are told.

mod frames;
mod http;
mod paths;
mod pressure;
mod tokens;
