//! Proxies in front of the server: whose word counts on where a request comes from.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use crate::{
    house::{House, PATIENCE},
    http::{Http, Reply},
    wire::handshake,
};

/// Two beginnings a minute from one address, and one socket of nobody.
const NARROW: [(&str, &str); 2] =
    [("FANJU_ATTEMPTS_PER_MINUTE", "2"), ("FANJU_NOBODIES_PER_ADDRESS", "1")];

/// A house that trusts the address from which every test here asks, and a network of the sixth version.
fn behind_a_proxy() -> House {
    let trusted = ("FANJU_TRUSTED_PROXIES", "127.0.0.1,2001:db8:ff::/48");
    House::open_with(0, 0, &[NARROW[0], NARROW[1], trusted])
}

/// Begins to sign in, which the house counts by address.
fn begin(http: &Http, headers: &[(&str, &str)]) -> Reply {
    http.send("POST", "/v1/sign-in", headers, b"{}")
}

/// Holds that whoever sends `headers` may begin twice, and not again.
#[track_caller]
fn has_its_own_allowance(http: &Http, headers: &[(&str, &str)]) {
    for _ in 0..2 {
        begin(http, headers).done();
    }
    begin(http, headers).is_problem(429, "too_many_requests");
}

#[test]
fn clients_behind_a_trusted_proxy_have_allowances_of_their_own() {
    let house = behind_a_proxy();
    let http = Http::new(&house);
    has_its_own_allowance(&http, &[("x-forwarded-for", "192.0.2.1")]);
    // What a client writes itself stands left of what the proxy adds, and changes nothing.
    let lies = [("x-forwarded-for", "192.0.2.99, 192.0.2.1")];
    begin(&http, &lies).is_problem(429, "too_many_requests");
    // The other header and another hop lead to the same client.
    let same = [("forwarded", "for=192.0.2.1;proto=https, for=\"[2001:db8:ff::1]\"")];
    begin(&http, &same).is_problem(429, "too_many_requests");
    has_its_own_allowance(&http, &[("x-forwarded-for", "192.0.2.2")]);
    has_its_own_allowance(&http, &[("forwarded", "for=\"[2001:db8:1::7]:4711\"")]);
    // A subscriber of the sixth version has a whole network of addresses.
    let next_door = [("x-forwarded-for", "2001:db8:1::8")];
    begin(&http, &next_door).is_problem(429, "too_many_requests");
}

#[test]
fn what_a_trusted_proxy_says_and_nobody_understands_is_the_proxys() {
    let house = behind_a_proxy();
    let http = Http::new(&house);
    begin(&http, &[("x-forwarded-for", "unknown")]).done();
    begin(&http, &[("forwarded", "for=\"192.0.2.1")]).done();
    for (name, value) in [("x-forwarded-for", ""), ("x-forwarded-for", ",,"), ("forwarded", "=")] {
        begin(&http, &[(name, value)]).is_problem(429, "too_many_requests");
    }
    let two_stories = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")];
    begin(&http, &two_stories).is_problem(429, "too_many_requests");
}

#[test]
fn a_header_of_anybody_else_is_ignored() {
    let house = House::open_with(0, 0, &NARROW);
    let http = Http::new(&house);
    begin(&http, &[("x-forwarded-for", "192.0.2.1")]).done();
    begin(&http, &[("forwarded", "for=192.0.2.2")]).done();
    begin(&http, &[("x-forwarded-for", "192.0.2.3")]).is_problem(429, "too_many_requests");
}

/// Knocks at the live channel with `headers`: the status, and the connection.
fn knock(house: &House, headers: &str) -> (String, BufReader<TcpStream>) {
    let address = house.address();
    let mut socket = TcpStream::connect(address).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    socket.write_all(handshake(address, "/v1/live", headers).as_bytes()).expect("is sent");
    let (mut socket, mut line) = (BufReader::new(socket), String::new());
    socket.read_line(&mut line).expect("a status");
    (line.split(' ').nth(1).expect("a status").to_owned(), socket)
}

#[test]
fn sockets_of_nobody_are_counted_by_client() {
    let house = behind_a_proxy();
    let (ana, _held) = knock(&house, "x-forwarded-for: 192.0.2.1\r\n");
    let (again, _) = knock(&house, "x-forwarded-for: 192.0.2.9, 192.0.2.1\r\n");
    let (bo, _held_too) = knock(&house, "x-forwarded-for: 192.0.2.2\r\n");
    assert_eq!([ana, again, bo], ["101", "429", "101"]);
}
