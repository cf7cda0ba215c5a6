//! Frames that are no requests: told apart by JSON-RPC's codes, and never the end of the server.

use serde_json::json;

use crate::{
    house::{House, PURSE},
    socket::Socket,
    wire::{ABNORMAL, frame},
};

/// JSON-RPC's codes. Source: <https://www.jsonrpc.org/specification>, section 5.1.
const PARSE_ERROR: i64 = -32_700;
const INVALID_REQUEST: i64 = -32_600;
const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_PARAMS: i64 = -32_602;

/// How deep a frame may be nested, with itself and its `params`.
const DEPTH_MAX: usize = 32;

#[test]
fn what_is_no_request_is_answered_by_its_code_and_the_session_goes_on() {
    let house = House::open(1, 0);
    let mut socket = Socket::signed_in(&house, &house.cast.diners[0].token);
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deep = |depth: usize| {
        let nested = nested(depth);
        format!("{{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{{\"a\":{nested}}}}}")
    };
    let cases = [
        ("", PARSE_ERROR),
        ("nonsense", PARSE_ERROR),
        ("{\"jsonrpc\":", PARSE_ERROR),
        ("\u{0}", PARSE_ERROR),
        ("null", INVALID_REQUEST),
        ("7", INVALID_REQUEST),
        ("\"饭\"", INVALID_REQUEST),
        ("[]", INVALID_REQUEST),
        (&nested(100), INVALID_REQUEST),
        (&deep(DEPTH_MAX - 1), INVALID_REQUEST),
        (&deep(10_000), INVALID_REQUEST),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
        ("{}", INVALID_REQUEST),
        (r#"{"jsonrpc":"1.0","method":"ping"}"#, INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","method":7}"#, INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST),
    ];
    for (text, code) in cases {
        socket.send(text).expect("is sent");
        let error = socket.lost().expect("is answered");
        assert_eq!(error["error"]["code"], code, "{error}");
        assert_eq!(error["error"]["data"]["code"], "malformed_frame", "{error}");
        assert_eq!(error["id"], json!(null), "{error}");
        // Each such frame costs ten requests; time gives them back.
        socket.ask("ping", json!({}));
    }
    // What is as deep as `hello` says is read: only the method is unknown.
    let most: serde_json::Value = serde_json::from_str(&nested(DEPTH_MAX - 2)).expect("JSON");
    assert_eq!(socket.refused("x", json!({ "a": most }))["code"], "unknown_method");
}

#[test]
fn what_cannot_be_asked_is_refused_under_its_id() {
    let house = House::open(1, 0);
    let diner = &house.cast.diners[0];
    let mut socket = Socket::signed_in(&house, &diner.token);
    let deep = format!("{}1{}", "[".repeat(20), "]".repeat(20));
    let deep: serde_json::Value = serde_json::from_str(&deep).expect("JSON");
    let cases = [
        ("nothing.here", json!({}), "unknown_method", METHOD_NOT_FOUND),
        ("wallets.get", json!({}), "bad_request", INVALID_PARAMS),
        ("wallets.get", json!({ "wallet": 7 }), "bad_request", INVALID_PARAMS),
        ("wallets.get", json!({ "wallet": "7" }), "bad_request", INVALID_PARAMS),
        ("wallets.get", json!({ "wallet": deep }), "bad_request", INVALID_PARAMS),
        (
            "wallets.get",
            json!({ "wallet": diner.wallet, "more": 1 }),
            "bad_request",
            INVALID_PARAMS,
        ),
        ("subscribe", json!({ "topic": "table:1" }), "bad_request", INVALID_PARAMS),
        ("subscribe", json!({ "topic": "wallet:1" }), "bad_request", INVALID_PARAMS),
        (
            "wallets.top_up",
            json!({ "wallet": diner.wallet, "amount": 1, "idempotency_key": 7 }),
            "bad_request",
            INVALID_PARAMS,
        ),
        (
            "wallets.top_up",
            json!({ "wallet": diner.wallet, "amount": 1.5, "idempotency_key": "a" }),
            "bad_request",
            INVALID_PARAMS,
        ),
    ];
    for (method, params, code, number) in cases {
        let request = json!({ "jsonrpc": "2.0", "id": "x", "method": method, "params": params });
        socket.send(request.to_string()).expect("is sent");
        let error = socket.lost().expect("is answered");
        assert_eq!(error["id"], "x", "{error}");
        assert_eq!(error["error"]["code"], number, "{method}: {error}");
        assert_eq!(error["error"]["data"]["code"], code, "{method}: {error}");
    }
    let request = json!({ "jsonrpc": "2.0", "id": "x", "method": "ping", "params": [1] });
    socket.send(request.to_string()).expect("is sent");
    assert_eq!(socket.lost().expect("is answered")["error"]["code"], INVALID_PARAMS);
    for amount in [0, -1, i64::MAX] {
        let params =
            json!({ "wallet": diner.wallet, "amount": amount, "idempotency_key": "amount" });
        let problem = socket.refused("wallets.top_up", params);
        assert_eq!(
            (&problem["status"], &problem["reason"]),
            (&json!(400), &json!("amount_out_of_range"))
        );
    }
    let view = socket.ask("wallets.get", json!({ "wallet": diner.wallet }));
    assert_eq!(view["posted"], PURSE, "{view}");
}

#[test]
fn a_notification_is_done_and_not_answered() {
    let house = House::open(1, 0);
    let diner = &house.cast.diners[0];
    let mut socket = Socket::signed_in(&house, &diner.token);
    let topic = format!("wallet:{}", diner.wallet);
    socket.subscribe(&topic, None);
    let params = json!({ "wallet": diner.wallet, "amount": 5, "idempotency_key": "quiet" });
    let request = json!({ "jsonrpc": "2.0", "method": "wallets.top_up", "params": params });
    socket.send(request.to_string()).expect("is sent");
    assert_eq!(socket.event_of("rail_confirmed").expect("is done")["delta"], 5);
    let view = socket.ask("wallets.get", json!({ "wallet": diner.wallet }));
    assert_eq!(view["posted"], PURSE + 5);
}

#[test]
fn frames_that_are_not_text_or_too_long_close_the_session() {
    let house = House::open(1, 0);
    let token = &house.cast.diners[0].token;
    let mut witness = Socket::signed_in(&house, token);
    let max = witness.hello["limits"]["frame_bytes_max"].as_u64().expect("a number");
    let max = usize::try_from(max).expect("a length");
    let padded = |length: usize| {
        let request = json!({ "jsonrpc": "2.0", "id": 1_000, "method": "ping" }).to_string();
        let padding = " ".repeat(length - request.len());
        request + &padding
    };

    let mut socket = Socket::signed_in(&house, token);
    socket.send(padded(max)).expect("is sent");
    assert!(socket.answer(1_000).expect("still there").is_ok(), "the longest frame is taken");
    // The rest of a frame may find the connection closed already.
    drop(socket.send(padded(max + 1)));
    assert_eq!(socket.closed(), 1009);

    let mut socket = Socket::signed_in(&house, token);
    socket.wire().send_binary(b"{}").expect("is sent");
    assert_eq!(socket.closed(), 1003);

    // A text in two frames is not taken: every request fits into one.
    let mut socket = Socket::signed_in(&house, token);
    socket.wire().write_raw(&[0x01, 0x81, 0, 0, 0, 0, b'{']);
    assert_eq!(socket.closed(), 1003);
    witness.ask("ping", json!({}));
}

#[test]
fn broken_frames_close_the_session_and_nobody_elses() {
    let house = House::open(1, 0);
    let token = &house.cast.diners[0].token;
    let mut witness = Socket::signed_in(&house, token);
    let broken: [(&str, Vec<u8>); 5] = [
        ("broken UTF-8", frame(0x1, &[b'"', 0xFF, b'"'])),
        ("no mask", vec![0x81, 0x02, b'{', b'}']),
        ("an unknown opcode", frame(0x3, b"{}")),
        ("a continuation of nothing", frame(0x0, b"{}")),
        ("a ping longer than a control frame", {
            let mut bytes = vec![0x89, 0xFE, 0, 200, 0, 0, 0, 0];
            bytes.resize(8 + 200, b'a');
            bytes
        }),
    ];
    for (what, bytes) in broken {
        let mut socket = Socket::signed_in(&house, token);
        socket.wire().write_raw(&bytes);
        let code = socket.closed();
        assert!(matches!(code, 1002 | 1003 | 1007 | 4000), "{what} closes with {code}");
        assert_ne!(code, ABNORMAL, "{what}");
        witness.ask("ping", json!({}));
    }
}

#[test]
fn whoever_never_makes_sense_is_shown_out() {
    let house = House::open(0, 0);
    let mut socket = Socket::connect(&house);
    for _ in 0..200 {
        // The session may be closed before all of it is sent.
        if socket.send("nonsense").is_err() {
            break;
        }
    }
    assert_eq!(socket.closed(), 4000);
}
