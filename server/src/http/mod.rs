//! HTTP: every operation as a resource, and what watches over the server.
//!
//! A request's path: who asks, and how often; then the body, as long as it may be and as fast as it
//! must; then the operation. Parameters come from the path, from the query string of a `GET`, and from
//! the JSON body of everything else; they are one object to the operation, as over the live channel.

pub mod address;
pub mod connection;
pub mod openapi;
pub mod porch;
pub mod reply;
pub mod unread;
pub mod upgrade;

use std::{collections::BTreeMap, sync::atomic::Ordering};

use actix_web::{
    HttpRequest, HttpResponse, Resource, Route,
    http::{Method, header},
    web::{self, Bytes, ServiceConfig},
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::{
    app::App,
    auth::{
        caller::{Ask, Caller, Door},
        rate::Payer,
        rights::{self, Right},
        token::{Token, TokenHash},
    },
    depth, limits,
    operations::{self, Described, Repeats, Verb},
    problem::{Kind, Problem, misfit},
    telemetry, web as pages,
};

/// The header that names a command.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Serves every operation, the description of both interfaces, and the server's health.
pub fn routes(config: &mut ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<&'static Described>> = BTreeMap::new();
    for operation in operations::all() {
        by_path.entry(operation.offer.path).or_default().push(operation);
    }
    for (path, operations) in by_path {
        let verbs = operations.iter().map(|operation| verb(operation).to_string());
        let allowed = verbs.collect::<Vec<_>>().join(", ");
        let routes = operations.into_iter().map(route);
        config.service(resource(path, allowed, routes));
    }
    for (path, route) in [
        ("/openapi.json", web::get().to(openapi::serve)),
        ("/asyncapi.json", web::get().to(crate::live::asyncapi::serve)),
        ("/problems", web::get().to(|| async { row("problems") })),
        ("/problems/{code}", web::get().to(about_problem)),
        ("/healthz", web::get().to(healthy)),
        ("/readyz", web::get().to(ready)),
        ("/metrics", web::get().to(metrics)),
    ] {
        config.service(resource(path, Method::GET.to_string(), [route]));
    }
}

/// What is at `path`, and is told to take the verbs of `allowed` alone.
pub(crate) fn resource(
    path: &str,
    allowed: String,
    routes: impl IntoIterator<Item = Route>,
) -> Resource {
    let wrong = move |request: HttpRequest| {
        let allowed = allowed.clone();
        async move { wrong_method(&request, allowed) }
    };
    let resource = web::resource(path).default_service(web::to(wrong));
    routes.into_iter().fold(resource, |resource, route| resource.route(route))
}

/// What a problem's `type` leads to: its row of the table on `/docs`.
async fn about_problem(request: HttpRequest, code: web::Path<String>) -> HttpResponse {
    match Kind::all().find(|kind| kind.code() == *code) {
        Some(kind) => row(&format!("problem-{}", kind.code())),
        None => nothing_here(request).await,
    }
}

/// The way to the place of `/docs` that is called `name`.
fn row(name: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, format!("/docs#{name}"))).finish()
}

/// What no route knows: a page for whoever reads, a problem for programs.
pub async fn nothing_here(request: HttpRequest) -> HttpResponse {
    if let Err(problem) = porch::count_vain(&request) {
        return reply::problem(&problem);
    }
    let problem = Problem::new(Kind::NotFound, "there is nothing here");
    if pages::is_read(&request) {
        telemetry::refused(&problem);
        return pages::missing();
    }
    reply::problem(&problem)
}

/// Source: RFC 9110, section 15.5.6: the answer names what is taken.
fn wrong_method(request: &HttpRequest, allowed: String) -> HttpResponse {
    if let Err(problem) = porch::count_vain(request) {
        return reply::problem(&problem);
    }
    let problem = Problem::new(Kind::WrongMethod, "this resource does not take that verb");
    let mut reply = reply::problem(&problem);
    if let Ok(allowed) = header::HeaderValue::try_from(allowed) {
        reply.headers_mut().insert(header::ALLOW, allowed);
    }
    reply
}

fn verb(operation: &Described) -> Method {
    match operation.offer.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Delete => Method::DELETE,
    }
}

fn route(operation: &'static Described) -> Route {
    web::method(verb(operation)).to(
        move |app: web::Data<App>, request: HttpRequest, payload: web::Payload| async move {
            match answer(&app, operation, &request, payload).await {
                Ok(answer) => reply::json(&request, operation.offer.verb, answer),
                Err(problem) => reply::problem(&problem),
            }
        },
    )
}

async fn answer(
    app: &App,
    operation: &'static Described,
    request: &HttpRequest,
    payload: web::Payload,
) -> operations::Answer {
    telemetry::operates(operation.offer.method);
    let bytes_max = match operation.offer.verb {
        Verb::Post | Verb::Put => operation.body_bytes_max(),
        Verb::Get | Verb::Delete => 0,
    };
    // Whoever may not ask has nothing read from: a body is memory and time.
    let ask = ask(app, operation, request)?;
    if matches!(ask.caller, Caller::Nobody) && !operation.is_for_anyone {
        return Err(Problem::not_signed_in());
    }
    let counted = count(app, ask.payer(), 1, said_bytes(request, bytes_max))?;
    let body = match operation.offer.verb {
        Verb::Post | Verb::Put => body(payload, bytes_max).await?,
        Verb::Get | Verb::Delete => Bytes::new(),
    };
    // It may not have said how long it is.
    count(app, ask.payer(), counted, body.len())?;
    let parameters = parameters(operation.offer.verb, request, &body)?;
    operations::perform(app, operation, ask, parameters).await
}

