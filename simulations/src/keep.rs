//! Keep: the files in which a run leaves its recording.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::{page, recording::Recording};

/// Options about what is kept of a run.
#[derive(Args, Clone, Debug, Default)]
pub struct KeepOptions {
    /// Writes the run as one page that needs nothing else: charts, figures, settings, verdict.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Writes the run's recording, which `fanju-sim compare` reads.
    #[arg(long, value_name = "FILE.json")]
    pub recording: Option<PathBuf>,
}

impl KeepOptions {
    /// Writes what was asked for.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, recording: &Recording) -> Result<()> {
        let report = self.report.as_ref().map(|path| (path, page::of_run(recording)));
        let recording = self.recording.as_ref().map(|path| (path, recording.to_json()));
        for (path, text) in report.into_iter().chain(recording) {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}
