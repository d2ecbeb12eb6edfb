//! Everything in a folder, in the order in which an image lists it.

use std::path::Path;
use std::vec::IntoIter;

use carnet_seam::{Found, Tree};

use crate::error::BuildError;
use crate::list::BadList;
use crate::path::{EntryPath, compare_names};

/// Walks through a folder and the folders in it. No more is in memory than the names in the folders that are open.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    tree: &'a dyn Tree,
    root: &'a Path,
    open: Vec<Open>,
    failed: bool,
}

#[derive(Debug)]
struct Open {
    prefix: String,
    names: IntoIter<(String, Found)>,
}

/// One thing on the way.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) path: EntryPath,
    pub(crate) found: Found,
    /// For a folder: whether nothing is in it.
    pub(crate) empty: Option<bool>,
}

impl Step {
    pub(crate) fn length(&self) -> u64 {
        if let Found::File { length, .. } = self.found { length } else { 0 }
    }
}

impl<'a> Walk<'a> {
    pub(crate) fn new(tree: &'a dyn Tree, root: &'a Path) -> Result<Self, BuildError> {
        let mut walk = Self { tree, root, open: Vec::new(), failed: false };
        walk.enter(String::new())?;
        Ok(walk)
    }

    /// Opens a folder; whether it is empty.
    fn enter(&mut self, prefix: String) -> Result<bool, BuildError> {
        let mut names = self.tree.inside(&self.root.join(&prefix))?;
        names.sort_by(|(one, _), (other, _)| compare_names(one, other));
        let empty = names.is_empty();
        for pair in names.windows(2) {
            let (one, other) = (&pair[0].0, &pair[1].0);
            if one.to_lowercase() == other.to_lowercase() {
                let path = |name| self.path(&prefix, name);
                return Err(BadList::Twice(path(one)?, path(other)?).into());
            }
        }
        self.open.push(Open { prefix, names: names.into_iter() });
        Ok(empty)
    }

    fn path(&self, prefix: &str, name: &str) -> Result<EntryPath, BuildError> {
        let text = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        EntryPath::new(&text).map_err(|why| BuildError::Path { path: self.root.join(&text), why })
    }

    fn step(&mut self) -> Result<Option<Step>, BuildError> {
        let (name, found, prefix) = loop {
            let Some(folder) = self.open.last_mut() else { return Ok(None) };
            if let Some((name, found)) = folder.names.next() {
                break (name, found, folder.prefix.clone());
            }
            self.open.pop();
        };
        let path = self.path(&prefix, &name)?;
        let empty = match found {
            Found::Folder => Some(self.enter(path.as_str().to_owned())?),
            Found::Other => return Err(BuildError::Kind(path.below(self.root))),
            Found::File { .. } | Found::Link => None,
        };
        Ok(Some(Step { path, found, empty }))
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Step, BuildError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step().transpose();
        self.failed = step.as_ref().is_some_and(Result::is_err);
        step
    }
}
