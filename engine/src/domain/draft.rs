//! Draft: the bill that is coming, laid on the table before it is scanned, so that diners can claim
//! its lines and everybody sees the shares.
//!
//! A draft holds no claims: they are those of the group's own itemised split, and a claim edits
//! them. So a bill is divided by nothing but the group's rules, with a draft or without.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    bill::{self, Bill, Line},
    event::{Event, Rules, Settlement},
    group::{Group, Rejection},
    reason::Reason,
    split::{self, Claim, SplitError},
    text::OrderNo,
};
use crate::{
    id::{MerchantId, WalletId},
    limits,
    money::Amount,
};

/// Who laid the draft.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Drafter {
    /// Somebody at the table, from the menu or the printed bill.
    Member {
        /// Who.
        wallet: WalletId,
    },
    /// A till that was shown the group's code.
    Till {
        /// Whose.
        merchant: MerchantId,
        /// The number under which the bill will be presented.
        order_no: OrderNo,
    },
}

/// The bill that is coming, in the group's currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Draft {
    /// Who laid it.
    pub by: Drafter,
    /// What the diners will pay together.
    pub total: Amount,
    /// Its lines, at least one.
    pub lines: Vec<Line>,
}

/// What one diner would owe of the draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DraftShare {
    /// Who.
    pub diner: WalletId,
    /// How much; maybe nothing.
    pub owed: Amount,
}

/// What a scan of the draft would come to, as everything stands now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Preview {
    /// Everybody would owe this; it sums to the draft's total.
    Shares {
        /// One for each member, in their order.
        shares: Vec<DraftShare>,
    },
    /// The rules do not fit the draft.
    Refused {
        /// Which rule.
        reason: Reason,
        /// The same for people.
        detail: String,
    },
}

/// Checks a draft as its bill will be checked, and that it has lines which fit one record.
///
/// # Errors
/// [`Rejection::Bill`], [`Rejection::LinesMissing`] or [`Rejection::DraftTooLarge`].
pub fn check(total: Amount, lines: &[Line]) -> Result<(), Rejection> {
    bill::check(total, lines)?;
    if lines.is_empty() {
        return Err(Rejection::LinesMissing);
    }
    let bytes =
        lines.iter().fold(0_usize, |sum, line| sum.saturating_add(line.name.as_str().len()));
    if bytes > limits::DRAFT_TEXT_BYTES_MAX {
        return Err(Rejection::DraftTooLarge);
    }
    Ok(())
}

impl Drafter {
    /// Whose bill it will be, and under which number; a member knows neither.
    fn number(&self) -> (MerchantId, OrderNo) {
        match self {
            Self::Member { .. } => {
                let unknown = OrderNo::new("draft").expect("a text that fits the rules");
                (MerchantId(Uuid::nil()), unknown)
            }
            Self::Till { merchant, order_no } => (*merchant, order_no.clone()),
        }
    }
}

impl Draft {
    /// Whether `bill` is the one that was coming: it has the draft's lines, whatever tip came on
    /// top; or it has no lines, as tills send it that know a total only, and the draft's total.
    #[must_use]
    pub fn announces(&self, bill: &Bill) -> bool {
        let without_lines = bill.lines.is_empty() && self.comes_to(bill.total, bill.merchant);
        bill.lines == self.lines || without_lines
    }

    /// Whether the draft is over `total`, and not another merchant's.
    fn comes_to(&self, total: Amount, merchant: MerchantId) -> bool {
        let payee = match &self.by {
            Drafter::Member { .. } => merchant,
            Drafter::Till { merchant, .. } => *merchant,
        };
        payee == merchant && self.total == total
    }
}

impl Group {
    pub(super) fn decide_draft(
        &self,
        by: Drafter,
        total: Amount,
        lines: &[Line],
    ) -> Result<Event, Rejection> {
        check(total, lines)?;
        let draft = Draft { by, total, lines: lines.to_vec() };
        Ok(Event::BillDrafted { group: self.id, draft })
    }

    pub(super) fn decide_claim(
        &self,
        wallet: WalletId,
        line: u16,
        weight: u32,
    ) -> Result<Event, Rejection> {
        self.member(wallet).ok_or(Rejection::NotMember)?;
        let lines = self.draft.as_ref().ok_or(Rejection::NoDraft)?.lines.len();
        let claims = self.rules.split.claims().ok_or(Rejection::NotItemised)?;
        if usize::from(line) >= lines {
            return Err(Rejection::UnknownLine { line, lines });
        }
        let stands = |claim: &Claim| claim.line == line && claim.diner == wallet;
        let grows = weight > 0 && !claims.iter().any(stands);
        if grows && claims.len() >= limits::SPLIT_PARTS_MAX {
            return Err(Rejection::SplitTooLarge);
        }
        Ok(Event::LineClaimed { group: self.id, wallet, line, weight })
    }

