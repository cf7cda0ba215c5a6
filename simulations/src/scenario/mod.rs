//! Scenarios: whole evenings, from a file. Tables arrive, sit down, pay, go on, and some get money
//! back on the next morning.
//!
//! One evening's path: [`mod@file`] is read ([`mod@read`]), every value checked at its line ([`values`]) → [`script`]
//! draws one outing after the other, a pure function of file and seed → [`play`] lives through each
//! of them, in a [`house`] that is an engine ([`in_process`]) or a server → [`count`] counts →
//! [`report`] tells.

use std::{fs, io};

pub mod count;
pub mod file;
pub mod house;
pub mod in_process;
pub mod options;
pub mod order;
pub mod play;
pub mod read;
pub mod report;
pub mod run;
pub mod script;
pub mod steps;
pub mod timers;
pub mod values;

pub use file::Scenario;
pub use read::ScenarioError;

/// Scenarios that are built in, by name.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("friday-night", include_str!("../../scenarios/friday-night.toml")),
    ("new-year", include_str!("../../scenarios/new-year.toml")),
    ("food-court", include_str!("../../scenarios/food-court.toml")),
    ("payday-shortfall", include_str!("../../scenarios/payday-shortfall.toml")),
    ("refund-morning", include_str!("../../scenarios/refund-morning.toml")),
];

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// None is built in under that name, and no file has it.
    #[error("no scenario `{0}` (built in: {known}), and no such file", known = BUILT_IN.map(|(name, _)| name).join(", "))]
    Unknown(String),
    /// The file cannot be read.
    #[error("{file}: cannot be read: {error}")]
    Unreadable {
        /// Which.
        file: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The file is no text.
    #[error("{file}:{line}: not UTF-8")]
    NotText {
        /// Which.
        file: String,
        /// At which line, from one.
        line: usize,
    },
    /// The file says what it may not.
    #[error(transparent)]
    Wrong(#[from] ScenarioError),
}

/// The scenario of that name, or else in that file.
///
/// # Errors
/// [`LoadError`].
pub fn load(name: &str) -> Result<Scenario, LoadError> {
    let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((name, text)) = built_in {
        return Ok(Scenario::parse(&format!("{name}.toml"), text)?);
    }
    let bytes = fs::read(name).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return LoadError::Unknown(name.to_owned());
        }
        LoadError::Unreadable { file: name.to_owned(), error }
    })?;
    let text = str::from_utf8(&bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        LoadError::NotText { file: name.to_owned(), line }
    })?;
    Ok(Scenario::parse(name, text)?)
}
