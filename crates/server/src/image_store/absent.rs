//! In a `carnetd` that was built without the feature `object-store` there is no bucket, and the compiler knows it.

use std::fmt;
use std::ops::Range;

use axum::body::Body;
use carnet_core::id::ImageId;
use carnet_seal::{ImageManifest, Signed};
use carnet_store::image::Image;

use super::{Fault, Folder, Place, PlaceError, Publication};
use crate::problem::Failure;
use crate::server::Server;

/// There is none.
#[derive(Debug, Clone)]
pub enum Bucket {}

impl Bucket {
    /// Refuses.
    ///
    /// # Errors
    /// Always [`PlaceError::NotBuiltIn`].
    pub fn open(place: &Place) -> Result<Self, PlaceError> {
        Err(PlaceError::NotBuiltIn(place.location().clone()))
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub async fn publish(
        &self,
        _: &Server,
        _: &Folder,
        _: Signed<ImageManifest>,
    ) -> Result<Publication, Failure> {
        match *self {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub async fn body(&self, _: &Image, _: Range<u64>) -> Result<Body, Failure> {
        match *self {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub async fn remove(&self, _: ImageId) -> Result<(), Failure> {
        match *self {}
    }

    /// Cannot be called.
    pub async fn exercise(&self) -> Vec<(&'static str, Fault)> {
        match *self {}
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub async fn copy(&self, _: &Folder, _: ImageId) -> Result<bool, Fault> {
        match *self {}
    }

    /// Cannot be called.
    pub async fn tend(&self, _: &Server, _: &Folder, _: u64) {
        match *self {}
    }

    /// Cannot be called.
    #[must_use]
    pub fn trouble(&self) -> Option<Fault> {
        match *self {}
    }

    /// Cannot be called.
    #[must_use]
    pub fn missed(&self) -> u64 {
        match *self {}
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
