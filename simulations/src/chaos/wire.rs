//! Wire: between people and engine. It delays, loses and repeats what people ask and what they hear.

use std::{cell::Cell, rc::Rc, time::Duration};

use fanju::{
    Engine, Error, OrderView, Presented, Receipt,
    domain::{code::ShownCode, event::Event},
};

use super::{plan::Manners, witness::Witness, world::Stage};
use crate::chance::Chance;

/// How long people wait for an answer that was lost.
const PATIENCE: Duration = Duration::from_millis(600);

/// How much later than that a late request arrives, at most. A frozen wallet stays so for longer: it
/// would be frozen once more, for good.
const LATE_MS: u64 = 300;

/// No answer takes longer: an order has eight seconds, and everything else less.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What people hear.
pub enum Heard<T> {
    /// The engine's word, which counts.
    Yes(T),
    /// A refusal, which counts.
    No(Error),
    /// Nothing, or that the outcome is not known: ask again.
    Nothing,
}

/// What an answer says happened.
pub trait Said {
    /// Tells the witness.
    fn to(&self, witness: &mut Witness);

    /// The answer in words.
    fn words(&self) -> String {
        "yes".to_owned()
    }
}

impl Said for Receipt {
    fn to(&self, witness: &mut Witness) {
        witness.told(self.position(), self.event());
    }

    fn words(&self) -> String {
        format!("done at {}", self.position())
    }
}

impl Said for Presented {
    fn to(&self, witness: &mut Witness) {
        match self {
            Self::Settled(receipt) | Self::Declined { receipt, .. } => {
                receipt.to(witness);
                if !receipt.is_replayed() {
                    witness.told_new(receipt.position());
                }
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Settled(receipt) => format!("settled at {}", receipt.position()),
            Self::Declined { receipt, .. } => format!("declined at {}", receipt.position()),
        }
    }
}

impl Said for OrderView {
    fn to(&self, witness: &mut Witness) {
        if let Self::Settled(order) = self {
            witness.told(order.position, &Event::Settled(order.settlement.clone()));
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Settled(order) => format!("settled at {}", order.position),
            Self::Declined { .. } => "declined".to_owned(),
            Self::InFlight { .. } => "in flight".to_owned(),
        }
    }
}

impl Said for () {
    fn to(&self, _: &mut Witness) {}
}

impl Said for ShownCode {
    fn to(&self, _: &mut Witness) {}
}

/// One person's connection.
pub struct Wire {
    who: String,
    stage: Rc<Stage>,
    engine: Engine,
    manners: Manners,
    /// Requests that have arrived.
    arrived: Rc<Cell<u64>>,
    /// Chance of whoever asks.
    pub chance: Chance,
}

impl Wire {
    /// A connection of whoever this `purpose` names.
    #[must_use]
    pub fn new(stage: &Rc<Stage>, engine: &Engine, purpose: &str) -> Self {
        Self {
            who: purpose.to_owned(),
            stage: Rc::clone(stage),
            engine: engine.clone(),
            manners: stage.manners,
            arrived: Rc::default(),
            chance: stage.chance(purpose),
        }
    }

    /// Another connection, of whoever this `purpose` names.
    #[must_use]
    pub fn another(&self, purpose: &str) -> Self {
        Self::new(&self.stage, &self.engine, purpose)
    }

    /// True `per_mille` times in a thousand.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.chance.below(1_000) < per_mille
    }

    /// Lets time pass, at most so much.
    pub async fn pause(&mut self, most: Duration) {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(Duration::from_millis(1 + self.chance.below(most.max(1)))).await;
    }

