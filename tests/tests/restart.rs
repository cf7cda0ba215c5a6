//! Killed at a random moment, reopened: everything that was acknowledged is there (J-2).
//!
//! A real `fanju-sim dinner --rate max` settles dinners into a folder and writes each one that it was
//! told of into a side file. It is killed with SIGKILL. Then two witnesses look at the folder: the
//! simulation's auditor in a process of its own, and this file, through the library and with
//! arithmetic of its own. Some folders are killed again and again, so that what recovery leaves is
//! recovered once more. Only the process dies here: what a power cut leaves is simulated in
//! `engine/tests/journal_faults.rs`.
//!
//! `FANJU_KILLS` says how often (fifty times); `FANJU_SEED` repeats a run's moments, which are printed;
//! `FANJU_SIM` names a binary that is built already.

mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use fanju::{
    Config, Engine, Opening, Presented,
    codec::{self, Record},
    domain::{
        bill::Bill,
        event::{Consent, Direction, Event, Rules, Source},
        text::OrderNo,
    },
    id::{MerchantId, Position, RequestId, WalletId},
    ledger::Account,
    money::{Amount, Currency},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use common::tail_of;

/// Kills without `FANJU_KILLS`.
const KILLS: u32 = 50;

/// A folder is killed at most so often before a fresh one takes its place.
const KILLS_OF_ONE_FOLDER_MAX: u32 = 8;

/// How long a simulation opens, recovers and seats its people, about.
const OPENING: Duration = Duration::from_millis(200);

/// How long it may settle before it is killed.
const DINING: Duration = Duration::from_millis(700);

/// How long a simulation may take until its first acknowledgement.
const FIRST_ACK_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let kills = number("FANJU_KILLS").unwrap_or(u64::from(KILLS));
    let seed = number("FANJU_SEED").unwrap_or_else(rand::random);
    println!("{kills} kills, FANJU_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let simulation = common::binary("FANJU_SIM", "fanju-sim");
    let (mut killed, mut acknowledged, mut folders) = (0, 0, 0);
    while killed < kills {
        let mut folder = Folder::new();
        let times = chance.random_range(1..=KILLS_OF_ONE_FOLDER_MAX);
        folders += 1;
        for _ in 0..times {
            if killed == kills {
                break;
            }
            killed += 1;
            let began = Instant::now();
            let aim = Aim::new(&mut chance);
            folder.kill_a_run(&simulation, aim, chance.random());
            folder.audit(&simulation);
            let Found { settled, torn_bytes } = folder.look();
            let told = folder.acks.len();
            println!(
                "kill {killed} in folder {folders}, {aim:?}: {told} acknowledged, {settled} settled, \
                 {torn_bytes} bytes torn, {:?}",
                began.elapsed()
            );
        }
        acknowledged += folder.acks.len();
        folder.audit(&simulation);
    }
    println!("{killed} kills of {folders} folders, {acknowledged} acknowledgements, none lost");
    assert!(acknowledged > 0, "nothing was ever acknowledged, so nothing was tested");
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Aim {
    /// So long after the process began: while it opens, recovers or seats its people.
    AfterStart(Duration),
    /// So long after the first acknowledgement: while it settles.
    AfterFirstAck(Duration),
}

impl Aim {
    fn new(chance: &mut StdRng) -> Self {
        match chance.random_ratio(1, 6) {
            true => Self::AfterStart(chance.random_range(Duration::ZERO..OPENING)),
            false => Self::AfterFirstAck(chance.random_range(Duration::ZERO..DINING)),
        }
    }
}

/// One acknowledged settlement.
#[derive(Debug)]
struct Ack {
    merchant: MerchantId,
    order_no: OrderNo,
    position: Position,
}

/// What the library found in a folder.
struct Found {
    /// Settlements.
    settled: usize,
    /// Bytes of a batch that the kill tore.
    torn_bytes: u64,
}

/// A folder that is killed again and again, and everything that was acknowledged in it.
struct Folder {
    place: tempfile::TempDir,
    runs: u32,
    acks: Vec<Ack>,
}

impl Folder {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        Self { place, runs: 0, acks: Vec::new() }
    }

    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Every acknowledgement so far, each in a whole line.
    fn all_acks(&self) -> PathBuf {
        self.place.path().join("acks.tsv")
    }

    fn kill_a_run(&mut self, simulation: &Path, aim: Aim, seed: u32) {
        self.runs += 1;
        let run = self.place.path().join(format!("acks-{}.tsv", self.runs));
        let log = self.place.path().join(format!("log-{}.txt", self.runs));
        let log_file = fs::File::create(&log).expect("a log file");
        let mut child = Command::new(simulation)
            .args(["dinner", "--rate", "max", "--seconds", "600", "--diners", "8"])
            .args(["--wallets", "800", "--merchants", "20", "--seed", &seed.to_string()])
            .arg("--data")
            .arg(self.data())
            .arg("--acks")
            .arg(&run)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .spawn()
            .expect("the simulation starts");
        let delay = match aim {
            Aim::AfterStart(delay) => delay,
            Aim::AfterFirstAck(delay) => {
                wait_for_an_ack(&mut child, &run, &log);
                delay
            }
        };
        sleep(delay);
        let ended_before = child.try_wait().expect("the child is ours");
        assert!(ended_before.is_none(), "ended by itself: {}", tail_of(&log));
        child.kill().expect("SIGKILL");
        child.wait().expect("the child ends");
        self.take_acks(&run);
    }

    /// Takes over the whole lines of one run; half a line was never counted as acknowledged.
    fn take_acks(&mut self, run: &Path) {
        let text = fs::read_to_string(run).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut all = fs::read_to_string(self.all_acks()).unwrap_or_default();
        all.push_str(whole);
        fs::write(self.all_acks(), all).expect("writes");
        self.acks.extend(whole.lines().map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [merchant, order_no, position] = *fields else {
                panic!("no acknowledgement: {line}")
            };
            Ack {
                merchant: MerchantId(merchant.parse().expect("a UUID")),
                order_no: OrderNo::new(order_no).expect("an order number"),
                position: Position(position.parse().expect("a position")),
            }
        }));
    }

    /// Whether the run lived long enough to found its journal.
    fn has_journal(&self) -> bool {
        let files = fs::read_dir(self.data().join("journal")).into_iter().flatten();
        let is_founded = |file: fs::DirEntry| file.metadata().is_ok_and(|file| file.len() > 72);
        files.flatten().any(is_founded)
    }

    /// The first witness: the simulation's auditor.
    fn audit(&self, simulation: &Path) {
        if !self.has_journal() {
            return;
        }
        let audit = Command::new(simulation)
            .args(["audit", "--json", "-", "--data"])
            .arg(self.data())
            .arg("--acks")
            .arg(self.all_acks())
            .output()
            .expect("the auditor starts");
        let (said, complained) =
            (String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
        assert!(audit.status.success(), "the audit failed: {said}\n{complained}\n{}", self.keep());
    }

    /// The second witness: the library.
    fn look(&self) -> Found {
        let (engine, opening) = Engine::open_with_report(Config::directory(self.data()))
            .unwrap_or_else(|error| panic!("cannot be opened: {error:?}\n{}", self.keep()));
        let world = World::read(&engine, &opening);
        for ack in &self.acks {
            let settled = world.settled.get(&(ack.merchant, ack.order_no.clone()));
            assert_eq!(settled, Some(&ack.position), "lost: {ack:?}\n{}", self.keep());
        }
        world.compare(&engine);
        dine(&engine);
        engine.close_blocking();
        Found { settled: world.settled.len(), torn_bytes: opening.recovery.dropped_bytes }
    }

    /// Where the folder stays for whoever looks into the failure.
    fn keep(&self) -> String {
        let place = self.place.path();
        let kept = env::temp_dir().join(format!("fanju-restart-{}", Uuid::now_v7()));
        let copied = Command::new("cp").arg("-r").arg(place).arg(&kept).status();
        match copied {
            Ok(status) if status.success() => format!("kept in {}", kept.display()),
            Ok(_) | Err(_) => "could not be kept".to_owned(),
        }
    }
}

