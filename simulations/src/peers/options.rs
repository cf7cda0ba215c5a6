//! Options of `peers`, and what of them makes sense.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fanju::limits;

use crate::{
    keep::KeepOptions,
    published::PARTY_SIZE_MAX,
    values::{Diners, accounts, count},
};

/// Options of `peers`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-sim peers                           Fanju, PostgreSQL and SQLite, three rounds in turn\n  \
    fanju-sim peers --connections 1,8,32      PostgreSQL with 1, 8 and 32 connections\n  \
    fanju-sim peers --without postgres        where PostgreSQL is not installed\n  \
    fanju-sim peers --report peers.html       all sides side by side, with the rules, on one page\n\n\
    docs/peers.md says what each side promises and what is not compared.\n\n\
    EXIT CODES: 0 all well; 1 an audit or a side failed; 2 bad options, or PostgreSQL is missing.")]
pub struct PeersOptions {
    /// Dinners that each side settles in each round.
    #[arg(long, value_name = "N", default_value = "20000", value_parser = count)]
    pub count: u64,
    /// How many rounds. In each, all sides take their turn; medians are reported.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// Connections to PostgreSQL; each of several numbers is a side of its own.
    #[arg(long, value_name = "N,…", default_value = "8", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=64))]
    pub connections: Vec<u32>,
    /// Dinners in flight at Fanju; each of several numbers is a side of its own [default: 8,2000, or as
    /// many as there are tables].
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = count)]
    pub in_flight: Vec<u64>,
    /// Diners at each table.
    #[arg(long, value_name = "N|published", default_value = "8")]
    pub diners: Diners,
    /// How many wallets; all of them dine.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = accounts)]
    pub wallets: u64,
    /// Merchants that present bills.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = accounts)]
    pub merchants: u64,
    /// The same seed gives the same dinners in the same order.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where all sides keep their files while they run [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A peer to leave out.
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    pub without: Vec<Peer>,
    /// Writes the report as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepOptions,
}

/// Whom Fanju is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Peer {
    /// A server that this command starts and stops.
    Postgres,
    /// A library in this process.
    Sqlite,
}

/// All connections of all sides: below what the server is told to take.
const CONNECTIONS_MAX: u32 = 256;

/// Dinners in flight at Fanju where nobody says how many: as few as PostgreSQL has connections, and as
/// many as fill the journal's batches.
const IN_FLIGHT: [u64; 2] = [8, 2_000];

impl PeersOptions {
    /// Dinners in flight at Fanju, one number for each of its sides.
    #[must_use]
    pub fn in_flight(&self) -> Vec<u64> {
        if !self.in_flight.is_empty() {
            return self.in_flight.clone();
        }
        let most = self.in_flight_most();
        let mut fitting = IN_FLIGHT.map(|dinners| dinners.min(most)).to_vec();
        fitting.dedup();
        fitting
    }

    fn in_flight_most(&self) -> u64 {
        (limits::ORDERS_IN_FLIGHT_MAX as u64).min(self.wallets / self.seats())
    }

    /// Diners of the largest table: there are no fewer tables than so many people fill.
    fn seats(&self) -> u64 {
        let seats = match self.diners {
            Diners::Always(diners) => diners,
            Diners::Published => PARTY_SIZE_MAX,
        };
        seats as u64
    }

    /// Checks what one option alone cannot know.
    ///
    /// # Errors
    /// What is wrong, for the user.
    pub fn check(&self) -> Result<(), String> {
        let seats = self.seats();
        if seats > self.wallets {
            return Err(format!("--diners {seats} needs more than --wallets {}", self.wallets));
        }
        let most = self.in_flight_most();
        if let Some(more) = self.in_flight.iter().find(|tables| **tables > most) {
            return Err(format!("--in-flight {more} is more than {most} tables"));
        }
        if let Some(twice) = twice(&self.in_flight) {
            return Err(format!("--in-flight has {twice} twice"));
        }
        if let Some(twice) = twice(&self.connections) {
            return Err(format!("--connections has {twice} twice"));
        }
        if self.connections.iter().sum::<u32>() > CONNECTIONS_MAX {
            return Err(format!("--connections are more than {CONNECTIONS_MAX} together"));
        }
        if self.data.as_ref().is_some_and(|data| !data.is_dir()) {
            return Err("--data is no folder".into());
        }
        Ok(())
    }
}

/// A number that is there twice: its sides would have one name.
fn twice<N: Copy + Ord>(numbers: &[N]) -> Option<N> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::PeersOptions;
    use crate::options::{Options, Task};

    fn options(arguments: &str) -> Result<PeersOptions, String> {
        let words = ["fanju-sim", "peers"].into_iter().chain(arguments.split_whitespace());
        match Options::try_parse_from(words) {
            Ok(Options { task: Task::Peers(options) }) => Ok(options),
            Ok(Options { task }) => unreachable!("`peers` was asked for, not {task:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[track_caller]
    fn check(arguments: &str, expected: Result<(), &str>) {
        match (options(arguments).and_then(|options| options.check()), expected) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn no_more_are_in_flight_than_there_are_tables_unless_somebody_says_so() {
        for (arguments, expected) in [
            ("", &[8, 2_000][..]),
            ("--wallets 2000", &[8, 250]),
            ("--wallets 64", &[8]),
            ("--wallets 40", &[5]),
            ("--wallets 2000 --in-flight 9", &[9]),
        ] {
            check(arguments, Ok(()));
            assert_eq!(options(arguments).expect("fine").in_flight(), expected, "{arguments}");
        }
    }

    #[test]
    fn bad_options_say_what_is_wrong() {
        check("", Ok(()));
        check("--connections 1,8,32 --in-flight 1,8 --without sqlite", Ok(()));
        check("--connections 65", Err("65 is not in 1..=64"));
        check("--connections 8,1,8", Err("--connections has 8 twice"));
        check("--connections 60,61,62,63,64", Err("more than 256 together"));
        check("--in-flight 0", Err("above zero"));
        check("--in-flight 8,8", Err("--in-flight has 8 twice"));
        check("--diners published --wallets 60 --in-flight 10", Ok(()));
        check("--diners published --wallets 60 --in-flight 11", Err("is more than 10 tables"));
        check("--wallets 80 --in-flight 11", Err("--in-flight 11 is more than 10 tables"));
        check("--wallets 4", Err("--diners 8 needs more"));
        check("--without oracle", Err("postgres, sqlite"));
        check("--data nowhere", Err("no folder"));
        check("--rounds 0", Err("0 is not in 1..=99"));
    }
}
