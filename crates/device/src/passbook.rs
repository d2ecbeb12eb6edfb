//! The fixed passbook: everything that one device keeps for one server (A6, A22).

use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::component::Drift;
use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Answer, Evidence, JournalName, PublicKey};
use carnet_core::id::{Digest, UserId};
use carnet_core::journal::State;
use carnet_seal::keys::{AgreementKey, RootPin};
use carnet_seal::{KeyRing, RequestMessage, SealError, ServerUrl, Signer, SignerFault, Unverified};
use carnet_seam::fs::{discard, read_file, replace_file};
use carnet_seam::{File, FsError};

use crate::book::{Book, BookError};
use crate::env::Env;
use crate::identity::{Binding, DeviceIdentity, EvidenceKind, IdentityError, Machine, Unbound};
use crate::journal::JournalError;
use crate::place::Place;
use crate::storage::{StorageError, lock_file};

/// The largest key set that is read.
const LARGEST_KEY_SET: u64 = 64 << 10;
/// The largest address file that is read.
const LARGEST_ADDRESS: u64 = 4 << 10;
/// How long to wait for another program that keeps something.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one device keeps for one server. Valid when it carries a user id (A6).
#[derive(Debug)]
pub struct Passbook {
    env: Env,
    place: Place,
    pin: RootPin,
    identity: DeviceIdentity,
    ring: Option<KeyRing>,
    receipt: Option<Receipt>,
    lacks_keys: bool,
}

/// The proof that the device is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Receipt {
    user: UserId,
    digest: Digest,
    document: Vec<u8>,
}

/// Why the passbook cannot be used. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassbookError {
    /// The identity cannot be used or made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A document that was kept is no good.
    #[error("the passbook in {} is damaged ({wrong}): restore it from a backup of this machine, or move it aside and register anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        wrong: SealError,
    },
    /// The key of this device cannot be reached.
    #[error(transparent)]
    Signer(#[from] SignerFault),
    /// A key set that came in is not one to keep.
    #[error("the key set is not to be trusted ({0}): check that this is the right server, then try again")]
    KeySet(SealError),
}

impl From<FsError> for PassbookError {
    fn from(error: FsError) -> Self {
        Self::Storage(error.into())
    }
}

impl Passbook {
    /// Opens the passbook of this device at the pinned server. [`IdentityError::Missing`] when there is none:
    /// then [`Passbook::create`].
    ///
    /// # Errors
    /// [`PassbookError`], with the remedy.
    pub fn open(env: Env, home: &Path, pin: RootPin, machine: &dyn Machine) -> Result<Self, PassbookError> {
        let mut passbook = Self::without_receipt(env, home, pin, machine)?;
        passbook.load_receipt()?;
        Ok(passbook)
    }

    /// Opens the passbook and leaves the registration receipt unread, for a start that may not need it: a
    /// genuine pass proves the registration too. Before a new journal is begun and before anything is asked,
    /// [`Passbook::load_receipt`] must be called; until then [`Passbook::user`] is none.
    ///
    /// # Errors
    /// As [`Passbook::open`].
    pub fn without_receipt(
        env: Env,
        home: &Path,
        pin: RootPin,
        machine: &dyn Machine,
    ) -> Result<Self, PassbookError> {
        let missing = || IdentityError::Missing(Place::new(home, pin.server).identity());
        let place = Place::look(&*env.fs, home, pin.server)?.ok_or_else(missing)?;
        let unbound = Unbound::read(&*env.fs, &place.identity(), pin.server)?;
        let file = match unbound.kind() {
            EvidenceKind::File => bound_to(&env, &place)?,
            EvidenceKind::Hardware | EvidenceKind::Tpm => None,
        };
        let binding = match (unbound.kind(), &file) {
            (EvidenceKind::Tpm, _) => Binding::Tpm(machine),
            (_, Some(file)) => Binding::File(file),
            (_, None) => Binding::Machine(machine),
        };
        let identity = unbound.bind(&*env.fs, &binding)?;
        Self::with(env, place, pin, identity)
    }

