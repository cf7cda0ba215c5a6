//! Track: what one phone has seen of its topic, and whether anything was left out.
//!
//! - L-1, seen from outside: positions increase, and each event names the one seen before it.

/// Where a phone stands in its topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Track {
    seen: u64,
}

/// What is wrong with an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Break {
    /// It was seen before, or stands before what was seen.
    #[error("position {position} came after {seen}")]
    Backwards {
        /// Where it stands.
        position: u64,
        /// The last one seen.
        seen: u64,
    },
    /// Something between it and the last one is missing.
    #[error("position {position} follows {prev}, but {seen} was the last one seen")]
    Gap {
        /// Where it stands.
        position: u64,
        /// What it follows.
        prev: u64,
        /// The last one seen.
        seen: u64,
    },
}

impl Track {
    /// A phone that knows its topic up to `position`.
    #[must_use]
    pub fn at(position: u64) -> Self {
        Self { seen: position }
    }

    /// The last position seen: what a phone resumes from.
    #[must_use]
    pub fn seen(self) -> u64 {
        self.seen
    }

    /// Takes the event at `position`, which follows `prev`; goes on from it, whatever is wrong.
    ///
    /// # Errors
    /// [`Break`].
    pub fn step(&mut self, position: u64, prev: u64) -> Result<(), Break> {
        let seen = self.seen;
        if position <= seen {
            return Err(Break::Backwards { position, seen });
        }
        self.seen = position;
        if prev == seen { Ok(()) } else { Err(Break::Gap { position, prev, seen }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_followed() {
        let mut track = Track::at(400);
        assert_eq!(track.step(456, 400), Ok(()));
        assert_eq!(track.step(460, 456), Ok(()));
        assert_eq!(track.seen(), 460);
    }

    #[test]
    fn a_gap_is_told_once() {
        let mut track = Track::at(1);
        let gap = Break::Gap { position: 9, prev: 5, seen: 1 };
        assert_eq!(track.step(9, 5), Err(gap));
        assert_eq!(track.step(12, 9), Ok(()));
    }

    #[test]
    fn what_was_seen_does_not_come_again() {
        let mut track = Track::at(5);
        for position in [5, 3] {
            let again = Break::Backwards { position, seen: 5 };
            assert_eq!(track.step(position, 2), Err(again));
        }
        assert_eq!(track.step(6, 5), Ok(()));
    }
}
