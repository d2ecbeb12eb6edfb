//! A server in this process whose images lie in a bucket.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use carnet_seam::{Crash, Fs, RealFs};
use carnet_server::admission::Policy;
use carnet_server::api;
use carnet_server::config::ImageStoreAt;
use carnet_server::image_store::credentials::AwsVariables;
use carnet_server::image_store::{ImageStore, Place};
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::{FakeClock, SeededRandom};

use crate::store::Store;
use crate::way::Way;
use crate::world::{Folder, START, World};

/// Below which prefix images lie.
pub const PREFIX: &str = "carnet/test";

/// A world, its store, and the way between them.
pub struct Kept {
    pub world: World,
    pub store: Store,
    pub way: Way,
}

/// The name of an image's object.
pub fn object(id: &str) -> String {
    format!("{PREFIX}/{id}.cimg")
}

pub fn settings(endpoint: &str) -> ImageStoreAt {
    ImageStoreAt {
        image_store: Some(format!("s3://images/{PREFIX}").parse().unwrap()),
        image_store_endpoint: Some(endpoint.parse().unwrap()),
        ..ImageStoreAt::default()
    }
}

fn place(store: &Store, way: &Way) -> Place {
    let [key, secret] = store.keys("owner");
    let variables = move |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(OsString::from(&key)),
        "AWS_SECRET_ACCESS_KEY" => Some(OsString::from(&secret)),
        _ => None,
    };
    settings(&way.url()).place(&AwsVariables::read(variables), &RealFs::default()).unwrap().unwrap()
}

pub fn images(store: &Store, way: &Way, fs: Arc<dyn Fs>, data: &Path) -> ImageStore {
    ImageStore::open(fs, data, Some(&place(store, way))).unwrap()
}

impl Kept {
    pub fn new() -> Self {
        Self::dying(Crash::never())
    }

    /// A server that dies where a test says so.
    pub fn dying(crash: Crash) -> Self {
        let store = Store::start();
        let way = Way::to(&store.address());
        let (clock, random) = (FakeClock::at(START), Arc::new(SeededRandom::new(7)));
        Self::on(store, way, clock, random, Arc::new(Folder::new()), crash)
    }

    /// A server on this folder, with this store.
    pub fn on(
        store: Store,
        way: Way,
        clock: FakeClock,
        random: Arc<SeededRandom>,
        folder: Arc<Folder>,
        crash: Crash,
    ) -> Self {
        let world = world(&store, &way, clock, random, folder, crash);
        Self { world, store, way }
    }

    /// The process ends and another one starts on the same data.
    pub fn restart(self) -> Self {
        let Self { world, store, way } = self;
        let World { server, routes, clock, random, folder, .. } = world;
        server.close();
        drop((server, routes));
        Self::on(store, way, clock, random, folder, Crash::never())
    }

    /// What lies in the folder of images.
    pub fn left(&self) -> Vec<String> {
        let folder = self.world.folder.data().join("images");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What a running server does from time to time, for the first time.
    pub async fn tend(&self) {
        self.world.server.images().tend(&self.world.server, 0).await;
    }
}

fn world(
    store: &Store,
    way: &Way,
    clock: FakeClock,
    random: Arc<SeededRandom>,
    folder: Arc<Folder>,
    crash: Crash,
) -> World {
    let fs: Arc<dyn Fs> = Arc::new(RealFs::with_crash(crash));
    let around = Surroundings {
        database: folder.url().map(|url| url.parse().unwrap()),
        clock: Arc::new(clock.clone()),
        random: random.clone(),
        fs: fs.clone(),
        data: folder.data(),
        key_service: None,
    };
    let policy = Policy::default();
    let images = images(store, way, fs, &folder.data());
    let server = Server::open_with_images(around, policy.clone(), images).unwrap();
    World { routes: api::service(&server), server, clock, random, folder, policy }
}
