//! Who one is: signing up and in with a passkey, devices, a verified name.

use std::collections::BTreeMap;

use fanju::{
    domain::text::Name,
    id::{MerchantId, WalletId},
    money::Currency,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Described, Offer, Operation, Repeats, Verb, receipt::Done};
use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller},
        real_name::{IdNumber, Verdict, keyed_hash},
        register::{Device, DeviceId, Identity, Person, PersonId, Role},
        rights::Right,
    },
    limits,
    problem::{Kind, Problem},
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Me>(),
        Described::of::<Verify>(),
        Described::of::<ListDevices>(),
        Described::of::<RevokeDevice>(),
        Described::of::<Names>(),
    ]
}

const fn command(method: &'static str, verb: Verb, path: &'static str) -> Offer {
    Offer::new(method, verb, path, Repeats::Keyed)
}

/// Who one is, and what one may act for.
#[derive(Serialize, JsonSchema)]
pub(super) struct MeView {
    /// The person.
    person: PersonView,
    /// The device of this session.
    device: DeviceId,
    /// The person's wallets.
    wallets: Vec<OwnWallet>,
    /// The shops where the person works.
    merchants: Vec<Work>,
    /// Until when a large amount needs no fresh look at finger or face.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_until: Option<Timestamp>,
}

/// A person.
#[derive(Serialize, JsonSchema)]
struct PersonView {
    /// Which.
    id: PersonId,
    /// In the person's own words.
    name: Name,
    /// Whether a document has proved the name.
    verified: bool,
    /// Since when.
    created_at: Timestamp,
}

/// A wallet of one's own.
#[derive(Serialize, JsonSchema)]
struct OwnWallet {
    /// Which.
    wallet: WalletId,
    /// In which currency.
    currency: Currency,
}

/// A shop where one works.
#[derive(Serialize, JsonSchema)]
struct Work {
    /// Which.
    merchant: MerchantId,
    /// As what.
    role: Role,
}

impl MeView {
    pub(super) fn of(app: &App, identity: &Identity) -> Self {
        let Person { id, name, verified, created_at } = identity.person.clone();
        let wallet = |&(wallet, currency): &(WalletId, Currency)| OwnWallet { wallet, currency };
        let work = |&(merchant, role): &(MerchantId, Role)| Work { merchant, role };
        Self {
            person: PersonView { id, name, verified, created_at },
            device: identity.device,
            wallets: identity.wallets.iter().map(wallet).collect(),
            merchants: identity.staff.iter().map(work).collect(),
            fresh_until: app.looks().fresh_until(identity.device, app.now()),
        }
    }
}

/// Tells who one is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Me {}

/// Who asks.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum WhoAmI {
    /// A person.
    Person(MeView),
    /// A till, by its key.
    Till {
        /// The shop.
        merchant: MerchantId,
        /// Where the till stands.
        label: String,
    },
    /// Whoever runs the server.
    Operator {
        /// Always true.
        operator: bool,
    },
}

impl Operation for Me {
    const OFFER: Offer = Offer::get("me", "/v1/me");
    type Answer = WhoAmI;

    fn right(&self) -> Right {
        Right::SignedIn
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<WhoAmI, Problem> {
        match &ask.caller {
            Caller::Nobody => Err(Problem::not_signed_in()),
            Caller::Person(identity) => Ok(WhoAmI::Person(MeView::of(app, identity))),
            Caller::Till(till) => {
                Ok(WhoAmI::Till { merchant: till.merchant, label: till.label.clone() })
            }
            Caller::Operator => Ok(WhoAmI::Operator { operator: true }),
        }
    }
}

/// Proves the person's name by an identity document (GB 11643), which has the name under which others see the
/// person; capitals and spaces aside. The number is not kept.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    /// The name on the document.
    name: Name,
    /// The document's eighteen characters.
    id_number: String,
}

/// A name that was proved.
#[derive(Serialize, JsonSchema)]
struct Verified {
    /// Always true.
    verified: bool,
}

