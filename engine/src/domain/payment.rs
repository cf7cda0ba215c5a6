//! Payment: one bill between scan and end. Volatile: a crash forgets it, and nobody has paid.
//!
//! The state machine says what to do next ([`Action`]) and how it ended ([`Verdict`]); it asks no
//! wallet and reads no clock itself. Everything that a diner owes is drawn from funding *sources*, in
//! the order that the payer chose; today that is the diner's wallet, or the host's where the host
//! covers.
//!
//! - G-2: shares and legs sum to the bill to the last minor unit, or nothing moves.
//! - G-3: whoever would pay above the cap or the threshold is asked; what is taken over from others stays
//!   below both.

mod draws;
mod shortfall;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

pub use draws::{Ask, Missing};
use draws::{Draws, sum};
use shortfall::{Lacking, short};

use super::{
    bill::Bill,
    event::{Decline, DeclineReason, Leg, Settlement, Share, Shortfall, Source, Sources},
    group::{Group, Member, Status},
    split::{self, Due, SplitError},
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
    /// What it was before anything was taken over from others.
    own: Amount,
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
    /// What the host pays of this bill at most, unasked or after the yes to the own share.
    host_gives_most: Amount,
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
                own: due.amount,
                carry_micro: due.carry_micro,
                room: member.spare(due.amount),
                consent: match member.must_confirm(due.amount) {
                    true => Consent::Asked,
                    false => Consent::Given,
                },
                payer: member.wallet,
            })
            .collect();
        let host = group.members.iter().zip(&dues).find(|(member, _)| member.wallet == group.host);
        let host_gives = |(host, due): (&Member, &Due)| sum(due.amount, host.spare(due.amount));
        let host_gives_most = host.map_or(Amount::ZERO, host_gives);
        let purse = |member: &Member| (member.wallet, sources(member));
        let purses = group.members.iter().map(purse).filter(|(_, of)| !of.is_empty()).collect();
        let mut payment = Self {
            bill,
            presentation,
            group: group.id,
            host: group.host,
            host_gives_most,
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
    fn plan(&mut self, actions: &mut Actions) -> Result<(), Vec<Lacking>> {
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
        let lacking =
            |(share, reach): (usize, Amount)| Lacking { payer: self.seats[share].payer, reach };
        planned.map_err(|beyond| beyond.into_iter().map(lacking).collect())
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
            let lacking = |source: Source| Lacking { payer: source.wallet(), reach: why.reach() };
            Err(missing.into_iter().map(lacking).collect())
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
            let refused = vec![Lacking::all(diner)];
            return Ok(self.fall_short(refused, |diner| DeclineReason::Refused { diner }));
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
        let silent: Vec<Lacking> = asked.map(|seat| Lacking::all(seat.diner)).collect();
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
