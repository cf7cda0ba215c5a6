//! World: one seed from its first wallet to its last audit. It lets the engine live, breaks it as the
//! plan says, and opens it again on what the disk kept.

use std::{
    cell::{Cell, Ref, RefCell, RefMut},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    rc::Rc,
    time::Duration,
};

use fanju::{
    Engine, SandboxBank,
    domain::event::Direction,
    id::{MerchantId, Position, Topic, WalletId},
    journal::{Fault, FaultyStorage, MemoryStorage},
};

use fanju_server::live::topics::Topics;

use super::{
    books::{Image, Shelf},
    claims::Claims,
    disk::{self, Disk},
    life::{self, Died},
    panics, phone,
    plan::{Ending, LifePlan, Manners, Plan, Wanted},
    report::CUT_SHORT,
    table::{BillEnd, TableState},
    witness::{By, Witness},
};
use crate::chance::Chance;

/// Lives after which the world gives up: opening itself may fail, and is tried again.
const LIVES_MAX: u32 = 60;

/// The journal's name in what the server tells.
const EPOCH: &str = "chaos";

/// What a phone remembers.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// To what it listens.
    pub topic: Topic,
    /// The last event that it heard.
    pub last: Option<Position>,
}

/// What people remember from one life of the engine to the next.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    /// By number.
    pub wallets: Vec<WalletId>,
    /// By number.
    pub merchants: Vec<MerchantId>,
    /// By number.
    pub tables: Vec<TableState>,
    /// Which moves of money are known to be over.
    pub moved: Vec<bool>,
    /// Every phone.
    pub logs: Vec<Log>,
}

impl Cast {
    fn of(plan: &Plan) -> Self {
        let tables = plan.outings.iter().map(TableState::before).collect();
        Self { tables, moved: vec![false; plan.moves.len()], ..Self::default() }
    }

    /// The wallets of these people.
    #[must_use]
    pub fn wallets_of(&self, people: &[usize]) -> Vec<WalletId> {
        people.iter().map(|person| self.wallets[*person]).collect()
    }

    /// Bills that are paid, or were declined as often as their tills try.
    #[must_use]
    pub fn decided(&self) -> usize {
        let bills = self.tables.iter().flat_map(|table| &table.bills);
        bills.filter(|bill| bill.end != BillEnd::Open).count()
    }

    /// Whether everybody has gone home.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.tables.iter().all(|table| table.is_over) && self.moved.iter().all(|moved| *moved)
    }
}

/// What everybody in one life of the engine has in common.
pub struct Stage {
    /// What this seed stands for.
    pub plan: Rc<Plan>,
    /// How everybody behaves in this life.
    pub manners: Manners,
    /// Whether this is the calm life at the end.
    pub is_last: bool,
    /// What is under way in this life.
    pub claims: Claims,
    /// Somebody was told that the journal is poisoned.
    pub poisoned: Cell<bool>,
    life: u32,
    cast: Rc<RefCell<Cast>>,
    witness: Rc<RefCell<Witness>>,
    open: RefCell<Option<(Engine, Rc<Topics>)>>,
    bank: SandboxBank,
    me: RefCell<std::rc::Weak<Stage>>,
}

