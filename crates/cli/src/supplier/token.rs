//! `carnet supplier token`: a token for each program, good for what that program does.
//!
//! A token is made here; the server learns its hash only, and nobody can print it a second time.

use std::path::PathBuf;

use carnet_api::path;
use carnet_api::token::{NewToken, RevokeToken, Scope, TokenView};
use carnet_core::app::SupplierName;
use carnet_core::id::Digest;
use carnet_core::term::moment;
use carnet_seam::SystemRandom;
use carnet_seam::fs::replace_file;
use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use super::credentials;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http, Token as Secret};
use crate::output::YELLOW;
use crate::table::table;
use crate::text::clean;

/// Look after tokens for shops, payment services and other programs.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token for one program; it is shown only once
    New {
        /// What you call it: the program that uses it
        label: String,
        /// What it is good for: read, menus, licenses, charges, codes, shop, or supplier for everything; may be given again
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// Write it to this new file, for its owner only, instead of showing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// List tokens, and what each is good for; the tokens themselves are known to nobody here
    List,
    /// Make a token good for nothing
    Revoke {
        /// The first digits of its hash, as `token list` shows them
        #[arg(value_name = "HASH")]
        hash: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::named(text).ok_or_else(|| {
        let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("there is no such scope: use {}", known.join(", "))
    })
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    view: &'a TokenView,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Token {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        match self {
            Self::New { label, scopes, to } => new(context, &http, label, scopes, to.as_ref()),
            Self::List => {
                let tokens: Vec<TokenView> = http.send(Call::get(path::TOKENS))?;
                context.output.result(&tokens, || list(&tokens))
            }
            Self::Revoke { hash, yes } => revoke(context, &http, hash, *yes),
        }
    }
}

fn new(
    context: &Context,
    http: &Http,
    label: &str,
    scopes: &[Scope],
    to: Option<&PathBuf>,
) -> Result<(), Failure> {
    let token = Secret::fresh(&SystemRandom).map_err(|error| Failure::usage(error.to_string()))?;
    // The file comes first: a token that the server knows and nobody has helps nobody.
    if let Some(file) = to {
        if context.files.facts(file)?.is_some() {
            return Err(Failure::new(Exit::Failure, "exists", format!("{} exists already", file.display()))
                .with_remedy("name another file, or remove it first"));
        }
        let text = Zeroizing::new(format!("{}\n", token.reveal()));
        replace_file(&*context.files, file, text.as_bytes())?;
    }
    let scopes = scopes.iter().copied().collect();
    let new = NewToken { label: label.to_owned(), scopes, token_hash: token.hash() };
    let made = http.send::<TokenView>(Call::post(path::TOKENS).json(&new)?);
    let view = made.inspect_err(|_| {
        if let Some(file) = to {
            let _ = carnet_seam::fs::discard(&*context.files, file);
        }
    })?;
    let file = to.map(|file| file.display().to_string());
    let made = Made { view: &view, token: to.is_none().then(|| token.reveal()), file };
    context.output.result(&made, || match (&made.token, &made.file) {
        (Some(token), _) => format!("Token: {token}\n{YELLOW}It is shown only this once.{YELLOW:#}\n"),
        (None, file) => format!("The token is in {}\n", file.as_deref().unwrap_or_default()),
    })
}

fn revoke(context: &Context, http: &Http, typed: &str, yes: bool) -> Result<(), Failure> {
    let tokens: Vec<TokenView> = http.send(Call::get(path::TOKENS))?;
    let fits = |token: &&TokenView| token.revoked.is_none() && digits(token.token_hash).starts_with(typed);
    let fitting: Vec<_> = tokens.iter().filter(fits).collect();
    let token = match fitting[..] {
        [one] if !typed.is_empty() => one,
        [] => {
            return Err(Failure::new(
                Exit::Refused,
                "not-found",
                format!("no good token begins with `{typed}`"),
            )
            .with_remedy("see `carnet supplier token list`"));
        }
        _ => {
            return Err(Failure::usage(format!("several tokens begin with `{typed}`"))
                .with_remedy("give more digits"));
        }
    };
    let question = format!("Revoke the token `{}`? Whatever uses it stops at once.", clean(&token.label));
    context.output.confirm(&question, yes)?;
    let call = Call::post(path::REVOKE_TOKEN).json(&RevokeToken { token_hash: token.token_hash })?;
    let revoked: TokenView = http.send(call)?;
    context.output.result(&revoked, || format!("`{}` is good for nothing any more.\n", clean(&revoked.label)))
}

fn digits(hash: Digest) -> String {
    data_encoding::HEXLOWER.encode(&hash.0)
}

fn list(tokens: &[TokenView]) -> String {
    let row = |token: &TokenView| {
        let hash: String = digits(token.token_hash).chars().take(12).collect();
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let state = match (token.revoked, token.this) {
            (Some(at), _) => format!("revoked {}", moment(at)),
            (None, true) => "in use here".to_owned(),
            (None, false) => "good".to_owned(),
        };
        [hash, clean(&token.label), scopes.join(" "), moment(token.made), state]
    };
    table(["HASH", "LABEL", "GOOD FOR", "MADE", "STATE"], tokens.iter().map(row))
}
