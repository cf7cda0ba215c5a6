//! The sweeper: who did nothing for a while leaves memory, so that memory follows the active
//! wallets and not all wallets.
//!
//! The looking is done on a reading thread; only who looks idle gets a message, and decides itself.

use std::{sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context};

use super::{core::Core, wallet::Rest};

/// Sweeps now and then.
pub(crate) struct Sweeper {
    core: Arc<Core>,
    every: Duration,
}

impl Sweeper {
    /// A sweeper that sends home who did nothing between two of its rounds.
    pub(crate) fn new(core: Arc<Core>, every: Duration) -> Self {
        Self { core, every }
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(self.every, |sweeper, _| {
            let core = Arc::clone(&sweeper.core);
            sweeper.core.queries.run(move |_| sweep(&core));
        });
    }
}

fn sweep(core: &Core) {
    core.codes.retire_expired(core.steady.now());
    core.groups.for_each(|seat| {
        if seat.is_idle_since_last_sweep() {
            drop(seat.tell(Rest));
        }
    });
    core.merchants.for_each(|seat| {
        if seat.is_idle_since_last_sweep() {
            drop(seat.tell(Rest));
        }
    });
    core.wallets.for_each(|seat| {
        if seat.is_idle_since_last_sweep() {
            drop(seat.tell(Rest));
        }
    });
}
