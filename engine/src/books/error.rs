//! What can go wrong with the books; none of it stops the engine.

use std::io;

use rusqlite::{ErrorCode, ffi::SQLITE_IOERR_SHMSIZE};

use crate::{
    codec::CodecError,
    journal::{JournalId, ReadError},
};

/// Why the books cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// There is no room for what they have to write; the journal has it: opened anew, they catch up.
    #[error("the books have no room: the disk is full")]
    Full(#[source] rusqlite::Error),
    /// SQLite failed.
    #[error("the database of the books failed")]
    Sqlite(#[source] rusqlite::Error),
    /// There is no place for them.
    #[error("the books have no place")]
    Place(#[source] io::Error),
    /// The rows are of another journal; delete them, or configure the right path.
    #[error("the books are of journal {found}, not of {expected}")]
    OtherJournal {
        /// The journal that is open.
        expected: JournalId,
        /// The journal that the rows are of.
        found: JournalId,
    },
    /// Rows that do not fit the records, or one another: rebuild the books.
    #[error("the books are corrupt: {what}")]
    Corrupt {
        /// What does not fit.
        what: &'static str,
    },
    /// Somebody else has written the rows since; opened anew, they go on from there.
    #[error("the books have another writer")]
    AnotherWriter,
    /// A record or a blob that cannot be read.
    #[error("the books met unreadable bytes")]
    Codec(#[from] CodecError),
    /// The journal cannot be read.
    #[error("the books cannot read the journal")]
    Journal(#[from] ReadError),
    /// A record contradicts the rows: a corrupt journal, or a bug.
    #[error("folding a record panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// An earlier error left the pending changes incomplete; reopen or rebuild the books.
    #[error("the books failed before and take no more records")]
    Broken,
}

impl BooksError {
    /// Whether the rows are as they were and may be written later: there was no room, or somebody else
    /// kept them locked. Not after a sync that failed: of what it was for nobody knows any more.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Full(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ),
            Self::Place(_)
            | Self::OtherJournal { .. }
            | Self::Corrupt { .. }
            | Self::AnotherWriter
            | Self::Codec(_)
            | Self::Journal(_)
            | Self::Panicked { .. }
            | Self::Broken => false,
        }
    }

    pub(super) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }
}

impl From<rusqlite::Error> for BooksError {
    /// Tells a full disk from other failures. SQLite reserves its shared memory beside the file at the first
    /// look, and calls it an I/O error when the disk is too full for that.
    fn from(error: rusqlite::Error) -> Self {
        let is_full = error.sqlite_error().is_some_and(|failure| {
            failure.code == ErrorCode::DiskFull || failure.extended_code == SQLITE_IOERR_SHMSIZE
        });
        if is_full { Self::Full(error) } else { Self::Sqlite(error) }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{Error, SQLITE_FULL, SQLITE_IOERR, SQLITE_IOERR_SHMSIZE};

    use super::*;

    #[test]
    fn a_full_disk_is_named_so() {
        let of = |code| BooksError::from(rusqlite::Error::SqliteFailure(Error::new(code), None));
        for code in [SQLITE_FULL, SQLITE_IOERR_SHMSIZE] {
            assert!(matches!(of(code), BooksError::Full(_)), "{code}");
        }
        assert!(matches!(of(SQLITE_IOERR), BooksError::Sqlite(_)));
    }
}
