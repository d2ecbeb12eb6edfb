//! A sale before the server hears of it. It is written down first: an answer that is lost, or a process that dies,
//! then loses neither the user nor the codes, and the same command goes on with it.

use std::path::{Path, PathBuf};

use carnet_api::shop::NewSale;
use carnet_core::app::{AppId, OfferName};
use carnet_core::document::{Person, Secret};
use carnet_core::id::Digest;
use carnet_seal::code::{CodeKind, CodeText, digest_of};
use carnet_seam::fs::{create_folders, discard, replace_file};
use carnet_seam::{SystemRandom, random};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const BEGUN: &str = "sale.begun";

/// What is to be sold, with its codes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// At which server.
    pub server: String,
    /// The hash of its root key.
    pub root: Digest,
    /// What the server is told.
    pub sale: NewSale,
    /// The devices, in the order of their codes.
    pub devices: Vec<Device>,
    /// What was paid for.
    pub offers: Vec<Bought>,
}

/// A device that was sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it will be called.
    pub name: String,
    /// Who made it.
    pub maker: Option<String>,
    /// Its join code; empty until it is drawn.
    #[serde(default)]
    pub code: String,
}

/// An offer that was paid for in the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bought {
    /// Of which app.
    pub app: AppId,
    /// Which.
    pub offer: OfferName,
    /// Its redeem code; empty until it is drawn.
    #[serde(default)]
    pub code: String,
}

/// `NAME`, or `NAME:MAKER`.
impl std::str::FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, maker) = match text.split_once(':') {
            Some((name, maker)) => (name, Some(maker.trim().to_owned())),
            None => (text, None),
        };
        if name.trim().is_empty() || maker.as_deref() == Some("") {
            return Err("write NAME, or NAME:MAKER".to_owned());
        }
        Ok(Self { name: name.trim().to_owned(), maker, code: String::new() })
    }
}

/// `APP=OFFER`.
impl std::str::FromStr for Bought {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (app, offer) = text.split_once('=').ok_or("write APP=OFFER, like acme/paint=ten-runs")?;
        let app = app.trim().parse().map_err(|wrong: carnet_core::app::BadName| wrong.to_string())?;
        let offer = offer.trim().parse().map_err(|wrong: carnet_core::app::BadName| wrong.to_string())?;
        Ok(Self { app, offer, code: String::new() })
    }
}

impl Plan {
    /// Draws the codes.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn draw(
        (server, root): (String, Digest),
        person: Person,
        days: u32,
        devices: &[Device],
        offers: &[Bought],
    ) -> Result<Self, Failure> {
        let (mut devices, mut offers, mut codes) = (devices.to_vec(), offers.to_vec(), Vec::new());
        for device in &mut devices {
            let secret = secret()?;
            codes.push(digest_of(secret));
            device.code = CodeText { kind: CodeKind::Join, secret }.to_string();
        }
        for offer in &mut offers {
            offer.code = CodeText { kind: CodeKind::Redeem, secret: secret()? }.to_string();
        }
        let Person { name, email, address, telephone, payment_reference } = person;
        let sale = NewSale { name, email, address, telephone, payment_reference, codes, days };
        Ok(Self { server, root, sale, devices, offers })
    }

    /// The sale that was begun in this folder and not finished.
    ///
    /// # Errors
    /// `folder-in-use` when something else is there.
    pub fn begun(context: &Context, folder: &Path) -> Result<Option<Self>, Failure> {
        let in_use = || {
            let what = format!("{} holds something already", folder.display());
            Failure::new(Exit::Failure, "folder-in-use", what)
                .with_remedy("name a folder of its own for each sale")
        };
        if context.files.facts(folder)?.is_none() {
            return Ok(None);
        }
        match context.small_file(&folder.join(BEGUN))? {
            Some(text) => serde_json::from_str(&text).map(Some).map_err(|_| in_use()),
            None if context.files.list(folder)?.is_empty() => Ok(None),
            None => Err(in_use()),
        }
    }

    /// Writes it down, before the server hears of it.
    ///
    /// # Errors
    /// What the system reports.
    pub fn keep(&self, context: &Context, folder: &Path) -> Result<(), Failure> {
        create_folders(&*context.files, folder)?;
        let text = serde_json::to_string(self).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(replace_file(&*context.files, &begun(folder), text.as_bytes())?)
    }

    /// It is done, or came to nothing.
    ///
    /// # Errors
    /// What the system reports.
    pub fn forget(context: &Context, folder: &Path) -> Result<(), Failure> {
        Ok(discard(&*context.files, &begun(folder))?)
    }
}

fn begun(folder: &Path) -> PathBuf {
    folder.join(BEGUN)
}

fn secret() -> Result<Secret, Failure> {
    random::bytes(&SystemRandom).map(Secret).map_err(|error| {
        Failure::new(Exit::Failure, "no-random", error.to_string()).with_remedy("try again in a moment")
    })
}
