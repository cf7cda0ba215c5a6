//! Evening: a scenario over the network, from options to a recording.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::id::WalletId;
use serde::Deserialize;
use tokio::{runtime::Builder, sync::Mutex, task::LocalSet, time::sleep_until};
use uuid::Uuid;

use super::{
    cast::Cast,
    hall::{CAP, Hall},
    house::{Phone, ServerHouse, Shop},
    line::Line,
    operator::{self, Counted, Operator, Watch},
    options::{LiveOptions, enough_files, enough_shops},
    run::gauges,
    session::{self, Card, Role},
    set_up::{ARRIVING, SetUpError, read, taken},
};
use crate::{
    auditor::Verdict,
    figures::counted,
    meter::histogram,
    process::{self, Process},
    recorder::{Recorder, distribution},
    recording::{Audited, Kind, Number, Recording},
    scenario::{
        self, Scenario,
        count::Count,
        house::Pace,
        play::play,
        report::{self, Played},
        script::{Script, Sizes},
    },
    show::Show,
    values::BadInput,
};

/// How often somebody is told how far it is.
const TICK: Duration = Duration::from_millis(200);

/// How long phones may take to hear of what was paid, beside the time for which the script keeps them
/// without a connection.
const HEAR_WITHIN: Duration = Duration::from_secs(60);

/// How long the last tables may take, beside that time: an order has a minute, and phones as much to
/// hear of it.
const PATIENCE: Duration = Duration::from_secs(150);

/// Plays the scenario of that name on a running server.
///
/// # Errors
/// [`BadInput`], or whatever the server or the system says.
pub fn evening(name: &str, options: &LiveOptions) -> Result<Recording> {
    let mut scenario = scenario::load(name).map_err(|error| BadInput(error.to_string()))?;
    let cast = Cast::read(&options.cast)
        .map_err(|error| BadInput(format!("{} {error}", options.cast.display())))?;
    // Amounts are minor units of the cast's currency, whatever the file says.
    if let Some(currency) = cast.merchants.first().and_then(|it| it.currency.parse().ok()) {
        scenario.currency = currency;
    }
    let sizes = sizes(&scenario, &cast, options).map_err(BadInput)?;
    let server = options.server_pid.map(Process::of).transpose();
    let server = server.map_err(|pid| BadInput(format!("there is no process {pid}")))?;
    let runtime = Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let evening = Evening { name, scenario: &scenario, cast: &cast, sizes, options, server };
    LocalSet::new().block_on(&runtime, evening.pass())
}

/// How many of each there are, as the file and the cast allow.
fn sizes(scenario: &Scenario, cast: &Cast, options: &LiveOptions) -> Result<Sizes, String> {
    let wanted = scenario.sizes(options.evening.scale);
    let (people, merchants) = (cast.diners.len(), cast.merchants.len());
    let (people, merchants) = (wanted.people.min(people), wanted.merchants.min(merchants));
    let sizes = Sizes { people, merchants, ..wanted };
    let least = scenario.merchants_min();
    if merchants < least {
        return Err(format!(
            "the scenario needs {least} merchants, and the cast has {merchants} shops"
        ));
    }
    let largest = scenario.largest_party();
    if sizes.people < largest {
        let diners = cast.diners.len();
        return Err(format!("a party of {largest} needs more than the cast's {diners} diners"));
    }
    enough_shops(tills(cast, options), cast)?;
    enough_files(sizes.people + tills(cast, options))?;
    Ok(sizes)
}

/// Till sessions: as many as are asked for, or two for each merchant.
fn tills(cast: &Cast, options: &LiveOptions) -> usize {
    let asked = options.tills.and_then(|tills| usize::try_from(tills).ok());
    asked.unwrap_or(2 * cast.merchants.len()).max(cast.merchants.len())
}

struct Evening<'a> {
    name: &'a str,
    scenario: &'a Scenario,
    cast: &'a Cast,
    sizes: Sizes,
    options: &'a LiveOptions,
    server: Option<Process>,
}

