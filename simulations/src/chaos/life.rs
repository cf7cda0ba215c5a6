//! Life: one engine from its opening to its death, with everybody who asks it.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use actix_rt::System;
use fanju::{
    Clock, Config, Data, Engine, Opening, SandboxConduct, TestClock, Times, WalletView, Workers,
    domain::{event::Direction, text::Name},
    id::{Position, RequestId, Topic, WalletId},
    journal::{Fault, FaultyStorage, MemoryStorage},
    money::Currency,
    time::Timestamp,
};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use super::{
    books::{Image, Shelf},
    money, phone,
    plan::{Ending, LifePlan},
    table,
    world::{Stage, World},
};

/// The world's clock begins here: a Friday evening in November 2023.
const BEGIN: Timestamp = Timestamp(1_700_241_600_000_000);

/// How often the machine's clock is set, and death looked for.
const TICK: Duration = Duration::from_millis(10);

/// In a calm world everything comes to its end within this time.
const END_MAX: Duration = Duration::from_secs(600);

/// A life that nothing ends is killed then.
const LIFE_MAX: Duration = Duration::from_secs(30);

/// Until somebody notices that the journal is poisoned, and restarts the engine.
const NOTICED: Duration = Duration::from_millis(400);

/// When the books are copied, at the latest, in milliseconds.
const COPIED_MS: u64 = 9_000;

/// Between two looks at a wallet, in milliseconds.
const LOOK_MS: u128 = 50;

/// What happens in a life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Everybody comes.
    Coming,
    /// Everybody dines.
    Evening,
    /// Everything comes to its end, and is looked at.
    Ending,
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Died {
    /// It never began.
    Unopened,
    /// Suddenly.
    Suddenly,
    /// With nothing left to do.
    AtRest,
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without input and output needs nothing of the system")
}

fn config(world: &World<'_>, life: &LifePlan, data: Data, clock: TestClock) -> Config {
    Config {
        clock: Clock::Test(clock),
        rail: Arc::new(world.bank.clone()),
        answer_within: Duration::from_secs(4),
        order_deadline: Duration::from_secs(8),
        rail_retry: Duration::from_millis(300),
        idle_after: Some(Duration::from_secs(2)),
        books_interval: life.books,
        workers: Workers::Tasks(Times { write: life.write, read: life.read }),
        segment_bytes_max: 1 << 16,
        seed: Some(world.plan.seed),
        ..Config::new(data)
    }
}

fn conduct(life: &LifePlan) -> SandboxConduct {
    SandboxConduct {
        delay: Duration::from_millis(life.manners.bank_ms),
        refuses: life.manners.bank_refuses.then_some(Direction::In),
        loses_answers: life.manners.bank_loses,
    }
}

/// Lives one life on `storage`, with the books on `shelf`.
pub(super) fn live(
    world: &World<'_>,
    number: u32,
    plan: &LifePlan,
    act: Act,
    (storage, shelf): (&FaultyStorage, &Shelf),
) -> Died {
    world.bank.behave(conduct(plan));
    let stage = world.stage(number, plan.manners, act == Act::Ending);
    let clock = TestClock::at(BEGIN);
    let data = Data::Parts { journal: Arc::new(storage.clone()), books: shelf.path() };
    let config = config(world, plan, data, clock.clone());
    let lived = Rc::clone(&stage);
    System::with_tokio_rt(runtime).block_on(async move {
        lived.witness().wake(number);
        clock.set(machine_time(&lived, plan, Duration::ZERO));
        let booked = shelf.checkpoint();
        let (engine, opening) = match Engine::open_with_report(config) {
            Ok(opened) => opened,
            Err(error) => {
                let mut witness = lived.witness();
                let what = format!("does not open: {:#}", anyhow::Error::new(error));
                match storage.injected().is_empty() {
                    true => witness.fault(format!("J-2: {what}, and nothing was wrong")),
                    false => witness.say(what),
                }
                drop(witness);
                lived.witness().sleep();
                return Died::Unopened;
            }
        };
        if plan.manners.bank_ms > 500 {
            lived.witness().inject("slow bank");
        }
        if plan.read > Duration::from_millis(20) {
            lived.witness().inject("wallets slow to load");
        }
        if plan.write > Duration::from_millis(100) {
            lived.witness().inject("slow disk");
        }
        if plan.manners.bank_loses > 0 {
            lived.witness().inject("bank loses answers");
        }
        lived.witness().begin(&engine.journal(), storage);
        lived.opened(&engine);
        let life = Life { stage: &lived, plan, engine: &engine, clock: &clock, storage, shelf };
        if let Some(booked) = booked {
            life.found_books(booked.position, &opening);
        }
        let died = match act {
            Act::Coming => life.come().await,
            Act::Evening => life.pass(&world.copied).await,
            Act::Ending => life.end().await,
        };
        // Inside: outside there is no virtual time.
        lived.witness().sleep();
        died
    })
}

