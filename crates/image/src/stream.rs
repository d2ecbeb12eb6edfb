//! The plain stream of a feature: a tar archive that says nothing but names, contents, links and what may be run.
//!
//! No times, no owners: the same files give the same stream, wherever and whenever it is made. Frames begin where
//! large files do, and between small ones wherever the hash of a name says so, which no other file can
//! move. So a file that is added or grows changes the frames around it, and an upgrade finds the others
//! again.

use std::io;

use carnet_seam::File;
use tar::{Builder, EntryType, Header};

use crate::path::EntryPath;
use crate::table::LARGEST_FRAME;

/// Tar counts in blocks.
pub(crate) const BLOCK: u64 = 512;
/// Two empty blocks.
pub(crate) const END: usize = 1_024;
/// A file from this size on has frames of its own.
const OWN_FRAMES: u64 = 256 * 1024;
/// Small files share a frame with some 32 others.
const TOGETHER: u8 = 32;

/// What a header says beside the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says<'a> {
    Folder,
    File { length: u64, executable: bool },
    Link(&'a str),
}

/// The bytes that stand before the content of an entry.
pub(crate) fn header(path: &EntryPath, says: Says<'_>) -> io::Result<Vec<u8>> {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut out = Builder::new(Vec::new());
    match says {
        Says::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            out.append_data(&mut header, format!("{path}/"), io::empty())?;
        }
        Says::File { length, executable } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_size(length);
            out.append_data(&mut header, path.as_str(), io::empty())?;
        }
        Says::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            out.append_link(&mut header, path.as_str(), target)?;
        }
    }
    // Not `into_inner`: that would write the end of the archive.
    Ok(out.get_ref().clone())
}

/// What follows after a content of this length.
pub(crate) fn padding(length: u64) -> usize {
    usize::try_from((BLOCK - length % BLOCK) % BLOCK).unwrap_or_default()
}

/// Whether a frame ends before an entry.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    after_large: bool,
}

impl Boundaries {
    pub(crate) fn cut_before(&mut self, path: &EntryPath, length: u64) -> bool {
        let large = length >= OWN_FRAMES;
        let cut = large
            || self.after_large
            || blake3::hash(path.as_str().as_bytes()).as_bytes()[0].is_multiple_of(TOGETHER);
        self.after_large = large;
        cut
    }
}

/// Takes whole frames.
pub(crate) type Take<'t, E> = dyn FnMut(&[u8], bool) -> Result<(), E> + 't;

/// Cuts a stream into frames.
pub(crate) struct Cutter<'t, E> {
    frame: Vec<u8>,
    position: u64,
    take: &'t mut Take<'t, E>,
}

impl<'t, E> Cutter<'t, E> {
    pub(crate) fn new(take: &'t mut Take<'t, E>) -> Self {
        Self { frame: Vec::with_capacity(LARGEST_FRAME), position: 0, take }
    }

    /// How long the stream is so far.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn cut(&mut self) -> Result<(), E> {
        if self.frame.is_empty() { Ok(()) } else { self.give(false) }
    }

    pub(crate) fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), E> {
        while !bytes.is_empty() {
            let room = self.room(bytes.len())?;
            let (now, later) = bytes.split_at(room);
            self.frame.extend_from_slice(now);
            self.position += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Takes `length` bytes of a file, and shows each piece. False: the file has not as many.
    pub(crate) fn file(
        &mut self,
        file: &dyn File,
        length: u64,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<bool, E>
    where
        E: From<carnet_seam::FsError>,
    {
        let mut read = 0;
        while read < length {
            let room = self.room(usize::try_from(length - read).unwrap_or(usize::MAX))?;
            let start = self.frame.len();
            self.frame.resize(start + room, 0);
            let piece = &mut self.frame[start..];
            if file.read_at(read, piece)? < room {
                return Ok(false);
            }
            seen(piece);
            read += room as u64;
            self.position += room as u64;
        }
        let more = file.read_at(length, &mut [0])? > 0;
        Ok(!more)
    }

    /// The end has a frame of its own: a file that comes after all others changes nothing before it.
    pub(crate) fn finish(mut self) -> Result<u64, E> {
        self.cut()?;
        self.bytes(&[0; END])?;
        self.give(true)?;
        Ok(self.position)
    }

    /// How much of so many bytes still fits into the frame; a full one is given away first.
    fn room(&mut self, wanted: usize) -> Result<usize, E> {
        if self.frame.len() == LARGEST_FRAME {
            self.give(false)?;
        }
        Ok(wanted.min(LARGEST_FRAME - self.frame.len()))
    }

    fn give(&mut self, last: bool) -> Result<(), E> {
        (self.take)(&self.frame, last)?;
        self.frame.clear();
        Ok(())
    }
}
