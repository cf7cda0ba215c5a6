//! `fanju-server`: the engine on the network.

use std::{
    fmt::Display,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use fanju::money::Amount;
use fanju_server::{
    app::App,
    backup, cast,
    config::{Flags, Settings},
    serve,
    telemetry::Telemetry,
    verify,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AFTER_HELP: &str = "\
Settings are what a flag says, else the environment, else the file, else the default. Each setting of the\n\
file is a variable as well: FANJU_ and its name in capitals, as in FANJU_LISTEN or FANJU_SESSION_DAYS. All of\n\
them, with their defaults, are in server/deploy/fanju.toml. RUST_LOG says how much is logged [default: info].\n\n\
Exit codes: 0 when it was told to stop (SIGTERM, SIGINT) or has done what was asked, 1 when something went\n\
wrong, which the last line on standard error says, and 2 for a command line that makes no sense.";

/// Group payment on the network: one scan, every diner's share, and everybody sees it live.
///
/// Without a command it serves until it is told to stop.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A file of settings (TOML) [default: none]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Copy a data folder, also while a server runs on it
    Backup {
        /// Where to; must not exist yet
        to: PathBuf,
        /// The data folder that is copied; a demo plays in data/demo [default: data]
        #[arg(long, value_name = "FOLDER")]
        data: Option<String>,
    },
    /// Make people and shops up for a load test, and print them with their tokens
    ///
    /// For `fanju-sim live --cast FILE`, and for clients that you write: nobody of them needs a passkey. Prints one
    /// line of JSON on standard output: `merchants`, each with `merchant` (an id), `name`, `currency` and the
    /// `token` of its owner, and `diners`, each with `name`, `wallet` (an id) and `token`. Whoever has a token
    /// is that person. No server may run on the folder meanwhile; the one that is started on it afterwards
    /// signs them all out, unless it is started with --made-up-people.
    ///
    /// They have neither finger nor face to show: what is above `step_up_above_minor` (a setting, in minor
    /// units; 100000 unless said) is refused them as `step_up_required`. Where they are to pay more, or to agree
    /// to a higher cap, start the server with FANJU_STEP_UP_ABOVE_MINOR=1000000000000.
    Cast {
        /// How many people
        #[arg(long, default_value_t = 1_000)]
        diners: usize,
        /// How many shops
        #[arg(long, default_value_t = 16)]
        shops: usize,
        /// What each person begins with, in minor units (cents)
        #[arg(long, default_value_t = 1_000_000_000)]
        purse: i64,
        /// The data folder that they are written to, made if it is missing [default: data]
        #[arg(long, value_name = "FOLDER")]
        data: Option<String>,
    },
    /// Audit a data folder that no server runs on: every byte, every chain, every balance
    Verify {
        /// The data folder that is audited; a demo plays in data/demo [default: data]
        #[arg(long, value_name = "FOLDER")]
        data: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let why = if is_out_of_room(&error) { "the disk is full: " } else { "" };
            eprintln!("fanju-server: {why}{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether SQLite had no room for the memory that it shares beside a file: it calls that an I/O error. Of
/// any other want of room the words of the error speak.
fn is_out_of_room(error: &anyhow::Error) -> bool {
    if format!("{error:#}").contains("disk is full") {
        return false;
    }
    let failures = error.chain().filter_map(|cause| cause.downcast_ref::<rusqlite::Error>());
    let mut failures = failures.filter_map(rusqlite::Error::sqlite_error);
    failures.any(|failure| failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

fn run(Arguments { command, config, mut flags }: Arguments) -> anyhow::Result<()> {
    if let Some(
        Command::Backup { data, .. } | Command::Cast { data, .. } | Command::Verify { data },
    ) = &command
    {
        flags.data = data.clone().or(flags.data);
    }
    let settings = Settings::load(config.as_deref(), &flags)?;
    let folder =
        || settings.data().context("there is nothing in memory: name a folder with --data");
    match command {
        Some(Command::Backup { to, .. }) => tell(backup::backup(folder()?, &to)?)?,
        Some(Command::Verify { .. }) => tell(verify::verify(folder()?)?)?,
        Some(Command::Cast { diners, shops, purse, .. }) => {
            folder()?;
            let made = make_up(settings, shops, diners, purse);
            actix_rt::System::new().block_on(made)?;
        }
        None => {
            let telemetry = Telemetry::begin(&settings)?;
            let served = actix_rt::System::new().block_on(serve::serve(settings));
            telemetry.end();
            served?;
        }
    }
    Ok(())
}

async fn make_up(
    settings: Settings,
    shops: usize,
    diners: usize,
    purse: i64,
) -> anyhow::Result<()> {
    let app = App::open(settings)?;
    let cast = cast::make(&app, shops, diners, Amount::from_minor(purse)).await?;
    app.close().await;
    tell(serde_json::to_string(&cast)?)
}

/// Writes a line to standard output. Whoever has read enough (`| head`) misses the rest.
fn tell(line: impl Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told.context("cannot write to standard output"),
    }
}
