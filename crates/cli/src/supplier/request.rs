//! `carnet supplier request-report` and `request-erasure`: a signed request for the users of licenses (C4).
//!
//! Each request goes through the server, which carries it without being able to make one, and into a file where that
//! was asked for.

use std::path::{Path, PathBuf};

use carnet_api::license::License;
use carnet_api::path;
use carnet_api::report::{NewReportRequest, ReportRequestView};
use carnet_api::server::ServerInfo;
use carnet_api::supplier::Supplier;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::{DeviceId, LicenseId, RequestId, UserId};
use carnet_core::offer::OpenedBy;
use carnet_core::report::{ReportKeys, ReportRequest, Wanted};
use carnet_core::term::moment;
use carnet_core::time::{Length, Time};
use carnet_seal::armor::Carried;
use carnet_seal::report::ReportSecrets;
use carnet_seal::{Signed, Unverified, sign};
use carnet_seam::{SystemRandom, random};
use clap::Args;
use data_encoding::BASE64;

use super::{bundle, credentials, list, report_key};
use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};
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
    #[arg(value_name = "LICENSE", required_unless_present_any = ["app", "user"])]
    license: Option<LicenseId>,
    /// All licenses for this app
    #[arg(long, conflicts_with = "license")]
    app: Option<AppId>,
    /// All licenses of this user
    #[arg(long, conflicts_with = "license")]
    user: Option<UserId>,
    /// Only on this device [default: on each that has used it]
    #[arg(long)]
    device: Option<DeviceId>,
    /// How long the user has, like `14 days`
    #[arg(long, value_name = "LENGTH", default_value = "14 days")]
    within: Length,
    /// Also write it to a file for the user: `.txt` is text, `.png` pictures, anything else a file
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Also write it to a folder, with the program that answers it
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// Do not send it through the server
    #[arg(long)]
    by_file: bool,
}

impl RequestReport {
    /// Makes the requests, and sends or writes them.
    ///
    /// # Errors
    /// `no-report-key` when a license names keys that are not here.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        self.asking.run(context, name, Wanted::Usage)
    }
}

impl RequestErasure {
    /// Makes the requests, and sends or writes them.
    ///
    /// # Errors
    /// `no-report-key` when a license names keys that are not here.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        self.asking.run(context, name, Wanted::Erasure)
    }
}

/// A supplier who can ask.
pub struct Asker {
    server: ServerInfo,
    supplier: Supplier,
    secrets: Vec<ReportSecrets>,
    /// The newest of those that the supplier alone has, and of those that the server has too.
    newest: [Option<ReportSecrets>; 2],
    now: Time,
}

impl Asker {
    /// The supplier whose token and keys are here.
    ///
    /// # Errors
    /// `no-report-key` when there are no keys.
    pub fn new(context: &Context, http: &Http) -> Result<Self, Failure> {
        let supplier: Supplier = http.send(Call::get(path::SUPPLIER))?;
        let server: ServerInfo = http.send(Call::get(path::SERVER))?;
        let secrets = report_key::kept(context, &supplier.name)?;
        let newest = |opened_by| report_key::for_request(context, &supplier.name, opened_by);
        let newest = [newest(None)?, newest(Some(OpenedBy::Server))?];
        Ok(Self { server, supplier, secrets, newest, now: which::env(context).now() })
    }

    /// A new request, with a nonce of its own.
    ///
    /// # Errors
    /// `no-report-key` when the license names keys that are not here.
    pub fn request(
        &self,
        license: &License,
        device: Option<DeviceId>,
        wanted: Wanted,
        within: Length,
    ) -> Result<Signed<ReportRequest>, Failure> {
        let signs = agreed(license, &self.secrets)?;
        let [own, deposited] = &self.newest;
        let opened_by = license.base.offer.reporting.and_then(|clause| clause.opened_by);
        let newest = if opened_by.is_some() { deposited } else { own };
        let nonce = random::bytes(&SystemRandom);
        let nonce = nonce.map_err(|error| Failure::new(Exit::Failure, "no-random", error.to_string()))?;
        let request = ReportRequest {
            server: self.server.id,
            supplier: self.supplier.id,
            app: license.app.clone(),
            user: license.user,
            license: license.id,
            device,
            nonce: RequestId(nonce),
            at: self.now,
            due: self.now.plus_length(within),
            wanted,
            // The newest: whoever has lost older ones goes on with these.
            keys: newest.as_ref().map_or(signs.public(), ReportSecrets::public),
        };
        sign(request, &signs.asks).map_err(|wrong| Failure::new(Exit::Failure, "document", wrong.to_string()))
    }
}

/// Hands a request to the server, which carries it to the devices that it concerns.
///
/// # Errors
/// Why it was not taken.
pub fn send(http: &Http, request: &Signed<ReportRequest>) -> Result<ReportRequestView, Failure> {
    let document = BASE64.encode(request.bytes());
    http.send(Call::post(path::REPORT_REQUESTS).json(&NewReportRequest { document })?)
}

