use std::collections::BTreeMap;

use carnet_api::menu::{ChangedOffer, Diff};
use carnet_core::LARGEST_AMOUNT;
use carnet_core::app::{Feature, Version, VersionRange};
use carnet_core::money::Money;
use carnet_core::offer::{
    Charging, Counting, Floating, Issuance, Offer, OncePer, OpenedBy, Overdue, Reporting, Sanction, UserNames,
};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Length, Seconds, Time};
use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;

use super::{diff_in_words, parse, print};
use crate::offer_words::offer_in_words;

fn length() -> impl Strategy<Value = Length> {
    let parts = (0_u32..=1_200, 0_u32..=36_525, 0_u32..=u32::MAX);
    parts
        .prop_map(|(months, days, seconds)| Length { months, days, seconds })
        .prop_filter("has a length", |length| !length.is_zero())
}

fn seconds() -> impl Strategy<Value = Seconds> {
    prop_oneof![1..100_000_u64, (1..400_u64).prop_map(|days| days * 86_400), 1..=LARGEST_AMOUNT]
        .prop_map(Seconds)
}

fn date() -> impl Strategy<Value = Time> {
    let day = (0..100_000_i64).prop_map(|days| days * 86_400_000_000);
    prop_oneof![day, 0..Time::LATEST.0].prop_map(Time)
}

