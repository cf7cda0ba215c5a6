//! Cast: who plays. Made by `fanju-server cast`, whose people need no passkey.

use std::{io, path::Path};

use serde::Deserialize;

/// Everybody whom the server knows.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Cast {
    /// Who sells.
    pub merchants: Vec<Merchant>,
    /// Who eats.
    pub diners: Vec<Diner>,
}

/// Who sells.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Merchant {
    /// The merchant's id.
    pub merchant: String,
    /// In which currency.
    pub currency: String,
    /// With which a session of its staff signs in.
    pub token: String,
}

/// Who eats.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Diner {
    /// The diner's wallet.
    pub wallet: String,
    /// With which the diner's phone signs in.
    pub token: String,
}

/// Why a file is no cast.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is not JSON of that form.
    #[error("is no cast: {0}")]
    Json(#[from] serde_json::Error),
    /// Nobody sells.
    #[error("has no merchant")]
    NoMerchant,
}

impl Cast {
    /// Reads what the server has written.
    ///
    /// # Errors
    /// [`CastError`].
    pub fn read(path: &Path) -> Result<Self, CastError> {
        let cast: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        if cast.merchants.is_empty() { Err(CastError::NoMerchant) } else { Ok(cast) }
    }
}
