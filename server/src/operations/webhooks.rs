//! Where a shop wants its events sent.

use fanju::id::MerchantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Described, Offer, Operation, Repeats, Verb, receipt::Done};
use crate::{
    app::App,
    auth::{caller::Ask, rights::Right},
    problem::{Kind, Problem},
    webhooks::{Deliveries, Webhook, WebhookError, WebhookId, Webhooks},
};

/// Rows of one page of the delivery log, unless the caller says otherwise.
const PAGE: usize = 50;

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Create>(),
        Described::of::<List>(),
        Described::of::<Remove>(),
        Described::of::<Rotate>(),
        Described::of::<ListDeliveries>(),
        Described::of::<Replay>(),
    ]
}

const fn command(method: &'static str, verb: Verb, path: &'static str) -> Offer {
    Offer::new(method, verb, path, Repeats::Keyed)
}

const fn secret(method: &'static str, path: &'static str) -> Offer {
    Offer::new(method, Verb::Post, path, Repeats::Secret)
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let kind = match &error {
            WebhookError::Address(_) => Kind::WebhookUrlRefused,
            WebhookError::UnknownEvent(_) | WebhookError::NoEvents => Kind::UnknownEvent,
            WebhookError::TooManyWebhooks => Kind::TooManyWebhooks,
            WebhookError::UnknownWebhook => Kind::UnknownWebhook,
            WebhookError::UnknownMessage => Kind::UnknownMessage,
            WebhookError::Disabled => Kind::WebhookDisabled,
            WebhookError::Place(_)
            | WebhookError::Store(_)
            | WebhookError::NewerSchema { .. }
            | WebhookError::Corrupt(_)
            | WebhookError::Thread(_) => return Self::internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}

/// Asks the outbox, on a thread that may wait.
async fn outbox<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Webhooks) -> Result<T, WebhookError> + Send + 'static,
) -> Result<T, Problem> {
    let webhooks = app.webhooks().clone();
    Ok(app.desk(move |_| work(&webhooks)).await??)
}

/// Has a shop's events sent to a URL, from now on, signed as Standard Webhooks says. The secret is
/// shown this once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Of which shop.
    merchant: MerchantId,
    /// Where to.
    #[schemars(url)]
    url: String,
    /// Which events; all unless said.
    events: Option<Vec<String>>,
}

/// A webhook that was made.
#[derive(Serialize, JsonSchema)]
struct Created {
    /// The webhook.
    webhook: Webhook,
    /// What its messages are signed with; nobody can show it again.
    secret: String,
}

impl Operation for Create {
    const OFFER: Offer = secret("webhooks.create", "/v1/merchants/{merchant}/webhooks");
    type Answer = Created;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Created, Problem> {
        let Self { merchant, url, events } = self;
        let (position, now) = (app.engine().merchant(merchant).await?.position, app.now());
        let create =
            move |webhooks: &Webhooks| webhooks.create(merchant, &url, events, position, now);
        let (webhook, secret) = outbox(app, create).await?;
        Ok(Created { webhook, secret })
    }
}

/// Lists a shop's webhooks, without their secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Of which shop.
    merchant: MerchantId,
}

/// A shop's webhooks.
#[derive(Serialize, JsonSchema)]
struct WebhookList {
    /// The webhooks, oldest first.
    webhooks: Vec<Webhook>,
}

impl Operation for List {
    const OFFER: Offer = Offer::get("webhooks.list", "/v1/merchants/{merchant}/webhooks");
    type Answer = WebhookList;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<WebhookList, Problem> {
        let webhooks = outbox(app, move |webhooks| webhooks.list(self.merchant)).await?;
        Ok(WebhookList { webhooks })
    }
}

/// Sends nothing more to a webhook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remove {
    /// Of which shop.
    merchant: MerchantId,
    /// Which.
    webhook: WebhookId,
}

impl Operation for Remove {
    const OFFER: Offer =
        command("webhooks.remove", Verb::Delete, "/v1/merchants/{merchant}/webhooks/{webhook}");
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { merchant, webhook } = self;
        outbox(app, move |webhooks| webhooks.remove(merchant, webhook)).await?;
        Ok(Done {})
    }
}

/// Gives a webhook a new secret; for a day the one before signs too, and that before it. To silence one
/// that leaked, remove the webhook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotate {
    /// Of which shop.
    merchant: MerchantId,
    /// Which.
    webhook: WebhookId,
}

/// A secret that was made.
#[derive(Serialize, JsonSchema)]
struct Rotated {
    /// What messages are signed with from now on; nobody can show it again.
    secret: String,
}

impl Operation for Rotate {
    const OFFER: Offer =
        secret("webhooks.rotate", "/v1/merchants/{merchant}/webhooks/{webhook}/secret");
    type Answer = Rotated;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Rotated, Problem> {
        let Self { merchant, webhook } = self;
        let now = app.now();
        let secret = outbox(app, move |webhooks| webhooks.rotate(merchant, webhook, now)).await?;
        Ok(Rotated { secret })
    }
}

/// Lists what was sent to a webhook and what it answered, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListDeliveries {
    /// Of which shop.
    merchant: MerchantId,
    /// Which.
    webhook: WebhookId,
    /// Attempts before this row of the log; the newest unless said.
    before: Option<i64>,
    /// How many at most.
    limit: Option<usize>,
}

impl Operation for ListDeliveries {
    const OFFER: Offer =
        Offer::get("webhooks.deliveries", "/v1/merchants/{merchant}/webhooks/{webhook}/deliveries");
    type Answer = Deliveries;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Deliveries, Problem> {
        let Self { merchant, webhook, before, limit } = self;
        let limit = limit.unwrap_or(PAGE);
        outbox(app, move |webhooks| webhooks.deliveries(merchant, webhook, before, limit)).await
    }
}

/// Sends a message again, at once and under its old id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Of which shop.
    merchant: MerchantId,
    /// Which, as its receiver knows it (`webhook-id`).
    message: String,
}

impl Operation for Replay {
    const OFFER: Offer = command(
        "webhooks.replay",
        Verb::Post,
        "/v1/merchants/{merchant}/webhook-messages/{message}/replay",
    );
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { merchant, message } = self;
        outbox(app, move |webhooks| webhooks.replay(merchant, &message)).await?;
        Ok(Done {})
    }
}
