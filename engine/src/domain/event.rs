//! Events: what happened, in the past tense. The journal holds nothing else.
//!
//! An event names everybody whom it concerns ([`Event::topics`]) and, where money moves, the entry
//! that it is ([`Event::entry`]). M-1 holds by construction: an entry that does not balance panics
//! here, before it could reach the journal.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    draft::Draft,
    split::Split,
    text::{Name, Note, OrderNo, RefundNo},
};
use crate::{
    id::{GroupId, MerchantId, RequestId, Topic, WalletId},
    ledger::{Account, Entry, Owner, Posting},
    money::{Amount, Currency},
};

/// Topics of one event, in the order in which its record links them.
pub type Topics = SmallVec<[Topic; 10]>;

/// Whose money crosses the rail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Holder {
    /// A diner's wallet.
    Wallet(WalletId),
    /// A merchant.
    Merchant(MerchantId),
}

impl Holder {
    /// The holder's account.
    #[must_use]
    pub fn account(self) -> Account {
        match self {
            Self::Wallet(id) => Account::Wallet(id),
            Self::Merchant(id) => Account::Merchant(id),
        }
    }

    /// The holder's topic.
    #[must_use]
    pub fn topic(self) -> Topic {
        match self {
            Self::Wallet(id) => Topic::Wallet(id),
            Self::Merchant(id) => Topic::Merchant(id),
        }
    }
}

/// Which way money crosses the rail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the bank into the engine: a top-up.
    In,
    /// Out to the bank: a withdrawal or a payout.
    Out,
}

/// Money on its way over the rail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RailMove {
    /// Whose money.
    pub holder: Holder,
    /// The holder's name for it, which may come again once it is long forgotten. No key for a bank: that is
    /// the holder with the record that asks ([`OpenMove::asked`](super::purse::OpenMove::asked)).
    pub request: RequestId,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub amount: Amount,
}

/// What happens when somebody cannot or will not pay; chosen before the scan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Nobody pays.
    #[default]
    Decline,
    /// The others share it, within their caps.
    Reshare,
    /// The host pays it.
    HostCovers,
}

/// Who gets the odd minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Largest remainder; ties rotate with the bill's id.
    #[default]
    LargestRemainder,
    /// To those most under-charged so far in this group; ties rotate with the bill's id.
    FairCent,
}

/// How a group pays, until its host says otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Who owes what.
    pub split: Split,
    /// When somebody is short.
    pub shortfall: Shortfall,
    /// Odd minor units.
    pub rounding: Rounding,
    /// Shares are multiples of this; zero or one means any minor unit.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("minimum" = 0, "maximum" = crate::limits::AMOUNT_MINOR_MAX))
    )]
    pub cash_step: Amount,
}

/// What one member agreed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Consent {
    /// The most that the whole outing may cost this member without asking again.
    pub cap: Amount,
    /// A single share above this is asked for; `None`: never below the cap.
    pub confirm_above: Option<Amount>,
}

/// What one diner owes of one bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Share {
    /// Who owes.
    pub diner: WalletId,
    /// How much, at the end of all rules.
    pub owed: Amount,
    /// Whether this diner said yes to this very share.
    pub confirmed: bool,
    /// Change of the diner's fair-cent memory, in millionths of a minor unit; zero without it.
    pub carry_micro: i64,
}

/// Where a share's money came from. Today only wallets; family cards and group accounts follow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Source {
    /// A wallet: the diner's own, or that of somebody who covers.
    Wallet(WalletId),
}

impl Source {
    /// The wallet that holds the source's money, and answers for it.
    #[must_use]
    pub fn wallet(self) -> WalletId {
        match self {
            Self::Wallet(id) => id,
        }
    }

    /// The account that the source draws on.
    #[must_use]
    pub fn account(self) -> Account {
        Account::Wallet(self.wallet())
    }
}

/// Sources of one payer, in the order in which they give.
pub type Sources = SmallVec<[Source; 1]>;

/// One source's part of one diner's share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Leg {
    /// For whom: an index into the shares.
    pub share: u16,
    /// Who gives.
    pub source: Source,
    /// How much.
    pub amount: Amount,
}

/// One bill, paid: the whole settlement in one record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settlement {
    /// Who was paid.
    pub merchant: MerchantId,
    /// Under which number.
    pub order_no: OrderNo,
    /// By which group.
    pub group: GroupId,
    /// The bill's id; not journaled, since it follows from merchant and order number.
    #[serde(with = "super::digest::hex")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub bill: u64,
    /// The bill's content digest.
    #[serde(with = "super::digest::hex")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub content: u64,
    /// How much: the sum of the shares, and of the legs (G-2).
    pub total: Amount,
    /// Who owed what; diners who owe nothing are not listed.
    pub shares: Box<[Share]>,
    /// Who gave what.
    pub legs: Box<[Leg]>,
}

impl Settlement {
    /// Whether the payer of `leg`, which is one of these, said yes to this very share.
    #[must_use]
    pub fn is_confirmed(&self, leg: &Leg) -> bool {
        let share = &self.shares[usize::from(leg.share)];
        share.confirmed && share.diner == leg.source.wallet()
    }
}

