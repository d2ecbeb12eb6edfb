//! Signatures of devices whose key is in a TPM: ECDSA over P-256 (RFC 9053 §2.1, RFC 9864), in one spelling.

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Answer, Body, Operation, PublicKey, Registration, Request};
use carnet_core::id::DeviceId;
use carnet_seal::cbor::{CborError, Fault, decode, encode};
use carnet_seal::keys::{Algorithm, CoseKey, DeviceKey, KeyEntry, KeySet, Purpose, device_of, low_s};
use carnet_seal::{KeyRing, SealError, Signer, SigningKey, ToBeSigned, Unverified, VerifyingKey, sign};
use data_encoding::HEXLOWER;
use proptest::prelude::*;

use crate::samples::{
    NOW, acme_key, answer, device_key, issue, key_set, pass, pin, registration, request, ring, ring_of, root,
    server,
};
use crate::tpm_key::TpmKey;

/// The order of the curve, and half of it, rounded down (SEC 2 §2.4.2).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const HALF: &str = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
const PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.to_lowercase().as_bytes()).unwrap().try_into().unwrap()
}

fn both(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    [r, s].concat().try_into().unwrap()
}

/// a − b, big-endian.
fn minus(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let (mut difference, mut borrow) = ([0; 32], 0);
    for at in (0..32).rev() {
        let digit = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = digit.to_le_bytes()[0];
    }
    difference
}

/// The other s that fits the same r.
fn other_s(signature: [u8; 64]) -> [u8; 64] {
    let (r, s) = (*signature.first_chunk().unwrap(), *signature.last_chunk().unwrap());
    both(r, minus(hex(ORDER), s))
}

fn key_of(public: DeviceSigningKey) -> Result<VerifyingKey, SealError> {
    VerifyingKey::of_device(public)
}

/// RFC 6979 §A.2.5: the key, and what it signs with SHA-256.
fn of_rfc_6979() -> VerifyingKey {
    key_of(DeviceSigningKey::P256 {
        x: hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"),
        y: hex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"),
    })
    .unwrap()
}

#[test]
fn signatures_are_those_of_rfc_6979_with_the_lower_s() {
    let key = of_rfc_6979();
    let low = both(
        hex("F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"),
        hex("019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"),
    );
    assert_eq!(key.verify(b"test", &low), Ok(()));
    assert_eq!(low_s(&low), Ok(low));
    let high = both(
        hex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"),
        hex("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"),
    );
    assert_eq!(key.verify(b"sample", &high), Err(SealError::WrongSignature), "a second spelling");
    assert_eq!(low_s(&high), Ok(other_s(high)));
    assert_eq!(key.verify(b"sample", &other_s(high)), Ok(()));
    assert_eq!(key.verify(b"test", &other_s(low)), Err(SealError::WrongSignature));
    assert_eq!(key.verify(b"another", &low), Err(SealError::WrongSignature));
}

#[test]
fn i16_numbers_out_of_range_are_no_signature() {
    let key = of_rfc_6979();
    let (zero, one, order) = ([0; 32], hex(&format!("{:064x}", 1)), hex(ORDER));
    let beyond = [0xff; 32];
    for part in [zero, order, beyond] {
        for signature in [both(part, one), both(one, part), both(part, part)] {
            assert_eq!(key.verify(b"test", &signature), Err(SealError::WrongSignature));
            assert_eq!(low_s(&signature), Err(SealError::WrongSignature));
        }
    }
    assert_eq!(key.verify(b"test", &both(one, one)), Err(SealError::WrongSignature));
    let half = both(one, hex(HALF));
    assert_eq!(low_s(&half), Ok(half), "half of the order is still the lower one");
    let mut above: [u8; 32] = hex(HALF);
    above[31] += 1;
    assert_eq!(low_s(&both(one, above)), Ok(half));
}

#[test]
fn i16_only_points_of_the_curve_are_keys() {
    let DeviceSigningKey::P256 { x, y } = TpmKey::from_seed(9).public() else { panic!("not of P-256") };
    assert!(key_of(DeviceSigningKey::P256 { x, y }).is_ok());
    let mirrored = minus(hex(PRIME), y);
    assert!(key_of(DeviceSigningKey::P256 { x, y: mirrored }).is_ok(), "another key, but a key");
    for at in 0..64 {
        let (mut x, mut y) = (x, y);
        if at < 32 {
            x[at] ^= 1
        } else {
            y[at - 32] ^= 1
        }
        assert_eq!(key_of(DeviceSigningKey::P256 { x, y }), Err(SealError::BadKey), "byte {at}");
    }
    for (x, y) in
        [([0; 32], [0; 32]), (x, [0; 32]), ([0; 32], y), (hex(PRIME), y), ([0xff; 32], [0xff; 32]), (y, x)]
    {
        assert_eq!(key_of(DeviceSigningKey::P256 { x, y }), Err(SealError::BadKey));
    }
}

