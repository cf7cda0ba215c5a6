//! Seats: how many live sessions each identity has.

use std::sync::Arc;

use dashmap::{DashMap, Entry};
use uuid::Uuid;

use crate::{limits, problem::Problem};

/// Who is here how often; clones are the same.
#[derive(Clone, Default)]
pub struct Seats(Arc<DashMap<Uuid, u32>>);

/// One session's seat, free again when it is dropped.
pub struct Seat {
    seats: Seats,
    who: Uuid,
}

impl Seats {
    /// Gives `who` one seat more.
    ///
    /// # Errors
    /// `too_many_sessions`.
    pub fn take(&self, who: Uuid) -> Result<Seat, Problem> {
        let mut taken = self.0.entry(who).or_insert(0);
        if *taken >= limits::SESSIONS_PER_IDENTITY_MAX {
            let detail = "end another session first";
            return Err(Problem::new(429, "too_many_sessions", detail));
        }
        *taken += 1;
        Ok(Seat { seats: self.clone(), who })
    }
}

impl Seat {
    /// Whether this is a seat of `who`.
    #[must_use]
    pub fn is_of(&self, who: Option<Uuid>) -> bool {
        who == Some(self.who)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Entry::Occupied(mut taken) = self.seats.0.entry(self.who) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_so_many_seats_and_leaves_nothing_behind() {
        let seats = Seats::default();
        let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let taken: Vec<_> = (0..limits::SESSIONS_PER_IDENTITY_MAX)
            .map(|_| seats.take(ana).expect("free"))
            .collect();
        let refused = seats.take(ana).map(|_| ()).expect_err("none is left");
        assert_eq!((refused.status(), refused.code()), (429, "too_many_sessions"));
        assert!(seats.take(bo).is_ok());
        drop(taken);
        assert!(seats.take(ana).is_ok());
        assert!(seats.0.is_empty());
    }
}
