//! Capacity: how many machines a nation's dinner hour would take, and how long a diner would wait. A model:
//! the engine runs on one machine today. `docs/capacity.md` has the assumptions and what it does not know.
//!
//! [`assumptions`] says what a dinner costs and where its diners live, and sizes the house by arithmetic;
//! [`world`] plays it event by event; [`report`] tells both.

pub mod assumptions;
pub mod options;
pub mod report;
pub mod world;
