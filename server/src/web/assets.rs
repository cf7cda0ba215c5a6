//! The pages' files, held in the program: what they are, and the words for "still the same".

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file under `/assets/`.
pub(super) struct Asset {
    /// Its name, as pages say it.
    pub(super) name: &'static str,
    /// What browsers must take it for.
    pub(super) content_type: &'static str,
    /// What it holds.
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $content_type:expr),+ $(,)?) => {
        &[$(Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("assets/", $name)),
        }),+]
    };
}

/// Every file, by name; a test compares the list with the folder.
pub(super) const ASSETS: &[Asset] = assets! {
    "account.js": SCRIPT,
    "api.d.ts": "text/plain; charset=utf-8",
    "attempt.js": SCRIPT,
    "bill.js": SCRIPT,
    "camera.js": SCRIPT,
    "claims.js": SCRIPT,
    "code.js": SCRIPT,
    "demo.css": "text/css; charset=utf-8",
    "demo.html": HTML,
    "demo.js": SCRIPT,
    "demo_acts.js": SCRIPT,
    "demo_bridge.js": SCRIPT,
    "docs.css": "text/css; charset=utf-8",
    "docs.html": HTML,
    "docs.js": SCRIPT,
    "fanju.js": SCRIPT,
    "home.js": SCRIPT,
    "icon.svg": "image/svg+xml",
    "look_back.js": SCRIPT,
    "manifest.webmanifest": "application/manifest+json",
    "missing.html": HTML,
    "missing.js": SCRIPT,
    "money.js": SCRIPT,
    "names.js": SCRIPT,
    "offline.js": SCRIPT,
    "operator.html": HTML,
    "operator.js": SCRIPT,
    "passkey.js": SCRIPT,
    "passkeys.js": SCRIPT,
    "pay.js": SCRIPT,
    "phone.html": HTML,
    "phone.js": SCRIPT,
    "plot.js": SCRIPT,
    "qr.js": SCRIPT,
    "receipt.js": SCRIPT,
    "ring.js": SCRIPT,
    "route.js": SCRIPT,
    "rules.js": SCRIPT,
    "statement.js": SCRIPT,
    "style.css": "text/css; charset=utf-8",
    "table.js": SCRIPT,
    "tables.js": SCRIPT,
    "till.html": HTML,
    "till.js": SCRIPT,
    "till_collect.js": SCRIPT,
    "till_orders.js": SCRIPT,
    "till_shop.js": SCRIPT,
    "till_shops.js": SCRIPT,
    "till_webhooks.js": SCRIPT,
    "typed.js": SCRIPT,
    "ui.js": SCRIPT,
    "words.js": SCRIPT,
    "words_en.js": SCRIPT,
    "words_zh.js": SCRIPT,
};

/// A strong entity tag for each of [`ASSETS`], in their order; quotes included.
static TAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| tag(&Sha256::digest(asset.bytes))).collect());

/// The first half of a SHA-256 tells a few dozen files apart beyond all doubt.
fn tag(digest: &[u8]) -> String {
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// The file called `name`, with its entity tag.
pub(super) fn find(name: &str) -> Option<(&'static Asset, &'static str)> {
    let index = ASSETS.iter().position(|asset| asset.name == name)?;
    Some((ASSETS.get(index)?, TAGS.get(index)?))
}
