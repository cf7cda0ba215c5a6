//! Options: the command line, and what of it makes sense.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use fanju::{limits, money::Currency};

use crate::{
    capacity::CapacityOptions,
    chaos::options::ChaosOptions,
    keep::KeepOptions,
    live::options::LiveOptions,
    nation::options::NationOptions,
    open::OpenOptions,
    peers::options::PeersOptions,
    scenario::options::EveningOptions,
    values::{Diners, Rate, accounts, count, seconds},
};

/// Simulates groups that pay for dinner with Fanju, and audits every cent.
///
/// Tables of friends pay restaurant bills: one member shows the group's code, the till scans it, and
/// every diner's share is deducted from that diner's own wallet in one durable record. Afterwards an
/// auditor re-reads the journal with its own arithmetic.
#[derive(Debug, Parser)]
#[command(name = "fanju-sim", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Settle dinners as fast as possible, or at a fixed rate, and report how it went.
    Dinner(Box<DinnerOptions>),
    /// Put load on a running server over real websockets, and check everything that each phone is told.
    Live(Box<LiveOptions>),
    /// Break everything on purpose, on simulated disks and in simulated time; a seed repeats its world.
    Chaos(ChaosOptions),
    /// Set two recordings side by side, with ratios.
    Compare(CompareOptions),
    /// Write the page of a recording that was kept earlier.
    Page(PageOptions),
    /// Settle the same dinners on Fanju, PostgreSQL and SQLite in one run, and compare.
    Peers(PeersOptions),
    /// Model many machines: what would a nation's dinner hour take?
    Nation(NationOptions),
    /// Audit a data folder: re-read its journal with independent arithmetic, and change nothing.
    Audit(AuditOptions),
    /// Open a data folder as a server does, and say how long it took; `--rebuild-books` makes its
    /// books anew.
    Open(OpenOptions),
}

/// Options of `dinner`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-sim dinner --seconds 30                      how fast does it go, durably?\n  \
    fanju-sim dinner --rate 5000 --seconds 30          how long do diners wait at that load?\n  \
    fanju-sim dinner --tables 1 --seconds 5            how fast is one table alone?\n  \
    fanju-sim dinner --report run.html                 what did it look like?\n  \
    fanju-sim dinner --bills tips.csv --json -         real bills, with tip and party size\n  \
    fanju-sim dinner --orders chipotle.tsv --diners 4  real orders, split by item\n  \
    fanju-sim dinner --scenario friday-night           a whole evening, sixty times faster than life\n  \
    fanju-sim dinner --find-capacity --p99 25ms        the highest rate at which 99 of 100 wait no longer\n\n\
    EXIT CODES: 0 all well; 1 the audit or the engine failed; 2 bad options or bad input.")]
pub struct DinnerOptions {
    /// `max`, or how many dinners arrive per second, on a timetable that waits for no answer.
    ///
    /// With a number, latency counts from the moment when the dinner should have begun, so that time
    /// spent in a queue is measured as well.
    #[arg(long, value_name = "max|N", default_value = "max")]
    pub rate: Rate,
    /// Tables that are served at once with `--rate max`; 1 measures one table alone [default: 2000].
    #[arg(long, visible_alias = "in-flight", value_name = "N", value_parser = count)]
    pub tables: Option<u64>,
    /// Diners at each table, or `published`: party sizes as in published figures. A file of `--bills` says
    /// it itself.
    #[arg(long, value_name = "N|published", default_value = "8")]
    pub diners: Diners,
    /// Wallets to open and top up.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = accounts)]
    pub wallets: u64,
    /// How many of the wallets dine; the others stay idle [default: all].
    #[arg(long, value_name = "N", value_parser = count)]
    pub dining: Option<u64>,
    /// Merchants that present bills.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = accounts)]
    pub merchants: u64,
    /// How long to measure [default: 10; with a file: until each bill has been paid once].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<Duration>,
    /// Ends after this many dinners, if time does not end it first.
    #[arg(long, value_name = "N", value_parser = count)]
    pub count: Option<u64>,
    /// How long dinners go on before measuring begins.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub warmup: Duration,
    /// The same seed gives the same parties, merchants and bills in the same order.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Keeps the engine's data in this folder. What earlier runs left there stays: the audit reads it
    /// again, and no other figure counts it. Without it, a fresh one in the system's temporary directory
    /// is used and removed afterwards.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Does not sync the journal. NOT DURABLE: a crash of the machine loses what was acknowledged.
    #[arg(long)]
    pub no_sync: bool,
    /// How long wallets, merchants and groups may do nothing before they leave memory [default: the
    /// engine's].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub idle_after: Option<Duration>,
    /// Appends every settlement to this file once it is acknowledged and before it is counted:
    /// merchant, order number, position.
    #[arg(long, value_name = "FILE")]
    pub acks: Option<PathBuf>,
    /// Plays a whole evening instead: `friday-night`, `new-year`, `food-court`, `payday-shortfall`,
    /// `refund-morning`, or a file, which `docs/scenarios.md` explains. Everything is then as the
    /// scenario says.
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = [
        "rate", "tables", "diners", "wallets", "dining", "merchants", "seconds", "count", "acks",
        "bills", "orders", "repeat", "strict", "delimiter", "col_total", "col_tip", "col_size",
        "col_order", "col_quantity", "col_item", "col_price", "currency", "find_capacity",
    ])]
    pub scenario: Option<String>,
    /// How the scenario is played.
    #[command(flatten)]
    pub evening: EveningOptions,
    /// How much it can take.
    #[command(flatten)]
    pub capacity: CapacityOptions,
    /// Where bills come from.
    #[command(flatten)]
    pub files: FileOptions,
    /// The currency of all amounts.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    pub currency: Currency,
    /// Writes the report as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepOptions,
    /// Skips the audit.
    #[arg(long)]
    pub no_audit: bool,
}

