//! How an engine is opened.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    actors::{
        clock::Clock,
        rail::{Rail, SandboxBank},
    },
    journal::Storage,
    limits,
};

/// Where the engine keeps its journal and its books.
#[derive(Clone)]
pub enum Data {
    /// In a directory, which this engine alone may write: `journal/` and `books.sqlite`.
    Directory(PathBuf),
    /// In memory: gone with the engine. For tests and examples.
    Memory,
    /// The journal in a storage of one's own, the books in memory, rebuilt at each opening. For
    /// fault simulation.
    Storage(Arc<dyn Storage>),
    /// The same, with the books in a file that outlives the engine: opening goes on from them, as in a
    /// directory.
    Parts {
        /// The journal's.
        journal: Arc<dyn Storage>,
        /// The file of the books.
        books: PathBuf,
    },
}

/// Who works for an engine beside its callers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Workers {
    /// Threads of its own: one for all actors, one for the journal, one for the books, and those that
    /// read.
    #[default]
    Threads,
    /// Tasks in the actix system that runs on the thread which opens the engine; all calls come from
    /// there. For simulations: with a seed, a [`TestClock`](crate::TestClock) and tokio's paused time,
    /// every run does the same. The writer blocks that thread while it writes, so nobody else would
    /// want this. [`Engine::close`](crate::Engine::close) needs threads: drop the engine, and the
    /// system after it.
    Tasks(Times),
}

/// How long simulated work takes, on tokio's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// From a proposal until the batch that it is in is written.
    pub write: Duration,
    /// A look into books or journal.
    pub read: Duration,
}

/// How an engine is opened. [`Config::new`] has defaults for everything but the place.
#[derive(Clone)]
pub struct Config {
    /// Where it keeps its data.
    pub data: Data,
    /// Whether batches are synced before anybody is told. `false` is for simulations: a crash of
    /// the machine then loses what was acknowledged.
    pub sync: bool,
    /// Bytes after which a segment of the journal is closed and the next one begun.
    pub segment_bytes_max: u64,
    /// The clock; a [`TestClock`](crate::TestClock) in tests.
    pub clock: Clock,
    /// How money enters and leaves; a [`SandboxBank`] unless one says otherwise. It is asked about moves that
    /// are still open when the engine opens: a program that only looks passes a
    /// [`SilentBank`](crate::SilentBank).
    pub rail: Arc<dyn Rail>,
    /// From scan until diners who were asked and stay silent count as missing.
    pub answer_within: Duration,
    /// From scan to the end of the order, whatever happens.
    pub order_deadline: Duration,
    /// How long a bank may take for one answer. Then it is lost, and the bank is asked again: a driver whose
    /// connection hangs keeps nobody's money under way for ever.
    pub rail_answer_within: Duration,
    /// Between two questions to a bank that lost its answer.
    pub rail_retry: Duration,
    /// Who did nothing for this long leaves memory, more than no time; `None`: nobody does.
    pub idle_after: Option<Duration>,
    /// How often the books take over what is durable when nobody waits for them
    /// ([`Engine::books_caught_up`](crate::Engine::books_caught_up)), at most.
    pub books_interval: Duration,
    /// Whether opening makes the books anew from the whole journal: the way back where they are damaged,
    /// of another journal, or know of more than a journal that lost its end. Those of before are kept as
    /// `books.sqlite.old`; a journal that is not there or not sound is refused first.
    pub rebuild_books: bool,
    /// How long [`Engine::close`](crate::Engine::close) waits for those who wait for a bank or a
    /// diner. Then it goes without their answers: an undecided bill is forgotten, and a bank is
    /// asked again at the next opening.
    pub close_within: Duration,
    /// Orders between scan and end, at least one; more are refused as busy.
    pub orders_in_flight_max: usize,
    /// Other commands in flight, at least one; as many moves over the bank's rail beside them, and as many
    /// reads of books and journal. More of a kind are refused as busy.
    pub commands_in_flight_max: usize,
    /// Threads that read books and journal for the actors, and as many again that answer queries; at
    /// least one.
    pub archive_threads: usize,
    /// Who works for it.
    pub workers: Workers,
    /// Seed of codes and identities, for simulations that repeat themselves; `None`: the system's
    /// entropy.
    pub seed: Option<u64>,
}

impl Config {
    /// Defaults, with data at `data`.
    #[must_use]
    pub fn new(data: Data) -> Self {
        Self {
            data,
            sync: true,
            segment_bytes_max: limits::SEGMENT_BYTES_MAX,
            clock: Clock::System,
            rail: Arc::new(SandboxBank::default()),
            answer_within: limits::ORDER_DEADLINE * 3 / 4,
            order_deadline: limits::ORDER_DEADLINE,
            rail_answer_within: limits::RAIL_ANSWER_WITHIN,
            rail_retry: Duration::from_secs(1),
            idle_after: Some(Duration::from_secs(300)),
            books_interval: limits::BOOKS_FLUSH_INTERVAL,
            rebuild_books: false,
            close_within: limits::CLOSE_WITHIN,
            orders_in_flight_max: limits::ORDERS_IN_FLIGHT_MAX,
            commands_in_flight_max: limits::COMMANDS_IN_FLIGHT_MAX,
            archive_threads: 2,
            workers: Workers::Threads,
            seed: None,
        }
    }

    /// Defaults, with data in `directory`.
    #[must_use]
    pub fn directory(directory: impl Into<PathBuf>) -> Self {
        Self::new(Data::Directory(directory.into()))
    }

    /// Defaults, with data in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Data::Memory)
    }

    /// The setting that is nothing although an engine needs it: commands would wait for ever, or all
    /// be refused.
    pub(super) fn missing_setting(&self) -> Option<&'static str> {
        let missing = [
            ("archive_threads", self.archive_threads == 0),
            ("orders_in_flight_max", self.orders_in_flight_max == 0),
            ("commands_in_flight_max", self.commands_in_flight_max == 0),
            ("idle_after", self.idle_after == Some(Duration::ZERO)),
            ("rail_answer_within", self.rail_answer_within.is_zero()),
        ];
        missing.into_iter().find_map(|(setting, is_missing)| is_missing.then_some(setting))
    }
}
