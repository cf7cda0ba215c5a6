//! Options of `live`, and what of them makes sense.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{
    cast::Cast,
    hall::{DINNERS_MAX, SHARE_MAX},
    operator::OperatorToken,
    wire::Place,
};
use crate::{
    capacity::CapacityOptions,
    figures::counted,
    keep::KeepOptions,
    process,
    scenario::options::EveningOptions,
    values::{Rate, count, count_or_none, seconds},
};

/// Options of `live`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-server --data DIR cast --diners 2000 --shops 16 --purse 1 > cast.json\n  \
    FANJU_REQUESTS_PER_SECOND=1000000 fanju-server --data DIR --made-up-people\n  \
    fanju-sim live --cast cast.json --rate 2000                how long do phones wait at that load?\n  \
    fanju-sim live --cast cast.json --rate max --tables 128    how many dinners go through?\n  \
    fanju-sim live --cast cast.json --tables 50 --idle 10000 --server-pid PID   what does one cost?\n  \
    FANJU_OPERATOR_TOKEN=$(cat DIR/operator.token) fanju-sim live --cast cast.json --report run.html\n  \
    fanju-sim live --cast cast.json --storm 400                what if they all come back at once?\n  \
    fanju-sim live --cast cast.json --scenario food-court      a whole evening, sixty times faster than life\n  \
    fanju-sim live --cast cast.json --find-capacity            the highest rate that keeps a p99 of 25 ms\n\n\
    EXIT CODES: 0 all well; 1 something arrived twice, out of order or not at all, or a dinner failed;\n\
    2 bad options or bad input.")]
pub struct LiveOptions {
    /// The server's live channel; where no path is named, `/v1/live`.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:8080/v1/live")]
    pub url: Place,
    /// Who plays: a file that `fanju-server cast` wrote.
    #[arg(long, value_name = "FILE")]
    pub cast: PathBuf,
    /// Diners at each table, each with a phone.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=32))]
    pub party: u32,
    /// `max`, or how many dinners arrive per second, on a timetable that waits for no answer.
    ///
    /// With a number, latency counts from the moment when the dinner should have begun. With `max`,
    /// each table begins the next dinner as soon as every phone has the last one.
    #[arg(long, value_name = "max|N", default_value = "2000")]
    pub rate: Rate,
    /// How long to measure. With `--rate max` it ends before when every table has had 50,000 dinners, after
    /// which a diner's consent is used up.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub seconds: Duration,
    /// How long dinners go on before measuring begins.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub warmup: Duration,
    /// How many tables [default: as many as the cast has diners for].
    #[arg(long, value_name = "N", value_parser = count)]
    pub tables: Option<u64>,
    /// How many tills [default: one for every 20 dinners per second; with `max`, one for each table].
    #[arg(long, value_name = "N", value_parser = count)]
    pub tills: Option<u64>,
    /// Further sessions that sign in, listen to a wallet and stay quiet. They belong to diners without
    /// a table; if those do not suffice, to diners with one, and hear of their dinners.
    #[arg(long, value_name = "N", default_value = "0", value_parser = count_or_none)]
    pub idle: usize,
    /// Sessions that all lose their connection at once in the middle of the run, phones first.
    #[arg(long, value_name = "N", default_value = "0", value_parser = count_or_none)]
    pub storm: usize,
    /// The same seed gives the same timetable and bills.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Plays a whole evening instead: `friday-night`, `new-year`, `food-court`, `payday-shortfall`,
    /// `refund-morning`, or a file, which `docs/scenarios.md` explains. Who sits where, and when, is then as
    /// the scenario says, with no more people than the cast has.
    #[arg(long, value_name = "NAME|FILE", conflicts_with_all = [
        "rate", "party", "seconds", "tables", "idle", "storm", "find_capacity",
    ])]
    pub scenario: Option<String>,
    /// How the scenario is played.
    #[command(flatten)]
    pub evening: EveningOptions,
    /// How much it can take.
    #[command(flatten)]
    pub capacity: CapacityOptions,
    /// The server's process ID, if it runs on this machine: its memory and processor time are reported.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// The operator's token, from the file `operator.token` in the server's data folder. With it, the
    /// server is asked once a second for its syncs, batches, books, memory and orders in flight. Everybody
    /// on the machine can see a command line, so better use the variable. This program speaks no TLS, so
    /// the token is only sent to a server on this machine, or to the near end of a tunnel.
    #[arg(long, value_name = "TOKEN", env = "FANJU_OPERATOR_TOKEN", hide_env_values = true)]
    pub operator_token: Option<OperatorToken>,
    /// Writes the report as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepOptions,
}

/// How many of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// Tables.
    pub tables: usize,
    /// Diners of each.
    pub party: usize,
    /// Tills.
    pub tills: usize,
    /// Quiet sessions.
    pub idle: usize,
    /// What each diner tops up, in minor units.
    pub purse: u64,
}

/// Files that this program has open beside its sockets, with room.
const OTHER_FILES: usize = 64;

/// Dinners per second that one till has by itself: under half of what a session may ask.
const TILL_DINNERS_PER_SECOND: u64 = 20;

/// Sessions that a shop's owner may have at once. Source: `SESSIONS_PER_IDENTITY_MAX` of the server.
const TILLS_PER_SHOP_MAX: usize = 64;

