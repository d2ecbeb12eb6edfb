//! Extracting: the features of a license become files in a folder.
//!
//! The signed file list says what is made, and nothing else does: names, kinds, lengths and contents of what is
//! made are those in the list, whatever the stream says in its own headers. Every entry is made in a folder that was
//! made or looked at before, never through a link (see [`Order`]).

use std::path::Path;
use std::sync::Arc;

use carnet_core::app::Feature;
use carnet_seam::{File, Found, FsError, Tree};

use crate::error::ImageError;
use crate::front::Front;
use crate::keys::ContentKeys;
use crate::list::{Entry, FileFacts, Order, What};
use crate::path::EntryPath;
use crate::read::{StreamReader, finished};
use crate::reuse::Reuse;
use crate::source::Source;

/// What is extracted, and where to.
pub struct Extraction<'a> {
    /// The image.
    pub source: &'a dyn Source,
    /// Its beginning.
    pub front: &'a Front,
    /// The keys of the features that are wanted.
    pub keys: &'a ContentKeys,
    /// Frames that are here already.
    pub reuse: Option<&'a Reuse<'a>>,
    /// Where files are made.
    pub files: &'a dyn Tree,
    /// A folder that is empty.
    pub to: &'a Path,
}

impl Extraction<'_> {
    /// Extracts these features. `progress` is told how many bytes have been written since the last time.
    ///
    /// Nothing is durable before [`Tree::sync_all`].
    ///
    /// # Errors
    /// [`ImageError`]; the folder then holds a part, which is for the caller to remove.
    pub fn run(&self, features: &[Feature], progress: &mut dyn FnMut(u64)) -> Result<(), ImageError> {
        features.iter().try_for_each(|feature| self.feature(feature, progress))
    }

    fn feature(&self, feature: &Feature, progress: &mut dyn FnMut(u64)) -> Result<(), ImageError> {
        let key = self.keys.get(feature).ok_or_else(|| ImageError::NoKey(feature.clone()))?;
        let table = self.front.table(self.source, feature)?;
        let mut stream = StreamReader::new(Arc::new(self.source), self.front, &table, feature, key)?;
        if let Some(reuse) = self.reuse {
            stream = stream.reusing(reuse);
        }
        let facts = self.front.stream(feature)?;
        let mut order = Order::new(facts.entries, facts.plain_length);
        let bad = |wrong| ImageError::List(feature.clone(), wrong);
        for number in 0..table.pages.len() {
            for entry in self.front.page(self.source, feature, &table, number)? {
                order.check(&entry).map_err(bad)?;
                self.make(&entry, &mut stream, progress)?;
            }
        }
        order.finish().map_err(bad)?;
        // Nothing is made of the end; but only the right frame can stand there.
        stream.from(facts.plain_length.saturating_sub(1)).map(|_| ())
    }

    fn make(
        &self,
        Entry { path, what }: &Entry,
        stream: &mut StreamReader<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ImageError> {
        let place = path.below(self.to);
        let found = self.files.found(&place)?;
        match (what, found) {
            // Another feature has files in it too.
            (What::Folder, Some(Found::Folder)) => Ok(()),
            (_, Some(_)) => Err(ImageError::InTheWay(path.clone())),
            (What::Folder, None) => Ok(self.files.create_folder(&place)?),
            (What::Link(target), None) => Ok(self.files.make_link(&place, target)?),
            (What::File(facts), None) => {
                let file = self.files.create_new(&place)?;
                write(&*file, path, facts, stream, progress)?;
                Ok(self.files.publish(&place, facts.executable)?)
            }
        }
    }
}

fn write(
    file: &dyn File,
    path: &EntryPath,
    facts: &FileFacts,
    stream: &mut StreamReader<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ImageError> {
    let (mut content, mut at) = (blake3::Hasher::new(), 0);
    stream.pieces(facts.offset, facts.length, |piece| -> Result<(), ImageError> {
        content.update(piece);
        file.write_at(at, piece)?;
        at += piece.len() as u64;
        progress(piece.len() as u64);
        Ok(())
    })?;
    if finished(&content) == facts.content { Ok(()) } else { Err(ImageError::File(path.clone())) }
}

/// Holds installed files against the manifest (C2), feature by feature: what differs is shown to `see`.
///
/// # Errors
/// When the list cannot be read; a file that is missing, or cannot be read, is a difference.
pub fn compare(
    front: &Front,
    source: &dyn Source,
    feature: &Feature,
    files: &dyn Tree,
    folder: &Path,
    see: &mut dyn FnMut(&EntryPath, Difference),
) -> Result<(), ImageError> {
    let table = front.table(source, feature)?;
    for number in 0..table.pages.len() {
        for Entry { path, what } in front.page(source, feature, &table, number)? {
            let found = difference(files, &path.below(folder), &what);
            if let Some(difference) = found.unwrap_or(Some(Difference::Unreadable)) {
                see(&path, difference);
            }
        }
    }
    Ok(())
}

/// How something installed differs from the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is gone.
    Missing,
    /// It is something else, or has another content.
    Changed,
    /// It cannot be looked at.
    Unreadable,
}

fn difference(files: &dyn Tree, place: &Path, what: &What) -> Result<Option<Difference>, FsError> {
    let same = match (what, files.found(place)?) {
        (_, None) => return Ok(Some(Difference::Missing)),
        (What::Folder, Some(Found::Folder)) => true,
        (What::Link(target), Some(Found::Link)) => files.link_target(place)? == *target,
        (What::File(facts), Some(Found::File { length, executable })) => {
            length == facts.length
                && executable == facts.executable
                && content_of(files, place, length)? == facts.content
        }
        _ => false,
    };
    Ok((!same).then_some(Difference::Changed))
}

fn content_of(files: &dyn Tree, place: &Path, length: u64) -> Result<carnet_seal::ContentHash, FsError> {
    let file = files.open(place, carnet_seam::fs::Access::Read)?;
    let (mut content, mut piece, mut at) = (blake3::Hasher::new(), vec![0; 64 * 1024], 0);
    while at < length {
        let read = file.read_at(at, &mut piece)?;
        if read == 0 {
            break;
        }
        content.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
    Ok(finished(&content))
}
