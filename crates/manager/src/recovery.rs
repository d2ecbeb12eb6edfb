//! The recovery code: the user's way back when all devices are gone (D5).
//!
//! It is drawn on the device, the server learns its digest only. Until somebody has seen it, it is kept in the
//! passbook, so that a registration whose answer is lost does not lose the code.

use std::path::PathBuf;

use carnet_core::document::{Invitation, Operation, Purpose, Secret};
use carnet_device::Passbook;
use carnet_seal::code::{CodeKind, CodeText, digest_of};
use carnet_seam::fs::{discard, read_file, replace_file};
use carnet_seam::random;

use crate::error::ManagerError;
use crate::manager::Manager;

const LARGEST: u64 = 200;

impl Manager {
    /// The recovery code that nobody has seen yet. Once it was shown, call [`Manager::recovery_code_shown`].
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn unseen_recovery_code(&self) -> Result<Option<CodeText>, ManagerError> {
        let Some(passbook) = self.passbook()? else { return Ok(None) };
        if passbook.user().is_none() {
            return Ok(None);
        }
        Ok(kept(&passbook)?.map(|secret| CodeText { kind: CodeKind::Recovery, secret }))
    }

    /// Forgets the recovery code: from now on only the user has it.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be written.
    pub fn recovery_code_shown(&self) -> Result<(), ManagerError> {
        let Some(passbook) = self.passbook()? else { return Ok(()) };
        Ok(discard(&*passbook.env().fs, &path(&passbook))?)
    }

    /// Makes a new recovery code in the place of the one before.
    ///
    /// # Errors
    /// [`ManagerError`]; the one before stays good then.
    pub fn new_recovery_code(&self) -> Result<CodeText, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let secret = self.keep_recovery(&passbook)?;
        let invitation = Invitation { digest: digest_of(secret), purpose: Purpose::Recovery };
        self.manage(&mut passbook, &Operation::Invite(invitation))?;
        Ok(CodeText { kind: CodeKind::Recovery, secret })
    }

    /// Draws a code, or takes the one that is waiting to be seen.
    pub(crate) fn keep_recovery(&self, passbook: &Passbook) -> Result<Secret, ManagerError> {
        if passbook.user().is_none()
            && let Some(secret) = kept(passbook)?
        {
            return Ok(secret);
        }
        let secret = self.draw()?;
        let text = CodeText { kind: CodeKind::Recovery, secret }.to_string();
        replace_file(&*passbook.env().fs, &path(passbook), text.as_bytes())?;
        Ok(secret)
    }

    pub(crate) fn draw(&self) -> Result<Secret, ManagerError> {
        Ok(Secret(random::bytes(&*self.setup().env.random)?))
    }
}

fn path(passbook: &Passbook) -> PathBuf {
    passbook.place().folder().join("recovery-code")
}

fn kept(passbook: &Passbook) -> Result<Option<Secret>, ManagerError> {
    let bytes = read_file(&*passbook.env().fs, &path(passbook), LARGEST)?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| CodeText::read(&text, CodeKind::Recovery).ok()))
}
