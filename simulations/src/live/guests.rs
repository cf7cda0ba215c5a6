//! Guests: people who go from table to table in an evening, and what their phones hear there.

use std::{collections::HashMap, rc::Rc, time::Instant};

use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use super::{
    frame::{FrameError, Pushed},
    told::Paid,
};

/// A question, as the contract words it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Asked {
    /// Who wants to be paid.
    pub merchant: String,
    /// Under which number.
    pub order_no: String,
    /// At which presentation of the bill.
    pub presentation: String,
    /// Who is asked.
    pub diner: String,
    /// How much it is, in minor units.
    pub owed: u64,
    /// How often the diner's phone had lost its connection: a server that was started again meanwhile
    /// asks the same anew.
    #[serde(skip)]
    pub breaks: u64,
}

/// What a phone tells its table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Every part of a bill was set aside, or not yet.
    Progress {
        /// Of which order.
        order_no: String,
        /// Whether every part was.
        all_reserved: bool,
        /// Wallets of those who are asked, whether their phones have heard it or not.
        waits_for: Vec<String>,
    },
    /// Its owner is asked.
    Asked {
        /// At which seat.
        seat: usize,
        /// What.
        asked: Asked,
    },
    /// A bill was paid.
    Settled(Paid),
}

/// Where somebody sits.
#[derive(Clone, Debug)]
pub struct Place {
    /// At the table of which outing.
    pub outing: u64,
    /// At which seat; the host's is 0.
    pub seat: usize,
    /// With which wallet.
    pub wallet: Rc<str>,
    /// What the table hears.
    pub tell: UnboundedSender<News>,
}

/// Everybody who may sit somewhere.
#[derive(Debug, Default)]
pub struct Guests {
    places: Vec<Option<Place>>,
    /// The newest progress of each outing: the first phone that hears of it tells the table.
    newest: HashMap<u64, String>,
    /// Settlements that phones were told of.
    pub pushes: u64,
}

#[derive(Deserialize)]
struct Progress<'a> {
    order_no: &'a str,
    reserved: usize,
    of: usize,
    #[serde(borrow)]
    waiting_for: Vec<Waiting<'a>>,
}

#[derive(Deserialize)]
struct Waiting<'a> {
    merchant: &'a str,
    order_no: &'a str,
    presentation: &'a str,
    diner: &'a str,
    owed: u64,
}

#[derive(Deserialize)]
struct Questions {
    questions: Vec<Asked>,
}

impl Guests {
    /// So many people, who sit nowhere yet.
    pub fn expect(&mut self, people: usize) {
        self.places.resize(people, None);
    }

    /// Somebody sits down.
    pub fn sit(&mut self, person: usize, place: Place) {
        self.places[person] = Some(place);
    }

    /// Somebody gets up.
    pub fn rise(&mut self, person: usize) {
        let place = self.places[person].take();
        place.map(|place| self.newest.remove(&place.outing));
    }

    /// Where somebody sits.
    #[must_use]
    pub fn place(&self, person: usize) -> Option<&Place> {
        self.places[person].as_ref()
    }

    /// A phone hears how far a bill has come. Whichever hears it first tells the table; each speaks up
    /// when its own owner is asked.
    ///
    /// # Errors
    /// When it is not what the contract says.
    pub fn progress(&mut self, person: usize, params: &str, breaks: u64) -> Result<(), FrameError> {
        let Self { places, newest, .. } = self;
        let Some(Place { outing, seat, wallet, tell }) = &places[person] else { return Ok(()) };
        let Progress { order_no, reserved, of, waiting_for } = serde_json::from_str(params)?;
        if newest.get(outing).is_none_or(|known| known != params) {
            newest.insert(*outing, params.to_owned());
            let all_reserved = reserved == of;
            let waits_for = waiting_for.iter().map(|asked| asked.diner.to_owned()).collect();
            let news = News::Progress { order_no: order_no.to_owned(), all_reserved, waits_for };
            // A table that has got up hears nothing more.
            drop(tell.send(news));
        }
        let own = waiting_for.into_iter().find(|waiting| waiting.diner == wallet.as_ref());
        if let Some(Waiting { merchant, order_no, presentation, diner, owed }) = own {
            let (merchant, order_no) = (merchant.to_owned(), order_no.to_owned());
            let (presentation, diner) = (presentation.to_owned(), diner.to_owned());
            let asked = Asked { merchant, order_no, presentation, diner, owed, breaks };
            drop(tell.send(News::Asked { seat: *seat, asked }));
        }
        Ok(())
    }

    /// A phone that is back has looked what its group waits for; only its own owner's question counts.
    ///
    /// # Errors
    /// When it is not what the contract says.
    pub fn looked(&self, person: usize, group: &str, breaks: u64) -> Result<(), FrameError> {
        let Some(Place { seat, wallet, tell, .. }) = self.place(person) else { return Ok(()) };
        let Questions { questions } = serde_json::from_str(group)?;
        let own = questions.into_iter().find(|asked| asked.diner == wallet.as_ref());
        if let Some(asked) = own {
            // A table that has got up hears nothing more.
            drop(tell.send(News::Asked { seat: *seat, asked: Asked { breaks, ..asked } }));
        }
        Ok(())
    }

    /// A phone is told of something durable; says what is wrong with it.
    pub fn heard(&mut self, person: usize, pushed: &Pushed<'_>) -> Option<String> {
        let settled = pushed.event.settled()?;
        self.pushes += 1;
        let Some(place) = self.place(person) else {
            return Some(format!("{} is told of {} at no table", person, settled.order_no));
        };
        let (order_no, at) = (settled.order_no.to_owned(), Instant::now());
        let (owed, total) = (settled.shares.owed, settled.total);
        let paid = Paid { order_no, total, position: pushed.position, at };
        drop(place.tell.send(News::Settled(paid)));
        (owed != total).then(|| format!("{}: shares of {owed} for {total}", settled.order_no))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    const PROGRESS: &str = r#"{"topic":"group:g","merchant":"m","order_no":"o-1","total":9,
        "reserved":2,"of":2,"waiting_for":[{"merchant":"m","order_no":"o-1","presentation":"p",
        "diner":"w1","owed":5}]}"#;

    #[test]
    fn the_first_to_hear_tells_how_far_it_is_and_everybody_only_the_own_question() {
        let (tell, mut told) = unbounded_channel();
        let mut guests = Guests::default();
        guests.expect(3);
        for (person, wallet) in [(0, "w0"), (1, "w1")] {
            let place =
                Place { outing: 7, seat: person, wallet: wallet.into(), tell: tell.clone() };
            guests.sit(person, place);
        }
        for person in 0..3 {
            guests.progress(person, PROGRESS, 0).expect("as the contract says");
        }
        let asked = Asked {
            merchant: "m".to_owned(),
            order_no: "o-1".to_owned(),
            presentation: "p".to_owned(),
            diner: "w1".to_owned(),
            owed: 5,
            breaks: 0,
        };
        let waits_for = vec!["w1".to_owned()];
        let progress = News::Progress { order_no: "o-1".to_owned(), all_reserved: true, waits_for };
        assert_eq!(told.try_recv(), Ok(progress));
        assert_eq!(told.try_recv(), Ok(News::Asked { seat: 1, asked }));
        assert!(told.try_recv().is_err());
        assert!(guests.progress(0, "{}", 0).is_err());
        guests.rise(0);
        assert!(guests.progress(0, "{}", 0).is_ok(), "who sits nowhere does not listen");
    }
}
