//! Claims as readable values: as `serde` writes them, bytes in hexadecimal digits, and without what is absent.

use carnet_seal::image::{FeatureStream, Kept};
use carnet_seal::keys::{CoseKey, KeySet, Purpose};
use carnet_seal::{ImageManifest, OfferClaims};
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::{Value, json};

/// The shortest array of bytes: a secret.
const BYTES: usize = 16;

pub fn readable<T: Serialize>(claims: &T) -> Value {
    plain(serde_json::to_value(claims).unwrap())
}

pub fn of_key_set(set: &KeySet) -> Value {
    let keys: Vec<_> = set.keys.iter().map(|entry| of_key(&entry.purpose, &entry.key)).collect();
    let revoked: Vec<_> = set.revoked.iter().map(ToString::to_string).collect();
    plain(json!({
        "server": set.server, "version": set.version, "root": point(&set.root), "issued": set.issued,
        "expires": set.expires, "keys": keys, "revoked": revoked, "formats": set.formats,
    }))
}

pub fn of_offer(offer: &OfferClaims) -> Value {
    plain(json!({ "server": offer.server, "supplier": offer.supplier, "listed": offer.listed }))
}

pub fn of_image(manifest: &ImageManifest) -> Value {
    let features: Vec<_> = manifest.features.iter().map(of_stream).collect();
    json!({
        "id": manifest.id, "app": manifest.app, "version": manifest.version, "platform": manifest.platform,
        "built": manifest.built, "features": features,
    })
}

fn of_stream(stream: &FeatureStream) -> Value {
    plain(json!({
        "feature": stream.feature, "table": stream.table.to_string(), "table_length": stream.table_length,
        "list_length": stream.list_length, "sealed_length": stream.sealed_length,
        "plain_length": stream.plain_length, "entries": stream.entries,
        "kept": stream.kept.map(|Kept::Sealed| "Sealed"),
    }))
}

fn of_key(purpose: &Purpose, key: &CoseKey) -> Value {
    let (purpose, whose) = match purpose {
        Purpose::Server => ("server", None),
        Purpose::KeyService => ("key-service", None),
        Purpose::Issue { supplier, name } => ("issue", Some((supplier, name))),
        Purpose::Report { supplier, name } => ("report", Some((supplier, name))),
        Purpose::Image { supplier, name } => ("image", Some((supplier, name))),
    };
    let (supplier, name) = whose.unzip();
    json!({ "purpose": purpose, "supplier": supplier, "name": name, "key": point(key), "id": key.id().to_string() })
}

fn point(key: &CoseKey) -> String {
    match key {
        CoseKey::Ed25519(public) | CoseKey::X25519(public) => HEXLOWER.encode(&public.0),
        CoseKey::P256 { x, y } => HEXLOWER.encode(&[*x, *y].concat()),
    }
}

fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) if items.len() >= BYTES && items.iter().all(Value::is_u64) => {
            Value::String(digits(&items))
        }
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            // A feature without a limit is not an absent one.
            .map(
                |(name, value)| if name == "features" { (name, limits(value)) } else { (name, plain(value)) },
            )
            .collect(),
        other => other,
    }
}

fn limits(features: Value) -> Value {
    let Value::Object(features) = features else { return features };
    let limit = |value: Value| if value.is_null() { json!("no limit") } else { value };
    features.into_iter().map(|(name, value)| (name, limit(value))).collect()
}

fn digits(items: &[Value]) -> String {
    let bytes = items.iter().map(|item| u8::try_from(item.as_u64().unwrap()).unwrap());
    HEXLOWER.encode(&bytes.collect::<Vec<_>>())
}
