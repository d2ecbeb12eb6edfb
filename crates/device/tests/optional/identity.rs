//! A19, B2: keys that a TPM keeps, and what becomes of them elsewhere.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::id::ServerId;
use carnet_device::identity::{Binding, DeviceIdentity, EvidenceKind, IdentityError, TpmFault};
use carnet_device::platform::ThisMachine;
use carnet_seal::VerifyingKey;
use carnet_seal::keys::device_of;
use carnet_testkit::{MemDisk, SeededRandom};
use tss_esapi::constants::CapabilityType;
use tss_esapi::constants::response_code::Tss2ResponseCodeKind;
use tss_esapi::constants::tss::{TPM2_RH_NULL, TPM2_ST_HASHCHECK};
use tss_esapi::handles::AuthHandle;
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::structures::{Auth, CapabilityData, Digest, EccScheme, HashScheme, SignatureScheme};
use tss_esapi::tss2_esys::TPMT_TK_HASHCHECK;
use tss_esapi::utils::create_unrestricted_signing_ecc_public;
use tss_esapi::{Context, Error};

use crate::swtpm::Swtpm;

const SERVER: ServerId = ServerId([1; 16]);

fn path() -> &'static Path {
    Path::new("/ann/carnet/identity")
}

fn machine(tpm: &Swtpm) -> ThisMachine {
    ThisMachine::with_tpm(Some(tpm.way()))
}

fn create(disk: &MemDisk, tpm: &Swtpm) -> Result<DeviceIdentity, IdentityError> {
    create_on(disk, &machine(tpm))
}

fn create_on(disk: &MemDisk, machine: &ThisMachine) -> Result<DeviceIdentity, IdentityError> {
    let random = SeededRandom::new(7);
    DeviceIdentity::open_or_create(&disk.fs(), path(), SERVER, &Binding::Tpm(machine), &random)
}

fn open(disk: &MemDisk, tpm: &Swtpm) -> Result<DeviceIdentity, IdentityError> {
    DeviceIdentity::open(&disk.fs(), path(), SERVER, &Binding::Tpm(&machine(tpm)))
}

/// Asked as its owner would ask it.
fn owner<T>(tpm: &Swtpm, work: impl FnOnce(&mut Context) -> Result<T, Error>) -> Result<T, Error> {
    let mut context = Context::new(tpm.way().parse().unwrap()).unwrap();
    context.execute_with_nullauth_session(work)
}

#[test]
fn b2_a_device_is_named_by_a_key_that_its_tpm_keeps() {
    let (disk, mut tpm) = (MemDisk::new(), Swtpm::new());
    let made = create(&disk, &tpm).unwrap();
    assert_eq!(made.evidence_kind(), EvidenceKind::Tpm);
    assert_eq!(made.device(), device_of(made.signing_public()));
    assert!(matches!(made.signing_public(), DeviceSigningKey::P256 { .. }));

    tpm.switch_off();
    tpm.switch_on();
    let again = open(&disk, &tpm).unwrap();
    assert_eq!((again.device(), again.signing_public()), (made.device(), made.signing_public()));
    assert_eq!(again.agreement_public(), made.agreement_public(), "the same secret was unwrapped");

    let key = VerifyingKey::of_device(made.signing_public()).unwrap();
    let signatures = [(); 16].map(|()| again.signer().sign(b"what is said").unwrap());
    for signature in &signatures {
        key.verify(b"what is said", signature).unwrap();
    }
    assert!(signatures.iter().collect::<BTreeSet<_>>().len() > 1, "a TPM signs with fresh random numbers");
}

#[test]
fn a19_another_tpm_opens_nothing_and_says_what_to_do() {
    let (disk, tpm, other) = (MemDisk::new(), Swtpm::new(), Swtpm::new());
    create(&disk, &tpm).unwrap();
    let refused = open(&disk, &other).unwrap_err();
    assert_eq!(refused, IdentityError::AnotherTpm(path().to_owned()));
    let words = refused.to_string();
    for part in [
        "another TPM",
        "repair` cannot carry it over",
        "register --code -",
        "devices lost",
        "/ann/carnet away",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(create(&disk, &other).unwrap_err(), refused, "it is not replaced in silence");
    assert!(open(&disk, &tpm).is_ok(), "where it belongs it is good as before");
}

#[test]
fn a19_a_tpm_that_was_cleared_has_forgotten() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    create(&disk, &tpm).unwrap();
    owner(&tpm, |context| context.clear(AuthHandle::Lockout)).unwrap();
    assert_eq!(open(&disk, &tpm).unwrap_err(), IdentityError::AnotherTpm(path().to_owned()));
}

#[test]
fn i17_the_file_holds_no_secret_and_debug_texts_neither() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    let made = create(&disk, &tpm).unwrap();
    let secret = made.agreement_secret().to_bytes();
    assert_eq!(*made.own_secret(), secret);
    let file = disk.files()[path()].clone();
    for part in secret.windows(8) {
        assert!(!file.windows(8).any(|bytes| bytes == part), "a part of the secret is in the file");
    }
    let shown = format!("{made:?}");
    let digits: String = secret[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&digits) && shown.contains("tpm"), "{shown}");
}

