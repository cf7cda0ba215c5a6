//! Draws: which source gives how much towards which share of one bill, and who has set it aside.
//!
//! Everybody's sources give in order, each as far as it reaches: a family card, a kitty, the wallet.
//! What a source has, nobody knows before it is asked: the first is asked for all, and when it says
//! how far it reaches, the whole is planned anew. Several shares may draw on one source; it is asked
//! once, for all of them.

use super::{Action, Actions};
use crate::{
    domain::{
        event::{Leg, Source, Sources},
        funding::take,
    },
    id::WalletId,
    money::Amount,
};

/// The number of one question to one source: an answer to an earlier question changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ask(u32);

/// Why a source did not set its part aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// The funds do not reach.
    Short {
        /// How far they do.
        has: Amount,
    },
    /// Frozen, closed, busy or gone.
    Unavailable,
}

impl Missing {
    /// How far the source reaches.
    pub(super) fn reach(self) -> Amount {
        match self {
            Self::Short { has } => has.max(Amount::ZERO),
            Self::Unavailable => Amount::ZERO,
        }
    }
}

/// One source that was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Draw {
    ask: Ask,
    source: Source,
    amount: Amount,
    reserved: bool,
}

impl Draw {
    fn reserve(&self) -> Action {
        let Self { ask, source, amount, .. } = *self;
        Action::Reserve { ask, source, amount }
    }
}

/// What the shares of one bill draw on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Draws {
    draws: Vec<Draw>,
    legs: Vec<Leg>,
    /// How far those reach that have said so: few.
    limits: Vec<(Source, Amount)>,
    asked: u32,
}

impl Draws {
    /// Asks where every payer gives from the own wallet alone: nothing is to be planned. `shares` are who
    /// pays and how much, in the same order at each call; the `host` may pay for several.
    ///
    /// One pass, which is in place but for the first: each of a thousand answers may lead here.
    pub(super) fn follow(
        &mut self,
        shares: impl ExactSizeIterator<Item = (WalletId, Amount)> + Clone,
        host: WalletId,
        actions: &mut Actions,
    ) {
        let by_host = |(payer, _): &(WalletId, Amount)| *payer == host;
        if self.asked == 0 {
            self.draws.reserve_exact(shares.len());
            for (payer, amount) in shares {
                let draw = self.fresh(Source::Wallet(payer), amount);
                self.draws.push(draw);
            }
            return actions.extend(self.draws.iter().map(Draw::reserve));
        }
        let of_host = shares.clone().filter(by_host).map(|(_, amount)| amount).sum();
        let mut others = shares.filter(|share| !by_host(share)).peekable();
        let mut host_is_asked = false;
        let mut draws = std::mem::take(&mut self.draws);
        draws.retain_mut(|draw| {
            let amount = if draw.source.wallet() == host {
                host_is_asked = true;
                of_host
            } else {
                let theirs = others.next_if(|(payer, _)| *payer == draw.source.wallet());
                theirs.map_or(Amount::ZERO, |(_, amount)| amount)
            };
            if !amount.is_positive() {
                actions.push(Action::Release { source: draw.source });
                return false;
            }
            if amount != draw.amount {
                *draw = self.fresh(draw.source, amount);
                actions.push(draw.reserve());
            }
            true
        });
        assert!(others.next().is_none(), "who pays for himself was asked at first");
        self.draws = draws;
        if of_host.is_positive() && !host_is_asked {
            let draw = self.fresh(Source::Wallet(host), of_host);
            actions.push(draw.reserve());
            self.draws.push(draw);
        }
    }

    fn fresh(&mut self, source: Source, amount: Amount) -> Draw {
        let ask = Ask(self.asked);
        self.asked = self.asked.checked_add(1).expect("a bill asks thousands at most");
        Draw { ask, source, amount, reserved: false }
    }

