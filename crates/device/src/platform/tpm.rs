//! The TPM 2.0 of this machine, by the system's TSS library.
//!
//! Everything hangs below the storage root key that the TCG's provisioning guidance describes: a primary key of P-256
//! that a TPM makes anew from its owner seed, the same each time, until it is cleared. Nothing is left in the TPM: each
//! call makes that key, loads what it needs, and lets go of all of it. Keys are exempt from the lockout against
//! guessing, as there is nothing to guess: whoever may use the TPM and has the wrapped keys may use them.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::str::FromStr;

use carnet_core::device_key::DeviceSigningKey;
use carnet_seal::keys::{VerifyingKey, low_s};
use carnet_seam::{SystemRandom, random};
use sha2::{Digest as _, Sha256};
use tss_esapi::attributes::{ObjectAttributes, ObjectAttributesBuilder, SessionAttributesBuilder};
use tss_esapi::constants::SessionType;
use tss_esapi::constants::response_code::Tss2ResponseCodeKind as Code;
use tss_esapi::constants::tss::{TPM2_RH_NULL, TPM2_ST_HASHCHECK};
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::structures::{
    CreateKeyResult, Digest, EccParameter, EccPoint, EccScheme, HashScheme, KeyedHashScheme, Private, Public,
    PublicBuilder, PublicEccParametersBuilder, PublicKeyedHashParameters, SensitiveData, Signature,
    SignatureScheme, SymmetricDefinition, SymmetricDefinitionObject,
};
use tss_esapi::tcti_ldr::TctiNameConf;
use tss_esapi::traits::{Marshall, UnMarshall};
use tss_esapi::tss2_esys::TPMT_TK_HASHCHECK;
use tss_esapi::{Context, Error};
use zeroize::Zeroizing;

use crate::identity::{Area, Tpm, TpmFault, Wrapped};

/// The way to the TPM where nobody names one: the kernel's resource manager, which keeps its users apart.
const USUAL: &str = "device:/dev/tpmrm0";

/// A TPM, by the way to it.
#[derive(Debug, Clone)]
pub(super) struct SystemTpm {
    /// As the TSS library names ways: `device:/dev/tpmrm0`.
    way: String,
}

impl SystemTpm {
    pub(super) fn named(way: Option<&str>) -> Self {
        Self { way: way.unwrap_or(USUAL).to_owned() }
    }

    /// Runs something on the TPM, with the storage key made.
    fn with<T>(&self, work: impl FnOnce(&mut Desk) -> Result<T, TpmFault>) -> Result<T, TpmFault> {
        let way = TctiNameConf::from_str(&self.way).map_err(|_| TpmFault::BadName(self.way.clone()))?;
        self.reach()?;
        let context = Context::new(way).map_err(|_| TpmFault::Missing(self.way.clone()))?;
        work(&mut Desk::open(context)?)
    }

    /// The library says only that it did not work; the system says why.
    fn reach(&self) -> Result<(), TpmFault> {
        let Some(path) = self.way.strip_prefix("device:") else { return Ok(()) };
        match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Err(TpmFault::NoPermission(path.to_owned()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(TpmFault::Missing(path.to_owned())),
            // Busy, for one: without the resource manager one program at a time has it.
            Err(error) => Err(TpmFault::Failed(error.to_string())),
            Ok(_) => Ok(()),
        }
    }
}

impl Tpm for SystemTpm {
    fn make(&self, secret: &[u8; 32]) -> Result<Wrapped, TpmFault> {
        self.with(|desk| {
            let key = desk.create(signing_key().map_err(fault)?, None)?;
            let secret = SensitiveData::try_from(secret.to_vec()).map_err(fault)?;
            let secret = desk.create(sealed_data().map_err(fault)?, Some(secret))?;
            Ok(Wrapped {
                public: point_of(&key.out_public)?,
                key: area(&key).map_err(fault)?,
                secret: area(&secret).map_err(fault)?,
            })
        })
    }

