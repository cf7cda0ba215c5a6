//! Verify: an audit of a data folder, with arithmetic of its own.
//!
//! Every batch's checksums and chain, every record's links, every entry's sum, every wallet's
//! balance never below zero, every order paid once and no more given back than was paid; then the books,
//! account by account against what the journal says, and row by row against books made anew from it; and
//! the register and the outbox of webhooks, as far as they can be opened.

use std::{collections::HashMap, fmt, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use fanju::{
    Config, Engine, SilentBank,
    books::unlike_anew,
    codec::{self, Record},
    domain::{event::Event, text::OrderNo},
    id::{MerchantId, Position, Topic, WalletId},
    ledger::Account,
};

use crate::{
    app,
    auth::register::{Place, Register},
    webhooks::{self, Webhooks},
};

/// Wallets of the books that are looked at together.
const PAGE: usize = 10_000;

/// How long the books may take to catch up.
const BOOKS_WAIT: std::time::Duration = std::time::Duration::from_secs(3_600);

/// What was found to be right.
#[derive(Debug, Default)]
pub struct Report {
    records: u64,
    settled: u64,
    refunded: u64,
    accounts: u64,
    journal_bytes: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, settled, refunded, accounts, journal_bytes } = self;
        let many = |number: u64, one: &str| {
            format!("{number} {one}{}", if number == 1 { "" } else { "s" })
        };
        let records = many(*records, "record");
        let (paid, refunds) = (many(*settled, "order"), many(*refunded, "refund"));
        write!(f, "{journal_bytes} bytes of journal hold {records}, {paid} paid and {refunds}; ")?;
        write!(f, "the books agree about {} to the last ", many(*accounts, "account"))?;
        write!(f, "minor unit, and all money sums to zero")
    }
}

/// The journal folded once more.
#[derive(Default)]
struct Fold {
    /// What is left of each order that was paid, in minor units.
    paid: HashMap<(MerchantId, OrderNo), i64>,
    balances: HashMap<Account, i128>,
    heads: HashMap<Topic, Position>,
    report: Report,
}

/// Audits `data`. Takes the journal's lock: no server may run on the folder. As at any start, a torn
/// tail is cut off, or a last bit put back.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn verify(data: &Path) -> anyhow::Result<Report> {
    crate::backup::check_folder(data)?;
    // What is open on the rail is for the server's own bank to answer.
    let config = Config { rail: Arc::new(SilentBank), ..Config::directory(data) };
    let engine = Engine::open(config).map_err(|error| {
        app::unopened(error, "stop the server, or verify a backup of the folder")
    })?;
    let fold = fold(&engine).and_then(|fold| {
        let caught_up = engine.block_on(engine.books_caught_up(BOOKS_WAIT))?;
        ensure!(caught_up, "the books cannot follow the journal: {:?}", engine.books_error());
        compare(&engine, &fold)?;
        let books = data.join("books.sqlite");
        check_pages(&books).context("the books are damaged")?;
        if let Some(difference) = unlike_anew(&books, &engine.journal())? {
            bail!("the books are not what the journal makes: {difference}");
        }
        Ok(fold)
    });
    // The lock is held until everything is looked at.
    let rest = check_beside(data);
    engine.close_blocking();
    let fold = fold?;
    rest?;
    Ok(fold.report)
}

/// Looks at what lies beside journal and books.
fn check_beside(data: &Path) -> anyhow::Result<()> {
    let register = data.join("register.sqlite");
    if register.exists() {
        check_pages(&register).context("the register is damaged")?;
        // Nobody asks it who is signed in.
        Register::open(Place::File(register), Duration::MAX)
            .context("the register does not open")?;
    }
    let outbox = data.join("webhooks.sqlite");
    if outbox.exists() {
        check_pages(&outbox).context("the outbox of webhooks is damaged")?;
        let place = webhooks::Place::Directory(data.to_owned());
        Webhooks::open(&place, webhooks::Settings::default())
            .context("the outbox of webhooks does not open")?;
    }
    Ok(())
}

/// Looks through every page of an SQLite file.
fn check_pages(file: &Path) -> anyhow::Result<()> {
    let rows = rusqlite::Connection::open(file)?;
    let said: String = rows.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    ensure!(said == "ok", "{said}");
    let tables: i64 = rows.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    ensure!(tables > 0, "it is empty");
    Ok(())
}

