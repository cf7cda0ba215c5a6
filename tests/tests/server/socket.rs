//! Socket: a client of the live channel.
//!
//! Answers and pushes are kept apart. L-1 is held here, for every client of every test: each durable
//! event names as its `prev` the one that was heard before it, from the position on with which the
//! subscription began.
//!
//! Whatever is waited for comes within [`WAIT_MAX`], or the test fails and says what came instead.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    house::House,
    wire::{Gone, Trust, Wire},
};

/// How long anything is waited for: an order that nobody answers ends after a minute.
const WAIT_MAX: Duration = Duration::from_secs(90);

/// What a client gets for a request: a result, or a problem.
pub(crate) type Answer = Result<Value, Value>;

/// One connection to the live channel.
pub(crate) struct Socket {
    wire: Wire,
    asked: u64,
    /// Subscriptions that are not answered yet: topic, and position to resume from.
    begun: BTreeMap<u64, (String, Option<u64>)>,
    answers: BTreeMap<u64, Answer>,
    /// Answers to what had no readable id.
    lost: VecDeque<Value>,
    pushes: VecDeque<Value>,
    /// The newest position heard of each topic.
    heard: BTreeMap<String, u64>,
    pub(crate) hello: Value,
}

impl Socket {
    /// A connection of nobody.
    pub(crate) fn connect(house: &House) -> Self {
        Self::connect_by(house.address(), house.trust()).expect("connects")
    }

    pub(crate) fn connect_to(address: SocketAddr) -> Result<Self, Gone> {
        Self::connect_by(address, None)
    }

    fn connect_by(address: SocketAddr, trust: Option<&Trust>) -> Result<Self, Gone> {
        let wire = Wire::connect(address, trust)?;
        let (begun, answers, lost) = Default::default();
        let (pushes, heard, hello) = (VecDeque::new(), BTreeMap::new(), Value::Null);
        let mut socket = Self { wire, asked: 0, begun, answers, lost, pushes, heard, hello };
        let hello = socket.wire.frame(Instant::now() + WAIT_MAX)?.expect("a hello");
        assert_eq!(hello["method"], "hello", "{hello}");
        socket.hello = hello["params"].clone();
        Ok(socket)
    }

    /// A connection of whoever holds `token`.
    pub(crate) fn signed_in(house: &House, token: &str) -> Self {
        Self::connect(house).sign_in(token).expect("signs in")
    }

    pub(crate) fn signed_in_at(address: SocketAddr, token: &str) -> Result<Self, Gone> {
        Self::connect_to(address)?.sign_in(token)
    }

    fn sign_in(mut self, token: &str) -> Result<Self, Gone> {
        loop {
            match self.try_ask("sign_in", json!({ "token": token }))? {
                Ok(_) => return Ok(self),
                Err(problem) => {
                    // Everybody of this machine may have one address.
                    assert_eq!(problem["code"], "too_many_requests", "{problem}");
                    let wait = problem["retry_after_ms"].as_u64().expect("says when");
                    sleep(Duration::from_millis(wait));
                }
            }
        }
    }

    /// Sends `text` as it is.
    pub(crate) fn send(&mut self, text: impl Into<String>) -> Result<(), Gone> {
        self.wire.send(text.into())
    }

    /// What is below the requests.
    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Sends a request without waiting for its answer; says under which id.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> Result<u64, Gone> {
        self.asked += 1;
        let id = self.asked;
        if method == "subscribe" {
            let topic = params["topic"].as_str().unwrap_or_default().to_owned();
            self.begun.insert(id, (topic, params["after"].as_u64()));
        }
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(request.to_string())?;
        Ok(id)
    }

    /// Waits for the answer to the request `id`.
    pub(crate) fn answer(&mut self, id: u64) -> Result<Answer, Gone> {
        self.wait_for(&format!("the answer to {id}"), |socket| socket.answers.remove(&id))
    }

    pub(crate) fn try_ask(&mut self, method: &str, params: Value) -> Result<Answer, Gone> {
        let id = self.begin(method, params)?;
        self.answer(id)
    }

