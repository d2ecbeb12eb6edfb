//! Where installation images are kept, when that is not the data folder.

use std::path::PathBuf;

use carnet_seam::Fs;
use clap::{ArgAction, Args, Subcommand};

use crate::image_store::credentials::{AwsVariables, identity};
use crate::image_store::place::{Addressing, Endpoint, Location};
use crate::image_store::{Place, PlaceError};

/// Where AWS keeps what nobody says a region for; other stores do not look at it.
const REGION: &str = "us-east-1";

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Copy the published images in the data folder into the image store, and read each copy back to compare it; beside a
    /// running server too
    Copy {
        /// Where to
        #[command(flatten)]
        image_store: ImageStoreAt,

        /// Remove each from the data folder once its copy was compared: when the server knows the image store already
        #[arg(long)]
        remove: bool,
    },
}

/// The image store.
#[derive(Debug, Clone, Default, Args)]
pub struct ImageStoreAt {
    /// Where published installation images are kept, in place of the data folder: `s3://BUCKET/PREFIX`, in a store that speaks S3's
    /// protocol; for a carnetd that was built with the feature `object-store`
    #[arg(long, env = "CARNETD_IMAGE_STORE", value_name = "URL")]
    pub image_store: Option<Location>,

    /// Where that store listens, as in https://s3.example.org; without it, it is AWS's
    #[arg(long, env = "CARNETD_IMAGE_STORE_ENDPOINT", value_name = "URL")]
    pub image_store_endpoint: Option<Endpoint>,

    /// The region of the bucket; without it, what AWS_REGION or AWS_DEFAULT_REGION say, or us-east-1
    #[arg(long, env = "CARNETD_IMAGE_STORE_REGION", value_name = "NAME")]
    pub image_store_region: Option<String>,

    /// Where requests name the bucket: in their path, or in the name of the host
    #[arg(long, env = "CARNETD_IMAGE_STORE_ADDRESSING", value_enum, default_value_t, value_name = "WHERE")]
    pub image_store_addressing: Addressing,

    /// The file with the credentials, in the form of AWS's own, which nobody else can read; without it, what AWS_ACCESS_KEY_ID
    /// and AWS_SECRET_ACCESS_KEY say, or at AWS the role of the machine
    #[arg(long, env = "CARNETD_IMAGE_STORE_CREDENTIALS_FILE", value_name = "FILE")]
    pub image_store_credentials_file: Option<PathBuf>,

    /// Allow an endpoint on another machine to be asked without TLS, so that others can read along
    #[arg(long, env = "CARNETD_IMAGE_STORE_ALLOW_HTTP", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub image_store_allow_http: bool,
}

impl ImageStoreAt {
    /// Which bucket; none: images stay in the data folder.
    ///
    /// # Errors
    /// [`PlaceError`], which names the setting and the remedy.
    pub fn place(&self, variables: &AwsVariables, fs: &dyn Fs) -> Result<Option<Place>, PlaceError> {
        let Some(location) = self.image_store.clone() else { return self.refuse_the_rest().map(|()| None) };
        let endpoint = self.image_store_endpoint.clone();
        let file = self.image_store_credentials_file.as_deref();
        let identity = identity(file, variables, endpoint.is_none(), fs)?;
        let region = self.image_store_region.clone().or_else(|| variables.region());
        let region = region.unwrap_or_else(|| REGION.to_owned());
        let allow_http = self.image_store_allow_http;
        Place::new(location, endpoint, allow_http, region, self.image_store_addressing, identity).map(Some)
    }

    /// A setting must not be silently without effect.
    fn refuse_the_rest(&self) -> Result<(), PlaceError> {
        let set = [
            ("image-store-endpoint", self.image_store_endpoint.is_some()),
            ("image-store-region", self.image_store_region.is_some()),
            ("image-store-credentials-file", self.image_store_credentials_file.is_some()),
        ];
        match set.iter().find(|(_, set)| *set) {
            Some((name, _)) => Err(PlaceError::NoStore(name)),
            None => Ok(()),
        }
    }
}