/// Options about files of bills and orders.
#[derive(Args, Clone, Debug)]
pub struct FileOptions {
    /// A file of bills, one dinner in each row: total without tip, tip, party size.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["orders", "diners"])]
    pub bills: Option<PathBuf>,
    /// A file of itemised orders, one line of an order in each row; they are split by item.
    #[arg(long, value_name = "FILE")]
    pub orders: Option<PathBuf>,
    /// How often each bill of the file is paid [default: once; with `--seconds`: over and over].
    #[arg(long, value_name = "N", value_parser = count)]
    pub repeat: Option<u64>,
    /// Treats a bad row as fatal: nothing is run then.
    #[arg(long)]
    pub strict: bool,
    /// What separates fields [default: a tab in `.tsv` files, otherwise a comma].
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Column of a bill's total, without tip.
    #[arg(long, value_name = "NAME", default_value = "total_bill")]
    pub col_total: String,
    /// Column of a bill's tip.
    #[arg(long, value_name = "NAME", default_value = "tip")]
    pub col_tip: String,
    /// Column of a bill's party size.
    #[arg(long, value_name = "NAME", default_value = "size")]
    pub col_size: String,
    /// Column of an order's number.
    #[arg(long, value_name = "NAME", default_value = "order_id")]
    pub col_order: String,
    /// Column of an order line's quantity.
    #[arg(long, value_name = "NAME", default_value = "quantity")]
    pub col_quantity: String,
    /// Column of what was ordered.
    #[arg(long, value_name = "NAME", default_value = "item_name")]
    pub col_item: String,
    /// Column of the price of an order's line, quantity included.
    #[arg(long, value_name = "NAME", default_value = "item_price")]
    pub col_price: String,
}

/// A data folder that is there already, with or without `--data` before it.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct DataFolder {
    /// The engine's data folder.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The same, as other commands take it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DataFolder {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.as_deref().or(self.data.as_deref()).expect("one of them is required")
    }
}

/// Options of `audit`.
#[derive(Args, Clone, Debug)]
pub struct AuditOptions {
    /// Which folder.
    #[command(flatten)]
    pub data: DataFolder,
    /// Acknowledgements that must all be in the journal.
    #[arg(long, value_name = "FILE")]
    pub acks: Option<PathBuf>,
    /// Writes the verdict as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareOptions {
    /// The recording to measure against.
    #[arg(value_name = "A.json")]
    pub a: PathBuf,
    /// The recording to look at; each ratio is B / A.
    #[arg(value_name = "B.json")]
    pub b: PathBuf,
    /// Also writes the comparison as a page.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

/// Options of `page`.
#[derive(Args, Clone, Debug)]
pub struct PageOptions {
    /// A file that `--recording` wrote.
    #[arg(value_name = "RECORDING.json")]
    pub recording: PathBuf,
    /// Where the page goes.
    #[arg(value_name = "FILE.html")]
    pub page: PathBuf,
}

impl Default for FileOptions {
    fn default() -> Self {
        let column = str::to_owned;
        Self {
            bills: None,
            orders: None,
            repeat: None,
            strict: false,
            delimiter: None,
            col_total: column("total_bill"),
            col_tip: column("tip"),
            col_size: column("size"),
            col_order: column("order_id"),
            col_quantity: column("quantity"),
            col_item: column("item_name"),
            col_price: column("item_price"),
        }
    }
}

impl DinnerOptions {
    /// Wallets that sit in groups.
    #[must_use]
    pub fn wallets_dining(&self) -> u64 {
        self.dining.unwrap_or(self.wallets)
    }

