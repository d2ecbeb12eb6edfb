//! The menu, and what the user does with it (A10, A13).

use carnet_api::menu::{ListedOffer, MenuView};
use carnet_api::path;
use carnet_core::app::{AppId, OfferName};
use carnet_core::document::{Agreed, Agreement, Operation, Reason};
use carnet_core::journal::State;
use carnet_core::offer::Listed;
use carnet_device::Passbook;
use carnet_seal::{SealError, Signed, sign};
use carnet_seam::NetError;

use crate::error::ManagerError;
use crate::manager::{Manager, Setup};
use crate::passes::PassView;
use crate::server::Wanted;

/// What has come of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Agreed, and the first pass is here.
    Agreed(PassView),
    /// An agreement that was begun before, and whose answer had been lost, is finished now. Nothing else was agreed.
    CarriedOn(PassView),
    /// There is a license to this very condition with something left for this device; nothing was agreed.
    Already(PassView),
}

impl Outcome {
    /// The pass that is here now.
    #[must_use]
    pub const fn pass(&self) -> &PassView {
        match self {
            Self::Agreed(pass) | Self::CarriedOn(pass) | Self::Already(pass) => pass,
        }
    }
}

impl Setup {
    /// The menu of an app, as anybody may read it: no passbook is needed, and no trust.
    ///
    /// # Errors
    /// [`ManagerError`] when it is not clear which server is meant, or it cannot be asked.
    pub fn menu(&self, wanted: &Wanted, app: &AppId) -> Result<MenuView, ManagerError> {
        self.way(&self.address(wanted)?).get(&path::menu(app))
    }
}

impl Manager {
    /// The menu of an app.
    ///
    /// # Errors
    /// [`ManagerError`] when the server cannot be asked, or does not know the app.
    pub fn menu(&self, app: &AppId) -> Result<MenuView, ManagerError> {
        self.way().get(&path::menu(app))
    }

    /// Finishes an earlier request for this app that waits for its answer.
    ///
    /// # Errors
    /// [`ManagerError`]; the request then stays open.
    pub fn finish(&self, app: &AppId) -> Result<Option<Operation>, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        self.resume(&mut passbook, Some(app))
    }

    /// Agrees to an offer as it was shown, word for word, and fetches the first pass.
    ///
    /// May be repeated: where the license is there already and has something left for this device, nothing
    /// more is agreed to, unless `again` says that one more is wanted (A23).
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with `offer-changed` when the menu has changed since: show it again (A10).
    pub fn agree(&self, app: &AppId, offer: &ListedOffer, again: bool) -> Result<Outcome, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let finished = self.resume(&mut passbook, Some(app))?;
        if matches!(finished, Some(Operation::Agree(_)))
            && let Some(pass) = self.good(app, &passbook.look(app)?)
        {
            return Ok(Outcome::CarriedOn(pass));
        }
        // That nothing is left was the answer just now: nobody carries the same question twice.
        let nothing_left =
            matches!(finished, Some(Operation::Renew { .. })) && passbook.look(app)?.refused.is_some();
        if !again
            && !nothing_left
            && let Some(pass) = self.left_of(&mut passbook, app, &offer.offer.condition)?
        {
            return Ok(Outcome::Already(pass));
        }
        let operation = Operation::Agree(Box::new(self.consent(&passbook, app, offer)?));
        let state = self.ask(&mut passbook, Some(app), &operation)?;
        Ok(Outcome::Agreed(self.granted(app, &state)?))
    }

    /// The pass under this condition, where there is a good one, or the server has a next one (A9).
    fn left_of(
        &self,
        passbook: &mut Passbook,
        app: &AppId,
        condition: &str,
    ) -> Result<Option<PassView>, ManagerError> {
        let mut state = passbook.look(app)?;
        if self.good(app, &state).is_none() {
            state = self.ask(passbook, Some(app), &Operation::Renew { uses: 1 })?;
        }
        Ok(self.good(app, &state).filter(|pass| pass.condition == condition))
    }

    /// The consent, signed by this device.
    pub(crate) fn consent(
        &self,
        passbook: &Passbook,
        app: &AppId,
        offer: &ListedOffer,
    ) -> Result<Agreed, ManagerError> {
        let user = passbook.user().ok_or_else(|| ManagerError::NotRegistered(self.server().url.clone()))?;
        let agreement = Agreement {
            server: self.server().pin.server,
            user,
            device: passbook.identity().device(),
            at: self.now(),
            listed: Listed { app: app.clone(), serial: offer.serial, offer: offer.offer.clone() },
        };
        let signed: Result<Signed<Agreement>, _> = sign(agreement, passbook.signer());
        let untrusted = |error| match error {
            SealError::Signer(fault) => ManagerError::from(fault),
            wrong => ManagerError::Untrusted { url: self.server().url.clone(), wrong },
        };
        Ok(Agreed::from(signed.map_err(untrusted)?))
    }

    /// Declines the menu: a license and a pass that are no good are recorded (A13).
    ///
    /// # Errors
    /// [`ManagerError::StillGood`] when there is a good pass, which declining would end.
    pub fn decline(&self, app: &AppId) -> Result<(), ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let finished = self.resume(&mut passbook, Some(app))?;
        if self.good(app, &passbook.look(app)?).is_some() {
            return Err(ManagerError::StillGood(app.clone()));
        }
        if matches!(finished, Some(Operation::Decline)) {
            return Ok(());
        }
        let state = self.ask(&mut passbook, Some(app), &Operation::Decline)?;
        match state.refused {
            None => Ok(()),
            Some(Reason::StillGood) => Err(ManagerError::StillGood(app.clone())),
            Some(reason) => Err(ManagerError::Refused { app: app.clone(), reason }),
        }
    }

    /// Asks for the next pass, good for at least one use (A12).
    ///
    /// # Errors
    /// [`ManagerError::Refused`] with the server's reason.
    pub fn renew(&self, app: &AppId) -> Result<PassView, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let asked = self.ask(&mut passbook, Some(app), &Operation::Renew { uses: 1 });
        if matches!(asked, Err(ManagerError::Net(NetError::Carried))) {
            // Should the answer be no, the menu is wanted next: it comes the same way.
            let _ = self.menu(app);
        }
        let state = asked?;
        self.granted(app, &state)
    }

    pub(crate) fn granted(&self, app: &AppId, state: &State) -> Result<PassView, ManagerError> {
        match state.refused {
            Some(reason) => Err(ManagerError::Refused { app: app.clone(), reason }),
            None => PassView::of(app, state, self.server(), self.now()).ok_or(ManagerError::OutOfStep),
        }
    }

    pub(crate) fn good(&self, app: &AppId, state: &State) -> Option<PassView> {
        PassView::of(app, state, self.server(), self.now()).filter(|pass| pass.runs)
    }
}

/// The offer of that name.
///
/// # Errors
/// [`ManagerError::NoSuchOffer`], with the names that there are.
pub fn find<'a>(menu: &'a MenuView, name: &OfferName) -> Result<&'a ListedOffer, ManagerError> {
    menu.offers.iter().find(|listed| listed.offer.name == *name).ok_or_else(|| ManagerError::NoSuchOffer {
        app: menu.app.clone(),
        offer: name.clone(),
        offers: menu.offers.iter().map(|listed| listed.offer.name.clone()).collect(),
    })
}
