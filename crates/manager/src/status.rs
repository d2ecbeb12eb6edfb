//! How things stand between this device and a server: for `carnet status`.

use carnet_api::account::Account;
use carnet_core::app::AppId;
use carnet_core::component::Drift;
use carnet_core::document::{Evidence, Operation, Reason, Request};
use carnet_core::id::{DeviceId, Digest, ServerId, UserId};
use carnet_core::journal::{ClockReading, State};
use carnet_core::time::Time;
use carnet_device::Passbook;
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;

/// How things stand.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Address of the server.
    pub server: String,
    /// Its id.
    pub server_id: ServerId,
    /// The hash of its root key, as it is pinned here.
    pub root: Digest,
    /// The user; none: this device is not registered.
    pub user: Option<UserId>,
    /// This device.
    pub device: Option<DeviceId>,
    /// What its identity is bound to.
    pub identity: Option<Evidence>,
    /// What of the machine has changed since, within what is tolerated.
    pub changed: Option<Drift>,
    /// The device's clock against what is known to have been reached.
    pub clock: ClockStatus,
    /// Requests that wait for the server's answer.
    pub waiting: Vec<Waiting>,
    /// What the server's books say; none where it was not asked or did not answer.
    pub account: Option<Account>,
    /// Why the server did not answer.
    #[serde(skip)]
    pub unreachable: Option<ManagerError>,
}

/// The device's clock against what is known to have been reached (I13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockStatus {
    /// What the clock says.
    pub now: Time,
    /// The latest time that a record or the server has shown; none: nothing yet.
    pub reached: Option<Time>,
    /// The clock is so far behind that passes do not run until the next contact.
    pub behind: bool,
}

/// A request that waits for its answer. The next contact carries it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// For which app; none: the device itself.
    pub app: Option<AppId>,
    /// What was asked.
    pub operation: &'static str,
    /// Since when, by the device's clock.
    pub since: Time,
}

/// What came of a request that had waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// For which app; none: the device itself.
    pub app: Option<AppId>,
    /// What was asked.
    pub operation: &'static str,
    /// Why the server refused, if it did.
    pub refused: Option<Reason>,
}

impl Waiting {
    pub(crate) fn of(app: Option<&AppId>, intent: &Request) -> Self {
        Self { app: app.cloned(), operation: name_of(&intent.operation), since: intent.at }
    }
}

/// An operation in one word.
#[must_use]
pub const fn name_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::Register(_) => "register",
        Operation::Renew { .. } => "renew",
        Operation::Borrow(_) => "borrow",
        Operation::Agree(_) => "agree",
        Operation::Decline => "decline",
        Operation::Export => "export",
        Operation::Import(_) => "import",
        Operation::CancelMove(_) => "cancel-move",
        Operation::Return => "return",
        Operation::Redeem(_) => "redeem",
        Operation::Invite(_) => "invite",
        Operation::Withdraw(_) => "withdraw-code",
        Operation::Lost(_) => "device-lost",
        Operation::Replaced(_) => "device-replaced",
        Operation::Retire(_) => "retire-device",
        Operation::Rename { .. } => "rename-device",
        Operation::Transfer(_) => "transfer",
        Operation::OrderKey(_) => "order-key",
        Operation::RedeemKey(_) => "redeem-key",
    }
}

impl Manager {
    /// How things stand; asks the server for the account only with `online`.
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the passbook cannot be read. A server that does not answer is no error.
    pub fn status(&self, online: bool) -> Result<Status, ManagerError> {
        let passbook = self.passbook()?;
        let states = passbook.as_ref().map(states).transpose()?.unwrap_or_default();
        let waiting =
            states.iter().filter_map(|(app, state)| Some(Waiting::of(app.as_ref(), state.intent.as_ref()?)));
        let mut status = Status {
            server: self.server().url.to_string(),
            server_id: self.server().pin.server,
            root: self.server().pin.root,
            user: passbook.as_ref().and_then(Passbook::user),
            device: passbook.as_ref().map(|passbook| passbook.identity().device()),
            identity: passbook.as_ref().map(Passbook::evidence),
            changed: passbook.as_ref().and_then(Passbook::changed),
            clock: clock(&states, self.now()),
            waiting: waiting.collect(),
            account: None,
            unreachable: None,
        };
        if online && status.user.is_some() {
            match self.account() {
                Ok(account) => status.account = Some(account),
                Err(error) => status.unreachable = Some(error),
            }
        } else if online {
            status.unreachable = self.way().claimed_root().err();
        }
        Ok(status)
    }

    /// Carries on every request that waits for its answer.
    ///
    /// # Errors
    /// [`ManagerError`] of the first that gets none; the others then still wait.
    pub fn finish_all(&self) -> Result<Vec<Finished>, ManagerError> {
        let Some(mut passbook) = self.passbook()? else { return Ok(Vec::new()) };
        let _turn = self.turn()?;
        let apps = passbook.apps()?.into_iter().map(Some);
        let mut finished = Vec::new();
        for app in std::iter::once(None).chain(apps) {
            let Some(operation) = self.resume(&mut passbook, app.as_ref())? else { continue };
            let refused = passbook.book(app.as_ref())?.state().refused;
            finished.push(Finished { app, operation: name_of(&operation), refused });
        }
        Ok(finished)
    }
}

/// The state of every journal, the device's own first.
fn states(passbook: &Passbook) -> Result<Vec<(Option<AppId>, State)>, ManagerError> {
    let mut states = vec![(None, passbook.look_own()?)];
    for app in passbook.apps()? {
        let state = passbook.look(&app)?;
        states.push((Some(app), state));
    }
    Ok(states)
}

fn clock(states: &[(Option<AppId>, State)], now: Time) -> ClockStatus {
    let latest = states.iter().map(|(_, state)| state.clock).max_by_key(|evidence| evidence.reached);
    let behind = latest.is_some_and(|evidence| evidence.read(now) == ClockReading::Behind);
    let reached = latest.map(|evidence| evidence.reached).filter(|reached| *reached > Time::EPOCH);
    ClockStatus { now, reached, behind }
}
