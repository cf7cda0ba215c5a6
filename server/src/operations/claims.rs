//! The bill that is coming: laid on the table by a diner or a till, and claimed line by line.

use fanju::{
    domain::{
        bill::{Bill, Line},
        code::Code,
        group::Command,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, WalletId},
    money::Amount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Described, Offer, Operation, Repeats, Verb,
    groups::{command, submit},
    receipt::Receipt,
};
use crate::{
    app::App,
    auth::{caller::Ask, register::Scope, rights::Right},
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Draft>(),
        Described::of::<ClearDraft>(),
        Described::of::<Claim>(),
        Described::of::<DraftByTill>(),
    ]
}

/// Lays the bill that is coming on the table, so that diners can claim its lines.
///
/// Claims stay on lines that lay there already.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Draft {
    /// On which table.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
    /// How much in all, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    total: Amount,
    /// The lines; tax, tip, service and discount are what the total has beside them.
    lines: Vec<Line>,
}

impl Operation for Draft {
    const OFFER: Offer = command("groups.draft", Verb::Put, "/v1/groups/{group}/draft");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { group, by, total, lines } = self;
        submit(app, group, Command::Draft { by, total, lines }).await
    }
}

/// Takes the draft away, and all claims with it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClearDraft {
    /// From which table.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
}

impl Operation for ClearDraft {
    const OFFER: Offer = command("groups.clear_draft", Verb::Delete, "/v1/groups/{group}/draft");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::ClearDraft { by: self.by }).await
    }
}

/// Claims one line of the draft for oneself, or a part of it beside others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// At which table.
    group: GroupId,
    /// The caller's wallet in the group.
    wallet: WalletId,
    /// Which line, from zero.
    #[serde(deserialize_with = "line_number")]
    line: u16,
    /// How large a part, against the others who claim it; zero takes the claim back.
    weight: u32,
}

impl Operation for Claim {
    const OFFER: Offer = command("groups.claim", Verb::Put, "/v1/groups/{group}/claims/{line}");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { group, wallet, line, weight } = self;
        submit(app, group, Command::Claim { wallet, line, weight }).await
    }
}

/// A number over the live channel, text in an HTTP path.
fn line_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a whole number from 0 to 65535")]
    enum Said {
        Number(u16),
        Text(String),
    }
    match Said::deserialize(deserializer)? {
        Said::Number(line) => Ok(line),
        Said::Text(line) => {
            line.parse().map_err(|_| D::Error::custom("expected a whole number from 0 to 65535"))
        }
    }
}

/// Lays the bill that a till will present on the table that shows a code, so that it is claimed.
///
/// The code is not spent. The diners claim lines, and see what each of them would pay. Asking again
/// with more lines takes nobody's claim away.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DraftByTill {
    /// Who will be paid.
    merchant: MerchantId,
    /// The eighteen digits that the group shows.
    code: Code,
    /// The merchant's number for the order.
    order_no: OrderNo,
    /// How much in all, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    total: Amount,
    /// The lines; tax, tip, service and discount are what the total has beside them.
    lines: Vec<Line>,
}

impl Operation for DraftByTill {
    const OFFER: Offer =
        Offer::new("orders.draft", Verb::Post, "/v1/merchants/{merchant}/drafts", Repeats::Keyed);
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Collect)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { merchant, code, order_no, total, lines } = self;
        let currency = app.till_currency(merchant).await?;
        let bill = Bill { merchant, order_no, currency, total, lines };
        Ok(app.engine().draft(bill, code).await?.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Claim;

    #[test]
    fn a_line_is_a_number_or_the_text_of_one() {
        let id = "01900000-0000-7000-8000-000000000001";
        let read = |line| {
            let claim = json!({ "group": id, "wallet": id, "line": line, "weight": 1 });
            serde_json::from_value::<Claim>(claim).ok().map(|claim| claim.line)
        };
        assert_eq!(read(json!(7)), Some(7));
        assert_eq!(read(json!("7")), Some(7));
        for wrong in [json!(-1), json!("-1"), json!(65_536), json!("65536"), json!(""), json!(null)]
        {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
