//! Everything that is not the ledger.

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Evidence, Operation, Person};
use carnet_core::id::{Digest, SupplierId, UserId};
use carnet_core::time::Time;
use carnet_store::StoreError;
use carnet_store::code::OneTimeCode;
use carnet_store::idempotency::KeptAnswer;
use carnet_store::key::{KeyState, ServerKey};
use carnet_store::supplier::{Supplier, Token};
use carnet_store::user::Account;

use super::world::*;

fn supplier(number: u8, name: &str) -> Supplier {
    let id = SupplierId([number; 16]);
    Supplier { id, name: name.parse().unwrap(), title: name.to_uppercase(), created: Time(NOW) }
}

#[test]
fn a_supplier_registers_by_a_code_that_is_good_once() {
    let world = World::new();
    let hash = Digest([4; 32]);
    let (created, expires) = (Time(NOW), Time(NOW + 10));
    let code = OneTimeCode { hash, purpose: "invite".into(), created, expires, used: None };
    world.store.write("code.add", move |tx| tx.add_code(&code)).unwrap();
    let register = |name: &'static str, number, now: i64| {
        world.store.write("supplier.register", move |tx| {
            tx.use_code(&hash, "invite", Time(now))?;
            tx.add_supplier(&supplier(number, name))
        })
    };
    assert_eq!(register("late", 1, NOW + 10), Err(StoreError::NotFound { what: "code" }));
    // The name is taken: the code is not used up.
    assert_eq!(register("acme", 1, NOW), Err(StoreError::Exists { what: "supplier" }));
    assert_eq!(world.store.read(|tx| tx.open_codes("invite", Time(NOW))).unwrap().len(), 1);
    assert_eq!(register("globex", 1, NOW), Ok(()));
    assert_eq!(register("initech", 2, NOW), Err(StoreError::NotFound { what: "code" }));
    let found = world.store.read(|tx| tx.supplier_named(&"globex".parse().unwrap())).unwrap();
    assert_eq!(found, Some(supplier(1, "globex")));
    assert_eq!(world.store.read(|tx| tx.suppliers()).unwrap().len(), 2);
    assert_eq!(world.store.write("code.withdraw", |tx| tx.withdraw_codes("invite")), Ok(0));
}

#[test]
fn i15_a_token_is_found_by_its_hash_and_revoked_by_its_owner_only() {
    let world = World::new();
    let token = Token {
        hash: Digest([5; 32]),
        supplier: SUPPLIER,
        label: "ci".into(),
        scopes: "menu:write".into(),
        created: Time(NOW),
        revoked: None,
    };
    let (added, hash) = (token.clone(), token.hash);
    world.store.write("token.add", move |tx| tx.add_token(&added)).unwrap();
    let (found, owner) = world.store.read(|tx| tx.token(&hash)).unwrap().unwrap();
    assert_eq!((found, owner.id), (token, SUPPLIER));
    let revoke = |supplier| {
        world.store.write("token.revoke", move |tx| tx.revoke_token(supplier, &hash, Time(NOW + 1)))
    };
    assert_eq!(revoke(SupplierId([1; 16])), Err(StoreError::NotFound { what: "token" }));
    assert_eq!(revoke(SUPPLIER), Ok(()));
    assert!(world.store.read(|tx| tx.tokens(SUPPLIER)).unwrap()[0].revoked.is_some());
}

#[test]
fn a5_a_menu_is_replaced_under_its_serial_and_the_ledger_sees_it_at_once() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    phone.renew(&world);
    let menu = world.store.read(|tx| tx.menu(&app())).unwrap().unwrap().menu;
    let newer = menu.replaced(&app(), vec![offer("ten-runs", Some(12), Some(3), 1)]);
    let replace = |supplier, expected| {
        let newer = newer.clone();
        world
            .store
            .write("menu.update", move |tx| tx.replace_menu(supplier, &app(), expected, &newer, Time(NOW)))
    };
    assert_eq!(replace(SUPPLIER, 0), Err(StoreError::Conflict { what: "the menu" }));
    assert_eq!(replace(SupplierId([1; 16]), 1), Err(StoreError::NotFound { what: "app" }));
    assert_eq!(replace(SUPPLIER, 1), Ok(()));
    let body = phone.ask(&world, agreement);
    assert_eq!(reason_of(&body), carnet_core::document::Reason::OfferChanged);
    assert_eq!(pass_of(&phone.agree(&world, "ten-runs")).uses.unwrap().licensed, 12);
    assert_eq!(world.store.read(|tx| tx.app(&app())).unwrap().unwrap().serial, 2);
    assert_eq!(world.store.read(|tx| tx.apps_of(SUPPLIER, None, 10)).unwrap().len(), 1);
    assert_eq!(world.store.read(|tx| tx.catalog(Some(&app()), 10)).unwrap().len(), 0);
    let again = world.store.write("app.add", |tx| tx.add_app(&app(), SUPPLIER, "Paint", Time(NOW)));
    assert_eq!(again, Err(StoreError::Exists { what: "app" }));
}

