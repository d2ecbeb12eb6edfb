//! The passbook's PIN (A21): typed by hand before ids leave the device.
//!
//! It keeps somebody who merely sits down at the device from agreeing to offers, moving passes or renewing. It is no
//! encryption: whoever can write to the passbook's folder can take it away. Programs run by a good pass without it;
//! they do not fetch the next one by themselves.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use carnet_device::Passbook;
use carnet_seam::fs::{discard, read_file, replace_file};
use carnet_seam::random;
use zeroize::Zeroizing;

use crate::error::ManagerError;
use crate::manager::Manager;

/// Asks a person for the PIN; none when nobody answers.
pub type AskPin = std::sync::Arc<dyn Fn() -> Option<Zeroizing<String>> + Send + Sync>;

/// How long a PIN may be, in characters.
pub const PIN_LENGTH: std::ops::RangeInclusive<usize> = 4..=128;

const LARGEST: u64 = 1_000;

impl Manager {
    /// Whether the passbook has a PIN.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn has_pin(&self) -> Result<bool, ManagerError> {
        Ok(self.passbook()?.is_some_and(|passbook| passbook.has_pin()))
    }

    /// Sets a PIN, in the place of the one before, which must be given then.
    ///
    /// # Errors
    /// [`ManagerError::PinNeeded`] and [`ManagerError::WrongPin`] about the one before, [`ManagerError::BadPin`] about the
    /// new one.
    pub fn set_pin(&self, new: &str) -> Result<(), ManagerError> {
        if !PIN_LENGTH.contains(&new.chars().count()) || new.chars().any(char::is_control) {
            return Err(ManagerError::BadPin);
        }
        let passbook = self.passbook_with_user()?;
        self.unlock(&passbook)?;
        let salt: [u8; 16] = random::bytes(&*self.setup().env.random)?;
        let hashed = Argon2::default().hash_password_with_salt(new.as_bytes(), &salt);
        let hashed = hashed.map_err(|_| ManagerError::BadPin)?;
        Ok(replace_file(&*passbook.env().fs, &passbook.pin_path(), hashed.to_string().as_bytes())?)
    }

    /// Takes the PIN away.
    ///
    /// # Errors
    /// [`ManagerError::PinNeeded`], [`ManagerError::WrongPin`].
    pub fn remove_pin(&self) -> Result<(), ManagerError> {
        let passbook = self.passbook_with_user()?;
        self.unlock(&passbook)?;
        Ok(discard(&*passbook.env().fs, &passbook.pin_path())?)
    }

    fn passbook_with_user(&self) -> Result<Passbook, ManagerError> {
        let not_registered = || ManagerError::NotRegistered(self.server().url.clone());
        self.passbook()?.filter(|passbook| passbook.user().is_some()).ok_or_else(not_registered)
    }

    /// Asks for the PIN, once for each manager, where the passbook has one.
    pub(crate) fn unlock(&self, passbook: &Passbook) -> Result<(), ManagerError> {
        if self.is_unlocked() || !passbook.has_pin() {
            return Ok(());
        }
        let ask = self.setup().pin.as_ref().ok_or(ManagerError::PinNeeded)?;
        let typed = ask().ok_or(ManagerError::PinNeeded)?;
        let kept = read_file(&*passbook.env().fs, &passbook.pin_path(), LARGEST)?.unwrap_or_default();
        let kept = String::from_utf8(kept).map_err(|_| ManagerError::WrongPin)?;
        let hashed = PasswordHash::new(&kept).map_err(|_| ManagerError::WrongPin)?;
        let good =
            Argon2::default().verify_password(typed.trim_end_matches(['\r', '\n']).as_bytes(), &hashed);
        good.map_err(|_| ManagerError::WrongPin)?;
        self.set_unlocked();
        Ok(())
    }
}
