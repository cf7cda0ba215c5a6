//! Session: a phone or a till. Connects, signs in, listens, asks; and does all of that again when its
//! connection is over, as the contract's close codes say.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::timeout};

use super::{
    frame::{Frame, FrameError, Pushed, Refusal, Subscribed},
    hall::Hall,
    line::{Line, Then, request},
    track::Track,
    wire::{Gone, Place, Text, Wire},
};

/// How long one attempt to connect, sign in and subscribe may take.
const ATTEMPT: Duration = Duration::from_secs(30);

/// Attempts in a row that may fail before a session is given up.
const ATTEMPTS_MAX: u32 = 12;

/// The same before it was ever let in: most likely there is no server.
const FIRST_ATTEMPTS_MAX: u32 = 3;

/// The pause after the first failed attempt; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(50);
/// See [`PAUSE`].
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The pause before the first attempt after a flood.
const PAUSE_FLOOD: Duration = Duration::from_secs(1);

/// Frames that a session reads before others have their turn.
const TURN_FRAMES_MAX: u32 = 32;

/// Who a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A diner's phone at a table.
    Phone {
        /// Which table.
        table: usize,
        /// Which of its chairs.
        chair: u32,
    },
    /// A merchant's till.
    Till,
    /// A phone in a pocket.
    Idle,
    /// The phone of somebody who goes from table to table.
    Guest {
        /// Who.
        person: usize,
    },
}

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its number among all sessions.
    pub number: usize,
    /// Who it is.
    pub role: Role,
    /// With which token it signs in.
    pub token: Rc<str>,
    /// Where.
    pub place: Rc<Place>,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The contract says to stop.
    #[error("session {0} was closed with {1}: the contract says to stop")]
    Stopped(usize, u16),
    /// It was not let in.
    #[error("session {0} was refused: {1}")]
    Refused(usize, Refusal),
    /// The server speaks otherwise.
    #[error("session {0}: {1}")]
    Foreign(usize, FrameError),
    /// Nobody is there any more.
    #[error("session {0} gives up after several attempts: {1}")]
    Nobody(usize, Gone),
}

/// Why one connection ended.
enum End {
    Gone(Gone),
    Fatal(SessionError),
}

