//! House: a running server, and an evening in it. Every diner is a phone, every merchant has a till.
//!
//! A phone listens to the group at whose table it sits. When a table gets up, each of its phones must
//! have heard of every bill that was paid there (L-1, seen from outside), also those that lost their
//! connection in between.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use fanju::{domain::event::Rules, id::WalletId};
use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, OwnedMutexGuard, mpsc},
    time::{sleep_until, timeout},
};

use super::{
    frame::{self, Refusal},
    guests::{Asked, News, Place},
    hall::{CAP, Hall},
    line::Line,
    set_up::{Made, Opened},
    told::{Paid, Told},
};
use crate::{
    meter::record,
    scenario::{
        house::{self, Ended, Heard, Said, Word},
        order::{first_rules, lines, rules},
        script::Outing,
    },
};

/// A diner's phone.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) line: Rc<Line>,
    pub(super) wallet: Rc<str>,
    pub(super) id: WalletId,
    /// Held while its owner sits at a table: nobody sits at two.
    pub(super) busy: Arc<Mutex<()>>,
}

/// A merchant's tills.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) merchant: String,
    pub(super) tills: Vec<Rc<Line>>,
}

/// Everybody on one server.
#[derive(Debug)]
pub(super) struct ServerHouse {
    pub(super) hall: Rc<RefCell<Hall>>,
    pub(super) phones: Vec<Phone>,
    pub(super) shops: Vec<Shop>,
    pub(super) run: Rc<str>,
    pub(super) next_till: Cell<usize>,
    /// Bills that were paid at tables that have not got up, by outing, as their tills were told.
    pub(super) paid: RefCell<HashMap<u64, Vec<Paid>>>,
    /// How long phones may take to hear of what was paid.
    pub(super) hear_within: Duration,
    /// From when the till was told until the last phone was.
    pub(super) last_phone: RefCell<Histogram<u64>>,
    /// Tables that are getting up.
    pub(super) leaving: Cell<usize>,
}

/// A group that was opened.
#[derive(Debug)]
pub(super) struct Table {
    group: Rc<str>,
    link: String,
    tell: mpsc::UnboundedSender<News>,
    joined: Rc<RefCell<Vec<usize>>>,
}

/// A code that a phone shows.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    group: Rc<str>,
    seat: usize,
    /// The code, and how often the phone had lost its connection when it asked for it.
    code: Rc<RefCell<(String, u64)>>,
}

/// What hears of it.
#[derive(Debug)]
pub(super) struct Ear {
    group: Rc<str>,
    news: mpsc::UnboundedReceiver<News>,
    told: Told,
    /// Seats of those who have joined.
    joined: Rc<RefCell<Vec<usize>>>,
    _places: Vec<OwnedMutexGuard<()>>,
}

#[derive(Deserialize)]
struct GivenBack {
    event: Amounted,
}

#[derive(Deserialize)]
struct Amounted {
    amount: u64,
}

fn read<T: for<'a> Deserialize<'a>>(answer: &str) -> Result<T, Word> {
    serde_json::from_str(answer).map_err(|_| "foreign_answer".into())
}

impl ServerHouse {
    /// A fresh code of the group, which the phone at `seat` shows.
    async fn fresh_code(&self, outing: &Outing, group: &str, seat: usize) -> Result<String, Word> {
        let phone = self.phone(outing, seat);
        let by = &phone.wallet;
        let params = format_args!("{{\"group\":\"{group}\",\"by\":\"{by}\"}}");
        let answer = ServerHouse::ask(&phone.line, "groups.code", params).await?;
        let shown: frame::ShownCode<'_> =
            serde_json::from_str(&answer).map_err(|_| "foreign_answer")?;
        Ok(shown.code.to_owned())
    }

    /// Scans `shown`; again with a fresh code if the phone lost its connection meanwhile and the
    /// server does not know the code any more: it was started again.
    async fn scan(
        &self,
        outing: &Outing,
        shown: &Shown,
        till: &Line,
        bill: fmt::Arguments<'_>,
    ) -> Result<String, Word> {
        let line = &self.phone(outing, shown.seat).line;
        loop {
            let (code, breaks) = shown.code.borrow().clone();
            let params = format_args!("{{\"code\":\"{code}\",{bill}}}");
            match ServerHouse::ask(till, "orders.scan", params).await {
                Err(word) if word == "unknown_code" && breaks < line.breaks() => {}
                answer => return answer,
            }
            // A till that asks a second time may have been faster.
            if shown.code.borrow().0 == code {
                let breaks = line.breaks();
                let fresh = self.fresh_code(outing, &shown.group, shown.seat).await?;
                self.hall.borrow_mut().meter.fresh_codes += 1;
                shown.code.replace((fresh, breaks));
            }
        }
    }

