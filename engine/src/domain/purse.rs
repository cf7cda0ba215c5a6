//! Purse: what a wallet and a merchant have in common. Funds, money on the rail, and the memory
//! of requests.
//!
//! Outgoing money is held from the moment when the rail is asked (W-1), so that the answer, however
//! late, finds it there.

use thin_vec::ThinVec;

use super::{
    digest::Digest,
    event::{Direction, Event, Holder, RailMove},
    requests::{Decision, Ended, Remembered, RequestReused, Requests},
};
use crate::{
    id::{Position, RequestId},
    ledger::{Funds, FundsRejection, Hold},
    limits,
    money::Amount,
};

/// Why money cannot be sent over the rail, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PurseRejection {
    /// The id means something else already.
    #[error(transparent)]
    Reused(#[from] RequestReused),
    /// The same request is on the rail right now; its end will be told.
    #[error("request is still on the rail")]
    StillMoving,
    /// The funds do not allow it.
    #[error(transparent)]
    Funds(#[from] FundsRejection),
}

/// A move that the rail was asked to make.
///
/// Its name is the record that asked: no two moves of one engine have the same, whatever request
/// ids a client makes up, forgets and makes up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenMove {
    /// What is to be moved.
    pub moved: RailMove,
    /// The record that asked for it.
    pub asked: Position,
}

/// Funds, open rail moves and remembered requests of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Purse {
    /// The money.
    pub funds: Funds,
    moving: ThinVec<OpenMove>,
    requests: Requests,
}

impl Purse {
    /// The purse that a checkpoint has: outgoing moves are held.
    ///
    /// # Panics
    /// When the holds exceed `posted` (W-1): a corrupt checkpoint.
    #[must_use]
    pub fn restore(posted: Amount, moving: Vec<OpenMove>, requests: Requests) -> Self {
        let moving: ThinVec<OpenMove> = moving.into();
        let holds = moving
            .iter()
            .map(|open| open.moved)
            .filter(|moved| moved.direction == Direction::Out)
            .map(|moved| Hold { request: moved.request, amount: moved.amount });
        Self { funds: Funds::restore(posted, holds), moving, requests }
    }

    /// Moves that the rail has not answered yet.
    #[must_use]
    pub fn moving(&self) -> &[OpenMove] {
        &self.moving
    }

    /// What the purse remembers of its requests.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Looks for an earlier move of the same id: how it ended, if it has.
    ///
    /// # Errors
    /// [`PurseRejection::Reused`] or [`PurseRejection::StillMoving`].
    pub fn recall_rail(&self, moved: &RailMove) -> Result<Option<Remembered>, PurseRejection> {
        if let Some(ended) = self.requests.find(moved.request, rail_content(moved))? {
            return Ok(Some(ended));
        }
        let mut open = self.moving.iter().map(|open| &open.moved);
        match open.find(|open| open.request == moved.request) {
            Some(open) if open == moved => Err(PurseRejection::StillMoving),
            Some(_) => Err(PurseRejection::Reused(RequestReused)),
            None => Ok(None),
        }
    }

    /// Says what asking the rail would do.
    ///
    /// # Errors
    /// The first [`PurseRejection`] that applies.
    pub fn decide_rail(&self, moved: RailMove) -> Result<Decision<Event>, PurseRejection> {
        if let Some(ended) = self.recall_rail(&moved)? {
            return Ok(Decision::Repeated(ended));
        }
        if self.moving.len() >= limits::RESERVATIONS_MAX {
            // A bank that is silent is not to make one account grow without end.
            return Err(FundsRejection::ReservationsExhausted.into());
        }
        match moved.direction {
            Direction::In => self.funds.admit(moved.amount, self.coming_in())?,
            Direction::Out => self.funds.clone().reserve(moved.request.into(), moved.amount)?,
        }
        Ok(Decision::Fresh(Event::RailRequested(moved)))
    }

    /// What is on its way in: it will be there before anything that is admitted now.
    fn coming_in(&self) -> Amount {
        let open = self.moving.iter().map(|open| open.moved);
        open.filter(|moved| moved.direction == Direction::In).map(|moved| moved.amount).sum()
    }

    /// Looks for an earlier request of the same id.
    ///
    /// # Errors
    /// [`RequestReused`] when the id meant something else.
    pub fn recall(
        &self,
        request: RequestId,
        content: u64,
    ) -> Result<Option<Remembered>, RequestReused> {
        if self.moving.iter().any(|open| open.moved.request == request) {
            return Err(RequestReused);
        }
        self.requests.find(request, content)
    }

    /// Remembers the end of a request.
    pub fn remember(&mut self, request: RequestId, content: u64, position: Position) {
        self.requests.remember(Remembered { request, content, position, ended: Ended::Done });
    }

    /// Folds that the rail was asked: outgoing money is held from here on.
    ///
    /// # Panics
    /// When the funds do not reach (W-1).
    pub fn apply_requested(&mut self, moved: RailMove, at: Position) {
        if moved.direction == Direction::Out {
            self.funds.release(moved.request.into());
            self.funds.hold(Hold { request: moved.request, amount: moved.amount });
        }
        self.moving.push(OpenMove { moved, asked: at });
    }

    /// Folds the rail's answer, with the posting that it brings.
    ///
    /// # Panics
    /// When the funds do not reach (W-1).
    pub fn apply_answered(&mut self, moved: RailMove, delta: Amount, at: Position, ended: Ended) {
        self.moving.retain(|open| open.moved.request != moved.request);
        if self.moving.is_empty() {
            // Gives the room back: most of a million wallets have nothing on the rail.
            self.moving = ThinVec::new();
        }
        self.funds.unhold(moved.request);
        self.funds.post(delta);
        let content = rail_content(&moved);
        self.requests.remember(Remembered { request: moved.request, content, position: at, ended });
    }
}

fn rail_content(moved: &RailMove) -> u64 {
    let holder = match moved.holder {
        Holder::Wallet(id) => id.0,
        Holder::Merchant(id) => id.0,
    };
    let direction = match moved.direction {
        Direction::In => 0,
        Direction::Out => 1,
    };
    Digest::default()
        .bytes(b"rail")
        .bytes(holder.as_bytes())
        .number(direction)
        .number(moved.amount.minor())
        .finish()
}
