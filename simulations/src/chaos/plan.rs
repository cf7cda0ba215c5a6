//! Plan: what one seed stands for. Drawn before anything happens, a pure function of the seed and of
//! how many dinners are wanted.

use std::time::Duration;

use fanju::{
    domain::event::{Consent, Rounding, Shortfall},
    journal::Fault,
    money::Amount,
};

use super::manner::{Divides, TableManner};
use crate::chance::Chance;

/// Bills of one outing, at most.
const STOPS_MAX: u64 = 4;

/// Over how long the outings begin.
const EVENING_MS: u64 = 20_000;

/// How the wire, the diners and the bank behave: each number is a chance in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// A request never arrives.
    pub request_lost: u64,
    /// An answer never arrives.
    pub reply_lost: u64,
    /// A request arrives when nobody waits for its answer any more.
    pub request_late: u64,
    /// A request arrives twice, the second time later than others asked after it.
    pub request_repeated: u64,
    /// A phone loses its connection before the next frame.
    pub phone_cut: u64,
    /// A phone's connection goes dead before the next frame, and nobody tells the server.
    pub phone_dead: u64,
    /// A phone reads nothing for a while before the next frame.
    pub phone_slow: u64,
    /// A diner who is asked stays silent.
    pub diner_silent: u64,
    /// A diner who is asked says no.
    pub diner_refuses: u64,
    /// Longest delay of a request or an answer.
    pub delay_ms: u64,
    /// Longest time that the bank takes.
    pub bank_ms: u64,
    /// Answers that the bank loses before it gives one.
    pub bank_loses: u32,
    /// Whether the bank refuses money that comes in.
    pub bank_refuses: bool,
}

/// Everybody gets everything at once.
pub const CALM: Manners = Manners {
    request_lost: 0,
    request_late: 0,
    reply_lost: 0,
    request_repeated: 0,
    phone_cut: 0,
    phone_dead: 0,
    phone_slow: 0,
    diner_silent: 0,
    diner_refuses: 0,
    delay_ms: 5,
    bank_ms: 20,
    bank_loses: 0,
    bank_refuses: false,
};

/// How a life of the engine is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// When everything is done.
    Calm,
    /// The process is killed; the machine goes on.
    Kill {
        /// When, unless a fault of the disk ends it before.
        after: Duration,
    },
    /// The power fails.
    PowerCut {
        /// When, unless a fault of the disk ends it before.
        after: Duration,
        /// Whether the disk was in the middle of its work: any sector may be written or not.
        torn: bool,
    },
}

/// What the disk does to one life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskFault {
    /// At which call, counted from the opening.
    pub call: u64,
    /// What happens.
    pub fault: Fault,
}

/// One life of the engine.
#[derive(Clone, Debug)]
pub struct LifePlan {
    /// How it is to end.
    pub ending: Ending,
    /// What the disk does.
    pub disk: Vec<DiskFault>,
    /// Whether a bit has rotted when it begins.
    pub rot: bool,
    /// How everybody behaves.
    pub manners: Manners,
    /// When the machine's clock jumps, and by how much.
    pub jump: Option<(Duration, i64)>,
    /// How long a batch takes.
    pub write: Duration,
    /// How long a look into books or journal takes.
    pub read: Duration,
    /// How often the books are written.
    pub books: Duration,
}

/// One bill to be paid.
#[derive(Clone, Debug)]
pub struct Stop {
    /// At which merchant.
    pub merchant: usize,
    /// How much.
    pub total: Amount,
    /// The prices of its lines, which the diners claim before it is scanned; empty: it has none.
    pub lines: Vec<Amount>,
    /// What the merchant gives back afterwards.
    pub refunds: Vec<GiveBack>,
    /// Whether the last of the diners leaves before it.
    pub leaves: bool,
    /// Whose consent changes before it, by seat, and to what.
    pub consents: Option<(usize, Consent)>,
    /// Whether the merchant takes it back while it is being paid.
    pub cancelled: bool,
}

