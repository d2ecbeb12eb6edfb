//! The devices: who they are follows from their number, what they know is read from the database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::document::{
    Answer, Body, Effect, Evidence, Head, JournalName, Operation, PublicKey, Receipt, Request, Totals,
};
use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, ServerId, UserId};
use carnet_core::time::Time;
use carnet_seal::keys::device_of;
use carnet_seal::{RequestMessage, ToBeSigned, Unverified, sign};
use carnet_seam::{Clock, SystemClock, SystemRandom};
use carnet_server::data::database;
use carnet_server::ids::sha256;
use carnet_server::keys::{Keys, ServerSigner};
use carnet_store::{Options, PostgresUrl, Prepare, Store};
use rusqlite::{Connection, OpenFlags, params};

use carnet_testkit::load::{Message, Source};

use crate::Failed;
use crate::offers::SLICE;

/// The key to which things would be sealed; nothing is.
pub const AGREEMENT_KEY: PublicKey = PublicKey([1; 32]);

/// Everybody who may ask, and the keys of the server that they ask.
pub struct Population {
    /// The data folder of the server.
    pub data: PathBuf,
    /// That of the reference server.
    pub reference: PathBuf,
    /// The keys of both.
    pub keys: Arc<Keys>,
    /// The devices with a license of their own have the numbers below this one; the pool's begin with it.
    pub licenses: u64,
    /// What is licensed.
    pub app: AppId,
    /// The database, where it is not a file in the folder.
    pub url: Option<String>,
    /// Whether requests bring their proofs along, as those of real devices do.
    pub proofs: bool,
    /// What devices are called.
    pub names: Names,
}

/// What devices with a license of their own are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// In the order of their numbers, so that filling appends.
    Numbers,
    /// After their keys, as real ones. Key services believe no others.
    Keys,
}

impl Names {
    pub fn of(self, number: u64, key: PublicKey) -> DeviceId {
        match self {
            Self::Numbers => device(number),
            Self::Keys => device_of(key),
        }
    }
}

pub fn device(number: u64) -> DeviceId {
    DeviceId(id(number, 0xd0))
}

pub fn user(number: u64) -> UserId {
    UserId(id(number, 0x05))
}

/// In the order of numbers; which of them is asked for is random all the same.
fn id(number: u64, kind: u8) -> [u8; 16] {
    let mut id = [kind; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// The signing key of a device.
pub fn key(number: u64) -> Result<ServerSigner, Failed> {
    Ok(ServerSigner::from_seed(&sha256(&[b"the key of", &number.to_be_bytes()]).0)?)
}

/// A request that quotes nothing yet.
pub fn request(
    server: ServerId,
    number: u64,
    app: Option<AppId>,
    epoch: u64,
    operation: Operation,
) -> Request {
    let random =
        sha256(&[b"a request of", &number.to_be_bytes(), &epoch.to_be_bytes(), &[u8::from(app.is_some())]]);
    let mut id = [0; 16];
    id.copy_from_slice(&random.0[..16]);
    Request {
        server,
        journal: JournalName { device: device(number), app },
        id: RequestId(id),
        epoch,
        last_answer: Digest([0; 32]),
        head: Digest([2; 32]),
        at: Time(SystemClock.wall_micros()),
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation,
    }
}

/// The registration of a seat of the pool, as if the server had lost it: the receipt still proves it. There is no
/// other way yet in which a device joins a user.
pub fn seat_receipt(server: ServerId, owner: u64, number: u64) -> Result<Answer, Failed> {
    let head = Head {
        server,
        user: user(owner),
        journal: JournalName { device: device(number), app: None },
        request: RequestId([0; 16]),
        quoted: 0,
        epoch: 1,
        issued: Time(0),
        resume: None,
        over: BTreeSet::new(),
    };
    let (signing_key, agreement_key, evidence) =
        (key(number)?.public().into(), AGREEMENT_KEY, Evidence::Hardware);
    let effect = Effect::Registered { signing_key, agreement_key, evidence, only: None, until: None };
    Ok(Answer { head, body: Body::Receipt(Box::new(Receipt { effect })) })
}

/// A device in step with the server, about to renew with all of its slice used up.
pub struct Known {
    number: u64,
    device: DeviceId,
    server: ServerId,
    app: AppId,
    key: ServerSigner,
    license: LicenseId,
    epoch: u64,
    /// All that its passes have allowed so far.
    used: u64,
    last: Digest,
    last_answer: Option<Vec<u8>>,
    receipt: Option<Vec<u8>>,
    /// The pass that it began with.
    pass: Vec<u8>,
}

/// Looks on while the server works.
pub enum Look {
    File(Connection),
    Postgres(Store),
}

impl Look {
    /// The last answer in this journal's slot.
    fn last_answer(&self, user: UserId, name: &JournalName) -> Result<Vec<u8>, Failed> {
        let app = name.app.as_ref().map_or("", AppId::as_str);
        match self {
            Self::File(connection) => {
                let mut find = connection.prepare_cached(
                    "SELECT slot_answer FROM journal WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3",
                )?;
                Ok(find.query_row(params![user.0, name.device.0, app], |row| row.get(0))?)
            }
            Self::Postgres(store) => {
                Ok(store.read(|tx| tx.last_answer(user, name))?.ok_or("the journal is not there")?)
            }
        }
    }
}

impl Population {
    /// Something that looks on while the server works.
    pub fn look(&self) -> Result<Look, Failed> {
        if let Some(url) = &self.url {
            let mut options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
            options.readers = 1;
            return Ok(Look::Postgres(Store::open(url.parse::<PostgresUrl>()?, options)?));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database(&self.data), flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        Ok(Look::File(connection))
    }

    /// What this device knows: its journal's last answer, signed once more.
    pub fn known(&self, look: &Look, number: u64) -> Result<Known, Failed> {
        let (owner, key) = (user(number.min(self.licenses)), key(number)?);
        let device = self.names.of(number, key.public());
        let name = JournalName { device, app: Some(self.app.clone()) };
        let slot = look.last_answer(owner, &name)?;
        let last = ToBeSigned::from_bytes(slot.clone())?.body_hash();
        let document = self.keys.sign_prepared(slot)?.0;
        let signed = Unverified::<Answer>::parse(&document)?.verify_held(self.keys.current().ring())?;
        let Body::Pass(pass) = &signed.claims().body else { return Err("the last answer is no pass".into()) };
        let (license, epoch) = (pass.license, signed.claims().head.epoch);
        let used = pass.uses.ok_or("the pass counts no uses")?.upto;
        let receipt = if self.proofs {
            Some(self.keys.sign_prepared(self.receipt(look, number, device)?)?.0)
        } else {
            None
        };
        Ok(Known {
            number,
            device,
            server: self.keys.server(),
            app: self.app.clone(),
            key,
            license,
            epoch,
            used,
            last,
            last_answer: self.proofs.then(|| document.clone()),
            receipt,
            pass: document,
        })
    }

    fn receipt(&self, look: &Look, number: u64, device: DeviceId) -> Result<Vec<u8>, Failed> {
        if number > self.licenses {
            let answer = seat_receipt(self.keys.server(), self.licenses, number)?;
            return Ok(self.keys.prepare(&answer, None).bytes);
        }
        look.last_answer(user(number), &JournalName { device, app: None })
    }

    /// These devices' renewals, signed by all cores.
    pub fn messages(&self, numbers: &[u64]) -> Result<Vec<Message>, Failed> {
        let signed = self.each(numbers, Known::message)?;
        Ok(signed)
    }

    /// These devices.
    pub fn all_known(&self, numbers: &[u64]) -> Result<Vec<Known>, Failed> {
        self.each(numbers, Ok)
    }

    fn each<T: Send>(
        &self,
        numbers: &[u64],
        make: impl Fn(Known) -> Result<T, Failed> + Sync,
    ) -> Result<Vec<T>, Failed> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = numbers.len().div_ceil(cores).max(1);
        let work = |numbers: &[u64]| -> Result<Vec<T>, Failed> {
            let look = self.look()?;
            numbers.iter().map(|number| make(self.known(&look, *number)?)).collect()
        };
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = numbers.chunks(share).map(|part| scope.spawn(|| work(part))).collect();
            threads.into_iter().map(|thread| thread.join()).collect::<Vec<_>>()
        });
        let mut all = Vec::with_capacity(numbers.len());
        for part in made {
            all.extend(part.map_err(|_| "a thread that signs ended in a panic")??);
        }
        Ok(all)
    }
}

