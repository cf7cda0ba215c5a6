//! Set-up: everybody comes in, money is put into purses, groups are opened and joined, and every phone
//! listens to its group, before the first dinner.

use std::{cell::RefCell, path::Path, rc::Rc};

use serde::Deserialize;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    cast::{Cast, Diner},
    frame::Refusal,
    hall::{CAP, Hall, Table, Till},
    line::{Answered, Line},
    options::Numbers,
    session::{self, Card, Role, SessionError},
    wire::Place,
};
use crate::{figures::counted, values::BadInput};

/// Sessions that come in at once.
pub(super) const ARRIVING: usize = 128;

/// Tables that are seated at once.
const SEATING: usize = 16;

/// The most of one top-up, in minor units: under the amount that needs a second look.
const TOP_UP_MAX: u64 = CAP - 1;

/// Why not everybody could come in.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A session could not.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A command was refused.
    #[error("{method} was refused: {refusal}")]
    Refused {
        /// Which.
        method: &'static str,
        /// Why.
        refusal: Refusal,
    },
    /// An answer is not what the contract says.
    #[error("{method} was answered in another way: {error}")]
    Foreign {
        /// To what.
        method: &'static str,
        /// How.
        error: serde_json::Error,
    },
    /// Somebody has more than an evening gives.
    #[error(
        "{wallet} holds {available} minor units, more than the {purse} that the evening gives: nobody \
         would be short; make the cast with `fanju-server cast --purse 1`, anew for another seed or file"
    )]
    TooRich {
        /// Whose.
        wallet: String,
        /// What is free to spend.
        available: u64,
        /// What the evening gives.
        purse: u64,
    },
    /// A session ended for a reason that nobody said.
    #[error("a session ended while everybody came in")]
    Over,
}

impl SetUpError {
    /// The same, or the caller's mistake: a file `cast` whose people are too rich, or unknown here.
    #[must_use]
    pub fn explained(self, cast: &Path) -> anyhow::Error {
        if let Self::Session(SessionError::Refused(_, refusal)) = &self
            && refusal.code == "not_signed_in"
        {
            let cast = cast.display();
            return BadInput(format!(
                "the server lets nobody of {cast} in: make it with `fanju-server --data FOLDER cast`, \
                 and start the server on that FOLDER with --made-up-people; a start without that signs \
                 them out for good"
            ))
            .into();
        }
        if let Self::Session(SessionError::Refused(_, refusal)) = &self
            && refusal.code == "too_many_sessions"
        {
            return BadInput(format!(
                "{self}: somebody of {} has as many as the server allows; end what else uses that cast, or \
                 make one of more people with `fanju-server cast`",
                cast.display()
            ))
            .into();
        }
        if matches!(self, Self::TooRich { .. }) {
            return BadInput(self.to_string()).into();
        }
        self.into()
    }
}

/// Whoever can be cut in a storm.
#[derive(Debug, Default)]
pub struct Phones {
    /// At tables.
    pub seated: Vec<Rc<Line>>,
    /// In pockets.
    pub idle: Vec<Rc<Line>>,
}

/// Where, and who.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// Who plays.
    pub cast: &'a Cast,
    /// How many of each.
    pub numbers: Numbers,
    /// Where.
    pub place: Rc<Place>,
    /// The run's name: what it names is new to the server.
    pub run: Rc<str>,
    /// Where they come in.
    pub hall: Rc<RefCell<Hall>>,
}

#[derive(Deserialize)]
pub(super) struct Opened {
    pub(super) group: String,
}

#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) link: String,
}

