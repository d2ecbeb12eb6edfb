//! Building: a folder becomes an image.

use std::collections::BTreeSet;
use std::path::Path;

use carnet_core::app::{AppId, Feature, Platform, Version};
use carnet_core::id::ImageId;
use carnet_core::time::Time;
use carnet_seal::image::{FeatureStream, Kept};
use carnet_seal::{ImageManifest, Signed, Signer, sign};
use carnet_seam::{Random, Tree, random};

use crate::error::BuildError;
use crate::frame::{Sealer, Stream};
use crate::front;
use crate::keys::{ContentKey, ContentKeys};
use crate::lister::Lister;
use crate::select::{Chosen, Patterns};
use crate::spool::Spool;
use crate::stream::Cutter;
use crate::table::{Table, hash};
use crate::walk::Walk;

/// The level of zstd where nothing else is asked for.
pub const USUAL_LEVEL: i32 = 3;

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Recipe<'a> {
    /// Everything in it goes into the image.
    pub folder: &'a Path,
    /// Of which app.
    pub app: AppId,
    /// Which version.
    pub version: Version,
    /// For which kind of machine.
    pub platform: Platform,
    /// The time by the supplier's clock.
    pub built: Time,
    /// What belongs to which feature.
    pub patterns: Patterns,
    /// Features that stay sealed where they are installed.
    pub sealed: BTreeSet<Feature>,
    /// The level of zstd, from 1 to 22.
    pub level: i32,
}

/// What building needs of its surroundings.
pub struct Workshop<'a> {
    /// Where folder and image are.
    pub files: &'a dyn Tree,
    /// For the keys and the name of the image.
    pub random: &'a dyn Random,
    /// The supplier's image key.
    pub signer: &'a dyn Signer,
    /// Is told how many bytes of how many are done.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// What a build leaves beside the image.
#[derive(Debug)]
pub struct Built {
    /// The manifest.
    pub manifest: Signed<ImageManifest>,
    /// The keys of all features: they go to the key service and to nobody else.
    pub keys: ContentKeys,
}

/// Builds an image. It appears under its name when it is complete, and replaces an older file of that name.
///
/// # Errors
/// [`BuildError`], each with what the supplier can do; no image is left then.
pub fn build(recipe: &Recipe<'_>, workshop: &mut Workshop<'_>, to: &Path) -> Result<Built, BuildError> {
    let files = workshop.files;
    let named = recipe.patterns.features();
    if let Some(unknown) = recipe.sealed.iter().find(|sealed| !named.contains(sealed)) {
        return Err(BuildError::NotNamed(unknown.clone()));
    }
    let total = recipe.patterns.check(Walk::new(files, recipe.folder)?)?;
    let id = ImageId(random::bytes(workshop.random)?);
    let mut parts = Parts {
        recipe,
        files,
        done: 0,
        total,
        progress: workshop.progress,
        lists: Spool::beside(files, to, ".lists")?,
        frames: Spool::beside(files, to, ".frames")?,
    };
    let (mut features, mut tables, mut keys) = (Vec::new(), Vec::new(), ContentKeys::new());
    for feature in named {
        let key = ContentKey::random(workshop.random)?;
        let stream = Stream::new(id, &feature, &key).map_err(|error| BuildError::Frame(error.to_string()))?;
        let (row, table) = parts.feature(stream)?;
        features.push(row);
        tables.push(table);
        keys.insert(feature, key);
    }
    let manifest = ImageManifest {
        id,
        app: recipe.app.clone(),
        version: recipe.version,
        platform: recipe.platform.clone(),
        built: recipe.built,
        features,
    };
    let manifest = sign(manifest, workshop.signer)?;
    parts.assemble(&manifest, &tables, to)?;
    Ok(Built { manifest, keys })
}

struct Parts<'a, 'p> {
    recipe: &'a Recipe<'a>,
    files: &'a dyn Tree,
    done: u64,
    total: u64,
    progress: &'p mut dyn FnMut(u64, u64),
    lists: Spool<'a>,
    frames: Spool<'a>,
}

impl Parts<'_, '_> {
    /// Adds the list and the frames of one feature.
    fn feature(&mut self, stream: Stream) -> Result<(FeatureStream, Vec<u8>), BuildError> {
        let feature = stream.feature().clone();
        let before = (self.lists.length(), self.frames.length());
        let sealer = Sealer::new(stream, self.recipe.level);
        let sealer = sealer.map_err(|error| BuildError::Frame(error.to_string()))?;
        let (table, plain_length, entries) = self.table(&feature, sealer)?;
        if table.is_too_large() {
            return Err(BuildError::TooLarge(feature));
        }
        let bytes = table.encode();
        let kept = self.recipe.sealed.contains(&feature);
        let row = FeatureStream {
            feature: feature.clone(),
            table: hash(&bytes),
            table_length: u32::try_from(bytes.len()).map_err(|_| BuildError::TooLarge(feature))?,
            list_length: self.lists.length() - before.0,
            sealed_length: self.frames.length() - before.1,
            plain_length,
            entries,
            kept: kept.then_some(Kept::Sealed),
        };
        Ok((row, bytes))
    }

    fn table(&mut self, feature: &Feature, mut sealer: Sealer) -> Result<(Table, u64, u64), BuildError> {
        let (frames, mut rows) = (&mut self.frames, Vec::new());
        let mut take = |plain: &[u8], last| -> Result<(), BuildError> {
            let (sealed, row) = sealer.seal(plain, last).map_err(BuildError::Frame)?;
            frames.add(sealed)?;
            rows.push(row);
            Ok(())
        };
        let folder = self.recipe.folder;
        let mut lister = Lister::new(self.files, folder, &mut self.lists, Cutter::new(&mut take));
        for step in Chosen::new(Walk::new(self.files, folder)?, &self.recipe.patterns, feature) {
            let step = step?;
            self.done += step.length();
            lister.add(&step)?;
            (self.progress)(self.done, self.total);
        }
        let (pages, plain_length, entries) = lister.finish()?;
        Ok((Table { pages, frames: rows }, plain_length, entries))
    }

    fn assemble(
        self,
        manifest: &Signed<ImageManifest>,
        tables: &[Vec<u8>],
        to: &Path,
    ) -> Result<(), BuildError> {
        let mut image = Spool::beside(self.files, to, ".new")?;
        image.add(&front::beginning(manifest.bytes()))?;
        tables.iter().try_for_each(|table| image.add(table))?;
        image.add_all(&self.lists)?;
        image.add_all(&self.frames)?;
        Ok(image.rename(to)?)
    }
}