impl Known {
    /// The next renewal, as it travels.
    pub fn renewal(&self) -> Result<Message, Failed> {
        self.message_of(Operation::Renew { uses: 1 })
    }

    /// The pass that it has shown, while it has not renewed it.
    pub fn pass(&self) -> &[u8] {
        &self.pass
    }

    /// The next request, as it travels.
    pub fn message_of(&self, operation: Operation) -> Result<Message, Failed> {
        let mut next = request(self.server, self.number, Some(self.app.clone()), self.epoch, operation);
        next.journal.device = self.device;
        next.last_answer = self.last;
        let totals = Totals { uses: self.used, ..Totals::default() };
        next.totals = BTreeMap::from([(self.license, totals)]);
        let asked = Arc::new(next.clone());
        let request = sign(next, &self.key)?.bytes().to_vec();
        let (last_answer, receipt) = (self.last_answer.clone(), self.receipt.clone());
        let bytes = RequestMessage { request, last_answer, receipt, key_set: None }.encode().into();
        Ok(Message { request: asked, bytes })
    }

    /// The next renewal of a device that is not needed any more.
    fn message(self) -> Result<Message, Failed> {
        self.renewal()
    }

    /// Goes on from this pass.
    pub fn renewed(&mut self, document: &[u8]) -> Result<(), Failed> {
        self.used += SLICE;
        self.receive(document)
    }

    /// Goes on from this answer.
    pub fn receive(&mut self, document: &[u8]) -> Result<(), Failed> {
        self.last = Unverified::<Answer>::parse(document)?.body_hash()?;
        self.epoch += 1;
        if self.last_answer.is_some() {
            self.last_answer = Some(document.to_vec());
        }
        Ok(())
    }
}

/// Signed as they are needed: one device, which goes on from each answer.
impl Source for Known {
    fn next(&mut self) -> Result<Option<Message>, Failed> {
        self.renewal().map(Some)
    }

    fn answered(&mut self, document: &[u8]) -> Result<(), Failed> {
        self.renewed(document)
    }
}

/// Signed as they are needed: one device after the other.
pub struct Each(pub std::vec::IntoIter<Known>);

impl Source for Each {
    fn next(&mut self) -> Result<Option<Message>, Failed> {
        self.0.next().map(|known| known.renewal()).transpose()
    }
}
