//! Run: from options to a report. Opens an engine, sets everybody up, runs the dinners, lets the
//! books catch up, closes, audits.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::{Config, Engine};

use crate::{
    acks::AckFile,
    auditor::{Audit, Auditor},
    bills::{self, BadRow, Rows},
    dinner::{self, Moment, Pace, Plan, Timetable, Watch},
    figures::{counted, grouped},
    options::DinnerOptions,
    population::{self, Wanted},
    process,
    recorder::Gauges,
    recording::{Kind, Recording, ground::Ground},
    report::{FileReport, Report, Settings},
    scratch::Scratch,
    show::{Show, aside},
    tally::{self, Snapshot, Tally},
    values::{BadInput, Diners, RATE_MAX, Rate},
    workload::{Menu, Numbers, Workload},
};

/// Tables at once with `--rate max`, unless an option says otherwise. Measured on two cores with
/// groups of eight; fewer leave the journal's batches small, more only wait longer.
const TABLES: usize = 2_000;

/// Measured time without `--seconds`, without a file.
pub(crate) const SECONDS: Duration = Duration::from_secs(10);

/// How long books may take to catch up.
pub(crate) const BOOKS_PATIENCE: Duration = Duration::from_secs(600);

/// Runs `dinner`; gives its report, and its recording.
///
/// # Errors
/// [`BadInput`], or whatever the engine or the system says.
pub fn dinner(options: &DinnerOptions) -> Result<(Report, Recording)> {
    let (menu, file) = menu(options)?;
    let seconds = measured(options, &menu);
    let numbers = numbers(options, &menu)?;
    let mut workload = Workload::new(&menu, numbers, options.seed).map_err(BadInput)?;
    let (data, _removed_at_the_end) = data_folder(options)?;
    let acks = options.acks.as_deref().map(|path| {
        AckFile::open(path)
            .map_err(|error| BadInput(format!("cannot write {}: {error}", path.display())))
    });
    let acks = acks.transpose()?;
    if options.no_sync {
        aside("*** --no-sync: NOT DURABLE, a crash of the machine loses settlements ***");
    }

    let mut recording = Recording::begin(Kind::Dinner, title(options), options.seed, Some(&data));
    let (engine, ground) = open(config(options, &data), &data)?;
    recording.ground = Some(ground);
    let expected = expected_dinners(options, numbers.dinners, seconds);
    let wanted = Wanted {
        merchants: numbers.merchants,
        wallets: options.wallets,
        seating: workload.seating(),
        funds: workload.funds(expected),
        currency: options.currency,
    };
    let began = Instant::now();
    let show = Show::new(seconds, numbers.dinners);
    let (population, setup) = population::set_up(&engine, wanted, |what| show.say(what))?;
    let setup_s = began.elapsed().as_secs_f64();
    show.say(&format!(
        "{} in {setup_s:.1} s; dinner is served",
        counted(setup.groups as u128, "group")
    ));

    let tables = tables(options, setup.groups);
    let pace = match options.rate {
        Rate::Max => Pace::Closed { tables },
        Rate::PerSecond(rate) => Pace::Open(Timetable::new(rate, options.seed)),
    };
    let plan = Plan {
        population: &population,
        menu: &menu,
        currency: options.currency,
        pace,
        warmup: options.warmup,
        seconds,
    };
    let mut watch = Measuring { engine: &engine, show, before: None };
    let ran = dinner::run(&engine, plan, &mut workload, acks, &mut watch)
        .context("cannot write acknowledgements")?;
    let after = Snapshot::take(&engine);
    let before = watch.before.unwrap_or_else(|| after.clone());
    watch.show.end();
    let (books_drain, audit) = wind_up(engine, options, &ran.meter.acknowledged);
    let settings = settings(options, &data, tables);
    note(&mut recording, &settings, options);
    let exponent = options.currency.exponent();
    #[rustfmt::skip]
    let tally = Tally {
        ran, before, after, books_drain, setup, setup_s, file, audit, settings, recording, exponent,
    };
    Ok(tally.report())
}

/// What people call a run.
fn title(options: &DinnerOptions) -> String {
    let files = &options.files;
    match (options.rate, files.bills.as_ref().or(files.orders.as_ref())) {
        (_, Some(path)) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            format!("Bills of {}", name.unwrap_or_default())
        }
        (Rate::Max, None) => "As many dinners as go".to_owned(),
        (Rate::PerSecond(rate), None) => format!("{} dinners a second", grouped(rate.into())),
    }
}