/// Each byte of a wrapped key is covered: by the check value of the file, and where somebody has made that right again
/// by the TPM, by the name of the device, or by the signature that the TPM has to show.
#[test]
fn i12_no_changed_byte_is_accepted() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    create(&disk, &tpm).unwrap();
    let whole = disk.files()[path()].clone();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        disk.put(path(), &changed);
        assert_eq!(open(&disk, &tpm).unwrap_err(), IdentityError::Damaged(path().to_owned()), "byte {at}");
    }
    for length in (0..whole.len()).step_by(9) {
        disk.put(path(), &whole[..length]);
        assert_eq!(
            open(&disk, &tpm).unwrap_err(),
            IdentityError::Damaged(path().to_owned()),
            "{length} bytes"
        );
    }
    for at in (42..whole.len() - 4).step_by(7) {
        let mut changed = whole[..whole.len() - 4].to_vec();
        changed[at] ^= 0x10;
        let crc = crc32c::crc32c(&changed).to_le_bytes();
        disk.put(path(), &[&changed[..], &crc].concat());
        let refused = open(&disk, &tpm).unwrap_err();
        let known = [IdentityError::Damaged(path().to_owned()), IdentityError::AnotherTpm(path().to_owned())];
        assert!(known.contains(&refused), "byte {at}: {refused}");
    }
    disk.put(path(), &whole);
    assert!(open(&disk, &tpm).is_ok(), "and nothing of all this has used up the TPM");
}

#[test]
fn a_tpm_keeps_nothing_of_an_identity() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    let made = create(&disk, &tpm).unwrap();
    made.signer().sign(b"something").unwrap();
    open(&disk, &tpm).unwrap();
    for first in [0x8000_0000, 0x8100_0000, 0x0200_0000, 0x0300_0000] {
        let mut context = Context::new(tpm.way().parse().unwrap()).unwrap();
        let (found, _) = context.get_capability(CapabilityType::Handles, first, 16).unwrap();
        let CapabilityData::Handles(found) = found else { panic!("{found:?}") };
        assert!(found.is_empty(), "{first:x}: {found:?}");
    }
}

#[test]
fn several_programs_make_one_identity_and_open_it_side_by_side() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    let names = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| names.lock().unwrap().insert(create(&disk, &tpm).unwrap().device()));
        }
    });
    assert_eq!(names.into_inner().unwrap().len(), 1);
}

#[test]
fn a_tpm_that_is_locked_against_guessing_still_keeps_identities() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    create(&disk, &tpm).unwrap();
    owner(&tpm, |context| {
        let scheme = EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256));
        let guarded = create_unrestricted_signing_ecc_public(scheme, EccCurve::NistP256)?;
        let password = |text: &[u8]| Auth::try_from(text.to_vec());
        let owner = Hierarchy::Owner;
        let key =
            context.create_primary(owner, guarded, Some(password(b"right")?), None, None, None)?.key_handle;
        context.tr_set_auth(key.into(), password(b"wrong")?)?;
        let ticket = || TPMT_TK_HASHCHECK {
            tag: TPM2_ST_HASHCHECK,
            hierarchy: TPM2_RH_NULL,
            digest: Default::default(),
        };
        let guess = |context: &mut Context| {
            let digest = Digest::try_from(vec![0; 32])?;
            context.sign(key, digest, SignatureScheme::Null, ticket().try_into()?)
        };
        let locked = |error| match error {
            Error::Tss2Error(code) => code.kind() == Some(Tss2ResponseCodeKind::Lockout),
            Error::WrapperError(_) => false,
        };
        assert!((0..100).any(|_| guess(context).is_err_and(locked)), "swtpm never locks");
        Ok(())
    })
    .unwrap();
    assert!(open(&disk, &tpm).is_ok(), "there is nothing to guess, so the lockout does not hold for us");
}

#[test]
fn an_owner_with_a_password_is_named_as_the_reason() {
    let tpm = Swtpm::new();
    let password = Auth::try_from(b"secret".to_vec()).unwrap();
    owner(&tpm, |context| context.hierarchy_change_auth(AuthHandle::Owner, password)).unwrap();
    let refused = create(&MemDisk::new(), &tpm).unwrap_err();
    assert_eq!(refused, TpmFault::OwnedElsewhere.into());
    assert!(refused.to_string().contains("tpm2_changeauth"), "{refused}");
}

#[test]
fn what_is_no_tpm_is_refused_with_the_remedy_and_leaves_nothing() {
    let mut gone = Swtpm::new();
    gone.switch_off();
    let cases = [
        ("device:/no/such/tpm".to_owned(), "switch it on in the firmware"),
        (gone.way(), "there is no TPM at swtpm:host=127.0.0.1"),
        ("a TPM".to_owned(), "CARNET_TPM names no TPM (`a TPM`)"),
    ];
    for (way, words) in cases {
        let disk = MemDisk::new();
        let refused = create_on(&disk, &ThisMachine::with_tpm(Some(way))).unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
        assert!(!disk.files().contains_key(path()));
    }
}

#[test]
fn a_tpm_that_goes_away_signs_nothing_and_says_so() {
    let (disk, mut tpm) = (MemDisk::new(), Swtpm::new());
    let made = create(&disk, &tpm).unwrap();
    tpm.switch_off();
    let fault = made.signer().sign(b"something").unwrap_err();
    assert!(fault.to_string().starts_with("there is no TPM at "), "{fault}");
    assert!(matches!(open(&disk, &tpm), Err(IdentityError::Tpm(TpmFault::Missing(_)))));
}

#[test]
fn an_identity_of_a_tpm_is_not_opened_as_another_kind() {
    let (disk, tpm) = (MemDisk::new(), Swtpm::new());
    create(&disk, &tpm).unwrap();
    let asked = Binding::File(Path::new("/ann/evidence"));
    let refused = DeviceIdentity::open(&disk.fs(), path(), SERVER, &asked).unwrap_err();
    let (made, asked) = (EvidenceKind::Tpm, EvidenceKind::File);
    assert_eq!(refused, IdentityError::AnotherKind { path: path().to_owned(), made, asked });
}
