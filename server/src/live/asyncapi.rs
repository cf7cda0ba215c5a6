//! AsyncAPI 3.0 of the live channel, made from what it says and takes.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use fanju::time::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use url::Position;

use super::{
    close,
    door::PATH,
    frames::{Progress, Unsubscribed},
    hello::Hello,
    methods::{SignIn, Subscribe, Subscribed, Unsubscribe},
};
use crate::{
    app::App,
    http::openapi::generator,
    operations::{self, EventItem, KEY, Repeats},
    problem::Problem,
};

/// Serves the description, with the host that was asked for it.
pub async fn serve(request: HttpRequest) -> HttpResponse {
    // All but the last brace: only where the server is differs from one request to another.
    static BEGINNING: LazyLock<String> = LazyLock::new(|| {
        let mut text = document().to_string();
        text.pop();
        text
    });
    let (beginning, servers) = (BEGINNING.as_str(), json!({ "here": server(&request) }));
    let text = format!("{beginning},\"servers\":{servers}}}");
    HttpResponse::Ok().content_type("application/json").body(text)
}

/// The server that `request` has found. Source: AsyncAPI 3.0, Server Object: no host is relative.
fn server(request: &HttpRequest) -> Value {
    let settings = request.app_data::<web::Data<App>>().map(|app| app.settings());
    let public = settings.map(|settings| &settings.public_url);
    let public_host = public.map(|url| &url[Position::BeforeHost..Position::AfterPort]);
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = request.uri().authority().map(|authority| authority.as_str()).or(named);
    let host = asked.or(public_host).unwrap_or("localhost");
    // In front of the public host there may be a proxy that has the certificate.
    let is_public = public.is_some_and(|url| url.scheme() == "https") && Some(host) == public_host;
    let has_certificate = settings.is_some_and(|settings| !settings.tls_certificate.is_empty());
    let protocol = if is_public || has_certificate { "wss" } else { "ws" };
    json!({ "host": host, "protocol": protocol })
}

/// A push of a durable event.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used: frames are written by hand")]
struct EventPush {
    /// Whose event it is here.
    topic: String,
    /// The event, and where it stands.
    #[serde(flatten)]
    item: EventItem,
}

/// The whole description, but for where the server is.
#[must_use]
pub fn document() -> Value {
    let mut generator = generator();
    let mut messages = Map::new();
    let mut asked = Map::new();
    for (method, params, result, repeats) in methods(&mut generator) {
        let name = method.replace('.', "_");
        let answer = format!("answer_{name}");
        asked.insert(
            format!("ask_{name}"),
            json!({
                "action": "receive",
                "channel": { "$ref": "#/channels/live" },
                "messages": [message(&name)],
                "reply": {
                    "channel": { "$ref": "#/channels/live" },
                    "messages": [message(&answer), message("error")],
                },
            }),
        );
        messages.insert(name, request(method, params, repeats));
        messages.insert(answer.clone(), self::answer(&answer, &result));
    }
    let mut pushes = Vec::new();
    for (name, params) in [
        ("hello", schema::<Hello>(&mut generator)),
        ("event", schema::<EventPush>(&mut generator)),
        ("progress", schema::<Progress>(&mut generator)),
        ("unsubscribed", schema::<Unsubscribed>(&mut generator)),
    ] {
        let name = format!("push_{name}");
        pushes.push(message(&name));
        messages.insert(name.clone(), notification(&name, &params));
    }
    let problem = schema::<Problem>(&mut generator);
    messages.insert("error".into(), error(&problem.into()));
    let closes: Vec<_> = close::ALL
        .iter()
        .map(|close| {
            json!({
                "code": close.code(), "why": close.description(), "then": close.then(),
            })
        })
        .collect();
    let push = json!({
        "action": "send",
        "channel": { "$ref": "#/channels/live" },
        "messages": pushes,
    });
    asked.insert("push".into(), push);
    let schemas = generator.take_definitions(true);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fanju live channel",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON-RPC 2.0 over a websocket, one object a text frame. Commands \
                            take an `idempotency_key` among their params, or say which number \
                            stands for it; a ceremony's steps, signing out, and showing a code or \
                            a link take none. Topics are `wallet:`, \
                            `merchant:` or `group:` and an id. Durable events are CloudEvents \
                            1.0; their `prev` tells a gap, and `subscribe` with `after`, and the \
                            `epoch` that `hello` named then, closes it. Progress may be \
                            conflated and is not kept: whoever \
                            resumes finds it in `groups.get`; its `position` is the newest \
                            record that it follows. A diner's answer \
                            repeats the question as it came. Every frame counts against the \
                            `requests_per_second` of `hello`, the websocket's own pings and \
                            pongs as well: one for each 4 KiB that it begins. So it does \
                            against those of the whole identity, over HTTP and in all of its \
                            sessions; of whoever has not signed in, against those of the \
                            address. Answers count as well, once for each 4 KiB beyond \
                            their first, and so does what was missed. Beyond either a request is refused. Every frame beyond \
                            the session's own counts up and every other one down again, to \
                            zero: at a hundred the session is closed with 4009. A frame that \
                            is no request counts for ten, and the first beyond what is left \
                            closes the session with 4000.",
        },
        "channels": { "live": {
            "address": PATH,
            "messages": messages,
            "x-close-codes": closes,
        } },
        "operations": asked,
        "components": { "schemas": schemas },
    })
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A reference to the message `name`.
fn message(name: &str) -> Value {
    json!({ "$ref": format!("#/channels/live/messages/{name}") })
}

