//! Images that lie in the data folder from before there was a bucket.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use carnet_core::id::ImageId;
use carnet_seam::File;
use carnet_seam::fs::Access;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;

use super::upload::{on_disk, read};
use super::{Bucket, Deed};
use crate::image_store::{Fault, Folder};

/// How much is read at a time, in bytes.
const PIECE: u64 = 1 << 20;

impl Bucket {
    /// Copies an image that lies whole in the folder, reads the copy back and compares it. False: it was there already,
    /// and is the same.
    ///
    /// # Errors
    /// [`Fault`]; doing it again goes on.
    pub async fn copy(&self, folder: &Folder, id: ImageId) -> Result<bool, Fault> {
        let beside = folder.clone();
        let file = on_disk(move || beside.fs().open(&beside.whole(id), Access::Read)).await?;
        let file: Arc<dyn File> = Arc::from(file);
        let wanted = digest_of(&file).await?;
        match self.digest_of(id).await {
            Ok(found) if found.as_ref() == wanted.as_ref() => return Ok(false),
            Ok(_) | Err(Fault::Missing) => {}
            Err(fault) => return Err(fault),
        }
        self.upload(folder, id, file).await?;
        let found = self.digest_of(id).await?;
        if found.as_ref() == wanted.as_ref() { Ok(true) } else { Err(Fault::OtherBytes) }
    }

    /// The digest of all bytes of an image in the bucket.
    async fn digest_of(&self, id: ImageId) -> Result<Digest, Fault> {
        let found = self.heard(Deed::Read, self.0.objects.get(&self.path_of(id)).await)?;
        let (mut pieces, mut context) = (found.into_stream(), Context::new(&SHA256));
        while let Some(piece) = self.heard(Deed::Read, pieces.try_next().await)? {
            context.update(&piece);
        }
        Ok(context.finish())
    }
}

async fn digest_of(file: &Arc<dyn File>) -> Result<Digest, Fault> {
    let (length, mut at) = (file.length()?, 0);
    let mut context = Context::new(&SHA256);
    while at < length {
        let piece = read(file, at, PIECE.min(length - at)).await?;
        context.update(&piece);
        at += piece.len() as u64;
    }
    Ok(context.finish())
}
