//! TLS: certificate and key, read before anything else begins; who cannot use them does not start.

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

/// The setting that names the certificate chain.
const CERTIFICATE: &str = "tls_certificate";
/// The setting that names its private key.
const KEY: &str = "tls_key";

/// Why the server cannot speak TLS, in the order in which it is looked at.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of the two is given: what was meant to be secret must not go in the clear.
    #[error("{given} is given, {missing} is not")]
    Half {
        /// The setting that says something.
        given: &'static str,
        /// The setting that does not.
        missing: &'static str,
    },
    /// The system refuses a file.
    #[error("{setting} {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which setting names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{setting} {} holds no {what} in PEM", path.display())]
    Empty {
        /// Which setting names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file is damaged.
    #[error("{setting} {} is damaged: {reason}", path.display())]
    Damaged {
        /// Which setting names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// How.
        reason: &'static str,
    },
    /// The key is another certificate's, or neither can be used.
    #[error("{CERTIFICATE} and {KEY} cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

impl TlsError {
    /// A word for logs that stays the same.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Half { .. } => "tls_half",
            Self::Unreadable { .. } => "tls_unreadable",
            Self::Empty { .. } => "tls_empty",
            Self::Damaged { .. } => "tls_damaged",
            Self::Unusable(_) => "tls_unusable",
        }
    }
}

/// How the server speaks TLS with the files of these two settings; `None` if both are empty.
///
/// # Errors
/// [`TlsError`].
pub fn load(certificate: &str, key: &str) -> Result<Option<ServerConfig>, TlsError> {
    let (certificate, key) = match (certificate, key) {
        ("", "") => return Ok(None),
        ("", _) => return Err(TlsError::Half { given: KEY, missing: CERTIFICATE }),
        (_, "") => return Err(TlsError::Half { given: CERTIFICATE, missing: KEY }),
        (certificate, key) => (Path::new(certificate), Path::new(key)),
    };
    let chain = CertificateDer::pem_reader_iter(open(CERTIFICATE, certificate)?);
    let chain = chain.collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| broken(CERTIFICATE, certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(broken(CERTIFICATE, certificate, "certificate", pem::Error::NoItemsFound));
    }
    let secret = open(KEY, key)?;
    warn_if_others_read(secret.get_ref(), key);
    let secret = PrivateKeyDer::from_pem_reader(secret);
    let secret = secret.map_err(|error| broken(KEY, key, "private key", error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    Ok(Some(config))
}

fn open(setting: &'static str, path: &Path) -> Result<BufReader<File>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { setting, path: path.to_owned(), source };
    File::open(path).map(BufReader::new).map_err(unreadable)
}

/// Says so when others than its owner can read the key, or change it. It is no refusal: whoever gives a
/// group the key may mean to.
#[cfg(unix)]
fn warn_if_others_read(file: &File, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(file) = file.metadata() else { return };
    let mode = file.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let (path, mode) = (path.display(), format!("{mode:o}"));
        tracing::warn!(%path, mode, "{KEY} is open to others than its owner; chmod 600 closes it");
    }
}

#[cfg(not(unix))]
fn warn_if_others_read(_: &File, _: &Path) {}

/// What a file says is repeated nowhere: a key may be in it.
fn broken(setting: &'static str, path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    let reason = match error {
        pem::Error::NoItemsFound => return TlsError::Empty { setting, path, what },
        pem::Error::Io(source) => return TlsError::Unreadable { setting, path, source },
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly",
        pem::Error::Base64Decode(_) => "a section is not base64",
        pem::Error::SectionTooLarge => "a section is too large",
        _ => "it is not PEM",
    };
    TlsError::Damaged { setting, path, reason }
}