impl Operation for Verify {
    const OFFER: Offer = command("me.verify", Verb::Post, "/v1/me/verification");
    const HIDES: bool = true;
    type Answer = Verified;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Verified, Problem> {
        app.rates().attempt(ask.address)?;
        let Person { id: person, name, .. } = &ask.caller.person()?.person;
        let person = *person;
        if !is_same(name, &self.name) {
            let detail = format!("others see you as {name}, which the document does not say");
            return Err(Problem::new(Kind::NameNotVerified, detail));
        }
        let number = IdNumber::parse(&self.id_number, app.now())
            .map_err(|error| Problem::new(Kind::IdNumberWrong, error.to_string()))?;
        let verdict = app.verifier().verify(self.name.as_str(), &number).await;
        match verdict? {
            Verdict::Same => {}
            Verdict::Different | Verdict::Unknown => {
                let detail = "the name and the number do not belong together";
                return Err(Problem::new(Kind::NameNotVerified, detail));
            }
        }
        let document = keyed_hash(app.document_key(), &number);
        app.desk(move |desk| desk.register.verify_person(person, document)).await??;
        Ok(Verified { verified: true })
    }
}

/// Whether two names are written alike, capitals and spaces aside.
fn is_same(one: &Name, other: &Name) -> bool {
    let letters = |name: &Name| name.as_str().to_lowercase().split_whitespace().collect::<String>();
    letters(one) == letters(other)
}

/// Lists the devices on which the person is signed in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListDevices {}

/// A person's devices.
#[derive(Serialize, JsonSchema)]
struct Devices {
    /// The devices.
    devices: Vec<DeviceView>,
}

/// One device.
#[derive(Serialize, JsonSchema)]
struct DeviceView {
    /// Which.
    device: DeviceId,
    /// What it is called.
    label: String,
    /// When it signed in.
    created_at: Timestamp,
    /// When it asked for anything last, to the minute.
    last_seen_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
    /// Whether it signed in by a recovery code, at that moment.
    recovered: bool,
}

impl Operation for ListDevices {
    const OFFER: Offer = Offer::get("devices.list", "/v1/devices");
    type Answer = Devices;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Devices, Problem> {
        let identity = ask.caller.person()?;
        let (person, here) = (identity.person.id, identity.device);
        let now = app.now();
        let devices = app.desk(move |desk| desk.register.devices(person, now)).await??;
        let view = |Device { device, label, created_at, last_seen_at, recovered, .. }| DeviceView {
            device,
            label,
            created_at,
            last_seen_at,
            current: device == here,
            recovered,
        };
        Ok(Devices { devices: devices.into_iter().map(view).collect() })
    }
}

/// Signs a device out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RevokeDevice {
    /// Which.
    device: DeviceId,
}

impl Operation for RevokeDevice {
    const OFFER: Offer = command("devices.revoke", Verb::Delete, "/v1/devices/{device}");
    type Answer = Done;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Done, Problem> {
        let (person, device) = (ask.caller.person()?.person.id, self.device);
        if app.desk(move |desk| desk.register.revoke_device(person, device)).await?? {
            Ok(Done {})
        } else {
            Err(Problem::new(Kind::UnknownDevice, "you have no such device"))
        }
    }
}

/// Tells what people and shops are called. Whoever knows an id may know its name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Names {
    /// Of these wallets' owners.
    #[serde(default)]
    wallets: Vec<WalletId>,
    /// Of these shops.
    #[serde(default)]
    merchants: Vec<MerchantId>,
}

/// Names by id; what is unknown is left out.
#[derive(Serialize, JsonSchema)]
struct NameList {
    /// The names.
    names: BTreeMap<Uuid, Name>,
}

impl Operation for Names {
    const OFFER: Offer = Offer::new("names", Verb::Post, "/v1/names", Repeats::Query);
    type Answer = NameList;

    fn right(&self) -> Right {
        Right::SignedIn
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<NameList, Problem> {
        let Self { wallets, merchants } = self;
        if wallets.len().saturating_add(merchants.len()) > limits::NAMES_MAX {
            let detail = format!("more than {} names at once", limits::NAMES_MAX);
            return Err(Problem::bad_request(detail));
        }
        let mut names = BTreeMap::new();
        for wallet in wallets {
            if let Ok(view) = app.engine().wallet(wallet).await {
                names.insert(wallet.0, view.name);
            }
        }
        for merchant in merchants {
            if let Ok(view) = app.engine().merchant(merchant).await {
                names.insert(merchant.0, view.name);
            }
        }
        Ok(NameList { names })
    }
}