    /// Opens the passbook, and makes identity and folder when they are missing. What a new identity is bound
    /// to is kept beside it, so that opening it needs no setting.
    ///
    /// # Errors
    /// [`PassbookError`], with the remedy.
    pub fn create(env: Env, home: &Path, pin: RootPin, binding: &Binding<'_>) -> Result<Self, PassbookError> {
        let place = Place::open(&*env.fs, home, pin.server)?;
        let is_new = env.fs.facts(&place.identity())?.is_none();
        match binding {
            _ if !is_new => {}
            Binding::File(path) => {
                let text = path.to_str().ok_or_else(|| StorageError::NoPermission(path.to_path_buf()))?;
                replace_file(&*env.fs, &binding_path(&place), text.as_bytes())?;
            }
            // Left behind by an attempt that died before there was an identity.
            Binding::Machine(_) | Binding::Tpm(_) => discard(&*env.fs, &binding_path(&place))?,
        }
        let identity =
            DeviceIdentity::open_or_create(&*env.fs, &place.identity(), pin.server, binding, &*env.random)?;
        let mut passbook = Self::with(env, place, pin, identity)?;
        passbook.load_receipt()?;
        Ok(passbook)
    }

    fn with(env: Env, place: Place, pin: RootPin, identity: DeviceIdentity) -> Result<Self, PassbookError> {
        let mut passbook = Self { env, place, pin, identity, ring: None, receipt: None, lacks_keys: false };
        passbook.ring = passbook.read_key_set()?;
        Ok(passbook)
    }

    fn read_key_set(&self) -> Result<Option<KeyRing>, PassbookError> {
        let path = self.key_set_path();
        let Some(bytes) = read_file(&*self.env.fs, &path, LARGEST_KEY_SET)? else { return Ok(None) };
        let opened = KeyRing::reopen(&bytes, &self.pin);
        opened.map(Some).map_err(|wrong| PassbookError::Damaged { path, wrong })
    }

    /// Reads the registration receipt from the device's own journal. Without the server's keys nobody can tell
    /// whether it is genuine: it stays unread until they have been fetched, see [`Passbook::lacks_keys`].
    ///
    /// # Errors
    /// [`PassbookError`], with the remedy.
    pub fn load_receipt(&mut self) -> Result<(), PassbookError> {
        let state = Book::look(&*self.env.fs, &self.place.device_journal(), self.new_state(None))?;
        self.lacks_keys = !state.receipt.is_empty() && self.ring.is_none();
        let Some(ring) = self.ring.as_ref().filter(|_| !state.receipt.is_empty()) else { return Ok(()) };
        let damaged = |wrong| PassbookError::Damaged { path: self.place.device_journal(), wrong };
        let unverified = Unverified::<Answer>::parse(&state.receipt).map_err(damaged)?;
        let signed = unverified.verify_held(ring).map_err(damaged)?;
        self.receipt = Some(Receipt {
            user: signed.claims().head.user,
            digest: signed.body_hash(),
            document: state.receipt,
        });
        Ok(())
    }

    /// Whether the device was registered, but the server's keys are gone that prove it: somebody has removed the
    /// file. One contact brings them back (I8); until then [`Passbook::user`] is none.
    #[must_use]
    pub fn lacks_keys(&self) -> bool {
        self.lacks_keys
    }

