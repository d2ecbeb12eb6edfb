//! Where keys lie, and who gets them.
//!
//! ```text
//! keys/                   owner only
//!   secret.key            opens what is encrypted here; keep a copy elsewhere
//!   pinned                the root whose server is served
//!   service.key           what suppliers seal to, encrypted
//!   key-set               the newest that was seen
//!   apps/APP              the secret that license keys of an app are derived from, encrypted
//!   images/IMAGE          content keys as the supplier has sealed them
//!   transactions/XX/ID    what was made for an order, sealed to its device
//! ```
//!
//! Each is one file, written once and whole: it is there with all of its bytes, or not at all, whenever the power fails.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use carnet_core::app::AppId;
use carnet_core::document::{Answer, Body, Pass, PublicKey, Request};
use carnet_core::id::{DeviceId, ImageId, LicenseId, ServerId, TransactionId};
use carnet_core::provision::KeyRedemption;
use carnet_core::time::Time;
use carnet_image::{ContentKeys, Generating, LicenseKey, Recipient, SealedKeys};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::keys::{AgreementKey, DeviceKey, KeyRing, RootPin, device_of};
use carnet_seal::{ImageManifest, KeyId, SealError, Unverified, VerifyingKey, record};
use carnet_seam::fs::{create_folders, read_file, replace_file};
use carnet_seam::{Clock, Crashed, Fs, FsError, NoRandom, Random, random};
use zeroize::Zeroizing;

use super::message::{Call, Reply};
use crate::keys::KeyFault;
use crate::keys::at_rest::AtRest;

const PINNED: &str = "pinned";
const SERVICE_KEY: &str = "service.key";
const KEY_SET: &str = "key-set";
const SERVICE_KEY_ID: KeyId = KeyId(*b"service.");
/// No file here is larger.
const LARGEST: u64 = 256 * 1024;

