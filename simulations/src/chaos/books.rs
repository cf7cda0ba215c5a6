//! Books: the files of the engine's books, which outlive it, and whether they say what the journal says.
//!
//! SQLite keeps them as it is, on a real disk. No fault meets it within a write: what is tried is that
//! the engine goes on from whatever an earlier moment left, the newest books, older ones or none.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use fanju::{
    books::{BooksError, peek_checkpoint, unlike_anew},
    journal::{Reader, Tail},
};
use tempfile::TempDir;

/// The books at one moment: the database, and the log that is not moved into it yet. There is one
/// thread, so nobody writes meanwhile: it is what a process that is killed then leaves.
#[derive(Clone, Debug)]
pub struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
}

/// Where the books of one life are.
#[derive(Debug)]
pub struct Shelf(TempDir);

impl Shelf {
    /// A place below `scratch` where the books are as they were in `found`; without it there are none.
    ///
    /// # Errors
    /// The system's, when there is no room.
    pub fn with(scratch: &Path, found: Option<&Image>) -> io::Result<Self> {
        let shelf = Self(TempDir::new_in(scratch)?);
        if let Some(Image { database, log }) = found {
            for (end, bytes) in [("", database), ("-wal", log)] {
                fs::write(shelf.file(end), bytes)?;
            }
        }
        Ok(shelf)
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.file("")
    }

    fn file(&self, end: &str) -> PathBuf {
        self.0.path().join(format!("books.sqlite{end}"))
    }

    /// The books as they are now; `None` when there are none. Closing a file gives up this process' locks
    /// on it: nobody else has this folder.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        let database = fs::read(self.path()).ok()?;
        // SQLite removes it when it closes.
        let log = fs::read(self.file("-wal")).unwrap_or_default();
        Some(Image { database, log })
    }

    /// The journal's tail up to which they go.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Tail> {
        peek_checkpoint(&self.path())
    }

    /// What is wrong with the books, which have caught up with `journal`: they are not what they would be
    /// if they were made anew from it.
    ///
    /// # Errors
    /// [`BooksError`], of those that are made anew too.
    pub fn differ(&self, journal: &Reader) -> Result<Option<String>, BooksError> {
        unlike_anew(&self.path(), journal)
    }
}