/// What a merchant gives back of a bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GiveBack {
    /// So many thousandths of the total, to everybody.
    Everybody(u64),
    /// So many thousandths of the total, to the diner in this seat alone.
    One(usize, u64),
    /// All that remains, to the diner in this seat alone.
    AllOfOne(usize),
    /// All that remains.
    All,
}

/// One table's evening.
#[derive(Clone, Debug)]
pub struct Outing {
    /// When it begins.
    pub at: Duration,
    /// Who goes; the host is the first.
    pub diners: Vec<usize>,
    /// What each agrees to.
    pub consent: Consent,
    /// Who owes what, and what happens when somebody is short.
    pub manner: TableManner,
    /// What they pay.
    pub stops: Vec<Stop>,
    /// Whether the host closes the group at the end.
    pub closes: bool,
}

/// Money that moves beside the dinners.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// In from the bank.
    TopUp {
        /// Whose.
        person: usize,
        /// How much.
        amount: Amount,
    },
    /// Out to the bank.
    Withdraw {
        /// Whose.
        person: usize,
        /// How much.
        amount: Amount,
    },
    /// From one to another.
    Transfer {
        /// Whose.
        from: usize,
        /// To whom.
        to: usize,
        /// How much.
        amount: Amount,
    },
    /// A merchant's takings, out to the bank.
    PayOut {
        /// Whose.
        merchant: usize,
        /// How much.
        amount: Amount,
    },
    /// A wallet is frozen, and thawed a little later.
    Freeze {
        /// Whose.
        person: usize,
        /// How long.
        span: Duration,
    },
}

/// What one seed stands for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// People with wallets.
    pub people: usize,
    /// What each of them begins with.
    pub purse: Amount,
    /// Merchants.
    pub merchants: usize,
    /// Every table's evening.
    pub outings: Vec<Outing>,
    /// Money that moves beside them, and when.
    pub moves: Vec<(Duration, Move)>,
    /// The engine's lives, but for the first, in which everybody comes, and the last, in which
    /// everything comes to its end.
    pub lives: Vec<LifePlan>,
}

/// What may go wrong at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Bills, about.
    pub dinners: usize,
    /// Most lives that end badly.
    pub lives: usize,
    /// How many of the last things that happened are told.
    pub trace: usize,
}

fn millis(chance: &mut Chance, bound: u64) -> Duration {
    Duration::from_millis(chance.below(bound.max(1)))
}

fn amount(chance: &mut Chance, bound: u64) -> Amount {
    Amount::from_minor(i64::try_from(chance.below(bound) + 1).expect("small"))
}

impl Plan {
    /// Draws the plan of `seed`.
    #[must_use]
    pub fn draw(seed: u64, wanted: Wanted) -> Self {
        let mut chance = Chance::of(seed, "who dines");
        let people = 6 + chance.place(20);
        let merchants = 1 + chance.place(4);
        let mut outings = Vec::new();
        let mut dinners = 0;
        while dinners < wanted.dinners {
            let outing = outing(&mut chance, people, merchants);
            dinners += outing.stops.len();
            outings.push(outing);
        }
        let purse = Amount::from_minor(20_000 + i64::try_from(dinners).unwrap_or(0) * 100);
        let mut chance = Chance::of(seed, "what moves");
        let count = people * 2 + dinners / 8;
        let moves = (0..count).map(|_| drawn_move(&mut chance, people, merchants)).collect();
        let mut chance = Chance::of(seed, "what breaks");
        let count = if wanted.lives == 0 { 0 } else { 1 + chance.place(wanted.lives) };
        let mut lives: Vec<LifePlan> = (0..count).map(|_| life(&mut chance)).collect();
        if count > 0 && chance.below(4) == 0 {
            lives.extend(killed_before_a_sync(&mut chance));
        }
        Self { seed, people, purse, merchants, outings, moves, lives }
    }
}