/// Everything that can be asked: name, params, result, and what happens when it is asked twice.
fn methods(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value, Value, Repeats)> {
    let nothing = || json!({ "type": "object", "additionalProperties": false });
    let time = json!({
        "type": "object",
        "properties": { "server_time": schema::<Timestamp>(generator) },
        "required": ["server_time"],
        "additionalProperties": false,
    });
    let me = operations::named("me").map(|me| (me.answer)(generator).into());
    let subscribed = schema::<Subscribed>(generator).into();
    let [sign_in, subscribe, unsubscribe] =
        [SignIn::json_schema, Subscribe::json_schema, Unsubscribe::json_schema]
            .map(|params| params(generator).into());
    let own = [
        ("sign_in", sign_in, me.unwrap_or_default(), Repeats::Plain),
        ("subscribe", subscribe, subscribed, Repeats::Plain),
        ("unsubscribe", unsubscribe, nothing(), Repeats::Plain),
        ("ping", nothing(), time, Repeats::Plain),
    ];
    let described = operations::all().iter().map(|operation| {
        let (params, result) = ((operation.parameters)(generator), (operation.answer)(generator));
        (operation.offer.method, params.into(), result.into(), operation.offer.repeats)
    });
    own.into_iter().chain(described).collect()
}

fn request(method: &str, mut params: Value, repeats: Repeats) -> Value {
    let summary = operations::description(params.get("description"), repeats);
    if repeats.takes_key() {
        let max = crate::limits::IDEMPOTENCY_KEY_BYTES_MAX;
        params["properties"]["idempotency_key"] =
            json!({ "description": KEY, "type": "string", "minLength": 1, "maxLength": max });
        if repeats == Repeats::KeyRequired {
            let mut required = params["required"].as_array().cloned().unwrap_or_default();
            required.push("idempotency_key".into());
            params["required"] = required.into();
        }
    }
    let mut required = vec!["jsonrpc", "method"];
    if params["required"].as_array().is_some_and(|names| !names.is_empty()) {
        required.push("params");
    }
    json!({ "name": method, "summary": summary, "payload": {
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "string"] },
            "method": { "const": method },
            "params": params,
        },
        "required": required,
    } })
}

fn answer(name: &str, result: &Value) -> Value {
    json!({ "name": name, "payload": {
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "string"] },
            "result": result,
        },
        "required": ["jsonrpc", "id", "result"],
    } })
}

fn notification(name: &str, params: &Schema) -> Value {
    let method = name.trim_start_matches("push_");
    json!({ "name": name, "payload": {
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "method": { "const": method },
            "params": params,
        },
        "required": ["jsonrpc", "method", "params"],
    } })
}

fn error(problem: &Value) -> Value {
    json!({ "name": "error", "payload": {
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "string", "null"] },
            "error": {
                "type": "object",
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "data": problem,
                },
                "required": ["code", "message", "data"],
            },
        },
        "required": ["jsonrpc", "id", "error"],
    } })
}
