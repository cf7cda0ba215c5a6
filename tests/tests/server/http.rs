//! HTTP: one request and its reply, and sockets that speak it badly.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use ureq::{
    Agent, http,
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{
    house::{House, PATIENCE},
    wire::Trust,
};

/// Who asks a house over HTTP, or over HTTPS if the house has a certificate.
pub(crate) struct Http {
    agent: Agent,
    address: SocketAddr,
    scheme: &'static str,
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
        Self::trusting(house.address(), house.trust())
    }

    pub(crate) fn trusting(address: SocketAddr, trust: Option<&Trust>) -> Self {
        let roots = trust.map(|trust| Certificate::from_der(&trust.root).to_owned());
        let roots: Vec<_> = roots.into_iter().collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .tls_config(tls)
            .build();
        let scheme = if trust.is_some() { "https" } else { "http" };
        Self { agent: config.into(), address, scheme }
    }

    /// Sends a request whose body is whatever `body` is.
    pub(crate) fn send(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let reply = self.try_send(verb, path, headers, body);
        reply.unwrap_or_else(|error| panic!("{verb} {path}: {error}"))
    }

    /// The same, for whom the server may not answer.
    pub(crate) fn try_send(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let address = format!("{}://{}{path}", self.scheme, self.address);
        let mut request = http::Request::builder().method(verb).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let mut reply = self.agent.run(request)?;
        let text = reply.body_mut().read_to_string().expect("a body in UTF-8");
        Ok(Reply { status: reply.status().as_u16(), headers: reply.headers().clone(), text })
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
