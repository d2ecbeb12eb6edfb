//! Tokens of suppliers: one file each, for its owner only, at `suppliers/SERVER/NAME.token` below the home
//! folder, with the server's address beside it.

use std::path::PathBuf;

use carnet_core::app::SupplierName;
use carnet_seal::ServerUrl;
use carnet_seam::fs::{create_folders, replace_file};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Http, Token, bad_token};
use crate::server_url;

const TOKEN: &str = ".token";
/// Holds the server's address; folder names only resemble it.
const ADDRESS: &str = "address";

/// The way to the server with a supplier's token: the one given, else the one kept here.
///
/// # Errors
/// `bad-token` when there is none, `usage` when it is not clear which.
pub fn http(context: &Context, name: Option<&SupplierName>) -> Result<Http, Failure> {
    let Some(token) = context.given_token()? else {
        let kept = the_one(context, name)?;
        return Ok(context.http(kept.server.clone(), Some(kept.token(context)?)));
    };
    let server = context.named_server()?.ok_or_else(|| {
        Failure::usage("a token is given, but no server to use it with")
            .with_remedy("name the server with --server or CARNET_SERVER")
    })?;
    Ok(context.http(server, Some(token)))
}

/// The way to a server for what anybody may read: the server named, else that of the token kept here.
///
/// # Errors
/// `usage` when it is not clear which server.
pub fn http_of_anybody(context: &Context, name: Option<&SupplierName>) -> Result<Http, Failure> {
    match context.named_server()? {
        Some(server) => Ok(context.http(server, None)),
        None => Ok(context.http(the_one(context, name)?.server, None)),
    }
}

/// A token that is kept here.
struct Kept {
    server: ServerUrl,
    name: SupplierName,
    file: PathBuf,
}

impl Kept {
    fn token(&self, context: &Context) -> Result<Token, Failure> {
        let shown = self.file.display();
        let mode = context.files.facts(&self.file)?.map_or(0, |facts| facts.mode);
        if mode & 0o077 != 0 {
            context.output.warning(&format!("others can read the token in {shown}: chmod 600 it"));
        }
        let text = zeroize::Zeroizing::new(context.small_file(&self.file)?.unwrap_or_default());
        Token::in_text(&text).ok_or_else(|| bad_token(&format!("{shown} holds no token")))
    }
}

/// The only token that fits what is named.
fn the_one(context: &Context, name: Option<&SupplierName>) -> Result<Kept, Failure> {
    let server = context.named_server()?;
    let mut fitting = kept(context)?;
    fitting.retain(|kept| {
        server.as_ref().is_none_or(|server| *server == kept.server)
            && name.is_none_or(|name| *name == kept.name)
    });
    let several = fitting.iter().map(|kept| format!("{} at {}", kept.name, kept.server)).collect::<Vec<_>>();
    match (fitting.pop(), several.len()) {
        (None, _) => {
            let who = name.map_or("a supplier".to_owned(), |name| format!("supplier {name}"));
            let place = server.map_or(String::new(), |server| format!(" at {server}"));
            Err(Failure::new(Exit::BadToken, "no-token", format!("no token of {who}{place} is kept here"))
                .with_remedy(
                    "run `carnet supplier register`, or give the token with --token-file or CARNET_TOKEN",
                ))
        }
        (Some(only), 1) => Ok(only),
        (Some(_), _) => Err(Failure::usage(format!("several tokens are kept here: {}", several.join(", ")))
            .with_remedy("choose with --supplier or --server")),
    }
}

fn kept(context: &Context) -> Result<Vec<Kept>, Failure> {
    let suppliers = context.home()?.join("suppliers");
    let mut found = Vec::new();
    if context.files.facts(&suppliers)?.is_none() {
        return Ok(found);
    }
    for folder in context.files.list(&suppliers)? {
        let folder = suppliers.join(folder);
        if !context.files.facts(&folder)?.is_some_and(|facts| facts.folder) {
            continue;
        }
        let address =
            context.small_file(&folder.join(ADDRESS))?.and_then(|text| server_url::typed(&text).ok());
        let Some(server) = address else { continue };
        for file in context.files.list(&folder)? {
            if let Some(name) = file.strip_suffix(TOKEN).and_then(|name| name.parse().ok()) {
                found.push(Kept { server: ServerUrl::clone(&server), name, file: folder.join(file) });
            }
        }
    }
    Ok(found)
}

/// A place for a new token.
#[derive(Debug)]
pub struct Place {
    file: PathBuf,
}

impl Place {
    /// Makes sure that a token of this supplier can be kept, before the one-time code is used up.
    ///
    /// # Errors
    /// `already-registered` when one is kept already, and what the system reports.
    pub fn prepare(context: &Context, server: &ServerUrl, name: &SupplierName) -> Result<Self, Failure> {
        let folder = context.home()?.join("suppliers").join(server_url::folder(server));
        let file = folder.join(format!("{name}{TOKEN}"));
        if context.files.facts(&file)?.is_some() {
            let what = format!("a token of {name} at {server} is kept already in {}", file.display());
            return Err(Failure::new(Exit::Failure, "already-registered", what)
                .with_remedy("use it, or move the file away first"));
        }
        create_folders(&*context.files, &folder)?;
        replace_file(&*context.files, &folder.join(ADDRESS), format!("{server}\n").as_bytes())?;
        Ok(Self { file })
    }

    /// Keeps the token; returns where.
    ///
    /// # Errors
    /// What the system reports.
    pub fn keep(self, context: &Context, token: &Token) -> Result<PathBuf, Failure> {
        let text = zeroize::Zeroizing::new(format!("{}\n", token.reveal()));
        replace_file(&*context.files, &self.file, text.as_bytes())?;
        Ok(self.file)
    }
}