/// RFC 9679 §6.
#[test]
fn a_key_is_named_by_its_thumbprint() {
    let key = CoseKey::P256 {
        x: hex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"),
        y: hex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"),
    };
    let thumbprint = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec";
    assert_eq!(HEXLOWER.encode(&key.thumbprint().0), thumbprint);
    let CoseKey::P256 { x, y } = key else { panic!("not of P-256") };
    let device = device_of(DeviceSigningKey::P256 { x, y });
    assert_eq!(HEXLOWER.encode(&device.0), thumbprint[..32]);
}

#[test]
fn a_key_has_one_spelling() {
    let key = TpmKey::from_seed(9).public();
    let DeviceSigningKey::P256 { x, y } = key else { panic!("not of P-256") };
    let cose = [&[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 32][..], &x, &[0x22, 0x58, 32], &y].concat();
    assert_eq!(encode(&CoseKey::from(key)), cose);
    assert_eq!(decode(&cose), Ok(CoseKey::from(key)));
    assert_eq!(encode(&key), [&[0x58, 64][..], &x, &y].concat());
    assert_eq!(decode(&encode(&key)), Ok(key));
    assert_eq!(decode(&encode(&x)), Ok(DeviceSigningKey::from(PublicKey(x))), "32 bytes are of Ed25519");

    let compressed = [&[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 32][..], &x, &[0x22, 0xf5]].concat();
    let without_y = [&[0xa3, 1, 2, 0x20, 1, 0x21, 0x58, 32][..], &x].concat();
    let curve_of_okp = [&[0xa3, 1, 1, 0x20, 1, 0x21, 0x58, 32][..], &x].concat();
    let kind_of_ec2 = [&[0xa3, 1, 2, 0x20, 6, 0x21, 0x58, 32][..], &x].concat();
    let okp_with_y = [&[0xa4, 1, 1, 0x20, 6, 0x21, 0x58, 32][..], &x, &[0x22, 0x58, 32], &y].concat();
    let short = [&[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 31][..], &x[1..], &[0x22, 0x58, 32], &y].concat();
    let fault = |bytes: &[u8]| decode::<CoseKey>(bytes).unwrap_err().fault;
    for bytes in [compressed, curve_of_okp, kind_of_ec2, short] {
        assert!(matches!(fault(&bytes), Fault::Expected(_)), "{bytes:02x?}");
    }
    assert_eq!((fault(&without_y), fault(&okp_with_y)), (Fault::MissingKey(-3), Fault::UnknownKey(-3)));
    for length in [0, 31, 33, 63, 65] {
        let refused: Result<DeviceSigningKey, CborError> = decode(&encode(&vec![2_u8; length]));
        assert!(matches!(refused.unwrap_err().fault, Fault::Expected(_)), "{length} bytes");
    }
}

/// A registration of the device that has this key.
fn registering(key: DeviceSigningKey) -> Request {
    let mut asked =
        request(Operation::Register(Box::new(Registration { signing_key: key, ..registration() })));
    asked.journal.device = device_of(key);
    asked
}

fn registered(bytes: &[u8]) -> Result<DeviceId, SealError> {
    let request = Unverified::<Request>::parse(bytes)?.verify_registration(server(), &ring())?;
    Ok(request.claims().journal.device)
}

#[test]
fn a_device_proves_a_key_of_a_tpm_and_signs_with_it_from_then_on() {
    let key = TpmKey::from_seed(9);
    let (first, second) =
        (sign(registering(key.public()), &key).unwrap(), sign(registering(key.public()), &key).unwrap());
    assert_ne!(first.bytes(), second.bytes(), "signed twice");
    assert_eq!(first.body_hash(), second.body_hash(), "and yet the same request");
    for document in [&first, &second] {
        assert_eq!(registered(document.bytes()), Ok(device_of(key.public())));
    }
    let stranger = sign(registering(key.public()), &TpmKey::from_seed(10)).unwrap();
    assert_eq!(registered(stranger.bytes()), Err(SealError::UnknownKey(TpmKey::from_seed(10).key_id())));

    let device = DeviceKey { server: server(), device: device_of(key.public()), key: key.verifying_key() };
    let mut asked = request(Operation::Return);
    asked.journal.device = device.device;
    let asked = sign(asked, &key).unwrap();
    let verified = |bytes: &[u8]| Unverified::<Request>::parse(bytes).unwrap().verify(&device, &ring());
    assert!(verified(asked.bytes()).is_ok());
    let (before, signature) = asked.bytes().split_last_chunk::<64>().unwrap();
    let respelled = [before, &other_s(*signature)].concat();
    assert_eq!(
        verified(&respelled),
        Err(SealError::WrongSignature),
        "nobody makes a second one of the first"
    );
}