    /// The user, when this device is registered.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.receipt.as_ref().map(|receipt| receipt.user)
    }

    /// The server that this passbook is for.
    #[must_use]
    pub fn pin(&self) -> RootPin {
        self.pin
    }

    /// The keys of the server, when they have been fetched.
    #[must_use]
    pub fn ring(&self) -> Option<&KeyRing> {
        self.ring.as_ref()
    }

    /// Who this device is.
    #[must_use]
    pub fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// Files, clock and random.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Where things lie.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The key that signs what this device says.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        self.identity.signer()
    }

    /// The public keys of this device: signing, agreement.
    #[must_use]
    pub fn public_keys(&self) -> (DeviceSigningKey, PublicKey) {
        let agreement = AgreementKey::from_seed(&self.identity.agreement_secret().to_bytes());
        (self.identity.signing_public(), agreement.public())
    }

    /// What of the machine has changed since the identity was bound to it, within what is tolerated; none: nothing.
    #[must_use]
    pub fn changed(&self) -> Option<Drift> {
        Some(self.identity.drift()).filter(|drift| !drift.is_none()).cloned()
    }

    /// What the identity is bound to, as the server is told.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self.identity.evidence_kind() {
            EvidenceKind::Hardware => Evidence::Hardware,
            EvidenceKind::File => Evidence::File,
            EvidenceKind::Tpm => Evidence::Tpm,
        }
    }

    /// Keeps a newer key set. One that is older than what was seen before is refused. A receipt that could not
    /// be read for want of keys is read now.
    ///
    /// # Errors
    /// [`PassbookError::KeySet`] when the pinned root has not signed it or it goes backwards.
    pub fn keep_key_set(&mut self, bytes: &[u8]) -> Result<(), PassbookError> {
        let path = self.key_set_path();
        let lowest = self.ring.as_ref().map_or(0, |ring| ring.set().claims().version);
        let ring = KeyRing::open(bytes, &self.pin, lowest).map_err(PassbookError::KeySet)?;
        self.keep(&path, bytes)?;
        self.ring = Some(ring);
        if self.lacks_keys { self.load_receipt() } else { Ok(()) }
    }

    fn key_set_path(&self) -> PathBuf {
        self.place.folder().join("key-set")
    }

    /// Where the hash of the passbook's PIN lies, when it has one (A21).
    #[must_use]
    pub fn pin_path(&self) -> PathBuf {
        self.place.folder().join("pin")
    }

    /// Whether the passbook has a PIN. One that cannot be looked at counts as there.
    #[must_use]
    pub fn has_pin(&self) -> bool {
        !matches!(self.env.fs.facts(&self.pin_path()), Ok(None))
    }

    /// Keeps the server's address, so that later commands need not name it.
    ///
    /// # Errors
    /// [`PassbookError::Storage`] when it cannot be written.
    pub fn keep_address(&self, url: &ServerUrl) -> Result<(), PassbookError> {
        let text = format!("{url}\n{}\n", self.pin.root);
        Ok(self.keep(&self.place.folder().join("server"), text.as_bytes())?)
    }

    /// The manager and the controllers of several programs may keep the same file at the same time.
    fn keep(&self, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
        let lock = lock_file(&*self.env.fs, &self.place.folder().join("lock"))?;
        lock.lock(PATIENCE)?;
        let kept = replace_file(&*self.env.fs, path, bytes);
        lock.unlock()?;
        Ok(kept?)
    }

    /// The journal of an app; of the device itself where none is named.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn book(&self, app: Option<&AppId>) -> Result<Book, JournalError> {
        Book::open(self.env.fs.clone(), &self.folder(app), self.new_state(app))
    }

    /// The journal of an app, when it was begun.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn book_begun(&self, app: &AppId) -> Result<Option<Book>, JournalError> {
        Book::open_begun(self.env.fs.clone(), &self.folder(Some(app)), self.new_state(Some(app)))
    }

    /// A look at the journal of an app, without lock or change.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn look(&self, app: &AppId) -> Result<State, JournalError> {
        Book::look(&*self.env.fs, &self.folder(Some(app)), self.new_state(Some(app)))
    }

    /// A look at the device's own journal, without lock or change.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn look_own(&self) -> Result<State, JournalError> {
        Book::look(&*self.env.fs, &self.folder(None), self.new_state(None))
    }

    /// The file to be locked by the one instance of a program that counts the running time of an app on this
    /// device. It is not locked yet.
    ///
    /// # Errors
    /// [`StorageError`] when it cannot be opened.
    pub fn meter(&self, app: &AppId) -> Result<Box<dyn File>, StorageError> {
        lock_file(&*self.env.fs, &self.folder(Some(app)).join("meter.lock"))
    }

    /// The apps that have a journal here.
    ///
    /// # Errors
    /// [`StorageError`] when the folder cannot be read.
    pub fn apps(&self) -> Result<Vec<AppId>, StorageError> {
        self.place.apps(&*self.env.fs)
    }

    /// Where everything of an app lies.
    pub(crate) fn app_folder(&self, app: &AppId) -> PathBuf {
        self.place.app_journal(app)
    }

    fn folder(&self, app: Option<&AppId>) -> PathBuf {
        app.map_or_else(|| self.place.device_journal(), |app| self.place.app_journal(app))
    }

    fn new_state(&self, app: Option<&AppId>) -> State {
        let name = JournalName { device: self.identity.device(), app: app.cloned() };
        let receipt = self.receipt.as_ref().map_or(Digest([0; 32]), |receipt| receipt.digest);
        // A new journal has seen no time yet: whatever the clock says is the first evidence.
        State::new(self.pin.server, name, receipt, carnet_core::time::Time::EPOCH)
    }

    /// Makes the open request of a journal ready to be sent; none when nothing is open.
    ///
    /// # Errors
    /// [`BookError`], with the remedy.
    pub fn message(&self, book: &mut Book) -> Result<Option<RequestMessage>, BookError> {
        let receipt = self.receipt.as_ref().map_or(&[][..], |receipt| &receipt.document);
        book.message(self.signer(), receipt)
    }

    /// The key set as the root has signed it; empty when it is gone.
    #[must_use]
    pub fn key_set(&self) -> Vec<u8> {
        self.ring.as_ref().map(|ring| ring.set().bytes().to_vec()).unwrap_or_default()
    }

    /// The last answer of a journal, as the server signed it: a refusal brings the menu. None before the first.
    ///
    /// # Errors
    /// [`SealError`] when the journal's word for it is not the server's.
    pub fn last_answer(&self, state: &State) -> Result<Option<Answer>, SealError> {
        if state.proof.is_empty() {
            return Ok(None);
        }
        let ring = self.ring.as_ref().ok_or(SealError::OtherRoot)?;
        Ok(Some(Unverified::<Answer>::parse(&state.proof)?.verify_held(ring)?.into_parts().0))
    }

    /// Checks an answer's signature. The answer's place in the protocol is checked when it is received.
    ///
    /// # Errors
    /// [`SealError`]; with [`SealError::UnknownKey`] a newer key set may help.
    pub fn check_answer(&self, bytes: &[u8]) -> Result<carnet_seal::Signed<Answer>, SealError> {
        let ring = self.ring.as_ref().ok_or(SealError::OtherRoot)?;
        Unverified::<Answer>::parse(bytes)?.verify(ring, self.env.now())
    }
}

