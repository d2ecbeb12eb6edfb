//! The features of an offer: `["resize", "convert:100"]`, names with a limit behind a colon.

use std::collections::BTreeMap;

use carnet_core::app::Feature;
use toml::de::DeValue;

use super::fields::{Fields, Findings, Wrong};
use super::values::{self, parsed_name};

const KEY: &str = "features";
const REMEDY: &str = "write a list of names, like [\"resize\", \"convert:100\"]";

/// Reads all of them and notes each that is wrong, not only the first.
pub(super) fn features(fields: Fields<'_, '_>, findings: &mut Findings) -> BTreeMap<Feature, Option<u64>> {
    let list = fields.read(KEY, findings, |value| values::list(value, REMEDY));
    let mut features = BTreeMap::new();
    for item in list.into_iter().flat_map(|list| list.iter()) {
        let added =
            feature(item.get_ref()).and_then(|(name, limit)| match features.insert(name.clone(), limit) {
                None => Ok(()),
                Some(_) => Err(Wrong::new(format!("names `{name}` twice"), "drop one of them")),
            });
        if let Err(wrong) = added {
            findings.value(item.span(), format!("`{KEY}` {}", wrong.what), wrong.remedy);
            findings.broken.insert(KEY);
        }
    }
    features
}

fn feature(value: &DeValue<'_>) -> Result<(Feature, Option<u64>), Wrong> {
    let entry = |wrong: Wrong| Wrong { what: format!("has an entry that {}", wrong.what), ..wrong };
    let text = values::text(value).map_err(entry)?;
    let named = |name| parsed_name(name).map_err(entry);
    let Some((name, limit)) = text.split_once(':') else { return Ok((named(text)?, None)) };
    if limit.is_empty() || !limit.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::new("has a limit that is no number", "write it like \"convert:100\""));
    }
    // Too large a limit is left to the rule of the domain, which says what is allowed.
    Ok((named(name)?, Some(limit.parse().unwrap_or(u64::MAX))))
}
