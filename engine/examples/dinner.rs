//! Three friends eat, one of them shows a code, one scan settles the bill.

use std::error::Error;

use fanju::{
    Config, Engine,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
    },
    id::RequestId,
    money::{Amount, Currency},
};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(Config::in_memory())?;
    let mut friends = Vec::new();
    for name in ["Ana", "Bo", "Chen"] {
        let wallet = engine.open_wallet(name.try_into()?, Currency::CNY).await?;
        engine.top_up(wallet, RequestId(Uuid::now_v7()), Amount::from_minor(20_000)).await?;
        friends.push(wallet);
    }
    let noodles = engine.onboard_merchant("Noodle House".try_into()?, Currency::CNY).await?;

    // Each friend agrees to a cap; nothing above it is paid without asking.
    let consent = Consent { cap: Amount::from_minor(15_000), confirm_above: None };
    let (ana, name, rules) = (friends[0], "Friday".try_into()?, Rules::default());
    let table = engine.open_group(name, ana, consent, Currency::CNY, rules).await?;
    for &friend in &friends[1..] {
        engine.invite(table, ana, friend).await?;
        engine.join(table, friend, consent).await?;
    }

    // At the till: Ana shows the table's code, the merchant scans it once.
    let code = engine.show_code(table, ana).await?.code;
    let bill = Bill::new(noodles, "A-1001".try_into()?, Currency::CNY, Amount::from_minor(10_000));
    match engine.present(bill, code).await?.settlement() {
        Some(paid) => {
            for share in &paid.shares {
                let name = engine.wallet(share.diner).await?.name;
                println!("{name} paid {}", share.owed.to_decimal(Currency::CNY));
            }
        }
        None => println!("nobody paid"),
    }
    engine.close().await;
    Ok(())
}
