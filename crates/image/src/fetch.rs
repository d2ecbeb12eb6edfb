//! Fetching an image by ranges, so that it goes on where it was cut off.
//!
//! What has arrived lies in one file, each part at the place that it has in the image. Which frames are there is found
//! out by their hashes when it goes on, not written down: whatever a crash has left, no wrong byte is taken for a right
//! one. Frames that nobody asked for, and those that an older installation has, are never fetched.

use std::path::Path;

use carnet_core::app::Feature;
use carnet_seam::fs::{Access, discard};
use carnet_seam::{File, Fs, FsError, FsFault, NetError};

use crate::error::ImageError;
use crate::front::{Front, LARGEST_HEAD, Placed, Trust, Wanted};
use crate::read::is_frame;
use crate::reuse::Reuse;
use crate::source::Source;

/// How much is asked for at once, in bytes: a few frames.
const PIECE: u64 = 4 * 1024 * 1024;

/// Where an image can be read by ranges: a server, whosever it is.
pub trait Ranges: Send + Sync {
    /// The length of the image, in bytes.
    ///
    /// # Errors
    /// When no answer came.
    fn length(&self) -> Result<u64, NetError>;

    /// `length` bytes from `offset` on; fewer where the connection broke after some had arrived.
    ///
    /// # Errors
    /// When nothing came.
    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, NetError>;
}

/// Why an image could not be fetched. Trying again goes on where it ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The server did not answer, or the connection broke.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The image is not what it should be.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl From<FsError> for FetchError {
    fn from(error: FsError) -> Self {
        Self::Image(error.into())
    }
}

/// An image that is being fetched.
pub struct Fetch<'a> {
    ranges: &'a dyn Ranges,
    file: Box<dyn File>,
    front: Front,
}

impl<'a> Fetch<'a> {
    /// Fetches the beginning of the image and checks who has signed it, before anything else is asked for. What is at
    /// `part` of the same image is kept, anything else there is thrown away.
    ///
    /// # Errors
    /// When it does not come, or is not wanted.
    pub fn begin(
        ranges: &'a dyn Ranges,
        fs: &dyn Fs,
        part: &Path,
        trust: Trust<'_>,
        wanted: &Wanted,
    ) -> Result<Self, FetchError> {
        let length = ranges.length()?;
        let head = whole(ranges, 0, length.min(LARGEST_HEAD))?;
        let front = Front::open(&head, trust)?;
        wanted.check(front.manifest())?;
        let (found, expected) = (length, front.image_length());
        if found != expected {
            return Err(ImageError::CutShort { found, expected }.into());
        }
        let file = same_image(fs, part, &front, trust)?;
        let head = head.get(..head.len().min(usize::try_from(front.length()).unwrap_or(usize::MAX)));
        file.write_at(0, head.unwrap_or_default())?;
        let mut at = head.map_or(0, |head| head.len() as u64);
        while at < front.length() {
            let piece = whole(ranges, at, (front.length() - at).min(PIECE))?;
            file.write_at(at, &piece)?;
            at += piece.len() as u64;
        }
        Ok(Self { ranges, file, front })
    }

    /// The beginning of the image.
    #[must_use]
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// What has arrived so far, to be read.
    #[must_use]
    pub fn source(&self) -> &dyn Source {
        &self.file
    }

    /// Fetches the frames of these features, each checked when it arrives. `progress` is told how many bytes of how many
    /// are here; what need not be fetched is in neither.
    ///
    /// # Errors
    /// When they do not come, or are not what the manifest says.
    pub fn frames(
        &self,
        features: &[Feature],
        reuse: Option<&Reuse<'_>>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), FetchError> {
        let mut wanted = Vec::new();
        for feature in features {
            let table = self.front.table(&self.file, feature)?;
            let placed = self.front.frames(feature, &table);
            wanted.extend(
                placed
                    .filter(|placed| !reuse.is_some_and(|reuse| reuse.has(&placed.row)))
                    .map(|placed| (feature, placed)),
            );
        }
        let total: u64 = wanted.iter().map(|(_, placed)| length_of(placed)).sum();
        let mut missing = Vec::new();
        let mut done = 0;
        for (feature, placed) in wanted {
            if self.is_here(&placed)? {
                done += length_of(&placed);
            } else {
                missing.push((feature, placed));
            }
        }
        progress(done, total);
        for run in runs(&missing) {
            self.run(run, &mut |length| {
                done += length;
                progress(done, total);
            })?;
        }
        Ok(self.file.sync()?)
    }

    fn is_here(&self, placed: &Placed) -> Result<bool, FsError> {
        let mut sealed = vec![0; placed.row.sealed_length as usize];
        let read = self.file.read_at(placed.at, &mut sealed)?;
        Ok(read == sealed.len() && is_frame(placed, &sealed))
    }

    /// Fetches frames that lie side by side. Those that arrived before a cut are kept.
    fn run(&self, run: &[(&Feature, Placed)], seen: &mut dyn FnMut(u64)) -> Result<(), FetchError> {
        let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) else { return Ok(()) };
        let bytes = self.ranges.read(first.at, last.at + length_of(last) - first.at)?;
        for (feature, placed) in run {
            let from = usize::try_from(placed.at - first.at).unwrap_or(usize::MAX);
            let sealed = bytes.get(from..from.saturating_add(placed.row.sealed_length as usize));
            let sealed =
                sealed.ok_or_else(|| NetError::Interrupted("the image is not complete".to_owned()))?;
            if !is_frame(placed, sealed) {
                let (feature, index) = ((*feature).clone(), placed.index);
                return Err(ImageError::Frame { feature, index }.into());
            }
            self.file.write_at(placed.at, sealed)?;
            seen(sealed.len() as u64);
        }
        Ok(())
    }
}

fn length_of(placed: &Placed) -> u64 {
    u64::from(placed.row.sealed_length)
}

/// Frames side by side, as many as are asked for at once.
fn runs<'m, 'f>(missing: &'m [(&'f Feature, Placed)]) -> impl Iterator<Item = &'m [(&'f Feature, Placed)]> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = missing.get(from..).filter(|rest| !rest.is_empty())?;
        let first = rest.first().map_or(0, |(_, placed)| placed.at);
        let mut end = first;
        let fits = |(_, placed): &&(&Feature, Placed)| {
            let follows = placed.at == end && placed.at + length_of(placed) - first <= PIECE;
            end = placed.at + length_of(placed);
            follows
        };
        let count = rest.iter().take_while(fits).count().max(1);
        from += count;
        rest.get(..count)
    })
}

/// All of a range, in as many answers as it takes.
fn whole(ranges: &dyn Ranges, offset: u64, length: u64) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let at = bytes.len() as u64;
        let more = ranges.read(offset + at, length - at)?;
        if more.is_empty() || more.len() as u64 > length - at {
            return Err(NetError::Interrupted("it sent another part of the image".to_owned()).into());
        }
        bytes.extend(more);
    }
    Ok(bytes)
}

/// The file of what has arrived; emptied when it is of another image.
fn same_image(
    fs: &dyn Fs,
    part: &Path,
    front: &Front,
    trust: Trust<'_>,
) -> Result<Box<dyn File>, FetchError> {
    match fs.open(part, Access::Write) {
        Ok(file) => {
            let known = Front::open(&file, trust).ok();
            if known.is_some_and(|known| known.signed().bytes() == front.signed().bytes()) {
                return Ok(file);
            }
            drop(file);
            discard(fs, part)?;
        }
        Err(FsError { fault: FsFault::NotFound, .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(fs.create_new(part)?)
}