fn outing(chance: &mut Chance, people: usize, merchants: usize) -> Outing {
    let mut everybody: Vec<usize> = (0..people).collect();
    chance.shuffle(&mut everybody);
    let diners = 1 + chance.place(people.min(6));
    everybody.truncate(diners);
    let divides = match chance.below(8) {
        0 | 1 => Divides::ByLines,
        2 => Divides::ByWeights(chance.draw()),
        3 => Divides::ByPercent(chance.draw()),
        4 => Divides::Exactly(chance.draw()),
        5 => Divides::FixedPlusRest(chance.draw()),
        6 => Divides::Treated(chance.draw()),
        _ => Divides::Equally,
    };
    let itemised = divides == Divides::ByLines;
    let stops =
        (0..=chance.below(STOPS_MAX)).map(|_| stop(chance, merchants, itemised, diners)).collect();
    let shortfall = match chance.below(3) {
        0 => Shortfall::Decline,
        1 => Shortfall::Reshare,
        _ => Shortfall::HostCovers,
    };
    let fair = chance.below(2) == 0;
    Outing {
        at: millis(chance, EVENING_MS),
        diners: everybody,
        consent: consent(chance),
        manner: TableManner {
            shortfall,
            rounding: if fair { Rounding::FairCent } else { Rounding::LargestRemainder },
            divides,
        },
        stops,
        closes: chance.below(4) == 0,
    }
}

fn stop(chance: &mut Chance, merchants: usize, itemised: bool, diners: usize) -> Stop {
    let lines: Vec<Amount> = match itemised {
        true => (0..=chance.below(5)).map(|_| amount(chance, 2_000)).collect(),
        false => Vec::new(),
    };
    // A tip on top of the lines.
    let eaten: Amount = lines.iter().copied().sum();
    let total = match lines.is_empty() {
        true => amount(chance, 9_000),
        false => eaten.checked_add(amount(chance, 500)).expect("small"),
    };
    let refunds = match chance.below(4) {
        0 => (0..=chance.below(3)).map(|_| give_back(chance, diners)).collect(),
        _ => Vec::new(),
    };
    Stop {
        merchant: chance.place(merchants),
        total,
        lines,
        refunds,
        cancelled: chance.below(25) == 0,
        leaves: chance.below(12) == 0,
        consents: (chance.below(8) == 0).then(|| (chance.place(diners), consent(chance))),
    }
}

fn consent(chance: &mut Chance) -> Consent {
    let cap = amount(chance, 12_000);
    Consent { cap, confirm_above: (chance.below(3) == 0).then(|| amount(chance, 2_000)) }
}

fn give_back(chance: &mut Chance, diners: usize) -> GiveBack {
    match chance.below(8) {
        0 | 1 => GiveBack::One(chance.place(diners), 1 + chance.below(300)),
        2 => GiveBack::AllOfOne(chance.place(diners)),
        3 => GiveBack::All,
        _ => GiveBack::Everybody(1 + chance.below(700)),
    }
}

fn drawn_move(chance: &mut Chance, people: usize, merchants: usize) -> (Duration, Move) {
    let at = millis(chance, EVENING_MS);
    let person = chance.place(people);
    let drawn = match chance.below(10) {
        0..=2 => Move::TopUp { person, amount: amount(chance, 30_000) },
        3..=4 => Move::Withdraw { person, amount: amount(chance, 10_000) },
        5..=7 => {
            let to = (person + 1 + chance.place(people - 1)) % people;
            Move::Transfer { from: person, to, amount: amount(chance, 8_000) }
        }
        8 => Move::PayOut { merchant: chance.place(merchants), amount: amount(chance, 20_000) },
        // Longer than a repeated request is late: it would freeze the wallet once more, for good.
        _ => Move::Freeze { person, span: Duration::from_secs(1) + millis(chance, 3_000) },
    };
    (at, drawn)
}

