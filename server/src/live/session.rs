//! Session: one websocket, an actor of its own, and the only file that knows the websocket library.
//!
//! A request's path: frame → [`Request::parse`] → the session's own methods (`sign_in`, `subscribe`,
//! `unsubscribe`, `ping`), or the operation of that name, run beside the others → answer. Pushes
//! come from [`topics`] and are sent as they are.
//!
//! What bounds a session: requests under way, requests a second, topics, frame size; and for what it
//! is sent, each topic's ring of pushes. A socket that takes no more bytes stops this actor from
//! being polled, so nothing piles up in it.

use std::{collections::HashMap, sync::atomic::Ordering, time::Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, SpawnHandle, StreamHandler, WrapFuture,
};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{
    CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder,
};
use bytestring::ByteString;
use fanju::{
    Error,
    id::{Position, Topic},
};
use futures_util::stream;
use serde_json::{Map, Value};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::{
    allowance::Allowance,
    close::Close,
    frames::{self, Hello, HelloLimits, Id, Request},
    methods::{SignIn, Subscribe, Subscribed, TopicName, Unsubscribe},
    topics::{self, Listener, Push},
};
use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller},
        rights::{self, Right},
        token::{Token, TokenHash, TokenKind},
    },
    limits,
    operations::{self, Answer},
    problem::Problem,
};

