//! Callers whose waking is a bug on the stack of the actor that answers them: it dies of it, or is
//! held up.

use std::{
    sync::{Arc, Condvar, Mutex},
    task::{Context, Wake, Waker},
    thread,
};

use fanju::{
    Engine,
    domain::payment::Question,
    id::{GroupId, MerchantId, WalletId},
};
use tokio::task::unconstrained;
use uuid::Uuid;

use super::{Begun, HANGS, within};

/// What waking this caller does to the actors' thread.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Panics,
    Holds,
}

#[derive(PartialEq)]
enum Stage {
    Asleep,
    Woken,
    Released,
}

struct Caller {
    conduct: Conduct,
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Caller {
    fn go_to(&self, stage: Stage) {
        *self.stage.lock().unwrap() = stage;
        self.changed.notify_all();
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        if thread::current().name() != Some("fanju-actors") || thread::panicking() {
            return;
        }
        self.go_to(Stage::Woken);
        match self.conduct {
            Conduct::Panics => panic!("a caller's bug, on the stack of the actor that answers"),
            Conduct::Holds => {
                let stage = self.stage.lock().unwrap();
                let held = |stage: &mut Stage| *stage == Stage::Woken;
                drop(self.changed.wait_timeout_while(stage, HANGS * 2, held).unwrap());
            }
        }
    }
}

/// A caller who waits for an answer that will not do the actors good.
pub(crate) struct Fatal {
    caller: Arc<Caller>,
    /// Kept: who goes away is not woken.
    _asked: Begun<()>,
}

impl Fatal {
    fn ask(conduct: Conduct, mut ask: impl FnMut() -> Begun<()>) -> Self {
        loop {
            let (stage, changed) = (Mutex::new(Stage::Asleep), Condvar::new());
            let caller = Arc::new(Caller { conduct, stage, changed });
            let waker = Waker::from(Arc::clone(&caller));
            // Tokio would put off who asks too often, and an answer that is there does no harm.
            let mut asked: Begun<()> = Box::pin(unconstrained(ask()));
            if asked.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                return Self { caller, _asked: asked };
            }
        }
    }

    /// Waits until the answer has come.
    pub(crate) fn happened(&self) {
        let stage = self.caller.stage.lock().unwrap();
        let asleep = |stage: &mut Stage| *stage == Stage::Asleep;
        let (_stage, waited) =
            self.caller.changed.wait_timeout_while(stage, HANGS, asleep).unwrap();
        assert!(!waited.timed_out(), "nobody answers");
    }

    /// Lets the actors go on.
    pub(crate) fn release(self) {
        self.caller.go_to(Stage::Released);
    }
}

/// Sends a question to a wallet, whose actor dies of the answer.
pub(crate) fn strike_wallet(engine: &Engine, wallet: WalletId) -> Fatal {
    Fatal::ask(Conduct::Panics, || {
        let engine = engine.clone();
        Box::pin(async move { drop(engine.wallet(wallet).await) })
    })
}

/// Sends a question to a group, whose actor dies of the answer.
pub(crate) fn strike_group(engine: &Engine, group: GroupId) -> Fatal {
    Fatal::ask(Conduct::Panics, || {
        let engine = engine.clone();
        Box::pin(async move { drop(engine.group(group).await) })
    })
}

/// Says no to a group's `question`; its actor dies of who hears that this was heard.
pub(crate) fn strike_answer(engine: &Engine, group: GroupId, question: Question) -> Fatal {
    Fatal::ask(Conduct::Panics, || {
        let (engine, question) = (engine.clone(), question.clone());
        Box::pin(async move { drop(engine.refuse(group, question).await) })
    })
}

/// Sends a question to a merchant, whose actor dies of the answer.
fn strike_merchant(engine: &Engine, merchant: MerchantId) -> Fatal {
    Fatal::ask(Conduct::Panics, || {
        let engine = engine.clone();
        Box::pin(async move { drop(engine.merchant(merchant).await) })
    })
}

/// Ends a wallet's actor, and waits until it is gone.
pub(crate) async fn kill_wallet(engine: &Engine, wallet: WalletId) {
    gone(engine, strike_wallet(engine, wallet)).await;
}

/// Ends a merchant's actor likewise.
pub(crate) async fn kill_merchant(engine: &Engine, merchant: MerchantId) {
    gone(engine, strike_merchant(engine, merchant)).await;
}

async fn gone(engine: &Engine, struck: Fatal) {
    struck.happened();
    // Whatever is answered after it comes after the death.
    drop(within(engine.wallet(WalletId(Uuid::now_v7()))).await);
}

/// Holds the actors' thread in the middle of an answer to `bystander`.
pub(crate) fn hold_up(engine: &Engine, bystander: WalletId) -> Fatal {
    let held = hold_up_next(engine, bystander);
    held.happened();
    held
}

/// Holds the actors' thread likewise, once it comes to this.
pub(crate) fn hold_up_next(engine: &Engine, bystander: WalletId) -> Fatal {
    Fatal::ask(Conduct::Holds, || {
        let engine = engine.clone();
        Box::pin(async move { drop(engine.wallet(bystander).await) })
    })
}
