//! OpenAPI 3.1, made from the operations: it cannot say anything else than they do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use actix_web::HttpResponse;
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    operations::{self, Described, KEY, Offer, Repeats, Verb},
    problem::{Kind, Problem},
};

/// Where the tokens come from.
const BEARER: &str = "The token is a person's, as `sign_up.finish` and `sign_in.finish` answer it \
                      (they take a passkey; for tests `fanju-server cast` makes people up and \
                      writes their tokens into a file); or a till's key, which `keys.create` answers \
                      once, to the owner, as does the page `/till`; or the operator's, from the file \
                      `operator.token` of the data folder.";

/// Serves the description.
pub async fn serve() -> HttpResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    HttpResponse::Ok().content_type("application/json").body(TEXT.as_str())
}

/// A generator whose definitions lie where OpenAPI and AsyncAPI look for them.
pub(crate) fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// The whole description.
#[must_use]
pub fn document() -> Value {
    let mut generator = generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    let mut rooms: Vec<&str> = Vec::new();
    for (order, operation) in operations::all().iter().enumerate() {
        let verb = match operation.offer.verb {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Put => "put",
            Verb::Delete => "delete",
        };
        let mut described = describe(operation, &mut generator);
        // Paths are sorted by name; this is for whoever shows them to readers.
        described["x-order"] = order.into();
        let room = room(operation);
        if !rooms.contains(&room) {
            rooms.push(room);
        }
        let path = paths.entry(operation.offer.path).or_insert_with(|| json!({}));
        path[verb] = described;
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fanju",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Group payment: one scan, every diner's share, one atomic record. \
                            Amounts are whole minor units; moments are microseconds since 1970 \
                            (UTC). A request counts against its caller's rate, once for each \
                            4 KiB of its body that it begins, and once for each 4 KiB of \
                            its answer beyond the first. What is no HTTP \
                            request, or whose head is too long (431), is answered with an empty \
                            body. The same operations are offered \
                            over the live channel, which /asyncapi.json describes.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": rooms.iter().map(|room| json!({ "name": room })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": BEARER,
            } },
            "responses": refusals(&problem),
        },
    })
}

/// What operations are listed under.
fn room(operation: &Described) -> &'static str {
    operation.offer.method.split('.').next().unwrap_or_default()
}

fn describe(operation: &Described, generator: &mut SchemaGenerator) -> Value {
    let offer = operation.offer;
    let schema = (operation.parameters)(generator);
    let description = operations::description(schema.get("description"), offer.repeats);
    let in_path = offer.in_path();
    let required = required(&schema);
    let mut parameters = Vec::new();
    let mut body = Map::new();
    for (name, property) in properties(&schema) {
        let place = match offer.verb {
            _ if in_path.contains(&name.as_str()) => "path",
            Verb::Get | Verb::Delete => "query",
            Verb::Post | Verb::Put => {
                body.insert(name, property);
                continue;
            }
        };
        let required = required.contains(&name);
        parameters.push(json!({
            "name": name, "in": place, "required": required, "schema": property,
        }));
    }
    if offer.repeats.takes_key() {
        let max = crate::limits::IDEMPOTENCY_KEY_BYTES_MAX;
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "required": offer.repeats == Repeats::KeyRequired,
            "description": KEY,
            "schema": { "type": "string", "minLength": 1, "maxLength": max },
        }));
    }
    let answer = (operation.answer)(generator);
    let mut described = json!({
        "operationId": offer.method,
        "summary": first_sentence(&description),
        "description": description,
        "tags": [room(operation)],
        "parameters": parameters,
        "responses": responses(operation, &answer),
        "security": security(operation),
    });
    if !body.is_empty() {
        let required: Vec<_> =
            required.into_iter().filter(|name| body.contains_key(name)).collect();
        described["requestBody"] = json!({
            "required": !required.is_empty(),
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": body,
                "required": required,
                "additionalProperties": false,
            } } },
        });
    }
    described
}

/// What an operation takes to know who asks: a token, unless it is for anyone. Source: OpenAPI 3.1,
/// Security Requirement Object: an empty one makes it optional.
fn security(operation: &Described) -> Value {
    if operation.is_for_anyone { json!([{}, { "bearer": [] }]) } else { json!([{ "bearer": [] }]) }
}

/// What an operation answers, by status.
fn responses(operation: &Described, answer: &Schema) -> Map<String, Value> {
    let done = json!({
        "description": "Done.",
        "content": { "application/json": { "schema": answer } },
    });
    let mut responses = Map::from_iter([("200".to_owned(), done)]);
    if operation.offer.verb == Verb::Get {
        let same = json!({ "description": "As it was under the entity tag of `If-None-Match`." });
        responses.insert("304".to_owned(), same);
    }
    for status in statuses(operation) {
        let reference = format!("#/components/responses/Problem{status}");
        responses.insert(status.to_string(), json!({ "$ref": reference }));
    }
    responses
}

/// The statuses of the problems that an operation may have.
fn statuses(operation: &Described) -> BTreeSet<u16> {
    let Offer { verb, repeats, .. } = operation.offer;
    let all: BTreeSet<u16> = here().map(Kind::status).collect();
    let may = |status: &u16| match status {
        // A resource that is described takes the verb that is.
        405 => false,
        408 | 413 => matches!(verb, Verb::Post | Verb::Put),
        404 => repeats != Repeats::Query || !operation.offer.in_path().is_empty(),
        // Only what changes something conflicts with what is, or comes too late.
        409 | 410 => repeats != Repeats::Query,
        422 => repeats.takes_key(),
        _ => true,
    };
    all.into_iter().filter(may).collect()
}

/// Problems that a resource may have: those of frames are the live channel's.
fn here() -> impl Iterator<Item = Kind> {
    Kind::all().filter(|kind| !kind.is_of_live_channel())
}

/// Problems by status, each with the codes that it may have.
fn refusals(problem: &Schema) -> Map<String, Value> {
    let mut codes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for kind in here() {
        codes.entry(kind.status()).or_default().push(kind.code());
    }
    let refusal = |(status, codes): (u16, Vec<&str>)| {
        let schema = json!({ "allOf": [problem], "properties": {
            "status": { "const": status },
            "code": { "enum": codes },
        } });
        let named = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let refusal = json!({
            "description": format!("Why it was not done (RFC 9457): {named}."),
            "content": { "application/problem+json": { "schema": schema } },
        });
        (format!("Problem{status}"), refusal)
    };
    codes.into_iter().map(refusal).collect()
}

/// The first sentence of `text`, on one line.
fn first_sentence(text: &str) -> String {
    let line = text.replace('\n', " ");
    line.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned()
}

/// The properties of an object's schema.
pub(crate) fn properties(schema: &Schema) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn required(schema: &Schema) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array);
    let text = |name: &Value| name.as_str().map(str::to_owned);
    names.map(|names| names.iter().filter_map(text).collect()).unwrap_or_default()
}
