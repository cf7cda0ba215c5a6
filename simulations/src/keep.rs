//! Keep: the files in which a run leaves its recording.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{page, recording::Recording, show::aside};

/// Options about what is kept of a run.
#[derive(Args, Clone, Debug, Default)]
pub struct KeepOptions {
    /// Writes the run as one self-contained page: charts, figures, settings, verdict.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Writes the run's recording, which `fanju-sim compare` and `fanju-sim page` read.
    #[arg(long, value_name = "FILE.json")]
    pub recording: Option<PathBuf>,
}

impl KeepOptions {
    /// Checks that the files can be written, before a run that may take long.
    ///
    /// # Errors
    /// What is wrong, for the user.
    pub fn check(&self) -> Result<(), String> {
        for path in self.report.iter().chain(&self.recording) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
                return Err(format!("{} cannot be written: no such folder", path.display()));
            }
        }
        Ok(())
    }

    /// Writes what was asked for.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, recording: &Recording) -> Result<()> {
        // The recording first: a page can be made of it again.
        if let Some(path) = &self.recording {
            write("recording", path, &recording.to_json())?;
        }
        if let Some(path) = &self.report {
            write("page", path, &page::of_run(recording))?;
        }
        Ok(())
    }
}

/// Writes a file, and says so.
///
/// # Errors
/// It cannot be written.
pub fn write(what: &str, path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    aside(format_args!("{what} in {}", path.display()));
    Ok(())
}
