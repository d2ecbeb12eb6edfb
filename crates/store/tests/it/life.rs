//! The life of licenses, through the ledger.

use carnet_core::document::{Body, Effect, Operation, Reason};
use carnet_core::id::SupplierId;
use carnet_core::license::{Act, Standing, Status};
use carnet_core::time::Time;
use carnet_store::event::What;
use carnet_store::license::LicenseFilter;
use carnet_store::{LedgerError, Settled, Work};

use super::world::*;

#[test]
fn a_license_is_agreed_renewed_used_up_and_then_the_menu_is_declined() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    assert_eq!(reason_of(&phone.renew(&world)), Reason::NoLicense);
    let pass = pass_of(&phone.agree(&world, "ten-runs")).clone();
    let license = pass.license;
    let mut upto = pass.uses.unwrap().upto;
    assert_eq!(upto, 3);
    while upto < 10 {
        phone.use_up(license, upto - phone.totals.get(&license).map_or(0, |totals| totals.uses));
        upto = pass_of(&phone.renew(&world)).uses.unwrap().upto;
    }
    phone.use_up(license, 10 - phone.totals[&license].uses);
    assert_eq!(reason_of(&phone.renew(&world)), Reason::Exhausted);
    let line = world.license(license).uses.unwrap();
    assert_eq!((line.total, line.settled, line.held, line.remaining), (10, 10, 0, 0));
    let Body::Receipt(receipt) = phone.ask(&world, Operation::Decline) else { panic!("not declined") };
    assert!(matches!(receipt.effect, Effect::Declined(_)));
    assert_eq!(
        world.store.read(|tx| tx.agreement(phone.user, license)).unwrap().unwrap(),
        b"signed agreement"
    );
    let view = world.store.read(|tx| tx.account_view(phone.user)).unwrap().unwrap();
    assert_eq!((view.licenses.len(), view.devices.len(), view.journals.len()), (2, 1, 2));
    assert_eq!(view.account.person.unwrap().name, "canary-name");
    assert_eq!(view.devices[0].name.as_deref(), Some("canary-phone"));
    world.assert_clean();
}

#[test]
fn a_pass_travels_by_export_and_import_once_and_a_lost_medium_is_cancelled() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let Body::Portable(portable) = phone.ask(&world, Operation::Export) else { panic!("not exported") };
    assert_eq!(world.license(license).uses.unwrap().moving, 3);
    let mut laptop = phone.sibling(2);
    let brought = laptop.import(&world, &portable);
    assert_eq!(pass_of(&brought).from_move, Some(portable.movement));
    let mut third = phone.sibling(3);
    assert_eq!(reason_of(&third.import(&world, &portable)), Reason::MoveOver);
    let Body::Portable(again) = laptop.ask(&world, Operation::Export) else { panic!("not exported") };
    let cancelled = laptop.ask(&world, Operation::CancelMove(again.movement));
    assert!(matches!(cancelled, Body::Receipt(_)));
    assert_eq!(reason_of(&third.import(&world, &again)), Reason::MoveOver);
    assert_eq!(world.license(license).uses.unwrap().remaining, 10);
    let stranger = Phone::register(&world, 4);
    let Body::Portable(third_move) = ({
        phone.renew(&world);
        phone.ask(&world, Operation::Export)
    }) else {
        panic!("not exported")
    };
    assert_eq!(reason_of(&{ stranger }.import(&world, &third_move)), Reason::OtherUser);
    world.assert_clean();
}

#[test]
fn d_a_supplier_suspends_reinstates_and_revokes_only_its_own() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let act = |supplier, act| {
        world.ledger.settle(Work::Act {
            supplier,
            license,
            act,
            by: "tok_test".into(),
            reason: Some("because".into()),
        })
    };
    assert!(not_found(act(SupplierId([8; 16]), Act::Suspend)));
    assert_eq!(act(SUPPLIER, Act::Suspend), Ok(Settled::Acted(Standing::Suspended)));
    assert_eq!(reason_of(&phone.renew(&world)), Reason::Suspended);
    assert_eq!(act(SUPPLIER, Act::Reinstate), Ok(Settled::Acted(Standing::Active)));
    pass_of(&phone.renew(&world));
    assert_eq!(act(SUPPLIER, Act::Revoke), Ok(Settled::Acted(Standing::Revoked)));
    assert!(matches!(act(SUPPLIER, Act::Reinstate), Err(LedgerError::NotApplicable(_))));
    let events = world.store.read(|tx| tx.events_of_license(SUPPLIER, license, None, 3)).unwrap();
    assert!(
        matches!(&events.items[0].what, What::Acted(acted) if acted.after == Standing::Revoked && acted.reason.as_deref() == Some("because"))
    );
    let rest = world.store.read(|tx| tx.events_of_license(SUPPLIER, license, events.next, 50)).unwrap();
    assert_eq!((events.items.len(), rest.items.len(), rest.next), (3, 3, None));
    world.assert_clean();
}

#[test]
fn a_supplier_lists_licenses_and_events_by_page() {
    let world = World::new();
    for number in 0..7 {
        let mut phone = Phone::register(&world, number);
        phone.agree(&world, if number % 2 == 0 { "ten-runs" } else { "forever" });
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let filter = LicenseFilter::default();
        let page = world.store.read(|tx| tx.licenses_of(SUPPLIER, &filter, after, 3, Time(NOW))).unwrap();
        seen.extend(page.items.into_iter().map(|license| license.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted());
    let filter = LicenseFilter { status: Some(Status::Revoked), app: Some(app()), user: None };
    let none = world.store.read(|tx| tx.licenses_of(SUPPLIER, &filter, None, 3, Time(NOW))).unwrap();
    assert_eq!((none.items.len(), none.next), (0, None));
    let events = world.store.read(|tx| tx.events_of(SUPPLIER, None, 4)).unwrap();
    let rest = world.store.read(|tx| tx.events_of(SUPPLIER, events.next, 50)).unwrap();
    assert_eq!((events.items.len(), rest.items.len()), (4, 3));
    let other = world.store.read(|tx| tx.events_of(SupplierId([8; 16]), None, 50)).unwrap();
    assert!(other.items.is_empty());
}

#[test]
fn i19_erasing_a_user_removes_every_personal_value_and_chains_verify() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let user = phone.user;
    world.store.write("user.erase", move |tx| tx.erase_person(user)).unwrap();
    assert_eq!(world.store.read(|tx| tx.account(user)).unwrap().unwrap().person, None);
    phone.renew(&world);
    world.assert_clean();
    let world = world.reopen();
    match &world.place {
        Place::Folder(folder) => {
            let bytes = std::fs::read(folder.database()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"canary"));
        }
        Place::Schema(schema) => {
            let all = "SELECT table_to_xml(c.oid, true, false, '') FROM pg_class AS c WHERE c.relkind = 'r' \
                       AND c.relnamespace = current_schema()::regnamespace";
            let rows = schema.sql(all);
            assert!(rows.contains("acme") && !rows.contains("canary"), "{rows}");
        }
    }
}
