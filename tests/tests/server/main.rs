//! The server as the world meets it: a real process, real sockets, several clients at once.
//!
//! Each test starts a `fanju-server` of its own on 127.0.0.1, with a data folder of its own and people
//! that `fanju-server cast` made up, or who sign up with passkeys of a software authenticator. Every
//! event that any client hears is held against the one before it (L-1, in `socket.rs`), whatever the
//! test is about. `FANJU_SERVER` names a binary that is built already; `FANJU_TOOLS` a folder that
//! `scripts/tools` made, for clients in other languages; `FANJU_SEED` repeats the moments of a run.

#[path = "../../../server/src/auth/passkeys/authenticator.rs"]
mod authenticator;
mod backup;
mod bad_input;
mod claims;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod conflation;
mod corner;
mod crash;
mod crowd;
mod days;
mod deploy;
mod dinner;
mod guest;
mod house;
mod http;
mod idle;
mod join;
mod load;
mod lost;
mod passkeys;
mod person;
mod proxies;
mod rates;
mod recovery;
mod repeats;
mod resume;
mod rights;
mod shortfall;
#[path = "../common/signal.rs"]
mod signal;
mod silence;
mod slow;
mod socket;
mod spans;
mod start;
mod stop;
mod storm;
mod table;
mod till;
mod tls;
mod upgrade;
mod wire;
