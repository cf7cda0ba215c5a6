//! Frame: what a server says, read in place. Nothing is copied and no tree is built: a generator that
//! reads sixteen thousand frames a second must not cost more than the server that writes them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// One JSON-RPC object.
#[derive(Debug)]
pub enum Frame<'a> {
    /// The answer to the request of that number.
    Answer(u64, Result<&'a str, Refusal>),
    /// A durable event.
    Event(Pushed<'a>),
    /// How far a bill has come, not read yet; may be left out, and is not kept.
    Progress(&'a str),
    /// The session's first word.
    Hello(Hello),
}

/// Why a frame makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, or not the JSON that the contract says.
    #[error("frame is not what the contract says: {0}")]
    Json(#[from] serde_json::Error),
    /// A notification that the contract does not know.
    #[error("unknown notification `{0}`")]
    UnknownMethod(String),
    /// Neither answer nor notification.
    #[error("frame is neither answer nor notification")]
    Neither,
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Refusal {
    /// The problem's word.
    pub code: String,
    /// What went wrong, for people.
    #[serde(default)]
    pub detail: String,
    /// What exactly stood in the way, in a word.
    pub reason: Option<String>,
    /// How long to wait before asking again, if that helps.
    pub retry_after_ms: Option<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// The session's first word, as far as a load generator needs it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Hello {
    /// The server's clock: microseconds since 1970.
    pub server_time: i64,
    /// Under which name positions are told.
    pub epoch: String,
}

/// A durable event of a topic.
#[derive(PartialEq, Eq, Debug, Deserialize)]
pub struct Pushed<'a> {
    /// Where its record stands.
    pub position: u64,
    /// Where the topic's event before it stands.
    pub prev: u64,
    /// What happened.
    #[serde(borrow)]
    pub event: CloudEvent<'a>,
}

/// The event itself.
#[derive(PartialEq, Eq, Debug, Deserialize)]
pub struct CloudEvent<'a> {
    /// `fanju.` and what happened.
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(borrow)]
    data: Data<'a>,
}

/// What all events may say, of which a settlement says everything.
#[derive(PartialEq, Eq, Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    order_no: Option<&'a str>,
    total: Option<u64>,
    shares: Option<Shares>,
}

/// A paid bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled<'a> {
    /// The merchant's number for it.
    pub order_no: &'a str,
    /// How much, in minor units.
    pub total: u64,
    /// Who owed what.
    pub shares: Shares,
}

impl<'a> CloudEvent<'a> {
    /// The paid bill, if that is what happened.
    #[must_use]
    pub fn settled(&self) -> Option<Settled<'a>> {
        let Data { order_no, total, shares } = &self.data;
        let is_settled = self.kind == "fanju.settled";
        Some(Settled { order_no: (*order_no)?, total: (*total)?, shares: (*shares)? })
            .filter(|_| is_settled)
    }
}

/// A list of shares, added up while it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shares {
    /// How many diners owe something.
    pub diners: usize,
    /// What they owe in all, in minor units.
    pub owed: u64,
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Share {
            owed: u64,
        }
        struct Adds;
        impl<'de> Visitor<'de> for Adds {
            type Value = Shares;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of shares")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shares, A::Error> {
                let mut shares = Shares::default();
                while let Some(Share { owed }) = list.next_element()? {
                    shares.diners += 1;
                    shares.owed = shares.owed.saturating_add(owed);
                }
                Ok(shares)
            }
        }
        deserializer.deserialize_seq(Adds)
    }
}

/// What `orders.scan` answers.
#[derive(PartialEq, Eq, Debug, Deserialize)]
pub struct Ended<'a> {
    /// `settled` or `declined`.
    pub state: &'a str,
    /// The merchant's number for the order.
    pub order_no: &'a str,
    /// How much, in minor units.
    pub total: u64,
    /// The order's record.
    pub position: u64,
    /// Why nobody paid.
    #[serde(borrow)]
    pub reason: Option<Reason<'a>>,
}

/// Why nobody paid.
#[derive(PartialEq, Eq, Debug, Deserialize)]
pub struct Reason<'a> {
    /// In one word.
    pub reason: &'a str,
}

/// What `groups.code` answers.
#[derive(PartialEq, Eq, Debug, Deserialize)]
pub struct ShownCode<'a> {
    /// Eighteen digits.
    pub code: &'a str,
    /// From here on a scan is refused: microseconds since 1970, by the server's clock.
    pub expires_at: i64,
}

/// What `subscribe` answers, apart from the topic's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Subscribed {
    /// The topic's newest event when the subscription began.
    pub position: u64,
    /// Whether everything since the position that was named follows.
    pub recovered: bool,
}

