//! Commands: plans with everybody's name.

use fanju::{
    Error, Receipt,
    domain::{
        bill::{Bill, Line},
        draft::Drafter,
        event::{Consent, Event, Rules},
        group,
        order::RefundRequest,
        split::{Claim, Part, Split, Weight},
        text::OrderNo,
        wallet,
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    money::Currency,
};
use uuid::Uuid;

use super::{
    ledger::Model,
    payment::is_itemised,
    plan::{Agreed, Asked, By, Plan, Way, Ways},
};
use crate::support::minor;

#[derive(Clone, Debug)]
pub(crate) enum Command {
    OpenWallet { wallet: WalletId, currency: Currency },
    Onboard { merchant: MerchantId, currency: Currency },
    OpenGroup { group: GroupId, host: WalletId, consent: Consent, currency: Currency, rules: Rules },
    Wallet { wallet: WalletId, command: wallet::Command },
    PayOut { merchant: MerchantId, request: RequestId, amount: i64 },
    Group { group: GroupId, command: group::Command },
    JoinByCode { group: GroupId, by: WalletId, wallet: WalletId, consent: Consent },
    DraftByTill { group: GroupId, by: WalletId, bill: Bill },
    Present { group: GroupId, by: WalletId, bill: Bill },
    Cancel { merchant: MerchantId, order_no: OrderNo },
    Refund { merchant: MerchantId, request: RefundRequest },
}

/// What a receipt says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told {
    pub(crate) position: Position,
    pub(crate) event: Event,
    pub(crate) replayed: bool,
}

impl From<Receipt> for Told {
    fn from(receipt: Receipt) -> Self {
        let (position, replayed) = (receipt.position(), receipt.is_replayed());
        Self { position, event: receipt.event().clone(), replayed }
    }
}

/// What became of a command.
pub(crate) type Answer = Result<Told, Error>;

/// Wallets whose names are in another order than their numbers: shares go by names.
pub(crate) fn wallet_id(number: u8) -> WalletId {
    let number = u64::from(number);
    WalletId(Uuid::from_u64_pair((number * 5 + 3) % 8, number + 1))
}

pub(crate) fn merchant_id(number: u8) -> MerchantId {
    MerchantId(Uuid::from_u64_pair(100, u64::from(number)))
}

pub(crate) fn group_id(number: u8) -> GroupId {
    GroupId(Uuid::from_u64_pair(200, u64::from(number)))
}

fn request_id(number: u8) -> RequestId {
    RequestId(Uuid::from_u128(u128::from(number) + 1))
}

fn order_no(number: u8) -> OrderNo {
    OrderNo::new(format!("A-{number}")).expect("short")
}

fn currency(euro: bool) -> Currency {
    if euro { Currency::EUR } else { Currency::CNY }
}

fn consent((cap, above): Agreed) -> Consent {
    Consent { cap: minor(cap), confirm_above: above.map(minor) }
}

fn dishes(amounts: &[i64]) -> Vec<Line> {
    let name = || "dish".try_into().expect("short");
    amounts.iter().map(|amount| Line { name: name(), amount: minor(*amount) }).collect()
}

/// What `lines` come to with a tip, or less.
fn with_tip(lines: &[i64], tip: i64) -> i64 {
    lines.iter().fold(tip, |sum, line| sum.saturating_add(*line))
}

impl Model {
    fn person(&self, group: GroupId, by: By) -> WalletId {
        let number = match by {
            By::Host => 0,
            By::Member(number) => usize::from(number),
            By::Wallet(number) => return wallet_id(number),
        };
        match self.groups.get(&group) {
            Some(group) => group.members[number % group.members.len()].wallet,
            None => wallet_id(0),
        }
    }