    /// Plans what gives towards `shares`: how much each is, and its sources. Whoever gives no longer is
    /// released, whoever gives another amount than before is asked for it.
    ///
    /// # Errors
    /// The shares that their sources do not reach, and how far they do; everything is then as it was.
    pub(super) fn plan(
        &mut self,
        shares: impl ExactSizeIterator<Item = (Amount, Sources)>,
        actions: &mut Actions,
    ) -> Result<(), Vec<(usize, Amount)>> {
        let first = Ask(self.asked);
        let mut draws: Vec<Draw> = Vec::with_capacity(shares.len());
        let mut legs = Vec::with_capacity(shares.len());
        let mut beyond = Vec::new();
        for (share, (owed, sources)) in shares.enumerate() {
            let mut left = owed;
            for source in sources {
                let at = place(&draws, source, 0);
                let given = at.map_or(Amount::ZERO, |at| draws[at].amount);
                let part = take(&mut left, self.left_of(source, given).unwrap_or(owed));
                if !part.is_positive() {
                    continue;
                }
                let share = u16::try_from(share).expect("a group's members are counted in 16 bits");
                legs.push(Leg { share, source, amount: part });
                match at {
                    Some(at) => draws[at].amount = sum(given, part),
                    None => draws.push(self.fresh(source, part)),
                }
            }
            if left.is_positive() {
                beyond.push((share, owed.beyond(left)));
            }
        }
        if !beyond.is_empty() {
            return Err(beyond);
        }
        let mut hint = 0;
        for former in &self.draws {
            match place(&draws, former.source, hint) {
                Some(at) => {
                    hint = at.saturating_add(1);
                    if draws[at].amount == former.amount {
                        draws[at] = *former;
                    }
                }
                None => actions.push(Action::Release { source: former.source }),
            }
        }
        let anew = draws.iter().filter(|draw| draw.ask >= first);
        actions.extend(anew.map(Draw::reserve));
        (self.draws, self.legs) = (draws, legs);
        Ok(())
    }

    /// The source that was asked has set its part aside. Says whether that was not known.
    pub(super) fn reserved(&mut self, ask: Ask) -> bool {
        let draw = self.place_of(ask).map(|at| &mut self.draws[at]);
        draw.is_some_and(|draw| !std::mem::replace(&mut draw.reserved, true))
    }

    /// Whom `ask` went to, unless that question is over.
    pub(super) fn source_of(&self, ask: Ask) -> Option<Source> {
        self.place_of(ask).map(|at| self.draws[at].source)
    }

    /// The source that was asked has not set its part aside: from now on it is planned with no further
    /// than it reaches.
    pub(super) fn limit(&mut self, ask: Ask, why: Missing) {
        let Some(Draw { source, amount, .. }) = self.place_of(ask).map(|at| self.draws[at]) else {
            return;
        };
        // Whoever is short has less than what was asked, whatever he says.
        let less = amount.beyond(Amount::from_minor(1));
        let has = why.reach().min(less);
        match self.limits.iter_mut().find(|(limited, _)| *limited == source) {
            Some((_, limit)) => *limit = has,
            None => self.limits.push((source, has)),
        }
    }

    /// Everybody who is asked as it stands, whatever he answered.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.draws.iter().map(|draw| draw.source)
    }

    /// Forgets who was asked.
    pub(super) fn clear(&mut self) {
        self.draws.clear();
    }

    /// How many were asked.
    pub(super) fn len(&self) -> usize {
        self.draws.len()
    }

    /// Those of them that have not set their part aside.
    pub(super) fn open(&self) -> impl Iterator<Item = Source> {
        self.draws.iter().filter(|draw| !draw.reserved).map(|draw| draw.source)
    }

    /// Each source's part of each share, where they were planned.
    pub(super) fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// Where the draw stands that `ask` is about: the questions of the beginning stand in their places.
    fn place_of(&self, ask: Ask) -> Option<usize> {
        let hint = usize::try_from(ask.0).unwrap_or(usize::MAX);
        match self.draws.get(hint) {
            Some(draw) if draw.ask == ask => Some(hint),
            Some(_) | None => self.draws.iter().position(|draw| draw.ask == ask),
        }
    }

    /// What `source` still gives beside what it is to give already, if it has said how far it reaches.
    fn left_of(&self, source: Source, given: Amount) -> Option<Amount> {
        let (_, limit) = self.limits.iter().find(|(limited, _)| *limited == source)?;
        Some(limit.beyond(given))
    }
}

/// Where `source` stands among `draws`, looked for from `hint` on.
fn place(draws: &[Draw], source: Source, hint: usize) -> Option<usize> {
    let is = |draw: &Draw| draw.source == source;
    match draws.get(hint) {
        Some(draw) if is(draw) => Some(hint),
        Some(_) | None => draws.iter().position(is),
    }
}

pub(super) fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).expect("G-2: parts sum to the bill at most")
}
