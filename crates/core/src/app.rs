//! Names that suppliers choose: apps, features, offers, versions.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that does not follow the rules for its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadName {
    /// What was given.
    pub text: String,
    /// What a good name looks like, with an example.
    pub expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $good:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let good: fn(&str) -> bool = $good;
                if good(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadName { text: text.chars().take(80).collect(), expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// Anything licensable (A1): `supplier/name` or `supplier/name/part`. One program may be covered by
    /// several app ids, licensed apart.
    AppId,
    |text| (2..=3).contains(&text.split('/').count()) && text.split('/').all(is_slug),
    "an app id like `acme/paint` or `acme/paint/brushes`: two or three parts of lower-case letters, digits and hyphens, at most 40 each"
);
name!(
    /// The short name of a supplier; the first part of each of its app ids.
    SupplierName,
    is_slug,
    "a supplier name like `acme`: lower-case letters, digits and hyphens, at most 40"
);
name!(
    /// The short name of an offer, unique in its menu.
    OfferName,
    is_slug,
    "an offer name like `ten-runs`: lower-case letters, digits and hyphens, at most 40"
);
name!(
    /// A content element that an offer grants: a function or a piece of content.
    Feature,
    |text| !text.is_empty() && text.len() <= 60 && text.split('.').all(is_slug),
    "a feature name like `export.pdf`: parts of lower-case letters, digits and hyphens, joined by points, at most 60 in all"
);

name!(
    /// The kind of machine that an installation image is for. Carnet compares it and nothing else.
    Platform,
    |text| !text.is_empty() && text.len() <= 40 && text.split('_').all(is_slug),
    "a platform like `linux-x86_64` or `any`: parts of lower-case letters, digits and hyphens, joined by underscores, at most 40 in all"
);

impl AppId {
    /// The supplier that this app id belongs to.
    #[must_use]
    pub fn supplier(&self) -> SupplierName {
        SupplierName(self.0.split('/').next().unwrap_or_default().to_owned())
    }
}

impl Platform {
    /// Whether an image for this kind of machine is for that one: `any` is for all.
    #[must_use]
    pub fn is_for(&self, here: &Self) -> bool {
        self.as_str() == "any" || self == here
    }
}

fn is_slug(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A version of a program, as in `2.4.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Version {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let wrong =
            || BadName { text: text.chars().take(40).collect(), expected: "a version like `2.4.0` or `2`" };
        let mut parts = [0_u32; 3];
        let mut given = text.split('.');
        for (at, part) in parts.iter_mut().enumerate() {
            match given.next() {
                Some(digits) if digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    *part = digits.parse().map_err(|_| wrong())?;
                }
                None if at > 0 => {}
                _ => return Err(wrong()),
            }
        }
        if given.next().is_some() { Err(wrong()) } else { Ok(Self(parts[0], parts[1], parts[2])) }
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The versions of a program that an offer covers (A1, "an upgrade").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRange {
    /// The first version covered; none: from the very first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The first version no longer covered; none: all later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Version>,
}

impl VersionRange {
    /// Whether this range covers the version.
    #[must_use]
    pub fn covers(self, version: Version) -> bool {
        self.from.is_none_or(|from| from <= version) && self.below.is_none_or(|below| version < below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_an_app_id_names_a_supplier_a_program_and_maybe_a_part() {
        for good in ["acme/paint", "acme/paint/brushes", "a1/b-2"] {
            assert_eq!(good.parse::<AppId>().unwrap().supplier().as_str(), good.split('/').next().unwrap());
        }
        for bad in
            ["acme", "acme/", "/paint", "acme/paint/a/b", "Acme/paint", "acme/../etc", "acme/-x", "a b/c", ""]
        {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a1_an_upgrade_is_a_range_of_versions() {
        let range = VersionRange { from: "2".parse().ok(), below: "3".parse().ok() };
        let covered = |text: &str| range.covers(text.parse().unwrap());
        assert!(covered("2.0.0") && covered("2.99.1") && !covered("1.9.9") && !covered("3.0"));
    }
}
