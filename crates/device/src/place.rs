//! Where things lie below `CARNET_HOME`.
//!
//! ```text
//! <home>/<server>/identity              the keys of this device at that server
//! <home>/<server>/device/<n>.seg, lock  the device's own journal
//! <home>/<server>/apps/<app>/<n>.seg, lock
//! ```
//!
//! One home belongs to one user of the operating system.

use std::path::{Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::id::ServerId;
use carnet_seam::fs::create_folders;
use carnet_seam::{Fs, FsError, FsFault};

use crate::storage::{StorageError, ours, owned, trusted_home};

/// The home that the environment names: `CARNET_HOME`, else `carnet` in the user's data folder (XDG Base
/// Directory Specification). None when there is neither.
#[must_use]
pub fn home(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let named = variable("CARNET_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let data = || folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    named.or_else(|| data().map(|data| data.join("carnet")))
}

/// The part of a home that belongs to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(PathBuf);

impl Place {
    /// Makes the folders when they are missing, and refuses a home that others can change, that belongs
    /// to another user, or that lies on a network file system.
    ///
    /// # Errors
    /// [`StorageError`], with the remedy.
    pub fn open(fs: &dyn Fs, home: &Path, server: ServerId) -> Result<Self, StorageError> {
        trusted_home(fs, home)?;
        let place = Self::new(home, server);
        create_folders(fs, &place.0)?;
        let checked = Self::look(fs, home, server)?;
        checked.ok_or_else(|| FsError::new("open", &place.0, FsFault::NotFound).into())
    }

    /// The same without making anything; none where the folder is missing.
    ///
    /// # Errors
    /// [`StorageError`], with the remedy.
    pub fn look(fs: &dyn Fs, home: &Path, server: ServerId) -> Result<Option<Self>, StorageError> {
        let place = Self::new(home, server);
        let Some(facts) = fs.facts(&place.0)? else { return Ok(None) };
        // What lies in a folder may lie elsewhere than the folder, so the innermost one is asked.
        if let Some(kind) = fs.network_file_system(&place.0)? {
            return Err(StorageError::NetworkFileSystem { path: place.0, kind });
        }
        owned(fs, &place.0, &facts, 0o022)?;
        ours(fs, home, 0o022)?;
        Ok(Some(place))
    }

    /// Names the folder without looking at it.
    #[must_use]
    pub fn new(home: &Path, server: ServerId) -> Self {
        Self(home.join(hex(&server.0)))
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The keys of this device at this server.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity")
    }

    /// The folder of the device's own journal.
    #[must_use]
    pub fn device_journal(&self) -> PathBuf {
        self.0.join("device")
    }

    /// The folder of an app's journal.
    #[must_use]
    pub fn app_journal(&self, app: &AppId) -> PathBuf {
        self.0.join("apps").join(name_of_app(app))
    }

    /// The apps that have a journal here.
    ///
    /// # Errors
    /// [`StorageError`] when the folder is there and cannot be read.
    pub fn apps(&self, fs: &dyn Fs) -> Result<Vec<AppId>, StorageError> {
        let folder = self.0.join("apps");
        if fs.facts(&folder)?.is_none() {
            return Ok(Vec::new());
        }
        Ok(fs.list(&folder)?.iter().filter_map(|name| app_of_name(name)).collect())
    }
}

/// One file name for one app id. App ids are lower case, so file systems that do not tell cases apart
/// keep them apart; `+` occurs in no app id and in no reserved name.
#[must_use]
pub fn name_of_app(app: &AppId) -> String {
    app.as_str().replace('/', "+")
}

/// The app id behind a file name; `None` for a name that [`name_of_app`] does not make.
#[must_use]
pub fn app_of_name(name: &str) -> Option<AppId> {
    if name.contains('/') { None } else { name.replace('+', "/").parse().ok() }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_id_is_one_file_name_and_comes_back() {
        for text in ["acme/paint", "acme/paint/brushes", "con/nul", "a-b/c--d"] {
            let app: AppId = text.parse().unwrap();
            let name = name_of_app(&app);
            assert!(!name.contains('/') && name == name.to_lowercase(), "{name}");
            assert_eq!(app_of_name(&name), Some(app));
        }
    }

    #[test]
    fn other_names_are_no_app_ids() {
        for name in ["acme", "Acme+paint", "acme/paint", "acme+", "..", "lock", "acme+paint.tmp"] {
            assert_eq!(app_of_name(name), None, "{name}");
        }
    }
}