/// Notes what was asked for.
fn note(recording: &mut Recording, settings: &Settings, options: &DinnerOptions) {
    recording.set("rate", &settings.rate);
    if let Some(tables) = settings.tables {
        recording.set("tables at once", tables);
    }
    recording.set("diners at a table", &settings.diners);
    recording.set("wallets", grouped(settings.wallets.into()));
    recording.set("wallets dining", grouped(settings.wallets_dining.into()));
    recording.set("merchants", grouped(settings.merchants.into()));
    if let Some(path) = options.files.bills.as_ref().or(options.files.orders.as_ref()) {
        recording.set("file", path.display());
    }
    let span = |span: Option<Duration>, none: &str| {
        span.map_or_else(|| none.to_owned(), |span| format!("{} s", span.as_secs_f64()))
    };
    recording.set("measured", span(options.seconds, "until the dinners end, or 10 s"));
    recording.set("at most", options.count.map_or_else(|| "any".into(), |n| grouped(n.into())));
    recording.set("warm-up", span(Some(options.warmup), ""));
    recording.set("leaves memory after", span(options.idle_after, "the engine's default"));
    recording.set("journal synced", if settings.sync { "yes" } else { "no" });
    recording.set("currency", &settings.currency);
}

/// Lets the books catch up, closes the engine, and audits its journal, in which whatever was
/// acknowledged must be.
pub(crate) fn wind_up(
    engine: Engine,
    options: &DinnerOptions,
    acknowledged: &[u64],
) -> (Option<Duration>, Audit) {
    let began = Instant::now();
    let caught_up = engine.block_on(engine.books_caught_up(BOOKS_PATIENCE));
    let books_drain = matches!(caught_up, Ok(true)).then(|| began.elapsed());
    if let Some(error) = engine.books_error() {
        aside(format_args!("the books stopped: {error:#}"));
    }
    let journal = engine.journal();
    engine.close_blocking();
    drop(engine);
    if options.no_audit {
        return (books_drain, Audit::skipped());
    }
    let mut auditor = Auditor::read(&journal);
    auditor.expect_positions(acknowledged);
    (books_drain, auditor.finish())
}

// --- from options ------------------------------------------------------------------------------

/// What is eaten, with a report of the file that says so. Bad rows are told at once.
fn menu(options: &DinnerOptions) -> Result<(Menu, Option<FileReport>)> {
    let files = &options.files;
    let (menu, bad, sums, path) = if let Some(path) = &files.bills {
        let Rows { good, bad } = bills::read_bills(path, files, options.currency)
            .map_err(|error| BadInput(format!("{:#}", anyhow::Error::new(error))))?;
        let sum = |part: fn(&bills::BillRow) -> i64| good.iter().map(part).map(i128::from).sum();
        let sums: (i128, i128) = (sum(|row| row.bill.minor()), sum(|row| row.tip.minor()));
        (Menu::Bills(good), bad, sums, path)
    } else if let Some(path) = &files.orders {
        let Rows { good, bad } = bills::read_orders(path, files, options.currency)
            .map_err(|error| BadInput(format!("{:#}", anyhow::Error::new(error))))?;
        let sum = good.iter().map(|order| i128::from(order.total.minor())).sum();
        (Menu::Orders(good), bad, (sum, 0), path)
    } else {
        return Ok((Menu::Published, None));
    };
    tell_bad_rows(&bad);
    if files.strict && !bad.is_empty() {
        let file = path.display();
        return Err(BadInput(format!("{file}: {} bad rows, and --strict", bad.len())).into());
    }
    let bills = menu.rows().unwrap_or(0);
    if bills == 0 {
        return Err(BadInput(format!("{}: no bill to pay", path.display())).into());
    }
    let (bills_minor, tips_minor) = sums;
    let (file, bad_rows) = (path.display().to_string(), bad.len());
    Ok((menu, Some(FileReport { file, bills, bad_rows, bills_minor, tips_minor })))
}

fn tell_bad_rows(bad: &[BadRow]) {
    for row in bad {
        aside(format_args!("bad row: {row}"));
    }
}

/// How long is measured; `None`: until the workload ends.
fn measured(options: &DinnerOptions, menu: &Menu) -> Option<Duration> {
    let ends_by_itself = menu.rows().is_some() || options.count.is_some();
    options.seconds.or((!ends_by_itself).then_some(SECONDS))
}

