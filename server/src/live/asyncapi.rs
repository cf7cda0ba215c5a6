//! AsyncAPI 3.0 of the live channel, made from what it says and takes.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
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
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    let mut document = DOCUMENT.clone();
    document["servers"] = json!({ "here": server(&request) });
    HttpResponse::Ok().json(document)
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
    let mut methods = Vec::new();
    let own = [
        request::<SignIn>(&mut generator, "sign_in", Repeats::Plain),
        request::<Subscribe>(&mut generator, "subscribe", Repeats::Plain),
        request::<Unsubscribe>(&mut generator, "unsubscribe", Repeats::Plain),
        named("ping", json!({ "type": "object" }), json!({ "type": "object" }), Repeats::Plain),
    ];
    let all = operations::all().iter().map(|operation| {
        let params = (operation.parameters)(&mut generator);
        let result = (operation.answer)(&mut generator);
        named(operation.offer.method, params.into(), result.into(), operation.offer.repeats)
    });
    let all: Vec<_> = all.collect();
    for (name, message) in own.into_iter().chain(all) {
        methods.push(json!({ "$ref": format!("#/channels/live/messages/{name}") }));
        messages.insert(name, message);
    }
    let mut pushes = Vec::new();
    for (name, params) in [
        ("hello", schema::<Hello>(&mut generator)),
        ("event", schema::<EventPush>(&mut generator)),
        ("progress", schema::<Progress>(&mut generator)),
        ("unsubscribed", schema::<Unsubscribed>(&mut generator)),
    ] {
        let name = format!("push_{name}");
        pushes.push(json!({ "$ref": format!("#/channels/live/messages/{name}") }));
        messages.insert(name.clone(), notification(&name, &params));
    }
    let subscribed = schema::<Subscribed>(&mut generator);
    messages["subscribe"]["x-result"] = subscribed.into();
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
    let schemas = generator.take_definitions(true);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fanju live channel",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "JSON-RPC 2.0 over a websocket, one object a text frame. Most commands \
                            take an `idempotency_key` among their params; others say which number \
                            stands for it. Topics are `wallet:`, \
                            `merchant:` or `group:` and an id. Durable events are CloudEvents \
                            1.0; their `prev` tells a gap, and `subscribe` with `after` closes \
                            it. Progress may be conflated and is not kept: whoever \
                            resumes finds it in `groups.get`; its `position` is the newest \
                            record that it follows. A diner's answer \
                            repeats the question as it came. Every frame counts against the \
                            `requests_per_second` of `hello`, the websocket's own pings and \
                            pongs as well: beyond it a request is refused. Every frame beyond \
                            it counts up and every other one down again, to zero: \
                            at a hundred the session is closed with 4009.",
        },
        "channels": { "live": {
            "address": PATH,
            "messages": messages,
            "x-close-codes": closes,
        } },
        "operations": {
            "ask": {
                "action": "receive",
                "channel": { "$ref": "#/channels/live" },
                "messages": methods,
                "reply": {
                    "channel": { "$ref": "#/channels/live" },
                    "messages": [{ "$ref": "#/channels/live/messages/error" }],
                },
            },
            "push": {
                "action": "send",
                "channel": { "$ref": "#/channels/live" },
                "messages": pushes,
            },
        },
        "components": { "schemas": schemas },
    })
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn request<P: JsonSchema>(
    generator: &mut SchemaGenerator,
    method: &str,
    repeats: Repeats,
) -> (String, Value) {
    let params = P::json_schema(generator);
    named(method, params.into(), json!({ "type": "object" }), repeats)
}

fn named(method: &str, mut params: Value, result: Value, repeats: Repeats) -> (String, Value) {
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
    let payload = json!({
        "type": "object",
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "string"] },
            "method": { "const": method },
            "params": params,
        },
        "required": ["jsonrpc", "method"],
    });
    let name = method.replace('.', "_");
    let message = json!({
        "name": method, "summary": summary, "payload": payload, "x-result": result,
    });
    (name, message)
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
