//! Retries: a till that sends an order number once more, while it waits for the answer, when it is over,
//! or by mistake for another bill; and what it may hear then (G-1).

use std::{rc::Rc, time::Duration};

use fanju::{
    Error, Presented,
    domain::{bill::Bill, code::Code, event::Event},
    money::Amount,
};

use super::{Table, till::Till};
use crate::chaos::{
    wire::{Heard, Wire},
    world::Stage,
};

/// How long after the bill it is sent once more, at most.
const SOON_MS: u64 = 80;

impl Table<'_> {
    /// The till sends the bill once more before it has its answer. Whichever comes first begins it, and
    /// both hear how it ends.
    pub(super) fn send_again_soon(&mut self, at: usize, bill: &Bill, code: Code) {
        self.stage.witness().inject("retry before the answer");
        let tries = self.state(at).tries;
        let mut wire = self.wire.another(&format!("table {} again {at}.{tries}", self.number));
        let soon = Duration::from_millis(self.wire.chance.below(SOON_MS));
        let (stage, till, bill) = (Rc::clone(self.stage), self.till(), bill.clone());
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(soon).await;
            let heard = send(&till, &mut wire, &bill, code).await;
            match heard {
                Heard::Yes(presented) => proves(&stage, &bill, &presented),
                Heard::No(Error::OrderNoReused) => is_no_other(&stage, &bill),
                Heard::No(_) | Heard::Nothing => {}
            }
        }));
    }

    /// The order is over, as the till knows, and its number comes once more.
    pub(super) async fn send_again_after(&mut self, bill: &Bill, code: Code) {
        match self.wire.happens(500) {
            true => self.send_the_same(bill, code).await,
            false => self.send_another(bill, code).await,
        }
    }

    /// The answer is the one that there was.
    async fn send_the_same(&mut self, bill: &Bill, code: Code) {
        let no = &bill.order_no;
        let known = self.stage.witness().settled_at(bill.merchant, no);
        self.stage.witness().inject("retry after the end");
        let heard = send(&self.till(), &mut self.wire, bill, code).await;
        match heard {
            Heard::Yes(presented) => {
                proves(self.stage, bill, &presented);
                let mut witness = self.stage.witness();
                match &presented {
                    Presented::Settled(receipt) if receipt.is_replayed() => {}
                    Presented::Declined { receipt, .. } if receipt.is_replayed() => {
                        witness.told_unsettled(no, known, "declined");
                    }
                    Presented::Settled(_) | Presented::Declined { .. } => {
                        witness.fault(format!("G-1: order {no} is over, and ended once more"));
                    }
                }
            }
            Heard::No(Error::OrderNoReused) => is_no_other(self.stage, bill),
            Heard::No(error) => {
                let what = format!("refused: {error}");
                self.stage.witness().told_unsettled(no, known, &what);
            }
            Heard::Nothing => {}
        }
    }

    /// Another bill under a number that is taken is refused, in one word.
    async fn send_another(&mut self, bill: &Bill, code: Code) {
        self.stage.witness().inject("retry with another amount");
        let more = bill.total.checked_add(Amount::from_minor(1)).expect("small");
        let other = Bill { total: more, ..bill.clone() };
        let heard = send(&self.till(), &mut self.wire, &other, code).await;
        let said = match heard {
            Heard::No(Error::OrderNoReused) | Heard::Nothing => return,
            Heard::No(error) => error.to_string(),
            Heard::Yes(_) => "done".to_owned(),
        };
        let no = &bill.order_no;
        let what = format!("G-1: order {no} came for another amount, and its till heard: {said}");
        self.stage.witness().fault(what);
    }
}

async fn send(till: &Till, wire: &mut Wire, bill: &Bill, code: Code) -> Heard<Presented> {
    let what = format!("present order {} of {} again", bill.order_no, bill.merchant);
    till.present(wire, &what, bill.clone(), code).await
}

/// What answers a bill is a record of that bill.
fn proves(stage: &Stage, Bill { merchant, order_no, total, .. }: &Bill, presented: &Presented) {
    let (Presented::Settled(receipt) | Presented::Declined { receipt, .. }) = presented;
    let it_is = if let Event::Settled(it) = receipt.event() {
        (it.merchant, &it.order_no, it.total) == (*merchant, order_no, *total)
    } else if let Event::Declined(it) = receipt.event() {
        (it.merchant, &it.order_no, it.total) == (*merchant, order_no, *total)
    } else {
        false
    };
    if !it_is {
        let at = receipt.position();
        let what = format!("G-1: order {order_no} of {total} is answered with the record at {at}");
        stage.witness().fault(what);
    }
}

fn is_no_other(stage: &Stage, bill: &Bill) {
    let no = &bill.order_no;
    stage.witness().fault(format!("G-1: order {no} is said to be another bill"));
}
