//! Live: load on a running server, over real websockets; every session behaves like a phone or a till.
//!
//! One dinner's path: [`pace`] says when it is due → [`hall`] gives it a table and a till → the till's
//! [`session`] asks `orders.scan` over its [`mod@line`] and [`wire`] → the server answers, and pushes the
//! settlement to every phone at the table → [`frame`] reads that, [`track`] looks for gaps → [`hall`]
//! finds the dinner complete → [`meter`] counts it → [`report`] tells.
//!
//! An [`evening`] goes the other way round: a scenario says who sits where, phones are [`guests`] of many
//! tables, and each outing is played by itself.
//!
//! Beside them the [`operator`] asks the server how it does, if it was given the token for that.
//!
//! Everything but the clock of [`pace`] runs on one thread: the machine belongs to the server.

pub mod capacity;
pub mod cast;
pub mod evening;
pub mod frame;
pub mod guests;
pub mod hall;
mod house;
pub mod line;
pub mod meter;
pub mod operator;
pub mod options;
pub mod pace;
pub mod recorded;
pub mod report;
pub mod run;
pub mod session;
pub mod set_up;
pub mod told;
pub mod track;
pub mod wire;
