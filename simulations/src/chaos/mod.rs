//! Chaos: an evening of dinners in a world where everything breaks, and the same seed breaks it alike.
//!
//! One thread, one virtual clock, one simulated disk; around them the engine as it is: domain, journal,
//! recovery, books and actors ([`fanju::Workers::Tasks`]); and of the server that from which its live
//! sessions hear ([`fanju_server::live::topics`]). A seed's path: [`plan`] draws who dines, what breaks
//! and when → [`world`] lets the engine live, breaks it, and opens it again on what the [`disk`] kept →
//! in each [`life`] the people of [`table`], [`money`] and [`phone`] ask over a [`wire`] that loses,
//! repeats and delays, and hear over a [`connection`] that is cut, goes dead or stalls → [`witness`]
//! remembers whatever anybody was told, follows the journal with the auditor's arithmetic, and notes what
//! must not be, the engine's own [`panics`] among it → [`run`] goes through the seeds and tells.
//!
//! The disk is the journal's alone. The [`books`] are SQLite's files, as it is, in a temporary folder
//! ([`fanju::Data::Parts`]): the next life finds them as they were, older, or not at all, and goes on
//! from there. But no fault meets a call to a file of theirs; there is one thread; and the rest of the
//! server, its sockets, sign-in and commands, is not there.
//!
//! Safety is looked at after every answer and every event. Liveness comes last: the faults stop, and
//! everything must come to its end.

pub mod answers;
pub mod books;
pub mod claims;
pub mod connection;
pub mod disk;
pub mod life;
pub mod manner;
pub mod money;
pub mod options;
pub mod panics;
pub mod phone;
pub mod plan;
pub mod recorded;
pub mod report;
pub mod run;
pub mod table;
pub mod trace;
pub mod wire;
pub mod witness;
pub mod world;