pub(crate) fn numbers(options: &DinnerOptions, menu: &Menu) -> Result<Numbers> {
    let fits = |number: u64| usize::try_from(number).context("number too large");
    let file = menu.rows().map(|rows| {
        let rounds = options.files.repeat.or(options.seconds.is_none().then_some(1));
        rounds.map(|rounds| rounds.saturating_mul(rows as u64))
    });
    let dinners = [file.flatten(), options.count].into_iter().flatten().min();
    Ok(Numbers {
        wallets: fits(options.wallets_dining())?,
        merchants: fits(options.merchants)?,
        diners: options.diners,
        dinners,
    })
}

/// At most so many dinners can come: what wallets are topped up for.
fn expected_dinners(
    options: &DinnerOptions,
    dinners: Option<u64>,
    seconds: Option<Duration>,
) -> u64 {
    let rate = match options.rate {
        // More than go through: wallets are topped up for all of them.
        Rate::Max => RATE_MAX,
        // Arrivals vary around their mean.
        Rate::PerSecond(rate) => rate.saturating_mul(2),
    };
    let by_time = seconds.map(|seconds| {
        let span = seconds + options.warmup + Duration::from_secs(1);
        rate.saturating_mul(span.as_secs() + 1)
    });
    [dinners, by_time].into_iter().flatten().min().unwrap_or(u64::MAX)
}

fn tables(options: &DinnerOptions, parties: usize) -> usize {
    let asked = options.tables.and_then(|tables| usize::try_from(tables).ok());
    asked.unwrap_or(TABLES).min(parties)
}

/// The engine's folder, and whatever removes it.
pub(crate) fn data_folder(options: &DinnerOptions) -> Result<(PathBuf, Option<Scratch>)> {
    if let Some(data) = &options.data {
        return Ok((data.clone(), None));
    }
    let folder = Scratch::new("fanju-sim-", &std::env::temp_dir())?;
    aside(format_args!(
        "data in {}, removed afterwards (--data keeps it)",
        folder.path().display()
    ));
    Ok((folder.path().to_owned(), Some(folder)))
}

pub(crate) fn config(options: &DinnerOptions, data: &Path) -> Config {
    // Identities repeat with the seed; a folder that is used again must not meet its own.
    let seed = (!data.join("journal").exists()).then_some(options.seed);
    let mut config = Config { sync: !options.no_sync, seed, ..Config::directory(data) };
    config.rail = population::rail();
    if options.idle_after.is_some() {
        config.idle_after = options.idle_after;
    }
    config
}

/// Opens the engine on its folder, and says what earlier runs left there.
pub(crate) fn open(config: Config, data: &Path) -> Result<(Engine, Ground)> {
    let engine = Engine::open(config).context("cannot open the engine")?;
    let ground = Ground::of(&engine)?;
    if ground.wallets > 0 {
        let [settled, wallets] = [(ground.settlements, "order"), (ground.wallets, "wallet")]
            .map(|(number, one)| counted(number.into(), one));
        aside(format_args!(
            "{} has {settled} settled and {wallets} from earlier: the audit reads them again, and no \
             other figure counts them",
            data.display()
        ));
    }
    Ok((engine, ground))
}

fn settings(options: &DinnerOptions, data: &Path, tables: usize) -> Settings {
    let idle_after = options.idle_after.map(|span| span.as_secs_f64());
    Settings {
        version: env!("CARGO_PKG_VERSION"),
        seed: options.seed,
        diners: match (options.diners, &options.files.bills) {
            (_, Some(_)) => "the file's".to_owned(),
            (Diners::Always(diners), None) => diners.to_string(),
            (Diners::Published, None) => "published".to_owned(),
        },
        wallets: options.wallets,
        wallets_dining: options.wallets_dining(),
        merchants: options.merchants,
        rate: match options.rate {
            Rate::Max => "max".to_owned(),
            Rate::PerSecond(rate) => rate.to_string(),
        },
        tables: (options.rate == Rate::Max).then_some(tables),
        currency: options.currency.code().to_owned(),
        warmup_s: options.warmup.as_secs_f64(),
        sync: !options.no_sync,
        idle_after_s: idle_after,
        cores: process::cores(),
        data: data.display().to_string(),
        file_system: process::file_system(data),
    }
}

struct Measuring<'a> {
    engine: &'a Engine,
    show: Show,
    before: Option<Snapshot>,
}

impl Watch for Measuring<'_> {
    fn begins(&mut self) {
        self.before = Some(Snapshot::take(self.engine));
    }

    fn gauges(&mut self) -> Gauges {
        tally::gauges(&self.engine.stats(), process::memory_bytes().0)
    }

    fn tick(&mut self, moment: Moment) {
        self.show.tick(&moment);
    }
}
