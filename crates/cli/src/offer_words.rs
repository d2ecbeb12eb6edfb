//! An offer in plain words (A2, A10): what a supplier checks before selling it, and what a user reads before
//! agreeing to it. Two offers whose conditions differ never read the same; a test makes sure of that.

use carnet_core::app::{Feature, VersionRange};
use carnet_core::money::Money;
use carnet_core::offer::{
    Charging, Counting, Floating, Offer, OncePer, OpenedBy, Overdue, Reporting, Sanction, UserNames,
};
use carnet_core::term::Slice;
use carnet_core::time::{Seconds, counted, length_in_words, seconds_in_words};

use crate::text::clean;
use crate::width::labelled;

/// The conditions of an offer, each with its label, in the order in which a reader wants them. The name of
/// the offer is not among them.
#[must_use]
pub fn offer_in_words(offer: &Offer) -> Vec<(&'static str, String)> {
    let mut words = vec![
        ("Condition", clean(&offer.condition)),
        ("Price", price(offer)),
        ("Term", offer.term.in_words()),
        ("Devices", devices(offer.devices)),
        ("Features", features(offer)),
        ("Versions", versions(offer.versions)),
        ("Each pass", carried(offer.pass_term)),
    ];
    words.extend(offer.floating.map(|floating| ("Seats", seats(floating))));
    words.extend(until_paid(offer).map(|text| ("Until paid", text)));
    words.extend(counting(offer).map(|text| ("Counting", text.to_owned())));
    words.push(("Grace", grace(offer.grace())));
    words.push(("Records", records(offer.reporting)));
    words.push(("Lost devices", lost_devices(offer.lost_devices_per_year)));
    words.extend(offer.once_per.map(|once| ("Trial", trial(once).to_owned())));
    words.extend(offer.hardware_only.then(|| ("Identity", HARDWARE_ONLY.to_owned())));
    words
}

const HARDWARE_ONLY: &str = "only devices that are bound to their hardware";

fn price(offer: &Offer) -> String {
    let fee = offer.fee;
    match offer.charging {
        Charging::Free if fee == Money::NOTHING => "free".into(),
        Charging::Free => format!("free ({fee})"),
        Charging::Once => format!("{fee}, once, at the agreement"),
        Charging::PerPass => format!("{fee} for each pass"),
        Charging::PerPeriod => format!("{fee} for each period"),
    }
}

fn devices(devices: u32) -> String {
    match devices {
        1 => "one at a time".into(),
        several => format!("up to {several} at once"),
    }
}

fn seats(floating: Floating) -> String {
    let float = "taken when a program starts, given back when it ends";
    match floating.borrow {
        Some(most) => format!("{float}; may be borrowed for up to {}", length_in_words(most)),
        None => float.into(),
    }
}

fn features(offer: &Offer) -> String {
    let feature = |(name, limit): (&Feature, &Option<u64>)| match limit {
        Some(limit) => format!("{name} (up to {limit})"),
        None => name.to_string(),
    };
    offer.features.iter().map(feature).collect::<Vec<_>>().join(", ")
}

fn versions(range: VersionRange) -> String {
    match (range.from, range.below) {
        (None, None) => "all".into(),
        (Some(from), None) => format!("{from} and later"),
        (None, Some(below)) => format!("all before {below}"),
        (Some(from), Some(below)) => format!("{from} and later, before {below}"),
    }
}

fn carried(slice: Slice) -> String {
    if slice == Slice::WHOLE { "carries all that remains".into() } else { slice.in_words() }
}

/// What is issued while a charge is not settled (A4).
fn until_paid(offer: &Offer) -> Option<String> {
    let Some(slice) = offer.temporary_pass_term else {
        let (purchase, refused) =
            (offer.issuance.temporary_at_purchase, offer.issuance.temporary_when_refused);
        // Such an offer is refused by every menu; a server that has it all the same is shown as it is.
        return (purchase || refused).then(|| format!("temporary passes{}", when(offer)));
    };
    Some(format!("temporary passes{}, {}", when(offer), slice.in_words()))
}

fn when(offer: &Offer) -> &'static str {
    match (offer.issuance.temporary_at_purchase, offer.issuance.temporary_when_refused) {
        (false, false) => " while a later payment is on its way",
        (true, false) => " from the purchase on, while a payment is on its way",
        (false, true) => " while a later payment is on its way or was refused",
        (true, true) => " from the purchase on, while a payment is on its way or was refused",
    }
}

fn counting(offer: &Offer) -> Option<&'static str> {
    match offer.counting {
        Counting::Online => Some("each use is asked of the server before it is made"),
        Counting::Offline if offer.term.uses.is_some() => Some("uses are counted on the device"),
        Counting::Offline => None,
    }
}

