//! Population: everybody who dines is there before the first dinner. Merchants are onboarded,
//! wallets opened and topped up over the rail, groups opened and joined with consent.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::{
    Engine, Error, Rail, RailAnswer, RailFuture,
    domain::{
        event::{Consent, Rules},
        purse::OpenMove,
        text::Name,
    },
    id::{GroupId, MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{drive::run_all, workload::Seating};

/// Commands in flight during set-up: enough to keep the journal's batches full.
const WINDOW: usize = 4_096;

/// A bank that moves whatever it is asked to, and remembers nothing: the engine asks for each
/// request once, and a bank's memory must not count as the engine's.
#[derive(Debug)]
pub struct WillingBank;

impl Rail for WillingBank {
    fn transfer(&self, _open: OpenMove) -> RailFuture {
        Box::pin(std::future::ready(RailAnswer::Moved))
    }
}

/// One standing group.
#[derive(Clone, Debug)]
pub struct Party {
    /// The group.
    pub group: GroupId,
    /// Its members; the host is the first.
    pub diners: Box<[WalletId]>,
}

/// Everybody who takes part in dinners.
#[derive(Clone, Debug, Default)]
pub struct Population {
    /// By number.
    pub merchants: Vec<MerchantId>,
    /// By number.
    pub parties: Vec<Party>,
}

/// How long set-up took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SetUp {
    /// Onboarding merchants.
    pub merchants_s: f64,
    /// Opening wallets and topping them up.
    pub wallets_s: f64,
    /// Opening groups and joining them.
    pub groups_s: f64,
    /// Groups opened.
    pub groups: usize,
    /// Each wallet's top-up, in minor units.
    pub funds_minor: i64,
}

/// What is to be set up.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Merchants.
    pub merchants: usize,
    /// Wallets, of which the first ones dine.
    pub wallets: u64,
    /// Who sits where.
    pub seating: &'a Seating,
    /// Each wallet's top-up, and each member's cap.
    pub funds: Amount,
    /// The currency of everything.
    pub currency: Currency,
}

/// Sets everybody up; `said` hears what is being done.
///
/// # Errors
/// The first error of the engine.
pub fn set_up(
    engine: &Engine,
    wanted: Wanted<'_>,
    said: impl Fn(&str),
) -> Result<(Population, SetUp)> {
    let Wanted { merchants, wallets, seating, funds, currency } = wanted;
    let mut took =
        SetUp { groups: seating.parties(), funds_minor: funds.minor(), ..SetUp::default() };
    let mut began = Instant::now();
    said("onboarding merchants");
    let merchants = onboard(engine, merchants, currency).context("cannot onboard merchants")?;
    took.merchants_s = lap(&mut began).as_secs_f64();

    said("opening wallets");
    let dining = (0..seating.parties()).flat_map(|party| seating.party(party));
    let dining = dining.max().map_or(0, |largest| largest + 1);
    let wallets =
        open_wallets(engine, wallets, dining, funds, currency).context("cannot open wallets")?;
    took.wallets_s = lap(&mut began).as_secs_f64();

    said("forming groups");
    let consent = Consent { cap: funds, confirm_above: None };
    let parties =
        form_groups(engine, seating, &wallets, consent, currency).context("cannot form groups")?;
    took.groups_s = lap(&mut began).as_secs_f64();
    Ok((Population { merchants, parties }, took))
}

fn lap(began: &mut Instant) -> Duration {
    let now = Instant::now();
    let lap = now - *began;
    *began = now;
    lap
}

fn named(what: &str, number: impl std::fmt::Display) -> Name {
    Name::new(format!("{what} {number}")).expect("a word and a number")
}

fn onboard(engine: &Engine, count: usize, currency: Currency) -> Result<Vec<MerchantId>, Error> {
    let mut merchants = vec![MerchantId(Uuid::nil()); count];
    let onboard = |number: usize| async move {
        (number, engine.onboard_merchant(named("merchant", number), currency).await)
    };
    run_all::<_, Error>(WINDOW, (0..count).map(onboard), |(number, merchant)| {
        merchants[number] = merchant?;
        Ok(())
    })?;
    Ok(merchants)
}

/// Opens `count` wallets and gives the first `dining` of them.
fn open_wallets(
    engine: &Engine,
    count: u64,
    dining: usize,
    funds: Amount,
    currency: Currency,
) -> Result<Vec<WalletId>, Error> {
    let mut wallets = vec![WalletId(Uuid::nil()); dining];
    let open = |number: u64| async move {
        let wallet = engine.open_wallet(named("diner", number), currency).await?;
        engine.top_up(wallet, RequestId(Uuid::from_u128(u128::from(number))), funds).await?;
        Ok::<_, Error>((number, wallet))
    };
    run_all::<_, Error>(WINDOW, (0..count).map(open), |opened| {
        let (number, wallet) = opened?;
        if let Some(place) = usize::try_from(number).ok().and_then(|at| wallets.get_mut(at)) {
            *place = wallet;
        }
        Ok(())
    })?;
    Ok(wallets)
}

fn form_groups(
    engine: &Engine,
    seating: &Seating,
    wallets: &[WalletId],
    consent: Consent,
    currency: Currency,
) -> Result<Vec<Party>, Error> {
    let nobody = Party { group: GroupId(Uuid::nil()), diners: Box::default() };
    let mut parties = vec![nobody; seating.parties()];
    let form = |number: usize| async move {
        let seats = seating.party(number);
        let diners: Box<[WalletId]> = seats.iter().map(|wallet| wallets[*wallet]).collect();
        let (host, name) = (diners[0], named("table", number));
        let group = engine.open_group(name, host, consent, currency, Rules::default()).await?;
        for guest in &diners[1..] {
            // Seeing the code is the invitation; joining does not spend it.
            let shown = engine.show_code(group, host).await?;
            engine.join_by_code(shown.code, *guest, consent).await?;
        }
        Ok::<_, Error>((number, Party { group, diners }))
    };
    run_all::<_, Error>(WINDOW, (0..seating.parties()).map(form), |formed| {
        let (number, party) = formed?;
        parties[number] = party;
        Ok(())
    })?;
    Ok(parties)
}

/// The rail of every simulation.
#[must_use]
pub fn rail() -> Arc<dyn Rail> {
    Arc::new(WillingBank)
}
