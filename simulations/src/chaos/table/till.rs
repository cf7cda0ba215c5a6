//! Till: who presents a table's bills. While one is under way, its diners' money may be set aside.

use fanju::{
    Engine, Presented,
    domain::{bill::Bill, code::Code},
    id::WalletId,
};

use crate::chaos::{
    claims::Claims,
    wire::{Heard, Wire},
};

/// The till of one table.
pub(super) struct Till {
    pub(super) claims: Claims,
    pub(super) diners: Vec<WalletId>,
}

impl Till {
    /// Presents `bill`, in words `what`.
    pub(super) async fn present(
        &self,
        wire: &mut Wire,
        what: &str,
        bill: Bill,
        code: Code,
    ) -> Heard<Presented> {
        let present = |engine: Engine| {
            let (bill, claim) = (bill.clone(), self.claims.lay(&self.diners, bill.total));
            claim.until(async move { engine.present(bill, code).await })
        };
        wire.ask(what, present).await
    }
}
