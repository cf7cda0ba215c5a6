//! What the two descriptions say, held against the operations and against themselves.

use std::collections::BTreeSet;

use actix_web::{App, http::header, test as probe};
use fanju::{
    Error, ErrorCode,
    domain::{
        payment::{self, AnswerRejection},
        split::{Split, SplitError},
        wallet,
    },
    ledger::FundsRejection,
};
use fanju_server::{
    http::{self, openapi},
    live::asyncapi,
    operations::{self, Repeats, Verb},
    problem::{Kind, Problem},
};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

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

/// Holds every object that `schema` admits, through everything that it refers to, to know its fields. What
/// it refers to is gathered in `seen`.
fn check_closed<'d>(
    document: &'d Value,
    schema: &'d Value,
    at: &str,
    seen: &mut BTreeSet<&'d str>,
) {
    let Some(words) = schema.as_object() else { return };
    let is_object = words.contains_key("properties") || schema["type"] == "object";
    let is_closed = schema["additionalProperties"] == false;
    assert!(!is_object || is_closed, "{at} passes unknown fields over: {schema}");
    if let Some(Value::String(reference)) = words.get("$ref")
        && seen.insert(reference)
    {
        let pointer = reference.strip_prefix('#').expect("references stay here");
        let named = document.pointer(pointer).expect("leads somewhere");
        check_closed(document, named, reference, seen);
    }
    let properties = words.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        check_closed(document, property, &format!("{at}.{name}"), seen);
    }
    for word in ["items", "prefixItems", "oneOf", "anyOf", "allOf"] {
        let within = &schema[word];
        let within = within.as_array().map_or(std::slice::from_ref(within), Vec::as_slice);
        within.iter().for_each(|schema| check_closed(document, schema, at, seen));
    }
}

#[test]
fn no_request_has_fields_that_are_passed_over() {
    let document = openapi::document();
    let mut seen = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("an item") {
            let at = format!("{verb} {path}");
            for parameter in operation["parameters"].as_array().expect("parameters") {
                check_closed(&document, &parameter["schema"], &at, &mut seen);
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            check_closed(&document, body, &at, &mut seen);
        }
    }
    for name in ["Line", "Rules", "Split", "Claim"] {
        let reference = format!("#/components/schemas/{name}");
        assert!(seen.contains(reference.as_str()), "{name} is not among {seen:?}");
    }
}

/// Every amount below `schema`, through everything that it refers to, with its place.
fn amounts<'d>(
    document: &'d Value,
    schema: &'d Value,
    at: &str,
    seen: &mut BTreeSet<&'d str>,
    found: &mut Vec<(String, &'d Value)>,
) {
    let Some(words) = schema.as_object() else { return };
    if let Some(Value::String(reference)) = words.get("$ref") {
        if reference.ends_with("/Amount") {
            return found.push((at.to_owned(), schema));
        }
        if seen.insert(reference) {
            let named = document.pointer(reference.trim_start_matches('#')).expect("is there");
            amounts(document, named, reference, seen, found);
        }
    }
    let either = words.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    for choice in either {
        let mut inner = Vec::new();
        amounts(document, choice, at, seen, &mut inner);
        // What may also be left out has its bounds beside the choice.
        found.extend(inner.into_iter().map(|(at, _)| (at, schema)));
    }
    for (name, property) in words.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        amounts(document, property, &format!("{at}.{name}"), seen, found);
    }
    for word in ["items", "oneOf", "allOf"] {
        let within = &schema[word];
        let within = within.as_array().map_or(std::slice::from_ref(within), Vec::as_slice);
        within.iter().for_each(|schema| amounts(document, schema, at, seen, found));
    }
}

