//! In process: the house is an engine of this process. Diners hear questions through its feed and
//! answer them as anybody would.

use std::{
    cell::RefCell,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::{
    Engine, Error, FeedEvent, Presented, Subscription,
    domain::{
        bill::Bill,
        code::Code,
        event::{Consent, Event},
        group::Command,
        order::RefundRequest,
        payment::Question,
        text::{Name, OrderNo, RefundNo},
    },
    id::{GroupId, MerchantId, RequestId, Topic, WalletId},
    money::Currency,
};
use uuid::Uuid;

use super::{
    Scenario,
    count::Count,
    house::{Ended, Heard, House, Pace, Said, Word},
    order::{first_rules, lines, minor, rules},
    play::play,
    script::{Outing, Script, Stop},
    timers::Timers,
};
use crate::{
    dinner::{Watch, proven},
    drive::{Drive, run_all},
    meter::word_of,
};

/// Commands in flight while everybody comes in.
const WINDOW: usize = 4_096;

/// How often somebody is told how far it is.
const TICK: Duration = Duration::from_millis(200);

/// Everybody in one engine.
pub struct EngineHouse<'a> {
    engine: &'a Engine,
    currency: Currency,
    people: Vec<WalletId>,
    merchants: Vec<MerchantId>,
    timers: Timers,
}

impl fmt::Debug for EngineHouse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (people, merchants) = (self.people.len(), self.merchants.len());
        let mut house = f.debug_struct("EngineHouse");
        house.field("people", &people).field("merchants", &merchants).finish_non_exhaustive()
    }
}

impl<'a> EngineHouse<'a> {
    /// Opens everybody's wallet, tops it up, and onboards the merchants.
    ///
    /// # Errors
    /// The engine's.
    pub fn set_up(engine: &'a Engine, scenario: &Scenario, scale: f64, seed: u64) -> Result<Self> {
        let (currency, sizes) = (scenario.currency, scenario.sizes(scale));
        let hot = &scenario.merchants.hot;
        let name = |number: usize| match hot.get(number) {
            Some(hot) => hot.name.clone(),
            None => Name::new(format!("merchant {number}")).expect("a word and a number"),
        };
        let mut merchants = vec![MerchantId(Uuid::nil()); sizes.merchants];
        let onboard = |number: usize| async move {
            let merchant = engine.onboard_merchant(name(number), currency).await?;
            anyhow::Ok((number, merchant))
        };
        run_all::<_, anyhow::Error>(WINDOW, (0..sizes.merchants).map(onboard), |onboarded| {
            let (number, merchant) = onboarded.context("cannot onboard merchants")?;
            merchants[number] = merchant;
            Ok(())
        })?;
        let mut people = vec![WalletId(Uuid::nil()); sizes.people];
        let open = |person: usize| async move {
            let name = Name::new(format!("diner {person}")).expect("a word and a number");
            let wallet = engine.open_wallet(name, currency).await?;
            let purse = minor(scenario.purse_minor(person, seed));
            let request = RequestId(Uuid::from_u128(person as u128));
            engine.top_up(wallet, request, purse).await?;
            Ok::<_, Error>((person, wallet))
        };
        run_all::<_, anyhow::Error>(WINDOW, (0..sizes.people).map(open), |opened| {
            let (person, wallet) = opened.context("cannot open wallets")?;
            people[person] = wallet;
            Ok(())
        })?;
        Ok(Self { engine, currency, people, merchants, timers: Timers::default() })
    }

    /// Plays the whole evening on this thread.
    pub fn evening(
        &self,
        mut script: Script<'_>,
        pace: Pace,
        count: &RefCell<Count>,
        measure_from: Instant,
        watch: &mut dyn Watch,
    ) {
        let mut drive = Drive::new();
        let mut next = script.next();
        let mut tick_at = Instant::now() + TICK;
        let mut measuring = false;
        while next.is_some() || drive.in_flight() > 0 {
            let now = Instant::now();
            if !measuring && now >= measure_from {
                measuring = true;
                watch.begins();
            }
            self.timers.ring(now);
            while let Some(outing) = next.take_if(|outing| pace.at(outing.at_ms) <= now) {
                drive.start(play(self, pace, outing, count));
                next = script.next();
            }
            if now >= tick_at {
                tick_at = now + TICK;
                let mut count = count.borrow_mut();
                count.look(now, || watch.gauges());
                watch.tick(count.moment(now));
            }
            let arrival = next.as_ref().map(|outing| pace.at(outing.at_ms));
            let mut until =
                self.timers.next().into_iter().chain(arrival).fold(tick_at, Instant::min);
            if !measuring {
                until = until.min(measure_from);
            }
            drive.turn(until, |()| {});
        }
    }

    fn wallet(&self, outing: &Outing, seat: usize) -> WalletId {
        self.people[outing.seats[seat].person]
    }

    fn bill(&self, outing: &Outing, number: usize) -> Bill {
        let stop = &outing.stops[number];
        Bill {
            merchant: self.merchants[stop.merchant],
            order_no: order_no(outing, number),
            currency: self.currency,
            total: minor(stop.total_minor()),
            lines: lines(outing, stop),
        }
    }
}

fn order_no(outing: &Outing, stop: usize) -> OrderNo {
    OrderNo::new(format!("evening-{}-{stop}", outing.number)).expect("short and plain")
}

fn consent(outing: &Outing, seat: usize) -> Consent {
    Consent { cap: minor(outing.seats[seat].cap_minor), confirm_above: None }
}

fn word(error: &Error) -> Word {
    match error.reason() {
        // Its own kind is told apart by the code.
        Some(reason) if !matches!(error, Error::Answer(_)) => reason.word().into(),
        Some(_) | None => error.code().into(),
    }
}

