//! A-1 at the front doors: every resource, every method and every topic that the server describes,
//! asked by everybody. Who may stands in `table.rs`, written by hand; what is described and not in
//! there fails, and so does what is in there and not described.

mod table;
mod world;

use std::{collections::BTreeSet, fs, path::Path, thread};

use serde_json::{Map, Value, json};

use self::{
    table::{BESIDE, OWN, ROLES, ROWS, Row, TOPICS, is_among},
    world::World,
};
use crate::{
    guest::SETTINGS,
    house::{House, TIRELESS},
    http::Http,
    socket::Socket,
};

/// Verbs of HTTP that a resource may take.
const VERBS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn house() -> House {
    House::open_with(0, 0, &[SETTINGS[0], SETTINGS[1], SETTINGS[2], TIRELESS])
}

/// A world for each row that changes something, and so perhaps who is who: two rows at a time.
fn for_each_row(house: &House, walk: impl Fn(&World<'_>, &Row) + Sync) {
    let (walk, half) = (&walk, ROWS.len().div_ceil(2));
    thread::scope(|scope| {
        for rows in ROWS.chunks(half) {
            scope.spawn(move || {
                let http = Http::new(house);
                let unchanged = World::new(house, &http);
                for row in rows {
                    if row.resource.starts_with("GET ") {
                        walk(&unchanged, row);
                    } else {
                        walk(&World::new(house, &http), row);
                    }
                }
            });
        }
    });
}

/// Holds what `role` was told, a problem's code or nothing, against the table.
#[track_caller]
fn check(row: &Row, role: &str, code: Option<&str>) {
    let is_refused = matches!(code, Some("forbidden" | "not_signed_in"));
    assert_eq!(!is_refused, row.may(role), "{} by {role}: {code:?}", row.method);
    if is_refused {
        let expected = if role == "nobody" { "not_signed_in" } else { "forbidden" };
        assert_eq!(code, Some(expected), "{} by {role}", row.method);
    }
    // Whoever is let in is so for a request that makes sense.
    let is_broken = matches!(code, Some("bad_request" | "internal" | "not_found" | "wrong_method"));
    assert!(!is_broken, "{} by {role}: {code:?}", row.method);
}

/// Path with query string, and body, of what `row` asks.
fn request(row: &Row, params: &Map<String, Value>) -> (String, Value) {
    let (verb, path) = row.resource.split_once(' ').expect("a verb and a path");
    let (mut path, mut query, mut body) = (path.to_owned(), Vec::new(), Map::new());
    for (name, value) in params {
        let (place, text) = (format!("{{{name}}}"), value.as_str().unwrap_or_default());
        if path.contains(&place) {
            path = path.replace(&place, text);
        } else if verb == "GET" || verb == "DELETE" {
            query.push(format!("{name}={text}"));
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    (path, body.into())
}

fn params(world: &World<'_>, row: &Row) -> Map<String, Value> {
    serde_json::from_str(&world.named(row.params)).expect("an object")
}

#[test]
fn every_resource_is_refused_to_everybody_who_has_no_right() {
    let house = house();
    let document = Http::new(&house).get("/openapi.json", None).done();
    let mut described = BTreeSet::new();
    for (path, verbs) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in verbs.as_object().expect("verbs") {
            let method = operation["operationId"].as_str().expect("a name").to_owned();
            described.insert((format!("{} {path}", verb.to_uppercase()), method));
        }
    }
    let known = ROWS.iter().map(|row| (row.resource.to_owned(), row.method.to_owned())).collect();
    assert_eq!(described, known, "who may? say so in table.rs");
    for_each_row(&house, |world, row| {
        let (verb, _) = row.resource.split_once(' ').expect("a verb");
        let (path, body) = request(row, &params(world, row));
        for role in ROLES {
            let reply = world.send(verb, &path, world.token(role), &body);
            let code = (reply.status >= 400).then(|| reply.json()["code"].clone());
            let code = code.as_ref().map(|code| code.as_str().expect("a problem's code"));
            check(row, role, code);
        }
    });
}

#[test]
fn no_resource_takes_a_verb_that_is_not_described() {
    let house = house();
    let http = Http::new(&house);
    let paths: BTreeSet<&str> =
        ROWS.iter().filter_map(|row| Some(row.resource.split_once(' ')?.1)).collect();
    for path in paths {
        for verb in VERBS {
            let resource = format!("{verb} {path}");
            if !ROWS.iter().any(|row| row.resource == resource) {
                http.send(verb, path, &[], b"").is_problem(405, "wrong_method");
            }
        }
    }
}

/// Whose the table is decides the server, not whose name the request has.
#[test]
fn a_member_who_is_not_the_host_decides_nothing_for_the_table() {
    let house = house();
    let http = Http::new(&house);
    let world = World::new(&house, &http);
    for method in ["groups.rules", "groups.lock", "groups.unlock", "groups.close"] {
        let row = ROWS.iter().find(|row| row.method == method).expect("a row");
        for role in ["member", "invited"] {
            let mut params = params(&world, row);
            params.insert("by".to_owned(), world.named(&format!("${role}")).into());
            let (verb, _) = row.resource.split_once(' ').expect("a verb");
            let (path, body) = request(row, &params);
            world.send(verb, &path, world.token(role), &body).is_problem(403, "forbidden");
            let mut socket = connected(&house, &world, role);
            assert_eq!(socket.refused(method, params.into())["code"], "forbidden", "{method}");
        }
    }
}

#[test]
fn what_is_beside_the_operations_is_read_by_whom_it_is_for() {
    let house =
        House::open_with(0, 0, &[SETTINGS[0], SETTINGS[1], SETTINGS[2], ("FANJU_DEMO", "true")]);
    let http = Http::new(&house);
    let world = World::new(&house, &http);
    for (route, may) in BESIDE {
        let path = route.replace("{file}", "fanju.js").replace("{code}", "forbidden");
        let path = path.replace("{digits}", "880000000000000000");
        for role in ROLES {
            let reply = world.send("GET", &path, world.token(role), &Value::Null);
            let refused = match role {
                role if is_among(may, role) => None,
                "nobody" => Some(401),
                _ => Some(403),
            };
            let told = matches!(reply.status, 401 | 403 | 405).then_some(reply.status);
            assert_eq!(told, refused, "{path} by {role}");
        }
        for verb in &VERBS[1..] {
            http.send(verb, &path, &[], b"").is_problem(405, "wrong_method");
        }
    }
}

/// A route that nobody put into the table would be walked by no test.
#[test]
fn every_route_of_the_sources_is_in_the_table() {
    let mut routes = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                let adds = [".route(", ".service(", "web::resource("];
                if source.contains("fn routes(") {
                    let literals = source.split('"').skip(1).step_by(2);
                    let is_path = |text: &&str| text.starts_with('/') && !text.contains('#');
                    routes.extend(literals.filter(is_path).map(str::to_owned));
                } else if !path.ends_with("serve.rs") && !path.ends_with("telemetry.rs") {
                    let adds = adds.iter().find(|adds| source.contains(**adds));
                    assert_eq!(adds, None, "{}: adds routes, and is not looked at", path.display());
                }
            }
        }
    }
    assert_eq!(routes, BESIDE.map(|(route, _)| route.to_owned()).into());
}

