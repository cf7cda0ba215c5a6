//! Plans: random commands, most of them possible, some of them repeated or absurd.

use fanju::{
    domain::event::Shortfall,
    id::{GroupId, MerchantId, RequestId, WalletId},
};
use rand::{Rng, rngs::StdRng, seq::IteratorRandom};
use uuid::Uuid;

use super::ledger::Model;

#[derive(Clone, Debug)]
pub(crate) enum Plan {
    TopUp {
        wallet: WalletId,
        request: RequestId,
        amount: i64,
    },
    Withdraw {
        wallet: WalletId,
        request: RequestId,
        amount: i64,
    },
    Transfer {
        from: WalletId,
        to: WalletId,
        request: RequestId,
        amount: i64,
    },
    PayOut {
        merchant: MerchantId,
        request: RequestId,
        amount: i64,
    },
    Freeze {
        wallet: WalletId,
    },
    Thaw {
        wallet: WalletId,
    },
    CloseWallet {
        wallet: WalletId,
    },
    Invite {
        group: GroupId,
        by: WalletId,
        wallet: WalletId,
    },
    Join {
        group: GroupId,
        wallet: WalletId,
        cap: i64,
    },
    Leave {
        group: GroupId,
        wallet: WalletId,
    },
    SetCap {
        group: GroupId,
        wallet: WalletId,
        cap: i64,
    },
    SetRules {
        group: GroupId,
        by: WalletId,
        shortfall: Shortfall,
    },
    Lock {
        group: GroupId,
        by: WalletId,
    },
    Unlock {
        group: GroupId,
        by: WalletId,
    },
    Present {
        merchant: MerchantId,
        group: GroupId,
        by: WalletId,
        order_no: String,
        total: i64,
    },
    Refund {
        merchant: MerchantId,
        order_no: String,
        refund_no: String,
        amount: Option<i64>,
        diner: Option<WalletId>,
    },
}

fn amount(chance: &mut StdRng) -> i64 {
    match chance.random_range(0..20) {
        0 => *[0, -5, i64::MAX, i64::MIN].iter().choose(chance).expect("four"),
        1 => chance.random_range(5_000..1_000_000),
        _ => chance.random_range(1..1_500),
    }
}

/// A fresh id, or now and then one that was used before.
fn request(chance: &mut StdRng, model: &Model) -> RequestId {
    let used = model.used.iter().choose(chance).copied();
    match used {
        Some(used) if chance.random_bool(0.15) => used,
        Some(_) | None => RequestId(Uuid::from_u128(chance.random())),
    }
}

impl Plan {
    /// Any command.
    pub(crate) fn any(chance: &mut StdRng, model: &Model) -> Self {
        let wallet = *model.wallets.keys().choose(chance).expect("wallets");
        let group = *model.groups.keys().choose(chance).expect("groups");
        let members = &model.groups[&group].members;
        let by = match chance.random_bool(0.9) {
            true => *members.keys().choose(chance).expect("a host"),
            false => wallet,
        };
        let host = model.groups[&group].host;
        let cap = chance.random_range(-1..3_000);
        match chance.random_range(0..40) {
            0 => Self::Freeze { wallet },
            1 | 2 => Self::Thaw { wallet },
            3 if chance.random_bool(0.2) => Self::CloseWallet { wallet },
            4..=7 => Self::Invite { group, by, wallet },
            8..=12 => Self::Join { group, wallet, cap },
            13 => Self::Leave { group, wallet: by },
            14 | 15 => Self::SetCap { group, wallet: by, cap },
            16 | 17 => {
                let all = [Shortfall::Decline, Shortfall::Reshare, Shortfall::HostCovers];
                let shortfall = *all.iter().choose(chance).expect("three");
                let by = if chance.random_bool(0.9) { host } else { by };
                Self::SetRules { group, by, shortfall }
            }
            18 => Self::Lock { group, by },
            19 | 20 => Self::Unlock { group, by: host },
            _ => Self::moving(chance, model),
        }
    }

    /// A command that moves money.
    pub(crate) fn moving(chance: &mut StdRng, model: &Model) -> Self {
        let wallet = *model.wallets.keys().choose(chance).expect("wallets");
        let to = *model.wallets.keys().choose(chance).expect("wallets");
        let merchant = *model.merchants.keys().choose(chance).expect("merchants");
        let group = *model.groups.keys().choose(chance).expect("groups");
        let by = *model.groups[&group].members.keys().choose(chance).expect("a host");
        let (request, amount) = (request(chance, model), amount(chance));
        match chance.random_range(0..20) {
            0..=4 => Self::TopUp { wallet, request, amount },
            5 | 6 => Self::Withdraw { wallet, request, amount },
            7..=9 => Self::Transfer { from: wallet, to, request, amount },
            10 => Self::PayOut { merchant, request, amount },
            11..=16 => {
                let order_no = format!("A-{}", chance.random_range(0..30));
                let known = model.merchants[&merchant].orders.get(&order_no);
                let total = match known {
                    Some(order) if chance.random_bool(0.7) => order.total,
                    Some(_) | None => amount,
                };
                Self::Present { merchant, group, by, order_no, total }
            }
            _ => {
                let known = model.merchants[&merchant].orders.iter().choose(chance);
                let order_no = known.map_or_else(|| "none".to_owned(), |(no, _)| no.clone());
                let refund_no = format!("R-{}", chance.random_range(0..5));
                let amount = chance.random_bool(0.8).then(|| amount.min(200));
                let diner = chance.random_bool(0.3).then_some(wallet);
                Self::Refund { merchant, order_no, refund_no, amount, diner }
            }
        }
    }
}
