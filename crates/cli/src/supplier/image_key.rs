//! `carnet supplier image-key`: the key that signs a supplier's images. It is made here and stays here, one file for
//! each supplier, for its owner only, at `suppliers/image-keys/NAME.key` below the home folder.

use std::path::PathBuf;

use carnet_api::image::{ImageKeyView, NewImageKey};
use carnet_api::path;
use carnet_core::app::SupplierName;
use carnet_core::id::Digest;
use carnet_core::term::moment;
use carnet_seal::{ImageKey, KeyId, Signer, SigningKey};
use carnet_seam::fs::{Access, create_folders};
use carnet_seam::{FsFault, SystemRandom, random};
use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde::Serialize;
use zeroize::Zeroizing;

use super::credentials;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;

const ENDING: &str = ".key";

/// Look after the key that signs installation images.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the key, which stays on this machine
    New,
    /// Show the public half
    Show,
    /// Tell the server the public half: devices take no image before
    Register,
    /// List the keys that the server knows
    List,
}

/// What may be shown of a key.
#[derive(Debug, Serialize)]
struct Shown {
    supplier: SupplierName,
    id: String,
    public_key: String,
    file: String,
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done; a key that is there is never replaced.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        match self {
            Self::New => {
                let name = name.ok_or_else(|| {
                    Failure::usage("it is not said whose key")
                        .with_remedy("name the supplier with --supplier")
                })?;
                let key = make(context, name)?;
                let next = "Keep a copy of that file where nobody else can read it. Next: carnet supplier image-key register\n";
                show(context, name, &key, next)
            }
            Self::Show => {
                let (name, key) = the_one(context, name)?;
                show(context, &name, &key, "")
            }
            Self::Register => register(context, name),
            Self::List => list(context, name),
        }
    }
}

fn show(context: &Context, name: &SupplierName, key: &SigningKey, next: &str) -> Result<(), Failure> {
    let shown = Shown {
        supplier: name.clone(),
        id: key.key_id().to_string(),
        public_key: HEXLOWER.encode(&key.public().0),
        file: place(context, name)?.display().to_string(),
    };
    context.output.result(&shown, || {
        let Shown { supplier, id, public_key, file } = &shown;
        format!("The image key of {supplier} has the id {id}.\n\nPublic key: {public_key}\nThe secret half is in {file}.\n{next}")
    })
}

fn register(context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
    let (name, key) = the_one(context, name)?;
    let http = credentials::http(context, Some(&name))?;
    let new = NewImageKey { public_key: Digest(key.public().0) };
    let known: ImageKeyView = http.send(Call::post(path::IMAGE_KEYS).json(&new)?)?;
    context.output.result(&known, || {
        let next = if known.published {
            "Devices learn it with the server's key set."
        } else {
            "Devices learn it when the server's operator publishes a new key set: `carnetd keys publish`."
        };
        format!("The image key {} of {name} is registered. {next}\n", known.key)
    })
}

fn list(context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
    let http = credentials::http(context, name)?;
    let known: Vec<ImageKeyView> = http.send(Call::get(path::IMAGE_KEYS))?;
    context.output.result(&known, || {
        if known.is_empty() {
            return "The server knows no image key yet: carnet supplier image-key register\n".to_owned();
        }
        let state = |key: &ImageKeyView| match (key.revoked, key.published) {
            (true, _) => "revoked",
            (false, true) => "good",
            (false, false) => "not published yet",
        };
        let row = |key: &ImageKeyView| [key.key.clone(), state(key).to_owned(), moment(key.registered)];
        table(["KEY", "STATE", "REGISTERED"], known.iter().map(row))
    })
}

fn folder(context: &Context) -> Result<PathBuf, Failure> {
    Ok(context.home()?.join("suppliers/image-keys"))
}

fn place(context: &Context, name: &SupplierName) -> Result<PathBuf, Failure> {
    Ok(folder(context)?.join(format!("{name}{ENDING}")))
}