impl House for EngineHouse<'_> {
    type Table = GroupId;
    type Ear = Subscription;
    type Places = ();
    type Code = Code;
    type Question = Question;

    async fn until(&self, moment: Instant) {
        if Instant::now() < moment {
            self.timers.until(moment).await;
        }
    }

    /// A wallet may sit at two tables; it is phones that are at one.
    async fn gather(&self, _outing: &Outing) -> ((), Duration) {
        ((), Duration::ZERO)
    }

    async fn open(&self, outing: &Outing, (): ()) -> Result<(GroupId, Subscription), Word> {
        let name = Name::new(format!("table {}", outing.number)).expect("a word and a number");
        let rules = first_rules(outing, |seat| self.wallet(outing, seat));
        let (host, consent) = (self.wallet(outing, 0), consent(outing, 0));
        let opened = self.engine.open_group(name, host, consent, self.currency, rules).await;
        let group = opened.map_err(|error| word(&error))?;
        let ear = self.engine.subscribe(Topic::Group(group), None).await;
        Ok((group, ear.map_err(|error| word(&error))?))
    }

    async fn join(&self, outing: &Outing, table: &GroupId, seat: usize) -> Result<(), Word> {
        let (host, guest) = (self.wallet(outing, 0), self.wallet(outing, seat));
        // Seeing the code is the invitation; joining does not spend it.
        let shown = self.engine.show_code(*table, host).await.map_err(|error| word(&error))?;
        let joined = self.engine.join_by_code(shown.code, guest, consent(outing, seat)).await;
        joined.map(drop).map_err(|error| word(&error))
    }

    async fn divide(&self, outing: &Outing, table: &GroupId, _stop: usize) -> Result<(), Word> {
        let rules = rules(outing, |seat| self.wallet(outing, seat));
        let command = Command::SetRules { by: self.wallet(outing, 0), rules };
        let done = self.engine.group_command(*table, command).await;
        done.map(drop).map_err(|error| word(&error))
    }

    async fn show(&self, outing: &Outing, table: &GroupId, seat: usize) -> Result<Code, Word> {
        let shown = self.engine.show_code(*table, self.wallet(outing, seat)).await;
        shown.map(|shown| shown.code).map_err(|error| word(&error))
    }

    async fn present(&self, outing: &Outing, stop: usize, code: Code) -> Result<Ended, Word> {
        let bill = self.bill(outing, stop);
        let (order_no, merchant, total) = (bill.order_no.clone(), bill.merchant, bill.total);
        match self.engine.present(bill, code).await {
            Ok(Presented::Settled(receipt)) => {
                let Some(paid) = proven(receipt.event(), merchant, &order_no, total) else {
                    return Err("wrong_receipt".into());
                };
                let total_minor = paid.total.minor().unsigned_abs();
                let position = receipt.position().0;
                Ok(Ended::Settled { total_minor, debits: Some(paid.legs.len()), position })
            }
            Ok(Presented::Declined { reason, .. }) => Ok(Ended::Declined(word_of(reason).into())),
            Err(error) => Err(word(&error)),
        }
    }

    async fn hear(&self, outing: &Outing, stop: usize, ear: &mut Subscription) -> Heard<Question> {
        let order_no = order_no(outing, stop);
        loop {
            match ear.next().await {
                Ok(FeedEvent::Progress(news)) if news.order_no == order_no => {
                    let seat = |question: &Question| {
                        let mut seats = 0..outing.seats.len();
                        let seat = seats.find(|seat| self.wallet(outing, *seat) == question.diner);
                        Some((seat?, question.clone()))
                    };
                    let questions: Vec<_> = news.waiting_for.iter().filter_map(seat).collect();
                    let waits_for = questions.iter().map(|(seat, _)| *seat).collect();
                    return Heard { all_reserved: news.reserved == news.of, waits_for, questions };
                }
                Ok(FeedEvent::Progress(_) | FeedEvent::Durable(_)) => {}
                // Cut as too slow, or the engine is closed: there is nothing more to hear.
                Err(_) => std::future::pending().await,
            }
        }
    }

    async fn answer(
        &self,
        _outing: &Outing,
        table: &GroupId,
        _seat: usize,
        question: Question,
        yes: bool,
    ) -> Result<Said, Word> {
        let said = if yes {
            self.engine.confirm(*table, question).await
        } else {
            self.engine.refuse(*table, question).await
        };
        said.map(|()| if yes { Said::Yes } else { Said::No }).map_err(|error| word(&error))
    }

    async fn refund(
        &self,
        outing: &Outing,
        number: usize,
        part_minor: Option<u64>,
    ) -> Result<u64, Word> {
        let stop: &Stop = &outing.stops[number];
        let order_no = order_no(outing, number);
        let request = RefundRequest {
            order_no: order_no.clone(),
            refund_no: RefundNo::new("morning").expect("short and plain"),
            amount: part_minor.map(minor),
            diner: None,
        };
        let given = self.engine.refund(self.merchants[stop.merchant], request).await;
        let receipt = given.map_err(|error| word(&error))?;
        if let Event::Refunded(refund) = receipt.event()
            && refund.order_no == order_no
        {
            return Ok(refund.amount.minor().unsigned_abs());
        }
        Err("wrong_receipt".into())
    }

    fn cut(&self, _outing: &Outing, _seat: usize, _moment: Instant, _away: Duration) -> bool {
        // There is no connection in one process.
        false
    }

    async fn leave(&self, _outing: &Outing, ear: Subscription) {
        drop(ear);
    }
}
