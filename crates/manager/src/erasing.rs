//! The end of a contract on this device: program, keys and pass are erased, and a certificate says so (C3).

use std::path::PathBuf;

use carnet_core::app::AppId;
use carnet_core::document::Operation;
use carnet_core::journal::{PassStatus, State};
use carnet_core::report::{Erased, ReportRequest};
use carnet_device::Passbook;
use carnet_device::erase::{self, Disk, EraseError, Installed, Piece};
use carnet_device::report::ReportError;
use carnet_image::contents::Kind;
use carnet_image::{Place, Trust};
use carnet_seam::Tree;

use crate::error::ManagerError;
use crate::manager::Manager;

/// What an erasure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasurePlan {
    /// What goes, and what has to stay.
    pub items: Vec<Erased>,
    /// What somebody has put into the program's folder: it is not touched.
    pub own: Vec<PathBuf>,
}

/// What became of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureDone {
    /// What was erased, and what could not be.
    pub items: Vec<Erased>,
    /// What somebody has put into the program's folder is still there.
    pub own: Vec<PathBuf>,
    /// What the pass still had is back in the license; otherwise the server is told at the next contact.
    pub returned: bool,
    /// The certificate, where the contract names a key to seal it to.
    pub certificate: Option<Vec<u8>>,
}

impl Manager {
    /// What erasing an app would remove.
    ///
    /// # Errors
    /// [`ManagerError::Report`] when it was never licensed here.
    pub fn erasure(&self, tree: &dyn Tree, app: &AppId) -> Result<ErasurePlan, ManagerError> {
        let passbook = self.valid_passbook()?;
        let places = places(&passbook, tree, app)?;
        let (installed, own) = installed(&passbook, &places)?;
        Ok(ErasurePlan { items: erase::plan(&passbook, app, &installed, tree)?, own })
    }

    /// Erases an app, or finishes an erasure that was interrupted, and makes the certificate. What the pass still has
    /// goes back where the server can be reached; otherwise the open request tells it at the next contact.
    ///
    /// # Errors
    /// [`ManagerError::Running`] unless it may be stopped; what else is in the way.
    pub fn erase(
        &self,
        tree: &dyn Tree,
        app: &AppId,
        request: Option<&ReportRequest>,
        stop: bool,
    ) -> Result<ErasureDone, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        self.unlock(&passbook)?;
        let _turn = self.turn()?;
        let state = passbook.look(app)?;
        let goes_on = state.erasure.is_some_and(|erasure| !erasure.done);
        if !stop && !goes_on && !state.running.is_empty() {
            return Err(ManagerError::Running(app.clone()));
        }
        let places = places(&passbook, tree, app)?;
        // Nobody installs it meanwhile.
        let _alone = places.iter().map(Place::hold).collect::<Result<Vec<_>, _>>()?;
        let (installed, own) = installed(&passbook, &places)?;
        let returned = self.returned(&mut passbook, app, &state)?;
        let sweep = || places.iter().for_each(Place::sweep);
        let disk = Disk { tree, sweep: &sweep };
        let nonce = request.map(|request| request.nonce);
        let items = erase::erase(&passbook, app, &installed, disk, nonce)?;
        let keys = request.map(|request| request.keys);
        let certificate = match erase::certificate(&passbook, &*self.setup().machine, app, keys) {
            Ok(code) => Some(code),
            Err(EraseError::Report(ReportError::NoKey(_))) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(ErasureDone { items, own, returned, certificate })
    }

    /// Gives the pass back, if that can be done now. A server that is away, or says no, is no reason to keep the app.
    fn returned(&self, passbook: &mut Passbook, app: &AppId, state: &State) -> Result<bool, ManagerError> {
        if state.intent.is_some() {
            return Ok(matches!(self.resume(passbook, Some(app)), Ok(Some(Operation::Return))));
        }
        if state.pass_status() != Some(PassStatus::Valid) {
            return Ok(false);
        }
        match self.ask(passbook, Some(app), &Operation::Return) {
            Ok(state) => Ok(state.refused.is_none()),
            Err(error @ ManagerError::Passbook(_)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

fn places<'a>(passbook: &Passbook, tree: &'a dyn Tree, app: &AppId) -> Result<Vec<Place<'a>>, ManagerError> {
    let noted = passbook.installed_places(app)?;
    // The one that is used comes last: an erasure that was interrupted shows.
    Ok(noted.iter().rev().map(|below| Place::of(tree, below, app)).collect())
}

/// What Carnet has installed at these places, and what else lies there.
fn installed(passbook: &Passbook, places: &[Place<'_>]) -> Result<(Installed, Vec<PathBuf>), ManagerError> {
    // What has been signed once says for ever which files are the program's.
    let trust = passbook.ring().map(|ring| Trust::Server(ring, ring.set().claims().issued));
    let (mut pieces, mut own) = (Vec::new(), Vec::new());
    for place in places {
        let contents = place.contents(trust)?;
        own.extend(contents.own);
        pieces.extend(contents.pieces.into_iter().map(|piece| {
            let (weighs, lists, stays) = match piece.kind {
                Kind::File => (true, false, None),
                Kind::Name => (false, false, None),
                Kind::List => (true, true, None),
                Kind::Unknown(why) => (false, false, Some(why)),
            };
            Piece { below: place.folder().to_owned(), name: piece.name, weighs, lists, stays }
        }));
    }
    Ok((Installed { pieces }, own))
}
