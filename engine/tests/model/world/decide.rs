//! What a group makes of each command, rule by rule in the order in which they are checked.

use fanju::{
    domain::{
        bill::Line,
        draft::{Draft, Drafter},
        event::{Consent, Event, Rules},
        group::{self, Group, Rejection, Status},
        split::{Claim, Split},
    },
    id::WalletId,
    money::Amount,
};

use super::{
    divide::check_split,
    expect::{check_bill, is_movable},
    ledger::claims,
};

pub(crate) fn check_consent(consent: &Consent) -> Result<(), Rejection> {
    let above = consent.confirm_above.map_or(0, Amount::minor);
    if is_movable(consent.cap) && above >= 0 { Ok(()) } else { Err(Rejection::CapOutOfRange) }
}

pub(crate) fn check_rules(rules: &Rules) -> Result<(), Rejection> {
    let possible = |amount: Amount| amount == Amount::ZERO || is_movable(amount);
    if !possible(rules.cash_step) {
        return Err(Rejection::CashStepOutOfRange);
    }
    let mut within = &rules.split;
    while let Split::Treat { of, .. } = within {
        within = of;
    }
    if let Split::Exact { parts } | Split::FixedPlusRest { parts } = within
        && parts.iter().any(|part| !possible(part.amount))
    {
        return Err(Rejection::PartOutOfRange);
    }
    check_split(&rules.split).map_err(Rejection::Split)
}

pub(crate) fn is_member(group: &Group, wallet: WalletId) -> bool {
    group.members.iter().any(|member| member.wallet == wallet)
}

/// What a group makes of a command, before its wallet is looked at.
pub(crate) fn decide(it: &Group, command: &group::Command) -> Result<Event, Rejection> {
    let group = it.id;
    let first = |rules: &[(bool, Rejection)]| {
        rules.iter().find(|(broken, _)| *broken).map_or(Ok(()), |(_, rejection)| Err(*rejection))
    };
    let stranger = |wallet: &WalletId| (!is_member(it, *wallet), Rejection::NotMember);
    let guest = |by: &WalletId| (it.host != *by, Rejection::NotHost);
    let locked = (it.status == Status::Locked, Rejection::Locked);
    let seated = |wallet: &WalletId| (is_member(it, *wallet), Rejection::AlreadyMember);
    first(&[(it.status == Status::Closed, Rejection::Closed)])?;
    match command {
        group::Command::Invite { by, wallet } => {
            let invited = (it.invited.contains(wallet), Rejection::AlreadyInvited);
            first(&[locked, stranger(by), seated(wallet), invited])?;
            Ok(Event::MemberInvited { group, wallet: *wallet })
        }
        group::Command::Join { wallet, consent, by_code } => {
            let welcome = *by_code || it.invited.contains(wallet);
            first(&[locked, seated(wallet), (!welcome, Rejection::NotInvited)])?;
            check_consent(consent)?;
            let former = it.former.iter().find(|former| former.wallet == *wallet);
            let (cap, spent) = (consent.cap, former.map_or(Amount::ZERO, |former| former.spent));
            first(&[(cap < spent, Rejection::CapBelowSpent { cap, spent })])?;
            Ok(Event::MemberJoined { group, wallet: *wallet, consent: *consent })
        }
        group::Command::SetConsent { wallet, consent } => {
            first(&[stranger(wallet)])?;
            check_consent(consent)?;
            let spent = it.members.iter().find(|member| member.wallet == *wallet);
            let (cap, spent) = (consent.cap, spent.map_or(Amount::ZERO, |member| member.spent));
            first(&[(cap < spent, Rejection::CapBelowSpent { cap, spent })])?;
            Ok(Event::ConsentChanged { group, wallet: *wallet, consent: *consent })
        }
        group::Command::Leave { wallet } => {
            first(&[locked, stranger(wallet), (it.host == *wallet, Rejection::HostStays)])?;
            Ok(Event::MemberLeft { group, wallet: *wallet })
        }
        group::Command::SetRules { by, rules } => {
            first(&[guest(by)])?;
            check_rules(rules)?;
            Ok(Event::RulesSet { group, rules: with_claims(it, rules.clone()) })
        }
        group::Command::Draft { by, total, lines } => {
            first(&[stranger(by)])?;
            draft(it, Drafter::Member { wallet: *by }, *total, lines)
        }
        group::Command::DraftByTill { bill } => {
            let (pays, asked) = (it.currency, bill.currency);
            first(&[(pays != asked, Rejection::WrongCurrency { pays, asked })])?;
            let (merchant, order_no) = (bill.merchant, bill.order_no.clone());
            draft(it, Drafter::Till { merchant, order_no }, bill.total, &bill.lines)
        }
        group::Command::ClearDraft { by } => {
            first(&[stranger(by), (it.draft.is_none(), Rejection::NoDraft)])?;
            Ok(Event::DraftCleared { group })
        }
        group::Command::Claim { wallet, line, weight } => {
            let lines = it.draft.as_ref().map(|draft| draft.lines.len());
            let itemised = claims(&mut it.rules.split.clone()).is_some();
            let unclaimable = (!itemised, Rejection::NotItemised);
            first(&[stranger(wallet), (lines.is_none(), Rejection::NoDraft), unclaimable])?;
            let (line, lines) = (*line, lines.unwrap_or_default());
            first(&[(usize::from(line) >= lines, Rejection::UnknownLine { line, lines })])?;
            Ok(Event::LineClaimed { group, wallet: *wallet, line, weight: *weight })
        }
        group::Command::Lock { by } => {
            first(&[guest(by), locked])?;
            Ok(Event::GroupLocked { group })
        }
        group::Command::Unlock { by } => {
            first(&[guest(by), (it.status != Status::Locked, Rejection::NotLocked)])?;
            Ok(Event::GroupUnlocked { group })
        }
        group::Command::Close { by } => {
            first(&[guest(by)])?;
            Ok(Event::GroupClosed { group })
        }
    }
}

fn draft(group: &Group, by: Drafter, total: Amount, lines: &[Line]) -> Result<Event, Rejection> {
    check_bill(total, lines)?;
    if lines.is_empty() {
        return Err(Rejection::LinesMissing);
    }
    let draft = Draft { by, total, lines: lines.to_vec() };
    Ok(Event::BillDrafted { group: group.id, draft })
}

/// Rules that name no claims keep those on the lines that lie on the table.
fn with_claims(group: &Group, mut rules: Rules) -> Rules {
    let mut before = group.rules.split.clone();
    let standing: Option<Vec<Claim>> =
        claims(&mut before).filter(|_| group.draft.is_some()).map(|claims| claims.clone());
    if let (Some(standing), Some(named)) = (standing, claims(&mut rules.split))
        && named.is_empty()
    {
        *named = standing;
    }
    rules
}
