//! A bucket in a store that speaks S3's protocol, where each published image is one object: `PREFIX/ID.cimg`.
//!
//! An object is put there once, whole and checked, and never changed. Whoever owns the store can still change or remove
//! it; a device notices, because it believes nobody but the manifest.

mod copy;
mod handover;
mod passing;
mod said;
mod upload;
mod wire;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use carnet_core::id::ImageId;
use carnet_store::image::Image;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};

use super::credentials::Identity;
use super::place::Addressing;
use super::{Fault, Place, PlaceError};
use crate::problem::Failure;
use handover::Underway;
use passing::Passing;

/// What is written, read and removed to see whether that works.
const PROBE: &str = ".carnetd-probe";

/// Someone waits for an image: a store that does not answer for so long is away.
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        base: 2.0,
    },
    max_retries: 4,
    retry_timeout: Duration::from_secs(10),
};

/// The bucket. Clones are the same one.
#[derive(Clone)]
pub struct Bucket(Arc<Parts>);

struct Parts {
    /// For the operator.
    name: String,
    prefix: String,
    objects: AmazonS3,
    /// What does not work: to read, to write.
    troubles: Mutex<[Option<Fault>; 2]>,
    missed: AtomicU64,
    underway: Underway,
    /// Whether what a process before this one has left was cleared away.
    swept: AtomicBool,
}

/// What is asked of a store. That the one works says nothing about the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Read = 0,
    Write = 1,
}

