//! What a till does: scan, look, take back, give back.

use fanju::{
    OrderView, Presented,
    domain::{
        bill::{Bill, Line},
        code::Code,
        event::{DeclineReason, Event, Settlement},
        order::RefundRequest,
        text::{OrderNo, RefundNo},
    },
    id::{MerchantId, Position, WalletId},
    money::Amount,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Described, Offer, Operation, Repeats, Verb, receipt::Receipt};
use crate::{
    app::App,
    auth::{caller::Ask, register::Scope, rights::Right},
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Scan>(),
        Described::of::<Get>(),
        Described::of::<Cancel>(),
        Described::of::<Refund>(),
    ]
}

/// Collects a bill from the group whose code was scanned. Answers when the order has ended.
///
/// Asking again under the same number finds the order's true state: a paid bill is never collected
/// twice.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Scan {
    /// Who is paid.
    merchant: MerchantId,
    /// The eighteen digits that the group shows.
    code: Code,
    /// The merchant's number for the order.
    order_no: OrderNo,
    /// How much in all, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    total: Amount,
    /// What it is for; tax, tip, service and discount are what the total has beside it.
    #[serde(default)]
    lines: Vec<Line>,
}

/// How an order ended.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// How.
    state: State,
    /// The merchant's number for it.
    order_no: OrderNo,
    /// How much it was, or would have been.
    total: Amount,
    /// Its record.
    position: Position,
    /// When it was decided.
    at: Timestamp,
    /// Whether it had ended before this was asked.
    replayed: bool,
    /// Who paid what.
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<Settlement>,
    /// Why nobody paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeclineReason>,
}

/// Paid, or not.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Everybody's share went to the merchant.
    Settled,
    /// Nobody paid.
    Declined,
}

impl Operation for Scan {
    const OFFER: Offer = Offer::new(
        "orders.scan",
        Verb::Post,
        "/v1/merchants/{merchant}/orders",
        Repeats::Numbered("order_no"),
    );
    type Answer = Ended;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Collect)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Ended, Problem> {
        let Self { merchant, code, order_no, total, lines } = self;
        let _seat = app.seat_order(merchant)?;
        let currency = app.till_currency(merchant).await?;
        let began = std::time::Instant::now();
        let bill = Bill { merchant, order_no: order_no.clone(), currency, total, lines };
        let ended = Ended::of(order_no, &app.engine().present(bill, code).await?);
        if !ended.replayed {
            app.measures().ended(ended.settlement.is_some(), began.elapsed());
        }
        Ok(ended)
    }
}

impl Ended {
    fn of(order_no: OrderNo, presented: &Presented) -> Self {
        let receipt = presented.receipt();
        let (state, settlement, reason, total) = if let Event::Settled(settlement) = receipt.event()
        {
            (State::Settled, Some(settlement.clone()), None, settlement.total)
        } else if let Event::Declined(decline) = receipt.event() {
            (State::Declined, None, Some(decline.reason), decline.total)
        } else {
            unreachable!("an order ends by one of these")
        };
        let (position, at, replayed) = (receipt.position(), receipt.at(), receipt.is_replayed());
        Self { state, order_no, total, position, at, replayed, settlement, reason }
    }
}

/// Tells how an order stands: the answer to a lost reply.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Whose order.
    merchant: MerchantId,
    /// Under which number.
    order_no: OrderNo,
}

impl Operation for Get {
    const OFFER: Offer = Offer::get("orders.get", "/v1/merchants/{merchant}/orders/{order_no}");
    type Answer = OrderView;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Read)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<OrderView, Problem> {
        Ok(app.engine().order(self.merchant, self.order_no).await?)
    }
}

/// Takes a bill back that is not decided yet. Answers when the order has ended: nobody has paid, unless that
/// was on its way to the disk already. An order that had ended otherwise stays as it is. A bill that could not
/// be tried at all is told as its scan is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// Whose order.
    merchant: MerchantId,
    /// Under which number.
    order_no: OrderNo,
}

impl Operation for Cancel {
    const OFFER: Offer = Offer::new(
        "orders.cancel",
        Verb::Delete,
        "/v1/merchants/{merchant}/orders/{order_no}",
        Repeats::Numbered("order_no"),
    );
    type Answer = Ended;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Collect)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Ended, Problem> {
        let Self { merchant, order_no } = self;
        let presented = app.engine().cancel(merchant, order_no.clone()).await?;
        Ok(Ended::of(order_no, &presented))
    }
}

/// Gives back what is left of an order, or a part of it, to everybody in proportion or to one diner.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refund {
    /// Whose order.
    merchant: MerchantId,
    /// Of which order.
    order_no: OrderNo,
    /// The merchant's number for the refund, unique within the order.
    refund_no: RefundNo,
    /// How much, in minor units; everything that is left unless said.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    amount: Option<Amount>,
    /// To which diner alone; to everybody unless said.
    diner: Option<WalletId>,
}

impl Operation for Refund {
    const OFFER: Offer = Offer::new(
        "orders.refund",
        Verb::Post,
        "/v1/merchants/{merchant}/orders/{order_no}/refunds",
        Repeats::Numbered("refund_no"),
    );
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Refund)
    }

    fn stakes(&self) -> Option<Amount> {
        self.amount
    }

    /// What is left of the order, or of the diner, unless the till says how much. It only ever gets
    /// less: nobody gives back more than was looked at here. A number that has been used gives nothing.
    async fn worth(&self, app: &App) -> Result<Option<Amount>, Problem> {
        match app.engine().order(self.merchant, self.order_no.clone()).await? {
            OrderView::Settled(order) if order.refund(&self.refund_no).is_some() => Ok(None),
            OrderView::Settled(order) => {
                Ok(Some(self.amount.unwrap_or_else(|| order.refundable_to(self.diner))))
            }
            // It may be paid a moment later, and nobody has looked at how much that is.
            OrderView::InFlight { .. } | OrderView::Declined { .. } => {
                Err(fanju::Error::OrderNotPaid.into())
            }
        }
    }

    fn is_repetition(receipt: &Receipt) -> bool {
        receipt.is_replayed()
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { merchant, order_no, refund_no, amount, diner } = self;
        let request = RefundRequest { order_no, refund_no, amount, diner };
        Ok(app.engine().refund(merchant, request).await?.into())
    }
}