#[test]
fn every_amount_that_is_sent_has_bounds_at_both_doors() {
    let (http, live) = (openapi::document(), asyncapi::document());
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, item) in http["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("an item") {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            amounts(&http, body, &format!("{verb} {path}"), &mut seen, &mut found);
        }
    }
    let mut seen = BTreeSet::new();
    for (name, message) in live["channels"]["live"]["messages"].as_object().expect("messages") {
        if !message["payload"]["properties"]["params"].is_null() && !name.starts_with("push_") {
            let params = &message["payload"]["properties"]["params"];
            amounts(&live, params, name, &mut seen, &mut found);
        }
    }
    for (at, schema) in &found {
        let bounds = schema["minimum"].as_i64().zip(schema["maximum"].as_i64());
        assert!(bounds.is_some_and(|(least, most)| least < most), "{at} has no bounds: {schema}");
    }
    let places: BTreeSet<&str> = found.iter().map(|(at, _)| at.as_str()).collect();
    for place in ["orders_scan.total", "#/components/schemas/Line.amount", "groups_confirm.owed"] {
        assert!(places.contains(place), "{place} is not among {places:?}");
    }
}

#[test]
fn a_split_with_a_field_too_many_is_refused_by_its_name() {
    let diner = "01900000-0000-7000-8000-000000000001";
    let read = |split: Value| serde_json::from_value::<Split>(split);
    assert_eq!(read(json!({ "mode": "equal" })).expect("is one"), Split::Equal);
    let treat = |of: Value| json!({ "mode": "treat", "payer": diner, "guests": [], "of": of });
    read(treat(json!({ "mode": "equal" }))).expect("is one");
    let part = |name: &str| json!([{ "diner": diner, name: 1, "tip": 1 }]);
    for wrong in [
        json!({ "mode": "equal", "tip": 1 }),
        json!({ "mode": "percent", "parts": [], "tip": 1 }),
        json!({ "mode": "weights", "parts": part("weight") }),
        json!({ "mode": "exact", "parts": part("amount") }),
        json!({ "mode": "itemised", "claims": [{ "line": 0, "diner": diner, "weight": 1, "tip": 1 }] }),
        treat(json!({ "mode": "equal", "tip": 1 })),
    ] {
        let refused = read(wrong.clone()).expect_err("is refused").to_string();
        assert!(refused.contains("unknown field `tip`"), "{wrong}: {refused}");
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

/// What `document` says of problems' codes: the schema of their `code`.
fn codes(document: &Value) -> &Value {
    let schemas = &document["components"]["schemas"];
    let reference = &schemas["Problem"]["properties"]["code"]["$ref"];
    assert_eq!(reference, "#/components/schemas/ProblemCode");
    &schemas["ProblemCode"]
}

#[test]
fn every_reason_of_a_refusal_is_described() {
    for document in [openapi::document(), asyncapi::document()] {
        let schemas = &document["components"]["schemas"];
        let reason = schemas["Problem"]["properties"]["reason"].to_string();
        assert!(reason.contains("#/components/schemas/Reason"), "{reason}");
        let listed = schemas["Reason"]["oneOf"].as_array().expect("words");
        let words: BTreeSet<&str> =
            listed.iter().map(|reason| reason["const"].as_str().expect("a word")).collect();
        assert_eq!(words.len(), listed.len(), "a word twice");
        for refusal in [
            Error::from(wallet::Rejection::Funds(FundsRejection::AmountOutOfRange)),
            Error::from(payment::Rejection::Split(SplitError::NoWeight)),
            Error::from(AnswerRejection::NotAsked),
        ] {
            let reason = serde_json::to_value(Problem::from(refusal)).expect("JSON");
            let reason = reason["reason"].as_str().expect("a reason");
            assert!(words.contains(reason), "{reason} is not listed");
        }
        for reason in listed {
            let says = reason["description"].as_str().unwrap_or_default();
            assert!(says.ends_with('.'), "{} means nothing", reason["const"]);
        }
    }
}

#[actix_web::test]
async fn every_code_is_described_and_its_type_leads_to_its_row() {
    let app = App::new().configure(http::routes);
    let service = probe::init_service(app.default_service(actix_web::web::to(http::nothing_here)));
    let service = service.await;
    let get = async |path: &str| {
        let request = probe::TestRequest::get().uri(path).to_request();
        probe::call_service(&service, request).await
    };
    let mut words = Vec::new();
    for kind in Kind::all() {
        let problem: Value = serde_json::from_str(&Problem::new(kind, "").to_json()).expect("JSON");
        let (code, status) = (kind.code(), kind.status());
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)));
        assert!((400..600).contains(&status), "{code}: {status}");
        assert!(kind.meaning().ends_with('.'), "{code} means nothing");
        let answer = get(problem["type"].as_str().expect("a path")).await;
        assert_eq!(answer.status(), 303, "{code}");
        let row = format!("/docs#problem-{code}");
        assert_eq!(answer.headers().get(header::LOCATION).expect("leads on"), row.as_str());
        words.push(json!({ "code": code, "status": status, "meaning": kind.meaning() }));
    }
    assert_eq!(get("/problems/nothing").await.status(), 404);
    let all = get("/problems").await;
    assert_eq!(all.headers().get(header::LOCATION).expect("leads on"), "/docs#problems");
    let listed: Vec<Value> = words.iter().map(|word| word["code"].clone()).collect();
    for document in [openapi::document(), asyncapi::document()] {
        assert_eq!(codes(&document)["enum"], json!(listed));
        assert_eq!(codes(&document)["x-problems"], json!(words));
    }
}

