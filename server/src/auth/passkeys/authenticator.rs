//! A browser with an authenticator in it, in software, that can be told to misbehave.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;

pub(super) struct Authenticator {
    key: SigningKey,
    pub(super) credential: Vec<u8>,
    /// What it was given when it was registered.
    pub(super) user: Vec<u8>,
    pub(super) counter: u32,
    pub(super) origin: String,
    pub(super) relying_party: String,
    /// The challenge that it signs in place of the one that it is given.
    pub(super) challenge: Option<String>,
    pub(super) verifies_user: bool,
    pub(super) is_discoverable: bool,
}

impl Authenticator {
    pub(super) fn new(number: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[number; 32]).expect("a scalar"),
            credential: vec![number; 32],
            user: Vec::new(),
            counter: 0,
            origin: "https://pay.fanju.example".to_owned(),
            relying_party: "fanju.example".to_owned(),
            challenge: None,
            verifies_user: true,
            is_discoverable: true,
        }
    }

    /// `navigator.credentials.create(options)`
    pub(super) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user = decode(&options["user"]["id"]);
        let client = self.client_data("webauthn.create", options);
        let mut data = self.data(HAS_CREDENTIAL);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&self.credential);
        data.extend_from_slice(&self.cose_key());
        // {"fmt": "none", "attStmt": {}, "authData": data} in CBOR (RFC 8949).
        let mut object = vec![0xA3];
        object.extend_from_slice(b"\x63fmt\x64none\x67attStmt\xA0\x68authData\x59");
        let length = u16::try_from(data.len()).expect("a few hundred bytes");
        object.extend_from_slice(&length.to_be_bytes());
        object.extend_from_slice(&data);
        let response =
            json!({ "attestationObject": encode(&object), "clientDataJSON": encode(&client) });
        let extensions = json!({ "credProps": { "rk": self.is_discoverable } });
        self.answer(&response, &extensions)
    }

    /// `navigator.credentials.get(options)`
    pub(super) fn get(&mut self, options: &Value) -> Value {
        let client = self.client_data("webauthn.get", &options["publicKey"]);
        self.counter = self.counter.wrapping_add(1);
        let data = self.data(0);
        let mut signed = data.clone();
        signed.extend_from_slice(&Sha256::digest(&client));
        let signature: DerSignature = self.key.sign(&signed);
        let response = json!({
            "authenticatorData": encode(&data),
            "clientDataJSON": encode(&client),
            "signature": encode(signature.as_bytes()),
            "userHandle": encode(&self.user),
        });
        self.answer(&response, &json!({}))
    }

    fn answer(&self, response: &Value, extensions: &Value) -> Value {
        let id = encode(&self.credential);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": extensions,
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let asked = options["challenge"].as_str().expect("a challenge");
        let challenge = self.challenge.as_deref().unwrap_or(asked);
        let data = json!({
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies_user { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(&self.relying_party).to_vec();
        data.push(flags | USER_PRESENT | verified);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y} (RFC 9053).
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let mut key = vec![0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        key.extend_from_slice(x);
        key.extend_from_slice(&[0x22, 0x58, 0x20]);
        key.extend_from_slice(y);
        key
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}
