//! What is recorded of the use of apps: totals for the user, reports for suppliers (C1, C2).

use std::collections::BTreeSet;

use carnet_core::app::{AppId, Feature};
use carnet_core::document::Totals;
use carnet_core::id::LicenseId;
use carnet_core::journal::{Record, State};
use carnet_core::offer::Reporting;
use carnet_core::report::{Detailing, Integrity, ReportKeys, ReportRequest, Wanted};
use carnet_core::time::Time;
use carnet_device::asked;
use carnet_device::journal::JournalName;
use carnet_device::report::{self, Facts, ReportError};
use carnet_seal::KeyRing;
use carnet_seam::Tree;

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
        let request = asked::check(&passbook.look(app)?, document).ok_or_else(other)?;
        if request.wanted == wanted { Ok(request) } else { Err(other()) }
    }

    /// What suppliers want of this device, by app, the first due first. The server is asked where it can be reached;
    /// otherwise it is what was heard at the last contact.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn asked_for(&self, online: bool) -> Result<Vec<ReportRequest>, ManagerError> {
        let Some(passbook) = self.passbook()? else { return Ok(Vec::new()) };
        let states: Result<Vec<State>, _> = passbook.apps()?.iter().map(|app| passbook.look(app)).collect();
        let states: Vec<State> = states?.into_iter().filter(asked::may_be).collect();
        if online && !states.is_empty() {
            // A server that does not answer is no reason to say nothing.
            let _ = asked::ask(&passbook, self.way().line());
        }
        Ok(states.iter().flat_map(|state| asked::of(&passbook, state)).collect())
    }

    /// The first request for this that waits to be answered for an app.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn waiting_request(
        &self,
        app: &AppId,
        wanted: Wanted,
    ) -> Result<Option<ReportRequest>, ManagerError> {
        let all = self.asked_for(true)?;
        Ok(all.into_iter().find(|request| request.app == *app && request.wanted == wanted))
    }

    /// Hands a code in at the server, for its supplier to fetch.
    ///
    /// # Errors
    /// [`ManagerError::Net`] when the server cannot be reached; why it was not taken.
    pub fn hand_in(
        &self,
        app: &AppId,
        wanted: Wanted,
        request: Option<&ReportRequest>,
        code: &[u8],
    ) -> Result<(), ManagerError> {
        let passbook = self.valid_passbook()?;
        let state = passbook.look(app)?;
        let held = state.held.as_ref().map(|held| held.pass.license);
        let license = request.map(|request| request.license).or(held);
        let license = license.ok_or_else(|| ReportError::NothingHere(app.clone()))?;
        let nonce = match wanted {
            Wanted::Usage => request.map(|request| request.nonce),
            // An erasure that goes on answers the request that it was begun with.
            Wanted::Erasure => state.erasure.and_then(|erasure| erasure.nonce),
        };
        asked::hand_in(&passbook, self.way().line(), (license, wanted, nonce), code)
            .map_err(|error| self.of_contact(error))
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

    /// The keys that the server's root has signed, and the time at which they are asked for: what checks the manifest of
    /// an installed program.
    ///
    /// # Errors
    /// [`ManagerError::NotRegistered`] where there are none.
    pub fn trust(&self) -> Result<(KeyRing, Time), ManagerError> {
        let ring = self.valid_passbook()?.ring().cloned();
        let ring = ring.ok_or_else(|| ManagerError::NotRegistered(self.server().url.clone()))?;
        Ok((ring, self.now()))
    }

    /// The features that the pass of an app grants.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read.
    pub fn granted_features(&self, app: &AppId) -> Result<BTreeSet<Feature>, ManagerError> {
        let state = self.valid_passbook()?.look(app)?;
        Ok(state.held.map(|held| held.pass.features.into_keys().collect()).unwrap_or_default())
    }

    /// A report of this device that is sealed to whoever stands before it with keys of their own (C6).
    ///
    /// # Errors
    /// [`ManagerError::Report`], with the remedy.
    pub fn report_to(&self, tree: &dyn Tree, app: &AppId, keys: ReportKeys) -> Result<Vec<u8>, ManagerError> {
        let passbook = self.valid_passbook()?;
        let integrity = self.integrity(tree, app)?;
        let facts = Facts { version: None, integrity, nonce: None, keys: Some(keys) };
        Ok(report::make(&passbook, &*self.setup().machine, app, facts)?)
    }
}
