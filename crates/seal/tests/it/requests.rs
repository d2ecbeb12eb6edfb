//! Requests, what they carry, and what travels beside them.

use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Brought, Joins, Operation, Registration, Request,
};
use carnet_core::id::{DeviceId, ServerId};
use carnet_seal::cbor::Fault;
use carnet_seal::document::{Asker, brought};
use carnet_seal::keys::DeviceKey;
use carnet_seal::{RequestMessage, SealError, Signer, SigningKey, Unverified, sign};

use crate::samples::{
    acme_key, agreement, answer, device, device_key, key, operations, pass, registered, registration,
    request, ring, server, signed_portable,
};

fn unverified(request: Request, signer: &SigningKey) -> Unverified<Request> {
    Unverified::parse(sign(request, signer).unwrap().bytes()).unwrap()
}

#[test]
fn every_request_of_a_registered_device_is_checked_with_its_key() {
    for operation in operations() {
        let request = request(operation);
        let document = unverified(request.clone(), &device_key());
        let asker = document.asker().unwrap();
        let registers = matches!(request.operation, Operation::Register(_));
        let brings = matches!(request.operation, Operation::Import(_))
            || matches!(&request.operation, Operation::Register(new) if matches!(new.joins, Joins::With(_)));
        let brought = brings.then(|| signed_portable().key_id());
        assert_eq!(asker, Asker { server: server(), device: device(), registers, brought });
        assert_eq!(document.key_id(), device_key().key_id());
        assert_eq!(document.verify(&registered(), &ring()).unwrap().claims(), &request);
    }
}

#[test]
fn i14_a_request_of_another_device_key_or_server_is_refused() {
    let document = || unverified(request(Operation::Return), &device_key());
    let verify = |key: DeviceKey| document().verify(&key, &ring()).unwrap_err();
    let other = DeviceKey { key: key(50).verifying_key(), ..registered() };
    assert_eq!(verify(other), SealError::UnknownKey(device_key().key_id()));
    let other = DeviceKey { server: ServerId([9; 16]), ..registered() };
    assert_eq!(verify(other), SealError::OtherServer(server()));
    let other = DeviceKey { device: DeviceId([9; 16]), ..registered() };
    assert_eq!(verify(other), SealError::OtherDevice(device()));
}

#[test]
fn i14_an_agreement_must_be_of_the_device_that_sends_it() {
    let send = |agreement: Agreement, signer: &SigningKey| {
        let agreed: Agreed = sign(agreement, signer).unwrap().into();
        let document = unverified(request(Operation::Agree(Box::new(agreed))), &device_key());
        document.verify(&registered(), &ring()).map(|_| ())
    };
    assert_eq!(send(agreement(), &device_key()), Ok(()));
    assert_eq!(send(agreement(), &key(50)), Err(SealError::UnknownKey(key(50).key_id())));
    let other = Agreement { device: DeviceId([9; 16]), ..agreement() };
    assert_eq!(send(other, &device_key()), Err(SealError::OtherDevice(DeviceId([9; 16]))));
    let other = Agreement { server: ServerId([9; 16]), ..agreement() };
    assert_eq!(send(other, &device_key()), Err(SealError::OtherServer(ServerId([9; 16]))));
}

/// The words of the agreement are those of its document, because they are read from it.
#[test]
fn an_agreement_cannot_say_something_else_than_its_document() {
    let mut agreed: Agreed = sign(agreement(), &device_key()).unwrap().into();
    agreed.agreement.listed.offer.fee = "0 EUR".parse().unwrap();
    let document = unverified(request(Operation::Agree(Box::new(agreed))), &device_key());
    let checked = document.verify(&registered(), &ring()).unwrap();
    let Operation::Agree(agreed) = &checked.claims().operation else { panic!() };
    assert_eq!(agreed.agreement, agreement());
}

