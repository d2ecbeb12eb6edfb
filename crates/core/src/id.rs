//! Names of things: 16 opaque bytes with a prefix that says what they name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that does not name the kind of thing that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} id: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct NotAnId {
    /// What was given.
    pub text: String,
    /// What should have been named.
    pub kind: &'static str,
    /// The prefix of that kind.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_", $prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let wrong = || NotAnId { text: text.chars().take(80).collect(), kind: $kind, prefix: $prefix };
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or_else(wrong)?;
                bytes_of_hex(digits).map(Self).ok_or_else(wrong)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A licensing server: the first half of the SHA-256 of its first root public key.
    ServerId, "srv", "server"
);
id!(
    /// Whoever licenses software to others.
    SupplierId, "sup", "supplier"
);
id!(
    /// Whoever agrees to offers. Not a secret.
    UserId, "usr", "user"
);
id!(
    /// A machine with its own keys, registered to a user.
    DeviceId, "dev", "device"
);
id!(
    /// A balance and its conditions, kept by the server.
    LicenseId, "lic", "license"
);
id!(
    /// One export, until it is imported or cancelled.
    MoveId, "mov", "move"
);
id!(
    /// One license key that waits for its device: 128 random bits.
    TransactionId, "txn", "transaction"
);
id!(
    /// One charge.
    ChargeId, "chg", "charge"
);
id!(
    /// One pass; names the row that stands behind its signature.
    PassId, "pas", "pass"
);
id!(
    /// One request of a device, chosen at random by the device (never counted: a restored copy would
    /// choose the same one again).
    RequestId, "req", "request"
);
id!(
    /// One build of an installation image, chosen at random when it is built.
    ImageId, "img", "image"
);
id!(
    /// One usage report or erasure certificate, by the beginning of its digest.
    ReportId, "rep", "report"
);
id!(
    /// One run of a licensed program.
    RunId, "run", "run"
);

/// Lower-case hexadecimal only: one text for one id.
fn bytes_of_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = 16 * hex_digit(pair[0])? + hex_digit(pair[1])?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A SHA-256 digest, computed by whoever holds the bytes; this crate only compares digests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        bytes_of_hex(text).map(Self).ok_or_else(|| NotAnId {
            text: text.chars().take(80).collect(),
            kind: "digest",
            prefix: "",
        })
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_names_its_kind_and_comes_back() {
        let id = LicenseId([0xa7; 16]);
        assert_eq!(id.to_string(), "lic_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn another_kind_upper_case_or_a_short_text_is_refused() {
        for text in
            ["usr_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7", "lic_A7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7", "lic_a7", ""]
        {
            assert!(text.parse::<LicenseId>().is_err(), "{text}");
        }
    }
}
