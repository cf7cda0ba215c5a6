//! What the engine must answer, to the last number.

use fanju::{
    Error,
    domain::{
        bill::{Bill, BillRejection, Line},
        event::{DeclineReason, Direction, Event, Holder, RailMove, Refund, RefundLeg},
        group::{self, Rejection, Status},
        merchant,
        order::{CancelRejection, RefundRejection, RefundRequest},
        requests::RequestReused,
        wallet,
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    ledger::FundsRejection,
    limits::{AMOUNT_MINOR_MAX, BALANCE_MINOR_MAX},
    money::{Amount, Currency},
};

use super::{
    command::Command,
    decide::{check_consent, check_rules, decide, is_member},
    divide::{bill_content, by_weight, digest, turn},
    ledger::{Content, Model, Paid, Requests, Wallet},
};
use crate::support::minor;

/// What comes of a command that is not refused.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It happens.
    Happens(Event),
    /// It happened before, and this is its record.
    Repeats(Position),
    /// The bill goes to its group.
    Tried,
}

type Expected = Result<Outcome, Error>;

pub(crate) fn is_movable(amount: Amount) -> bool {
    (1..=AMOUNT_MINOR_MAX).contains(&amount.minor())
}

/// Whether `amount` can leave an account that has `posted`.
fn leaves(posted: i64, needed: Amount) -> Result<(), FundsRejection> {
    let available = minor(posted);
    match needed {
        _ if !is_movable(needed) => Err(FundsRejection::AmountOutOfRange),
        _ if available < needed => Err(FundsRejection::InsufficientFunds { available, needed }),
        _ => Ok(()),
    }
}

/// Whether `amount` can come into an account that has `posted`.
fn comes(posted: i64, amount: Amount) -> Result<(), FundsRejection> {
    match amount {
        _ if !is_movable(amount) => Err(FundsRejection::AmountOutOfRange),
        _ if posted + amount.minor() > BALANCE_MINOR_MAX => Err(FundsRejection::BalanceTooLarge),
        _ => Ok(()),
    }
}

fn pays(wallet: &Wallet) -> Result<(), wallet::Rejection> {
    match wallet.status {
        wallet::Status::Open => Ok(()),
        wallet::Status::Frozen => Err(wallet::Rejection::Frozen),
        wallet::Status::Closed => Err(wallet::Rejection::Closed),
    }
}

/// How the same request ended before, if it is known.
fn recalled(
    requests: &Requests,
    request: RequestId,
    content: Content,
) -> Result<Option<Outcome>, RequestReused> {
    match requests.get(&request) {
        Some((known, at)) if *known == content => Ok(Some(Outcome::Repeats(*at))),
        Some(_) => Err(RequestReused),
        None => Ok(None),
    }
}

pub(crate) fn check_bill(total: Amount, lines: &[Line]) -> Result<(), BillRejection> {
    let largest = -AMOUNT_MINOR_MAX..=AMOUNT_MINOR_MAX;
    if !is_movable(total) {
        return Err(BillRejection::TotalOutOfRange);
    }
    match lines.iter().position(|line| !largest.contains(&line.amount.minor())) {
        Some(line) => Err(BillRejection::LineOutOfRange { line }),
        None => Ok(()),
    }
}

impl Model {
    fn wallet_of(&self, id: WalletId) -> Result<&Wallet, Error> {
        self.wallets.get(&id).ok_or(Error::UnknownWallet(id))
    }

    /// Whether the wallet may be a member of a group that counts in `currency`.
    fn check_newcomer(&self, id: WalletId, asked: Currency) -> Result<(), Error> {
        let wallet = self.wallet_of(id)?;
        pays(wallet)?;
        let holds = wallet.currency;
        if holds != asked {
            return Err(wallet::Rejection::WrongCurrency { holds, asked }.into());
        }
        Ok(())
    }

