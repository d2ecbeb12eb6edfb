//! C4 without a person: a report key is deposited, reports are judged as they come, and the user knows of it before.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::correspondence::Contract;
use super::shop::Shop;

const BY_SERVER: &str = r#", violation = "suspend", opened_by = "server""#;

/// The verdicts, when there are so many: the server gives them in its own time.
fn verdicts(it: &Contract, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for _ in 0..1_000 {
        found = it.list("verdicts");
        if found.len() >= count {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(found.len(), count, "{found:?}");
    found
}

fn verdict(of: &Value) -> (&str, &str) {
    let verdict = &of["verdict"];
    (verdict["verdict"].as_str().unwrap(), verdict["by"].as_str().unwrap())
}

/// A contract under which the server opens reports, with a key that it has.
fn deposited() -> Contract {
    Contract::under_after(BY_SERVER, |shop: &Shop| {
        let asked = shop.supplier_home().run(&["supplier", "report-key", "deposit", "--json"]);
        assert_eq!(asked.failed(), (2, "needs-answer".into()), "nobody deposits a key by mistake");
        let done = shop.supplier(&["supplier", "report-key", "deposit", "--yes", "--json"]).json();
        assert_eq!(done["deposited"].as_array().unwrap().len(), 1, "{done}");
        // Once more changes nothing.
        let again = shop.supplier(&["supplier", "report-key", "deposit", "--yes", "--json"]).json();
        assert_eq!(again["deposited"], done["deposited"]);
    })
}

#[test]
fn c4_a_clean_report_is_within_contract_without_anybody_opening_it() {
    let it = deposited();
    let menu = it.user.run(&["menu", "acme/paint"]).out.replace('\n', " ");
    let words: Vec<_> = menu.split_whitespace().collect();
    assert!(words.join(" ").contains("only the supplier and the licensing server read them"), "{menu}");
    let asked = it.ask("request-report", &[]);
    assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
    let found = verdicts(&it, 1);
    assert_eq!(verdict(&found[0]), ("within-contract", "the server, with the deposited key"));
    assert_eq!(found[0]["nonce"], asked["nonce"]);
    assert_eq!(it.list("requests")[0]["state"], "closed");
    let (code, heard) = it.open_received(&[]);
    assert_eq!((code, heard.len()), (0, 0), "nothing waits for the supplier");
}

#[test]
fn c4_a_passbook_that_was_restored_is_found_out_and_the_license_is_suspended() {
    let it = deposited();
    let home = it.user.carnet.home.to_str().unwrap().to_owned();
    let copy = it.shop.supplier_home().home.join("copy").to_str().unwrap().to_owned();
    let copied = |from: &str, to: &str| {
        assert!(std::process::Command::new("cp").args(["-a", from, to]).status().unwrap().success());
    };
    copied(&home, &copy);
    assert_eq!(it.user.sh("exit 0").code, 0);
    assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
    assert_eq!(verdict(&verdicts(&it, 1)[0]).0, "within-contract");
    fs::remove_dir_all(&home).unwrap();
    copied(&copy, &home);
    assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
    let found = verdicts(&it, 2);
    let violated = found.iter().find(|found| verdict(found).0 == "violation").unwrap();
    assert_eq!(violated["verdict"]["reasons"][0]["code"], "rollback", "{violated}");
    assert_eq!(it.shop.licenses()[0]["validity"]["status"], "suspended");
    let told = it.user.run(&["status", "--json"]).out;
    assert!(told.contains("rollback") || told.contains("older than what was known"), "{told}");
}

#[test]
fn c4_whoever_agreed_before_or_after_the_withdrawal_is_read_by_the_supplier_alone() {
    let it = Contract::under("");
    it.shop.supplier(&["supplier", "report-key", "deposit", "--yes"]);
    // Requests under the old agreement do not bring the key that the server has.
    it.ask("request-report", &[]);
    assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
    let waiting = it.list("reports");
    assert_eq!((waiting.len(), &waiting[0]["state"]), (1, &"waiting".into()), "{waiting:?}");
    let withdrawn = it.shop.supplier(&["supplier", "report-key", "withdraw", "--json"]).json();
    assert_eq!(withdrawn["deposited"], serde_json::json!([]));
    let (code, heard) = it.open_received(&[]);
    assert_eq!((code, &heard[0]["verdict"]), (0, &"within-contract".into()), "{heard:?}");
}

#[test]
fn c4_an_offer_cannot_name_the_server_before_it_has_a_key() {
    let it = Contract::under("");
    let menu = it.shop.supplier_home().file(
        "menu.toml",
        "app = \"acme/paint\"\n[[offer]]\nname = \"a\"\ncondition = \"A\"\nfeatures = [\"resize\"]\nfee = \"free\"\nterm = \"perpetual\"\nreporting = { record_retention = \"90 days\", opened_by = \"server\" }\n",
    );
    let failed =
        it.shop.supplier_fails(&["supplier", "menu", "set", "acme/paint", "-f", &menu, "--yes", "--json"]);
    assert_eq!(failed, (1, "no-deposit".into()));
}
