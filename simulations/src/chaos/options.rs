//! Options of `chaos`.

use std::path::PathBuf;

use clap::Args;

use crate::{keep::KeepOptions, options::count};

/// Options of `chaos`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-sim chaos --seeds 1000              a thousand worlds, on all cores\n  \
    fanju-sim chaos --seed 17 --seeds 1       one world; it fails again if it failed before\n  \
    fanju-sim chaos --seed 17 --seeds 1 --trace   the same, with the last things that happened\n\n\
    WHAT IS SIMULATED: the disk under the journal, of which every call may fail, tear, lie or be the last;\n\
    time and clocks; the bank; and what people send, which is lost, repeated or late. Domain, journal,\n\
    recovery, actors and books are the engine's own. NOT in these worlds: books on a disk (they are SQLite\n\
    as it is, but in memory and made anew at each opening, so none of these faults meets books.sqlite);\n\
    threads (there is one); and the server: no session, socket, sign-in, webhook or page. Phones listen to\n\
    the engine's own feeds. Real processes with all of that are killed by `just soak`, with fewer faults.\n\n\
    EXIT CODES: 0 all well; 1 something must not be; 2 bad options.")]
pub struct ChaosOptions {
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many seeds.
    #[arg(long, value_name = "K", default_value = "100", value_parser = count)]
    pub seeds: u64,
    /// Dinners of each world, about.
    #[arg(long, value_name = "N", default_value = "200", value_parser = count)]
    pub dinners: u64,
    /// Lives that end badly, at most, of each world.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub lives: u64,
    /// Worlds at once [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = count)]
    pub jobs: Option<u64>,
    /// Tells so many of the last things that happened, also of worlds in which nothing is wrong.
    #[arg(long, value_name = "LINES", num_args = 0..=1, default_missing_value = "60")]
    pub trace: Option<usize>,
    /// What is kept of the run.
    #[command(flatten)]
    pub keep: KeepOptions,
    /// Writes the report as JSON to a file, or to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}
