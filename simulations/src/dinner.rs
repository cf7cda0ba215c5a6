//! Dinner: the run itself. One thread starts dinners as [`Pace`] says, and counts their answers.
//!
//! A party pays one bill at a time: a dinner whose party still pays the one before waits for it,
//! and its clock runs. A dinner is counted only when its acknowledgement is in the side file.

use std::{
    collections::{HashMap, VecDeque},
    io,
    time::{Duration, Instant},
};

use fanju::{
    Engine, Error, Presented,
    domain::{
        bill::Bill,
        event::{Event, Rules, Settlement},
        group::Command,
        split::{Claim, Rest, Split},
        text::OrderNo,
    },
    id::MerchantId,
    money::{Amount, Currency},
};

use crate::{
    acks::{Ack, AckFile},
    chance::Chance,
    drive::Drive,
    meter::{End, Meter, Served},
    population::{Party, Population},
    recorder::{Answer, Gauges, Recorder},
    recording::Second,
    workload::{Dinner, Menu},
};

/// How often somebody is told how far it is.
const TICK: Duration = Duration::from_millis(200);

/// How dinners arrive.
#[derive(Clone, Debug)]
pub enum Pace {
    /// So many at once; the next one begins when one has ended.
    Closed {
        /// How many.
        tables: usize,
    },
    /// On a timetable, whatever the answers do.
    Open(Timetable),
}

/// Independent arrivals at a mean rate (a Poisson process), drawn from a seed.
#[derive(Clone, Debug)]
pub struct Timetable {
    chance: Chance,
    mean_gap_s: f64,
}

impl Timetable {
    /// A timetable of `per_second` arrivals in the mean.
    #[must_use]
    pub fn new(per_second: u64, seed: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
        let mean_gap_s = 1.0 / per_second as f64;
        Self { chance: Chance::of(seed, "arrivals"), mean_gap_s }
    }

    /// Time until the next arrival.
    pub fn gap(&mut self) -> Duration {
        Duration::from_secs_f64(-self.chance.fraction().ln() * self.mean_gap_s)
    }
}

/// What a run needs.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Everybody.
    pub population: &'a Population,
    /// What is eaten.
    pub menu: &'a Menu,
    /// In which currency.
    pub currency: Currency,
    /// How dinners arrive.
    pub pace: Pace,
    /// Before measuring.
    pub warmup: Duration,
    /// Measured; `None`: until the workload ends.
    pub seconds: Option<Duration>,
}

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Since measuring began; `None` during warm-up.
    pub measured: Option<Duration>,
    /// Dinners paid since.
    pub settlements: u64,
    /// Dinners arrived and not answered.
    pub queue: usize,
    /// Dinners declined since, and refused or failed.
    pub not_paid: (u64, u64),
    /// The last whole second.
    pub last: Option<Second>,
}

/// Whoever follows a run.
pub trait Watch {
    /// Measuring begins.
    fn begins(&mut self);
    /// What the system says of itself; asked once a second.
    fn gauges(&mut self) -> Gauges;
    /// A little later.
    fn tick(&mut self, moment: Moment);
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// What was counted.
    pub meter: Meter,
    /// Most dinners arrived and not answered at once.
    pub queue_max: usize,
    /// What each second held; it ends when the books are looked at for the last time.
    pub recorder: Recorder,
}

