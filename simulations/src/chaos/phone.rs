//! Phone: a live connection to one topic, which is cut, goes dead or stalls, and comes back, and must never
//! miss or repeat anything (L-1). The phone of a group also answers what its diners are asked.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use fanju::{
    Engine,
    domain::payment::Question,
    id::{Position, PresentationId, Topic, WalletId},
};
use fanju_server::live::close::Close;
use serde::Deserialize;

use super::{
    connection::{Connection, SUBSCRIBE, Said},
    plan::Manners,
    wire::{Heard, Wire},
    world::Stage,
};
use crate::live::{
    frame::{Frame, Pushed, Subscribed},
    track::Track,
};

/// Until a phone is back.
const AWAY: Duration = Duration::from_millis(700);

/// How long a slow phone reads nothing.
const SLOW: Duration = Duration::from_secs(8);

/// Until a diner answers.
const THINKS: Duration = Duration::from_millis(1_500);

/// Between two attempts to answer.
const AGAIN: Duration = Duration::from_millis(300);

/// How often somebody says the same.
const ANSWERS_MAX: u32 = 4;

/// What a subscription is answered with beside its place, unless it goes on from there.
#[derive(Deserialize)]
struct Begins {
    state: Option<State>,
}

/// A topic's state; a group's has questions.
#[derive(Deserialize)]
struct State {
    #[serde(default)]
    questions: Vec<Question>,
}

/// Whom a bill waits for.
#[derive(Deserialize)]
struct Waiting {
    #[serde(rename = "waiting_for")]
    questions: Vec<Question>,
}

struct Phone {
    stage: Rc<Stage>,
    wire: Wire,
    topic: Topic,
    log: usize,
    /// Whom it has asked, and at which presentation of a bill.
    asked: BTreeSet<(PresentationId, WalletId)>,
    answers: u32,
}

/// Listens to the topic of this log, life after life.
pub async fn listen(stage: Rc<Stage>, engine: Engine, log: usize) {
    let topic = stage.cast().logs[log].topic;
    let wire = Wire::new(&stage, &engine, &format!("phone {log}"));
    let mut phone = Phone { stage, wire, topic, log, asked: BTreeSet::new(), answers: 0 };
    loop {
        let connection = Connection::subscribe(&phone.stage, topic, phone.heard());
        phone.follow(connection).await;
        phone.wire.pause(AWAY).await;
    }
}

impl Phone {
    /// The newest event that it heard, in this life or an earlier one.
    fn heard(&self) -> Option<Position> {
        self.stage.cast().logs[self.log].last
    }

    fn heard_up_to(&self, position: Position) {
        self.stage.cast_mut().logs[self.log].last = Some(position);
    }

    fn fault(&self, what: &str) {
        self.stage.witness().fault(what);
    }

    /// Until the connection is over.
    async fn follow(&mut self, mut connection: Connection) {
        let Manners { phone_cut, phone_dead, phone_slow, .. } = self.stage.manners;
        loop {
            if self.wire.happens(phone_cut) {
                return self.stage.witness().inject("phone cut");
            }
            if self.wire.happens(phone_dead) {
                self.stage.witness().inject("phone goes dead");
                return connection.goes_dead();
            }
            if self.wire.happens(phone_slow) {
                self.stage.witness().inject("phone slow");
                self.wire.pause(SLOW).await;
            }
            match connection.next().await {
                Some(Said::Frame(text)) => self.read(&text),
                Some(Said::Closed(Close::TooSlow)) => {
                    return self.stage.witness().end("phone was too slow");
                }
                Some(Said::Closed(_)) | None => return,
            }
        }
    }

