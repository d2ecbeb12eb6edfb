//! Which file belongs to which feature.

use std::collections::VecDeque;
use std::path::Path;

use carnet_core::app::Feature;
use globset::{GlobBuilder, GlobMatcher};

use crate::error::BuildError;
use crate::path::EntryPath;
use crate::walk::{Step, Walk};

/// The supplier's patterns, by feature. The first pattern that matches a path decides.
///
/// `*` stays within one folder, `**` does not: `brushes/**` is everything in `brushes`, `**` is everything that
/// no pattern before has taken.
#[derive(Debug, Clone, Default)]
pub struct Patterns(Vec<(Feature, GlobMatcher)>);

impl Patterns {
    /// With one more pattern.
    ///
    /// # Errors
    /// When it is none.
    ///
    /// ```
    /// use carnet_image::{EntryPath, Patterns};
    ///
    /// let (core, brushes) = ("core".parse()?, "brushes".parse()?);
    /// let patterns = Patterns::default().with(&brushes, "brushes/**")?.with(&core, "**")?;
    /// assert_eq!(patterns.feature_of(&EntryPath::new("brushes/oil")?), Some(&brushes));
    /// assert_eq!(patterns.feature_of(&EntryPath::new("bin/paint")?), Some(&core));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(mut self, feature: &Feature, pattern: &str) -> Result<Self, BuildError> {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob.map_err(|wrong| BuildError::Pattern(pattern.to_owned(), wrong.kind().to_string()))?;
        self.0.push((feature.clone(), glob.compile_matcher()));
        Ok(self)
    }

    /// The feature that a path belongs to.
    #[must_use]
    pub fn feature_of(&self, path: &EntryPath) -> Option<&Feature> {
        self.first(path).and_then(|at| self.0.get(at)).map(|(feature, _)| feature)
    }

    /// All features, in the order of their names.
    #[must_use]
    pub fn features(&self) -> Vec<Feature> {
        let mut features: Vec<_> = self.0.iter().map(|(feature, _)| feature.clone()).collect();
        features.sort();
        features.dedup();
        features
    }

    fn first(&self, path: &EntryPath) -> Option<usize> {
        self.0.iter().position(|(_, pattern)| pattern.is_match(Path::new(path.as_str())))
    }

    /// Looks at every path before any work is done: each must belong to a feature, and each pattern must match
    /// something. Gives the bytes of all files.
    pub(crate) fn check(&self, walk: Walk<'_>) -> Result<u64, BuildError> {
        if self.0.is_empty() {
            return Err(BuildError::NoFeature);
        }
        let (mut used, mut bytes, mut unmatched, mut first) = (vec![false; self.0.len()], 0, 0, None);
        for step in walk {
            let step = step?;
            match (self.first(&step.path), &step) {
                (Some(at), _) => used[at] = true,
                (None, Step { empty: None, .. }) => {
                    unmatched += 1;
                    first.get_or_insert(step.path.to_string());
                }
                // A folder belongs to whatever is in it.
                (None, _) => {}
            }
            bytes += step.length();
        }
        if let Some(first) = first {
            return Err(BuildError::Unmatched { count: unmatched, first });
        }
        match self.0.iter().zip(used).find(|(_, used)| !used) {
            None => Ok(bytes),
            Some(((feature, glob), _)) => {
                Err(BuildError::Nothing { feature: feature.clone(), pattern: glob.glob().glob().to_owned() })
            }
        }
    }
}

/// The files and links of one feature, and the folders that they are in. A folder in which nothing is
/// belongs to the feature that its own name matches.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    walk: Walk<'a>,
    patterns: &'a Patterns,
    feature: &'a Feature,
    /// Folders on the way that are not listed yet, as nothing in them was chosen.
    folders: Vec<Step>,
    ready: VecDeque<Step>,
}

impl<'a> Chosen<'a> {
    pub(crate) fn new(walk: Walk<'a>, patterns: &'a Patterns, feature: &'a Feature) -> Self {
        Self { walk, patterns, feature, folders: Vec::new(), ready: VecDeque::new() }
    }

    fn consider(&mut self, step: Step) {
        let full_folder = step.empty == Some(false);
        let chosen = !full_folder && self.patterns.feature_of(&step.path) == Some(self.feature);
        self.folders.retain(|folder| step.path.is_in(&folder.path));
        if chosen {
            self.ready.extend(self.folders.drain(..));
            self.ready.push_back(step);
        } else if full_folder {
            self.folders.push(step);
        }
    }
}

impl Iterator for Chosen<'_> {
    type Item = Result<Step, BuildError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.walk.next()? {
                Ok(step) => self.consider(step),
                Err(error) => return Some(Err(error)),
            }
        }
        self.ready.pop_front().map(Ok)
    }
}
