//! Rights: who may do what, decided here and nowhere else.
//!
//! Every operation says which [`Right`] it takes; [`check`] holds it against the authenticated
//! caller before the operation is looked at. A refusal never tells whether the thing exists.

use fanju::{
    Error,
    domain::group::Group,
    id::{GroupId, MerchantId, Topic, WalletId},
    ledger::FundsRejection,
    money::Amount,
};

use super::{
    caller::Caller,
    looks::{Look, Spent},
    register::{PersonId, Role, Scope},
};
use crate::{
    app::App,
    problem::{Kind, Problem},
};

/// What a caller must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// Nothing: who signs up is nobody yet.
    Anyone,
    /// To be somebody.
    SignedIn,
    /// To be a person.
    Person,
    /// To own the wallet.
    Wallet(WalletId),
    /// To have a wallet in the group, or an invitation.
    Group(GroupId),
    /// To own the wallet, which sits in the group or is invited.
    Seat(GroupId, WalletId),
    /// To own the wallet, which is the group's host.
    Host(GroupId, WalletId),
    /// To work at the merchant's till, or to be a till with the scope.
    Merchant(MerchantId, Scope),
    /// To own the shop.
    Shop(MerchantId),
    /// To own the shop, or to work there and be this person.
    ShopOrSelf(MerchantId, PersonId),
    /// To run the server.
    Operator,
}

impl Right {
    /// The right to listen to `topic`.
    #[must_use]
    pub fn to_hear(topic: Topic) -> Self {
        match topic {
            Topic::Wallet(wallet) => Self::Wallet(wallet),
            Topic::Merchant(merchant) => Self::Merchant(merchant, Scope::Read),
            Topic::Group(group) => Self::Group(group),
        }
    }
}

/// Whether `caller` holds `right`.
///
/// # Errors
/// `not_signed_in` for nobody, `forbidden` for everybody else; an operating problem when the group
/// cannot be looked at.
pub async fn check(app: &App, caller: &Caller, right: &Right) -> Result<(), Problem> {
    let holds = match *right {
        Right::Anyone => true,
        Right::SignedIn => !matches!(caller, Caller::Nobody),
        Right::Person => matches!(caller, Caller::Person(_)),
        Right::Wallet(wallet) => caller.owns(wallet),
        Right::Group(group) => {
            matches!(caller, Caller::Person(_)) && is_at_table(app, caller, group).await?
        }
        Right::Seat(group, wallet) => {
            caller.owns(wallet) && is_at_table(app, caller, group).await?
        }
        Right::Host(group, wallet) => caller.owns(wallet) && is_host(app, wallet, group).await?,
        Right::Merchant(merchant, scope) => works_at(caller, merchant, scope),
        Right::Shop(merchant) => owns_shop(caller, merchant),
        Right::ShopOrSelf(merchant, person) => {
            let is_self = caller.person().is_ok_and(|identity| identity.person.id == person);
            owns_shop(caller, merchant) || is_self && caller.role(merchant).is_some()
        }
        Right::Operator => matches!(caller, Caller::Operator),
    };
    match caller {
        _ if holds => Ok(()),
        Caller::Nobody => Err(Problem::not_signed_in()),
        Caller::Person(_) | Caller::Till(_) | Caller::Operator => Err(Problem::forbidden()),
    }
}

/// Whether `caller` may go on hearing `topic`, as far as the register knows: who leaves a group is
/// told by the group itself.
#[must_use]
pub fn may_hear_on(caller: &Caller, topic: Topic) -> bool {
    match topic {
        Topic::Wallet(wallet) => caller.owns(wallet),
        Topic::Merchant(merchant) => works_at(caller, merchant, Scope::Read),
        Topic::Group(_) => matches!(caller, Caller::Person(_)),
    }
}

fn owns_shop(caller: &Caller, merchant: MerchantId) -> bool {
    caller.role(merchant) == Some(Role::Owner)
}

