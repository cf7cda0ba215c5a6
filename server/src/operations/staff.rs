//! Who works for a shop: people with roles, and tills with keys.

use fanju::{domain::text::Name, id::MerchantId, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Described, Offer, Operation, Repeats, Verb, receipt::Done};
use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller},
        register::{KeyId, PersonId, Role, Scope, TillKey},
        rights::{Change, Right},
    },
    problem::{Kind, Problem},
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Add>(),
        Described::of::<List>(),
        Described::of::<Remove>(),
        Described::of::<CreateKey>(),
        Described::of::<ListKeys>(),
        Described::of::<RevokeKey>(),
    ]
}

/// Gives a person a role at a shop, or another one. Takes a fresh look at finger or face (`step_up`) that
/// has served for nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// At which shop.
    merchant: MerchantId,
    /// Who.
    person: PersonId,
    /// As what.
    role: Role,
}

impl Operation for Add {
    const OFFER: Offer =
        Offer::new("staff.add", Verb::Post, "/v1/merchants/{merchant}/staff", Repeats::Keyed);
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    /// A cashier gives back what others have paid; another owner can do everything that this one can.
    fn change(&self, _: &Caller) -> Option<Change> {
        Some(Change::Staff)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { merchant, person, role } = self;
        let add = move |desk: &crate::app::Desk| {
            if desk.register.person(person)?.is_none() {
                return Ok(None);
            }
            desk.register.set_role(merchant, person, role).map(Some)
        };
        match app.desk(add).await?? {
            Some(()) => Ok(Done {}),
            None => Err(Problem::new(Kind::UnknownPerson, "nobody has this id")),
        }
    }
}

/// Lists who works at a shop.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Which.
    merchant: MerchantId,
}

/// A shop's people.
#[derive(Serialize, JsonSchema)]
struct Staff {
    /// The people.
    staff: Vec<StaffMember>,
}

/// One who works at a shop.
#[derive(Serialize, JsonSchema)]
struct StaffMember {
    /// Who.
    person: PersonId,
    /// In the person's own words.
    name: Name,
    /// As what.
    role: Role,
}

impl Operation for List {
    const OFFER: Offer = Offer::get("staff.list", "/v1/merchants/{merchant}/staff");
    type Answer = Staff;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Staff, Problem> {
        let merchant = self.merchant;
        let staff = app.desk(move |desk| desk.register.staff(merchant)).await??;
        let member = |(person, role): (crate::auth::register::Person, Role)| StaffMember {
            person: person.id,
            name: person.name,
            role,
        };
        Ok(Staff { staff: staff.into_iter().map(member).collect() })
    }
}

/// Takes a person's role at a shop away: an owner anybody's, with a fresh look at finger or face (`step_up`)
/// that has served for nothing else, and everybody the own. The last owner stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Remove {
    /// At which shop.
    merchant: MerchantId,
    /// Whose.
    person: PersonId,
}

impl Operation for Remove {
    const OFFER: Offer = Offer::new(
        "staff.remove",
        Verb::Delete,
        "/v1/merchants/{merchant}/staff/{person}",
        Repeats::Keyed,
    );
    type Answer = Done;

    fn right(&self) -> Right {
        Right::ShopOrSelf(self.merchant, self.person)
    }

    fn change(&self, caller: &Caller) -> Option<Change> {
        let leaves = caller.person().is_ok_and(|identity| identity.person.id == self.person);
        (!leaves).then_some(Change::Staff)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { merchant, person } = self;
        app.desk(move |desk| desk.register.remove_role(merchant, person)).await??;
        Ok(Done {})
    }
}

/// Makes an API key for a till. The secret is shown this once. One that gives money back or pays it out takes
/// a fresh look at finger or face (`step_up`) that has served for nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    /// Of which shop.
    merchant: MerchantId,
    /// Where the till stands, in the owner's words.
    #[schemars(length(min = 1, max = crate::auth::limits::LABEL_BYTES_MAX))]
    label: String,
    /// What the till may do.
    #[schemars(length(min = 1))]
    scopes: Vec<Scope>,
}

/// A key that was made.
#[derive(Serialize, JsonSchema)]
struct KeyCreated {
    /// Which.
    key: KeyId,
    /// What the till sends as its bearer token; nobody can show it again.
    secret: String,
}

impl Operation for CreateKey {
    const OFFER: Offer =
        Offer::new("keys.create", Verb::Post, "/v1/merchants/{merchant}/keys", Repeats::Secret);
    type Answer = KeyCreated;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    /// Whoever has a key that pays out can empty the till, and one that refunds gives back what others have
    /// paid, unasked (decision 24). Any other only brings money in, or reads.
    fn change(&self, _: &Caller) -> Option<Change> {
        let takes_out = |scope: &Scope| matches!(scope, Scope::PayOut | Scope::Refund);
        self.scopes.iter().any(takes_out).then_some(Change::Staff)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<KeyCreated, Problem> {
        let Self { merchant, label, scopes } = self;
        let now = app.now();
        let create =
            move |desk: &crate::app::Desk| desk.register.create_key(merchant, &label, &scopes, now);
        let (token, TillKey { key, .. }) = app.desk(create).await??;
        Ok(KeyCreated { key, secret: token.reveal().to_owned() })
    }
}

/// Lists a shop's keys, without their secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListKeys {
    /// Which shop.
    merchant: MerchantId,
}

/// A shop's keys.
#[derive(Serialize, JsonSchema)]
struct Keys {
    /// The keys.
    keys: Vec<Key>,
}

/// One key.
#[derive(Serialize, JsonSchema)]
struct Key {
    /// Which.
    key: KeyId,
    /// Where the till stands.
    label: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was used last, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

impl Operation for ListKeys {
    const OFFER: Offer = Offer::get("keys.list", "/v1/merchants/{merchant}/keys");
    type Answer = Keys;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Keys, Problem> {
        let merchant = self.merchant;
        let keys = app.desk(move |desk| desk.register.keys(merchant)).await??;
        let key = |TillKey { key, label, scopes, created_at, last_used_at, .. }| Key {
            key,
            label,
            scopes,
            created_at,
            last_used_at,
        };
        Ok(Keys { keys: keys.into_iter().map(key).collect() })
    }
}

/// Ends a key at once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RevokeKey {
    /// Of which shop.
    merchant: MerchantId,
    /// Which.
    key: KeyId,
}

impl Operation for RevokeKey {
    const OFFER: Offer = Offer::new(
        "keys.revoke",
        Verb::Delete,
        "/v1/merchants/{merchant}/keys/{key}",
        Repeats::Keyed,
    );
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Shop(self.merchant)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Done, Problem> {
        let Self { merchant, key } = self;
        if app.desk(move |desk| desk.register.revoke_key(merchant, key)).await?? {
            Ok(Done {})
        } else {
            Err(Problem::new(Kind::UnknownKey, "the shop has no such key"))
        }
    }
}
