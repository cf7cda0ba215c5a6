//! `fanju-sim`: the command line. See `fanju-sim dinner --help`.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, error::ErrorKind};
use fanju_sim::{
    acks,
    auditor::{Audit, Auditor, Verdict},
    live::{self, options::LiveOptions},
    options::{AuditOptions, DinnerOptions, Options, Task},
    reading,
    recording::Recording,
    report::{Summary, write_audit},
    run::{self, BadInput},
    scenario,
};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The audit failed, or the engine did.
const FAILED: u8 = 1;
/// Options or input make no sense; nothing was run.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let outcome = match Options::parse().task {
        Task::Dinner(options) => dinner(&options),
        Task::Live(options) => live(&options),
        Task::Audit(options) => audit(&options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => FAILED.into(),
        Err(error) => {
            eprintln!("fanju-sim: {error:#}");
            let bad_input = error.downcast_ref::<BadInput>().is_some();
            if bad_input { BAD_INPUT } else { FAILED }.into()
        }
    }
}

fn dinner(options: &DinnerOptions) -> Result<bool> {
    if let Err(reason) = options.check() {
        Options::command().error(ErrorKind::ValueValidation, reason).exit();
    }
    if let Some(name) = &options.scenario {
        return told_evening(&scenario::run::evening(name, options)?, options.json.as_deref());
    }
    if options.capacity.find_capacity {
        let found = run::capacity(options)?;
        tell(&found.to_string(), &found, options.json.as_deref())?;
        return Ok(found.is_well());
    }
    let report = run::dinner(options)?;
    let summary = Summary { report: &report, exponent: options.currency.exponent() };
    tell(&summary.to_string(), &report, options.json.as_deref())?;
    Ok(report.is_well())
}

fn told_evening(recording: &Recording, json: Option<&Path>) -> Result<bool> {
    tell(&scenario::report::Summary(recording).to_string(), recording, json)?;
    Ok(scenario::report::is_well(recording))
}

fn live(options: &LiveOptions) -> Result<bool> {
    let report = live::run::live(options)?;
    tell(&report.to_string(), &report, options.json.as_deref())?;
    Ok(report.is_well())
}

fn audit(options: &AuditOptions) -> Result<bool> {
    let audit = match reading::open(&options.data) {
        Ok((reader, recovery)) => {
            let mut auditor = Auditor::read(&reader);
            if let Some(path) = &options.acks {
                let acks =
                    acks::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                auditor.expect_acks(&acks);
            }
            if recovery.dropped_bytes > 0 {
                eprintln!("a torn tail of {} bytes is left out", recovery.dropped_bytes);
            }
            auditor.finish()
        }
        Err(error @ reading::OpenError::NoJournal(_)) => {
            return Err(BadInput(error.to_string()).into());
        }
        Err(error @ reading::OpenError::Journal(_)) => {
            Audit::unreadable(format!("{:#}", anyhow::Error::new(error)))
        }
    };
    let mut text = String::new();
    write_audit(&mut text, &audit)?;
    tell(&text, &audit, options.json.as_deref())?;
    Ok(audit.verdict == Verdict::Ok)
}

/// People read standard output, unless a program does; they read standard error then.
fn tell(text: &str, report: &impl Serialize, json: Option<&Path>) -> Result<()> {
    let as_json = || serde_json::to_string_pretty(report).context("cannot write JSON");
    match json {
        None => print!("{text}"),
        Some(path) if path == Path::new("-") => {
            eprint!("{text}");
            println!("{}", as_json()?);
        }
        Some(path) => {
            print!("{text}");
            std::fs::write(path, as_json()? + "\n")
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
