//! TLS: a server with a certificate serves pages, requests and websockets to whoever trusts it, and to
//! nobody else; one whose files are no good does not start.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

use crate::{
    house::{House, PURSE, ended, server},
    http::{Http, raw},
    socket::Socket,
    table::{Ledger, Table},
    wire::{Pipe, Trust, frame, handshake},
};

/// Names by which the server's own machine calls it.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its chain, and its key, in PEM.
struct Signed {
    chain: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a root"))
    }

    fn sign(&self) -> Signed {
        let params = CertificateParams::new(NAMES.map(str::to_owned)).expect("names");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signs");
        Signed { chain: certificate.pem() + &self.0.pem(), key: key.serialize_pem() }
    }

    fn trust(&self) -> Trust {
        Trust::in_root(self.0.der().clone())
    }
}

/// Writes a file into `folder`; its path.
fn put(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("writes");
    path.display().to_string()
}

/// A server that speaks TLS.
fn house(diners: usize, shops: usize) -> House {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
    let Signed { chain, key } = authority.sign();
    let (chain, key) = (put(folder.path(), "chain", &chain), put(folder.path(), "key", &key));
    let files = [("FANJU_TLS_CERTIFICATE", chain.as_str()), ("FANJU_TLS_KEY", key.as_str())];
    // It has read them when it runs.
    House::open_for(diners, shops, &files, Some(authority.trust()))
}

#[test]
fn requests_and_websockets_reach_whoever_trusts_the_certificate() {
    let house = house(1, 0);
    let diner = &house.cast.diners[0];
    let http = Http::new(&house);
    assert_eq!(http.get("/readyz", None).text, "ready\n");
    let wallet = http.get(&format!("/v1/wallets/{}", diner.wallet), Some(&diner.token)).done();
    assert_eq!(wallet["posted"], PURSE);

    let mut phone = Socket::signed_in(&house, &diner.token);
    assert!(phone.hello["limits"]["frame_bytes_max"].is_u64(), "{}", phone.hello);
    phone.subscribe(&format!("wallet:{}", diner.wallet), None);
    let top_up = json!({ "amount": 7 });
    let path = format!("/v1/wallets/{}/top-ups", diner.wallet);
    assert_eq!(http.command("POST", &path, &diner.token, "a", &top_up).status, 200);
    assert_eq!(phone.event_of("rail_confirmed").expect("is pushed")["delta"], 7);
    // Longer than one record of TLS, and than what is read at once.
    let padding = " ".repeat(60_000);
    phone
        .send(format!("{padding}{{\"jsonrpc\":\"2.0\",\"id\":99,\"method\":\"ping\"}}"))
        .expect("is sent");
    assert!(phone.answer(99).expect("still there").is_ok());
    phone.leave();
}

#[test]
fn a_websocket_over_tls_is_taken_over_with_all_that_came_with_it_and_ends_cleanly() {
    let house = house(0, 0);
    let mut socket = Pipe::dial(house.address(), house.trust()).expect("trusts");
    let (text, close) = (0x1, 0x8);
    let ping = frame(text, b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}");
    let opening = handshake(house.address(), "/v1/live", "").into_bytes();
    // One record: the server has read the frames before it knows that they are some.
    socket.write_all(&[opening, ping, frame(close, &[3, 232])].concat()).expect("is sent");
    let mut said = Vec::new();
    // An end without a farewell would be an error: somebody could have cut it short.
    socket.read_to_end(&mut said).expect("ends with a farewell");
    let text = String::from_utf8_lossy(&said);
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    assert!(text.contains("\"method\":\"hello\"") && text.contains("\"id\":7"), "{text}");
    assert_eq!(said[said.len() - 4..], [0x88, 2, 3, 232], "{text}");
}

#[test]
fn a_whole_dinner_goes_over_tls() {
    let mut house = house(3, 1);
    let mut table = Table::seat(&house, &house.cast.diners);
    let shop = house.cast.merchants[0].clone();
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "1", 10_007);
    let ended = till.ask("orders.scan", bill);
    assert_eq!(ended["state"], "settled", "{ended}");
    let told = table.all_hear_settled("1");
    assert_eq!(told["position"], ended["position"]);
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
    house.stop();
    let report = House::verify(house.data());
    assert!(report.contains("1 order paid"), "{report}");
}