impl Stage {
    /// The witness, for one sentence.
    pub fn witness(&self) -> RefMut<'_, Witness> {
        self.witness.borrow_mut()
    }

    /// What people remember.
    pub fn cast(&self) -> Ref<'_, Cast> {
        self.cast.borrow()
    }

    /// The same, to be changed.
    pub fn cast_mut(&self) -> RefMut<'_, Cast> {
        self.cast.borrow_mut()
    }

    /// Chance of its own for whoever this `purpose` names, in this life.
    #[must_use]
    pub fn chance(&self, purpose: &str) -> Chance {
        Chance::of(self.plan.seed, &format!("life {} {purpose}", self.life))
    }

    /// Waits for a time of the world.
    pub async fn until(&self, at: Duration) {
        let ahead = at.saturating_sub(self.witness().now());
        tokio::time::sleep(ahead).await;
    }

    /// Gives `topic` a phone, or not: what nobody listens to leaves memory.
    pub fn maybe_listen(&self, topic: Topic) {
        if self.chance(&format!("phone of {topic}")).below(3) > 0 {
            self.listen(topic);
        }
    }

    /// Gives `topic` a phone, which listens from now on, in this life and later ones.
    pub fn listen(&self, topic: Topic) {
        let log = {
            let mut cast = self.cast_mut();
            cast.logs.push(Log { topic, last: None });
            cast.logs.len() - 1
        };
        let stage = self.me.borrow().upgrade();
        let engine = self.open.borrow().as_ref().map(|(engine, _)| engine.clone());
        if let (Some(stage), Some(engine)) = (stage, engine) {
            drop(tokio::task::spawn_local(phone::listen(stage, engine, log)));
        }
    }

    /// What the bank brought in, less what it took out, in minor units.
    #[must_use]
    pub fn bank_moved(&self) -> i128 {
        let signed = |moved: &fanju::domain::event::RailMove| match moved.direction {
            Direction::In => i128::from(moved.amount.minor()),
            Direction::Out => -i128::from(moved.amount.minor()),
        };
        self.bank.moved().iter().map(signed).sum()
    }

    /// The engine of this life, once it is open.
    pub fn opened(&self, engine: &Engine) {
        let topics = Topics::new(engine.clone(), EPOCH.to_owned());
        *self.open.borrow_mut() = Some((engine.clone(), Rc::new(topics)));
    }

    /// What the server tells of this life's engine.
    ///
    /// # Panics
    /// Before it is open.
    pub fn topics(&self) -> Rc<Topics> {
        let open = self.open.borrow();
        Rc::clone(&open.as_ref().expect("people come when the engine is open").1)
    }
}

/// How one seed ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// What was asked for.
    pub wanted: Wanted,
    /// Bills of which somebody knows how they ended.
    pub dinners: usize,
    /// How often an engine was opened.
    pub lives: u32,
    /// Time of the world.
    pub lasted: Duration,
    /// What must not be, and was.
    pub faults: Vec<String>,
    /// Who noted the first of them.
    pub by: Option<By>,
    /// What was done to the world, by kind.
    pub injected: std::collections::BTreeMap<&'static str, u64>,
    /// How things ended, by kind.
    pub ends: std::collections::BTreeMap<&'static str, u64>,
    /// The last things that happened.
    pub tail: Vec<String>,
    /// The same for the same events.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
}

/// One seed's world.
pub struct World<'a> {
    /// Where books may be kept.
    scratch: &'a Path,
    pub(super) plan: Rc<Plan>,
    pub(super) cast: Rc<RefCell<Cast>>,
    pub(super) witness: Rc<RefCell<Witness>>,
    pub(super) disk: Disk,
    /// The books that the next life finds.
    books: Option<Image>,
    /// The books at some moment of a life before.
    pub(super) copied: RefCell<Option<Image>>,
    pub(super) bank: SandboxBank,
    lives: u32,
    /// Whether the disk reported a sync that it did not make, and has not made it since.
    has_lied: bool,
    is_betrayed: bool,
}

/// Plays one seed to its end; the books are kept in a folder below `scratch` meanwhile.
///
/// # Errors
/// The system's, when that folder takes no more.
pub fn play(seed: u64, wanted: Wanted, scratch: &Path) -> io::Result<Outcome> {
    panics::watch();
    let world = World::new(Plan::draw(seed, wanted), scratch);
    world.witness.borrow_mut().trace.keep(wanted.trace);
    let played = world.play(wanted);
    panics::ignore();
    played
}

impl<'a> World<'a> {
    fn new(plan: Plan, scratch: &'a Path) -> Self {
        let cast = Rc::new(RefCell::new(Cast::of(&plan)));
        let (witness, disk, bank) = (Rc::default(), Disk::default(), SandboxBank::default());
        Self {
            scratch,
            plan: Rc::new(plan),
            cast,
            witness,
            disk,
            books: None,
            copied: RefCell::default(),
            bank,
            lives: 0,
            has_lied: false,
            is_betrayed: false,
        }
    }

