//! Spans: a collector is told what was asked and how it ended, and nothing of whom or how much.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::json;

use crate::{
    house::{Diner, House, PURSE},
    http::Http,
    socket::Socket,
};

/// A collector that takes whatever it is sent; its address, and each request's path and body.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (taken, takes) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, taken) = (stream.expect("a connection"), taken.clone());
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Some(request) = take(&mut stream) {
                    if taken.send(request).is_err() {
                        return;
                    }
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\
                                   content-length: 0\r\n\r\n";
                    stream.get_mut().write_all(answer).expect("is sent");
                }
            });
        }
    });
    (format!("http://{address}"), takes)
}

/// The next request of a connection: its path and its body.
fn take(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    if stream.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let path = first.split(' ').nth(1).expect("a path").to_owned();
    assert!(first.starts_with("POST "), "{first}");
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a header");
        match line.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", said)) => length = said.parse().expect("a length"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    Some((path, body))
}

#[test]
fn a_collector_hears_operations_and_outcomes_and_nothing_else() {
    let (endpoint, takes) = collector();
    let mut house = House::open_with(2, 0, &[("FANJU_OTLP_ENDPOINT", &endpoint)]);
    let Diner { wallet, token } = house.cast.diners[0].clone();
    let other = house.cast.diners[1].wallet.clone();
    let http = Http::new(&house);
    let view = http.get(&format!("/v1/wallets/{wallet}"), Some(&token)).done();
    assert_eq!(view["posted"], PURSE, "{view}");
    http.get(&format!("/v1/wallets/{other}"), Some(&token)).is_problem(403, "forbidden");
    http.get("/somewhere/secret", None).is_problem(404, "not_found");
    let mut phone = Socket::signed_in(&house, &token);
    let top_up = json!({ "wallet": wallet, "amount": 765_432, "idempotency_key": "mine" });
    phone.ask("wallets.top_up", top_up);
    phone.subscribe(&format!("wallet:{wallet}"), None);
    phone.refused("made.up.secret", json!({}));
    house.stop();

    // The last of it is sent before the server ends.
    let mut spans = Vec::new();
    while let Ok((path, body)) = takes.try_recv() {
        assert_eq!(path, "/v1/traces");
        spans.extend(body);
    }
    let says = |text: &str| spans.windows(text.len()).any(|part| part == text.as_bytes());
    for told in [
        "fanju-server",
        "GET /v1/wallets/{wallet}",
        "wallets.get",
        "wallets.top_up",
        "sign_in",
        "subscribe",
        "unknown_method",
        "ok",
        "forbidden",
        "not_found",
    ] {
        assert!(says(told), "{told} is not in {}", String::from_utf8_lossy(&spans));
    }
    for kept in [wallet.as_str(), &other, &token, "765432", "secret", "mine"] {
        assert!(!says(kept), "{kept} is in {}", String::from_utf8_lossy(&spans));
    }
}

#[test]
fn a_collector_that_is_not_there_changes_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let mut house = House::open_with(1, 0, &[("FANJU_OTLP_ENDPOINT", &endpoint)]);
    let Diner { wallet, token } = house.cast.diners[0].clone();
    let view = Http::new(&house).get(&format!("/v1/wallets/{wallet}"), Some(&token)).done();
    assert_eq!(view["posted"], PURSE, "{view}");
    house.stop();
    House::verify(house.data());
}
