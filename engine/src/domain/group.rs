//! Group: an outing of friends who pay together, at one merchant or many, until it is closed.
//!
//! - G-3: nobody pays above the cap that he consented to; the cap counts over the whole outing,
//!   refunds given back, and goes on where somebody leaves and comes again. A share above it needs a yes
//!   to that very share, which raises the cap until that much is refunded.

mod member;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use member::Member;

use super::{
    bill::{Bill, BillRejection, Line},
    draft::{Draft, Drafter},
    event::{Consent, Event, Refund, Rules, Settlement, Source},
    split::{Diner, Split, SplitError},
    text::Name,
};
use crate::{
    id::{GroupId, WalletId},
    limits,
    money::{Amount, Currency},
};

/// Whether people may come, go and pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GroupStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// People come and go; bills are paid.
    #[default]
    Open,
    /// Nobody comes or goes; bills are paid.
    Locked,
    /// The outing is over.
    Closed,
}

/// What a member asks of the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Invite somebody; any member may.
    Invite {
        /// Who invites.
        by: WalletId,
        /// Who is invited.
        wallet: WalletId,
    },
    /// Join, with consent.
    Join {
        /// Who joins; the wallet has said that it can ([`super::wallet::Wallet::check_member`]).
        wallet: WalletId,
        /// What the member agrees to.
        consent: Consent,
        /// Whether the group's live code was shown to the newcomer, which stands for an
        /// invitation.
        by_code: bool,
    },
    /// Agree to something else.
    SetConsent {
        /// Who.
        wallet: WalletId,
        /// To what.
        consent: Consent,
    },
    /// Leave.
    Leave {
        /// Who.
        wallet: WalletId,
    },
    /// Change how the group pays; the host's right.
    SetRules {
        /// Who.
        by: WalletId,
        /// To what.
        rules: Rules,
    },
    /// Lay the bill that is coming on the table, in place of what lies there; any member may.
    Draft {
        /// Who.
        by: WalletId,
        /// What the diners will pay together.
        total: Amount,
        /// The lines to claim.
        lines: Vec<Line>,
    },
    /// The same from a till, which was shown the group's live code.
    DraftByTill {
        /// What the till will present.
        bill: Bill,
    },
    /// Take the draft away; any member may.
    ClearDraft {
        /// Who.
        by: WalletId,
    },
    /// Claim a part of one line of the draft for oneself.
    Claim {
        /// Who.
        wallet: WalletId,
        /// Which line, from zero.
        line: u16,
        /// How large a part, against the others who claim it; zero takes the claim back.
        weight: u32,
    },
    /// Let nobody come or go; the host's right.
    Lock {
        /// Who.
        by: WalletId,
    },
    /// Let people come and go again; the host's right.
    Unlock {
        /// Who.
        by: WalletId,
    },
    /// End the outing; the host's right.
    Close {
        /// Who.
        by: WalletId,
    },
}

