//! Options of `chaos`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    keep::KeepOptions,
    values::{count, threads},
};

/// Options of `chaos`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-sim chaos --seeds 1000              a thousand worlds, on all cores\n  \
    fanju-sim chaos --seed 17 --seeds 1       one world; if it failed before, it fails again\n  \
    fanju-sim chaos --seed 17 --seeds 1 --trace   the same, with its last events\n\n\
    WHAT IS SIMULATED: the disk under the journal, where any call may fail, tear, lie or be the last; time\n\
    and clocks; the bank; what people send, which may be lost, repeated or late; and the connections over\n\
    which phones hear, which are cut, go dead or stall. Domain, journal, recovery, actors and books are the\n\
    engine's own, and the server's own code words what phones hear and lets them resume. Between two lives\n\
    books.sqlite stays, grows older or is lost, and recovery goes on from it. NOT in these worlds: faults\n\
    of single calls to books.sqlite, whose files are real, in the system's temporary folder; threads\n\
    (there is only one); some commands: wallets and shops are opened in a calm first life only, and nobody\n\
    closes a wallet, joins by a code, locks or unlocks the claims of a draft, takes a draft back, or lays\n\
    one from a till; and the rest of the server: no socket, sign-in, right, webhook or page; commands\n\
    go to the engine. `just soak` kills real processes with all of that, with fewer kinds of fault.\n\n\
    EXIT CODES: 0 all well; 1 a world went wrong, or there is no room for books; 2 bad options.")]
pub struct ChaosOptions {
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many seeds, each a world of its own.
    #[arg(long, value_name = "K", default_value = "100", value_parser = count)]
    pub seeds: u64,
    /// Dinners in each world, roughly.
    #[arg(long, value_name = "N", default_value = "200", value_parser = count)]
    pub dinners: u64,
    /// How often the engine dies in each world, at most.
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub lives: u64,
    /// Worlds that are played at once [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = threads)]
    pub jobs: Option<u64>,
    /// Prints the last events of every world, even if nothing is wrong there [default with this: 60 lines].
    #[arg(long, value_name = "LINES", num_args = 0..=1, default_missing_value = "60")]
    pub trace: Option<usize>,
    /// What is kept of the run.
    #[command(flatten)]
    pub keep: KeepOptions,
    /// Writes the report as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
}
