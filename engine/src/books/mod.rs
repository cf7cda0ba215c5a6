//! The books: a projection of the journal into SQLite, for people's questions and for a quick start.
//!
//! A projector folds durable records in log order and writes what changed, coalesced, in one
//! transaction with the journal's tail up to which it goes (J-2). The hot path never waits for it:
//! nothing here is asked before a decision, and everything here can be rebuilt from the journal at
//! any time. What is read from the books is therefore as old as [`Progress`] says.
//!
//! - The rows at a tail are the fold of the journal up to that tail, whatever crashed in between.
//! - Books never decide; when they fail, the engine goes on and says so.
//!
//! A record's way: [`Projector`] reads a batch → [`Books::project`] folds it into what is pending →
//! [`Books::flush`] writes it → [`Progress`] tells → [`BooksReader`] sees it. [`chain`] needs no row
//! but an account's head: it walks the journal itself.

mod account;
mod anew;
mod blob;
mod error;
mod flush;
mod fold;
mod log;
mod merge;
mod pending;
mod progress;
mod projector;
mod reader;
mod schema;
mod statement;
mod sums;

use std::{path::Path, sync::Arc, time::Duration};

use rusqlite::Connection;

pub(crate) use self::projector::Projection;
pub use self::{
    anew::unlike_anew,
    blob::{OrderStep, OrderSteps},
    error::BooksError,
    progress::{FlushStats, Lag, Progress},
    projector::Projector,
    reader::{BooksReader, Totals},
    schema::{peek_checkpoint, set_aside},
    statement::{Page, StatementError, chain},
    sums::{Intervals, IntervalsError, MerchantSums},
};
use self::{flush::Rest, merge::Merge, pending::Pending, schema::Place};
use crate::{
    broken::{Bug, has},
    codec,
    domain::event::Event,
    id::Position,
    journal::{Batch, JournalId, Reader, Tail, WriteRight},
    limits,
};

/// So many records are looked at together before the first of them is folded.
const LOOK_AHEAD: usize = 8;

/// How the books are kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Time between two writes.
    pub flush_interval: Duration,
    /// Memory for the writer's pages, in bytes.
    pub cache_bytes: u64,
    /// Pages in SQLite's log after which they are moved into the database.
    pub log_pages_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            flush_interval: limits::BOOKS_FLUSH_INTERVAL,
            cache_bytes: 64 * 1024 * 1024,
            log_pages_max: limits::BOOKS_LOG_PAGES_MAX,
        }
    }
}

/// How many of what the books have seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Records of any kind.
    pub records: u64,
    /// Wallets, closed ones too.
    pub wallets: u64,
    /// Merchants.
    pub merchants: u64,
    /// Groups, closed ones too.
    pub groups: u64,
    /// Orders that were paid.
    pub settled: u64,
    /// Orders that ended without money.
    pub declined: u64,
    /// Refunds.
    pub refunded: u64,
}

/// The one writer of the books.
#[derive(Debug)]
pub struct Books {
    connection: Connection,
    place: Arc<Place>,
    journal: JournalId,
    options: Options,
    /// What the rows say.
    checkpoint: Tail,
    /// What the rows and the pending changes say.
    folded: Tail,
    /// Whether records were folded beyond `folded`.
    within_batch: bool,
    counts: Counts,
    pending: Pending,
    rest: Rest,
    /// `None` where SQLite does it.
    merge: Option<Merge>,
    /// After an error nothing more is folded or written: reopening starts from the rows.
    broken: bool,
    /// Until they are closed nobody else opens them.
    right: Option<Arc<WriteRight>>,
}

impl Books {
    /// Opens the books of `journal` at `path`, or makes them. `None` keeps them in a directory of
    /// their own under the system's temporary one, which goes when the last handle does: that way
    /// what is tested without a path is the code that runs with one, snapshots included.
    ///
    /// Books of an older schema are emptied, to be projected again from the journal's start.
    ///
    /// # Errors
    /// [`BooksError::OtherJournal`], or what SQLite says.
    pub fn open(
        path: Option<&Path>,
        journal: JournalId,
        options: Options,
    ) -> Result<Self, BooksError> {
        Self::open_at(Arc::new(Place::new(path)?), journal, options)
    }

    fn open_at(
        place: Arc<Place>,
        journal: JournalId,
        options: Options,
    ) -> Result<Self, BooksError> {
        let mut connection = schema::connect(&place, &options)?;
        if !place.is_temporary() {
            // Who was killed may have moved the log and not synced; whoever else has the books open
            // then keeps SQLite from moving it again.
            place.database()?.sync_data().map_err(BooksError::Place)?;
        }
        let (checkpoint, counts) = schema::prepare(&mut connection, journal)?;
        let merge = match place.is_temporary() {
            true => None,
            false => Some(Merge::new(Arc::clone(&place), u64::from(options.log_pages_max))?),
        };
        Ok(Self {
            connection,
            place,
            journal,
            options,
            checkpoint,
            folded: checkpoint,
            within_batch: false,
            counts,
            pending: Pending::default(),
            rest: Rest::default(),
            merge,
            broken: false,
            right: None,
        })
    }

