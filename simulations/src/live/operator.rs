//! Operator: what the server says of itself, asked once a second over a connection of its own.
//!
//! Syncs, batches, memory and books are the operator's to see (`operator.stats`): a run that was given
//! the operator's token records them as a run in process does, and one that was not says so. One request
//! is under way at most, so that a server that is slow to answer is not asked more.

use std::{fmt, rc::Rc, time::Duration};

use serde::Deserialize;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_local},
    time::{Instant, sleep_until, timeout},
};

use super::{
    frame::{Frame, FrameError, Refusal},
    line::request,
    wire::{Gone, Place, Wire},
};
use crate::{
    figures::grouped,
    recorder::{Gauges, Recorder},
    recording::{Recording, Table},
    values::BadInput,
};

/// How long an answer may take. Whoever has to be asked again is asked over a new connection.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The operator's token, which is printed nowhere: so any text is one, because who reads the command
/// line repeats what it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorToken(String);

impl From<String> for OperatorToken {
    fn from(text: String) -> Self {
        Self(text.trim().to_owned())
    }
}

/// Why a token is not sent anywhere.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsendable {
    /// It cannot be one.
    #[error(
        "--operator-token is no token: give what the file operator.token of the server's data \
         folder holds"
    )]
    NoToken,
    /// Others could read it on its way.
    #[error(
        "--operator-token would reach {host} unencrypted, and wss:// is not spoken here: leave it \
         and FANJU_OPERATOR_TOKEN out, run this beside the server, or give the near end of a \
         tunnel, such as ws://127.0.0.1:8080/v1/live of `ssh -L 8080:127.0.0.1:8080`"
    )]
    Overheard {
        /// Where the server is.
        host: String,
    },
}

impl OperatorToken {
    /// Whether it may be sent to `place`.
    fn check(&self, place: &Place) -> Result<(), Unsendable> {
        if !self.is_one_word() {
            return Err(Unsendable::NoToken);
        }
        let host = place.overheard().map(str::to_owned);
        host.map_or(Ok(()), |host| Err(Unsendable::Overheard { host }))
    }

    /// Whether it can be one.
    fn is_one_word(&self) -> bool {
        let fits = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
        !self.0.is_empty() && self.0.chars().all(fits)
    }
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

/// Why the server did not say how it does.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The token is not the operator's.
    #[error("{method} was refused: {refusal}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// Why.
        refusal: Refusal,
    },
    /// The connection is over.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The server speaks otherwise.
    #[error("{method} was answered in another way: {error}")]
    Foreign {
        /// What was asked.
        method: &'static str,
        /// How.
        error: FrameError,
    },
    /// Nothing was said in time.
    #[error("no answer within {} s", ANSWER_WITHIN.as_secs())]
    Late,
}

/// What the server says of itself; counters count from its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "the contract says what these are")]
pub struct Stats {
    pub durable: u64,
    pub records: u64,
    pub batches: u64,
    pub syncs: u64,
    pub sync_us_total: u64,
    pub books_lag_ms: u64,
    pub orders_in_flight: u64,
    pub settled: u64,
    pub declined: u64,
    pub memory_bytes: Option<u64>,
}

impl Stats {
    /// What each second records of them.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let Self { records, batches, syncs, sync_us_total, .. } = *self;
        let sync_total = Duration::from_micros(sync_us_total);
        let journal =
            fanju::journal::Stats { batches, records, syncs, sync_total, ..<_>::default() };
        Gauges {
            journal: Some(journal),
            memory_bytes: self.memory_bytes,
            books_lag: Some(Duration::from_millis(self.books_lag_ms)),
            in_flight: Some(self.orders_in_flight),
        }
    }
}

/// The connection over which the server is asked.
#[derive(Debug)]
pub struct Operator {
    place: Rc<Place>,
    /// Its number among all sessions: it has an address of its own, as they have.
    number: usize,
    token: OperatorToken,
    wire: Option<Wire>,
    asked: u64,
}