#[test]
fn whoever_trusts_somebody_else_or_speaks_no_tls_gets_nothing() {
    let house = house(0, 0);
    let stranger = Authority::new().trust();
    let dialled = Pipe::dial(house.address(), Some(&stranger)).map(drop);
    let error = dialled.expect_err("a wrong root");
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    let http = Http::trusting(house.address(), Some(&stranger));
    let error = http.try_send("GET", "/healthz", &[], b"").expect_err("likewise");
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");

    let request = handshake(house.address(), "/v1/live", "");
    for plain in ["GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", &request, "\0\0\0\0\0\0\0\0"] {
        let reply = raw(house.address(), plain.as_bytes());
        assert!(!reply.contains("HTTP/"), "{plain}: {reply}");
    }
    assert_eq!(Http::new(&house).get("/healthz", None).text, "ok\n");
}

/// Starts a server that must not start; what it complained of.
#[track_caller]
fn complains(folder: &Path, certificate: &str, key: &str) -> String {
    let data = folder.join("data");
    let mut child = Command::new(server())
        .args(["--listen", "127.0.0.1:0", "--log", "json", "--data"])
        .arg(&data)
        .env("FANJU_TLS_CERTIFICATE", certificate)
        .env("FANJU_TLS_KEY", key)
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let Some(status) = ended(&mut child) else {
        child.kill().expect("SIGKILL");
        panic!("the server starts with {certificate} and {key}");
    };
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(status.code(), Some(1), "{said}");
    // Nothing was begun.
    assert!(!data.exists(), "{said}");
    said
}

#[test]
fn files_that_are_no_good_are_named_and_nothing_starts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let authority = Authority::new();
    let (ours, other) = (authority.sign(), authority.sign());
    let chain = put(folder, "chain.pem", &ours.chain);
    let key = put(folder, "key.pem", &ours.key);
    let others_key = put(folder, "other.pem", &other.key);
    let words = put(folder, "words.pem", "not a certificate");
    let cut = put(folder, "cut.pem", &ours.chain[..ours.chain.len() / 4]);
    let cut_key = put(folder, "cut-key.pem", &ours.key[..ours.key.len() / 2]);
    let signs = "-----BEGIN CERTIFICATE-----\n?!*\n-----END CERTIFICATE-----\n";
    let signs = put(folder, "signs.pem", signs);
    let noise = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let noise = put(folder, "noise.pem", noise);
    let nothing = folder.join("nothing.pem").display().to_string();
    let directory = folder.display().to_string();
    for (certificate, private, code, named) in [
        (chain.as_str(), "", "tls_half", "tls_key is not"),
        ("", &key, "tls_half", "tls_certificate is not"),
        (&nothing, &key, "tls_unreadable", "nothing.pem cannot be read"),
        (&chain, &nothing, "tls_unreadable", "nothing.pem cannot be read"),
        (&directory, &key, "tls_unreadable", "cannot be read"),
        (&words, &key, "tls_empty", "words.pem holds no certificate"),
        (&key, &key, "tls_empty", "key.pem holds no certificate"),
        (&chain, &chain, "tls_empty", "chain.pem holds no private key"),
        (&cut, &key, "tls_damaged", "cut.pem is damaged"),
        (&signs, &key, "tls_damaged", "signs.pem is damaged"),
        (&chain, &cut_key, "tls_damaged", "cut-key.pem is damaged"),
        (&noise, &key, "tls_unusable", "cannot be used together"),
        (&chain, &others_key, "tls_unusable", "cannot be used together"),
    ] {
        let said = complains(folder, certificate, private);
        for word in [format!("\"code\":\"{code}\""), named.to_owned()] {
            assert!(said.contains(&word), "{certificate} and {private}: no {word} in {said}");
        }
        let secret = ours.key.lines().nth(1).expect("a key");
        assert!(!said.contains(secret), "the key is told: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let authority = Authority::new();
    let chain = put(folder, "chain.pem", &authority.sign().chain);
    // Another's key: the server reads it, complains, and is over.
    let key = put(folder, "key.pem", &authority.sign().key);
    for (mode, open) in
        [(0o644, true), (0o640, true), (0o620, true), (0o600, false), (0o400, false)]
    {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("is ours");
        let said = complains(folder, &chain, &key);
        let warnings: Vec<_> = said.lines().filter(|line| line.contains("chmod 600")).collect();
        assert_eq!(warnings.len(), usize::from(open), "{mode:o}: {said}");
        for warning in warnings {
            for word in ["\"WARN\"", &key, &format!("\"{mode:o}\"")] {
                assert!(warning.contains(word), "no {word} in {warning}");
            }
        }
    }
}
