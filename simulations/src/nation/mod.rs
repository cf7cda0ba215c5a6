//! Capacity: how many machines a nation's dinner hour would take, and how long a diner would wait. A model:
//! the engine runs on one machine today. `docs/capacity.md` has the assumptions and what it does not know.
//!
//! [`assumptions`] says what a dinner costs and where its diners live, and sizes the house by arithmetic;
//! [`world`] plays it event by event; [`otherwise`] does both for other numbers of partitions and other
//! neighbours; [`report`] tells, and [`recorded`] is the same as a recording that has a page.

pub mod assumptions;
pub mod options;
pub mod otherwise;
pub mod recorded;
pub mod report;
pub mod world;
