//! Tokens: secrets that a caller carries, and the hashes that are kept of them.
//!
//! A token is four letters for its kind, 256 random bits and six characters of check, so that a
//! mistyped or cut one is refused without a look into the register, and a scanner of leaked
//! secrets knows ours from noise: `fjs_` + 43 + 6 characters of base64url (RFC 4648 §5).
//!
//! - only the [`TokenHash`] is stored. Its bits are those of a random secret, so one round of
//!   SHA-256 is enough, and looking it up in an index tells nothing by its time.
//! - no `Debug` or `Display` prints a secret; [`Token::reveal`] is the one door.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};

const PREFIX_CHARS: usize = 4;
const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const TOKEN_CHARS: usize = PREFIX_CHARS + SECRET_CHARS + CHECK_CHARS;

/// What a token opens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// A person's session on one device: `fjs_`.
    Session,
    /// A merchant's till: `fjk_`.
    Key,
    /// Whoever runs the server: `fjo_`.
    Operator,
}

impl TokenKind {
    /// The first four characters.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Session => "fjs_",
            Self::Key => "fjk_",
            Self::Operator => "fjo_",
        }
    }

    fn of(prefix: &str) -> Option<Self> {
        [Self::Session, Self::Key, Self::Operator].into_iter().find(|kind| kind.prefix() == prefix)
    }
}

/// SHA-256 of a token as shown: the only thing that is ever stored of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl fmt::Debug for TokenHash {
    /// Enough to tell two apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "TokenHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// A secret, on its way to the one who shall carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: String,
}

impl Token {
    /// A token that nobody has seen.
    ///
    /// # Panics
    /// When the operating system has no randomness: nothing safe could be done then.
    #[must_use]
    pub fn fresh(kind: TokenKind) -> Self {
        let mut secret = [0; SECRET_BYTES];
        OsRng.try_fill_bytes(&mut secret).expect("the operating system gives random bytes");
        Self::of(kind, &secret)
    }

    fn of(kind: TokenKind, secret: &[u8; SECRET_BYTES]) -> Self {
        let mut text = String::with_capacity(TOKEN_CHARS);
        text.push_str(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(secret, &mut text);
        let check = check(&text);
        text.push_str(&check);
        Self { kind, text }
    }

    /// What the text of a caller names, if it was ever a token: one that is unchanged. Whether it
    /// opens anything, the register knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<(TokenKind, TokenHash)> {
        if text.len() != TOKEN_CHARS || !text.is_ascii() {
            return None;
        }
        let (body, suffix) = text.split_at(TOKEN_CHARS - CHECK_CHARS);
        let (prefix, secret) = body.split_at(PREFIX_CHARS);
        let kind = TokenKind::of(prefix)?;
        URL_SAFE_NO_PAD.decode(secret).ok()?;
        (check(body) == suffix).then(|| (kind, TokenHash::of(text)))
    }

    /// What it opens.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", self.kind.prefix())
    }
}

/// 36 bits of SHA-256 over prefix and secret: against slips of the hand, not against attackers.
fn check(body: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let mut text = URL_SAFE_NO_PAD.encode(&digest[..5]);
    text.truncate(CHECK_CHARS);
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KINDS: [TokenKind; 3] = [TokenKind::Session, TokenKind::Key, TokenKind::Operator];

    #[test]
    fn a_fresh_token_is_read_as_what_it_is() {
        for kind in KINDS {
            let token = Token::fresh(kind);
            assert_eq!(token.reveal().len(), TOKEN_CHARS);
            assert!(token.reveal().starts_with(kind.prefix()));
            assert_eq!(Token::parse(token.reveal()), Some((kind, token.hash())));
        }
    }

    #[test]
    fn a_token_keeps_its_form_for_good() {
        let token = Token::of(TokenKind::Session, &[7; SECRET_BYTES]);
        let (body, check) = token.reveal().split_at(47);
        assert_eq!(body, "fjs_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(check.len(), CHECK_CHARS);
        assert_eq!(token.hash().0, <[u8; 32]>::from(Sha256::digest(token.reveal())));
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let tokens: HashSet<_> = (0..1_000).map(|_| Token::fresh(TokenKind::Key).hash()).collect();
        assert_eq!(tokens.len(), 1_000);
    }

    #[test]
    fn every_changed_character_and_every_cut_is_noticed() {
        let token = Token::fresh(TokenKind::Session);
        let text = token.reveal();
        for at in 0..text.len() {
            assert_eq!(Token::parse(&text[..at]), None, "cut at {at}");
            for other in ['A', 'b', '0', '-', '=', '+', ' '] {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[at] != other {
                    changed[at] = other;
                    let changed: String = changed.into_iter().collect();
                    assert_eq!(Token::parse(&changed), None, "{other} at {at}");
                }
            }
        }
        assert_eq!(Token::parse(&format!("{text}A")), None);
        assert_eq!(Token::parse(&"饭".repeat(TOKEN_CHARS)), None);
        assert_eq!(Token::parse(&text.replace("fjs_", "fjk_")), None);
    }

    #[test]
    fn debug_never_prints_the_secret() {
        let token = Token::fresh(TokenKind::Operator);
        let printed = format!("{token:?} {:?}", token.hash());
        let secret = &token.reveal()[PREFIX_CHARS..];
        assert!(!printed.contains(&secret[..6]), "{printed}");
        assert!(printed.len() < 60, "{printed}");
    }
}
