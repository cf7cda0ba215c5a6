//! Where the books are, and what tables they have.
//!
//! Identities are sixteen bytes, amounts minor units, positions byte offsets of the journal. A
//! wallet's and a merchant's row has a small number, in the order in which they came: to find a million
//! rows by numbers is quicker than by identities, and every order names its merchant.
//!
//! WAL, so that readers never wait for the writer. `synchronous = NORMAL`: a commit does not sync,
//! only the move of the log into the database does, which `merge.rs` makes in steps of its own. A
//! power cut may then lose the last commits, which the journal gives back, but never the database's
//! consistency, which `OFF` would risk: there would be no telling rows that are torn from rows that
//! are right. Temporary books have nothing to lose: they never sync, and SQLite moves their log.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::{BooksError, Counts, Options};
use crate::{
    id::Position,
    journal::{JournalId, Tail, naming, sync_directory},
    money::{Amount, Currency},
};

/// Version of the tables and of what is in their blobs.
const SCHEMA_VERSION: i64 = 5;

const CREATE: &str = "
CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    schema_version INTEGER NOT NULL,
    journal BLOB NOT NULL,
    tail BLOB NOT NULL,
    records INTEGER NOT NULL DEFAULT 0,
    wallets INTEGER NOT NULL DEFAULT 0,
    merchants INTEGER NOT NULL DEFAULT 0,
    groups INTEGER NOT NULL DEFAULT 0,
    settled INTEGER NOT NULL DEFAULT 0,
    declined INTEGER NOT NULL DEFAULT 0,
    refunded INTEGER NOT NULL DEFAULT 0
);
-- W-1 once more: nobody's balance is negative.
CREATE TABLE wallets (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    currency INTEGER NOT NULL,
    posted INTEGER NOT NULL CHECK (posted >= 0),
    head INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE merchants (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    currency INTEGER NOT NULL,
    posted INTEGER NOT NULL CHECK (posted >= 0),
    head INTEGER NOT NULL,
    state BLOB NOT NULL
);
CREATE TABLE groups (
    id BLOB PRIMARY KEY,
    head INTEGER NOT NULL,
    state BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE orders (
    merchant INTEGER NOT NULL,
    order_no TEXT NOT NULL,
    steps BLOB NOT NULL,
    PRIMARY KEY (merchant, order_no)
) WITHOUT ROWID;
-- In the merchant's currency, which never changes. `quarter` counts quarters of an hour: in every time
-- zone that is in use, a day is a number of whole ones.
CREATE TABLE merchant_quarters (
    merchant INTEGER NOT NULL,
    quarter INTEGER NOT NULL,
    settled_count INTEGER NOT NULL,
    settled_minor INTEGER NOT NULL,
    refunded_count INTEGER NOT NULL,
    refunded_minor INTEGER NOT NULL,
    declined_count INTEGER NOT NULL,
    PRIMARY KEY (merchant, quarter)
) WITHOUT ROWID;
CREATE TABLE rail_open (
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    request BLOB NOT NULL,
    move BLOB NOT NULL,
    PRIMARY KEY (kind, id, request)
) WITHOUT ROWID;
-- M-1 once more: minus the sum of all accounts.
CREATE TABLE clearing (
    currency INTEGER PRIMARY KEY,
    posted INTEGER NOT NULL
);
";

/// What is kept of a log that was longer, in bytes: more than any write makes, so that a gigabyte comes
/// back only where a reader has held the log for long.
const LOG_BYTES_KEPT: u64 = 1024 * 1024 * 1024;

/// Where the books are; temporary ones go with the last handle.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The directory to remove.
    temporary: Option<PathBuf>,
    /// To sync the database. Closing any handle of a file ends all locks that this process has on it,
    /// and SQLite's with them, so this one stays open until the last connection is closed.
    database: OnceLock<File>,
}

impl Place {
    pub(super) fn new(path: Option<&Path>) -> Result<Self, BooksError> {
        if let Some(path) = path {
            return Ok(Self { file: path.to_owned(), temporary: None, database: OnceLock::new() });
        }
        let name = format!("fanju-books-{}", uuid::Uuid::now_v7());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).map_err(naming(&directory)).map_err(BooksError::Place)?;
        Ok(Self {
            file: directory.join("books.sqlite"),
            temporary: Some(directory),
            database: OnceLock::new(),
        })
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Checks that the database is still the file that was opened first.
    pub(super) fn check_is_the_same(&self) -> Result<(), BooksError> {
        let known = self.database()?.metadata().map_err(BooksError::Place)?;
        let found = fs::metadata(&self.file).map_err(naming(&self.file));
        let found = found.map_err(BooksError::Place)?;
        match (known.dev(), known.ino()) == (found.dev(), found.ino()) {
            true => Ok(()),
            false => Err(BooksError::corrupt("the file is another one")),
        }
    }

    /// The database itself, which must be there.
    pub(super) fn database(&self) -> Result<&File, BooksError> {
        if self.database.get().is_none() {
            let opened = File::open(&self.file).map_err(naming(&self.file));
            let opened = opened.map_err(BooksError::Place)?;
            // One thread writes the books, and nobody else comes here.
            drop(self.database.set(opened));
        }
        Ok(self.database.get().expect("it was opened just now"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(directory) = &self.temporary
            && let Err(error) = fs::remove_dir_all(directory)
        {
            tracing::warn!(%error, directory = %directory.display(), "temporary books stay behind");
        }
    }
}

/// The writer's connection.
pub(super) fn connect(place: &Place, options: &Options) -> Result<Connection, BooksError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.file, flags)?;
    let (synchronous, merge_after) = match place.is_temporary() {
        true => ("OFF", options.log_pages_max),
        false => ("NORMAL", 0),
    };
    let cache_kib = options.cache_bytes / 1024;
    // A log that has grown keeps its length: to give blocks back takes the file system up to 90 ms where
    // it tells the disk of each, the journal's syncs wait for that, and the next write takes them again.
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {synchronous};
         PRAGMA cache_size = -{cache_kib};
         PRAGMA wal_autocheckpoint = {merge_after};
         PRAGMA journal_size_limit = {LOG_BYTES_KEPT};
         PRAGMA temp_store = MEMORY;
         PRAGMA busy_timeout = 5000;"
    ))?;
    Ok(connection)
}