    /// `rules` as they will stand: where they divide the draft by its lines and name no claims, the
    /// claims of the diners stay, so that nobody loses one when the host changes something else.
    pub(super) fn with_live_claims(&self, mut rules: Rules) -> Rules {
        let live = self.draft.as_ref().and_then(|_| self.rules.split.claims());
        if let (Some(live), Some(named)) = (live, rules.split.claims_mut())
            && named.is_empty()
        {
            named.extend_from_slice(live);
        }
        rules
    }

    /// Claims stay on lines that are as they were: a till that adds a dish takes nobody's away.
    pub(super) fn apply_drafted(&mut self, draft: &Draft) {
        let before = self.draft.take();
        if let Some(claims) = self.rules.split.claims_mut() {
            claims.retain(|claim| {
                let line = usize::from(claim.line);
                let was = before.as_ref().and_then(|before| before.lines.get(line));
                was.is_some() && was == draft.lines.get(line)
            });
        }
        self.draft = Some(Box::new(draft.clone()));
    }

    pub(super) fn apply_claimed(&mut self, diner: WalletId, line: u16, weight: u32) {
        let claims = self.rules.split.claims_mut().expect("decided: the split is itemised");
        let at = claims.iter().position(|claim| claim.line == line && claim.diner == diner);
        match at {
            Some(at) if weight == 0 => {
                claims.remove(at);
            }
            Some(at) => claims[at].weight = weight,
            None if weight == 0 => {}
            None => claims.push(Claim { line, diner, weight }),
        }
    }

    /// Whoever has left claims nothing any more.
    pub(super) fn unclaim(&mut self, diner: WalletId) {
        if self.draft.is_some()
            && let Some(claims) = self.rules.split.claims_mut()
        {
            claims.retain(|claim| claim.diner != diner);
        }
    }

    /// Takes the draft away, and with it the claims on its lines.
    pub(super) fn clear_draft(&mut self) {
        self.draft = None;
        if let Some(claims) = self.rules.split.claims_mut() {
            claims.clear();
        }
    }

    /// Takes the draft away once its bill is paid.
    pub(super) fn clear_draft_of(&mut self, settlement: &Settlement) {
        let Some(draft) = &self.draft else { return };
        let content = |lines| bill::content(self.currency, settlement.total, lines);
        let Settlement { merchant, total, .. } = *settlement;
        let without_lines = settlement.content == content(&[]) && draft.comes_to(total, merchant);
        if settlement.content == content(&draft.lines) || without_lines {
            self.clear_draft();
        }
    }

    /// Whether diners claim the lines of a draft that `bill` is not.
    #[must_use]
    pub fn claims_another(&self, bill: &Bill) -> bool {
        let another = self.draft.as_ref().is_some_and(|draft| !draft.announces(bill));
        another && self.rules.split.claims().is_some()
    }

    /// `bill` with the draft's lines, where it is the draft and comes without lines.
    #[must_use]
    pub fn with_drafted_lines(&self, bill: &Bill) -> Option<Bill> {
        let draft = self.draft.as_ref().filter(|_| bill.lines.is_empty())?;
        draft.announces(bill).then(|| Bill { lines: draft.lines.clone(), ..bill.clone() })
    }

    /// What everybody would owe if the draft were scanned now; nothing at all without a draft.
    ///
    /// To the last minor unit where a till laid it, which presents the bill under its number. The
    /// odd minor units of a member's draft may go to other seats: the bill's number turns them.
    ///
    /// # Errors
    /// The [`SplitError`] for which the scan would be refused.
    pub fn preview(&self) -> Result<Vec<DraftShare>, SplitError> {
        let Some(draft) = &self.draft else { return Ok(Vec::new()) };
        let (merchant, order_no) = draft.by.number();
        let (currency, total, lines) = (self.currency, draft.total, draft.lines.clone());
        let bill = Bill { merchant, order_no, currency, total, lines };
        let dues = split::divide(&bill, &self.diners(), &self.rules)?;
        let share = |(member, due): (&super::group::Member, split::Due)| DraftShare {
            diner: member.wallet,
            owed: due.amount,
        };
        Ok(self.members.iter().zip(dues).map(share).collect())
    }
}

impl Preview {
    /// How `group` would pay its draft; `None` without a draft.
    #[must_use]
    pub fn of(group: &Group) -> Option<Self> {
        group.draft.as_ref()?;
        Some(match group.preview() {
            Ok(shares) => Self::Shares { shares },
            Err(error) => Self::Refused { reason: (&error).into(), detail: error.to_string() },
        })
    }
}