    /// Asks for what must be granted.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        match self.try_ask(method, params) {
            Ok(Ok(result)) => result,
            other => panic!("{method}: {other:?}"),
        }
    }

    /// Asks for what must be refused; gives the problem.
    #[track_caller]
    pub(crate) fn refused(&mut self, method: &str, params: Value) -> Value {
        match self.try_ask(method, params) {
            Ok(Err(problem)) => problem,
            other => panic!("{method}: {other:?}"),
        }
    }

    /// Listens to `topic` from its present state on, or from after a position.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, topic: &str, after: Option<u64>) -> Value {
        self.ask(
            "subscribe",
            json!({ "topic": topic, "after": after, "epoch": self.hello["epoch"] }),
        )
    }

    /// The next error that answers no request in particular.
    pub(crate) fn lost(&mut self) -> Result<Value, Gone> {
        self.wait_for("an error", |socket| socket.lost.pop_front())
    }

    /// The next push of any kind.
    pub(crate) fn push(&mut self) -> Result<Value, Gone> {
        self.wait_for("a push", |socket| socket.pushes.pop_front())
    }

    /// The next progress in which so many sources have set their part aside.
    pub(crate) fn hears_reserved(&mut self, sources: u64) -> Value {
        loop {
            let push = self.push().expect("still there");
            if push["params"]["reserved"] == sources {
                return push;
            }
        }
    }

    /// The next durable event's `params`; progress is passed over.
    pub(crate) fn event(&mut self) -> Result<Value, Gone> {
        self.wait_for("an event", Self::heard_event)
    }

    /// The next durable event of that type; others are passed over.
    pub(crate) fn event_of(&mut self, kind: &str) -> Result<Value, Gone> {
        self.wait_for(kind, |socket| {
            loop {
                let event = socket.heard_event()?;
                if event["event"]["data"]["type"] == kind {
                    return Some(event);
                }
            }
        })
    }

    /// The next durable event that came already.
    fn heard_event(&mut self) -> Option<Value> {
        loop {
            let mut push = self.pushes.pop_front()?;
            if push["method"] == "event" {
                return Some(push["params"].take());
            }
        }
    }

    /// Where to resume `topic` from.
    pub(crate) fn heard(&self, topic: &str) -> Option<u64> {
        self.heard.get(topic).copied()
    }

    /// Makes sure that no push came before an answer to what is asked now.
    #[track_caller]
    pub(crate) fn has_heard_nothing(&mut self) {
        self.ask("ping", json!({}));
        assert!(self.pushes.is_empty(), "heard {:?}", self.pushes);
    }

    /// Makes sure that no push came, and that none comes for a while.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self) {
        self.has_heard_nothing();
        self.wire.is_silent();
    }

    /// Reads until the server closes; the code.
    pub(crate) fn closed(&mut self) -> u16 {
        let Err(Gone(code)) = self.wait_for("the end", |_| None::<Infallible>);
        code
    }

    /// Ends the connection as a well-behaved client does.
    pub(crate) fn leave(self) {
        self.wire.leave();
    }

    /// Ends the connection as a dead network does: with a reset.
    pub(crate) fn cut(self) {
        self.wire.cut();
    }

    /// Reads until `find` finds what is called `awaited`. The one place where a socket waits.
    fn wait_for<T>(
        &mut self,
        awaited: &str,
        mut find: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Gone> {
        let until = Instant::now() + WAIT_MAX;
        let mut came = Vec::new();
        loop {
            if let Some(found) = find(self) {
                return Ok(found);
            }
            let Some(frame) = self.wire.frame(until)? else {
                panic!("{awaited} did not come within {WAIT_MAX:?}; what came: {}", came.join("\n"))
            };
            came.push(frame.to_string());
            self.sort(frame);
        }
    }

    /// Puts a frame where it belongs.
    fn sort(&mut self, frame: Value) {
        if frame.get("method").is_some() {
            self.track(&frame);
            self.pushes.push_back(frame);
            return;
        }
        let Some(id) = frame["id"].as_u64() else {
            self.lost.push_back(frame);
            return;
        };
        let begun = self.begun.remove(&id);
        let answer = match frame.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(frame["error"]["data"].clone()),
        };
        if let (Some((topic, after)), Ok(subscribed)) = (begun, &answer) {
            assert_eq!(subscribed["topic"], topic, "{subscribed}");
            let position = subscribed["position"].as_u64().expect("a position");
            let recovered = subscribed["recovered"].as_bool().expect("says so");
            assert_eq!(recovered, subscribed.get("state").is_none(), "{subscribed}");
            let from = if recovered { after.expect("only resumed is recovered") } else { position };
            self.heard.insert(topic, from);
        }
        assert!(self.answers.insert(id, answer).is_none(), "answered twice: {id}");
    }

    /// L-1: no gap, no duplicate; and no progress from before what is known.
    fn track(&mut self, push: &Value) {
        let event = &push["params"];
        if push["method"] == "progress" {
            let known = event["topic"].as_str().and_then(|topic| self.heard.get(topic));
            let position = event["position"].as_u64();
            assert!(known.is_some() && position >= known.copied(), "{push} after {known:?}");
        }
        if push["method"] != "event" {
            return;
        }
        let topic = event["topic"].as_str().expect("a topic");
        let last = self.heard.get_mut(topic);
        let last = last.unwrap_or_else(|| panic!("nobody asked for {topic}: {event}"));
        assert_eq!(event["prev"], *last, "L-1: a gap or a duplicate in {event}");
        let position = event["position"].as_u64().expect("a position");
        assert!(position > *last, "L-1: {event} stands before {last}");
        assert_eq!(event["event"]["id"], position.to_string(), "{event}");
        *last = position;
    }
}