    fn phone(&self, outing: &Outing, seat: usize) -> &Phone {
        &self.phones[outing.seats[seat].person]
    }

    fn wallet(&self, outing: &Outing, seat: usize) -> WalletId {
        self.phone(outing, seat).id
    }

    fn shop(&self, outing: &Outing, stop: usize) -> (&Shop, &Rc<Line>) {
        let shop = &self.shops[outing.stops[stop].merchant % self.shops.len()];
        let turn = self.next_till.get();
        self.next_till.set(turn.wrapping_add(1));
        (shop, &shop.tills[turn % shop.tills.len()])
    }

    fn order_no(&self, outing: &Outing, stop: usize) -> String {
        format!("{}-{}-{stop}", self.run, outing.number)
    }

    fn key(&self, outing: &Outing, what: fmt::Arguments<'_>) -> String {
        format!("{}-{}-{what}", self.run, outing.number)
    }

    async fn ask(line: &Line, method: &str, params: fmt::Arguments<'_>) -> Result<String, Word> {
        line.call(method, params).await.map_err(|refusal| refusal.code.into())
    }

    /// Sits `seat` down: its phone listens to the group.
    async fn sit(&self, outing: &Outing, table: &Table, seat: usize) -> Result<(), Word> {
        let (person, phone) = (outing.seats[seat].person, self.phone(outing, seat));
        let (wallet, tell) = (Rc::clone(&phone.wallet), table.tell.clone());
        let place = Place { outing: outing.number, seat, wallet, tell };
        self.hall.borrow_mut().guests.sit(person, place);
        let topic = format!("group:{}", table.group);
        phone.line.listen(&topic).await.map_err(|refusal| refusal.code)?;
        table.joined.borrow_mut().push(seat);
        Ok(())
    }

    fn cap(outing: &Outing, seat: usize) -> u64 {
        outing.seats[seat].cap_minor.min(CAP)
    }

    fn json(rules: &Rules) -> String {
        serde_json::to_string(rules).expect("rules are words and numbers")
    }

    /// Waits until every phone has heard of every bill that was paid, and lets them listen no more.
    async fn get_up(&self, outing: &Outing, mut ear: Ear) {
        let paid = self.paid.borrow_mut().remove(&outing.number).unwrap_or_default();
        let joined = ear.joined.borrow().clone();
        let hear = async {
            while !ear.told.has_all(&paid, joined.len()) {
                match ear.news.recv().await {
                    Some(News::Settled(paid)) => ear.told.note(paid),
                    Some(News::Progress { .. } | News::Asked { .. }) => {}
                    None => return,
                }
            }
        };
        // Who was not told by then is missed in what follows.
        timeout(self.hear_within, hear).await.ok();
        for what in ear.told.contradictions(&paid, joined.len()) {
            self.hall.borrow_mut().meter.faults.add(|| what);
        }
        for bill in &paid {
            let last = ear.told.last(&bill.order_no).unwrap_or(bill.at);
            record(&mut self.last_phone.borrow_mut(), last.saturating_duration_since(bill.at));
        }
        let topic = format!("group:{}", ear.group);
        for seat in joined {
            // Refused only to a phone that never got so far as to listen.
            drop(self.phone(outing, seat).line.forget(&topic).await);
            self.hall.borrow_mut().guests.rise(outing.seats[seat].person);
        }
    }
}

impl house::House for Rc<ServerHouse> {
    type Table = Table;
    type Ear = Ear;
    type Places = Vec<OwnedMutexGuard<()>>;
    type Code = Shown;
    type Question = Asked;

    async fn until(&self, moment: Instant) {
        if Instant::now() < moment {
            sleep_until(moment.into()).await;
        }
    }

    async fn gather(&self, outing: &Outing) -> (Vec<OwnedMutexGuard<()>>, Duration) {
        let began = Instant::now();
        let mut people: Vec<usize> = outing.seats.iter().map(|seat| seat.person).collect();
        // In one order for everybody: no two tables wait for one another.
        people.sort_unstable();
        let mut places = Vec::with_capacity(people.len());
        let mut late = Duration::ZERO;
        for person in people {
            let busy = &self.phones[person].busy;
            places.push(match Arc::clone(busy).try_lock_owned() {
                Ok(place) => place,
                Err(_) => {
                    let place = Arc::clone(busy).lock_owned().await;
                    late = began.elapsed();
                    place
                }
            });
        }
        (places, late)
    }

