//! `carnet supplier request-report` and `request-erasure`: a signed request for the user of a license (C4).

use std::path::PathBuf;

use carnet_api::license::License;
use carnet_api::path;
use carnet_api::server::ServerInfo;
use carnet_api::supplier::Supplier;
use carnet_core::app::SupplierName;
use carnet_core::id::{DeviceId, LicenseId, RequestId};
use carnet_core::report::{ReportKeys, ReportRequest, Wanted};
use carnet_core::time::{Length, Time};
use carnet_seal::armor::Carried;
use carnet_seal::report::ReportSecrets;
use carnet_seal::{Unverified, sign};
use carnet_seam::{SystemRandom, random};
use clap::Args;

use super::{credentials, report_key};
use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Call;
use crate::user::which;

/// Ask for a usage report.
#[derive(Debug, Args)]
pub struct RequestReport {
    #[command(flatten)]
    asking: Asking,
}

/// Ask for an erasure.
#[derive(Debug, Args)]
pub struct RequestErasure {
    #[command(flatten)]
    asking: Asking,
}

#[derive(Debug, Args)]
struct Asking {
    /// The license that it is about
    #[arg(value_name = "LICENSE")]
    license: LicenseId,
    /// Only on this device [default: on each that has used it]
    #[arg(long)]
    device: Option<DeviceId>,
    /// How long the user has, like `14 days`
    #[arg(long, value_name = "LENGTH", default_value = "14 days")]
    within: Length,
    /// The file for the user: `.txt` is text, `.png` pictures, anything else a file
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl RequestReport {
    /// Writes the request.
    ///
    /// # Errors
    /// `no-report-key` when the license names keys that are not here.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        self.asking.run(context, name, Wanted::Usage)
    }
}

impl RequestErasure {
    /// Writes the request.
    ///
    /// # Errors
    /// `no-report-key` when the license names keys that are not here.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        self.asking.run(context, name, Wanted::Erasure)
    }
}

impl Asking {
    fn run(&self, context: &Context, name: Option<&SupplierName>, wanted: Wanted) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let supplier: Supplier = http.send(Call::get(path::SUPPLIER))?;
        let server: ServerInfo = http.send(Call::get(path::SERVER))?;
        let license: License = http.send(Call::get(&path::license(self.license)))?;
        let secrets = report_key::kept(context, &supplier.name)?;
        let signs = agreed(&license, &secrets)?;
        let nonce = random::bytes(&SystemRandom);
        let nonce = nonce.map_err(|error| Failure::new(Exit::Failure, "no-random", error.to_string()))?;
        let at = which::env(context).now();
        let request = ReportRequest {
            server: server.id,
            supplier: supplier.id,
            app: license.app.clone(),
            user: license.user,
            license: license.id,
            device: self.device,
            nonce: RequestId(nonce),
            at,
            due: at.plus_length(self.within),
            wanted,
            // The newest: whoever has lost older ones goes on with these.
            keys: secrets.last().map_or(signs.public(), ReportSecrets::public),
        };
        let due = request.due;
        let signed = sign(request, &signs.asks)
            .map_err(|wrong| Failure::new(Exit::Failure, "document", wrong.to_string()))?;
        let files = codes::write(&which::env(context).fs, &self.to, Carried::ReportRequest, signed.bytes())?;
        let shown =
            serde_json::json!({ "license": license.id, "wanted": wanted, "due": due, "files": files });
        context.output.result(&shown, || in_words(&license, wanted, due, &self.to))
    }
}

fn in_words(license: &License, wanted: Wanted, due: Time, to: &std::path::Path) -> String {
    let command = match wanted {
        Wanted::Usage => "report",
        Wanted::Erasure => "erase",
    };
    format!(
        "A request for {wanted} of {} is in {}, due {}.\nIts user answers it with `carnet {command} {} --request FILE --to FILE`;\n\
         open the answer with `carnet supplier open FILE --request {}`.\n",
        license.app,
        to.display(),
        carnet_core::term::moment(due),
        license.app,
        to.display()
    )
}

/// A user believes the keys that were agreed to.
fn agreed<'a>(license: &License, secrets: &'a [ReportSecrets]) -> Result<&'a ReportSecrets, Failure> {
    let missing = |what: String| {
        Failure::new(Exit::Failure, "no-report-key", what)
            .with_remedy("give offers a reporting clause, and make report keys before they are agreed to")
    };
    let keys: Option<ReportKeys> = license.base.offer.reporting.and_then(|clause| clause.keys);
    let keys =
        keys.ok_or_else(|| missing(format!("{} was agreed to without keys for reports", license.id)))?;
    let found = secrets.iter().find(|secrets| secrets.public() == keys);
    found.ok_or_else(|| missing(format!("the keys that {} was agreed with are not here", license.id)))
}

/// The request in a file, when one of these keys has signed it.
///
/// # Errors
/// When there is none in it.
pub fn read(
    context: &Context,
    path: &std::path::Path,
    secrets: &[ReportSecrets],
) -> Result<ReportRequest, Failure> {
    let found = codes::read(&which::env(context).fs, &[path.to_owned()])?;
    let request = found.first().and_then(|bytes| Unverified::<ReportRequest>::parse(bytes).ok());
    let signed =
        request.and_then(|request| secrets.iter().find_map(|secrets| request.verify(&secrets.public()).ok()));
    signed.map(|signed| signed.into_parts().0).ok_or_else(|| {
        let what = format!("{} holds no request that was signed with these keys", path.display());
        Failure::new(Exit::Failure, "other-request", what)
            .with_remedy("name the file that `request-report` or `request-erasure` has written")
    })
}
