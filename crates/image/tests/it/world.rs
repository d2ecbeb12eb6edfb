//! A supplier with a program, and a device with a folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use carnet_core::app::{Feature, Version};
use carnet_core::time::Time;
use carnet_image::{
    BuildError, Built, ContentKeys, Extraction, Front, ImageError, Installed, Patterns, Recipe, Reuse,
    Source, Trust, Workshop, build,
};
use carnet_seal::{ImageKey, SigningKey};
use carnet_seam::fs::Access;
use carnet_seam::{Fs, RealFs};
use carnet_testkit::SeededRandom;

/// A folder that is removed with everything in it.
pub struct Temporary(PathBuf);

impl Temporary {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("carnet-image-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl std::ops::Deref for Temporary {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn feature(name: &str) -> Feature {
    name.parse().unwrap()
}

pub fn signing_key() -> SigningKey {
    SigningKey::from_seed(&[6; 32])
}

pub fn image_key() -> ImageKey {
    ImageKey { supplier: "acme".parse().unwrap(), key: signing_key().verifying_key() }
}

/// `path => content`; a content of `-> target` is a link, one that begins with `#!` is a program, a path that ends
/// in `/` is a folder.
pub fn lay_out(folder: &Path, files: &[(&str, &[u8])]) {
    for (path, content) in files {
        let place = folder.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        match std::str::from_utf8(content).ok().and_then(|text| text.strip_prefix("-> ")) {
            Some(target) => std::os::unix::fs::symlink(target, place).unwrap(),
            None if path.ends_with('/') => std::fs::create_dir_all(place).unwrap(),
            None => write(&place, content),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test lays out a folder")]
pub fn write(place: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(place, content).unwrap();
    let mode = if content.starts_with(b"#!") { 0o755 } else { 0o644 };
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything in a folder: mode and content.
pub fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    gather(folder, "", &mut found);
    found
}

fn gather(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), format!("{prefix}{}", entry.file_name().into_string().unwrap()));
        let facts = entry.metadata().unwrap();
        if facts.is_dir() {
            found.insert(name.clone() + "/", "folder".into());
            gather(&path, &(name + "/"), found);
        } else if facts.is_symlink() {
            found.insert(name, format!("-> {}", std::fs::read_link(path).unwrap().display()));
        } else {
            let run = if facts.permissions().mode() & 0o111 != 0 { "program " } else { "" };
            found.insert(name, format!("{run}{}", blake3_of(&std::fs::read(path).unwrap())));
        }
    }
}

fn blake3_of(bytes: &[u8]) -> String {
    format!("{} bytes {}", bytes.len(), carnet_image::table::hash(bytes))
}

/// `core=**` last, and what else is given before it.
pub fn patterns(rows: &[(&str, &str)]) -> Patterns {
    let with = |patterns: Patterns, (name, glob): &(&str, &str)| patterns.with(&feature(name), glob).unwrap();
    rows.iter().fold(Patterns::default(), with)
}

pub fn try_build(
    folder: &Path,
    version: &str,
    rows: &[(&str, &str)],
    to: &Path,
) -> Result<Built, BuildError> {
    try_build_with(folder, version, rows, to, version.len() as u64 + 40)
}

pub fn try_build_with(
    folder: &Path,
    version: &str,
    rows: &[(&str, &str)],
    to: &Path,
    seed: u64,
) -> Result<Built, BuildError> {
    build_by(&recipe(folder, version, rows), to, seed)
}

pub fn recipe<'a>(folder: &'a Path, version: &str, rows: &[(&str, &str)]) -> Recipe<'a> {
    Recipe {
        folder,
        app: "acme/paint".parse().unwrap(),
        version: version.parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
        built: Time(1_790_000_000_000_000),
        patterns: patterns(rows),
        sealed: std::collections::BTreeSet::new(),
        level: 3,
    }
}

pub fn build_by(recipe: &Recipe<'_>, to: &Path, seed: u64) -> Result<Built, BuildError> {
    let (files, random) = (RealFs::default(), SeededRandom::new(seed));
    let mut workshop =
        Workshop { files: &files, random: &random, signer: &signing_key(), progress: &mut |_, _| {} };
    build(recipe, &mut workshop, to)
}

/// An image of these files, all in one feature unless `rows` says otherwise.
pub fn built(folder: &Path, files: &[(&str, &[u8])], rows: &[(&str, &str)]) -> (Vec<u8>, ContentKeys) {
    let (program, image) = (folder.join("program"), folder.join("paint.cimg"));
    lay_out(&program, files);
    let rows = if rows.is_empty() { &[("core", "**")] } else { rows };
    let built = try_build(&program, "2.0.0", rows, &image).unwrap();
    (std::fs::read(image).unwrap(), built.keys)
}

pub fn open(image: &dyn Source) -> Result<Front, ImageError> {
    Front::open(image, Trust::Key(&image_key()))
}

/// Extracts the features for which there are keys.
pub fn extract(image: &dyn Source, keys: &ContentKeys, to: &Path) -> Result<(), ImageError> {
    extract_reusing(image, keys, to, None)
}

pub fn extract_reusing(
    source: &dyn Source,
    keys: &ContentKeys,
    to: &Path,
    reuse: Option<&Reuse<'_>>,
) -> Result<(), ImageError> {
    let front = open(source)?;
    std::fs::create_dir_all(to).unwrap();
    let extraction = Extraction { source, front: &front, keys, reuse, files: &RealFs::default(), to };
    extraction.run(&keys.keys().cloned().collect::<Vec<_>>(), &mut |_| {})
}

pub fn on_disk(path: &Path) -> Box<dyn carnet_seam::File> {
    RealFs::default().open(path, Access::Read).unwrap()
}

pub fn installed<'a>(
    front: &'a Front,
    source: &'a dyn Source,
    files: &'a RealFs,
    folder: &'a Path,
) -> Installed<'a> {
    Installed { front, source, files, folder: folder.to_owned() }
}

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Bytes that do not compress and are not repeated.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    carnet_seam::Random::fill(&SeededRandom::new(seed), &mut bytes).unwrap();
    bytes
}
