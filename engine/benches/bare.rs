//! The bare probe: what actix actors and the engine's journal cost before any feature.
//!
//! Wallets are two numbers, tables know their eight diners, merchants add up. One dinner takes the
//! engine's messages and nothing else: driver → merchant → table → eight reservations → eight
//! answers → one record through the real [`Committer`], synced → the batch back to the actors →
//! eight debits, the merchant's credit, the table's end → the driver. There are no codes, orders,
//! directories, splits, deadlines, feeds or books. Absolute rates tell a machine's mood: run the
//! probe in turn with `fanju-sim dinner --rate max` and compare by ratio.
//!
//! `cargo bench -p fanju --bench bare -- --wallets 100000 --seconds 5 --tables 500 [--json]`

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, Context, Handler, Message, System, dev::channel};
use fanju::{
    id::Position,
    journal::{
        Committer, DirectoryStorage, Epoch, LocalJournal, Options, Outcome, Proposal, spawn,
    },
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DINERS: usize = 8;
/// The same, to multiply money by.
const SHARES: i64 = 8;
const MERCHANTS: usize = 1_000;
/// What each wallet begins with: enough for any run.
const FUNDS: i64 = 1_000_000_000_000;
/// A record's payload: eight legs of 24 bytes and a head.
const HEAD_BYTES: usize = 58;
const WARM_UP: Duration = Duration::from_secs(1);
/// The unit of processor times in `/proc`. Source: proc(5), `USER_HZ`; 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

// --- actors ------------------------------------------------------------------------------------

struct Wallet {
    posted: i64,
    reserved: i64,
}

struct Table {
    number: u64,
    this: Arc<Addr<Self>>,
    roster: Arc<[Addr<Wallet>; DINERS]>,
    committer: Committer<Box<Dinner>>,
    paying: Option<Box<Dinner>>,
    silent: usize,
}

#[derive(Default)]
struct Merchant {
    takings: i64,
}

struct Dispatcher;

/// One dinner, from the scan to the record.
struct Dinner {
    number: u64,
    share: i64,
    position: Position,
    table_number: u64,
    roster: Arc<[Addr<Wallet>; DINERS]>,
    merchant: Arc<Addr<Merchant>>,
    table: Arc<Addr<Table>>,
    told: oneshot::Sender<Position>,
}

struct Present {
    number: u64,
    share: i64,
    merchant: Arc<Addr<Merchant>>,
    table: Arc<Addr<Table>>,
    told: oneshot::Sender<Position>,
}

struct Scan(Present);

struct Reserve {
    share: i64,
    table: Arc<Addr<Table>>,
}

struct Answered(bool);

struct Debit(i64);

struct Credit {
    total: i64,
    position: Position,
    told: oneshot::Sender<Position>,
}

struct Ended;

struct Batch(Vec<(Position, Box<Dinner>)>);

/// Sends without looking whether anybody is there: the cheapest that actix has.
trait SendNow<M> {
    fn send_now(&self, message: M);
}

impl<A, M> SendNow<M> for Addr<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message<Result = ()> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "nobody in the probe ends before the run does")]
    fn send_now(&self, message: M) {
        self.do_send(message);
    }
}

macro_rules! unanswered {
    ($($message:ty),*) => { $(impl Message for $message { type Result = (); })* };
}
unanswered!(Present, Scan, Reserve, Answered, Debit, Credit, Ended, Batch);

macro_rules! actors {
    ($($actor:ty),*) => { $(impl Actor for $actor { type Context = Context<Self>; })* };
}
actors!(Wallet, Table, Merchant, Dispatcher);

impl Handler<Present> for Merchant {
    type Result = ();

    fn handle(&mut self, present: Present, _: &mut Context<Self>) {
        let table = Arc::clone(&present.table);
        table.send_now(Scan(present));
    }
}

impl Handler<Scan> for Table {
    type Result = ();

    fn handle(&mut self, Scan(present): Scan, _: &mut Context<Self>) {
        let Present { number, share, merchant, table, told } = present;
        for wallet in self.roster.iter() {
            wallet.send_now(Reserve { share, table: Arc::clone(&self.this) });
        }
        self.silent = DINERS;
        self.paying = Some(Box::new(Dinner {
            number,
            share,
            position: Position::NONE,
            table_number: self.number,
            roster: Arc::clone(&self.roster),
            merchant,
            table,
            told,
        }));
    }
}

