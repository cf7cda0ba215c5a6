//! The types of the client that the pages use: what the live channel offers, as TypeScript.
//!
//! `server/src/web/assets/api.d.ts` is made from the AsyncAPI description, and this says so.
//! `FANJU_WRITE=1 cargo test -p fanju-server --test client_types` makes it anew.

use std::{env, fs, path::Path};

use fanju_server::{
    live::asyncapi,
    operations::{self, Offer},
};
use regex::Regex;
use serde_json::{Map, Value};

const HEAD: &str = "\
/** What the live channel offers, made from its description (`/asyncapi.json`) by `server/tests/client_types.rs`. */

";

#[test]
fn the_clients_types_are_those_of_the_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets/api.d.ts");
    let made = types(&asyncapi::document());
    if env::var_os("FANJU_WRITE").is_some() {
        fs::write(&path, &made).expect("the file can be written");
    }
    let kept = fs::read_to_string(&path).expect("the file is there");
    for (number, (kept, made)) in kept.lines().zip(made.lines()).enumerate() {
        assert_eq!(kept, made, "api.d.ts, line {}: run this with FANJU_WRITE=1", number + 1);
    }
    assert_eq!(kept.len(), made.len(), "api.d.ts: run this with FANJU_WRITE=1");
}

/// What the client sends a key with is what takes one.
#[test]
fn the_client_sends_a_key_with_every_command_that_takes_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets/fanju.js");
    let client = fs::read_to_string(path).expect("the file is there");
    let (_, behind) = client.split_once("WITHOUT_KEY =\n  /").expect("the client says which");
    let (pattern, _) = behind.split_once("/;").expect("the pattern ends");
    let without_key = Regex::new(pattern).expect("a pattern that both languages read");
    for operation in operations::all() {
        let Offer { method, repeats, .. } = operation.offer;
        assert_eq!(without_key.is_match(method), !repeats.takes_key(), "{method}");
    }
}

/// The whole file: one interface of methods, one of pushes, and the schemas that they name.
fn types(document: &Value) -> String {
    let messages = document["channels"]["live"]["messages"].as_object().expect("messages");
    let (mut methods, mut pushes) = (String::new(), String::new());
    for message in messages.values() {
        let name = message["name"].as_str().expect("a name");
        let params = &message["payload"]["properties"]["params"];
        if let Some(push) = name.strip_prefix("push_") {
            pushes += &format!("  {push}: {};\n", type_of(params));
        } else if let Some(answer) = messages.get(&format!("answer_{}", name.replace('.', "_"))) {
            let result = &answer["payload"]["properties"]["result"];
            // The client says the key itself.
            let mut params = params.clone();
            forget(&mut params, "idempotency_key");
            methods += &doc(message["summary"].as_str(), "  ");
            let (params, result) = (type_of(&params), type_of(result));
            methods += &format!("  '{name}': {{ params: {params}; result: {result} }};\n");
        }
    }
    let mut text = format!(
        "{HEAD}/** Each operation's parameters and answer. */\nexport interface Methods {{\n{methods}}}\n\n\
         /** What the server says by itself. */\nexport interface Pushes {{\n{pushes}}}\n"
    );
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        text += &format!(
            "\n{}export type {name} = {};\n",
            doc(schema["description"].as_str(), ""),
            type_of(schema)
        );
    }
    text
}

fn forget(schema: &mut Value, name: &str) {
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.remove(name);
    }
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|one| one != name);
    }
}

/// The first paragraph of a description, as a comment.
fn doc(description: Option<&str>, indent: &str) -> String {
    let first = description.unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { line } else { format!("{indent}/** {line} */\n") }
}

/// The type of whatever a schema allows.
///
/// # Panics
/// When it says something that is not known here: then its type would be a guess.
fn type_of(schema: &Value) -> String {
    if *schema == Value::Bool(true) {
        return "unknown".to_owned();
    }
    let fields = schema.as_object().expect("a schema is an object, or true");
    let mut parts = Vec::new();
    if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
        parts.push(reference.rsplit('/').next().expect("a name").to_owned());
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(all) = fields.get(key).and_then(Value::as_array) {
            parts.push(union(all.iter().map(type_of)));
        }
    }
    if let Some(all) = fields.get("allOf").and_then(Value::as_array) {
        parts.extend(all.iter().map(type_of));
    }
    if let Some(value) = fields.get("const") {
        parts.push(value.to_string());
    } else if let Some(values) = fields.get("enum").and_then(Value::as_array) {
        parts.push(union(values.iter().map(ToString::to_string)));
    } else {
        let named = fields.get("type");
        if let Some(one) = named.and_then(Value::as_str) {
            parts.push(plain(one, fields));
        } else if let Some(many) = named.and_then(Value::as_array) {
            let names = many.iter().map(|one| one.as_str().expect("types are words"));
            parts.push(union(names.map(|one| plain(one, fields))));
        } else if fields.contains_key("properties") {
            // What is said of an object may stand beside a choice of the rest.
            parts.push(object(fields));
        }
    }
    match parts.as_slice() {
        [] => "unknown".to_owned(),
        [one] => one.clone(),
        many => many.iter().map(|part| bracketed(part)).collect::<Vec<_>>().join(" & "),
    }
}

fn bracketed(part: &str) -> String {
    if part.contains(['|', '&']) { format!("({part})") } else { part.to_owned() }
}

fn union(parts: impl Iterator<Item = String>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for part in parts {
        if !kept.contains(&part) {
            kept.push(part);
        }
    }
    kept.join(" | ")
}

fn plain(name: &str, fields: &Map<String, Value>) -> String {
    match name {
        "integer" | "number" => "number".to_owned(),
        "string" | "boolean" | "null" => name.to_owned(),
        "array" => {
            if let Some(each) = fields.get("prefixItems").and_then(Value::as_array) {
                return format!("[{}]", each.iter().map(type_of).collect::<Vec<_>>().join(", "));
            }
            let each = fields.get("items").map_or("unknown".to_owned(), type_of);
            format!("{}[]", bracketed(&each))
        }
        "object" => object(fields),
        other => panic!("no type: {other}"),
    }
}

fn object(fields: &Map<String, Value>) -> String {
    let required = fields.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|required| required.iter().any(|one| one == name));
    let Some(properties) = fields.get("properties").and_then(Value::as_object) else {
        return match fields.get("additionalProperties") {
            Some(each) if each.is_object() => format!("{{ [name: string]: {} }}", type_of(each)),
            Some(each) if *each == Value::Bool(false) => "{}".to_owned(),
            Some(_) | None => "Record<string, unknown>".to_owned(),
        };
    };
    let each = properties.iter().map(|(name, schema)| {
        let mark = if is_required(name) { "" } else { "?" };
        let name = if name.chars().all(|sign| sign.is_alphanumeric() || sign == '_') {
            name.clone()
        } else {
            format!("'{name}'")
        };
        format!("{name}{mark}: {}", type_of(schema))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", each.join("; ")) }
}
