//! The model's own payment: one bill, whose diners are asked one after the other, until it ends.
//!
//! Wallets answer in no order that anybody promised. Where several fall short at once, the model knows
//! how the bill ends but not who is named for it; where the others then share what is missing, it knows
//! only what must hold of any end ([`Stage::Unsure`]).

use std::collections::BTreeMap;

use fanju::{
    domain::{
        bill::Bill,
        event::{Decline, DeclineReason, Event, Leg, Settlement, Share, Shortfall, Source},
        group::{Group, Member},
        payment::{Question, Rejection},
        split::Split,
    },
    id::{PresentationId, WalletId},
};
use uuid::Uuid;

use super::divide::{Due, bill_content, bill_id, by_weight, divide, turn};
use crate::support::minor;

/// What stands for the name of a presentation, which the engine alone chooses.
pub(crate) const UNNAMED: PresentationId = PresentationId(Uuid::nil());

/// Where a payment stands once every wallet has answered.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Stage {
    /// These are asked.
    Asks(Vec<Question>),
    /// It ended as one of these says.
    Ends(Vec<Event>),
    /// It ends in one of many ways.
    Unsure,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Consent {
    Given,
    Asked,
    Confirmed,
}

#[derive(Clone, Debug)]
struct Seat {
    diner: WalletId,
    owed: i64,
    /// The part of it that the split says.
    own: i64,
    carry: i64,
    /// What the diner takes over without being asked.
    room: i64,
    consent: Consent,
    payer: WalletId,
}

#[derive(Debug)]
pub(crate) struct Payment {
    bill: Bill,
    group: Group,
    /// What each member has; `None` where the wallet pays nothing.
    funds: BTreeMap<WalletId, Option<i64>>,
    seats: Vec<Seat>,
    /// What the host gives at most, for whomever.
    host_gives: i64,
    /// Who may be named if it comes to nothing, where several fell short at once.
    several: Vec<DeclineReason>,
    end: Option<Stage>,
}

/// Who claims which line, where the bill is divided by its lines.
pub(crate) fn is_itemised(split: &Split) -> bool {
    let split = if let Split::Treat { of, .. } = split { of } else { split };
    matches!(split, Split::Itemised { .. })
}

/// Whether `bill` is what lies on the group's table: with the same lines, whatever the tip, or without
/// lines, over the same total, and not another shop's.
pub(crate) fn is_drafted(group: &Group, bill: &Bill) -> bool {
    use fanju::domain::draft::Drafter;
    let Some(draft) = &group.draft else { return false };
    let payee = match &draft.by {
        Drafter::Member { .. } => bill.merchant,
        Drafter::Till { merchant, .. } => *merchant,
    };
    let alike = bill.lines.is_empty() && draft.total == bill.total && payee == bill.merchant;
    alike || bill.lines == draft.lines
}

/// Everybody's due of `bill`, with the lines that lie on the table if it is the same and has none.
pub(crate) fn dues(group: &Group, bill: &Bill) -> Result<Vec<Due>, Rejection> {
    let drafted = is_drafted(group, bill);
    if group.draft.is_some() && !drafted && is_itemised(&group.rules.split) {
        return Err(Rejection::LinesDiffer);
    }
    let mut divided = bill.clone();
    if let Some(draft) = group.draft.as_ref().filter(|_| drafted) {
        divided.lines.clone_from(&draft.lines);
    }
    let diners: Vec<_> =
        group.members.iter().map(|member| (member.wallet, member.carry_micro)).collect();
    Ok(divide(&divided, &diners, &group.rules)?)
}

/// What a member pays at most without being asked.
fn unasked(member: &Member) -> i64 {
    let below_cap = (member.consent.cap.minor() - member.spent.minor()).max(0);
    member.consent.confirm_above.map_or(below_cap, |above| below_cap.min(above.minor()))
}

