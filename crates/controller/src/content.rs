//! Content that stays sealed on the disk: read while a run is approved, and not otherwise (B8, D1).

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use carnet_core::app::{AppId, Feature};
use carnet_core::id::LicenseId;
use carnet_device::Passbook;
use carnet_device::installed::KeysError;
use carnet_image::install::{Current, Place};
use carnet_image::{EntryPath, FileReader, ImageError, Recipient, Source, Trust};
use carnet_seam::RealFs;

use crate::controller::Site;
use crate::disapproved::Disapproved;
use crate::gate::Gate;

/// One file of a feature, decrypted as it is read; nothing of it is ever on the disk in the clear. Once the run is
/// disapproved or over, or the feature is not granted any more, reading ends with
/// [`io::ErrorKind::PermissionDenied`].
pub struct Content {
    file: FileReader<'static>,
    gate: Gate,
}

impl Content {
    /// Opens a file of a feature that the pass grants, with the keys that were delivered for what is installed.
    pub(crate) fn open(
        site: &Site,
        license: LicenseId,
        (feature, gate): (&str, Gate),
        path: &str,
    ) -> Result<Self, Disapproved> {
        let app = &site.product.app;
        // Whether this is still the device that the identity was made on is found out here.
        let passbook = site.passbook()?;
        let current = current(&passbook, app)?;
        let feature: Feature = feature.parse().map_err(|_| no_content(path))?;
        let path = EntryPath::new(path).map_err(|_| no_content(path))?;
        let image = current.front().0.manifest().id;
        let state = passbook.look(app)?;
        let delivery = passbook.delivered(&state, image)?.filter(|delivery| delivery.license == license);
        let delivery = delivery.ok_or_else(no_key)?;
        let recipient = Recipient::of(passbook.pin().server, passbook.identity().device(), app, &delivery);
        let keys = recipient.open(&delivery.sealed, &passbook.agreement_seed()).map_err(|_| no_key())?;
        let key = keys.get(&feature).ok_or_else(no_key)?;
        let (front, source) = current.into_content();
        let source: Arc<dyn Source> = Arc::new(source);
        let file = FileReader::open_shared(source, &front, &feature, key, &path)?;
        Ok(Self { file, gate })
    }

    /// How long the file is, in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.file.facts().length
    }

    fn allowed(&self) -> io::Result<()> {
        let ended = || io::Error::new(io::ErrorKind::PermissionDenied, "the run is not approved any more");
        self.gate.is_open().then_some(()).ok_or_else(ended)
    }
}

/// What is installed, where its supplier's signature is still good.
fn current(passbook: &Passbook, app: &AppId) -> Result<Current, Disapproved> {
    let below = passbook.installed_below(app)?.ok_or_else(|| not_installed(app))?;
    let ring = passbook.ring().ok_or_else(no_key)?;
    let tree = RealFs::default();
    let current = Place::of(&tree, &below, app).current(Trust::Server(ring, passbook.env().now()));
    current?.ok_or_else(|| not_installed(app))
}

fn not_installed(app: &AppId) -> Disapproved {
    let message = format!("{app} was not installed from an image on this device");
    Disapproved::new("not-installed", message, format!("run `carnet install {app}`"))
}

fn no_key() -> Disapproved {
    let message = "this device has no key for this content".to_owned();
    Disapproved::new("no-content-key", message, "install the program again with `carnet install`")
}

fn no_content(path: &str) -> Disapproved {
    let message = format!("what is installed has no content `{path}`");
    Disapproved::new("no-content", message, "install the program again, and ask its supplier if it stays so")
}

impl From<ImageError> for Disapproved {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::NoFile(path) => no_content(&path),
            error => {
                let remedy = "install the program again with `carnet install`";
                Self::new("content-unusable", error.to_string(), remedy)
            }
        }
    }
}

impl From<KeysError> for Disapproved {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::AnotherDevice(_) => Self::told("another-device", &error),
            KeysError::NotGenuine(_) => Self::told("no-content-key", &error),
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.allowed()?;
        self.file.read(buffer)
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Nothing of what it reads (I17).
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.length())
    }
}