impl Setting<'_> {
    /// Lets everybody come in; says how far it is.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub async fn set_up(&self, say: &dyn Fn(&str)) -> Result<Phones, SetUpError> {
        let Numbers { tables, party, tills, idle, .. } = self.numbers;
        let [tables, tills, idle] = [(tables, "table"), (tills, "till"), (idle, "quiet session")]
            .map(|(number, one)| counted(number as u128, one));
        say(&format!("connecting {tables} of {party}, {tills} and {idle}"));
        self.tills().await?;
        let mut phones = Phones { seated: self.tables().await?, idle: Vec::new() };
        phones.idle = self.idle().await?;
        while !self.hall.borrow().is_ready() {
            if let Some(error) = self.hall.borrow_mut().take_lost() {
                return Err(error.into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(phones)
    }

    fn open(&self, number: usize, role: Role, token: &str) -> (Rc<Line>, oneshot::Receiver<()>) {
        let (place, token) = (Rc::clone(&self.place), token.into());
        session::open(Card { number, role, token, place }, &self.hall)
    }

    async fn up(&self, is_up: oneshot::Receiver<()>) -> Result<(), SetUpError> {
        match is_up.await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.why_over()),
        }
    }

    fn why_over(&self) -> SetUpError {
        self.hall.borrow_mut().take_lost().map_or(SetUpError::Over, SetUpError::Session)
    }

    async fn tills(&self) -> Result<(), SetUpError> {
        let Numbers { tables, party, tills, .. } = self.numbers;
        let merchants = self.cast.merchants.iter().cycle().take(tills);
        let first = tables * party;
        let mut come = Vec::new();
        for (number, merchant) in (first..).zip(merchants) {
            let (line, is_up) = self.open(number, Role::Till, &merchant.token);
            let merchant = merchant.merchant.clone();
            self.hall.borrow_mut().open_till(Till { merchant, line });
            come.push(is_up);
            if come.len() == ARRIVING {
                self.all_up(&mut come).await?;
            }
        }
        self.all_up(&mut come).await
    }

    async fn all_up(&self, come: &mut Vec<oneshot::Receiver<()>>) -> Result<(), SetUpError> {
        for is_up in come.drain(..) {
            self.up(is_up).await?;
        }
        Ok(())
    }

    async fn idle(&self) -> Result<Vec<Rc<Line>>, SetUpError> {
        let Numbers { tables, party, tills, idle, .. } = self.numbers;
        let (seated, others) = self.cast.diners.split_at(tables * party);
        let diners = if others.is_empty() { seated } else { others };
        let numbers = tables * party + tills..tables * party + tills + idle;
        let (mut lines, mut come) = (Vec::new(), Vec::new());
        for (number, diner) in numbers.zip(diners.iter().cycle()) {
            let (line, is_up) = self.open(number, Role::Idle, &diner.token);
            come.push((Rc::clone(&line), is_up, format!("wallet:{}", diner.wallet)));
            lines.push(line);
            if come.len() == ARRIVING || lines.len() == idle {
                for (line, is_up, topic) in come.drain(..) {
                    self.up(is_up).await?;
                    taken("subscribe", line.listen(&topic).await)?;
                }
            }
        }
        Ok(lines)
    }

    async fn tables(&self) -> Result<Vec<Rc<Line>>, SetUpError> {
        let party = self.numbers.party;
        let parties: Vec<&[Diner]> =
            self.cast.diners.chunks_exact(party).take(self.numbers.tables).collect();
        let mut phones = Vec::new();
        for (wave, parties) in parties.chunks(SEATING).enumerate() {
            let mut seated = Vec::new();
            for (at, diners) in parties.iter().enumerate() {
                let number = wave * SEATING + at;
                let mut come = Vec::new();
                for (chair, diner) in (0..).zip(*diners) {
                    let role = Role::Phone { table: number, chair };
                    let session = number * party + come.len();
                    come.push(self.open(session, role, &diner.token));
                }
                let mut lines = Vec::new();
                for (line, is_up) in come {
                    self.up(is_up).await?;
                    lines.push(line);
                }
                phones.extend(lines.iter().cloned());
                seated.push((number, self.seat(number, diners, lines)));
            }
            for (number, table) in seated {
                let table = table.await.map_err(|_| SetUpError::Over)??;
                self.hall.borrow_mut().seat(number, table);
            }
        }
        Ok(phones)
    }

    /// Seats one party beside the others.
    fn seat(
        &self,
        number: usize,
        diners: &[Diner],
        phones: Vec<Rc<Line>>,
    ) -> JoinHandle<Result<Table, SetUpError>> {
        let wallets = diners.iter().map(|diner| diner.wallet.clone()).collect();
        let party = Party { number, wallets, phones, run: Rc::clone(&self.run) };
        let purse = self.numbers.purse;
        tokio::task::spawn_local(async move { party.sit_down(purse).await })
    }
}

