//! The register's tables, and how a file becomes one.
//!
//! Identities are sixteen bytes, hashes thirty-two, moments microseconds. WAL, so that readers
//! never wait for the writer; `synchronous = FULL`, because what was told must still be so after a
//! power cut: a revoked device stays revoked.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Place, RegisterError};
use crate::auth::limits;

/// "FJRG": tells a register from any other SQLite file.
const APPLICATION_ID: i64 = 0x464A_5247;

/// What each version adds; `user_version` counts how many a file has seen. Never changed, only
/// added to.
const MIGRATIONS: [&str; 4] = [FIRST, PASSKEYS_AND_RECOVERY, ANSWERS_WEIGHED, FOUNDERS];

const FIRST: &str = "
CREATE TABLE people (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    -- Keyed hash of the identity document: one document, one person.
    document BLOB UNIQUE CHECK (document IS NULL OR (length(document) = 32 AND verified = 1)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE passkeys (
    credential BLOB PRIMARY KEY,
    person BLOB NOT NULL REFERENCES people (id),
    passkey TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_of_person ON passkeys (person);
CREATE TABLE wallets (
    wallet BLOB PRIMARY KEY CHECK (length(wallet) = 16),
    person BLOB NOT NULL REFERENCES people (id),
    currency INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX wallets_of_person ON wallets (person);
CREATE TABLE staff (
    merchant BLOB NOT NULL CHECK (length(merchant) = 16),
    person BLOB NOT NULL REFERENCES people (id),
    role INTEGER NOT NULL,
    PRIMARY KEY (merchant, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_of_person ON staff (person);
CREATE TABLE devices (
    device BLOB PRIMARY KEY CHECK (length(device) = 16),
    person BLOB NOT NULL REFERENCES people (id),
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_of_person ON devices (person);
CREATE INDEX devices_by_end ON devices (expires_at);
CREATE TABLE till_keys (
    key BLOB PRIMARY KEY CHECK (length(key) = 16),
    merchant BLOB NOT NULL CHECK (length(merchant) = 16),
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    label TEXT NOT NULL,
    scopes INTEGER NOT NULL CHECK (scopes > 0),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX till_keys_of_merchant ON till_keys (merchant);
CREATE TABLE answers (
    seq INTEGER PRIMARY KEY,
    asker TEXT NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    answer TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (asker, key)
) STRICT;
CREATE INDEX answers_of_asker ON answers (asker, seq);
CREATE INDEX answers_by_age ON answers (at);
";

/// Before this, everybody had the passkey of the sign-up alone: every session was opened by it.
const PASSKEYS_AND_RECOVERY: &str = "
ALTER TABLE passkeys ADD COLUMN label TEXT NOT NULL DEFAULT 'first passkey';
ALTER TABLE passkeys ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passkeys ADD COLUMN last_used_at INTEGER;
UPDATE passkeys SET created_at = (SELECT created_at FROM people WHERE people.id = passkeys.person);
-- The passkey that opened the session; none for people who were made up.
ALTER TABLE devices ADD COLUMN credential BLOB REFERENCES passkeys (credential);
UPDATE devices SET credential =
    (SELECT credential FROM passkeys WHERE passkeys.person = devices.person)
    WHERE (SELECT count(*) FROM passkeys WHERE passkeys.person = devices.person) = 1;
CREATE INDEX devices_of_passkey ON devices (credential);
CREATE TABLE recovery_codes (
    -- Keyed hash of the person's name and the code.
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    person BLOB NOT NULL REFERENCES people (id),
    made_at INTEGER NOT NULL,
    spent_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX recovery_codes_of_person ON recovery_codes (person);
";

/// Before this, answers were counted and not weighed.
const ANSWERS_WEIGHED: &str = "
CREATE TABLE answer_bytes (
    asker TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO answer_bytes (asker, bytes)
    SELECT asker, sum(octet_length(answer)) FROM answers GROUP BY asker;
CREATE TRIGGER answer_kept AFTER INSERT ON answers BEGIN
    INSERT INTO answer_bytes (asker, bytes) VALUES (NEW.asker, octet_length(NEW.answer))
        ON CONFLICT (asker) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER answer_gone AFTER DELETE ON answers BEGIN
    UPDATE answer_bytes SET bytes = bytes - octet_length(OLD.answer) WHERE asker = OLD.asker;
    DELETE FROM answer_bytes WHERE asker = OLD.asker AND bytes = 0;
END;
";

/// Before this, whoever had founded a shop was one owner among others: the oldest account stands for it.
const FOUNDERS: &str = "
CREATE TABLE founders (
    merchant BLOB PRIMARY KEY CHECK (length(merchant) = 16),
    person BLOB NOT NULL REFERENCES people (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX founders_by_person ON founders (person);
INSERT INTO founders (merchant, person)
    SELECT merchant, min(person) FROM staff WHERE role = 1 GROUP BY merchant;
";

#[cfg(test)]
pub(super) const FIRST_VERSION: &str = FIRST;

/// The connection that writes, and those that read beside it: none of a register in memory, which
/// only its one connection knows.
pub(super) fn connect(place: &Place) -> Result<(Connection, Vec<Connection>), RegisterError> {
    match place {
        Place::Memory => {
            let mut writer = Connection::open_in_memory()?;
            writer.execute_batch("PRAGMA foreign_keys = ON;")?;
            migrate(&mut writer)?;
            Ok((writer, Vec::new()))
        }
        Place::File(path) => {
            let writer = open(path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = || -> Result<Connection, RegisterError> {
                let reader = Connection::open_with_flags(path, flags)?;
                reader.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
                Ok(reader)
            };
            let readers = (0..limits::READERS).map(|_| reader()).collect::<Result<_, _>>()?;
            Ok((writer, readers))
        }
    }
}

fn open(path: &Path) -> Result<Connection, RegisterError> {
    create_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = Connection::open_with_flags(path, flags)?;
    // Before anything that writes: a file of somebody else's stays as it is.
    writer.execute_batch("PRAGMA busy_timeout = 5000;")?;
    check_kind(&writer)?;
    writer.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 16777216;
         PRAGMA temp_store = MEMORY;",
    )?;
    let is_small = fs::metadata(path).is_ok_and(|file| file.len() <= limits::CHECKED_BYTES_MAX);
    if is_small {
        check_pages(&writer)?;
    }
    migrate(&mut writer)?;
    Ok(writer)
}

/// Makes the file so that only this user reads it; SQLite gives the files beside it the same
/// rights. One that is there stays as it is, and is not even opened: closing it would end the
/// locks that another connection of this process has on it.
fn create_private(path: &Path) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if let Err(error) = options.open(path) {
        // What is really wrong, SQLite says next.
        tracing::debug!(%error, path = %path.display(), "no new register");
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, RegisterError> {
    Ok(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

fn check_kind(connection: &Connection) -> Result<(), RegisterError> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (id, version) =
        (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
    if (tables, id, version) == (0, 0, 0) {
        return Ok(());
    }
    if id != APPLICATION_ID || version == 0 {
        return Err(RegisterError::NotARegister);
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(RegisterError::Newer { found: version, known });
    }
    Ok(())
}

fn check_pages(connection: &Connection) -> Result<(), RegisterError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    tracing::error!(%found, "the register's file is damaged");
    Err(RegisterError::Corrupt("its pages contradict each other"))
}

/// Brings the tables to the current version, all or nothing.
fn migrate(connection: &mut Connection) -> Result<(), RegisterError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = pragma(&transaction, "user_version")?;
    let seen =
        usize::try_from(version).map_err(|_| RegisterError::Corrupt("its version is negative"))?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(seen) {
        transaction.execute_batch(migration)?;
        transaction.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            index + 1
        ))?;
    }
    transaction.commit()?;
    Ok(())
}