    fn open(&self, wrapped: &Wrapped) -> Result<Zeroizing<[u8; 32]>, TpmFault> {
        let nonce: [u8; 32] =
            random::bytes(&SystemRandom).map_err(|error| TpmFault::Failed(error.to_string()))?;
        // Letters first: what is signed of a document begins with the head of an array (RFC 9052 §4.4).
        let challenge = [&b"carnet shows its TPM\n"[..], &nonce].concat();
        self.with(|desk| {
            let signature = desk.sign(&wrapped.key, &challenge)?;
            let key = VerifyingKey::of_device(wrapped.public).map_err(|_| TpmFault::Another)?;
            key.verify(&challenge, &signature).map_err(|_| TpmFault::Another)?;
            desk.unseal(&wrapped.secret)
        })
    }

    fn sign(&self, wrapped: &Wrapped, message: &[u8]) -> Result<[u8; 64], TpmFault> {
        self.with(|desk| desk.sign(&wrapped.key, message))
    }
}

/// A conversation with the TPM. What it has loaded goes when this is dropped.
struct Desk {
    context: Context,
    storage: KeyHandle,
}

impl Desk {
    /// With the storage key, and a session in which secrets cross the bus encrypted: only this TPM can open the salt.
    fn open(mut context: Context) -> Result<Self, TpmFault> {
        let template = storage_key().map_err(fault)?;
        let storage = context
            .execute_with_nullauth_session(|context| {
                context.create_primary(Hierarchy::Owner, template, None, None, None, None)
            })
            .map_err(owner_fault)?
            .key_handle;
        let (cipher, hash) = (SymmetricDefinition::AES_128_CFB, HashingAlgorithm::Sha256);
        let session = context.start_auth_session(Some(storage), None, None, SessionType::Hmac, cipher, hash);
        let session = session.map_err(fault)?.ok_or_else(|| TpmFault::Failed("no session".to_owned()))?;
        let (attributes, mask) = SessionAttributesBuilder::new()
            .with_continue_session(true)
            .with_decrypt(true)
            .with_encrypt(true)
            .build();
        context.tr_sess_set_attributes(session, attributes, mask).map_err(fault)?;
        context.set_sessions((Some(session), None, None));
        Ok(Self { context, storage })
    }

    fn create(&mut self, what: Public, secret: Option<SensitiveData>) -> Result<CreateKeyResult, TpmFault> {
        self.context.create(self.storage, what, None, secret, None, None).map_err(fault)
    }

    fn load(&mut self, area: &Area) -> Result<KeyHandle, TpmFault> {
        // Bytes that are no area: somebody has changed the file and made its check value right again.
        let public = Public::unmarshall(&area.public).map_err(|_| TpmFault::Another)?;
        let private = Private::try_from(area.private.clone()).map_err(|_| TpmFault::Another)?;
        self.context.load(self.storage, private, public).map_err(load_fault)
    }

    fn sign(&mut self, key: &Area, message: &[u8]) -> Result<[u8; 64], TpmFault> {
        let key = self.load(key)?;
        let digest = Digest::try_from(Sha256::digest(message).to_vec()).map_err(fault)?;
        // The TPM has not hashed it itself; an unrestricted key signs it all the same (part 3, TPM2_Sign).
        let ticket =
            TPMT_TK_HASHCHECK { tag: TPM2_ST_HASHCHECK, hierarchy: TPM2_RH_NULL, digest: Default::default() };
        let ticket = ticket.try_into().map_err(fault)?;
        let signed = self.context.sign(key, digest, SignatureScheme::Null, ticket).map_err(fault)?;
        self.context.flush_context(key.into()).map_err(fault)?;
        let Signature::EcDsa(signature) = signed else {
            return Err(TpmFault::Failed("it signed with another algorithm".to_owned()));
        };
        let mut bytes = [0; 64];
        let (r, s) = bytes.split_at_mut(32);
        r.copy_from_slice(&number(signature.signature_r())?);
        s.copy_from_slice(&number(signature.signature_s())?);
        low_s(&bytes).map_err(|error| TpmFault::Failed(error.to_string()))
    }

