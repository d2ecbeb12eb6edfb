//! The keys of an image, in two steps: ordered, then presented with the transaction id (B6, B7).

use carnet_core::app::{AppId, VersionRange};
use carnet_core::document::{Operation, PublicKey, Reason};
use carnet_core::id::ImageId;
use carnet_core::journal::State;
use carnet_core::provision::{KeyDelivery, KeyRedemption};
use carnet_device::Passbook;
use carnet_image::{ContentKeys, Recipient};

use crate::error::ManagerError;
use crate::manager::Manager;

/// An order that was lost with the server's books is made once more.
const MOST_ORDERS: u32 = 2;

impl Manager {
    /// Which versions the pass covers; where there is no good one, the next one is asked for.
    pub(crate) fn covered(&self, passbook: &mut Passbook, app: &AppId) -> Result<VersionRange, ManagerError> {
        self.resume(passbook, Some(app))?;
        let mut state = passbook.look(app)?;
        if self.good(app, &state).is_none() {
            state = self.ask(passbook, Some(app), &Operation::Renew { uses: 1 })?;
            self.granted(app, &state)?;
        }
        Ok(state.held.map(|held| held.pass.versions).unwrap_or_default())
    }

    /// The content keys of the features that the license grants: those that were delivered, or fresh ones.
    pub(crate) fn keys_of(
        &self,
        passbook: &mut Passbook,
        app: &AppId,
        image: ImageId,
    ) -> Result<ContentKeys, ManagerError> {
        let state = passbook.look(app)?;
        if let Some(keys) = self.opened(passbook, app, &state, image)? {
            return Ok(keys);
        }
        let mut refused = Reason::NoTransaction;
        for _ in 0..MOST_ORDERS {
            let state = self.ordered(passbook, app, image)?;
            let state = self.redeemed(passbook, app, &state)?;
            match state.refused {
                None => {
                    let keys = self.opened(passbook, app, &state, image)?;
                    return keys.ok_or(ManagerError::OutOfStep);
                }
                // The order was closed, or the books have lost it: the next one is good.
                Some(Reason::NoTransaction) => refused = Reason::NoTransaction,
                Some(reason) => return Err(ManagerError::Refused { app: app.clone(), reason }),
            }
        }
        Err(ManagerError::Refused { app: app.clone(), reason: refused })
    }

    /// The first step. An order of this image that waits already is not made again, unless it was refused.
    fn ordered(&self, passbook: &mut Passbook, app: &AppId, image: ImageId) -> Result<State, ManagerError> {
        let state = passbook.look(app)?;
        let waits = state.ordered.is_some_and(|ordered| ordered.image == image);
        if waits && state.refused != Some(Reason::NoTransaction) {
            return Ok(state);
        }
        let state = self.ask(passbook, Some(app), &Operation::OrderKey(image))?;
        match state.refused {
            None => Ok(state),
            Some(reason) => Err(ManagerError::Refused { app: app.clone(), reason }),
        }
    }

    /// The second step.
    fn redeemed(&self, passbook: &mut Passbook, app: &AppId, state: &State) -> Result<State, ManagerError> {
        let ordered = state.ordered.ok_or(ManagerError::OutOfStep)?;
        let held = state.held.as_ref().ok_or(ManagerError::OutOfStep)?;
        let redemption = KeyRedemption {
            transaction: ordered.transaction,
            image: ordered.image,
            seal_to: PublicKey(passbook.identity().agreement_public()),
            pass: held.document.clone(),
        };
        self.ask(passbook, Some(app), &Operation::RedeemKey(Box::new(redemption)))
    }

    /// Keys of an earlier license are of no use under the next one: what it grants may be something else.
    fn opened(
        &self,
        passbook: &Passbook,
        app: &AppId,
        state: &State,
        image: ImageId,
    ) -> Result<Option<ContentKeys>, ManagerError> {
        let license = state.held.as_ref().map(|held| held.pass.license);
        let Ok(Some(delivery)) = passbook.delivered(state, image) else { return Ok(None) };
        let current = |delivery: &KeyDelivery| Some(delivery.license) == license;
        let Some(delivery) = Some(delivery).filter(current) else { return Ok(None) };
        let device = passbook.identity().device();
        let recipient = Recipient::of(passbook.pin().server, device, app, &delivery);
        let keys = recipient.open(&delivery.sealed, &passbook.agreement_seed());
        keys.map(Some).map_err(ManagerError::Keys)
    }
}
