//! A licensing server in memory, over the product's own decision and documents.
//!
//! [`FakeServer`] keeps its books in maps, decides with [`carnet_core::server::decide`] and signs with
//! `carnet-seal`; what a device meets is therefore what it meets at a real server. It is its own carrier
//! ([`Net`]), and [`Mishap`]s happen on the way.
//!
//! ```
//! use carnet_testkit::{FakeClock, FakeServer};
//! use carnet_testkit::server::offer;
//!
//! let server = FakeServer::new(FakeClock::at(1_790_000_000_000_000));
//! let app = "acme/paint".parse()?;
//! server.put_menu(&app, vec![offer("ten-runs", &["resize"])]);
//! assert_eq!(server.product(&app).app, app);
//! # Ok::<(), carnet_core::app::BadName>(())
//! ```

mod books;
mod keys;
mod offers;
mod wire;

use std::sync::{Arc, Mutex};

use carnet_core::app::{AppId, SupplierName};
use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Answer, Body, Effect, Request};
use carnet_core::id::LicenseId;
use carnet_core::license::{Act, License};
use carnet_core::offer::{Listed, Offer};
use carnet_core::server::{Beside, Decision, Proof, decide};
use carnet_core::time::Time;
use carnet_seal::document::Asker;
use carnet_seal::keys::{DeviceKey, RootPin};
use carnet_seal::{ProductString, RequestMessage, ServerUrl, Signed, Unverified, VerifyingKey};
use carnet_seam::Clock;
use carnet_seam::net::{Answer as NetAnswer, Method, Net, NetError, Request as NetRequest};

pub use offers::offer;
pub use wire::Mishap;

use crate::held;
use books::Books;
use keys::Keys;
use wire::Wire;

/// What documents are sent as.
const COSE: &str = "application/cose";

/// A server of one supplier. Clones are the same server.
#[derive(Debug, Clone)]
pub struct FakeServer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    keys: Keys,
    books: Mutex<Books>,
    wire: Mutex<Wire>,
}

