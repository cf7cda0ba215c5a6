//! `fanju-sim`: the command line. See `fanju-sim dinner --help`.

// They panic where nobody reads any more; `show::tell` and `show::aside` do not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, error::ErrorKind};
use fanju_sim::{
    acks,
    auditor::{Audit, Auditor, Verdict},
    capacity,
    chaos::{self, options::ChaosOptions},
    compare::Comparison,
    figures::counted,
    keep::{self, KeepOptions},
    live::{self, options::LiveOptions},
    nation::{self, options::NationOptions},
    open::{self, OpenOptions},
    options::{AuditOptions, CompareOptions, DinnerOptions, Options, PageOptions, Task},
    page,
    peers::{self, options::PeersOptions},
    reading,
    recording::Recording,
    report::{Summary, write_audit},
    run::{self},
    scenario,
    show::{self, aside},
    values::BadInput,
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
    let task = Options::parse().task;
    // Where everything is meant to break, what the engine says of it tells nothing new.
    let level = if matches!(task, Task::Chaos(_)) { "off" } else { "warn" };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into()))
        .with_writer(std::io::stderr)
        // It would say on standard error that standard error is closed.
        .log_internal_errors(false)
        .init();
    let outcome = match task {
        Task::Dinner(options) => dinner(&options),
        Task::Live(options) => live(&options),
        Task::Chaos(options) => chaos(&options),
        Task::Compare(options) => compare(&options),
        Task::Page(options) => page(&options),
        Task::Peers(options) => peers(&options),
        Task::Nation(options) => nation(&options),
        Task::Audit(options) => audit(&options),
        Task::Open(options) => open(&options),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => FAILED.into(),
        Err(error) => {
            aside(format_args!("fanju-sim: {error:#}"));
            let bad_input = error.downcast_ref::<BadInput>().is_some();
            if bad_input { BAD_INPUT } else { FAILED }.into()
        }
    }
}

fn dinner(options: &DinnerOptions) -> Result<bool> {
    if let Err(reason) = options.check() {
        Options::command().error(ErrorKind::ValueValidation, reason).exit();
    }
    let out = Out::of(options.json.as_deref(), &options.keep)?;
    if let Some(name) = &options.scenario {
        return out.evening(&scenario::run::evening(name, options)?);
    }
    if options.capacity.find_capacity {
        let (found, recording) = capacity::in_process::search(options)?;
        out.write(&found.to_string(), &found, &recording)?;
        return Ok(found.is_well());
    }
    let (report, recording) = run::dinner(options)?;
    let summary = Summary { report: &report, exponent: options.currency.exponent() };
    out.write(&summary.to_string(), &report, &recording)?;
    Ok(report.is_well())
}

fn live(options: &LiveOptions) -> Result<bool> {
    let out = Out::of(options.json.as_deref(), &options.keep)?;
    if let Some(name) = &options.scenario {
        return out.evening(&live::evening::evening(name, options)?);
    }
    if options.capacity.find_capacity {
        let (found, recording) = live::capacity::search(options)?;
        out.write(&found.to_string(), &found, &recording)?;
        return Ok(found.is_well());
    }
    let (report, recording) = live::run::live(options)?;
    out.write(&report.to_string(), &report, &recording)?;
    Ok(report.is_well())
}

fn chaos(options: &ChaosOptions) -> Result<bool> {
    let out = Out::of(options.json.as_deref(), &options.keep)?;
    #[cfg(feature = "broken")]
    break_as_asked();
    let report = chaos::run::chaos(options)?;
    let recording = chaos::recorded::recording(&report, options);
    out.write(&report.to_string(), &report, &recording)?;
    Ok(report.is_well())
}

/// Chooses the bug that the environment names, for the simulation's own test.
#[cfg(feature = "broken")]
fn break_as_asked() {
    use fanju::broken::{Bug, choose};
    let asked = std::env::var("FANJU_BUG").unwrap_or_default();
    choose(Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == asked));
}