impl Evening<'_> {
    async fn pass(&self) -> Result<Recording> {
        let Self { name, scenario, options, sizes, .. } = self;
        let speed = options.evening.speed;
        let title = format!("{name}, live: {}", scenario.about);
        let mut recording = Recording::begin(Kind::Live, title, options.seed, None);
        let length = scenario::run::length(scenario, speed);
        let mut show = Show::new(Some(length), None);
        let mut operator = self.operator().await?;
        let began = Instant::now();
        show.say(&format!("connecting {}", counted(sizes.people as u128, "phone")));
        let house = Rc::new(self.come_in().await.map_err(|error| explained(error, options))?);
        recording.setup_s = began.elapsed().as_secs_f64();
        show.say(&format!("the evening begins; it takes {:.0} s", length.as_secs_f64()));

        let first = match &mut operator {
            Some(operator) => Some(operator.stats().await?),
            None => None,
        };
        let pace = Pace { began: Instant::now(), speed };
        let measure_from = pace.began + options.warmup;
        let recorder = {
            let gauges = gauges(self.server.as_ref(), first.as_ref());
            Recorder::new(pace.began, measure_from, gauges)
        };
        let count = Rc::new(RefCell::new(Count::new(pace.began, measure_from, recorder)));
        let watch = operator.map(|operator| self.watch(operator, &count));
        let usage = || (Process::this().usage(), self.server.as_ref().map(Process::usage));
        let mut before = None;
        let mut begins = || before = Some(usage());
        self.live_through(&house, pace, &count, &mut show, &mut begins).await?;
        let before = before.unwrap_or_else(usage);
        let after = usage();
        let mut counted = None;
        if let (Some(watch), Some(first)) = (watch, first) {
            counted = Some(Counted { first, last: watch.end().await?.stats().await.ok() });
        }
        let last = counted.as_ref().and_then(|counted| counted.last);
        let ended = (Instant::now(), gauges(self.server.as_ref(), last.as_ref()));
        show.end();
        let used = |now: &process::Usage, then: &process::Usage| now.cpu.since(&then.cpu);
        recording.processor_s.insert("fanju-sim".to_owned(), used(&after.0, &before.0));
        if let (Some(now), Some(then)) = (&after.1, &before.1) {
            recording.processor_s.insert("server".to_owned(), used(now, then));
        }
        report::set(&mut recording, name, scenario, *sizes, options.evening);
        let mut count = count.borrow_mut();
        report::fill(&mut recording, Played { scenario, count: &mut count, ended });
        operator::note(&mut recording, counted.as_ref());
        let last_phone = house.last_phone.borrow();
        let about = "from when the till was told until the last phone was";
        recording.latencies.push(distribution("last phone", about, &last_phone));
        recording.audit = audited(&house.hall.borrow(), &count);
        Ok(recording)
    }

    /// Everything from the first table to the last refund; says when measuring begins.
    async fn live_through(
        &self,
        house: &Rc<ServerHouse>,
        pace: Pace,
        count: &Rc<RefCell<Count>>,
        show: &mut Show,
        begins: &mut impl FnMut(),
    ) -> Result<()> {
        let under_way = Rc::new(Cell::new(0_usize));
        let mut script = Script::of(self.scenario, self.sizes, self.options.seed);
        let mut next = script.next();
        // The last bill may wait for a phone, and its news for another.
        let away = self.longest_away() * 2;
        let end = pace.began + scenario::run::length(self.scenario, pace.speed) + away + PATIENCE;
        let mut tick_at = Instant::now() + TICK;
        let (measure_from, mut measuring) = (pace.began + self.options.warmup, false);
        while next.is_some() || under_way.get() > 0 || house.leaving.get() > 0 {
            let lost = house.hall.borrow_mut().take_lost();
            if let Some(error) = lost {
                return Err(error.into());
            }
            let now = Instant::now();
            if !measuring && now >= measure_from {
                measuring = true;
                begins();
            }
            while let Some(outing) = next.take_if(|outing| pace.at(outing.at_ms) <= now) {
                let (house, count) = (Rc::clone(house), Rc::clone(count));
                let under_way = Rc::clone(&under_way);
                under_way.set(under_way.get() + 1);
                tokio::task::spawn_local(async move {
                    play(&house, pace, outing, &count).await;
                    under_way.set(under_way.get() - 1);
                });
                next = script.next();
            }
            if now >= tick_at {
                tick_at = now + TICK;
                let mut count = count.borrow_mut();
                match self.options.operator_token {
                    Some(_) => count.look_at_queue(now),
                    None => count.look(now, || gauges(self.server.as_ref(), None)),
                }
                show.tick(&count.moment(now));
            }
            if now >= end {
                let mut hall = house.hall.borrow_mut();
                hall.meter.faults.add(|| format!("{} tables never ended", under_way.get()));
                return Ok(());
            }
            let arrival = next.as_ref().map(|outing| pace.at(outing.at_ms));
            let arrival = arrival.into_iter().chain((!measuring).then_some(measure_from));
            sleep_until(arrival.fold(tick_at, Instant::min).into()).await;
        }
        Ok(())
    }

    /// The operator, if there is a token; a number that no session has is the operator's.
    async fn operator(&self) -> Result<Option<Operator>> {
        let Self { cast, sizes, options, .. } = self;
        let Some(token) = &options.operator_token else { return Ok(None) };
        let number = sizes.people + tills(cast, options);
        Ok(Some(Operator::sign_in(&options.url, number, token).await?))
    }

    /// Lets `operator` ask once a second.
    fn watch(&self, operator: Operator, count: &Rc<RefCell<Count>>) -> Watch {
        let (count, server) = (Rc::clone(count), self.server.clone());
        let with = move |see: &mut dyn FnMut(&mut Recorder)| {
            if let Some(recorder) = &mut count.borrow_mut().recorder {
                see(recorder);
            }
        };
        operator.watch(with, move |stats| gauges(server.as_ref(), stats))
    }

    /// How long the script keeps a phone without a connection, at most, on this machine's clock.
    fn longest_away(&self) -> Duration {
        let away = Duration::from_millis(self.scenario.connection.longest_away_ms());
        away.div_f64(self.options.evening.speed)
    }

    // --- everybody comes in ------------------------------------------------------------------

    async fn come_in(&self) -> Result<ServerHouse> {
        let Self { cast, sizes, options, .. } = self;
        let name = Uuid::now_v7().simple().to_string();
        let run: Rc<str> = name[..16].into();
        let hall = Rc::new(RefCell::new(Hall::new(run.to_string(), options.seed)));
        hall.borrow_mut().guests.expect(sizes.people);
        let mut number = 0;
        let mut open = |role, token: &str| {
            let place = Rc::new(options.url.clone());
            let card = Card { number, role, token: token.into(), place };
            number += 1;
            session::open(card, &hall)
        };
        let why = || hall.borrow_mut().take_lost().map_or(SetUpError::Over, SetUpError::Session);
        let mut shops: Vec<Shop> = Vec::new();
        for merchant in &cast.merchants {
            let (merchant, tills) = (merchant.merchant.clone(), Vec::new());
            shops.push(Shop { merchant, tills });
        }
        let count = shops.len();
        for till in 0..tills(cast, options) {
            let (line, is_up) = open(Role::Till, &cast.merchants[till % count].token);
            is_up.await.map_err(|_| why())?;
            shops[till % count].tills.push(line);
        }
        let mut phones = Vec::new();
        let diners: Vec<_> = cast.diners.iter().take(sizes.people).collect();
        for (wave, diners) in diners.chunks(ARRIVING).enumerate() {
            let mut come = Vec::new();
            for (diner, person) in diners.iter().zip(wave * ARRIVING..) {
                come.push((*diner, person, open(Role::Guest { person }, &diner.token)));
            }
            let mut topped_up = Vec::new();
            for (diner, person, (line, is_up)) in come {
                is_up.await.map_err(|_| why())?;
                let wallet: Rc<str> = diner.wallet.as_str().into();
                let id = WalletId(wallet.parse().context("the cast's wallets are UUIDs")?);
                let purse = self.scenario.purse_minor(person, options.seed);
                let top_up = fill(Rc::clone(&line), Rc::clone(&wallet), purse, Rc::clone(&run));
                topped_up.push(tokio::task::spawn_local(top_up));
                phones.push(Phone { line, wallet, id, busy: Arc::new(Mutex::new(())) });
            }
            for top_up in topped_up {
                top_up.await.map_err(|_| SetUpError::Over)??;
            }
        }
        Ok(ServerHouse {
            hall,
            phones,
            shops,
            run,
            next_till: Cell::new(0),
            paid: RefCell::new(HashMap::new()),
            hear_within: HEAR_WITHIN + self.longest_away(),
            last_phone: RefCell::new(histogram()),
            leaving: Cell::new(0),
        })
    }
}