impl Handler<Reserve> for Wallet {
    type Result = ();

    fn handle(&mut self, Reserve { share, table }: Reserve, _: &mut Context<Self>) {
        let reaches = self.posted - self.reserved >= share;
        if reaches {
            self.reserved += share;
        }
        table.send_now(Answered(reaches));
    }
}

impl Handler<Answered> for Table {
    type Result = ();

    fn handle(&mut self, Answered(reaches): Answered, _: &mut Context<Self>) {
        assert!(reaches, "everybody has enough");
        self.silent -= 1;
        if self.silent == 0
            && let Some(dinner) = self.paying.take()
        {
            self.committer.submit(dinner).expect("the journal is open");
        }
    }
}

impl Proposal for Box<Dinner> {
    fn encode(&mut self, position: Position, out: &mut Vec<u8>) {
        self.position = position;
        let start = out.len();
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.table_number.to_le_bytes());
        out.resize(start + HEAD_BYTES, 0x5a);
        for diner in 0..DINERS as u64 {
            out.extend_from_slice(&(self.table_number * DINERS as u64 + diner).to_le_bytes());
            out.extend_from_slice(&position.0.to_le_bytes());
            out.extend_from_slice(&self.share.to_le_bytes());
        }
    }
}

impl Handler<Batch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Batch(batch): Batch, _: &mut Context<Self>) {
        for (_, dinner) in batch {
            let Dinner { share, position, roster, merchant, table, told, .. } = *dinner;
            for wallet in roster.iter() {
                wallet.send_now(Debit(share));
            }
            let total = share * SHARES;
            merchant.send_now(Credit { total, position, told });
            table.send_now(Ended);
        }
    }
}

impl Handler<Debit> for Wallet {
    type Result = ();

    fn handle(&mut self, Debit(share): Debit, _: &mut Context<Self>) {
        self.reserved -= share;
        self.posted -= share;
        assert!(self.posted >= self.reserved, "W-1");
    }
}

impl Handler<Credit> for Merchant {
    type Result = ();

    fn handle(&mut self, credit: Credit, _: &mut Context<Self>) {
        self.takings += credit.total;
        credit.told.send(credit.position).expect("the driver waits");
    }
}

impl Handler<Ended> for Table {
    type Result = ();

    fn handle(&mut self, Ended: Ended, _: &mut Context<Self>) {
        assert!(self.paying.is_none(), "a table pays one dinner at a time");
    }
}

/// Seats `actor` as the engine does: no bound, one task.
fn seat<A: Actor<Context = Context<A>>>(make: impl FnOnce(&Arc<Addr<A>>) -> A) -> Arc<Addr<A>> {
    let (sender, receiver) = channel::channel(0);
    let addr = Arc::new(Addr::new(sender));
    actix_rt::spawn(Context::with_receiver(receiver).into_future(make(&addr)));
    addr
}

// --- driver ------------------------------------------------------------------------------------

/// Slots whose dinner was told, and the driver to wake for them.
struct Ready {
    woken: Mutex<Vec<usize>>,
    sleeping: AtomicBool,
    driver: thread::Thread,
}

struct Bell {
    slot: usize,
    ready: Arc<Ready>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.woken.lock().push(self.slot);
        if self.ready.sleeping.swap(false, Ordering::SeqCst) {
            self.ready.driver.unpark();
        }
    }
}

struct Slot {
    waker: Waker,
    dinner: Option<(oneshot::Receiver<Position>, Instant, usize)>,
}

struct Driver {
    room: Room,
    idle: Vec<usize>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    ready: Arc<Ready>,
    chance: StdRng,
    next: u64,
    latencies_us: Vec<u32>,
}

struct Room {
    tables: Vec<Arc<Addr<Table>>>,
    merchants: Vec<Arc<Addr<Merchant>>>,
}

