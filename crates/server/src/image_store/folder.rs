//! The folder `images` in the data folder: what arrives, and where there is no bucket what is given out.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use carnet_api::ProblemCode;
use carnet_core::id::ImageId;
use carnet_image::read::check_frames;
use carnet_image::{Front, ImageError, Source};
use carnet_seal::{ImageManifest, Signed};
use carnet_seam::fs::{Access, create_folders, discard};
use carnet_seam::{File, Fs, FsError, FsFault};
use tokio::sync::mpsc::{Receiver, channel};

use crate::problem::Failure;

/// How much is read at a time, in bytes.
const PIECE: u64 = 256 * 1024;
/// How many pieces wait for a slow network.
const AHEAD: usize = 2;

/// The ending of an image that was checked.
const WHOLE: &str = ".cimg";

/// The folder. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Folder {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

impl Folder {
    /// That of this data folder.
    #[must_use]
    pub fn new(fs: Arc<dyn Fs>, data: &Path) -> Self {
        Self { fs, path: data.join("images") }
    }

    /// The files in it.
    #[must_use]
    pub fn fs(&self) -> &dyn Fs {
        self.fs.as_ref()
    }

    /// What has arrived of an image.
    #[must_use]
    pub fn part(&self, id: ImageId) -> PathBuf {
        self.path.join(format!("{id}.part"))
    }

    /// An image that was checked.
    #[must_use]
    pub fn whole(&self, id: ImageId) -> PathBuf {
        self.path.join(format!("{id}{WHOLE}"))
    }

    /// Where it is noted that an image is on its way elsewhere.
    #[must_use]
    pub fn note(&self, id: ImageId) -> PathBuf {
        self.path.join(format!("{id}.upload"))
    }

    /// The images of which there is a file with this ending, as in `.part`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn ids(&self, ending: &str) -> Result<Vec<ImageId>, FsError> {
        let names = match self.fs.list(&self.path) {
            Err(FsError { fault: FsFault::NotFound, .. }) => return Ok(Vec::new()),
            names => names?,
        };
        Ok(names.iter().filter_map(|name| name.strip_suffix(ending)?.parse().ok()).collect())
    }

    /// The images that lie here whole.
    ///
    /// # Errors
    /// What the disk says.
    pub fn images(&self) -> Result<Vec<ImageId>, FsError> {
        self.ids(WHOLE)
    }

    /// Runs what waits for the disk.
    ///
    /// # Errors
    /// What it says.
    pub async fn run<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Self) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let folder = self.clone();
        let done = tokio::task::spawn_blocking(move || run(&folder));
        done.await.map_err(Failure::internal)?
    }

    /// How many bytes have arrived.
    ///
    /// # Errors
    /// What the disk says.
    pub fn arrived(&self, id: ImageId) -> Result<u64, FsError> {
        Ok(self.fs.facts(&self.part(id))?.map_or(0, |facts| facts.length))
    }

    /// Adds a part of an image of this length where what has arrived ends.
    ///
    /// # Errors
    /// When it belongs elsewhere, another part is being written, or the disk does not take it.
    pub fn append(&self, id: ImageId, length: u64, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.part(id);
        create_folders(self.fs(), &self.path).map_err(disk)?;
        let file = match self.fs.open(&path, Access::Write) {
            Err(FsError { fault: FsFault::NotFound, .. }) if offset == 0 => self.fs.create_new(&path),
            Err(FsError { fault: FsFault::NotFound, .. }) => {
                return Err(Failure::invalid(
                    "/offset",
                    format!("must be 0, of {length} bytes in all{ELSEWHERE}"),
                ));
            }
            opened => opened,
        };
        let file = file.map_err(disk)?;
        // Two senders of one image would write over each other.
        file.lock(Duration::ZERO)
            .map_err(|_| Failure::invalid("/offset", "another part is being written: send it again"))?;
        let arrived = file.length().map_err(disk)?;
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= length);
        if offset != arrived || end.is_none() {
            return Err(Failure::invalid("/offset", format!("must be {arrived}, of {length} bytes in all")));
        }
        file.write_at(offset, bytes).map_err(disk)
    }

    /// Checks what has arrived and gives it its name. Done again after a crash in between, it finds the name given.
    ///
    /// # Errors
    /// When it is not what was signed.
    pub fn take(&self, manifest: &Signed<ImageManifest>) -> Result<(), Failure> {
        let id = manifest.claims().id;
        let (from, to) = (self.part(id), self.whole(id));
        if self.fs.facts(&from).map_err(Failure::internal)?.is_none() && self.has(id)? {
            return Ok(());
        }
        let file = self.checked(&from, manifest)?;
        file.sync().and_then(|()| self.fs.rename(&from, &to)).map_err(Failure::internal)?;
        self.fs.sync_folder(&self.path).map_err(Failure::internal)
    }

    /// What lies at this path, if it is the image that was announced, and all of it.
    ///
    /// # Errors
    /// When it is not, or nothing is there.
    pub fn checked(&self, path: &Path, manifest: &Signed<ImageManifest>) -> Result<Box<dyn File>, Failure> {
        let file = self.fs.open(path, Access::Read).map_err(|error| match error.fault {
            FsFault::NotFound => refused(&format!("nothing has arrived{ELSEWHERE}")),
            _ => Failure::internal(error),
        })?;
        check(&file, manifest).map_err(|error| match error {
            ImageError::Fs(error) => Failure::internal(error),
            wrong => refused(&wrong.to_string()),
        })?;
        Ok(file)
    }

    /// Whether an image lies here whole.
    ///
    /// # Errors
    /// What the disk says.
    pub fn has(&self, id: ImageId) -> Result<bool, Failure> {
        Ok(self.fs.facts(&self.whole(id)).map_err(Failure::internal)?.is_some())
    }

    /// A range of an image that lies here whole.
    ///
    /// # Errors
    /// When it does not.
    pub fn body(&self, id: ImageId, range: Range<u64>) -> Result<Body, Failure> {
        let file = self.fs.open(&self.whole(id), Access::Read).map_err(Failure::internal)?;
        Ok(sent(file, range))
    }

    /// Removes what has arrived of an image that nothing more is expected of.
    ///
    /// # Errors
    /// What the disk says.
    pub fn discard_part(&self, id: ImageId) -> Result<(), FsError> {
        discard(self.fs(), &self.part(id))
    }

    /// Removes an image of which there is a copy elsewhere.
    ///
    /// # Errors
    /// What the disk says.
    pub fn discard_whole(&self, id: ImageId) -> Result<(), FsError> {
        discard(self.fs(), &self.whole(id))
    }

    /// Removes what is here of an image. What was noted about its way elsewhere stays for whoever clears that away.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remove(&self, id: ImageId) -> Result<(), Failure> {
        let paths = [self.part(id), self.whole(id)];
        paths.iter().try_for_each(|path| discard(self.fs(), path)).map_err(Failure::internal)
    }
}