impl LiveOptions {
    /// How many of each are wanted, and whether they can be had.
    ///
    /// # Errors
    /// What is wrong, for the user.
    pub fn numbers(&self, cast: &Cast) -> Result<Numbers, String> {
        let fits = |number: u64| usize::try_from(number).map_err(|error| error.to_string());
        let party = fits(self.party.into())?;
        let diners = cast.diners.len();
        let most = diners / party;
        let tables = self.tables.map(fits).transpose()?.unwrap_or(most);
        if tables > most || tables == 0 {
            let wanted = counted(tables.max(1) as u128, "table");
            let need = tables.max(1).saturating_mul(party);
            return Err(format!(
                "too few diners in the cast for {wanted} of {party}: {diners} of {need}. Take fewer with \
                 --tables or --party, or make a cast with `fanju-server cast --diners {need}`"
            ));
        }
        let tills = match (self.tills, self.rate) {
            (Some(tills), _) => fits(tills)?,
            (None, Rate::Max) => tables,
            (None, Rate::PerSecond(rate)) => fits(rate.div_ceil(TILL_DINNERS_PER_SECOND))?,
        };
        enough_shops(tills, cast)?;
        let (phones, idle) = (tables * party, self.idle);
        if self.storm > phones + idle {
            return Err(format!("--storm {} is more than {} phones", self.storm, phones + idle));
        }
        enough_files(phones + tills + idle)?;
        let purse = self.dinners_of_a_table(tables as u64)?.saturating_mul(SHARE_MAX);
        Ok(Numbers { tables, party, tills, idle, purse })
    }

    /// So many dinners a table has at most.
    fn dinners_of_a_table(&self, tables: u64) -> Result<u64, String> {
        let Rate::PerSecond(rate) = self.rate else { return Ok(DINNERS_MAX) };
        let span = (self.seconds + self.warmup).as_secs() + 1;
        // Arrivals vary around their mean.
        let dinners =
            rate.saturating_mul(span) / tables + rate.saturating_mul(span) / tables / 4 + 64;
        if dinners > DINNERS_MAX {
            return Err(format!("{tables} tables eat {DINNERS_MAX} dinners each at most"));
        }
        Ok(dinners)
    }
}

/// Whether this process may have a file for each of so many sessions.
pub(super) fn enough_files(sessions: usize) -> Result<(), String> {
    let files = process::files_max().unwrap_or(usize::MAX);
    if sessions + OTHER_FILES > files {
        return Err(format!("{sessions} sessions need more than {files} files: `ulimit -n`"));
    }
    Ok(())
}

/// Whether the shops' owners may have so many sessions.
pub(super) fn enough_shops(tills: usize, cast: &Cast) -> Result<(), String> {
    let shops = cast.merchants.len();
    if tills <= shops.saturating_mul(TILLS_PER_SHOP_MAX) {
        return Ok(());
    }
    let need = tills.div_ceil(TILLS_PER_SHOP_MAX);
    let (shops, tills) = (counted(shops as u128, "shop"), counted(tills as u128, "till"));
    Err(format!(
        "too few shops in the cast for {tills}: {shops}, and each may have {TILLS_PER_SHOP_MAX}. Take fewer \
         with --tills, or make a cast with `fanju-server cast --shops {need}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::cast::{Diner, Merchant},
        options::{Options, Task},
    };
    use clap::Parser;

    fn numbers(arguments: &str) -> Result<Numbers, String> {
        let words = ["fanju-sim", "live", "--cast", "x"].into_iter();
        let options = Options::try_parse_from(words.chain(arguments.split_whitespace()));
        let text = || String::from("x");
        let diner = |_| Diner { wallet: text(), token: text() };
        let merchant = Merchant { merchant: text(), currency: text(), token: text() };
        let cast = Cast { merchants: vec![merchant; 2], diners: (0..100).map(diner).collect() };
        let Task::Live(options) = options.map_err(|error| error.to_string())?.task else {
            unreachable!("`live` was asked for")
        };
        options.numbers(&cast)
    }

    #[test]
    fn a_shop_has_as_many_tills_as_the_server_lets_in() {
        let sessions = fanju_server::limits::SESSIONS_PER_IDENTITY_MAX;
        assert_eq!(TILLS_PER_SHOP_MAX, usize::try_from(sessions).expect("few"));
    }

    #[test]
    fn everybody_gets_a_table_unless_told_otherwise() {
        let found = numbers("--rate 100").expect("fine");
        assert_eq!((found.tables, found.party, found.tills, found.idle), (12, 8, 5, 0));
        let found = numbers("--rate max --tables 3 --party 4 --idle 9").expect("fine");
        assert_eq!((found.tables, found.party, found.tills, found.idle), (3, 4, 3, 9));
        assert_eq!(found.purse, DINNERS_MAX * SHARE_MAX);
    }

    #[test]
    fn what_cannot_be_is_said_before_anything_is_done() {
        for (arguments, reason) in [
            ("--tables 13", "for 13 tables of 8: 100 of 104. Take fewer"),
            ("--rate max --tills 129", "cast --shops 3`"),
            ("--rate 4000", "for 200 tills: 2 shops, and each may have 64."),
            ("--party 33", "not in 1..=32"),
            ("--storm 97", "--storm 97 is more than 96 phones"),
            ("--idle 100000000", "sessions need more than"),
            ("--idle 18446744073709551615", "at most 1,000,000,000"),
            ("--storm 18446744073709551615", "at most 1,000,000,000"),
            ("--rate 18446744073709551615 --tills 1 --tables 1", "from 1 to 1,000,000"),
            ("--tills 18446744073709551615", "at most 1,000,000,000"),
            ("--tables 1 --seconds 1000", "dinners each at most"),
            ("--url wss://localhost/", "TLS"),
            ("--rate 0", "number from 1 to"),
        ] {
            let error = numbers(arguments).expect_err(arguments);
            assert!(error.contains(reason), "{arguments}: {error}");
        }
    }
}
