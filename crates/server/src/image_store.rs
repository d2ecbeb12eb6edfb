//! Where the bytes of installation images lie: in the data folder, or in a bucket of a store that speaks S3's protocol.
//!
//! What arrives lies in the folder until the image is whole and was checked, wherever it goes then. So a part that was
//! acknowledged is where it can be found again, and no bucket ever holds what nobody has checked. What lies in the
//! folder is given out from there, also where there is a bucket: a server can be told of one before its images are moved.
//!
//! Reading order: [`place`] (which bucket), [`credentials`] (who asks), [`folder`], [`fault`] (what can go wrong); and with
//! the feature `object-store` the bucket itself. Without it, a type of which there is no value stands in its place.

#[cfg(not(feature = "object-store"))]
mod absent;
#[cfg(feature = "object-store")]
mod bucket;
pub mod credentials;
pub mod fault;
pub mod folder;
pub mod place;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use carnet_api::image::ImageState;
use carnet_core::id::ImageId;
use carnet_seal::{ImageManifest, Signed};
use carnet_seam::Fs;
use carnet_store::image::Image;

#[cfg(not(feature = "object-store"))]
pub use absent::Bucket;
#[cfg(feature = "object-store")]
pub use bucket::Bucket;
pub use fault::Fault;
pub use folder::Folder;
pub use place::{Place, PlaceError};

use crate::api::image::publish::set;
use crate::problem::Failure;
use crate::server::Server;

/// Where images lie. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ImageStore {
    folder: Folder,
    bucket: Option<Bucket>,
}

/// How far a publication has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// Everybody can have the image.
    Done,
    /// It was checked, and is still on its way into the bucket.
    Underway,
}

impl ImageStore {
    /// All in the data folder.
    #[must_use]
    pub fn in_folder(fs: Arc<dyn Fs>, data: &Path) -> Self {
        Self { folder: Folder::new(fs, data), bucket: None }
    }

    /// In a bucket, where one is named. Asks nobody: a store that is away keeps no server from starting.
    ///
    /// # Errors
    /// [`PlaceError`] when this program cannot speak to such a store.
    pub fn open(fs: Arc<dyn Fs>, data: &Path, place: Option<&Place>) -> Result<Self, PlaceError> {
        let bucket = place.map(Bucket::open).transpose()?;
        Ok(Self { bucket, ..Self::in_folder(fs, data) })
    }

    /// What lies in the data folder.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The bucket, where there is one.
    #[must_use]
    pub const fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    /// Checks what has arrived, puts it where it is given out from, and only then lets everybody have it. Whatever ends
    /// this, the next time finishes it.
    ///
    /// # Errors
    /// When it is not what was signed, or the disk or the store do not take it.
    pub async fn publish(
        &self,
        server: &Server,
        manifest: Signed<ImageManifest>,
    ) -> Result<Publication, Failure> {
        if let Some(bucket) = &self.bucket {
            return bucket.publish(server, &self.folder, manifest).await;
        }
        let id = manifest.claims().id;
        self.folder.run(move |folder| folder.take(&manifest)).await?;
        set(server, id, ImageState::Published).await?;
        Ok(Publication::Done)
    }

    /// The bytes of a range of a published image, read while they are sent: no more than a few pieces are in memory.
    ///
    /// # Errors
    /// When it is not there as it was published, or the store is away; nothing of it was sent then.
    pub async fn body(&self, image: &Image, range: Range<u64>) -> Result<Body, Failure> {
        let id = image.id;
        let Some(bucket) = &self.bucket else {
            return self.folder.run(move |folder| folder.body(id, range)).await;
        };
        let within = range.clone();
        let here = move |folder: &Folder| {
            if folder.has(id)? { folder.body(id, within).map(Some) } else { Ok(None) }
        };
        match self.folder.run(here).await? {
            Some(body) => Ok(body),
            None => bucket.body(image, range).await,
        }
    }

    /// Removes all bytes of an image; they may be gone already.
    ///
    /// # Errors
    /// What the disk or the store says: to be repeated.
    pub async fn remove(&self, id: ImageId) -> Result<(), Failure> {
        self.folder.run(move |folder| folder.remove(id)).await?;
        match &self.bucket {
            Some(bucket) => bucket.remove(id).await,
            None => Ok(()),
        }
    }

    /// What keeps images from being fetched or published; none: nothing does.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let bucket = self.bucket.as_ref()?;
        bucket.trouble().map(|fault| format!("the image store {bucket}: {fault}"))
    }

    /// How often the store did not do what it was asked, for its own sake.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.bucket.as_ref().map_or(0, Bucket::missed)
    }

    /// What is to be done from time to time: looks whether the store works, and clears away what a process before this
    /// one has left.
    pub async fn tend(&self, server: &Server, round: u64) {
        if let Some(bucket) = &self.bucket {
            bucket.tend(server, &self.folder, round).await;
        }
    }
}
