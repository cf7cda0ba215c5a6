//! Payment: one bill between scan and end. Volatile: a crash forgets it, and nobody has paid.
//!
//! The state machine says what to do next ([`Action`]) and how it ended ([`Verdict`]); it asks no
//! wallet and reads no clock itself. Everything that a diner owes is drawn from funding *sources*, in
//! the order that the payer chose; today that is the diner's wallet, or the host's where the host
//! covers.
//!
//! - G-2: shares and legs sum to the bill to the last minor unit, or nothing moves.
//! - G-3: whoever would pay above the cap is asked; who covers for others stays below it.

mod draws;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use draws::Draws;
pub use draws::{Ask, Missing};

use super::{
    bill::Bill,
    event::{Decline, DeclineReason, Leg, Settlement, Share, Shortfall, Source, Sources},
    group::{Group, Member, Status},
    split::{self, SplitError},
    text::OrderNo,
};
use crate::{
    broken::{Bug, has},
    id::{MerchantId, PresentationId, WalletId},
    money::{Amount, Currency},
    time::Timestamp,
};

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ask `source` to set `amount` aside for the group, in place of what it had set aside before.
    Reserve {
        /// The number of the question, for the answer.
        ask: Ask,
        /// Whom.
        source: Source,
        /// How much.
        amount: Amount,
    },
    /// Tell `source` to let go of what it set aside.
    Release {
        /// Whom.
        source: Source,
    },
    /// Ask this diner for a yes to this share.
    AskConfirmation {
        /// Whom.
        diner: WalletId,
        /// How much it is.
        owed: Amount,
    },
}

/// Actions in the order in which they are to be done.
pub type Actions = SmallVec<[Action; 8]>;

/// How a payment stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Somebody is waited for.
    Waiting,
    /// Everybody's share is reserved: this is the record.
    Settle(Settlement),
    /// It ends without money: this is the record.
    Decline(Decline),
}

/// What one input led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What to do.
    pub actions: Actions,
    /// Where it stands.
    pub verdict: Verdict,
}

/// Why a bill is not even tried, in the order the rules are checked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The outing is over.
    #[error("group is closed")]
    GroupClosed,
    /// The group counts in another currency.
    #[error("group pays in {pays}, not {asked}")]
    WrongCurrency {
        /// The group's currency.
        pays: Currency,
        /// The bill's.
        asked: Currency,
    },
    /// The diners claim the lines of another bill.
    #[error("bill has other lines than the draft on which they are claimed")]
    LinesDiffer,
    /// The rules do not fit the bill.
    #[error(transparent)]
    Split(#[from] SplitError),
}

/// Why a diner cannot answer a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnswerRejection {
    /// No bill is being paid.
    #[error("no bill is being paid")]
    NothingToAnswer,
    /// This diner was not asked, or has answered.
    #[error("this diner was not asked")]
    NotAsked,
    /// The bill was presented anew, and the diner is asked anew: the answer is to another presentation.
    #[error("bill was presented anew, and the answer is to another presentation of it")]
    OtherPresentation,
    /// The diner was asked about another share of this bill.
    #[error("diner was asked about {asked}, and answers about {answered}")]
    OtherShare {
        /// The share, in minor units.
        asked: Amount,
        /// What the answer says it is.
        answered: Amount,
    },
}

/// Whether a seat's diner has to say yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Consent {
    Given,
    Asked,
    Confirmed,
}

/// One diner who owes something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seat {
    diner: WalletId,
    owed: Amount,
    carry_micro: i64,
    /// What the diner may still take over from others, unasked.
    room: Amount,
    consent: Consent,
    /// Who gives the money.
    payer: WalletId,
}

/// What a diner is asked: a yes or a no to this very share of this very bill, as it was presented this
/// time (G-3). A late answer to an earlier question is no answer to a later one, though the bill and the
/// share be the same: its owner may never have seen the later one, or have refused it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Question {
    /// Who wants to be paid.
    pub merchant: MerchantId,
    /// Under which number.
    pub order_no: OrderNo,
    /// At which presentation of the bill.
    pub presentation: PresentationId,
    /// Who is asked.
    pub diner: WalletId,
    /// How much it is for this diner.
    pub owed: Amount,
}

