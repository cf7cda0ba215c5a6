//! Keep: the files in which a run leaves its recording.

use std::{
    fs::{self, OpenOptions},
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
        self.report.iter().chain(&self.recording).try_for_each(|path| can_write(path))
    }

    /// Writes what was asked for, and of that whatever can be written.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn keep(&self, recording: &Recording) -> Result<()> {
        // The recording first: a page can be made of it again.
        let kept = |path: &PathBuf| write("recording", path, &recording.to_json());
        let kept = self.recording.as_ref().map_or(Ok(()), kept);
        let told = |path: &PathBuf| write("page", path, &page::of_run(recording));
        let told = self.report.as_ref().map_or(Ok(()), told);
        kept.and(told)
    }
}

/// Checks that `path` can be written, and leaves there what is there; `-` is standard output.
///
/// # Errors
/// What is wrong, for the user.
pub fn can_write(path: &Path) -> Result<(), String> {
    let there = fs::symlink_metadata(path);
    // Opening a pipe would wait for whoever reads it.
    let is_special = fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
    if path == Path::new("-") || is_special {
        return Ok(());
    }
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    if there.is_err() {
        fs::remove_file(path).ok();
    }
    Ok(())
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
