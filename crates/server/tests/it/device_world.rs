//! A device as small as possible: keys, and what it remembers of each journal. No passbook, no journal file.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use carnet_api::account::AccountQuery;
use carnet_core::app::AppId;
use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Evidence, Joins, JournalName, Operation, Pass, Person, Registration,
    Request, Secret, Totals,
};
use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, ServerId, UserId};
use carnet_core::offer::Listed;
use carnet_core::time::Time;
use carnet_seal::code::digest_of;
use carnet_seal::keys::{AgreementKey, RootPin, device_of};
use carnet_seal::{KeyRing, RequestMessage, Signed, SigningKey, Unverified, sign};
use carnet_seam::random;
use data_encoding::BASE64URL_NOPAD;

use crate::world::{self, World};

/// A device.
pub struct Device {
    pub id: DeviceId,
    pub server: ServerId,
    pub key: SigningKey,
    pub agreement: AgreementKey,
    pub user: Option<UserId>,
    pub receipt: Option<Signed<Answer>>,
    pub journals: BTreeMap<Option<AppId>, Remembered>,
    pub totals: BTreeMap<LicenseId, Totals>,
    /// The key set that it has; empty when it has lost it.
    pub key_set: Vec<u8>,
}

/// What it remembers of one journal.
pub struct Remembered {
    pub epoch: u64,
    pub last: Signed<Answer>,
}

pub fn ring(world: &World) -> KeyRing {
    let keys = world.server.keys();
    let pin = RootPin { server: keys.server(), root: keys.root() };
    KeyRing::open(keys.current().document(), &pin, 0).unwrap()
}

impl Device {
    /// A device that nobody knows.
    pub fn new(world: &World) -> Self {
        let bytes = || random::bytes::<32>(world.random.as_ref()).unwrap();
        let key = SigningKey::from_seed(&bytes());
        Self {
            id: device_of(key.public()),
            server: world.server.keys().server(),
            key,
            agreement: AgreementKey::from_seed(&bytes()),
            user: None,
            receipt: None,
            journals: BTreeMap::new(),
            totals: BTreeMap::new(),
            key_set: Vec::new(),
        }
    }

    /// A registered device.
    pub async fn registered(world: &World) -> Self {
        let mut device = Self::new(world);
        let answer = device.ask(world, None, device.registration()).await;
        assert!(matches!(answer.body, Body::Receipt(_)), "{answer:?}");
        device
    }

    pub fn registration(&self) -> Operation {
        Operation::Register(Box::new(Registration {
            signing_key: self.key.public().into(),
            agreement_key: self.agreement.public(),
            evidence: Evidence::File,
            device_name: "the-name-of-my-device".into(),
            device_maker: Some("the-maker-of-my-device".into()),
            joins: Joins::NewUser {
                person: Person {
                    name: "Canary Carnet".into(),
                    email: "canary@example.org".into(),
                    address: Some("1 Canary Wharf".into()),
                    telephone: Some("+49 30 901820".into()),
                    payment_reference: Some("pay-canary-77".into()),
                },
                recovery: digest_of(Secret(self.id.0)),
            },
        }))
    }

    /// The next request of a journal.
    pub fn request(&self, world: &World, app: Option<&AppId>, operation: Operation) -> Request {
        let known = self.journals.get(&app.cloned());
        let receipt = self.receipt.as_ref().map_or(Digest([0; 32]), Signed::body_hash);
        Request {
            server: self.server,
            journal: JournalName { device: self.id, app: app.cloned() },
            id: RequestId(random::bytes(world.random.as_ref()).unwrap()),
            epoch: known.map_or(0, |known| known.epoch),
            last_answer: known.map_or(receipt, |known| known.last.body_hash()),
            head: Digest([9; 32]),
            at: world.now(),
            totals: self.totals.clone(),
            portables: BTreeSet::new(),
            operation,
        }
    }

    /// A request with its proofs, as it travels.
    pub fn message(&self, request: &Request) -> Vec<u8> {
        self.message_with(request, None)
    }

    /// The same, with a key set beside it.
    pub fn message_with(&self, request: &Request, key_set: Option<Vec<u8>>) -> Vec<u8> {
        let last = self.journals.get(&request.journal.app);
        RequestMessage {
            request: sign(request.clone(), &self.key).unwrap().bytes().to_vec(),
            last_answer: last.map(|last| last.last.bytes().to_vec()),
            receipt: self.receipt.as_ref().map(|receipt| receipt.bytes().to_vec()),
            key_set,
        }
        .encode()
    }

    /// Takes an answer in.
    pub fn receive(&mut self, world: &World, request: &Request, document: &[u8]) -> Answer {
        let signed =
            Unverified::<Answer>::parse(document).unwrap().verify(&ring(world), world.now()).unwrap();
        let answer = signed.claims().clone();
        assert_eq!(answer.head.request, request.id);
        self.user = Some(answer.head.user);
        if matches!(request.operation, Operation::Register(_)) {
            self.receipt = Some(signed.clone());
        }
        let app = request.journal.app.clone();
        self.journals.insert(app, Remembered { epoch: answer.head.epoch, last: signed });
        self.key_set = world.server.keys().current().document().to_vec();
        answer
    }

    /// Asks and takes the answer in.
    pub async fn ask(&mut self, world: &World, app: Option<&AppId>, operation: Operation) -> Answer {
        let request = self.request(world, app, operation);
        let mut answer = world.document(self.message(&request)).await;
        if answer.status == StatusCode::PRECONDITION_REQUIRED {
            let key_set = Some(self.key_set.clone());
            answer = world.document(self.message_with(&request, key_set)).await;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.headers["content-type"], "application/cose");
        self.receive(world, &request, &answer.body)
    }

    /// The consent to an offer as it stands in the menu.
    pub fn agreement(&self, world: &World, listed: &Listed) -> Operation {
        let agreement = Agreement {
            server: self.server,
            user: self.user.unwrap(),
            device: self.id,
            at: world.now(),
            listed: listed.clone(),
        };
        Operation::Agree(Box::new(Agreed::from(sign(agreement, &self.key).unwrap())))
    }

    /// Agrees to the first offer of an app and gets the first pass.
    pub async fn buy(&mut self, world: &World, app: &AppId) -> Pass {
        let menu = self.ask(world, Some(app), Operation::Renew { uses: 1 }).await;
        let Body::Refusal(refusal) = menu.body else { panic!("{menu:?}") };
        let agreement = self.agreement(world, &refusal.menu[0]);
        let answer = self.ask(world, Some(app), agreement).await;
        let Body::Pass(pass) = answer.body else { panic!("{answer:?}") };
        *pass
    }

    /// Notes uses of the pass that it has.
    pub fn use_up(&mut self, license: LicenseId, uses: u64) {
        self.totals.entry(license).or_default().uses += uses;
    }

    /// The question for the user's account.
    pub fn account_query(&self, at: Time) -> AccountQuery {
        let statement = AccountQuery::statement(self.server, self.id, at);
        let signature = BASE64URL_NOPAD.encode(&self.key.sign(statement.as_bytes()));
        AccountQuery { server: self.server, device: self.id, at, signature }
    }
}

/// A world with one supplier, one app and its menu.
pub async fn shop(world: &World) -> (world::Supplier<'_>, AppId) {
    let supplier = world.supplier("acme").await;
    let app = supplier.app("paint", &[world::ten_runs()]).await;
    (supplier, app.parse().unwrap())
}
