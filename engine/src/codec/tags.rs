//! Every tag of the format. A tag is never reused and never changes its meaning; what is reserved
//! is refused until it has one.

/// What happened.
pub(super) mod event {
    pub(crate) const WALLET_OPENED: u8 = 1;
    pub(crate) const WALLET_FROZEN: u8 = 2;
    pub(crate) const WALLET_THAWED: u8 = 3;
    pub(crate) const WALLET_CLOSED: u8 = 4;
    pub(crate) const RAIL_REQUESTED: u8 = 5;
    pub(crate) const RAIL_CONFIRMED: u8 = 6;
    pub(crate) const RAIL_REFUSED: u8 = 7;
    pub(crate) const TRANSFERRED: u8 = 8;
    pub(crate) const MERCHANT_ONBOARDED: u8 = 9;
    pub(crate) const GROUP_OPENED: u8 = 10;
    pub(crate) const MEMBER_INVITED: u8 = 11;
    pub(crate) const MEMBER_JOINED: u8 = 12;
    pub(crate) const CONSENT_CHANGED: u8 = 13;
    pub(crate) const MEMBER_LEFT: u8 = 14;
    pub(crate) const RULES_SET: u8 = 15;
    pub(crate) const GROUP_LOCKED: u8 = 16;
    pub(crate) const GROUP_UNLOCKED: u8 = 17;
    pub(crate) const GROUP_CLOSED: u8 = 18;
    pub(crate) const SETTLED: u8 = 19;
    pub(crate) const DECLINED: u8 = 20;
    pub(crate) const REFUNDED: u8 = 21;
    pub(crate) const BILL_DRAFTED: u8 = 22;
    pub(crate) const LINE_CLAIMED: u8 = 23;
    pub(crate) const DRAFT_CLEARED: u8 = 24;
}

/// Whose money crosses the rail.
pub(super) mod holder {
    pub(crate) const WALLET: u8 = 1;
    pub(crate) const MERCHANT: u8 = 2;
}

/// Which way money crosses the rail.
pub(super) mod direction {
    pub(crate) const IN: u8 = 1;
    pub(crate) const OUT: u8 = 2;
}

/// Who laid a draft.
pub(super) mod drafter {
    pub(crate) const MEMBER: u8 = 1;
    pub(crate) const TILL: u8 = 2;
}

/// Who owes what.
pub(super) mod split {
    pub(crate) const EQUAL: u8 = 1;
    pub(crate) const WEIGHTS: u8 = 2;
    pub(crate) const PERCENT: u8 = 3;
    pub(crate) const EXACT: u8 = 4;
    pub(crate) const FIXED_PLUS_REST: u8 = 5;
    pub(crate) const ITEMISED: u8 = 6;
    pub(crate) const TREAT: u8 = 7;
}

/// How an itemised split spreads what the total has above the lines.
pub(super) mod rest {
    pub(crate) const IN_PROPORTION: u8 = 0;
    pub(crate) const EQUALLY: u8 = 1;
}

/// When somebody is short.
pub(super) mod shortfall {
    pub(crate) const DECLINE: u8 = 1;
    pub(crate) const RESHARE: u8 = 2;
    pub(crate) const HOST_COVERS: u8 = 3;
    /// Reserved: a willing coverer pays, and is owed.
    pub(crate) const _IOU: u8 = 4;
}

/// Who gets the odd minor units.
pub(super) mod rounding {
    pub(crate) const LARGEST_REMAINDER: u8 = 1;
    pub(crate) const FAIR_CENT: u8 = 2;
}

/// Where a share's money comes from; three bits.
pub(super) mod source {
    /// The diner's own wallet: its id is not repeated.
    pub(crate) const OWN_WALLET: u8 = 0;
    pub(crate) const WALLET: u8 = 1;
    /// Reserved: a family card.
    pub(crate) const _FAMILY_CARD: u8 = 2;
    /// Reserved: a group account.
    pub(crate) const _GROUP_ACCOUNT: u8 = 3;
}

/// Why an order ended without money.
pub(super) mod reason {
    pub(crate) const SHORT: u8 = 1;
    pub(crate) const REFUSED: u8 = 2;
    pub(crate) const UNAVAILABLE: u8 = 3;
    pub(crate) const TIMED_OUT: u8 = 4;
    pub(crate) const CANCELLED: u8 = 5;
}
