//! Money: what moves beside the dinners, over the rail and from wallet to wallet.

use std::{rc::Rc, time::Duration};

use fanju::{Engine, Error, Receipt, domain::wallet, id::RequestId};
use uuid::Uuid;

use super::{
    plan::Move,
    wire::{Heard, Wire},
    world::Stage,
};

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(250);

/// One move, until it is known how it ended.
pub async fn shift(stage: Rc<Stage>, engine: Engine, number: usize) {
    let (at, drawn) = stage.plan.moves[number];
    if stage.cast().moved[number] {
        return;
    }
    stage.until(at).await;
    let mut wire = Wire::new(&stage, &engine, &format!("move {number}"));
    // The number alone: asked again after a crash it is the same request.
    let request = RequestId(Uuid::from_u128(0x1_0000 + number as u128));
    loop {
        match attempt(&stage, &mut wire, drawn, request).await {
            Heard::Yes(_) => {
                stage.witness().end("money moved");
                break;
            }
            Heard::No(Error::Wallet(wallet::Rejection::StillMoving)) | Heard::Nothing => {
                wire.pause(AGAIN).await;
            }
            Heard::No(error) => {
                stage.witness().say(format!("move {number} refused: {error}"));
                stage.witness().end("move refused");
                break;
            }
        }
    }
    if let Move::Freeze { person, span } = drawn {
        tokio::time::sleep(span).await;
        thaw(&stage, &mut wire, person).await;
    }
    stage.cast_mut().moved[number] = true;
}

async fn attempt(
    stage: &Rc<Stage>,
    wire: &mut Wire,
    drawn: Move,
    request: RequestId,
) -> Heard<Receipt> {
    let wallet = |person: usize| stage.cast().wallets[person];
    match drawn {
        Move::TopUp { person, amount } => {
            let wallet = wallet(person);
            let top_up =
                move |engine: Engine| async move { engine.top_up(wallet, request, amount).await };
            wire.ask(&format!("top {wallet} up by {amount}"), top_up).await
        }
        Move::Withdraw { person, amount } => {
            let (wallet, claims) = (wallet(person), stage.claims.clone());
            let withdraw = move |engine: Engine| {
                let claim = claims.lay(&[wallet], amount);
                claim.until(async move { engine.withdraw(wallet, request, amount).await })
            };
            wire.ask(&format!("withdraw {amount} from {wallet}"), withdraw).await
        }
        Move::Transfer { from, to, amount } => {
            let (from, to, claims) = (wallet(from), wallet(to), stage.claims.clone());
            let transfer = move |engine: Engine| {
                let claim = claims.lay(&[from], amount);
                claim.until(async move { engine.transfer(from, to, request, amount, None).await })
            };
            wire.ask(&format!("send {amount} from {from} to {to}"), transfer).await
        }
        Move::PayOut { merchant, amount } => {
            let merchant = stage.cast().merchants[merchant];
            let pay_out = move |engine: Engine| async move {
                engine.pay_out(merchant, request, amount).await
            };
            wire.ask(&format!("pay {amount} out to {merchant}"), pay_out).await
        }
        Move::Freeze { person, .. } => {
            let wallet = wallet(person);
            wire.ask(&format!("freeze {wallet}"), move |engine| async move {
                engine.freeze(wallet).await
            })
            .await
        }
    }
}

/// Until the wallet pays again.
async fn thaw(stage: &Rc<Stage>, wire: &mut Wire, person: usize) {
    let wallet = stage.cast().wallets[person];
    loop {
        match wire.ask("thaw it", move |engine| async move { engine.thaw(wallet).await }).await {
            Heard::Yes(_) | Heard::No(_) => return,
            Heard::Nothing => wire.pause(AGAIN).await,
        }
    }
}
