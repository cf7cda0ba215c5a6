//! A program without an async runtime: every answer is waited for on this thread.

use std::error::Error;

use fanju::{
    Config, Engine,
    id::RequestId,
    money::{Amount, Currency},
};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(Config::in_memory())?;
    let ana = engine.block_on(engine.open_wallet("Ana".try_into()?, Currency::EUR))?;
    let bo = engine.block_on(engine.open_wallet("Bo".try_into()?, Currency::EUR))?;

    let (top_up, lunch) = (RequestId(Uuid::now_v7()), RequestId(Uuid::now_v7()));
    engine.block_on(engine.top_up(ana, top_up, Amount::from_minor(5_000)))?;
    engine.block_on(engine.transfer(ana, bo, lunch, Amount::from_minor(1_250), None))?;

    // The reply got lost? The same request once more moves nothing.
    let again =
        engine.block_on(engine.transfer(ana, bo, lunch, Amount::from_minor(1_250), None))?;
    println!("replayed: {}", again.is_replayed());

    for wallet in [ana, bo] {
        let wallet = engine.block_on(engine.wallet(wallet))?;
        println!(
            "{}: {} {}",
            wallet.name,
            wallet.posted.to_decimal(wallet.currency),
            wallet.currency
        );
    }
    engine.close_blocking();
    Ok(())
}
