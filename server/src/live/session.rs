//! Session: one websocket, an actor of its own, and the only file that knows the websocket library.
//!
//! A request's path: frame → [`Request::parse`] → the session's own methods (`sign_in`, `subscribe`,
//! `unsubscribe`, `ping`), or the operation of that name, run beside the others → answer. Pushes
//! come from [`topics`](super::topics) and are sent as they are.
//!
//! What bounds a session: requests under way, frames a second, topics, frame size; and for what it
//! is sent, each topic's ring of pushes and one gap at a time. A socket that takes no more bytes stops
//! this actor from being polled: what waits then is one gap, the answers that were ready with it, and
//! the rings, until the socket goes on or the connection is given up for its pace
//! ([`connection`](crate::http::connection)).
//!
//! - a push goes to whoever holds the right *then*: with each, the token and the register are
//!   asked again, and whoever leaves a group hears of that and of nothing after it.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{
    CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder,
};
use fanju::{Error, id::Topic};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    allowance::Allowance,
    close::Close,
    frames::{self, Request, Unsubscribed},
    hello::Hello,
    methods::{SignIn, Subscribe, TopicName, Unsubscribe, idempotency_key},
    nobody::Nobody,
    reply::Reply,
    seats::Seat,
    subscription::{self, Beginning, Heard, Listening},
    topics::{Gone, Push},
};
use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller, Door},
        rate::Payer,
        rights::{self, Right},
        token::{Token, TokenHash, TokenKind},
    },
    limits,
    operations::{self, Answer},
    problem::{Kind, Problem},
};

/// A bearer token that is good, as far as it is kept.
type TokenOf = (TokenKind, TokenHash);

/// Opens a session on the websocket that `request` asks for.
///
/// # Errors
/// When `request` is no websocket handshake.
pub(super) fn open(
    app: App,
    request: &HttpRequest,
    payload: web::Payload,
    nobody: Nobody,
) -> Result<HttpResponse, actix_web::Error> {
    let session = Session::new(app, nobody);
    WsResponseBuilder::new(session, request, payload).frame_size(limits::FRAME_BYTES_MAX).start()
}

/// One connection.
struct Session {
    app: App,
    id: Uuid,
    nobody: Nobody,
    token: Option<TokenOf>,
    seat: Option<Seat>,
    listening: HashMap<Topic, Listening>,
    /// Subscriptions under way, by the number of the request. Signing in as somebody else ends
    /// them, and so does unsubscribing.
    beginning: HashMap<Topic, u64>,
    subscribed: u64,
    /// Gaps are read and sent one after another: each may be long.
    gaps: Arc<Semaphore>,
    heard_at: Instant,
    asked_at: Instant,
    under_way: usize,
    allowance: Allowance,
    /// The server shuts down, and only answers go out.
    is_leaving: bool,
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.app.sessions().fetch_add(1, Ordering::Relaxed);
        ctx.text(frames::notification("hello", &Hello::of(&self.app, self.id)));
        ctx.run_interval(limits::HEARTBEAT, Self::beat);
        let closing = self.app.closing();
        ctx.spawn(closing.into_actor(self).map(|(), session, ctx| session.leave(ctx)));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.app.sessions().fetch_sub(1, Ordering::Relaxed);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.heard_at = Instant::now();
        match message {
            Ok(Message::Text(text)) => self.request(&text, ctx),
            Ok(Message::Ping(bytes)) => self.signal(Some(&bytes), ctx),
            Ok(Message::Pong(_)) => self.signal(None, ctx),
            Ok(Message::Nop) => {}
            Ok(Message::Binary(_) | Message::Continuation(_)) => self.close(ctx, Close::NotText),
            Ok(Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Err(ProtocolError::Overflow) => self.close(ctx, Close::TooLarge),
            Err(error) => {
                tracing::debug!(session = %self.id, %error, "broken frame");
                self.close(ctx, Close::Malformed);
            }
        }
    }
}

impl StreamHandler<Heard> for Session {
    fn handle(&mut self, Heard { topic, number, push }: Heard, ctx: &mut Self::Context) {
        if self.listening.get(&topic).is_none_or(|listening| listening.number != number) {
            return;
        }
        match push {
            Ok(push) => self.tell(topic, push, ctx),
            Err(Gone::Lagged) => self.close(ctx, Close::TooSlow),
            // The engine closes, or will as its journal failed, which the session hears for itself; or
            // the topic's task was cut.
            Err(Gone::Ended) if self.app.is_closing() || self.app.engine().is_poisoned() => {}
            Err(Gone::Ended) => self.close(ctx, Close::TooSlow),
        }
    }