impl Operator {
    /// Signs in and asks once, so that a wrong token is told before anybody dines.
    ///
    /// # Errors
    /// [`BadInput`] if the token is refused, or [`Unsendable`], before anything is connected; else
    /// [`OperatorError`].
    pub async fn sign_in(
        place: &Place,
        number: usize,
        token: &OperatorToken,
    ) -> anyhow::Result<Self> {
        token.check(place).map_err(|error| BadInput(error.to_string()))?;
        let (place, token) = (Rc::new(place.clone()), token.clone());
        let mut operator = Self { place, number, token, wire: None, asked: 0 };
        match operator.stats().await {
            Ok(_) => Ok(operator),
            Err(error @ OperatorError::Refused { .. }) => {
                Err(BadInput(format!("--operator-token is not the operator's: {error}")).into())
            }
            Err(error) => {
                Err(anyhow::Error::new(error).context("cannot ask for the server's statistics"))
            }
        }
    }

    /// How the server does now.
    ///
    /// # Errors
    /// [`OperatorError`], after a second attempt if the connection is over.
    pub async fn stats(&mut self) -> Result<Stats, OperatorError> {
        let was_open = self.wire.is_some();
        match self.attempt().await {
            // A server ends what nobody has read from for long, as while everybody came in.
            Err(OperatorError::Gone(_)) if was_open => self.attempt().await,
            outcome => outcome,
        }
    }

    async fn attempt(&mut self) -> Result<Stats, OperatorError> {
        let asked = timeout(ANSWER_WITHIN, self.ask_stats()).await;
        let outcome = asked.unwrap_or(Err(OperatorError::Late));
        if outcome.is_err() {
            self.wire = None;
        }
        outcome
    }

    async fn ask_stats(&mut self) -> Result<Stats, OperatorError> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.connect().await?,
        };
        let answer = self.ask(&mut wire, "operator.stats", "{}").await?;
        self.wire = Some(wire);
        Ok(answer)
    }

    async fn connect(&mut self) -> Result<Wire, OperatorError> {
        #[derive(Deserialize)]
        struct Me {}
        let mut wire = Wire::connect(&self.place, self.number).await?;
        let params = format!("{{\"token\":\"{}\"}}", self.token.0);
        let Me {} = self.ask(&mut wire, "sign_in", &params).await?;
        Ok(wire)
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &mut self,
        wire: &mut Wire,
        method: &'static str,
        params: &str,
    ) -> Result<T, OperatorError> {
        self.asked += 1;
        let foreign = |error: FrameError| OperatorError::Foreign { method, error };
        let mut text = wire.ask(request(self.asked, method, format_args!("{params}"))).await?;
        loop {
            match Frame::parse(&text).map_err(foreign)? {
                Frame::Answer(id, answer) if id == self.asked => {
                    let answer =
                        answer.map_err(|refusal| OperatorError::Refused { method, refusal })?;
                    return serde_json::from_str(answer).map_err(|error| foreign(error.into()));
                }
                Frame::Answer(..) | Frame::Event(_) | Frame::Progress(_) | Frame::Hello(_) => {}
            }
            text = wire.next().await?;
        }
    }

    /// Asks whenever the recorder that `with` gives is due, until it is told to end or there is no
    /// recorder any more. `gauges` adds what else is known.
    pub fn watch(
        mut self,
        with: impl Fn(&mut dyn FnMut(&mut Recorder)) + 'static,
        gauges: impl Fn(Option<&Stats>) -> Gauges + 'static,
    ) -> Watch {
        let (end, mut ended) = oneshot::channel::<()>();
        let watching = spawn_local(async move {
            let mut is_lost = false;
            loop {
                let mut due = None;
                with(&mut |recorder| due = Some(recorder.due_at()));
                let Some(due) = due.map(Instant::from_std) else { break };
                let mut is_over = false;
                tokio::select! {
                    _ = &mut ended => is_over = true,
                    () = sleep_until(due) => {}
                }
                // A second that is over has its figures, also if the run ends with it.
                if is_over && Instant::now() < due {
                    break;
                }
                let stats = self.stats().await.ok();
                let begins = stats.is_none() && !is_lost;
                is_lost = stats.is_none();
                with(&mut |recorder| {
                    let now = std::time::Instant::now();
                    if begins {
                        recorder.mark(now, "statistics lost");
                    }
                    recorder.gauge(now, gauges(stats.as_ref()));
                });
                if is_over {
                    break;
                }
            }
            self
        });
        Watch { end, watching }
    }
}