impl Bucket {
    /// The bucket at this place. Nobody is asked yet.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn open(place: &Place) -> Result<Self, PlaceError> {
        let Place { location, endpoint, region, addressing, identity } = place;
        let plain = endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_secure());
        let by_host = *addressing == Addressing::Host;
        let mut builder = asking_as(AmazonS3Builder::new(), identity)
            .with_bucket_name(location.bucket())
            .with_region(region)
            .with_virtual_hosted_style_request(by_host)
            .with_disable_bulk_delete(true)
            .with_disable_tagging(true)
            .with_retry(RETRY)
            .with_allow_http(plain)
            .with_http_connector(wire::Connector::new(!plain)?);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.url(by_host.then(|| location.bucket())));
        }
        let objects = builder.build().map_err(|_| PlaceError::Unusable(location.clone()))?;
        Ok(Self(Arc::new(Parts {
            name: place.to_string(),
            prefix: location.prefix().to_owned(),
            objects,
            troubles: Mutex::default(),
            missed: AtomicU64::new(0),
            underway: Underway::default(),
            swept: AtomicBool::new(false),
        })))
    }

    /// A range of a published image. Its length is checked before anything is sent.
    ///
    /// # Errors
    /// When the object is not there as it was published, or the store is away.
    pub async fn body(&self, image: &Image, range: Range<u64>) -> Result<Body, Failure> {
        let told = |fault: Fault| {
            tracing::error!(image = %image.id, %fault, "an image cannot be read from the image store");
            Failure::from(fault)
        };
        let left = range.end.saturating_sub(range.start);
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let path = self.path_of(image.id);
        let found = match self.heard(Deed::Read, self.0.objects.get_opts(&path, options).await) {
            Err(fault @ Fault::Answered(_)) => return Err(told(self.length_or(image, fault).await)),
            found => found.map_err(told)?,
        };
        if found.meta.size != image.length {
            return Err(told(Fault::OtherLength { found: found.meta.size, expected: image.length }));
        }
        Ok(Body::new(Passing::new(self.clone(), image.id, found.into_stream(), left)))
    }

    /// A range that a shorter object does not have is refused in many ways: the length tells.
    async fn length_or(&self, image: &Image, fault: Fault) -> Fault {
        match self.0.objects.head(&self.path_of(image.id)).await {
            Ok(meta) if meta.size != image.length => {
                self.works(Deed::Read);
                Fault::OtherLength { found: meta.size, expected: image.length }
            }
            _ => fault,
        }
    }

    /// Removes an image; it may be gone already.
    ///
    /// # Errors
    /// When the store is away, or does not allow it.
    pub async fn remove(&self, id: ImageId) -> Result<(), Failure> {
        let removed = self.heard(Deed::Write, self.0.objects.delete(&self.path_of(id)).await);
        match removed {
            Ok(()) | Err(Fault::Missing) => Ok(()),
            Err(fault) => {
                tracing::error!(image = %id, %fault, "a withdrawn image could not be removed from the image store");
                Err(fault.into())
            }
        }
    }

    /// Writes, reads and removes something small, to see whether that works. What does not, and why; empty: all is well.
    pub async fn exercise(&self) -> Vec<(&'static str, Fault)> {
        let (path, objects) = (self.path(PROBE), &self.0.objects);
        let put = objects.put(&path, PutPayload::from_static(b"carnetd was here\n")).await;
        let put = self.heard(Deed::Write, put.map(drop));
        let mut wrong: Vec<_> = put.err().map(|fault| ("written", fault)).into_iter().collect();
        if wrong.iter().any(|(_, fault)| !matches!(fault, Fault::Denied(_))) {
            return wrong;
        }
        match self.heard(Deed::Read, objects.get(&path).await.map(drop)) {
            // Another one that looks at the same time has removed it.
            Ok(()) | Err(Fault::Missing) => {}
            Err(fault) => wrong.push(("read", fault)),
        }
        if wrong.is_empty() {
            match self.heard(Deed::Write, objects.delete(&path).await) {
                Ok(()) | Err(Fault::Missing) => {}
                Err(fault) => wrong.push(("removed", fault)),
            }
        }
        wrong
    }

    /// What does not work now, as far as anybody has tried.
    #[must_use]
    pub fn trouble(&self) -> Option<Fault> {
        let troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().flatten().next().cloned()
    }

    /// How often the store has failed.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }

    fn path_of(&self, id: ImageId) -> Path {
        self.path(&format!("{id}.cimg"))
    }

    fn path(&self, name: &str) -> Path {
        let prefix = &self.0.prefix;
        if prefix.is_empty() { Path::from(name) } else { Path::from(format!("{prefix}/{name}")) }
    }

    /// What the store has said, in our words; and whether it works is noted.
    fn heard<T>(&self, deed: Deed, said: Result<T, Error>) -> Result<T, Fault> {
        let heard = said.map_err(|error| said::fault(&error));
        match &heard {
            Err(fault) if fault.is_of_store() => self.fails(deed, fault),
            _ => self.works(deed),
        }
        heard
    }

    fn fails(&self, deed: Deed, fault: &Fault) {
        self.0.missed.fetch_add(1, Ordering::Relaxed);
        if self.change(deed, Some(fault.clone())).as_ref() != Some(fault) {
            tracing::error!(store = self.0.name, ?deed, %fault, "the image store does not do its work");
        }
    }

    fn works(&self, deed: Deed) {
        if self.change(deed, None).is_some() {
            tracing::info!(store = self.0.name, ?deed, "the image store works again");
        }
    }

    fn change(&self, deed: Deed, trouble: Option<Fault>) -> Option<Fault> {
        let mut troubles = self.0.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match deed {
            Deed::Read => &mut troubles[0],
            Deed::Write => &mut troubles[1],
        };
        std::mem::replace(place, trouble)
    }
}

fn asking_as(mut builder: AmazonS3Builder, identity: &Identity) -> AmazonS3Builder {
    match identity {
        Identity::Keys(keys) => {
            builder = builder.with_access_key_id(keys.key.text()).with_secret_access_key(keys.secret.text());
            if let Some(token) = &keys.token {
                builder = builder.with_token(token.text());
            }
        }
        Identity::Machine(variables) => {
            for (name, value) in variables {
                if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value.text());
                }
            }
        }
    }
    builder
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

/// Without what signs (I17).
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({self})")
    }
}