/// Why a group refuses, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The outing is over.
    #[error("group is closed")]
    Closed,
    /// Nobody comes or goes.
    #[error("group is locked")]
    Locked,
    /// It is not locked.
    #[error("group is not locked")]
    NotLocked,
    /// Who asks does not belong to the group.
    #[error("not a member of this group")]
    NotMember,
    /// Only the host may.
    #[error("only the host may do this")]
    NotHost,
    /// The member is there already.
    #[error("already a member of this group")]
    AlreadyMember,
    /// The invitation is there already.
    #[error("already invited to this group")]
    AlreadyInvited,
    /// Nobody invited the newcomer.
    #[error("not invited to this group")]
    NotInvited,
    /// No seat left.
    #[error("group already has {} members", limits::GROUP_MEMBERS_MAX)]
    Full,
    /// Too many unanswered invitations.
    #[error("group already has {} open invitations", limits::GROUP_INVITATIONS_MAX)]
    TooManyInvitations,
    /// The host closes the group instead.
    #[error("the host cannot leave; close the group instead")]
    HostStays,
    /// A cap that is zero, negative or too large, or a threshold that is negative.
    #[error("cap must be between 1 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    CapOutOfRange,
    /// The outing has cost more already.
    #[error("cap {cap} is below {spent} already spent")]
    CapBelowSpent {
        /// What was asked for.
        cap: Amount,
        /// What was spent.
        spent: Amount,
    },
    /// A negative cash step, or one larger than any bill.
    #[error("cash step must be between 0 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    CashStepOutOfRange,
    /// The group counts in another currency.
    #[error("group pays in {pays}, not {asked}")]
    WrongCurrency {
        /// The group's currency.
        pays: Currency,
        /// The draft's.
        asked: Currency,
    },
    /// A draft that is no bill.
    #[error(transparent)]
    Bill(#[from] BillRejection),
    /// A draft without anything to claim.
    #[error("draft has no lines to claim")]
    LinesMissing,
    /// Names that do not fit one record.
    #[error("names of a draft's lines have more than {} bytes", limits::DRAFT_TEXT_BYTES_MAX)]
    DraftTooLarge,
    /// Nothing lies on the table.
    #[error("no draft lies on the table")]
    NoDraft,
    /// The rules do not divide bills by their lines.
    #[error("this group does not divide bills by their lines")]
    NotItemised,
    /// The draft has no such line.
    #[error("line {line} is claimed, but the draft has {lines}")]
    UnknownLine {
        /// Which line, from zero.
        line: u16,
        /// How many there are.
        lines: usize,
    },
    /// A negative part, or one larger than any bill.
    #[error("a part must be between 0 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    PartOutOfRange,
    /// More parts or claims than any table needs.
    #[error("split has more than {} parts", limits::SPLIT_PARTS_MAX)]
    SplitTooLarge,
    /// A split that contradicts itself.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A bill is being paid; members and rules stand until it ends.
    #[error("a bill is being paid")]
    PaymentInProgress,
}

/// One outing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// Its identity.
    pub id: GroupId,
    /// What it is called.
    pub name: Name,
    /// Who opened it.
    pub host: WalletId,
    /// The currency of all its bills.
    pub currency: Currency,
    /// Whether people come, go and pay.
    pub status: Status,
    /// How it pays.
    pub rules: Rules,
    /// Who pays, in the order of joining; the host is the first.
    pub members: Vec<Member>,
    /// Who paid and left: what the outing has cost them counts when they come again.
    #[serde(skip)]
    pub former: Vec<Member>,
    /// Who may join.
    pub invited: Vec<WalletId>,
    /// How many bills it paid.
    pub bills: u32,
    /// The bill that is coming, if somebody laid it on the table.
    #[serde(default)]
    pub draft: Option<Box<Draft>>,
}

/// Checks what a newcomer or a member agrees to.
///
/// # Errors
/// [`Rejection::CapOutOfRange`].
pub fn check_consent(consent: &Consent) -> Result<(), Rejection> {
    let threshold = consent.confirm_above.is_none_or(|above| above.minor() >= 0);
    if consent.cap.is_movable() && threshold { Ok(()) } else { Err(Rejection::CapOutOfRange) }
}

/// Checks that a cap has room for what the outing has cost already.
fn check_cap(consent: &Consent, spent: Amount) -> Result<(), Rejection> {
    let cap = consent.cap;
    if cap < spent { Err(Rejection::CapBelowSpent { cap, spent }) } else { Ok(()) }
}

/// Checks rules as far as that can be done before there is a bill.
///
/// # Errors
/// [`Rejection::CashStepOutOfRange`], [`Rejection::PartOutOfRange`], [`Rejection::SplitTooLarge`] or
/// [`Rejection::Split`].
pub fn check_rules(rules: &Rules) -> Result<(), Rejection> {
    if !is_part(rules.cash_step) {
        return Err(Rejection::CashStepOutOfRange);
    }
    check_parts(&rules.split)?;
    rules.split.check().map_err(Rejection::Split)
}

