//! `carnet supplier register`: join a server.

use std::path::PathBuf;

use carnet_api::path;
use carnet_api::supplier::{NewSupplier, RegisteredSupplier};
use carnet_core::app::SupplierName;
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::credentials::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Call;
use crate::output::{BOLD, YELLOW};
use crate::secret;
use crate::text::clean;
use crate::user::ask;

/// Join a server with the set-up code from its operator.
#[derive(Args)]
pub struct Register {
    /// A file with the one-time set-up code from the server's operator; `-` is standard input, or asks
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    code_file: Option<PathBuf>,
    /// The set-up code itself, where nobody else sees the command line; asked for at a terminal when left out
    #[arg(long, value_name = "SETUP-CODE")]
    code: Option<String>,
    /// The short name: the first part of all app ids, never to be changed
    #[arg(long, value_name = "NAME")]
    name: SupplierName,
    /// What people read [default: the short name]
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
}

/// The set-up code stays out of logs (I17).
impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Register({}, …)", self.name)
    }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Registered<'a> {
    supplier: &'a carnet_api::supplier::Supplier,
    token: &'a str,
    token_file: String,
}

impl Register {
    /// Registers, keeps the token and shows it this once. May be repeated until it is confirmed.
    ///
    /// # Errors
    /// Why it could not be done; nothing is overwritten.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let server = context.named_server()?.ok_or_else(|| {
            Failure::usage("no server is named")
                .with_remedy("name it with --server, as its operator told you")
        })?;
        let place = Place::prepare(context, &server, &self.name)?;
        let display_name = self.display_name.clone().unwrap_or_else(|| self.name.to_string());
        let setup_code = self.setup_code(context)?.trim().to_owned();
        let token_hash = Some(place.token().hash());
        let asked = NewSupplier { setup_code, name: self.name.clone(), display_name, token_hash };
        let call = Call::post(path::SUPPLIERS).json(&asked)?;
        let answer: RegisteredSupplier = context.http(server, None).send(call).map_err(unconfirmed)?;
        let token = place.token().clone();
        let token_file = place.keep(context).map_err(unconfirmed)?.display().to_string();
        let result = Registered { supplier: &answer.supplier, token: token.reveal(), token_file };
        context.output.result(&result, || in_words(&result))
    }

    fn setup_code(&self, context: &Context) -> Result<Zeroizing<String>, Failure> {
        const QUESTION: &str = "The set-up code from the server's operator";
        let needed = |why: &str| {
            Failure::usage(format!("the set-up code is needed: {why}"))
                .with_remedy("give it with --code-file FILE, or `--code-file -` for standard input")
        };
        match (&self.code, &self.code_file) {
            (Some(code), _) => Ok(Zeroizing::new(code.clone())),
            (None, Some(file)) => secret::in_file(context.output, file, QUESTION, needed),
            (None, None) if context.output.can_ask() => ask::secret(QUESTION),
            (None, None) => Err(needed("nobody can be asked for it here")),
        }
    }
}

/// Nobody knows whether the server has done it. The token is kept, so that the same command finds out.
fn unconfirmed(failure: Failure) -> Failure {
    if !matches!(failure.exit, Exit::Unreachable | Exit::Failure) {
        return failure;
    }
    let remedy =
        format!("run the same command again: it takes up where this one stopped ({})", failure.remedy);
    failure.with_remedy(remedy)
}

fn in_words(result: &Registered<'_>) -> String {
    let Registered { supplier, token, token_file } = result;
    format!(
        "{} is registered as {BOLD}{}{BOLD:#} ({}).\n\nToken: {token}\n{YELLOW}It is shown only this once.{YELLOW:#} It is kept in {token_file},\nwhere the other commands find it.\n",
        clean(&supplier.display_name),
        supplier.name,
        supplier.id,
    )
}
