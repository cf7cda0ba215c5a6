//! Play: one outing from its arrival to its last refund, in whatever house.
//!
//! Everything has its time in the script. Who comes late to it does it at once, and the clock runs:
//! an order's latency counts from when it should have been scanned.

use std::{cell::RefCell, collections::BTreeSet, pin::pin, time::Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{
    count::{Count, Counted, Kind},
    house::{Ended, Heard, House, Pace, Word},
    script::{Back, Manner, Outing},
};

/// Lives through `outing` in `house`.
pub async fn play<H: House>(house: &H, pace: Pace, outing: Outing, count: &RefCell<Count>) {
    let due = pace.at(outing.at_ms);
    house.until(due).await;
    count.borrow_mut().arrived(&outing);
    let (places, late) = house.gather(&outing).await;
    // Whoever still sat elsewhere is late for everything here, which is no latency of the house.
    count.borrow_mut().gathered(late);
    let (due, pace) = (due + late, pace.later(late));
    let began = Instant::now();
    let opened = house.open(&outing, places).await;
    let (table, mut ear) = match opened {
        Ok(opened) => opened,
        Err(word) => return count.borrow_mut().turned_away("open", word),
    };
    count.borrow_mut().took(Kind::Open, due, began.elapsed());
    let are_cut = sit_down(house, pace, &outing, &table, count).await;
    let mut refunds = Vec::new();
    for (number, stop) in outing.stops.iter().enumerate() {
        // A phone without a connection shows no code: that the table waits for it is the script's.
        let away_ms = if are_cut { out_of_reach_ms(&outing, number) } else { 0 };
        count.borrow_mut().out_of_reach += u64::from(away_ms > 0);
        let pace = pace.later(pace.span(away_ms));
        match pay(house, pace, &outing, &table, number, &mut ear, count).await {
            Ok(true) => refunds.extend(stop.refund.map(|back| (back, number))),
            Ok(false) => break,
            Err((what, word)) => {
                count.borrow_mut().turned_away(what, word);
                break;
            }
        }
    }
    house.leave(&outing, ear).await;
    count.borrow_mut().left();
    refunds.sort_by_key(|(back, _)| back.at_ms);
    for (Back { at_ms, part_minor }, stop) in refunds {
        let due = pace.at(at_ms);
        house.until(due).await;
        let outcome = house.refund(&outing, stop, part_minor).await;
        // Nothing of the bill has gone back before.
        let asked_minor = part_minor.unwrap_or_else(|| outing.stops[stop].total_minor());
        count.borrow_mut().refunded(due, part_minor.is_none(), asked_minor, outcome);
    }
}

/// How much later than planned the bill's code can be shown, because a phone that is needed for it is
/// without a connection then.
fn out_of_reach_ms(outing: &Outing, number: usize) -> u64 {
    let stop = &outing.stops[number];
    let host_ms = match outing.needs_rules(number) {
        true => outing.seats[0].within_reach_ms(stop.shown_ms),
        false => stop.shown_ms,
    };
    outing.seats[stop.shown_by].within_reach_ms(host_ms) - stop.shown_ms
}

/// How many join one table at the same time: its people have a phone each, and wait for nobody.
const JOINING_MAX: usize = 8;

/// Lets everybody join, in the order of their seats; says whether phones lose connections here.
async fn sit_down<H: House>(
    house: &H,
    pace: Pace,
    outing: &Outing,
    table: &H::Table,
    count: &RefCell<Count>,
) -> bool {
    let join = |seat: usize| async move {
        let diner = &outing.seats[seat];
        let due = pace.at(outing.at_ms + diner.joins_ms);
        if seat > 0 {
            let began = Instant::now();
            match house.join(outing, table, seat).await {
                Ok(()) => count.borrow_mut().took(Kind::Join, due, began.elapsed()),
                Err(word) => count.borrow_mut().turned_away("join", word),
            }
        }
        let Some((after_ms, away_ms)) = diner.cut else { return false };
        let moment = due + pace.span(after_ms);
        let is_cut = house.cut(outing, seat, moment, pace.span(away_ms));
        count.borrow_mut().cuts += u64::from(is_cut);
        is_cut
    };
    let (mut joining, mut are_cut) = (FuturesUnordered::new(), false);
    for (seat, diner) in outing.seats.iter().enumerate() {
        let mut due = pin!(house.until(pace.at(outing.at_ms + diner.joins_ms)));
        let mut is_due = false;
        while !is_due || joining.len() == JOINING_MAX {
            tokio::select! {
                biased;
                () = &mut due, if !is_due => is_due = true,
                Some(is_cut) = joining.next() => are_cut |= is_cut,
            }
        }
        joining.push(join(seat));
    }
    while let Some(is_cut) = joining.next().await {
        are_cut |= is_cut;
    }
    are_cut
}

/// Pays one bill; says whether it was paid, or what else went wrong.
async fn pay<H: House>(
    house: &H,
    pace: Pace,
    outing: &Outing,
    table: &H::Table,
    number: usize,
    ear: &mut H::Ear,
    count: &RefCell<Count>,
) -> Result<bool, (&'static str, Word)> {
    let stop = &outing.stops[number];
    house.until(pace.at(outing.at_ms + stop.shown_ms)).await;
    if outing.needs_rules(number) {
        house.divide(outing, table, number).await.map_err(|word| ("rules", word))?;
    }
    let began = Instant::now();
    let code = house.show(outing, table, stop.shown_by).await.map_err(|word| ("code", word))?;
    let due = pace.at(outing.at_ms + stop.scanned_ms);
    count.borrow_mut().took(Kind::Code, due, began.elapsed());
    house.until(due).await;
    let scanned = Instant::now();
    count.borrow_mut().scanned(due);
    let first = async {
        let ended = house.present(outing, number, code.clone()).await;
        count.borrow_mut().told();
        (ended, Instant::now())
    };
    let again = async {
        let after = stop.retried_ms?;
        house.until(due + pace.span(after)).await;
        Some(house.present(outing, number, code.clone()).await)
    };
    let mut paying = pin!(async { tokio::join!(first, again) });
    let mut talk = Talk::<H>::default();
    let ((ended, told), again) = loop {
        let next = talk.next_at();
        let silent = async {
            match next {
                Some(next) => house.until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = &mut paying => break ended,
            heard = house.hear(outing, number, ear) => talk.heard(heard, outing, pace),
            () = silent => {
                let Some((at, seat, question, yes)) = talk.take() else { continue };
                // The planned moment: a slow answer, or one that waits behind others, is no gift.
                talk.answered_at = Some(at);
                let mut answer = pin!(house.answer(outing, table, seat, question, yes));
                // The till may be told before the diner is.
                let (said, over) = tokio::select! {
                    biased;
                    over = &mut paying => (answer.await, Some(over)),
                    said = &mut answer => (said, None),
                };
                count.borrow_mut().answered(said);
                if let Some(over) = over {
                    break over;
                }
            }
        }
    };
    let is_paid = matches!(ended, Ok(Ended::Settled { .. }));
    count.borrow_mut().ended(Counted {
        due,
        scanned,
        told,
        answered_at: talk.answered_at,
        asked: talk.asked.len(),
        vanished: talk.vanished,
        silent: talk.vanished + talk.open.len(),
        unheard: talk.unheard(),
        all_reserved: talk.all_reserved,
        kind: stop.kind,
        ended,
        again,
    });
    Ok(is_paid)
}

/// What was asked during one bill, and who will still say something.
struct Talk<H: House> {
    all_reserved: bool,
    /// Seats that the bill was seen waiting for.
    waited_for: BTreeSet<usize>,
    asked: Vec<(usize, H::Question)>,
    /// Answers that are due: when, at which seat, to what, and which.
    open: Vec<(Instant, usize, H::Question, bool)>,
    vanished: usize,
    /// When the last answer should have been given.
    answered_at: Option<Instant>,
}

impl<H: House> Default for Talk<H> {
    fn default() -> Self {
        let (asked, open) = (Vec::new(), Vec::new());
        let waited_for = BTreeSet::new();
        Self { all_reserved: false, waited_for, asked, open, vanished: 0, answered_at: None }
    }
}

impl<H: House> Talk<H> {
    fn next_at(&self) -> Option<Instant> {
        self.open.iter().map(|(at, ..)| *at).min()
    }

    /// Diners who were asked and did not hear it, as their phones had no connection.
    fn unheard(&self) -> usize {
        let heard = |seat: &usize| self.asked.iter().any(|(asked, _)| asked == seat);
        self.waited_for.iter().filter(|seat| !heard(seat)).count()
    }

    fn take(&mut self) -> Option<(Instant, usize, H::Question, bool)> {
        let next = self.next_at()?;
        let at = self.open.iter().position(|(at, ..)| *at == next)?;
        Some(self.open.swap_remove(at))
    }

    /// Takes new questions; news repeats those that are still open.
    fn heard(&mut self, heard: Heard<H::Question>, outing: &Outing, pace: Pace) {
        self.all_reserved |= heard.all_reserved;
        self.waited_for.extend(heard.waits_for);
        for (seat, question) in heard.questions {
            if self.asked.iter().any(|(known, asked)| *known == seat && *asked == question) {
                continue;
            }
            self.asked.push((seat, question.clone()));
            match outing.seats[seat].manner {
                Manner::Says { yes, after_ms } => {
                    let at = Instant::now() + pace.span(after_ms);
                    self.open.push((at, seat, question, yes));
                }
                Manner::Vanishes => self.vanished += 1,
            }
        }
    }
}
