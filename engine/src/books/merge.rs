//! Merge: moving the log's pages into the database, a little at a time.
//!
//! SQLite would do it at the end of some write: sync the log, copy its pages, sync the database. The
//! disk is the one that the journal syncs to, and every diner waits for as long as it takes tens of
//! megabytes at once. So the same three steps are made here, in the same order and with the same
//! syncs; only that before each sync the kernel is asked for a few pages after the other, with pauses
//! in which the journal has its turn. Whoever cannot wait makes them at once.
//!
//! - Pages go into the database only when the log that holds them is synced, and the log begins anew,
//!   with the next write, only when the database is synced. Then a power cut at any moment leaves a
//!   log from which SQLite brings the database back.

use std::{collections::VecDeque, fs::File, ops::Range, sync::Arc};

use rusqlite::{Connection, Row, config::DbConfig};

use super::{BooksError, log::Log, schema::Place};
use crate::limits;

/// A log that was due before, and now has so many times the pages, is merged at once: writes come too
/// fast for small steps. A single write may be as long as it likes.
const OVERDUE: u64 = 4;

/// The log and the database, and how far the one is merged into the other.
#[derive(Debug)]
pub(super) struct Merge {
    place: Arc<Place>,
    log: Log,
    /// Frames of the log after which it is merged.
    due_after: u64,
    is_due: bool,
    /// The log's part that the disk was not asked for.
    log_left: Range<u64>,
    /// Pages of the database that the log holds and the database does not.
    pages: Vec<Range<u64>>,
    /// The database's part that the disk was not asked for; `None` when the database is synced.
    database_left: Option<VecDeque<Range<u64>>>,
    /// A sync has failed, or is under way. The system says so once: a second one would seem to succeed.
    is_unsure: bool,
}

impl Merge {
    /// The books at `place`, whose database is open, read and synced.
    pub(super) fn new(place: Arc<Place>, due_after: u64) -> Result<Self, BooksError> {
        let log = Log::of(&place.file).map_err(BooksError::Place)?;
        Ok(Self {
            place,
            log,
            due_after,
            is_due: false,
            log_left: 0..0,
            pages: Vec::new(),
            database_left: None,
            is_unsure: false,
        })
    }

    /// Makes sure that SQLite may begin the log anew: what was moved into the database is synced.
    pub(super) fn before_write(&mut self, connection: &Connection) -> Result<(), BooksError> {
        if self.is_unsure {
            return Err(BooksError::Broken);
        }
        if self.database_left.is_some() {
            self.sync(|merge| merge.place.database())?;
            keep_log_at_close(connection, false)?;
            self.database_left = None;
        }
        Ok(())
    }

    /// Takes note of what a write added.
    pub(super) fn after_write(&mut self, connection: &Connection) -> Result<(), BooksError> {
        let added = match self.log.look() {
            Ok(added) => added,
            Err(error) => {
                tracing::debug!(%error, "the books' log cannot be read, and is merged at once");
                self.is_due = true;
                return self.finish(connection);
            }
        };
        // A new round of the log overwrites the old one.
        let continues = self.log_left.end == added.log.start;
        self.log_left.start = if continues { self.log_left.start } else { added.log.start };
        self.log_left.end = added.log.end;
        self.pages.extend(added.pages);
        let was_due = std::mem::replace(&mut self.is_due, self.log.frames() >= self.due_after);
        if was_due && self.log.frames() >= self.due_after * OVERDUE {
            self.finish(connection)?;
        }
        Ok(())
    }

    /// Makes one small step; says whether another one follows, after a pause.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<bool, BooksError> {
        if !self.log_left.is_empty() {
            let end = self.log_left.end.min(self.log_left.start + limits::BOOKS_STEP_BYTES);
            ask_for(self.log.file(), &(self.log_left.start..end));
            self.log_left.start = end;
        } else if self.is_due {
            self.move_pages(connection)?;
        } else if let Some(left) = self.database_left.as_mut().filter(|left| !left.is_empty()) {
            let mut asked = 0;
            while asked < limits::BOOKS_STEP_BYTES
                && let Some(range) = left.pop_front()
            {
                ask_for(self.place.database()?, &range);
                asked += range.end - range.start;
            }
        } else {
            self.before_write(connection)?;
        }
        Ok(!self.log_left.is_empty() || self.is_due || self.database_left.is_some())
    }

    /// Makes whatever is due at once.
    pub(super) fn finish(&mut self, connection: &Connection) -> Result<(), BooksError> {
        if self.is_due {
            self.move_pages(connection)?;
        }
        self.before_write(connection)
    }

    /// Syncs the log and moves its pages into the database, as far as no reader needs the old ones.
    fn move_pages(&mut self, connection: &Connection) -> Result<(), BooksError> {
        self.sync(|merge| Ok(merge.log.file()))?;
        self.log_left.start = self.log_left.end;
        keep_log_at_close(connection, true)?;
        // The two syncs of SQLite's own are the one above and the one in `before_write`.
        connection.pragma_update(None, "synchronous", "OFF")?;
        let all = |row: &Row<'_>| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?);
        let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], all);
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let pages = std::mem::take(&mut self.pages);
        // Pages that are as they were would be forgotten by the system, not written.
        self.database_left = Some(if moved? { joined(pages) } else { VecDeque::new() });
        self.is_due = false;
        Ok(())
    }

    fn sync(
        &mut self,
        file: impl FnOnce(&Self) -> Result<&File, BooksError>,
    ) -> Result<(), BooksError> {
        self.is_unsure = true;
        file(self)?.sync_data().map_err(BooksError::Place)?;
        self.is_unsure = false;
        Ok(())
    }
}

/// Closing would take a log for done whose pages are in the database, synced or not, and remove it.
fn keep_log_at_close(connection: &Connection, keep: bool) -> Result<(), BooksError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Each page once, neighbours together, none longer than a step.
fn joined(mut pages: Vec<Range<u64>>) -> VecDeque<Range<u64>> {
    pages.sort_unstable_by_key(|page| page.start);
    pages.dedup();
    let mut joined: VecDeque<Range<u64>> = VecDeque::new();
    for page in pages {
        match joined.back_mut() {
            Some(last)
                if last.end == page.start && page.end - last.start <= limits::BOOKS_STEP_BYTES =>
            {
                last.end = page.end;
            }
            Some(_) | None => joined.push_back(page),
        }
    }
    joined
}

/// Asks the disk for a part of a file, and does not wait until it is written. A system that takes no
/// such advice writes it when it is synced.
fn ask_for(file: &File, range: &Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        use std::num::NonZeroU64;

        use rustix::fs::{Advice, fadvise};
        // Linux begins to write what is dirty in such a range and keeps that in memory; the rest of the
        // range it forgets.
        let bytes = NonZeroU64::new(range.end - range.start);
        let asked = bytes.map(|bytes| fadvise(file, range.start, Some(bytes), Advice::DontNeed));
        if let Some(Err(error)) = asked {
            tracing::debug!(%error, "the disk takes no advice");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _: (&File, &Range<u64>) = (file, range);
}
