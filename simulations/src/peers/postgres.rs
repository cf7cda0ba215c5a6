//! PostgreSQL: one function call for each dinner, on several connections, one thread each.

use std::{
    ops::Range,
    rc::Rc,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use postgres::{Client, Statement, types::Type};

use super::{
    evening::{Evening, Meal, number},
    footprint::{self, Used},
    server::Server,
    side::{Lap, Outcome, Side, Totals},
    sqlite::FAULTS,
};
use crate::{meter, workload::Dinner};

/// PostgreSQL as a peer.
pub struct Postgres {
    connections: Vec<(Client, Statement)>,
    /// For everything but dinners.
    client: Client,
    server: Rc<Server>,
}

impl Postgres {
    /// A database of its own on `server`, with everybody in it.
    ///
    /// # Errors
    /// What the server says.
    pub fn open(server: &Rc<Server>, evening: &Evening, connections: u32) -> Result<Self> {
        let database = format!("dinners_{connections}");
        server.connect("postgres")?.batch_execute(&format!("create database {database}"))?;
        let mut client = server.connect(&database)?;
        let key = "bigint primary key generated always as identity";
        client.batch_execute(&include_str!("schema.sql").replace("KEY", key))?;
        // Room for new versions of a row in its own page.
        client.batch_execute("alter table wallets set (fillfactor = 80)")?;
        client.batch_execute("alter table merchants set (fillfactor = 20)")?;
        client.batch_execute(include_str!("settle.sql"))?;
        let last = |count: usize| number(count) - 1;
        client.execute(
            "insert into wallets select id, $2 from generate_series(0, $1::bigint) as id",
            &[&last(evening.wallets), &evening.funds.minor()],
        )?;
        client.execute(
            "insert into merchants select id, 0 from generate_series(0, $1::bigint) as id",
            &[&last(evening.merchants)],
        )?;
        client.batch_execute("vacuum analyze")?;
        let connect = |_| -> Result<_> {
            let mut client = server.connect(&database)?;
            let types = [Type::INT8, Type::TEXT, Type::INT8, Type::INT8_ARRAY, Type::INT8_ARRAY];
            let statement = client.prepare_typed("select settle($1, $2, $3, $4, $5)", &types)?;
            Ok((client, statement))
        };
        let connections = (0..connections).map(connect).collect::<Result<_>>()?;
        let mut side = Self { connections, client, server: Rc::clone(server) };
        side.rest()?;
        Ok(side)
    }
}

fn settle_one(client: &mut Client, statement: &Statement, meal: &Meal) -> Result<Outcome> {
    let Meal { merchant, order_no, total, diners, shares } = meal;
    let row = client.query_one(statement, &[merchant, order_no, total, diners, shares])?;
    match row.get::<_, &str>(0) {
        "settled" => Ok(Outcome::Settled),
        "short" => Ok(Outcome::Short),
        "known" => Ok(Outcome::Known),
        other => bail!("the function said {other}"),
    }
}

/// One connection's part of a round: the next dinner, until none is left.
fn work(
    (client, statement): &mut (Client, Statement),
    meals: &[Meal],
    next: &AtomicUsize,
    doors: &Barrier,
) -> Result<(Instant, Instant, Histogram<u64>)> {
    let mut histogram = meter::histogram();
    doors.wait();
    let began = Instant::now();
    while let Some(meal) = meals.get(next.fetch_add(1, Ordering::Relaxed)) {
        let due = Instant::now();
        let outcome = settle_one(client, statement, meal)?;
        anyhow::ensure!(outcome == Outcome::Settled, "{}: {outcome:?}", meal.order_no);
        meter::record(&mut histogram, due.elapsed());
    }
    Ok((began, Instant::now(), histogram))
}

impl Side for Postgres {
    fn name(&self) -> String {
        let (version, connections) = (self.server.version(), self.connections.len());
        let plural = if connections == 1 { "" } else { "s" };
        format!("PostgreSQL {version}, {connections} connection{plural}")
    }

    fn promise(&self) -> &'static str {
        "a dinner's transaction is in the write-ahead log and synced before it is answered \
         (synchronous_commit, fsync and full_page_writes on)"
    }

    fn in_flight(&self) -> usize {
        self.connections.len()
    }

    fn settle(&mut self, evening: &Evening, which: Range<usize>) -> Result<Lap> {
        let meals: Vec<Meal> =
            evening.dinners[which].iter().map(|dinner| evening.meal(dinner)).collect();
        let (next, doors) = (AtomicUsize::new(0), Barrier::new(self.connections.len()));
        let parts: Vec<Result<_>> = thread::scope(|scope| {
            let threads: Vec<_> = self
                .connections
                .iter_mut()
                .map(|connection| scope.spawn(|| work(connection, &meals, &next, &doors)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_| bail!("a connection's thread panicked"))
            };
            threads.into_iter().map(join).collect()
        });
        let mut times = meter::histogram();
        let (mut first, mut last) = (None::<Instant>, None::<Instant>);
        for part in parts {
            let (began, ended, of_one) = part?;
            first = Some(first.map_or(began, |first| first.min(began)));
            last = last.max(Some(ended));
            times.add(of_one).context("histograms of one kind")?;
        }
        let (first, last) = first.zip(last).context("no connection")?;
        Ok(Lap { wall: last - first, times })
    }

    fn rest(&mut self) -> Result<()> {
        Ok(self.client.batch_execute("checkpoint")?)
    }

    fn used(&mut self) -> Result<Used> {
        let (server, client) =
            (footprint::of_tree(self.server.pid()?), footprint::of_this_process());
        let log = "select (pg_current_wal_lsn() - '0/0')::bigint";
        let log_bytes: i64 = self.client.query_one(log, &[])?.get(0);
        Ok(Used {
            cpu: server.cpu + client.cpu,
            // Ours go to the socket.
            written_bytes: server.written_bytes,
            log_bytes: u64::try_from(log_bytes).ok(),
        })
    }

    fn present(&mut self, evening: &Evening, dinner: &Dinner) -> Result<Outcome> {
        let (client, statement) = self.connections.first_mut().context("no connection")?;
        settle_one(client, statement, &evening.meal(dinner))
    }

    fn give_away(&mut self, _: &Evening, from: usize, to: usize) -> Result<()> {
        let mut moving = self.client.transaction()?;
        moving.execute(
            "update wallets set balance = balance + (select balance from wallets where id = $1)
             where id = $2",
            &[&number(from), &number(to)],
        )?;
        moving.execute("update wallets set balance = 0 where id = $1", &[&number(from)])?;
        Ok(moving.commit()?)
    }

    fn totals(&mut self, _: &Evening) -> Result<Totals> {
        let mut faults = Vec::new();
        for (what, query) in FAULTS {
            let count: i64 = self.client.query_one(query, &[])?.get(0);
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        let orders: i64 = self.client.query_one("select count(*) from orders", &[])?.get(0);
        let wallets = "select sum(balance)::bigint from wallets";
        let wallets: i64 = self.client.query_one(wallets, &[])?.get(0);
        let merchants = self.client.query("select balance from merchants order by id", &[])?;
        Ok(Totals {
            orders: u64::try_from(orders)?,
            wallets_minor: wallets.into(),
            merchants_minor: merchants.iter().map(|row| row.get::<_, i64>(0).into()).collect(),
            faults,
        })
    }
}
