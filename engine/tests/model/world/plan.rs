//! Plans: what is to be done, by index, so that a shorter list of plans is a plan as well. Most of them are
//! possible, some repeated or absurd.

use fanju::domain::{
    event::{Rounding, Shortfall},
    split::Rest,
};

/// Somebody, as a group sees people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Host,
    /// A member, counted round and round.
    Member(u8),
    /// Whoever has this wallet, a member or not.
    Wallet(u8),
}

/// What somebody agrees to: a cap, and above what to be asked.
pub(crate) type Agreed = (i64, Option<i64>);

/// A way to split. Parts fall to the members in their order; `odd` has one more, which may be too many.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Equal,
    Weights {
        parts: Vec<u32>,
        odd: Option<(By, u32)>,
    },
    /// The last part is what is missing to the whole, where `whole`.
    Percent {
        parts: Vec<u32>,
        odd: Option<(By, u32)>,
        whole: bool,
    },
    Exact {
        parts: Vec<i64>,
        odd: Option<(By, i64)>,
    },
    FixedPlusRest {
        parts: Vec<i64>,
        odd: Option<(By, i64)>,
    },
    Itemised {
        claims: Vec<(u16, By, u32)>,
        rest: Rest,
    },
    Treat {
        payer: By,
        guests: Vec<By>,
        of: Box<Way>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) split: Way,
    pub(crate) shortfall: Shortfall,
    pub(crate) rounding: Rounding,
    pub(crate) cash_step: i64,
}

/// What a bill asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// This.
    Sum { total: i64, lines: Vec<i64> },
    /// The same as the last time under this number.
    Again,
    /// What the group's rules fit: the parts that are fixed, or what lies on the table with a tip, or
    /// `total`, in whole steps of cash.
    Fitting { total: i64, tip: i64, lines: bool },
    /// What lies on the table, with a tip.
    Drafted { tip: i64, lines: bool },
}

#[derive(Clone, Debug)]
pub(crate) enum Plan {
    OpenWallet {
        wallet: u8,
        euro: bool,
    },
    Onboard {
        merchant: u8,
        euro: bool,
    },
    OpenGroup {
        group: u8,
        host: u8,
        agreed: Agreed,
        euro: bool,
        ways: Ways,
    },
    TopUp {
        wallet: u8,
        request: u8,
        amount: i64,
    },
    Withdraw {
        wallet: u8,
        request: u8,
        amount: i64,
    },
    Transfer {
        from: u8,
        to: u8,
        request: u8,
        amount: i64,
    },
    PayOut {
        merchant: u8,
        request: u8,
        amount: i64,
    },
    Freeze {
        wallet: u8,
    },
    Thaw {
        wallet: u8,
    },
    CloseWallet {
        wallet: u8,
    },
    /// Takes out what is there, and closes.
    EmptyAndClose {
        wallet: u8,
        request: u8,
    },
    Invite {
        group: u8,
        by: By,
        wallet: u8,
    },
    Join {
        group: u8,
        wallet: u8,
        agreed: Agreed,
    },
    JoinByCode {
        group: u8,
        by: By,
        wallet: u8,
        agreed: Agreed,
    },
    Leave {
        group: u8,
        by: By,
    },
    SetConsent {
        group: u8,
        by: By,
        agreed: Agreed,
    },
    SetRules {
        group: u8,
        by: By,
        ways: Ways,
    },
    Lock {
        group: u8,
        by: By,
    },
    Unlock {
        group: u8,
        by: By,
    },
    CloseGroup {
        group: u8,
        by: By,
    },
    Draft {
        group: u8,
        by: By,
        tip: i64,
        lines: Vec<i64>,
    },
    DraftByTill {
        group: u8,
        by: By,
        merchant: u8,
        order: u8,
        tip: i64,
        lines: Vec<i64>,
    },
    ClearDraft {
        group: u8,
        by: By,
    },
    Claim {
        group: u8,
        by: By,
        line: u16,
        weight: u32,
    },
    /// A bill: whoever is asked answers by the bits of `says`; after so many answers it is cancelled.
    Present {
        merchant: u8,
        group: u8,
        by: By,
        order: u8,
        euro: bool,
        asked: Asked,
        says: u8,
        cancel: Option<u8>,
    },
    Cancel {
        merchant: u8,
        order: u8,
    },
    /// Of the order that is so many places down the merchant's list, or of none.
    Refund {
        merchant: u8,
        order: Option<u8>,
        refund: u8,
        amount: Option<i64>,
        diner: Option<By>,
    },
}

/// Some plans, then a crash while others are on their way.
#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub(crate) plans: Vec<Plan>,
    pub(crate) flying: Vec<Plan>,
    /// How long they fly.
    pub(crate) turns: u8,
    /// What the crash leaves of a write that was under way, if anything.
    pub(crate) torn: Option<u64>,
}

/// A table is laid with so much money each, and then things happen.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) balances: Vec<i64>,
    pub(crate) cap: i64,
    pub(crate) ways: Ways,
    pub(crate) chapters: Vec<Chapter>,
}

impl Story {
    /// How the table is laid: the first two wallets have a group each, and everybody is in the first.
    pub(crate) fn opening(&self) -> Vec<Plan> {
        let agreed = (self.cap, None);
        let mut plans = vec![Plan::Onboard { merchant: 0, euro: false }];
        for (wallet, amount) in (0..).zip(&self.balances) {
            plans.push(Plan::OpenWallet { wallet, euro: false });
            plans.push(Plan::TopUp { wallet, request: 0, amount: *amount });
        }
        for group in 0..2 {
            let ways = self.ways.clone();
            plans.push(Plan::OpenGroup { group, host: group, agreed, euro: false, ways });
        }
        for wallet in (1..).take(self.balances.len() - 1) {
            plans.push(Plan::Invite { group: 0, by: By::Host, wallet });
            plans.push(Plan::Join { group: 0, wallet, agreed });
        }
        plans
    }
}