impl Driver {
    fn new(room: Room, in_flight: usize) -> Self {
        let ready = Arc::new(Ready {
            woken: Mutex::default(),
            sleeping: AtomicBool::new(false),
            driver: thread::current(),
        });
        let bell = |slot| Waker::from(Arc::new(Bell { slot, ready: Arc::clone(&ready) }));
        Self {
            idle: (0..room.tables.len()).collect(),
            slots: (0..in_flight).map(|slot| Slot { waker: bell(slot), dinner: None }).collect(),
            free: (0..in_flight).collect(),
            room,
            ready,
            chance: StdRng::seed_from_u64(1),
            next: 0,
            latencies_us: Vec::new(),
        }
    }

    fn start(&mut self, slot: usize) {
        let drawn = self.chance.random_range(0..self.idle.len());
        let at = self.idle.swap_remove(drawn);
        let merchant = &self.room.merchants[self.chance.random_range(0..MERCHANTS)];
        let (told, answer) = oneshot::channel();
        self.next += 1;
        let present = Present {
            number: self.next,
            share: self.chance.random_range(500..10_000),
            merchant: Arc::clone(merchant),
            table: Arc::clone(&self.room.tables[at]),
            told,
        };
        let began = Instant::now();
        merchant.send_now(present);
        self.slots[slot].dinner = Some((answer, began, at));
        self.poll(slot);
    }

    fn poll(&mut self, slot: usize) {
        let Slot { waker, dinner } = &mut self.slots[slot];
        let Some((answer, began, table)) = dinner else { return };
        let mut context = TaskContext::from_waker(waker);
        let Poll::Ready(told) = Future::poll(std::pin::Pin::new(answer), &mut context) else {
            return;
        };
        told.expect("every dinner is paid");
        let latency = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.latencies_us.push(latency);
        self.idle.push(*table);
        *dinner = None;
        self.free.push(slot);
    }

    /// Keeps every slot busy until `end`, if `more`; else lets the last ones finish.
    fn run(&mut self, end: Instant, more: bool) {
        let mut woken = Vec::new();
        loop {
            let now = Instant::now();
            if more {
                while now < end
                    && let Some(slot) = self.free.pop()
                {
                    self.start(slot);
                }
            }
            if now >= end || self.free.len() == self.slots.len() {
                return;
            }
            {
                let mut waiting = self.ready.woken.lock();
                if waiting.is_empty() {
                    self.ready.sleeping.store(true, Ordering::SeqCst);
                }
                std::mem::swap(&mut *waiting, &mut woken);
            }
            if woken.is_empty() {
                thread::park_timeout(end - now);
                self.ready.sleeping.store(false, Ordering::SeqCst);
            }
            for slot in woken.drain(..) {
                self.poll(slot);
            }
        }
    }
}

// --- measuring ---------------------------------------------------------------------------------

/// Processor time of every thread, in seconds, by name.
fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
        let ticks = tail.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok());
        *times.entry(name).or_insert(0.0) += ticks.sum::<f64>() / TICKS_PER_SECOND;
    }
    times
}

struct Wanted {
    wallets: usize,
    seconds: u64,
    tables: usize,
    json: bool,
}

fn wanted() -> Wanted {
    let mut wanted = Wanted { wallets: 100_000, seconds: 5, tables: 500, json: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|number| number.parse::<usize>().ok());
            number.unwrap_or_else(|| panic!("{word} wants a number"))
        };
        match word.as_str() {
            "--wallets" => wanted.wallets = number(),
            "--seconds" => wanted.seconds = number() as u64,
            "--tables" => wanted.tables = number(),
            "--json" => wanted.json = true,
            // Cargo says so to every benchmark.
            "--bench" => {}
            _ => panic!("unknown option {word}"),
        }
    }
    assert!(wanted.tables <= wanted.wallets / DINERS, "more tables at once than there are");
    wanted
}

