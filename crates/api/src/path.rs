//! Where things are. Constants for what has no name in it, functions for what has.

use carnet_core::app::AppId;
use carnet_core::id::{ImageId, LicenseId, ReportId};

use crate::problem::ProblemCode;

/// POST: a device's request document; the answer document comes back.
pub const DEVICE: &str = "/v1/device";
/// GET: the signed key set.
pub const KEY_SET: &str = "/v1/key-set";
/// POST: a device asks for the account of its user.
pub const ACCOUNT: &str = "/v1/account";
/// GET: who this server is.
pub const SERVER: &str = "/v1/server";
/// POST: a supplier registers with a set-up code.
pub const SUPPLIERS: &str = "/v1/suppliers";
/// GET: the supplier that the token belongs to.
pub const SUPPLIER: &str = "/v1/supplier";
/// GET and POST: the supplier's access tokens.
pub const TOKENS: &str = "/v1/tokens";
/// POST: a token is made useless.
pub const REVOKE_TOKEN: &str = "/v1/tokens/revoke";
/// GET and POST: the supplier's apps.
pub const APPS: &str = "/v1/apps";
/// GET: licenses for the supplier's apps.
pub const LICENSES: &str = "/v1/licenses";
/// GET: what happened to them.
pub const EVENTS: &str = "/v1/events";
/// GET: what is due, and what has become of it.
pub const CHARGES: &str = "/v1/charges";
/// GET and POST: offers that were paid for elsewhere.
pub const REDEEM_CODES: &str = "/v1/redeem-codes";
/// POST: a code is made useless.
pub const WITHDRAW_REDEEM_CODE: &str = "/v1/redeem-codes/withdraw";
/// GET and POST: the keys that sign the supplier's images.
pub const IMAGE_KEYS: &str = "/v1/image-keys";
/// GET (anybody): images of an app. POST (its supplier): one that is to be published.
pub const IMAGES: &str = "/v1/images";
/// GET: what is on sale.
pub const CATALOG: &str = "/v1/catalog";
/// GET: what content keys of images are sealed to.
pub const KEY_SERVICE: &str = "/v1/key-service";
/// POST: a device asks what suppliers want of it.
pub const DEVICE_REPORT_REQUESTS: &str = "/v1/device/report-requests";
/// POST: a device hands in a usage report or an erasure certificate.
pub const DEVICE_REPORTS: &str = "/v1/device/reports";
/// GET and POST: what the supplier wants of devices.
pub const REPORT_REQUESTS: &str = "/v1/report-requests";
/// GET: usage reports and erasure certificates for the supplier.
pub const REPORTS: &str = "/v1/reports";
/// Users whom a shop registers.
pub const SHOP_SALES: &str = "/v1/shop/sales";
/// Report keys that a supplier has deposited.
pub const REPORT_KEY: &str = "/v1/report-key";
/// Erasing them.
pub const REPORT_KEY_WITHDRAW: &str = "/v1/report-key/withdraw";
/// POST: what a code is good for.
pub const REDEEM: &str = "/v1/redeem";
/// GET: devices whose passbooks wait for the supplier to look at them.
pub const FLAGGED: &str = "/v1/devices/flagged";
/// GET: the process lives.
pub const HEALTHZ: &str = "/healthz";
/// GET: the server can do its work.
pub const READYZ: &str = "/readyz";
/// GET: metrics in the Prometheus text format.
pub const METRICS: &str = "/metrics";
/// GET: the OpenAPI document of this server.
pub const OPENAPI: &str = "/openapi.json";
/// GET, with a code behind it: what a problem means.
pub const PROBLEMS: &str = "/problems";

/// GET: one app of the supplier. The parts of an app id are parts of the path: `/v1/apps/acme/paint`.
#[must_use]
pub fn app(app: &AppId) -> String {
    format!("{APPS}/{app}")
}

/// GET (anybody) and PUT (its supplier): the menu of an app. Not below [`app`], where `/menu` would read
/// like a part of the app id.
///
/// ```
/// let app = "acme/paint/brushes".parse()?;
/// assert_eq!(carnet_api::path::menu(&app), "/v1/menu/acme/paint/brushes");
/// # Ok::<(), carnet_core::app::BadName>(())
/// ```
#[must_use]
pub fn menu(app: &AppId) -> String {
    format!("/v1/menu/{app}")
}

/// GET: one license.
#[must_use]
pub fn license(license: LicenseId) -> String {
    format!("{LICENSES}/{license}")
}

/// POST: no new pass until reinstated.
#[must_use]
pub fn suspend(license: LicenseId) -> String {
    format!("{LICENSES}/{license}/suspend")
}

/// POST: good again.
#[must_use]
pub fn reinstate(license: LicenseId) -> String {
    format!("{LICENSES}/{license}/reinstate")
}

/// POST: no pass ever again.
#[must_use]
pub fn revoke(license: LicenseId) -> String {
    format!("{LICENSES}/{license}/revoke")
}

/// POST: the contract has ended; no pass again.
#[must_use]
pub fn end(license: LicenseId) -> String {
    format!("{LICENSES}/{license}/end")
}

/// GET: how far an image has come.
#[must_use]
pub fn image(image: ImageId) -> String {
    format!("{IMAGES}/{image}")
}

/// GET (anybody): the image, by ranges. PUT (its supplier): a part of it.
#[must_use]
pub fn image_content(image: ImageId) -> String {
    format!("{IMAGES}/{image}/content")
}

/// POST: the content keys of an image, sealed to the key service.
#[must_use]
pub fn image_keys(image: ImageId) -> String {
    format!("{IMAGES}/{image}/keys")
}

/// POST: all of it is here.
#[must_use]
pub fn publish_image(image: ImageId) -> String {
    format!("{IMAGES}/{image}/publish")
}

/// POST: nobody gets it any more.
#[must_use]
pub fn withdraw_image(image: ImageId) -> String {
    format!("{IMAGES}/{image}/withdraw")
}

/// GET: a part of a usage report or an erasure certificate.
#[must_use]
pub fn report_content(report: ReportId) -> String {
    format!("{REPORTS}/{report}/content")
}

/// POST: what it was judged to be.
#[must_use]
pub fn verdict(report: ReportId) -> String {
    format!("{REPORTS}/{report}/verdict")
}

/// GET: what a problem means.
#[must_use]
pub fn problem(code: ProblemCode) -> String {
    format!("{PROBLEMS}/{}", code.as_str())
}
