//! Signing: published values, the published list of what to believe, and our own secrets.

use serde_json::Value;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_S: i64 = 1_614_265_330;
const SENT: &str = "1614265330";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const OTHER_BODYS: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

fn secret() -> Secret {
    Secret::parse(SECRET).unwrap()
}

fn headers() -> Headers<'static> {
    Headers { id: Some(ID), timestamp: Some(SENT), signature: Some(SIGNATURE) }
}

fn seconds_after(seconds: i64) -> Timestamp {
    Timestamp((SENT_S + seconds) * 1_000_000)
}

/// The one place that touches `verify`.
#[track_caller]
fn check(headers: Headers<'_>, now: Timestamp, expected: Result<(), VerifyError>) {
    assert_eq!(verify(&secret(), headers, BODY, now), expected);
}

#[test]
fn published_message_has_the_published_signature() {
    assert_eq!(secret().sign(ID, SENT_S, BODY), SIGNATURE);
    let bare = Secret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(bare, secret(), "the prefix is optional");
}

#[test]
fn a_message_is_believed_as_it_was_sent() {
    check(headers(), seconds_after(0), Ok(()));
}

#[test]
fn a_message_without_one_of_its_headers_is_not_believed() {
    let missing = |header| Err(VerifyError::MissingHeader(header));
    let now = seconds_after(0);
    check(Headers { id: None, ..headers() }, now, missing(ID_HEADER));
    check(Headers { timestamp: None, ..headers() }, now, missing(TIMESTAMP_HEADER));
    check(Headers { signature: None, ..headers() }, now, missing(SIGNATURE_HEADER));
}

#[test]
fn a_message_is_believed_for_five_minutes_around_its_time() {
    check(headers(), seconds_after(299), Ok(()));
    check(headers(), seconds_after(300), Err(VerifyError::TooOld));
    check(headers(), seconds_after(-300), Ok(()));
    check(headers(), seconds_after(-301), Err(VerifyError::TooNew));
    let garbled = Headers { timestamp: Some("soon"), ..headers() };
    check(garbled, seconds_after(0), Err(VerifyError::InvalidTimestamp));
    assert_eq!(verify_ignoring_time(&secret(), headers(), BODY), Ok(()), "kept for years");
}

#[test]
fn a_changed_message_is_not_believed() {
    let later = Headers { timestamp: Some("1614265331"), ..headers() };
    check(later, seconds_after(0), Err(VerifyError::NoMatch));
    assert_eq!(verify_ignoring_time(&secret(), later, BODY), Err(VerifyError::NoMatch));
    for signature in [OTHER_BODYS, "v1,", "", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="] {
        let signed = Headers { signature: Some(signature), ..headers() };
        check(signed, seconds_after(0), Err(VerifyError::NoMatch));
    }
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let listed = format!("{OTHER_BODYS} v2,abcd {SIGNATURE} {OTHER_BODYS}");
    check(Headers { signature: Some(&listed), ..headers() }, seconds_after(0), Ok(()));
    let (old, new) = (secret(), Secret::generate());
    let both = signatures([&new, &old], ID, SENT_S, BODY);
    let signed = Headers { signature: Some(&both), ..headers() };
    for each in [old, new] {
        assert_eq!(verify(&each, signed, BODY, seconds_after(1)), Ok(()));
    }
}

#[test]
fn an_empty_body_is_signed_too() {
    let signature = secret().sign(ID, SENT_S, b"");
    let signed = Headers { signature: Some(&signature), ..headers() };
    assert_eq!(verify(&secret(), signed, b"", seconds_after(0)), Ok(()));
}

#[test]
fn secrets_are_long_enough_random_and_silent() {
    let fresh = Secret::generate();
    assert_eq!(Secret::parse(&fresh.to_text()), Ok(fresh.clone()));
    assert_ne!(fresh, Secret::generate());
    assert_eq!(format!("{fresh:?}"), "Secret(…)");
    for empty in ["", "whsec_"] {
        assert_eq!(Secret::parse(empty), Err(SecretError::Length { found: 0 }));
    }
    let short = BASE64.encode([7; 23]);
    assert_eq!(Secret::parse(&short), Err(SecretError::Length { found: 23 }));
    let long = BASE64.encode([7; 65]);
    assert_eq!(Secret::parse(&long), Err(SecretError::Length { found: 65 }));
    assert_eq!(Secret::parse("whsec_not base64!"), Err(SecretError::NotBase64));
}

