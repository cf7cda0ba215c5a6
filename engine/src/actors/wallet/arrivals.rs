//! Money from others that a wallet has said it takes, or takes back: until it has come, or nobody brings it
//! any more, the wallet does not close.

use std::sync::{Arc, Weak};

use actix::{Handler, Message};
use tokio::sync::oneshot;

use super::{super::error::Error, WalletActor};
use crate::money::{Amount, Currency};

/// Would the wallet take this from another person? Answered once the wallet is in memory, and its end, if
/// that is on its way to the disk, is there.
pub(crate) struct Admit {
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
    pub(crate) answer: oneshot::Sender<Result<Coming, Error>>,
}

impl Message for Admit {
    type Result = ();
}

/// Take back what was paid, whatever has become of the wallet. Answered once the wallet is in memory.
pub(crate) struct TakeBack {
    pub(crate) answer: oneshot::Sender<Result<Coming, Error>>,
}

impl Message for TakeBack {
    type Result = ();
}

/// Money may be coming: as long as somebody holds this, the wallet does not close.
pub(crate) struct Coming {
    _counted: Arc<()>,
}

/// What a wallet waits for.
#[derive(Default)]
pub(super) struct Arrivals(Weak<()>);

impl Arrivals {
    fn expect_one(&mut self) -> Coming {
        let counted = self.0.upgrade().unwrap_or_default();
        self.0 = Arc::downgrade(&counted);
        Coming { _counted: counted }
    }

    pub(super) fn are_awaited(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl WalletActor {
    /// Whether it has let somebody bring money that has not come yet.
    pub(super) fn awaits(&self) -> bool {
        self.seldom.as_ref().is_some_and(|seldom| seldom.arrivals.are_awaited())
    }

    /// Whether its end is on its way to the disk.
    fn is_closing(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.closes)
    }

    fn await_one(&mut self) -> Coming {
        self.seldom.get_or_insert_default().arrivals.expect_one()
    }
}

impl Handler<Admit> for WalletActor {
    type Result = ();

    fn handle(&mut self, ask: Admit, _: &mut Self::Context) {
        if self.is_loading() || self.is_closing() {
            return self.gate.wait(|actor, ctx| actor.handle(ask, ctx));
        }
        let admitted = match &self.wallet {
            Some(wallet) => wallet.admit(ask.amount, ask.currency).map_err(Error::from),
            None => Err(self.absence()),
        };
        drop(ask.answer.send(admitted.map(|()| self.await_one())));
    }
}

impl Handler<TakeBack> for WalletActor {
    type Result = ();

    fn handle(&mut self, ask: TakeBack, _: &mut Self::Context) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| actor.handle(ask, ctx));
        }
        let taken = if self.wallet.is_some() { Ok(self.await_one()) } else { Err(self.absence()) };
        drop(ask.answer.send(taken));
    }
}
