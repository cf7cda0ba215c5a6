//! Frames: JSON-RPC 2.0, one object a frame.
//!
//! Source: <https://www.jsonrpc.org/specification>. Batches are not taken: a socket has frames.

use std::fmt::Write;

use bytestring::ByteString;
use fanju::{DurableEvent, ProgressEvent, id::Topic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    depth,
    problem::{Kind, Problem, misfit},
};

/// A request that came in.
#[derive(Debug)]
pub struct Request {
    /// What the answer will be called; none for a notification, which is not answered.
    pub id: Option<Id>,
    /// What is asked.
    pub method: String,
    /// With what.
    pub params: Map<String, Value>,
}

/// What a client calls its request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Why a frame is not a request.
#[derive(Debug)]
pub struct Malformed {
    /// The request's id, if that much could be read.
    pub id: Option<Id>,
    /// JSON-RPC's code.
    pub code: i32,
    /// What is wrong.
    pub problem: Problem,
}

const WHAT_A_FRAME_IS: &str = "a frame is one JSON object: `jsonrpc`, `id`, `method` and `params`";

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;
const REFUSED: i32 = -32_000;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "given")]
    id: Option<Value>,
    method: Option<Value>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A value that is there, also where it is null: a request without an id wants no answer, and one whose id
/// is nothing wants one that nobody could tell from others.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Request {
    /// The request that `text` is.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = |id: Option<Id>, code, detail: String| Malformed {
            id,
            code,
            problem: Problem::new(Kind::MalformedFrame, detail),
        };
        if !depth::fits(text.as_bytes()) {
            let envelope = serde_json::from_str::<Envelope<'_>>(text).ok();
            let id = envelope.and_then(|envelope| serde_json::from_value(envelope.id?).ok());
            return Err(malformed(id, INVALID_REQUEST, depth::too_deep()));
        }
        let envelope: Envelope<'_> = match serde_json::from_str(text) {
            Err(error) if !error.is_data() => {
                let detail = format!("{WHAT_A_FRAME_IS}; {}", misfit::no_json(&error));
                return Err(malformed(None, PARSE_ERROR, detail));
            }
            // A list of the four would be taken for them.
            _ if !text.trim_start().starts_with('{') => {
                return Err(malformed(None, INVALID_REQUEST, WHAT_A_FRAME_IS.to_owned()));
            }
            Err(error) => {
                return Err(malformed(None, INVALID_REQUEST, misfit::no_json(&error)));
            }
            Ok(envelope) => envelope,
        };
        let id = match envelope.id {
            None => None,
            Some(id) => match serde_json::from_value(id) {
                Ok(id) => Some(id),
                Err(_) => {
                    let detail = "an id is a whole number or a text".to_owned();
                    return Err(malformed(None, INVALID_REQUEST, detail));
                }
            },
        };
        if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
            return Err(malformed(id, INVALID_REQUEST, "`jsonrpc` is not `2.0`".to_owned()));
        }
        let Some(Value::String(method)) = envelope.method else {
            let detail = "`method` is missing, or not a text".to_owned();
            return Err(malformed(id, INVALID_REQUEST, detail));
        };
        let params = match envelope.params {
            None => Map::new(),
            Some(params) => match serde_json::from_str(params.get()) {
                Ok(params) => params,
                Err(_) => {
                    let detail = "`params` is not an object".to_owned();
                    return Err(malformed(id, INVALID_PARAMS, detail));
                }
            },
        };
        Ok(Self { id, method, params })
    }
}

/// The frame that answers `id` with `result`, which is JSON.
///
/// # Panics
/// Never: ids serialise.
#[must_use]
pub fn result(id: &Id, result: &str) -> ByteString {
    let id = serde_json::to_string(id).expect("ids serialise");
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}").into()
}

/// The frame that answers `id` with `problem`.
#[must_use]
pub fn refusal(id: Option<&Id>, problem: &Problem) -> ByteString {
    let code = if problem.kind() == Kind::UnknownMethod {
        METHOD_NOT_FOUND
    } else if problem.kind() == Kind::BadRequest {
        INVALID_PARAMS
    } else {
        REFUSED
    };
    error(id, code, problem)
}

/// The frame that answers what was no request.
#[must_use]
pub fn malformed(malformed: &Malformed) -> ByteString {
    error(malformed.id.as_ref(), malformed.code, &malformed.problem)
}

fn error(id: Option<&Id>, code: i32, problem: &Problem) -> ByteString {
    #[derive(Serialize)]
    struct Frame<'a> {
        jsonrpc: &'static str,
        id: Option<&'a Id>,
        error: Body<'a>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        code: i32,
        message: &'a str,
        data: &'a Problem,
    }
    let message = problem.title();
    let error = Body { code, message: &message, data: problem };
    text(&Frame { jsonrpc: "2.0", id, error })
}

/// A topic that is heard no more: the right to hear it has ended.
#[derive(Serialize, JsonSchema)]
pub struct Unsubscribed {
    /// The topic.
    pub topic: String,
}

/// The notification `method` with `params`.
#[must_use]
pub fn notification(method: &'static str, params: &impl Serialize) -> ByteString {
    #[derive(Serialize)]
    struct Frame<'a, P> {
        jsonrpc: &'static str,
        method: &'static str,
        params: &'a P,
    }
    text(&Frame { jsonrpc: "2.0", method, params })
}