    /// The end of one topic's stream is not the end of the session.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Session {
    fn new(app: App, nobody: Nobody) -> Self {
        let now = Instant::now();
        let often = app.settings().often();
        Self {
            app,
            id: Uuid::now_v7(),
            nobody,
            token: None,
            seat: None,
            listening: HashMap::new(),
            beginning: HashMap::new(),
            subscribed: 0,
            gaps: Arc::new(Semaphore::new(1)),
            heard_at: now,
            asked_at: now,
            under_way: 0,
            allowance: Allowance::new(often.requests_per_second, often.requests_burst, now),
            is_leaving: false,
        }
    }

    /// Looks whether the other side is still there, and still who it was.
    fn beat(&mut self, ctx: &mut WebsocketContext<Self>) {
        let now = Instant::now();
        if now - self.heard_at > limits::HEARTBEAT * 2 {
            return self.close(ctx, Close::Silent);
        }
        match self.caller() {
            Ok(Caller::Nobody) if self.token.is_some() => self.close(ctx, Close::TokenOver),
            Ok(Caller::Nobody) if self.nobody.is_too_long(now, self.asked_at) => {
                self.close(ctx, Close::NotSignedIn);
            }
            Ok(_) => ctx.ping(b""),
            Err(_) => self.close(ctx, Close::Closing),
        }
    }

    /// Sends a push to whoever may hear it now.
    fn tell(&mut self, topic: Topic, push: Push, ctx: &mut WebsocketContext<Self>) {
        let caller = match self.caller() {
            Ok(Caller::Nobody) => return self.close(ctx, Close::TokenOver),
            Ok(caller) => caller,
            Err(_) => return self.close(ctx, Close::Closing),
        };
        if !rights::may_hear_on(&caller, topic) {
            return self.unsubscribed(topic, ctx);
        }
        ctx.text(push.text);
        if push.left.is_some_and(|wallet| caller.owns(wallet)) {
            let app = self.app.clone();
            let check = async move { rights::check(&app, &caller, &Right::to_hear(topic)).await };
            // Nothing else is sent meanwhile: another wallet of theirs may sit at the table.
            ctx.wait(check.into_actor(self).map(move |checked, session, ctx| match checked {
                Ok(()) => {}
                Err(problem) if problem.is_refusal() => session.unsubscribed(topic, ctx),
                // Nobody can tell now: whoever comes back is looked at again.
                Err(_) => session.close(ctx, Close::Closing),
            }));
        }
    }

    /// Hears `topic` no more, and says so.
    fn unsubscribed(&mut self, topic: Topic, ctx: &mut WebsocketContext<Self>) {
        self.forget(topic, ctx);
        let why = Unsubscribed { topic: topic.to_string() };
        ctx.text(frames::notification("unsubscribed", &why));
    }

    fn forget(&mut self, topic: Topic, ctx: &mut WebsocketContext<Self>) {
        self.beginning.remove(&topic);
        if let Some(listening) = self.listening.remove(&topic) {
            ctx.cancel_future(listening.pushes);
        }
    }

    fn forget_all(&mut self, ctx: &mut WebsocketContext<Self>) {
        self.beginning.clear();
        for (_, listening) in self.listening.drain() {
            ctx.cancel_future(listening.pushes);
        }
    }

    /// Goes, as soon as everything that was accepted is answered.
    fn leave(&mut self, ctx: &mut WebsocketContext<Self>) {
        self.is_leaving = true;
        ctx.run_later(limits::LEAVE_WITHIN, |session, ctx| session.close(ctx, Close::Closing));
        self.leave_if_answered(ctx);
    }

    fn leave_if_answered(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.is_leaving && self.under_way == 0 {
            self.close(ctx, Close::Closing);
        }
    }

    fn close(&mut self, ctx: &mut WebsocketContext<Self>, why: Close) {
        self.forget_all(ctx);
        let description = Some(why.description().to_owned());
        ctx.close(Some(CloseReason { code: CloseCode::from(why.code()), description }));
        ctx.stop();
    }

    /// Who it is, while nobody asks.
    fn caller(&self) -> Result<Caller, Problem> {
        self.token.map_or(Ok(Caller::Nobody), |(kind, token)| self.app.recognise(kind, &token))
    }