fn compare(options: &CompareOptions) -> Result<bool> {
    options.report.as_deref().map_or(Ok(()), can_write)?;
    let (a, b) = (recording(&options.a)?, recording(&options.b)?);
    let comparison = Comparison::of(&a, &b);
    let told = show::tell(&comparison.to_string());
    if let Some(path) = &options.report {
        keep::write("page", path, &page::of_comparison(&comparison))?;
    }
    told?;
    Ok(true)
}

fn page(options: &PageOptions) -> Result<bool> {
    keep::write("page", &options.page, &page::of_run(&recording(&options.recording)?))?;
    Ok(true)
}

fn recording(path: &Path) -> Result<Recording> {
    let found = Recording::read(path);
    Ok(found.map_err(|error| BadInput(format!("{} {error}", path.display())))?)
}

fn peers(options: &PeersOptions) -> Result<bool> {
    let out = Out::of(options.json.as_deref(), &options.keep)?;
    let (report, recording) = peers::run::peers(options)?;
    out.write(&report.to_string(), &report, &recording)?;
    Ok(report.is_well())
}

fn nation(options: &NationOptions) -> Result<bool> {
    let out = Out::of(options.json.as_deref(), &options.keep)?;
    let (report, recording) = nation::report::nation(options)?;
    out.write(&report.to_string(), &report, &recording)?;
    Ok(recording.audit.verdict == Verdict::Ok)
}

fn audit(options: &AuditOptions) -> Result<bool> {
    options.json.as_deref().map_or(Ok(()), can_write)?;
    let audit = match reading::open(options.data.path()) {
        Ok((reader, recovery)) => {
            let mut auditor = Auditor::read(&reader);
            if let Some(path) = &options.acks {
                let acks = acks::read(path);
                let bad = |error| BadInput(format!("cannot read {}: {error}", path.display()));
                auditor.expect_acks(&acks.map_err(bad)?);
            }
            if recovery.dropped_bytes > 0 {
                let bytes = counted(recovery.dropped_bytes.into(), "byte");
                aside(format_args!("a torn tail of {bytes} is left out"));
            }
            if recovery.mended {
                aside("the last batch lacks its last bit, which is taken as there");
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

fn open(options: &OpenOptions) -> Result<bool> {
    options.json.as_deref().map_or(Ok(()), can_write)?;
    let report = open::open(options)?;
    tell(&report.to_string(), &report, options.json.as_deref())?;
    Ok(true)
}

/// Where a run leaves what it has to tell.
struct Out<'a> {
    json: Option<&'a Path>,
    keep: &'a KeepOptions,
}

impl<'a> Out<'a> {
    /// Each of these files can be written, or the run does not begin: it may take long.
    fn of(json: Option<&'a Path>, keep: &'a KeepOptions) -> Result<Self> {
        keep.check().map_err(BadInput)?;
        json.map_or(Ok(()), can_write)?;
        Ok(Self { json, keep })
    }

    /// Tells, and writes whatever can be written; what cannot is said afterwards.
    fn write(&self, text: &str, report: &impl Serialize, recording: &Recording) -> Result<()> {
        let told = tell(text, report, self.json);
        let kept = self.keep.keep(recording);
        told.and(kept)
    }

    /// The same of an evening; says whether it was well.
    fn evening(&self, evening: &Recording) -> Result<bool> {
        self.write(&scenario::report::Summary(evening).to_string(), evening, evening)?;
        Ok(scenario::report::is_well(evening))
    }
}

fn can_write(path: &Path) -> Result<()> {
    Ok(keep::can_write(path).map_err(BadInput)?)
}

/// People read standard output, unless a program does; they read standard error then.
fn tell(text: &str, report: &impl Serialize, json: Option<&Path>) -> Result<()> {
    let as_json = || serde_json::to_string_pretty(report).context("cannot write JSON");
    match json {
        None => show::tell(text)?,
        Some(path) if path == Path::new("-") => {
            aside(text.trim_end());
            show::tell(&(as_json()? + "\n"))?;
        }
        Some(path) => {
            let told = show::tell(text);
            keep::write("report as JSON", path, &(as_json()? + "\n"))?;
            told?;
        }
    }
    Ok(())
}
