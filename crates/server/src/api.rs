//! The routes, one endpoint to a file, and the OpenAPI document that is made from the same list.

pub mod account;
pub mod app;
pub mod catalog;
pub mod charge;
pub mod device;
pub mod event;
pub mod held;
pub mod image;
pub mod image_key;
pub mod key_service;
pub mod key_set;
pub mod license;
pub mod menu;
pub mod operation;
pub mod problem;
pub mod redeem;
pub mod report;
pub mod report_key;
pub mod server;
pub mod shop;
pub mod supplier;
pub mod token;

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::layers;
use crate::server::Server;

/// The name of the suppliers' token in the OpenAPI document.
pub const TOKEN: &str = "supplier_token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Carnet licensing server",
        description = "Menus, licenses and passes.\n\nDevices speak in signed documents (`application/cose`), \
            everybody else in JSON. Every failure is a problem (RFC 9457, `application/problem+json`) with a \
            stable `code`; `GET /problems/{code}` explains it.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "devices", description = "What devices of users ask."),
        (name = "suppliers", description = "Who licenses software to others."),
        (name = "apps", description = "What is licensed, and on which terms."),
        (name = "licenses", description = "What was agreed, and what has become of it."),
        (name = "reports", description = "Contract management: requests, codes and verdicts."),
        (name = "images", description = "Installation images."),
        (name = "operations", description = "Running the server."),
    ),
    components(schemas(carnet_api::Problem, carnet_api::ProblemCode, carnet_api::FieldError)),
)]
struct Info;

fn routes() -> OpenApiRouter<Server> {
    OpenApiRouter::with_openapi(Info::openapi())
        .routes(routes!(device::submit::submit))
        .routes(routes!(key_set::show::show))
        .routes(routes!(key_service::show::show))
        .routes(routes!(account::show::show))
        .routes(routes!(server::show::show))
        .routes(routes!(supplier::register::register))
        .routes(routes!(supplier::show::show))
        .routes(routes!(token::list::list, token::create::create))
        .routes(routes!(token::revoke::revoke))
        .routes(routes!(app::list::list, app::create::create))
        .routes(routes!(app::show::show))
        .routes(routes!(app::show::show_part))
        .routes(routes!(catalog::list::list))
        .routes(routes!(menu::show::show, menu::update::update))
        .routes(routes!(menu::show::show_part, menu::update::update_part))
        .routes(routes!(license::list::list))
        .routes(routes!(license::show::show))
        .routes(routes!(license::act::suspend))
        .routes(routes!(license::act::reinstate))
        .routes(routes!(license::act::revoke))
        .routes(routes!(license::act::end))
        .routes(routes!(charge::list::list))
        .routes(routes!(charge::act::settle))
        .routes(routes!(charge::act::fail))
        .routes(routes!(charge::act::refund))
        .routes(routes!(held::flagged::flagged))
        .routes(routes!(held::review::review))
        .routes(routes!(held::free::free))
        .routes(routes!(redeem::show::show))
        .routes(routes!(redeem::list::list, redeem::create::create))
        .routes(routes!(redeem::withdraw::withdraw))
        .routes(routes!(image_key::list::list, image_key::create::create))
        .routes(routes!(image::list::list, image::create::create))
        .routes(routes!(image::show::show))
        .routes(routes!(image::content::read, image::content::write))
        .routes(routes!(image::keys::hand_in))
        .routes(routes!(image::publish::publish))
        .routes(routes!(image::publish::withdraw))
        .routes(routes!(report::wanted::wanted))
        .routes(routes!(report::hand_in::hand_in))
        .routes(routes!(report::request::list, report::request::create))
        .routes(routes!(report::list::list))
        .routes(routes!(report::content::content))
        .routes(routes!(report::verdict::verdict))
        .routes(routes!(report_key::show::show, report_key::deposit::deposit))
        .routes(routes!(report_key::withdraw::withdraw))
        .routes(routes!(shop::sell::sell))
        .routes(routes!(event::list::list))
        .routes(routes!(problem::show::show))
        .routes(routes!(operation::health::health))
        .routes(routes!(operation::ready::ready))
        .routes(routes!(operation::openapi::openapi))
}

/// The whole service.
pub fn service(server: &Server) -> Router {
    let (routes, _) = routes().split_for_parts();
    layers::around(routes, server)
}

/// The OpenAPI document.
#[must_use]
pub fn document() -> Document {
    let mut document = routes().into_openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let token = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("carnet_sup_…")
        .description(Some("Shown once, when the supplier registers."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token));
    document
}

/// The OpenAPI document as it is committed and served: pretty JSON with a newline at its end.
///
/// # Errors
/// Never, as far as anybody knows; `serde_json` allows for it.
pub fn document_text() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&document())?;
    text.push('\n');
    Ok(text)
}