/// Runs `workload` to its end.
///
/// # Errors
/// The acknowledgements' file cannot be written; nothing more is counted then.
pub fn run(
    engine: &Engine,
    plan: Plan<'_>,
    workload: &mut impl Iterator<Item = Dinner>,
    acks: Option<AckFile>,
    watch: &mut dyn Watch,
) -> io::Result<Ran> {
    let Plan { population, menu, currency, mut pace, warmup, seconds } = plan;
    let serve = |dinner: Dinner, due| serve(engine, population, menu, currency, dinner, due);
    // With many tables at once nobody measures one table's answer to the microsecond.
    let drive = match &pace {
        Pace::Closed { tables } => Drive::waking_for((tables / 16).max(1)),
        Pace::Open(_) => Drive::new(),
    };
    let began = Instant::now();
    let measure_at = began + warmup;
    let recorder = Recorder::new(began, measure_at, watch.gauges());
    let mut hall = Hall::new(serve, drive, population.parties.len(), acks, recorder);
    hall.meter.begin(measure_at);
    let end = seconds.map(|seconds| measure_at + seconds);
    let (mut due, mut tick_at) = (began, began + TICK);
    let (mut measuring, mut is_over) = (false, false);
    loop {
        let now = Instant::now();
        if !measuring && now >= measure_at {
            measuring = true;
            watch.begins();
        }
        if now >= tick_at {
            tick_at = now + TICK;
            hall.recorder.queue(now, hall.queue);
            watch.tick(hall.moment(measuring.then(|| now - measure_at)));
        }
        if hall.recorder.is_due(now) {
            hall.recorder.gauge(now, watch.gauges());
        }
        // A poisoned journal settles nothing more.
        is_over |= hall.poisoned;
        let has_ended = end.is_some_and(|end| now >= end);
        match &mut pace {
            Pace::Closed { tables } => {
                while !is_over && !has_ended && hall.queue < *tables {
                    match workload.next() {
                        Some(dinner) => hall.arrive(dinner, Instant::now()),
                        None => is_over = true,
                    }
                }
            }
            Pace::Open(timetable) => {
                // What was due before the end still comes, however late this loop is.
                let latest = end.map_or(now, |end| now.min(end));
                while !is_over && due <= latest {
                    match workload.next() {
                        Some(dinner) => hall.arrive(dinner, due),
                        None => is_over = true,
                    }
                    due += timetable.gap();
                }
            }
        }
        is_over |= has_ended;
        if is_over && hall.queue == 0 && hall.told.is_empty() {
            let Hall { meter, queue_max, recorder, .. } = hall;
            return Ok(Ran { meter, queue_max, recorder });
        }
        let mut until = tick_at.min(hall.recorder.due_at());
        if !measuring {
            until = until.min(measure_at);
        }
        if !is_over {
            let arrival = matches!(pace, Pace::Open(_)).then_some(due);
            until = end.into_iter().chain(arrival).fold(until, Instant::min);
        }
        hall.turn(until)?;
    }
}

/// The tables, and who waits for theirs.
struct Hall<F, S> {
    serve: S,
    drive: Drive<F>,
    /// Parties that are paying.
    paying: Vec<bool>,
    /// Dinners whose party is paying another.
    waiting: HashMap<usize, VecDeque<(Dinner, Instant)>>,
    /// Arrived and not answered.
    queue: usize,
    queue_max: usize,
    /// Whether the engine has said that its journal is poisoned.
    poisoned: bool,
    /// Answered and not counted.
    told: Vec<(Served, Option<Ack>)>,
    meter: Meter,
    recorder: Recorder,
    acks: Option<AckFile>,
}

impl<F, S> Hall<F, S>
where
    F: Future<Output = (Served, Option<Ack>)>,
    S: Fn(Dinner, Instant) -> F,
{
    fn new(
        serve: S,
        drive: Drive<F>,
        parties: usize,
        acks: Option<AckFile>,
        recorder: Recorder,
    ) -> Self {
        Self {
            serve,
            drive,
            paying: vec![false; parties],
            waiting: HashMap::new(),
            queue: 0,
            queue_max: 0,
            poisoned: false,
            told: Vec::new(),
            meter: Meter::default(),
            recorder,
            acks,
        }
    }

    fn moment(&self, measured: Option<Duration>) -> Moment {
        let Meter { settlements, failed, .. } = &self.meter;
        let not_paid = (self.meter.declines(), failed.values().sum());
        let (queue, last) = (self.queue, self.recorder.last());
        Moment { measured, settlements: *settlements, queue, not_paid, last }
    }

    fn arrive(&mut self, dinner: Dinner, due: Instant) {
        self.queue += 1;
        self.queue_max = self.queue_max.max(self.queue);
        self.recorder.queue(due, self.queue);
        if self.paying[dinner.party] {
            self.waiting.entry(dinner.party).or_default().push_back((dinner, due));
        } else {
            self.begin(dinner, due);
        }
    }

    fn begin(&mut self, dinner: Dinner, due: Instant) {
        self.paying[dinner.party] = true;
        if let Some(served) = self.drive.start((self.serve)(dinner, due)) {
            self.told.push(served);
        }
    }

    /// Lets answers come in, writes them down, counts them, and lets their parties go on.
    fn turn(&mut self, until: Instant) -> io::Result<()> {
        if self.told.is_empty() {
            let told = &mut self.told;
            self.drive.turn(until, |served| told.push(served));
        }
        if let Some(acks) = &mut self.acks {
            self.told.iter().filter_map(|(_, ack)| ack.as_ref()).for_each(|ack| acks.push(ack));
            acks.flush()?;
        }
        let mut told = std::mem::take(&mut self.told);
        for (served, _) in told.drain(..) {
            self.meter.count(&served);
            self.record(&served);
            self.poisoned |= matches!(served.end, End::Failed("poisoned"));
            self.queue -= 1;
            self.paying[served.party] = false;
            if !self.waiting.is_empty() {
                self.follow(served.party);
            }
        }
        if self.told.is_empty() {
            self.told = told;
        }
        Ok(())
    }

    /// Takes note of an answer in its second.
    fn record(&mut self, served: &Served) {
        let answer = match &served.end {
            End::Settled { total, .. } => Answer::Settled { paid_minor: total.minor().into() },
            End::Declined(_) => Answer::Declined,
            End::Failed(_) => Answer::Failed,
        };
        let took = (answer != Answer::Failed).then(|| served.told - served.due);
        self.recorder.answer(served.told, took, answer);
    }

    /// Begins the dinner that waited for `party`, if one did.
    fn follow(&mut self, party: usize) {
        let Some(line) = self.waiting.get_mut(&party) else { return };
        let next = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&party);
        }
        if let Some((dinner, due)) = next {
            self.begin(dinner, due);
        }
    }
}