fn binding_path(place: &Place) -> PathBuf {
    place.folder().join("identity.file")
}

/// The evidence file that the identity is bound to; none: the machine.
fn bound_to(env: &Env, place: &Place) -> Result<Option<PathBuf>, PassbookError> {
    let bytes = read_file(&*env.fs, &binding_path(place), LARGEST_ADDRESS)?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(PathBuf::from))
}

/// A server that this home has a passbook for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    /// Where it was last reached.
    pub url: ServerUrl,
    /// Its root of trust.
    pub pin: RootPin,
}

/// The servers that this home has passbooks for (A22). Folders without an address are passed over.
///
/// # Errors
/// [`StorageError`] when the home cannot be read.
pub fn known_servers(env: &Env, home: &Path) -> Result<Vec<KnownServer>, StorageError> {
    if env.fs.facts(home)?.is_none() {
        return Ok(Vec::new());
    }
    let mut servers = Vec::new();
    for name in env.fs.list(home)? {
        let path = home.join(&name).join("server");
        let text = match env.fs.facts(&path) {
            Ok(Some(_)) => read_file(&*env.fs, &path, LARGEST_ADDRESS)?,
            _ => None,
        };
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let mut lines = text.lines();
        let (url, root) = (lines.next().map(str::parse), lines.next().map(str::parse));
        if let (Some(Ok(url)), Some(Ok(root))) = (url, root) {
            servers.push(KnownServer { url, pin: RootPin::of_first_root(root) });
        }
    }
    Ok(servers)
}
