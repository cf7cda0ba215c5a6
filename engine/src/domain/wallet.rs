//! Wallet: one person's money in one currency.
//!
//! Pure: no clock, no I/O, no actor. [`Wallet::decide`] says what would happen; [`Wallet::apply`]
//! makes it so. Reservations are part of the wallet and never journaled: a crash forgets them, and
//! with them every bill that was not decided yet.
//!
//! - W-1: what is set aside never exceeds what is posted ([`crate::ledger::Funds`] asserts it).
//! - W-2: only the wallet's own `decide` and [`Wallet::reserve`] lower what is available.

use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    event::{Direction, Event, Holder, RailMove, Source},
    payment::Missing,
    purse::{Purse, PurseRejection},
    requests::{Decision, Ended, RequestReused},
    text::{Name, Note},
};
use crate::{
    broken::{Bug, has},
    id::{Position, RequestId, WalletId},
    ledger::{FundsRejection, Owner},
    money::{Amount, Currency},
};

/// Whether a wallet pays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "WalletStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It pays and is paid.
    #[default]
    Open,
    /// It is paid, and pays nothing.
    Frozen,
    /// It takes back refunds, and lets them be withdrawn; nothing else.
    Closed,
}

/// What a wallet's owner asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Stop new payments: what was set aside for a bill before may still leave.
    Freeze,
    /// Allow them again.
    Thaw,
    /// End the wallet; it must be empty.
    Close,
    /// Bring money in from the bank.
    TopUp {
        /// The owner's name for it.
        request: RequestId,
        /// How much.
        amount: Amount,
    },
    /// Take money out to the bank.
    Withdraw {
        /// The owner's name for it.
        request: RequestId,
        /// How much.
        amount: Amount,
    },
    /// Give money to another wallet, which has said that it takes it ([`Wallet::admit`]).
    Transfer {
        /// To whom.
        to: WalletId,
        /// The owner's name for it.
        request: RequestId,
        /// How much.
        amount: Amount,
        /// A word with it.
        note: Option<Note>,
    },
}

/// Why a wallet refuses, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The wallet is closed.
    #[error("wallet is closed")]
    Closed,
    /// The wallet is frozen.
    #[error("wallet is frozen")]
    Frozen,
    /// The wallet is not frozen.
    #[error("wallet is not frozen")]
    NotFrozen,
    /// The other side counts in another currency.
    #[error("wallet holds {holds}, not {asked}")]
    WrongCurrency {
        /// The wallet's currency.
        holds: Currency,
        /// What was asked for.
        asked: Currency,
    },
    /// A transfer to oneself.
    #[error("a wallet cannot pay itself")]
    SameWallet,
    /// The wallet has money, or money on its way.
    #[error("wallet is not empty: {posted} posted")]
    NotEmpty {
        /// What it holds.
        posted: Amount,
    },
    /// The request id means something else already.
    #[error(transparent)]
    Reused(#[from] RequestReused),
    /// The same request is on the rail right now.
    #[error("request is still on the rail")]
    StillMoving,
    /// The funds do not allow it.
    #[error(transparent)]
    Funds(#[from] FundsRejection),
}

impl From<PurseRejection> for Rejection {
    fn from(rejection: PurseRejection) -> Self {
        match rejection {
            PurseRejection::Reused(reused) => Self::Reused(reused),
            PurseRejection::StillMoving => Self::StillMoving,
            PurseRejection::Funds(funds) => Self::Funds(funds),
        }
    }
}

impl From<&Rejection> for Missing {
    /// What the refusal to reserve means to the bill.
    fn from(rejection: &Rejection) -> Self {
        if let Rejection::Funds(FundsRejection::InsufficientFunds { available, .. }) = rejection {
            Self::Short { has: *available }
        } else {
            Self::Unavailable
        }
    }
}

/// One person's wallet. Laid out in this order: what a payment touches comes first, and shares few
/// lines of a processor's cache.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Wallet {
    /// Its money.
    pub purse: Purse,
    /// Its currency, for good.
    pub currency: Currency,
    /// Whether it pays.
    pub status: Status,
    /// Its identity.
    pub id: WalletId,
    /// Its owner, in the owner's words.
    pub name: Name,
}