/// The vectors lie outside the repository, in the folder that `FANJU_SHARED` names, or else in
/// `shared` beside the checkout. Without them this test passes, and says so.
fn vectors() -> Option<Value> {
    let shared = std::env::var_os("FANJU_SHARED").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        Into::into,
    );
    let path = shared.join("vectors/signing_and_codes.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let vectors: Value = serde_json::from_str(&text).expect("vectors are JSON");
            Some(vectors["standard_webhooks"].clone())
        }
        Err(error) => {
            eprintln!("SKIPPED: vectors, not in this repository: {}: {error}", path.display());
            None
        }
    }
}

/// What a published case of `verify`, which is told in words, comes to here.
fn verified(case: &str) -> Option<bool> {
    let now = seconds_after(0);
    let good = |headers, now| verify(&secret(), headers, BODY, now).is_ok();
    let bad = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let listed = format!("{bad} v2,{} {SIGNATURE} {bad}", &bad[3..]);
    let kept = |sent: i64, signed: i64| {
        let (timestamp, signature) = (sent.to_string(), secret().sign(ID, signed, BODY));
        let headers =
            Headers { id: Some(ID), timestamp: Some(&timestamp), signature: Some(&signature) };
        verify_ignoring_time(&secret(), headers, BODY).is_ok()
    };
    Some(match case {
        "valid" => good(headers(), now),
        "missing webhook-id" => good(Headers { id: None, ..headers() }, now),
        "missing webhook-timestamp" => good(Headers { timestamp: None, ..headers() }, now),
        "missing webhook-signature" => good(Headers { signature: None, ..headers() }, now),
        "signature \"v1,\"" => good(Headers { signature: Some("v1,"), ..headers() }, now),
        "timestamp 5 min (or more) in the past" => good(headers(), seconds_after(300)),
        "timestamp more than 5 min in the future" => good(headers(), seconds_after(-301)),
        "list \"v1,bad v2,bad v1,GOOD v1,bad\" separated by spaces" => {
            good(Headers { signature: Some(&listed), ..headers() }, now)
        }
        "old or new timestamp, verify ignoring timestamp" => {
            kept(SENT_S - 10_000, SENT_S - 10_000) && kept(SENT_S + 10_000, SENT_S + 10_000)
        }
        "timestamp header changed after signing, ignoring timestamp" => kept(SENT_S + 1, SENT_S),
        "secret with and without whsec_" => Secret::parse(&SECRET[6..]) == Ok(secret()),
        "empty secret, or whsec_ alone" => {
            Secret::parse("").is_ok() || Secret::parse("whsec_").is_ok()
        }
        "empty body" => {
            let signature = secret().sign(ID, SENT_S, b"");
            let signed = Headers { signature: Some(&signature), ..headers() };
            verify(&secret(), signed, b"", now).is_ok()
        }
        other if other.starts_with("signature v1,Ceo5") => {
            good(Headers { signature: Some(bad), ..headers() }, now)
        }
        _ => return None,
    })
}

#[test]
fn published_vectors_pass() {
    let Some(vectors) = vectors() else { return };
    let signed = vectors["sign"].as_array().expect("a list");
    for vector in signed {
        let text = |field: &str| vector[field].as_str().expect("text");
        let secret = Secret::parse(text("secret")).unwrap();
        let sent = vector["timestamp"].as_i64().expect("seconds");
        assert_eq!(secret.sign(text("id"), sent, text("body").as_bytes()), text("expected"));
    }
    let cases = vectors["verify"].as_array().expect("a list");
    for case in cases {
        let name = case["case"].as_str().expect("text");
        let found = verified(name).unwrap_or_else(|| panic!("unknown case `{name}`"));
        assert_eq!(found, case["ok"] == Value::Bool(true), "{name}");
    }
    eprintln!("standard_webhooks: {} signed, {} verified", signed.len(), cases.len());
    assert_eq!(vectors["tolerance_s"], TOLERANCE_S);
    assert!(signed.len() >= 2 && cases.len() >= 14, "the vectors have shrunk");
}