/// Keys and who gets them.
pub struct Vault {
    fs: Arc<dyn Fs>,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    pin: RootPin,
    at_rest: AtRest,
    /// Of the key that suppliers seal to.
    seed: Zeroizing<[u8; 32]>,
    /// One at a time makes what is made once for all: the newest key set, an app's secret, the keys of an image.
    making: Mutex<()>,
    /// One at a time makes something for the orders of one folder. Several folders wait for the disk together.
    orders: Box<[Mutex<()>]>,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultFault {
    /// What was shown does not convince.
    #[error("{0}")]
    Refused(String),
    /// The folder, or what is in it.
    #[error(transparent)]
    Keys(#[from] KeyFault),
}

impl From<SealError> for VaultFault {
    fn from(error: SealError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<FsError> for VaultFault {
    fn from(error: FsError) -> Self {
        Self::Keys(error.into())
    }
}

impl From<NoRandom> for VaultFault {
    fn from(error: NoRandom) -> Self {
        Self::Keys(error.into())
    }
}

impl From<carnet_image::sealed_keys::SealedKeysError> for VaultFault {
    fn from(error: carnet_image::sealed_keys::SealedKeysError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// What was made for an order, and for whom.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    device: DeviceId,
    image: ImageId,
    license: LicenseId,
    seal_to: PublicKey,
    sealed: Vec<u8>,
}

/// The root that is served.
struct Pinned {
    server: ServerId,
    root: carnet_core::id::Digest,
}

record! {
    Made { 1 => device, 2 => image, 3 => license, 4 => seal_to, 5 => sealed }
    Pinned { 1 => server, 2 => root }
}

/// What a vault needs of the outside.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Where it lies.
    pub fs: Arc<dyn Fs>,
    /// What keys are made of.
    pub random: Arc<dyn Random>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Vault {
    /// Opens the folder, and makes everything that a new one needs.
    ///
    /// # Errors
    /// [`KeyFault`]; [`KeyFault::OtherRoot`] when the folder belongs to another server.
    pub fn open(outside: Outside, folder: &Path, pin: RootPin) -> Result<Self, KeyFault> {
        let Outside { fs, random, clock } = outside;
        for inside in ["apps", "images", "transactions"] {
            create_folders(&*fs, &folder.join(inside))?;
        }
        let sealed = read_file(&*fs, &folder.join(SERVICE_KEY), LARGEST)?;
        let at_rest = match AtRest::open(&*fs, folder) {
            Err(KeyFault::NoSecret(_)) if sealed.is_none() => AtRest::create(&*fs, folder, &*random)?,
            opened => opened?,
        };
        pin_to(&*fs, &folder.join(PINNED), &pin)?;
        let seed = match sealed {
            Some(sealed) => at_rest.unseal(SERVICE_KEY_ID, &sealed)?,
            None => {
                let seed = Zeroizing::new(random::bytes::<32>(&*random)?);
                let sealed = at_rest.seal(SERVICE_KEY_ID, &seed, &*random)?;
                replace_file(&*fs, &folder.join(SERVICE_KEY), &sealed)?;
                seed
            }
        };
        let (making, orders) = (Mutex::new(()), (0..=u8::MAX).map(|_| Mutex::new(())).collect());
        Ok(Self { fs, random, clock, folder: folder.to_owned(), pin, at_rest, seed, making, orders })
    }

    /// The root that a folder was made for; none: nobody was served there yet.
    ///
    /// # Errors
    /// What the system reports.
    pub fn pinned(fs: &dyn Fs, folder: &Path) -> Result<Option<RootPin>, KeyFault> {
        let Some(bytes) = read_file(fs, &folder.join(PINNED), LARGEST)? else { return Ok(None) };
        let pinned: Pinned = cbor::decode(&bytes).map_err(|_| KeyFault::Unusable)?;
        Ok(Some(RootPin { server: pinned.server, root: pinned.root }))
    }

    /// What content keys are to be sealed to.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        AgreementKey::from_seed(&self.seed).public()
    }

    /// Does what is asked, if what is shown allows it.
    #[must_use]
    pub fn answer(&self, call: &Call) -> Reply {
        let done = match call {
            Call::Public => Ok(Reply::Public(self.public())),
            Call::TakeIn { key_set, manifest, sealed } => {
                self.take_in(key_set, manifest, sealed).map(|()| Reply::Taken)
            }
            Call::Deliver { key_set, request, transaction, license, image } => {
                self.deliver(key_set, request, (*transaction, *license, *image)).map(Reply::Keys)
            }
        };
        match done {
            Ok(reply) => reply,
            Err(VaultFault::Refused(why)) => Reply::Refused(why),
            Err(VaultFault::Keys(fault)) => {
                tracing::error!(%fault, "the key service failed");
                Reply::Failed("it has failed, and has logged why".into())
            }
        }
    }

    /// Keeps the content keys of an image. The first ones stay: nobody can put others in their place.
    fn take_in(&self, key_set: &[u8], manifest: &[u8], sealed: &[u8]) -> Result<(), VaultFault> {
        let ring = self.ring(key_set)?;
        let _alone = held(&self.making);
        let manifest = Unverified::<ImageManifest>::parse(manifest)?.verify(&ring, self.now())?;
        let (manifest, keys) = (manifest.claims(), SealedKeys::decode(sealed)?);
        let same = (keys.image, &keys.app, keys.version) == (manifest.id, &manifest.app, manifest.version);
        if !same {
            return Err(refused("the keys are of another image"));
        }
        let opened = self.opened(&keys)?;
        if !manifest.features.iter().all(|stream| opened.contains_key(&stream.feature)) {
            return Err(refused("a key is missing: hand in those of all features"));
        }
        let path = self.image(keys.image);
        match read_file(&*self.fs, &path, LARGEST)? {
            None => Ok(replace_file(&*self.fs, &path, sealed)?),
            Some(before) if self.opened(&SealedKeys::decode(&before)?)? == opened => Ok(()),
            Some(_) => Err(refused("other keys of this image are here already")),
        }
    }

    /// Makes what an order asks for, once, and gives it out.
    fn deliver(
        &self,
        key_set: &[u8],
        request: &[u8],
        (transaction, license, image): (TransactionId, LicenseId, ImageId),
    ) -> Result<Vec<u8>, VaultFault> {
        let _alone = self.orders.get(usize::from(transaction.0[0])).map(held);
        let ring = self.ring(key_set)?;
        let (request, redemption, pass) = self.convinced(&ring, request)?;
        if (redemption.transaction, redemption.image, pass.license) != (transaction, image, license) {
            return Err(refused("the device asks for something else than was ordered"));
        }
        let device = request.journal.device;
        let path = self.transaction(transaction)?;
        if let Some(bytes) = read_file(&*self.fs, &path, LARGEST)? {
            let made: Made = cbor::decode_within(&bytes, Limits::JOURNAL).map_err(damaged)?;
            let theirs = (made.device, made.image, made.license, made.seal_to)
                == (device, image, license, redemption.seal_to);
            return if theirs { Ok(made.sealed) } else { Err(refused("this order is of somebody else")) };
        }
        let sealed = self.seal(device, &redemption, &pass)?;
        let seal_to = redemption.seal_to;
        let made = Made { device, image, license, seal_to, sealed };
        self.point("key-service.made")?;
        replace_file(&*self.fs, &path, &cbor::encode(&made))?;
        self.point("key-service.kept")?;
        Ok(made.sealed)
    }

    /// What a device asks, if it has signed that itself and has a good pass (B8, D1).
    fn convinced(
        &self,
        ring: &KeyRing,
        request: &[u8],
    ) -> Result<(Request, KeyRedemption, Pass), VaultFault> {
        let request = Unverified::<Request>::parse(request)?;
        let redemption = request.redemption()?.ok_or_else(|| refused("no order is presented"))?;
        let now = self.now();
        let answer = Unverified::<Answer>::parse(&redemption.pass)?.verify(ring, now)?;
        let Answer { head, body: Body::Pass(pass) } = answer.into_parts().0 else {
            return Err(refused("what is shown is no pass"));
        };
        let device = head.journal.device;
        let key = VerifyingKey::of_device(pass.device_key)?;
        let key = DeviceKey { server: self.pin.server, device, key };
        let request = request.verify(&key, ring)?.into_parts().0;
        let own = device_of(pass.device_key) == device && request.journal == head.journal;
        if !own || Some(&pass.app) != request.journal.app.as_ref() {
            return Err(refused("the pass is of another device or app"));
        }
        if pass.grace_until.or(pass.expires).is_some_and(|end| end <= now) {
            return Err(refused("the pass has ended"));
        }
        Ok((request, redemption, *pass))
    }

    fn seal(&self, device: DeviceId, redemption: &KeyRedemption, pass: &Pass) -> Result<Vec<u8>, VaultFault> {
        let bytes = read_file(&*self.fs, &self.image(redemption.image), LARGEST)?;
        let kept = SealedKeys::decode(&bytes.ok_or_else(|| refused("there are no keys of this image"))?)?;
        if kept.app != pass.app || !pass.versions.covers(kept.version) {
            return Err(refused("the pass does not cover this image"));
        }
        let granted = |feature: &_| pass.features.contains_key(feature);
        let keys: ContentKeys =
            self.opened(&kept)?.into_iter().filter(|(feature, _)| granted(feature)).collect();
        let (server, image) = (self.pin.server, kept.image);
        let of = Generating {
            server,
            supplier: pass.supplier,
            app: pass.app.clone(),
            license: pass.license,
            image,
        };
        let license_key = LicenseKey::derive(&*self.secret_of(&pass.app)?, &of)?;
        let recipient = Recipient {
            server,
            device,
            app: pass.app.clone(),
            license: pass.license,
            image,
            transaction: redemption.transaction,
        };
        Ok(recipient.seal(&license_key, &keys, redemption.seal_to, &*self.random)?)
    }

    fn opened(&self, keys: &SealedKeys) -> Result<ContentKeys, VaultFault> {
        Ok(keys.open(&self.seed)?)
    }

    /// The secret of an app, made when it is needed first.
    fn secret_of(&self, app: &AppId) -> Result<Zeroizing<[u8; 32]>, VaultFault> {
        let path = self.folder.join("apps").join(app.as_str().replace('/', "."));
        let id = id_of(app);
        let known = || -> Result<_, VaultFault> {
            let sealed = read_file(&*self.fs, &path, LARGEST)?;
            Ok(sealed.map(|sealed| self.at_rest.unseal(id, &sealed)).transpose()?)
        };
        if let Some(secret) = known()? {
            return Ok(secret);
        }
        let _alone = held(&self.making);
        // Somebody else may have needed it in the same moment.
        if let Some(secret) = known()? {
            return Ok(secret);
        }
        let secret = Zeroizing::new(random::bytes::<32>(&*self.random)?);
        replace_file(&*self.fs, &path, &self.at_rest.seal(id, &secret, &*self.random)?)?;
        Ok(secret)
    }

    /// The keys of the server. An older key set than the newest that was seen might not have a revocation yet (I16).
    fn ring(&self, bytes: &[u8]) -> Result<KeyRing, VaultFault> {
        let path = self.folder.join(KEY_SET);
        if read_file(&*self.fs, &path, LARGEST)?.as_deref() == Some(bytes) {
            return Ok(KeyRing::reopen(bytes, &self.pin)?);
        }
        let _alone = held(&self.making);
        let before = read_file(&*self.fs, &path, LARGEST)?;
        if before.as_deref() == Some(bytes) {
            return Ok(KeyRing::reopen(bytes, &self.pin)?);
        }
        let newest = before.map(|before| KeyRing::reopen(&before, &self.pin)).transpose()?;
        let newest = newest.map_or(0, |ring| ring.set().claims().version);
        let ring = KeyRing::open(bytes, &self.pin, newest)?;
        replace_file(&*self.fs, &path, bytes)?;
        Ok(ring)
    }

    fn image(&self, image: ImageId) -> PathBuf {
        self.folder.join("images").join(image.to_string())
    }

    fn transaction(&self, id: TransactionId) -> Result<PathBuf, FsError> {
        let folder = self.folder.join("transactions").join(format!("{:02x}", id.0[0]));
        create_folders(&*self.fs, &folder)?;
        Ok(folder.join(id.to_string()))
    }

    fn now(&self) -> Time {
        Time(self.clock.wall_micros())
    }

    fn point(&self, name: &str) -> Result<(), FsError> {
        let crashed = |crashed: Crashed| FsError::new("go on", &self.folder, crashed.into());
        self.fs.crash().point(name).map_err(crashed)
    }
}

fn pin_to(fs: &dyn Fs, path: &Path, pin: &RootPin) -> Result<(), KeyFault> {
    let bytes = cbor::encode(&Pinned { server: pin.server, root: pin.root });
    match read_file(fs, path, LARGEST)? {
        None => Ok(replace_file(fs, path, &bytes)?),
        Some(before) if before == bytes => Ok(()),
        Some(_) => Err(KeyFault::OtherRoot),
    }
}

/// What an app's secret is bound to at rest, so that none can be put in the place of another.
fn id_of(app: &AppId) -> KeyId {
    let mut id = [0; 8];
    id.copy_from_slice(&digest(&SHA256, app.as_str().as_bytes()).as_ref()[..8]);
    KeyId(id)
}

fn held(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(why: &str) -> VaultFault {
    VaultFault::Refused(why.to_owned())
}

fn damaged(_: cbor::CborError) -> VaultFault {
    VaultFault::Keys(KeyFault::Unusable)
}

/// Where, and nothing of what lies there (I17).
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.folder.display())
    }
}
