//! The documents, and who must have signed them.
//!
//! | document | claims | checked with |
//! |---|---|---|
//! | key set | [`KeySet`](crate::keys::KeySet) | the pinned root: [`KeyRing::open`] |
//! | pass, portable pass, refusal, receipt | [`Answer`] | the server's keys: [`Unverified::verify`] |
//! | offer | [`OfferClaims`] | the server's keys: [`Unverified::verify`] |
//! | request | [`Request`] | the device's registered key: `Unverified::<Request>::verify` |
//! | registration | [`Request`] | the key that it brings: `Unverified::<Request>::verify_registration` |
//! | agreement | [`Agreement`] | the device's registered key: `Unverified::<Agreement>::verify` |
//! | image manifest | [`ImageManifest`](crate::ImageManifest) | the supplier's image key: [`ImageKey`](crate::ImageKey) |

use carnet_core::app::AppId;
use carnet_core::document::{Agreed, Agreement, Answer, Body, Brought, Joins, Operation, Request};
use carnet_core::id::{DeviceId, ServerId, SupplierId};
use carnet_core::offer::Listed;

use crate::envelope::{Signed, Unverified, document};
use crate::error::SealError;
use carnet_core::provision::KeyRedemption;

use crate::keys::{DeviceKey, Issued, Issuer, KeyRing, VerifyingKey, device_of};
use crate::{KeyId, record};

/// An offer as it stands in a menu, as the server signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferClaims {
    /// Where it is offered.
    pub server: ServerId,
    /// By whom.
    pub supplier: SupplierId,
    /// The offer with its serial.
    pub listed: Listed,
}

record! { OfferClaims { 1 => server, 2 => supplier, 3 => listed } }
document! { OfferClaims: Offer, Request: Request, Agreement: Agreement }

impl Issued for OfferClaims {
    fn issuer(&self) -> Issuer {
        for_supplier(self.server, &self.listed.app, self.supplier)
    }
}

/// Whatever grants something must come from the supplier's own key. A refusal or a receipt grants nothing,
/// and a supplier that the server does not know has no key.
impl Issued for Answer {
    fn issuer(&self) -> Issuer {
        let server = self.head.server;
        match &self.body {
            Body::Pass(pass) => for_supplier(server, &pass.app, pass.supplier),
            Body::Portable(portable) => for_supplier(server, &portable.app, portable.supplier),
            // That its journal is one of an app was made sure of when it was read.
            Body::Keys(delivery) => Issuer {
                server,
                supplier: self.head.journal.app.as_ref().map(AppId::supplier),
                supplier_id: Some(delivery.supplier),
                or_server: false,
            },
            Body::Refusal(_) | Body::Receipt(_) => Issuer {
                server,
                supplier: self.head.journal.app.as_ref().map(AppId::supplier),
                supplier_id: None,
                or_server: true,
            },
        }
    }
}

fn for_supplier(server: ServerId, app: &AppId, supplier: SupplierId) -> Issuer {
    Issuer { server, supplier: Some(app.supplier()), supplier_id: Some(supplier), or_server: false }
}

/// Who says that it asks: where to look for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The server that is asked.
    pub server: ServerId,
    /// The device.
    pub device: DeviceId,
    /// Whether it wants to be registered, and so brings its key with it.
    pub registers: bool,
    /// The key that is said to have signed the portable pass in the request, where it brings one.
    pub brought: Option<KeyId>,
}

impl Unverified<Request> {
    /// Who says that it asks. Nobody has checked it yet.
    ///
    /// # Errors
    /// When the claims are malformed.
    pub fn asker(&self) -> Result<Asker, SealError> {
        let request = self.unverified_claims()?;
        let registers = matches!(request.operation, Operation::Register(_));
        let brought = match &request.operation {
            Operation::Import(brought) => Some(brought),
            Operation::Register(registration) => match &registration.joins {
                Joins::With(brought) => Some(brought),
                _ => None,
            },
            _ => None,
        };
        let brought = brought.and_then(|brought| Unverified::<Answer>::parse(&brought.document).ok());
        let brought = brought.map(|portable| portable.key_id());
        Ok(Asker { server: request.server, device: request.journal.device, registers, brought })
    }

    /// What it presents for a license key, if it does. Nobody has checked it yet.
    ///
    /// # Errors
    /// When the claims are malformed.
    pub fn redemption(&self) -> Result<Option<KeyRedemption>, SealError> {
        Ok(match self.unverified_claims()?.operation {
            Operation::RedeemKey(redemption) => Some(*redemption),
            _ => None,
        })
    }

    /// Checks the request with the device's registered key, and with it the document that it may carry: an
    /// agreement must be signed with the same key, a portable pass by the server of `ring`.
    ///
    /// # Errors
    /// When a signature is wrong or a document speaks for somebody else.
    pub fn verify(&self, key: &DeviceKey, ring: &KeyRing) -> Result<Signed<Request>, SealError> {
        let request = key.check(self, |request| (request.server, request.journal.device))?;
        match &request.claims().operation {
            Operation::Agree(agreed) => {
                Unverified::<Agreement>::parse(&agreed.document)?.verify(key)?;
            }
            Operation::Redeem(redemption) => {
                Unverified::<Agreement>::parse(&redemption.agreed.document)?.verify(key)?;
            }
            Operation::Import(brought) => {
                Unverified::<Answer>::parse(&brought.document)?.verify_held(ring)?;
            }
            _ => {}
        }
        Ok(request)
    }

    /// Checks a registration with the key that it brings: proof that the device has that key, and no proof of
    /// anything else. A portable pass that it brings must be signed by the server of `ring`.
    ///
    /// # Errors
    /// When it is no registration at this server, or a signature is wrong.
    pub fn verify_registration(
        &self,
        server: ServerId,
        ring: &KeyRing,
    ) -> Result<Signed<Request>, SealError> {
        let claims = self.unverified_claims()?;
        let Operation::Register(registration) = &claims.operation else {
            return Err(SealError::NotRegistration);
        };
        if let Joins::With(brought) = &registration.joins {
            Unverified::<Answer>::parse(&brought.document)?.verify_held(ring)?;
        }
        let device = device_of(registration.signing_key);
        if claims.journal.device != device {
            return Err(SealError::OtherDevice(claims.journal.device));
        }
        let key = VerifyingKey::of_device(registration.signing_key)?;
        let key = DeviceKey { server, device: claims.journal.device, key };
        key.check(self, |request| (request.server, request.journal.device))
    }
}

impl Unverified<Agreement> {
    /// Checks the agreement with the device's registered key.
    ///
    /// # Errors
    /// When the signature is wrong or the agreement is of another device or server.
    pub fn verify(&self, key: &DeviceKey) -> Result<Signed<Agreement>, SealError> {
        key.check(self, |agreement| (agreement.server, agreement.device))
    }
}

impl From<Signed<Agreement>> for Agreed {
    fn from(signed: Signed<Agreement>) -> Self {
        let (agreement, document) = signed.into_parts();
        Self { agreement, document }
    }
}

/// What a checked portable pass brings.
///
/// # Errors
/// [`SealError::WrongKind`] when the answer is no portable pass.
pub fn brought(signed: Signed<Answer>) -> Result<Brought, SealError> {
    let kind = signed.kind();
    match signed.into_parts() {
        (Answer { body: Body::Portable(portable), .. }, document) => {
            Ok(Brought { portable: *portable, document })
        }
        _ => Err(SealError::WrongKind(kind)),
    }
}