/// The push of a durable event, whose cloud event is `body`.
///
/// # Panics
/// Never: a string takes everything that is written.
#[must_use]
pub fn event(topic: Topic, event: &DurableEvent, body: &str) -> ByteString {
    let (position, prev) = (event.position(), event.prev());
    let mut text = String::with_capacity(body.len() + 192);
    write!(
        text,
        "{{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{{\"topic\":\"{topic}\",\
         \"position\":{position},\"prev\":{prev},"
    )
    .expect("strings grow");
    match topic {
        Topic::Wallet(_) | Topic::Merchant(_) => {
            write!(text, "\"delta\":{},", event.delta().minor()).expect("strings grow");
        }
        Topic::Group(_) => {}
    }
    write!(text, "\"event\":{body}}}}}").expect("strings grow");
    text.into()
}

/// The push of how far a bill has come.
#[must_use]
pub fn progress(topic: Topic, progress: &ProgressEvent) -> ByteString {
    notification("progress", &Progress::of(topic, progress))
}

/// How far a bill has come. It may come to nothing, and is never sent again.
#[derive(Serialize, JsonSchema)]
pub struct Progress {
    /// The group.
    topic: String,
    /// The group's newest record when it was so. Who knows a newer one drops it: the bill may have ended.
    position: fanju::id::Position,
    /// Who wants to be paid.
    merchant: fanju::id::MerchantId,
    /// Under which number.
    order_no: fanju::domain::text::OrderNo,
    /// How much in all.
    total: fanju::money::Amount,
    /// Sources that have set their part aside.
    reserved: usize,
    /// Sources asked.
    of: usize,
    /// Payers whose part is not set aside yet.
    reserving: Vec<fanju::id::WalletId>,
    /// Whom the table waits for, and for what.
    waiting_for: Vec<fanju::domain::payment::Question>,
}

impl Progress {
    fn of(topic: Topic, progress: &ProgressEvent) -> Self {
        let ProgressEvent {
            position,
            merchant,
            order_no,
            total,
            reserved,
            of,
            reserving,
            waiting_for,
        } = progress.clone();
        let topic = topic.to_string();
        Self { topic, position, merchant, order_no, total, reserved, of, reserving, waiting_for }
    }
}

fn text(frame: &impl Serialize) -> ByteString {
    serde_json::to_string(frame).expect("frames have string keys").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one door: what `text` is, by JSON-RPC's code where it is nothing.
    #[track_caller]
    fn check(text: &str, expected: Result<(&str, usize), i32>) {
        let read = Request::parse(text);
        let read = read.as_ref().map(|request| (request.method.as_str(), request.params.len()));
        assert_eq!(read.map_err(|malformed| malformed.code), expected, "{text}");
    }

    #[test]
    fn requests_are_read_whatever_the_order_of_their_fields() {
        check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, Ok(("ping", 0)));
        check(r#"{"params":{"a":1},"method":"x","id":"7","jsonrpc":"2.0"}"#, Ok(("x", 1)));
        check(r#" {"jsonrpc":"2.0","method":"x","params":{}, "other":[1]} "#, Ok(("x", 0)));
    }

    #[test]
    fn what_is_no_request_is_told_so_by_its_code() {
        check("", Err(PARSE_ERROR));
        check("{", Err(PARSE_ERROR));
        check("nonsense", Err(PARSE_ERROR));
        check("[]", Err(INVALID_REQUEST));
        check("7", Err(INVALID_REQUEST));
        check(r#"[{"jsonrpc":"2.0","method":"ping"}]"#, Err(INVALID_REQUEST));
        check(r#" ["2.0",1,"ping",{}]"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":2,"id":1,"method":"ping"}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":1}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":1,"method":7}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, Err(INVALID_REQUEST));
        check(r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}"#, Err(INVALID_PARAMS));
    }

    #[test]
    fn what_is_no_object_is_told_what_a_frame_is() {
        for text in ["hello", "", "[]", "7", r#"["2.0",1,"ping",{}]"#] {
            let told = Request::parse(text).expect_err("is refused").problem.to_string();
            assert!(told.contains("one JSON object") && !told.contains("Envelope"), "{told}");
        }
    }

    #[test]
    fn depth_is_bounded_before_the_stack_is() {
        let frame = |depth: usize| {
            let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{deep}}}}}"#)
        };
        // The frame itself and its params are two.
        let most = crate::limits::JSON_DEPTH_MAX - 2;
        check(&frame(most), Ok(("x", 1)));
        for depth in [most + 1, 100, 1_000_000] {
            check(&frame(depth), Err(INVALID_REQUEST));
            let Malformed { id, problem, .. } =
                Request::parse(&frame(depth)).expect_err("too deep");
            assert!(problem.to_string().contains("nested deeper than 32"), "{problem}");
            // Whoever asked hears of it: what is skipped costs no stack.
            assert_eq!(id, Some(Id::Number(1)), "{depth}");
        }
    }

    #[test]
    fn an_answer_repeats_the_id_as_it_came() {
        assert_eq!(result(&Id::Number(7), "{}"), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
        let quoted = Id::Text("a\"b".to_owned());
        assert_eq!(result(&quoted, "1"), r#"{"jsonrpc":"2.0","id":"a\"b","result":1}"#);
        let problem = Problem::not_signed_in();
        let refused: Value = serde_json::from_str(&refusal(None, &problem)).expect("JSON");
        assert_eq!(refused["id"], Value::Null);
        assert_eq!(refused["error"]["code"], REFUSED);
        assert_eq!(refused["error"]["data"]["code"], "not_signed_in");
    }

    proptest::proptest! {
        /// Nothing that comes in makes the parser fall over, and every answer to it is JSON.
        #[test]
        fn no_frame_is_too_strange(text in ".{0,200}") {
            if let Err(wrong) = Request::parse(&text) {
                let frame = malformed(&wrong);
                proptest::prop_assert!(serde_json::from_str::<Value>(&frame).is_ok());
            }
        }
    }
}