impl Asking {
    fn run(&self, context: &Context, name: Option<&SupplierName>, wanted: Wanted) -> Result<(), Failure> {
        if self.by_file && self.to.is_none() && self.bundle.is_none() {
            return Err(Failure::usage("the request would go nowhere")
                .with_remedy("name a file with --to or a folder with --bundle"));
        }
        let http = credentials::http(context, name)?;
        let asker = Asker::new(context, &http)?;
        let licenses = self.licenses(&http)?;
        if licenses.len() > 1 && (self.to.is_some() || self.bundle.is_some()) {
            return Err(Failure::usage("these are several licenses, each with a request of its own")
                .with_remedy("name one license with --to and --bundle"));
        }
        let (mut shown, mut words) = (Vec::new(), String::new());
        for license in &licenses {
            let request = asker.request(license, self.device, wanted, self.within)?;
            if !self.by_file {
                send(&http, &request)?;
            }
            let files = self.written(context, license, &request)?;
            words += &in_words(license, request.claims(), &files, !self.by_file);
            shown.push(serde_json::json!({
                "license": license.id, "app": license.app, "wanted": wanted, "due": request.claims().due,
                "nonce": request.claims().nonce, "sent": !self.by_file, "files": files,
            }));
        }
        match (self.license, shown.as_slice()) {
            // One license that was named: no list.
            (Some(_), [only]) => context.output.result(only, || words),
            _ => context.output.result(&shown, || words),
        }
    }

    /// The licenses that are meant. Those that were declined hold nothing to report.
    fn licenses(&self, http: &Http) -> Result<Vec<License>, Failure> {
        if let Some(license) = self.license {
            return Ok(vec![http.send(Call::get(&path::license(license)))?]);
        }
        let app = self.app.as_ref();
        let filtered = |call: Call<'static>| call.query("app", app);
        let mut all: Vec<License> = list::all(http, path::LICENSES, filtered)?;
        all.retain(|license| {
            let reports = license.base.offer.reporting.is_some_and(|clause| clause.keys.is_some());
            reports && self.user.is_none_or(|user| user == license.user)
        });
        if all.is_empty() {
            return Err(Failure::new(
                Exit::Failure,
                "not-found",
                "no license fits that has a reporting clause",
            )
            .with_remedy("see `carnet supplier licenses`"));
        }
        Ok(all)
    }

    fn written(
        &self,
        context: &Context,
        license: &License,
        request: &Signed<ReportRequest>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let fs = which::env(context).fs;
        let mut files = match &self.to {
            Some(path) => codes::write(&fs, path, Carried::ReportRequest, request.bytes())?,
            None => Vec::new(),
        };
        if let Some(folder) = &self.bundle {
            files.extend(bundle::write(context, folder, license, request)?);
        }
        Ok(files)
    }
}

/// The command that answers it.
#[must_use]
pub const fn command(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Usage => "report",
        Wanted::Erasure => "erase",
    }
}

fn in_words(license: &License, request: &ReportRequest, files: &[PathBuf], sent: bool) -> String {
    let (app, command) = (&license.app, command(request.wanted));
    let mut words = format!(
        "A request for {} of {app} ({}) is made, due {}.\n",
        request.wanted,
        license.id,
        moment(request.due)
    );
    if sent {
        words += &format!(
            "Its user hears of it at the next contact, and answers with `carnet {command} {app}`; \
             see the answer with `carnet supplier open --received`.\n"
        );
    }
    if let Some(file) = files.first() {
        words += &format!(
            "It is in {}: its user answers it with `carnet {command} {app} --request FILE --to FILE`; \
             open the answer with `carnet supplier open FILE`.\n",
            Path::display(file)
        );
    }
    words
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
pub fn read(context: &Context, path: &Path, secrets: &[ReportSecrets]) -> Result<ReportRequest, Failure> {
    let found = codes::read(&which::env(context).fs, &[path.to_owned()])?;
    let signed = found.first().and_then(|bytes| signed(bytes, secrets));
    signed.ok_or_else(|| {
        let what = format!("{} holds no request that was signed with these keys", path.display());
        Failure::new(Exit::Failure, "other-request", what)
            .with_remedy("name the file that `request-report` or `request-erasure` has written")
    })
}

/// The request in these bytes, when one of these keys has signed it.
#[must_use]
pub fn signed(bytes: &[u8], secrets: &[ReportSecrets]) -> Option<ReportRequest> {
    let request = Unverified::<ReportRequest>::parse(bytes).ok()?;
    let signed = secrets.iter().find_map(|secrets| request.verify(&secrets.public()).ok())?;
    Some(signed.into_parts().0)
}