/// Each life has some manners and not others: faults that always come together hide each other.
fn life(chance: &mut Chance) -> LifePlan {
    let mut sometimes = |most: u64| match chance.below(2) {
        0 => 0,
        _ => 1 + chance.below(most),
    };
    let manners = Manners {
        request_lost: sometimes(80),
        request_late: sometimes(80),
        reply_lost: sometimes(120),
        request_repeated: sometimes(150),
        phone_cut: sometimes(100),
        phone_dead: sometimes(30),
        phone_slow: sometimes(30),
        diner_silent: sometimes(200),
        diner_refuses: sometimes(150),
        delay_ms: 1 + sometimes(120),
        bank_ms: 1 + sometimes(1_500),
        bank_loses: u32::try_from(sometimes(3)).unwrap_or(0),
        bank_refuses: sometimes(8) == 1,
    };
    // Some die as soon as they are born: what they found is not yet followed by anything.
    let after = match chance.below(8) {
        0 | 1 => millis(chance, 40),
        // Long enough for a deadline that does not come.
        2 => Duration::from_secs(30),
        _ => Duration::from_millis(200) + millis(chance, 9_000),
    };
    let ending = match chance.below(4) {
        0 => Ending::Kill { after },
        1 => Ending::PowerCut { after, torn: false },
        _ => Ending::PowerCut { after, torn: true },
    };
    let faults = chance.below(3);
    let disk = (0..faults).map(|_| disk_fault(chance)).collect();
    let jump = match chance.below(4) {
        0 => {
            Some((millis(chance, 5_000), 1_000_000 * i64::try_from(chance.below(900)).unwrap_or(0)))
        }
        1 => Some((millis(chance, 5_000), -10_000 * i64::try_from(chance.below(900)).unwrap_or(0))),
        _ => None,
    };
    let slow = match chance.below(6) {
        0 => Duration::from_millis(100) + millis(chance, 200),
        _ => Duration::ZERO,
    };
    LifePlan {
        ending,
        disk,
        rot: chance.below(3) == 0,
        manners,
        jump,
        write: Duration::from_millis(1) + millis(chance, 20) + slow,
        read: Duration::from_millis(1) + millis(chance, 40),
        books: Duration::from_millis(20) + millis(chance, 900),
    }
}

/// A process dies in the middle of a batch, perhaps before its sync; the next life tells what it found
/// and dies of a power cut before it has written anything.
fn killed_before_a_sync(chance: &mut Chance) -> [LifePlan; 2] {
    let mut first = life(chance);
    first.ending = Ending::Kill { after: Duration::from_secs(9) };
    first.disk = vec![DiskFault { call: 40 + chance.below(200), fault: Fault::Crash }];
    let mut second = life(chance);
    let after = Duration::from_millis(30);
    second.ending = Ending::PowerCut { after, torn: false };
    second.disk.clear();
    second.manners.phone_cut = 0;
    (second.write, second.read) = (Duration::from_millis(500), Duration::from_millis(1));
    [first, second]
}

fn disk_fault(chance: &mut Chance) -> DiskFault {
    // Opening takes some tens of calls, and a batch two: early ones hit recovery.
    let call = match chance.below(3) {
        0 => chance.below(40),
        _ => chance.below(1_200),
    };
    let fault = match chance.below(9) {
        0 => Fault::Fails,
        1 => Fault::DoneButFails,
        2 => Fault::NoSpace,
        3 => Fault::ShortWrite,
        4 => Fault::LostSync,
        5 => Fault::FlippedBit,
        6 => Fault::Hole,
        _ => Fault::Crash,
    };
    DiskFault { call, fault }
}

impl LifePlan {
    /// A life in which nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            ending: Ending::Calm,
            disk: Vec::new(),
            rot: false,
            manners: CALM,
            jump: None,
            write: Duration::from_millis(2),
            read: Duration::from_millis(2),
            books: Duration::from_millis(200),
        }
    }
}