    fn play(mut self, wanted: Wanted) -> io::Result<Outcome> {
        let plan = Rc::clone(&self.plan);
        self.live(&LifePlan::calm(), life::Act::Coming)?;
        for life in &plan.lives {
            if self.is_over() {
                break;
            }
            self.live(life, life::Act::Evening)?;
        }
        if self.is_betrayed {
            self.witness.borrow_mut().end(CUT_SHORT);
        } else if !self.has_fault() {
            self.live(&LifePlan::calm(), life::Act::Ending)?;
            self.look_once_more();
        }
        Ok(self.outcome(wanted))
    }

    fn is_over(&self) -> bool {
        self.has_fault() || self.is_betrayed || self.cast.borrow().is_done()
    }

    fn has_fault(&self) -> bool {
        !self.witness.borrow().faults().is_empty()
    }

    /// One life, from opening to death. An opening that the disk made fail is tried again without
    /// the disk's faults.
    fn live(&mut self, plan: &LifePlan, act: life::Act) -> io::Result<()> {
        let mut faults = plan.disk.clone();
        if plan.rot {
            self.rot();
        }
        loop {
            self.lives += 1;
            if self.lives > LIVES_MAX {
                self.witness.borrow_mut().fault("L: the engine does not come up");
                return Ok(());
            }
            let storage = self.disk.with_faults(&faults);
            let shelf = Shelf::with(self.scratch, self.books.as_ref())?;
            let kept = (&storage, &shelf);
            let life = AssertUnwindSafe(|| life::live(self, self.lives, plan, act, kept));
            // What panicked is noted where panics are heard.
            let died = catch_unwind(life).unwrap_or(Died::Suddenly);
            self.hear_panics();
            self.books = shelf.image();
            self.bury(plan, &died, &storage);
            if died != Died::AtRest {
                self.shelve();
            }
            if !matches!(died, Died::Unopened) || self.has_fault() || self.is_betrayed {
                return Ok(());
            }
            faults.clear();
        }
    }

    fn hear_panics(&self) {
        let mut witness = self.witness.borrow_mut();
        panics::take().into_iter().for_each(|panic| witness.panicked(panic));
    }

    /// What the death of an engine leaves of its books: all that was committed, or what an older copy
    /// has, or nothing. Without syncs a power cut takes the last commits, and a person may do the rest.
    fn shelve(&mut self) {
        let mut chance = Chance::of(self.plan.seed, &format!("books {}", self.lives));
        let mut witness = self.witness.borrow_mut();
        match (chance.below(8), self.copied.get_mut()) {
            (0, _) => {
                self.books = None;
                witness.inject("books lost");
            }
            (1..=3, Some(copied)) => {
                self.books = Some(copied.clone());
                witness.inject("books older");
            }
            _ => {}
        }
    }

    /// What the death of an engine leaves on the disk.
    fn bury(&mut self, plan: &LifePlan, died: &Died, storage: &FaultyStorage) {
        let injected = storage.injected();
        let lies = injected.iter().any(|(_, fault)| *fault == Fault::LostSync);
        // What a lie concerned may lie in a segment that nobody writes any more.
        self.has_lied = lies || self.has_lied && !self.disk.is_durable();
        let mut witness = self.witness.borrow_mut();
        witness.distrust(self.has_lied);
        for (_, fault) in &injected {
            witness.inject(disk::name(*fault));
        }
        let torn = match (died, plan.ending) {
            (Died::AtRest, _) => return,
            (_, Ending::PowerCut { torn, .. }) => torn,
            (_, Ending::Calm | Ending::Kill { .. }) => {
                // The system tells of a failed sync once, and the machine lives on.
                if storage.has_failed_to_write() && !self.has_lied {
                    self.disk.forget_unsynced();
                }
                return witness.inject("process killed");
            }
        };
        witness.inject(if torn { "power cut between sectors" } else { "power cut" });
        drop(witness);
        let seed = Chance::of(self.plan.seed, &format!("sectors {}", self.lives)).draw();
        self.disk.cut_power(torn.then_some(seed));
        if self.has_lied {
            self.betrayed();
        }
    }

