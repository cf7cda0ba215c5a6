//! How the engine is asked.

use std::sync::Arc;

use fanju::{
    Engine, Error, Presented, Receipt,
    domain::wallet,
    id::{Position, WalletId},
};

use super::command::{Answer, Command, Told};
use crate::support::minor;

/// Does what `command` says. Bills, and drafts of tills, bring their own code.
pub(crate) async fn ask(engine: Engine, command: Command) -> Answer {
    let receipt = match command {
        Command::OpenWallet { wallet, currency } => {
            let name = "diner".try_into().expect("short");
            engine.open_wallet_as(wallet, name, currency).await?;
            return opened(&engine, engine.wallet(wallet).await?.position);
        }
        Command::Onboard { merchant, currency } => {
            let name = "shop".try_into().expect("short");
            engine.onboard_merchant_as(merchant, name, currency).await?;
            return opened(&engine, engine.merchant(merchant).await?.position);
        }
        Command::OpenGroup { group, host, consent, currency, rules } => {
            let name = "table".try_into().expect("short");
            engine.open_group_as(group, name, host, consent, currency, rules).await?;
            return opened(&engine, engine.group(group).await?.position);
        }
        Command::Wallet { wallet, command } => ask_wallet(&engine, wallet, command).await?,
        Command::PayOut { merchant, request, amount } => {
            engine.pay_out(merchant, request, minor(amount)).await?
        }
        Command::Group { group, command } => engine.group_command(group, command).await?,
        Command::JoinByCode { group, by, wallet, consent } => {
            let code = engine.show_code(group, by).await?.code;
            engine.join_by_code(code, wallet, consent).await?
        }
        Command::DraftByTill { group, by, bill } => {
            let code = engine.show_code(group, by).await?.code;
            engine.draft(bill, code).await?
        }
        Command::Present { group, by, bill } => {
            let code = engine.show_code(group, by).await?.code;
            record_of(engine.present(bill, code).await?)
        }
        Command::Cancel { merchant, order_no } => {
            record_of(engine.cancel(merchant, order_no).await?)
        }
        Command::Refund { merchant, request } => engine.refund(merchant, request).await?,
    };
    Ok(receipt.into())
}

async fn ask_wallet(
    engine: &Engine,
    id: WalletId,
    command: wallet::Command,
) -> Result<Receipt, Error> {
    match command {
        wallet::Command::Freeze => engine.freeze(id).await,
        wallet::Command::Thaw => engine.thaw(id).await,
        wallet::Command::Close => engine.close_wallet(id).await,
        wallet::Command::TopUp { request, amount } => engine.top_up(id, request, amount).await,
        wallet::Command::Withdraw { request, amount } => engine.withdraw(id, request, amount).await,
        wallet::Command::Transfer { to, request, amount, note } => {
            engine.transfer(id, to, request, amount, note).await
        }
    }
}

/// The record by which a bill ended.
pub(crate) fn record_of(presented: Presented) -> Receipt {
    match presented {
        Presented::Settled(receipt) | Presented::Declined { receipt, .. } => receipt,
    }
}

/// The record at `position`, by which something was opened just now. A disk that has failed since cannot
/// say what it was.
fn opened(engine: &Engine, position: Position) -> Answer {
    let unreadable = |error| Error::Unreadable(Arc::new(error));
    let payload = engine.journal().record(position).map_err(unreadable)?;
    let event = fanju::codec::decode(position, &payload).expect("a record").event;
    Ok(Told { position, event, replayed: false })
}
