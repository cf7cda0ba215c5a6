//! HTTP: one request and its reply, and sockets that speak it badly.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use ureq::{Agent, http};

use crate::house::{House, PATIENCE};

/// Who asks a house over HTTP.
pub(crate) struct Http {
    agent: Agent,
    address: SocketAddr,
}

/// What was replied.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a success as JSON.
    pub(crate) fn done(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Holds the reply to be a problem (RFC 9457) of that status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{self:?}");
    }
}

impl Http {
    pub(crate) fn new(house: &House) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self { agent: config.into(), address: house.address() }
    }

    /// Sends a request whose body is whatever `body` is.
    pub(crate) fn send(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let mut request =
            http::Request::builder().method(verb).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let mut reply =
            self.agent.run(request).unwrap_or_else(|error| panic!("{verb} {path}: {error}"));
        let text = reply.body_mut().read_to_string().expect("a body in UTF-8");
        Reply { status: reply.status().as_u16(), headers: reply.headers().clone(), text }
    }

    /// Looks at `path`, as often as the server lets a patient client wait.
    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> Reply {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> =
            bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        loop {
            let reply = self.send("GET", path, &headers, b"");
            if reply.status != 429 {
                return reply;
            }
            let wait = reply.json()["retry_after_ms"].as_u64().expect("says when");
            sleep(Duration::from_millis(wait));
        }
    }

    /// Sends a command under `key`.
    pub(crate) fn command(
        &self,
        verb: &str,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.send(verb, path, &headers, body.to_string().as_bytes())
    }
}

/// Sends `bytes` as they are, and reads until the server closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    socket.write_all(bytes).expect("is sent");
    let mut reply = Vec::new();
    // A server that is not willing to read on may reset the connection behind its reply.
    let ended = socket.read_to_end(&mut reply);
    let text = String::from_utf8_lossy(&reply).into_owned();
    assert!(ended.is_ok() || !text.is_empty(), "{ended:?}");
    text
}