    /// Asks the engine what `make` asks, in words `what`. Whatever the engine says was told, heard or not.
    pub async fn ask<T, F>(&mut self, what: &str, make: impl Fn(Engine) -> F) -> Heard<T>
    where
        T: Said + 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let delay = Duration::from_millis(self.manners.delay_ms);
        self.pause(delay).await;
        if self.happens(self.manners.request_lost) {
            self.stage.witness().inject("request lost");
            self.say(what, "never arrives");
            tokio::time::sleep(PATIENCE).await;
            return Heard::Nothing;
        }
        if self.happens(self.manners.request_late) {
            self.stage.witness().inject("request late");
            let late = PATIENCE + Duration::from_millis(self.chance.below(LATE_MS));
            self.later(what, late, make(self.engine.clone()));
            tokio::time::sleep(PATIENCE).await;
            return Heard::Nothing;
        }
        self.arrived.set(self.arrived.get() + 1);
        if self.happens(self.manners.request_repeated) {
            self.stage.witness().inject("request repeated");
            let late = Duration::from_millis(self.chance.below(4 * self.manners.delay_ms + 1));
            self.later(what, late, make(self.engine.clone()));
        }
        let answer = tokio::time::timeout(ANSWER_MAX, make(self.engine.clone())).await;
        let Ok(answer) = answer else {
            self.stage.witness().fault("L: no answer in twenty seconds");
            return Heard::Nothing;
        };
        match &answer {
            Ok(said) => self.say(what, &said.words()),
            Err(error) => self.say(what, error.code()),
        }
        if let Ok(said) = &answer {
            said.to(&mut self.stage.witness());
        }
        if self.happens(self.manners.reply_lost) {
            self.stage.witness().inject("reply lost");
            tokio::time::sleep(PATIENCE).await;
            return Heard::Nothing;
        }
        self.pause(delay).await;
        match answer {
            Ok(answer) => Heard::Yes(answer),
            Err(error) => self.heard(error),
        }
    }

    /// Lets a request arrive when it is no longer waited for, perhaps after others that were asked later.
    fn later<T, F>(&self, what: &str, late: Duration, request: F)
    where
        T: Said + 'static,
        F: Future<Output = Result<T, Error>> + 'static,
    {
        let (stage, arrived) = (Rc::clone(&self.stage), Rc::clone(&self.arrived));
        let (before, asked) = (arrived.get(), format!("{} asked once to {what}", self.who));
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(late).await;
            if arrived.get() > before {
                stage.witness().inject("request overtaken");
            }
            let answer = request.await;
            let mut witness = stage.witness();
            match answer {
                Ok(said) => {
                    witness.say(format!("{asked}: {}", said.words()));
                    said.to(&mut witness);
                }
                Err(error) => witness.say(format!("{asked}: {}", error.code())),
            }
        }));
    }

    fn say(&self, what: &str, answer: &str) {
        self.stage.witness().say(format!("{} asks to {what}: {answer}", self.who));
    }

    fn heard<T>(&mut self, error: Error) -> Heard<T> {
        match error {
            Error::Poisoned(_) => {
                self.stage.poisoned.set(true);
                Heard::Nothing
            }
            gone @ (Error::UnknownWallet(_)
            | Error::UnknownMerchant(_)
            | Error::UnknownGroup(_)) => {
                self.stage.witness().fault(format!("J-2: {gone}, which was there"));
                Heard::Nothing
            }
            Error::Unanswered | Error::Closing | Error::Busy | Error::Unreadable(_) => {
                Heard::Nothing
            }
            told @ (Error::UnknownOrder
            | Error::AlreadyOpen
            | Error::Wallet(_)
            | Error::Merchant(_)
            | Error::Group(_)
            | Error::Payment(_)
            | Error::Answer(_)
            | Error::Cancel(_)
            | Error::Refund(_)
            | Error::UnknownCode
            | Error::ExpiredCode
            | Error::SpentCode
            | Error::OrderNoReused
            | Error::OrderNotPaid
            | Error::RailRefused
            | Error::TooManySubscribers
            | Error::UnknownPosition
            | Error::GapTooLong) => Heard::No(told),
        }
    }
}
