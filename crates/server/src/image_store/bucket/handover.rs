//! Publishing into a bucket: a task of its own, which goes on when whoever asked for it has gone away or asks again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_api::ProblemCode;
use carnet_api::image::ImageState;
use carnet_core::id::ImageId;
use carnet_seal::{ImageManifest, Signed};
use carnet_seam::{File, FsError};
use std::sync::atomic::Ordering;
use tokio::sync::watch::{Receiver, channel};

use super::Bucket;
use crate::api::image::publish::set;
use crate::image_store::{Folder, Publication};
use crate::problem::Failure;
use crate::server::Server;

/// So long a request waits; then it is told that the image is on its way. Less than any request may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The store is looked at so often while all is well.
const ROUNDS: u64 = 60;

/// How it ended; none: it has not.
type Outcome = Option<Result<(), Failure>>;

/// Images that are on their way, each once.
#[derive(Debug, Default)]
pub(super) struct Underway(Mutex<BTreeMap<ImageId, Receiver<Outcome>>>);

impl Bucket {
    /// Checks what has arrived and puts it into the bucket; everybody can have it once all of it is there.
    ///
    /// # Errors
    /// When it is not what was signed, or the store does not take it.
    pub async fn publish(
        &self,
        server: &Server,
        folder: &Folder,
        manifest: Signed<ImageManifest>,
    ) -> Result<Publication, Failure> {
        let mut outcome = self.hand_over(server, folder, manifest);
        let waited = tokio::time::timeout(PATIENCE, outcome.wait_for(Option::is_some)).await;
        match waited {
            Err(_) => Ok(Publication::Underway),
            Ok(Err(_)) => Err(Failure::internal("the task that publishes an image has ended without a word")),
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Ok(())).map(|()| Publication::Done),
        }
    }

    /// The way that the image is on, begun now where it was on none.
    fn hand_over(
        &self,
        server: &Server,
        folder: &Folder,
        manifest: Signed<ImageManifest>,
    ) -> Receiver<Outcome> {
        let id = manifest.claims().id;
        let mut underway = self.0.underway.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = underway.get(&id).filter(|outcome| outcome.has_changed().is_ok()) {
            return outcome.clone();
        }
        let (tell, outcome) = channel(None);
        underway.insert(id, outcome.clone());
        let (bucket, server, folder) = (self.clone(), server.clone(), folder.clone());
        tokio::spawn(async move {
            let done = bucket.carry(&server, &folder, manifest).await;
            bucket.0.underway.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            // Nobody may be waiting any more.
            let _ = tell.send(Some(done));
        });
        outcome
    }

    /// The object is whole before the books say so, and what has arrived goes after both: wherever this ends, doing it
    /// again finishes it.
    async fn carry(
        &self,
        server: &Server,
        folder: &Folder,
        manifest: Signed<ImageManifest>,
    ) -> Result<(), Failure> {
        let id = manifest.claims().id;
        let file = match folder.run(move |folder| checked(folder, &manifest)).await {
            // Whoever asked has looked before the one who was faster was done.
            Err(_) if is_published(server, id).await? => return Ok(()),
            file => file?,
        };
        self.upload(folder, id, file).await.map_err(|fault| {
            tracing::error!(image = %id, %fault, "an image could not be put into the image store");
            Failure::from(fault)
        })?;
        crash(folder, "image.stored")?;
        if let Err(failure) = set(server, id, ImageState::Published).await {
            // Withdrawn on its way: nobody may have it.
            if failure == Failure::new(ProblemCode::NotFound) {
                self.remove(id).await?;
            }
            return Err(failure);
        }
        crash(folder, "image.published")?;
        folder.run(move |folder| folder.remove(id)).await
    }

    /// Looks whether the store works, often while it does not; and clears away, once, what a process before this one has
    /// left: uploads that were not finished, and files of images that are in the bucket.
    pub async fn tend(&self, server: &Server, folder: &Folder, round: u64) {
        if round.is_multiple_of(ROUNDS) || self.trouble().is_some() {
            self.exercise().await;
        }
        if self.trouble().is_none() && !self.0.swept.load(Ordering::Relaxed) {
            match self.sweep(server, folder).await {
                Ok(()) => self.0.swept.store(true, Ordering::Relaxed),
                Err(failure) => {
                    tracing::warn!(?failure, "what was left of uploads could not be cleared away")
                }
            }
        }
    }

    async fn sweep(&self, server: &Server, folder: &Folder) -> Result<(), Failure> {
        let listed = |folder: &Folder| Ok((folder.ids(".upload")?, folder.ids(".part")?));
        let (uploads, parts) = folder
            .run(move |folder| listed(folder).map_err(|error: FsError| Failure::internal(error)))
            .await?;
        for id in uploads {
            if !self.is_underway(id) {
                self.clear(folder, id).await?;
            }
        }
        for id in parts {
            let row = server.read(move |tx| tx.image(id)).await?;
            let over = row.is_some_and(|row| row.state != ImageState::Uploading.as_str());
            if over && !self.is_underway(id) {
                folder.run(move |folder| folder.discard_part(id).map_err(Failure::internal)).await?;
            }
        }
        Ok(())
    }

    fn is_underway(&self, id: ImageId) -> bool {
        self.0.underway.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}

/// What has arrived; or what lies there whole, from before there was a bucket.
fn checked(folder: &Folder, manifest: &Signed<ImageManifest>) -> Result<Arc<dyn File>, Failure> {
    let id = manifest.claims().id;
    let part = folder.part(id);
    let arrived = folder.fs().facts(&part).map_err(Failure::internal)?.is_some();
    let path = if !arrived && folder.has(id)? { folder.whole(id) } else { part };
    folder.checked(&path, manifest).map(Arc::from)
}

async fn is_published(server: &Server, id: ImageId) -> Result<bool, Failure> {
    let row = server.read(move |tx| tx.image(id)).await?;
    Ok(row.is_some_and(|row| row.state == ImageState::Published.as_str()))
}

/// Where a test lets the process die.
fn crash(folder: &Folder, point: &str) -> Result<(), Failure> {
    folder.fs().crash().point(point).map_err(Failure::internal)
}