/// Why an order ended without money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum DeclineReason {
    /// A diner's funds do not reach, and the shortfall rule did not help.
    Short {
        /// Who.
        diner: WalletId,
    },
    /// A diner said no.
    Refused {
        /// Who.
        diner: WalletId,
    },
    /// A diner's wallet is frozen, closed or unreachable.
    Unavailable {
        /// Who.
        diner: WalletId,
    },
    /// The deadline passed; this diner was the first still waited for.
    TimedOut {
        /// Who.
        waiting_for: WalletId,
    },
    /// The merchant withdrew the order before it was decided.
    Cancelled,
}

/// One order, ended without money.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decline {
    /// Who is not paid.
    pub merchant: MerchantId,
    /// Under which number.
    pub order_no: OrderNo,
    /// By which group.
    pub group: GroupId,
    /// The bill's content digest.
    #[serde(with = "super::digest::hex")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub content: u64,
    /// How much it would have been.
    pub total: Amount,
    /// Why.
    pub reason: DeclineReason,
}

/// Money given back to where it came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refund {
    /// Who gives back.
    pub merchant: MerchantId,
    /// Of which order.
    pub order_no: OrderNo,
    /// Under which number.
    pub refund_no: RefundNo,
    /// To which group's diners.
    pub group: GroupId,
    /// The refund's content digest.
    #[serde(with = "super::digest::hex")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub content: u64,
    /// How much in all.
    pub amount: Amount,
    /// How much to whom: the settlement's legs that get something back, with the part they get.
    pub legs: Box<[RefundLeg]>,
}

/// One source's part of a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefundLeg {
    /// Which leg of the settlement.
    pub leg: u16,
    /// For whom that leg paid.
    pub diner: WalletId,
    /// Who gets it back.
    pub source: Source,
    /// How much.
    pub amount: Amount,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A wallet was opened.
    WalletOpened {
        /// Which.
        wallet: WalletId,
        /// Whose, in the owner's words.
        name: Name,
        /// In which currency, for good.
        currency: Currency,
    },
    /// A wallet was frozen: it pays nothing until it is thawed.
    WalletFrozen {
        /// Which.
        wallet: WalletId,
    },
    /// A frozen wallet was thawed.
    WalletThawed {
        /// Which.
        wallet: WalletId,
    },
    /// An empty wallet was closed for good.
    WalletClosed {
        /// Which.
        wallet: WalletId,
    },
    /// Money was asked of the rail; outgoing money is held from here on.
    RailRequested(RailMove),
    /// The rail moved it.
    RailConfirmed(RailMove),
    /// The rail did not move it, and never will.
    RailRefused(RailMove),
    /// Money went from one wallet to another.
    Transferred {
        /// Who gave.
        from: WalletId,
        /// Who got.
        to: WalletId,
        /// The giver's name for it.
        request: RequestId,
        /// How much.
        amount: Amount,
        /// A word with it.
        note: Option<Note>,
    },
    /// A merchant joined.
    MerchantOnboarded {
        /// Which.
        merchant: MerchantId,
        /// Its name.
        name: Name,
        /// The currency of its till, for good.
        currency: Currency,
    },
    /// A group was opened; the host is its first member.
    GroupOpened {
        /// Which.
        group: GroupId,
        /// What it is called.
        name: Name,
        /// Who opened it, and covers if that is the rule.
        host: WalletId,
        /// What the host agreed to.
        consent: Consent,
        /// The currency of all its bills.
        currency: Currency,
        /// How it pays.
        rules: Rules,
    },
    /// Somebody was invited.
    MemberInvited {
        /// To which group.
        group: GroupId,
        /// Who.
        wallet: WalletId,
    },
    /// Somebody joined, with consent.
    MemberJoined {
        /// Which group.
        group: GroupId,
        /// Who.
        wallet: WalletId,
        /// What the member agreed to.
        consent: Consent,
    },
    /// A member agreed to something else.
    ConsentChanged {
        /// In which group.
        group: GroupId,
        /// Who.
        wallet: WalletId,
        /// To what.
        consent: Consent,
    },
    /// A member left.
    MemberLeft {
        /// Which group.
        group: GroupId,
        /// Who.
        wallet: WalletId,
    },
    /// The group's rules changed.
    RulesSet {
        /// Which group.
        group: GroupId,
        /// To what.
        rules: Rules,
    },
    /// The bill that is coming was laid on the table, in place of what lay there.
    BillDrafted {
        /// Of which group.
        group: GroupId,
        /// The bill.
        draft: Draft,
    },
    /// A member said how large a part of a line is the own.
    LineClaimed {
        /// In which group.
        group: GroupId,
        /// Who.
        wallet: WalletId,
        /// Which line of the draft, from zero.
        line: u16,
        /// How large a part, against the others who claim it; zero: none.
        weight: u32,
    },
    /// The draft was taken away.
    DraftCleared {
        /// Of which group.
        group: GroupId,
    },
    /// Nobody joins or leaves any more.
    GroupLocked {
        /// Which group.
        group: GroupId,
    },
    /// People may join and leave again.
    GroupUnlocked {
        /// Which group.
        group: GroupId,
    },
    /// The outing is over.
    GroupClosed {
        /// Which group.
        group: GroupId,
    },
    /// A bill was paid.
    Settled(Settlement),
    /// A bill was not paid.
    Declined(Decline),
    /// Money went back.
    Refunded(Refund),
}