/// Whether some bill may have a part like that.
fn is_part(amount: Amount) -> bool {
    (0..=limits::AMOUNT_MINOR_MAX).contains(&amount.minor())
}

fn check_parts(split: &Split) -> Result<(), Rejection> {
    let parts = match split {
        Split::Equal => 0,
        Split::Weights { parts } | Split::Percent { parts } => parts.len(),
        Split::Exact { parts } | Split::FixedPlusRest { parts } => {
            if !parts.iter().all(|part| is_part(part.amount)) {
                return Err(Rejection::PartOutOfRange);
            }
            parts.len()
        }
        Split::Itemised { claims, .. } => claims.len(),
        Split::Treat { guests, of, .. } => {
            check_parts(of)?;
            guests.len()
        }
    };
    if parts <= limits::SPLIT_PARTS_MAX { Ok(()) } else { Err(Rejection::SplitTooLarge) }
}

impl Group {
    /// A group just opened, with its host as only member.
    #[must_use]
    pub fn open(
        id: GroupId,
        name: Name,
        host: WalletId,
        consent: Consent,
        currency: Currency,
        rules: Rules,
    ) -> Self {
        let (members, former) = (vec![Member::new(host, consent)], Vec::new());
        let (status, invited, bills, draft) = (Status::Open, Vec::new(), 0, None);
        Self { id, name, host, currency, status, rules, members, former, invited, bills, draft }
    }

    /// The member whose wallet this is.
    #[must_use]
    pub fn member(&self, wallet: WalletId) -> Option<&Member> {
        self.members.iter().find(|member| member.wallet == wallet)
    }

    /// The same of those who have paid and left.
    fn former(&self, wallet: WalletId) -> Option<&Member> {
        self.former.iter().find(|former| former.wallet == wallet)
    }