/// How far a payment has come, for everybody to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Sources that have set their part aside.
    pub reserved: usize,
    /// Sources asked.
    pub of: usize,
    /// Payers whose part is not set aside yet.
    pub reserving: Vec<WalletId>,
    /// Questions that are not answered yet.
    pub waiting_for: Vec<Question>,
}

/// One bill being paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    bill: Bill,
    presentation: PresentationId,
    group: crate::id::GroupId,
    host: WalletId,
    host_room: Amount,
    shortfall: Shortfall,
    /// Shares are multiples of this, also after others took them over.
    step: Amount,
    deadline: Timestamp,
    patience: Timestamp,
    seats: Vec<Seat>,
    /// What those pay from who do not pay from their own wallet alone: few, and nobody today.
    purses: Vec<(WalletId, Sources)>,
    draws: Draws,
    /// Draws not yet reserved, and seats not yet confirmed: kept so that each of five hundred
    /// answers costs the same.
    silent: usize,
}

impl Payment {
    /// Begins to collect `bill` from `group`, to which it is presented as `presentation`. Until
    /// `patience` people may answer; at `deadline` it is over.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn begin(
        group: &Group,
        bill: Bill,
        presentation: PresentationId,
        patience: Timestamp,
        deadline: Timestamp,
    ) -> Result<(Self, Step), Rejection> {
        Self::begin_from(Member::sources, group, bill, presentation, patience, deadline)
    }

    /// [`Payment::begin`], with the `sources` of each member, each once and in the order that the member
    /// chose; none is the own wallet alone.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn begin_from(
        sources: impl Fn(&Member) -> Sources,
        group: &Group,
        bill: Bill,
        presentation: PresentationId,
        patience: Timestamp,
        deadline: Timestamp,
    ) -> Result<(Self, Step), Rejection> {
        if group.status == Status::Closed {
            return Err(Rejection::GroupClosed);
        }
        if bill.currency != group.currency {
            return Err(Rejection::WrongCurrency { pays: group.currency, asked: bill.currency });
        }
        if group.claims_another(&bill) {
            return Err(Rejection::LinesDiffer);
        }
        let bill = if has(Bug::SmallBill) { smaller(bill) } else { bill };
        let itemised = group.with_drafted_lines(&bill);
        let divided = itemised.as_ref().unwrap_or(&bill);
        let dues = split::divide(divided, &group.diners(), &group.rules)?;
        let owing = group.members.iter().zip(&dues).filter(|(_, due)| due.amount.is_positive());
        let seats: Vec<Seat> = owing
            .map(|(member, due)| Seat {
                diner: member.wallet,
                owed: due.amount,
                carry_micro: due.carry_micro,
                room: spare(member, due.amount),
                consent: match member.must_confirm(due.amount) {
                    true => Consent::Asked,
                    false => Consent::Given,
                },
                payer: member.wallet,
            })
            .collect();
        let host = group.member(group.host);
        let host_room = host.map_or(Amount::ZERO, Member::room);
        let purse = |member: &Member| (member.wallet, sources(member));
        let purses = group.members.iter().map(purse).filter(|(_, of)| !of.is_empty()).collect();
        let mut payment = Self {
            bill,
            presentation,
            group: group.id,
            host: group.host,
            host_room,
            shortfall: group.rules.shortfall,
            step: group.rules.cash_step.max(Amount::from_minor(1)),
            deadline,
            patience,
            seats,
            purses,
            draws: Draws::default(),
            silent: 0,
        };
        let step = payment.first_step();
        Ok((payment, step))
    }

    fn first_step(&mut self) -> Step {
        let mut actions = Actions::new();
        self.plan(&mut actions).expect("nobody has said yet how far he reaches");
        for seat in self.seats.iter().filter(|seat| seat.consent == Consent::Asked) {
            actions.push(Action::AskConfirmation { diner: seat.diner, owed: seat.owed });
        }
        Step { actions, verdict: Verdict::Waiting }
    }

    /// Plans who gives what; else names whose sources do not reach.
    fn plan(&mut self, actions: &mut Actions) -> Result<(), Vec<WalletId>> {
        if self.purses.is_empty() {
            let shares = self.seats.iter().map(|seat| (seat.payer, seat.owed));
            self.draws.follow(shares, self.host, actions);
            self.count_silent();
            return Ok(());
        }
        let purses = &self.purses;
        let sources = |payer: WalletId| match purses.iter().find(|(whose, _)| *whose == payer) {
            Some((_, sources)) => sources.clone(),
            None => smallvec![Source::Wallet(payer)],
        };
        let shares = self.seats.iter().map(|seat| (seat.owed, sources(seat.payer)));
        let planned = self.draws.plan(shares, actions);
        self.count_silent();
        let payer = |share: usize| self.seats[share].payer;
        planned.map_err(|beyond| beyond.into_iter().map(payer).collect())
    }

    /// The bill that is being paid.
    #[must_use]
    pub fn bill(&self) -> &Bill {
        &self.bill
    }

    /// When it is over, whatever happens.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// When something is due although nobody says anything: [`Payment::tick`] then.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        self.patience.min(self.deadline)
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let mut reserving: Vec<_> = self.draws.open().map(|source| self.payer_of(source)).collect();
        reserving.dedup();
        Progress {
            reserved: self.draws.len().saturating_sub(self.draws.open().count()),
            of: self.draws.len(),
            reserving,
            waiting_for: self.questions(),
        }
    }

    /// What diners are asked and have not answered.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let asked = self.seats.iter().filter(|seat| seat.consent == Consent::Asked);
        let question = |seat: &Seat| Question {
            merchant: self.bill.merchant,
            order_no: self.bill.order_no.clone(),
            presentation: self.presentation,
            diner: seat.diner,
            owed: seat.owed,
        };
        asked.map(question).collect()
    }

    /// The source that `ask` went to has set its part aside.
    pub fn reserved(&mut self, ask: Ask) -> Verdict {
        if self.draws.reserved(ask) {
            self.silent = self.silent.saturating_sub(1);
        }
        self.verdict()
    }

    /// The source that `ask` went to has not set its part aside: the next one of the same payer gives the
    /// rest, and where none is left the shortfall rule decides.
    pub fn missing(&mut self, ask: Ask, why: Missing) -> Step {
        match why {
            Missing::Short { .. } => self.without(&[ask], why, short),
            Missing::Unavailable => self.gone(&[ask]),
        }
    }

    /// The sources that these went to are gone: like [`Payment::missing`], for all of them at once.
    pub fn gone(&mut self, asks: &[Ask]) -> Step {
        self.without(asks, Missing::Unavailable, |diner| DeclineReason::Unavailable { diner })
    }

    fn without(
        &mut self,
        asks: &[Ask],
        why: Missing,
        reason: fn(WalletId) -> DeclineReason,
    ) -> Step {
        let missing = asks.iter().filter_map(|ask| self.draws.source_of(*ask));
        let missing: Vec<Source> = missing.collect();
        let mut actions = Actions::new();
        let planned = if missing.is_empty() {
            Ok(())
        } else if self.purses.is_empty() {
            // A wallet that is short was its payer's only source.
            Err(missing.into_iter().map(Source::wallet).collect())
        } else {
            asks.iter().for_each(|ask| self.draws.limit(*ask, why));
            self.plan(&mut actions)
        };
        match planned {
            Ok(()) => Step { actions, verdict: self.verdict() },
            Err(payers) => self.fall_short(payers, reason),
        }
    }

    /// The diner answers `question`.
    ///
    /// # Errors
    /// [`AnswerRejection::NotAsked`], [`AnswerRejection::OtherPresentation`] or
    /// [`AnswerRejection::OtherShare`]: it is not a question that stands open now.
    pub fn answer(&mut self, question: &Question, yes: bool) -> Result<Step, AnswerRejection> {
        let Question { merchant, order_no, presentation, diner, owed } = question;
        if *merchant != self.bill.merchant || *order_no != self.bill.order_no {
            return Err(AnswerRejection::NotAsked);
        }
        let (diner, answered) = (*diner, *owed);
        let is_asked = |seat: &&mut Seat| seat.diner == diner && seat.consent == Consent::Asked;
        let seat = self.seats.iter_mut().find(is_asked).ok_or(AnswerRejection::NotAsked)?;
        if *presentation != self.presentation && !has(Bug::HearOldAnswers) {
            return Err(AnswerRejection::OtherPresentation);
        }
        let asked = seat.owed;
        if asked != answered {
            return Err(AnswerRejection::OtherShare { asked, answered });
        }
        if !yes && !has(Bug::HearYes) {
            return Ok(self.fall_short(vec![diner], |diner| DeclineReason::Refused { diner }));
        }
        seat.consent = Consent::Confirmed;
        self.silent = self.silent.saturating_sub(1);
        Ok(Step { actions: Actions::new(), verdict: self.verdict() })
    }

    /// Time has passed: whoever has not answered his question at the end of patience counts as
    /// missing; the deadline ends everything, also the wait for a source.
    pub fn tick(&mut self, now: Timestamp) -> Step {
        let nothing = Step { actions: Actions::new(), verdict: Verdict::Waiting };
        if now < self.next_due() {
            return nothing;
        }
        let Some(waiting_for) = self.first_silent() else { return nothing };
        let reason = DeclineReason::TimedOut { waiting_for };
        if now >= self.deadline {
            return self.decline(reason);
        }
        self.patience = self.deadline;
        let asked = self.seats.iter().filter(|seat| seat.consent == Consent::Asked);
        let silent: Vec<WalletId> = asked.map(|seat| seat.diner).collect();
        if silent.is_empty() {
            return Step { actions: Actions::new(), verdict: self.verdict() };
        }
        self.fall_short(silent, |waiting_for| DeclineReason::TimedOut { waiting_for })
    }

    /// The merchant takes the bill back before it is decided.
    pub fn cancel(&mut self) -> Step {
        self.decline(DeclineReason::Cancelled)
    }

    fn first_silent(&self) -> Option<WalletId> {
        let asked = self.seats.iter().find(|seat| seat.consent == Consent::Asked);
        let open = || self.draws.open().next().map(|source| self.payer_of(source));
        asked.map(|seat| seat.diner).or_else(open)
    }

    /// Whose share, the first of them, draws on `source`.
    fn payer_of(&self, source: Source) -> WalletId {
        let leg = self.draws.legs().iter().find(|leg| leg.source == source);
        leg.map_or(source.wallet(), |leg| self.seats[usize::from(leg.share)].payer)
    }

    /// `diners` will not pay: the rule that was chosen before the scan decides what now, for all of
    /// them at once. If nobody helps, the order ends for the `reason` of the first who cannot be
    /// helped.
    fn fall_short(
        &mut self,
        mut diners: Vec<WalletId>,
        mut reason: fn(WalletId) -> DeclineReason,
    ) -> Step {
        loop {
            let helped = match self.shortfall {
                Shortfall::Decline => Err(diners.first().copied()),
                Shortfall::HostCovers => self.host_covers(&diners),
                Shortfall::Reshare => self.reshare(&diners),
            };
            if let Err(diner) = helped {
                return self.decline(reason(diner.expect("somebody falls short")));
            }
            let mut actions = Actions::new();
            match self.plan(&mut actions) {
                Ok(()) => return Step { actions, verdict: self.verdict() },
                // Who helps may not reach as far either; each round has one fewer to help.
                Err(payers) => (diners, reason) = (payers, short),
            }
        }
    }

    /// The host takes over what `diners` owe, within the host's own cap; else names the first whom
    /// that would not help.
    fn host_covers(&mut self, diners: &[WalletId]) -> Result<(), Option<WalletId>> {
        let host = self.host;
        let own = |seat: &Seat| seat.payer == host;
        let mut total: Amount = self.seats.iter().filter(|s| own(s)).map(|seat| seat.owed).sum();
        for &diner in diners {
            let seat = self.seats.iter_mut().find(|seat| seat.diner == diner);
            let seat = seat.filter(|seat| !own(seat)).ok_or(Some(diner))?;
            let covered = total.checked_add(seat.owed).filter(|total| *total <= self.host_room);
            total = covered.ok_or(Some(diner))?;
            seat.payer = host;
            seat.consent = Consent::Given;
        }
        Ok(())
    }

    /// The others take over what `diners` owe, in proportion to what they owe themselves and within
    /// their caps; else names the first of them.
    fn reshare(&mut self, diners: &[WalletId]) -> Result<(), Option<WalletId>> {
        let first = diners.first().copied();
        let mut missing = Amount::ZERO;
        self.seats.retain(|seat| {
            let leaves = diners.contains(&seat.diner);
            if leaves {
                missing = missing.checked_add(seat.owed).expect("G-2: shares fit the bill");
            }
            !leaves
        });
        for seat in &mut self.seats {
            seat.carry_micro = 0;
        }
        if missing.is_positive() && self.spread(missing) { Ok(()) } else { Err(first) }
    }

    /// Spreads `amount` over the seats by what they owe, in whole cash steps, nobody beyond his
    /// room. Says whether it fits. Fair-cent memory is left out of it: it would reward those who
    /// are short.
    fn spread(&mut self, amount: Amount) -> bool {
        let step = self.step.minor();
        let steps = |amount: Amount| {
            Amount::from_minor(amount.minor().checked_div(step).expect("a step is positive"))
        };
        let whole = |steps: Amount| {
            Amount::from_minor(steps.minor().checked_mul(step).expect("it was divided by it"))
        };
        let mut left = amount;
        while steps(left).is_positive() {
            let weigh = |seat: &Seat| match steps(seat.room).is_positive() {
                true => seat.owed,
                false => Amount::ZERO,
            };
            let weights: Vec<Amount> = self.seats.iter().map(weigh).collect();
            let parts = split::apportion(steps(left), &weights, self.bill.id());
            let Ok(parts) = parts else { return false };
            for (seat, part) in self.seats.iter_mut().zip(parts) {
                let part = whole(part.min(steps(seat.room)));
                seat.owed = seat.owed.checked_add(part).expect("G-2: a share fits the bill");
                seat.room = seat.room.checked_sub(part).expect("G-3: part is within room");
                left = left.checked_sub(part).expect("G-2: parts sum to what is left");
            }
        }
        left == Amount::ZERO
    }

    fn decline(&mut self, reason: DeclineReason) -> Step {
        let actions = self.draws.sources().map(|source| Action::Release { source }).collect();
        self.draws.clear();
        let verdict = Verdict::Decline(Decline {
            merchant: self.bill.merchant,
            order_no: self.bill.order_no.clone(),
            group: self.group,
            content: self.bill.content(),
            total: self.bill.total,
            reason,
        });
        Step { actions, verdict }
    }

    fn count_silent(&mut self) {
        let asked = self.seats.iter().filter(|seat| seat.consent == Consent::Asked).count();
        self.silent = self.draws.open().count().saturating_add(asked);
    }

    fn verdict(&self) -> Verdict {
        if self.draws.len() == 0 || self.silent > 0 {
            return Verdict::Waiting;
        }
        let share = |seat: &Seat| Share {
            diner: seat.diner,
            owed: seat.owed,
            confirmed: seat.consent == Consent::Confirmed,
            carry_micro: seat.carry_micro,
        };
        let own = |(seat, share): (&Seat, u16)| Leg {
            share,
            source: Source::Wallet(seat.payer),
            amount: seat.owed,
        };
        let legs: Box<[Leg]> = match self.purses.is_empty() {
            true => self.seats.iter().zip(0..).map(own).collect(),
            false => self.draws.legs().into(),
        };
        let paid: Amount = legs.iter().map(|leg| leg.amount).sum();
        assert_eq!(paid, self.bill.total, "G-2: shares sum to the bill");
        Verdict::Settle(Settlement {
            merchant: self.bill.merchant,
            order_no: self.bill.order_no.clone(),
            group: self.group,
            bill: self.bill.id(),
            content: self.bill.content(),
            total: self.bill.total,
            shares: self.seats.iter().map(share).collect(),
            legs,
        })
    }
}

/// One minor unit smaller, for [`Bug::SmallBill`].
fn smaller(mut bill: Bill) -> Bill {
    let one = Amount::from_minor(1);
    bill.total = bill.total.checked_sub(one).filter(|total| total.is_positive()).unwrap_or(one);
    bill
}

/// What a member who owes `owed` may take over from others without being asked: nothing for who is
/// asked, because a yes is to one share.
fn spare(member: &Member, owed: Amount) -> Amount {
    if member.must_confirm(owed) {
        return Amount::ZERO;
    }
    let room = member.consent.confirm_above.map_or(member.room(), |above| above.min(member.room()));
    room.checked_sub(owed).unwrap_or(Amount::ZERO)
}

fn short(diner: WalletId) -> DeclineReason {
    DeclineReason::Short { diner }
}
