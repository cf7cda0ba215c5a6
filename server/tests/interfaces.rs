//! What the two descriptions say, held against the operations and against themselves.

use std::collections::BTreeSet;

use fanju_server::{
    http::openapi,
    live::asyncapi,
    operations::{self, Verb},
};
use serde_json::Value;

#[test]
fn every_operation_is_in_both_descriptions() {
    let (http, live) = (openapi::document(), asyncapi::document());
    let messages = live["channels"]["live"]["messages"].as_object().expect("messages");
    for operation in operations::all() {
        let offer = operation.offer;
        let verb = match offer.verb {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Put => "put",
            Verb::Delete => "delete",
        };
        let described = &http["paths"][offer.path][verb];
        assert_eq!(described["operationId"], offer.method, "{} {}", verb, offer.path);
        assert_ne!(described["summary"], "", "{} says nothing of itself", offer.method);
        let message = messages.get(&offer.method.replace('.', "_"));
        let named = message.map(|message| message["name"].clone());
        assert_eq!(named, Some(Value::from(offer.method)));
    }
}

#[test]
fn methods_and_resources_are_offered_once() {
    let (mut methods, mut resources) = (BTreeSet::new(), BTreeSet::new());
    for operation in operations::all() {
        assert!(methods.insert(operation.offer.method), "{} twice", operation.offer.method);
        let resource = (operation.offer.verb, operation.offer.path);
        assert!(resources.insert(resource), "{resource:?} twice");
    }
}

#[test]
fn every_path_parameter_is_a_parameter() {
    let document = openapi::document();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for (verb, operation) in item.as_object().expect("an item") {
            let parameters = operation["parameters"].as_array().expect("parameters");
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
            let described: BTreeSet<&str> =
                in_path.map(|parameter| parameter["name"].as_str().expect("a name")).collect();
            assert_eq!(named, described, "{verb} {path}");
        }
    }
}

/// Every reference of `value` leads to a schema of `document`.
fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("references stay here");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|value| check_references(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| check_references(document, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn references_lead_somewhere_and_no_two_schemas_fight_for_a_name() {
    for document in [openapi::document(), asyncapi::document()] {
        check_references(&document, &document);
        for name in document["components"]["schemas"].as_object().expect("schemas").keys() {
            let numbered = name.ends_with(|sign: char| sign.is_ascii_digit());
            assert!(!numbered, "{name}: another schema is called so already");
        }
    }
}

#[test]
fn readers_meet_signing_in_first_and_every_operation_in_a_room() {
    let document = openapi::document();
    let rooms = document["tags"].as_array().expect("rooms").iter();
    let rooms: Vec<&str> = rooms.map(|room| room["name"].as_str().expect("a name")).collect();
    let place = |room: &str| rooms.iter().position(|other| *other == room);
    let met = ["sign_up", "sign_in", "wallets", "groups", "orders", "passkeys"].map(place);
    assert!(met.is_sorted() && met[0] == Some(0), "{rooms:?}");
    for operation in operations::all() {
        let room = operation.offer.method.split('.').next().expect("a word");
        assert!(rooms.contains(&room), "{room} is no room");
    }
}