/// A header as text, if it is there.
fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<Result<&'a str, header::ToStrError>> {
    request.headers().get(name).map(|value| value.to_str())
}

/// Who asks, by the bearer token; counted once.
fn caller(app: &App, request: &HttpRequest) -> Result<(Option<TokenHash>, Caller), Problem> {
    let token = match text(request, header::AUTHORIZATION.as_str()) {
        None => None,
        Some(value) => {
            // The name of a scheme has no case. Source: RFC 9110, section 11.1.
            let bearer = value.ok().and_then(|value| value.split_once(' '));
            let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            Some(
                bearer
                    .map(|(_, token)| token.trim_start())
                    .and_then(Token::parse)
                    .ok_or_else(Problem::not_signed_in)?,
            )
        }
    };
    let address = address::of(&app.settings().trusted_proxies, request);
    let caller = match token {
        None => Caller::Nobody,
        Some(token) => app.introduce(token, address)?,
    };
    app.rates().take(caller.payer(address), 1)?;
    Ok((token.map(|(_, hash)| hash), caller))
}

/// How many bytes of the body of `request` will be read, as far as it says: none of what is too long.
fn said_bytes(request: &HttpRequest, bytes_max: usize) -> usize {
    let said = text(request, header::CONTENT_LENGTH.as_str()).and_then(Result::ok);
    said.and_then(|said| said.parse().ok()).filter(|said: &usize| *said <= bytes_max).unwrap_or(0)
}

/// Counts a request of so many bytes, of which so much was counted before; says how much is now.
fn count(app: &App, payer: Payer, counted: u32, bytes: usize) -> Result<u32, Problem> {
    let rest = app.rates().price(bytes).saturating_sub(counted);
    if rest > 0 {
        app.rates().take(payer, rest).inspect_err(|_| app.rates().give_back(payer, counted))?;
    }
    Ok(counted.saturating_add(rest))
}

/// Who asks, and what comes along.
fn ask(app: &App, operation: &Described, request: &HttpRequest) -> Result<Ask, Problem> {
    let (token, caller) = caller(app, request)?;
    let key = match text(request, IDEMPOTENCY_KEY) {
        None => None,
        Some(_) if operation.offer.repeats == Repeats::Query => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => return Err(Problem::bad_request("an idempotency key is plain text")),
    };
    let agent = text(request, header::USER_AGENT.as_str());
    let agent = agent.and_then(Result::ok).map(str::to_owned);
    Ok(Ask {
        door: Door::Http,
        caller,
        token,
        key,
        opens: None,
        address: address::of(&app.settings().trusted_proxies, request),
        agent,
    })
}

/// The whole body, of at most `bytes_max`.
async fn body(payload: web::Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let read = timeout(limits::BODY_WITHIN, payload.to_bytes_limited(bytes_max)).await;
    let Ok(read) = read else {
        return Err(Problem::new(Kind::BodyTooSlow, "the body did not come in in time"));
    };
    let Ok(read) = read else {
        let detail = format!("this operation takes a body of at most {bytes_max} bytes");
        return Err(Problem::new(Kind::BodyTooLarge, detail));
    };
    read.map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

/// Path, query string and body as one object.
fn parameters(
    verb: Verb,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Map<String, Value>, Problem> {
    let mut parameters = match verb {
        Verb::Get | Verb::Delete => queried(request)?,
        Verb::Post | Verb::Put if body.is_empty() => Map::new(),
        Verb::Post | Verb::Put if !depth::fits(body) => {
            return Err(Problem::bad_request(depth::too_deep()));
        }
        Verb::Post | Verb::Put => serde_json::from_slice(body).map_err(|error| {
            let why = misfit::no_json(&error);
            Problem::bad_request(format!("the body is no JSON object: {why}"))
        })?,
    };
    for (name, value) in request.match_info().iter() {
        // The router has decoded everything but `/`, `+` and `%`, which would change the path.
        let value = percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| Problem::bad_request(format!("`{name}` is not UTF-8")))?;
        let value = Value::String(value.into_owned());
        if parameters.insert(name.to_owned(), value).is_some() {
            let detail = format!("`{name}` is in the path already");
            return Err(Problem::bad_request(detail));
        }
    }
    Ok(parameters)
}

/// The query string; what reads as a whole number is one, for no text that is a parameter there does.
fn queried(request: &HttpRequest) -> Result<Map<String, Value>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let value = |text: String| text.parse::<i64>().map_or(Value::String(text), Value::from);
    Ok(pairs.into_inner().into_iter().map(|(name, text)| (name, value(text))).collect())
}

/// The process runs.
async fn healthy() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The server takes commands: the journal is well, and nobody is closing.
async fn ready(app: web::Data<App>) -> HttpResponse {
    let why = if app.is_closing() {
        "closing"
    } else if app.engine().is_poisoned() {
        "journal is poisoned"
    } else {
        return HttpResponse::Ok().content_type("text/plain").body("ready\n");
    };
    HttpResponse::ServiceUnavailable().content_type("text/plain").body(format!("{why}\n"))
}

/// For Prometheus, with the operator's token as its bearer.
async fn metrics(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let text = async {
        let caller = caller(&app, &request)?.1;
        rights::check(&app, &caller, &Right::Operator).await?;
        let webhooks = app.webhooks().clone();
        let waiting = app.desk(move |_| webhooks.waiting()).await??;
        app.measures()
            .text(app.engine(), app.sessions().load(Ordering::Relaxed), waiting)
            .map_err(|error| Problem::internal(&error))
    };
    match text.await {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        Err(problem) => reply::problem(&problem),
    }
}
