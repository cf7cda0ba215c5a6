//! Scratch: temporary folders that are gone when this process is, in whatever way it ends.
//!
//! A shell guards each of them: when this process ends, the pipe between them closes, and the guard
//! clears up.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::show::aside;

/// `$0` is the folder.
const CLEAR: &str = r#"read -r _; rm -rf "$0""#;

/// A temporary folder.
#[derive(Debug)]
pub struct Scratch {
    // First: it clears up before the folder is looked for.
    _guard: Guard,
    folder: TempDir,
}

impl Scratch {
    /// A new folder below `parent`.
    ///
    /// # Errors
    /// It cannot be made or guarded.
    pub fn new(prefix: &str, parent: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent);
        let folder = folder.context("cannot create a temporary folder")?;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(CLEAR).arg(folder.path()).current_dir("/");
        let guard = Guard::spawn(&mut shell).context("cannot guard a temporary folder")?;
        Ok(Self { _guard: guard, folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A shell that waits on its standard input for this process' end, and clears up then.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    /// Closed to end it.
    lifeline: Option<ChildStdin>,
}

impl Guard {
    /// Starts `shell` where no Ctrl-C reaches it: in a process group of its own.
    pub(crate) fn spawn(shell: &mut Command) -> io::Result<Self> {
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn()?;
        let lifeline = shell.stdin.take();
        Ok(Self { shell, lifeline })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Err(error) = self.shell.wait() {
            aside(format_args!("cannot wait until all is cleared up: {error}"));
        }
    }
}