#[test]
fn i16_a_revoked_key_stays_revoked_and_never_shows_its_bytes() {
    let world = World::new();
    let key = ServerKey {
        id: b"key-1".to_vec(),
        purpose: "issue".into(),
        supplier: Some(SUPPLIER),
        state: KeyState::Active,
        public_key: vec![1; 32],
        sealed: b"canary".to_vec(),
        created: Time(NOW),
    };
    assert!(!format!("{key:?}").contains("canary"));
    let added = key.clone();
    world.store.write("key.add", move |tx| tx.add_key(&added)).unwrap();
    assert_eq!(world.store.read(|tx| tx.keys()).unwrap(), [key]);
    let set = |state| world.store.write("key.state", move |tx| tx.set_key_state(b"key-1", state));
    assert_eq!(world.store.write("key.reseal", |tx| tx.reseal_key(b"key-1", b"canary", b"new")), Ok(()));
    assert_eq!(
        world.store.write("key.reseal", |tx| tx.reseal_key(b"key-1", b"canary", b"newer")),
        Err(StoreError::Conflict { what: "the key" })
    );
    assert_eq!(set(KeyState::Revoked), Ok(()));
    assert_eq!(set(KeyState::Active), Err(StoreError::NotFound { what: "key" }));
    assert_eq!(world.store.read(|tx| tx.key(b"key-1")).unwrap().unwrap().state, KeyState::Revoked);
}

#[test]
fn settings_persons_and_kept_answers_come_back() {
    let world = World::new();
    world.store.write("setting", |tx| tx.add_setting("root", b"a")).unwrap();
    let again = world.store.write("setting", |tx| tx.add_setting("root", b"b"));
    assert_eq!(again, Err(StoreError::Exists { what: "setting" }));
    world.store.write("setting", |tx| tx.put_setting("name", b"x")).unwrap();
    world.store.write("setting", |tx| tx.put_setting("name", b"y")).unwrap();
    assert_eq!(world.store.read(|tx| tx.setting("name")).unwrap(), Some(b"y".to_vec()));
    assert_eq!(world.store.read(|tx| tx.setting("other")).unwrap(), None);

    let user = UserId([6; 16]);
    let person = Person {
        name: "N".into(),
        email: "e".into(),
        address: Some("a".into()),
        telephone: None,
        payment_reference: None,
    };
    let account = Account { user, created: Time(NOW), person: None };
    world.store.write("user.add", move |tx| tx.add_account(&account)).unwrap();
    let set = person.clone();
    world.store.write("user.set", move |tx| tx.set_person(user, &set)).unwrap();
    assert_eq!(world.store.read(|tx| tx.account(user)).unwrap().unwrap().person, Some(person));
    let missing = world.store.write("user.erase", |tx| tx.erase_person(UserId([1; 16])));
    assert_eq!(missing, Err(StoreError::NotFound { what: "user" }));

    let kept = KeptAnswer {
        account: "acme".into(),
        key: "k".into(),
        request: Digest([1; 32]),
        status: 201,
        body: b"{}".to_vec(),
        created: Time(NOW),
    };
    let (first, second) = (kept.clone(), kept.clone());
    world.store.write("keep", move |tx| tx.keep_answer(&first)).unwrap();
    let again = world.store.write("keep", move |tx| tx.keep_answer(&second));
    assert_eq!(again, Err(StoreError::Exists { what: "idempotency key" }));
    assert_eq!(world.store.read(|tx| tx.kept_answer("acme", "k")).unwrap(), Some(kept));
    assert_eq!(world.store.write("forget", |tx| tx.forget_answers(Time(NOW + 1))), Ok(1));
}

#[test]
fn device_keys_are_remembered_and_the_unknown_is_not() {
    let world = World::new();
    assert_eq!(world.store.device_keys(device_id(1)), Ok(None));
    let phone = Phone::register(&world, 1);
    let keys = world.store.device_keys(phone.id).unwrap().unwrap();
    assert_eq!((keys.user, world.store.device_keys(phone.id)), (phone.user, Ok(Some(keys))));
}

#[test]
fn b2_a_device_whose_key_is_in_a_tpm_comes_back_with_both_coordinates() {
    let (world, key) = (World::new(), DeviceSigningKey::P256 { x: [3; 32], y: [4; 32] });
    let mut asked = registration(device_id(1));
    let Operation::Register(registration) = &mut asked.operation else { panic!("no registration") };
    (registration.signing_key, registration.evidence) = (key, Evidence::Tpm);
    world.submit(&asked, None).unwrap();
    Phone::register(&world, 2);
    let world = world.reopen();
    let keys = |number| world.store.device_keys(device_id(number)).unwrap().unwrap().signing_key;
    assert_eq!(keys(1), key);
    assert!(matches!(keys(2), DeviceSigningKey::Ed25519(_)), "and others as before");
    let device = world.store.read(|tx| tx.device(device_id(1))).unwrap().unwrap();
    assert_eq!((device.signing_key, device.evidence), (key, Evidence::Tpm));
    world.assert_clean();
}

#[test]
fn a_reader_sees_one_snapshot() {
    let world = World::new();
    world
        .store
        .read(|tx| {
            let before = tx.suppliers()?;
            world.store.write("supplier.add", |tx| tx.add_supplier(&supplier(1, "globex")))?;
            assert_eq!(tx.suppliers()?, before);
            Ok(())
        })
        .unwrap();
    assert_eq!(world.store.read(|tx| tx.suppliers()).unwrap().len(), 2);
}
