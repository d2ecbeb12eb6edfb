//! Installed programs: where they are, and the keys that were delivered for them (B8).

use std::path::{Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::document::Answer;
use carnet_core::id::{DeviceId, ImageId};
use carnet_core::journal::State;
use carnet_core::provision::KeyDelivery;
use carnet_seal::{SealError, Unverified};
use carnet_seam::fs::{create_folders, discard, read_file, replace_file};
use zeroize::Zeroizing;

use crate::passbook::Passbook;
use crate::place::name_of_app;
use crate::storage::StorageError;

/// The longest note that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Keys that were delivered are not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The server did not sign them, or its keys are not here.
    #[error("the keys that were delivered are not genuine ({0}): install the program again")]
    NotGenuine(SealError),
    /// The authentication information beside them is another device's.
    #[error("the keys were delivered to {0}, which is another device: install the program here")]
    AnotherDevice(DeviceId),
}

impl Passbook {
    /// The keys of an image as they were delivered, after their signature was checked and the device id beside them was
    /// compared with the one of this device (B8). None: there are none.
    ///
    /// # Errors
    /// [`KeysError`].
    pub fn delivered(&self, state: &State, image: ImageId) -> Result<Option<KeyDelivery>, KeysError> {
        let Some(kept) = state.keys.get(&image) else { return Ok(None) };
        let ring = self.ring().ok_or(KeysError::NotGenuine(SealError::OtherRoot))?;
        let answer = Unverified::<Answer>::parse(&kept.document).and_then(|answer| answer.verify_held(ring));
        let head = &answer.map_err(KeysError::NotGenuine)?.into_parts().0.head;
        if head.journal.device != self.identity().device() {
            return Err(KeysError::AnotherDevice(head.journal.device));
        }
        Ok(Some(kept.delivery.clone()))
    }

    /// What opens keys that were sealed to this device.
    #[must_use]
    pub fn agreement_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.identity().agreement_secret().to_bytes())
    }

    /// Below which folder an app is installed, if it is.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be read.
    pub fn installed_below(&self, app: &AppId) -> Result<Option<PathBuf>, StorageError> {
        Ok(self.installed_places(app)?.into_iter().next())
    }

    /// Below which folders something of an app is installed: the one that is used first, then those where it was, or
    /// where an installation has begun.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be read.
    pub fn installed_places(&self, app: &AppId) -> Result<Vec<PathBuf>, StorageError> {
        let bytes = read_file(&*self.env().fs, &self.note(app), LONGEST)?;
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        Ok(text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect())
    }

    /// Keeps in mind below which folder an app is installed.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be written.
    pub fn keep_installed(&self, app: &AppId, below: &Path) -> Result<(), StorageError> {
        let mut places = self.installed_places(app)?;
        places.retain(|place| place != below);
        places.insert(0, below.to_owned());
        self.keep_places(app, &places)
    }

    /// Keeps in mind that an installation begins below this folder, so that what it leaves there can be found.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be written.
    pub fn begin_installed(&self, app: &AppId, below: &Path) -> Result<(), StorageError> {
        let mut places = self.installed_places(app)?;
        if places.iter().any(|place| place == below) {
            return Ok(());
        }
        places.push(below.to_owned());
        self.keep_places(app, &places)
    }

    fn keep_places(&self, app: &AppId, places: &[PathBuf]) -> Result<(), StorageError> {
        let mut text = String::new();
        for place in places {
            let line = place.to_str().filter(|line| !line.contains('\n'));
            text += line.ok_or_else(|| StorageError::NoPermission(place.clone()))?;
            text.push('\n');
        }
        let note = self.note(app);
        create_folders(&*self.env().fs, note.parent().unwrap_or(&note))?;
        Ok(replace_file(&*self.env().fs, &note, text.as_bytes())?)
    }

    /// The app is not installed any more.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be written.
    pub fn forget_installed(&self, app: &AppId) -> Result<(), StorageError> {
        Ok(discard(&*self.env().fs, &self.note(app))?)
    }

    fn note(&self, app: &AppId) -> PathBuf {
        self.place().folder().join("installed").join(name_of_app(app))
    }
}
