//! Secrets that the operator sets: by a variable, in the file, or in a file of their own.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError};
use zeroize::Zeroizing;

const MOST_BYTES: u64 = 4_096;

/// A secret; never shown (I17).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a secret cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such file.
    #[error("`{setting}`: {} is missing", .path.display())]
    NoFile {
        /// Which setting names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Anybody on this machine can read it.
    #[error("`{setting}`: {path} can be read by everybody: run `chmod 600 {path}`, and put a new secret there", path = .path.display())]
    Exposed {
        /// Which setting names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it, or more than one line.
    #[error("`{0}` must be one line of visible characters, as `openssl rand -hex 32` prints it")]
    NotOneLine(&'static str),
    /// The file cannot be read.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// The secret, wherever it was put; none: nowhere. That it is not in both places was checked before.
///
/// # Errors
/// [`SecretError`], which names the setting.
pub fn read(
    setting: &'static str,
    secret: Option<&Secret>,
    file: Option<&Path>,
    fs: &dyn Fs,
) -> Result<Option<Secret>, SecretError> {
    let secret = match (secret, file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => from_file(setting, path, fs)?,
        (None, None) => return Ok(None),
    };
    let good = !secret.text().is_empty() && secret.text().bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(Some(secret)) } else { Err(SecretError::NotOneLine(setting)) }
}

fn from_file(setting: &'static str, path: &Path, fs: &dyn Fs) -> Result<Secret, SecretError> {
    let path = path.to_owned();
    let Some(facts) = fs.facts(&path)? else { return Err(SecretError::NoFile { setting, path }) };
    if facts.mode & 0o007 != 0 {
        return Err(SecretError::Exposed { setting, path });
    }
    let bytes = Zeroizing::new(read_file(fs, &path, MOST_BYTES)?.unwrap_or_default());
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotOneLine(setting))?;
    Ok(Secret(Zeroizing::new(text.trim_end().to_owned())))
}
