//! SQLite: one transaction for each dinner, on one connection; a database has one writer at a time.

use std::{ops::Range, path::Path, time::Instant};

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{
    evening::{Evening, Meal, number},
    footprint::{self, Used},
    side::{Lap, Outcome, Side, Totals},
};
use crate::{meter, scratch::Scratch, workload::Dinner};

/// SQLite as a peer.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    _folder: Scratch,
}

impl Sqlite {
    /// A new database below `parent`, with everybody in it.
    ///
    /// # Errors
    /// The folder cannot be written, or SQLite fails.
    pub fn open(parent: &Path, evening: &Evening) -> Result<Self> {
        let folder = Scratch::new("fanju-peers-sqlite-", parent)?;
        let mut connection = Connection::open(folder.path().join("dinners.db"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let schema = include_str!("schema.sql").replace("KEY", "integer primary key");
        connection.execute_batch(&schema)?;
        let setting_up = connection.transaction()?;
        {
            let mut wallet = setting_up.prepare("insert into wallets values (?1, ?2)")?;
            for id in 0..evening.wallets {
                wallet.execute(params![number(id), evening.funds.minor()])?;
            }
            let mut merchant = setting_up.prepare("insert into merchants values (?1, 0)")?;
            for id in 0..evening.merchants {
                merchant.execute(params![number(id)])?;
            }
        }
        setting_up.commit()?;
        let mut side = Self { connection, _folder: folder };
        side.rest()?;
        Ok(side)
    }

    fn settle_one(&mut self, meal: &Meal) -> Result<Outcome> {
        let dinner = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let order = {
            let mut order = dinner.prepare_cached(
                "insert into orders (merchant, order_no, total) values (?1, ?2, ?3)
                 on conflict (merchant, order_no) do nothing returning id",
            )?;
            let row = params![meal.merchant, meal.order_no, meal.total];
            order.query_row(row, |row| row.get::<_, i64>(0)).optional()?
        };
        // Whatever returns before the commit is rolled back.
        let Some(order) = order else { return Ok(Outcome::Known) };
        {
            let mut debit = dinner.prepare_cached(
                "update wallets set balance = balance - ?2 where id = ?1 and balance >= ?2",
            )?;
            let mut leg = dinner.prepare_cached("insert into legs values (?1, ?2, ?3)")?;
            for (diner, share) in meal.diners.iter().zip(&meal.shares) {
                if debit.execute(params![diner, share])? == 0 {
                    return Ok(Outcome::Short);
                }
                leg.execute(params![order, diner, share])?;
            }
            let credit = "update merchants set balance = balance + ?2 where id = ?1";
            dinner.prepare_cached(credit)?.execute(params![meal.merchant, meal.total])?;
        }
        dinner.commit()?;
        Ok(Outcome::Settled)
    }

    fn number_of(&self, what: &str) -> Result<i64> {
        Ok(self.connection.query_row(what, [], |row| row.get(0))?)
    }
}

impl Side for Sqlite {
    fn name(&self) -> String {
        format!("SQLite {}, one writer", rusqlite::version())
    }

    fn promise(&self) -> &'static str {
        "a dinner is in the write-ahead log and synced before it is answered (synchronous=FULL)"
    }

    fn in_flight(&self) -> usize {
        1
    }

    fn settle(&mut self, evening: &Evening, which: Range<usize>) -> Result<Lap> {
        let meals: Vec<Meal> =
            evening.dinners[which].iter().map(|dinner| evening.meal(dinner)).collect();
        let mut times = meter::histogram();
        let began = Instant::now();
        for meal in &meals {
            let due = Instant::now();
            let outcome = self.settle_one(meal)?;
            anyhow::ensure!(outcome == Outcome::Settled, "{}: {outcome:?}", meal.order_no);
            meter::record(&mut times, due.elapsed());
        }
        Ok(Lap { wall: began.elapsed(), times })
    }

    fn rest(&mut self) -> Result<()> {
        let checkpoint = "pragma wal_checkpoint(truncate)";
        let blocked: i64 = self.connection.query_row(checkpoint, [], |row| row.get(0))?;
        anyhow::ensure!(blocked == 0, "the write-ahead log cannot be emptied");
        Ok(())
    }

    fn used(&mut self) -> Result<Used> {
        Ok(footprint::of_this_process())
    }

    fn present(&mut self, evening: &Evening, dinner: &Dinner) -> Result<Outcome> {
        self.settle_one(&evening.meal(dinner))
    }

    fn give_away(&mut self, _: &Evening, from: usize, to: usize) -> Result<()> {
        let moving = self.connection.transaction()?;
        moving.execute(
            "update wallets set balance = balance + (select balance from wallets where id = ?1)
             where id = ?2",
            params![number(from), number(to)],
        )?;
        moving.execute("update wallets set balance = 0 where id = ?1", params![number(from)])?;
        Ok(moving.commit()?)
    }

    fn totals(&mut self, _: &Evening) -> Result<Totals> {
        let mut faults = Vec::new();
        for (what, query) in FAULTS {
            let count = self.number_of(query)?;
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        let mut merchants = self.connection.prepare("select balance from merchants order by id")?;
        let merchants = merchants.query_map([], |row| row.get::<_, i64>(0))?;
        let merchants = merchants.map(|balance| Ok(i128::from(balance?)));
        Ok(Totals {
            orders: u64::try_from(self.number_of("select count(*) from orders")?)?,
            wallets_minor: self.number_of("select sum(balance) from wallets")?.into(),
            merchants_minor: merchants.collect::<Result<_>>()?,
            faults,
        })
    }
}

/// What a database must not have, and how to count it; PostgreSQL understands the same.
pub(super) const FAULTS: [(&str, &str); 3] = [
    ("negative wallets", "select count(*) from wallets where balance < 0"),
    (
        "orders paid twice",
        "select count(*) - count(distinct merchant || ' ' || order_no) from orders",
    ),
    (
        "orders whose legs do not sum to the bill",
        "select count(*) from orders left join \
         (select order_id, sum(amount) as paid from legs group by order_id) as paid \
         on paid.order_id = orders.id where total <> coalesce(paid, 0)",
    ),
];
