//! The form of the files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes that repeat more often than this are written `xx*count`, so that a document that is too long stays readable.
const RUN: usize = 64;

/// The vectors of one type of document or text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub document: String,
    pub about: String,
    /// Who knows and trusts what when the document comes in, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trust: BTreeMap<String, Trust>,
    pub vectors: Vec<Vector>,
}

/// What the reader knows before the document comes in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The pinned server and root.
    pub server: String,
    pub root: String,
    pub lowest_version: u64,
    pub now: String,
    /// The server's keys; none where the document is a key set itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_set: Option<String>,
    /// The device as it is registered, where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub id: String,
    pub key: String,
}

/// One document and its verdict: either the claims, or the name of the error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    pub shows: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Where the files are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

impl File {
    /// All files in the folder.
    pub fn all() -> Vec<Self> {
        let paths = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        paths.sort();
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    /// As it is committed.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap() + "\n"
    }
}

impl Vector {
    /// What comes in.
    pub fn input(&self) -> Vec<u8> {
        assert_ne!(self.hex.is_some(), self.text.is_some(), "{} has both or neither", self.name);
        self.text.clone().map_or_else(|| unhex(self.hex.as_deref().unwrap_or_default()), String::into_bytes)
    }

    pub fn expected(&self) -> Result<Value, String> {
        self.claims.clone().ok_or_else(|| self.refused.clone().unwrap_or_default())
    }
}

/// Hexadecimal digits, with `xx*count` for a byte that repeats.
pub fn hex(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|one, other| one == other).map(|run| match run {
        [byte, ..] if run.len() > RUN => format!(" {byte:02x}*{} ", run.len()),
        run => HEXLOWER.encode(run),
    });
    runs.collect::<String>().trim().to_owned()
}

fn unhex(text: &str) -> Vec<u8> {
    let part = |part: &str| match part.split_once('*') {
        Some((byte, count)) => HEXLOWER.decode(byte.as_bytes()).unwrap().repeat(count.parse().unwrap()),
        None => HEXLOWER.decode(part.as_bytes()).unwrap(),
    };
    text.split_whitespace().flat_map(part).collect()
}
