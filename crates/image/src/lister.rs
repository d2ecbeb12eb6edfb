//! Writes the stream of a feature and its file list side by side.

use std::path::Path;

use carnet_seal::ContentHash;
use carnet_seam::fs::Access;
use carnet_seam::{Found, Tree};

use crate::error::BuildError;
use crate::list::{Entry, FileFacts, PageWriter, What};
use crate::path::{EntryPath, check_target};
use crate::spool::Spool;
use crate::stream::{Boundaries, Cutter, Says, header, padding};
use crate::table::{Page, hash};
use crate::walk::Step;

pub(crate) struct Lister<'a, 't> {
    files: &'a dyn Tree,
    root: &'a Path,
    lists: &'t mut Spool<'a>,
    cutter: Cutter<'t, BuildError>,
    boundaries: Boundaries,
    writer: PageWriter,
    pages: Vec<Page>,
    entries: u64,
}

impl<'a, 't> Lister<'a, 't> {
    pub(crate) fn new(
        files: &'a dyn Tree,
        root: &'a Path,
        lists: &'t mut Spool<'a>,
        cutter: Cutter<'t, BuildError>,
    ) -> Self {
        let (boundaries, writer) = (Boundaries::default(), PageWriter::default());
        Self { files, root, lists, cutter, boundaries, writer, pages: Vec::new(), entries: 0 }
    }

    pub(crate) fn add(&mut self, step: &Step) -> Result<(), BuildError> {
        let path = &step.path;
        if self.boundaries.cut_before(path, step.length()) {
            self.cutter.cut()?;
        }
        let what = match step.found {
            Found::Folder => self.plain(path, Says::Folder).map(|()| What::Folder),
            Found::File { length, executable } => self.file(path, length, executable),
            Found::Link => self.link(path),
            Found::Other => Err(BuildError::Kind(path.below(self.root))),
        }?;
        self.entries += 1;
        match self.writer.add(Entry { path: path.clone(), what }) {
            None => Ok(()),
            Some(page) => self.page(&page),
        }
    }

    /// The pages, the length of the stream, and how many entries there are.
    pub(crate) fn finish(mut self) -> Result<(Vec<Page>, u64, u64), BuildError> {
        if let Some(page) = std::mem::take(&mut self.writer).finish() {
            self.page(&page)?;
        }
        Ok((self.pages, self.cutter.finish()?, self.entries))
    }

    fn page(&mut self, page: &[u8]) -> Result<(), BuildError> {
        self.lists.add(page)?;
        self.pages.push(Page { length: u32::try_from(page.len()).unwrap_or(u32::MAX), hash: hash(page) });
        Ok(())
    }

    fn plain(&mut self, path: &EntryPath, says: Says<'_>) -> Result<(), BuildError> {
        let header = header(path, says).map_err(|error| BuildError::Frame(error.to_string()))?;
        self.cutter.bytes(&header)
    }

    fn file(&mut self, path: &EntryPath, length: u64, executable: bool) -> Result<What, BuildError> {
        self.plain(path, Says::File { length, executable })?;
        let place = path.below(self.root);
        let file = self.files.open(&place, Access::Read)?;
        let (offset, mut content) = (self.cutter.position(), blake3::Hasher::new());
        let whole = self.cutter.file(&*file, length, |piece| {
            content.update(piece);
        })?;
        if !whole {
            return Err(BuildError::Changed(place));
        }
        self.cutter.bytes(&[0; 512][..padding(length)])?;
        let content = ContentHash(*content.finalize().as_bytes());
        Ok(What::File(FileFacts { length, content, offset, executable }))
    }

    fn link(&mut self, path: &EntryPath) -> Result<What, BuildError> {
        let place = path.below(self.root);
        let target = self.files.link_target(&place)?;
        check_target(path, &target).map_err(|why| BuildError::Link { path: place, why })?;
        self.plain(path, Says::Link(&target))?;
        Ok(What::Link(target))
    }
}
