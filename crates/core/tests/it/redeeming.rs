//! Offers that were paid for elsewhere.

use std::sync::Arc;

use carnet_core::document::{Agreed, Agreement, Body, Operation, Reason, Redemption, Secret};
use carnet_core::offer::{Charging, Listed, Offer, OncePer};
use carnet_core::server::Grant;
use carnet_core::time::Seconds;

use crate::desk::{Desk, SERVER, SUPPLIER, USER, code_digest, laptop, paint, reason, tablet};
use crate::ten_runs;

const CODE: Secret = Secret([0xc0; 16]);

fn sold() -> Listed {
    let offer = Offer { fee: "99 EUR".parse().unwrap(), charging: Charging::Once, ..ten_runs() };
    Listed { app: paint(), serial: 1, offer }
}

fn with_code(change: impl FnOnce(&mut Grant)) -> Desk {
    let mut desk = Desk::selling(vec![]);
    let digest = code_digest(CODE);
    let (listed, made) = (Arc::new(sold()), desk.now);
    let mut grant =
        Grant { digest, supplier: SUPPLIER, listed, made, expires: None, used: None, withdrawn: false };
    change(&mut grant);
    desk.grants.insert(digest, grant);
    desk
}

fn redeem(desk: &mut Desk, device: carnet_core::id::DeviceId, code: Secret, listed: Listed) -> Body {
    let agreement = Agreement { server: SERVER, user: USER, device, at: desk.now, listed };
    let agreed = Agreed { agreement, document: Vec::new() };
    desk.ask(device, Operation::Redeem(Box::new(Redemption { agreed, code })))
}

#[test]
fn a_code_is_taken_up_once_nothing_is_charged_and_the_menu_need_not_have_it_any_more() {
    let mut desk = with_code(|_| {});
    assert!(matches!(redeem(&mut desk, laptop(), CODE, sold()), Body::Pass(_)));
    assert!(desk.charges.is_empty());
    assert!(desk.only_license().paid_elsewhere);
    for _ in 0..10 {
        desk.run(laptop()).unwrap();
        desk.renew(laptop());
    }
    assert!(desk.charges.is_empty(), "and nothing is charged later");
    assert_eq!(reason(&redeem(&mut desk, tablet(), CODE, sold())), Some(Reason::CodeUsed));
    assert_eq!(desk.licenses.len(), 1);
}

#[test]
fn wrong_withdrawn_and_late_codes_are_no_codes_and_other_words_are_no_agreement() {
    let mut desk = with_code(|_| {});
    assert_eq!(reason(&redeem(&mut desk, laptop(), Secret([1; 16]), sold())), Some(Reason::BadCode));
    let mut cheaper = sold();
    cheaper.offer.devices = 5;
    assert_eq!(reason(&redeem(&mut desk, laptop(), CODE, cheaper)), Some(Reason::OfferChanged));
    let mut desk = with_code(|grant| grant.withdrawn = true);
    assert_eq!(reason(&redeem(&mut desk, laptop(), CODE, sold())), Some(Reason::BadCode));
    let mut desk = with_code(|grant| grant.expires = Some(grant.made.plus(Seconds(60))));
    desk.now = desk.now.plus(Seconds(60));
    assert_eq!(reason(&redeem(&mut desk, laptop(), CODE, sold())), Some(Reason::BadCode));
    assert!(desk.licenses.is_empty());
}

#[test]
fn a2_a_trial_for_each_device_is_one_for_each_device() {
    let mut desk = Desk::selling(vec![Offer { once_per: Some(OncePer::Device), ..ten_runs() }]);
    assert!(matches!(desk.agree(laptop(), "ten-runs"), Body::Pass(_)));
    assert!(matches!(desk.agree(tablet(), "ten-runs"), Body::Pass(_)));
    for device in [laptop(), tablet()] {
        assert_eq!(reason(&desk.agree(device, "ten-runs")), Some(Reason::OnlyOnce));
    }
}