impl From<Gone> for End {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

/// Opens a session; gives its line, and word when it has signed in.
#[must_use]
pub fn open(card: Card, hall: &Rc<RefCell<Hall>>) -> (Rc<Line>, oneshot::Receiver<()>) {
    let line = Rc::new(Line::default());
    let (up, is_up) = oneshot::channel();
    let hall = Rc::clone(hall);
    let session = Session {
        card,
        line: Rc::clone(&line),
        hall: Rc::clone(&hall),
        track: None,
        away: Duration::ZERO,
        cut_at: None,
        unflushed: false,
        up: Some(up),
    };
    tokio::task::spawn_local(async move {
        let error = session.live().await;
        hall.borrow_mut().lost(error);
    });
    (line, is_up)
}

struct Session {
    card: Card,
    line: Rc<Line>,
    hall: Rc<RefCell<Hall>>,
    /// Where it stands in its topic, once it listens.
    track: Option<Track>,
    /// How long it stays away after a cut.
    away: Duration,
    /// When it began to come back from a cut, until it has recovered.
    cut_at: Option<Instant>,
    /// Whether the socket took less than was written.
    unflushed: bool,
    up: Option<oneshot::Sender<()>>,
}

impl Session {
    /// Lives until it cannot; says why.
    async fn live(mut self) -> SessionError {
        let mut failed = 0;
        loop {
            let attempt = timeout(ATTEMPT, self.begin()).await;
            let ended = match attempt {
                Ok(Ok(mut wire)) => {
                    failed = 0;
                    self.begun();
                    poll_fn(|cx| self.poll(&mut wire, cx)).await
                }
                Ok(Err(end)) => end,
                Err(_) => End::Gone(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            };
            self.line.broke();
            let gone = match ended {
                End::Gone(gone) => gone,
                End::Fatal(error) => return error,
            };
            let flood = gone.code() == 4009;
            match gone.code() {
                4000 | 4001 | 4002 | 1003 | 1009 => {
                    return SessionError::Stopped(self.card.number, gone.code());
                }
                code => self.hall.borrow_mut().meter.closed(code, matches!(gone, Gone::Cut)),
            }
            if matches!(gone, Gone::Cut) {
                tokio::time::sleep(std::mem::take(&mut self.away)).await;
                self.cut_at = Some(Instant::now());
                continue;
            }
            failed += 1;
            let attempts = if self.up.is_some() { FIRST_ATTEMPTS_MAX } else { ATTEMPTS_MAX };
            if failed >= attempts {
                return SessionError::Nobody(self.card.number, gone);
            }
            let pause = (PAUSE * (1 << failed.min(10))).min(PAUSE_MAX);
            let jitter = self.hall.borrow_mut().jitter(pause);
            tokio::time::sleep(if flood { PAUSE_FLOOD + jitter } else { jitter }).await;
        }
    }

    /// Connects, signs in and resumes.
    async fn begin(&mut self) -> Result<Wire, End> {
        let Card { number, token, place, .. } = self.card.clone();
        let mut wire = Wire::connect(&place, number).await?;
        let hello = wire.next().await?;
        match Frame::parse(&hello) {
            Ok(Frame::Hello(hello)) => self.hall.borrow_mut().hello(hello, Instant::now()),
            Ok(_) => return Err(self.foreign(FrameError::Neither)),
            Err(error) => return Err(self.foreign(error)),
        }
        let sign_in = request(0, "sign_in", format_args!("{{\"token\":\"{token}\"}}"));
        self.enter(&mut wire, sign_in).await?;
        if let (Some(track), Some(topic)) = (self.track, self.line.topic()) {
            let (after, epoch) = (track.seen(), self.hall.borrow().epoch());
            let params =
                format_args!("{{\"topic\":\"{topic}\",\"after\":{after},\"epoch\":\"{epoch}\"}}");
            let answer = self.enter(&mut wire, request(0, "subscribe", params)).await?;
            self.resumed(&answer)?;
        }
        Ok(wire)
    }

    /// Asks what must be answered before anything else, again if the server says so. Gives the whole
    /// answer.
    async fn enter(&self, wire: &mut Wire, text: Text) -> Result<Text, End> {
        loop {
            let answer = wire.ask(text.clone()).await?;
            let refusal = match Frame::parse(&answer) {
                Ok(Frame::Answer(0, Ok(_))) => return Ok(answer),
                Ok(Frame::Answer(0, Err(refusal))) => refusal,
                Ok(_) => return Err(self.foreign(FrameError::Neither)),
                Err(error) => return Err(self.foreign(error)),
            };
            let Some(wait) = refusal.retry_after_ms else {
                return Err(End::Fatal(SessionError::Refused(self.card.number, refusal)));
            };
            self.hall.borrow_mut().meter.held_back += 1;
            tokio::time::sleep(Duration::from_millis(wait.max(1))).await;
        }
    }

    fn foreign(&self, error: FrameError) -> End {
        End::Fatal(SessionError::Foreign(self.card.number, error))
    }

    /// Goes on where the topic was left, or from its state.
    fn resumed(&mut self, answer: &str) -> Result<(), End> {
        let Subscribed { position, recovered } = match subscribed(answer) {
            Ok(subscribed) => subscribed,
            Err(error) => return Err(self.foreign(error)),
        };
        let mut hall = self.hall.borrow_mut();
        if let Some(cut_at) = self.cut_at.take() {
            hall.meter.storm.recovered(cut_at.elapsed(), recovered);
        }
        if !recovered {
            let after = self.track.map_or(0, Track::seen);
            let what = format!("session {} could not resume after {after}", self.card.number);
            hall.meter.faults.add(|| what);
            self.track = Some(Track::at(position));
        }
        Ok(())
    }

    fn begun(&mut self) {
        self.line.reconnected();
        self.unflushed = false;
        match self.up.take() {
            // Whoever waited may have given up.
            Some(up) => up.send(()).unwrap_or(()),
            None => self.back(),
        }
        if let Some(cut_at) = self.cut_at.take() {
            self.hall.borrow_mut().meter.storm.recovered(cut_at.elapsed(), true);
        }
    }

    /// A connection was made again. A guest's phone looks what its owner was asked meanwhile: that is
    /// never pushed twice.
    fn back(&self) {
        self.hall.borrow_mut().meter.reconnects += 1;
        let topic = self.line.topic().filter(|_| matches!(self.card.role, Role::Guest { .. }));
        if let Some(group) = topic.as_deref().and_then(|topic| topic.strip_prefix("group:")) {
            self.line.ask("groups.get", format_args!("{{\"group\":\"{group}\"}}"), Then::Questions);
        }
    }

    /// Sends what was asked, and hears what there is.
    fn poll(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(away) = self.line.take_cut() {
            self.away = away;
            return Poll::Ready(Gone::Cut.into());
        }
        self.line.wake_by(cx.waker());
        let mut frames = 0;
        loop {
            if let Err(gone) = self.send(wire, cx) {
                return Poll::Ready(gone.into());
            }
            match wire.poll_next(cx) {
                Poll::Ready(Ok(text)) => {
                    if let Err(error) = self.hear(&text) {
                        return Poll::Ready(self.foreign(error));
                    }
                }
                Poll::Ready(Err(gone)) => return Poll::Ready(gone.into()),
                Poll::Pending => return Poll::Pending,
            }
            frames += 1;
            if frames == TURN_FRAMES_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    fn send(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Result<(), Gone> {
        while let Some(text) = self.line.unsent() {
            wire.put(text)?;
            self.unflushed = true;
        }
        if self.unflushed
            && let Poll::Ready(outcome) = wire.poll_flush(cx)
        {
            outcome?;
            self.unflushed = false;
        }
        Ok(())
    }

    fn hear(&mut self, text: &str) -> Result<(), FrameError> {
        let frame = Frame::parse(text)?;
        let mut hall = self.hall.borrow_mut();
        hall.meter.heard(text.len());
        match frame {
            Frame::Event(pushed) => hear_event(self.card.role, &mut self.track, &mut hall, &pushed),
            Frame::Progress(params) => {
                hall.meter.progress += 1;
                if let Role::Guest { person } = self.card.role {
                    hall.guests.progress(person, params, self.line.breaks())?;
                }
            }
            Frame::Hello(_) => return Err(FrameError::Neither),
            Frame::Answer(id, answer) => {
                let Some((text, then)) = self.line.answered(id) else {
                    hall.meter.faults.add(|| format!("request {id} was answered again"));
                    return Ok(());
                };
                if let Err(refusal) = &answer
                    && let Some(wait) = refusal.retry_after_ms
                {
                    hall.meter.held_back += 1;
                    let wait = Duration::from_millis(wait.max(1));
                    self.line.ask_again(id, text, then, wait);
                    return Ok(());
                }
                match then {
                    Then::Scan { table, order } => hall.scanned(table, order, answer)?,
                    Then::Code { table } => hall.shows(table, answer)?,
                    Then::Questions => {
                        if let (Role::Guest { person }, Ok(answer)) = (self.card.role, answer) {
                            hall.guests.looked(person, answer, self.line.breaks())?;
                        }
                    }
                    Then::Listen(tell) => {
                        if let Ok(answer) = answer {
                            let Subscribed { position, .. } = serde_json::from_str(answer)?;
                            self.track = Some(Track::at(position));
                        }
                        drop(tell.send(answer.map(str::to_owned)));
                    }
                    Then::Forget(tell) => {
                        self.track = None;
                        drop(tell.send(answer.map(str::to_owned)));
                    }
                    Then::Tell(tell) => drop(tell.send(answer.map(str::to_owned))),
                }
            }
        }
        Ok(())
    }
}

fn subscribed(answer: &str) -> Result<Subscribed, FrameError> {
    match Frame::parse(answer)? {
        Frame::Answer(_, Ok(result)) => Ok(serde_json::from_str(result)?),
        Frame::Answer(_, Err(_)) | Frame::Event(_) | Frame::Progress(_) | Frame::Hello(_) => {
            Err(FrameError::Neither)
        }
    }
}

fn hear_event(role: Role, track: &mut Option<Track>, hall: &mut Hall, pushed: &Pushed<'_>) {
    let Pushed { position, prev, event } = pushed;
    let broken = match track {
        Some(track) => track.step(*position, *prev).err().map(|broken| broken.to_string()),
        None => Some(format!("position {position} came before `subscribe` was answered")),
    };
    if let Some(broken) = broken {
        hall.meter.faults.add(|| format!("{role:?}: {broken}"));
    }
    match role {
        Role::Phone { table, chair } => {
            if let Some(settled) = event.settled() {
                hall.heard(table, chair, *position, settled);
            }
        }
        Role::Till => hall.meter.faults.add(|| "a till hears of what it did not ask".to_owned()),
        Role::Idle => hall.meter.idle_pushes += 1,
        Role::Guest { person } => {
            if let Some(fault) = hall.guests.heard(person, pushed) {
                hall.meter.faults.add(|| fault);
            }
        }
    }
}
