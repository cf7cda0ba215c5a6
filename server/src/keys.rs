//! The server's own keys: made at the first start, kept in the data folder, readable by its owner.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, ensure};
use hmac::{Hmac, KeyInit, Mac};
use rand::{TryRngCore, rngs::OsRng};
use sha2::Sha256;

use crate::auth::token::{Token, TokenHash, TokenKind};

/// The file that holds the key of all keys.
const SECRET_FILE: &str = "server.key";

/// The file that holds the operator's token, for whoever may read the data folder.
pub(crate) const OPERATOR_FILE: &str = "operator.token";

/// What the server knows and nobody else.
pub(crate) struct Keys {
    /// Seals invitations.
    pub(crate) links: [u8; 32],
    /// Hides document numbers.
    pub(crate) documents: [u8; 32],
    /// Hides recovery codes.
    pub(crate) recovery: [u8; 32],
    /// Hides the parameters of commands.
    pub(crate) commands: [u8; 32],
    /// Tells the operator from everybody else.
    pub(crate) operator: TokenHash,
}

impl Keys {
    /// The keys of the data folder, made now if it has none; made up where there is no folder.
    ///
    /// # Errors
    /// When the files cannot be read or written, or hold something else.
    pub(crate) fn open(data: Option<&Path>) -> anyhow::Result<Self> {
        let secret = match data {
            Some(data) => kept(&data.join(SECRET_FILE), || Ok(random()?.to_vec()))?,
            None => random()?.to_vec(),
        };
        ensure!(secret.len() == 32, "{SECRET_FILE} does not hold 32 bytes");
        let made = || Ok(Token::fresh(TokenKind::Operator).reveal().as_bytes().to_vec());
        let token = match data {
            Some(data) => kept(&data.join(OPERATOR_FILE), made)?,
            None => made()?,
        };
        let token = String::from_utf8(token).context("the operator's token is not text")?;
        let (kind, operator) = Token::parse(token.trim())
            .with_context(|| format!("{OPERATOR_FILE} does not hold an operator's token"))?;
        ensure!(kind == TokenKind::Operator, "{OPERATOR_FILE} holds another kind of token");
        Ok(Self {
            links: derived(&secret, b"links"),
            documents: derived(&secret, b"documents"),
            recovery: derived(&secret, b"recovery codes"),
            commands: derived(&secret, b"commands"),
            operator,
        })
    }
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).context("the system gives no random bytes")?;
    Ok(bytes)
}

fn derived(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

/// What `path` holds; `make` says it the first time.
fn kept(path: &Path, make: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = make()?;
            // Beside its name first: a crash must not leave half a key behind.
            let beside = path.with_extension("new");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&beside, path)?;
            Ok(bytes)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