/// Serves one dinner: a member shows the code, the merchant presents the bill with it.
async fn serve(
    engine: &Engine,
    population: &Population,
    menu: &Menu,
    currency: Currency,
    dinner: Dinner,
    due: Instant,
) -> (Served, Option<Ack>) {
    let party = &population.parties[dinner.party];
    let merchant = population.merchants[dinner.merchant];
    let mut served =
        Served { party: dinner.party, due, scanned: due, told: due, end: End::Failed("unknown") };
    let shown = match (dinner.itemised, menu) {
        (Some(itemised), Menu::Orders(rows)) => {
            let claims = itemised.claims(rows[itemised.row].lines.len(), &party.diners);
            match claim(engine, party, claims).await {
                Ok(()) => engine.show_code(party.group, party.diners[dinner.shown_by]).await,
                Err(error) => Err(error),
            }
        }
        _ => engine.show_code(party.group, party.diners[dinner.shown_by]).await,
    };
    let answer = match shown {
        Ok(shown) => {
            served.scanned = Instant::now();
            let lines = match (dinner.itemised, menu) {
                (Some(itemised), Menu::Orders(rows)) => rows[itemised.row].lines.clone(),
                _ => Vec::new(),
            };
            let (order_no, total) = (dinner.order_no.clone(), dinner.total);
            engine.present(Bill { merchant, order_no, currency, total, lines }, shown.code).await
        }
        Err(error) => Err(error),
    };
    served.told = Instant::now();
    let (end, ack) = end(answer, merchant, dinner.order_no, dinner.total);
    served.end = end;
    (served, ack)
}

/// How a dinner ended, and what to write down of it. A receipt that proves something else than
/// what was asked for is a failure.
fn end(
    answer: Result<Presented, Error>,
    merchant: MerchantId,
    order_no: OrderNo,
    total: Amount,
) -> (End, Option<Ack>) {
    let receipt = match answer {
        Ok(Presented::Settled(receipt)) => receipt,
        Ok(Presented::Declined { reason, .. }) => return (End::Declined(reason), None),
        Err(error) => return (End::Failed(error.code()), None),
    };
    let Some(paid) = proven(receipt.event(), merchant, &order_no, total) else {
        return (End::Failed("wrong_receipt"), None);
    };
    let (debits, position) = (paid.legs.len(), receipt.position());
    (End::Settled { total, debits, position }, Some(Ack { merchant, order_no, position }))
}

/// The settlement that a receipt's `event` proves, if it is the one of this bill.
pub(crate) fn proven<'a>(
    event: &'a Event,
    merchant: MerchantId,
    order_no: &OrderNo,
    total: Amount,
) -> Option<&'a Settlement> {
    let Event::Settled(paid) = event else { return None };
    let is_it = (paid.merchant, &paid.order_no, paid.total) == (merchant, order_no, total);
    is_it.then_some(paid)
}

/// The diners say who had what.
async fn claim(engine: &Engine, party: &Party, claims: Vec<Claim>) -> Result<(), Error> {
    let split = Split::Itemised { claims, rest: Rest::InProportion };
    let rules = Rules { split, ..Rules::default() };
    engine.group_command(party.group, Command::SetRules { by: party.diners[0], rules }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use fanju::id::GroupId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_receipt_of_another_bill_or_another_amount_proves_nothing() {
        let shop = |number| MerchantId(Uuid::from_u128(number));
        let order = |number| OrderNo::new(number).expect("short");
        let total = Amount::from_minor(900);
        let paid = Event::Settled(Settlement {
            merchant: shop(1),
            order_no: order("a"),
            group: GroupId(Uuid::nil()),
            bill: 0,
            content: 0,
            total,
            shares: Box::default(),
            legs: Box::default(),
        });
        let is_proven = |merchant, number, minor| {
            proven(&paid, shop(merchant), &order(number), Amount::from_minor(minor)).is_some()
        };
        assert!(is_proven(1, "a", 900));
        assert!(!is_proven(2, "a", 900) && !is_proven(1, "b", 900));
        assert!(!is_proven(1, "a", 899) && !is_proven(1, "a", 901));
    }
}
