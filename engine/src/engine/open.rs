//! Opening: journal and books first, then those who work, then everybody whose money is on its way.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Actor;
use actix_rt::ArbiterHandle;

use super::{Config, Data, Engine, Inner, workers::Crew};
use crate::{
    actors::{
        admission::Admission,
        archive::Shelves,
        core::{Core, CoreParts, Patience},
        deadlines::Bell,
        rail_desk,
        seat::Key,
        sweeper::Sweeper,
        transaction::{Batch, Transaction},
        turns::{self, Turn},
        wallet::Poison,
    },
    books::{self, Books, BooksError, BooksReader},
    broken::{Bug, has},
    domain::event::RailMove,
    journal::{
        self, DirectoryStorage, Epoch, JournalError, JournalId, LocalJournal, MemoryStorage,
        Outcome, RecoveryReport, Storage,
    },
};

/// Why an engine cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// With this setting of [`Config`] nothing would ever be answered.
    #[error("setting `{setting}` must be more than zero")]
    SettingIsZero {
        /// Its name.
        setting: &'static str,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory")]
    Storage(#[source] io::Error),
    /// The journal is damaged or cannot be read.
    #[error("cannot open the journal")]
    Journal(#[from] JournalError),
    /// There are books, and no journal beside them: is its disk mounted?
    #[error("there are books, and no journal beside them: is its disk mounted?")]
    NoJournal,
    /// The journal is sound, and not what the books know of it: it lost its end or was replaced, or the
    /// books are another's. [`Config::rebuild_books`] goes by the journal alone.
    #[error(
        "the journal is not what the books know of it; `rebuild_books` goes by the journal alone"
    )]
    Unlike(#[source] JournalError),
    /// The books cannot be opened or brought up to date. [`Config::rebuild_books`] needs nothing of
    /// them.
    #[error("cannot open the books, which `rebuild_books` makes anew from the journal")]
    Books(#[from] BooksError),
    /// The system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// What opening found and did.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What the journal's recovery found.
    pub recovery: RecoveryReport,
    /// How long the books took to catch up.
    pub books_took: Duration,
    /// Whether the books were made anew: as [`Config::rebuild_books`] asked, or because they did not
    /// fit a journal kept without syncs.
    pub books_rebuilt: bool,
    /// Moves that the bank had not answered, taken up again.
    pub rail_moves: usize,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shut_doors();
        self.commands.end();
        self.workers.end(&self.core);
    }
}

pub(super) fn open(config: Config) -> Result<(Engine, Opening), OpenError> {
    let _open = tracing::debug_span!("open").entered();
    if let Some(setting) = config.missing_setting() {
        return Err(OpenError::SettingIsZero { setting });
    }
    let Opened { journal, books, mut opening, shelves } = open_data(&config)?;
    let Crew { workers, arbiter, archive, queries, projected, bell } =
        Crew::start(&config, books, &shelves).map_err(OpenError::Thread)?;
    let (core, key) = Core::new(CoreParts {
        clock: config.clock,
        patience: Patience {
            answer_within: config.answer_within,
            order_deadline: config.order_deadline,
            rail_answer_within: config.rail_answer_within,
            rail_retry: config.rail_retry,
        },
        archive,
        queries,
        rail: config.rail,
        projected,
        thread: arbiter.clone(),
        bell,
        // An engine that opens again must not give the same identities again.
        seed: config.seed.map(|seed| seed.wrapping_add(opening.recovery.tail.position.0)),
    });
    start_helpers(&arbiter, &core, key, config.idle_after);
    let door = || Admission::new(config.commands_in_flight_max);
    let orders = Admission::new(config.orders_in_flight_max);
    // From here on what was started ends with it, also where opening fails.
    let inner = Inner { core, orders, commands: door(), moves: door(), reads: door(), workers };
    let Inner { core, workers, .. } = &inner;
    let epoch = Epoch(opening.recovery.tail.epoch.0.max(1));
    let committer = workers.write(journal, epoch, sink(Arc::clone(core)));
    let committer = committer.map_err(OpenError::Thread)?;
    assert!(core.committer.set(committer).is_ok(), "an engine opens once");
    opening.rail_moves = resume_rail(core, &shelves.books)?;
    tracing::debug!(tail = %opening.recovery.tail.position, "engine open");
    Ok((Engine(Arc::new(inner)), opening))
}

/// A simulated journal has the same name in every run of its seed; a real one never another's.
fn journal_id(config: &Config) -> Option<JournalId> {
    let is_simulated = matches!(config.data, Data::Storage(_) | Data::Parts { .. });
    let seed = config.seed.filter(|_| is_simulated)?;
    Some(JournalId(u128::from(seed).to_le_bytes()))
}

struct Opened {
    journal: LocalJournal,
    books: Books,
    shelves: Shelves,
    opening: Opening,
}

/// Opens journal and books, and brings the books up to the journal's tail.
fn open_data(config: &Config) -> Result<Opened, OpenError> {
    let (storage, books_path): (Arc<dyn Storage>, _) = match &config.data {
        Data::Directory(path) => {
            let storage = DirectoryStorage::open(path.join("journal"));
            (Arc::new(storage.map_err(OpenError::Storage)?), Some(path.join("books.sqlite")))
        }
        Data::Memory => (Arc::new(MemoryStorage::new()), None),
        Data::Storage(storage) => (Arc::clone(storage), None),
        Data::Parts { journal, books } => (Arc::clone(journal), Some(books.clone())),
    };
    let options = journal::Options {
        sync: config.sync,
        segment_bytes_max: config.segment_bytes_max,
        journal_id: journal_id(config),
    };
    let are_books = books_path.as_deref().is_some_and(Path::exists);
    if config.sync && are_books && journal::is_empty(&*storage).map_err(OpenError::Storage)? {
        return Err(OpenError::NoJournal);
    }
    let known_good = books_path.as_deref().and_then(books::peek_checkpoint);
    let known_good = known_good.filter(|_| !config.rebuild_books);
    // Books that know more than a journal that was synced are the last witness of what it lost:
    // the engine refuses to open rather than overwrite them. Without syncs they are simply of
    // another history.
    let (opened, fits) = match LocalJournal::open(Arc::clone(&storage), options, known_good) {
        Ok(opened) => (opened, true),
        Err(_) if known_good.is_some() && !config.sync => {
            (LocalJournal::open(storage, options, None)?, false)
        }
        Err(error @ JournalError::Damaged(_))
            if known_good.is_some() && journal::verify(&*storage).is_ok() =>
        {
            return Err(OpenError::Unlike(error));
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(path) = books_path.as_deref().filter(|_| config.rebuild_books) {
        // The journal is there and sound: it needs no witness.
        books::set_aside(path).map_err(OpenError::Storage)?;
    }
    let (journal, recovery) = opened;
    let reader = journal::Journal::reader(&journal);
    let book_options =
        books::Options { flush_interval: config.books_interval, ..Default::default() };
    let began = Instant::now();
    let mut books = Books::open(books_path.as_deref(), journal.journal_id(), book_options)?;
    books.keep(journal.right());
    if fits {
        if has(Bug::FoldBooked) {
            books.fold_booked(&reader)?;
        }
        books.catch_up(&reader)?;
    } else {
        tracing::warn!("books do not fit the journal and are made anew");
        books.rebuild(&reader)?;
    }
    let books_rebuilt = config.rebuild_books || !fits;
    let opening = Opening { recovery, books_took: began.elapsed(), books_rebuilt, rail_moves: 0 };
    let shelves = Shelves { books: books.reader(), journal: reader };
    Ok(Opened { journal, books, shelves, opening })
}

fn start_helpers(thread: &ArbiterHandle, core: &Arc<Core>, key: Key, idle_after: Option<Duration>) {
    if !thread.spawn(turns::give(Arc::clone(core), key)) {
        tracing::error!("the actors' thread has ended already");
    }
    let bell = Bell(Arc::clone(core));
    drop(Bell::start_in_arbiter(thread, move |_| bell));
    if let Some(idle_after) = idle_after {
        let sweeper = Sweeper::new(Arc::clone(core), idle_after);
        drop(Sweeper::start_in_arbiter(thread, move |_| sweeper));
    }
}

/// Where the journal's outcomes go, on the journal's thread.
fn sink(core: Arc<Core>) -> impl FnMut(Outcome<Transaction>) + Send {
    move |outcome| match outcome {
        Outcome::Durable { records, .. } => {
            if !core.turns.take_place(Turn::News(Batch(records))) {
                tracing::debug!("the actors have ended before the journal");
            }
        }
        Outcome::InDoubt { error, .. } | Outcome::Poisoned { error, .. } => {
            if core.poison.set(error).is_ok() {
                core.wallets.for_each(|seat| drop(seat.tell(Poison)));
                core.merchants.for_each(|seat| drop(seat.tell(Poison)));
                core.groups.for_each(|seat| drop(seat.tell(Poison)));
            }
        }
    }
}

/// Wakes everybody whose money is on the rail: their actors ask the bank again.
fn resume_rail(core: &Arc<Core>, books: &BooksReader) -> Result<usize, OpenError> {
    let moves: Vec<RailMove> = books.open_rail_moves()?;
    for moved in &moves {
        rail_desk::wake(core, moved.holder);
    }
    Ok(moves.len())
}