fn seat(member: &Member, due: &Due) -> Seat {
    let most = unasked(member);
    let asked = due.owed > most;
    Seat {
        diner: member.wallet,
        owed: due.owed,
        own: due.owed,
        carry: due.carry,
        room: if asked { 0 } else { most - due.owed },
        consent: if asked { Consent::Asked } else { Consent::Given },
        payer: member.wallet,
    }
}

impl Payment {
    pub(crate) fn begin(
        group: Group,
        bill: Bill,
        funds: BTreeMap<WalletId, Option<i64>>,
    ) -> Result<Self, Rejection> {
        if bill.currency != group.currency {
            return Err(Rejection::WrongCurrency { pays: group.currency, asked: bill.currency });
        }
        let dues = dues(&group, &bill)?;
        let owing = group.members.iter().zip(&dues).filter(|(_, due)| due.owed > 0);
        let seats = owing.map(|(member, due)| seat(member, due)).collect();
        let hosts = group.members.iter().zip(&dues).find(|(member, _)| member.wallet == group.host);
        // Who is asked about the own share agrees to that share alone.
        let host_gives = hosts.map_or(0, |(member, due)| due.owed.max(unasked(member)));
        let several = Vec::new();
        let mut payment = Self { bill, group, funds, seats, host_gives, several, end: None };
        payment.settle_down();
        Ok(payment)
    }

    pub(crate) fn bill(&self) -> &Bill {
        &self.bill
    }

    pub(crate) fn stage(&self) -> Stage {
        let asked = self.seats.iter().filter(|seat| seat.consent == Consent::Asked);
        let question = |seat: &Seat| Question {
            merchant: self.bill.merchant,
            order_no: self.bill.order_no.clone(),
            presentation: UNNAMED,
            diner: seat.diner,
            owed: minor(seat.owed),
        };
        let questions: Vec<Question> = asked.map(question).collect();
        match &self.end {
            Some(end) => end.clone(),
            None if questions.is_empty() => Stage::Ends(vec![self.settlement()]),
            None => Stage::Asks(questions),
        }
    }

    /// What each payer has set aside, once all wallets have answered.
    pub(crate) fn set_aside(&self) -> BTreeMap<WalletId, i64> {
        let mut all = BTreeMap::new();
        for seat in &self.seats {
            *all.entry(seat.payer).or_default() += seat.owed;
        }
        all
    }

    /// The first who is asked says yes or no.
    pub(crate) fn answer(&mut self, yes: bool) {
        let asked = self.seats.iter_mut().find(|seat| seat.consent == Consent::Asked);
        let seat = asked.expect("somebody is asked");
        if yes {
            seat.consent = Consent::Confirmed;
            return;
        }
        let diner = seat.diner;
        self.fall_short(diner, DeclineReason::Refused { diner }, 0);
        self.settle_down();
    }

    pub(crate) fn cancel(&mut self) {
        self.decline(vec![DeclineReason::Cancelled]);
    }

    /// Who cannot pay what the shares so far ask of him, and why.
    fn short(&self) -> Vec<(WalletId, DeclineReason)> {
        let lacking = |(diner, amount): (WalletId, i64)| match self.funds[&diner] {
            None => Some((diner, DeclineReason::Unavailable { diner })),
            Some(has) if has < amount => Some((diner, DeclineReason::Short { diner })),
            Some(_) => None,
        };
        self.set_aside().into_iter().filter_map(lacking).collect()
    }

    /// Every wallet answers, until nobody falls short any more.
    fn settle_down(&mut self) {
        while self.end.is_none() {
            let short = self.short();
            if short.is_empty() {
                return;
            }
            if short.len() > 1 {
                if self.group.rules.shortfall == Shortfall::Reshare {
                    self.end = Some(Stage::Unsure);
                    return;
                }
                // Whoever covers may be the one who is named as well.
                let diner = self.group.host;
                let host = match self.funds[&diner] {
                    Some(_) => DeclineReason::Short { diner },
                    None => DeclineReason::Unavailable { diner },
                };
                self.several.extend(short.iter().map(|(_, reason)| *reason).chain([host]));
            }
            for (diner, reason) in short {
                self.fall_short(diner, reason, self.funds[&diner].unwrap_or(0));
            }
        }
    }