impl Event {
    /// The entry that the event is; empty where no money moves.
    ///
    /// # Panics
    /// When the postings do not sum to zero (M-1), which `decide` never lets happen.
    #[must_use]
    pub fn entry(&self) -> Entry {
        match self {
            Self::Settled(settlement) => settlement.entry(),
            Self::Refunded(refund) => refund.entry(),
            Self::Transferred { from, to, amount, .. } => {
                let source = credit(Account::Wallet(*to), *amount);
                balanced([debit(Account::Wallet(*from), *amount), source])
            }
            Self::RailConfirmed(moved) => {
                let (from, to) = match moved.direction {
                    Direction::In => (Account::Clearing, moved.holder.account()),
                    Direction::Out => (moved.holder.account(), Account::Clearing),
                };
                balanced([debit(from, moved.amount), credit(to, moved.amount)])
            }
            Self::WalletOpened { .. }
            | Self::WalletFrozen { .. }
            | Self::WalletThawed { .. }
            | Self::WalletClosed { .. }
            | Self::RailRequested(_)
            | Self::RailRefused(_)
            | Self::MerchantOnboarded { .. }
            | Self::GroupOpened { .. }
            | Self::MemberInvited { .. }
            | Self::MemberJoined { .. }
            | Self::ConsentChanged { .. }
            | Self::MemberLeft { .. }
            | Self::RulesSet { .. }
            | Self::BillDrafted { .. }
            | Self::LineClaimed { .. }
            | Self::DraftCleared { .. }
            | Self::GroupLocked { .. }
            | Self::GroupUnlocked { .. }
            | Self::GroupClosed { .. }
            | Self::Declined(_) => Entry::default(),
        }
    }

    /// Everybody whom the event concerns, each once: the accounts of `entry`, which must be the
    /// event's own, in its order, then those without a posting.
    #[must_use]
    pub fn topics(&self, entry: &Entry) -> Topics {
        let mut topics: Topics =
            entry.postings().iter().filter_map(|posting| posting.account.topic()).collect();
        match self {
            Self::Settled(Settlement { group, .. }) | Self::Refunded(Refund { group, .. }) => {
                topics.push(Topic::Group(*group));
            }
            Self::Declined(decline) => {
                topics.push(Topic::Merchant(decline.merchant));
                topics.push(Topic::Group(decline.group));
            }
            Self::WalletOpened { wallet, .. }
            | Self::WalletFrozen { wallet }
            | Self::WalletThawed { wallet }
            | Self::WalletClosed { wallet } => topics.push(Topic::Wallet(*wallet)),
            Self::RailRequested(moved) | Self::RailRefused(moved) => {
                topics.push(moved.holder.topic());
            }
            Self::MerchantOnboarded { merchant, .. } => topics.push(Topic::Merchant(*merchant)),
            Self::GroupOpened { group, host, .. } => {
                topics.push(Topic::Group(*group));
                topics.push(Topic::Wallet(*host));
            }
            Self::MemberInvited { group, wallet }
            | Self::MemberJoined { group, wallet, .. }
            | Self::MemberLeft { group, wallet } => {
                topics.push(Topic::Group(*group));
                topics.push(Topic::Wallet(*wallet));
            }
            Self::ConsentChanged { group, .. }
            | Self::RulesSet { group, .. }
            | Self::BillDrafted { group, .. }
            | Self::LineClaimed { group, .. }
            | Self::DraftCleared { group }
            | Self::GroupLocked { group }
            | Self::GroupUnlocked { group }
            | Self::GroupClosed { group } => topics.push(Topic::Group(*group)),
            Self::RailConfirmed(_) | Self::Transferred { .. } => {}
        }
        topics
    }
}

impl Settlement {
    /// Who alone ends the reservations that this settlement uses up (W-2).
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::bill(self.group, self.bill)
    }

    fn entry(&self) -> Entry {
        let merchant = credit(Account::Merchant(self.merchant), self.total);
        let legs = self.legs.iter().map(|leg| debit(leg.source.account(), leg.amount));
        balanced(std::iter::once(merchant).chain(legs))
    }
}

impl Refund {
    fn entry(&self) -> Entry {
        let merchant = debit(Account::Merchant(self.merchant), self.amount);
        let legs = self.legs.iter().map(|leg| credit(leg.source.account(), leg.amount));
        balanced(std::iter::once(merchant).chain(legs))
    }
}

fn credit(account: Account, amount: Amount) -> Posting {
    Posting { account, delta: amount }
}

fn debit(account: Account, amount: Amount) -> Posting {
    Posting { account, delta: amount.checked_neg().expect("M-1: amounts are positive") }
}

fn balanced(postings: impl IntoIterator<Item = Posting>) -> Entry {
    Entry::new(postings).expect("M-1: every entry sums to zero")
}
