//! A merchant gives money back: a part to everybody, a part to one diner, then all that is left.
//!
//! Each refund is divided by what is left of each diner's share, so that the parts always add up to
//! exactly what everybody paid.

use std::error::Error;

use fanju::{
    Config, Engine, OrderView, Presented,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
        order::RefundRequest,
        text::{OrderNo, RefundNo},
    },
    id::{MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

const CURRENCY: Currency = Currency::CNY;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(Config::in_memory())?;
    let order_no = OrderNo::new("A-1001")?;
    let (teahouse, friends) = eat(&engine, &order_no).await?;
    show("paid", &engine, teahouse, &order_no).await?;

    // The soup was cold: 10.00 back to the whole table.
    let mut refund = RefundRequest {
        order_no: order_no.clone(),
        refund_no: RefundNo::new("cold-soup")?,
        amount: Some(Amount::from_minor(1_000)),
        diner: None,
    };
    engine.refund(teahouse, refund.clone()).await?;
    show("10.00 back to all", &engine, teahouse, &order_no).await?;

    // The same number again moves nothing: the first answer comes back.
    let again = engine.refund(teahouse, refund.clone()).await?;
    println!("{:>20}  replayed: {}", "the same once more", again.is_replayed());

    // Bo's dumplings never came: 8.50 back to Bo alone.
    refund.refund_no = RefundNo::new("no-dumplings")?;
    refund.amount = Some(Amount::from_minor(850));
    refund.diner = Some(friends[1]);
    engine.refund(teahouse, refund.clone()).await?;
    show("8.50 back to Bo", &engine, teahouse, &order_no).await?;

    // The cashier voids the rest.
    let rest = RefundNo::new("void")?;
    engine
        .refund(teahouse, RefundRequest { refund_no: rest, amount: None, diner: None, ..refund })
        .await?;
    show("void", &engine, teahouse, &order_no).await?;

    for friend in friends {
        let wallet = engine.wallet(friend).await?;
        println!("{:>20}  {}", wallet.name.as_str(), wallet.posted.to_decimal(CURRENCY));
    }
    engine.close().await;
    Ok(())
}

/// Three friends pay 100.00 together.
async fn eat(
    engine: &Engine,
    order_no: &OrderNo,
) -> Result<(MerchantId, Vec<WalletId>), Box<dyn Error>> {
    let consent = Consent { cap: Amount::from_minor(15_000), confirm_above: None };
    let mut friends = Vec::new();
    for name in ["Ana", "Bo", "Chen"] {
        let wallet = engine.open_wallet(name.try_into()?, CURRENCY).await?;
        engine.top_up(wallet, RequestId(Uuid::now_v7()), Amount::from_minor(20_000)).await?;
        friends.push(wallet);
    }
    let (ana, rules) = (friends[0], Rules::default());
    let table = engine.open_group("Sunday".try_into()?, ana, consent, CURRENCY, rules).await?;
    for &friend in &friends[1..] {
        engine.invite(table, ana, friend).await?;
        engine.join(table, friend, consent).await?;
    }
    let teahouse = engine.onboard_merchant("Teahouse".try_into()?, CURRENCY).await?;
    let bill = Bill {
        merchant: teahouse,
        order_no: order_no.clone(),
        currency: CURRENCY,
        total: Amount::from_minor(10_000),
        lines: vec![],
    };
    let code = engine.show_code(table, ana).await?.code;
    match engine.present(bill, code).await? {
        Presented::Settled(_) => Ok((teahouse, friends)),
        Presented::Declined { reason, .. } => Err(format!("nobody paid: {reason:?}").into()),
    }
}

/// Prints what may still go back, in all and of each diner's part.
async fn show(
    after: &str,
    engine: &Engine,
    merchant: MerchantId,
    order_no: &OrderNo,
) -> Result<(), Box<dyn Error>> {
    let OrderView::Settled(order) = engine.order(merchant, order_no.clone()).await? else {
        return Err("the order was not paid".into());
    };
    let left = order.refundable().to_decimal(CURRENCY);
    let parts = order.remaining.iter().map(|part| part.to_decimal(CURRENCY).to_string());
    println!("{after:>20}  left {left} = {}", parts.collect::<Vec<_>>().join(" + "));
    Ok(())
}
