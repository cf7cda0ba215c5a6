//! `fanju-server`: the engine on the network.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use fanju::money::Amount;
use fanju_server::{
    app::App,
    backup, cast,
    config::{LogFormat, Settings},
    serve,
    telemetry::Telemetry,
    verify,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Group payment on the network: one scan, every diner's share, and everybody sees it live.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// A settings file (TOML). Environment variables (`FANJU_LISTEN`, …) and flags stand above it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// The data folder; empty for memory.
    #[arg(long, global = true)]
    data: Option<String>,
    /// Where to listen.
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    /// Where people find the server; passkeys belong to this address.
    #[arg(long)]
    public_url: Option<url::Url>,
    /// Seed a restaurant and eight diners, and open a page with all of them at /demo.
    #[arg(long)]
    demo: bool,
    /// Let people that `cast` made up stay signed in, who need no passkey: for load tests.
    #[arg(long)]
    made_up_people: bool,
    /// How logs are written.
    #[arg(long)]
    log: Option<LogFormat>,
    /// The OpenTelemetry collector that is sent a span of each request (OTLP over HTTP).
    #[arg(long)]
    otlp_endpoint: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Copy a data folder, also while a server runs on it.
    Backup {
        /// Where to; must not exist yet.
        to: PathBuf,
    },
    /// Make up people and shops for a load test; prints them with their tokens.
    Cast {
        /// How many people.
        #[arg(long, default_value_t = 1_000)]
        diners: usize,
        /// How many shops.
        #[arg(long, default_value_t = 16)]
        shops: usize,
        /// What each person begins with, in minor units.
        #[arg(long, default_value_t = 1_000_000_000)]
        purse: i64,
    },
    /// Audit a data folder that no server runs on: every byte, every chain, every balance.
    Verify,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut settings = Settings::load(arguments.config.as_deref())?;
    if let Some(data) = arguments.data {
        settings.data = data;
    }
    match arguments.command {
        None => {}
        Some(Command::Backup { to }) => {
            let copied = backup::backup(settings.data().context("memory has no backup")?, &to)?;
            println!("{copied}");
            return Ok(());
        }
        Some(Command::Cast { diners, shops, purse }) => {
            return actix_rt::System::new().block_on(make_up(settings, shops, diners, purse));
        }
        Some(Command::Verify) => {
            let report = verify::verify(settings.data().context("memory cannot be verified")?)?;
            println!("{report}");
            return Ok(());
        }
    }
    if let Some(listen) = arguments.listen {
        // Who moves the server moves its address, unless it stands behind a name.
        if settings.public_url.host_str() == Some("localhost") {
            let moved = settings.public_url.set_port(Some(listen.port()));
            moved.map_err(|()| anyhow::anyhow!("public_url takes no port"))?;
        }
        settings.listen = listen;
    }
    settings.public_url = arguments.public_url.unwrap_or(settings.public_url);
    settings.demo |= arguments.demo;
    settings.made_up_people |= arguments.made_up_people;
    settings.log = arguments.log.unwrap_or(settings.log);
    settings.otlp_endpoint = arguments.otlp_endpoint.unwrap_or(settings.otlp_endpoint);
    let telemetry = Telemetry::begin(&settings)?;
    let served = actix_rt::System::new().block_on(serve::serve(settings));
    telemetry.end();
    served
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
    println!("{}", serde_json::to_string(&cast)?);
    Ok(())
}