/// A reader's connection.
pub(super) fn connect_reader(place: &Place) -> Result<Connection, BooksError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.file, flags)?;
    connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

/// The tail up to which the books at `path` go, if there are any that say so, of whatever schema: whoever
/// opens the journal need not read what lies before it, and sees what it has lost since.
#[must_use]
pub fn peek_checkpoint(path: &Path) -> Option<Tail> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    let tail: Vec<u8> = connection.query_row("SELECT tail FROM meta", [], |row| row.get(0)).ok()?;
    Tail::from_bytes(&tail)
}

/// Puts the books at `path` aside, whatever they are, in place of those that were put aside before. The
/// database goes first: without its log it may be torn, and SQLite drops a log without its database.
///
/// # Errors
/// What the system says; books that are not there are aside already.
pub fn set_aside(path: &Path) -> io::Result<()> {
    let named = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name
    };
    for beside in ["", "-wal", "-shm"] {
        let old = named(&format!(".old{beside}"));
        let moved = match fs::rename(named(beside), &old) {
            // Nothing of an older one is to stand beside it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(old),
            moved => moved,
        };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(naming(path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    path.parent().map_or(Ok(()), sync_directory)
}

/// Makes the tables unless they are there; says up to where they go.
pub(super) fn prepare(
    connection: &mut Connection,
    journal: JournalId,
) -> Result<(Tail, Counts), BooksError> {
    let exists = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
    let tables: i64 = connection.query_row(exists, [], |row| row.get(0))?;
    if tables == 0 {
        empty(connection, journal)?;
        return Ok((Tail::START, Counts::default()));
    }
    let meta = "SELECT schema_version, journal, tail FROM meta";
    let meta = connection.query_row(meta, [], |row| {
        Ok((row.get::<_, i64>(0)?, JournalId(row.get(1)?), row.get::<_, Vec<u8>>(2)?))
    });
    let meta = meta.optional()?;
    // They witness whose they are before they are emptied.
    if let Some((_, found, _)) = meta
        && found != journal
    {
        return Err(BooksError::OtherJournal { expected: journal, found });
    }
    let Some((SCHEMA_VERSION, _, tail)) = meta else {
        let found = meta.map(|(version, ..)| version);
        tracing::info!(found, current = SCHEMA_VERSION, "books are of another schema");
        empty(connection, journal)?;
        return Ok((Tail::START, Counts::default()));
    };
    let tail = Tail::from_bytes(&tail).ok_or(BooksError::corrupt("the tail has another length"))?;
    Ok((tail, counts(connection)?))
}

/// Drops every table, whatever version made it, and makes them anew, at the beginning of `journal`.
pub(super) fn empty(connection: &mut Connection, journal: JournalId) -> Result<(), BooksError> {
    let transaction = connection.transaction()?;
    let tables: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        transaction.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    transaction.execute_batch(CREATE)?;
    transaction.execute(
        "INSERT INTO meta (only, schema_version, journal, tail) VALUES (1, ?1, ?2, ?3)",
        (SCHEMA_VERSION, journal.0, Tail::START.to_bytes()),
    )?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn counts(connection: &Connection) -> Result<Counts, BooksError> {
    let read = "SELECT records, wallets, merchants, groups, settled, declined, refunded FROM meta";
    let counts = connection.prepare_cached(read)?.query_row([], |row| {
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Counts {
            records: count(0)?,
            wallets: count(1)?,
            merchants: count(2)?,
            groups: count(3)?,
            settled: count(4)?,
            declined: count(5)?,
            refunded: count(6)?,
        })
    });
    Ok(counts?)
}

/// A position as SQLite has it.
pub(super) fn sql(position: Position) -> i64 {
    position.0.cast_signed()
}

pub(super) fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<Position> {
    row.get::<_, i64>(column).map(|position| Position(position.cast_unsigned()))
}

pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Amount> {
    row.get(column).map(Amount::from_minor)
}

pub(super) fn currency(row: &Row<'_>, column: usize) -> Result<Currency, BooksError> {
    Currency::from_numeric(row.get(column)?).ok_or(BooksError::corrupt("an unknown currency"))
}
