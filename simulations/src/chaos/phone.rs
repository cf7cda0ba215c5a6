//! Phone: a live connection to one topic, which is cut and comes back, and must never miss or repeat
//! anything (L-1). The phone of a group also answers what its diners are asked.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use fanju::{
    DurableEvent, Engine, Error, FeedError, FeedEvent, Subscription, TopicState,
    domain::{event::Event, payment::Question},
    id::{Position, Topic},
};

use super::{
    wire::{Heard, Wire},
    world::Stage,
};

/// Until a phone is back.
const AWAY: Duration = Duration::from_millis(700);

/// Until a diner answers.
const THINKS: Duration = Duration::from_millis(1_500);

/// Between two attempts to answer.
const AGAIN: Duration = Duration::from_millis(300);

/// How often somebody says the same.
const ANSWERS_MAX: u32 = 4;

struct Phone {
    stage: Rc<Stage>,
    engine: Engine,
    wire: Wire,
    topic: Topic,
    log: usize,
    asked: BTreeSet<String>,
    answers: u32,
}

/// Listens to the topic of this log, life after life.
pub async fn listen(stage: Rc<Stage>, engine: Engine, log: usize) {
    let topic = stage.cast().logs[log].topic;
    let wire = Wire::new(&stage, &engine, &format!("phone {log}"));
    let mut phone = Phone { stage, engine, wire, topic, log, asked: BTreeSet::new(), answers: 0 };
    loop {
        let after = phone.stage.cast().logs[phone.log].last;
        match phone.engine.subscribe(topic, after).await {
            Ok(mut feed) => {
                if after.is_none() {
                    phone.heard_up_to(feed.position());
                }
                phone.follow(&mut feed).await;
            }
            Err(Error::UnknownPosition) => {
                let at = after.unwrap_or(Position::NONE);
                let fault = format!("L-1: {topic} does not know {at}, which it once told");
                return phone.stage.witness().fault(fault);
            }
            Err(Error::UnknownWallet(_) | Error::UnknownMerchant(_) | Error::UnknownGroup(_)) => {
                return phone.stage.witness().fault(format!("J-2: {topic} is gone"));
            }
            Err(_) => {}
        }
        phone.wire.pause(AWAY).await;
    }
}

impl Phone {
    fn heard_up_to(&self, position: Position) {
        self.stage.cast_mut().logs[self.log].last = Some(position);
    }

    /// Until the connection is cut.
    async fn follow(&mut self, feed: &mut Subscription) {
        if let TopicState::Group(view) = feed.state() {
            let questions = view.questions.clone();
            questions.into_iter().for_each(|question| self.think(question));
        }
        let cuts = self.stage.manners.phone_cut;
        loop {
            if self.wire.happens(cuts) {
                return self.stage.witness().inject("phone cut");
            }
            match feed.next().await {
                Ok(FeedEvent::Durable(event)) => self.hear(&event),
                Ok(FeedEvent::Progress(progress)) => {
                    progress.waiting_for.into_iter().for_each(|question| self.think(question));
                }
                Err(FeedError::Lagged) => return self.stage.witness().say("a phone was too slow"),
                Err(FeedError::Ended) => return,
            }
        }
    }

    fn hear(&mut self, event: &DurableEvent) {
        let last = self.stage.cast().logs[self.log].last.unwrap_or(Position::NONE);
        let (prev, position) = (event.prev(), event.position());
        if prev != last {
            let fault =
                format!("L-1: {} hears {position} after {prev}, and had {last}", self.topic);
            self.stage.witness().fault(fault);
        }
        self.stage.witness().told(position, event.event());
        self.heard_up_to(position);
        // The same bill may be tried again, and asks again.
        if matches!(event.event(), Event::Settled(_) | Event::Declined(_)) {
            self.asked.clear();
        }
    }

    /// A diner makes up his mind about a question, once.
    fn think(&mut self, question: Question) {
        let Topic::Group(group) = self.topic else { return };
        let Question { order_no, diner, owed, .. } = &question;
        if !self.asked.insert(format!("{order_no} {diner} {owed}")) {
            return;
        }
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
