//! `carnet supplier app`: name what is licensed (A1).

use carnet_api::ProblemCode;
use carnet_api::app::{self as api, NewApp};
use carnet_api::path;
use carnet_api::server::ServerInfo;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::term::moment;
use carnet_seal::ProductString;
use clap::Subcommand;

use super::{credentials, list};
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;
use crate::text::clean;

/// Name what is licensed.
#[derive(Debug, Subcommand)]
pub enum App {
    /// Register an app: a program, a part of it, or content
    Add {
        /// Its id, like acme/paint or acme/paint/brushes
        app: AppId,
        /// What people read [default: the id]
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
    /// List the apps of this supplier
    List,
    /// Print the product string with which a program of this app is opened
    Product {
        /// The app
        app: AppId,
    },
}

/// The product string, as JSON.
#[derive(serde::Serialize)]
struct Product {
    app: AppId,
    product: String,
}

impl App {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        match self {
            Self::Add { app, display_name } => add(context, app, display_name.as_deref()),
            Self::List => apps(context, name),
            Self::Product { app } => product(context, app),
        }
    }
}

fn add(context: &Context, app: &AppId, display_name: Option<&str>) -> Result<(), Failure> {
    let display_name = display_name.unwrap_or(app.as_str()).to_owned();
    let http = credentials::http(context, Some(&app.supplier()))?;
    let call = Call::post(path::APPS).json(&NewApp { id: app.clone(), display_name })?;
    let added: api::App = http.send(call)?;
    let next = format!("carnet supplier menu set {app} -f menu.toml");
    context.output.result(&added, || format!("{app} is registered. Next, give it a menu: {next}\n"))
}

/// The string is public. Whoever compiles it in compares its root with what `carnetd root-hash` says.
fn product(context: &Context, app: &AppId) -> Result<(), Failure> {
    let http = credentials::http(context, Some(&app.supplier()))?;
    // A program that is opened with a mistyped app would never find a license.
    let _: api::App = http.send(Call::get(&path::app(app))).map_err(|failure| unknown(failure, app))?;
    let known: ServerInfo = http.send(Call::get(path::SERVER))?;
    let url = http.server().clone();
    let product = ProductString { app: app.clone(), url, root: known.root }.to_string();
    let shown = format!("{product}\n");
    context.output.result(&Product { app: app.clone(), product }, || shown)
}

/// An app that the server does not know, or not as one of this supplier.
pub(super) fn unknown(failure: Failure, app: &AppId) -> Failure {
    if failure.code != ProblemCode::NotFound.as_str() {
        return failure;
    }
    let remedy = format!("check the id, or register it first: carnet supplier app add {app}");
    Failure { message: format!("the server knows no app {app}"), ..failure }.with_remedy(remedy)
}

fn apps(context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
    let http = credentials::http(context, name)?;
    list::show(context, &http, None, (path::APPS, |call| call), in_words)
}

fn in_words(apps: &[api::App]) -> String {
    if apps.is_empty() {
        return "There is no app yet: carnet supplier app add NAME/APP\n".into();
    }
    let row = |app: &api::App| {
        let name = clean(&app.display_name);
        [
            app.id.to_string(),
            name,
            app.offers.to_string(),
            app.menu_serial.to_string(),
            moment(app.registered),
        ]
    };
    table(["APP", "NAME", "OFFERS", "MENU SERIAL", "REGISTERED"], apps.iter().map(row))
}
