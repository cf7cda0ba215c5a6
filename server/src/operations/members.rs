//! How friends come to a table, what they agree to, and how they leave.

use fanju::{
    Error,
    domain::{
        code::Code,
        event::Consent,
        group::{Command, Rejection},
    },
    id::{GroupId, WalletId},
    money::Amount,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Described, Offer, Operation, Repeats, Verb,
    groups::{command, submit},
    receipt::Receipt,
};
use crate::{
    app::App,
    auth::{caller::Ask, link::Link, rights::Right},
    problem::{Kind, Problem},
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Invite>(),
        Described::of::<MakeLink>(),
        Described::of::<Join>(),
        Described::of::<JoinByCode>(),
        Described::of::<Leave>(),
        Described::of::<SetConsent>(),
    ]
}

/// Invites somebody by wallet, who is invited so many times an hour; by a link one invites oneself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Invite {
    /// To which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
    /// Who is invited.
    wallet: WalletId,
}

impl Operation for Invite {
    const OFFER: Offer = command("groups.invite", Verb::Post, "/v1/groups/{group}/invitations");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        app.rates().invitation(self.wallet.0)?;
        submit(app, self.group, Command::Invite { by: self.by, wallet: self.wallet }).await
    }
}

/// Makes a link that invites whoever has it, for a quarter of an hour.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MakeLink {
    /// To which group.
    group: GroupId,
    /// The caller's wallet in the group.
    by: WalletId,
}

/// A link that invites.
#[derive(Serialize, JsonSchema)]
struct LinkMade {
    /// What `groups.join` takes.
    link: String,
    /// When it is over.
    expires_at: Timestamp,
}

impl Operation for MakeLink {
    const OFFER: Offer =
        Offer::new("groups.link", Verb::Post, "/v1/groups/{group}/links", Repeats::Plain);
    type Answer = LinkMade;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.by)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<LinkMade, Problem> {
        let link = Link::fresh(self.group, self.by, app.now());
        Ok(LinkMade { link: link.sealed(app.link_key()), expires_at: link.expires_at })
    }
}

/// Joins a group, as somebody who was invited or who has a link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Join {
    /// Which.
    group: GroupId,
    /// The caller's wallet that joins.
    wallet: WalletId,
    /// The most that the outing may cost without asking again.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    cap: Amount,
    /// Shares above this are asked for one by one.
    #[schemars(extend("minimum" = 0, "maximum" = i64::MAX))]
    confirm_above: Option<Amount>,
    /// What `groups.link` answered to a member.
    link: Option<String>,
}

impl Operation for Join {
    const OFFER: Offer = command("groups.join", Verb::Post, "/v1/groups/{group}/members");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.cap)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { group, wallet, cap, confirm_above, link } = self;
        if let Some(link) = link {
            let Link { by, .. } =
                Link::open(&link, group, app.link_key(), app.now()).ok_or_else(|| {
                    Problem::new(Kind::LinkOver, "this link is over, ask for another")
                })?;
            match app.engine().invite(group, by, wallet).await {
                // By name, or by this link: a server that was killed may have done half of this before.
                Ok(_) | Err(Error::Group(Rejection::AlreadyInvited)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let consent = Consent { cap, confirm_above };
        Ok(app.engine().join(group, wallet, consent).await?.into())
    }
}

/// Joins the group that shows a code, without spending it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JoinByCode {
    /// The eighteen digits.
    code: Code,
    /// The caller's wallet that joins.
    wallet: WalletId,
    /// The most that the outing may cost without asking again.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    cap: Amount,
    /// Shares above this are asked for one by one.
    #[schemars(extend("minimum" = 0, "maximum" = i64::MAX))]
    confirm_above: Option<Amount>,
}

impl Operation for JoinByCode {
    // The code stands in no address: those are written down on the way.
    const OFFER: Offer = command("groups.join_by_code", Verb::Post, "/v1/memberships");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.cap)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { code, wallet, cap, confirm_above } = self;
        let consent = Consent { cap, confirm_above };
        Ok(app.engine().join_by_code(code, wallet, consent).await?.into())
    }
}

/// Leaves a group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Leave {
    /// Which.
    group: GroupId,
    /// The caller's wallet that leaves.
    wallet: WalletId,
}

impl Operation for Leave {
    const OFFER: Offer =
        command("groups.leave", Verb::Delete, "/v1/groups/{group}/members/{wallet}");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        submit(app, self.group, Command::Leave { wallet: self.wallet }).await
    }
}

/// Agrees to another cap.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SetConsent {
    /// In which group.
    group: GroupId,
    /// The caller's wallet in the group.
    wallet: WalletId,
    /// The most that the outing may cost without asking again.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    cap: Amount,
    /// Shares above this are asked for one by one.
    #[schemars(extend("minimum" = 0, "maximum" = i64::MAX))]
    confirm_above: Option<Amount>,
}

impl Operation for SetConsent {
    const OFFER: Offer =
        command("groups.consent", Verb::Put, "/v1/groups/{group}/members/{wallet}/consent");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Seat(self.group, self.wallet)
    }

    /// What may be spent beyond what was agreed to before: whoever lowers a cap risks nothing. Whoever wants
    /// to be asked less often agrees to all of it anew.
    async fn worth(&self, app: &App) -> Result<Option<Amount>, Problem> {
        let group = app.engine().group(self.group).await?.group;
        let Some(agreed) = group.member(self.wallet).map(|member| member.consent) else {
            return Ok(Some(self.cap));
        };
        let is_higher = |before| self.confirm_above.is_none_or(|now| now > before);
        if agreed.confirm_above.is_some_and(is_higher) {
            return Ok(Some(self.cap));
        }
        Ok(self.cap.checked_sub(agreed.cap).filter(|more| more.is_positive()))
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        let Self { group, wallet, cap, confirm_above } = self;
        let consent = Consent { cap, confirm_above };
        submit(app, group, Command::SetConsent { wallet, consent }).await
    }
}
