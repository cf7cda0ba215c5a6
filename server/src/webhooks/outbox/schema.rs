//! Where the outbox is, and what tables it has.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::super::error::WebhookError;

/// The version of the tables.
const SCHEMA_VERSION: i64 = 1;

const FILE_NAME: &str = "webhooks.sqlite";

/// Read and written by this server's user alone: whoever has a secret can sign as we do.
const FILE_MODE: u32 = 0o600;

/// Where webhooks keep what they must not forget.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// `webhooks.sqlite` in this directory, which exists.
    Directory(PathBuf),
    /// In memory: gone with the last handle. For tests and demonstrations.
    Memory,
}

/// Identities are sixteen bytes, positions byte offsets of the journal, times microseconds.
const CREATE: &str = "
-- Positions of another journal mean nothing: `journal` counts those that were seen.
CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch TEXT,
    journal INTEGER NOT NULL
);
INSERT INTO meta (only, epoch, journal) VALUES (1, NULL, 0);
-- Up to where a merchant's events were taken. NULL: from the present on, wherever that is.
CREATE TABLE cursors (
    merchant BLOB PRIMARY KEY,
    position INTEGER
) WITHOUT ROWID;
CREATE TABLE endpoints (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    merchant BLOB NOT NULL,
    url TEXT NOT NULL,
    -- Separated by spaces. NULL: all.
    kinds TEXT,
    secret BLOB NOT NULL,
    -- One after the other, the newest first.
    old_secret BLOB,
    old_secret_until INTEGER,
    -- Events behind this position are sent.
    since INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    rest_until INTEGER NOT NULL DEFAULT 0,
    slow INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER,
    disabled_at INTEGER
);
CREATE INDEX endpoints_by_merchant ON endpoints (merchant);
-- `state`: 0 waiting, 1 delivered, 2 failed. `attempts` were made in all, `step` of them since the
-- message was last begun.
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    endpoint INTEGER NOT NULL REFERENCES endpoints (key) ON DELETE CASCADE,
    journal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (endpoint, journal, position)
);
CREATE INDEX messages_in_order ON messages (endpoint, seq, next_at) WHERE state = 0;
CREATE INDEX messages_due ON messages (endpoint, next_at) WHERE state = 0;
CREATE INDEX messages_finished ON messages (finished_at) WHERE state <> 0;
CREATE INDEX messages_kept ON messages (endpoint, seq) WHERE state <> 0;
CREATE TABLE deliveries (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint INTEGER NOT NULL REFERENCES endpoints (key) ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    duration_ms INTEGER NOT NULL
);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, row);
CREATE INDEX deliveries_by_message ON deliveries (message);
";

/// The one connection; makes the tables unless they are there.
pub(super) fn open(place: &Place) -> Result<Connection, WebhookError> {
    let mut connection = match place {
        Place::Memory => Connection::open_in_memory()?,
        Place::Directory(directory) => {
            let file = directory.join(FILE_NAME);
            protect(&file).map_err(WebhookError::Place)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(file, flags)?
        }
    };
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA busy_timeout = 5000;
         PRAGMA journal_size_limit = 16777216;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;",
    )?;
    prepare(&mut connection)?;
    Ok(connection)
}

/// Makes the file before SQLite does, so that nobody else can read it at any moment; its log gets
/// the same mode from SQLite.
fn protect(file: &std::path::Path) -> io::Result<()> {
    let open =
        OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(file)?;
    let mut permissions = open.metadata()?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, FILE_MODE);
    open.set_permissions(permissions)
}

fn prepare(connection: &mut Connection) -> Result<(), WebhookError> {
    let transaction = connection.transaction()?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        0 => transaction.execute_batch(CREATE)?,
        SCHEMA_VERSION => {}
        found => return Err(WebhookError::NewerSchema { found, known: SCHEMA_VERSION }),
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}