    /// Who asks for `method`. Pages ping by themselves: that is nobody's asking.
    fn asker(&self, method: &str) -> Result<Caller, Problem> {
        match &self.token {
            Some((kind, token)) if method != "ping" => self.app.identify(*kind, token),
            _ => self.caller(),
        }
    }

    /// Counts a ping or a pong like a request. A ping is answered until it is a flood: many a client takes
    /// one that is not for a dead connection.
    fn signal(&mut self, ping: Option<&[u8]>, ctx: &mut WebsocketContext<Self>) {
        if self.allowance.take_many(self.heard_at, 1).is_err() && self.allowance.is_flooded() {
            return self.close(ctx, Close::Flood);
        }
        if let Some(ping) = ping {
            ctx.pong(ping);
        }
    }

    fn request(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        let now = Instant::now();
        self.asked_at = now;
        let Request { id, method, params } = match Request::parse(text) {
            Ok(request) => request,
            Err(malformed) => {
                ctx.text(frames::malformed(&malformed));
                // Who never makes sense is not talking to us.
                return if self.allowance.take_many(now, 10).is_err() {
                    self.close(ctx, Close::Malformed);
                };
            }
        };
        let reply = Reply::to(id, &method);
        let tokens = self.app.rates().price(text.len());
        if let Err(wait) = self.allowance.take_many(now, tokens) {
            if self.allowance.is_flooded() {
                return self.close(ctx, Close::Flood);
            }
            let problem = Problem::new(Kind::TooManyRequests, "this session asks too often")
                .retry_after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            return answer(ctx, &reply, Err(problem));
        }
        if self.under_way >= limits::SESSION_REQUESTS_MAX {
            let problem = Problem::new(Kind::TooManyRequests, "too many requests under way")
                .retry_after_ms(limits::RETRY_SOON_MS);
            return answer(ctx, &reply, Err(problem));
        }
        if self.is_leaving {
            return answer(ctx, &reply, Err(Error::Closing.into()));
        }
        match self.asker(&method) {
            Ok(Caller::Nobody) if self.token.is_some() => self.close(ctx, Close::TokenOver),
            Ok(caller) => match self.count(&caller, &method, tokens) {
                Ok(()) => self.run(caller, reply, &method, params, ctx),
                Err(problem) => answer(ctx, &reply, Err(problem)),
            },
            Err(problem) => answer(ctx, &reply, Err(problem)),
        }
    }

    /// All sessions of one identity together ask no more often than one. Signing in counts by itself.
    fn count(&self, caller: &Caller, method: &str, tokens: u32) -> Result<(), Problem> {
        if method == "sign_in" {
            return Ok(());
        }
        Ok(self.app.rates().take(caller.payer(self.nobody.address), tokens)?)
    }

    fn run(
        &mut self,
        caller: Caller,
        reply: Reply,
        method: &str,
        params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        match method {
            "sign_in" => self.sign_in(reply, params, ctx),
            "ping" => answer(ctx, &reply, Ok(format!("{{\"server_time\":{}}}", self.app.now().0))),
            "subscribe" => self.subscribe(caller, reply, params, ctx),
            "unsubscribe" => {
                let answered = operations::read(&params).map(|Unsubscribe { topic }| {
                    self.forget(topic.0, ctx);
                    "{}".to_owned()
                });
                answer(ctx, &reply, answered);
            }
            method => self.operate(caller, reply, method, params, ctx),
        }
    }

    /// Runs the operation `method` beside whatever else is under way.
    fn operate(
        &mut self,
        caller: Caller,
        reply: Reply,
        method: &str,
        mut params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Some(operation) = operations::named(method) else {
            let detail = format!("no method `{method}`: see /docs");
            return answer(ctx, &reply, Err(Problem::new(Kind::UnknownMethod, detail)));
        };
        // Where none is taken it is a field like others, and refused: nobody is to rely on it.
        let takes_key = operation.offer.repeats.takes_key();
        let key = match takes_key.then(|| idempotency_key(&mut params)).transpose() {
            Ok(key) => key.flatten(),
            Err(problem) => return answer(ctx, &reply, Err(problem)),
        };
        let ask = self.ask(caller, key);
        let app = self.app.clone();
        let run = async move { operations::perform(&app, operation, ask, params).await };
        self.under_way += 1;
        ctx.spawn(run.into_actor(self).map(move |answered, session, ctx| {
            session.under_way -= 1;
            answer(ctx, &reply, answered);
            session.leave_if_answered(ctx);
        }));
    }

