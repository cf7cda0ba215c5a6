//! Who asks, and whether they may.
//!
//! | file | knows |
//! |---|---|
//! | [`caller`] | who asks, and what comes along with a request |
//! | `refusals` | what this room's errors are called outside |
//! | [`rights`] | who may do what |
//! | [`token`] | secrets that a caller carries, and the hashes that are kept of them |
//! | [`register`] | who is who: people, passkeys, wallets' owners, staff, sessions, till keys |
//! | [`link`] | invitations that one can send |
//! | [`passkeys`] | the WebAuthn ceremonies: sign-up, sign-in, step-up, one passkey more, recovery |
//! | [`recovery`] | the codes by which one comes back without a passkey |
//! | [`real_name`] | identity card numbers, and who checks them |
//! | [`looks`] | when a device has shown a finger or a face, and what it has spent since |
//! | [`idempotency`] | a repeated command finds its first answer |
//! | [`rate`] | how often one may ask |
//! | [`limits`] | every bound of the above |
//!
//! The register is the truth about *who is who*; the engine's journal alone is the truth about
//! money. Nothing here moves an amount.

pub mod caller;
pub mod idempotency;
pub mod limits;
pub mod link;
pub mod looks;
pub mod passkeys;
pub mod rate;
pub mod real_name;
pub mod recovery;
mod refusals;
pub mod register;
pub mod rights;
pub mod token;

pub use register::{
    Device, DeviceId, Identity, KeyId, PasskeyId, Person, PersonId, Place, Register, RegisterError,
    Role, Scope, TillKey,
};
pub use token::{Token, TokenHash, TokenKind};