    /// `parts` for the members in their order, and the odd one.
    fn parts<T: Copy>(
        &self,
        group: GroupId,
        parts: &[T],
        odd: Option<(By, T)>,
    ) -> Vec<(WalletId, T)> {
        let members = self.groups.get(&group).map(|group| group.members.as_slice());
        let members = members.unwrap_or_default().iter().map(|member| member.wallet);
        let odd = odd.map(|(by, part)| (self.person(group, by), part));
        members.zip(parts.iter().copied()).chain(odd).collect()
    }

    fn split(&self, group: GroupId, way: &Way) -> Split {
        let weight = |(diner, weight)| Weight { diner, weight };
        let part = |(diner, amount)| Part { diner, amount: minor(amount) };
        match way {
            Way::Equal => Split::Equal,
            Way::Weights { parts, odd } => {
                let parts = self.parts(group, parts, *odd).into_iter().map(weight).collect();
                Split::Weights { parts }
            }
            Way::Percent { parts, odd, whole } => {
                let mut parts = self.parts(group, parts, *odd);
                if let Some(((_, last), others)) = parts.split_last_mut().filter(|_| *whole) {
                    *last = 10_000_u32.saturating_sub(others.iter().map(|(_, part)| part).sum());
                }
                Split::Percent { parts: parts.into_iter().map(weight).collect() }
            }
            Way::Exact { parts, odd } => {
                let parts = self.parts(group, parts, *odd).into_iter().map(part).collect();
                Split::Exact { parts }
            }
            Way::FixedPlusRest { parts, odd } => {
                let parts = self.parts(group, parts, *odd).into_iter().map(part).collect();
                Split::FixedPlusRest { parts }
            }
            Way::Itemised { claims, rest } => {
                let claim = |&(line, by, weight): &(u16, By, u32)| Claim {
                    line,
                    diner: self.person(group, by),
                    weight,
                };
                Split::Itemised { claims: claims.iter().map(claim).collect(), rest: *rest }
            }
            Way::Treat { payer, guests, of } => Split::Treat {
                payer: self.person(group, *payer),
                guests: guests.iter().map(|guest| self.person(group, *guest)).collect(),
                of: Box::new(self.split(group, of)),
            },
        }
    }

    fn rules(&self, group: GroupId, ways: &Ways) -> Rules {
        Rules {
            split: self.split(group, &ways.split),
            shortfall: ways.shortfall,
            rounding: ways.rounding,
            cash_step: minor(ways.cash_step),
        }
    }

    /// The total that the group's rules fit, or nearly `wished`.
    fn fitting(&self, group: GroupId, wished: i64) -> i64 {
        let Some(group) = self.groups.get(&group) else { return wished };
        let split = &group.rules.split;
        let split = if let Split::Treat { of, .. } = split { of } else { split };
        let fixed = |parts: &[Part]| parts.iter().map(|part| part.amount.minor()).sum::<i64>();
        let total = match split {
            Split::Exact { parts } => return fixed(parts),
            Split::FixedPlusRest { parts } => fixed(parts) + wished,
            _ => wished,
        };
        total - total % group.rules.cash_step.minor().max(1)
    }

    fn bill(
        &self,
        merchant: MerchantId,
        group: GroupId,
        number: u8,
        euro: bool,
        asked: &Asked,
    ) -> Bill {
        let shop = self.merchants.get(&merchant);
        let taken = shop.map_or(Currency::CNY, |shop| shop.currency);
        let (order_no, lines) = (order_no(number), Vec::new());
        let plain = Bill {
            merchant,
            order_no: order_no.clone(),
            currency: if euro { Currency::EUR } else { taken },
            total: minor(99),
            lines,
        };
        let itemised = self.groups.get(&group).is_some_and(|it| is_itemised(&it.rules.split));
        match asked {
            Asked::Sum { total, lines } => {
                Bill { total: minor(*total), lines: dishes(lines), ..plain }
            }
            Asked::Again => {
                let order = shop.and_then(|shop| shop.orders.get(&order_no));
                let key = order.map(|order| (merchant, order_no, order.content));
                key.and_then(|key| self.bills.get(&key).cloned()).unwrap_or(plain)
            }
            Asked::Drafted { tip, lines } => self.drafted(group, *tip, *lines, plain),
            Asked::Fitting { tip, lines, .. } if itemised => {
                self.drafted(group, *tip, *lines, plain)
            }
            Asked::Fitting { total, .. } => {
                Bill { total: minor(self.fitting(group, *total)), ..plain }
            }
        }
    }