fn wait_for_an_ack(child: &mut Child, acks: &Path, log: &Path) {
    let began = Instant::now();
    loop {
        if fs::metadata(acks).is_ok_and(|file| file.len() > 0) {
            return;
        }
        let ended = child.try_wait().expect("the child is ours");
        assert!(ended.is_none(), "the simulation ended by itself: {}", tail_of(log));
        if began.elapsed() > FIRST_ACK_WITHIN {
            child.kill().expect("SIGKILL");
            panic!("nothing acknowledged within {FIRST_ACK_WITHIN:?}: {}", tail_of(log));
        }
        sleep(Duration::from_millis(5));
    }
}

/// What the journal says, added up by hand.
#[derive(Default)]
struct World {
    settled: BTreeMap<(MerchantId, OrderNo), Position>,
    wallets: BTreeMap<WalletId, i64>,
    merchants: BTreeMap<MerchantId, i64>,
    /// What came in from the bank, less what went out.
    from_bank: i64,
}

impl World {
    fn read(engine: &Engine, opening: &Opening) -> Self {
        let mut world = Self::default();
        let mut batches = engine.journal().batches(Position::NONE);
        let mut end = Position::NONE;
        while let Some(batch) = batches.next_batch().expect("the journal is whole") {
            for (position, payload) in batch.records() {
                world.fold(&codec::decode(position, payload).expect("records decode"));
            }
            end = batch.tail.position;
        }
        // Taking up the bank's open moves may already have written more.
        assert!(end >= opening.recovery.tail.position, "{end} is before {opening:?}");
        let inside = world.wallets.values().chain(world.merchants.values()).sum::<i64>();
        assert_eq!(inside, world.from_bank, "M-1: money was made or lost");
        world
    }

