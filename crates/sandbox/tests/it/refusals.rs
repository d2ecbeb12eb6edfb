//! What a program shows when it may not run: what happened, and what to do.

use carnet_sandbox::{Grant, Refusal, Sandbox};

const APP: &str = "umbra/plan";

#[test]
fn a8_every_refusal_comes_with_its_code_a_reason_and_a_remedy() {
    for refusal in Refusal::ALL {
        let told = refusal.sandbox(APP).controller().start().unwrap_err();
        assert_eq!(told.code, refusal.code(), "{told}");
        println!("{told}");
        assert!(told.message.len() > 10 && told.remedy.len() > 10, "{told:?}");
        let whole = told.to_string();
        assert!(whole.starts_with(&told.message) && whole.ends_with(&told.remedy), "{whole}");
        let reads = |text: &str| !text.contains("Error") && !text.contains("::") && !text.contains("  ");
        assert!(reads(&whole) && !whole.ends_with('.'), "whole sentences of people: {whole}");
    }
}

#[test]
fn a9_where_buying_helps_the_menu_is_there() {
    for refusal in Refusal::ALL {
        let told = refusal.sandbox(APP).controller().start().unwrap_err();
        let buying = matches!(refusal, Refusal::NoLicense | Refusal::UsedUp | Refusal::Expired);
        assert_eq!(!told.menu.is_empty(), buying, "{refusal:?}: {told:?}");
    }
}

#[test]
fn a_refusal_reads_well_where_it_is_printed() {
    let told = |refusal: Refusal| refusal.sandbox(APP).controller().start().unwrap_err().explained();
    assert_eq!(
        told(Refusal::UsedUp),
        "the license is used up: choose an offer from the menu\non offer:\n  Ten uses: free, 10 uses"
    );
    assert_eq!(told(Refusal::Revoked), "the supplier has revoked the license: ask the supplier");
    assert_eq!(
        told(Refusal::Offline),
        "no uses are left in the pass, and the server cannot be reached (connection refused): \
         check the network and the server's address"
    );
}

#[test]
fn what_was_refused_works_again_when_its_reason_is_gone() {
    let grant = || Grant::new("Ten").feature("draw").uses(10);
    let registers = Sandbox::unregistered(APP);
    assert_eq!(registers.controller().start().unwrap_err().code, "not-registered");
    registers.register();
    registers.agree(grant());
    assert!(registers.controller().start().is_ok());

    let suspended = Refusal::Suspended.sandbox(APP);
    suspended.reinstate();
    assert!(suspended.controller().start().is_ok());

    let full = Refusal::DiskFull.sandbox(APP);
    full.free_disk();
    assert!(full.controller().start().is_ok());

    let used_up = Refusal::UsedUp.sandbox(APP);
    used_up.agree(grant());
    assert!(used_up.controller().start().is_ok(), "bought again");
}

#[test]
fn a_version_that_is_not_covered_is_refused() {
    let below = "3".parse().unwrap();
    let sandbox = Sandbox::granting(APP, Grant::new("Version 2").feature("draw").versions_below(below));
    assert!(sandbox.controller_of("2.9".parse().unwrap()).start().is_ok());
    assert_eq!(sandbox.controller_of(below).start().unwrap_err().code, "version-not-covered");
}

#[test]
#[should_panic(expected = "no server has such an offer")]
fn an_offer_that_no_server_would_have_is_no_grant() {
    let _ = Sandbox::granting(APP, Grant::new("Nothing").feature("draw").uses(0));
}