#[actix_web::test]
async fn the_live_channel_is_where_its_description_was_found() {
    let service = probe::init_service(App::new().configure(http::routes)).await;
    for host in ["fanju.example:9443", "192.168.7.7:8080"] {
        let request = probe::TestRequest::get().uri("/asyncapi.json");
        let request = request.insert_header((header::HOST, host)).to_request();
        let mut told: Value = probe::call_and_read_body_json(&service, request).await;
        let servers = told.as_object_mut().expect("an object").remove("servers");
        let here = json!({ "here": { "host": host, "protocol": "ws" } });
        assert_eq!((servers, told), (Some(here), asyncapi::document()));
    }
}

#[test]
fn the_engines_words_are_the_servers() {
    for code in ErrorCode::iter() {
        let word: &str = code.into();
        assert_eq!(Kind::from(code).code(), word);
    }
}

#[test]
fn what_has_a_number_for_a_key_says_so_at_both_doors() {
    let (http, live) = (openapi::document(), asyncapi::document());
    let messages = &live["channels"]["live"]["messages"];
    for (method, path, number) in [
        ("orders.scan", "/v1/merchants/{merchant}/orders", "order_no"),
        ("orders.refund", "/v1/merchants/{merchant}/orders/{order_no}/refunds", "refund_no"),
    ] {
        let operation = operations::named(method).expect("is one");
        assert_eq!(operation.offer.repeats, Repeats::Numbered(number));
        let told = format!("`{number}` is its key");
        let says = [
            &http["paths"][path]["post"]["description"],
            &messages[method.replace('.', "_")]["summary"],
        ];
        for says in says {
            assert!(says.as_str().expect("words").contains(&told), "{method}: {says}");
        }
    }
}

#[test]
fn tokens_are_optional_where_anyone_may_ask_and_nowhere_else() {
    let document = openapi::document();
    assert_eq!(document.get("security"), None, "it is said of each operation");
    for operation in operations::all() {
        let verb = format!("{:?}", operation.offer.verb).to_lowercase();
        let optional = operation.is_for_anyone.then(|| json!({}));
        let expected: Vec<_> = optional.into_iter().chain([json!({ "bearer": [] })]).collect();
        let described = &document["paths"][operation.offer.path][verb];
        assert_eq!(described["security"], json!(expected), "{}", operation.offer.method);
    }
}

#[test]
fn every_operation_may_stay_unanswered() {
    let status = Kind::Unanswered.status().to_string();
    for (path, item) in openapi::document()["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("an item") {
            assert!(operation["responses"].get(&status).is_some(), "{verb} {path}");
        }
    }
}