    async fn open(
        &self,
        outing: &Outing,
        places: Vec<OwnedMutexGuard<()>>,
    ) -> Result<(Table, Ear), Word> {
        let host = self.phone(outing, 0);
        let rules = ServerHouse::json(&first_rules(outing, |seat| self.wallet(outing, seat)));
        let (wallet, number, cap) = (&host.wallet, outing.number, ServerHouse::cap(outing, 0));
        let key = self.key(outing, format_args!("open"));
        let params = format_args!(
            "{{\"name\":\"Table {number}\",\"host\":\"{wallet}\",\"cap\":{cap},\
             \"rules\":{rules},\"idempotency_key\":\"{key}\"}}"
        );
        let Opened { group } = read(&ServerHouse::ask(&host.line, "groups.open", params).await?)?;
        let params = format_args!("{{\"group\":\"{group}\",\"by\":\"{wallet}\"}}");
        let Made { link } = read(&ServerHouse::ask(&host.line, "groups.link", params).await?)?;
        let (tell, news) = mpsc::unbounded_channel();
        let (group, joined): (Rc<str>, _) = (group.into(), Rc::default());
        let table = Table { group: Rc::clone(&group), link, tell, joined: Rc::clone(&joined) };
        self.sit(outing, &table, 0).await?;
        let ear = Ear { group, news, told: Told::default(), joined, _places: places };
        Ok((table, ear))
    }

    async fn join(&self, outing: &Outing, table: &Table, seat: usize) -> Result<(), Word> {
        let phone = self.phone(outing, seat);
        let (group, wallet, cap) = (&table.group, &phone.wallet, ServerHouse::cap(outing, seat));
        let link = serde_json::Value::from(table.link.as_str());
        let key = self.key(outing, format_args!("join-{seat}"));
        let params = format_args!(
            "{{\"group\":\"{group}\",\"wallet\":\"{wallet}\",\"cap\":{cap},\"link\":{link},\
             \"idempotency_key\":\"{key}\"}}"
        );
        let breaks = phone.line.breaks();
        // A server that died between the record and its answer refuses whoever is a member already.
        let is_member = |refusal: &Refusal| {
            phone.line.breaks() > breaks && refusal.reason.as_deref() == Some("already_member")
        };
        match phone.line.call("groups.join", params).await {
            Err(refusal) if !is_member(&refusal) => return Err(refusal.code.into()),
            Ok(_) | Err(_) => {}
        }
        self.sit(outing, table, seat).await
    }

    async fn divide(&self, outing: &Outing, table: &Table, stop: usize) -> Result<(), Word> {
        let rules = ServerHouse::json(&rules(outing, |seat| self.wallet(outing, seat)));
        let (host, group) = (self.phone(outing, 0), &table.group);
        let (by, key) = (&host.wallet, self.key(outing, format_args!("rules-{stop}")));
        let params = format_args!(
            "{{\"group\":\"{group}\",\"by\":\"{by}\",\"rules\":{rules},\
             \"idempotency_key\":\"{key}\"}}"
        );
        ServerHouse::ask(&host.line, "groups.rules", params).await.map(drop)
    }

    async fn show(&self, outing: &Outing, table: &Table, seat: usize) -> Result<Shown, Word> {
        let (breaks, group) = (self.phone(outing, seat).line.breaks(), Rc::clone(&table.group));
        let code = self.fresh_code(outing, &group, seat).await?;
        Ok(Shown { group, seat, code: Rc::new(RefCell::new((code, breaks))) })
    }

    async fn present(&self, outing: &Outing, number: usize, shown: Shown) -> Result<Ended, Word> {
        let (stop, order_no) = (&outing.stops[number], self.order_no(outing, number));
        let (shop, till) = self.shop(outing, number);
        let (merchant, total) = (&shop.merchant, stop.total_minor());
        let lines = serde_json::to_string(&lines(outing, stop)).expect("words and numbers");
        let bill = format_args!(
            "\"merchant\":\"{merchant}\",\"order_no\":\"{order_no}\",\"total\":{total},\
             \"lines\":{lines}"
        );
        let answer = self.scan(outing, &shown, till, bill).await?;
        let ended: frame::Ended<'_> =
            serde_json::from_str(&answer).map_err(|_| "foreign_answer")?;
        if ended.order_no != order_no || ended.total != total {
            return Err("wrong_receipt".into());
        }
        if ended.state != "settled" {
            let reason = ended.reason.map_or("unknown", |reason| reason.reason);
            return Ok(Ended::Declined(reason.to_owned().into()));
        }
        let (position, at) = (ended.position, Instant::now());
        let mut paid = self.paid.borrow_mut();
        let paid = paid.entry(outing.number).or_default();
        // A till that asks again is told of the same bill.
        if !paid.iter().any(|known| known.order_no == order_no) {
            paid.push(Paid { order_no, total, position, at });
        }
        Ok(Ended::Settled { total_minor: total, debits: None, position })
    }