    pub(crate) fn expect(&self, command: &Command) -> Expected {
        match command {
            Command::OpenWallet { wallet, currency } => match self.wallets.get(wallet) {
                Some(_) => Err(Error::AlreadyOpen),
                None => {
                    let name = "diner".try_into().expect("short");
                    let (wallet, currency) = (*wallet, *currency);
                    Ok(Outcome::Happens(Event::WalletOpened { wallet, name, currency }))
                }
            },
            Command::Onboard { merchant, currency } => match self.merchants.get(merchant) {
                Some(_) => Err(Error::AlreadyOpen),
                None => {
                    let name = "shop".try_into().expect("short");
                    let (merchant, currency) = (*merchant, *currency);
                    Ok(Outcome::Happens(Event::MerchantOnboarded { merchant, name, currency }))
                }
            },
            Command::OpenGroup { group, host, consent, currency, rules } => {
                check_consent(consent)?;
                check_rules(rules)?;
                if self.groups.contains_key(group) {
                    return Err(Error::AlreadyOpen);
                }
                self.check_newcomer(*host, *currency)?;
                Ok(Outcome::Happens(Event::GroupOpened {
                    group: *group,
                    name: "table".try_into().expect("short"),
                    host: *host,
                    consent: *consent,
                    currency: *currency,
                    rules: rules.clone(),
                }))
            }
            Command::Wallet { wallet, command } => self.expect_wallet(*wallet, command),
            Command::PayOut { merchant, request, amount } => {
                let shop = self.merchants.get(merchant).ok_or(Error::UnknownMerchant(*merchant))?;
                let refused = |rejection: FundsRejection| merchant::Rejection::from(rejection);
                let content = ("out", None, *amount);
                let known = recalled(&shop.requests, *request, content);
                if let Some(known) = known.map_err(merchant::Rejection::from)? {
                    return Ok(known);
                }
                leaves(shop.posted, minor(*amount)).map_err(refused)?;
                let holder = Holder::Merchant(*merchant);
                Ok(moved(holder, *request, Direction::Out, minor(*amount)))
            }
            Command::Group { group, command } => self.expect_group(*group, command),
            Command::JoinByCode { group, by, wallet, consent } => {
                self.check_shown(*group, *by)?;
                let (wallet, consent) = (*wallet, *consent);
                let join = group::Command::Join { wallet, consent, by_code: true };
                self.expect_group(*group, &join)
            }
            Command::DraftByTill { group, by, bill } => {
                self.check_shown(*group, *by)?;
                self.expect_group(*group, &group::Command::DraftByTill { bill: bill.clone() })
            }
            Command::Present { group, by, bill } => self.expect_bill(*group, *by, bill),
            // No bill is under way between two commands.
            Command::Cancel { merchant, order_no } => {
                let shop = self.merchants.get(merchant);
                let ended = shop.and_then(|shop| shop.orders.get(order_no));
                let ended = ended.ok_or(Error::UnknownOrder)?;
                match ended.declined {
                    None => Err(CancelRejection::AlreadySettled.into()),
                    Some(DeclineReason::Cancelled) => Ok(Outcome::Repeats(ended.ended)),
                    Some(_) => Err(CancelRejection::AlreadyDeclined.into()),
                }
            }
            Command::Refund { merchant, request } => self.expect_refund(*merchant, request),
        }
    }

    fn expect_wallet(&self, id: WalletId, command: &wallet::Command) -> Expected {
        let wallet = self.wallet_of(id)?;
        let holder = Holder::Wallet(id);
        let known = |word, request: &RequestId, other, amount: &Amount| {
            recalled(&wallet.requests, *request, (word, other, amount.minor()))
                .map_err(wallet::Rejection::from)
        };
        match command {
            wallet::Command::Freeze => {
                pays(wallet)?;
                Ok(Outcome::Happens(Event::WalletFrozen { wallet: id }))
            }
            wallet::Command::Thaw => match wallet.status {
                wallet::Status::Open => Err(wallet::Rejection::NotFrozen.into()),
                wallet::Status::Frozen => Ok(Outcome::Happens(Event::WalletThawed { wallet: id })),
                wallet::Status::Closed => Err(wallet::Rejection::Closed.into()),
            },
            wallet::Command::Close => {
                pays(wallet)?;
                match wallet.posted {
                    0 => Ok(Outcome::Happens(Event::WalletClosed { wallet: id })),
                    posted => Err(wallet::Rejection::NotEmpty { posted: minor(posted) }.into()),
                }
            }
            wallet::Command::TopUp { request, amount } => {
                if let Some(known) = known("in", request, None, amount)? {
                    return Ok(known);
                }
                if wallet.status == wallet::Status::Closed {
                    return Err(wallet::Rejection::Closed.into());
                }
                comes(wallet.posted, *amount).map_err(wallet::Rejection::from)?;
                Ok(moved(holder, *request, Direction::In, *amount))
            }
            wallet::Command::Withdraw { request, amount } => {
                if let Some(known) = known("out", request, None, amount)? {
                    return Ok(known);
                }
                if wallet.status == wallet::Status::Frozen {
                    return Err(wallet::Rejection::Frozen.into());
                }
                leaves(wallet.posted, *amount).map_err(wallet::Rejection::from)?;
                Ok(moved(holder, *request, Direction::Out, *amount))
            }
            wallet::Command::Transfer { to, request, amount, note } => {
                if let Some(known) = known("transfer", request, Some(*to), amount)? {
                    return Ok(known);
                }
                pays(wallet)?;
                if *to == id {
                    return Err(wallet::Rejection::SameWallet.into());
                }
                leaves(wallet.posted, *amount).map_err(wallet::Rejection::from)?;
                self.check_payee(*to, wallet.currency, *amount)?;
                let (from, to, request, amount) = (id, *to, *request, *amount);
                let note = note.clone();
                Ok(Outcome::Happens(Event::Transferred { from, to, request, amount, note }))
            }
        }
    }

    fn check_payee(&self, to: WalletId, asked: Currency, amount: Amount) -> Result<(), Error> {
        let payee = self.wallet_of(to)?;
        let holds = payee.currency;
        if payee.status == wallet::Status::Closed {
            return Err(wallet::Rejection::Closed.into());
        }
        if holds != asked {
            return Err(wallet::Rejection::WrongCurrency { holds, asked }.into());
        }
        Ok(comes(payee.posted, amount).map_err(wallet::Rejection::from)?)
    }

