//! Transfers between the user's devices, and what each side does for them (B9, B10).
//!
//! The server decides; the devices follow. `sync` asks what is to be done here, and does it: the source stops, gives back
//! and removes what was installed; the destination gets its pass, and the program with its keys where there is one. Each
//! step is found again from what the server and the passbook know, so it may be cut off anywhere and is gone on with.

use std::collections::BTreeMap;

use carnet_api::transfer::{TransferStep, TransferView};
use carnet_core::app::{AppId, Platform};
use carnet_core::device::Input;
use carnet_core::document::{Body, Effect, Operation, Reason};
use carnet_core::id::DeviceId;
use carnet_core::journal::{PassStatus, State};
use carnet_core::time::Time;
use carnet_core::transfer::{Handover, Transfer};
use carnet_device::Passbook;
use carnet_image::install::Step;
use carnet_seam::Tree;
use serde::Serialize;

use crate::error::ManagerError;
use crate::install::{InstalledApp, PROGRAMS, Wish, remove_installed};
use crate::manager::Manager;

/// What a device has done, or could not do, for one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// Which app.
    pub app: AppId,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of one app. Stable names; there may be more one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was transferred away: the pass is given back, keys are erased.
    GivenBack {
        /// To which device.
        to: Option<DeviceId>,
    },
    /// What was installed of it is removed.
    Removed,
    /// Its pass is here.
    Fetched,
    /// Its program is installed here.
    Installed(Box<InstalledApp>),
    /// It comes here once the source has given it back, or its pass has run out.
    Waits {
        /// Which source.
        from: Option<DeviceId>,
        /// Until when, where that pass ends.
        until: Option<Time>,
    },
    /// The server refuses it.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// What a synchronisation needs of this machine.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// The disk.
    pub tree: &'a dyn Tree,
    /// The kind of this machine.
    pub platform: &'a Platform,
}

impl Manager {
    /// Transfers apps from one of the user's devices to another. Where this device is the source, it gives back at once
    /// what goes; without a network, that is asked for apart.
    ///
    /// # Errors
    /// [`ManagerError::ManagementRefused`] when nothing goes; what was refused of several apps is in the answer.
    pub fn transfer(&self, transfer: &Transfer) -> Result<BTreeMap<AppId, Handover>, ManagerError> {
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let state = self.manage(&mut passbook, &Operation::Transfer(Box::new(transfer.clone())))?;
        let told = told(&passbook, &state)?;
        let carried = self.way().line().net.is_carried();
        if transfer.from == passbook.identity().device() && !carried {
            for (app, _) in told.iter().filter(|(_, handover)| handover.goes()) {
                self.give_up(&mut passbook, app)?;
            }
        }
        Ok(told)
    }

    /// Does what transfers ask of this device, and goes on with what was cut off.
    ///
    /// # Errors
    /// [`ManagerError`] of the first step that fails; the next time goes on there.
    pub fn sync(
        &self,
        here: Here<'_>,
        tell: &mut dyn FnMut(&AppId, Step),
    ) -> Result<Vec<Synced>, ManagerError> {
        self.finish_all()?;
        let account = self.account()?;
        let ours = account.transfers.iter().filter(|view| view.device == account.device);
        let mut done = Vec::new();
        for view in ours.clone().filter(|view| view.step == TransferStep::GiveBack) {
            let mut passbook = self.valid_passbook()?;
            let _turn = self.turn()?;
            self.give_up(&mut passbook, &view.app)?;
            done.push(Synced { app: view.app.clone(), outcome: Outcome::GivenBack { to: view.other } });
        }
        done.extend(self.remove_what_has_gone(here.tree)?);
        for view in ours {
            done.extend(match view.step {
                TransferStep::Fetch => Some(self.fetch(view, here)?),
                TransferStep::Wait => Some(waits(view)),
                TransferStep::GiveBack => None,
            });
        }
        done.extend(self.install_what_is_missing(here, tell)?);
        Ok(done)
    }

    /// Gives back what was transferred away. The intent takes the pass out of use before anything is sent (I7); where there
    /// is no good pass, the server is asked once, so that it says what has become of the app.
    fn give_up(&self, passbook: &mut Passbook, app: &AppId) -> Result<(), ManagerError> {
        self.resume(passbook, Some(app))?;
        let state = passbook.look(app)?;
        let knows = state.refused == Some(Reason::Transferred);
        let has = state.pass_status() == Some(PassStatus::Valid) || (knows && state.held.is_some());
        let operation = if has { Operation::Return } else { Operation::Renew { uses: 0 } };
        self.ask(passbook, Some(app), &operation).map(drop)
    }

