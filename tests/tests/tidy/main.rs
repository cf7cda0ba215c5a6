//! What holds for the house as a whole: floors, papers, names, sizes.
//!
//! Each test says what is wrong, where, and what to do about it; none needs more than the files.

mod floors;
mod papers;
mod repository;
mod sizes;