    /// Whether the group shows its code to `by`.
    fn check_shown(&self, group: GroupId, by: WalletId) -> Result<(), Error> {
        let group = self.groups.get(&group).ok_or(Error::UnknownGroup(group))?;
        match group.status {
            Status::Closed => Err(Rejection::Closed.into()),
            _ if !is_member(group, by) => Err(Rejection::NotMember.into()),
            Status::Open | Status::Locked => Ok(()),
        }
    }

    fn expect_group(&self, id: GroupId, command: &group::Command) -> Expected {
        let group = self.groups.get(&id).ok_or(Error::UnknownGroup(id))?;
        let event = decide(group, command)?;
        if let Event::MemberJoined { wallet, .. } = &event {
            self.check_newcomer(*wallet, group.currency)?;
        } else if let Event::MemberInvited { wallet, .. } = &event {
            self.wallet_of(*wallet)?;
        }
        Ok(Outcome::Happens(event))
    }

    fn expect_bill(&self, group: GroupId, by: WalletId, bill: &Bill) -> Expected {
        self.check_shown(group, by)?;
        let shop =
            self.merchants.get(&bill.merchant).ok_or(Error::UnknownMerchant(bill.merchant))?;
        let takes = shop.currency;
        let checked: Result<(), Error> = if bill.currency == takes {
            check_bill(bill.total, &bill.lines)
                .map_err(merchant::Rejection::from)
                .and_then(|()| Ok(comes(shop.posted, bill.total)?))
                .map_err(Error::from)
        } else {
            Err(merchant::Rejection::WrongCurrency { takes, asked: bill.currency }.into())
        };
        match shop.orders.get(&bill.order_no) {
            Some(order) if order.content != bill_content(bill) => Err(Error::OrderNoReused),
            Some(order) if order.paid.is_some() => Ok(Outcome::Repeats(order.ended)),
            Some(_) | None => checked.map(|()| Outcome::Tried),
        }
    }

    fn expect_refund(&self, merchant: MerchantId, request: &RefundRequest) -> Expected {
        let shop = self.merchants.get(&merchant).ok_or(Error::UnknownMerchant(merchant))?;
        let order = shop.orders.get(&request.order_no).ok_or(Error::UnknownOrder)?;
        let paid = order.paid.as_ref().ok_or(Error::OrderNotPaid)?;
        let asked = request.amount.map_or(-1, Amount::minor).to_le_bytes();
        let diner = request.diner.map_or([0; 16], |diner| diner.0.into_bytes());
        let content = digest(&[&asked, &diner]);
        let known = paid.refunds.iter().find(|known| known.refund_no == request.refund_no);
        match known {
            Some(known) if known.content == content => {
                return Ok(Outcome::Repeats(known.position));
            }
            Some(_) => return Err(RefundRejection::RefundNoReused.into()),
            None => {}
        }
        let (amount, parts) = divide_refund(paid, request)?;
        leaves(shop.posted, amount).map_err(merchant::Rejection::from)?;
        let leg = |(leg, part): (usize, i64)| RefundLeg {
            leg: u16::try_from(leg).expect("few"),
            diner: paid.diner(leg),
            source: paid.settlement.legs[leg].source,
            amount: minor(part),
        };
        Ok(Outcome::Happens(Event::Refunded(Refund {
            merchant,
            order_no: request.order_no.clone(),
            refund_no: request.refund_no.clone(),
            group: paid.settlement.group,
            content,
            amount,
            legs: parts.into_iter().enumerate().filter(|(_, part)| *part > 0).map(leg).collect(),
        })))
    }
}

/// How much goes back in all, and of each leg: in proportion to what is left of it.
fn divide_refund(
    paid: &Paid,
    request: &RefundRequest,
) -> Result<(Amount, Vec<i64>), RefundRejection> {
    let theirs = |leg: usize| request.diner.is_none_or(|diner| paid.diner(leg) == diner);
    let legs = 0..paid.remaining.len();
    if !legs.clone().any(theirs) {
        return Err(RefundRejection::UnknownDiner);
    }
    let open: Vec<i64> =
        legs.map(|leg| if theirs(leg) { paid.remaining[leg] } else { 0 }).collect();
    let left: i64 = open.iter().sum();
    let (asked, remaining) = (request.amount.unwrap_or(minor(left)), minor(left));
    match request.amount {
        Some(_) if !is_movable(asked) => return Err(RefundRejection::AmountOutOfRange),
        _ if asked > remaining || left == 0 => {
            return Err(RefundRejection::BeyondRemainder { asked, remaining });
        }
        _ => {}
    }
    let weights: Vec<i128> = open.iter().map(|left| i128::from(*left)).collect();
    let turn = turn(paid.settlement.content, open.len());
    let parts = by_weight(asked.minor().into(), &weights, &turn);
    Ok((asked, parts.into_iter().map(|part| i64::try_from(part).expect("a part")).collect()))
}

fn moved(holder: Holder, request: RequestId, direction: Direction, amount: Amount) -> Outcome {
    Outcome::Happens(Event::RailConfirmed(RailMove { holder, request, direction, amount }))
}
