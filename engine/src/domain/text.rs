//! Words that people choose: names, notes, order numbers. Bounded, and free of control characters.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::limits;

/// Why a text is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TextError {
    /// No character at all.
    #[error("text is empty")]
    Empty,
    /// More bytes than the bound.
    #[error("text is longer than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// A character that no till prints.
    #[error("text contains a control character")]
    ControlCharacter,
}

fn check(text: &str, max: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > max {
        return Err(TextError::TooLong { max });
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::ControlCharacter);
    }
    Ok(())
}

/// What [`check`] says of control characters, as ECMA 262 says it.
#[cfg(feature = "schema")]
const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(
            Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(extend(
            // The bound is in bytes: a text of so many characters may still be too long.
            "minLength" = 1, "maxLength" = $max, "pattern" = PRINTABLE,
        )))]
        #[serde(try_from = "SmolStr", into = "SmolStr")]
        pub struct $name(SmolStr);

        impl $name {
            /// The text, if it may stand.
            ///
            /// # Errors
            /// [`TextError`], in checking order.
            pub fn new(text: impl AsRef<str>) -> Result<Self, TextError> {
                check(text.as_ref(), $max)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = TextError;

            fn try_from(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl TryFrom<SmolStr> for $name {
            type Error = TextError;

            fn try_from(text: SmolStr) -> Result<Self, TextError> {
                check(&text, $max)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for SmolStr {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// What people call a wallet's owner, a merchant or a group.
    Name, limits::TEXT_BYTES_MAX
}
text! {
    /// A line from one person to another, or a reason.
    Note, limits::TEXT_BYTES_MAX
}
text! {
    /// A merchant's own number for an order, unique within the merchant.
    OrderNo, limits::ORDER_NO_BYTES_MAX
}
text! {
    /// A merchant's own number for a refund, unique within the order.
    RefundNo, limits::ORDER_NO_BYTES_MAX
}
