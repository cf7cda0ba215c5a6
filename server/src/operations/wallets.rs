//! What a person does with a wallet.

use std::collections::HashSet;

use fanju::{
    WalletView,
    domain::{
        event::{Event, Refund, Settlement},
        group::{Group, Status},
        text::{Name, Note},
    },
    id::{GroupId, Position, Topic, WalletId},
    money::{Amount, Currency},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Described, Offer, Operation, Repeats, Verb,
    receipt::{Receipt, was_open},
    statement::{self, Page},
};
use crate::{
    app::App,
    auth::{caller::Ask, rights::Right},
    problem::Problem,
};

pub(super) fn operations() -> Vec<Described> {
    vec![
        Described::of::<Open>(),
        Described::of::<Get>(),
        Described::of::<TopUp>(),
        Described::of::<Withdraw>(),
        Described::of::<Transfer>(),
        Described::of::<Freeze>(),
        Described::of::<Thaw>(),
        Described::of::<Close>(),
        Described::of::<Statement>(),
        Described::of::<Groups>(),
    ]
}

const fn command(method: &'static str, path: &'static str) -> Offer {
    Offer::new(method, Verb::Post, path, Repeats::Keyed)
}

const fn money(method: &'static str, path: &'static str) -> Offer {
    Offer::new(method, Verb::Post, path, Repeats::KeyRequired)
}

/// Opens another wallet of the caller, empty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Open {
    /// In which currency, for good.
    currency: Currency,
}

/// A wallet that was opened.
#[derive(Serialize, JsonSchema)]
struct OpenedWallet {
    /// Which.
    wallet: WalletId,
    /// Whether it was open before this was asked.
    replayed: bool,
}

impl Operation for Open {
    const OFFER: Offer = Offer::new("wallets.open", Verb::Post, "/v1/wallets", Repeats::Opens);
    type Answer = OpenedWallet;

    fn right(&self) -> Right {
        Right::Person
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<OpenedWallet, Problem> {
        let person = ask.caller.person()?.person.clone();
        let id = ask.opens.map(WalletId);
        let (wallet, replayed) = open(app, id, person.id, person.name, self.currency).await?;
        Ok(OpenedWallet { wallet, replayed })
    }
}

/// Opens a wallet and writes down whose it is; says which, and whether it was open before.
pub(super) async fn open(
    app: &App,
    id: Option<WalletId>,
    person: crate::auth::register::PersonId,
    name: Name,
    currency: Currency,
) -> Result<(WalletId, bool), Problem> {
    let _opening = app.opening(person).await;
    app.desk(move |desk| desk.register.check_wallet_room(person, id)).await??;
    let engine = app.engine();
    let (wallet, was_open) = match id {
        None => (engine.open_wallet(name, currency).await?, false),
        Some(id) => (id, was_open(engine.open_wallet_as(id, name, currency).await)?),
    };
    // A crash in between leaves an empty wallet that is nobody's, until its opening is repeated under
    // its key.
    app.desk(move |desk| desk.register.add_wallet(person, wallet, currency)).await??;
    Ok((wallet, was_open))
}

/// Tells how a wallet stands.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// Which.
    wallet: WalletId,
}

impl Operation for Get {
    const OFFER: Offer = Offer::get("wallets.get", "/v1/wallets/{wallet}");
    type Answer = WalletView;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<WalletView, Problem> {
        Ok(app.engine().wallet(self.wallet).await?)
    }
}

/// Brings money in from the bank. Takes no fresh look at finger or face, whatever the amount: it is the
/// caller's own, and stays so until something is paid with it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TopUp {
    /// Into which wallet.
    wallet: WalletId,
    /// How much, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    amount: Amount,
}

impl Operation for TopUp {
    const OFFER: Offer = money("wallets.top_up", "/v1/wallets/{wallet}/top-ups");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Receipt, Problem> {
        let request = ask.request(self.wallet.0)?;
        Ok(app.engine().top_up(self.wallet, request, self.amount).await?.into())
    }
}

/// Takes money out to the bank.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    /// From which wallet.
    wallet: WalletId,
    /// How much, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    amount: Amount,
}

impl Operation for Withdraw {
    const OFFER: Offer = money("wallets.withdraw", "/v1/wallets/{wallet}/withdrawals");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.amount)
    }

    fn is_repetition(receipt: &Receipt) -> bool {
        receipt.is_replayed()
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Receipt, Problem> {
        let request = ask.request(self.wallet.0)?;
        Ok(app.engine().withdraw(self.wallet, request, self.amount).await?.into())
    }
}

