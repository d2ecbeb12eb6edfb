//! The names of errors in the vectors. They are part of the files, so they stay when a variant is renamed.

use carnet_seal::SealError;
use carnet_seal::armor::ArmorError;
use carnet_seal::cbor::{CborError, Fault};
use carnet_seal::code::NotACode;
use carnet_seal::product::NotAProduct;

pub fn of_seal(error: &SealError) -> String {
    match error {
        SealError::Envelope(wrong) => format!("envelope: {}", of_cbor(wrong)),
        SealError::Header(wrong) => format!("header: {}", of_cbor(wrong)),
        SealError::Claims(wrong) => format!("claims: {}", of_cbor(wrong)),
        SealError::NotSigned => "not-signed".into(),
        SealError::UnprotectedHeader => "unprotected-header".into(),
        SealError::UnknownKind(_) => "unknown-type".into(),
        SealError::WrongKind(_) => "wrong-type".into(),
        SealError::WrongAlgorithm(_) => "wrong-algorithm".into(),
        SealError::BadKey => "bad-key".into(),
        SealError::UnknownKey(_) => "unknown-key".into(),
        SealError::RevokedKey(_) => "revoked-key".into(),
        SealError::WrongSignature => "wrong-signature".into(),
        SealError::OtherServer(_) => "other-server".into(),
        SealError::OtherSupplier(_) => "other-supplier".into(),
        SealError::OtherDevice(_) => "other-device".into(),
        SealError::Outdated(_) => "outdated".into(),
        SealError::KeySetExpired(_) => "key-set-expired".into(),
        SealError::KeySetTooOld { .. } => "key-set-too-old".into(),
        SealError::OtherRoot => "other-root".into(),
        SealError::RepeatedKey(_) => "repeated-key".into(),
        SealError::NotRegistration => "not-registration".into(),
        SealError::Signer(_) => "not-signed-here".into(),
    }
}

pub fn of_cbor(wrong: &CborError) -> &'static str {
    match wrong.fault {
        Fault::TooLong(_) => "too-long",
        Fault::TooDeep(_) => "too-deep",
        Fault::CutShort => "cut-short",
        Fault::Trailing => "trailing",
        Fault::NotShortest => "not-shortest",
        Fault::Indefinite => "indefinite",
        Fault::Reserved => "reserved",
        Fault::Tagged => "tagged",
        Fault::Simple => "simple",
        Fault::NotText => "not-text",
        Fault::BadKey => "bad-key",
        Fault::Repeated => "repeated",
        Fault::OutOfOrder => "out-of-order",
        Fault::Expected(_) => "expected",
        Fault::UnknownKey(_) => "unknown-claim",
        Fault::MissingKey(_) => "missing-claim",
        Fault::UnknownChoice(_) => "unknown-choice",
        Fault::Value(_) => "value",
    }
}

pub fn of_armor(error: &ArmorError) -> &'static str {
    match error {
        ArmorError::NoBeginning => "no-beginning",
        ArmorError::UnknownType { .. } => "unknown-type",
        ArmorError::NoEnd(_) => "no-end",
        ArmorError::Character { .. } => "character",
        ArmorError::Mistyped { .. } => "mistyped",
        ArmorError::Incomplete { .. } => "incomplete",
        ArmorError::TooLong => "too-long",
    }
}

pub fn of_product(error: &NotAProduct) -> &'static str {
    match error {
        NotAProduct::NoApp => "no-app",
        NotAProduct::BadApp(_) => "bad-app",
        NotAProduct::BadUrl(_) => "bad-url",
        NotAProduct::NoRoot => "no-root",
        NotAProduct::BadRoot => "bad-root",
        NotAProduct::Mistyped => "mistyped",
    }
}

pub fn of_code(error: &NotACode) -> &'static str {
    match error {
        NotACode::Mistyped => "mistyped",
        NotACode::OtherKind { .. } => "other-kind",
    }
}
