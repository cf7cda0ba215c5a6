//! Scenarios: whole evenings, from a file. Tables arrive, sit down, pay, go on, and some get money
//! back on the next morning.
//!
//! One evening's path: [`mod@file`] is read, every value checked at its line ([`values`]) → [`script`]
//! draws one outing after the other, a pure function of file and seed → [`play`] lives through each
//! of them, in a [`house`] that is an engine ([`in_process`]) or a server → [`count`] counts →
//! [`report`] tells.

pub mod count;
pub mod file;
pub mod house;
pub mod in_process;
pub mod options;
pub mod order;
pub mod play;
pub mod report;
pub mod run;
pub mod script;
pub mod steps;
pub mod timers;
pub mod values;

pub use file::{Scenario, ScenarioError};

/// Scenarios that are built in, by name.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("friday-night", include_str!("../../scenarios/friday-night.toml")),
    ("new-year", include_str!("../../scenarios/new-year.toml")),
    ("food-court", include_str!("../../scenarios/food-court.toml")),
    ("payday-shortfall", include_str!("../../scenarios/payday-shortfall.toml")),
    ("refund-morning", include_str!("../../scenarios/refund-morning.toml")),
];

/// The scenario of that name, or else in that file.
///
/// # Errors
/// What is wrong, for the user, with file and line.
pub fn load(name: &str) -> Result<Scenario, String> {
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((name, text)) = built_in {
        return Scenario::parse(&format!("{name}.toml"), text).map_err(|error| error.to_string());
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let known = BUILT_IN.map(|(name, _)| name).join(", ");
        format!("no scenario `{name}` (built in: {known}), and no such file: {error}")
    })?;
    Scenario::parse(name, &text).map_err(|error| error.to_string())
}