    async fn hear(&self, outing: &Outing, stop: usize, ear: &mut Ear) -> Heard<Asked> {
        let current = self.order_no(outing, stop);
        loop {
            match ear.news.recv().await {
                Some(News::Progress { order_no, all_reserved, waits_for })
                    if order_no == current =>
                {
                    let wallet = |seat: &usize| self.phone(outing, *seat).wallet.as_ref();
                    let seat = |diner: &String| {
                        (0..outing.seats.len()).find(|seat| wallet(seat) == diner.as_str())
                    };
                    let waits_for = waits_for.iter().filter_map(seat).collect();
                    return Heard { all_reserved, waits_for, questions: Vec::new() };
                }
                Some(News::Asked { seat, asked }) if asked.order_no == current => {
                    let (waits_for, questions) = (vec![seat], vec![(seat, asked)]);
                    return Heard { all_reserved: false, waits_for, questions };
                }
                Some(News::Settled(paid)) => ear.told.note(paid),
                Some(News::Progress { .. } | News::Asked { .. }) => {}
                None => std::future::pending().await,
            }
        }
    }

    async fn answer(
        &self,
        outing: &Outing,
        table: &Table,
        seat: usize,
        question: Asked,
        yes: bool,
    ) -> Result<Said, Word> {
        let line = &self.phone(outing, seat).line;
        let (group, Asked { merchant, order_no, presentation, diner, owed, .. }) =
            (&table.group, &question);
        let say = |method| {
            let params = format!(
                "{{\"group\":\"{group}\",\"diner\":\"{diner}\",\"merchant\":\"{merchant}\",\
                 \"order_no\":\"{order_no}\",\"presentation\":\"{presentation}\",\"owed\":{owed}}}"
            );
            async move { ServerHouse::ask(line, method, format_args!("{params}")).await }
        };
        if !yes {
            return say("groups.refuse").await.map(|_| Said::No);
        }
        match say("groups.confirm").await {
            Ok(_) => Ok(Said::Yes),
            Err(word) if word == "step_up_required" => {
                say("groups.refuse").await.map(|_| Said::Faceless)
            }
            Err(word) => Err(word),
        }
    }

    async fn refund(
        &self,
        outing: &Outing,
        number: usize,
        part_minor: Option<u64>,
    ) -> Result<u64, Word> {
        let (shop, till) = self.shop(outing, number);
        let (merchant, order_no) = (&shop.merchant, self.order_no(outing, number));
        let amount = part_minor.map_or_else(|| "null".to_owned(), |minor| minor.to_string());
        let params = format_args!(
            "{{\"merchant\":\"{merchant}\",\"order_no\":\"{order_no}\",\
             \"refund_no\":\"morning\",\"amount\":{amount}}}"
        );
        let answer = ServerHouse::ask(till, "orders.refund", params).await?;
        let GivenBack { event } = read(&answer)?;
        Ok(event.amount)
    }

    fn cut(&self, outing: &Outing, seat: usize, moment: Instant, away: Duration) -> bool {
        let (house, person, number) = (Rc::clone(self), outing.seats[seat].person, outing.number);
        tokio::task::spawn_local(async move {
            sleep_until(moment.into()).await;
            let line = &house.phones[person].line;
            {
                let mut hall = house.hall.borrow_mut();
                let sits = hall.guests.place(person).is_some_and(|it| it.outing == number);
                if !sits {
                    return;
                }
                hall.meter.storm.cut += 1;
            }
            line.cut_for(away);
        });
        true
    }

    async fn leave(&self, outing: &Outing, ear: Ear) {
        let (house, outing) = (Rc::clone(self), outing.clone());
        self.leaving.set(self.leaving.get() + 1);
        tokio::task::spawn_local(async move {
            house.get_up(&outing, ear).await;
            house.leaving.set(house.leaving.get() - 1);
        });
    }
}