/// Starts the thread of all actors and the journal, and seats everybody.
fn open(wallets: usize, folder: &std::path::Path) -> (Room, Committer<Box<Dinner>>, System) {
    let (give, take) = std::sync::mpsc::channel();
    let storage = Arc::new(DirectoryStorage::open(folder).expect("a free directory"));
    let journal = LocalJournal::open(storage, Options::default(), None).expect("a new journal").0;
    let run = move || {
        let runner = System::new();
        runner.block_on(async {
            let dispatcher = Dispatcher.start();
            let committer = spawn(journal, Epoch(1), move |outcome| {
                let Outcome::Durable { records, .. } = outcome else { panic!("poisoned") };
                dispatcher.send_now(Batch(records));
            });
            let committer = committer.expect("a thread");
            let wallet = |_| Addr::clone(&seat(|_| Wallet { posted: FUNDS, reserved: 0 }));
            let mut wallets: Vec<Addr<Wallet>> = (0..wallets).map(wallet).collect();
            // Friends are not neighbours in memory; the simulation seats strangers as well.
            wallets.shuffle(&mut StdRng::seed_from_u64(2));
            let table = |(number, diners): (usize, &[Addr<Wallet>])| {
                let roster = <[Addr<Wallet>; DINERS]>::try_from(diners.to_vec());
                seat(|this| Table {
                    number: number as u64,
                    this: Arc::clone(this),
                    roster: Arc::new(roster.expect("eight sit at a table")),
                    committer: committer.clone(),
                    paying: None,
                    silent: 0,
                })
            };
            let tables = wallets.chunks_exact(DINERS).enumerate().map(table).collect();
            let merchants = (0..MERCHANTS).map(|_| seat(|_| Merchant::default())).collect();
            give.send((Room { tables, merchants }, committer, System::current()))
                .expect("somebody waits");
        });
        runner.run().expect("actors run");
    };
    thread::Builder::new().name("bare-actors".to_owned()).spawn(run).expect("a thread");
    take.recv().expect("everybody is seated")
}

fn main() {
    let wanted = wanted();
    let driver = thread::Builder::new().name("bare-driver".to_owned());
    driver.spawn(move || measure(&wanted)).expect("a thread").join().expect("no bug");
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn measure(&Wanted { wallets, seconds, tables, json }: &Wanted) {
    let folder = tempfile::tempdir().expect("a directory");
    let (room, committer, system) = open(wallets, folder.path());
    let mut driver = Driver::new(room, tables);
    driver.run(Instant::now() + WARM_UP, true);

    driver.latencies_us.clear();
    let (cpu_before, before, began) = (cpu_seconds(), committer.stats(), Instant::now());
    driver.run(began + Duration::from_secs(seconds), true);
    let (cpu_after, after, took) = (cpu_seconds(), committer.stats(), began.elapsed());
    let mut latencies = std::mem::take(&mut driver.latencies_us);
    driver.run(Instant::now() + Duration::from_secs(10), false);
    committer.close();
    system.stop();

    let dinners = latencies.len();
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(dinners * percent / 100).copied().unwrap_or(0);
    let rate = dinners as f64 / took.as_secs_f64();
    let sync = (after.sync_total - before.sync_total).as_secs_f64() * 1e6
        / (after.syncs - before.syncs).max(1) as f64;
    let cpu: Vec<(String, f64)> = cpu_after
        .into_iter()
        .map(|(name, after)| (after - cpu_before.get(&name).copied().unwrap_or(0.0), name))
        .filter(|(used, _)| *used > 0.0)
        .map(|(used, name)| (name, used))
        .collect();
    let each = |used: f64| used * 1e6 / dinners.max(1) as f64;
    let total: f64 = cpu.iter().map(|(_, used)| used).sum();
    if json {
        let threads: BTreeMap<_, _> = cpu.iter().cloned().collect();
        let per_dinner: BTreeMap<_, _> =
            cpu.iter().map(|(name, used)| (name.clone(), each(*used))).collect();
        let report = serde_json::json!({
            "dinners": dinners, "dinners_per_s": rate, "p50_us": at(50), "p99_us": at(99),
            "sync_us_mean": sync, "cpu_by_thread_s": threads,
            "cpu_us_per_dinner_by_thread": per_dinner, "cpu_us_per_dinner": each(total),
        });
        println!("{report}");
    } else {
        let threads = cpu
            .iter()
            .map(|(name, used)| format!("{name} {used:.2} s, {:.2} us a dinner", each(*used)));
        println!(
            "{rate:.0} dinners/s, p50 {} us, p99 {} us, mean sync {sync:.0} us; {}; all {:.2} us",
            at(50),
            at(99),
            threads.collect::<Vec<_>>().join("; "),
            each(total),
        );
    }
}
