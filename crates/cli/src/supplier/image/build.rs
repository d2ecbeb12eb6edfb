//! `carnet supplier image build`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use carnet_core::app::{AppId, Feature, Platform, Version};
use carnet_core::document::PublicKey;
use carnet_core::time::Time;
use carnet_image::build::USUAL_LEVEL;
use carnet_image::{Built, Patterns, Recipe, SealedKeys, Workshop, build};
use carnet_seam::fs::replace_file;
use carnet_seam::{Clock, RealFs, SystemClock, SystemRandom};
use clap::Args;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::meter::{Meter, bytes_in_words};
use crate::supplier::image_key;
use crate::user::install::{absolute, here};

use super::key_service;

/// Make an image of everything in a folder.
#[derive(Debug, Args)]
pub struct Build {
    /// The folder with the program as it is to be installed
    folder: PathBuf,
    /// Of which app
    #[arg(long)]
    app: AppId,
    /// Which version of it
    #[arg(long, value_name = "VERSION", id = "of_version")]
    version: Version,
    /// What belongs to a feature, like `brushes=share/brushes/**`; may be repeated, and the first that matches decides
    #[arg(long = "feature", value_name = "NAME=PATTERN", required = true)]
    features: Vec<FeaturePattern>,
    /// The image to write; its content keys are written beside it, with the ending `.keys`
    #[arg(long, value_name = "FILE.cimg")]
    to: PathBuf,
    /// A feature that stays sealed where it is installed: the program reads it through its controller; may be repeated
    #[arg(long = "sealed", value_name = "NAME")]
    sealed: Vec<Feature>,
    /// The public key of the key service: the content keys are sealed to it [default: the one that the server names,
    /// once and for all]
    #[arg(long, value_name = "KEY")]
    key_service: Option<PublicKeyText>,
    /// For which machines, or `any` [default: those like this one]
    #[arg(long)]
    platform: Option<Platform>,
    /// How hard to compress, from 1 to 22
    #[arg(long, value_name = "LEVEL", default_value_t = USUAL_LEVEL, value_parser = clap::value_parser!(i32).range(1..=22))]
    level: i32,
}

/// `NAME=PATTERN`.
#[derive(Debug, Clone)]
struct FeaturePattern(Feature, String);

impl FromStr for FeaturePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pattern) = text.split_once('=').ok_or("write a feature and a pattern, like `core=**`")?;
        Ok(Self(
            name.parse().map_err(|wrong: carnet_core::app::BadName| wrong.to_string())?,
            pattern.to_owned(),
        ))
    }
}

/// 64 hexadecimal digits.
#[derive(Debug, Clone, Copy)]
struct PublicKeyText(PublicKey);

impl FromStr for PublicKeyText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self(PublicKey(bytes))).ok_or("a public key has 64 hexadecimal digits")
    }
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made<'a> {
    id: String,
    app: &'a AppId,
    version: Version,
    platform: String,
    image: String,
    keys: String,
    bytes: u64,
    features: Vec<MadeFeature>,
}

#[derive(Debug, Serialize)]
struct MadeFeature {
    feature: String,
    entries: u64,
    bytes: u64,
}

impl Build {
    /// Builds the image.
    ///
    /// # Errors
    /// Why it could not be done; no image is left then.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let signer = image_key::of(context, &self.app.supplier())?;
        let to = match self.key_service {
            Some(PublicKeyText(named)) => named,
            None => key_service::pinned(context, &self.app.supplier())?,
        };
        let recipe = self.recipe()?;
        let mut meter = Meter::new(context.output, format!("building {}", self.to.display()));
        let mut workshop = Workshop {
            files: &RealFs::with_crash(context.crash()),
            random: &SystemRandom,
            signer: &signer,
            progress: &mut |done, total| meter.at(done, total),
        };
        let built = build(&recipe, &mut workshop, &self.to)?;
        drop(meter);
        let keys = self.keep_keys(context, &built, to)?;
        self.tell(context, &built, &keys)
    }

    fn recipe(&self) -> Result<Recipe<'_>, Failure> {
        let mut patterns = Patterns::default();
        for FeaturePattern(feature, pattern) in &self.features {
            patterns = patterns.with(feature, pattern)?;
        }
        Ok(Recipe {
            folder: &self.folder,
            app: self.app.clone(),
            version: self.version,
            platform: self
                .platform
                .clone()
                .map_or_else(|| here().map_err(|wrong| wrong.with_remedy("give it with --platform")), Ok)?,
            built: Time(SystemClock.wall_micros()),
            patterns,
            sealed: self.sealed.iter().cloned().collect(),
            level: self.level,
        })
    }

    fn keep_keys(&self, context: &Context, built: &Built, to: PublicKey) -> Result<PathBuf, Failure> {
        let sealed = SealedKeys::seal(built.manifest.claims(), &built.keys, to, &SystemRandom)?;
        let place = absolute(&self.to.with_extension("keys"))?;
        replace_file(&*context.files, &place, &sealed.encode())?;
        Ok(place)
    }

    fn tell(&self, context: &Context, built: &Built, keys: &Path) -> Result<(), Failure> {
        let manifest = built.manifest.claims();
        let feature = |stream: &carnet_seal::image::FeatureStream| MadeFeature {
            feature: stream.feature.to_string(),
            entries: stream.entries,
            bytes: stream.plain_length,
        };
        let made = Made {
            id: manifest.id.to_string(),
            app: &self.app,
            version: self.version,
            platform: manifest.platform.to_string(),
            image: self.to.display().to_string(),
            keys: keys.display().to_string(),
            bytes: context.files.facts(&self.to)?.map_or(0, |facts| facts.length),
            features: manifest.features.iter().map(feature).collect(),
        };
        context.output.result(&made, || in_words(&made))
    }
}

fn in_words(made: &Made<'_>) -> String {
    let mut text = format!(
        "{} holds {} {} for {} ({}).\n",
        made.image,
        made.app,
        made.version,
        made.platform,
        bytes_in_words(made.bytes)
    );
    for MadeFeature { feature, entries, bytes } in &made.features {
        text += &format!("  {feature}: {entries} files and folders, {}\n", bytes_in_words(*bytes));
    }
    text + &format!("The content keys are in {}, sealed to the key service.\n", made.keys)
}