    /// Whatever may be asked to pay a bill of this group, each once, in the members' order.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let mut all = Vec::with_capacity(self.members.len());
        for member in &self.members {
            all.push(Source::Wallet(member.wallet));
            // Few have others, and those may be the same.
            for source in member.sources() {
                if !all.contains(&source) {
                    all.push(source);
                }
            }
        }
        all
    }

    /// The members as the split sees them.
    #[must_use]
    pub fn diners(&self) -> Vec<Diner> {
        let diner = |m: &Member| Diner { wallet: m.wallet, carry_micro: m.carry_micro };
        self.members.iter().map(diner).collect()
    }

    /// Says what `command` would do; changes nothing.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn decide(&self, command: &Command) -> Result<Event, Rejection> {
        if self.status == Status::Closed {
            return Err(Rejection::Closed);
        }
        match command {
            Command::Invite { by, wallet } => self.decide_invite(*by, *wallet),
            Command::Join { wallet, consent, by_code } => {
                self.decide_join(*wallet, *consent, *by_code)
            }
            Command::SetConsent { wallet, consent } => {
                let spent = self.member(*wallet).ok_or(Rejection::NotMember)?.spent;
                check_consent(consent)?;
                check_cap(consent, spent)?;
                let (group, wallet, consent) = (self.id, *wallet, *consent);
                Ok(Event::ConsentChanged { group, wallet, consent })
            }
            Command::Leave { wallet } => {
                self.check_unlocked()?;
                self.member(*wallet).ok_or(Rejection::NotMember)?;
                if *wallet == self.host {
                    return Err(Rejection::HostStays);
                }
                Ok(Event::MemberLeft { group: self.id, wallet: *wallet })
            }
            Command::SetRules { by, rules } => {
                self.check_host(*by)?;
                check_rules(rules)?;
                let rules = self.with_live_claims(rules.clone());
                Ok(Event::RulesSet { group: self.id, rules })
            }
            Command::Draft { by, total, lines } => {
                self.member(*by).ok_or(Rejection::NotMember)?;
                self.decide_draft(Drafter::Member { wallet: *by }, *total, lines)
            }
            Command::DraftByTill { bill } => {
                if bill.currency != self.currency {
                    let (pays, asked) = (self.currency, bill.currency);
                    return Err(Rejection::WrongCurrency { pays, asked });
                }
                let (merchant, order_no) = (bill.merchant, bill.order_no.clone());
                self.decide_draft(Drafter::Till { merchant, order_no }, bill.total, &bill.lines)
            }
            Command::ClearDraft { by } => {
                self.member(*by).ok_or(Rejection::NotMember)?;
                self.draft.as_ref().ok_or(Rejection::NoDraft)?;
                Ok(Event::DraftCleared { group: self.id })
            }
            Command::Claim { wallet, line, weight } => self.decide_claim(*wallet, *line, *weight),
            Command::Lock { by } => {
                self.check_host(*by)?;
                self.check_unlocked()?;
                Ok(Event::GroupLocked { group: self.id })
            }
            Command::Unlock { by } => {
                self.check_host(*by)?;
                match self.status {
                    Status::Locked => Ok(Event::GroupUnlocked { group: self.id }),
                    Status::Open | Status::Closed => Err(Rejection::NotLocked),
                }
            }
            Command::Close { by } => {
                self.check_host(*by)?;
                Ok(Event::GroupClosed { group: self.id })
            }
        }
    }

    fn decide_invite(&self, by: WalletId, wallet: WalletId) -> Result<Event, Rejection> {
        self.check_unlocked()?;
        self.member(by).ok_or(Rejection::NotMember)?;
        if self.member(wallet).is_some() {
            return Err(Rejection::AlreadyMember);
        }
        if self.invited.contains(&wallet) {
            return Err(Rejection::AlreadyInvited);
        }
        if self.invited.len() >= limits::GROUP_INVITATIONS_MAX {
            return Err(Rejection::TooManyInvitations);
        }
        Ok(Event::MemberInvited { group: self.id, wallet })
    }

    fn decide_join(
        &self,
        wallet: WalletId,
        consent: Consent,
        by_code: bool,
    ) -> Result<Event, Rejection> {
        self.check_unlocked()?;
        if self.member(wallet).is_some() {
            return Err(Rejection::AlreadyMember);
        }
        if !by_code && !self.invited.contains(&wallet) {
            return Err(Rejection::NotInvited);
        }
        let former = self.former(wallet);
        // Whoever paid and left keeps a seat of theirs.
        let others = self.former.len().saturating_sub(usize::from(former.is_some()));
        if self.members.len().saturating_add(others) >= limits::GROUP_MEMBERS_MAX {
            return Err(Rejection::Full);
        }
        check_consent(&consent)?;
        check_cap(&consent, former.map_or(Amount::ZERO, |former| former.spent))?;
        Ok(Event::MemberJoined { group: self.id, wallet, consent })
    }

    fn check_unlocked(&self) -> Result<(), Rejection> {
        match self.status {
            Status::Open => Ok(()),
            Status::Locked => Err(Rejection::Locked),
            Status::Closed => Err(Rejection::Closed),
        }
    }

    fn check_host(&self, by: WalletId) -> Result<(), Rejection> {
        if by == self.host { Ok(()) } else { Err(Rejection::NotHost) }
    }

    /// Folds one durable event.
    ///
    /// # Panics
    /// When the event contradicts the state: a corrupt journal, or a bug in `decide` (G-3).
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::MemberInvited { wallet, .. } => self.invited.push(*wallet),
            Event::MemberJoined { wallet, consent, .. } => {
                self.invited.retain(|invited| invited != wallet);
                let former = self.former.iter().position(|former| former.wallet == *wallet);
                let former = former.map(|at| self.former.remove(at));
                self.members.push(match former {
                    Some(former) => Member::again(&former, *consent),
                    None => Member::new(*wallet, *consent),
                });
            }
            Event::ConsentChanged { wallet, consent, .. } => {
                let member = self.member_mut(*wallet, 0).1;
                (member.consent, member.raised) = (*consent, Amount::ZERO);
            }
            Event::MemberLeft { wallet, .. } => {
                let at = self.member_mut(*wallet, 0).0;
                let member = self.members.remove(at);
                if member.spent.is_positive() || member.carry_micro != 0 {
                    self.former.push(member);
                }
                self.unclaim(*wallet);
            }
            Event::RulesSet { rules, .. } => self.rules = rules.clone(),
            Event::BillDrafted { draft, .. } => self.apply_drafted(draft),
            Event::LineClaimed { wallet, line, weight, .. } => {
                self.apply_claimed(*wallet, *line, *weight);
            }
            Event::DraftCleared { .. } => self.clear_draft(),
            Event::GroupLocked { .. } => self.status = Status::Locked,
            Event::GroupUnlocked { .. } => self.status = Status::Open,
            Event::GroupClosed { .. } => {
                self.status = Status::Closed;
                self.draft = None;
            }
            Event::Settled(settlement) => self.apply_settled(settlement),
            Event::Refunded(refund) => self.apply_refunded(refund),
            Event::WalletOpened { .. }
            | Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::RailRequested(_)
            | Event::RailConfirmed(_)
            | Event::RailRefused(_)
            | Event::Transferred { .. }
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
            | Event::Declined(_) => {}
        }
    }

    fn apply_settled(&mut self, settlement: &Settlement) {
        self.bills = self.bills.saturating_add(1);
        self.clear_draft_of(settlement);
        let mut hint = 0;
        for leg in &settlement.legs {
            let (at, member) = self.member_mut(leg.source.wallet(), hint);
            hint = at;
            member.pay(leg.amount, settlement.is_confirmed(leg));
        }
        hint = 0;
        for share in settlement.shares.iter().filter(|share| share.carry_micro != 0) {
            let (at, member) = self.member_mut(share.diner, hint);
            hint = at;
            member.carry_micro = member.carry_micro.saturating_add(share.carry_micro);
        }
    }

    /// Asserts that `settlement` takes from nobody more than was agreed to. Before it is written, because
    /// what is durable counts, whatever the rules were when it was decided.
    ///
    /// # Panics
    /// When it does (G-3): a bug in `Payment`.
    pub fn assert_agreed(&self, settlement: &Settlement) {
        let mut members: SmallVec<[Member; 8]> = SmallVec::from_slice(&self.members);
        let mut hint = 0;
        for leg in &settlement.legs {
            let payer = leg.source.wallet();
            let at = place(&members, payer, hint).expect("G-3: every payer is a member");
            let member = &mut members[at];
            member.pay(leg.amount, settlement.is_confirmed(leg));
            assert!(member.spent <= member.consent.cap, "G-3: nobody pays above the cap");
            hint = at;
        }
    }

    /// Gives the cap back what the merchant gave back.
    fn apply_refunded(&mut self, refund: &Refund) {
        for leg in &refund.legs {
            let payer = leg.source.wallet();
            let mut all = self.members.iter_mut().chain(&mut self.former);
            if let Some(member) = all.find(|member| member.wallet == payer) {
                member.get_back(leg.amount);
            }
        }
    }

    /// The member whose wallet this is, looked for from `hint` on: a settlement names its payers
    /// in the members' order, so that folding it stays linear.
    fn member_mut(&mut self, wallet: WalletId, hint: usize) -> (usize, &mut Member) {
        let at = place(&self.members, wallet, hint).expect("decided: every payer is a member");
        (at, &mut self.members[at])
    }
}

/// Where the member stands among `members` whose wallet this is, looked for from `hint` on.
fn place(members: &[Member], wallet: WalletId, hint: usize) -> Option<usize> {
    let is = |member: &Member| member.wallet == wallet;
    let ahead = members[hint..].iter().position(is);
    ahead.map(|ahead| hint.saturating_add(ahead)).or_else(|| members.iter().position(is))
}
