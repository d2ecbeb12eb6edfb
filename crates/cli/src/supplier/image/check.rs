//! `carnet supplier image check`

use std::path::PathBuf;

use carnet_core::app::{Feature, SupplierName};
use carnet_core::document::PublicKey;
use carnet_image::front::Peeked;
use carnet_image::list::Order;
use carnet_image::read::check_frames;
use carnet_image::{Front, ImageError, Source, Trust};
use carnet_seal::{ImageKey, VerifyingKey};
use carnet_seam::fs::Access;
use carnet_seam::{Fs, RealFs};
use clap::Args;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::meter::{Meter, bytes_in_words};
use crate::supplier::image_key;

/// Check an image: who signed it, and every part of it.
#[derive(Debug, Args)]
pub struct Check {
    /// The image
    #[arg(value_name = "FILE.cimg")]
    file: PathBuf,
    /// The supplier's public key, where the image was signed on another machine; with --supplier
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
}

/// What the image is.
#[derive(Debug, Serialize)]
struct Checked {
    id: String,
    app: String,
    version: String,
    platform: String,
    bytes: u64,
    features: Vec<String>,
    entries: u64,
    signed_by: String,
}

impl Check {
    /// Checks the image.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let file = RealFs::default().open(&self.file, Access::Read)?;
        let key = match (&self.public_key, name) {
            (Some(text), Some(name)) => given(text, name)?,
            (Some(_), None) => {
                return Err(Failure::usage("a public key is given, and not whose")
                    .with_remedy("name the supplier with --supplier"));
            }
            (None, _) => image_key::with_id(context, Peeked::at(&file)?.key)?,
        };
        let front = Front::open(&file, Trust::Key(&key))?;
        front.check_length(&file)?;
        let mut meter = Meter::new(context.output, format!("checking {}", self.file.display()));
        let (mut done, total) = (0, front.image_length() - front.length());
        for stream in &front.manifest().features {
            check_feature(&file, &front, &stream.feature, &mut |length| {
                done += length;
                meter.at(done, total);
            })?;
        }
        drop(meter);
        tell(context, &front)
    }
}

fn given(text: &str, name: &SupplierName) -> Result<ImageKey, Failure> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let key = bytes.and_then(|bytes| VerifyingKey::ed25519(PublicKey(bytes)).ok());
    let key = key.ok_or_else(|| {
        Failure::usage(format!("`{text}` is no public key"))
            .with_remedy("give the 64 digits that `carnet supplier image-key show` prints")
    })?;
    Ok(ImageKey { supplier: name.clone(), key })
}

fn check_feature(
    source: &dyn Source,
    front: &Front,
    feature: &Feature,
    seen: &mut dyn FnMut(u64),
) -> Result<(), ImageError> {
    let (table, stream) = (front.table(source, feature)?, front.stream(feature)?);
    let mut order = Order::new(stream.entries, stream.plain_length);
    let bad = |wrong| ImageError::List(feature.clone(), wrong);
    for number in 0..table.pages.len() {
        let page = front.page(source, feature, &table, number)?;
        page.iter().try_for_each(|entry| order.check(entry)).map_err(bad)?;
    }
    order.finish().map_err(bad)?;
    check_frames(source, front, &table, feature, seen)
}

fn tell(context: &Context, front: &Front) -> Result<(), Failure> {
    let manifest = front.manifest();
    let checked = Checked {
        id: manifest.id.to_string(),
        app: manifest.app.to_string(),
        version: manifest.version.to_string(),
        platform: manifest.platform.to_string(),
        bytes: front.image_length(),
        features: manifest.features.iter().map(|stream| stream.feature.to_string()).collect(),
        entries: manifest.features.iter().map(|stream| stream.entries).sum(),
        signed_by: front.signed().key_id().to_string(),
    };
    context.output.result(&checked, || {
        let Checked { app, version, platform, signed_by, .. } = &checked;
        format!(
            "{app} {version} for {platform}, {}, {} files and folders, features: {}.\nSigned by {signed_by}; every part is as it was signed.\n",
            bytes_in_words(checked.bytes),
            checked.entries,
            checked.features.join(", ")
        )
    })
}
