//! Opening: a data folder as a server opens it, and how long that takes.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use fanju::{
    Config, Engine, SilentBank,
    journal::{DirectoryStorage, is_empty},
};
use serde::Serialize;

use crate::{figures::counted, options::DataFolder, process::Process, values::BadInput};

/// Options of `open`.
#[derive(Args, Clone, Debug)]
pub struct OpenOptions {
    /// Which folder; no engine should be using it.
    #[command(flatten)]
    pub data: DataFolder,
    /// Makes the books anew from the whole journal, and keeps those of before as `books.sqlite.old`.
    #[arg(long)]
    pub rebuild_books: bool,
    /// Writes the figures as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}

/// How an opening went.
#[derive(Clone, Debug, Serialize)]
pub struct OpenReport {
    /// From the call until the engine took commands.
    pub took_ms: f64,
    /// Of that, the journal.
    pub journal_ms: f64,
    /// Of that, the books.
    pub books_ms: f64,
    /// Records that the books did not have yet.
    pub records: u64,
    /// Bytes of a torn tail that were dropped.
    pub dropped_bytes: u64,
    /// Whether the books were made anew.
    pub books_rebuilt: bool,
    /// Wallets in the books.
    pub wallets: u64,
    /// Settlements in the books.
    pub settlements: u64,
    /// Memory of the process when it was open.
    pub rss_mb: f64,
}

/// Opens the folder, and closes it again.
///
/// # Errors
/// [`BadInput`] without a journal, or what the engine says.
pub fn open(options: &OpenOptions) -> Result<OpenReport> {
    let data = options.data.path();
    let journal = DirectoryStorage::open_read_only(data.join("journal"));
    if journal.and_then(|journal| is_empty(&journal)).unwrap_or(true) {
        return Err(BadInput(format!("no journal in {}", data.display())).into());
    }
    // Nobody here is the bank of whoever wrote the folder.
    let rail = Arc::new(SilentBank);
    let config = Config { rebuild_books: options.rebuild_books, rail, ..Config::directory(data) };
    let began = Instant::now();
    let (engine, opening) = Engine::open_with_report(config).context("the engine does not open")?;
    let took = began.elapsed();
    let (rss, _) = Process::this().memory_bytes();
    let counts = engine.block_on(engine.query(|books| books.counts()))?;
    engine.close_blocking();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    Ok(OpenReport {
        took_ms: ms(took),
        journal_ms: ms(opening.recovery.took),
        books_ms: ms(opening.books_took),
        records: opening.recovery.records,
        dropped_bytes: opening.recovery.dropped_bytes,
        books_rebuilt: opening.books_rebuilt,
        wallets: counts.wallets,
        settlements: counts.settled,
        rss_mb: rss as f64 / 1e6,
    })
}

impl fmt::Display for OpenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took_ms, journal_ms, books_ms, records, wallets, settlements, .. } = self;
        writeln!(f, "open in {took_ms:.0} ms: journal {journal_ms:.0} ms, books {books_ms:.0} ms")?;
        let [records, dropped, wallets, settlements] = [
            (*records, "record"),
            (self.dropped_bytes, "byte"),
            (*wallets, "wallet"),
            (*settlements, "settlement"),
        ]
        .map(|(number, one)| counted(number.into(), one));
        writeln!(f, "{records} read, {dropped} dropped")?;
        let anew = if self.books_rebuilt { "; the books were made anew" } else { "" };
        writeln!(f, "{wallets}, {settlements}{anew}")?;
        writeln!(f, "{:.0} MB in memory", self.rss_mb)
    }
}
