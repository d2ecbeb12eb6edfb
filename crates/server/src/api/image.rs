//! Installation images: announced by their manifest, sent in parts, checked as a whole, had by anybody (B5).

pub mod content;
pub mod create;
pub mod keys;
pub mod list;
pub mod publish;
pub mod show;

use carnet_api::ProblemCode;
use carnet_api::image::{ImageState, ImageView};
use carnet_core::id::{ImageId, SupplierId};
use carnet_seam::FsError;
use carnet_store::image::Image;
use carnet_store::{Reading, StoreError};

use crate::problem::Failure;
use crate::server::Server;

fn arrived(server: &Server, image: &Image) -> Result<u64, FsError> {
    if image.state == ImageState::Uploading.as_str() {
        return server.images().folder().arrived(image.id);
    }
    Ok(if image.url.is_some() { 0 } else { image.length })
}

fn view(server: &Server, image: Image) -> Result<ImageView, Failure> {
    let states = [ImageState::Uploading, ImageState::Published, ImageState::Withdrawn];
    let state = states.into_iter().find(|state| state.as_str() == image.state);
    Ok(ImageView {
        arrived: arrived(server, &image).map_err(Failure::internal)?,
        state: state.ok_or_else(|| Failure::internal("an image in a state that nobody knows"))?,
        id: image.id,
        app: image.app,
        version: image.version,
        platform: image.platform,
        length: image.length,
        url: image.url,
        keyed: image.keyed.is_some(),
        created: image.created,
    })
}

/// An image of this supplier; another's looks like none (I15).
async fn own(server: &Server, supplier: SupplierId, id: ImageId) -> Result<Image, Failure> {
    let found = server.read(move |tx| tx.image(id)).await?;
    found.filter(|image| image.supplier == supplier).ok_or_else(|| Failure::new(ProblemCode::NotFound))
}

/// A version for one kind of machine is one build: devices that have it would never notice another one.
fn only_build(tx: &Reading<'_>, image: &Image) -> Result<(), Failure> {
    is_only_build(&builds(tx, image)?, image)
}

/// What of the same app is published.
fn builds(tx: &Reading<'_>, image: &Image) -> Result<Vec<Image>, StoreError> {
    tx.images(&image.app, ImageState::Published.as_str(), list::MOST)
}

fn is_only_build(published: &[Image], image: &Image) -> Result<(), Failure> {
    let twin = published.iter().find(|other| {
        other.id != image.id && other.version == image.version && other.platform == image.platform
    });
    let Some(Image { id, version, platform, .. }) = twin else { return Ok(()) };
    let what = format!(
        "is another build of {version} for {platform}, which is published as {id}: give this one another version, \
         or first run `carnet supplier image withdraw {id}`"
    );
    Err(Failure::invalid("/manifest", what))
}