    /// Reads a frame as the contract says it.
    fn read(&mut self, text: &str) {
        let topic = self.topic;
        match Frame::parse(text) {
            Ok(Frame::Answer(SUBSCRIBE, Ok(answer))) => self.begin(answer),
            Ok(Frame::Answer(SUBSCRIBE, Err(refusal))) => match refusal.code.as_str() {
                "unknown_wallet" | "unknown_merchant" | "unknown_group" => {
                    self.fault(&format!("J-2: {topic} is gone"));
                }
                _ => {}
            },
            Ok(Frame::Event(pushed)) => self.hear(&pushed, text),
            Ok(Frame::Progress(params)) => match serde_json::from_str(params) {
                Ok(Waiting { questions }) => self.think_of(questions),
                Err(error) => self.fault(&format!("L-1: {topic} tells of progress {error}")),
            },
            Ok(Frame::Hello(_) | Frame::Answer(..)) => {
                self.fault(&format!("L-1: {topic} was not asked for {text}"));
            }
            Err(error) => self.fault(&format!("L-1: {topic} says {text}: {error}")),
        }
    }

    /// The subscription begins: with what was missed, where the phone knew the topic.
    fn begin(&mut self, answer: &str) {
        let topic = self.topic;
        let read = serde_json::from_str::<Subscribed>(answer);
        let read = read.and_then(|subscribed| Ok((subscribed, serde_json::from_str(answer)?)));
        match read {
            Ok((Subscribed { position, recovered }, Begins { state })) => {
                let heard = self.heard();
                if !recovered && let Some(heard) = heard {
                    self.fault(&format!("L-1: {topic} does not know {heard}, which it once told"));
                }
                if heard.is_none() {
                    self.heard_up_to(Position(position));
                }
                state.into_iter().for_each(|state| self.think_of(state.questions));
            }
            Err(error) => self.fault(&format!("L-1: {topic} begins with {answer}: {error}")),
        }
    }

    fn hear(&mut self, pushed: &Pushed<'_>, frame: &str) {
        let topic = self.topic;
        let mut track = Track::at(self.heard().unwrap_or(Position::NONE).0);
        if let Err(wrong) = track.step(pushed.position, pushed.prev) {
            self.fault(&format!("L-1: {topic}: {wrong}"));
        }
        let position = Position(pushed.position);
        self.stage.witness().told_in_json(position, frame);
        self.heard_up_to(position);
    }

    fn think_of(&mut self, questions: Vec<Question>) {
        questions.into_iter().for_each(|question| self.think(question));
    }

    /// A diner makes up his mind about a question, once.
    fn think(&mut self, question: Question) {
        let Topic::Group(group) = self.topic else { return };
        let Question { order_no, presentation, diner, owed, .. } = &question;
        if !self.asked.insert((*presentation, *diner)) {
            return;
        }
        self.stage.witness().asks(group, &question);
        let manners = self.stage.manners;
        if self.wire.happens(manners.diner_silent) {
            return self.stage.witness().inject("diner silent");
        }
        let refuses = self.wire.happens(manners.diner_refuses);
        if refuses {
            self.stage.witness().inject("diner refuses");
        }
        let most = u64::try_from(THINKS.as_millis()).unwrap_or(u64::MAX);
        let thinks = Duration::from_millis(self.wire.chance.below(most));
        self.answers += 1;
        let mut wire = self.wire.another(&format!("phone {} answer {}", self.log, self.answers));
        let stage = Rc::clone(&self.stage);
        let what =
            format!("say {} to {owed} of order {order_no}", if refuses { "no" } else { "yes" });
        drop(tokio::task::spawn_local(async move {
            tokio::time::sleep(thinks).await;
            if !refuses {
                stage.witness().says_yes(group, &question);
            }
            let answer = move |engine: Engine| {
                let question = question.clone();
                async move {
                    match refuses {
                        true => engine.refuse(group, question).await,
                        false => engine.confirm(group, question).await,
                    }
                }
            };
            for _ in 0..ANSWERS_MAX {
                match wire.ask(&what, &answer).await {
                    // A question that was withdrawn meanwhile is answered in vain.
                    Heard::Yes(()) | Heard::No(_) => return,
                    Heard::Nothing => wire.pause(AGAIN).await,
                }
            }
        }));
    }
}
