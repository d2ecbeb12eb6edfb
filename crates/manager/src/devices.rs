//! What a user does with devices: let others join, declare one lost, retire one, rename one (D5).

use carnet_core::app::AppId;
use carnet_core::document::{Invitation, Operation, Purpose, Reason};
use carnet_core::id::DeviceId;
use carnet_core::journal::{PassStatus, State};
use carnet_core::server::JOIN_CODE_LASTS;
use carnet_core::time::{Seconds, Time};
use carnet_device::Passbook;
use carnet_seal::code::{CodeKind, CodeText, digest_of};

use crate::error::ManagerError;
use crate::manager::Manager;
use crate::person;

/// A code for somebody else's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invited {
    /// The code.
    pub code: CodeText,
    /// Good until then, by this device's clock; none: until it is withdrawn.
    pub until: Option<Time>,
}

/// What a device gave back before it left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Apps whose passes went back.
    pub returned: Vec<AppId>,
}

impl Manager {
    /// Makes a code by which one device joins this user, within a quarter of an hour.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn invite(&self) -> Result<Invited, ManagerError> {
        let code = self.make_code(CodeKind::Join, Purpose::Join)?;
        Ok(Invited { code, until: Some(self.now().plus(JOIN_CODE_LASTS)) })
    }

    /// Makes a code by which machines that come and go join this user: so many at once, each for so long.
    ///
    /// # Errors
    /// [`ManagerError`].
    pub fn enrol(&self, most: u32, lifetime: Seconds) -> Result<Invited, ManagerError> {
        let code = self.make_code(CodeKind::Enrolment, Purpose::Enrolment { most, lifetime })?;
        Ok(Invited { code, until: None })
    }

    fn make_code(&self, kind: CodeKind, purpose: Purpose) -> Result<CodeText, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let secret = self.draw()?;
        let invitation = Invitation { digest: digest_of(secret), purpose };
        self.manage(&mut passbook, &Operation::Invite(invitation))?;
        Ok(CodeText { kind, secret })
    }

    /// Makes a code useless that was given away.
    ///
    /// # Errors
    /// [`ManagerError::ManagementRefused`] when the user has no such code.
    pub fn withdraw(&self, code: CodeText) -> Result<(), ManagerError> {
        self.manage_one(&Operation::Withdraw(digest_of(code.secret)))
    }

    /// Declares another device lost: what it held is free at once, and it is retired.
    ///
    /// # Errors
    /// [`ManagerError::ManagementRefused`] when the user has no such device, or has lost too many this year.
    pub fn device_lost(&self, device: DeviceId) -> Result<(), ManagerError> {
        self.manage_one(&Operation::Lost(device))
    }

    /// Retires a device that holds nothing.
    ///
    /// # Errors
    /// [`ManagerError::ManagementRefused`] when it still holds passes, or is none of the user's.
    pub fn retire_device(&self, device: DeviceId) -> Result<(), ManagerError> {
        self.manage_one(&Operation::Retire(device))
    }

    /// Calls a device something else.
    ///
    /// # Errors
    /// [`ManagerError::Person`] when that is no name, [`ManagerError::ManagementRefused`] when the user has no such
    /// device.
    pub fn rename_device(&self, device: DeviceId, name: &str) -> Result<(), ManagerError> {
        if let Some(wrong) = person::device_name(name) {
            return Err(ManagerError::Person(vec![wrong]));
        }
        self.manage_one(&Operation::Rename { device, name: name.trim().to_owned() })
    }

    /// Gives back what the pass of an app still has. The program stops by itself.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with the reason, when there is nothing to give back.
    pub fn give_back(&self, app: &AppId) -> Result<(), ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        if self.resume(&mut passbook, Some(app))? == Some(Operation::Return) {
            return given_back(app, &passbook.look(app)?);
        }
        if passbook.look(app)?.pass_status() != Some(PassStatus::Valid) {
            return Err(ManagerError::Refused { app: app.clone(), reason: Reason::NothingToMove });
        }
        let state = self.ask(&mut passbook, Some(app), &Operation::Return)?;
        given_back(app, &state)
    }

    /// Gives everything back and retires this device: the end of a machine that comes and goes.
    ///
    /// # Errors
    /// [`ManagerError`]; what was given back until then stays so, and leaving once more goes on.
    pub fn leave(&self) -> Result<Left, ManagerError> {
        let mut left = Left::default();
        let passbook = self.valid_passbook()?;
        for app in passbook.apps().map_err(carnet_device::PassbookError::from)? {
            match self.give_back(&app) {
                Ok(()) => left.returned.push(app),
                Err(ManagerError::Refused { reason: Reason::NothingToMove, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.retire_device(passbook.identity().device())?;
        Ok(left)
    }

    fn manage_one(&self, operation: &Operation) -> Result<(), ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        self.manage(&mut passbook, operation).map(drop)
    }

    /// Asks for something in the device's own journal.
    pub(crate) fn manage(
        &self,
        passbook: &mut Passbook,
        operation: &Operation,
    ) -> Result<State, ManagerError> {
        let state = self.ask(passbook, None, operation)?;
        match state.refused {
            None => Ok(state),
            Some(reason) => Err(ManagerError::ManagementRefused(reason)),
        }
    }
}

fn given_back(app: &AppId, state: &State) -> Result<(), ManagerError> {
    match state.refused {
        // It has gone back, and goes on to the device that it was transferred to.
        None | Some(Reason::Transferred) => Ok(()),
        Some(reason) => Err(ManagerError::Refused { app: app.clone(), reason }),
    }
}
