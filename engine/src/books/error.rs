//! What can go wrong with the books; none of it stops the engine.

use std::io;

use crate::{
    codec::CodecError,
    journal::{JournalId, ReadError},
};

/// Why the books cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// SQLite failed.
    #[error("the database of the books failed")]
    Sqlite(#[from] rusqlite::Error),
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
    pub(super) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }
}
