//! Going on with a device whose parts have changed (A19, D5).
//!
//! Few changes are tolerated and noted. After many the passbook is as good as one that was copied, and nothing on the disk
//! can tell the two apart; a code that only its owner has can. So this machine joins as a new device, and the one before is
//! declared lost, within what the offer allows.

use carnet_core::component::Drift;
use carnet_core::document::{Operation, Reason, Replacement};
use carnet_device::identity::IdentityError;
use carnet_device::{PassbookError, replaced};
use carnet_seam::NetError;

use crate::error::ManagerError;
use crate::manager::Manager;
use crate::register::{Newcomer, Registered};

/// What has become of a device whose parts have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing had changed.
    Unchanged,
    /// Little had; it is what the device is known by from now on.
    Noted(Drift),
    /// Much had: the machine is a device of its own now.
    Replaced {
        /// As which device it is registered.
        registered: Registered,
        /// Which one it was before, and what of that was not found again.
        before: Replacement,
        /// Why what that one held is not free: the supplier decides, and the next repair asks again.
        refused: Option<Reason>,
    },
}

impl Manager {
    /// Goes on with this machine. What was broken off is carried on by the next repair.
    ///
    /// # Errors
    /// [`ManagerError::CodeNeeded`] when so much has changed that somebody must show whose it is, and there is no
    /// `newcomer`; nothing is changed then.
    pub fn repair(&self, newcomer: Option<&Newcomer>) -> Result<Repaired, ManagerError> {
        let (setup, pin) = (self.setup(), self.server().pin);
        let before = replaced::pending(&setup.env, &setup.home, pin)?;
        let (known, changed) = match self.registered() {
            Err(ManagerError::Passbook(PassbookError::Identity(IdentityError::AnotherMachine {
                drift,
                ..
            }))) => (None, Some(drift)),
            known => (known?, before.as_ref().map(|before| before.changed.clone())),
        };
        let (registered, before) = match (known, changed, before) {
            (Some(registered), _, Some(before)) => (registered, before),
            (Some(_), _, None) => return self.note_changes(),
            (None, None, _) => return Err(ManagerError::NotRegistered(self.server().url.clone())),
            (None, Some(changed), _) => self.begin_anew(newcomer, changed)?,
        };
        let refused = self.tell(&before)?;
        Ok(Repaired::Replaced { registered, before, refused })
    }

    fn note_changes(&self) -> Result<Repaired, ManagerError> {
        let (setup, _turn) = (self.setup(), self.turn()?);
        let noted = replaced::note_changes(&setup.env, &setup.home, self.server().pin, &*setup.machine)?;
        Ok(if noted.is_none() { Repaired::Unchanged } else { Repaired::Noted(noted) })
    }

    fn begin_anew(
        &self,
        newcomer: Option<&Newcomer>,
        changed: Drift,
    ) -> Result<(Registered, Replacement), ManagerError> {
        let (setup, server) = (self.setup(), self.server());
        let needed = || ManagerError::CodeNeeded { server: server.url.clone(), changed };
        let newcomer = newcomer.ok_or_else(needed)?;
        // Before anything is put aside: the server can be reached, and is the one that is meant.
        match self.way().key_set(&server.pin) {
            Ok(_) | Err(ManagerError::Net(NetError::Carried)) => {}
            Err(error) => return Err(error),
        }
        let before = {
            let _turn = self.turn()?;
            replaced::set_aside(&setup.env, &setup.home, server.pin, &*setup.machine)?
        };
        let before = before.ok_or_else(|| ManagerError::NotRegistered(server.url.clone()))?;
        Ok((self.register(newcomer)?, before))
    }

    /// Tells the server which device this one takes the place of; returns why it does not free what that one held.
    fn tell(&self, before: &Replacement) -> Result<Option<Reason>, ManagerError> {
        let (setup, pin) = (self.setup(), self.server().pin);
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let state = self.ask(&mut passbook, None, &Operation::Replaced(before.clone()))?;
        match state.refused {
            // It was freed before, or it was another user's.
            None | Some(Reason::NoSuchDevice) => {}
            refused => return Ok(refused),
        }
        replaced::told(&setup.env, &setup.home, pin)?;
        Ok(None)
    }
}