    /// What lies on the table, if anything does.
    fn drafted(&self, group: GroupId, tip: i64, lines: bool, plain: Bill) -> Bill {
        let draft = self.groups.get(&group).and_then(|group| group.draft.as_ref());
        let Some(draft) = draft else { return plain };
        let merchant = match &draft.by {
            Drafter::Till { merchant, .. } => *merchant,
            Drafter::Member { .. } => plain.merchant,
        };
        let total = minor(draft.total.minor().saturating_add(tip));
        // A tip comes on top of lines: without them nobody could tell that it is the same bill.
        let lines = if lines || tip != 0 { draft.lines.clone() } else { Vec::new() };
        Bill { merchant, total, lines, ..plain }
    }

    fn refund(
        &self,
        merchant: MerchantId,
        place: Option<u8>,
        refund: u8,
        amount: Option<i64>,
        diner: Option<By>,
    ) -> Command {
        let orders = self.merchants.get(&merchant).map(|shop| &shop.orders);
        let orders = orders.filter(|orders| !orders.is_empty());
        let known = place
            .zip(orders)
            .and_then(|(place, orders)| orders.iter().nth(usize::from(place) % orders.len()));
        let group =
            known.and_then(|(_, order)| order.paid.as_ref()).map(|paid| paid.settlement.group);
        let request = RefundRequest {
            order_no: known.map_or_else(|| order_no(99), |(order_no, _)| order_no.clone()),
            refund_no: format!("R-{refund}").as_str().try_into().expect("short"),
            amount: amount.map(minor),
            diner: diner.map(|by| self.person(group.unwrap_or(group_id(0)), by)),
        };
        Command::Refund { merchant, request }
    }

    /// What `plan` means as everything stands.
    pub(crate) fn commands(&self, plan: &Plan) -> Vec<Command> {
        if let Plan::EmptyAndClose { wallet, request } = *plan {
            let posted = self.wallets.get(&wallet_id(wallet)).map_or(0, |wallet| wallet.posted);
            let empty = Plan::Withdraw { wallet, request, amount: posted };
            return vec![self.command(&empty), self.command(&Plan::CloseWallet { wallet })];
        }
        vec![self.command(plan)]
    }

    fn command(&self, plan: &Plan) -> Command {
        let of_wallet = |wallet, command| Command::Wallet { wallet: wallet_id(wallet), command };
        match plan {
            Plan::OpenWallet { wallet, euro } => {
                Command::OpenWallet { wallet: wallet_id(*wallet), currency: currency(*euro) }
            }
            Plan::Onboard { merchant, euro } => {
                Command::Onboard { merchant: merchant_id(*merchant), currency: currency(*euro) }
            }
            Plan::OpenGroup { group, host, agreed, euro, ways } => {
                let (group, host) = (group_id(*group), wallet_id(*host));
                let (consent, rules) = (consent(*agreed), self.rules(group, ways));
                Command::OpenGroup { group, host, consent, currency: currency(*euro), rules }
            }
            Plan::TopUp { wallet, request, amount } => {
                let (request, amount) = (request_id(*request), minor(*amount));
                of_wallet(*wallet, wallet::Command::TopUp { request, amount })
            }
            Plan::Withdraw { wallet, request, amount } => {
                let (request, amount) = (request_id(*request), minor(*amount));
                of_wallet(*wallet, wallet::Command::Withdraw { request, amount })
            }
            Plan::Transfer { from, to, request, amount } => {
                let (to, request, amount) = (wallet_id(*to), request_id(*request), minor(*amount));
                of_wallet(*from, wallet::Command::Transfer { to, request, amount, note: None })
            }
            Plan::PayOut { merchant, request, amount } => Command::PayOut {
                merchant: merchant_id(*merchant),
                request: request_id(*request),
                amount: *amount,
            },
            Plan::Freeze { wallet } => of_wallet(*wallet, wallet::Command::Freeze),
            Plan::Thaw { wallet } => of_wallet(*wallet, wallet::Command::Thaw),
            Plan::CloseWallet { wallet } | Plan::EmptyAndClose { wallet, .. } => {
                of_wallet(*wallet, wallet::Command::Close)
            }
            Plan::Present { merchant, group, by, order, euro, asked, .. } => {
                let group = group_id(*group);
                let bill = self.bill(merchant_id(*merchant), group, *order, *euro, asked);
                Command::Present { group, by: self.person(group, *by), bill }
            }
            Plan::Cancel { merchant, order } => {
                Command::Cancel { merchant: merchant_id(*merchant), order_no: order_no(*order) }
            }
            Plan::Refund { merchant, order, refund, amount, diner } => {
                self.refund(merchant_id(*merchant), *order, *refund, *amount, *diner)
            }
            _ => self.group_command(plan),
        }
    }

