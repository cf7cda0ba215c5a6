//! Hall: tables, tills, and the dinners between them.
//!
//! A table that shows a code and has paid its last bill is ready. A dinner that is due takes the table
//! that is ready longest and the next till, or waits, and its clock runs. It is complete when the till
//! was answered and every phone at the table was told.

use std::{
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

use super::{
    frame::{Ended, FrameError, Hello, Refusal, Settled, ShownCode},
    guests::Guests,
    line::{Line, Then},
    meter::{Complete, Meter},
    session::SessionError,
};
use crate::chance::Chance;

/// A diner's share of one dinner at most, in minor units: small, so that purses and consents last.
pub const SHARE_MAX: u64 = 2;

/// What a diner agrees to spend at a table, in minor units: the most that needs no second look at
/// finger or face. Source: the server's `step_up_above_minor`, 1,000.00.
pub const CAP: u64 = 100_000;

/// Dinners of one table; it gets up before anybody's consent is used up.
pub const DINNERS_MAX: u64 = CAP / SHARE_MAX;

/// A code with less than this left is replaced before it is shown.
const CODE_MARGIN: Duration = Duration::from_secs(5);

/// A group at its table.
#[derive(Debug)]
pub struct Table {
    /// The group's id.
    pub group: String,
    /// The host's wallet.
    pub host: String,
    /// The host's phone.
    pub phone: Rc<Line>,
    /// Phones at the table.
    pub phones: u32,
}

/// A merchant's till.
#[derive(Debug)]
pub struct Till {
    /// Whose.
    pub merchant: String,
    /// Its session.
    pub line: Rc<Line>,
}

/// A code that a table shows.
#[derive(Debug)]
struct Shown {
    digits: String,
    /// By this program's clock, if the server has told its own.
    until: Option<Instant>,
    /// How often the host's phone had lost its connection when it was given.
    breaks: u64,
}

#[derive(Debug)]
struct Seated {
    table: Table,
    code: Option<Shown>,
    dinner: Option<Dinner>,
    served: u64,
}

#[derive(Debug)]
struct Dinner {
    order: u64,
    total: u64,
    /// Which of the tills.
    till: usize,
    /// Of its code; see [`Shown`]. None while a fresh one is waited for.
    breaks: Option<u64>,
    due: Instant,
    scanned: Instant,
    answered: Option<Instant>,
    heard: u32,
    heard_at: Instant,
    position: Option<u64>,
}

/// Everybody.
#[derive(Debug)]
pub struct Hall {
    tables: Vec<Seated>,
    tills: Vec<Till>,
    till: usize,
    /// Tables that could be served, longest first.
    ready: VecDeque<usize>,
    /// Dinners that are due and have no table.
    waiting: VecDeque<Instant>,
    /// Whether a table that is ready begins by itself.
    closed_loop: bool,
    in_flight: usize,
    queue_max: usize,
    queue_at_end: usize,
    run: String,
    orders: u64,
    bills: Chance,
    /// Apart from what bills are drawn from: who loses a connection changes no bill.
    pauses: Chance,
    /// The server's clock, as of a moment of this one.
    clock: Option<(i64, Instant)>,
    epoch: Option<String>,
    lost: Option<SessionError>,
    /// What is counted.
    pub meter: Meter,
    /// People who go from table to table, in an evening from a scenario.
    pub guests: Guests,
}

impl Hall {
    /// An empty hall whose orders are numbered within `run`.
    #[must_use]
    pub fn new(run: String, seed: u64) -> Self {
        Self {
            tables: Vec::new(),
            tills: Vec::new(),
            till: 0,
            ready: VecDeque::new(),
            waiting: VecDeque::new(),
            closed_loop: false,
            in_flight: 0,
            queue_max: 0,
            queue_at_end: 0,
            run,
            orders: 0,
            bills: Chance::of(seed, "live"),
            pauses: Chance::of(seed, "pauses"),
            clock: None,
            epoch: None,
            lost: None,
            meter: Meter::default(),
            guests: Guests::default(),
        }
    }

    // --- set-up ------------------------------------------------------------------------------

    /// Seats a group at the table of that number, which must be the next one; it asks for a code.
    ///
    /// # Panics
    /// When the number is another.
    pub fn seat(&mut self, number: usize, table: Table) {
        assert_eq!(number, self.tables.len(), "tables are seated in order");
        self.tables.push(Seated { table, code: None, dinner: None, served: 0 });
        self.ask_code(number);
    }

    /// Opens a till.
    pub fn open_till(&mut self, till: Till) {
        self.tills.push(till);
    }

    /// Whether every table shows a code.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.len() == self.tables.len()
    }

    /// The server said what time it is, and the name of its positions. The first counts: a server that
    /// names them otherwise later has none of those that were seen.
    pub fn hello(&mut self, hello: Hello, now: Instant) {
        self.clock.get_or_insert((hello.server_time, now));
        self.epoch.get_or_insert(hello.epoch);
    }

    /// Under which name positions were told.
    ///
    /// # Panics
    /// Before any [`hello`](Self::hello).
    #[must_use]
    pub fn epoch(&self) -> String {
        self.epoch.clone().expect("the server's first word")
    }

    /// A random part of `longest`, and half of it at least.
    pub fn jitter(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(0.5 + self.pauses.fraction() / 2.0)
    }

    /// A session cannot go on, and so the run cannot.
    pub fn lost(&mut self, error: SessionError) {
        self.lost.get_or_insert(error);
    }

    /// Why the run cannot go on.
    pub fn take_lost(&mut self) -> Option<SessionError> {
        self.lost.take()
    }

    // --- dinners -----------------------------------------------------------------------------

    /// A dinner that was due at `due` begins, or waits for a table.
    pub fn arrive(&mut self, due: Instant, now: Instant) {
        self.waiting.push_back(due);
        self.queue_max = self.queue_max.max(self.waiting.len());
        self.serve(now);
    }

    /// From now on each table that is ready begins by itself.
    pub fn begin_all(&mut self, now: Instant) {
        self.closed_loop = true;
        self.serve(now);
    }

    /// No table begins by itself any more, and no dinner comes.
    pub fn end(&mut self) {
        self.closed_loop = false;
        self.queue_at_end = self.waiting.len();
    }

    /// What is not complete now never will be.
    pub fn give_up(&mut self) {
        let incomplete = self.open_dinners() as u64;
        if incomplete > 0 {
            *self.meter.failed.entry("incomplete".to_owned()).or_default() += incomplete;
        }
    }

    /// Dinners that have begun or wait.
    #[must_use]
    pub fn open_dinners(&self) -> usize {
        self.in_flight + self.waiting.len()
    }

    /// Dinners that wait for a table, and have not been scanned.
    #[must_use]
    pub fn unserved(&self) -> usize {
        self.waiting.len()
    }

    /// Most dinners that waited for a table at once.
    #[must_use]
    pub fn queue_max(&self) -> usize {
        self.queue_max
    }

    /// Dinners that still waited for a table when the last one had come.
    #[must_use]
    pub fn queue_at_end(&self) -> usize {
        self.queue_at_end
    }

    /// Whether every table has had all its dinners and got up: none begins any more.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.tables.iter().all(|table| table.served >= DINNERS_MAX && table.dinner.is_none())
    }

    /// Replaces codes that would be too old soon.
    pub fn refresh(&mut self, now: Instant) {
        while let Some(table) = self.ready.front().copied() {
            let until = self.tables[table].code.as_ref().and_then(|code| code.until);
            if until.is_none_or(|until| until > now + CODE_MARGIN) {
                return;
            }
            self.ready.pop_front();
            self.tables[table].code = None;
            self.ask_code(table);
        }
    }

    /// Gives tables to whoever waits.
    fn serve(&mut self, now: Instant) {
        self.refresh(now);
        loop {
            let due = match self.waiting.front() {
                Some(due) => *due,
                None if self.closed_loop => now,
                None => return,
            };
            let Some(table) = self.ready.pop_front() else { return };
            self.waiting.pop_front();
            self.begin(table, due, now);
        }
    }

    fn begin(&mut self, number: usize, due: Instant, now: Instant) {
        self.orders += 1;
        let order = self.orders;
        self.till = (self.till + 1) % self.tills.len();
        let till = self.till;
        let seated = &mut self.tables[number];
        let phones = u64::from(seated.table.phones);
        let total = phones + self.bills.below(phones * (SHARE_MAX - 1) + 1);
        let (answered, position, breaks) = (None, None, None);
        let (scanned, heard_at) = (now, now);
        seated.dinner = Some(Dinner {
            order,
            total,
            till,
            breaks,
            due,
            scanned,
            answered,
            heard: 0,
            heard_at,
            position,
        });
        seated.served += 1;
        self.in_flight += 1;
        self.scan(number);
    }

    /// The table's code is shown to the till of its dinner.
    fn scan(&mut self, number: usize) {
        let Self { tables, tills, run, .. } = self;
        let seated = &mut tables[number];
        let Shown { digits, breaks, .. } = seated.code.take().expect("the table shows a code");
        let dinner = seated.dinner.as_mut().expect("the table has a dinner");
        dinner.breaks = Some(breaks);
        let Dinner { order, total, till, .. } = *dinner;
        let Till { merchant, line } = &tills[till];
        let params = format_args!(
            "{{\"merchant\":\"{merchant}\",\"code\":\"{digits}\",\"order_no\":\"{run}-{order}\",\
             \"total\":{total}}}"
        );
        line.ask("orders.scan", params, Then::Scan { table: number, order });
    }

    fn ask_code(&self, number: usize) {
        let Table { group, host, phone, .. } = &self.tables[number].table;
        let params = format_args!("{{\"group\":\"{group}\",\"by\":\"{host}\"}}");
        phone.ask("groups.code", params, Then::Code { table: number });
    }

    // --- what the server says ----------------------------------------------------------------

    /// A table was given its next code.
    ///
    /// # Errors
    /// When the answer is not what the contract says.
    pub fn shows(
        &mut self,
        number: usize,
        answer: Result<&str, Refusal>,
    ) -> Result<(), FrameError> {
        match answer {
            Ok(answer) => {
                let ShownCode { code, expires_at } = serde_json::from_str(answer)?;
                let until = self.clock.and_then(|(time, at)| {
                    let left = u64::try_from(expires_at.saturating_sub(time)).unwrap_or(0);
                    at.checked_add(Duration::from_micros(left))
                });
                let seated = &mut self.tables[number];
                let (digits, breaks) = (code.to_owned(), seated.table.phone.breaks());
                seated.code = Some(Shown { digits, until, breaks });
                if seated.dinner.as_ref().is_some_and(|dinner| dinner.breaks.is_none()) {
                    self.meter.fresh_codes += 1;
                    self.scan(number);
                } else {
                    self.if_ready(number, Instant::now());
                }
            }
            Err(refusal) => {
                self.meter.faults.add(|| format!("table {number} has no code: {refusal}"))
            }
        }
        Ok(())
    }

    /// A till was told how an order ended; the code is spent, and the table asks for another.
    ///
    /// # Errors
    /// When the answer is not what the contract says.
    pub fn scanned(
        &mut self,
        number: usize,
        order: u64,
        answer: Result<&str, Refusal>,
    ) -> Result<(), FrameError> {
        let now = Instant::now();
        self.ask_code(number);
        let seated = &mut self.tables[number];
        let Some(dinner) = seated.dinner.as_mut().filter(|dinner| dinner.order == order) else {
            self.meter.faults.add(|| format!("order {order} was answered at another table"));
            return Ok(());
        };
        let due = dinner.due;
        let ended: Ended<'_> = match answer {
            Ok(answer) => serde_json::from_str(answer)?,
            Err(refusal) => {
                // A server that was started again knows no code from before. The till scans the
                // fresh one, under the same number.
                let lost = dinner.breaks.is_some_and(|then| then < seated.table.phone.breaks());
                if refusal.code == "unknown_code" && lost {
                    dinner.breaks = None;
                    return Ok(());
                }
                self.in_flight -= 1;
                seated.dinner = None;
                self.meter.failed(&refusal.code, due, now);
                return Ok(());
            }
        };
        if ended.state != "settled" {
            let reason = ended.reason.map_or("unknown", |reason| reason.reason);
            self.meter.declined(reason, due, now);
            self.in_flight -= 1;
            seated.dinner = None;
            return Ok(());
        }
        let known = *dinner.position.get_or_insert(ended.position);
        let is_ours = is_order(&self.run, order, ended.order_no);
        if known != ended.position || ended.total != dinner.total || !is_ours {
            self.meter.faults.add(|| format!("order {order} was answered as {ended:?}"));
        }
        dinner.answered = Some(now);
        self.if_complete(number, now);
        Ok(())
    }

    /// A phone was told of a paid bill, whose record stands at `position`.
    pub fn heard(&mut self, number: usize, chair: u32, position: u64, settled: Settled<'_>) {
        let now = Instant::now();
        let Settled { order_no, total, shares } = settled;
        let Self { tables, meter, run, .. } = self;
        let seated = &mut tables[number];
        if shares.owed != total {
            meter.faults.add(|| format!("{order_no}: shares of {} for {total}", shares.owed));
        }
        let dinner = seated.dinner.as_mut();
        let dinner = dinner.filter(|dinner| is_order(run, dinner.order, order_no));
        let Some(dinner) = dinner else {
            meter.faults.add(|| format!("table {number} hears of {order_no} out of turn"));
            return;
        };
        let known = *dinner.position.get_or_insert(position);
        if known != position || dinner.total != total {
            let asked = dinner.total;
            meter.faults.add(|| {
                format!("{order_no}: {total} at {position}, but {asked} at {known} elsewhere")
            });
        }
        let chair = 1_u32.checked_shl(chair).unwrap_or(0);
        if dinner.heard & chair != 0 {
            meter.faults.add(|| format!("{order_no} arrived again at table {number}"));
        }
        dinner.heard |= chair;
        dinner.heard_at = now;
        self.if_complete(number, now);
    }

    fn if_complete(&mut self, number: usize, now: Instant) {
        let seated = &mut self.tables[number];
        let Some(dinner) = &seated.dinner else { return };
        let (Some(answered), phones) = (dinner.answered, seated.table.phones) else { return };
        if dinner.heard.count_ones() < phones {
            return;
        }
        let Dinner { total, due, scanned, heard_at, .. } = *dinner;
        self.meter.complete(&Complete { due, scanned, answered, heard: heard_at, phones, total });
        seated.dinner = None;
        self.in_flight -= 1;
        self.if_ready(number, now);
    }

    fn if_ready(&mut self, number: usize, now: Instant) {
        let Seated { code, dinner, served, .. } = &self.tables[number];
        if code.is_some() && dinner.is_none() && *served < DINNERS_MAX {
            self.ready.push_back(number);
            self.serve(now);
        }
    }
}

/// Whether `order_no` is the order of that number in `run`.
fn is_order(run: &str, order: u64, order_no: &str) -> bool {
    let number = order_no.strip_prefix(run).and_then(|rest| rest.strip_prefix('-'));
    number.and_then(|number| number.parse::<u64>().ok()) == Some(order)
}

#[cfg(test)]
mod tests;
