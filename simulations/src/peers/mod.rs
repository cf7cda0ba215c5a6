//! Peers: the same dinners settled by Fanju, by PostgreSQL and by SQLite, one after another on the same
//! machine and file system. `docs/peers.md` has the rules.
//!
//! [`evening`] draws the dinners; each [`side`] settles them: [`ours`], [`postgres`] on a [`server`] of its
//! own, [`sqlite`]. [`run`] leads through the rounds and audits, [`footprint`] is what a side used,
//! [`report`] tells, and [`recorded`] is the same as a recording that has a page.

pub mod evening;
pub mod footprint;
pub mod options;
pub mod ours;
pub mod postgres;
pub mod ratios;
pub mod recorded;
pub mod report;
pub mod run;
pub mod server;
pub mod side;
pub mod sqlite;
