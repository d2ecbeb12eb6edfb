//! Floating seats: borrowing one, and who has them.

use carnet_core::app::AppId;
use carnet_core::document::{Body, Operation, Refusal};
use carnet_core::id::DeviceId;
use carnet_core::time::{Length, Time};
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;
use crate::passes::PassView;

/// A device that has a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatHolder {
    /// Which.
    pub device: DeviceId,
    /// What the user calls it, where the server could be asked.
    pub name: Option<String>,
    /// When the seat comes back by itself; none: only when it is given back.
    pub until: Option<Time>,
}

impl Manager {
    /// Takes a seat for so long, for work without a network; a seat that is here already is kept for longer.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with `not-borrowable` when the offer does not allow it, or not for so long; see
    /// [`Manager::last_refusal`].
    pub fn borrow_seat(&self, app: &AppId, length: Length) -> Result<PassView, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let state = self.ask(&mut passbook, Some(app), &Operation::Borrow(length))?;
        self.granted(app, &state)
    }

    /// The server's last no, where its last answer was one.
    ///
    /// # Errors
    /// [`ManagerError`] when the passbook cannot be read.
    pub fn last_refusal(&self, app: &AppId) -> Result<Option<Refusal>, ManagerError> {
        let passbook = self.valid_passbook()?;
        let state = passbook.look(app)?;
        let answer = passbook.last_answer(&state);
        let answer =
            answer.map_err(|wrong| ManagerError::Untrusted { url: self.server().url.clone(), wrong })?;
        Ok(answer.and_then(|answer| match answer.body {
            Body::Refusal(refusal) => Some(*refusal),
            _ => None,
        }))
    }

    /// Who has the seats that this device was refused for, by the names that the server has for them.
    ///
    /// # Errors
    /// [`ManagerError`] when the passbook cannot be read. Where the server cannot be asked, the names are missing.
    pub fn seat_holders(&self, app: &AppId) -> Result<Vec<SeatHolder>, ManagerError> {
        let holders = self.last_refusal(app)?.map(|refusal| refusal.holders).unwrap_or_default();
        if holders.is_empty() {
            return Ok(Vec::new());
        }
        let account = self.account().ok();
        let name =
            |id: DeviceId| account.as_ref()?.devices.iter().find(|device| device.id == id)?.name.clone();
        let holder = |held: &carnet_core::document::SeatHolder| SeatHolder {
            device: held.device,
            name: name(held.device),
            until: held.until,
        };
        Ok(holders.iter().map(holder).collect())
    }
}