fn make(context: &Context, name: &SupplierName) -> Result<SigningKey, Failure> {
    create_folders(&*context.files, &folder(context)?)?;
    let seed = random::bytes::<32>(&SystemRandom).map(Zeroizing::new);
    let seed = seed.map_err(|error| {
        Failure::new(Exit::Failure, "no-random", error.to_string()).with_remedy("try again")
    })?;
    let place = place(context, name)?;
    let file = context.files.create_new(&place).map_err(|error| match error.fault {
        FsFault::AlreadyExists => Failure::new(
            Exit::Failure,
            "image-key-exists",
            format!("{name} has an image key already, in {}", place.display()),
        )
        .with_remedy(
            "use it: images that are signed by another key are refused until that is registered too",
        ),
        _ => error.into(),
    })?;
    file.write_at(0, Zeroizing::new(HEXLOWER.encode(&*seed) + "\n").as_bytes())?;
    file.sync()?;
    context.files.sync_folder(&folder(context)?)?;
    Ok(SigningKey::from_seed(&seed))
}

/// The image key of this supplier.
///
/// # Errors
/// `no-image-key` when there is none here.
pub fn of(context: &Context, name: &SupplierName) -> Result<SigningKey, Failure> {
    let place = place(context, name)?;
    let facts = context.files.facts(&place)?.ok_or_else(|| none(name))?;
    if facts.mode & 0o077 != 0 {
        let shown = place.display();
        context.output.warning(&format!("others can read the image key in {shown}: chmod 600 it"));
    }
    let file = context.files.open(&place, Access::Read)?;
    let mut text = Zeroizing::new([0; 80]);
    let length = file.read_at(0, &mut *text)?;
    let mut seed = Zeroizing::new([0; 32]);
    let digits = text.get(..length).unwrap_or_default().trim_ascii();
    if digits.len() != 64 || HEXLOWER.decode_mut(digits, &mut *seed).is_err() {
        let what = format!("{} holds no image key", place.display());
        return Err(Failure::new(Exit::Failure, "bad-image-key", what)
            .with_remedy("put the copy of the key in its place, or make a new one and register it"));
    }
    Ok(SigningKey::from_seed(&seed))
}

/// What checks the images of the supplier whose key with this id is kept here.
///
/// # Errors
/// `no-image-key` when there is none with this id.
pub fn with_id(context: &Context, id: KeyId) -> Result<ImageKey, Failure> {
    for supplier in kept(context)? {
        let key = of(context, &supplier)?.verifying_key();
        if key.id() == id {
            return Ok(ImageKey { supplier, key });
        }
    }
    let what = format!("the image is signed by the key {id}, which is not kept here");
    Err(Failure::new(Exit::Failure, "no-image-key", what)
        .with_remedy("check it where it was built, or give the public key with --public-key and --supplier"))
}

fn the_one(context: &Context, name: Option<&SupplierName>) -> Result<(SupplierName, SigningKey), Failure> {
    let kept = kept(context)?;
    let name = match (name, kept.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, []) => {
            return Err(Failure::new(Exit::Failure, "no-image-key", "no image key is kept here")
                .with_remedy("make one: carnet supplier image-key new --supplier NAME"));
        }
        (None, _) => {
            return Err(Failure::usage("image keys of several suppliers are kept here")
                .with_remedy("choose with --supplier"));
        }
    };
    Ok((name.clone(), of(context, name)?))
}

fn kept(context: &Context) -> Result<Vec<SupplierName>, Failure> {
    let folder = folder(context)?;
    if context.files.facts(&folder)?.is_none() {
        return Ok(Vec::new());
    }
    let names = context.files.list(&folder)?.into_iter();
    Ok(names.filter_map(|name| name.strip_suffix(ENDING)?.parse().ok()).collect())
}

fn none(name: &SupplierName) -> Failure {
    Failure::new(Exit::Failure, "no-image-key", format!("no image key of {name} is kept here"))
        .with_remedy(format!("make one: carnet supplier image-key new --supplier {name}"))
}
