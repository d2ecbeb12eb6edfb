//! A checked image becomes an object: all of it at once, or nothing.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use carnet_core::id::ImageId;
use carnet_seam::fs::{discard, read_file, read_range, replace_file};
use carnet_seam::{File, FsError, FsFault};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{ObjectStoreExt, PutPayload};

use super::{Bucket, Deed};
use crate::image_store::{Fault, Folder};

/// One part, in bytes: so much is in memory. Stores want at least 5 MiB, and all of the same length but the last.
const PART: u64 = 8 << 20;
/// So many parts may there be.
const MOST_PARTS: u64 = 10_000;
/// The longest name of an upload.
const LONGEST_NAME: u64 = 4_096;

impl Bucket {
    /// Puts the bytes of a file there, in parts that become an object together. The name of the upload is noted before
    /// the first part goes, so that a process that dies leaves nothing that the next one cannot clear away.
    pub(super) async fn upload(
        &self,
        folder: &Folder,
        id: ImageId,
        file: Arc<dyn File>,
    ) -> Result<(), Fault> {
        let length = file.length()?;
        self.clear(folder, id).await?;
        if length <= PART {
            let bytes = read(&file, 0, length).await?;
            let put = self.0.objects.put(&self.path_of(id), PutPayload::from(bytes)).await;
            self.heard(Deed::Write, put.map(drop))?;
        } else {
            self.upload_in_parts(folder, id, &file, length).await?;
        }
        let found = self.0.objects.head(&self.path_of(id)).await;
        let found = self.heard(Deed::Read, found)?.size;
        if found == length { Ok(()) } else { Err(Fault::OtherLength { found, expected: length }) }
    }

    async fn upload_in_parts(
        &self,
        folder: &Folder,
        id: ImageId,
        file: &Arc<dyn File>,
        length: u64,
    ) -> Result<(), Fault> {
        let path = self.path_of(id);
        let upload = self.heard(Deed::Write, self.0.objects.create_multipart(&path).await)?;
        let (beside, name) = (folder.clone(), upload.clone());
        on_disk(move || replace_file(beside.fs(), &beside.note(id), name.as_bytes())).await?;
        let sent = self.send_parts(id, &upload, file, length).await;
        let done = match sent {
            Ok(parts) => {
                let done = self.0.objects.complete_multipart(&path, &upload, parts).await;
                self.heard(Deed::Write, done.map(drop))
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = done {
            // What cannot be cleared away now is cleared away by the next attempt, or at the next start.
            let _ = self.clear(folder, id).await;
            return Err(fault);
        }
        let beside = folder.clone();
        on_disk(move || discard(beside.fs(), &beside.note(id))).await
    }

    async fn send_parts(
        &self,
        id: ImageId,
        upload: &String,
        file: &Arc<dyn File>,
        length: u64,
    ) -> Result<Vec<PartId>, Fault> {
        let (path, size) = (self.path_of(id), part_size(length));
        let (mut parts, mut at) = (Vec::new(), 0);
        // One buffer for all parts: freed and asked for again on other threads, it would stay behind once for each.
        let mut buffer = BytesMut::new();
        while at < length {
            let part = fill(&mut buffer, file, at, size.min(length - at)).await?;
            at += part.len() as u64;
            let put = self.0.objects.put_part(&path, upload, parts.len(), PutPayload::from(part)).await;
            parts.push(self.heard(Deed::Write, put)?);
        }
        Ok(parts)
    }

    /// Gives up the upload of this image that is noted, where there is one.
    pub(super) async fn clear(&self, folder: &Folder, id: ImageId) -> Result<(), Fault> {
        let beside = folder.clone();
        let noted = on_disk(move || read_file(beside.fs(), &beside.note(id), LONGEST_NAME)).await?;
        let Some(upload) = noted else { return Ok(()) };
        // A note that is no text was never finished, and its upload has no parts.
        if let Ok(upload) = String::from_utf8(upload) {
            let given_up = self.0.objects.abort_multipart(&self.path_of(id), &upload).await;
            match self.heard(Deed::Write, given_up) {
                // It was completed, or given up before.
                Ok(()) | Err(Fault::Missing) => {}
                Err(fault) => return Err(fault),
            }
        }
        let beside = folder.clone();
        on_disk(move || discard(beside.fs(), &beside.note(id))).await
    }
}

/// So large that there are not too many.
fn part_size(length: u64) -> u64 {
    let needed = length.div_ceil(MOST_PARTS);
    PART.max(needed.div_ceil(PART) * PART)
}

/// Exactly these bytes, in a buffer that is used again once nobody needs what was in it.
async fn fill(buffer: &mut BytesMut, file: &Arc<dyn File>, at: u64, length: u64) -> Result<Bytes, Fault> {
    let (file, mut own) = (Arc::clone(file), std::mem::take(buffer));
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    let read = move || {
        own.resize(size, 0);
        file.read_at(at, &mut own).map(|read| (own, read))
    };
    let (mut own, read) = on_disk(read).await?;
    let part = own.split_to(size).freeze();
    *buffer = own;
    if read == size { Ok(part) } else { Err(Fault::OtherBytes) }
}

/// Exactly these bytes.
pub(super) async fn read(file: &Arc<dyn File>, at: u64, length: u64) -> Result<Vec<u8>, Fault> {
    let file = Arc::clone(file);
    let bytes = on_disk(move || read_range(&*file, at, length)).await?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(Fault::OtherBytes) }
}

pub(super) async fn on_disk<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, FsError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(run).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            let fault = FsFault::Other(error.to_string());
            Err(FsError::new("read", std::path::Path::new("images"), fault).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_large_as_they_must_be_and_no_larger() {
        assert_eq!(part_size(PART + 1), PART);
        assert_eq!(part_size(PART * MOST_PARTS), PART);
        assert_eq!(part_size(PART * MOST_PARTS + 1), 2 * PART);
        assert!(u64::MAX.div_ceil(part_size(u64::MAX / 4)) >= 4);
    }
}
