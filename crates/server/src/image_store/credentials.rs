//! Who asks the store: keys from a file in the form of AWS's own, or from AWS's variables, or what AWS gives the machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError};
use zeroize::Zeroizing;

use crate::config::Secret;

/// Far more than such a file has.
const MOST_BYTES: u64 = 65_536;

/// The variables of AWS that are looked at.
const VARIABLES: [&str; 12] = [
    ACCESS_KEY,
    SECRET_KEY,
    TOKEN,
    REGION,
    DEFAULT_REGION,
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const REGION: &str = "AWS_REGION";
const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

/// What AWS's variables say. All of it is treated as secret.
#[derive(Debug, Clone, Default)]
pub struct AwsVariables(Vec<(&'static str, Secret)>);

impl AwsVariables {
    /// Those that are set and not empty.
    #[must_use]
    pub fn read(environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let said = |name: &&'static str| {
            let value = environment(name)?.into_string().ok().filter(|value| !value.is_empty())?;
            let Ok(secret) = value.parse();
            Some((*name, secret))
        };
        Self(VARIABLES.iter().filter_map(said).collect())
    }

    fn value(&self, name: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The region, where they name one.
    #[must_use]
    pub fn region(&self) -> Option<String> {
        let region = self.value(REGION).or_else(|| self.value(DEFAULT_REGION))?;
        Some(region.text().to_owned())
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Whoever has these.
    Keys(Keys),
    /// Whatever AWS says that this machine is; with the variables that say where to ask for it.
    Machine(Vec<(&'static str, Secret)>),
}

/// A key and its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Its name. No secret, but nobody's affair.
    pub key: Secret,
    /// What signs.
    pub secret: Secret,
    /// What goes along where they are good for a while only.
    pub token: Option<Secret>,
}

/// Why nobody can ask. Never repeats what it has read (I17).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is no such file.
    #[error("`image-store-credentials-file`: {} is missing", .0.display())]
    NoFile(PathBuf),
    /// Others can read it.
    #[error(
        "`image-store-credentials-file`: {path} can be read by others: run `chmod 600 {path}`, and have new credentials made",
        path = .0.display()
    )]
    Exposed(PathBuf),
    /// It is not in that form.
    #[error("`image-store-credentials-file`: {}:{line}: write `name = value`, as AWS's own tools do", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// It lacks something.
    #[error("`image-store-credentials-file`: {} has no {missing} in its section `[default]`", .path.display())]
    Lacks {
        /// The file.
        path: PathBuf,
        /// What.
        missing: &'static str,
    },
    /// One variable without the other.
    #[error(
        "of {ACCESS_KEY} and {SECRET_KEY} only one is set: set both, or name a file with `image-store-credentials-file`"
    )]
    Half,
    /// Nothing anywhere.
    #[error(
        "nobody to ask the image store as: name a file with `image-store-credentials-file`, or set {ACCESS_KEY} and {SECRET_KEY}"
    )]
    Nobody,
    /// The file cannot be read.
    #[error(transparent)]
    Fs(#[from] FsError),
}

/// Who asks: the file wins over the variables. What AWS gives the machine is asked for only where the store is AWS's.
///
/// # Errors
/// [`CredentialsError`].
pub fn identity(
    file: Option<&Path>,
    variables: &AwsVariables,
    of_aws: bool,
    fs: &dyn Fs,
) -> Result<Identity, CredentialsError> {
    if let Some(path) = file {
        return Ok(Identity::Keys(from_file(path, fs)?));
    }
    match (variables.value(ACCESS_KEY), variables.value(SECRET_KEY)) {
        (Some(key), Some(secret)) => {
            let token = variables.value(TOKEN).cloned();
            Ok(Identity::Keys(Keys { key: key.clone(), secret: secret.clone(), token }))
        }
        (None, None) if of_aws => Ok(Identity::Machine(variables.0.clone())),
        (None, None) => Err(CredentialsError::Nobody),
        _ => Err(CredentialsError::Half),
    }
}

fn from_file(path: &Path, fs: &dyn Fs) -> Result<Keys, CredentialsError> {
    let Some(facts) = fs.facts(path)? else { return Err(CredentialsError::NoFile(path.to_owned())) };
    if facts.mode & 0o077 != 0 {
        return Err(CredentialsError::Exposed(path.to_owned()));
    }
    let bytes = Zeroizing::new(read_file(fs, path, MOST_BYTES)?.unwrap_or_default());
    let text =
        std::str::from_utf8(&bytes).map_err(|_| CredentialsError::Line { path: path.to_owned(), line: 1 })?;
    let entries =
        default_section(text).map_err(|line| CredentialsError::Line { path: path.to_owned(), line })?;
    let find = |name: &str| {
        let (_, value) = entries.iter().find(|(known, _)| *known == name)?;
        let Ok(secret) = value.parse();
        Some(secret)
    };
    let need = |missing| find(missing).ok_or(CredentialsError::Lacks { path: path.to_owned(), missing });
    Ok(Keys {
        key: need("aws_access_key_id")?,
        secret: need("aws_secret_access_key")?,
        token: find("aws_session_token"),
    })
}

/// The entries of the section `[default]`, or of the lines before any section; or the line that is none.
fn default_section(text: &str) -> Result<Vec<(&str, &str)>, usize> {
    let (mut entries, mut ours) = (Vec::new(), true);
    for (number, line) in (1_usize..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            ours = section.strip_suffix(']').ok_or(number)?.trim() == "default";
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number)?;
        if ours {
            entries.push((name.trim(), value.trim()));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_section_of_a_file_of_awss_form_is_read() {
        let text = "# ours\n[other]\naws_access_key_id = no\n[default]\naws_access_key_id=AK\naws_secret_access_key = a=b/c+d \n";
        let entries = default_section(text).unwrap();
        assert_eq!(entries, [("aws_access_key_id", "AK"), ("aws_secret_access_key", "a=b/c+d")]);
        assert_eq!(default_section("aws_access_key_id = AK\n").unwrap().len(), 1, "without any section");
        assert_eq!(default_section("[default]\nsecret\n"), Err(2));
        assert_eq!(default_section("[default\n"), Err(1));
    }

    #[test]
    fn variables_come_in_pairs_and_a_machine_is_asked_for_at_aws_only() {
        let fs = carnet_seam::RealFs::default();
        let asks = |set: &[(&str, &str)], of_aws| {
            let find =
                |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            identity(None, &AwsVariables::read(find), of_aws, &fs)
        };
        let both = [(ACCESS_KEY, "AK"), (SECRET_KEY, "canary"), (REGION, "")];
        let Ok(Identity::Keys(keys)) = asks(&both, false) else { panic!() };
        assert_eq!((keys.secret.text(), keys.token), ("canary", None));
        assert_eq!(asks(&both[..1], true), Err(CredentialsError::Half));
        assert_eq!(asks(&[], false), Err(CredentialsError::Nobody));
        assert_eq!(asks(&[], true), Ok(Identity::Machine(Vec::new())));
        assert!(!format!("{:?}", asks(&both, false)).contains("canary"), "I17");
    }
}
