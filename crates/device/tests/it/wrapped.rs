//! A19: what is kept of an identity whose keys a TPM has wrapped, with a stand-in for the TPM.

use std::path::Path;
use std::sync::Arc;

use carnet_core::id::ServerId;
use carnet_device::identity::{
    Area, Binding, Component, DeviceIdentity, EvidenceKind, Feature, GivenMachine, IdentityError, Machine,
    Tpm, TpmFault, Wrapped,
};
use carnet_seal::Signer;
use carnet_testkit::{MemDisk, SeededRandom, TpmKey};
use zeroize::Zeroizing;

const SERVER: ServerId = ServerId([1; 16]);

/// Wraps by adding its seed, which is enough to be told from another one.
#[derive(Debug)]
struct StandIn {
    seed: u8,
    key: TpmKey,
}

impl StandIn {
    fn area(&self, secret: &[u8]) -> Area {
        Area { public: vec![self.seed], private: secret.iter().map(|byte| byte ^ self.seed).collect() }
    }
}

impl Tpm for StandIn {
    fn make(&self, secret: &[u8; 32]) -> Result<Wrapped, TpmFault> {
        Ok(Wrapped { public: self.key.public(), key: self.area(&[7]), secret: self.area(secret) })
    }

    fn open(&self, wrapped: &Wrapped) -> Result<Zeroizing<[u8; 32]>, TpmFault> {
        let secret = self.area(&wrapped.secret.private).private;
        let ours = wrapped.key == self.area(&[7]) && wrapped.public == self.key.public();
        let secret = ours.then_some(secret).and_then(|secret| secret.try_into().ok());
        secret.map(Zeroizing::new).ok_or(TpmFault::Another)
    }

    fn sign(&self, _: &Wrapped, message: &[u8]) -> Result<[u8; 64], TpmFault> {
        self.key.sign(message).map_err(|fault| TpmFault::Failed(fault.to_string()))
    }
}

#[derive(Debug)]
struct Board(Arc<StandIn>);

impl Board {
    fn with(seed: u8) -> Self {
        Self(Arc::new(StandIn { seed, key: TpmKey::from_seed(seed) }))
    }
}

impl Machine for Board {
    fn features(&self, _: Component) -> Vec<Feature> {
        Vec::new()
    }

    fn tpm(&self) -> Result<Arc<dyn Tpm>, TpmFault> {
        Ok(self.0.clone())
    }
}

fn path() -> &'static Path {
    Path::new("/ann/carnet/identity")
}

fn create(disk: &MemDisk, machine: &dyn Machine) -> Result<DeviceIdentity, IdentityError> {
    let random = SeededRandom::new(3);
    DeviceIdentity::open_or_create(&disk.fs(), path(), SERVER, &Binding::Tpm(machine), &random)
}

fn open(disk: &MemDisk, machine: &dyn Machine) -> Result<DeviceIdentity, IdentityError> {
    DeviceIdentity::open(&disk.fs(), path(), SERVER, &Binding::Tpm(machine))
}

#[test]
fn a19_only_the_tpm_that_has_wrapped_the_keys_opens_them() {
    let (disk, board) = (MemDisk::new(), Board::with(5));
    let made = create(&disk, &board).unwrap();
    assert_eq!((made.evidence_kind(), made.signing_public()), (EvidenceKind::Tpm, board.0.key.public()));
    let again = open(&disk, &board).unwrap();
    assert_eq!((again.device(), again.agreement_public()), (made.device(), made.agreement_public()));
    assert_eq!(open(&disk, &Board::with(6)).unwrap_err(), IdentityError::AnotherTpm(path().to_owned()));
}

#[test]
fn a_program_without_support_for_tpms_says_so() {
    let (disk, bare) = (MemDisk::new(), GivenMachine::named("desk"));
    let refused = create(&disk, &bare).unwrap_err();
    assert_eq!(refused, TpmFault::NotBuiltIn.into());
    assert!(
        refused.to_string().starts_with("this program was built without support for TPMs: "),
        "{refused}"
    );
    assert!(!disk.files().contains_key(path()), "nothing was made");
    create(&disk, &Board::with(5)).unwrap();
    assert_eq!(open(&disk, &bare).unwrap_err(), refused);
    let machine = DeviceIdentity::open(&disk.fs(), path(), SERVER, &Binding::Machine(&bare)).unwrap_err();
    assert!(matches!(machine, IdentityError::AnotherKind { made: EvidenceKind::Tpm, .. }), "{machine}");
}

#[test]
fn i12_no_changed_bit_is_accepted_and_a_key_has_its_own_name() {
    let (disk, board) = (MemDisk::new(), Board::with(5));
    create(&disk, &board).unwrap();
    let whole = disk.files()[path()].clone();
    let refused = |bytes: &[u8]| {
        disk.put(path(), bytes);
        open(&disk, &board).unwrap_err()
    };
    let damaged = IdentityError::Damaged(path().to_owned());
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&changed), damaged, "bit {bit}");
    }
    for length in 0..whole.len() {
        assert_eq!(refused(&whole[..length]), damaged, "{length} bytes");
    }
    assert_eq!(refused(&[&whole[..], b"more"].concat()), damaged);
    // Somebody has made the check value right again.
    let sealed = |mut bytes: Vec<u8>| {
        let crc = crc32c(&bytes);
        bytes.extend_from_slice(&crc);
        bytes
    };
    let content = &whole[..whole.len() - 4];
    for at in [26, 43, 75] {
        let mut changed = content.to_vec();
        changed[at] ^= 1;
        assert_eq!(refused(&sealed(changed)), damaged, "byte {at}: the device has the name of its key");
    }
    assert_eq!(refused(&sealed([content, b"more"].concat())), damaged, "nothing stands behind the last part");
    disk.put(path(), &whole);
    assert!(open(&disk, &board).is_ok());
}

/// CRC-32C, bit by bit (RFC 3720 §B.4).
fn crc32c(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    });
    (!crc).to_le_bytes()
}