/// Diners who sit down together.
struct Party {
    number: usize,
    wallets: Vec<String>,
    phones: Vec<Rc<Line>>,
    run: Rc<str>,
}

impl Party {
    async fn sit_down(self, purse: u64) -> Result<Table, SetUpError> {
        for (chair, (wallet, phone)) in self.wallets.iter().zip(&self.phones).enumerate() {
            let mut left = purse;
            while left > 0 {
                let amount = left.min(TOP_UP_MAX);
                let key = self.key(&format!("top-up-{chair}-{left}"));
                let params = format_args!(
                    "{{\"wallet\":\"{wallet}\",\"amount\":{amount},\"idempotency_key\":\"{key}\"}}"
                );
                taken("wallets.top_up", phone.call("wallets.top_up", params).await)?;
                left -= amount;
            }
        }
        let (host, phone) = (&self.wallets[0], &self.phones[0]);
        let (key, number) = (self.key("open"), self.number);
        let params = format_args!(
            "{{\"name\":\"Table {number}\",\"host\":\"{host}\",\"cap\":{CAP},\
             \"idempotency_key\":\"{key}\"}}"
        );
        let Opened { group } = read("groups.open", phone.call("groups.open", params).await)?;
        let params = format_args!("{{\"group\":\"{group}\",\"by\":\"{host}\"}}");
        let Made { link } = read("groups.link", phone.call("groups.link", params).await)?;
        let link = serde_json::Value::from(link);
        for (wallet, phone) in self.wallets.iter().zip(&self.phones).skip(1) {
            let key = self.key(&format!("join-{wallet}"));
            let params = format_args!(
                "{{\"group\":\"{group}\",\"wallet\":\"{wallet}\",\"cap\":{CAP},\"link\":{link},\
                 \"idempotency_key\":\"{key}\"}}"
            );
            taken("groups.join", phone.call("groups.join", params).await)?;
        }
        let topic = format!("group:{group}");
        for phone in &self.phones {
            taken("subscribe", phone.listen(&topic).await)?;
        }
        let phones = u32::try_from(self.phones.len()).unwrap_or(u32::MAX);
        Ok(Table { group, host: host.clone(), phone: Rc::clone(phone), phones })
    }

    fn key(&self, what: &str) -> String {
        format!("{}-{}-{what}", self.run, self.number)
    }
}

pub(super) fn taken(method: &'static str, answered: Answered) -> Result<String, SetUpError> {
    answered.map_err(|refusal| SetUpError::Refused { method, refusal })
}

pub(super) fn read<T: for<'a> Deserialize<'a>>(
    method: &'static str,
    answered: Answered,
) -> Result<T, SetUpError> {
    let answer = taken(method, answered)?;
    serde_json::from_str(&answer).map_err(|error| SetUpError::Foreign { method, error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::wire::Gone;

    #[test]
    fn whoever_is_turned_away_is_told_what_helps() {
        let refusal = Refusal {
            code: "too_many_sessions".to_owned(),
            detail: "end another session first".to_owned(),
            reason: None,
            retry_after_ms: None,
        };
        let error = SetUpError::from(SessionError::Refused(64, refusal));
        let error = error.explained(Path::new("cast.json"));
        assert!(error.is::<BadInput>(), "{error}");
        let flood = SessionError::Nobody(16, Gone::Closed(4009));
        for (told, words) in [
            (error.to_string(), ["session 64", "cast.json", "`fanju-server cast`"]),
            (flood.to_string(), ["session 16", "4009", "FANJU_REQUESTS_PER_SECOND"]),
        ] {
            for word in words {
                assert!(told.contains(word), "{word}: {told}");
            }
        }
    }
}
