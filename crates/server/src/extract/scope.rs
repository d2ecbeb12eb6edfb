//! What a token is good for. Asked in one place, before any handler runs: what is in no line of the table needs a token
//! that is good for everything.

use std::collections::BTreeSet;

use axum::http::Method;
use carnet_api::token::Scope;

/// Which scope changes what lies below `/v1/…`.
const TABLE: [(&str, Option<Scope>); 11] = [
    ("apps", Some(Scope::Menus)),
    ("menu", Some(Scope::Menus)),
    ("licenses", Some(Scope::Licenses)),
    ("report-requests", Some(Scope::Licenses)),
    ("reports", Some(Scope::Licenses)),
    ("devices", Some(Scope::Licenses)),
    ("charges", Some(Scope::Charges)),
    ("redeem-codes", Some(Scope::Codes)),
    ("shop", Some(Scope::Shop)),
    ("events", None),
    ("supplier", None),
];

/// Whether a token with these scopes is good for that.
#[must_use]
pub fn allows(scopes: &BTreeSet<Scope>, method: &Method, path: &str) -> bool {
    if scopes.contains(&Scope::Supplier) {
        return true;
    }
    let noun = path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let Some((_, scope)) = TABLE.iter().find(|(known, _)| *known == noun) else { return false };
    let looks = *method == Method::GET;
    // Who it speaks for is no secret to whoever has a token.
    let for_anybody = looks && noun == "supplier";
    for_anybody
        || scope.is_some_and(|scope| scopes.contains(&scope))
        || (looks && scopes.contains(&Scope::Read))
}

/// As they are stored.
#[must_use]
pub fn write(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

/// As they were stored. A word that this version does not know is good for nothing.
#[must_use]
pub fn read(stored: &str) -> BTreeSet<Scope> {
    stored.split(' ').filter_map(Scope::named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_is_good_for_its_own_and_for_nothing_that_nobody_thought_of() {
        let allows = |scope, method: &Method, path| allows(&BTreeSet::from([scope]), method, path);
        let (get, post) = (Method::GET, Method::POST);
        for path in ["/v1/tokens", "/v1/unheard-of", "/v1/", "/metrics", "/v1/apps2", "/v1/devicesx/flagged"]
        {
            for scope in Scope::ALL {
                assert_eq!(allows(scope, &get, path), scope == Scope::Supplier, "{scope:?} {path}");
            }
        }
        assert!(allows(Scope::Codes, &post, "/v1/redeem-codes/withdraw"));
        assert!(!allows(Scope::Codes, &post, "/v1/charges/chg_1/settle"));
        assert!(
            allows(Scope::Shop, &post, "/v1/shop/sales") && !allows(Scope::Codes, &post, "/v1/shop/sales")
        );
        for path in ["/v1/licenses", "/v1/redeem-codes", "/v1/events", "/v1/apps", "/v1/reports"] {
            assert!(!allows(Scope::Shop, &get, path) && !allows(Scope::Shop, &post, path), "{path}");
        }
        assert!(allows(Scope::Charges, &post, "/v1/charges/chg_1/settle"));
        assert!(!allows(Scope::Charges, &get, "/v1/licenses"));
        assert!(allows(Scope::Licenses, &post, "/v1/devices/dev_1/free"));
        assert!(
            allows(Scope::Read, &get, "/v1/licenses") && !allows(Scope::Read, &post, "/v1/licenses/l/end")
        );
        assert!(allows(Scope::Menus, &get, "/v1/supplier") && !allows(Scope::Menus, &get, "/v1/events"));
    }

    #[test]
    fn scopes_come_back_as_they_were_stored() {
        let all = BTreeSet::from(Scope::ALL);
        assert_eq!(read(&write(&all)), all);
        assert_eq!(read("codes telepathy"), BTreeSet::from([Scope::Codes]));
        assert_eq!(read(""), BTreeSet::new());
    }
}