fn period() -> impl Strategy<Value = Period> {
    let between = (date(), date()).prop_filter("goes forward", |(start, end)| start < end);
    prop_oneof![
        length().prop_map(Period::FromAgreement),
        length().prop_map(Period::FromFirstUse),
        between.prop_map(|(start, end)| Period::Between { start, end }),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    (option::of(period()), option::of(seconds()), option::of(1..=LARGEST_AMOUNT))
        .prop_map(|(period, duration, uses)| Term { period, duration, uses })
}

/// A slice of this term.
fn slice(term: Term) -> impl Strategy<Value = Slice> {
    (option::of(length()), option::of(seconds()), option::of(1..=LARGEST_AMOUNT)).prop_map(
        move |(period, duration, uses)| Slice {
            period,
            duration: duration.filter(|_| term.duration.is_some()),
            uses: uses.filter(|_| term.uses.is_some()),
        },
    )
}

fn features() -> impl Strategy<Value = BTreeMap<Feature, Option<u64>>> {
    let name = "[a-z0-9]{1,9}(\\.[a-z0-9]{1,9})?".prop_map(|text| text.parse().unwrap());
    btree_map(name, option::of(0..=LARGEST_AMOUNT), 1..5)
}

fn price() -> impl Strategy<Value = (Money, Charging)> {
    let money = |text: String| text.parse::<Money>().unwrap();
    let fee = (1..100_000_u64, prop_oneof![Just("EUR"), Just("JPY"), Just("KWD")])
        .prop_map(move |(amount, code)| money(format!("{amount} {code}")));
    let charging = prop_oneof![Just(Charging::Once), Just(Charging::PerPass), Just(Charging::PerPeriod)];
    let free = prop_oneof![Just(Money::NOTHING), Just(money("0 EUR".into()))];
    prop_oneof![(fee, charging), free.prop_map(|fee| (fee, Charging::Free))]
}

fn version() -> impl Strategy<Value = Version> {
    (0..=999_999_999_u32, 0..20_u32, 0..20_u32).prop_map(|(major, minor, patch)| Version(major, minor, patch))
}

prop_compose! {
    fn rules()(
        online in any::<bool>(), grace in option::of((0..=366 * 86_400_u64).prop_map(Seconds)),
        lost in 0..=366_u32, retention in option::of(length().prop_filter("has a length", |length| !length.is_zero())),
        once in option::of(prop_oneof![Just(OncePer::User), Just(OncePer::Device)]),
        hardware in any::<bool>(), from in option::of(version()), below in option::of(version()),
        at_purchase in any::<bool>(), when_refused in any::<bool>(),
        floating in option::of(option::of(length())),
    ) -> Offer {
        Offer {
            counting: if online { Counting::Online } else { Counting::Offline },
            grace,
            lost_devices_per_year: lost,
            floating: floating.map(|borrow| Floating { borrow }),
            reporting: retention.map(reporting),
            once_per: once,
            hardware_only: hardware,
            versions: VersionRange { from, below },
            issuance: Issuance { temporary_at_purchase: at_purchase, temporary_when_refused: when_refused },
            ..plain()
        }
    }
}

fn plain() -> Offer {
    Offer {
        name: "plain".parse().unwrap(),
        condition: "Plain".into(),
        features: BTreeMap::from([("resize".parse().unwrap(), None)]),
        term: Term::PERPETUAL,
        devices: 1,
        fee: Money::NOTHING,
        charging: Charging::Free,
        issuance: Issuance::default(),
        pass_term: Slice::WHOLE,
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 2,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: VersionRange::default(),
    }
}

/// Offers that can be sold, in all their variety.
fn offer() -> impl Strategy<Value = Offer> {
    let words = ("[a-z][a-z0-9]{0,20}", "\\PC{0,40}[A-Za-z0-9ü\"'\\\\]");
    let parts = (words, rules(), features(), price(), 1..=10_000_u32);
    (parts, term().prop_flat_map(|term| (Just(term), slice(term), option::of(slice(term)))))
        .prop_map(|((words, rules, features, price, devices), (term, pass_term, temporary_pass_term))| {
            Offer {
                name: words.0.parse().unwrap(),
                condition: words.1,
                features,
                term,
                devices,
                fee: price.0,
                charging: price.1,
                pass_term,
                temporary_pass_term,
                ..rules
            }
        })
        .prop_map(mended)
        .prop_filter("can be sold", |offer| offer.problems().is_empty())
}

/// Drops the rules that do not go with the term, so that few offers are thrown away.
fn mended(mut offer: Offer) -> Offer {
    if offer.term.uses.is_none() {
        offer.counting = Counting::Offline;
    }
    if offer.term.period.is_none() && offer.pass_term.period.is_none() {
        offer.grace = None;
        if offer.charging == Charging::PerPeriod {
            offer.charging = Charging::Once;
        }
    }
    if offer.temporary_pass_term.is_none_or(|slice| slice == Slice::WHOLE) {
        offer.temporary_pass_term = None;
        offer.issuance = Issuance::default();
    }
    if offer.versions.from >= offer.versions.below {
        offer.versions.below = None;
    }
    offer
}

proptest! {
    /// A5: what `menu show --toml` prints, `menu set` reads as the same offers.
    #[test]
    fn a5_a_printed_menu_reads_back_as_the_same_offers(offers in prop::collection::vec(offer(), 0..4)) {
        let mut offers = offers;
        offers.sort_by(|one, other| one.name.cmp(&other.name));
        offers.dedup_by(|one, other| one.name == other.name);
        let app = "acme/paint".parse().unwrap();
        let text = print(&app, &offers);
        let file = parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems:?}\n{text}")))?;
        prop_assert_eq!((file.app, file.offers), (app, offers));
    }

    /// A10: a user reads every condition. Two ways of writing the same grace read the same.
    #[test]
    fn a10_offers_with_different_conditions_never_read_the_same(one in offer(), other in offer(), field in 0..14_usize) {
        let changed = with_field_of(&one, &other, field);
        let meaning = |offer: &Offer| Offer { grace: Some(offer.grace()), name: plain().name, ..offer.clone() };
        if meaning(&one) != meaning(&changed) {
            prop_assert_ne!(offer_in_words(&one), offer_in_words(&changed));
        }
    }

    /// I12: whatever is in the file, there is an answer.
    #[test]
    fn any_text_is_answered_with_a_menu_or_with_problems(text in "(\\PC|[\n\"=\\[\\]{},.]){0,200}") {
        if let Err(problems) = parse(&text) {
            let failure = problems.into_failure("menu.toml", &text);
            prop_assert!(!failure.details.is_empty());
        }
    }

    #[test]
    fn a_menu_with_a_piece_cut_out_is_answered(offer in offer(), from in 0..400_usize, length in 1..60_usize) {
        let text: Vec<char> = print(&"acme/paint".parse().unwrap(), &[offer]).chars().collect();
        let kept = text.iter().enumerate().filter(|(at, _)| !(from..from + length).contains(at));
        let text: String = kept.map(|(_, letter)| letter).collect();
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.into_failure("menu.toml", &text).details.is_empty());
        }
    }
}