#[test]
fn i14_what_is_brought_must_be_a_portable_pass_of_this_server() {
    let send = |answer: Answer, signer: &SigningKey| {
        let document = sign(answer, signer).unwrap().bytes().to_vec();
        let brought = Brought { portable: crate::samples::portable(), document };
        let sent = sign(request(Operation::Import(Box::new(brought))), &device_key()).unwrap();
        Unverified::<Request>::parse(sent.bytes())?.verify(&registered(), &ring()).map(|_| ())
    };
    let portable = || signed_portable().into_parts().0;
    assert_eq!(send(portable(), &acme_key()), Ok(()));
    assert_eq!(send(portable(), &device_key()), Err(SealError::UnknownKey(device_key().key_id())));
    let mut other = portable();
    other.head.server = ServerId([9; 16]);
    assert_eq!(send(other, &acme_key()), Err(SealError::OtherServer(ServerId([9; 16]))));
    let no_portable = answer(Body::Pass(Box::new(pass())));
    assert!(matches!(
        send(no_portable, &acme_key()),
        Err(SealError::Claims(wrong)) if wrong.fault == Fault::Expected("another document in it")
    ));
    assert!(brought(sign(answer(Body::Pass(Box::new(pass()))), &acme_key()).unwrap()).is_err());
}

#[test]
fn a_registration_proves_the_key_that_it_brings() {
    let register = |registration: Registration, signer: &SigningKey| {
        unverified(request(Operation::Register(Box::new(registration))), signer)
            .verify_registration(server(), &ring())
    };
    assert!(register(registration(), &device_key()).is_ok());
    let named = SealError::OtherDevice(device());
    let squatter = Registration { signing_key: key(50).public().into(), ..registration() };
    assert_eq!(register(squatter, &key(50)), Err(named.clone()), "the name belongs to another key");
    assert_eq!(register(registration(), &key(50)), Err(SealError::UnknownKey(key(50).key_id())));
    let bad =
        Registration { signing_key: carnet_core::document::PublicKey([0; 32]).into(), ..registration() };
    assert_eq!(register(bad, &device_key()), Err(named));
    let document = unverified(request(Operation::Return), &device_key());
    assert_eq!(document.verify_registration(server(), &ring()), Err(SealError::NotRegistration));
    let document = unverified(request(Operation::Register(Box::new(registration()))), &device_key());
    assert_eq!(
        document.verify_registration(ServerId([9; 16]), &ring()),
        Err(SealError::OtherServer(server()))
    );
}

#[test]
fn proofs_travel_beside_a_request_and_are_no_part_of_it() {
    let signed = sign(request(Operation::Return), &device_key()).unwrap();
    let proof = signed_portable().bytes().to_vec();
    for (last_answer, receipt) in [
        (None, None),
        (Some(proof.clone()), None),
        (None, Some(proof.clone())),
        (Some(proof.clone()), Some(proof)),
    ] {
        let message =
            RequestMessage { request: signed.bytes().to_vec(), last_answer, receipt, key_set: None };
        let arrived = RequestMessage::decode(&message.encode()).unwrap();
        assert_eq!(arrived, message);
        let arrived = Unverified::<Request>::parse(&arrived.request).unwrap();
        assert_eq!(arrived.verify(&registered(), &ring()).unwrap().body_hash(), signed.body_hash());
    }
}

#[test]
fn i18_a_message_has_one_form_and_a_limit() {
    let message =
        |request: Vec<u8>| RequestMessage { request, last_answer: None, receipt: None, key_set: None };
    assert!(RequestMessage::decode(&message(vec![0; 262_130]).encode()).is_ok());
    let refused = RequestMessage::decode(&message(vec![0; 262_144]).encode()).unwrap_err();
    assert_eq!(refused, Fault::TooLong(262_144).at(262_144));
    for bytes in [
        &[0x84, 0x40, 0xf6, 0xf6][..],
        &[0x83, 0x40, 0xf6, 0xf6],
        &[0x85, 0x40, 0xf6, 0xf6, 0xf6, 0xf6],
        &[0x40],
        &[0x84, 0xf6, 0xf6, 0xf6, 0xf6],
    ] {
        assert!(RequestMessage::decode(bytes).is_err(), "{bytes:?}");
    }
}