    /// Begins again from the rows, after an error that [may pass](BooksError::may_pass): what was folded
    /// beyond them is to be folded once more.
    ///
    /// # Errors
    /// As [`Books::open`], or because their file is no longer the one that whoever reads has open: it is an
    /// engine's from its start to its end. The books are then as they were, broken.
    pub fn reopen(&mut self) -> Result<(), BooksError> {
        self.place.check_is_the_same()?;
        let mut again = Self::open_at(Arc::clone(&self.place), self.journal, self.options)?;
        if again.checkpoint.position < self.checkpoint.position {
            return Err(BooksError::corrupt("the rows went back"));
        }
        again.right = self.right.clone();
        *self = again;
        Ok(())
    }

    /// Keeps the right to write until the last row is written.
    pub fn keep(&mut self, right: Arc<WriteRight>) {
        self.right = Some(right);
    }

    /// The journal's tail up to which the rows go. The journal must have had it: if it ends before,
    /// or has another chain there, the books belong to another history ([`Books::rebuild`]).
    #[must_use]
    pub fn checkpoint(&self) -> Tail {
        self.checkpoint
    }

    /// The tail up to which records are folded, written or not.
    #[must_use]
    pub fn folded(&self) -> Tail {
        self.folded
    }

    /// Records that are folded and not written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.records
    }

    /// A handle to read the rows, from any thread.
    #[must_use]
    pub fn reader(&self) -> BooksReader {
        BooksReader::new(Arc::clone(&self.place))
    }

    /// Folds every record of the next batch.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken.
    pub fn project_batch(&mut self, batch: &Batch<'_>) -> Result<(), BooksError> {
        let mut records = batch.records();
        let mut next = Vec::with_capacity(LOOK_AHEAD);
        loop {
            next.clear();
            for (position, payload) in records.by_ref().take(LOOK_AHEAD) {
                let record = codec::decode(position, payload);
                next.push(record.map_err(|source| self.broke(source.into()))?);
            }
            if next.is_empty() {
                break;
            }
            self.look_ahead(&next);
            for record in &next {
                self.project(record)?;
                if has(Bug::ApplyTwice) && matches!(record.event, Event::Transferred { .. }) {
                    self.project(record)?;
                }
            }
        }
        self.end_batch(batch.tail);
        Ok(())
    }

    /// Says that the records projected last end a batch, with `tail` behind it.
    pub fn end_batch(&mut self, tail: Tail) {
        self.folded = tail;
        self.within_batch = false;
    }

    /// Folds and writes everything that is durable in the journal.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken.
    pub fn catch_up(&mut self, journal: &Reader) -> Result<(), BooksError> {
        let mut batches = journal.batches_after(self.folded);
        loop {
            let batch = batches.next_batch().map_err(|source| self.broke(source.into()))?;
            let Some(batch) = batch else { break };
            self.project_batch(&batch)?;
            if self.pending.is_full() {
                self.flush()?;
            }
        }
        self.flush()?;
        Ok(())
    }

    /// What [`Bug::FoldBooked`] is: the last batch that the rows have is folded once more.
    pub(crate) fn fold_booked(&mut self, journal: &Reader) -> Result<(), BooksError> {
        let mut batches = journal.batches(Position::NONE);
        while let Some(batch) = batches.next_batch()? {
            if batch.tail == self.folded {
                return self.project_batch(&batch);
            }
        }
        Ok(())
    }

    /// Empties the books and projects the whole journal again.
    ///
    /// # Errors
    /// [`BooksError`]; the books are then broken.
    pub fn rebuild(&mut self, journal: &Reader) -> Result<(), BooksError> {
        self.empty(journal.journal_id())?;
        self.catch_up(journal)
    }

    /// Empties the books: they are at the beginning of `journal`.
    ///
    /// # Errors
    /// What SQLite says; the books are then broken.
    pub fn empty(&mut self, journal: JournalId) -> Result<(), BooksError> {
        self.pending = Pending::default();
        let ready = self.merge.as_mut().map(|merge| merge.before_write(&self.connection));
        let emptied = ready.unwrap_or(Ok(()));
        let emptied = emptied.and_then(|()| schema::empty(&mut self.connection, journal));
        emptied.map_err(|source| self.broke(source))?;
        (self.checkpoint, self.folded) = (Tail::START, Tail::START);
        (self.within_batch, self.broken, self.counts) = (false, false, Counts::default());
        Ok(())
    }

    /// Takes note that nothing more may be written.
    fn broke(&mut self, error: BooksError) -> BooksError {
        self.broken = true;
        error
    }
}

impl Drop for Books {
    /// SQLite removes the log when it closes, unless its pages may not be on the disk.
    fn drop(&mut self) {
        let merge = self.merge.as_mut().filter(|_| !self.broken);
        if let Some(Err(error)) = merge.map(|merge| merge.before_write(&self.connection)) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the books keep their log");
        }
    }
}
