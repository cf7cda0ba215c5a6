//! Meanwhile: what happens to a bill while it is being paid, besides its tills and its diners.

use std::time::Duration;

use fanju::{
    Engine,
    domain::bill::Bill,
    id::{RequestId, Topic, WalletId},
    money::Amount,
};
use uuid::Uuid;

use super::{AGAIN, Table};
use crate::chaos::wire::Heard;

/// How often a merchant says that it takes a bill back.
const CANCELS_MAX: u32 = 4;

/// Within which time a top-up comes beside its diner's share: shop, group and wallet may all have to be read, and
/// a wallet that is being read lets both wait.
const BESIDE_MS: u64 = 100;

/// How long a table talks, and up to so much longer: whoever has no phone leaves memory within two sweeps,
/// unless the group keeps the seats that its last bill was paid from.
const TALK: Duration = Duration::from_secs(5);
const TALK_MORE: Duration = Duration::from_secs(3);

impl Table<'_> {
    /// Nothing happens for so long that whoever has no phone leaves memory.
    pub(super) async fn talk(&mut self) {
        self.stage.witness().inject("table talked");
        tokio::time::sleep(TALK).await;
        self.wire.pause(TALK_MORE).await;
    }

    /// One of the diners brings money in at the moment at which the bill is presented.
    pub(super) fn top_up_meanwhile(&mut self, at: usize) {
        let tries = self.state(at).tries;
        let drawn = self.wire.chance.place(self.outing.diners.len());
        // Rather somebody who may sleep.
        let seat = self.sleeper().unwrap_or(drawn);
        let wallet = self.stage.cast().wallets[self.outing.diners[seat]];
        // Asked again in another life it is the same request, if it is the same wallet.
        let numbers = [self.number as u128, at as u128, u128::from(tries), seat as u128];
        let id = numbers.into_iter().fold(2, |id, number| (id << 16) | number);
        let (request, amount) = (RequestId(Uuid::from_u128(id)), Amount::from_minor(7));
        self.stage.witness().inject("top-up beside a bill");
        let mut wire = self.wire.another(&format!("table {} in {at}.{tries}", self.number));
        let late = Duration::from_millis(wire.chance.below(BESIDE_MS));
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(late).await;
            let top_up =
                move |engine: Engine| async move { engine.top_up(wallet, request, amount).await };
            // Whatever becomes of it is its record's to say.
            drop(wire.ask(&format!("top {wallet} up beside a bill"), top_up).await);
        }));
    }

    /// The seat of a diner without a phone.
    fn sleeper(&self) -> Option<usize> {
        let cast = self.stage.cast();
        let is_heard =
            |wallet: WalletId| cast.logs.iter().any(|log| log.topic == Topic::Wallet(wallet));
        self.outing.diners.iter().position(|person| !is_heard(cast.wallets[*person]))
    }

    /// The merchant takes the bill back while it may be under way.
    pub(super) fn cancel_later(&mut self, bill: &Bill) {
        let (merchant, order_no) = (bill.merchant, bill.order_no.clone());
        self.stage.witness().inject("bill cancelled");
        self.cancels += 1;
        let mut wire = self.wire.another(&format!("table {} cancel {}", self.number, self.cancels));
        let late = Duration::from_millis(self.wire.chance.below(80));
        let what = format!("cancel order {order_no}");
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(late).await;
            let cancel = move |engine: Engine| {
                let order_no = order_no.clone();
                // Who presented the bill hears the same, and claims it.
                async move { engine.cancel(merchant, order_no).await.map(drop) }
            };
            for _ in 0..CANCELS_MAX {
                match wire.ask(&what, &cancel).await {
                    Heard::Yes(()) | Heard::No(_) => return,
                    Heard::Nothing => wire.pause(AGAIN).await,
                }
            }
        }));
    }
}
