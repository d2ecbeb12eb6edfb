//! What is recorded of the use of apps: totals for the user, reports and certificates for suppliers (C1 to C3).

use carnet_core::app::AppId;
use carnet_core::document::{Operation, Totals};
use carnet_core::id::LicenseId;
use carnet_core::journal::{PassStatus, Record, State};
use carnet_core::offer::Reporting;
use carnet_core::report::{Detailing, Erased, Integrity, ReportRequest, Wanted};
use carnet_device::Passbook;
use carnet_device::erase::{self, Installed};
use carnet_device::journal::JournalName;
use carnet_device::report::{self, Facts, ReportError};
use carnet_seal::Unverified;

use crate::error::ManagerError;
use crate::manager::Manager;

/// What is recorded of the use of an app, as far as its user can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What was used of each license.
    pub totals: Vec<(LicenseId, Totals)>,
    /// The reporting clause of the pass.
    pub clause: Option<Reporting>,
    /// Records that are kept: runs, uses and run time, ends, refused starts.
    pub runs: u64,
    /// Records of uses and of run time.
    pub uses: u64,
    /// Records of refused starts.
    pub refused: u64,
    /// Of all of these, those with details that only the supplier can read.
    pub sealed: u64,
}

/// What became of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureDone {
    /// What was erased, and what could not be.
    pub items: Vec<Erased>,
    /// What the pass still had is back in the license; otherwise the server is told at the next contact.
    pub returned: bool,
    /// The certificate, where the contract names a key to seal it to.
    pub certificate: Option<Vec<u8>>,
}

impl Manager {
    /// What is recorded of the use of an app.
    ///
    /// # Errors
    /// [`ManagerError::Report`] when nothing ever was.
    pub fn usage(&self, app: &AppId) -> Result<Usage, ManagerError> {
        let passbook = self.valid_passbook()?;
        let nothing = || ReportError::NothingHere(app.clone());
        let mut book = passbook.book_begun(app)?.ok_or_else(nothing)?;
        let (state, _, segments) = book.evidence()?;
        let name = JournalName { server: state.server, device: state.name.device, app: Some(app.clone()) };
        let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        let trail = report::read_trail(&name, &segments, &[], None);
        let clause = state.held.as_ref().and_then(|held| held.pass.reporting);
        let totals = state.totals.into_iter().collect();
        let mut usage = Usage { totals, clause, runs: 0, uses: 0, refused: 0, sealed: 0 };
        for entry in &trail.entries {
            match entry.record {
                Record::RunStarted { .. } | Record::RunJoined { .. } => usage.runs += 1,
                Record::Used { .. } | Record::Metered { .. } => usage.uses += 1,
                Record::Disapproved { .. } => usage.refused += 1,
                _ => {}
            }
            usage.sealed += u64::from(entry.detail != Detailing::None);
        }
        Ok(usage)
    }

    /// The request in these bytes, if it is about this app on this device and comes from whom the user has an
    /// agreement with.
    ///
    /// # Errors
    /// [`ManagerError::OtherRequest`].
    pub fn check_request(
        &self,
        app: &AppId,
        wanted: Wanted,
        document: &[u8],
    ) -> Result<ReportRequest, ManagerError> {
        let passbook = self.valid_passbook()?;
        let other = || ManagerError::OtherRequest { app: app.clone() };
        let request = Unverified::<ReportRequest>::parse(document).map_err(|_| other())?;
        let state = passbook.look(app)?;
        let pass = &state.held.as_ref().ok_or_else(other)?.pass;
        let keys = pass.reporting.and_then(|clause| clause.keys).ok_or_else(other)?;
        let request = request.verify(&keys).map_err(|_| other())?.into_parts().0;
        let concerns = request.concerns(app, pass.license, passbook.identity().device());
        let ours = request.server == state.server && request.supplier == pass.supplier;
        if concerns && ours && request.wanted == wanted { Ok(request) } else { Err(other()) }
    }

    /// The usage report of an app, sealed to its supplier.
    ///
    /// # Errors
    /// [`ManagerError::Report`], with the remedy.
    pub fn usage_report(
        &self,
        app: &AppId,
        integrity: Integrity,
        request: Option<&ReportRequest>,
    ) -> Result<Vec<u8>, ManagerError> {
        let passbook = self.valid_passbook()?;
        self.unlock(&passbook)?;
        let (nonce, keys) = (request.map(|request| request.nonce), request.map(|request| request.keys));
        let facts = Facts { version: None, integrity, nonce, keys };
        Ok(report::make(&passbook, &*self.setup().machine, app, facts)?)
    }

    /// What erasing an app would remove.
    ///
    /// # Errors
    /// [`ManagerError::Report`] when it was never licensed here.
    pub fn erasure(&self, app: &AppId, installed: &Installed) -> Result<Vec<Erased>, ManagerError> {
        Ok(erase::plan(&self.valid_passbook()?, app, installed)?)
    }

    /// Erases an app, or finishes an erasure that was interrupted, and makes the certificate. What the pass still has
    /// goes back where the server can be reached; otherwise the open request tells it at the next contact.
    ///
    /// # Errors
    /// [`ManagerError::Running`] unless it may be stopped; what else is in the way.
    pub fn erase(
        &self,
        app: &AppId,
        installed: &Installed,
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
        let returned = self.returned(&mut passbook, app, &state)?;
        let items = erase::erase(&passbook, app, installed, request.map(|request| request.nonce))?;
        let keys = request.map(|request| request.keys);
        let certificate = match erase::certificate(&passbook, &*self.setup().machine, app, keys) {
            Ok(code) => Some(code),
            Err(erase::EraseError::Report(ReportError::NoKey(_))) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(ErasureDone { items, returned, certificate })
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