/// What may be asked of a wallet.
#[derive(Deserialize)]
struct Stands {
    available: u64,
}

fn explained(error: anyhow::Error, options: &LiveOptions) -> anyhow::Error {
    let explained = |error: SetUpError| error.explained(&options.cast);
    error.downcast().map_or_else(|error| error, explained)
}

/// Fills a purse up to what the evening gives, in amounts that need no second look at finger or face.
/// Money that is there too much cannot be taken out so: a withdrawal of that size needs the look.
async fn fill(line: Rc<Line>, wallet: Rc<str>, purse: u64, run: Rc<str>) -> Result<(), SetUpError> {
    let method = "wallets.get";
    let params = format_args!("{{\"wallet\":\"{wallet}\"}}");
    let Stands { available } = read(method, line.call(method, params).await)?;
    let Some(mut left) = purse.checked_sub(available) else {
        return Err(SetUpError::TooRich { wallet: wallet.to_string(), available, purse });
    };
    while left > 0 {
        let amount = left.min(CAP - 1);
        let params = format_args!(
            "{{\"wallet\":\"{wallet}\",\"amount\":{amount},\
             \"idempotency_key\":\"{run}-{wallet}-{left}\"}}"
        );
        let method = "wallets.top_up";
        taken(method, line.call(method, params).await)?;
        left -= amount;
    }
    Ok(())
}

/// The phones and tills are the auditors: each checks all that it is told.
fn audited(hall: &Hall, count: &Count) -> Audited {
    let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
    let (faults, storm) = (&hall.meter.faults, &hall.meter.storm);
    let numbers = vec![
        number("phones told of a bill", hall.guests.pushes),
        number("frames checked", hall.meter.frames),
        number("connections cut", storm.cut),
        number("back again", storm.back),
        number("of those, given a state instead of what they missed", storm.with_state),
        number("connections made again", hall.meter.reconnects),
        number("scanned again with a fresh code", hall.meter.fresh_codes),
        number("requests asked again later", hall.meter.held_back),
    ];
    let all = faults.count + count.faults.len() as u64;
    let verdict = if all == 0 { Verdict::Ok } else { Verdict::Failed };
    let by = "every phone: order, gaps, sums of what it was told".to_owned();
    let reasons = faults.reasons.iter().chain(&count.faults).cloned().collect();
    Audited { verdict, by, numbers, faults: all, reasons }
}