/// Opens a session on the websocket that `request` asks for.
///
/// # Errors
/// When `request` is no websocket handshake.
pub(super) fn open(
    app: App,
    request: &HttpRequest,
    payload: web::Payload,
    address: std::net::IpAddr,
) -> Result<HttpResponse, actix_web::Error> {
    let agent = request.headers().get(actix_web::http::header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    let session = Session::new(app, address, agent);
    WsResponseBuilder::new(session, request, payload).frame_size(limits::FRAME_BYTES_MAX).start()
}

/// One connection.
struct Session {
    app: App,
    id: Uuid,
    address: std::net::IpAddr,
    agent: Option<String>,
    token: Option<(TokenKind, TokenHash)>,
    listening: HashMap<Topic, Listening>,
    heard_at: Instant,
    asked_at: Instant,
    under_way: usize,
    allowance: Allowance,
}

/// One topic that the session listens to.
struct Listening {
    pushes: SpawnHandle,
    /// The newest position that the client was told of; what is not behind it is dropped.
    told: Position,
}

/// What a topic's ring said.
struct Heard {
    topic: Topic,
    push: Result<Push, Gone>,
}

/// Why a topic is heard no more.
enum Gone {
    /// The session was too slow.
    Lagged,
    /// The feed is over.
    Ended,
}

/// A subscription that is about to begin.
struct Begun {
    answer: Subscribed,
    listener: Listener,
    gap: Vec<ByteString>,
    told: Position,
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.app.sessions().fetch_add(1, Ordering::Relaxed);
        ctx.text(frames::notification("hello", &self.hello()));
        ctx.run_interval(limits::HEARTBEAT, Self::beat);
        let closing = self.app.closing();
        ctx.spawn(
            closing.into_actor(self).map(|(), session, ctx| session.close(ctx, Close::Closing)),
        );
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
            Ok(Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(Message::Pong(_) | Message::Nop) => {}
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
    fn handle(&mut self, Heard { topic, push }: Heard, ctx: &mut Self::Context) {
        let Some(listening) = self.listening.get_mut(&topic) else { return };
        match push {
            // The state or the gap had it already.
            Ok(Push { position: Some(position), .. }) if position <= listening.told => {}
            Ok(Push { position, text }) => {
                listening.told = position.unwrap_or(listening.told);
                ctx.text(text);
            }
            Err(Gone::Lagged) => self.close(ctx, Close::TooSlow),
            // The engine closes, which the session hears for itself, or the topic's task was cut.
            Err(Gone::Ended) if self.app.is_closing() => {}
            Err(Gone::Ended) => self.close(ctx, Close::TooSlow),
        }
    }

    /// The end of one topic's stream is not the end of the session.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Session {
    fn new(app: App, address: std::net::IpAddr, agent: Option<String>) -> Self {
        let now = Instant::now();
        let per_second = app.settings().session_requests_per_second;
        Self {
            app,
            id: Uuid::now_v7(),
            address,
            agent,
            token: None,
            listening: HashMap::new(),
            heard_at: now,
            asked_at: now,
            under_way: 0,
            allowance: Allowance::new(per_second, limits::SESSION_REQUESTS_BURST, now),
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            session: self.id,
            epoch: self.app.epoch().to_owned(),
            position: self.app.engine().stats().durable,
            heartbeat_ms: u64::try_from(limits::HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
            server_time: self.app.now(),
            limits: HelloLimits {
                frame_bytes_max: limits::FRAME_BYTES_MAX,
                requests_per_second: self.app.settings().session_requests_per_second,
                requests_max: limits::SESSION_REQUESTS_MAX,
                subscriptions_max: limits::SESSION_SUBSCRIPTIONS_MAX,
            },
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
            Ok(Caller::Nobody) if now - self.asked_at > limits::SIGN_IN_WITHIN => {
                self.close(ctx, Close::NotSignedIn);
            }
            Ok(_) => ctx.ping(b""),
            Err(_) => self.close(ctx, Close::Closing),
        }
    }

    fn close(&mut self, ctx: &mut WebsocketContext<Self>, why: Close) {
        for (_, listening) in self.listening.drain() {
            ctx.cancel_future(listening.pushes);
        }
        let description = Some(why.description().to_owned());
        ctx.close(Some(CloseReason { code: CloseCode::from(why.code()), description }));
        ctx.stop();
    }

    fn caller(&self) -> Result<Caller, Problem> {
        match &self.token {
            Some((kind, token)) => self.app.identify(*kind, token),
            None => Ok(Caller::Nobody),
        }
    }

    fn request(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        let now = Instant::now();
        self.asked_at = now;
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(malformed) => {
                ctx.text(frames::malformed(&malformed));
                // Who never makes sense is not talking to us.
                return if self.allowance.take_many(now, 10).is_err() {
                    self.close(ctx, Close::Malformed);
                };
            }
        };
        if let Err(wait) = self.allowance.take_many(now, 1) {
            if self.allowance.is_flooded() {
                return self.close(ctx, Close::Flood);
            }
            let problem = Problem::new(429, "too_many_requests", "this session asks too often")
                .retry_after_ms(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            return answer(ctx, request.id.as_ref(), Err(problem));
        }
        if self.under_way >= limits::SESSION_REQUESTS_MAX {
            let problem = Problem::new(429, "too_many_requests", "too many requests under way")
                .retry_after_ms(limits::RETRY_SOON_MS);
            return answer(ctx, request.id.as_ref(), Err(problem));
        }
        match self.caller() {
            Ok(Caller::Nobody) if self.token.is_some() => self.close(ctx, Close::TokenOver),
            Ok(caller) => self.run(caller, request, ctx),
            Err(problem) => answer(ctx, request.id.as_ref(), Err(problem)),
        }
    }

    fn run(&mut self, caller: Caller, request: Request, ctx: &mut WebsocketContext<Self>) {
        let Request { id, method, params } = request;
        match method.as_str() {
            "ping" => {
                let time = format!("{{\"server_time\":{}}}", self.app.now().0);
                answer(ctx, id.as_ref(), Ok(time));
            }
            "sign_in" => self.sign_in(id, params, ctx),
            "subscribe" => self.subscribe(caller, id, params, ctx),
            "unsubscribe" => {
                let answered = parameters::<Unsubscribe>(params).map(|Unsubscribe { topic }| {
                    if let Some(listening) = self.listening.remove(&topic.0) {
                        ctx.cancel_future(listening.pushes);
                    }
                    "{}".to_owned()
                });
                answer(ctx, id.as_ref(), answered);
            }
            method => self.operate(caller, id, method, params, ctx),
        }
    }

    /// Runs the operation `method` beside whatever else is under way.
    fn operate(
        &mut self,
        caller: Caller,
        id: Option<Id>,
        method: &str,
        mut params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Some(operation) = operations::named(method) else {
            let problem = Problem::new(404, "unknown_method", format!("no method `{method}`"));
            return answer(ctx, id.as_ref(), Err(problem));
        };
        let key = match params.remove("idempotency_key") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(_) => {
                let problem = Problem::bad_request("`idempotency_key` is not a text");
                return answer(ctx, id.as_ref(), Err(problem));
            }
        };
        let ask = self.ask(caller, key);
        let app = self.app.clone();
        let run = async move { operations::perform(&app, operation, ask, params).await };
        self.under_way += 1;
        ctx.spawn(run.into_actor(self).map(move |answered, session, ctx| {
            session.under_way -= 1;
            answer(ctx, id.as_ref(), answered);
        }));
    }

    fn ask(&self, caller: Caller, key: Option<String>) -> Ask {
        let token = self.token.map(|(_, token)| token);
        Ask { caller, token, key, address: self.address, agent: self.agent.clone() }
    }

    fn sign_in(
        &mut self,
        id: Option<Id>,
        params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let signed = parameters::<SignIn>(params).and_then(|SignIn { token }| {
            self.app.rates().anonymous(self.address)?;
            let parsed = Token::parse(&token).ok_or_else(Problem::not_signed_in)?;
            match self.app.identify(parsed.0, &parsed.1)? {
                Caller::Nobody => Err(Problem::not_signed_in()),
                caller @ (Caller::Person(_) | Caller::Till(_) | Caller::Operator) => {
                    Ok((parsed, caller))
                }
            }
        });
        match signed {
            Ok((token, caller)) => {
                // Whoever it was before listens no more.
                for (_, listening) in self.listening.drain() {
                    ctx.cancel_future(listening.pushes);
                }
                self.token = Some(token);
                self.operate(caller, id, "me", Map::new(), ctx);
            }
            Err(problem) => answer(ctx, id.as_ref(), Err(problem)),
        }
    }

    fn subscribe(
        &mut self,
        caller: Caller,
        id: Option<Id>,
        params: Map<String, Value>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Subscribe { topic: TopicName(topic), after } = match parameters(params) {
            Ok(subscribe) => subscribe,
            Err(problem) => return answer(ctx, id.as_ref(), Err(problem)),
        };
        let known = self.listening.contains_key(&topic);
        if !known && self.listening.len() >= limits::SESSION_SUBSCRIPTIONS_MAX {
            let problem = Problem::new(429, "too_many_subscriptions", "this session hears enough");
            return answer(ctx, id.as_ref(), Err(problem));
        }
        let (app, signed_in_as) = (self.app.clone(), self.token);
        let begin = async move { begin(&app, &caller, topic, after).await };
        self.under_way += 1;
        ctx.spawn(begin.into_actor(self).map(move |begun, session, ctx| {
            session.under_way -= 1;
            match begun {
                // Somebody else signed in meanwhile, and has no right to hear this.
                Ok(_) if session.token != signed_in_as => {
                    answer(ctx, id.as_ref(), Err(Problem::forbidden()));
                }
                Ok(begun) => session.begun(topic, id.as_ref(), begun, ctx),
                Err(problem) => answer(ctx, id.as_ref(), Err(problem)),
            }
        }));
    }

    /// Answers, sends what was missed, and listens: in one turn, so that nothing comes in between.
    fn begun(
        &mut self,
        topic: Topic,
        id: Option<&Id>,
        begun: Begun,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Begun { answer: subscribed, listener, gap, told } = begun;
        let answered =
            serde_json::to_string(&subscribed).map_err(|error| Problem::internal(&error));
        answer(ctx, id, answered);
        gap.into_iter().for_each(|text| ctx.text(text));
        let heard = stream::unfold(Some(listener), move |listener| async move {
            let mut listener = listener?;
            match listener.pushes.recv().await {
                Ok(push) => Some((Heard { topic, push: Ok(push) }, Some(listener))),
                Err(RecvError::Lagged(_)) => Some((Heard { topic, push: Err(Gone::Lagged) }, None)),
                Err(RecvError::Closed) => Some((Heard { topic, push: Err(Gone::Ended) }, None)),
            }
        });
        let pushes = ctx.add_stream(heard);
        if let Some(before) = self.listening.insert(topic, Listening { pushes, told }) {
            ctx.cancel_future(before.pushes);
        }
    }
}

/// Begins to hear `topic`: the ring first, then the state or the gap, so that nothing is missed in
/// between; what both have is dropped by its position.
async fn begin(
    app: &App,
    caller: &Caller,
    topic: Topic,
    after: Option<Position>,
) -> Result<Begun, Problem> {
    rights::check(app, caller, &Right::to_hear(topic)).await?;
    let listener = app.topics().listen(topic).await?;
    let (feed, recovered) = match app.engine().subscribe(topic, after).await {
        Ok(feed) => (feed, after.is_some()),
        // Honest: what cannot be told without a gap is not called recovered.
        Err(Error::UnknownPosition | Error::GapTooLong) => {
            (app.engine().subscribe(topic, None).await?, false)
        }
        Err(error) => return Err(error.into()),
    };
    let told = feed.position();
    let word = |event| topics::push(app.epoch(), topic, event).text;
    let gap = feed.missed().map(word).collect();
    let state = (!recovered).then(|| feed.state().clone());
    let answer = Subscribed { topic: topic.to_string(), recovered, position: told, state };
    Ok(Begun { answer, listener, gap, told })
}

fn parameters<P: serde::de::DeserializeOwned>(params: Map<String, Value>) -> Result<P, Problem> {
    serde_json::from_value(Value::Object(params))
        .map_err(|error| Problem::bad_request(error.to_string()))
}

/// Sends the answer to a request; a notification gets none.
fn answer(ctx: &mut WebsocketContext<Session>, id: Option<&Id>, answered: Answer) {
    match (id, answered) {
        (Some(id), Ok(result)) => ctx.text(frames::result(id, &result)),
        (Some(id), Err(problem)) => ctx.text(frames::refusal(Some(id), &problem)),
        (None, Ok(_)) => {}
        (None, Err(problem)) => tracing::debug!(%problem, "notification came to nothing"),
    }
}