fn grace(grace: Seconds) -> String {
    match grace {
        Seconds(0) => "none".into(),
        // Seven days read better than 168 hours.
        Seconds(days) if days % 86_400 == 0 => {
            format!("runs {} longer, with a warning", counted(days / 86_400, "day"))
        }
        other => format!("runs {} longer, with a warning", seconds_in_words(other)),
    }
}

fn records(reporting: Option<Reporting>) -> String {
    reporting.map_or("nothing is recorded for the supplier".into(), |clause| {
        let kept = length_in_words(clause.record_retention);
        let who = match clause.users {
            None => "users by pseudonym",
            Some(UserNames::Hidden) => "no users",
            Some(UserNames::SystemNames) => "users by name",
        };
        let sealed = match clause.keys {
            Some(_) => {
                let readers = match clause.opened_by {
                    None => "only the supplier reads them",
                    Some(OpenedBy::Server) => {
                        "only the supplier and the licensing server read them, and the server judges them by itself"
                    }
                };
                format!("; sealed so that {readers}: {who}, machine, version, features")
            }
            None if clause.opened_by.is_some() => "; the licensing server judges them by itself".into(),
            None => String::new(),
        };
        let answers = match clause.overdue {
            None => "",
            Some(Overdue::RefuseRenewal) => "; without a report that was asked for in time, no further pass",
            Some(Overdue::Suspend) => "; without a report that was asked for in time, suspended until it comes",
        };
        let violated = match clause.violation {
            None => "",
            Some(Sanction::Suspend) => "; suspended when the contract is not kept",
            Some(Sanction::Revoke) => "; revoked when the contract is not kept",
        };
        format!(
            "runs, their times and counts, and refused starts, for the supplier; kept for {kept}{sealed}{answers}{violated}"
        )
    })
}

fn lost_devices(limit: u32) -> String {
    match limit {
        0 => "only the supplier can free a lost device".into(),
        some => format!("you can free {} in 365 days yourself", counted(u64::from(some), "lost device")),
    }
}

const fn trial(once: OncePer) -> &'static str {
    match once {
        OncePer::User => "each user can agree to this once",
        OncePer::Device => "each device can agree to this once",
    }
}

/// The words as lines with the labels in one column; in at most so many columns, where there is a terminal.
#[must_use]
pub fn aligned(words: &[(&'static str, String)], indent: &str, width: Option<usize>) -> String {
    let words = words.iter().map(|(label, text)| (*label, text.clone()));
    labelled(words, indent, 14, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::menu_file::parse;

    fn offer(conditions: &str) -> Offer {
        let text = format!(
            "app = \"acme/paint\"\n[[offer]]\nname = \"a\"\ncondition = \"A\"\nfeatures = [\"resize\", \"convert:5\"]\n{conditions}"
        );
        parse(&text).expect("a good menu file").offers.remove(0)
    }

    #[test]
    fn a10_a_user_reads_every_condition_before_agreeing() {
        let bought = offer(
            r#"
            fee = "9 EUR"
            charging = "once"
            term = { uses = 10, period = "30 days" }
            devices = 2
            pass = { uses = 1 }
            temporary_pass = { uses = 1, at_purchase = true }
            reporting = { record_retention = "90 days" }
            versions = { from = "2", below = "3" }
            once_per = "user"
            hardware_only = true
            "#,
        );
        let expected = "\
            Condition     A\n\
            Price         9.00 EUR, once, at the agreement\n\
            Term          10 uses within 30 days from the agreement\n\
            Devices       up to 2 at once\n\
            Features      convert (up to 5), resize\n\
            Versions      2.0.0 and later, before 3.0.0\n\
            Each pass     1 use at a time\n\
            Until paid    temporary passes from the purchase on, while a payment is on its way, 1 use at a time\n\
            Counting      uses are counted on the device\n\
            Grace         runs 7 days longer, with a warning\n\
            Records       runs, their times and counts, and refused starts, for the supplier; kept for 90 days\n\
            Lost devices  you can free 2 lost devices in 365 days yourself\n\
            Trial         each user can agree to this once\n\
            Identity      only devices that are bound to their hardware\n";
        assert_eq!(aligned(&offer_in_words(&bought), "", None), expected);
    }

    #[test]
    fn a_free_offer_without_end_is_short() {
        let words = offer_in_words(&offer("fee = \"free\"\nterm = \"perpetual\""));
        let of = |label| words.iter().find(|(have, _)| *have == label).map(|(_, text)| text.as_str());
        assert_eq!(of("Price"), Some("free"));
        assert_eq!(of("Term"), Some("without end"));
        assert_eq!(of("Each pass"), Some("carries all that remains"));
        assert_eq!(of("Until paid"), None);
        assert_eq!(of("Grace"), Some("none"));
    }
}
