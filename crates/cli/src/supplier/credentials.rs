//! Tokens of suppliers: one file each, for its owner only, at `suppliers/SERVER/NAME.token` below the home
//! folder, with the server's address beside it.

use std::path::{Path, PathBuf};

use carnet_core::app::SupplierName;
use carnet_seal::ServerUrl;
use carnet_seam::fs::{create_folders, discard, replace_file};
use carnet_seam::{NoRandom, SystemRandom};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Http, Token, bad_token};
use crate::server_url;

const TOKEN: &str = ".token";
/// Behind the name of a token whose registration has not been confirmed yet.
const BEGUN: &str = ".token-begun";
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

/// Where this supplier's own things are kept: the folder of the server at which it is registered from here, and the
/// supplier's name. None when it is registered nowhere.
///
/// # Errors
/// `usage` when it is not clear which.
pub fn folder(context: &Context, name: &SupplierName) -> Result<Option<PathBuf>, Failure> {
    let fitting = kept(context)?.into_iter().filter(|kept| kept.name == *name);
    let server = context.named_server()?;
    let mut fitting: Vec<_> =
        fitting.filter(|kept| server.as_ref().is_none_or(|server| *server == kept.server)).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(only), true) => Ok(only.file.parent().map(Path::to_owned)),
        (None, _) => Ok(None),
        _ => Err(Failure::usage(format!("{name} is registered at several servers"))
            .with_remedy("choose with --server")),
    }
}

/// The supplier that is meant, where one token is kept here.
///
/// # Errors
/// `bad-token` when there is none, `usage` when it is not clear which.
pub fn who(context: &Context, name: Option<&SupplierName>) -> Result<SupplierName, Failure> {
    match name {
        Some(name) => Ok(name.clone()),
        None => Ok(the_one(context, None)?.name),
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

/// A place for a new token. It is kept before the server hears of it: an answer that is lost, or a process that
/// dies, does not lose the token with which the supplier is registered by then.
#[derive(Debug)]
pub struct Place {
    file: PathBuf,
    begun: PathBuf,
    token: Token,
}

impl Place {
    /// Keeps a new token for a registration that is about to be asked for, or finds that of an attempt before.
    ///
    /// # Errors
    /// `already-registered` when one is in use already, and what the system reports.
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
        let begun = folder.join(format!("{name}{BEGUN}"));
        let token = match context.small_file(&begun)?.and_then(|text| Token::in_text(&text)) {
            Some(token) => token,
            None => {
                let token = Token::fresh(&SystemRandom).map_err(no_random)?;
                write(context, &begun, &token)?;
                token
            }
        };
        Ok(Self { file, begun, token })
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The supplier is registered: from now on the token is used. Returns where it is kept.
    ///
    /// # Errors
    /// What the system reports.
    pub fn keep(self, context: &Context) -> Result<PathBuf, Failure> {
        write(context, &self.file, &self.token)?;
        discard(&*context.files, &self.begun)?;
        Ok(self.file)
    }
}

fn write(context: &Context, file: &Path, token: &Token) -> Result<(), Failure> {
    let text = zeroize::Zeroizing::new(format!("{}\n", token.reveal()));
    Ok(replace_file(&*context.files, file, text.as_bytes())?)
}

fn no_random(error: NoRandom) -> Failure {
    Failure::new(Exit::Failure, "no-random", error.to_string()).with_remedy("try again in a moment")
}
