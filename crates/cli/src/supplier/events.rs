//! `carnet supplier events`: what happened, and the evidence where something was wrong.

use carnet_api::event::{self as api, Evidence};
use carnet_api::path;
use carnet_core::app::SupplierName;
use carnet_core::id::LicenseId;
use clap::Args;

use super::{credentials, list};
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;
use crate::text::{clean, to_the_second};

/// What happened, newest first.
#[derive(Debug, Args)]
pub struct Events {
    /// Only to this license
    #[arg(long, value_name = "ID")]
    license: Option<LicenseId>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Events {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let filtered = |call: Call<'static>| call.query("license", self.license);
        list::show(context, &http, Some(self.limit), (path::EVENTS, filtered), in_words)
    }
}

fn in_words(events: &[api::Event]) -> String {
    if events.is_empty() {
        return "Nothing has happened.\n".into();
    }
    let row = |event: &api::Event| {
        [
            event.seq.to_string(),
            to_the_second(event.at).to_string(),
            clean(&event.kind),
            shown(event.app.as_ref()),
            shown(event.license),
            shown(event.device),
            remarks(event),
        ]
    };
    table(["EVENT", "AT", "WHAT", "APP", "LICENSE", "DEVICE", "REMARKS"], events.iter().map(row))
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or("–".into(), |value| value.to_string())
}

fn remarks(event: &api::Event) -> String {
    let reason = event.reason.map(|reason| reason.in_words().to_owned());
    let movement = event.movement.map(|movement| format!("move {movement}"));
    let evidence = event.evidence.map(|Evidence { quoted_epoch, expected_epoch, .. }| {
        format!(
            "the device quoted epoch {quoted_epoch}, expected was {expected_epoch}; --json shows the evidence"
        )
    });
    let changed = event.changed.as_ref().map(|changed| clean(changed));
    let by = event.by.as_ref().map(|by| format!("by {}", clean(by)));
    let stated = event.stated_reason.as_ref().map(|stated| format!("because: {}", clean(stated)));
    let of = event.of.map(|of| format!("along with event {of}"));
    let all: Vec<String> =
        [by, stated, reason, movement, changed, of, evidence].into_iter().flatten().collect();
    if all.is_empty() { "–".into() } else { all.join("; ") }
}