    fn unseal(&mut self, area: &Area) -> Result<Zeroizing<[u8; 32]>, TpmFault> {
        let sealed = self.load(area)?;
        let secret = self.context.unseal(sealed.into()).map_err(fault)?;
        self.context.flush_context(sealed.into()).map_err(fault)?;
        let secret: &[u8; 32] = secret.value().try_into().map_err(|_| TpmFault::Another)?;
        Ok(Zeroizing::new(*secret))
    }
}

/// The storage root key (TCG TPM v2.0 Provisioning Guidance §7.5.1, ECC P-256).
fn storage_key() -> Result<Public, Error> {
    let attributes =
        fixed().with_sensitive_data_origin(true).with_restricted(true).with_decrypt(true).build()?;
    let zeros = || EccParameter::try_from(vec![0; 32]);
    let cipher = SymmetricDefinitionObject::AES_128_CFB;
    let parameters =
        PublicEccParametersBuilder::new_restricted_decryption_key(cipher, EccCurve::NistP256).build()?;
    of_kind(PublicAlgorithm::Ecc, attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::new(zeros()?, zeros()?))
        .build()
}

fn signing_key() -> Result<Public, Error> {
    let attributes = fixed().with_sensitive_data_origin(true).with_sign_encrypt(true).build()?;
    let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
    let parameters =
        PublicEccParametersBuilder::new_unrestricted_signing_key(scheme, EccCurve::NistP256).build()?;
    of_kind(PublicAlgorithm::Ecc, attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

fn sealed_data() -> Result<Public, Error> {
    of_kind(PublicAlgorithm::KeyedHash, fixed().build()?)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(Digest::default())
        .build()
}

/// Of this TPM and this parent for good, used with the (empty) password.
fn fixed() -> ObjectAttributesBuilder {
    ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_user_with_auth(true)
        .with_no_da(true)
}

fn of_kind(kind: PublicAlgorithm, attributes: ObjectAttributes) -> PublicBuilder {
    PublicBuilder::new()
        .with_public_algorithm(kind)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
}

fn area(created: &CreateKeyResult) -> Result<Area, Error> {
    Ok(Area { public: created.out_public.marshall()?, private: created.out_private.value().to_vec() })
}

fn point_of(key: &Public) -> Result<DeviceSigningKey, TpmFault> {
    let Public::Ecc { unique, .. } = key else {
        return Err(TpmFault::Failed("it made another kind of key".to_owned()));
    };
    Ok(DeviceSigningKey::P256 { x: number(unique.x())?, y: number(unique.y())? })
}

/// TPMs may leave out zeros in front.
fn number(parameter: &EccParameter) -> Result<[u8; 32], TpmFault> {
    let (mut number, bytes) = ([0; 32], parameter.value());
    let start = number.len().checked_sub(bytes.len());
    let place = start.and_then(|start| number.get_mut(start..));
    place
        .ok_or_else(|| TpmFault::Failed("it gave out a number that is too long".to_owned()))?
        .copy_from_slice(bytes);
    Ok(number)
}

fn kind(error: Error) -> Option<Code> {
    match error {
        Error::Tss2Error(code) => code.kind(),
        Error::WrapperError(_) => None,
    }
}

fn fault(error: Error) -> TpmFault {
    match kind(error) {
        Some(Code::Lockout) => TpmFault::Lockout,
        Some(Code::ObjectMemory | Code::SessionMemory | Code::ObjectHandles | Code::SessionHandles) => {
            TpmFault::Full
        }
        _ => TpmFault::Failed(error.to_string()),
    }
}

/// The storage key is refused to whoever does not know the owner's password.
fn owner_fault(error: Error) -> TpmFault {
    match kind(error) {
        Some(Code::BadAuth | Code::AuthFail | Code::Hierarchy | Code::AuthMissing) => {
            TpmFault::OwnedElsewhere
        }
        _ => fault(error),
    }
}

/// What another storage key has wrapped fails its check value, or cannot be read with this one.
fn load_fault(error: Error) -> TpmFault {
    match kind(error) {
        Some(
            Code::Integrity | Code::Size | Code::Value | Code::Binding | Code::Type | Code::Insufficient,
        ) => TpmFault::Another,
        _ => fault(error),
    }
}