#[test]
fn every_method_is_refused_to_everybody_who_has_no_right() {
    let house = house();
    let document = Http::new(&house).get("/asyncapi.json", None).done();
    let operations = document["operations"].as_object().expect("operations");
    let asked = operations.values().filter(|operation| operation["action"] == "receive");
    let message = |asked: &Value| {
        let place =
            asked["messages"][0]["$ref"].as_str().expect("a reference").trim_start_matches('#');
        let method = &document.pointer(place).expect("leads there")["payload"]["properties"];
        method["method"]["const"].as_str().expect("a name").to_owned()
    };
    let described: BTreeSet<String> = asked.map(message).collect();
    let known = ROWS.iter().map(|row| row.method).chain(OWN).map(str::to_owned).collect();
    assert_eq!(described, known, "who may? say so in table.rs");
    for_each_row(&house, |world, row| {
        let mut params = params(world, row);
        let message = &document["channels"]["live"]["messages"][row.method.replace('.', "_")];
        let described = &message["payload"]["properties"]["params"]["properties"];
        if described["idempotency_key"].is_object() {
            params.insert("idempotency_key".to_owned(), row.method.into());
        }
        for role in ROLES {
            let mut socket = connected(&house, world, role);
            let answer = socket.try_ask(row.method, params.clone().into()).expect("still there");
            let code = answer.as_ref().err().map(|problem| problem["code"].as_str());
            check(row, role, code.map(|code| code.expect("a problem's code")));
        }
    });
}

/// A live session of `role`.
fn connected(house: &House, world: &World<'_>, role: &str) -> Socket {
    match world.token(role) {
        Some(token) => Socket::signed_in(house, token),
        None => Socket::connect(house),
    }
}

#[test]
fn nobody_listens_to_what_is_not_theirs() {
    let house = house();
    let http = Http::new(&house);
    let world = World::new(&house, &http);
    for role in ROLES {
        let mut socket = connected(&house, &world, role);
        for (topic, may) in TOPICS {
            let topic = world.named(topic);
            for after in [Value::Null, Value::from(0)] {
                let listen =
                    json!({ "topic": topic, "after": after, "epoch": socket.hello["epoch"] });
                let answer = socket.try_ask("subscribe", listen).expect("still there");
                let code = answer.as_ref().err().and_then(|problem| problem["code"].as_str());
                let expected = match role {
                    role if is_among(may, role) => None,
                    "nobody" => Some("not_signed_in"),
                    _ => Some("forbidden"),
                };
                assert_eq!(code, expected, "{topic} by {role}: {answer:?}");
            }
            // Whoever was refused hears nothing, and whoever was not may go again.
            socket.ask("unsubscribe", json!({ "topic": topic }));
        }
        socket.ask("ping", json!({}));
    }
}