/// What arrives at one server is not at the others.
const ELSEWHERE: &str = "; where several servers share a database, all parts of an image go to the same one";

/// What has arrived must begin with the manifest that was announced.
fn check(source: &dyn Source, manifest: &Signed<ImageManifest>) -> Result<(), ImageError> {
    let front = Front::again(source, manifest)?;
    front.check_length(source)?;
    for stream in &front.manifest().features {
        let table = front.table(source, &stream.feature)?;
        (0..table.pages.len())
            .try_for_each(|page| front.page(source, &stream.feature, &table, page).map(drop))?;
        check_frames(source, &front, &table, &stream.feature, |_| {})?;
    }
    Ok(())
}

/// The bytes of a file, read while they are sent: no more than a few pieces are in memory.
fn sent(file: Box<dyn File>, range: Range<u64>) -> Body {
    let (send, arriving) = channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let Range { start: mut at, end } = range;
        while at < end {
            let mut piece = vec![0; usize::try_from((end - at).min(PIECE)).unwrap_or_default()];
            match file.read_at(at, &mut piece) {
                Ok(read) if read == piece.len() => at += read as u64,
                // A file that became shorter or cannot be read: the connection is cut, and the client goes on later.
                wrong => {
                    tracing::error!(?wrong, "an image could not be read");
                    let _ = send.blocking_send(Err(std::io::ErrorKind::UnexpectedEof.into()));
                    return;
                }
            }
            // Whoever asked has gone away.
            if send.blocking_send(Ok(piece.into())).is_err() {
                return;
            }
        }
    });
    Body::new(Arriving(arriving))
}

struct Arriving(Receiver<Result<Bytes, std::io::Error>>);

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(hyper::body::Frame::data)))
    }
}

/// The operator's disk is the operator's affair, and full for everybody.
fn disk(error: FsError) -> Failure {
    match error.fault {
        FsFault::DiskFull => Failure::because(ProblemCode::Unavailable, "the server's disk is full"),
        _ => Failure::internal(error),
    }
}

fn refused(what: &str) -> Failure {
    Failure::invalid("", what)
}