fn works_at(caller: &Caller, merchant: MerchantId, scope: Scope) -> bool {
    let by_role = caller.role(merchant).is_some_and(|role| includes(role, scope));
    by_role || caller.till_may(merchant, scope)
}

/// Whether `role` may do what a till with `scope` may.
fn includes(role: Role, scope: Scope) -> bool {
    match (role, scope) {
        (Role::Owner, _) | (Role::Cashier, Scope::Collect | Scope::Refund | Scope::Read) => true,
        (Role::Cashier, Scope::PayOut) => false,
    }
}

async fn is_host(app: &App, wallet: WalletId, group: GroupId) -> Result<bool, Problem> {
    Ok(look_at(app, group).await?.is_some_and(|group| group.host == wallet))
}

async fn is_at_table(app: &App, caller: &Caller, group: GroupId) -> Result<bool, Problem> {
    let Some(Group { members, invited, .. }) = look_at(app, group).await? else {
        return Ok(false);
    };
    let mut seats = members.iter().map(|member| member.wallet).chain(invited);
    Ok(seats.any(|wallet| caller.owns(wallet)))
}

/// The group, unless there is none.
async fn look_at(app: &App, group: GroupId) -> Result<Option<Group>, Problem> {
    match app.engine().group(group).await {
        Ok(view) => Ok(Some(view.group)),
        Err(Error::UnknownGroup(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What takes a look of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Who can come in as this person.
    WaysIn,
    /// Who acts for a shop: its people, and keys that give or take money out.
    Staff,
}

/// The look that `change` takes. Whoever was made up for a demonstration has no finger to show, and staffs
/// a shop without.
///
/// # Errors
/// `step_up_required`.
pub fn look_for(app: &App, caller: &Caller, change: Change) -> Result<Option<Look>, Problem> {
    match change {
        Change::Staff if app.settings().takes_made_up_people() => Ok(None),
        Change::Staff | Change::WaysIn => take_look(app, caller).map(Some),
    }
}

/// Takes the look that `caller` has just shown on this device, for one change. An addition that was
/// begun here and not finished is over, and its look serves again. Give what is answered to
/// [`settle_look`].
///
/// # Errors
/// `step_up_required`.
pub fn take_look(app: &App, caller: &Caller) -> Result<Look, Problem> {
    let identity = caller.person()?;
    app.passkeys().abandon_addition(identity.person.id, identity.device);
    let detail = "this takes a fresh look at finger or face that has served for nothing else: \
                  `step_up.begin`";
    let look = app.looks().take(identity.device, app.now());
    look.ok_or_else(|| Problem::new(Kind::StepUpRequired, detail))
}

/// Uses `look` up, unless the change for which it was taken was refused: then it serves again.
pub fn settle_look<T>(look: Look, changed: &Result<T, Problem>) {
    if !changed.as_ref().is_err_and(Problem::is_refusal) {
        look.use_up();
    }
}

/// Whether `caller` may move `amount` without showing a finger or a face again; counts it. Give
/// what is answered to [`Looks::not_spent`](super::looks::Looks::not_spent) if it does not move.
///
/// # Errors
/// `step_up_required`, or `bad_request` for less than nothing. Tills have no finger: their keys are
/// scoped instead. Nor have people who were made up for a demonstration: only single amounts are looked
/// at there.
pub fn check_stakes(app: &App, caller: &Caller, amount: Amount) -> Result<Option<Spent>, Problem> {
    if amount.minor() < 0 {
        return Err(Error::Wallet(FundsRejection::AmountOutOfRange.into()).into());
    }
    let Caller::Person(identity) = caller else { return Ok(None) };
    let most = app.settings().step_up_above_minor;
    if app.settings().takes_made_up_people() && amount.minor() <= most {
        return Ok(None);
    }
    let spent = app.looks().spend(identity.device, amount, most, app.now());
    spent.map(Some).ok_or_else(|| Problem::stakes_too_high(most))
}
