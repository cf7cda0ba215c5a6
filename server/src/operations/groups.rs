//! What friends do at a table: open it, say how it pays, show the code, answer.

use fanju::{
    GroupView,
    domain::{
        code::{Code, ShownCode},
        event::{Consent, Rules},
        group::Command,
        payment::Question,
        text::{Name, OrderNo},
    },
    id::{GroupId, MerchantId, Position, PresentationId, Topic, WalletId},
    money::Amount,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Described, Offer, Operation, Repeats, Verb,
    receipt::{Done, Receipt, was_open},
    statement::{self, Page},
};
use crate::{
    app::App,
    auth::{caller::Ask, rights::Right},
    problem::Problem,
    web::codes,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Open>(),
        Described::of::<Get>(),
        Described::of::<Events>(),
        Described::of::<SetRules>(),
        Described::of::<Lock>(),
        Described::of::<Unlock>(),
        Described::of::<Close>(),
        Described::of::<ShowCode>(),
        Described::of::<Confirm>(),
        Described::of::<Refuse>(),
    ]
}

pub(super) const fn command(method: &'static str, verb: Verb, path: &'static str) -> Offer {
    Offer::new(method, verb, path, Repeats::Keyed)
}

pub(super) async fn submit(
    app: &App,
    group: GroupId,
    command: Command,
) -> Result<Receipt, Problem> {
    Ok(app.engine().group_command(group, command).await?.into())
}

/// Opens a group: a table of friends who pay together. The host is its first member.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Open {
    /// What it is called.
    name: Name,
    /// The caller's wallet that hosts; its currency is the group's.
    host: WalletId,
    /// The most that the outing may cost the host without asking again.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    cap: Amount,
    /// Shares above this are asked for one by one.
    #[schemars(extend("minimum" = 0, "maximum" = i64::MAX))]
    confirm_above: Option<Amount>,
    /// How the group pays; equal shares, and nobody pays when somebody cannot, unless said.
    #[serde(default)]
    rules: Rules,
}

/// A group that was opened.
#[derive(Serialize, JsonSchema)]
struct OpenedGroup {
    /// Which.
    group: GroupId,
    /// Its newest record.
    position: Position,
    /// Whether it was open before this was asked.
    replayed: bool,
}

impl Operation for Open {
    const OFFER: Offer = Offer::new("groups.open", Verb::Post, "/v1/groups", Repeats::Opens);
    type Answer = OpenedGroup;

    fn right(&self) -> Right {
        Right::Wallet(self.host)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.cap)
    }

    fn is_repetition(opened: &OpenedGroup) -> bool {
        opened.replayed
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<OpenedGroup, Problem> {
        let Self { name, host, cap, confirm_above, rules } = self;
        let currency = app.engine().wallet(host).await?.currency;
        let consent = Consent { cap, confirm_above };
        let engine = app.engine();
        let (group, replayed) = match ask.opens.map(GroupId) {
            None => (engine.open_group(name, host, consent, currency, rules).await?, false),
            Some(id) => {
                let opened = engine.open_group_as(id, name, host, consent, currency, rules).await;
                (id, was_open(opened)?)
            }
        };
        let position = app.engine().group(group).await?.position;
        Ok(OpenedGroup { group, position, replayed })
    }
}

/// Tells how a group stands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Which.
    group: GroupId,
}

impl Operation for Get {
    const OFFER: Offer = Offer::get("groups.get", "/v1/groups/{group}");
    type Answer = GroupView;

    fn right(&self) -> Right {
        Right::Group(self.group)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<GroupView, Problem> {
        Ok(app.engine().group(self.group).await?)
    }
}

/// Lists what happened in a group, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Events {
    /// Which.
    group: GroupId,
    /// Where the page begins; at the newest event unless said.
    from: Option<Position>,
    /// How many events at most.
    limit: Option<usize>,
}

impl Operation for Events {
    const OFFER: Offer = Offer::get("groups.events", "/v1/groups/{group}/events");
    type Answer = Page;

    fn right(&self) -> Right {
        Right::Group(self.group)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Page, Problem> {
        statement::page(app, Topic::Group(self.group), self.from, self.limit).await
    }
}

/// Says how the group pays; the host's right.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetRules {
    /// Which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
    /// Who owes what, and what happens when somebody cannot pay.
    rules: Rules,
}

impl Operation for SetRules {
    const OFFER: Offer = command("groups.rules", Verb::Put, "/v1/groups/{group}/rules");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Host(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::SetRules { by: self.by, rules: self.rules }).await
    }
}

/// Lets nobody come or go; the host's right.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lock {
    /// Which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
}

impl Operation for Lock {
    const OFFER: Offer = command("groups.lock", Verb::Post, "/v1/groups/{group}/lock");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Host(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::Lock { by: self.by }).await
    }
}

/// Lets people come and go again; the host's right.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Unlock {
    /// Which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
}