fn with_field_of(one: &Offer, other: &Offer, field: usize) -> Offer {
    let other = other.clone();
    let mut changed = one.clone();
    match field {
        0 => changed.condition = other.condition,
        1 => changed.features = other.features,
        2 => changed.term = other.term,
        3 => (changed.devices, changed.floating) = (other.devices, other.floating),
        4 => changed.fee = other.fee,
        5 => changed.charging = other.charging,
        6 => changed.issuance = other.issuance,
        7 => changed.pass_term = other.pass_term,
        8 => changed.temporary_pass_term = other.temporary_pass_term,
        9 => changed.counting = other.counting,
        10 => changed.grace = other.grace,
        11 => changed.lost_devices_per_year = other.lost_devices_per_year,
        12 => (changed.reporting, changed.once_per) = (other.reporting, other.once_per),
        _ => (changed.hardware_only, changed.versions) = (other.hardware_only, other.versions),
    }
    changed
}

fn words(diff: &Diff) -> String {
    anstream::adapter::strip_str(&diff_in_words(diff, None)).to_string()
}

#[test]
fn a5_a_change_is_told_field_by_field_and_what_stays_is_said() {
    let dearer =
        Offer { fee: "9 EUR".parse().unwrap(), charging: Charging::Once, hardware_only: true, ..plain() };
    let diff = Diff {
        changed: vec![ChangedOffer { before: plain(), after: dearer }],
        removed: vec![Offer { name: "old".parse().unwrap(), ..plain() }],
        reordered: false,
        ..Diff::default()
    };
    let expected = "\
        ~ changed plain\n    \
            Price         free → 9.00 EUR, once, at the agreement\n    \
            Identity      – → only devices that are bound to their hardware\n\
        - removed old (Plain)\n\
        Licenses already agreed keep the conditions they were agreed with.\n";
    assert_eq!(words(&diff), expected);
}

#[test]
fn a5_an_offer_written_differently_is_not_shown_as_changed_words() {
    let before = Offer {
        term: Term { period: Some(Period::FromAgreement(Length::days(1))), ..plain().term },
        ..plain()
    };
    let after = Offer { grace: Some(before.grace()), ..before.clone() };
    let diff = Diff { changed: vec![ChangedOffer { before, after }], ..Diff::default() };
    assert!(words(&diff).contains("written differently, with the same meaning"));
}

#[test]
fn a5_a_new_offer_is_told_in_full_and_nothing_is_said_of_licenses() {
    let text = words(&Diff { added: vec![plain()], reordered: true, ..Diff::default() });
    assert!(text.starts_with("+ added plain\n    Condition     Plain\n"), "{text}");
    assert!(text.ends_with("~ reordered: the same offers in another order\n"), "{text}");
}

/// Each way to say who used a program, depending on the days.
fn reporting(kept: Length) -> Reporting {
    let users = match kept.days % 3 {
        0 => None,
        1 => Some(UserNames::Hidden),
        _ => Some(UserNames::SystemNames),
    };
    let overdue = [None, Some(Overdue::RefuseRenewal), Some(Overdue::Suspend)][kept.days as usize / 3 % 3];
    let violation = [None, Some(Sanction::Suspend), Some(Sanction::Revoke)][kept.days as usize / 9 % 3];
    let opened_by = kept.days.is_multiple_of(2).then_some(OpenedBy::Server);
    Reporting { users, overdue, violation, opened_by, ..Reporting::kept_for(kept) }
}

/// Around the longest length that is read in words, and beyond it.
#[test]
fn a5_hours_of_more_than_a_hundred_years_read_back_too() {
    let day = 86_400;
    for seconds in
        [36_525 * day, 36_525 * day + 3_600, 36_526 * day, 40_000 * day, u64::from(u32::MAX), LARGEST_AMOUNT]
    {
        let term = Term { duration: Some(Seconds(seconds)), ..Term::PERPETUAL };
        let offer = Offer { term, ..plain() };
        let text = print(&"acme/paint".parse().unwrap(), std::slice::from_ref(&offer));
        assert_eq!(parse(&text).unwrap().offers, [offer], "{text}");
    }
}