    /// Keys are gone with the server's word; what they have opened is removed here.
    fn remove_what_has_gone(&self, tree: &dyn Tree) -> Result<Vec<Synced>, ManagerError> {
        let passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        let mut removed = Vec::new();
        for app in passbook.apps()? {
            let state = passbook.look(&app)?;
            if !has_left(&state) {
                continue;
            }
            if state.pass_status() != Some(PassStatus::Valid) && remove_installed(&passbook, tree, &app)? {
                removed.push(Synced { app: app.clone(), outcome: Outcome::Removed });
            }
            passbook.env().fs.crash().point("sync-before-effects-done").map_err(crashed)?;
            passbook.book(Some(&app))?.act(Input::EffectsDone, self.now())?;
        }
        Ok(removed)
    }

    /// Gets the pass. Where the program is to be had as an image, it is noted first that it belongs here: whoever finds the
    /// note and no program installs it.
    fn fetch(&self, view: &TransferView, here: Here<'_>) -> Result<Synced, ManagerError> {
        let app = &view.app;
        let images = self.images(app)?;
        let mut passbook = self.valid_passbook()?;
        let _turn = self.turn()?;
        if images.iter().any(|image| image.keyed && image.platform.is_for(here.platform))
            && passbook.installed_below(app)?.is_none()
        {
            passbook.keep_installed(app, &self.home().join(PROGRAMS))?;
        }
        passbook.env().fs.crash().point("sync-before-fetch").map_err(crashed)?;
        let state = self.ask(&mut passbook, Some(app), &Operation::Renew { uses: 0 })?;
        let outcome = match state.refused {
            None => Outcome::Fetched,
            Some(reason) => Outcome::Refused { reason },
        };
        Ok(Synced { app: app.clone(), outcome })
    }

    fn install_what_is_missing(
        &self,
        here: Here<'_>,
        tell: &mut dyn FnMut(&AppId, Step),
    ) -> Result<Vec<Synced>, ManagerError> {
        let passbook = self.valid_passbook()?;
        let mut installed = Vec::new();
        for app in passbook.apps()? {
            let state = passbook.look(&app)?;
            let good = state.pass_status() == Some(PassStatus::Valid);
            if !good || passbook.installed_below(&app)?.is_none() || self.is_complete(here.tree, &app, &state)
            {
                continue;
            }
            let wish = Wish {
                app: &app,
                version: None,
                platform: here.platform,
                tree: here.tree,
                below: None,
                file: None,
            };
            let done = self.install(&wish, &mut |step| tell(&app, step))?;
            installed.push(Synced { app: app.clone(), outcome: Outcome::Installed(Box::new(done)) });
        }
        Ok(installed)
    }

    /// Whether the program is here, and the keys that open it. One that is damaged is for whoever looks after it.
    fn is_complete(&self, tree: &dyn Tree, app: &AppId, state: &State) -> bool {
        match self.installed(tree, app) {
            Ok(installed) => state.keys.contains_key(&installed.image),
            Err(ManagerError::NotInstalled(_)) => false,
            Err(_) => true,
        }
    }
}

/// What the server has decided for each app.
fn told(passbook: &Passbook, state: &State) -> Result<BTreeMap<AppId, Handover>, ManagerError> {
    let answer = passbook.last_answer(state).map_err(|_| ManagerError::OutOfStep)?;
    match answer.map(|answer| answer.body) {
        Some(Body::Receipt(receipt)) => match receipt.effect {
            Effect::Transferred(told) => Ok(told),
            _ => Err(ManagerError::OutOfStep),
        },
        _ => Err(ManagerError::OutOfStep),
    }
}

/// Something was opened here for an app that has gone since.
fn has_left(state: &State) -> bool {
    state.effects_due && state.portables.is_empty() && state.intent.is_none()
}

fn waits(view: &TransferView) -> Synced {
    Synced { app: view.app.clone(), outcome: Outcome::Waits { from: view.other, until: view.until } }
}

fn crashed(point: carnet_seam::Crashed) -> ManagerError {
    carnet_seam::FsError::new("use", std::path::Path::new(""), point.into()).into()
}