    /// Checks what one option alone cannot know.
    ///
    /// # Errors
    /// What is wrong, for the user.
    pub fn check(&self) -> Result<(), String> {
        let dining = self.wallets_dining();
        if dining > self.wallets {
            return Err(format!("--dining {dining} is more than --wallets {}", self.wallets));
        }
        if let Diners::Always(diners) = self.diners
            && diners as u64 > dining
            && self.files.bills.is_none()
        {
            let what = if self.dining.is_some() { "--dining" } else { "--wallets" };
            return Err(format!(
                "--diners {diners} needs at least as many wallets, but {what} is {dining}"
            ));
        }
        if let (Rate::PerSecond(rate), Some(_)) = (self.rate, self.tables) {
            return Err(format!(
                "--tables bounds `--rate max`; dinners of --rate {rate} do not wait for a table"
            ));
        }
        let in_flight_max = limits::ORDERS_IN_FLIGHT_MAX as u64;
        if let Some(tables) = self.tables.filter(|tables| *tables > in_flight_max) {
            return Err(format!("--tables {tables} is more than the engine's {in_flight_max}"));
        }
        let file = self.files.bills.as_ref().or(self.files.orders.as_ref());
        if file.is_none() && self.files.repeat.is_some() {
            return Err("--repeat needs --bills or --orders".into());
        }
        if self.capacity.find_capacity && file.is_some() {
            return Err("--find-capacity takes published bills, not a file".into());
        }
        if self.files.orders.is_some() && self.diners == Diners::Published {
            return Err("--orders needs a number of --diners: the file does not say".into());
        }
        if let Some(path) = file.filter(|path| !path.is_file()) {
            return Err(format!("no such file: {}", path.display()));
        }
        Ok(())
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] => Ok(*byte),
        _ => Err("give one ASCII character, or \\t".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &str, expected: Result<(), &str>) {
        let words = ["fanju-sim", "dinner"].into_iter().chain(arguments.split_whitespace());
        let task = Options::try_parse_from(words).map(|options| options.task);
        let outcome = task.map_err(|error| error.to_string()).and_then(|task| {
            let Task::Dinner(options) = task else { unreachable!("`dinner` was asked for") };
            options.check()
        });
        match (outcome, expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn command_line_is_sound() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn defaults_are_fine() {
        check("", Ok(()));
        check("--rate 5_000 --seconds 0.5 --wallets 1,000,000", Ok(()));
    }

    #[test]
    fn bad_options_say_what_is_wrong() {
        check("--diners 0", Err("number from 1 to"));
        check("--wallets 0", Err("above zero"));
        check("--merchants 0", Err("above zero"));
        check("--diners 9 --wallets 8", Err("--diners 9 needs at least as many wallets"));
        check("--dining 9 --wallets 8", Err("more than --wallets 8"));
        check("--rate 0", Err("number from 1 to"));
        check("--rate 100000000000", Err("number from 1 to 1,000,000"));
        check("--wallets 10000000000000", Err("at most 100,000,000"));
        check("--merchants 10000000000000", Err("at most 100,000,000"));
        check("--rate 9 --tables 2", Err("--tables bounds"));
        check("--tables 1000000", Err("more than the engine's"));
        check("--seconds=-1", Err("seconds"));
        check("--bills nowhere.csv", Err("no such file: nowhere.csv"));
        check("--bills a --orders b", Err("cannot be used with"));
        check("--bills a --diners 4", Err("'--bills <FILE>' cannot be used with '--diners"));
        check("--orders a --diners published", Err("the file does not say"));
        check("--orders Cargo.toml --diners 4", Ok(()));
        check("--repeat 2", Err("--repeat needs"));
        check("--currency XAU", Err("not an ISO 4217 currency"));
    }
}
