//! Recovery codes: the way back for whoever has lost every passkey.
//!
//! A code is sixteen characters of Crockford's base32, in four groups: eighty random bits, no letter
//! that is taken for another, and small letters, spaces and dashes of any kind do no harm.
//!
//! - only a [`RecoveryHash`] is stored. A code has fewer bits than a token, so the hash is keyed:
//!   whoever reads the register alone cannot try codes against it. The person's name is hashed along,
//!   so that a wrong code and a stranger's name are the same to us: a hash that nobody has.
//! - no `Debug` prints a code; [`RecoveryCode::reveal`] is the one door.
//!
//! Source: Crockford, "Base 32" (2002).

use std::fmt;

use fanju::domain::text::Name;
use hmac::{Hmac, KeyInit, Mac};
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

/// The key with which recovery codes are hashed.
pub type RecoveryKey = [u8; 32];

const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_SIGNS: usize = 16;
const GROUP_SIGNS: usize = 4;

/// A code, on its way to or from the one person who has it.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; CODE_SIGNS]);

/// Keyed hash of a person's name and a code: all that is stored of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryHash(pub [u8; 32]);

impl RecoveryCode {
    /// A code that nobody has seen.
    ///
    /// # Panics
    /// When the operating system has no randomness: nothing safe could be done then.
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = [0; CODE_SIGNS];
        OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes.map(|byte| SIGNS[usize::from(byte) % SIGNS.len()]))
    }

    /// The code that somebody typed, if it can be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut typed = text.chars().filter(|sign| sign.is_alphanumeric()).map(|sign| {
            match sign.to_ascii_uppercase() {
                'O' => Some(b'0'),
                'I' | 'L' => Some(b'1'),
                sign => u8::try_from(sign).ok().filter(|sign| SIGNS.contains(sign)),
            }
        });
        let mut signs = [0; CODE_SIGNS];
        for sign in &mut signs {
            *sign = typed.next()??;
        }
        typed.next().is_none().then_some(Self(signs))
    }

    /// The text, to be shown once: `K7QM-2XHD-9WPC-3FTN`.
    #[must_use]
    pub fn reveal(&self) -> String {
        let groups: Vec<_> =
            self.0.chunks(GROUP_SIGNS).map(|group| String::from_utf8_lossy(group)).collect();
        groups.join("-")
    }

    /// What is kept of the code of whoever is called `name`.
    #[must_use]
    pub fn hash(&self, key: &RecoveryKey, name: &Name) -> RecoveryHash {
        RecoveryHash(keyed(key, &[folded(name).as_bytes(), &[0], &self.0]))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

impl fmt::Debug for RecoveryHash {
    /// Enough to tell two apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "RecoveryHash({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

/// Under what attempts are counted that claim to be by `name`, whoever has that name or nobody.
#[must_use]
pub fn claimed(key: &RecoveryKey, name: &Name) -> Uuid {
    let digest = keyed(key, &[b"\0claimed\0", folded(name).as_bytes()]);
    let bytes = <[u8; 16]>::try_from(&digest[..16]).expect("a SHA-256 has 32 bytes");
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A name as it is remembered: however large the letters, and however wide they and the gaps are, and
/// whether a keyboard writes `é` as one sign or as two (NFKC).
///
/// Source: Unicode Standard Annex 15.
fn folded(name: &Name) -> String {
    let name: String = name.as_str().nfkc().collect();
    let words: Vec<_> = name.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

fn keyed(key: &RecoveryKey, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KEY: RecoveryKey = [7; 32];

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    #[test]
    fn a_code_is_read_as_it_was_shown_however_it_is_typed() {
        for _ in 0..1_000 {
            let code = RecoveryCode::fresh();
            let shown = code.reveal();
            assert_eq!(shown.len(), 19, "{shown}");
            let spaced = shown.replace('-', " ").to_lowercase();
            let mistaken = shown.replace('0', "o").replace('1', "l");
            for typed in
                [shown.clone(), spaced, mistaken, shown.replace('-', "–"), format!(" {shown}\n")]
            {
                assert_eq!(RecoveryCode::parse(&typed), Some(code.clone()), "{typed}");
            }
        }
    }

    #[test]
    fn what_can_be_no_code_is_none() {
        for typed in [
            "",
            "-",
            "K7QM-2XHD-9WPC-3FT",
            "K7QM-2XHD-9WPC-3FTNN",
            "K7QM-2XHD-9WPC-3FTU",
            "饭局",
            "K7QM-2XHD-9WPC-3FT饭",
        ] {
            assert_eq!(RecoveryCode::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn no_two_codes_are_the_same_and_every_sign_is_drawn() {
        let codes: HashSet<_> = (0..1_000).map(|_| RecoveryCode::fresh().reveal()).collect();
        assert_eq!(codes.len(), 1_000);
        let signs: HashSet<_> = codes.iter().flat_map(|code| code.bytes()).collect();
        assert_eq!(signs.len(), SIGNS.len() + 1);
    }

    #[test]
    fn the_hash_is_of_key_name_and_code_together() {
        let code = RecoveryCode::parse("K7QM-2XHD-9WPC-3FTN").expect("a code");
        let hash = code.hash(&KEY, &name("Ana Li"));
        assert_eq!(code.hash(&KEY, &name("  ana   LI ")), hash);
        // One name from two keyboards: an accent of its own, wide letters and a wide gap.
        let renee = code.hash(&KEY, &name("Renée Li"));
        for typed in ["Rene\u{301}e Li", "Ｒenée　ＬＩ", "RENE\u{301}E LI"] {
            assert_eq!(code.hash(&KEY, &name(typed)), renee, "{typed}");
            assert_eq!(claimed(&KEY, &name(typed)), claimed(&KEY, &name("Renée Li")), "{typed}");
        }
        assert_ne!(code.hash(&KEY, &name("Renee Li")), renee);
        let other = RecoveryCode::parse("K7QM-2XHD-9WPC-3FTM").expect("a code");
        let others = [
            code.hash(&KEY, &name("Ana")),
            code.hash(&[8; 32], &name("Ana Li")),
            other.hash(&KEY, &name("Ana Li")),
        ];
        assert!(others.iter().all(|other| *other != hash));
        assert_ne!(claimed(&KEY, &name("Ana")), claimed(&KEY, &name("Bo")));
        assert_eq!(claimed(&KEY, &name("Ana")), claimed(&KEY, &name("ANA ")));
    }

    #[test]
    fn a_hash_keeps_its_form_for_good() {
        let code = RecoveryCode::parse("0123-4567-89AB-CDEF").expect("a code");
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("a key");
        mac.update("安娜\u{0}0123456789ABCDEF".as_bytes());
        let expected: [u8; 32] = mac.finalize().into_bytes().into();
        assert_eq!(code.hash(&KEY, &name("安娜")).0, expected);
    }

    #[test]
    fn debug_never_prints_a_code() {
        let code = RecoveryCode::fresh();
        let printed = format!("{code:?} {:?}", code.hash(&KEY, &name("Ana")));
        assert!(!printed.contains(&code.reveal()[..4]), "{printed}");
        assert!(printed.len() < 60, "{printed}");
    }
}