fn fold(engine: &Engine) -> anyhow::Result<Fold> {
    let (journal, mut fold) = (engine.journal(), Fold::default());
    let mut batches = journal.batches(Position::NONE);
    while let Some(batch) = batches.next_batch().context("the journal is damaged")? {
        for (position, payload) in batch.records() {
            codec::decode(position, payload)
                .map_err(anyhow::Error::from)
                .and_then(|record| fold.add(&record))
                .with_context(|| format!("record {position}"))?;
        }
    }
    fold.report.journal_bytes = journal.durable().0;
    fold.report.accounts = fold.balances.len() as u64;
    let money: i128 = fold.balances.values().sum();
    ensure!(money == 0, "all money sums to {money}, not to zero (M-1)");
    Ok(fold)
}

impl Fold {
    fn add(&mut self, record: &Record) -> anyhow::Result<()> {
        let entry = record.event.entry();
        let mut sum = 0_i128;
        for posting in entry.postings() {
            let delta = i128::from(posting.delta.minor());
            sum += delta;
            let balance = self.balances.entry(posting.account).or_default();
            *balance += delta;
            let overdrawn = *balance < 0 && matches!(posting.account, Account::Wallet(_));
            ensure!(!overdrawn, "{:?} goes below zero (W-1)", posting.account);
        }
        ensure!(sum == 0, "the entry sums to {sum} (M-1)");
        let topics = record.event.topics(&entry);
        ensure!(topics.len() == record.prevs.len(), "links and topics differ in number");
        for (topic, prev) in topics.iter().zip(&record.prevs) {
            let head = self.heads.insert(*topic, record.position).unwrap_or(Position::NONE);
            ensure!(head == *prev, "{topic} was last at {head}, the record says {prev} (L-1)");
        }
        if let Event::WalletOpened { wallet, .. } = &record.event {
            self.balances.entry(Account::Wallet(*wallet)).or_default();
        }
        self.add_order(&record.event)?;
        self.report.records += 1;
        self.report.settled += u64::from(matches!(record.event, Event::Settled(_)));
        self.report.refunded += u64::from(matches!(record.event, Event::Refunded(_)));
        Ok(())
    }
}

impl Fold {
    /// An order is paid once (G-1), and no more goes back than was paid.
    fn add_order(&mut self, event: &Event) -> anyhow::Result<()> {
        if let Event::Settled(it) = event {
            let order = (it.merchant, it.order_no.clone());
            let before = self.paid.insert(order, it.total.minor());
            ensure!(before.is_none(), "order {} is paid twice (G-1)", it.order_no);
        }
        if let Event::Refunded(it) = event {
            let left = self.paid.get_mut(&(it.merchant, it.order_no.clone()));
            let left = left.with_context(|| format!("order {} was not paid", it.order_no))?;
            *left -= it.amount.minor();
            ensure!(*left >= 0, "more than was paid goes back of order {} (R-1)", it.order_no);
        }
        Ok(())
    }
}

/// Holds the books against the fold.
fn compare(engine: &Engine, fold: &Fold) -> anyhow::Result<()> {
    let (mut after, mut wallets): (Option<WalletId>, usize) = (None, 0);
    loop {
        let page = engine.block_on(engine.query(move |books| books.wallets(after, PAGE)))?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        for (wallet, head) in &page {
            let books = i128::from(wallet.purse.funds.posted().minor());
            let journal = fold.balances.get(&Account::Wallet(wallet.id)).copied();
            ensure!(
                journal == Some(books),
                "wallet {}: books {books}, journal {journal:?}",
                wallet.id
            );
            let told = fold.heads.get(&Topic::Wallet(wallet.id)).copied();
            ensure!(
                told == Some(*head),
                "wallet {}: books at {head}, journal at {told:?}",
                wallet.id
            );
            wallets += 1;
        }
    }
    let known = |account: &&Account| matches!(account, Account::Wallet(_));
    let expected = fold.balances.keys().filter(known).count();
    ensure!(wallets == expected, "the books have {wallets} wallets, the journal {expected}");
    for (account, balance) in &fold.balances {
        let Account::Merchant(id) = *account else { continue };
        let merchant = engine.block_on(engine.query(move |books| books.merchant(id)))?;
        let books = merchant.map(|(merchant, _)| i128::from(merchant.purse.funds.posted().minor()));
        ensure!(books == Some(*balance), "merchant {id}: books {books:?}, journal {balance}");
    }
    Ok(())
}
