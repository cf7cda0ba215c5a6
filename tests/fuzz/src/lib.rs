//! What strangers send, made up: each target takes any bytes, and nothing of what they do may be a
//! panic, a failure of the server's own, or an answer that is no JSON.
//!
//! Both targets stand in a world of their own: an engine in memory, a shop and two diners. `$WALLET`,
//! `$FRIEND` and `$SHOP` in the bytes are the ids of one diner, the other and the shop, so that what is
//! made up reaches further than "unknown".

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    http::{Method, StatusCode, Uri, header},
    test, web,
};
use fanju::money::Amount;
use fanju_server::{
    app::App,
    auth::{
        caller::{Ask, Caller, Door},
        token::Token,
    },
    cast,
    config::Settings,
    http,
    live::frames::{self, Request},
    operations,
    problem::Problem,
};
use serde_json::Value;

/// As much as anybody may want to ask.
const TIRELESS: std::num::NonZeroU32 = std::num::NonZeroU32::MAX;

/// Where one target runs.
pub struct World {
    system: actix_rt::SystemRunner,
    app: App,
    words: [(&'static str, String); 3],
    diner: String,
    owner: String,
}

impl Default for World {
    fn default() -> Self {
        let system = actix_rt::System::new();
        let settings = Settings {
            data: String::new(),
            demo: true,
            requests_per_second: TIRELESS,
            attempts_per_minute: TIRELESS,
            ..Settings::default()
        };
        let app = App::open(settings).expect("opens in memory");
        let cast = system.block_on(cast::make(&app, 1, 2, Amount::from_minor(1_000_000)));
        let cast = serde_json::to_value(cast.expect("a cast")).expect("JSON");
        let word =
            |path: &str| cast.pointer(path).and_then(Value::as_str).expect("is there").to_owned();
        let words = [
            ("$WALLET", word("/diners/0/wallet")),
            ("$FRIEND", word("/diners/1/wallet")),
            ("$SHOP", word("/merchants/0/merchant")),
        ];
        Self {
            system,
            app,
            words,
            diner: word("/diners/0/token"),
            owner: word("/merchants/0/token"),
        }
    }
}

impl World {
    fn told(&self, bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?.to_owned();
        Some(self.words.iter().fold(text, |text, (word, meant)| text.replace(word, meant)))
    }

    fn caller(&self, token: &str) -> Caller {
        let (kind, token) = Token::parse(token).expect("a token");
        self.app.identify(kind, &token).expect("the register answers")
    }

    /// A frame of the live channel, asked by a diner, by a shop's owner and by nobody: how many of them
    /// got what they asked for.
    ///
    /// # Panics
    /// Where the server is at fault.
    pub fn frame(&self, bytes: &[u8]) -> usize {
        let Some(text) = self.told(bytes) else { return 0 };
        let Request { id, method, mut params } = match Request::parse(&text) {
            Ok(request) => request,
            Err(malformed) => {
                is_json(&frames::malformed(&malformed));
                return 0;
            }
        };
        let Some(operation) = operations::named(&method) else { return 0 };
        let key = params.remove("idempotency_key").and_then(|key| key.as_str().map(str::to_owned));
        let callers = [Caller::Nobody, self.caller(&self.diner), self.caller(&self.owner)];
        let mut granted = 0;
        for caller in callers {
            let (address, key, params) =
                (IpAddr::V4(Ipv4Addr::LOCALHOST), key.clone(), params.clone());
            let door = Door::Live;
            let ask = Ask { door, caller, token: None, key, opens: None, address, agent: None };
            let answered =
                self.system.block_on(operations::perform(&self.app, operation, ask, params));
            match answered {
                Ok(answer) => {
                    is_json(&answer);
                    granted += 1;
                }
                Err(problem) => {
                    no_fault(&problem, &text);
                    is_json(&frames::refusal(id.as_ref(), &problem));
                }
            }
        }
        granted
    }

    /// An HTTP request: a line with a verb, a path and perhaps who asks (`diner` or `owner`); then
    /// the body.
    ///
    /// # Panics
    /// Where the server is at fault.
    pub fn request(&self, bytes: &[u8]) {
        let Some(text) = self.told(bytes) else { return };
        let (line, body) = text.split_once('\n').unwrap_or((&text, ""));
        let mut parts = line.split(' ');
        let (Some(verb), Some(path)) = (parts.next(), parts.next()) else { return };
        let Ok(verb) = Method::from_bytes(verb.as_bytes()) else { return };
        if path.parse::<Uri>().is_err() || !path.starts_with('/') {
            return;
        }
        let mut request = test::TestRequest::with_uri(path).method(verb);
        let token = match parts.next() {
            Some("diner") => Some(&self.diner),
            Some("owner") => Some(&self.owner),
            _ => None,
        };
        if let Some(token) = token {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        }
        if let Some(key) = parts.next()
            && let Ok(key) = header::HeaderValue::from_str(key)
        {
            request = request.insert_header(("Idempotency-Key", key));
        }
        let request = request.set_payload(body.to_owned());
        self.system.block_on(async {
            let app = actix_web::App::new()
                .app_data(web::Data::new(self.app.clone()))
                .configure(http::routes);
            let app = test::init_service(app).await;
            let reply = test::call_service(&app, request.to_request()).await;
            let (status, kind) =
                (reply.status(), reply.headers().get(header::CONTENT_TYPE).cloned());
            let body = test::read_body(reply).await;
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text:?}");
            if kind.is_some_and(|kind| kind.as_bytes().ends_with(b"json")) {
                is_json(std::str::from_utf8(&body).expect("JSON is UTF-8"));
            }
        });
    }
}

fn no_fault(problem: &Problem, text: &str) {
    assert_ne!(problem.status(), 500, "{text:?}: {problem}");
}

fn is_json(text: &str) {
    assert!(serde_json::from_str::<Value>(text).is_ok(), "no JSON: {text}");
}
