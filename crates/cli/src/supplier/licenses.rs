//! `carnet supplier licenses`.

use carnet_api::license::{self as api, LineView};
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::term::moment;
use carnet_core::time::Time;
use clap::Args;

use super::credentials;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;
use crate::text::clean;

/// Shown where a license has no such thing (A7).
pub(super) const NONE: &str = "–";

/// Every license status; a test holds them against the domain.
const STATUSES: [&str; 9] = [
    "active",
    "payment-pending",
    "charge-failed",
    "suspended",
    "exhausted",
    "expired",
    "declined",
    "ended",
    "revoked",
];

/// List licenses.
#[derive(Debug, Args)]
pub struct Licenses {
    /// Only for this app
    #[arg(long)]
    app: Option<AppId>,
    /// Only with this status
    #[arg(long, value_parser = STATUSES)]
    status: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Licenses {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let of_app = self.app.as_ref().map(AppId::supplier);
        let http = credentials::http(context, name.or(of_app.as_ref()))?;
        let filtered =
            |call: Call<'static>| call.query("app", self.app.as_ref()).query("status", self.status.as_ref());
        super::list::show(context, &http, Some(self.limit), (path::LICENSES, filtered), list)
    }
}

fn list(licenses: &[api::License]) -> String {
    if licenses.is_empty() {
        return "There is no such license.\n".into();
    }
    let row = |license: &api::License| {
        let validity = &license.validity;
        [
            license.id.to_string(),
            license.app.to_string(),
            license.base.offer.name.to_string(),
            clean(&validity.status_in_words),
            remaining(validity.uses.as_ref()),
            remaining(validity.seconds.as_ref()),
            format!("{} of {}", held(&validity.devices), validity.devices.total),
            ends(validity.ends),
        ]
    };
    let head = ["LICENSE", "APP", "OFFER", "STATUS", "USES LEFT", "TIME LEFT", "DEVICES", "ENDS"];
    table(head, licenses.iter().map(row))
}

pub(super) fn remaining(line: Option<&LineView>) -> String {
    line.map_or(NONE.into(), |line| clean(&line.remaining_in_words))
}

pub(super) fn held(line: &LineView) -> u64 {
    line.held.saturating_add(line.moving)
}

pub(super) fn ends(end: Option<Time>) -> String {
    end.map_or(NONE.into(), moment)
}

#[cfg(test)]
mod tests {
    use carnet_core::license::Status;

    use super::*;

    #[test]
    fn every_status_of_the_domain_can_be_asked_for() {
        for code in STATUSES {
            let status: Status = serde_json::from_value(code.into()).unwrap();
            assert_eq!(status.code(), code);
        }
    }
}