/// What an engine on this storage lacks of what was told of records up to `sure`, and what the
/// auditor says of the rest; or why it does not open.
pub(super) fn inspect(
    world: &World<'_>,
    storage: MemoryStorage,
    sure: Position,
) -> Result<Vec<String>, String> {
    let plan = LifePlan::calm();
    let data = Data::Storage(Arc::new(storage));
    let config = config(world, &plan, data, TestClock::at(BEGIN));
    let witness = Rc::clone(&world.witness);
    System::with_tokio_rt(runtime).block_on(async move {
        let engine =
            Engine::open(config).map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
        Ok(witness.borrow().missing_in(&engine.journal(), sure))
    })
}

/// What the machine's clock says after this time of its life.
fn machine_time(stage: &Stage, plan: &LifePlan, alive: Duration) -> Timestamp {
    let micros = i64::try_from(stage.witness().now().as_micros()).unwrap_or(i64::MAX);
    let jumped = plan.jump.filter(|(at, _)| alive >= *at).map_or(0, |(_, by)| by);
    Timestamp(BEGIN.0 + micros + jumped)
}

struct Life<'a> {
    stage: &'a Rc<Stage>,
    plan: &'a LifePlan,
    engine: &'a Engine,
    clock: &'a TestClock,
    storage: &'a FaultyStorage,
    shelf: &'a Shelf,
}

