//! Same state: every view of the engine says what the model says.

use fanju::{
    Error, GroupView, MerchantView, OrderView, WalletView,
    domain::{
        bill::Bill,
        draft::{DraftShare, Drafter, Preview},
        group::Group,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, WalletId},
};
use uuid::Uuid;

use super::{
    Driver,
    command::{group_id, merchant_id, wallet_id},
    ledger::{Merchant, Order, Wallet},
    payment::dues,
};
use crate::support::{minor, within};

/// What everybody would owe of what lies on the table.
fn preview(group: &Group) -> Option<Preview> {
    let draft = group.draft.as_ref()?;
    let (merchant, order_no) = match &draft.by {
        Drafter::Member { .. } => (MerchantId(Uuid::nil()), OrderNo::new("draft").expect("short")),
        Drafter::Till { merchant, order_no } => (*merchant, order_no.clone()),
    };
    let (currency, total, lines) = (group.currency, draft.total, draft.lines.clone());
    let bill = Bill { merchant, order_no, currency, total, lines };
    Some(match dues(group, &bill) {
        Ok(dues) => {
            let shares = group
                .members
                .iter()
                .zip(dues)
                .map(|(member, due)| DraftShare { diner: member.wallet, owed: minor(due.owed) });
            Preview::Shares { shares: shares.collect() }
        }
        Err(rejection) => {
            let (reason, detail) = ((&rejection).into(), rejection.to_string());
            Preview::Refused { reason, detail }
        }
    })
}

impl Driver {
    pub(crate) async fn compare(&self) {
        for (id, wallet) in (0..8).map(wallet_id).map(|id| (id, self.model.wallets.get(&id))) {
            self.compare_wallet(id, wallet).await;
        }
        for (id, shop) in (0..3).map(merchant_id).map(|id| (id, self.model.merchants.get(&id))) {
            self.compare_merchant(id, shop).await;
        }
        for (id, group) in (0..4).map(group_id).map(|id| (id, self.model.groups.get(&id))) {
            self.compare_group(id, group).await;
        }
        self.model.assert_balanced();
    }

    async fn compare_wallet(&self, id: WalletId, wallet: Option<&Wallet>) {
        let Some(wallet) = wallet else {
            let error = within(self.engine.wallet(id)).await.expect_err("nobody opened it");
            return assert!(matches!(error, Error::UnknownWallet(unknown) if unknown == id));
        };
        let view = self.wallet_at_rest(id, wallet.posted).await;
        let posted = minor(wallet.posted);
        let expected = WalletView {
            id,
            name: "diner".try_into().expect("short"),
            currency: wallet.currency,
            status: wallet.status,
            posted,
            // Nothing stays set aside.
            available: posted,
            position: view.position,
        };
        assert_eq!(view, expected);
    }

    /// A wallet once it has folded what the journal says of it: a bank's answer is durable, and seen by
    /// the model, a moment before the wallet hears of it; and it is told a moment after a bill has ended
    /// that nothing is set aside any more.
    async fn wallet_at_rest(&self, id: WalletId, posted: i64) -> WalletView {
        for _ in 0..10_000 {
            let view = within(self.engine.wallet(id)).await.expect("known");
            if view.posted.minor() == posted && view.available == view.posted {
                return view;
            }
            tokio::task::yield_now().await;
        }
        within(self.engine.wallet(id)).await.expect("known")
    }

    async fn compare_merchant(&self, id: MerchantId, shop: Option<&Merchant>) {
        let Some(shop) = shop else {
            let error = within(self.engine.merchant(id)).await.expect_err("nobody opened it");
            return assert!(matches!(error, Error::UnknownMerchant(unknown) if unknown == id));
        };
        let view = within(self.engine.merchant(id)).await.expect("known");
        let (currency, posted) = (shop.currency, minor(shop.posted));
        let (name, position) = ("shop".try_into().expect("short"), view.position);
        let expected = MerchantView { id, name, currency, posted, available: posted, position };
        assert_eq!(view, expected);
        for (order_no, order) in &shop.orders {
            let view = within(self.engine.order(id, order_no.clone())).await.expect("decided");
            compare_order(&view, order);
        }
    }

    async fn compare_group(&self, id: GroupId, group: Option<&Group>) {
        let Some(group) = group else {
            let error = within(self.engine.group(id)).await.expect_err("nobody opened it");
            return assert!(matches!(error, Error::UnknownGroup(unknown) if unknown == id));
        };
        let view = within(self.engine.group(id)).await.expect("known");
        let (preview, position) = (preview(group).map(Box::new), view.position);
        let (group, paying) = (group.clone(), false);
        let (questions, progress) = (Vec::new(), None);
        let expected = GroupView { group, paying, questions, progress, preview, position };
        assert_eq!(view, expected);
    }
}

fn compare_order(view: &OrderView, order: &Order) {
    match (view, &order.paid) {
        (OrderView::Settled(view), Some(paid)) => {
            assert_eq!((&view.settlement, view.position), (&paid.settlement, order.ended));
            let remaining: Vec<i64> = view.remaining.iter().map(|left| left.minor()).collect();
            assert_eq!(remaining, paid.remaining, "{view:?}");
            let seen = view.refunds.iter().map(|it| (&it.refund_no, it.amount, it.position));
            let known =
                paid.refunds.iter().map(|it| (&it.refund_no, minor(it.amount), it.position));
            assert!(seen.eq(known), "{view:?}: {paid:?}");
        }
        (OrderView::Declined { reason, total, position }, None) => {
            let seen = (Some(*reason), total.minor(), *position);
            assert_eq!(seen, (order.declined, order.total, order.ended));
        }
        (view, _) => panic!("{view:?}, expected {order:?}"),
    }
}