    /// The disk lost what it had reported as synced. No journal survives that, and the world ends; but
    /// recovery refuses, or has everything from before the lie and nothing that is wrong.
    fn betrayed(&mut self) {
        self.is_betrayed = true;
        let sure = self.witness.borrow().sure();
        let found = self.inspect(self.disk.copy(), sure);
        let mut witness = self.witness.borrow_mut();
        match found {
            Err(refusal) => {
                witness.say(format!("after a lost sync, refused: {refusal}"));
                witness.end("lying disk refused");
            }
            Ok(missing) if missing.is_empty() => witness.end("lying disk opened"),
            Ok(missing) => {
                let missing = missing.join("; ");
                witness.fault(format!("J-2: a lost sync took older records: {missing}"));
            }
        }
    }

    /// What an engine on `storage` lacks of what was told up to `sure`, or why it does not open.
    fn inspect(&self, storage: MemoryStorage, sure: Position) -> Result<Vec<String>, String> {
        let looked = AssertUnwindSafe(|| life::inspect(self, storage, sure));
        let found = catch_unwind(looked).unwrap_or_else(|_| Ok(Vec::new()));
        self.hear_panics();
        found
    }

    /// The power fails once more after everything has come to its end: all of it is on the disk.
    fn look_once_more(&mut self) {
        self.disk.cut_power(None);
        if self.has_lied {
            return self.betrayed();
        }
        let fault = match self.inspect(self.disk.copy(), Position(u64::MAX)) {
            Ok(missing) if missing.is_empty() => return,
            Ok(missing) => format!("J-2: lost by the last power cut: {}", missing.join("; ")),
            Err(refusal) => format!("J-2: does not open after the last power cut: {refusal}"),
        };
        self.witness.borrow_mut().fault(fault);
    }

    /// A bit rots in a copy of the disk: an engine refuses it, or has everything that was told.
    fn rot(&mut self) {
        let mut chance = Chance::of(self.plan.seed, &format!("rot {}", self.lives));
        let Some((rotten, place)) = self.disk.rotten(&mut chance) else { return };
        self.witness.borrow_mut().inject("bit rotted on the disk");
        let found = self.inspect(rotten, Position(u64::MAX));
        let mut witness = self.witness.borrow_mut();
        match found {
            Err(refusal) => {
                witness.say(format!("{place} rotted, refused: {refusal}"));
                witness.end("rot refused");
            }
            Ok(missing) if missing.is_empty() => witness.end("rot harmless"),
            Ok(missing) => {
                let first = missing.first().map_or("", String::as_str);
                let lost = missing.len();
                witness.fault(format!("J-2: {place} rotted, opened, {lost} facts lost: {first}"));
            }
        }
    }

    pub(super) fn stage(&self, life: u32, manners: Manners, is_last: bool) -> Rc<Stage> {
        let stage = Rc::new(Stage {
            plan: Rc::clone(&self.plan),
            manners,
            is_last,
            claims: Claims::default(),
            poisoned: Cell::new(false),
            life,
            cast: Rc::clone(&self.cast),
            witness: Rc::clone(&self.witness),
            open: RefCell::default(),
            bank: self.bank.clone(),
            me: RefCell::default(),
        });
        *stage.me.borrow_mut() = Rc::downgrade(&stage);
        stage
    }

    fn outcome(self, wanted: Wanted) -> Outcome {
        let witness = self.witness.borrow();
        Outcome {
            seed: self.plan.seed,
            wanted,
            dinners: self.cast.borrow().decided(),
            lives: self.lives,
            lasted: witness.now(),
            faults: witness.faults().to_vec(),
            by: witness.by(),
            injected: witness.injected.clone(),
            ends: witness.ends.clone(),
            tail: witness.trace.tail(witness.faults()),
            hash: witness.trace.hash(),
            events: witness.trace.lines(),
        }
    }
}