    fn ask(&self, caller: Caller, key: Option<String>) -> Ask {
        let (address, agent) = (self.nobody.address, self.nobody.agent.clone());
        let token = self.token.map(|(_, token)| token);
        Ask { door: Door::Live, caller, token, key, opens: None, address, agent }
    }

    fn sign_in(
        &mut self,
        reply: Reply,
        params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        match operations::read(&params).and_then(|SignIn { token }| self.signed_in(&token)) {
            Ok((token, caller)) => {
                // Whoever it was before listens no more.
                self.forget_all(ctx);
                self.token = Some(token);
                self.nobody.is_somebody();
                self.operate(caller, reply, "me", Map::new(), ctx);
            }
            Err(problem) => answer(ctx, &reply, Err(problem)),
        }
    }

    /// Who carries `token`, and has a seat now. Only guesses count against the address: many phones
    /// may share one.
    fn signed_in(&mut self, token: &str) -> Result<(TokenOf, Caller), Problem> {
        let address = self.nobody.address;
        let Some(token) = Token::parse(token) else {
            self.app.rates().take(Payer::Address(address), 1)?;
            return Err(Problem::not_signed_in());
        };
        let caller = self.app.introduce(token, address)?;
        self.app.rates().take(caller.payer(address), 1)?;
        if !self.seat.as_ref().is_some_and(|seat| seat.is_of(caller.id())) {
            self.seat = self.app.seat(&caller)?;
        }
        Ok((token, caller))
    }

    fn subscribe(
        &mut self,
        caller: Caller,
        reply: Reply,
        params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Subscribe { topic: TopicName(topic), after, epoch } = match operations::read(&params) {
            Ok(subscribe) => subscribe,
            Err(problem) => return answer(ctx, &reply, Err(problem)),
        };
        let after = after.filter(|_| epoch.is_some_and(|epoch| epoch == self.app.epoch()));
        let topics = self.listening.len() + self.beginning.len();
        if !self.listening.contains_key(&topic) && topics >= limits::SESSION_SUBSCRIPTIONS_MAX {
            let problem = Problem::new(Kind::TooManySubscriptions, "this session hears enough");
            return answer(ctx, &reply, Err(problem));
        }
        self.subscribed += 1;
        let number = self.subscribed;
        self.beginning.insert(topic, number);
        let (app, gaps) = (self.app.clone(), Arc::clone(&self.gaps));
        let ask = self.ask(caller, None);
        let begin = async move {
            let turn = if after.is_some() { gaps.acquire_owned().await.ok() } else { None };
            (subscription::begin(&app, &ask, topic, after).await, turn)
        };
        self.under_way += 1;
        ctx.spawn(begin.into_actor(self).map(move |(begun, _turn), session, ctx| {
            session.under_way -= 1;
            let is_wanted = session.beginning.get(&topic) == Some(&number);
            if is_wanted {
                session.beginning.remove(&topic);
            }
            match begun {
                Ok(_) if !is_wanted => {
                    let detail = "unsubscribed, subscribed again or signed in anew meanwhile";
                    let problem = Problem::new(Kind::SubscriptionOver, detail);
                    answer(ctx, &reply, Err(problem));
                }
                Ok(_) if !session.may_hear(topic) => {
                    answer(ctx, &reply, Err(Problem::forbidden()));
                }
                Ok(begun) => session.begun(topic, number, &reply, begun, ctx),
                Err(problem) => answer(ctx, &reply, Err(problem)),
            }
            session.leave_if_answered(ctx);
        }));
    }

    /// Whether whoever is signed in now may hear `topic`, as far as the register knows.
    fn may_hear(&self, topic: Topic) -> bool {
        self.caller().is_ok_and(|caller| rights::may_hear_on(&caller, topic))
    }

    /// Answers, sends what was missed, and listens: in one turn, so that nothing comes in between.
    fn begun(
        &mut self,
        topic: Topic,
        number: u64,
        reply: &Reply,
        begun: Beginning,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Beginning { answer: subscribed, missed, pushes } = begun;
        answer(ctx, reply, Ok(subscribed));
        missed.into_iter().for_each(|text| ctx.text(text));
        let pushes = ctx.add_stream(subscription::heard(topic, number, pushes));
        if let Some(before) = self.listening.insert(topic, Listening { number, pushes }) {
            ctx.cancel_future(before.pushes);
        }
    }
}

/// Sends the answer to a request; a notification gets none.
fn answer(ctx: &mut WebsocketContext<Session>, reply: &Reply, answered: Answer) {
    if let Some(text) = reply.word(answered) {
        ctx.text(text);
    }
}
