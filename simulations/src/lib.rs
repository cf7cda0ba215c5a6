//! Load simulation of dinner-group checkout, and the auditor that distrusts it.
//!
//! One dinner's path: [`workload`] says who pays what → [`dinner`] starts it on its [`drive`] →
//! the engine settles it → [`acks`] writes it down → [`meter`] counts it. Afterwards [`auditor`]
//! re-reads the journal with its own arithmetic, and [`report`] tells.
//!
//! [`live`] is its sibling: the same dinners over the network, from a server's outside. [`peers`] settles
//! them elsewhere, to compare; [`capacity`] searches the highest rate; [`nation`] is a model of many machines.

// They panic where nobody reads any more; `show::tell` and `show::aside` do not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod acks;
pub mod auditor;
pub mod bills;
pub mod capacity;
pub mod chance;
pub mod chaos;
pub mod compare;
pub mod dinner;
pub mod drive;
pub mod figures;
pub mod keep;
pub mod live;
pub mod machine;
pub mod meter;
pub mod nation;
pub mod open;
pub mod options;
pub mod page;
pub mod peers;
pub mod population;
pub mod process;
pub mod published;
pub mod reading;
pub mod recorder;
pub mod recording;
pub mod report;
pub mod run;
pub mod scenario;
pub mod scratch;
pub mod show;
pub mod tally;
pub mod values;
pub mod workload;