#[test]
fn i16_the_algorithm_is_that_of_the_key_whatever_the_header_says() {
    let (tpm, soft) = (TpmKey::from_seed(9), device_key());
    let claims = registering(tpm.public());
    let claimed = ToBeSigned::new(&claims, tpm.key_id(), Algorithm::Ed25519).unwrap();
    for signature in [tpm.sign(claimed.as_bytes()).unwrap(), soft.sign(claimed.as_bytes())] {
        assert_eq!(registered(&claimed.assemble(&signature)), Err(SealError::WrongAlgorithm(-19)));
    }
    let claims = registering(soft.public().into());
    let claimed = ToBeSigned::new(&claims, soft.key_id(), Algorithm::Esp256).unwrap();
    for signature in [tpm.sign(claimed.as_bytes()).unwrap(), soft.sign(claimed.as_bytes())] {
        assert_eq!(registered(&claimed.assemble(&signature)), Err(SealError::WrongAlgorithm(-9)));
    }
}

/// Whoever holds the root could sign such a set; no reader takes it.
#[test]
fn only_devices_have_keys_of_p_256() {
    let key = TpmKey::from_seed(9);
    let cose = CoseKey::from(key.public());
    assert_eq!(ring_of(KeySet { root: cose, ..key_set() }), Err(SealError::BadKey));
    let purposes = [
        Purpose::Server,
        issue(crate::samples::ACME, "acme"),
        Purpose::Image { supplier: crate::samples::ACME, name: "acme".parse().unwrap() },
    ];
    for purpose in purposes {
        let set = KeySet { keys: vec![KeyEntry { purpose, key: cose }], ..key_set() };
        let signed = sign(set.clone(), &root()).unwrap();
        assert_eq!(ring_of(set), Err(SealError::BadKey));
        assert_eq!(KeyRing::reopen(signed.bytes(), &pin()), Err(SealError::BadKey));
    }
    let own = sign(KeySet { root: cose, ..key_set() }, &key).unwrap();
    assert_eq!(KeyRing::open(own.bytes(), &pin(), 0), Err(SealError::BadKey), "not even under its own root");
}

#[test]
fn a_pass_names_the_key_of_a_tpm() {
    let mut given = pass();
    given.device_key = TpmKey::from_seed(9).public();
    let signed = sign(answer(Body::Pass(Box::new(given.clone()))), &acme_key()).unwrap();
    let read = Unverified::<Answer>::parse(signed.bytes()).unwrap().verify(&ring(), NOW).unwrap();
    let Body::Pass(read) = &read.claims().body else { panic!("{read:?}") };
    assert_eq!(**read, given);
}

/// The names of keys in memory and in TPMs cannot meet: what is hashed differs in its first bytes.
#[test]
fn a_signer_says_which_key_and_algorithm_it_has() {
    let (tpm, soft): (&dyn Signer, &dyn Signer) = (&TpmKey::from_seed(9), &SigningKey::from_seed(&[9; 32]));
    assert_eq!((tpm.algorithm().number(), soft.algorithm().number()), (-9, -19));
    assert_ne!(tpm.key_id(), soft.key_id());
}

proptest! {
    #[test]
    fn what_is_signed_is_verified_and_nothing_else_is(
        seed in 1_u8..255, message in prop::collection::vec(any::<u8>(), 0..200), bit in 0_usize..512,
    ) {
        let key = TpmKey::from_seed(seed);
        let signature = key.sign(&message).unwrap();
        let verifying = key.verifying_key();
        prop_assert_eq!(verifying.verify(&message, &signature), Ok(()));
        prop_assert_eq!(verifying.public(), key.public());
        prop_assert_eq!(verifying.verify(&message, &other_s(signature)), Err(SealError::WrongSignature));
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verifying.verify(&message, &flipped), Err(SealError::WrongSignature));
        let another = [&message[..], b"."].concat();
        prop_assert_eq!(verifying.verify(&another, &signature), Err(SealError::WrongSignature));
    }

    #[test]
    fn i12_no_bytes_that_come_in_as_a_key_make_the_reader_panic(x in any::<[u8; 32]>(), y in any::<[u8; 32]>()) {
        let read = key_of(DeviceSigningKey::P256 { x, y });
        prop_assert_eq!(read, Err(SealError::BadKey), "nobody hits the curve by chance");
    }
}