/// An operator who asks once a second.
#[derive(Debug)]
pub struct Watch {
    end: oneshot::Sender<()>,
    watching: JoinHandle<Operator>,
}

impl Watch {
    /// Ends it; gives the operator back.
    ///
    /// # Errors
    /// Its panic.
    pub async fn end(self) -> anyhow::Result<Operator> {
        // It has ended already if there is nothing more to record.
        self.end.send(()).ok();
        Ok(self.watching.await?)
    }
}

/// What the server had counted when the first dinner began and when the last one had ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted {
    /// When the first dinner began, warm-up included.
    pub first: Stats,
    /// When the last one had ended; `None` if the server did not say.
    pub last: Option<Stats>,
}

/// Notes whether the server was asked, and what it had counted.
pub fn note(recording: &mut Recording, counted: Option<&Counted>) {
    let asked = if counted.is_some() { "asked each second" } else { NOT_ASKED };
    recording.set("the server's statistics", asked);
    recording.tables.extend(counted.map(table));
}

/// What is told of a run without a token.
pub const NOT_ASKED: &str = "not asked for: there was no --operator-token";

fn table(Counted { first, last }: &Counted) -> Table {
    type Figure = fn(&Stats) -> u64;
    let figures: [(&str, Figure); 6] = [
        ("syncs", |it| it.syncs),
        ("batches", |it| it.batches),
        ("records", |it| it.records),
        ("bytes of the journal", |it| it.durable),
        ("orders paid", |it| it.settled),
        ("orders declined", |it| it.declined),
    ];
    let row = |(name, of): &(&str, Figure)| {
        let last = last.as_ref().map(|last| grouped(of(last).into()));
        vec![(*name).to_owned(), grouped(of(first).into()), last.unwrap_or_default()]
    };
    Table {
        title: "What the server had counted since its start".to_owned(),
        columns: ["", "before the first dinner", "after the last"].map(str::to_owned).to_vec(),
        rows: figures.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_never_printed() {
        let token = OperatorToken::from(" fjo_aB-9\n".to_owned());
        assert_eq!(token.0, "fjo_aB-9");
        assert!(token.is_one_word());
        assert_eq!(format!("{token:?}"), "OperatorToken(…)");
        for wrong in ["", " ", "two words", "quo\"te", "é"] {
            assert!(!OperatorToken::from(wrong.to_owned()).is_one_word(), "{wrong}");
        }
    }

    #[test]
    fn a_token_stays_on_this_machine() {
        let token = OperatorToken::from("fjo_1".to_owned());
        let check = |url: &str| token.check(&url.parse().expect("a place"));
        assert_eq!(check("ws://127.0.0.1:9/"), Ok(()));
        assert_eq!(check("ws://[::1]:9/"), Ok(()));
        let host = "192.0.2.1".to_owned();
        assert_eq!(check("ws://192.0.2.1:9/"), Err(Unsendable::Overheard { host }));
        let none = OperatorToken::from("two words".to_owned());
        let here = "ws://127.0.0.1:9/".parse().expect("a place");
        assert_eq!(none.check(&here), Err(Unsendable::NoToken));
    }

    #[test]
    fn statistics_are_gauges_of_the_same_names() {
        let text = "{\"durable\":9,\"records\":60,\"batches\":3,\"syncs\":2,\"sync_us_total\":500,\
                    \"books_lag_ms\":7,\"orders_in_flight\":4,\"settled\":1,\"declined\":0,\"new\":1}";
        let stats: Stats = serde_json::from_str(text).expect("statistics");
        let Gauges { journal, memory_bytes, books_lag, in_flight } = stats.gauges();
        let journal = journal.expect("known");
        assert_eq!((journal.records, journal.batches, journal.syncs), (60, 3, 2));
        assert_eq!(journal.sync_total, Duration::from_micros(500));
        assert_eq!((memory_bytes, in_flight), (None, Some(4)));
        assert_eq!(books_lag, Some(Duration::from_millis(7)));
    }
}
