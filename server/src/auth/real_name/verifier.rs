//! Who knows whether a name and a number belong together, behind one trait, with a sandbox.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;

use super::IdNumber;

/// What the authority says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The number is the named person's.
    Same,
    /// It is somebody else's.
    Different,
    /// It is nobody's.
    Unknown,
}

/// Why there is no verdict; one may ask again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifierError {
    /// The authority gives no answer.
    #[error("whoever verifies identities gives no answer")]
    Unavailable,
    /// The authority has been asked too often.
    #[error("whoever verifies identities has been asked too often")]
    TooOften,
}

/// A verdict on its way.
pub type VerifierFuture = Pin<Box<dyn Future<Output = Result<Verdict, VerifierError>> + Send>>;

/// An authority, or whatever asks one. Futures must not block.
pub trait Verifier: Send + Sync + 'static {
    /// Asks whether `number` is the identity number of somebody called `name`.
    fn verify(&self, name: &str, number: &IdNumber) -> VerifierFuture;
}

/// How a [`SandboxVerifier`] misbehaves.
#[derive(Clone, Debug, Default)]
pub struct SandboxConduct {
    /// How long it takes to answer.
    pub delay: Duration,
    /// What it fails with, for as long as it does.
    pub fails: Option<VerifierError>,
}

#[derive(Debug, Default)]
struct Office {
    conduct: SandboxConduct,
    names: HashMap<String, String>,
}

/// An authority for tests and demonstrations. A number that it was told about is the person's whom
/// it was told; any other belongs to whoever says so.
#[derive(Clone, Debug, Default)]
pub struct SandboxVerifier(Arc<Mutex<Office>>);

impl SandboxVerifier {
    /// An authority with this conduct.
    #[must_use]
    pub fn new(conduct: SandboxConduct) -> Self {
        Self(Arc::new(Mutex::new(Office { conduct, names: HashMap::new() })))
    }

    /// Changes its conduct from now on.
    pub fn behave(&self, conduct: SandboxConduct) {
        self.0.lock().conduct = conduct;
    }

    /// Tells it whose a number is; an empty name makes it nobody's.
    pub fn tell(&self, number: &IdNumber, name: &str) {
        self.0.lock().names.insert(number.reveal().to_owned(), name.to_owned());
    }

    fn verdict(&self, name: &str, number: &IdNumber) -> Result<Verdict, VerifierError> {
        let office = self.0.lock();
        if let Some(error) = office.conduct.fails {
            return Err(error);
        }
        Ok(match office.names.get(number.reveal()).map(String::as_str) {
            None => Verdict::Same,
            Some("") => Verdict::Unknown,
            Some(known) if known == name => Verdict::Same,
            Some(_) => Verdict::Different,
        })
    }
}

impl Verifier for SandboxVerifier {
    fn verify(&self, name: &str, number: &IdNumber) -> VerifierFuture {
        let verdict = self.verdict(name, number);
        let delay = self.0.lock().conduct.delay;
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            verdict
        })
    }
}

#[cfg(test)]
mod tests {
    use fanju::time::Timestamp;
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_sandbox_says_what_it_was_told() {
        let sandbox = SandboxVerifier::default();
        let verifier: Arc<dyn Verifier> = Arc::new(sandbox.clone());
        let now = Timestamp(1_795_521_600_000_000);
        let number = IdNumber::parse("11010519491231002X", now).expect("a number");
        let ask = |name| verifier.verify(name, &number).now_or_never().expect("no delay");
        assert_eq!(ask("Ana"), Ok(Verdict::Same));
        sandbox.tell(&number, "Ben");
        assert_eq!(ask("Ana"), Ok(Verdict::Different));
        assert_eq!(ask("Ben"), Ok(Verdict::Same));
        sandbox.tell(&number, "");
        assert_eq!(ask("Ben"), Ok(Verdict::Unknown));
        let fails = Some(VerifierError::Unavailable);
        sandbox.behave(SandboxConduct { fails, ..SandboxConduct::default() });
        assert_eq!(ask("Ben"), Err(VerifierError::Unavailable));
    }
}
