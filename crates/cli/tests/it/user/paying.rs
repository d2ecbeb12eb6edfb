//! A4, A7: what is due, and offers that were paid for elsewhere.

use super::shop::{FOR_EVER, Shop, TWO_RUNS};

fn only(shop: &Shop, list: &[&str]) -> serde_json::Value {
    let found = shop.supplier(list).json();
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    found["data"][0].clone()
}

#[test]
fn a7_a_charge_that_fails_stops_renewals_until_it_is_paid() {
    let shop = Shop::open();
    shop.sell(&[FOR_EVER]);
    let ann = shop.user();
    ann.agree("for-ever");
    assert_eq!(ann.sh("true").code, 0, "the pass comes at once");
    let charge = only(&shop, &["supplier", "charges", "--json"]);
    assert_eq!((&charge["status"], &charge["amount"]), (&"pending".into(), &"49.00 EUR".into()));
    let id = charge["charge"].as_str().unwrap();
    assert_eq!(shop.licenses()[0]["validity"]["status"], "payment-pending");

    let early = shop.supplier_fails(&["supplier", "charge", "refund", id, "--json"]);
    assert_eq!(early, (5, "not-applicable".into()), "what was not paid is not paid back");
    shop.supplier(&["supplier", "charge", "fail", id, "--note", "card refused"]);
    assert_eq!(shop.licenses()[0]["validity"]["status"], "charge-failed");
    assert_eq!(ann.run(&["renew", "acme/paint", "--json"]).failed(), (5, "charge-failed".into()));
    assert_eq!(ann.sh("true").code, 4);

    shop.supplier(&["supplier", "charge", "settle", id, "--note", "invoice 17"]);
    assert_eq!(shop.licenses()[0]["validity"]["status"], "active");
    assert_eq!(ann.sh("true").code, 0, "paid is paid");
    shop.supplier(&["supplier", "charge", "refund", id]);
    let events = shop.supplier(&["supplier", "events", "--json"]).out;
    assert!(events.contains("charge-refunded") && events.contains("charge-failed"), "{events}");
    assert_eq!(shop.supplier_fails(&["supplier", "charge", "settle", "chg_x", "--json"]).0, 2);
}

#[test]
fn a4_a_temporary_pass_says_so_at_each_start_until_it_is_paid() {
    let shop = Shop::open();
    shop.sell(&[&format!("{FOR_EVER}temporary_pass = {{ period = \"3 days\", at_purchase = true }}\n")]);
    let ann = shop.user();
    ann.agree("for-ever");
    let started = ann.sh("true");
    assert_eq!(started.code, 0);
    assert!(started.err.contains("the payment is not settled yet"), "{}", started.err);
    let charge = only(&shop, &["supplier", "charges", "--json"]);
    shop.supplier(&["supplier", "charge", "settle", charge["charge"].as_str().unwrap()]);
    ann.run(&["renew", "acme/paint"]);
    let started = ann.sh("true");
    assert_eq!((started.code, started.err.as_str()), (0, ""));
}

#[test]
fn a_code_sold_elsewhere_shows_its_terms_and_is_good_once() {
    let shop = Shop::open();
    shop.sell(&[FOR_EVER, TWO_RUNS]);
    let made =
        shop.supplier(&["supplier", "grant", "acme/paint", "for-ever", "--count", "2", "--json"]).json();
    let codes: Vec<String> = serde_json::from_value(made["codes"].clone()).unwrap();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let terms = ann.run(&["redeem", &codes[0], "--show"]).out;
    assert!(terms.contains("For ever"), "{terms}");
    assert_eq!(ann.run(&["redeem", &codes[0], "--json"]).failed(), (2, "needs-answer".into()));
    let redeemed = ann.run(&["redeem", &codes[0], "--yes", "--json"]).json();
    assert_eq!((&redeemed["outcome"], &redeemed["app"]), (&"redeemed".into(), &"acme/paint".into()));
    assert_eq!(ann.sh("true").code, 0);
    assert_eq!(shop.licenses()[0]["validity"]["status"], "active", "nothing is due");
    assert_eq!(ann.run(&["redeem", &codes[0], "--yes", "--json"]).failed(), (5, "code-used".into()));

    shop.supplier(&["supplier", "codes", "withdraw", &codes[1]]);
    let bob = shop.user();
    assert_eq!(bob.run(&["redeem", &codes[1], "--yes", "--json"]).failed(), (5, "bad-code".into()));
    let csv = shop
        .supplier(&["supplier", "grant", "acme/paint", "two-runs", "--csv", "--label", "Shop, \"One\""])
        .out;
    assert!(csv.starts_with("code,app,offer,label,expires\r\nredeem1-"), "{csv}");
    assert!(csv.contains("\"Shop, \"\"One\"\"\""), "{csv}");
    assert_eq!(
        shop.supplier_fails(&["supplier", "grant", "acme/paint", "no-such", "--json"]),
        (5, "not-found".into())
    );
    let listed = shop.supplier(&["supplier", "codes", "list", "--json"]).out;
    assert!(!listed.contains("redeem1"), "{listed}");
}