    /// `diner` gives no more than `most`.
    fn fall_short(&mut self, diner: WalletId, reason: DeclineReason, most: i64) {
        if self.end.is_some() {
            return;
        }
        let helped = match self.group.rules.shortfall {
            Shortfall::Decline => false,
            Shortfall::HostCovers => self.host_covers(diner),
            Shortfall::Reshare => self.reshare(diner, most),
        };
        if !helped {
            self.decline(self.several.iter().copied().chain([reason]).collect());
        }
    }

    fn host_covers(&mut self, diner: WalletId) -> bool {
        let host = self.group.host;
        let covered = self.set_aside().get(&host).copied().unwrap_or_default();
        let most = self.host_gives;
        let seat = self.seats.iter_mut().find(|seat| seat.diner == diner && seat.payer != host);
        let Some(seat) = seat.filter(|seat| covered + seat.owed <= most) else {
            return false;
        };
        seat.payer = host;
        seat.consent = Consent::Given;
        self.seats.iter_mut().for_each(|seat| seat.carry = 0);
        true
    }

    /// The others take over what `diner` owes by what they owe themselves, nobody beyond his room, and in
    /// whole steps of cash. Who has the own share gives it, and takes over what the rest allows.
    fn reshare(&mut self, diner: WalletId, most: i64) -> bool {
        let step = self.group.rules.cash_step.minor().max(1);
        let at = self.seats.iter().position(|seat| seat.diner == diner).expect("owes");
        let mut left = if most < self.seats[at].own {
            self.seats.remove(at).owed / step
        } else {
            let seat = &mut self.seats[at];
            let over = seat.owed - seat.own;
            (seat.owed, seat.room) = (seat.own, (seat.room + over).min(most - seat.own));
            over / step
        };
        self.seats.iter_mut().for_each(|seat| seat.carry = 0);
        while left > 0 {
            let weight = |seat: &Seat| if seat.room >= step { i128::from(seat.owed) } else { 0 };
            let weights: Vec<i128> = self.seats.iter().map(weight).collect();
            if weights.iter().all(|weight| *weight == 0) {
                return false;
            }
            let turn = turn(bill_id(self.bill.merchant, &self.bill.order_no), self.seats.len());
            let parts = by_weight(left.into(), &weights, &turn);
            for (seat, part) in self.seats.iter_mut().zip(parts) {
                let part = i64::try_from(part).expect("a part of the bill").min(seat.room / step);
                seat.owed += part * step;
                seat.room -= part * step;
                left -= part;
            }
        }
        true
    }

    fn decline(&mut self, reasons: Vec<DeclineReason>) {
        let decline = |reason| {
            Event::Declined(Decline {
                merchant: self.bill.merchant,
                order_no: self.bill.order_no.clone(),
                group: self.group.id,
                content: bill_content(&self.bill),
                total: self.bill.total,
                reason,
            })
        };
        self.end = Some(Stage::Ends(reasons.into_iter().map(decline).collect()));
        self.seats.clear();
    }

    fn settlement(&self) -> Event {
        let share = |seat: &Seat| Share {
            diner: seat.diner,
            owed: minor(seat.owed),
            confirmed: seat.consent == Consent::Confirmed,
            carry_micro: seat.carry,
        };
        let leg = |(seat, share): (&Seat, u16)| Leg {
            share,
            source: Source::Wallet(seat.payer),
            amount: minor(seat.owed),
        };
        Event::Settled(Settlement {
            merchant: self.bill.merchant,
            order_no: self.bill.order_no.clone(),
            group: self.group.id,
            bill: bill_id(self.bill.merchant, &self.bill.order_no),
            content: bill_content(&self.bill),
            total: self.bill.total,
            shares: self.seats.iter().map(share).collect(),
            legs: self.seats.iter().zip(0..).map(leg).collect(),
        })
    }
}
