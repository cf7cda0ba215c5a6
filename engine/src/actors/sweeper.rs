//! The sweeper: who did nothing for a while leaves memory, so that memory follows the active
//! wallets and not all wallets.
//!
//! The looking is done on a reading thread; only who looks idle gets a message, and decides itself.
//! They get it some at a time: a million letters at once would keep every bill waiting behind them.

use std::{mem, sync::Arc, time::Duration};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};

use super::{core::Core, transaction::AnySeat, wallet::Rest};

/// How many are told in a row, before others have their turns.
const TOLD_AT_ONCE: usize = 1_024;

/// Before the next ones are told.
const PAUSE: Duration = Duration::from_millis(2);

/// Sweeps now and then.
pub(crate) struct Sweeper {
    core: Arc<Core>,
    every: Duration,
    /// Who looked idle and has not been told yet.
    idle: Vec<AnySeat>,
}

/// These look idle.
struct Idle(Vec<AnySeat>);

impl Message for Idle {
    type Result = ();
}

impl Sweeper {
    /// A sweeper that sends home who did nothing between two of its rounds.
    pub(crate) fn new(core: Arc<Core>, every: Duration) -> Self {
        Self { core, every, idle: Vec::new() }
    }

    /// Tells the next ones.
    fn tell(&mut self, ctx: &mut Context<Self>) {
        let rest = self.idle.len().saturating_sub(TOLD_AT_ONCE);
        for seat in self.idle.drain(rest..) {
            // Whoever has ended meanwhile is not there to be told.
            drop(match seat {
                AnySeat::Wallet(seat) => seat.tell_last(Rest),
                AnySeat::Merchant(seat) => seat.tell_last(Rest),
                AnySeat::Group(seat) => seat.tell_last(Rest),
            });
        }
        if self.idle.is_empty() {
            self.idle = Vec::new();
        } else {
            ctx.run_later(PAUSE, Self::tell);
        }
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.every, |sweeper, ctx| {
            if sweeper.idle.is_empty() {
                let (core, sweeper_address) = (Arc::clone(&sweeper.core), ctx.address());
                sweeper.core.queries.run(move |_| look(&core, &sweeper_address));
            }
        });
    }
}

impl Handler<Idle> for Sweeper {
    type Result = ();

    fn handle(&mut self, Idle(idle): Idle, ctx: &mut Self::Context) {
        if !idle.is_empty() && mem::replace(&mut self.idle, idle).is_empty() {
            self.tell(ctx);
        }
    }
}

/// Looks for who did nothing since the last look. Groups are told first, because they keep wallets.
fn look(core: &Core, sweeper: &Addr<Sweeper>) {
    core.codes.retire_expired(core.steady.now());
    let mut idle = Vec::new();
    core.wallets.add_idle(&mut idle);
    core.merchants.add_idle(&mut idle);
    core.groups.add_idle(&mut idle);
    // A sweeper that has ended sends nobody home.
    drop(sweeper.try_send(Idle(idle)));
}