impl Wallet {
    /// A wallet just opened.
    #[must_use]
    pub fn open(id: WalletId, name: Name, currency: Currency) -> Self {
        Self { id, name, currency, status: Status::Open, purse: Purse::default() }
    }

    /// Says what `command` would do; changes nothing.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn decide(&self, command: &Command) -> Result<Decision<Event>, Rejection> {
        let wallet = self.id;
        match command {
            Command::Freeze => {
                self.check_pays()?;
                Ok(Decision::Fresh(Event::WalletFrozen { wallet }))
            }
            Command::Thaw => match self.status {
                Status::Frozen => Ok(Decision::Fresh(Event::WalletThawed { wallet })),
                Status::Closed => Err(Rejection::Closed),
                Status::Open => Err(Rejection::NotFrozen),
            },
            Command::Close => {
                self.check_closes(false)?;
                Ok(Decision::Fresh(Event::WalletClosed { wallet }))
            }
            Command::TopUp { request, amount } => {
                let closed = (self.status == Status::Closed).then_some(Rejection::Closed);
                self.rail(*request, Direction::In, *amount, closed)
            }
            Command::Withdraw { request, amount } => {
                let frozen = (self.status == Status::Frozen).then_some(Rejection::Frozen);
                self.rail(*request, Direction::Out, *amount, frozen)
            }
            Command::Transfer { to, request, amount, note } => {
                let content = transfer_content(*to, *amount, note.as_ref());
                if let Some(ended) = self.purse.recall(*request, content)? {
                    return Ok(Decision::Repeated(ended));
                }
                self.check_pays()?;
                if *to == wallet {
                    return Err(Rejection::SameWallet);
                }
                self.purse.funds.clone().reserve((*request).into(), *amount)?;
                Ok(Decision::Fresh(Event::Transferred {
                    from: wallet,
                    to: *to,
                    request: *request,
                    amount: *amount,
                    note: note.clone(),
                }))
            }
        }
    }

    fn rail(
        &self,
        request: RequestId,
        direction: Direction,
        amount: Amount,
        barred: Option<Rejection>,
    ) -> Result<Decision<Event>, Rejection> {
        let holder = Holder::Wallet(self.id);
        let moved = RailMove { holder, request, direction, amount };
        // What was asked before is found first, whatever became of the wallet since.
        if let Some(ended) = self.purse.recall_rail(&moved)? {
            return Ok(Decision::Repeated(ended));
        }
        match barred {
            Some(rejection) => Err(rejection),
            None => Ok(self.purse.decide_rail(moved)?),
        }
    }

    /// Sets `amount` aside for `owner`, in place of what that owner had reserved before.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies; the owner's former reservation then stands.
    pub fn reserve(
        &mut self,
        owner: Owner,
        amount: Amount,
        currency: Currency,
    ) -> Result<(), Rejection> {
        self.check_pays()?;
        self.check_currency(currency)?;
        if has(Bug::ReserveNothing) {
            return Ok(());
        }
        Ok(self.purse.funds.reserve(owner, amount)?)
    }

    /// Sets `amount` aside for the bill of `owner`, from `source`, for which this wallet answers.
    ///
    /// # Errors
    /// As [`Wallet::reserve`].
    pub fn reserve_from(
        &mut self,
        source: Source,
        owner: Owner,
        amount: Amount,
        currency: Currency,
    ) -> Result<(), Rejection> {
        match source {
            Source::Wallet(_) => self.reserve(owner, amount, currency),
        }
    }

    /// Lets go of what `source` has set aside for the bill of `owner`.
    pub fn release_from(&mut self, source: Source, owner: Owner) {
        match source {
            Source::Wallet(_) => self.release(owner),
        }
    }

    /// Ends `owner`'s reservation, if there is one.
    pub fn release(&mut self, owner: Owner) {
        if has(Bug::KeepReservations) {
            return;
        }
        self.purse.funds.release(owner);
    }

    /// Checks that the wallet takes `amount` from another person.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn admit(&self, amount: Amount, currency: Currency) -> Result<(), Rejection> {
        if self.status == Status::Closed {
            return Err(Rejection::Closed);
        }
        self.check_currency(currency)?;
        Ok(self.purse.funds.admit(amount, Amount::ZERO)?)
    }

    /// Checks that the wallet may be closed; `awaits` says whether it has let somebody bring money that has
    /// not come yet.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn check_closes(&self, awaits: bool) -> Result<(), Rejection> {
        self.check_pays()?;
        let posted = self.purse.funds.posted();
        let idle = self.purse.moving().is_empty() && self.purse.funds.is_unreserved();
        let empty = posted == Amount::ZERO && idle && !awaits;
        if empty { Ok(()) } else { Err(Rejection::NotEmpty { posted }) }
    }

    /// Checks that the wallet may be a member of a group that counts in `currency`.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn check_member(&self, currency: Currency) -> Result<(), Rejection> {
        self.check_pays()?;
        self.check_currency(currency)
    }

    fn check_pays(&self) -> Result<(), Rejection> {
        match self.status {
            Status::Open => Ok(()),
            Status::Frozen => Err(Rejection::Frozen),
            Status::Closed => Err(Rejection::Closed),
        }
    }

    fn check_currency(&self, asked: Currency) -> Result<(), Rejection> {
        if self.currency == asked {
            Ok(())
        } else {
            Err(Rejection::WrongCurrency { holds: self.currency, asked })
        }
    }

    /// Folds one durable event: `delta` is this wallet's posting in it, `at` its position.
    ///
    /// # Panics
    /// When the event contradicts the state: a corrupt journal, or a bug in `decide`.
    pub fn apply(&mut self, event: &Event, delta: Amount, at: Position) {
        match event {
            Event::WalletFrozen { .. } => self.status = Status::Frozen,
            Event::WalletThawed { .. } => self.status = Status::Open,
            Event::WalletClosed { .. } => self.status = Status::Closed,
            Event::RailRequested(moved) => self.purse.apply_requested(*moved, at),
            Event::RailConfirmed(moved) => {
                self.purse.apply_answered(*moved, delta, at, Ended::Done);
            }
            Event::RailRefused(moved) => {
                self.purse.apply_answered(*moved, delta, at, Ended::Refused);
            }
            Event::Transferred { from, to, request, amount, note } => {
                if *from == self.id {
                    self.purse.funds.release((*request).into());
                    let content = transfer_content(*to, *amount, note.as_ref());
                    self.purse.remember(*request, content, at);
                }
                self.purse.funds.post(delta);
            }
            Event::Settled(settlement) => {
                self.purse.funds.release(settlement.owner());
                self.purse.funds.post(delta);
            }
            Event::Refunded(_) => self.purse.funds.post(delta),
            Event::WalletOpened { .. }
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
            | Event::MemberInvited { .. }
            | Event::MemberJoined { .. }
            | Event::ConsentChanged { .. }
            | Event::MemberLeft { .. }
            | Event::RulesSet { .. }
            | Event::BillDrafted { .. }
            | Event::LineClaimed { .. }
            | Event::DraftCleared { .. }
            | Event::GroupLocked { .. }
            | Event::GroupUnlocked { .. }
            | Event::GroupClosed { .. }
            | Event::Declined(_) => {}
        }
    }
}

fn transfer_content(to: WalletId, amount: Amount, note: Option<&Note>) -> u64 {
    let content =
        Digest::default().bytes(b"transfer").bytes(to.0.as_bytes()).number(amount.minor());
    note.map_or(content, |note| content.bytes(note.as_str().as_bytes())).finish()
}
