//! `carnet supplier register`: join a server.

use carnet_api::path;
use carnet_api::supplier::{NewSupplier, RegisteredSupplier};
use carnet_core::app::SupplierName;
use clap::Args;
use serde::Serialize;

use super::credentials::Place;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Token};
use crate::output::{BOLD, YELLOW};
use crate::text::clean;

/// Join a server with the set-up code from its operator.
#[derive(Args)]
pub struct Register {
    /// The one-time set-up code from the server's operator
    #[arg(long, value_name = "SETUP-CODE")]
    code: String,
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
    /// Registers, keeps the token and shows it this once.
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
        let asked =
            NewSupplier { setup_code: self.code.trim().to_owned(), name: self.name.clone(), display_name };
        let answer: RegisteredSupplier =
            context.http(server, None).send(Call::post(path::SUPPLIERS).json(&asked)?)?;
        let token = Token::in_text(&answer.token).ok_or_else(|| {
            Failure::new(Exit::Failure, "server-answer", "the server's answer holds no usable token")
                .with_remedy("tell the server's operator")
        })?;
        let file = place.keep(context, &token).map_err(|failure| unkept(context, failure, &token))?;
        let shown = file.display().to_string();
        let result = Registered { supplier: &answer.supplier, token: token.reveal(), token_file: shown };
        context.output.result(&result, || in_words(&result))
    }
}

/// The token must not be lost because a disk is full: the server shows it only once.
fn unkept(context: &Context, failure: Failure, token: &Token) -> Failure {
    context.output.warning(&format!("the token could not be kept; write it down now: {}", token.reveal()));
    failure.with_remedy("you are registered: put the token shown above into a file and use --token-file")
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
