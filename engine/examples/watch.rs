//! Watching a table pay: progress while it happens, durable events once they are true, and a
//! subscriber who was away and misses nothing.

use std::error::Error;

use fanju::{
    Config, DurableEvent, Engine, FeedEvent, Presented, Subscription,
    domain::{
        bill::Bill,
        event::{Consent, Event, Rules},
        text::OrderNo,
    },
    id::{GroupId, MerchantId, RequestId, Topic, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CURRENCY: Currency = Currency::CNY;

#[tokio::main]
async fn main() -> Result<()> {
    let engine = Engine::open(Config::in_memory())?;
    let (table, ana, bo) = sit_down(&engine).await?;
    let cinema = engine.onboard_merchant("Cinema".try_into()?, CURRENCY).await?;

    let mut feed = engine.subscribe(Topic::Group(table), None).await?;
    let mut purse = engine.subscribe(Topic::Wallet(bo), None).await?;
    let paying = tokio::spawn(pay(engine.clone(), cinema, table, ana, "film"));

    // Bo wants to be asked about anything above 20.00, so the table waits for Bo.
    let last_seen = loop {
        match feed.next().await? {
            FeedEvent::Progress(progress) => {
                println!("table  {} of {} reserved", progress.reserved, progress.of);
                let mut asked = progress.waiting_for.iter();
                if progress.reserved == progress.of
                    && let Some(question) = asked.find(|question| question.diner == bo)
                {
                    let owed = question.owed.to_decimal(CURRENCY);
                    println!("table  everybody waits for Bo, who says yes to {owed}");
                    engine.confirm(table, question.clone()).await?;
                }
            }
            FeedEvent::Durable(event) => {
                print_event("table", &event);
                if matches!(event.event(), Event::Settled(_)) {
                    break event.position();
                }
            }
        }
    };
    paying.await??;
    print_event("Bo", &next_durable(&mut purse).await?);

    // The watcher goes away; meanwhile Bo's threshold is lifted, and the table pays again.
    drop(feed);
    let consent = Consent { cap: Amount::from_minor(15_000), confirm_above: None };
    let lift = fanju::domain::group::Command::SetConsent { wallet: bo, consent };
    engine.group_command(table, lift).await?;
    pay(engine.clone(), cinema, table, ana, "popcorn").await?;

    // Back again: the gap comes first, each event naming the one before it.
    let mut feed = engine.subscribe(Topic::Group(table), Some(last_seen)).await?;
    let mut seen = last_seen;
    while seen < feed.position() {
        let missed = next_durable(&mut feed).await?;
        assert_eq!(missed.prev(), seen, "L-1: no gap");
        print_event("missed", &missed);
        seen = missed.position();
    }
    engine.close().await;
    Ok(())
}

/// Two friends at one table.
async fn sit_down(engine: &Engine) -> Result<(GroupId, WalletId, WalletId)> {
    let mut friends = Vec::new();
    for name in ["Ana", "Bo"] {
        let wallet = engine.open_wallet(name.try_into()?, CURRENCY).await?;
        engine.top_up(wallet, RequestId(Uuid::now_v7()), Amount::from_minor(20_000)).await?;
        friends.push(wallet);
    }
    let (ana, bo) = (friends[0], friends[1]);
    let easy = Consent { cap: Amount::from_minor(15_000), confirm_above: None };
    let wary = Consent { confirm_above: Some(Amount::from_minor(2_000)), ..easy };
    let name = "Film night".try_into()?;
    let table = engine.open_group(name, ana, easy, CURRENCY, Rules::default()).await?;
    engine.invite(table, ana, bo).await?;
    engine.join(table, bo, wary).await?;
    Ok((table, ana, bo))
}

/// The table pays 90.00 at `merchant`.
async fn pay(
    engine: Engine,
    merchant: MerchantId,
    table: GroupId,
    shows_code: WalletId,
    order_no: &'static str,
) -> Result<()> {
    let code = engine.show_code(table, shows_code).await?.code;
    let (order_no, total) = (OrderNo::new(order_no)?, Amount::from_minor(9_000));
    let bill = Bill { merchant, order_no, currency: CURRENCY, total, lines: vec![] };
    match engine.present(bill, code).await? {
        Presented::Settled(_) => Ok(()),
        Presented::Declined { reason, .. } => Err(format!("nobody paid: {reason:?}").into()),
    }
}

/// The next event that is on disk.
async fn next_durable(feed: &mut Subscription) -> Result<DurableEvent> {
    loop {
        if let FeedEvent::Durable(event) = feed.next().await? {
            return Ok(event);
        }
    }
}

fn print_event(who: &str, event: &DurableEvent) {
    let what = if let Event::Settled(settlement) = event.event() {
        format!("settled {}", settlement.order_no)
    } else if let Event::ConsentChanged { consent, .. } = event.event() {
        format!("consent is now a cap of {}", consent.cap.to_decimal(CURRENCY))
    } else {
        format!("{:?}", event.event())
    };
    let (position, delta) = (event.position(), event.delta().to_decimal(CURRENCY));
    println!("{who:6} {what}, {delta} for this topic, at position {position}");
}
