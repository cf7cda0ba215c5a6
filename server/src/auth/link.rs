//! Links: an invitation that one can send, sealed so that nobody makes up or prolongs one.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fanju::{
    id::{GroupId, WalletId},
    time::Timestamp,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// How long a link invites: as long as friends need to find their phones.
pub const LINK_LASTS: Duration = Duration::from_secs(15 * 60);

const BODY_BYTES: usize = 16 + 8;
const SEAL_BYTES: usize = 16;

/// The key that seals links.
pub type LinkKey = [u8; 32];

/// An invitation to one group, by one member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// To which group.
    pub group: GroupId,
    /// Who invites.
    pub by: WalletId,
    /// When it is over.
    pub expires_at: Timestamp,
}

impl Link {
    /// A link made `now`.
    #[must_use]
    pub fn fresh(group: GroupId, by: WalletId, now: Timestamp) -> Self {
        Self { group, by, expires_at: now.after(LINK_LASTS) }
    }

    /// The text to send.
    #[must_use]
    pub fn sealed(&self, key: &LinkKey) -> String {
        let mut bytes = Vec::with_capacity(BODY_BYTES + SEAL_BYTES);
        bytes.extend_from_slice(self.by.0.as_bytes());
        bytes.extend_from_slice(&self.expires_at.0.to_be_bytes());
        let seal = seal(key, self.group, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&seal[..SEAL_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The link that `text` is, if it invites to `group` still.
    #[must_use]
    pub fn open(text: &str, group: GroupId, key: &LinkKey, now: Timestamp) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, sealed) = bytes.split_at_checked(BODY_BYTES)?;
        if sealed.len() != SEAL_BYTES {
            return None;
        }
        seal(key, group, body).verify_truncated_left(sealed).ok()?;
        let (by, expires_at) = body.split_at(16);
        let by = WalletId(Uuid::from_slice(by).ok()?);
        let expires_at = Timestamp(i64::from_be_bytes(expires_at.try_into().ok()?));
        (now < expires_at).then_some(Self { group, by, expires_at })
    }
}

fn seal(key: &LinkKey, group: GroupId, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"fanju link");
    mac.update(group.0.as_bytes());
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: LinkKey = [7; 32];
    const NOW: Timestamp = Timestamp(1_000_000);

    fn link() -> Link {
        Link::fresh(GroupId(Uuid::from_u128(1)), WalletId(Uuid::from_u128(2)), NOW)
    }

    #[test]
    fn a_link_opens_until_it_is_over() {
        let link = link();
        let text = link.sealed(&KEY);
        assert_eq!(Link::open(&text, link.group, &KEY, NOW), Some(link));
        assert_eq!(Link::open(&text, link.group, &KEY, link.expires_at), None);
    }

    #[test]
    fn a_link_opens_no_other_group_and_under_no_other_key() {
        let link = link();
        let text = link.sealed(&KEY);
        assert_eq!(Link::open(&text, GroupId(Uuid::from_u128(3)), &KEY, NOW), None);
        assert_eq!(Link::open(&text, link.group, &[8; 32], NOW), None);
    }

    #[test]
    fn no_changed_byte_is_overlooked() {
        let link = link();
        let bytes = URL_SAFE_NO_PAD.decode(link.sealed(&KEY)).expect("links are base64");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let text = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(Link::open(&text, link.group, &KEY, NOW), None, "byte {at}");
        }
        assert_eq!(Link::open("", link.group, &KEY, NOW), None);
    }
}
