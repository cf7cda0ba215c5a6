//! Real names: identity card numbers, and whoever knows to whom they belong.
//!
//! A number is held in memory for the time of one question. What stays is a keyed hash, so that
//! one document verifies one person: without the key nobody can try all numbers against it.
//!
//! - no `Debug` prints a number; [`IdNumber::reveal`] is the one door, for the verifier.

mod id_number;
mod verifier;

pub use id_number::{IdNumber, IdNumberError, keyed_hash};
pub use verifier::{
    SandboxConduct, SandboxVerifier, Verdict, Verifier, VerifierError, VerifierFuture,
};