impl Operation for Unlock {
    const OFFER: Offer = command("groups.unlock", Verb::Delete, "/v1/groups/{group}/lock");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Host(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::Unlock { by: self.by }).await
    }
}

/// Ends the outing; the host's right.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Close {
    /// Which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
}

impl Operation for Close {
    const OFFER: Offer = command("groups.close", Verb::Post, "/v1/groups/{group}/close");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Host(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::Close { by: self.by }).await
    }
}

/// Shows the group's payment code, a fresh one where the last is spent or its minute is over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShowCode {
    /// Of which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
    /// Whether its pictures are wanted as well; they are not unless said.
    #[serde(default)]
    pictures: bool,
}

/// A payment code with its times.
#[derive(Serialize, JsonSchema)]
struct PaymentCode {
    /// The digits.
    code: Code,
    /// From here on the group shows another.
    replaced_at: Timestamp,
    /// From here on a scan of this one is refused.
    expires_at: Timestamp,
    /// What scanners read; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pictures: Option<Pictures>,
}

/// A payment code in black on white, with the quiet zones that scanners need, as SVG.
#[derive(Serialize, JsonSchema)]
struct Pictures {
    /// A QR code, for cameras.
    qr: String,
    /// Bars of Code 128, for hand scanners.
    code128: String,
}

impl PaymentCode {
    /// `shown`, and its pictures if those are wanted.
    fn of(shown: ShownCode, pictures: bool) -> Self {
        let ShownCode { code, replaced_at, expires_at } = shown;
        let drawn = || Pictures { qr: codes::qr(code), code128: codes::bars(code) };
        Self { code, replaced_at, expires_at, pictures: pictures.then(drawn) }
    }
}

impl Operation for ShowCode {
    const OFFER: Offer =
        Offer::new("groups.code", Verb::Post, "/v1/groups/{group}/codes", Repeats::Plain);
    type Answer = PaymentCode;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<PaymentCode, Problem> {
        let shown = app.engine().show_code(self.group, self.by).await?;
        Ok(PaymentCode::of(shown, self.pictures))
    }
}

/// Says yes to the share that a diner is asked about: to this very share of this very bill, as it was
/// presented this time. A bill that is presented again asks anew, and takes an answer under a key of its
/// own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Confirm {
    /// In which group.
    group: GroupId,
    /// The caller's wallet that is asked.
    diner: WalletId,
    /// Who wants to be paid.
    merchant: MerchantId,
    /// Under which number.
    order_no: OrderNo,
    /// At which presentation of the bill, as the question says.
    presentation: PresentationId,
    /// The share, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    owed: Amount,
}

impl Operation for Confirm {
    const OFFER: Offer = command("groups.confirm", Verb::Post, "/v1/groups/{group}/answers/yes");
    type Answer = Done;

    /// The engine knows who was asked; a closing server cannot look at the group any more, and the
    /// order waits for this answer.
    fn right(&self) -> Right {
        Right::Wallet(self.diner)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.owed)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { group, diner, merchant, order_no, presentation, owed } = self;
        let question = Question { merchant, order_no, presentation, diner, owed };
        app.engine().confirm(group, question).await?;
        Ok(Done {})
    }
}

/// Says no to the share that a diner is asked about. A bill that is presented again asks anew, and takes
/// an answer under a key of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refuse {
    /// In which group.
    group: GroupId,
    /// The caller's wallet that is asked.
    diner: WalletId,
    /// Who wants to be paid.
    merchant: MerchantId,
    /// Under which number.
    order_no: OrderNo,
    /// At which presentation of the bill, as the question says.
    presentation: PresentationId,
    /// The share, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    owed: Amount,
}

impl Operation for Refuse {
    const OFFER: Offer = command("groups.refuse", Verb::Post, "/v1/groups/{group}/answers/no");
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Wallet(self.diner)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { group, diner, merchant, order_no, presentation, owed } = self;
        let question = Question { merchant, order_no, presentation, diner, owed };
        app.engine().refuse(group, question).await?;
        Ok(Done {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thousands of phones ask for digits alone.
    #[test]
    fn a_code_is_drawn_for_whoever_asks_for_pictures_alone() {
        let code = Code::from_random(7);
        let shown = ShownCode { code, replaced_at: Timestamp(1), expires_at: Timestamp(2) };
        let said =
            |pictures| serde_json::to_value(PaymentCode::of(shown, pictures)).expect("is JSON");
        let digits = code.to_string();
        let plain = serde_json::json!({ "code": digits, "replaced_at": 1, "expires_at": 2 });
        assert_eq!(said(false), plain);
        for name in ["qr", "code128"] {
            let picture = said(true)["pictures"][name].as_str().expect("a picture").to_owned();
            assert!(picture.contains("<svg") && picture.ends_with("</svg>"), "{picture}");
        }
    }
}