impl Life<'_> {
    // --- the first life --------------------------------------------------------------------------

    /// Everybody opens a wallet and tops it up; nothing goes wrong.
    async fn come(&self) -> Died {
        let Self { stage, engine, .. } = self;
        let name = |name: &str| Name::new(name).expect("short");
        for _ in 0..stage.plan.merchants {
            let merchant = engine.onboard_merchant(name("Noodles"), Currency::CNY).await;
            let merchant = merchant.expect("nothing goes wrong yet");
            stage.cast_mut().merchants.push(merchant);
            stage.maybe_listen(Topic::Merchant(merchant));
        }
        for person in 0..stage.plan.people {
            let wallet = engine.open_wallet(name("Diner"), Currency::CNY).await;
            let wallet = wallet.expect("nothing goes wrong yet");
            stage.cast_mut().wallets.push(wallet);
            stage.maybe_listen(Topic::Wallet(wallet));
            let request = RequestId(Uuid::from_u128(1 + person as u128));
            let receipt = engine.top_up(wallet, request, stage.plan.purse).await;
            let receipt = receipt.expect("the bank is willing");
            stage.witness().told(receipt.position(), receipt.event());
        }
        Died::AtRest
    }

    // --- the books ---------------------------------------------------------------------------------

    /// The engine has gone on from books that went up to `booked`.
    fn found_books(&self, booked: Position, opening: &Opening) {
        let behind = opening.recovery.records;
        self.stage.witness().say(format!("books at {booked}, {behind} records behind"));
        self.stage.witness().end(if behind > 0 { "books caught up" } else { "books whole" });
        self.look_at_books();
    }

    /// The books, which have caught up, are the fold of the journal (J-2).
    fn look_at_books(&self) {
        let differ = self.storage.spare(|| self.shelf.differ(&self.engine.journal()));
        let wrong = match differ {
            Ok(None) => return,
            Ok(Some(what)) => format!("J-2: in the books {what}"),
            Err(error) => format!("J-2: no books: {:#}", anyhow::Error::new(error)),
        };
        self.stage.witness().fault(wrong);
    }

    // --- an evening --------------------------------------------------------------------------------

    fn everybody(&self) {
        let Self { stage, engine, .. } = self;
        let phones = stage.cast().logs.len();
        for log in 0..phones {
            drop(actix_rt::spawn(phone::listen(Rc::clone(stage), (*engine).clone(), log)));
        }
        for number in 0..stage.plan.outings.len() {
            drop(actix_rt::spawn(table::dine(Rc::clone(stage), (*engine).clone(), number)));
        }
        for number in 0..stage.plan.moves.len() {
            drop(actix_rt::spawn(money::shift(Rc::clone(stage), (*engine).clone(), number)));
        }
    }

    /// Dines until the life ends; the books are copied once, if it comes so far.
    async fn pass(&self, copied: &RefCell<Option<Image>>) -> Died {
        let Self { storage, .. } = self;
        let copied_at = self.stage.chance("books").below(COPIED_MS);
        let mut copied_at = Some(Duration::from_millis(copied_at));
        // Whoever is not looked at sleeps until a table wakes them.
        if self.stage.chance("look").below(3) > 0 {
            self.look_at_everybody().await;
        }
        self.everybody();
        let end = match self.plan.ending {
            Ending::Calm => LIFE_MAX,
            Ending::Kill { after } | Ending::PowerCut { after, .. } => after,
        };
        let (mut alive, mut poisoned, mut jumped) = (Duration::ZERO, None, false);
        loop {
            tokio::time::sleep(TICK).await;
            alive += TICK;
            self.clock.advance(TICK);
            self.clock.set(machine_time(self.stage, self.plan, alive));
            if !jumped && self.plan.jump.is_some_and(|(at, _)| alive >= at) {
                jumped = true;
                self.stage.witness().inject("clock jumps");
            }
            self.follow();
            if copied_at.take_if(|at| alive >= *at).is_some() {
                copied.replace(self.shelf.image());
            }
            if alive.as_millis().is_multiple_of(LOOK_MS) {
                self.look_at_somebody(alive);
            }
            if self.stage.poisoned.get() && poisoned.is_none() {
                let heard = |fault: &Fault| !matches!(fault, Fault::LostSync | Fault::FlippedBit);
                match storage.injected().iter().any(|(_, fault)| heard(fault)) {
                    true => self.stage.witness().say("the journal is poisoned"),
                    false => self.stage.witness().fault("J-3: poisoned, and nothing was wrong"),
                }
                poisoned = Some(alive + NOTICED);
            }
            let is_dead = storage.has_crashed()
                || alive >= end
                || poisoned.is_some_and(|at| alive >= at)
                || !self.stage.witness().faults().is_empty();
            if is_dead {
                return Died::Suddenly;
            }
        }
    }

    // --- the last life -----------------------------------------------------------------------------

    /// The faults have stopped: everything comes to its end, and is looked at.
    async fn end(&self) -> Died {
        self.everybody();
        let mut alive = Duration::ZERO;
        while !self.stage.cast().is_done() || self.engine.stats().orders_in_flight > 0 {
            tokio::time::sleep(TICK).await;
            alive += TICK;
            self.clock.advance(TICK);
            self.clock.set(machine_time(self.stage, self.plan, alive));
            self.follow();
            if alive > END_MAX {
                self.still_open();
                return Died::AtRest;
            }
            if !self.stage.witness().faults().is_empty() {
                return Died::AtRest;
            }
        }
        self.quiet().await;
        self.look().await;
        Died::AtRest
    }

    /// The state that recovery gave back, wallet by wallet (J-2).
    async fn look_at_everybody(&self) {
        let wallets = self.stage.cast().wallets.clone();
        for id in wallets {
            // A read may fail in this life.
            let Ok(view) = self.engine.wallet(id).await else { continue };
            look_at_view(self.stage, &view);
        }
    }

    /// Follows the journal, and looks at each wallet that has a new record (W-1, W-2).
    fn follow(&self) {
        self.stage.witness().follow();
        let moved = self.stage.witness().take_moved();
        moved.into_iter().for_each(|id| self.look_at_one(id));
    }

    /// One wallet after the other, in the middle of the evening (W-1); only those that have a phone, and are
    /// in memory anyway: whoever is looked at does not sleep.
    fn look_at_somebody(&self, alive: Duration) {
        let phones = self
            .stage
            .cast()
            .logs
            .iter()
            .filter_map(|log| match log.topic {
                Topic::Wallet(id) => Some(id),
                Topic::Group(_) | Topic::Merchant(_) => None,
            })
            .collect::<Vec<_>>();
        let turn = usize::try_from(alive.as_millis() / LOOK_MS).unwrap_or(0);
        if let Some(id) = turn.checked_rem(phones.len()).map(|place| phones[place]) {
            self.look_at_one(id);
        }
    }

    fn look_at_one(&self, id: WalletId) {
        let (stage, engine) = (Rc::clone(self.stage), self.engine.clone());
        drop(actix_rt::spawn(async move {
            // What is asked later is set aside later.
            let claimed = stage.claims.on(id);
            let Ok(view) = engine.wallet(id).await else { return };
            look_at_view(&stage, &view);
            look_at_reserved(&stage, &view, claimed);
        }));
    }

    fn still_open(&self) {
        let cast = self.stage.cast();
        let tables = cast.tables.iter().filter(|table| !table.is_over).count();
        let moves = cast.moved.iter().filter(|moved| !**moved).count();
        drop(cast);
        let orders = self.engine.stats().orders_in_flight;
        let open = format!("{tables} tables, {moves} moves, {orders} orders in flight");
        self.stage.witness().fault(format!("L: ten minutes after the last fault are open: {open}"));
    }

    /// Until phones have come back, the bank has answered, and the books are written.
    async fn quiet(&self) {
        for _ in 0..300 {
            tokio::time::sleep(TICK).await;
            self.clock.advance(TICK);
            self.clock.set(machine_time(self.stage, self.plan, Duration::ZERO));
        }
        match self.engine.books_caught_up(Duration::from_secs(30)).await {
            Ok(true) => {}
            Ok(false) | Err(_) => self.stage.witness().fault("L: the books do not catch up"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Every account as the engine has it, against the auditor's (J-2, W-1), every phone against the
    /// journal (L-1), and the bank against both (M-1).
    async fn look(&self) {
        self.stage.witness().follow();
        let wallets = self.stage.cast().wallets.clone();
        for wallet in wallets {
            self.look_at_wallet(wallet).await;
        }
        let merchants = self.stage.cast().merchants.clone();
        for id in merchants {
            match self.engine.merchant(id).await {
                Ok(view) => {
                    self.balance(Topic::Merchant(id), view.posted.minor(), view.available.minor())
                }
                Err(error) => self.stage.witness().fault(format!("{id} cannot be read: {error}")),
            }
        }
        self.look_at_phones();
        self.look_at_bank();
        self.look_at_books();
        self.stage.witness().close_audit();
    }

    async fn look_at_wallet(&self, id: WalletId) {
        match self.engine.wallet(id).await {
            Ok(view) => {
                self.balance(Topic::Wallet(id), view.posted.minor(), view.available.minor())
            }
            Err(error) => self.stage.witness().fault(format!("{id} cannot be read: {error}")),
        }
    }

    fn balance(&self, topic: Topic, posted: i64, available: i64) {
        let mut witness = self.stage.witness();
        let audited = witness.auditor().and_then(|auditor| auditor.balance(topic));
        if audited != Some(i128::from(posted)) {
            witness.fault(format!("J-2: {topic} has {posted}, the journal says {audited:?}"));
        }
        if posted != available {
            let set_aside = posted - available;
            witness.fault(format!("W-2: {set_aside} of {topic} is still set aside"));
        }
    }

    fn look_at_phones(&self) {
        let logs = self.stage.cast().logs.clone();
        let mut witness = self.stage.witness();
        for log in logs {
            if witness.head(log.topic) != log.last {
                let (topic, last, head) = (log.topic, log.last, witness.head(log.topic));
                witness.fault(format!("L-1: {topic} ends at {head:?}, its phone heard {last:?}"));
            }
        }
    }

    fn look_at_bank(&self) {
        let moved = self.stage.bank_moved();
        let mut witness = self.stage.witness();
        let audited = witness.auditor().map(crate::auditor::Auditor::bank);
        if audited != Some(moved) {
            witness.fault(format!("M-1: the bank brought {moved}, the journal says {audited:?}"));
        }
    }
}

/// A wallet as its owner sees it: never less than nothing free, nor more than there is (W-1); and what
/// the journal says, if it has not moved since (J-2).
fn look_at_view(stage: &Stage, view: &WalletView) {
    let mut witness = stage.witness();
    witness.follow();
    let (id, posted, available) = (view.id, view.posted.minor(), view.available.minor());
    if available < 0 || available > posted {
        witness.fault(format!("W-1: {id} has {available} of {posted} free"));
    }
    let topic = Topic::Wallet(id);
    let audited = witness.auditor().and_then(|auditor| auditor.balance(topic));
    if witness.head(topic) == Some(view.position) && audited != Some(i128::from(posted)) {
        witness.fault(format!("J-2: {id} has {posted}, the journal says {audited:?}"));
    }
}

/// What a wallet has set aside beside what the journal says that it holds: no more than bills and commands
/// under way can ask of it, and nothing when there are none (W-2).
fn look_at_reserved(stage: &Stage, view: &WalletView, claimed: i64) {
    let mut witness = stage.witness();
    if witness.head(Topic::Wallet(view.id)) != Some(view.position) {
        return;
    }
    let Some(held) = witness.auditor().and_then(|auditor| auditor.held(view.id)) else { return };
    let aside = i128::from(view.posted.minor()) - i128::from(view.available.minor());
    let reserved = aside - held;
    if reserved < 0 || reserved > i128::from(claimed) {
        let id = view.id;
        witness.fault(format!("W-2: {reserved} of {id} set aside, {claimed} claimed at most"));
    }
}