impl<'a> Frame<'a> {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let Envelope { id, method, params, result, error } = serde_json::from_str(text)?;
        let params = params.map_or("{}", RawValue::get);
        match (id, method, result, error) {
            (Some(id), None, Some(result), None) => Ok(Self::Answer(id, Ok(result.get()))),
            (Some(id), None, None, Some(error)) => Ok(Self::Answer(id, Err(error.data))),
            (None, Some("event"), None, None) => Ok(Self::Event(serde_json::from_str(params)?)),
            (None, Some("progress"), None, None) => Ok(Self::Progress(params)),
            (None, Some("hello"), None, None) => Ok(Self::Hello(serde_json::from_str(params)?)),
            (None, Some(method), None, None) => Err(FrameError::UnknownMethod(method.to_owned())),
            _ => Err(FrameError::Neither),
        }
    }
}

/// The parts of every frame; `params` and `result` are skipped over here and read by their readers.
#[derive(Default)]
struct Envelope<'a> {
    id: Option<u64>,
    method: Option<&'a str>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    data: Refusal,
}

/// By hand, because a derived one takes `"result":null` for no result at all.
impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(name) = map.next_key::<&str>()? {
                    match name {
                        "id" => envelope.id = map.next_value()?,
                        "method" => envelope.method = map.next_value()?,
                        "params" => envelope.params = Some(map.next_value()?),
                        "result" => envelope.result = Some(map.next_value()?),
                        "error" => envelope.error = Some(map.next_value()?),
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(Reads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"jsonrpc":"2.0","method":"event","params":{"topic":"group:0192",
        "position":456,"prev":400,"event":{"specversion":"1.0","id":"456","source":"urn:fanju:aa",
        "type":"fanju.settled","time":"2026-11-24T19:00:00.123456Z",
        "datacontenttype":"application/json","data":{"type":"settled","merchant":"m",
        "order_no":"run-7","group":"g","content":"ff","total":25,
        "shares":[{"diner":"a","owed":13,"confirmed":false,"carry_micro":-2},{"diner":"b","owed":12,
        "confirmed":true,"carry_micro":0}],
        "legs":[{"share":0,"source":{"kind":"wallet","id":"a"},"amount":13}]}}}}"#;

    #[test]
    fn a_settlement_is_read_and_its_shares_are_added_up() {
        let Ok(Frame::Event(pushed)) = Frame::parse(EVENT) else { panic!("an event") };
        assert_eq!((pushed.position, pushed.prev), (456, 400));
        let shares = Shares { diners: 2, owed: 25 };
        let settled = Settled { order_no: "run-7", total: 25, shares };
        assert_eq!(pushed.event.settled(), Some(settled));
    }

    #[test]
    fn other_events_settle_nothing() {
        let text = EVENT.replace("fanju.settled", "fanju.declined");
        let Ok(Frame::Event(pushed)) = Frame::parse(&text) else { panic!("an event") };
        assert_eq!((pushed.event.kind, pushed.event.settled()), ("fanju.declined", None));
        let joined = r#"{"method":"event","params":{"position":2,"prev":1,"delta":-5,"event":
            {"type":"fanju.member_joined","data":{"type":"member_joined","wallet":"w"}}}}"#;
        let Ok(Frame::Event(pushed)) = Frame::parse(joined) else { panic!("an event") };
        assert_eq!(pushed.event.settled(), None);
    }

    #[test]
    fn answers_and_refusals_name_their_request() {
        let answer = r#"{"jsonrpc":"2.0","id":7,"result":{"code":"88","expires_at":9,"x":[{}]}}"#;
        let Ok(Frame::Answer(7, Ok(result))) = Frame::parse(answer) else { panic!("an answer") };
        let code = ShownCode { code: "88", expires_at: 9 };
        assert_eq!(serde_json::from_str::<ShownCode<'_>>(result).expect("a code"), code);
        let empty = r#"{"jsonrpc":"2.0","id":8,"result":null}"#;
        assert!(matches!(Frame::parse(empty), Ok(Frame::Answer(8, Ok("null")))));
        let refusal = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"Too often",
            "data":{"type":"/problems/x","title":"t","status":429,"detail":"d","code":"x",
            "retry_after_ms":20}}}"#;
        let refused = Frame::parse(refusal).expect("a refusal");
        let Frame::Answer(7, Err(refused)) = refused else { panic!("{refused:?}") };
        assert_eq!((refused.to_string(), refused.retry_after_ms), ("x: d".to_owned(), Some(20)));
    }

    #[test]
    fn what_a_till_is_told_is_read_in_place() {
        let told = r#"{"state":"declined","order_no":"run-1","total":8,"position":5,"at":1,
            "replayed":false,"reason":{"reason":"short","diner":"w"}}"#;
        let ended: Ended<'_> = serde_json::from_str(told).expect("an end");
        assert_eq!((ended.state, ended.position), ("declined", 5));
        assert_eq!(ended.reason, Some(Reason { reason: "short" }));
    }

    #[test]
    fn what_the_contract_does_not_know_is_an_error() {
        for nonsense in [
            "",
            "[]",
            "{}",
            r#"{"method":"surprise"}"#,
            r#"{"method":"event","params":{"position":1}}"#,
            r#"{"id":1}"#,
            r#"{"id":1,"result":{},"error":{"data":{"code":"x"}}}"#,
        ] {
            assert!(Frame::parse(nonsense).is_err(), "{nonsense}");
        }
    }
}