impl FakeServer {
    /// A server of the supplier `acme` without menus, with this clock. All of them have the same keys.
    ///
    /// # Panics
    /// Never: the name is a good one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the name stands here")]
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self::of("acme".parse().expect("a good name"), clock)
    }

    /// The same for another supplier.
    #[must_use]
    pub fn of(supplier: SupplierName, clock: impl Clock + 'static) -> Self {
        let (clock, keys): (Arc<dyn Clock>, _) = (Arc::new(clock), Keys::new(supplier));
        let (books, wire) = (Mutex::new(Books::new(keys.server())), Mutex::default());
        Self(Arc::new(Shared { clock, keys, books, wire }))
    }

    /// The server and its root of trust.
    #[must_use]
    pub fn pin(&self) -> RootPin {
        self.0.keys.pin()
    }

    /// What a program of this app is opened with.
    ///
    /// # Panics
    /// Never: the address is a good one.
    #[must_use]
    pub fn product(&self, app: &AppId) -> ProductString {
        ProductString { app: app.clone(), url: self.url(), root: self.pin().root }
    }

    /// Where it says that it is. Nobody is there.
    ///
    /// # Panics
    /// Never: the address is a good one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text stands here")]
    pub fn url(&self) -> ServerUrl {
        "https://licenses.example.org".parse().expect("a good address")
    }

    /// What the server takes for the time.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.0.clock.wall_micros())
    }

    /// Offers these for an app, instead of what was offered before.
    pub fn put_menu(&self, app: &AppId, offers: Vec<Offer>) {
        held(&self.0.books).put_menu(app, offers);
    }

    /// What is offered for an app, as a device would agree to it.
    #[must_use]
    pub fn menu(&self, app: &AppId) -> Vec<Listed> {
        held(&self.0.books).menu(app)
    }

    /// All licenses.
    #[must_use]
    pub fn licenses(&self) -> Vec<License> {
        held(&self.0.books).licenses.values().cloned().collect()
    }

    /// The supplier's act on a license. False when it does not apply.
    pub fn act(&self, license: LicenseId, act: Act) -> bool {
        let mut books = held(&self.0.books);
        let Some(license) = books.licenses.get_mut(&license) else { return false };
        license.standing.after(act).map(|after| license.standing = after).is_ok()
    }

    /// What happens to the next exchanges, one after the other; later ones go well.
    pub fn expect(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        held(&self.0.wire).coming.extend(mishaps);
    }

    /// As [`FakeServer::expect`], after so many exchanges that go well.
    pub fn expect_after(&self, well: usize, mishaps: impl IntoIterator<Item = Mishap>) {
        held(&self.0.wire).expect_after(well, mishaps);
    }

    /// Whether the network is away.
    pub fn set_away(&self, away: bool) {
        held(&self.0.wire).away = away;
    }

    /// How many exchanges were tried so far, successful or not.
    #[must_use]
    pub fn exchanges(&self) -> u32 {
        held(&self.0.wire).exchanges
    }

    /// Answers what came over a real connection; nothing goes wrong on the way.
    #[must_use]
    pub fn answer_to(&self, method: Method, path: &str, body: &[u8]) -> NetAnswer {
        let (time_limit, content_type, size_limit) = (std::time::Duration::MAX, COSE, usize::MAX);
        self.answer(&NetRequest { method, path, content_type, body, time_limit, size_limit })
    }

    fn answer(&self, request: &NetRequest<'_>) -> NetAnswer {
        let answered = match (request.method, request.path) {
            (Method::Get, "/v1/key-set") => Ok(self.0.keys.key_set(self.now())),
            (Method::Post, "/v1/device") => self.decide(request.body),
            _ => Err(404),
        };
        match answered {
            Ok(body) => NetAnswer { status: 200, content_type: COSE.into(), body },
            Err(status) => problem(status),
        }
    }

    fn decide(&self, body: &[u8]) -> Result<Vec<u8>, u16> {
        let message = RequestMessage::decode(body).map_err(|_| 400_u16)?;
        let proof = message.last_answer.as_deref().map(|document| self.ours(document)).transpose()?;
        let proof = proof.map_or(Beside::Nothing, |proof| Beside::Checked(Box::new(proof)));
        let receipt = message.receipt.as_deref().map(|document| self.ours(document)).transpose()?;
        let mut books = held(&self.0.books);
        let signed = self.check(&books, &message.request, receipt.as_ref())?;
        let (body, request) = (signed.body_hash(), signed.into_parts().0);
        let view = books.view(&request, body, proof, receipt);
        match decide(&view, &request, self.now(), &books.fresh()) {
            Decision::Decided(outcome) => Ok(books.write(*outcome, &self.0.keys, true)),
            Decision::Aside(outcome) => Ok(books.write(*outcome, &self.0.keys, false)),
            Decision::Repeat => books.slots.get(&request.journal).cloned().ok_or(500),
            Decision::RepeatAside => {
                let kept = books.asides.get(&(request.journal.clone(), request.id));
                kept.map(|(_, document)| document.clone()).ok_or(500)
            }
            Decision::Superseded(answer) | Decision::Unrecorded(answer) => {
                Ok(self.0.keys.sign(*answer).bytes().to_vec())
            }
            Decision::CheckProof | Decision::WantsKeys(_) | Decision::Rejected(_) => Err(409),
        }
    }

    fn check(&self, books: &Books, document: &[u8], receipt: Option<&Proof>) -> Result<Signed<Request>, u16> {
        let request = Unverified::<Request>::parse(document).map_err(|_| 400_u16)?;
        let asker = request.asker().map_err(|_| 400_u16)?;
        let key = match books.devices.get(&asker.device) {
            Some(device) => device.signing_key,
            None if asker.registers => {
                let ring = self.0.keys.ring(self.now());
                return request.verify_registration(asker.server, &ring).map_err(|_| 401);
            }
            None => receipt.and_then(|receipt| registered_key(receipt, asker)).ok_or(404_u16)?,
        };
        let key = VerifyingKey::of_device(key).map_err(|_| 400_u16)?;
        let key = DeviceKey { server: asker.server, device: asker.device, key };
        request.verify(&key, &self.0.keys.ring(self.now())).map_err(|_| 401)
    }

    fn ours(&self, document: &[u8]) -> Result<Proof, u16> {
        let ring = self.0.keys.ring(self.now());
        let checked = Unverified::<Answer>::parse(document).and_then(|answer| answer.verify_held(&ring));
        let signed = checked.map_err(|_| 400_u16)?;
        Ok(Proof { digest: signed.body_hash(), answer: signed.into_parts().0 })
    }
}

fn registered_key(receipt: &Proof, asker: Asker) -> Option<DeviceSigningKey> {
    let Body::Receipt(body) = &receipt.answer.body else { return None };
    match body.effect {
        Effect::Registered { signing_key, .. } if receipt.answer.head.journal.device == asker.device => {
            Some(signing_key)
        }
        _ => None,
    }
}

fn problem(status: u16) -> NetAnswer {
    NetAnswer { status, content_type: "application/problem+json".into(), body: b"{}".to_vec() }
}

impl Net for FakeServer {
    fn exchange(&self, request: &NetRequest<'_>) -> Result<NetAnswer, NetError> {
        let mishap = held(&self.0.wire).next();
        match mishap {
            None => Ok(self.answer(request)),
            Some(Mishap::Away) => Err(NetError::Unreachable("connection refused".into())),
            Some(Mishap::RequestLost) => {
                self.0.clock.sleep(request.time_limit);
                Err(NetError::Timeout)
            }
            Some(Mishap::AnswerLost) => {
                let _ = self.answer(request);
                Err(NetError::Interrupted("connection reset".into()))
            }
            Some(Mishap::Twice) => {
                let _ = self.answer(request);
                Ok(self.answer(request))
            }
            Some(Mishap::Slow(length)) if length > request.time_limit => {
                self.0.clock.sleep(request.time_limit);
                let _ = self.answer(request);
                Err(NetError::Timeout)
            }
            Some(Mishap::Slow(length)) => {
                self.0.clock.sleep(length);
                Ok(self.answer(request))
            }
            Some(Mishap::Problem(status)) => Ok(problem(status)),
            Some(Mishap::Garbage) => {
                Ok(NetAnswer { status: 200, content_type: COSE.into(), body: b"\xd2\x84nonsense".to_vec() })
            }
        }
    }
}
