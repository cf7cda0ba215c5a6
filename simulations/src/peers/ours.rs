//! Ours: Fanju itself, in this process, as `fanju-sim dinner` runs it.

use std::{ops::Range, path::Path, time::Duration};

use anyhow::{Context, Result};
use fanju::{
    Config, Engine, Presented,
    domain::{bill::Bill, event::DeclineReason},
    id::{RequestId, WalletId},
    money::Currency,
};
use uuid::Uuid;

use super::{
    evening::{Evening, MENU, number},
    footprint::{self, Used},
    side::{Lap, Outcome, Side, Totals},
};
use crate::{
    auditor::{Audit, Auditor},
    dinner::{self, Moment, Pace, Plan, Watch},
    population::{self, Population, Wanted},
    recorder::Gauges,
    run::BOOKS_PATIENCE,
    scratch::Scratch,
    workload::Dinner,
};

const CURRENCY: Currency = Currency::CNY;

/// Fanju as a side.
pub struct Ours {
    engine: Engine,
    population: Population,
    /// By number.
    wallets: Vec<WalletId>,
    in_flight: usize,
    /// Records of all dinners that were acknowledged.
    acknowledged: Vec<u64>,
    _folder: Scratch,
}

struct Nobody;

impl Watch for Nobody {
    fn begins(&mut self) {}
    fn tick(&mut self, _: Moment) {}
    fn gauges(&mut self) -> Gauges {
        Gauges::default()
    }
}

impl Ours {
    /// A new engine below `parent`, with everybody in it.
    ///
    /// # Errors
    /// The folder cannot be written, or the engine fails.
    pub fn open(parent: &Path, evening: &Evening, in_flight: usize) -> Result<Self> {
        let folder = Scratch::new("fanju-peers-fanju-", parent)?;
        let seed = Some(1);
        let config = Config { seed, rail: population::rail(), ..Config::directory(folder.path()) };
        let engine = Engine::open(config).context("cannot open the engine")?;
        let wanted = Wanted {
            merchants: evening.merchants,
            wallets: evening.wallets as u64,
            seating: &evening.seating,
            funds: evening.funds,
            currency: CURRENCY,
        };
        let (population, _) = population::set_up(&engine, wanted, |_| {})?;
        let mut wallets = vec![WalletId(Uuid::nil()); evening.wallets];
        for (number, party) in population.parties.iter().enumerate() {
            for (wallet, id) in evening.seating.party(number).iter().zip(&party.diners) {
                wallets[*wallet] = *id;
            }
        }
        let acknowledged = Vec::new();
        let mut side =
            Self { engine, population, wallets, in_flight, acknowledged, _folder: folder };
        side.rest()?;
        Ok(side)
    }

    fn audit(&self) -> Audit {
        let mut auditor = Auditor::read(&self.engine.journal());
        auditor.expect_positions(&self.acknowledged);
        auditor.finish()
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.engine.close_blocking();
    }
}

impl Side for Ours {
    fn name(&self) -> String {
        format!("Fanju {}, {} in flight", env!("CARGO_PKG_VERSION"), self.in_flight)
    }

    fn promise(&self) -> &'static str {
        "a dinner is in the journal and synced before anybody is told; the books follow"
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn settle(&mut self, evening: &Evening, which: Range<usize>) -> Result<Lap> {
        let wanted = which.len();
        let plan = Plan {
            population: &self.population,
            menu: &MENU,
            currency: CURRENCY,
            pace: Pace::Closed { tables: self.in_flight },
            warmup: Duration::ZERO,
            seconds: None,
        };
        let mut dinners = evening.dinners[which].iter().cloned();
        let ran = dinner::run(&self.engine, plan, &mut dinners, None, &mut Nobody)?;
        let meter = ran.meter;
        let settled = usize::try_from(meter.settlements).unwrap_or(0);
        anyhow::ensure!(
            settled == wanted,
            "{settled} of {wanted} dinners were paid; declined {:?}, failed {:?}",
            meter.declined,
            meter.failed
        );
        self.acknowledged.extend(&meter.acknowledged);
        let [latency, _] = meter.histograms();
        Ok(Lap { wall: meter.wall(), times: latency.clone() })
    }

    fn rest(&mut self) -> Result<()> {
        let caught_up = self.engine.block_on(self.engine.books_caught_up(BOOKS_PATIENCE))?;
        anyhow::ensure!(caught_up, "the books do not catch up");
        Ok(())
    }

    fn used(&mut self) -> Result<Used> {
        let log_bytes = Some(self.engine.stats().journal.bytes);
        Ok(Used { log_bytes, ..footprint::of_this_process() })
    }

    fn present(&mut self, _: &Evening, dinner: &Dinner) -> Result<Outcome> {
        let party = &self.population.parties[dinner.party];
        let bill = Bill {
            merchant: self.population.merchants[dinner.merchant],
            order_no: dinner.order_no.clone(),
            currency: CURRENCY,
            total: dinner.total,
            lines: Vec::new(),
        };
        let presented = self.engine.block_on(async {
            let shown = self.engine.show_code(party.group, party.diners[dinner.shown_by]).await?;
            self.engine.present(bill, shown.code).await
        });
        match presented? {
            Presented::Settled(receipt) if receipt.is_replayed() => Ok(Outcome::Known),
            Presented::Settled(receipt) => {
                self.acknowledged.push(receipt.position().0);
                Ok(Outcome::Settled)
            }
            Presented::Declined { reason: DeclineReason::Short { .. }, .. } => Ok(Outcome::Short),
            Presented::Declined { reason, .. } => anyhow::bail!("declined: {reason:?}"),
        }
    }

    fn give_away(&mut self, _: &Evening, from: usize, to: usize) -> Result<()> {
        let (from, to, request) =
            (self.wallets[from], self.wallets[to], RequestId(Uuid::from_u128(1 << 64)));
        self.engine.block_on(async {
            let amount = self.engine.wallet(from).await?.available;
            self.engine.transfer(from, to, request, amount, None).await
        })?;
        Ok(())
    }

    fn totals(&mut self, _: &Evening) -> Result<Totals> {
        let audit = self.audit();
        let mut merchants_minor = Vec::new();
        for merchant in &self.population.merchants {
            let view = self.engine.block_on(self.engine.merchant(*merchant))?;
            merchants_minor.push(i128::from(view.posted.minor()));
        }
        let mut faults = audit.reasons;
        if audit.money_delta_minor != 0 || audit.lost != 0 || audit.negative_wallets != 0 {
            let (delta, lost, negative) =
                (audit.money_delta_minor, audit.lost, audit.negative_wallets);
            faults.push(format!("{delta} made or lost, {lost} dinners lost, {negative} negative"));
        }
        let sum: i128 = merchants_minor.iter().sum();
        if sum != audit.merchants_total_minor {
            faults.push(format!("merchants are shown {sum}, not {}", audit.merchants_total_minor));
        }
        let known = number(self.wallets.len());
        if i64::try_from(audit.wallets)? != known {
            faults.push(format!("{} wallets instead of {known}", audit.wallets));
        }
        Ok(Totals {
            orders: audit.settlements,
            wallets_minor: audit.wallets_total_minor,
            merchants_minor,
            faults,
        })
    }
}
