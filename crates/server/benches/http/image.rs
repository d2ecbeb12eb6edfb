//! An image on sale, and its keys at a key service.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_api::image::ImageState;
use carnet_core::document::PublicKey;
use carnet_core::id::ImageId;
use carnet_core::time::Time;
use carnet_image::{Built, Front, Patterns, Recipe, SealedKeys, Workshop, build};
use carnet_seal::keys::RootPin;
use carnet_seal::{Signer as _, SigningKey};
use carnet_seam::fs::replace_file;
use carnet_seam::{Clock, RealFs, SystemClock, SystemRandom};
use carnet_server::data;
use carnet_server::key_service::vault::Outside;
use carnet_server::key_service::{Apart, KeyService, Place, Vault};
use carnet_server::keys::{Keys, NewKey};
use carnet_store::image::Image;

use crate::Failed;
use crate::fill;
use crate::offers::{self, SUPPLIER};

/// What is sold, and what hands its keys in.
pub struct OnSale {
    pub id: ImageId,
    built: Built,
    keys: Arc<Keys>,
}

impl OnSale {
    /// Publishes an image in the books of this data folder, whose server is stopped. What is in it does not matter.
    pub fn publish(data: &Path, folder: &Path) -> Result<Self, Failed> {
        let (store, keys) = fill::opened(data)?;
        let signer = SigningKey::from_seed(&[6; 32]);
        let built = built(folder, &signer)?;
        let now = Time(SystemClock.wall_micros());
        let key = NewKey::of_images(SUPPLIER, (signer.key_id(), signer.public()), now);
        let image = image(&built, now);
        let id = image.id;
        let published = store.write("bench.image", move |tx| {
            let published = key.add(tx)?;
            tx.add_image(&image)?;
            tx.set_image_keyed(id, now)?;
            Ok(published)
        })?;
        keys.publish(&published, now)?;
        store.close();
        Ok(Self { id, built, keys })
    }

    /// The server's keys, those of images among them.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Hands the content keys in where a server will look for them that has its key service inside.
    pub fn hand_in_here(&self, data: &Path) -> Result<(), Failed> {
        let folder = data.join("keys");
        data::prepare(&RealFs::default(), &folder)?;
        let (fs, random, clock) =
            (Arc::new(RealFs::default()), Arc::new(SystemRandom), Arc::new(SystemClock));
        let pin = RootPin { server: self.keys.server(), root: self.keys.root() };
        let vault = Vault::open(Outside { fs, random, clock }, &folder, pin)?;
        self.hand_in(&KeyService::Here(Box::new(vault)))
    }

    /// The same to one that runs there.
    pub fn hand_in_at(&self, place: &Place) -> Result<(), Failed> {
        self.hand_in(&KeyService::Apart(Apart::at(place, &RealFs::default())?))
    }

    fn hand_in(&self, service: &KeyService) -> Result<(), Failed> {
        let to: PublicKey = service.public()?;
        let manifest = &self.built.manifest;
        let sealed = SealedKeys::seal(manifest.claims(), &self.built.keys, to, &SystemRandom)?;
        let key_set = self.keys.current();
        Ok(service.take_in(key_set.document(), manifest.bytes(), &sealed.encode())?)
    }
}

fn built(folder: &Path, signer: &SigningKey) -> Result<Built, Failed> {
    let (program, to): (PathBuf, PathBuf) = (folder.join("program"), folder.join("paint.cimg"));
    std::fs::create_dir_all(&program)?;
    let files = RealFs::default();
    replace_file(&files, &program.join("paint"), b"paint")?;
    let recipe = Recipe {
        folder: &program,
        app: offers::app()?,
        version: "1.0.0".parse()?,
        platform: "any".parse()?,
        built: Time(SystemClock.wall_micros()),
        patterns: Patterns::default().with(&"resize".parse()?, "**")?,
        sealed: BTreeSet::new(),
        level: 1,
    };
    let mut workshop = Workshop { files: &files, random: &SystemRandom, signer, progress: &mut |_, _| {} };
    Ok(build(&recipe, &mut workshop, &to)?)
}

fn image(built: &Built, now: Time) -> Image {
    let claims = built.manifest.claims();
    Image {
        id: claims.id,
        supplier: SUPPLIER,
        app: claims.app.clone(),
        version: claims.version,
        platform: claims.platform.clone(),
        length: Front::of(built.manifest.clone()).image_length(),
        manifest: built.manifest.bytes().to_vec(),
        url: Some("https://example.org/paint.cimg".into()),
        state: ImageState::Published.as_str().to_owned(),
        created: now,
        keyed: None,
    }
}