    fn group_command(&self, plan: &Plan) -> Command {
        let of_group = |group: &u8, by: &By, command: &dyn Fn(WalletId) -> group::Command| {
            let group = group_id(*group);
            Command::Group { group, command: command(self.person(group, *by)) }
        };
        match plan {
            Plan::Invite { group, by, wallet } => {
                of_group(group, by, &|by| group::Command::Invite { by, wallet: wallet_id(*wallet) })
            }
            Plan::Join { group, wallet, agreed } => {
                of_group(group, &By::Wallet(*wallet), &|wallet| group::Command::Join {
                    wallet,
                    consent: consent(*agreed),
                    by_code: false,
                })
            }
            Plan::JoinByCode { group, by, wallet, agreed } => {
                let group = group_id(*group);
                let (by, wallet) = (self.person(group, *by), wallet_id(*wallet));
                Command::JoinByCode { group, by, wallet, consent: consent(*agreed) }
            }
            Plan::Leave { group, by } => {
                of_group(group, by, &|wallet| group::Command::Leave { wallet })
            }
            Plan::SetConsent { group, by, agreed } => of_group(group, by, &|wallet| {
                group::Command::SetConsent { wallet, consent: consent(*agreed) }
            }),
            Plan::SetRules { group, by, ways } => of_group(group, by, &|by| {
                group::Command::SetRules { by, rules: self.rules(group_id(*group), ways) }
            }),
            Plan::Lock { group, by } => of_group(group, by, &|by| group::Command::Lock { by }),
            Plan::Unlock { group, by } => of_group(group, by, &|by| group::Command::Unlock { by }),
            Plan::CloseGroup { group, by } => {
                of_group(group, by, &|by| group::Command::Close { by })
            }
            Plan::Draft { group, by, tip, lines } => of_group(group, by, &|by| {
                let total = minor(with_tip(lines, *tip));
                group::Command::Draft { by, total, lines: dishes(lines) }
            }),
            Plan::DraftByTill { group, by, merchant, order, tip, lines } => {
                let group = group_id(*group);
                let asked = Asked::Sum { total: with_tip(lines, *tip), lines: lines.clone() };
                let bill = self.bill(merchant_id(*merchant), group, *order, false, &asked);
                Command::DraftByTill { group, by: self.person(group, *by), bill }
            }
            Plan::ClearDraft { group, by } => {
                of_group(group, by, &|by| group::Command::ClearDraft { by })
            }
            Plan::Claim { group, by, line, weight } => of_group(group, by, &|wallet| {
                group::Command::Claim { wallet, line: *line, weight: *weight }
            }),
            other => unreachable!("no group's: {other:?}"),
        }
    }
}
