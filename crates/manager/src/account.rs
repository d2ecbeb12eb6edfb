//! The user's account at the server (A7), and what comes next (A23).

use carnet_api::account::{Account, AccountQuery};
use carnet_api::license::License;
use carnet_api::path;
use carnet_core::app::AppId;
use carnet_core::id::LicenseId;
use carnet_core::license::Status;
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use crate::error::ManagerError;
use crate::manager::Manager;

/// A license from which the next passes come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// Its id.
    pub license: LicenseId,
    /// What was agreed to.
    pub condition: String,
    /// When.
    pub agreed: Time,
    /// The status of the license.
    pub status: Status,
    /// What it still has, in words.
    pub remaining_in_words: String,
    /// When it ends, where it does.
    pub ends: Option<Time>,
}

impl Manager {
    /// What the server's books say about the user. Reads only.
    ///
    /// # Errors
    /// [`ManagerError`]; `stale` when the device's clock is more than ten minutes off.
    pub fn account(&self) -> Result<Account, ManagerError> {
        let passbook = self.valid_passbook()?;
        self.unlock(&passbook)?;
        let (server, device, at) = (self.server().pin.server, passbook.identity().device(), self.now());
        let statement = AccountQuery::statement(server, device, at);
        let signature = BASE64URL_NOPAD.encode(&passbook.signer().sign(statement.as_bytes())?);
        self.way().post(path::ACCOUNT, &AccountQuery { server, device, at, signature })
    }
}

/// The licenses of an app that are used after the one that the device's pass is of, in that order (A23).
#[must_use]
pub fn next(account: &Account, app: &AppId, current: Option<LicenseId>) -> Vec<Next> {
    let of_app = account.apps.iter().find(|of_app| of_app.app == *app);
    let licenses = of_app.map(|of_app| of_app.licenses.as_slice()).unwrap_or_default();
    let usable = |license: &&License| {
        let status = matches!(license.validity.status, Status::Active | Status::PaymentPending);
        status && Some(license.id) != current && !is_spent(license)
    };
    licenses.iter().filter(usable).map(Next::of).collect()
}

/// Everything that is left of it is on devices.
fn is_spent(license: &License) -> bool {
    let spent =
        |line: &Option<carnet_api::license::LineView>| line.as_ref().is_some_and(|line| line.remaining == 0);
    spent(&license.validity.uses) || spent(&license.validity.seconds)
}

impl Next {
    fn of(license: &License) -> Self {
        let validity = &license.validity;
        let uses = validity.uses.as_ref().map(|line| counted(line.remaining, "use"));
        let seconds = validity.seconds.as_ref().map(|line| seconds_in_words(Seconds(line.remaining)));
        let parts: Vec<_> = [uses, seconds].into_iter().flatten().collect();
        Self {
            license: license.id,
            condition: license.base.offer.condition.clone(),
            agreed: license.base.agreed,
            status: validity.status,
            remaining_in_words: if parts.is_empty() {
                license.base.term_in_words.clone()
            } else {
                parts.join(", ")
            },
            ends: validity.ends,
        }
    }
}
