//! `carnet supplier image publish`, `list` and `withdraw`

use std::path::PathBuf;
use std::time::Duration;

use carnet_api::LARGEST_BODY;
use carnet_api::image::{IMAGE, ImageState, ImageView, NewImage, NewImageKeys};
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::ImageId;
use carnet_core::term::moment;
use carnet_image::front::Peeked;
use carnet_image::{Front, SealedKeys, Trust};
use carnet_seam::fs::{Access, read_file, read_range};
use carnet_seam::{Clock, File, Fs, RealFs, SystemClock};
use clap::Args;
use data_encoding::BASE64;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::meter::{Meter, bytes_in_words};
use crate::supplier::{credentials, image_key};
use crate::table::table;

/// Send an image to the server, or say where else it can be had.
#[derive(Debug, Args)]
pub struct Publish {
    /// The image
    #[arg(value_name = "FILE.cimg")]
    file: PathBuf,
    /// It is not sent, but lies at this https address of your own
    #[arg(long)]
    url: Option<String>,
    /// Its sealed content keys [default: the file beside it with the ending `.keys`]
    #[arg(long, value_name = "FILE.keys")]
    keys: Option<PathBuf>,
}

/// A server that says that an image is on its way has waited for it itself.
const AGAIN: Duration = Duration::from_secs(1);
/// The most bytes of sealed keys: those of 256 features.
const LARGEST_KEYS: u64 = 64 * 1024;

impl Publish {
    /// Announces the image, sends what has not arrived yet, and publishes it. After whatever ends it, the same command
    /// goes on where it ended.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let file = RealFs::default().open(&self.file, Access::Read)?;
        let key = image_key::with_id(context, Peeked::at(&file)?.key)?;
        let front = Front::open(&file, Trust::Key(&key))?;
        front.check_length(&file)?;
        let keys = self.keys(context)?;
        let http = credentials::http(context, Some(&key.supplier))?;
        let manifest = BASE64.encode(front.signed().bytes());
        let new = NewImage { manifest, url: self.url.clone() };
        let mut image: ImageView = http.send(Call::post(path::IMAGES).json(&new)?)?;
        if image.state == ImageState::Uploading {
            let mut meter = Meter::new(context.output, format!("sending {}", self.file.display()));
            send(&http, &*file, &image, &mut meter)?;
            drop(meter);
            image = published(&http, image.id)?;
        }
        if !image.keyed && image.state == ImageState::Published {
            let keys = NewImageKeys { sealed: BASE64.encode(&keys) };
            image = http.send(Call::post(&path::image_keys(image.id)).json(&keys)?)?;
        }
        context.output.result(&image, || in_words(&image))
    }

    /// What nobody could open without is looked for before anything is sent.
    fn keys(&self, context: &Context) -> Result<Vec<u8>, Failure> {
        let place = self.keys.clone().unwrap_or_else(|| self.file.with_extension("keys"));
        let bytes = read_file(&*context.files, &place, LARGEST_KEYS)?.ok_or_else(|| {
            let what = format!("the content keys are not in {}", place.display());
            Failure::new(Exit::Failure, "file", what).with_remedy("name their file with --keys")
        })?;
        SealedKeys::decode(&bytes)?;
        Ok(bytes)
    }
}

fn send(http: &Http, file: &dyn File, image: &ImageView, meter: &mut Meter) -> Result<(), Failure> {
    let (content, mut arrived) = (path::image_content(image.id), image.arrived);
    while arrived < image.length {
        let part = read_range(file, arrived, LARGEST_BODY as u64)?;
        let call = Call::put(&content).query("offset", Some(arrived)).bytes(IMAGE, part);
        let now: ImageView = http.send(call)?;
        arrived = now.arrived;
        meter.at(arrived, image.length);
    }
    Ok(())
}

/// A server that keeps images in a store of its own may take longer than an answer: it is asked again.
fn published(http: &Http, id: ImageId) -> Result<ImageView, Failure> {
    loop {
        let image: ImageView = http.send(Call::post(&path::publish_image(id)))?;
        if image.state != ImageState::Uploading {
            return Ok(image);
        }
        SystemClock.sleep(AGAIN);
    }
}

fn in_words(image: &ImageView) -> String {
    let ImageView { id, app, version, platform, length, .. } = image;
    let size = bytes_in_words(*length);
    match (image.state, &image.url) {
        (ImageState::Withdrawn, _) => {
            format!("{app} {version} for {platform} ({id}) was withdrawn; build it again to publish it.\n")
        }
        (_, Some(url)) => {
            format!("{app} {version} for {platform}, {size}, is published as {id} and fetched from {url}.\n")
        }
        (_, None) => format!("{app} {version} for {platform}, {size}, is published as {id}.\n"),
    }
}

/// List the images of an app that are published.
#[derive(Debug, Args)]
pub struct List {
    /// Of which app
    app: AppId,
}

impl List {
    /// Lists them, newest first.
    ///
    /// # Errors
    /// When no answer came.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let http = credentials::http_of_anybody(context, Some(&self.app.supplier()))?;
        let images: Vec<ImageView> = http.send(Call::get(path::IMAGES).query("app", Some(&self.app)))?;
        context.output.result(&images, || {
            if images.is_empty() {
                return format!(
                    "No image of {} is published: carnet supplier image publish FILE.cimg\n",
                    self.app
                );
            }
            let row = |image: &ImageView| {
                [
                    image.id.to_string(),
                    image.version.to_string(),
                    image.platform.to_string(),
                    bytes_in_words(image.length),
                    moment(image.created),
                ]
            };
            table(["IMAGE", "VERSION", "PLATFORM", "SIZE", "ANNOUNCED"], images.iter().map(row))
        })
    }
}

/// Give an image to nobody any more; who has it keeps it.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// The image, as `image list` shows it
    image: ImageId,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Withdraw {
    /// Withdraws it.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        context.output.confirm(&format!("Withdraw {} for good?", self.image), self.yes)?;
        let image: ImageView = http.send(Call::post(&path::withdraw_image(self.image)))?;
        context
            .output
            .result(&image, || format!("{} {} ({}) is withdrawn.\n", image.app, image.version, image.id))
    }
}