    fn fold(&mut self, Record { event, position, .. }: &Record) {
        match event {
            Event::Settled(settlement) => {
                let order = (settlement.merchant, settlement.order_no.clone());
                let before = self.settled.insert(order, *position);
                assert_eq!(before, None, "G-1: settled twice: {settlement:?}");
                let owed: i64 = settlement.shares.iter().map(|share| share.owed.minor()).sum();
                assert_eq!(owed, settlement.total.minor(), "G-2: {settlement:?}");
                for leg in &settlement.legs {
                    let Source::Wallet(wallet) = leg.source;
                    self.move_wallet(wallet, -leg.amount.minor());
                }
                *self.merchants.entry(settlement.merchant).or_default() += settlement.total.minor();
            }
            Event::Refunded(refund) => {
                for leg in &refund.legs {
                    let Source::Wallet(wallet) = leg.source;
                    self.move_wallet(wallet, leg.amount.minor());
                }
                *self.merchants.entry(refund.merchant).or_default() -= refund.amount.minor();
            }
            Event::Transferred { from, to, amount, .. } => {
                self.move_wallet(*from, -amount.minor());
                self.move_wallet(*to, amount.minor());
            }
            Event::RailConfirmed(moved) => {
                let minor = match moved.direction {
                    Direction::In => moved.amount.minor(),
                    Direction::Out => -moved.amount.minor(),
                };
                self.from_bank += minor;
                match moved.holder.account() {
                    Account::Wallet(wallet) => self.move_wallet(wallet, minor),
                    Account::Merchant(merchant) => {
                        *self.merchants.entry(merchant).or_default() += minor;
                    }
                    Account::Clearing => unreachable!("the bank holds no account inside"),
                }
            }
            Event::WalletOpened { wallet, .. } => self.move_wallet(*wallet, 0),
            // No money moves.
            Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::RailRequested(_)
            | Event::RailRefused(_)
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
            | Event::MemberInvited { .. }
            | Event::MemberJoined { .. }
            | Event::ConsentChanged { .. }
            | Event::MemberLeft { .. }
            | Event::RulesSet { .. }
            | Event::BillDrafted { .. }
            | Event::LineClaimed { .. }
            | Event::DraftCleared { .. }
            | Event::GroupLocked { .. }
            | Event::GroupUnlocked { .. }
            | Event::GroupClosed { .. }
            | Event::Declined(_) => {}
        }
    }

    fn move_wallet(&mut self, wallet: WalletId, minor: i64) {
        let posted = self.wallets.entry(wallet).or_default();
        *posted += minor;
        assert!(*posted >= 0, "W-1: {wallet} is negative: {posted}");
    }

    /// Compares with what the engine says of everybody.
    fn compare(&self, engine: &Engine) {
        for (wallet, posted) in &self.wallets {
            let view = engine.block_on(engine.wallet(*wallet)).expect("the wallet is known");
            // The bank may have been asked again since the journal was read: that only adds.
            assert!(view.posted.minor() >= *posted, "J-2: {view:?}, the journal says {posted}");
            assert!(view.available.minor() >= 0, "W-1: {view:?}");
        }
        for (merchant, posted) in &self.merchants {
            let view = engine.block_on(engine.merchant(*merchant)).expect("the merchant is known");
            assert_eq!(view.posted.minor(), *posted, "J-2: {view:?}");
        }
    }
}

/// Two friends who were not there before pay a bill.
fn dine(engine: &Engine) {
    let currency = Currency::CNY;
    let consent = Consent { cap: Amount::from_minor(5_000), confirm_above: None };
    let mut friends = Vec::new();
    for name in ["Ana", "Bo"] {
        let name = name.try_into().expect("a name");
        let wallet = engine.block_on(engine.open_wallet(name, currency)).expect("opens");
        let (request, amount) = (RequestId(Uuid::now_v7()), Amount::from_minor(5_000));
        engine.block_on(engine.top_up(wallet, request, amount)).expect("the bank is willing");
        friends.push(wallet);
    }
    let (ana, bo, name) = (friends[0], friends[1], "Night shift".try_into().expect("a name"));
    let rules = Rules::default();
    let table = engine.block_on(engine.open_group(name, ana, consent, currency, rules));
    let table = table.expect("opens");
    engine.block_on(engine.invite(table, ana, bo)).expect("is invited");
    engine.block_on(engine.join(table, bo, consent)).expect("joins");
    let name = "Canteen".try_into().expect("a name");
    let merchant = engine.block_on(engine.onboard_merchant(name, currency)).expect("joins");
    let code = engine.block_on(engine.show_code(table, ana)).expect("is shown").code;
    let (order_no, total) = (OrderNo::new("1").expect("a number"), Amount::from_minor(9_999));
    let bill = Bill { merchant, order_no, currency, total, lines: vec![] };
    let presented = engine.block_on(engine.present(bill, code)).expect("is presented");
    assert!(matches!(presented, Presented::Settled(_)), "{presented:?}");
}
