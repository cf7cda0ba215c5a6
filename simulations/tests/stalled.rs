//! Coordinated omission: a load generator that waits while the system stands still, and then begins
//! late, forgets the very dinners that had to wait. This one counts from when each should have begun.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};

use fanju::{
    Config, Data, Engine,
    journal::{FileEntry, MemoryStorage, Storage, StorageFile},
    money::Currency,
};
use fanju_sim::{
    dinner::{self, Moment, Pace, Plan, Timetable, Watch},
    meter::Meter,
    population::{self, Wanted},
    recorder::Gauges,
    values::Diners,
    workload::{Menu, Numbers, Workload},
};

/// Arrivals in a second, and how long they come.
const RATE: u64 = 200;
const SECONDS: Duration = Duration::from_millis(1_500);

/// How long nothing goes on, at least.
const STALL: Duration = Duration::from_millis(400);

/// A disk whose syncs wait while it is shut.
#[derive(Clone, Default)]
struct Disk {
    memory: MemoryStorage,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Disk {
    fn shut(&self, is_shut: bool) {
        *self.gate.0.lock().expect("no panic") = is_shut;
        self.gate.1.notify_all();
    }

    fn file(&self, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(Gated { file, gate: Arc::clone(&self.gate) })
    }
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(self.memory.open(name)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.memory.sync_dir()
    }
}

struct Gated {
    file: Arc<dyn StorageFile>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl StorageFile for Gated {
    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let (is_shut, opened) = &*self.gate;
        let guard = is_shut.lock().expect("no panic");
        drop(opened.wait_while(guard, |is_shut| *is_shut).expect("no panic"));
        self.file.sync()
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.truncate(bytes)
    }
}

/// What stands still.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// The engine, whose disk is shut; the generator runs on.
    Engine,
    /// The generator, which sleeps.
    Generator,
}

/// Has something stand still once, at the first tick.
struct Staller {
    what: What,
    disk: Disk,
    /// The run's own beginning is no later.
    began: Option<Instant>,
    shut: Option<Instant>,
    opened: Option<Instant>,
}

impl Watch for Staller {
    fn begins(&mut self) {}

    fn gauges(&mut self) -> Gauges {
        self.began.get_or_insert_with(Instant::now);
        Gauges::default()
    }

    fn tick(&mut self, _: Moment) {
        match (self.what, self.shut) {
            (What::Engine, None) => {
                self.disk.shut(true);
                self.shut = Some(Instant::now());
            }
            (What::Engine, Some(since)) => {
                if self.opened.is_none() && since.elapsed() >= STALL {
                    self.opened = Some(Instant::now());
                    self.disk.shut(false);
                }
            }
            (What::Generator, None) => {
                self.shut = Some(Instant::now());
                sleep(STALL);
                self.opened = Some(Instant::now());
            }
            (What::Generator, Some(_)) => {}
        }
    }
}

/// Dinners that took so long or longer.
fn at_least(meter: &Meter, span: Duration) -> u64 {
    let [latency, _] = meter.histograms();
    let nanos = u64::try_from(span.as_nanos()).expect("less than an age");
    latency.count_between(nanos, u64::MAX)
}

/// Runs dinners of a few tables while `what` stands still for a while.
#[track_caller]
fn check(what: What) {
    let disk = Disk::default();
    let config = Config::new(Data::Storage(Arc::new(disk.clone())));
    let engine = Engine::open(config).expect("opens");
    let menu = Menu::Published;
    let numbers = Numbers { wallets: 6, merchants: 2, diners: Diners::Always(2), dinners: None };
    let mut workload = Workload::new(&menu, numbers, 1).expect("enough wallets");
    let currency: Currency = "USD".parse().expect("a currency");
    let (seating, funds) = (workload.seating(), workload.funds(10_000));
    let wanted = Wanted { merchants: 2, wallets: 6, seating, funds, currency };
    let (population, _) = population::set_up(&engine, wanted, |_| {}).expect("everybody comes in");
    let plan = Plan {
        population: &population,
        menu: &menu,
        currency,
        pace: Pace::Open(Timetable::new(RATE, 1)),
        warmup: Duration::ZERO,
        seconds: Some(SECONDS),
    };
    let mut staller = Staller { what, disk, began: None, shut: None, opened: None };
    let before = Instant::now();
    let ran = dinner::run(&engine, plan, &mut workload, None, &mut staller).expect("no file");
    engine.close_blocking();
    let [began, shut, opened] =
        [staller.began, staller.shut, staller.opened].map(|it| it.expect("it stood still"));

    // Nobody who should have begun while nothing went on can have been told before it went on.
    let mut timetable = Timetable::new(RATE, 1);
    let mut after = Duration::ZERO;
    let (mut most, mut waited_half) = (Duration::ZERO, 0);
    while before + after < opened {
        if before + after >= shut {
            let waits = opened.saturating_duration_since(began + after);
            most = most.max(waits);
            waited_half += u64::from(waits >= STALL / 2);
        }
        after += timetable.gap();
    }
    assert!(waited_half > 20, "{what:?}: {waited_half} were due in the first half");
    let found = at_least(&ran.meter, STALL / 2);
    assert!(found >= waited_half, "{what:?}: {found} of {waited_half} waited");
    let [latency, _] = ran.meter.histograms();
    let longest = Duration::from_nanos(latency.max());
    assert!(longest >= most, "{what:?}: {longest:?}, but one waited {most:?}");
    assert_eq!(ran.meter.failed.len() + ran.meter.declined.len(), 0, "{what:?}");
}

#[test]
fn whoever_was_due_while_the_engine_stood_still_has_waited() {
    check(What::Engine);
}

#[test]
fn whoever_was_due_while_the_generator_stood_still_has_waited() {
    check(What::Generator);
}