/// Gives money to another wallet of the same currency.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Transfer {
    /// From which wallet.
    wallet: WalletId,
    /// To which.
    to: WalletId,
    /// How much, in minor units.
    #[schemars(extend("minimum" = 1, "maximum" = fanju::limits::AMOUNT_MINOR_MAX))]
    amount: Amount,
    /// A word with it.
    note: Option<Note>,
}

impl Operation for Transfer {
    const OFFER: Offer = money("wallets.transfer", "/v1/wallets/{wallet}/transfers");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    fn stakes(&self) -> Option<Amount> {
        Some(self.amount)
    }

    fn is_repetition(receipt: &Receipt) -> bool {
        receipt.is_replayed()
    }

    async fn perform(self, app: &App, ask: &Ask) -> Result<Receipt, Problem> {
        let Self { wallet, to, amount, note } = self;
        let request = ask.request(wallet.0)?;
        Ok(app.engine().transfer(wallet, to, request, amount, note).await?.into())
    }
}

/// Stops new payments of a wallet: it can still be paid, and what it had set aside for a bill may still leave.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Freeze {
    /// Which.
    wallet: WalletId,
}

impl Operation for Freeze {
    const OFFER: Offer = command("wallets.freeze", "/v1/wallets/{wallet}/freeze");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        Ok(app.engine().freeze(self.wallet).await?.into())
    }
}

/// Lets a frozen wallet pay again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Thaw {
    /// Which.
    wallet: WalletId,
}

impl Operation for Thaw {
    const OFFER: Offer = command("wallets.thaw", "/v1/wallets/{wallet}/thaw");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        Ok(app.engine().thaw(self.wallet).await?.into())
    }
}

/// Closes an empty wallet for good.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Close {
    /// Which.
    wallet: WalletId,
}

impl Operation for Close {
    const OFFER: Offer = command("wallets.close", "/v1/wallets/{wallet}/close");
    type Answer = Receipt;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Receipt, Problem> {
        Ok(app.engine().close_wallet(self.wallet).await?.into())
    }
}

/// Lists what happened to a wallet, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// Which.
    wallet: WalletId,
    /// Where the page begins; at the newest event unless said.
    from: Option<Position>,
    /// How many events at most.
    limit: Option<usize>,
}

impl Operation for Statement {
    const OFFER: Offer = Offer::get("wallets.statement", "/v1/wallets/{wallet}/events");
    type Answer = Page;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Page, Problem> {
        statement::page(app, Topic::Wallet(self.wallet), self.from, self.limit).await
    }
}

/// Lists the groups that a wallet belongs or is invited to, as far as 500 of its events tell; those
/// that it heard of last come first. One that it heard of on an earlier page may come again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Groups {
    /// Which.
    wallet: WalletId,
    /// Where the page begins; at the newest event unless said.
    from: Option<Position>,
}

/// The groups of one wallet.
#[derive(Serialize, JsonSchema)]
struct GroupList {
    /// The groups.
    groups: Vec<GroupItem>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Position>,
}

/// One group in a list.
#[derive(Serialize, JsonSchema)]
struct GroupItem {
    /// Which.
    group: GroupId,
    /// What it is called.
    name: Name,
    /// Whether people come, go and pay.
    status: Status,
    /// Who opened it.
    host: WalletId,
    /// How many members it has.
    members: usize,
    /// Whether the wallet has joined; it is invited otherwise.
    joined: bool,
}

impl Operation for Groups {
    const OFFER: Offer = Offer::get("wallets.groups", "/v1/wallets/{wallet}/groups");
    type Answer = GroupList;

    fn right(&self) -> Right {
        Right::Wallet(self.wallet)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<GroupList, Problem> {
        let topic = Topic::Wallet(self.wallet);
        let page = app.engine().statement(topic, self.from, fanju::limits::PAGE_ROWS_MAX).await?;
        let mut seen = HashSet::new();
        let named = page.events.iter().filter_map(|event| group_of(event.event()));
        let mut groups = Vec::new();
        for group in named.filter(|group| seen.insert(*group)) {
            let Group { id, name, status, host, members, invited, .. } =
                app.engine().group(group).await?.group;
            let joined = members.iter().any(|member| member.wallet == self.wallet);
            if joined || invited.contains(&self.wallet) {
                let members = members.len();
                groups.push(GroupItem { group: id, name, status, host, members, joined });
            }
        }
        Ok(GroupList { groups, next: page.next })
    }
}

/// The group that a wallet's event says it came near to, or paid with.
fn group_of(event: &Event) -> Option<GroupId> {
    if let Event::GroupOpened { group, .. }
    | Event::MemberInvited { group, .. }
    | Event::MemberJoined { group, .. }
    | Event::Settled(Settlement { group, .. })
    | Event::Refunded(Refund { group, .. }) = event
    {
        Some(*group)
    } else {
        None
    }
}
