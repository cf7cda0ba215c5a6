//! Connections that the HTTP library hands over: nothing is lost at the handshake, nothing piles up
//! behind it, and what ends is closed. Only the live channel becomes a websocket.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread::sleep,
    time::Duration,
};

use socket2::SockRef;

use crate::{
    house::{House, PATIENCE, TIRELESS},
    http::raw,
    wire::{frame, handshake},
};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;

const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// More than the buffers of both kernels hold, in bytes.
const FLOOD_BYTES: usize = 64 * 1024 * 1024;

fn connect(house: &House) -> TcpStream {
    let socket = TcpStream::connect(house.address()).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    socket
}

fn opening(house: &House) -> Vec<u8> {
    handshake(house.address(), "/v1/live", "").into_bytes()
}

fn ping(id: usize) -> Vec<u8> {
    frame(TEXT, format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}").as_bytes())
}

/// Reads until `word` has come.
fn read_until(socket: &mut TcpStream, word: &str) {
    let (mut said, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    while !said.windows(word.len()).any(|part| part == word.as_bytes()) {
        // What was looked through is not looked through again.
        said.drain(..said.len().saturating_sub(word.len()));
        let read = socket.read(&mut piece).unwrap_or_else(|error| panic!("no {word}: {error}"));
        assert!(read > 0, "closed before {word}");
        said.extend_from_slice(&piece[..read]);
    }
}

#[test]
fn what_comes_together_with_the_handshake_is_answered() {
    let house = House::open(0, 0);
    let mut socket = connect(&house);
    let (first, second) = (ping(7), ping(8));
    let (begun, rest) = second.split_at(9);
    socket.write_all(&[&opening(&house), &first[..], begun].concat()).expect("is sent");
    read_until(&mut socket, "\"id\":7");
    socket.write_all(rest).expect("is sent");
    read_until(&mut socket, "\"id\":8");
}

#[test]
fn a_handshake_in_pieces_opens_a_session() {
    let house = House::open(0, 0);
    let mut socket = connect(&house);
    socket.set_nodelay(true).expect("a socket");
    for piece in [opening(&house), ping(1)].concat().chunks(40) {
        socket.write_all(piece).expect("is sent");
        sleep(Duration::from_millis(1));
    }
    read_until(&mut socket, "\"id\":1");
}

#[test]
fn a_session_that_ends_says_so_and_closes_its_socket() {
    let house = House::open(0, 0);
    // A close is answered with its own code; what is not text is closed with 1003.
    for (last, code) in [(frame(CLOSE, &[3, 232]), [3, 232]), (frame(BINARY, b"{}"), [3, 235])] {
        let mut socket = connect(&house);
        socket.write_all(&[opening(&house), last].concat()).expect("is sent");
        let mut said = Vec::new();
        socket.read_to_end(&mut said).expect("the server closes, and resets nothing");
        let at = said.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
        assert_eq!(said[at + 2..at + 4], code, "{said:?}");
        assert_eq!(said.len() - at - 2, usize::from(said[at + 1]), "nothing behind the close");
    }
}

#[test]
fn whoever_does_not_read_is_not_read_from() {
    let house = House::open_with(0, 0, &[TIRELESS]);
    let mut socket = connect(&house);
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).expect("takes a size");
    socket.write_all(&opening(&house)).expect("is sent");
    socket.set_write_timeout(Some(Duration::from_secs(2))).expect("takes a timeout");
    let (mut asked, mut sent, mut left) = (0, 0, Vec::new());
    loop {
        assert!(sent < FLOOD_BYTES, "the server takes everything");
        if left.is_empty() {
            left = (0..100).flat_map(|more| ping(1_000_000 + asked + more)).collect();
            asked += 100;
        }
        match socket.write(&left) {
            Ok(written) => {
                sent += written;
                left.drain(..written);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("after {sent} bytes: {error}"),
        }
    }
    // Nothing was lost either.
    read_until(&mut socket, &format!("\"id\":{}", 1_000_000 + asked - 101));
}

#[test]
fn only_the_live_channel_becomes_a_websocket() {
    let house = House::open(0, 0);
    let elsewhere = "origin: https://elsewhere.example\r\n";
    for (path, headers, status, body) in [
        ("/healthz", "", 200, "\r\n\r\nok\n"),
        ("/nothing", "", 404, "\"not_found\""),
        ("/v1/live", elsewhere, 403, "\"wrong_origin\""),
    ] {
        let reply = raw(house.address(), handshake(house.address(), path, headers).as_bytes());
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {reply}");
        assert!(reply.contains("\r\nconnection: close\r\n"), "{path}: {reply}");
        assert!(reply.contains(body), "{path}: {reply}");
    }
    for wrong in ["sec-websocket-version: 13\r\n", "connection: upgrade\r\n", KEY] {
        let request = handshake(house.address(), "/v1/live", "").replace(wrong, "x-nothing: 1\r\n");
        let reply = raw(house.address(), request.as_bytes());
        assert!(reply.starts_with("HTTP/1.1 426"), "without {wrong}: {reply}");
        assert!(reply.contains("\"no_websocket\""), "without {wrong}: {reply}");
    }
}
