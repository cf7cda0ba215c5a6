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
    /// Begins where each share has a source of its own: there is nothing to plan, which saves a fifth of
    /// the instructions from a bill to its record.
    pub(super) fn begin(
        &mut self,
        shares: impl ExactSizeIterator<Item = (Amount, Source)>,
        actions: &mut Actions,
    ) {
        let leg =
            |((amount, source), share): ((Amount, Source), u16)| Leg { share, source, amount };
        self.legs = shares.zip(0..).map(leg).collect();
        let draw = |leg: &Leg| {
            let Leg { share, source, amount } = *leg;
            Draw { ask: Ask(share.into()), source, amount, reserved: false }
        };
        self.draws = self.legs.iter().map(draw).collect();
        self.asked = u32::try_from(self.draws.len()).expect("shares are counted in 16 bits");
        actions.extend(self.draws.iter().map(Draw::reserve));
    }

    /// Plans what gives towards `shares`: how much each is, and its sources. Whoever gives no longer is
    /// released, whoever gives another amount than before is asked for it.
    ///
    /// # Errors
    /// The shares that their sources do not reach; everything is then as it was.
    pub(super) fn plan(
        &mut self,
        shares: impl ExactSizeIterator<Item = (Amount, Sources)>,
        actions: &mut Actions,
    ) -> Result<(), Vec<usize>> {
        let first = Ask(self.asked);
        let mut draws: Vec<Draw> = Vec::with_capacity(shares.len());
        let mut legs = Vec::with_capacity(shares.len());
        let mut beyond = Vec::new();
        for (share, (owed, sources)) in shares.enumerate() {
            let mut left = owed;
            for source in sources {
                let at = place(&draws, source, 0);
                let given = at.map_or(Amount::ZERO, |at| draws[at].amount);
                let part = take(&mut left, self.limit(source, given).unwrap_or(owed));
                if !part.is_positive() {
                    continue;
                }
                let share = u16::try_from(share).expect("a group's members are counted in 16 bits");
                legs.push(Leg { share, source, amount: part });
                match at {
                    Some(at) => draws[at].amount = sum(given, part),
                    None => {
                        let ask = Ask(self.asked);
                        self.asked += 1;
                        draws.push(Draw { ask, source, amount: part, reserved: false });
                    }
                }
            }
            if left.is_positive() {
                beyond.push(share);
            }
        }
        if !beyond.is_empty() {
            return Err(beyond);
        }
        let mut hint = 0;
        for former in &self.draws {
            match place(&draws, former.source, hint) {
                Some(at) => {
                    hint = at + 1;
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
        let draw = self.open(ask);
        draw.is_some_and(|draw| !std::mem::replace(&mut draw.reserved, true))
    }

    /// The source that was asked has not set its part aside: it is planned with no further than it
    /// reaches. Says whether that was not known.
    pub(super) fn missing(&mut self, ask: Ask, why: Missing) -> bool {
        let Some(&mut Draw { source, amount, .. }) = self.open(ask) else { return false };
        // Whoever is short has less than what was asked, whatever he says.
        let less = amount.checked_sub(Amount::from_minor(1)).unwrap_or(Amount::ZERO);
        let has = match why {
            Missing::Short { has } => has.min(less).max(Amount::ZERO),
            Missing::Unavailable => Amount::ZERO,
        };
        match self.limits.iter_mut().find(|(limited, _)| *limited == source) {
            Some((_, limit)) => *limit = has,
            None => self.limits.push((source, has)),
        }
        true
    }

    /// Everybody who was asked, whatever he answered: to be let go.
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

    /// How many of them have not set their part aside.
    pub(super) fn open_count(&self) -> usize {
        self.draws.iter().filter(|draw| !draw.reserved).count()
    }

    /// The first share that waits for a source.
    pub(super) fn first_waiting(&self) -> Option<usize> {
        let open = self.draws.iter().find(|draw| !draw.reserved)?;
        let leg = self.legs.iter().find(|leg| leg.source == open.source)?;
        Some(usize::from(leg.share))
    }

    /// Each source's part of each share.
    pub(super) fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The draw that `ask` is about: the questions of a first plan stand in their places.
    fn open(&mut self, ask: Ask) -> Option<&mut Draw> {
        let hint = usize::try_from(ask.0).unwrap_or(usize::MAX);
        let at = match self.draws.get(hint) {
            Some(draw) if draw.ask == ask => Some(hint),
            Some(_) | None => self.draws.iter().position(|draw| draw.ask == ask),
        };
        at.map(|at| &mut self.draws[at])
    }

    /// What `source` still gives beside what it is to give already, if it has said how far it reaches.
    fn limit(&self, source: Source, given: Amount) -> Option<Amount> {
        let (_, limit) = self.limits.iter().find(|(limited, _)| *limited == source)?;
        Some(limit.checked_sub(given).unwrap_or(Amount::ZERO))
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

fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).expect("G-2: parts sum to the bill at most")
}
